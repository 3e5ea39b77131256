# SPDX-License-Identifier: Apache-2.0
"""``python -m confcom`` is the program ``confcom``."""

import sys

from confcom.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

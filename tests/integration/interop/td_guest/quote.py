# SPDX-License-Identifier: Apache-2.0
"""A program in a TD, on Intel's ``pytdxattest``: ``quote.py REPORT_DATA OUT``.

The package writes the request for the quote generation service, and reads its reply. It looks at
no error code: what it makes of a refusal is a quote of no bytes.
"""

import sys
from pathlib import Path

from pytdxattest.tdquote import TdQuote  # type: ignore[import-not-found]  # installed apart

report_data, out = sys.argv[1:]
quote = TdQuote.get_quote(report_data=bytes.fromhex(report_data))
if quote is None or not quote.data:
    sys.exit("refused")
Path(out).write_bytes(quote.data)

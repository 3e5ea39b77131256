# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.fuzz.worker TARGET``: mutants for one target, in a process of its own."""

import argparse
import sys

from tests.fuzz.engine import print_figures, run
from tests.fuzz.mutation import mutants
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Run the target and print its figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.worker")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--mutants", type=int)
    arguments = parser.parse_args()
    target = TARGETS[arguments.target]
    inputs = mutants(target.seeds(), target.name)
    print_figures(run(target, inputs, most=arguments.mutants, seconds=arguments.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())

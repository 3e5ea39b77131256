# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.fuzz.guided TARGET SECONDS``: atheris chooses the inputs by what they reach.

Inputs that reached something new are kept under ``tests/fuzz/.corpus`` and used again.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["confcom"]):
    from tests.fuzz.engine import CORPUS, Probe, print_figures
    from tests.fuzz.mutation import MAX_INPUT_BYTES
    from tests.fuzz.targets import TARGETS


def main(name: str, seconds: str) -> None:
    """Run the target; libFuzzer ends the process."""
    target = TARGETS[name]
    probe = Probe(target)

    def feed(data: bytes) -> None:
        before = (probe.figures.slowest_s, len(probe.figures.findings))
        probe.feed(data)
        # The process ends without a word, so what is new is told at once.
        if (probe.figures.slowest_s, len(probe.figures.findings)) != before:
            print_figures(probe.figures)

    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="confcom-fuzz-") as folder:
        for number, seed in enumerate(target.seeds()):
            (Path(folder) / f"{number:04}").write_bytes(seed)
        options = {
            "max_total_time": seconds,
            "max_len": MAX_INPUT_BYTES,
            "artifact_prefix": f"{CORPUS}/{name}-",
            "timeout": 5,
            "rss_limit_mb": 1024,
            "print_final_stats": 1,
        }
        flags = [f"-{key}={value}" for key, value in options.items()]
        atheris.Setup([sys.argv[0], str(corpus), folder, *flags], feed)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])

# SPDX-License-Identifier: Apache-2.0
"""Results of one run as text: a single one in full, several one after the other."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from confcom.attestation import SCHEMA_VERSION, AttestationResult, refused
from confcom.cli.evidence_inputs import Input
from confcom.cli.evidence_judge import Judge
from confcom.cli.evidence_tables import result_line, verdict_of
from confcom.cli.output import to_json, to_json_line, to_yaml
from confcom.errors import ConfcomError
from confcom.reasons import ExitCode


class Rendered(NamedTuple):
    """A result that is ready to be written.

    Attributes:
        exit_code: of this result alone.
        verdict: in one or two words, with the reason.
        text: in the format of the run.
    """

    exit_code: int
    verdict: str
    text: str


class Renderer(NamedTuple):
    """How the results of a run over several quotes are written.

    Attributes:
        format: ``table``, ``json``, ``jsonl`` or ``yaml``.
        color: whether tables are coloured.
    """

    format: str
    color: bool

    def render(self, name: str, result: AttestationResult) -> Rendered:
        """Return one result as text, without what stands between results."""
        verdict = verdict_of(result).text
        if result.reason is not None:
            verdict += f" ({result.reason})"
        return Rendered(result.exit_code, verdict, self._text(name, result))

    def _text(self, name: str, result: AttestationResult) -> str:
        if self.format == "table":
            return result_line(name, result, color=self.color)
        document = {"schemaVersion": SCHEMA_VERSION, "input": name} | result.to_json()
        match self.format:
            case "json":
                return to_json(document).rstrip("\n")
            case "jsonl":
                return to_json_line(document)
            case _:
                return f"---\n{to_yaml(document)}"

    def join(self, chunks: Iterable[Sequence[str]]) -> Iterator[str]:
        """Yield the texts of results chunk by chunk, with what stands around and between them."""
        if self.format != "json":
            yield from map("".join, chunks)
            return
        mark = "[\n"
        for texts in chunks:
            yield mark + ",\n".join(texts)
            mark = ",\n"
        yield "\n]\n"


def judge_input(judge: Judge, item: Input) -> AttestationResult:
    """Return the result for one of several quotes; one that cannot be read has a result too."""
    try:
        data = item.read()
    except ConfcomError as exc:
        return refused(exc, at=judge.now(), root=judge.root)
    return judge.judge(data)


class Tally:
    """Counts the results of a run.

    Attributes:
        exit_code: of the run: the highest of its results.
    """

    def __init__(self) -> None:
        self.exit_code = ExitCode.YES
        self._verdicts: Counter[str] = Counter()

    def count(
        self, chunks: Iterable[Sequence[Rendered]], advance: Callable[[int], None]
    ) -> Iterator[list[str]]:
        """Yield the texts of results while counting them."""
        for results in chunks:
            for result in results:
                self.exit_code = ExitCode(max(self.exit_code, result.exit_code))
                self._verdicts[result.verdict] += 1
            yield [result.text for result in results]
            advance(len(results))

    def summary(self) -> str:
        """Return how often each verdict was given, in one line."""
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self._verdicts.most_common())
        return f"{self._verdicts.total()} quotes: {counts or 'none'}\n"

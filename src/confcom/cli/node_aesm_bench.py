# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm bench``: quotes a second, and how long each takes."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from confcom.cli.command import Command, session_of
from confcom.cli.node_aesm_options import (
    SCHEMA_VERSION,
    aesm_packages,
    milliseconds,
    say_failure,
    socket_option,
    timeout_option,
)
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.progress import progress
from confcom.cli.seconds import Seconds
from confcom.cli.simulate_options import read_binary, read_enclave
from confcom.cli.style import Style
from confcom.cli.table import Cell, columns, pairs
from confcom.errors import UsageError
from confcom.reasons import ExitCode, Reason
from confcom.sgx import REPORT, Report
from confcom.simulation import Enclave

if TYPE_CHECKING:
    from array import array

    from confcom.cli.node_aesm_load import Tally

_NAME: Final = b"confcom node aesm bench"
_KINDS: Final = {Enclave: "software enclave", Report: "recorded", type(None): None}


@click.command(
    cls=Command,
    examples=(
        "confcom node aesm bench --simulate --seconds 5 --clients 64",
        "confcom node aesm bench --report report.bin --output json",
        "confcom node aesm bench",
    ),
)
@socket_option
@timeout_option
@click.option(
    "--seconds",
    "seconds",
    type=Seconds(0.1, 600),
    metavar="SECONDS",
    default=5.0,
    show_default=True,
    help="How long to make calls.",
)
@click.option(
    "--clients",
    "count",
    type=click.IntRange(1, 256),
    metavar="K",
    default=1,
    show_default=True,
    help="How many clients ask at once.",
)
@click.option(
    "--simulate",
    is_flag=True,
    help="Ask for quotes of an enclave in software; simulated daemons alone accept it.",
)
@click.option(
    "--enclave",
    "enclave_file",
    metavar="FILE",
    help="The same, with the identity that confcom simulate enclave has written.",
)
@click.option(
    "--report",
    "report_file",
    metavar="FILE",
    help="Ask for quotes of this REPORT, which an enclave on this machine has made for the "
    "daemon's quoting enclave.",
)
@output_option("table", "json", "yaml")
@click.pass_context
def bench(
    ctx: click.Context,
    path: str,
    timeout_s: float,
    seconds: float,
    count: int,
    simulate: bool,
    enclave_file: str | None,
    report_file: str | None,
) -> int:
    """Make calls as fast as the daemon answers, each on a connection of its own.

    A quote needs a REPORT. Without one, selecting the key and making it ready are measured
    instead. Every quote is checked to be of the REPORT that was sent. Nobody else on the machine
    gets quotes faster while this runs.
    """
    source = _source(simulate, enclave_file, report_file)
    session = session_of(ctx)
    with aesm_packages("node aesm bench"):
        from confcom.adapters.aesm import AesmClient, AsyncAesmClient  # noqa: PLC0415 - protobuf
        from confcom.cli.node_aesm_load import TICKS, prepare, run  # noqa: PLC0415 - protobuf
    clients = prepare(AesmClient(path, timeout_s=timeout_s), count, source)
    if source is None:
        session.warn(
            "no REPORT was given: only calls that need none are measured, and no quote is made; "
            "--simulate or --report FILE measures quotes"
        )
    with progress(session, "asking the daemon", total=TICKS) as advance:
        tally = run(AsyncAesmClient(path, timeout_s=timeout_s), clients, seconds, advance)
    document = {
        "schemaVersion": SCHEMA_VERSION,
        "socket": path,
        "report": _KINDS[type(source)],
        **_to_json(tally, count),
    }
    output = Output(session)
    output.write(document, lambda: _table(document, color=output.color))
    usual = max(tally.failures.values(), key=lambda one: one.count, default=None)
    if usual is None or usual.finding.error is None:
        return ExitCode.YES
    return say_failure(session, usual.finding.error)


def _source(
    simulate: bool, enclave_file: str | None, report_file: str | None
) -> Enclave | Report | None:
    if report_file is not None:
        if simulate or enclave_file is not None:
            raise UsageError(
                Reason.USAGE,
                "cannot use --report with --simulate or --enclave",
                hint="the REPORT says already which enclave it is of",
            )
        size = REPORT.size
        return read_binary(report_file, size=size, what="REPORT", parse=Report.from_bytes)
    if enclave_file is not None:
        return read_enclave(enclave_file)
    if not simulate:
        return None
    digest = hashlib.sha256(_NAME).digest()
    return Enclave(mr_enclave=digest, mr_signer=digest)


def _to_json(tally: "Tally", count: int) -> dict[str, Any]:
    return {
        "clients": count,
        "seconds": round(tally.seconds, 3),
        "answered": tally.answered,
        "failed": tally.failed,
        "calls": [_call_json(name, times, tally) for name, times in tally.times.items()],
        "failures": [
            {
                "state": one.finding.state.value,
                "code": one.finding.code,
                "count": one.count,
                "message": None if one.finding.error is None else one.finding.error.message,
                "cure": None if one.finding.error is None else one.finding.error.hint,
            }
            for one in tally.failures.values()
        ],
    }


def _call_json(name: str, times: "array[float]", tally: "Tally") -> dict[str, Any]:
    from confcom.cli.node_aesm_load import percentile  # noqa: PLC0415 - loads protobuf

    ordered = sorted(times)
    return {
        "call": name,
        "answered": len(ordered),
        "perSecond": round(len(ordered) / tally.seconds, 1),
        "p50Ms": milliseconds(percentile(ordered, 0.5)),
        "p99Ms": milliseconds(percentile(ordered, 0.99)),
        "mostMs": milliseconds(ordered[-1]),
    }


def _table(document: Mapping[str, Any], *, color: bool) -> str:
    facts: list[tuple[str, str | Cell]] = [
        ("socket", document["socket"]),
        ("clients", str(document["clients"])),
        ("REPORT", document["report"] or "none: no quote was made"),
        ("measured", f"{document['seconds']:.1f} s"),
        ("answered", str(document["answered"])),
        ("failed", Cell(str(document["failed"]), Style.BAD if document["failed"] else Style.GOOD)),
    ]
    parts = [pairs(facts, color=color)]
    if document["calls"]:
        headers = ("CALL", "ANSWERED", "A SECOND", "P50 MS", "P99 MS", "MOST MS")
        parts.append(columns(headers, map(_call_row, document["calls"]), color=color))
    if document["failures"]:
        rows = [
            (
                Cell(one["state"].replace("_", " "), Style.BAD),
                "-" if one["code"] is None else str(one["code"]),
                str(one["count"]),
            )
            for one in document["failures"]
        ]
        parts.append(columns(("FAILURE", "CODE", "COUNT"), rows, color=color))
    return "\n".join(parts)


def _call_row(call: Mapping[str, Any]) -> tuple[str, ...]:
    times = (f"{call[name]:.3f}" for name in ("p50Ms", "p99Ms", "mostMs"))
    return (call["call"], str(call["answered"]), f"{call['perSecond']:.1f}", *times)

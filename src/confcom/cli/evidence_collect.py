# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence collect``: get evidence where it runs; verify nothing unless asked to."""

import os
from collections.abc import Mapping
from typing import Any

import click

from confcom.attestation import refused
from confcom.cli.command import Command, session_of
from confcom.cli.evidence_collect_options import Wish, check_together, collect_options
from confcom.cli.evidence_collect_sources import make_question
from confcom.cli.evidence_judge import Judge, make_plan, verification_options
from confcom.cli.evidence_options import reference_options
from confcom.cli.evidence_verify import write_result
from confcom.cli.inputs import STANDARD_INPUT
from confcom.cli.options import output_option
from confcom.cli.session import Session
from confcom.cli.simulate_options import write_binary
from confcom.cli.style import Style
from confcom.reasons import ExitCode


@click.command(
    cls=Command,
    examples=(
        "confcom evidence collect --aesm --enclave enclave.json --out quote.bin",
        "confcom evidence collect --aesm --socket run/aesm.socket --enclave enclave.json",
        "confcom evidence collect --configfs --nonce 0badcafe --out quote.bin",
        "confcom evidence collect --qgs --td-report td.bin --out quote.bin",
        "confcom evidence collect --simulate demo --enclave enclave.json --nonce 0badcafe",
        "confcom evidence collect --configfs --nonce 0badcafe --verify --mr-td 7d7d…",
    ),
)
@collect_options
@verification_options
@reference_options(without=("report_data",))
@output_option("table", "json", "yaml")
@click.pass_context
def collect(ctx: click.Context, /, **flags: Any) -> int:  # noqa: ANN401 - options of three modules
    """Get evidence where it runs, and say what it is.

    An AESM daemon quotes an SGX enclave; the kernel of a TD, or a TDX quote generation service,
    quotes a TD. The enclave is one in software, so its REPORT convinces simulated platforms only.

    Without a flag for the source the daemon is asked if SGX_AESM_ADDR is set, to whatever, and
    nobody otherwise: so do Intel's libraries.

    Nothing is verified without --verify. With it the report data asked for is demanded, and the
    exit codes are 0 accepted, 1 refused, 3 malformed, 4 undecided for lack of collateral.
    """
    session = session_of(ctx)
    wish = Wish(**{name: flags.pop(name) for name in Wish._fields})
    source = wish.source(os.environ)
    check_together(ctx, wish, source)
    question = make_question(wish, source, session)
    judge = _make_judge(session, flags, question.demanded) if wish.verify else None
    collected = question.ask()
    if judge is None or wish.out != STANDARD_INPUT:
        write_binary(ctx, wish.out, collected.data)
    if not session.quiet:
        rest = "" if judge else "; it was not verified"
        session.say("collected", Style.FAINT, f"{collected.describe()}{rest}")
    if judge is None:
        return ExitCode.YES
    if collected.unsupported is None:
        result = judge.judge(collected.data)
    else:
        result = refused(collected.unsupported, at=judge.now(), root=judge.root)
    write_result(session, result, judge)
    return result.exit_code


def _make_judge(session: Session, flags: Mapping[str, Any], demanded: bytes | None) -> Judge:
    report_data = None if demanded is None else demanded.hex()
    plan = make_plan(session, {**flags, "report_data": report_data})
    return Judge(plan, warn=session.warn)

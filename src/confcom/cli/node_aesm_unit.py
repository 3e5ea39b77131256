# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm unit``: the quote helper on a machine without Kubernetes."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from confcom.adapters.files import write_file_atomically
from confcom.cli.command import Command, session_of
from confcom.cli.inputs import STANDARD_INPUT
from confcom.cli.node_aesm_options import DEFAULT_SOCKET, SCHEMA_VERSION
from confcom.cli.node_aesm_unit_text import UNIT_NAME, UnitOptions, is_hidden, render_unit
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.seconds import Seconds
from confcom.cli.session import Session
from confcom.cli.style import Style
from confcom.errors import UsageError
from confcom.reasons import Reason

FALLBACK: Final = "/usr/bin/confcom"


@click.command(
    cls=Command,
    examples=(
        "confcom node aesm unit",
        f"confcom node aesm unit --out /etc/systemd/system/{UNIT_NAME}",
        "confcom node aesm unit --backend upstream --upstream /run/old-aesmd/aesm.socket",
        "confcom node aesm unit --backend simulated",
    ),
)
@click.option(
    "--backend",
    type=click.Choice(("dcap", "upstream", "simulated")),
    default="dcap",
    show_default=True,
    help="Who makes quotes: Intel's libraries, another daemon, or a simulated platform.",
)
@click.option(
    "--program",
    metavar="PATH",
    help="Where confcom is. [default: the one that runs, unless the unit could not see it]",
)
@click.option(
    "--socket",
    "path",
    metavar="PATH",
    default=DEFAULT_SOCKET,
    show_default=True,
    help="Where to listen. Intel's libraries know no other place than the default.",
)
@click.option(
    "--user",
    metavar="NAME",
    default="confcom",
    show_default=True,
    help="Who the daemon runs as.",
)
@click.option(
    "--device-group",
    "groups",
    metavar="NAME",
    multiple=True,
    default=("sgx", "sgx_prv"),
    show_default=True,
    help="DCAP: group that may open an SGX device; may be repeated. All must exist.",
)
@click.option("--library", metavar="NAME", help="DCAP: the library, by name or path.")
@click.option("--upstream", metavar="PATH", help="Upstream: socket of the daemon behind.")
@click.option(
    "--pki",
    metavar="DIR",
    help="Simulated: folder of the hierarchy; without it one is made below /var/lib/confcom.",
)
@click.option(
    "--drain",
    "drain_s",
    type=Seconds(0, 300),
    metavar="SECONDS",
    default=5.0,
    show_default=True,
    help="How long requests may still take when the daemon is stopped.",
)
@click.option(
    "--out",
    "out",
    default=STANDARD_INPUT,
    metavar="FILE",
    help="Where to write it; by default, or with -, standard output.",
)
@output_option("table", "json", "yaml")
@click.pass_context
def unit(
    ctx: click.Context,
    backend: str,
    program: str | None,
    path: str,
    user: str,
    groups: Sequence[str],
    library: str | None,
    upstream: str | None,
    pki: str | None,
    drain_s: float,
    out: str,
) -> None:
    """Print a hardened systemd unit that runs the quote helper.

    The unit says why each setting is there. --output json or yaml puts its text into a document.
    """
    session = session_of(ctx)
    for wanted, name, value in (
        ("dcap", "--library", library),
        ("upstream", "--upstream", upstream),
        ("simulated", "--pki", pki),
    ):
        _require_fit(backend, wanted, name, value)
    text = render_unit(
        UnitOptions(
            backend=backend,
            program=_own_program(session) if program is None else program,
            socket=path,
            user=user,
            device_groups=groups,
            library=library,
            upstream=upstream,
            pki=pki,
            drain_s=drain_s,
        )
    )
    if out != STANDARD_INPUT:
        write_file_atomically(Path(out), text.encode("ascii"))
        if not session.quiet:
            session.say("written", Style.FAINT, f"{out}; systemctl daemon-reload makes it known")
        return
    document = {"schemaVersion": SCHEMA_VERSION, "name": UNIT_NAME, "text": text}
    Output(session).write(document, lambda: text)


def _require_fit(backend: str, wanted: str, flag: str, value: str | None) -> None:
    if backend != wanted and value is not None:
        raise UsageError(
            Reason.USAGE,
            f"cannot use {flag} with --backend {backend}",
            hint=f"leave {flag} out, or choose --backend {wanted}",
        )
    if backend == wanted == "upstream" and value is None:
        raise UsageError(
            Reason.USAGE,
            f"cannot make a unit for --backend upstream without {flag}",
            hint="name the socket on which the other daemon listens",
        )


def _own_program(session: Session) -> str:
    """Return the path of the running program, or the usual one where the unit cannot use it."""
    found = shutil.which(sys.argv[0]) if sys.argv[0] else None
    own = None if found is None else str(Path(found).absolute())
    if own is not None and Path(own).name == "confcom" and not is_hidden(own):
        return own
    session.warn(f"the unit starts {FALLBACK}; name another program with --program")
    return FALLBACK

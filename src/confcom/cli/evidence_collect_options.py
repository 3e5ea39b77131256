# SPDX-License-Identifier: Apache-2.0
"""Options of ``confcom evidence collect``, and which of them go together."""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click
from click.core import ParameterSource

from confcom.adapters.configfs_tsm import HIGHEST_PRIVLEVEL
from confcom.cli.inputs import STANDARD_INPUT
from confcom.cli.options import setting_option
from confcom.cli.platform_option import platform_option
from confcom.cli.simulate_options import (
    REPORT_DATA_BYTES,
    HexBytes,
    Shorter,
    out_option,
)
from confcom.errors import UnavailableError, UsageError
from confcom.reasons import Reason

F = TypeVar("F", bound=Callable[..., Any])

OPT_IN: Final = "SGX_AESM_ADDR"
_AESM_SOCKET: Final = "/var/run/aesmd/aesm.socket"
_QGS_SOCKET: Final = "/var/run/tdx-qgs/qgs.socket"


class Source(StrEnum):
    """Who gives the evidence, by the flag for it."""

    AESM = "--aesm"
    CONFIGFS = "--configfs"
    QGS = "--qgs"
    SIMULATE = "--simulate"


class Wish(NamedTuple):
    """What the options of collecting say; the others are about verifying.

    Attributes:
        aesm: ask the AESM daemon.
        configfs: ask the kernel.
        qgs: ask a TDX quote generation service.
        hierarchy: folder of a simulated hierarchy.
        path: AESM socket.
        privlevel: privilege level of the report.
        qgs_socket: where the service listens.
        name: of the simulated platform.
        enclave_file: description of a simulated enclave.
        td_file: description of a simulated TD.
        td_report_file: a TDREPORT.
        report_data: 64 bytes.
        nonce: 64 bytes, with another word for them.
        out: where the evidence goes.
        verify: whether it is verified.
    """

    aesm: bool
    configfs: bool
    qgs: bool
    hierarchy: Path | None
    path: str
    privlevel: int | None
    qgs_socket: str
    name: str
    enclave_file: str | None
    td_file: str | None
    td_report_file: str | None
    report_data: bytes | None
    nonce: bytes | None
    out: str
    verify: bool

    @property
    def data(self) -> bytes:
        """The 64 bytes that the evidence is to vouch for; zero if none were given."""
        return self.report_data or self.nonce or bytes(REPORT_DATA_BYTES)

    @property
    def has_data(self) -> bool:
        """Whether such bytes were given."""
        return self.report_data is not None or self.nonce is not None

    def source(self, environ: Mapping[str, str]) -> Source:
        """Return who is asked.

        Args:
            environ: without a flag the daemon is asked where the container opted in.

        Raises:
            UsageError: flags for several.
            UnavailableError: there is no flag, and nobody opted in (quoting_unreachable).
        """
        flags = (self.aesm, self.configfs, self.qgs, self.hierarchy is not None)
        named = [source for source, is_named in zip(Source, flags, strict=True) if is_named]
        if len(named) > 1 and named != [Source.QGS, Source.SIMULATE]:
            raise _usage(
                f"cannot use {' and '.join(named)} together", hint="ask one source at a time"
            )
        if named:
            return named[0]
        if OPT_IN in environ:
            return Source.AESM
        raise UnavailableError(
            Reason.QUOTING_UNREACHABLE,
            f"cannot collect evidence: no source was named, and {OPT_IN} is not set",
            hint=f"ask the daemon with --aesm, or set {OPT_IN}=1 in the container's environment; "
            "in a TD use --configfs",
        )


_GOES_WITH: Final[Mapping[str, Collection[Source]]] = {
    "path": (Source.AESM,),
    "configfs_dir": (Source.CONFIGFS,),
    "privlevel": (Source.CONFIGFS,),
    "qgs_socket": (Source.QGS,),
    "td_report_file": (Source.QGS,),
    "name": (Source.QGS, Source.SIMULATE),
    "enclave_file": (Source.AESM, Source.SIMULATE),
    "td_file": (Source.QGS, Source.SIMULATE),
}

_MAKING: Final[Mapping[str, str]] = {
    "--enclave": "confcom simulate enclave --out FILE describes an enclave",
    "--td": "confcom simulate td --out FILE describes a TD, for --simulate DIR",
    "--td-report": "a TDREPORT comes from the TD itself",
}
"""How to come by a subject that is missing."""
_SUBJECTS: Final[Mapping[Source, Mapping[str, str]]] = {
    Source.AESM: {"--enclave": "enclave_file"},
    Source.CONFIGFS: {},
    Source.QGS: {"--td-report": "td_report_file", "--td": "td_file"},
    Source.SIMULATE: {"--enclave": "enclave_file", "--td": "td_file"},
}


def check_together(ctx: click.Context, wish: Wish, source: Source) -> None:
    """Refuse options that mean nothing for a source, and those that are missing for it.

    Raises:
        UsageError: the first mistake.
    """
    for flag, name in _given(ctx):
        allowed = _GOES_WITH.get(name, tuple(Source))
        if source not in allowed:
            raise _usage(f"{flag} goes with {' and '.join(allowed)}, not with {source}")
        if name not in {*Wish._fields, *_GOES_WITH} and not wish.verify:
            raise _usage(f"{flag} goes with --verify", hint="nothing is verified without it")
        if name == "out" and wish.verify and wish.out == STANDARD_INPUT:
            raise _usage(
                "--verify writes its result to standard output",
                hint="--out FILE keeps the evidence as well",
            )
    if wish.report_data is not None and wish.nonce is not None:
        raise _usage(
            "cannot use --report-data and --nonce together", hint="--nonce is the report data"
        )
    _check_subject(ctx, wish, source)


def _check_subject(ctx: click.Context, wish: Wish, source: Source) -> None:
    """Check who the evidence is about: an enclave, a TD, or a TDREPORT."""
    wanted = _SUBJECTS[source]
    given = [flag for flag, name in wanted.items() if getattr(wish, name) is not None]
    if not wanted:
        return  # this machine itself
    if len(given) != 1:
        one = "" if len(wanted) == 1 else "exactly one of "
        raise _usage(
            f"{ctx.command_path} {source} takes {one}{' and '.join(wanted)}, "
            f"{' and '.join(given) or 'none'} given",
            hint="leave one out" if given else "; ".join(_MAKING[flag] for flag in wanted),
        )
    if source is not Source.QGS:
        return
    if wish.td_file is not None and wish.hierarchy is None:
        raise _usage("--td goes with --simulate DIR: a platform makes the TDREPORT")
    if wish.td_report_file is not None and wish.hierarchy is not None:
        raise _usage("cannot use --simulate and --td-report together: the TDREPORT is made already")
    if wish.td_report_file is not None and wish.has_data:
        raise _usage("cannot use --report-data or --nonce with --td-report: it holds its own")


def _given(ctx: click.Context) -> list[tuple[str, str]]:
    """Return flag and name of the options on the command line."""
    return [
        (max(param.opts, key=len), param.name)
        for param in ctx.command.params
        if param.name and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    ]


def _usage(message: str, *, hint: str | None = None) -> UsageError:
    return UsageError(Reason.USAGE, message, hint=hint)


def collect_options(function: F) -> F:
    """Add the options of collecting; those of verifying come from elsewhere."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


_OPTIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option(
        "--aesm",
        is_flag=True,
        help="Ask the AESM daemon, also without SGX_AESM_ADDR in the environment.",
    ),
    click.option(
        "--configfs",
        is_flag=True,
        help="Ask the kernel of this TD, or other confidential guest, by configfs-tsm.",
    ),
    click.option("--qgs", is_flag=True, help="Ask a TDX quote generation service with a TDREPORT."),
    click.option(
        "--simulate",
        "hierarchy",
        type=click.Path(path_type=Path, readable=False),
        metavar="DIR",
        help="No daemon: let a platform of this simulated hierarchy sign. With --qgs the platform "
        "makes the TDREPORT only.",
    ),
    click.option(
        "--socket",
        "path",
        metavar="PATH",
        default=_AESM_SOCKET,
        show_default=True,
        help="AESM: where the daemon listens.",
    ),
    setting_option("evidence.configfs_dir", help="configfs: where the kernel shows it."),
    click.option(
        "--privlevel",
        type=click.IntRange(0, HIGHEST_PRIVLEVEL),
        metavar="N",
        help="configfs: privilege level of the report, such as the VMPL of SEV-SNP. TDs have none.",
    ),
    click.option(
        "--qgs-socket",
        metavar="PATH|vsock:CID:PORT",
        default=_QGS_SOCKET,
        show_default=True,
        help="QGS: where the service listens.",
    ),
    platform_option,
    click.option(
        "--enclave",
        "enclave_file",
        metavar="FILE",
        help="AESM, simulate: the enclave that makes the REPORT, described by confcom simulate "
        "enclave.",
    ),
    click.option(
        "--td",
        "td_file",
        metavar="FILE",
        help="QGS, simulate: the TD that makes the TDREPORT, described by confcom simulate td.",
    ),
    click.option(
        "--td-report", "td_report_file", metavar="FILE", help="QGS: a TDREPORT, 1024 bytes."
    ),
    click.option(
        "--report-data",
        type=HexBytes(REPORT_DATA_BYTES, Shorter.PAD),
        metavar="HEX",
        help="What the evidence vouches for: up to 64 bytes, zeros are added at the end.",
    ),
    click.option(
        "--nonce",
        type=HexBytes(REPORT_DATA_BYTES, Shorter.PAD),
        metavar="HEX",
        help="A relying party's nonce, up to 64 bytes; becomes the report data.",
    ),
    out_option,
    click.option(
        "--verify",
        is_flag=True,
        help="Go on as confcom evidence verify does; the options below are for that.",
    ),
)

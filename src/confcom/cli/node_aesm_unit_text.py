# SPDX-License-Identifier: Apache-2.0
"""The text of a systemd unit in which the quote helper has what it needs and nothing else.

Sources: systemd.exec(5), systemd.service(5), systemd.resource-control(5) of systemd 247 and later.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from confcom.errors import UsageError
from confcom.reasons import Reason

UNIT_NAME: Final = "confcom-quote-helper.service"
STOP_MARGIN_S: Final = 15
"""What ending takes beyond draining: the child that holds enclaves is given 6 s."""
WATCHDOG_S: Final = 30
INTELS_SOCKET: Final = PurePosixPath("/run/aesmd/aesm.socket")
STATUS_SOCKET: Final = PurePosixPath("/run/confcom/quote-helper.sock")
_NAME: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_WORD: Final = re.compile(r"[A-Za-z0-9/._+@:,=-]+")
_HIDDEN: Final = tuple(
    map(PurePosixPath, ("/home", "/root", "/run/user", "/tmp", "/var/tmp"))  # noqa: S108 not used
)

HEAD: Final = """\
# Quotes for the SGX enclaves of this machine, made by {program} node aesm unit.
#
# Save it as /etc/systemd/system/{name}, then:
#   useradd -r -M -s /usr/sbin/nologin {user}     # unless there is such a user
#   systemctl daemon-reload
#   systemctl enable {name}
#   systemctl start {name}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOptions:
    """What differs from one machine to the next.

    Attributes:
        backend: ``dcap``, ``upstream`` or ``simulated``.
        program: absolute path of ``confcom``.
        socket: absolute path where to listen.
        user: who the daemon runs as.
        device_groups: groups that may open the SGX devices; for ``dcap`` only.
        library: for ``dcap``: name or absolute path, None for the daemon's default.
        upstream: for ``upstream``: absolute path of the other daemon's socket.
        pki: for ``simulated``: absolute path of the hierarchy; None for one of its own.
        drain_s: how long requests may still take when the daemon is stopped, seconds.

    Raises:
        UsageError: a value cannot stand in a unit, or would not work there.
    """

    backend: str
    program: str
    socket: str
    user: str = "confcom"
    device_groups: Sequence[str] = ("sgx", "sgx_prv")
    library: str | None = None
    upstream: str | None = None
    pki: str | None = None
    drain_s: float = 5.0

    def __post_init__(self) -> None:
        for what, name in (("user", self.user), *(("group", one) for one in self.device_groups)):
            if not _NAME.fullmatch(name):
                raise _unusable(f"{name!r} is not the name of a {what}", None)
        for what, path in (
            ("program", self.program),
            ("socket", self.socket),
            ("upstream socket", self.upstream),
            ("hierarchy", self.pki),
        ):
            if path is not None:
                _require_path(what, path)
        if self.library is not None and "/" in self.library:
            _require_path("library", self.library)
        elif self.library is not None:
            _require_word("library", self.library)
        if self.upstream is not None and _real(self.upstream) == _real(self.socket):
            raise _unusable(
                f"{self.socket} is both where to listen and the daemon behind",
                "let the other daemon listen elsewhere, and name that with --upstream",
            )
        if self.folder in {PurePosixPath("/"), PurePosixPath("/run")}:
            raise _unusable(
                f"{self.folder} cannot be given to the user {self.user}",
                "let the socket have a folder of its own, such as /run/aesmd",
            )

    @property
    def folder(self) -> PurePosixPath:
        """Of the socket."""
        return _real(self.socket).parent

    @property
    def is_usual(self) -> bool:
        """Whether it listens where Intel's libraries ask; such a daemon tells its status too."""
        return _real(self.socket) == INTELS_SOCKET

    @property
    def has_network(self) -> bool:
        """Whether it gets certificates or collateral, for quotes or to verify its own."""
        return self.backend != "simulated"

    @property
    def command(self) -> str:
        """The command line."""
        words = [self.program, "serve", "quote-helper", "--backend", self.backend]
        words += ["--socket", self.socket, "--drain", f"{self.drain_s:g}"]
        for flag, value in (
            ("--status", str(STATUS_SOCKET) if self.is_usual else None),
            ("--library", self.library),
            ("--upstream", self.upstream),
            ("--pki", self.pki),
        ):
            words += [] if value is None else [flag, value]
        return " ".join(words)


def is_hidden(path: str) -> bool:
    """Tell whether the unit's own view of the files lacks a path: homes and temporary files."""
    return any(PurePosixPath(path).is_relative_to(folder) for folder in _HIDDEN)


def render_unit(options: UnitOptions) -> str:
    """Return the unit."""
    name = PurePosixPath(options.program).name
    return "\n".join(
        [
            HEAD.format(program=name, name=UNIT_NAME, user=options.user),
            *_unit(options),
            "",
            "[Service]",
            *_process(options),
            *_files(options),
            *_devices(options),
            *_limits(options),
            *_rights(options),
            "",
            "[Install]",
            "WantedBy=multi-user.target",
            "",
        ]
    )


def _unit(options: UnitOptions) -> Iterator[str]:
    yield "[Unit]"
    yield "Description=Quotes for SGX enclaves over the AESM socket (confcom)"
    if options.has_network:
        yield "# Certificates come over the network."
        yield "Wants=network-online.target"
        yield "After=network-online.target"
    yield "After=aesmd.service"
    if options.backend != "upstream" and options.is_usual:
        yield "# Intel's daemon serves the same socket: starting one ends the other."
        yield "Conflicts=aesmd.service"
    yield "# Never give up: without the daemon no enclave here can be attested."
    yield "StartLimitIntervalSec=0"


def _process(options: UnitOptions) -> Iterator[str]:
    yield "Type=notify"
    if options.pki is not None:
        yield f"# The hierarchy must belong to {options.user}: it holds keys."
    yield f"ExecStart={options.command}"
    yield "Restart=always"
    yield "RestartSec=2"
    yield "# 2 and 5 are mistakes in command line or settings; starting again cures neither."
    yield "RestartPreventExitStatus=2 5"
    yield "TimeoutStartSec=120"
    yield "# Twice as often it says that it is not stuck; silence for so long replaces it."
    yield f"WatchdogSec={WATCHDOG_S}"
    yield f"# Draining takes up to {options.drain_s:g} s, ending the child a few more."
    yield f"TimeoutStopSec={math.ceil(options.drain_s) + STOP_MARGIN_S}"
    yield "# Only the daemon is told to stop; it ends its child once requests are answered."
    yield "KillMode=mixed"
    yield "# A child that runs out of memory is replaced; the socket stays."
    yield "OOMPolicy=continue"
    yield "# Set to whatever value, it would make Intel's libraries ask the daemon itself."
    yield "UnsetEnvironment=SGX_AESM_ADDR"


def _files(options: UnitOptions) -> Iterator[str]:
    yield ""
    yield f"User={options.user}"
    yield "UMask=0077"
    folders = [folder for folder in (options.folder,) if folder.is_relative_to("/run")]
    if options.is_usual:
        folders.append(STATUS_SOCKET.parent)
    if folders:
        names = " ".join(str(folder.relative_to("/run")) for folder in folders)
        yield "# The folder stays when the daemon is away, because containers mount it. So the user"
        yield "# is a fixed one: DynamicUser= puts a folder that stays where only root may enter."
        yield f"RuntimeDirectory={names}"
        yield "RuntimeDirectoryMode=0755"
        yield "RuntimeDirectoryPreserve=yes"
    else:
        yield f"# The folder must be there and belong to {options.user}, with mode 0755."
        yield f"ReadWritePaths={options.folder}"
    if options.has_network:
        yield "# Where certificates and collateral are kept, also by providers of Intel and Azure."
        yield "CacheDirectory=confcom-quote-helper"
        yield "CacheDirectoryMode=0700"
        yield "Environment=XDG_CACHE_HOME=/var/cache/confcom-quote-helper"
    elif options.pki is None:
        yield "# Where its platform is kept; a verifier is given /var/lib/confcom/simulated/public."
        yield "StateDirectory=confcom"
        yield "StateDirectoryMode=0700"
    yield "ProtectSystem=strict"
    yield "ProtectHome=yes"
    yield "PrivateTmp=yes"


def _devices(options: UnitOptions) -> Iterator[str]:
    yield ""
    if options.backend != "dcap":
        yield "PrivateDevices=yes"
        yield "MemoryDenyWriteExecute=yes"
        return
    yield "# PrivateDevices= would take the SGX devices away, MemoryDenyWriteExecute= the enclaves."
    yield "DevicePolicy=closed"
    yield "DeviceAllow=/dev/sgx_enclave rw"
    yield "DeviceAllow=/dev/sgx_provision rw"
    if options.device_groups:
        yield "# Each must exist. Which own the devices: ls -l /dev/sgx_enclave /dev/sgx_provision"
        yield f"SupplementaryGroups={' '.join(options.device_groups)}"


def _limits(options: UnitOptions) -> Iterator[str]:
    yield ""
    yield "# A connection is a file; the daemon closes the oldest silent one beyond 1024."
    yield "LimitNOFILE=4096"
    yield "LimitCORE=0"
    yield "TasksMax=64"
    yield f"MemoryMax={'1G' if options.backend == 'dcap' else '256M'}"


def _rights(options: UnitOptions) -> Iterator[str]:
    yield ""
    yield "# ProtectProc=, ProcSubset= and PrivateUsers= are left out: who asks is read from /proc."
    yield "NoNewPrivileges=yes"
    yield "CapabilityBoundingSet="
    yield "AmbientCapabilities="
    if options.has_network:
        yield "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"
    else:
        yield "RestrictAddressFamilies=AF_UNIX"
        yield "PrivateNetwork=yes"
    for setting in (
        "RestrictNamespaces",
        "RestrictRealtime",
        "RestrictSUIDSGID",
        "LockPersonality",
        "ProtectClock",
        "ProtectControlGroups",
        "ProtectHostname",
        "ProtectKernelLogs",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "RemoveIPC",
    ):
        yield f"{setting}=yes"
    yield "SystemCallArchitectures=native"
    yield "SystemCallFilter=@system-service"
    yield "SystemCallFilter=~@privileged"
    yield "SystemCallErrorNumber=EPERM"


def _real(path: str) -> PurePosixPath:
    """Return a path with /var/run as what it is: another name of /run."""
    given = PurePosixPath(path)
    if given.is_relative_to("/var/run"):
        return PurePosixPath("/run") / given.relative_to("/var/run")
    return given


def _require_word(what: str, text: str) -> None:
    if not _WORD.fullmatch(text):
        raise _unusable(
            f"{what} {text!a} has characters that mean something else to systemd",
            "use letters, digits and / . _ + @ : , = -",
        )


def _require_path(what: str, text: str) -> None:
    _require_word(what, text)
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts:
        raise _unusable(f"{what} {text} is not an absolute path", "name it from / on, without ..")
    if is_hidden(text):
        raise _unusable(
            f"{what} {text} is in a folder that the unit does not see",
            "homes and temporary files are hidden from it: move it, for example below /opt or "
            "/var/lib",
        )


def _unusable(why: str, hint: str | None) -> UsageError:
    return UsageError(Reason.USAGE, f"cannot make a unit: {why}", hint=hint)

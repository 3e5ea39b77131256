# SPDX-License-Identifier: Apache-2.0
"""Look at this machine, or at one whose root folder is mounted here."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confcom.adapters.machine.facts import (
    CertificateService,
    Daemon,
    Machine,
    Place,
    ServiceState,
    SharedFile,
)
from confcom.adapters.machine.files import find_file, read_device
from confcom.adapters.machine.reach import Reach, Reached
from confcom.adapters.provider_conf import FileState, ProviderConf, read_provider_conf
from confcom.adapters.rooted import Root
from confcom.errors import MisconfiguredError
from confcom.protocols.quoting_conf import (
    CollateralChoice,
    Provider,
    WebAddress,
    provider_of,
)
from confcom.reasons import Reason

DEVICES: Final = ("/dev/sgx_enclave", "/dev/sgx_provision", "/dev/tdx_guest")
LIBRARIES: Final = (
    "libsgx_qe3_logic.so",
    "libsgx_dcap_ql.so.1",
    "libsgx_pce_logic.so.1",
    "libsgx_urts.so.2",
    "libsgx_quote_ex.so.1",
    "libdcap_quoteprov.so.1",
    "libdcap_quoteprov.so",
)
ENCLAVES: Final = ("libsgx_qe3.signed.so", "libsgx_pce.signed.so", "libsgx_id_enclave.signed.so")
INTEL_PROVIDER: Final = "libdcap_quoteprov.so.1"
AZURE_PROVIDER: Final = "libdcap_quoteprov.so"
OPT_IN: Final = "SGX_AESM_ADDR"
SOCKET: Final = Path("/var/run/aesmd/aesm.socket")
NOT_ASKED: Final = "not_asked"
_CONTAINER_MARKS: Final = ("/.dockerenv", "/run/.containerenv")
_IN_A_POD: Final = "KUBERNETES_SERVICE_HOST"
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class LookOptions:
    """What to look at.

    Attributes:
        environ: variables of the program that would ask for quotes.
        root: the machine's root folder.
        place: what it is; found out if None.
        is_offline: leave out what needs the network.
        timeout_s: for each answer of the daemon and of a service, seconds.
        socket: of the AESM daemon, as the machine names it.
        collateral: what our own settings say about verifying our quotes.
    """

    environ: Mapping[str, str]
    root: Root = field(default_factory=Root)
    place: Place | None = None
    is_offline: bool = False
    timeout_s: float = 5.0
    socket: Path = SOCKET
    collateral: CollateralChoice = field(default_factory=CollateralChoice)


def look(options: LookOptions) -> Machine:
    """Look at everything once; nothing is changed, and no library is loaded."""
    root, environ = options.root, options.environ
    conf = read_provider_conf(environ, root=root)
    files = {name: find_file(root, name, environ) for name in LIBRARIES}
    files |= {name: _enclave(root, name, environ) for name in ENCLAVES}
    tries = [] if options.is_offline else list(_tries(conf, files, options.timeout_s))
    daemon = _daemon(options)
    services = [_service(setting, address, one.result()) for setting, address, one in tries]
    if options.is_offline:
        services = [
            _service(setting, address, Reached(ServiceState.SKIPPED))
            for setting, address in _addresses(conf, files)
        ]
    return Machine(
        place=options.place or _place(root, environ),
        uid=os.geteuid(),
        devices={path: read_device(root, path) for path in DEVICES},
        files=files,
        conf=conf,
        daemon=daemon,
        services=tuple(services),
        opt_in=environ.get(OPT_IN),
        proxies=tuple(name for name in _PROXIES if environ.get(name)),
        collateral=conf.choose(options.collateral, _provider(conf, files)),
    )


def provider_in_use(
    conf: ProviderConf, environ: Mapping[str, str], *, root: Root | None = None
) -> Provider | None:
    """Return whose certificate provider the quoting library would load, as far as names tell."""
    place = root or Root()
    names = (INTEL_PROVIDER, AZURE_PROVIDER)
    return _provider(conf, {name: find_file(place, name, environ) for name in names})


def _provider(conf: ProviderConf, files: Mapping[str, SharedFile]) -> Provider | None:
    return provider_of(
        has_intel=files[INTEL_PROVIDER].is_there,
        has_azure=files[AZURE_PROVIDER].is_there,
        has_file=conf.qcnl.state is FileState.FOUND,
        has_variables=conf.azure.is_given,
    )


def _enclave(root: Root, name: str, environ: Mapping[str, str]) -> SharedFile:
    # The libraries look for the name with .1 first.
    numbered = find_file(root, f"{name}.1", environ)
    return numbered if numbered.is_there else find_file(root, name, environ)


def _place(root: Root, environ: Mapping[str, str]) -> Place:
    is_ours = root.folder == Path("/")
    if is_ours and _IN_A_POD in environ:
        return Place.APPLICATION
    marked = any(root.folder.joinpath(mark[1:]).exists() for mark in _CONTAINER_MARKS)
    return Place.APPLICATION if marked else Place.NODE


def _addresses(
    conf: ProviderConf, files: Mapping[str, SharedFile]
) -> Iterator[tuple[str, WebAddress]]:
    """Yield what the certificate provider would ask; it is Intel's where both are there."""
    qcnl = conf.qcnl.conf
    provider = _provider(conf, files)
    if provider is Provider.INTEL:
        if not qcnl.local_cache_only:
            if qcnl.local_pck_url is not None:
                yield "local_pck_url", qcnl.local_pck_url
            yield "pccs_url", qcnl.pccs_url
    elif provider is Provider.AZURE:
        if not conf.azure.bypasses_agent:
            yield "AZDCAP_PRIMARY_BASE_CERT_URL", conf.azure.primary
        yield "AZDCAP_SECONDARY_BASE_CERT_URL", conf.azure.secondary


def _tries(
    conf: ProviderConf, files: Mapping[str, SharedFile], timeout_s: float
) -> Iterator[tuple[str, WebAddress, Reach]]:
    for setting, address in _addresses(conf, files):
        is_checked = conf.qcnl.conf.use_secure_cert or setting.startswith("AZDCAP")
        yield setting, address, Reach(address, is_checked=is_checked, timeout_s=timeout_s)


def _service(setting: str, address: WebAddress, reached: Reached) -> CertificateService:
    return CertificateService(
        setting=setting,
        address=address,
        state=reached.state,
        status=reached.status,
        why=reached.why,
    )


def _daemon(options: LookOptions) -> Daemon:
    try:
        from confcom.adapters.machine.daemon import ask_daemon  # noqa: PLC0415 - loads protobuf
    except ModuleNotFoundError as exc:
        if (exc.name or "").split(".")[0] != "google":
            raise
        error = MisconfiguredError(
            Reason.EXTRA_MISSING,
            "the AESM socket was not asked: the Python package protobuf is not installed",
            hint="python -m pip install 'confcom[quote-helper]'",
        )
        return Daemon(socket=options.socket, state=NOT_ASKED, error=error)
    return ask_daemon(_located(options), timeout_s=options.timeout_s)


def _located(options: LookOptions) -> Path:
    root = options.root
    if root.folder == Path("/"):
        return options.socket  # as people know it, without following /var/run
    try:
        return root.locate(options.socket)
    except OSError:  # links in a circle: let the client say so
        return root.folder.joinpath(*options.socket.parts[1:])

# SPDX-License-Identifier: Apache-2.0
"""The back ends of ``confcom serve quote-helper``, as its options ask for them."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from confcom.cli.failure import missing_extra
from confcom.dcap import Caches, Collateral, TeeType, VerifiedQuote, verify
from confcom.errors import UsageError
from confcom.reasons import Reason

if TYPE_CHECKING:
    from confcom.adapters.quoting.dcap_backend import DcapBackend
    from confcom.adapters.simulation_store import SimulationStore
    from confcom.services.quote_helper import Backend
    from confcom.services.quote_records import QuoteRecords
    from confcom.services.td_quotes import TdxBackend
    from confcom.simulation import Platform, SimulatedAuthority

DEFAULT_SOCKET: Final = "/var/run/aesmd/aesm.socket"
_DCAP_WAIT_S: Final = (3.0, 2.0)
"""For a turn, and for a child to be ready: with the answer under what Intel's client grants."""
_UPSTREAM_WAIT_S, _UPSTREAM_CALL_S = 2.0, 6.0
"""For a turn, and for each of the two calls of a quote: likewise."""
_QGS_ANSWER_S: Final = 13.0
"""What the service behind may take: less than our own clients are made to wait."""

Verify = Callable[[bytes], VerifiedQuote]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTds:
    """What serves TDs.

    Attributes:
        backend: makes their quotes.
        verify: verifies one that was served.
    """

    backend: "TdxBackend"
    verify: Verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a daemon serves.

    Attributes:
        name: of the back end.
        quotes: makes quotes of enclaves.
        tds: returns what serves TDs, or None; what it takes is loaded only then.
        verify: verifies a quote that was served.
        at_once: requests that the back end works on at the same time.
        wait_s: how long a request may wait for its turn, seconds.
        problem: why it cannot serve now, or None for the usual answer.
        public: folder with what a verifier needs, or None for hardware.
    """

    name: str
    quotes: "Backend"
    tds: Callable[[], ServedTds | None]
    verify: Verify
    at_once: int = 8
    wait_s: float = 10.0
    problem: Callable[[], str | None] | None = None
    public: Path | None = None


def simulated(
    folder: Path | None, name: str, state: Path, *, accepts_unauthenticated: bool
) -> Served:
    """Return a simulated platform; without a folder a fresh one below the state folder.

    Raises:
        UsageError: there is no such platform, or it cannot be made.
        MalformedError: a file of it does not parse.
    """
    from confcom.adapters.simulation_store import SimulationStore  # noqa: PLC0415

    store = SimulationStore(state / "simulated" if folder is None else folder)
    if folder is None:
        _make_platform(store, state, name)
    authority = store.authority()
    platform = store.platform(name, authority)
    if folder is None:
        _publish(store, authority, platform)
    with packages():
        from confcom.adapters.quoting.simulated import SimulatedBackend  # noqa: PLC0415

    def tds() -> ServedTds:
        from confcom.adapters.quoting.qgs_simulated import SimulatedTdBackend  # noqa: PLC0415

        return ServedTds(
            backend=SimulatedTdBackend(platform, authority),
            verify=_OwnVerifier(authority, platform, TeeType.TDX).verify,
        )

    return Served(
        name="simulated",
        quotes=SimulatedBackend(
            platform, authority, accepts_unauthenticated=accepts_unauthenticated
        ),
        tds=tds,
        verify=_OwnVerifier(authority, platform, TeeType.SGX).verify,
        at_once=1,
        public=store.root_path.parent,
    )


class _OwnVerifier:
    """Verifies quotes of a simulated platform, with collateral that is renewed every day."""

    def __init__(self, authority: "SimulatedAuthority", platform: "Platform", tee: TeeType) -> None:
        self._authority = authority
        self._platform = platform
        self._tee = tee
        self._caches = Caches()
        self._collateral: Collateral | None = None
        self._renew_at = datetime.min.replace(tzinfo=UTC)

    def verify(self, quote: bytes) -> VerifiedQuote:
        """Verify a quote as of now."""
        now = datetime.now(UTC)
        if self._collateral is None or now >= self._renew_at:
            self._collateral = self._authority.collateral(self._platform, at=now, tee=self._tee)
            self._renew_at = now + timedelta(days=1)
        return verify(
            quote,
            self._collateral,
            at=now,
            root=self._authority.trusted_root,
            allow_simulated=True,
            caches=self._caches,
        )


def upstream(
    daemon: str, path: str, qgs: str | None, make_verifier: Callable[[], Verify]
) -> Served:
    """Return another daemon behind us; what verifies is made last, once nothing is refused.

    Raises:
        UsageError: it is the place where we listen, or no address.
    """
    if Path(daemon).absolute() == Path(path).absolute():
        raise UsageError(
            Reason.USAGE,
            f"cannot ask the daemon at {daemon}: that is where we listen",
            hint="let the other daemon listen elsewhere, and name that with --upstream",
        )
    with packages():
        from confcom.adapters.aesm import AsyncAesmClient  # noqa: PLC0415
        from confcom.adapters.quoting.upstream import UpstreamBackend  # noqa: PLC0415
    backend = UpstreamBackend(AsyncAesmClient(daemon, timeout_s=_UPSTREAM_CALL_S))
    verify_quote = make_verifier()
    return Served(
        name="upstream",
        quotes=backend,
        tds=lambda: _td_upstream(qgs, verify_quote),
        verify=verify_quote,
        wait_s=_UPSTREAM_WAIT_S,
    )


def dcap(
    library: str,
    files: Sequence[tuple[str, Path]],
    qgs: str | None,
    make_verifier: Callable[[], Verify],
    records: "QuoteRecords",
) -> Served:
    """Return Intel's libraries in a child process; what verifies is made last."""
    with packages():
        from confcom.adapters.quoting.dcap_backend import DcapBackend  # noqa: PLC0415
        from confcom.adapters.quoting.dcap_library import PathKind  # noqa: PLC0415
        from confcom.adapters.quoting.dcap_limits import DcapLimits  # noqa: PLC0415
        from confcom.adapters.quoting.dcap_process import ChildOptions  # noqa: PLC0415
        from confcom.services.dcap_records import DcapRecords  # noqa: PLC0415
    options = ChildOptions(
        library=library,
        paths={PathKind(kind): path for kind, path in files},
        environment=os.environ,
    )
    turn_s, child_s = _DCAP_WAIT_S
    backend = DcapBackend(
        options,
        limits=DcapLimits(wait_s=child_s),
        observe=DcapRecords(records.log, records.metrics).observe,
    )
    verify_quote = make_verifier()
    return Served(
        name="dcap",
        quotes=backend,
        tds=lambda: _td_upstream(qgs, verify_quote),
        verify=verify_quote,
        at_once=1,
        wait_s=turn_s,
        problem=lambda: _why_not_ready(backend),
    )


def _why_not_ready(backend: "DcapBackend") -> str | None:
    status = backend.status
    return None if status.is_ready else status.why or "the attestation key is not ready yet"


def _td_upstream(address: str | None, verify_quote: Verify) -> ServedTds | None:
    if address is None:
        return None
    with packages():
        from confcom.adapters.qgs import AsyncQgsClient  # noqa: PLC0415
        from confcom.adapters.quoting.qgs_upstream import UpstreamTdBackend  # noqa: PLC0415
    client = AsyncQgsClient(address, timeout_s=_QGS_ANSWER_S)
    return ServedTds(backend=UpstreamTdBackend(client), verify=verify_quote)


def _make_platform(store: "SimulationStore", state: Path, name: str) -> None:
    """Make a hierarchy and a platform, unless they were made when we ran before."""
    from confcom.simulation import make_authority  # noqa: PLC0415

    now = datetime.now(UTC)
    try:
        state.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(
            Reason.OUTPUT_UNWRITABLE,
            f"cannot make a simulated platform in {state}: {exc.strerror}",
            hint="name a folder that this user may write with --state, or a hierarchy with --pki",
        ) from exc
    if not store.exists():
        store.create(make_authority(at=now))
    if name not in store.platform_names():
        store.save_platform(store.authority().add_platform(name, at=now))


def _publish(
    store: "SimulationStore", authority: "SimulatedAuthority", platform: "Platform"
) -> None:
    """Publish collateral that is good from now on."""
    now = datetime.now(UTC)
    for tee in TeeType:
        store.publish(platform.name, tee, authority.collateral(platform, at=now, tee=tee))


@contextmanager
def packages() -> Iterator[None]:
    """Say how to install what is missing."""
    try:
        yield
    except ModuleNotFoundError as exc:
        package = (exc.name or "").split(".")[0]
        if package not in {"google", "structlog"}:
            raise
        wanted = "protobuf" if package == "google" else package
        raise missing_extra("confcom serve quote-helper", wanted, "quote-helper") from exc

# SPDX-License-Identifier: Apache-2.0
"""Quotes for TDs as a service: places that share a back end, rules, turns, and proof of health."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.qgs_service import TD, MachinePlace, td_report
from tests.simulated import authority, platform

from confcom.adapters.peers import PeerReader
from confcom.adapters.qgs import AsyncQgsClient
from confcom.adapters.quoting.qgs_places import UnixPlace
from confcom.adapters.quoting.qgs_simulated import SimulatedTdBackend
from confcom.adapters.quoting.qgs_turns import TdTurnOptions
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.dcap import TdAttributes, TeeType, VerifiedQuote, verify
from confcom.errors import ConfcomError, MisconfiguredError, NotAuthenticError, UnavailableError
from confcom.protocols.peers import Peer
from confcom.protocols.qgs import Answer, DescribePlatform, Operation, PlatformInfo
from confcom.protocols.quotas import Limits, Rate
from confcom.protocols.quoting_rules import parse_rules
from confcom.reasons import Reason
from confcom.services.td_quotes import TdQuoteOptions, TdService, serve_tds
from confcom.simulation import TrustDomain

pytestmark = pytest.mark.timeout(20)
SECRET = b"\x5e" * 64
SIGNER = "51" * 32
DEBUG_TD = TrustDomain(mr_td=bytes(48), td_attributes=TdAttributes.DEBUG)


class Recorder:
    """A back end that notes what is asked of it, and waits while its gate is closed."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._backend = SimulatedTdBackend(platform(), authority())

    async def start(self) -> None:
        self.notes.append("start")

    async def stop(self) -> None:
        self.notes.append("stop")

    async def ask(self, operation: Operation) -> Answer:
        self.notes.append("ask")
        await self.gate.wait()
        return await self._backend.ask(operation)


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def never() -> None:
    """Be told that the daemon cannot go on, which happens in no test of this file."""
    raise AssertionError("the service stopped by itself")


def both_places() -> tuple[UnixPlace, MachinePlace]:
    return UnixPlace(SocketFile(Path("unix"))), MachinePlace(Path("machines"))


async def asked(path: str, report: bytes | None = None) -> bytes | ConfcomError:
    """Return a quote, or why there is none."""
    try:
        return await AsyncQgsClient(path, timeout_s=10).get_quote(report or td_report())
    except ConfcomError as exc:
        return exc


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 a thread, or the kernel, makes it so
            await asyncio.sleep(0.005)


def test_serves_several_places_from_one_back_end() -> None:
    backend = Recorder()
    options = TdQuoteOptions(places=both_places(), is_simulated=True, identify=PeerReader().read)

    async def run() -> None:
        async with serve_tds(backend, options, stop=never) as service:
            for path in ("unix", "machines"):
                assert isinstance(await asked(path, td_report(SECRET)), bytes)
            await service.drain(5)

    with capture_logs() as events:
        asyncio.run(run())
    assert backend.notes == ["start", "ask", "ask", "stop"]
    unix, machine = events
    assert [event["event"] for event in events] == ["td_quote.made"] * 2
    assert "peer" in unix
    assert (machine["cid"], machine["mr_td"]) == (3, TD.mr_td.hex())
    assert SECRET.hex() not in repr(events)


def test_stops_the_back_end_when_a_place_cannot_be_used() -> None:
    Path("taken").touch()
    backend = Recorder()
    options = TdQuoteOptions(
        places=(UnixPlace(SocketFile(Path("free"))), UnixPlace(SocketFile(Path("taken"))))
    )

    async def run() -> None:
        async with serve_tds(backend, options, stop=never):
            raise AssertionError("unreachable")

    with pytest.raises(MisconfiguredError):
        asyncio.run(run())
    assert backend.notes == ["start", "stop"]
    assert not Path("free").exists()


# --- rules ---


def why_refused(
    rules: list[str], path: str, td: TrustDomain = TD, peer: Peer | None = None
) -> str | None:
    """Return why a quote is refused before the back end is asked, or None where one is made."""
    backend = Recorder()
    options = TdQuoteOptions(
        places=both_places(),
        rules=parse_rules(rules),
        identify=None if peer is None else lambda _: peer,
    )

    async def run() -> bytes | ConfcomError:
        async with serve_tds(backend, options, stop=never):
            return await asked(path, td_report(td=td))

    with capture_logs() as events:
        answer = asyncio.run(run())
    (event,) = events
    if isinstance(answer, bytes):
        assert (event["event"], backend.notes) == ("td_quote.made", ["start", "ask", "stop"])
        return None
    assert isinstance(answer, UnavailableError)
    assert "0x12001" in answer.message
    assert (event["event"], backend.notes) == ("td_quote.refused", ["start", "stop"])
    return str(event["why"])


@pytest.mark.parametrize("path", ["unix", "machines"])
@pytest.mark.parametrize(
    ("rule", "td"),
    [
        ("deny", TD),
        ("deny tee=tdx", TD),
        ("deny debug=yes", DEBUG_TD),
        ("deny tee=tdx debug=no", TD),
    ],
)
def test_a_rule_denies_before_the_back_end_is_asked(path: str, rule: str, td: TrustDomain) -> None:
    assert why_refused([rule], path, td) == f"rule '{rule}': the rule denies it"


@pytest.mark.parametrize("path", ["unix", "machines"])
@pytest.mark.parametrize(
    ("rule", "td"),
    [
        ("allow tee=sgx", TD),
        (f"allow mr_signer={SIGNER}", TD),
        ("allow debug=no", DEBUG_TD),
    ],
)
def test_what_no_rule_allows_is_refused(path: str, rule: str, td: TrustDomain) -> None:
    assert why_refused([rule], path, td) == "no rule: no rule allows it"


@pytest.mark.parametrize("attribute", range(8))
def test_every_attribute_of_the_debug_group_is_debug(attribute: int) -> None:
    td = TrustDomain(mr_td=bytes(48), td_attributes=TdAttributes(1 << attribute))
    assert why_refused(["deny debug=yes"], "unix", td) is not None


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("deny uid=0", "the user of the peer is unknown"),
        ("allow uid=0", "the user of the peer is unknown"),
        ("deny namespace=prod", "the pod of the peer is unknown"),
        ("allow namespace=prod", "the pod of the peer is unknown"),
    ],
)
def test_of_a_virtual_machine_neither_user_nor_namespace_is_known(rule: str, why: str) -> None:
    assert why_refused([rule, "allow"], "machines") == f"rule '{rule}': {why}"


def test_a_user_is_known_by_the_connection_alone() -> None:
    peer = Peer(uid=107, gid=107)
    assert why_refused(["deny uid=107"], "unix", peer=peer) is not None
    assert why_refused(["allow uid=107"], "unix", peer=peer) is None
    assert why_refused(["allow uid=4294967294"], "unix") == "no rule: no rule allows it"


@pytest.mark.parametrize("path", ["unix", "machines"])
@pytest.mark.parametrize(
    ("rules", "td"),
    [
        (["allow tee=tdx"], DEBUG_TD),
        (["deny tee=sgx", "deny debug=yes"], TD),
        ([f"deny mr_signer={SIGNER} namespace=prod"], TD),
        (["allow tee=sgx namespace=prod", "allow tee=tdx debug=no"], TD),
    ],
)
def test_what_the_rules_allow_is_quoted(path: str, rules: list[str], td: TrustDomain) -> None:
    assert why_refused(rules, path, td) is None


def test_questions_about_the_platform_are_nothing_for_rules() -> None:
    async def run() -> PlatformInfo:
        options = TdQuoteOptions(places=both_places(), rules=parse_rules(["deny"]))
        async with serve_tds(Recorder(), options, stop=never):
            return await AsyncQgsClient("machines", timeout_s=5).get_platform_info()

    assert asyncio.run(run()).pce_svn == platform().extension.pce_svn


# --- turns ---


def test_a_flood_at_one_place_delays_another_caller_by_one_request() -> None:
    order: list[str] = []

    async def ask(service: TdService, path: str, waiting: int) -> "asyncio.Task[None]":
        async def note() -> None:
            assert isinstance(await asked(path), bytes)
            order.append(path)

        task = asyncio.create_task(note())
        await until(lambda: service.turns.waiting + service.turns.running == waiting)
        return task

    async def run() -> None:
        backend = Recorder()
        options = TdQuoteOptions(places=both_places(), turns=TdTurnOptions(at_once=1))
        async with serve_tds(backend, options, stop=never) as service:
            backend.gate.clear()
            tasks = [await ask(service, "machines", 1 + number) for number in range(8)]
            tasks.append(await ask(service, "unix", 9))
            assert service.turns.running == 1
            backend.gate.set()
            await asyncio.gather(*tasks)

    asyncio.run(run())
    assert order.index("unix") <= 2


def test_where_all_places_are_taken_a_flood_gives_one_up() -> None:
    answers: dict[str, list[bytes | ConfcomError]] = {"machines": [], "unix": []}

    async def run() -> None:
        backend = Recorder()
        limits = Limits(waiting=4, waiting_per_peer=3)
        options = TdQuoteOptions(
            places=both_places(), turns=TdTurnOptions(limits=limits, at_once=1)
        )
        async with serve_tds(backend, options, stop=never) as service:
            backend.gate.clear()
            tasks = []
            for count, path in enumerate(("machines",) * 4 + ("unix",) * 2, 1):
                tasks.append(asyncio.create_task(asked(path)))
                most = min(count, 5)
                await until(
                    lambda most=most: service.turns.waiting + service.turns.running == most  # type: ignore[misc]
                )
            await until(lambda: any(task.done() for task in tasks))
            backend.gate.set()
            for path, task in zip(("machines",) * 4 + ("unix",) * 2, tasks, strict=True):
                answers[path].append(await task)

    asyncio.run(run())
    assert [isinstance(answer, bytes) for answer in answers["unix"]] == [True, True]
    assert [isinstance(answer, bytes) for answer in answers["machines"]] == [True] * 3 + [False]


def test_the_quota_of_one_caller_is_not_that_of_another() -> None:
    async def run() -> list[bool]:
        options = TdQuoteOptions(
            places=both_places(), turns=TdTurnOptions(limits=Limits(per_peer=Rate(0.001, 1)))
        )
        async with serve_tds(Recorder(), options, stop=never):
            paths = ("machines", "machines", "unix", "unix")
            return [isinstance(await asked(path), bytes) for path in paths]

    with capture_logs() as events:
        assert asyncio.run(run()) == [True, False, True, False]
    refused = [event for event in events if event["event"] == "td_quote.refused"]
    assert [event["why"] for event in refused] == [
        "the peer asks more often than its quota allows"
    ] * 2


def test_the_total_rate_is_shared_by_all_places() -> None:
    async def run() -> list[bool]:
        limits = Limits(total=Rate(0.001, 2))
        options = TdQuoteOptions(
            places=both_places(), turns=TdTurnOptions(limits=limits, wait_s=0.1)
        )
        async with serve_tds(Recorder(), options, stop=never):
            return [isinstance(await asked(path), bytes) for path in ("machines", "unix", "unix")]

    assert asyncio.run(run()) == [True, True, False]


# --- what our quotes are worth ---


def verify_own(quote: bytes) -> VerifiedQuote:
    at = platform().pck.certificate.not_valid_before_utc
    return verify(
        quote,
        authority().collateral(platform(), at=at, tee=TeeType.TDX),
        at=at,
        root=authority().trusted_root,
        allow_simulated=True,
    )


def refuse_all(_quote: bytes) -> VerifiedQuote:
    raise NotAuthenticError(Reason.QUOTE_SIGNATURE, "quote is not signed by its key")


def health_of(
    verify_quote: Callable[[bytes], VerifiedQuote] | None, *, count: int = 1, every: int = 1000
) -> tuple[dict[str, object], str, list[object]]:
    """Return status, metrics and names of events once some quotes were served and verified."""
    found: list[tuple[dict[str, object], str]] = []

    async def run() -> None:
        options = TdQuoteOptions(
            places=both_places(), is_simulated=True, verify=verify_quote, every=every
        )
        async with serve_tds(Recorder(), options, stop=never) as service:
            looks = 0
            for number in range(count):
                assert isinstance(await asked("machines"), bytes)
                if verify_quote is not None and number % every == 0:
                    looks += 1
                    await until(lambda looks=looks: _looks(service) == looks)  # type: ignore[misc]
            found.append((service.status(), service.metrics().decode()))

    with capture_logs() as events:
        asyncio.run(run())
    ((status, metrics),) = found
    json.dumps(status)
    return status, metrics, [event["event"] for event in events]


def _looks(service: TdService) -> int:
    prefix = "confcom_quote_helper_td_verifications_total{"
    lines = service.metrics().decode().splitlines()
    return sum(int(line.split()[-1]) for line in lines if line.startswith(prefix))


def test_the_first_and_each_nth_quote_is_verified_in_the_background() -> None:
    looked: list[threading.Thread] = []

    def note(quote: bytes) -> VerifiedQuote:
        looked.append(threading.current_thread())
        return verify_own(quote)

    status, metrics, events = health_of(note, count=5, every=3)
    assert len(looked) == 2
    assert threading.main_thread() not in looked
    assert events.count("own_td_quote.verified") == 2
    verification = status["verification"]
    assert isinstance(verification, dict)
    assert verification["verdict"] == "authentic"
    assert verification["platform"]["tcbStatus"] == "UpToDate"
    assert (
        'confcom_quote_helper_td_verifications_total{verdict="authentic",reason="none"} 2\n'
        in metrics
    )
    assert 'confcom_quote_helper_td_platform_tcb_status_info{status="UpToDate"} 1\n' in metrics


def test_a_quote_that_does_not_verify_is_a_warning_a_metric_and_a_flag() -> None:
    status, metrics, events = health_of(refuse_all)
    assert "own_td_quote.refused" in events
    verification = status["verification"]
    assert isinstance(verification, dict)
    assert (verification["verdict"], verification["reason"]) == ("refused", "quote_signature")
    assert 'td_verifications_total{verdict="refused",reason="quote_signature"} 1\n' in metrics


def test_without_verification_nothing_is_claimed() -> None:
    status, metrics, events = health_of(None)
    assert status["verification"] is None
    assert "td_verifications_total{" not in metrics
    assert events == ["td_quote.made"]


def test_status_names_places_and_callers() -> None:
    status, metrics, _events = health_of(None, count=2)
    assert status["places"][0] == "unix"  # type: ignore[index]
    assert (status["simulated"], status["waiting"]) == (True, 0)
    peers = status["peers"]
    assert isinstance(peers, list)
    (peer,) = peers
    assert (peer["account"], peer["cid"], peer["codes"]) == ("cid:3", 3, {"0": 2})
    assert 'confcom_quote_helper_td_requests_total{call="get_quote",code="0"} 2\n' in metrics
    assert "confcom_quote_helper_td_quote_duration_seconds_count 2\n" in metrics
    assert "confcom_quote_helper_td_waiting_requests 0\n" in metrics


def test_recorder_answers_as_the_simulated_platform() -> None:
    assert isinstance(asyncio.run(Recorder().ask(DescribePlatform())), PlatformInfo)

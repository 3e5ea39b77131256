# SPDX-License-Identifier: Apache-2.0
"""Some quotes are verified after they were served, and what comes of it is written down."""

import asyncio
import threading
from collections.abc import Callable

import pytest
import structlog
from structlog.testing import CapturingLogger
from tests.forging import check
from tests.simulated import AT, sgx

from confcom.dcap import TcbStatus, VerifiedQuote
from confcom.errors import MalformedError, NotAuthenticError, UnavailableError
from confcom.reasons import Reason
from confcom.services.quote_checks import Finding, QuoteChecker, Verdict
from confcom.services.quote_records import QuoteRecords

Verify = Callable[[bytes], VerifiedQuote]
pytestmark = pytest.mark.timeout(20)


def ignore() -> None:
    """Be told that the checker has ended."""


def authentic(_: bytes) -> VerifiedQuote:
    sample = sgx(status=TcbStatus.OUT_OF_DATE, advisory_ids=("INTEL-SA-2", "INTEL-SA-1"))
    return check(sample.quote, sample.collateral)


def refusing(error: Exception) -> Verify:
    def verify(_: bytes) -> VerifiedQuote:
        raise error

    return verify


FORGED = NotAuthenticError(Reason.QUOTE_SIGNATURE, "quote is not signed by its key")
BROKEN = MalformedError(Reason.QUOTE_FORMAT, "cannot parse quote")
OFFLINE = UnavailableError(Reason.SOURCE_UNREACHABLE, "cannot reach the source")


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 a thread makes it so
            await asyncio.sleep(0.005)


def findings_of(verify: Verify, *, every: int, offers: int) -> list[Finding]:
    """Offer quotes one after the other, each after the last finding."""
    found: list[Finding] = []

    async def run() -> None:
        async with QuoteChecker(verify, every=every, tell=found.append, stop=ignore) as checker:
            assert checker.finding == Finding()
            for number in range(offers):
                wanted = len(found) + (number % every == 0)
                checker.offer(number.to_bytes())
                await until(lambda wanted=wanted: len(found) == wanted)  # type: ignore[misc]

    asyncio.run(run())
    return found


def test_the_first_and_each_nth_quote_is_verified() -> None:
    seen: list[bytes] = []

    def verify(quote: bytes) -> VerifiedQuote:
        seen.append(quote)
        raise FORGED

    assert len(findings_of(verify, every=3, offers=8)) == 3
    assert seen == [b"\x00", b"\x03", b"\x06"]


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(FORGED, Verdict.REFUSED), (BROKEN, Verdict.REFUSED), (OFFLINE, Verdict.UNKNOWN)],
)
def test_a_refusal_and_what_could_not_be_had_are_told_apart(
    error: NotAuthenticError | MalformedError | UnavailableError, verdict: Verdict
) -> None:
    (finding,) = findings_of(refusing(error), every=1, offers=1)
    assert (finding.verdict, finding.reason) == (verdict, error.reason.value)
    assert finding.message == error.message
    assert finding.verified is None
    assert "platform" not in finding.to_json()


def test_an_authentic_quote_tells_what_the_platform_is_worth() -> None:
    (finding,) = findings_of(authentic, every=1, offers=1)
    assert finding.verdict is Verdict.AUTHENTIC
    platform = finding.to_json()["platform"]
    assert isinstance(platform, dict)
    assert platform["tcbStatus"] == "OutOfDate"
    assert platform["advisoryIds"] == ["INTEL-SA-1", "INTEL-SA-2"]
    assert platform["simulated"] is True


def test_quotes_that_come_meanwhile_wait_and_only_the_last_is_kept() -> None:
    seen: list[bytes] = []
    found: list[Finding] = []
    gate = threading.Event()

    def verify(quote: bytes) -> VerifiedQuote:
        seen.append(quote)
        gate.wait(10)
        raise FORGED

    async def run() -> None:
        async with QuoteChecker(verify, every=1, tell=found.append, stop=ignore) as checker:
            checker.offer(b"1")
            await until(lambda: bool(seen))
            for quote in (b"2", b"3", b"4"):
                checker.offer(quote)
            gate.set()
            await until(lambda: len(found) == 2)

    asyncio.run(run())
    assert seen == [b"1", b"4"]


def test_a_mistake_of_ours_stops_the_daemon_and_is_not_swallowed() -> None:
    async def run() -> None:
        stopping = asyncio.Event()
        mistaken = refusing(ZeroDivisionError())
        checker = QuoteChecker(mistaken, every=1, tell=lambda _: None, stop=stopping.set)
        async with checker:
            checker.offer(b"1")
            await asyncio.wait_for(stopping.wait(), 3)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())


# --- what is written down ---


@pytest.fixture
def log() -> CapturingLogger:
    return CapturingLogger()


@pytest.fixture
def records(log: CapturingLogger) -> QuoteRecords:
    wrapped = structlog.wrap_logger(log, processors=[lambda _logger, _method, event: ((), event)])
    return QuoteRecords(wrapped.bind(), is_simulated=True, version="0")


def finding_of(verify: Verify) -> Finding:
    return findings_of(verify, every=1, offers=1)[0]


def test_a_refused_quote_of_our_own_is_a_warning_and_a_count(
    records: QuoteRecords, log: CapturingLogger
) -> None:
    records.proof.tell(finding_of(authentic))
    records.proof.tell(finding_of(refusing(FORGED)))
    assert [call.method_name for call in log.calls] == ["info", "warning"]
    assert log.calls[-1].kwargs["event"] == "own_quote.refused"
    assert log.calls[-1].kwargs["reason"] == "quote_signature"
    text = records.metrics.text().decode()
    name = "confcom_quote_helper_verifications_total"
    assert f'{name}{{verdict="refused",reason="quote_signature"}} 1\n' in text
    assert f'{name}{{verdict="authentic",reason="none"}} 1\n' in text
    assert "tcb_status_info{" not in text  # nothing is known of it any more


def test_collateral_that_cannot_be_had_leaves_what_was_known(
    records: QuoteRecords, log: CapturingLogger
) -> None:
    records.proof.tell(finding_of(authentic))
    records.proof.tell(finding_of(refusing(OFFLINE)))
    assert log.calls[-1].kwargs["event"] == "own_quote.unverified"
    text = records.metrics.text().decode()
    assert 'platform_tcb_status_info{status="OutOfDate"} 1\n' in text
    assert "platform_advisories 2\n" in text
    assert f"verification_timestamp_seconds {int(AT.timestamp())}\n" in text

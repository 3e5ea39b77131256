# SPDX-License-Identifier: Apache-2.0
"""Dates: both ends inclusive, allowance before, grace behind documents only."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.simulated import sgx

from confcom.dcap import EnclaveIdentity, TcbInfo
from confcom.dcap.validity import Clock, Period, Validity, text
from confcom.errors import NotAuthenticError
from confcom.reasons import Reason

CERT = Period("certificate", 100, 200, Reason.CERT_EXPIRED)
LIST = Period("list", 110, 190, Reason.CRL_EXPIRED)
DOCUMENT = Period("document", 120, 180, Reason.COLLATERAL_EXPIRED)
ALL = Validity((CERT, LIST, DOCUMENT))


def verdict(validity: Validity, now: int, *, allowance: int = 0, grace: int = 0) -> Reason | None:
    try:
        validity.check(Clock(now, allowance, grace))
    except NotAuthenticError as error:
        return error.reason
    return None


@pytest.mark.parametrize("period", [CERT, LIST, DOCUMENT])
def test_both_ends_are_inclusive(period: Period) -> None:
    validity = Validity((period,))
    assert verdict(validity, period.first) is None
    assert verdict(validity, period.last) is None
    assert verdict(validity, period.first - 1) is Reason.NOT_YET_VALID
    assert verdict(validity, period.last + 1) is period.late


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (99, Reason.NOT_YET_VALID),
        (119, Reason.NOT_YET_VALID),
        (120, None),
        (180, None),
        (181, Reason.COLLATERAL_EXPIRED),
        (191, Reason.CRL_EXPIRED),
        (201, Reason.CERT_EXPIRED),
    ],
)
def test_the_first_in_order_names_the_reason(now: int, reason: Reason | None) -> None:
    assert verdict(ALL, now) is reason


def test_the_allowance_moves_beginnings_only() -> None:
    assert verdict(ALL, 115, allowance=5) is None
    assert verdict(ALL, 114, allowance=5) is Reason.NOT_YET_VALID
    assert verdict(ALL, 181, allowance=5) is Reason.COLLATERAL_EXPIRED


def test_grace_extends_documents_only() -> None:
    assert verdict(ALL, 190, grace=10) is None
    assert verdict(ALL, 191, grace=1000) is Reason.CRL_EXPIRED
    assert verdict(ALL, 186, grace=5) is Reason.COLLATERAL_EXPIRED
    assert verdict(Validity((CERT,)), 201, grace=1000) is Reason.CERT_EXPIRED
    assert verdict(ALL, 119, grace=1000) is Reason.NOT_YET_VALID


def _expected(now: int, allowance: int, grace: int) -> Reason | None:
    for period in (CERT, LIST, DOCUMENT):
        if now + allowance < period.first:
            return Reason.NOT_YET_VALID
        if now - (grace if period is DOCUMENT else 0) > period.last:
            return period.late
    return None


@pytest.mark.parametrize("allowance", [0, 1, 5, 25])
@pytest.mark.parametrize("grace", [0, 1, 5, 25])
def test_together_they_are_as_strict_as_each_alone(allowance: int, grace: int) -> None:
    for now in range(60, 240):
        found = verdict(ALL, now, allowance=allowance, grace=grace)
        assert found is _expected(now, allowance, grace), now


def test_the_message_names_the_one_that_objects() -> None:
    for now, allowance, words in (
        (100, 0, "document is valid from 1970-01-01T00:02:00Z"),
        (96, 5, "document is valid from 1970-01-01T00:02:00Z"),
        (181, 0, "document was valid until 1970-01-01T00:03:00Z"),
        (99, 0, "certificate is valid from 1970-01-01T00:01:40Z"),
    ):
        with pytest.raises(NotAuthenticError) as caught:
            Validity((CERT, DOCUMENT)).check(Clock(now, allowance))
        assert caught.value.message.startswith(words)


def test_documents_are_named_by_their_kind() -> None:
    sample = sgx()
    assert Period.of_document(TcbInfo.from_bytes(sample.collateral.tcb_info)).what == "TCB Info"
    identity = EnclaveIdentity.from_bytes(sample.collateral.qe_identity)
    assert Period.of_document(identity).what == "QE identity"


def test_a_clock_allows_nothing_unless_told() -> None:
    assert Clock(7) == Clock(7, allowance=0, grace=0)


def test_an_entry_can_be_used_until_what_grace_does_not_extend_ends() -> None:
    assert ALL.last_use == 190
    assert Validity((DOCUMENT,)).last_use > 2**40


def test_the_clock_counts_whole_seconds() -> None:
    at = datetime(2026, 1, 1, 0, 0, 0, 999_999, UTC)
    clock = Clock.at(at, allowance=timedelta(seconds=5), grace=timedelta(days=1))
    assert (clock.now, clock.allowance, clock.grace) == (int(at.timestamp()), 5, 86400)


def test_the_clock_rounds_down_before_1970_too() -> None:
    at = datetime(1969, 12, 31, 23, 59, 58, 500_000, UTC)
    assert Clock.at(at, allowance=timedelta(0), grace=timedelta(0)).now == -2


@pytest.mark.parametrize(
    ("at", "allowance", "grace"),
    [
        (datetime(2026, 1, 1), 0, 0),
        (datetime(2026, 1, 1, tzinfo=UTC), -1, 0),
        (datetime(2026, 1, 1, tzinfo=UTC), 0, -1),
    ],
)
def test_refuses_times_without_zone_and_negative_spans(
    at: datetime, allowance: int, grace: int
) -> None:
    with pytest.raises(ValueError, match=r"time zone|negative"):
        Clock.at(at, allowance=timedelta(seconds=allowance), grace=timedelta(seconds=grace))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (253402300799, "9999-12-31T23:59:59Z"),
        (253402300800, "253402300800 s"),
        (2**70, f"{2**70} s"),
    ],
)
def test_dates_are_written_for_people(seconds: int, expected: str) -> None:
    assert text(seconds) == expected

# SPDX-License-Identifier: Apache-2.0
"""How long a document is fresh, when it is due, what replaces it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.document import Document, refuse_rollback
from confcom.adapters.collateral.requests import QeIdentityRequest, RootCaCrlRequest, TcbInfoRequest
from confcom.adapters.collateral.shelf import Shelf, ShelfOptions
from confcom.dcap import TeeType
from confcom.errors import UnavailableError
from confcom.reasons import Reason

REQUEST = QeIdentityRequest(TeeType.SGX)
NOW = 1_000_000
DAY = 86_400


def document(
    *,
    fetched_at: int = NOW,
    max_age: int | None = None,
    issue_date: int = NOW - DAY,
    usable_until: int = NOW + 30 * DAY,
    number: int | None = 20,
    request: QeIdentityRequest | TcbInfoRequest | RootCaCrlRequest = REQUEST,
) -> Document:
    return Document(
        request=request,
        answer=Answer(body=b"{}", issuer_chain=None, source="pcs.example", max_age=max_age),
        fetched_at=fetched_at,
        issue_date=issue_date,
        next_update=usable_until,
        usable_until=usable_until,
        evaluation_number=number,
    )


def shelf(options: ShelfOptions | None = None) -> Shelf:
    return Shelf(options or ShelfOptions(), jitter=lambda _, high: high)


@pytest.mark.parametrize(
    ("max_age", "usable_for", "fresh_for"),
    [
        (None, 30 * DAY, DAY),
        (3600, 30 * DAY, 3600),
        (10 * DAY, 30 * DAY, DAY),
        (0, 30 * DAY, 60),
        (None, 100, 100),
        (0, 30, 30),
        (None, -5, -5),
    ],
)
def test_the_earliest_bound_counts(max_age: int | None, usable_for: int, fresh_for: int) -> None:
    kept = document(max_age=max_age, usable_until=NOW + usable_for)
    assert shelf().fresh_until(kept) == NOW + fresh_for


@given(
    st.integers(0, 2 * DAY), st.one_of(st.none(), st.integers(0, 2 * DAY)), st.integers(-100, 100)
)
def test_fresh_means_neither_too_old_nor_from_the_future(
    age: int, max_age: int | None, usable_for: int
) -> None:
    kept = document(fetched_at=NOW - age, max_age=max_age, usable_until=NOW + usable_for)
    if shelf().is_fresh(kept, NOW):
        assert age < DAY
        assert usable_for > 0
        assert max_age is None or age < max(max_age, 60)
    assert not shelf().is_fresh(kept, NOW - age - 2)


def test_gives_what_was_put() -> None:
    place = shelf()
    assert place.fresh(REQUEST, NOW) is None
    place.put(document())
    assert place.fresh(REQUEST, NOW + DAY - 1) == document()
    assert place.fresh(REQUEST, NOW + DAY) is None
    assert place.last(REQUEST) == document()


def test_is_due_after_its_share_if_it_was_used() -> None:
    place = shelf(ShelfOptions(refresh_share=0.5))
    place.put(document())
    assert place.due(NOW + DAY) == ()
    place.fresh(REQUEST, NOW)
    assert place.due(NOW + DAY // 2 - 1) == ()
    assert place.due(NOW + DAY // 2) == (REQUEST,)


def test_a_failure_is_held_and_then_forgotten() -> None:
    place = shelf()
    error = UnavailableError(Reason.SOURCE_REFUSED, "no")
    place.fail(REQUEST, error, NOW)
    assert place.held_failure(REQUEST, NOW + 9) is error
    assert place.held_failure(REQUEST, NOW + 10) is None
    place.put(document())
    assert place.held_failure(REQUEST, NOW) is None


def test_while_a_failure_is_held_the_last_document_answers_if_it_is_usable() -> None:
    place = shelf()
    place.put(document(usable_until=NOW + DAY + 5))
    place.fail(REQUEST, UnavailableError(Reason.SOURCE_REFUSED, "no"), NOW + DAY)
    assert place.fresh(REQUEST, NOW + DAY + 5) is not None
    assert place.fresh(REQUEST, NOW + DAY + 6) is None


def test_a_failed_renewal_is_not_due_again_at_once() -> None:
    place = shelf()
    place.put(document())
    place.fresh(REQUEST, NOW)
    place.fail(REQUEST, UnavailableError(Reason.SOURCE_REFUSED, "no"), NOW + DAY)
    assert place.due(NOW + DAY + 59) == ()
    assert place.due(NOW + DAY + 60) == (REQUEST,)


def test_the_least_recently_used_goes_first() -> None:
    place = shelf(ShelfOptions(most_documents=2))
    requests = [TcbInfoRequest(TeeType.SGX, bytes([n] * 6)) for n in range(3)]
    place.put(document(request=requests[0]))
    place.put(document(request=requests[1]))
    place.fresh(requests[0], NOW)
    place.put(document(request=requests[2]))
    assert [place.last(each) is not None for each in requests] == [True, False, True]


@pytest.mark.parametrize(
    ("number", "issue_date"), [(20, NOW), (20, NOW + 1), (21, NOW), (None, NOW), (20, NOW - 0)]
)
def test_a_document_as_new_may_take_the_place(number: int | None, issue_date: int) -> None:
    refuse_rollback(document(issue_date=NOW), document(number=number, issue_date=issue_date))


@pytest.mark.parametrize(
    ("number", "issue_date", "words"),
    [
        (19, NOW + DAY, "evaluation data number 19, the one at hand has 20"),
        (20, NOW - 1, "issue date 1970-01-12T13:46:39Z, the one at hand has 1970-01-12T13:46:40Z"),
        (21, NOW - 1, "issue date"),
        (None, NOW - 1, "issue date"),
    ],
)
def test_an_older_document_may_not(number: int | None, issue_date: int, words: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        refuse_rollback(document(issue_date=NOW), document(number=number, issue_date=issue_date))
    assert caught.value.reason is Reason.COLLATERAL_ROLLBACK
    assert words in caught.value.message
    assert "pcs.example" in caught.value.message

# SPDX-License-Identifier: Apache-2.0
"""One tree of errors: a branch takes only reasons of its kind and loses nothing on its way."""

import copy
import inspect
import pickle
import re
from collections.abc import Callable

import pytest

from confcom import errors
from confcom.errors import BRANCHES, ConfcomError, MalformedError, NotAuthenticError
from confcom.reasons import Kind, Reason

BY_KIND = {branch.kind: branch for branch in BRANCHES}


@pytest.mark.parametrize("branch", BRANCHES)
def test_refuses_every_reason_of_another_kind(branch: type[ConfcomError]) -> None:
    for reason in Reason:
        if reason.kind is not branch.kind:
            with pytest.raises(TypeError, match=f"{branch.__name__} cannot carry reason {reason}"):
                branch(reason, "checking something")


@pytest.mark.parametrize("branch", BRANCHES)
def test_takes_every_reason_of_its_kind(branch: type[ConfcomError]) -> None:
    own = [reason for reason in Reason if reason.kind is branch.kind]
    assert [branch(reason, "checking something").reason for reason in own] == own


def test_every_kind_but_a_bug_has_one_branch() -> None:
    assert len(BY_KIND) == len(BRANCHES)
    assert set(BY_KIND) == set(Kind) - {Kind.BUG}


def test_no_error_can_be_raised_for_a_bug() -> None:
    for branch in BRANCHES:
        with pytest.raises(TypeError):
            branch(Reason.INTERNAL_ERROR, "something went wrong")


def test_every_branch_is_caught_by_the_root() -> None:
    assert all(branch.__bases__ == (ConfcomError,) for branch in BRANCHES)


def test_every_class_of_the_module_is_a_branch_or_the_root() -> None:
    classes = {
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, Exception)
    }
    assert classes == {ConfcomError, *BRANCHES}


def test_tree_in_the_docstring_lists_the_branches_with_their_exit_codes() -> None:
    assert errors.__doc__ is not None
    drawn = dict(re.findall(r"^    \* (\w+): .*\(exit (\d+)\)$", errors.__doc__, re.MULTILINE))
    assert drawn == {
        branch.__name__: str(branch.kind.outcome.exit_code.value) for branch in BRANCHES
    }


def test_says_its_message_and_nothing_else() -> None:
    error = MalformedError(
        Reason.QUOTE_FORMAT, "quote is 12 bytes long, minimum 1020", hint="was it cut short?"
    )
    assert str(error) == error.message == "quote is 12 bytes long, minimum 1020"
    assert error.hint == "was it cut short?"


def test_has_neither_hint_nor_step_unless_given() -> None:
    error = MalformedError(Reason.QUOTE_FORMAT, "quote is empty")
    assert error.hint is None
    assert error.step is None


def _through_pickle(error: ConfcomError) -> ConfcomError:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes, as a worker sends them
    assert isinstance(again, ConfcomError)
    return again


@pytest.mark.parametrize("duplicate", [copy.copy, _through_pickle])
def test_comes_back_whole_from_a_worker_process(
    duplicate: Callable[[ConfcomError], ConfcomError],
) -> None:
    error = NotAuthenticError(
        Reason.PCK_CHAIN, "PCK chain has 4 certificates, expected 3", hint="look", step="pck_chain"
    )
    again = duplicate(error)
    assert type(again) is NotAuthenticError
    assert vars(again) == vars(error)
    assert str(again) == str(error)
    assert again.reason.kind is Kind.NOT_AUTHENTIC

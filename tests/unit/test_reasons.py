# SPDX-License-Identifier: Apache-2.0
"""Reasons are one stable list of words, and their kind alone decides what follows from them."""

import json
import pickle
import re

import pytest

from confcom.reasons import OUTCOMES, ExitCode, Kind, Outcome, Reason

# The refusal classes that other people's recorded cases use; they may not be renamed.
REFUSAL_CLASSES = [
    "quote_format",
    "quote_version",
    "att_key_type",
    "tee_type",
    "qe_vendor",
    "body_type",
    "cert_type",
    "att_key_invalid",
    "signature_encoding",
    "pck_missing",
    "pck_chain",
    "cert_format",
    "cert_signature",
    "untrusted_root",
    "cert_expired",
    "not_yet_valid",
    "cert_revoked",
    "pck_revoked",
    "pck_extension",
    "crl_format",
    "crl_issuer",
    "crl_signature",
    "crl_expired",
    "collateral_format",
    "collateral_expired",
    "tcb_info_signature",
    "tcb_info_mismatch",
    "qe_identity_signature",
    "qe_identity_mismatch",
    "qe_report_signature",
    "qe_report_data",
    "qe_debug",
    "quote_signature",
    "tdx_module_mismatch",
    "tcb_not_supported",
    "tcb_revoked",
    "debug",
    "trailing_data",
    "too_large",
]


def test_knows_every_refusal_class_of_the_recorded_cases() -> None:
    assert set(REFUSAL_CLASSES) <= {reason.value for reason in Reason}


def test_is_a_lower_case_word_that_labels_and_file_names_can_hold() -> None:
    for reason in Reason:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason), reason
        assert reason.value == reason.name.lower()


def test_has_an_outcome_through_its_kind() -> None:
    for reason in Reason:
        assert reason.kind.outcome is OUTCOMES[reason.kind]


def test_every_kind_has_an_outcome_and_a_reason() -> None:
    assert set(OUTCOMES) == set(Kind) == {reason.kind for reason in Reason}


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Kind.NOT_ACCEPTABLE, Outcome(True, False, ExitCode.NO)),
        (Kind.NOT_AUTHENTIC, Outcome(False, None, ExitCode.NO)),
        (Kind.MALFORMED, Outcome(False, None, ExitCode.MALFORMED)),
        (Kind.UNAVAILABLE, Outcome(False, None, ExitCode.UNKNOWN)),
        (Kind.MISCONFIGURED, Outcome(False, None, ExitCode.CONFIGURATION)),
        (Kind.USAGE, Outcome(False, None, ExitCode.USAGE)),
        (Kind.BUG, Outcome(False, None, ExitCode.BUG)),
    ],
)
def test_outcome_is_the_published_one(kind: Kind, outcome: Outcome) -> None:
    assert kind.outcome == outcome


def test_no_reason_ends_with_success_or_says_acceptable() -> None:
    for outcome in OUTCOMES.values():
        assert outcome.exit_code is not ExitCode.YES
        assert outcome.acceptable is not True


def test_only_an_unacceptable_thing_is_authentic() -> None:
    assert [kind for kind in Kind if kind.outcome.authentic] == [Kind.NOT_ACCEPTABLE]


def test_outcomes_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        OUTCOMES[Kind.BUG] = Outcome(True, True, ExitCode.YES)  # type: ignore[index]


def test_exit_codes_are_the_published_numbers() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "YES": 0,
        "NO": 1,
        "USAGE": 2,
        "MALFORMED": 3,
        "UNKNOWN": 4,
        "CONFIGURATION": 5,
        "BUG": 70,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize(
    ("reason", "condition"),
    [
        (Reason.PCK_CHAIN, "PckChain"),
        (Reason.DEBUG, "Debug"),
        (Reason.EVALUATION_NUMBERS_SIGNATURE, "EvaluationNumbersSignature"),
    ],
)
def test_condition_is_the_word_in_camel_case(reason: Reason, condition: str) -> None:
    assert reason.condition == condition


def test_conditions_are_as_distinct_as_reasons() -> None:
    assert len({reason.condition for reason in Reason}) == len(Reason)


def test_condition_is_what_kubernetes_admits() -> None:
    for reason in Reason:
        assert re.fullmatch(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", reason.condition)


def test_travels_as_its_word_and_comes_back_whole() -> None:
    for reason in Reason:
        copy = pickle.loads(pickle.dumps(reason))  # noqa: S301  our own bytes, as a worker sends
        assert json.dumps({"reason": reason}) == f'{{"reason": "{reason.value}"}}'
        assert copy is reason
        assert copy.kind is reason.kind

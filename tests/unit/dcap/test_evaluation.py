# SPDX-License-Identifier: Apache-2.0
"""Lists of evaluation data numbers: read as written, newest first, verified, and refused."""

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.forging import revocation_list
from tests.simulated import AT, DAY, authority

from confcom.dcap import EvaluationNumbers, SignedDocument, TeeType
from confcom.dcap.verify_numbers import verify_evaluation_numbers
from confcom.errors import ConfcomError, MalformedError
from confcom.reasons import Reason
from confcom.simulation import make_authority, render_evaluation_numbers

SIGNED = authority().evaluation_numbers(TeeType.SGX, at=AT, numbers=(17, 19, 18))
CHAIN = authority().tcb_signing.pem + authority().root.pem
CRL = authority().root_crl(at=AT)


def verdict(**changes: Any) -> Reason | None:  # noqa: ANN401 passed on
    arguments = {
        "document": SIGNED,
        "issuer_chain": CHAIN,
        "root_ca_crl": CRL,
        "at": AT,
        "root": authority().trusted_root,
        "allow_simulated": True,
    }
    try:
        verify_evaluation_numbers(**(arguments | changes))  # type: ignore[arg-type]
    except ConfcomError as error:
        return error.reason
    return None


def test_reads_what_was_written_newest_first() -> None:
    numbers = EvaluationNumbers.from_bytes(SIGNED.content)
    assert render_evaluation_numbers(numbers) == SIGNED.content
    assert [entry.number for entry in numbers.numbers] == [19, 18, 17]
    document = json.loads(SIGNED.content)
    document["tcbEvalNumbers"].reverse()
    assert EvaluationNumbers.from_bytes(json.dumps(document).encode()) == numbers


@pytest.mark.parametrize("name", ["id", "version", "issueDate", "nextUpdate", "tcbEvalNumbers"])
@pytest.mark.parametrize("value", [None, [], {}, True, 1.5, "x"])
def test_refuses_members_of_another_type(name: str, value: object) -> None:
    for document in (
        json.loads(SIGNED.content) | {name: value},
        {key: one for key, one in json.loads(SIGNED.content).items() if key != name},
    ):
        with pytest.raises(MalformedError) as caught:
            EvaluationNumbers.from_bytes(json.dumps(document).encode())
        assert caught.value.reason is Reason.COLLATERAL_FORMAT


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"version": 2},
        {"id": "QE"},
        {"tcbEvalNumbers": [{}]},
        {"tcbEvalNumbers": json.loads(SIGNED.content)["tcbEvalNumbers"] * 2},
        {"tcbEvalNumbers": json.loads(SIGNED.content)["tcbEvalNumbers"] * 100},
        *(
            {"tcbEvalNumbers": [json.loads(SIGNED.content)["tcbEvalNumbers"][0] | change]}
            for change in (
                {"tcbEvaluationDataNumber": -1},
                {"tcbEvaluationDataNumber": 2**32},
                {"tcbDate": ""},
                {"tcbRecoveryEventDate": None},
            )
        ),
    ],
)
def test_refuses_values_out_of_range(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        EvaluationNumbers.from_bytes(json.dumps(json.loads(SIGNED.content) | change).encode())


def test_accepts_a_list_that_the_authority_signed() -> None:
    assert verdict() is None


FOREIGN = make_authority(at=AT)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"allow_simulated": False}, Reason.SIMULATED_ROOT),
        ({"root": FOREIGN.trusted_root}, Reason.CRL_ISSUER),
        (
            {"root": FOREIGN.trusted_root, "root_ca_crl": FOREIGN.root_crl(at=AT)},
            Reason.UNTRUSTED_ROOT,
        ),
        (
            {"document": SignedDocument(SIGNED.content + b" ", SIGNED.signature)},
            Reason.EVALUATION_NUMBERS_SIGNATURE,
        ),
        (
            {"document": SignedDocument(SIGNED.content, bytes(64))},
            Reason.EVALUATION_NUMBERS_SIGNATURE,
        ),
        ({"document": FOREIGN.sign(SIGNED.content)}, Reason.EVALUATION_NUMBERS_SIGNATURE),
        ({"document": authority().sign(b"{}")}, Reason.COLLATERAL_FORMAT),
        ({"issuer_chain": b""}, Reason.CERT_FORMAT),
        (
            {"issuer_chain": authority().platform_ca.pem + authority().root.pem},
            Reason.CERT_FORMAT,
        ),
        ({"root_ca_crl": b""}, Reason.CRL_FORMAT),
        ({"root_ca_crl": FOREIGN.root_crl(at=AT)}, Reason.CRL_SIGNATURE),
        (
            {"root_ca_crl": authority().revoke(authority().tcb_signing, at=AT).root_crl(at=AT)},
            Reason.CERT_REVOKED,
        ),
        ({"at": AT - timedelta(seconds=1)}, Reason.NOT_YET_VALID),
        ({"at": AT + 30 * DAY + timedelta(seconds=1)}, Reason.COLLATERAL_EXPIRED),
        (
            {"root_ca_crl": revocation_list(authority().root, next_update=AT + DAY)}
            | {"at": AT + 2 * DAY},
            Reason.CRL_EXPIRED,
        ),
    ],
)
def test_refuses_lists(changes: dict[str, Any], reason: Reason) -> None:
    found = verdict(**changes)
    if reason is Reason.CRL_ISSUER:  # names of simulators are alike, their keys differ
        assert found is Reason.CRL_SIGNATURE
    else:
        assert found is reason

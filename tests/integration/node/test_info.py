# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm info``: what the daemon offers, decoded, and how far it can be asked."""

from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML
from tests import simulated
from tests.integration.node.conftest import SCHEMA, MakeRun, Run

from confcom.adapters.aesm_health import State
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    AesmCode,
    Answer,
    AttestationKeyId,
    InitKey,
    Operation,
    Refusal,
)
from confcom.reasons import ExitCode
from confcom.sgx import Flags, TargetInfo
from confcom.testing.aesm_quotes import CannedQuotes
from confcom.testing.aesm_server import AesmServer, Misbehaviour

ALL_CALLS = [
    "get_supported_att_key_id_num",
    "get_supported_att_key_ids",
    "select_att_key_id",
    "init_quote_ex",
    "get_quote_size_ex",
]


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    return make_run("info")


def test_everything_is_asked_and_shown(daemon: AesmServer, run: Run, quotes: CannedQuotes) -> None:
    code, document, err = run.json()
    assert (code, err, document["state"]) == (ExitCode.YES, "", "answers")
    (key,) = document["keys"]
    assert key == {
        "algorithm": "ECDSA P-256",
        "algorithmId": 2,
        "mrSigner": DEFAULT_KEY_ID.mr_signer[:32].hex(),
        "signer": "Intel, QE3",
        "productId": 1,
        "selected": True,
    }
    enclave = document["quotingEnclave"]
    target = simulated.platform().qe_target_info
    assert enclave["mrEnclave"] == target.mr_enclave.hex()
    assert int(enclave["flags"], 16) == target.flags
    assert enclave["publicKeyId"] == "1d" * 32
    assert enclave["debug"] is False
    assert document["quoteBytes"] == len(quotes.quote)
    assert [call["call"] for call in document["calls"]] == ALL_CALLS == list(daemon.calls)
    assert all(call["ms"] > 0 for call in document["calls"])


@pytest.mark.usefixtures("daemon")
def test_table_and_yaml_say_the_same(run: Run, quotes: CannedQuotes) -> None:
    code, out, _ = run()
    assert code == ExitCode.YES
    assert "ECDSA P-256" in out
    assert "(Intel, QE3)" in out
    assert f"{len(quotes.quote)} bytes" in out
    assert "INIT MODE64BIT PROVISIONKEY" in out
    _, text, _ = run("--output", "yaml")
    assert YAML(typ="safe").load(text)["quoteBytes"] == len(quotes.quote)


def test_other_keys_are_told_apart(daemon: AesmServer, run: Run) -> None:
    epid = AttestationKeyId(
        mr_signer=bytes.fromhex("ec15b10787d2f84667ceb0b598ffc44a1f1cb80f670aae5df9e8fa9f6376e1f8")
        + bytes(16),
        algorithm_id=1,
    )
    strange = AttestationKeyId(
        mr_signer=b"\x77" * 48, mr_signer_size=65535, algorithm_id=9, family_id=b"\x01" * 16
    )
    keys = (DEFAULT_KEY_ID, epid, strange)
    daemon.key_ids = tuple(key.to_bytes() for key in keys)
    _, document, _ = run.json()
    assert [key["algorithm"] for key in document["keys"]] == [
        "ECDSA P-256",
        "EPID, linkable",
        "unknown (9)",
    ]
    assert [key["signer"] for key in document["keys"]] == ["Intel, QE3", "Intel, EPID", None]
    assert [key["selected"] for key in document["keys"]] == [True, False, False]
    assert document["keys"][2]["familyId"] == "01" * 16
    assert document["keys"][2]["mrSigner"] == "77" * 48
    _, out, _ = run()
    assert "unknown signer" in out
    assert "familyId" in out


def test_quoting_enclave_with_debug_and_configuration_is_pointed_out(
    daemon: AesmServer, run: Run, quotes: CannedQuotes
) -> None:
    target = simulated.platform().qe_target_info
    odd = replace(
        target, flags=target.flags | Flags.DEBUG, config_svn=7, config_id=b"\xc0" * 64
    ).to_bytes()
    daemon.answer = replace(quotes, target_info=odd)
    _, document, _ = run.json()
    assert document["quotingEnclave"]["debug"] is True
    assert document["quotingEnclave"]["configSvn"] == 7
    assert TargetInfo.from_bytes(odd).config_id.hex() == document["quotingEnclave"]["configId"]
    _, out, _ = run()
    assert "verifiers refuse its quotes" in out
    assert "CONFIGID, CONFIGSVN" in out


def test_refused_key_does_not_hide_the_rest(
    daemon: AesmServer, run: Run, quotes: CannedQuotes
) -> None:
    def answer(operation: Operation) -> Answer:
        if isinstance(operation, InitKey):
            return Refusal(AesmCode.NETWORK, "no way out")
        return quotes(operation)

    daemon.answer = answer
    code, document, err = run.json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "no_certificates")
    assert document["quotingEnclave"] is None
    assert document["quoteBytes"] == len(quotes.quote)
    assert [call["code"] for call in document["calls"]] == [None, None, None, 12, None]
    assert "sgx_default_qcnl.conf" in err
    code, out, _ = run()
    assert code == ExitCode.UNKNOWN
    assert "Quoting enclave" not in out


def test_daemon_without_platform_is_asked_once(daemon: AesmServer, run: Run) -> None:
    daemon.key_ids = ()
    code, document, _ = run.json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "no_platform")
    assert document["keys"] == []
    assert daemon.calls == ("get_supported_att_key_id_num",)
    code, out, _ = run()
    assert code == ExitCode.UNKNOWN
    assert "Attestation key" not in out


@pytest.mark.usefixtures("daemon_without_keys")
def test_daemon_without_keys_is_asked_no_further(run: Run) -> None:
    code, document, err = run.json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "no_platform")
    assert [call["call"] for call in document["calls"]] == ALL_CALLS[:1]
    assert "offers no attestation key" in err


@pytest.mark.parametrize(
    ("how", "state", "code"),
    [
        (Misbehaviour.STALL, "hung", ExitCode.UNKNOWN),
        (Misbehaviour.CLOSE, "closed", ExitCode.UNKNOWN),
        (Misbehaviour.GARBAGE, "not_aesm", ExitCode.MALFORMED),
        (Misbehaviour.WRONG_TYPE, "not_aesm", ExitCode.MALFORMED),
    ],
)
def test_broken_daemon_is_asked_no_further(
    daemon: AesmServer, run: Run, how: Misbehaviour, state: str, code: ExitCode
) -> None:
    daemon.misbehave(how)
    found, document, err = run.json("--timeout", "0.2")
    assert (found, document["state"]) == (code, state)
    assert len(daemon.calls) == 1
    assert err.startswith("error: ")


def test_no_socket_is_said_as_by_ping(run: Run) -> None:
    code, document, err = run.json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "no_socket")
    assert "start the daemon" in err
    assert not Path("s").exists()


def test_schema_knows_every_state() -> None:
    assert SCHEMA["$defs"]["state"]["enum"] == [state.value for state in State]
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

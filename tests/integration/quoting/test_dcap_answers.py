# SPDX-License-Identifier: Apache-2.0
"""The dcap back end through stand-ins of Intel's libraries: what it answers and refuses."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.quoting.conftest import LIMITS, QUICK, Rig, make_quote, run, until
from tests.stubs.libraries import NOTHING, QUOTE_BYTES, SIMPLE, seal_report

from confcom.adapters.quoting.dcap_library import PathKind
from confcom.protocols.aesm.calls import (
    GetQuoteSize,
    InitKey,
    KeyInfo,
    Operation,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.protocols.aesm.codes import AesmCode, from_quote3
from confcom.protocols.aesm.structures import DEFAULT_KEY_ID

TARGET_INFO = b"\xee" * 32 + b"\x01" + bytes(479)
PUBLIC_KEY_ID = hashlib.sha256(b"\x4b" * 64 + bytes(range(32))).digest()
INFO = bytes(range(16)) + bytes(944)


def _is(answer: object, code: AesmCode, *words: str) -> None:
    assert isinstance(answer, Refusal), answer
    assert answer.code is code
    for word in words:
        assert word in answer.why


# --- what is refused ---------------------------------------------------------------------------

ERRORS = [*range(0xE001, 0xE01B), 0xE035, 0xE03F, 0xE040, 0xE043, 0xE047, 0xE067, 0xE0FF]


def test_every_error_number_of_the_library_becomes_its_code(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            assert isinstance(await backend.ask(InitKey()), KeyInfo)
            for operation, name in ((InitKey(), "init"), (GetQuoteSize(), "size")):
                for error in ERRORS:
                    if error == 0xE00F and name == "size":
                        continue  # asked for again, see below
                    rig.stub.behave(**{name: f"{error:x}"})
                    _is(await backend.ask(operation), from_quote3(error), f"0x{error:04x}")
            assert backend.status.starts == 1

    run(work)


@pytest.mark.parametrize("error", [0xE012, 0xE013, 0xE015, 0xE014, 0xE0FF])
def test_error_of_a_quote_becomes_its_code_and_the_next_quote_is_served(
    rig: Rig, error: int
) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            rig.stub.behave(quote=f"{error:x}")
            _is(await backend.ask(make_quote()), from_quote3(error), "sgx_ql_get_quote returned")
            rig.stub.behave()
            assert isinstance(await backend.ask(make_quote()), SignedQuote)

    run(work)


def test_refuses_report_whose_mac_is_wrong(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            _is(await backend.ask(make_quote(target=0xDD)), AesmCode.INVALID_REPORT)

    run(work)


@pytest.mark.parametrize(
    ("operation", "how", "words"),
    [
        (GetQuoteSize(), {"size_is": 0}, "quote has 0 bytes"),
        (GetQuoteSize(), {"size_is": 436}, "quote has 436 bytes"),
        (GetQuoteSize(), {"size_is": 65537}, "quote has 65537 bytes"),
        (GetQuoteSize(), {"size_is": 2**32 - 1}, "quote has 4294967295 bytes"),
        (make_quote(), {"size_is": 2**32 - 1}, "quote has 4294967295 bytes"),
        (make_quote(), {"signature_is": 0}, "quote says it has 436 bytes"),
        (make_quote(), {"signature_is": QUOTE_BYTES}, "came from the library"),
        (make_quote(), {"signature_is": 2**32 - 1}, "came from the library"),
        (make_quote(), {"body": "other"}, "another REPORT"),
        (make_quote(info=INFO), {"info": "other"}, "another nonce"),
        (InitKey(), {"key_size_is": 0}, "public key id has 0 bytes"),
        (InitKey(), {"key_size_is": 31}, "public key id has 31 bytes"),
        (InitKey(), {"key_size_is": 33}, "public key id has 33 bytes"),
        (InitKey(), {"key_size_is": 2**40}, "public key id has 1099511627776 bytes"),
    ],
    ids=str,
)
def test_refuses_what_the_library_cannot_mean(
    rig: Rig, operation: Operation, how: dict[str, Any], words: str
) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            assert isinstance(await backend.ask(InitKey()), KeyInfo)
            rig.stub.behave(**how)
            _is(await backend.ask(operation), AesmCode.UNEXPECTED, words)
            assert backend.status.starts == 1

    run(work)


def test_size_below_what_the_quote_needs_is_refused_by_the_library(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            rig.stub.behave(size_is=QUOTE_BYTES - 1)
            _is(await backend.ask(make_quote()), AesmCode.PARAMETER)

    run(work)


def test_library_that_believes_it_is_out_of_process_is_never_met(rig: Rig) -> None:
    async def work() -> None:
        environment = {**rig.stub.environment, "SGX_AESM_ADDR": ""}
        async with rig.running(environment=environment) as backend:
            assert isinstance(await backend.ask(make_quote()), SignedQuote)

    run(work)


def test_stand_in_does_notice_sgx_aesm_addr_and_a_fork(rig: Rig) -> None:
    code = (
        "import ctypes, os, sys\n"
        "library = ctypes.CDLL(sys.argv[1])\n"
        "if sys.argv[2] == 'fork' and (pid := os.fork()):\n"
        "    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        "error = library.sgx_ql_get_keyid(ctypes.create_string_buffer(256)) & 0xffff\n"
        "sys.exit({0: 0, 0xe001: 1, 0xe040: 40}[error])\n"
    )
    path = str(rig.stub.libraries / "libsgx_qe3_logic.so")

    def end(how: str, **more: str) -> int:
        command = [sys.executable, "-c", code, path, how]
        return subprocess.run(command, env={**os.environ, **more}, timeout=10).returncode

    assert end("stay") == 0
    assert end("fork") == 1
    assert end("stay", SGX_AESM_ADDR="0") == 40


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("/nowhere/libsgx_qe3_logic.so", "cannot load /nowhere/libsgx_qe3_logic.so"),
        (NOTHING, "has no quoting functions; expected libsgx_qe3_logic.so"),
    ],
)
def test_libraries_that_cannot_be_loaded_give_30_at_once_and_no_key_ids(
    rig: Rig, library: str, words: str
) -> None:
    async def work() -> None:
        async with rig.running(library, restarts=replace(QUICK, rest_s=30)) as backend:
            _is(await backend.ask(InitKey()), AesmCode.SERVICE_UNAVAILABLE, words)
            _is(await backend.ask(make_quote()), AesmCode.SERVICE_UNAVAILABLE, words)
            assert backend.status.starts == 1
            assert backend.key_ids == ()
            assert backend.status.is_given_up
            assert "quoting_child.given_up" in rig.names

    run(work)


def test_path_of_an_enclave_that_is_not_there_is_named(rig: Rig) -> None:
    async def work() -> None:
        paths = {PathKind.QE3: Path("/nowhere/qe3.so")}
        async with rig.running(paths=paths) as backend:
            _is(await backend.ask(InitKey()), AesmCode.SERVICE_UNAVAILABLE, "sgx_set_qe3_path")

    run(work)


def test_quoting_enclave_that_does_not_tell_its_key_id_gives_30(rig: Rig) -> None:
    async def work() -> None:
        rig.stub.behave(keyid="e016")
        async with rig.running() as backend:
            _is(await backend.ask(InitKey()), AesmCode.SERVICE_UNAVAILABLE, "0xe016")

    run(work)


def test_asking_before_start_and_after_stop_is_refused_with_17(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            assert isinstance(await backend.ask(GetQuoteSize()), QuoteSize)
        _is(await backend.ask(GetQuoteSize()), AesmCode.SERVICE_STOPPED)
        assert backend.key_ids == ()
        await backend.stop()

    run(work)


# --- key that is not ready ---------------------------------------------------------------------


def test_forgotten_key_is_made_ready_again_without_the_client_noticing(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
            for operation, kind in ((make_quote(), SignedQuote), (GetQuoteSize(), QuoteSize)):
                before = rig.stub.calls.count("init")
                rig.stub.behave(forget=rig.stub.forget_key())
                assert isinstance(await backend.ask(operation), kind)
                assert rig.stub.calls.count("init") == before + 1

    run(work)


@pytest.mark.parametrize("operation", [make_quote(), GetQuoteSize()], ids=["quote", "size"])
def test_42_reaches_the_client_when_the_target_info_has_changed(
    rig: Rig, operation: Operation
) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            first = await backend.ask(InitKey())
            rig.stub.behave(forget=rig.stub.forget_key(), target="cc")
            _is(await backend.ask(operation), AesmCode.KEY_NOT_INITIALISED, "target info")
            assert "quoting_key.target_changed" in rig.names
            second = await backend.ask(InitKey())
            assert isinstance(first, KeyInfo)
            assert isinstance(second, KeyInfo)
            assert second.target_info != first.target_info
            _is(await backend.ask(make_quote()), AesmCode.KEY_NOT_INITIALISED, "probably")
            assert isinstance(await backend.ask(make_quote(target=0xCC)), SignedQuote)

    run(work)


def test_report_that_does_not_verify_long_after_a_change_gets_47(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running(limits=replace(LIMITS, changed_s=0)) as backend:
            assert isinstance(await backend.ask(InitKey()), KeyInfo)
            rig.stub.behave(forget=rig.stub.forget_key(), target="cc")
            _is(await backend.ask(make_quote()), AesmCode.KEY_NOT_INITIALISED)
            _is(await backend.ask(make_quote()), AesmCode.INVALID_REPORT)

    run(work)


def test_42_reaches_clients_whose_report_is_older_than_a_child_with_another_target(
    rig: Rig,
) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
            rig.stub.behave(target="cc", quote="crash")
            _is(await backend.ask(make_quote()), AesmCode.ENCLAVE_LOST)
            rig.stub.behave(target="cc")
            _is(await backend.ask(make_quote()), AesmCode.KEY_NOT_INITIALISED, "probably")
            assert isinstance(await backend.ask(make_quote(target=0xCC)), SignedQuote)

    run(work)


def test_key_is_made_ready_once_and_not_for_ever(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
            rig.stub.behave(quote="e00f")
            _is(await backend.ask(make_quote()), AesmCode.KEY_NOT_INITIALISED)
            assert rig.stub.calls.count("quote") == 3
            assert rig.stub.calls.count("init") == 2

    run(work)


def test_key_that_cannot_be_made_ready_again_tells_the_cause(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
            rig.stub.behave(forget=rig.stub.forget_key(), init="e019")
            _is(await backend.ask(make_quote()), AesmCode.NETWORK, "certificate service")
            assert not backend.status.is_ready

    run(work)


def test_init_that_fails_at_start_is_tried_again_without_any_client(rig: Rig) -> None:
    async def work() -> None:
        rig.stub.behave(init="e011")
        async with rig.running() as backend:
            _is(await backend.ask(InitKey()), AesmCode.NO_CERTIFICATION_DATA)
            _is(await backend.ask(make_quote()), AesmCode.NO_CERTIFICATION_DATA)
            assert not backend.status.is_ready
            rig.stub.behave()
            await until(lambda: backend.status.is_ready)
            assert backend.status.starts == 1
            assert "quoting_key.failed" in rig.names

    run(work)


# --- what is answered --------------------------------------------------------------------------


def test_answers_key_size_and_quote(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            assert await backend.ask(InitKey()) == KeyInfo(TARGET_INFO, b"\x1d" * 32)
            assert await backend.ask(GetQuoteSize()) == QuoteSize(QUOTE_BYTES)
            asked = make_quote(7, info=INFO)
            answer = await backend.ask(asked)
            assert isinstance(answer, SignedQuote)
            assert len(answer.quote) == QUOTE_BYTES
            assert answer.quote[48:432] == asked.report[:384]
            assert answer.qe_report_info == INFO[:528] + b"\x7e" * 432
            assert list(backend.key_ids) == [DEFAULT_KEY_ID.to_bytes()]
            assert backend.status.is_ready
            assert rig.names == ["quoting_child.started", "quoting_key.initialised"]

    run(work)


def test_quote_is_cut_to_its_own_length(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            rig.stub.behave(size_is=QUOTE_BYTES + 500)
            answer = await backend.ask(make_quote())
            assert isinstance(answer, SignedQuote)
            assert len(answer.quote) == QUOTE_BYTES

    run(work)


@pytest.mark.parametrize("buf_size", [0, 1, 2**32 - 1])
def test_size_of_the_clients_buffer_never_reaches_the_library(rig: Rig, buf_size: int) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            assert isinstance(await backend.ask(make_quote(buf_size=buf_size)), SignedQuote)

    run(work)


def test_policy_and_paths_reach_the_library(rig: Rig, tmp_path: Path) -> None:
    async def work() -> None:
        enclave = tmp_path / "enclave.so"
        enclave.touch()
        async with rig.running(paths=dict.fromkeys(PathKind, enclave)) as backend:
            assert isinstance(await backend.ask(InitKey()), KeyInfo)
        named = {f"{kind} {enclave}" for kind in ("qe3", "pce", "provider", "id enclave")}
        assert named <= set(rig.stub.calls)
        assert "policy persistent" in rig.stub.calls
        async with rig.running(is_ephemeral=True) as backend:
            assert isinstance(await backend.ask(InitKey()), KeyInfo)
        assert "policy ephemeral" in rig.stub.calls

    run(work)


def test_what_a_library_prints_does_not_disturb_answers(rig: Rig) -> None:
    async def work() -> None:
        rig.stub.behave(say="x" * 400)
        async with rig.running() as backend:
            for mark in range(50):
                assert isinstance(await backend.ask(make_quote(mark)), SignedQuote)

    run(work)


# --- the simple library, and its limits --------------------------------------------------------


def test_simple_library_refuses_a_nonce_with_49(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running(SIMPLE) as backend:
            _is(await backend.ask(make_quote(info=INFO)), AesmCode.NO_QE_REPORT, "nonce")
            assert "quote" not in rig.stub.calls

    run(work)


def test_simple_library_knows_the_public_key_id_only_after_a_quote(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running(SIMPLE) as backend:
            refusal = await backend.ask(InitKey())
            _is(refusal, AesmCode.SERVICE_UNAVAILABLE, "use libsgx_qe3_logic.so")
            assert backend.status.is_ready
            assert await backend.ask(GetQuoteSize()) == QuoteSize(QUOTE_BYTES)
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
            assert await backend.ask(InitKey()) == KeyInfo(TARGET_INFO, PUBLIC_KEY_ID)

    run(work)


@pytest.mark.parametrize("error", [0xE011, 0xE016, 0xE019])
def test_simple_library_passes_errors_on(rig: Rig, error: int) -> None:
    async def work() -> None:
        rig.stub.behave(init=f"{error:x}")
        async with rig.running(SIMPLE) as backend:
            _is(await backend.ask(InitKey()), from_quote3(error), "sgx_qe_get_target_info")

    run(work)


def test_simple_library_takes_policy_and_paths(rig: Rig, tmp_path: Path) -> None:
    async def work() -> None:
        enclave = tmp_path / "enclave.so"
        enclave.touch()
        async with rig.running(SIMPLE, paths=dict.fromkeys(PathKind, enclave)) as backend:
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
        assert [call for call in rig.stub.calls if call.startswith("path")] == [
            f"path {number} {enclave}" for number in range(4)
        ]

    run(work)


def test_reports_of_the_stand_in_depend_on_every_part() -> None:
    body = bytes(384)
    sealed = {
        seal_report(body),
        seal_report(body, target=1),
        seal_report(body, key_id=b"\1" + bytes(31)),
        seal_report(b"\1" + bytes(383)),
    }
    assert len({report[416:] for report in sealed}) == 4


def test_waiting_and_answering_stay_under_what_intels_client_grants() -> None:
    limits = type(LIMITS)()
    assert limits.wait_s + limits.answer_s < 15

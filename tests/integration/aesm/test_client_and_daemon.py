# SPDX-License-Identifier: Apache-2.0
"""Our client and our daemon on a real socket: quotes that verify, each for who asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests import simulated

from confcom.adapters.aesm import AesmClient, AsyncAesmClient
from confcom.adapters.peers import PeerReader
from confcom.adapters.quoting.listener import AesmListener
from confcom.adapters.quoting.simulated import SimulatedBackend
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.dcap import Quote, verify
from confcom.errors import UnavailableError
from confcom.protocols.aesm import Answer, Operation, QeReportInfo
from confcom.reasons import Reason
from confcom.sgx import Report
from confcom.simulation import Enclave

ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
NONCE = bytes(range(16))


@asynccontextmanager
async def daemon(path: Path) -> AsyncIterator[None]:
    backend = SimulatedBackend(simulated.platform(), simulated.authority())

    async def ask(operation: Operation, _peer: object) -> Answer:
        return backend.ask(operation)

    await backend.start()
    async with (
        asyncio.timeout(20),
        AesmListener(
            SocketFile(path),
            ask=ask,
            identify=PeerReader().read,
            key_ids=lambda: tuple(backend.key_ids),
            record=lambda _: None,
        ),
    ):
        yield
    await backend.stop()


def test_quote_of_the_daemon_verifies_and_says_what_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "aesm.socket"

    def collect() -> bytes:
        client = AesmClient(path)
        report = ENCLAVE.ereport(client.target_info(), simulated.REPORT_DATA)
        return client.quote(report).quote

    async def run() -> bytes:
        async with daemon(path):
            return await asyncio.to_thread(collect)

    verified = verify(
        asyncio.run(run()),
        simulated.sgx().collateral,
        at=simulated.AT,
        root=simulated.authority().trusted_root,
        allow_simulated=True,
    )
    assert verified.is_simulated
    assert verified.quote.body.report_data == simulated.REPORT_DATA


def test_daemon_vouches_for_nonce_and_quote(tmp_path: Path) -> None:
    path = tmp_path / "aesm.socket"

    async def run() -> bytes | None:
        async with daemon(path):
            client = AsyncAesmClient(path)
            report = ENCLAVE.ereport(await client.target_info(), simulated.REPORT_DATA)
            signed = await client.quote(report, nonce=NONCE, target=ENCLAVE.target_info)
            return signed.qe_report_info

    info = asyncio.run(run())
    assert info is not None
    body = ENCLAVE.check(Report.from_bytes(QeReportInfo.from_bytes(info).qe_report))
    assert body.mr_enclave == simulated.platform().qe_target_info.mr_enclave


def test_no_client_gets_the_quote_of_another(tmp_path: Path) -> None:
    path = tmp_path / "aesm.socket"
    wanted = [number.to_bytes(2, "little") + bytes(62) for number in range(100)]

    async def ask(report_data: bytes) -> bytes:
        client = AsyncAesmClient(path)
        report = ENCLAVE.ereport(simulated.platform().qe_target_info, report_data)
        quote = Quote.from_bytes((await client.quote(report)).quote)
        return bytes(quote.body.report_data)

    async def run() -> list[bytes]:
        async with daemon(path):
            return await asyncio.gather(*map(ask, wanted))

    assert asyncio.run(run()) == wanted


@pytest.mark.parametrize("changed", [0, 100, 320, 383, 384, 431])
def test_report_that_was_changed_is_refused_with_47(tmp_path: Path, changed: int) -> None:
    path = tmp_path / "aesm.socket"

    async def run() -> None:
        async with daemon(path):
            client = AsyncAesmClient(path)
            report = bytearray(ENCLAVE.ereport(await client.target_info(), bytes(64)).to_bytes())
            report[changed] ^= 1
            await client.quote(bytes(report))

    with pytest.raises(UnavailableError, match="error 47") as caught:
        asyncio.run(run())
    assert caught.value.reason is Reason.QUOTING_FAILED


def test_daemon_that_ended_takes_its_socket_along(tmp_path: Path) -> None:
    path = tmp_path / "aesm.socket"

    async def run() -> None:
        async with daemon(path):
            assert await AsyncAesmClient(path).quote_size()
        await AsyncAesmClient(path).quote_size()

    with pytest.raises(UnavailableError, match="there is no socket"):
        asyncio.run(run())

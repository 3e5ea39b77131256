# SPDX-License-Identifier: Apache-2.0
"""A client of a TDX quote generation service for asyncio."""

import asyncio
import socket
from pathlib import Path
from typing import Final

from confcom.adapters.qgs.address import (
    DEFAULT_SOCKET,
    DEFAULT_TIMEOUT_S,
    Address,
    VsockAddress,
    address_of,
    require_timeout,
)
from confcom.adapters.qgs.exchange import (
    Exchange,
    FramedExchange,
    RawExchange,
    finish,
    fmspc_bytes,
    report_bytes,
)
from confcom.adapters.qgs.failures import accept, ended, hung, misunderstood, unreachable
from confcom.dcap import TdxReport
from confcom.errors import MalformedError
from confcom.protocols.qgs import (
    Answer,
    CollateralDocuments,
    DescribePlatform,
    FetchCollateral,
    MakeTdQuote,
    Operation,
    PckCa,
    PlatformInfo,
    TdQuote,
)

_PIECE_BYTES: Final = 64 * 1024
_AGAIN_S: Final = 0.01


class AsyncQgsClient:
    """Asks the service at an address; a connection for each call, so nothing is to be closed.

    Takes the same arguments, has the same methods and raises the same errors as
    `confcom.adapters.qgs.QgsClient`.

    Args:
        where: path of a UNIX socket, ``vsock:CID:PORT``, or an address.
        timeout_s: most seconds for each connection, from connecting to the last byte.
    """

    def __init__(
        self,
        where: Address | Path | str = DEFAULT_SOCKET,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self.address = address_of(where)
        self._timeout_s = require_timeout(timeout_s)

    async def get_quote(
        self,
        report: TdxReport | bytes,
        *,
        key_ids: tuple[bytes, ...] = (),
        is_raw: bool = False,
    ) -> bytes:
        """Return the quote of a TDREPORT, without padding.

        Its body is compared with the TDREPORT; whether it is genuine is for a verifier to say.

        Args:
            report: 1024 bytes, of a TD on the service's machine.
            key_ids: UUIDs, 16 bytes each, of the attestation keys to choose from; none for any.
            is_raw: send the bare TDREPORT, as kernels do; ``key_ids`` are not sent then.

        Raises:
            UsageError: the TDREPORT has another size.
            MalformedError: a key id of another size, or in raw mode no TDREPORT
                (``message_format``).
        """
        data = report_bytes(report)
        exchange: Exchange = (
            RawExchange(data) if is_raw else FramedExchange(MakeTdQuote(data, key_ids))
        )
        return accept(await self._run(exchange), TdQuote, exchange, self.address).quote

    async def get_collateral(self, fmspc: bytes, ca: PckCa = PckCa.PLATFORM) -> CollateralDocuments:
        """Return what quotes of a kind of platform are verified with, as the service has it.

        Args:
            fmspc: 6 bytes.
            ca: which CA issued the platform's certificates.

        Raises:
            UsageError: the FMSPC has another size.
        """
        exchange = FramedExchange(FetchCollateral(fmspc_bytes(fmspc), ca))
        return accept(await self._run(exchange), CollateralDocuments, exchange, self.address)

    async def get_platform_info(self) -> PlatformInfo:
        """Return which platform this is."""
        exchange = FramedExchange(DescribePlatform())
        return accept(await self._run(exchange), PlatformInfo, exchange, self.address)

    async def ask(self, operation: Operation) -> Answer:
        """Send one framed request; return the answer, or the service's refusal."""
        return await self._run(FramedExchange(operation))

    async def _run(self, exchange: Exchange) -> Answer:
        is_connected = False
        try:
            with self.address.open() as sock:
                sock.setblocking(False)
                async with asyncio.timeout(self._timeout_s):
                    await self._connect(sock)
                    is_connected = True
                    await asyncio.get_running_loop().sock_sendall(sock, exchange.request)
                    return await _receive(sock, exchange)
        except TimeoutError as exc:
            raise hung(exchange, self.address, self._timeout_s, is_connected=is_connected) from exc
        except OSError as exc:
            make_error = ended if is_connected else unreachable
            raise make_error(exchange, self.address, exc) from exc
        except MalformedError as exc:
            raise misunderstood(exchange, self.address, exc) from exc

    async def _connect(self, sock: socket.socket) -> None:
        if isinstance(self.address, VsockAddress):
            await asyncio.get_running_loop().sock_connect(sock, self.address.target)
            return
        # Not the loop's way: it takes a full queue for a connection that is being made.
        while True:
            try:
                sock.connect(self.address.target)
            except BlockingIOError:
                await asyncio.sleep(_AGAIN_S)
            else:
                return


async def _receive(sock: socket.socket, exchange: Exchange) -> Answer:
    loop = asyncio.get_running_loop()
    while True:
        data = await loop.sock_recv(sock, _PIECE_BYTES)
        if not data:
            return finish(exchange)
        answer = exchange.receive(data)
        if answer is not None:
            return answer

# SPDX-License-Identifier: Apache-2.0
"""A client of the AESM daemon for asyncio."""

import asyncio
import socket
from pathlib import Path
from typing import Final, TypeVar

from confcom.adapters.aesm.address import (
    DEFAULT_SOCKET,
    DEFAULT_TIMEOUT_S,
    Address,
    accept,
    ended,
    hung,
    misunderstood,
    require_timeout,
    timeout_field,
    unreachable,
)
from confcom.adapters.aesm.arguments import info_bytes, report_bytes
from confcom.errors import MalformedError
from confcom.protocols.aesm import DEFAULT_KEY_ID, KeyInfo, Refusal, SignedQuote
from confcom.protocols.aesm.client import (
    Exchange,
    ask_key_id_count,
    ask_key_ids,
    ask_key_info,
    ask_quote,
    ask_quote_size,
    check_quote_is_of,
)
from confcom.sgx import Report, TargetInfo

_PIECE_BYTES: Final = 64 * 1024
_AGAIN_S: Final = 0.01

T = TypeVar("T")


class AsyncAesmClient:
    """Asks the daemon behind a socket; a connection for each call, so nothing is to be closed.

    Takes the same arguments, has the same methods and raises the same errors as
    `confcom.adapters.aesm.AesmClient`.

    Args:
        path: of the socket.
        is_abstract: use the abstract name of old daemons in place of the path.
        timeout_s: most seconds for each connection, from connecting to the last byte.
        key_id: 256 bytes, which quoting enclave and algorithm.
    """

    def __init__(
        self,
        path: Path | str = DEFAULT_SOCKET,
        *,
        is_abstract: bool = False,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        key_id: bytes = DEFAULT_KEY_ID.to_bytes(),
    ) -> None:
        self.address = Address(Path(path), is_abstract)
        self._timeout_s = require_timeout(timeout_s)
        self._timeout_ms = timeout_field(timeout_s)
        self._key_id = key_id

    async def key_ids(self) -> tuple[bytes, ...]:
        """Return the attestation key ids that are offered, 256 bytes each; two connections."""
        count = await self._accept(ask_key_id_count(timeout_ms=self._timeout_ms))
        return await self._accept(ask_key_ids(count, timeout_ms=self._timeout_ms)) if count else ()

    async def key_info(self) -> KeyInfo:
        """Make the attestation key ready; return target info and public key id."""
        return await self._accept(ask_key_info(self._key_id, timeout_ms=self._timeout_ms))

    async def target_info(self) -> TargetInfo:
        """Return the TARGETINFO of the quoting enclave, for which REPORTs are to be made."""
        return TargetInfo.from_bytes((await self.key_info()).target_info)

    async def quote_size(self) -> int:
        """Return how long quotes are, in bytes."""
        told = await self._accept(ask_quote_size(self._key_id, timeout_ms=self._timeout_ms))
        return told.size

    async def quote(
        self,
        report: Report | bytes,
        *,
        nonce: bytes | None = None,
        target: TargetInfo | None = None,
    ) -> SignedQuote:
        """Return the quote of a REPORT, without padding; two connections.

        Args:
            report: 432 bytes, made for `target_info`.
            nonce: 16 fresh bytes, to get a REPORT of the quoting enclave about nonce and quote.
            target: the enclave that will check that REPORT; its MAC is not checked here.

        Raises:
            UsageError: a size is wrong, or only one of nonce and target is given.
        """
        data, info = report_bytes(report), info_bytes(nonce, target)
        size = await self.quote_size()
        exchange = ask_quote(
            data, self._key_id, size, qe_report_info=info, timeout_ms=self._timeout_ms
        )
        signed = await self._accept(exchange)
        try:
            check_quote_is_of(data, signed.quote)
        except MalformedError as exc:
            raise misunderstood(exchange, self.address, exc) from exc
        return signed

    async def ask(self, exchange: Exchange[T]) -> T | Refusal:
        """Send one request in one write; return the answer, or the daemon's refusal."""
        is_connected = False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._connect(sock)
                    is_connected = True
                    await asyncio.get_running_loop().sock_sendall(sock, exchange.request)
                    return await self._receive(sock, exchange)
            except TimeoutError as exc:
                raise hung(
                    exchange, self.address, self._timeout_s, is_connected=is_connected
                ) from exc
            except (ConnectionResetError, BrokenPipeError) as exc:
                raise ended(exchange, self.address) from exc
            except OSError as exc:
                raise unreachable(exchange, self.address, exc) from exc
            except MalformedError as exc:
                raise misunderstood(exchange, self.address, exc) from exc

    async def _connect(self, sock: socket.socket) -> None:
        # Not the loop's way: it takes a full queue for a connection that is being made.
        sock.setblocking(False)
        while True:
            try:
                sock.connect(self.address.name)
            except BlockingIOError:
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def _receive(self, sock: socket.socket, exchange: Exchange[T]) -> T | Refusal:
        loop = asyncio.get_running_loop()
        while True:
            data = await loop.sock_recv(sock, _PIECE_BYTES)
            if not data:
                raise ConnectionResetError
            answer = exchange.receive(data)
            if answer is not None:
                return answer

    async def _accept(self, exchange: Exchange[T]) -> T:
        answer = await self.ask(exchange)
        return accept(answer, exchange, self.address)

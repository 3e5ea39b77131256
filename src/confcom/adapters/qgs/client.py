# SPDX-License-Identifier: Apache-2.0
"""A client of a TDX quote generation service that blocks."""

import socket
import time
from pathlib import Path
from typing import Final

from confcom.adapters.qgs.address import (
    DEFAULT_SOCKET,
    DEFAULT_TIMEOUT_S,
    Address,
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


class QgsClient:
    """Asks the service at an address; a connection for each call, so nothing is to be closed.

    Each method raises:

    * ``UnavailableError``, reason ``quoting_unreachable``: no socket, no vsock, no permission,
      nobody listens, no answer in time, or closed without a reply; the message tells which.
    * ``UnavailableError``, reason ``quoting_failed``: the service refused.
    * ``MalformedError``, reason ``message_format`` or ``too_large``: what came back is no answer;
      for quotes also the reasons of a quote's form.

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

    def get_quote(
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
        return accept(self._run(exchange), TdQuote, exchange, self.address).quote

    def get_collateral(self, fmspc: bytes, ca: PckCa = PckCa.PLATFORM) -> CollateralDocuments:
        """Return what quotes of a kind of platform are verified with, as the service has it.

        Args:
            fmspc: 6 bytes.
            ca: which CA issued the platform's certificates.

        Raises:
            UsageError: the FMSPC has another size.
        """
        exchange = FramedExchange(FetchCollateral(fmspc_bytes(fmspc), ca))
        return accept(self._run(exchange), CollateralDocuments, exchange, self.address)

    def get_platform_info(self) -> PlatformInfo:
        """Return which platform this is."""
        exchange = FramedExchange(DescribePlatform())
        return accept(self._run(exchange), PlatformInfo, exchange, self.address)

    def ask(self, operation: Operation) -> Answer:
        """Send one framed request; return the answer, or the service's refusal."""
        return self._run(FramedExchange(operation))

    def _run(self, exchange: Exchange) -> Answer:
        deadline = time.monotonic() + self._timeout_s
        is_connected = False
        try:
            with self.address.open() as sock:
                self._connect(sock, deadline)
                is_connected = True
                sock.settimeout(_left(deadline))
                sock.sendall(exchange.request)
                return _receive(sock, exchange, deadline)
        except TimeoutError as exc:
            raise hung(exchange, self.address, self._timeout_s, is_connected=is_connected) from exc
        except OSError as exc:
            make_error = ended if is_connected else unreachable
            raise make_error(exchange, self.address, exc) from exc
        except MalformedError as exc:
            raise misunderstood(exchange, self.address, exc) from exc

    def _connect(self, sock: socket.socket, deadline: float) -> None:
        while True:
            sock.settimeout(_left(deadline))
            try:
                sock.connect(self.address.target)
            except BlockingIOError:  # a UNIX socket whose queue is full; nothing waits for that
                time.sleep(min(_AGAIN_S, _left(deadline)))
            else:
                return


def _receive(sock: socket.socket, exchange: Exchange, deadline: float) -> Answer:
    while True:
        sock.settimeout(_left(deadline))
        data = sock.recv(_PIECE_BYTES)
        if not data:
            return finish(exchange)
        answer = exchange.receive(data)
        if answer is not None:
            return answer


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left

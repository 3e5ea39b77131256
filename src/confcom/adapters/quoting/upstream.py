# SPDX-License-Identifier: Apache-2.0
"""Quotes of another AESM daemon: our audit, rules and limits in front of it, while one migrates."""

from collections.abc import Sequence

from confcom.adapters.aesm import AsyncAesmClient
from confcom.errors import ConfcomError
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    AesmCode,
    Answer,
    GetQuoteSize,
    InitKey,
    MakeQuote,
    Operation,
    Refusal,
)
from confcom.protocols.aesm.client import ask_key_info, ask_quote, ask_quote_size


class UpstreamBackend:
    """Passes each question on, a connection for each; only what is well formed comes back.

    Args:
        client: of the daemon behind.
    """

    def __init__(self, client: AsyncAesmClient) -> None:
        self._client = client
        self._key_id = DEFAULT_KEY_ID.to_bytes()
        self._is_started = False

    @property
    def key_ids(self) -> Sequence[bytes]:
        """What is offered; the daemon behind may still refuse."""
        return (self._key_id,) if self._is_started else ()

    async def start(self) -> None:
        """Offer quotes; the daemon behind may come later."""
        self._is_started = True

    async def stop(self) -> None:
        """Offer nothing more."""
        self._is_started = False

    async def ask(self, operation: Operation) -> Answer:
        """Pass a question on; a daemon that cannot be asked, or talks nonsense, is code 30."""
        try:
            match operation:
                case InitKey():
                    return await self._client.ask(ask_key_info(self._key_id))
                case GetQuoteSize():
                    return await self._client.ask(ask_quote_size(self._key_id))
                case MakeQuote():
                    return await self._quote(operation)
        except ConfcomError as exc:
            return Refusal(AesmCode.SERVICE_UNAVAILABLE, exc.message)

    async def _quote(self, operation: MakeQuote) -> Answer:
        # With the size of the daemon behind; the client's buffer is filled up by us.
        size = await self._client.ask(ask_quote_size(self._key_id))
        if isinstance(size, Refusal):
            return size
        signed = await self._client.ask(
            ask_quote(
                operation.report,
                self._key_id,
                size.size,
                qe_report_info=operation.qe_report_info,
            )
        )
        if not isinstance(signed, Refusal) and signed.quote[48:432] != operation.report[:384]:
            return Refusal(AesmCode.UNEXPECTED, "the daemon behind signed another REPORT")
        return signed

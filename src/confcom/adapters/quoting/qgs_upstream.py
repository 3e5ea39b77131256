# SPDX-License-Identifier: Apache-2.0
"""Quotes of another TDX quote generation service: our audit and limits in front of it."""

from confcom.adapters.qgs import AsyncQgsClient
from confcom.errors import ConfcomError
from confcom.protocols.qgs import Answer, Operation, Refusal


class UpstreamTdBackend:
    """Passes each question on, framed, a connection for each; only what is well formed comes back.

    A quote that is not of the TDREPORT that was asked about reaches nobody.

    Args:
        client: of the service behind.
    """

    def __init__(self, client: AsyncQgsClient) -> None:
        self._client = client

    async def start(self) -> None:
        """Do nothing: the service behind may come later."""

    async def stop(self) -> None:
        """Do nothing: no connection is kept."""

    async def ask(self, operation: Operation) -> Answer:
        """Pass a question on; a service that cannot be asked, or talks nonsense, is a refusal."""
        try:
            return await self._client.ask(operation)
        except ConfcomError as exc:
            return Refusal(exc.message)

# SPDX-License-Identifier: Apache-2.0
"""Whatever the order of answers: a reply of the request's own type, a quote of the own REPORT."""

import asyncio
import gc
import random
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integration.attacks.clients import (
    CLOSED,
    KEY_ID,
    frame,
    other_requests,
    outcome,
    quote_request,
    seal_for_stub,
)

from confcom.adapters.quoting.listener import AesmListener
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.protocols.aesm import (
    AesmCode,
    Answer,
    GetQuoteSize,
    InitKey,
    KeyInfo,
    MakeQuote,
    Operation,
    QuoteSize,
    Refusal,
    ServerConnection,
    SignedQuote,
)
from confcom.protocols.pb.aesm_pb2 import Request
from confcom.protocols.peers import Peer

pytestmark = pytest.mark.timeout(60)
MISTAKES = (KeyInfo(bytes(512), bytes(32)), QuoteSize(4600), SignedQuote(bytes(4600), None))


@dataclass
class Shuffled:
    """A back end that answers in any order, now and then wrongly; it reads no clock.

    Attributes:
        chance: decides about both.
        asked: what it has not answered yet.
    """

    chance: random.Random
    asked: list[tuple[Operation, asyncio.Future[Answer]]] = field(default_factory=list)

    async def ask(self, operation: Operation, _peer: Peer | None) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.asked.append((operation, future))
        return await future

    async def answer(self) -> None:
        """Answer for ever, whichever question comes to mind."""
        while True:
            for _ in range(self.chance.randrange(1, 6)):  # others may ask meanwhile
                await asyncio.sleep(0)
            if self.asked:
                operation, future = self.asked.pop(self.chance.randrange(len(self.asked)))
                if not future.done():
                    future.set_result(self._choose(operation))

    def _choose(self, operation: Operation) -> Answer:
        dice = self.chance.randrange(10)
        if dice == 0:
            return Refusal(self.chance.choice(list(AesmCode)), "chance")
        if dice == 1:
            return self.chance.choice(MISTAKES[:2])
        match operation:
            case InitKey():
                return MISTAKES[0]
            case GetQuoteSize():
                return MISTAKES[1]
            case MakeQuote(report, info, _):
                return SignedQuote(bytes(48) + report[:384] + bytes(4200), info)


@dataclass(frozen=True)
class Visit:
    """One client: what it asks, in how many pieces, and whether it stays for the reply."""

    request: Request
    pieces: int
    stays: bool


@st.composite
def visits(draw: st.DrawFn) -> list[Visit]:
    """Draw clients that come at the same time; no two have the same REPORT."""
    found = []
    for name in range(draw(st.integers(2, 12))):
        report = seal_for_stub(name.to_bytes(64, "big"))
        kinds = [quote_request(report), quote_request(report, 5000), *other_requests(), legacy()]
        request = draw(st.sampled_from(kinds))
        found.append(Visit(request, draw(st.integers(1, 4)), draw(st.integers(0, 4)) > 0))
    return found


def legacy() -> Request:
    """Return a request of the time before DCAP."""
    request = Request()
    request.init_quote.SetInParent()
    return request


async def visit(path: Path, one: Visit) -> int | str:
    reader, writer = await asyncio.open_unix_connection(path)
    data = frame(one.request)
    step = -(-len(data) // one.pieces)
    with suppress(ConnectionError):
        for at in range(0, len(data), step):
            writer.write(data[at : at + step])
            await writer.drain()
            await asyncio.sleep(0)
    if not one.stays:
        writer.transport.abort()
        return CLOSED
    reply = await reader.read()
    writer.close()
    return outcome(one.request, reply)


async def receive(path: Path, clients: list[Visit], chance: random.Random) -> list[int | str]:
    """Return what became of each client; a wrong reply fails."""
    backend = Shuffled(chance)
    async with (
        asyncio.timeout(20),
        AesmListener(
            SocketFile(path),
            ask=backend.ask,
            identify=lambda _connection: Peer(uid=chance.randrange(3)),
            key_ids=lambda: (KEY_ID,),
            record=lambda _served: None,
        ),
    ):
        answering = asyncio.create_task(backend.answer())
        try:
            return await asyncio.gather(*(visit(path, one) for one in clients))
        finally:
            answering.cancel()
            await asyncio.wait({answering})


@settings(max_examples=60)
@given(visits(), st.integers(0, 2**32))
def test_no_reply_is_of_another_type_and_no_quote_of_another_report(
    clients: list[Visit], seed: int
) -> None:
    with tempfile.TemporaryDirectory(prefix="confcom-") as folder:
        chance = random.Random(seed)
        outcomes = asyncio.run(receive(Path(folder) / "s", clients, chance))
    for one, found in zip(clients, outcomes, strict=True):
        assert (found == CLOSED) is (not one.stays)


def test_what_was_answered_is_not_left_to_the_garbage_collector() -> None:
    clients = [
        Visit(quote_request(seal_for_stub(name.to_bytes(64, "big"))), 1, name % 4 > 0)
        for name in range(40)
    ]
    gc.collect()
    gc.disable()  # under load it comes late, and what lay there meanwhile is the daemon's for ever
    try:
        with tempfile.TemporaryDirectory(prefix="confcom-") as folder:
            asyncio.run(receive(Path(folder) / "s", clients, random.Random(1)))
        left = [one for one in gc.get_objects() if isinstance(one, ServerConnection)]
    finally:
        gc.enable()
    assert left == []

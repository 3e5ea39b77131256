# SPDX-License-Identifier: Apache-2.0
"""Connections passed on: from a port of the machine to the API server inside, never the other way.

A socket in a folder knows no network namespace: one process listens on it inside, another connects
to it outside. Pods gain nothing by it, because connections are made in one direction only.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_CHUNK: Final = 65536


async def from_port(socket: Path) -> tuple[asyncio.Server, int]:
    """Listen on a free port of the loopback device; return the server and the port."""
    server = await asyncio.start_server(
        _passing(lambda: asyncio.open_unix_connection(socket)), "127.0.0.1", 0
    )
    return server, server.sockets[0].getsockname()[1]


async def to_address(socket: Path, host: str, port: int) -> asyncio.Server:
    """Listen on a socket in a folder, and pass connections on to an address."""
    return await asyncio.start_unix_server(
        _passing(lambda: asyncio.open_connection(host, port)), socket
    )


def _passing(connect: Callable[[], Awaitable[Streams]]) -> Handler:
    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await connect()
        except OSError:
            writer.close()
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, there_writer))
                both.create_task(_copy(there_reader, writer))
        finally:
            writer.close()
            there_writer.close()

    return passed


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()

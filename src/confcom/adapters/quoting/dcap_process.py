# SPDX-License-Identifier: Apache-2.0
"""One child with the enclaves, as the daemon sees it: started, asked, measured, ended.

Linux only: the end of a child is noticed by a pidfd, so that no other part of the program can
reap it by mistake, and none waits in a thread.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from confcom.adapters.quoting.dcap_child import SELF_REFERENCE
from confcom.adapters.quoting.dcap_library import PathKind
from confcom.adapters.quoting.dcap_messages import (
    PREFIX_BYTES,
    Hello,
    MessageError,
    Question,
    Reply,
    read_hello,
    read_length,
    read_reply,
    write_message,
)

_CHILD: Final = "confcom.adapters.quoting.dcap_child"
_OUTPUT_BYTES: Final = 2000
_REAP_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildOptions:
    """What a child is started with.

    Attributes:
        library: name or path of ``libsgx_qe3_logic.so`` or ``libsgx_dcap_ql.so.1``.
        paths: files that the libraries would otherwise look for themselves.
        is_ephemeral: whether enclaves are loaded anew for each call (policy 1), which saves EPC
            and costs time; persistent (policy 0) by default.
        environment: of the child; ``SGX_AESM_ADDR`` is taken out of it.
    """

    library: str = "libsgx_qe3_logic.so"
    paths: Mapping[PathKind, Path] = field(default_factory=lambda: MappingProxyType({}))
    is_ephemeral: bool = False
    environment: Mapping[str, str]


class ChildLostError(Exception):
    """The child ended, or what it says cannot be believed any more."""


class ChildProcess:
    """A child that runs. Make it with `spawn`; it must be closed.

    Args:
        popen: the process.
        connection: our end of the socket on which it answers.
        output: our end of the socket to which libraries print.
        on_end: called once when the process has ended.
    """

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        connection: socket.socket,
        output: socket.socket,
        on_end: Callable[[], None],
    ) -> None:
        self._popen = popen
        self._connection = connection
        self._output = output
        self._on_end = on_end
        self._said = bytearray()
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._pidfd = os.pidfd_open(popen.pid)
        self._loop.add_reader(self._pidfd, self._reap)
        self._loop.add_reader(output, self._drain)

    @classmethod
    def spawn(cls, options: ChildOptions, on_end: Callable[[], None]) -> Self:
        """Start a new interpreter with the libraries to load.

        Raises:
            OSError: the system starts no process.
        """
        ours, theirs = socket.socketpair()
        said, output = socket.socketpair()
        with theirs, output:
            try:
                popen = _start(options, theirs, output)
            except OSError:
                ours.close()
                said.close()
                raise
        ours.setblocking(False)
        said.setblocking(False)
        try:
            return cls(popen, ours, said, on_end)
        except OSError:  # no pidfd: no more files may be opened
            popen.kill()
            popen.wait()
            ours.close()
            said.close()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def has_ended(self) -> bool:
        """Whether it has ended and was reaped."""
        return self._ended.is_set()

    def obituary(self) -> str:
        """Return how it ended, with the end of what its libraries printed."""
        code = self._popen.returncode
        if code is None:
            how = "quoting child stopped answering"
        elif code < 0:
            how = f"quoting child ended by {_signal_name(-code)}"
        else:
            how = f"quoting child ended with exit code {code}"
        lines = self._said.decode("utf-8", "replace").split("\n")
        words = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"{how}; it said: {words[-300:]}" if words else how

    def memory_bytes(self) -> int:
        """Return its resident memory; 0 where it has ended."""
        try:
            text = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii")
        except OSError:
            return 0
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    async def greet(self) -> Hello:
        """Return its first message.

        Raises:
            ChildLostError: it ended before, or said something else.
        """
        try:
            return read_hello(await self._receive())
        except MessageError as exc:
            raise ChildLostError(f"quoting child: {exc}") from exc

    async def exchange(self, question: Question) -> Reply:
        """Ask one question; nothing else may be asked until the answer is there.

        Raises:
            ChildLostError: it ended before it answered, or answered something else.
        """
        try:
            await self._loop.sock_sendall(self._connection, write_message(question))
            return read_reply(await self._receive(), question.number)
        except MessageError as exc:
            raise ChildLostError(f"quoting child: {exc}") from exc
        except OSError as exc:
            await self._wait(_REAP_S)
            raise ChildLostError(self.obituary()) from exc

    def kill(self) -> None:
        """End it at once."""
        if not self.has_ended:
            self._popen.kill()

    async def close(self, patience_s: float) -> None:
        """Close the socket, which ends it; after so many seconds kill it. It is reaped.

        Args:
            patience_s: seconds until it is killed; 0 kills at once.
        """
        self._loop.remove_reader(self._connection)
        self._connection.close()
        try:
            if patience_s > 0:
                await self._wait(patience_s)
        finally:
            self.kill()
            await self._wait(_REAP_S)
            self._loop.remove_reader(self._output)
            self._output.close()

    async def _wait(self, limit_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._ended.wait()

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._popen.wait()
        self._drain()
        self._ended.set()
        self._on_end()

    def _drain(self) -> None:
        """Keep the end of what the libraries printed."""
        try:
            data = self._output.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._output)
        self._said += data
        del self._said[:-_OUTPUT_BYTES]

    async def _receive(self) -> bytes:
        return await self._read(read_length(await self._read(PREFIX_BYTES)))

    async def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                part = await self._loop.sock_recv(self._connection, size - len(data))
            except ConnectionError:
                part = b""
            if not part:
                await self._wait(_REAP_S)
                raise ChildLostError(self.obituary())
            data += part
        return bytes(data)


def _start(
    options: ChildOptions, connection: socket.socket, output: socket.socket
) -> subprocess.Popen[bytes]:
    given = [f"--{kind}={path}" for kind, path in options.paths.items()]
    command = [
        *(sys.executable, "-P", "-m", _CHILD),
        f"--socket={connection.fileno()}",
        f"--parent={os.getpid()}",
        f"--library={options.library}",
        f"--policy={int(options.is_ephemeral)}",
        *given,
    ]
    environment = {
        name: value for name, value in options.environment.items() if name != SELF_REFERENCE
    }
    return subprocess.Popen(  # noqa: S603 no shell; the command is our own
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output.fileno(),
        stderr=output.fileno(),
        pass_fds=(connection.fileno(),),
        start_new_session=True,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

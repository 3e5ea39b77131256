# SPDX-License-Identifier: Apache-2.0
"""The process that holds the enclaves: ``python -m confcom.adapters.quoting.dcap_child``.

It is started anew by the daemon, never forked from a process that has loaded the libraries,
because enclaves do not survive a fork. It reads questions from a socket and answers them one
after the other; the end of the socket ends it, as does the end of the daemon. What the libraries
print does not mix with answers, which have a socket of their own.
"""

import argparse
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from confcom.adapters.quoting.dcap_library import (
    UNEXPECTED,
    LibraryError,
    PathKind,
    QuotingLibrary,
    load_library,
)
from confcom.adapters.quoting.dcap_messages import (
    PREFIX_BYTES,
    AskInit,
    AskQuote,
    AskSize,
    Failed,
    KeyReady,
    Loaded,
    MessageError,
    NotLoaded,
    Question,
    QuoteMade,
    Reply,
    SizeKnown,
    read_length,
    read_question,
    write_message,
)

SELF_REFERENCE: Final = "SGX_AESM_ADDR"
"""With this variable set the library would call the daemon that it belongs to."""
_PR_SET_PDEATHSIG: Final = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the libraries, then answer questions until the socket ends; return an exit code."""
    options = _parse(arguments)
    # SIGTERM to the whole service is the daemon's to answer; it closes the socket when it is done.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with(options.parent)
    os.set_inheritable(options.socket, False)
    with socket.socket(fileno=options.socket) as connection:
        try:
            library, key_id = _load(options)
        except LibraryError as exc:
            connection.sendall(write_message(NotLoaded(exc.why)))
            return 1
        connection.sendall(write_message(Loaded(library.interface, key_id)))
        return serve(connection, library)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dcap_child", allow_abbrev=False)
    parser.add_argument("--socket", type=int, required=True, help="file descriptor")
    parser.add_argument("--parent", type=int, required=True, help="process id of the daemon")
    parser.add_argument("--library", required=True)
    parser.add_argument("--policy", type=int, choices=(0, 1), default=0)
    for kind in PathKind:
        parser.add_argument(f"--{kind}", dest=kind.name, type=Path)
    return parser.parse_args(arguments)


def _end_with(parent: int) -> None:
    """Have the kernel end this process with the daemon, even while a library hangs."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _load(options: argparse.Namespace) -> tuple[QuotingLibrary, bytes | None]:
    if SELF_REFERENCE in os.environ:
        raise LibraryError(
            UNEXPECTED, f"{SELF_REFERENCE} is set, so the library would call its own daemon"
        )
    library = load_library(options.library)
    given = {kind: getattr(options, kind.name) for kind in PathKind}
    library.configure(options.policy, {kind: path for kind, path in given.items() if path})
    return library, library.key_id()


def serve(connection: socket.socket, library: QuotingLibrary) -> int:
    """Answer one question after the other until the other end closes; return an exit code."""
    while (prefix := _read(connection, PREFIX_BYTES)) is not None:
        try:
            question = read_question(_read(connection, read_length(prefix)) or b"")
        except MessageError as exc:
            print(f"question cannot be read: {exc}", file=sys.stderr)  # noqa: T201 the daemon reads it
            return 1
        connection.sendall(write_message(_answer(library, question)))
    return 0


def _answer(library: QuotingLibrary, question: Question) -> Reply:
    number = question.number
    try:
        match question:
            case AskInit():
                return KeyReady(number, *library.init())
            case AskSize():
                return SizeKnown(number, library.size())
            case AskQuote(report=report, qe_report_info=info):
                return QuoteMade(number, *library.quote(report, info))
    except LibraryError as exc:
        return Failed(number, exc.error, exc.why)


def _read(connection: socket.socket, size: int) -> bytes | None:
    """Return exactly so many bytes, or None where the daemon has closed."""
    data = bytearray()
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            return None
        data += part
    return bytes(data)


if __name__ == "__main__":
    sys.exit(main())

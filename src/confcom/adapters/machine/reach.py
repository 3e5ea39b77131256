# SPDX-License-Identifier: Apache-2.0
"""Tell whether a web service answers, within a time; what it answers does not matter."""

import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Final

from confcom.adapters.machine.facts import ServiceState
from confcom.protocols.quoting_conf import WebAddress

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r\n]")
_MOST_BYTES: Final = 64
_SPARE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Reached:
    """How a service answered.

    Attributes:
        state: whether it did.
        status: of its HTTP answer.
        why: more words, or None.
    """

    state: ServiceState
    status: int | None = None
    why: str | None = None


class Reach:
    """One try, begun at once, so that several go on at a time.

    Args:
        address: of the service; its user and query are not sent.
        is_checked: whether its TLS certificate is.
        timeout_s: for everything, name resolution included.
    """

    def __init__(self, address: WebAddress, *, is_checked: bool = True, timeout_s: float) -> None:
        self._address = address
        self._is_checked = is_checked
        self._deadline = time.monotonic() + timeout_s
        self._reached: Reached | None = None
        # Name resolution cannot be interrupted: the thread is left behind where it takes too long.
        self._thread = threading.Thread(target=self._run, name="reach", daemon=True)
        self._thread.start()

    def result(self) -> Reached:
        """Wait for the answer, or for the end of the time."""
        self._thread.join(max(0.0, self._deadline + _SPARE_S - time.monotonic()))
        return self._reached or Reached(ServiceState.UNREACHABLE, why="no answer in time")

    def _run(self) -> None:
        try:
            self._reached = self._ask()
        except ssl.SSLCertVerificationError as exc:
            self._reached = Reached(ServiceState.UNTRUSTED, why=exc.verify_message)
        except TimeoutError:
            self._reached = Reached(ServiceState.UNREACHABLE, why="no answer in time")
        except ssl.SSLError as exc:
            self._reached = Reached(ServiceState.NO_HTTP, why=f"no TLS: {exc.reason}")
        except socket.gaierror as exc:
            why = f"its name is not known: {exc.strerror}"
            self._reached = Reached(ServiceState.UNREACHABLE, why=why)
        except (OSError, UnicodeError) as exc:
            why = getattr(exc, "strerror", None) or str(exc)
            self._reached = Reached(ServiceState.UNREACHABLE, why=why)

    def _ask(self) -> Reached:
        address = self._address
        place = (address.host, address.port)
        with socket.create_connection(place, timeout=self._left()) as plain:
            plain.settimeout(self._left())
            if address.scheme == "http":
                return self._exchange(plain)
            context = ssl.create_default_context()
            if not self._is_checked:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            with context.wrap_socket(plain, server_hostname=address.host) as secure:
                return self._exchange(secure)

    def _exchange(self, sock: socket.socket) -> Reached:
        address = self._address
        host = f"[{address.host}]" if ":" in address.host else address.host
        request = (
            f"GET {address.path} HTTP/1.1\r\nHost: {host}:{address.port}\r\n"
            "User-Agent: confcom\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        )
        sock.settimeout(self._left())
        sock.sendall(request.encode("ascii", "replace"))
        data = b""
        while len(data) < _MOST_BYTES and b"\n" not in data:
            sock.settimeout(self._left())
            part = sock.recv(_MOST_BYTES - len(data))
            if not part:
                break
            data += part
        match = _STATUS.match(data)
        if match is None:
            return Reached(ServiceState.NO_HTTP, why="what it sends is no HTTP")
        return Reached(ServiceState.ANSWERS, status=int(match[1]))

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

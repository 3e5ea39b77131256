# SPDX-License-Identifier: Apache-2.0
"""Probes over HTTP: true answers, and nothing that a stranger could make of them."""

import asyncio
from collections.abc import Mapping

import pytest

from confcom.runtime.health import HealthServer, Probes

READY = Probes({"socket": lambda: None}, lambda: b"confcom_up 1\n")


def exchange(data: bytes, probes: Probes = READY, *, limit_s: float = 5.0) -> bytes:
    async def run() -> bytes:
        async with HealthServer(("127.0.0.1", 0), probes, limit_s=limit_s) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            try:
                writer.write(data)
                async with asyncio.timeout(5):
                    return await reader.read(-1)
            finally:
                writer.close()

    return asyncio.run(run())


def get(target: str, probes: Probes = READY) -> tuple[int, Mapping[str, str], bytes]:
    head, body = exchange(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), probes).split(
        b"\r\n\r\n", 1
    )
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    return int(first.split(" ")[1]), headers, body


def test_lives() -> None:
    assert get("/livez")[0] == 200


def test_is_ready_when_everything_needed_can_be_used() -> None:
    assert get("/readyz")[0::2] == (200, b"socket: ok\n")
    assert get("/readyz", Probes({}))[0] == 200


def test_says_what_is_missing() -> None:
    probes = Probes({"socket": lambda: None, "backend": lambda: "no quoting enclave"})
    status, _, body = get("/readyz", probes)
    assert status == 503
    assert body == b"socket: ok\nbackend: no quoting enclave\n"
    assert get("/livez", probes)[0] == 200


def test_shows_metrics_where_there_are_any() -> None:
    status, headers, body = get("/metrics")
    assert (status, body) == (200, b"confcom_up 1\n")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert get("/metrics", Probes({}))[0] == 404


@pytest.mark.parametrize("target", ["/", "/livez/", "/LIVEZ", "//livez", "http://x/livez", "*"])
def test_knows_no_other_place(target: str) -> None:
    assert get(target)[0] == 404


def test_ignores_what_follows_a_question_mark() -> None:
    assert get("/livez?verbose=1")[0] == 200


def test_answers_head_without_a_body() -> None:
    answer = exchange(b"HEAD /livez HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_changes_nothing_for_anyone(method: str) -> None:
    answer = exchange(f"{method} /livez HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"Allow: GET, HEAD" in answer


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"GET /livez\r\n\r\n", 400),
        (b"GET /livez SIP/2.0\r\n\r\n", 400),
        (b"GET  /livez HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
    ],
)
def test_refuses_what_is_no_request(data: bytes, status: int) -> None:
    assert exchange(data).startswith(f"HTTP/1.1 {status} ".encode())


def test_closes_on_who_says_nothing() -> None:
    assert exchange(b"GET /livez HTTP/1.1\r\n", limit_s=0.1) == b""


def test_keeps_serving_beside_many_who_say_nothing() -> None:
    async def run() -> bytes:
        async with HealthServer(("127.0.0.1", 0), READY, limit_s=5.0) as server:
            silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(60)]
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /livez HTTP/1.1\r\n\r\n")
            async with asyncio.timeout(5):
                answer = await reader.read(-1)
            for _, one in [*silent, (reader, writer)]:
                one.close()
            return answer

    assert asyncio.run(run()).startswith(b"HTTP/1.1 200 ")


def test_has_no_port_outside_its_context() -> None:
    with pytest.raises(RuntimeError, match="outside its context"):
        _ = HealthServer(("127.0.0.1", 0), READY).port

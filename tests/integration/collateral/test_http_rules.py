# SPDX-License-Identifier: Apache-2.0
"""The HTTP client against a service that misbehaves, over real sockets on loopback."""

import asyncio
import gc
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from confcom.adapters.collateral.backoff import RetryPolicy
from confcom.adapters.collateral.http_client import HttpClient, HttpOptions, HttpResponse
from confcom.adapters.collateral.requests import FmspcsRequest
from confcom.errors import ConfcomError, MisconfiguredError
from confcom.reasons import Reason
from confcom.testing.collateral_documents import ServedDocument, StaticDocuments
from confcom.testing.collateral_server import CollateralServer, Misbehaviour
from confcom.testing.throwaway_ca import ThrowawayCa

BODY = b'[{"fmspc":"00606A000000","platform":"E5"}]'
DOCUMENTS = StaticDocuments({FmspcsRequest(): ServedDocument(BODY)})
PATH = "/sgx/certification/v4/fmspcs?platform=all"
QUICK = HttpOptions(
    connect_s=2,
    read_s=0.3,
    total_s=2,
    retry=RetryPolicy(
        attempts=3, first_delay_s=0.01, longest_delay_s=0.05, longest_retry_after_s=2
    ),
)


@pytest.fixture
def server() -> Iterator[CollateralServer]:
    with CollateralServer(DOCUMENTS, lifetime_s=20) as running:
        yield running


def get(url: str, options: HttpOptions = QUICK) -> HttpResponse:
    async def fetch() -> HttpResponse:
        async with HttpClient(options) as client:
            return await client.get(url, what="list of FMSPCs")

    return asyncio.run(fetch())


def refusal(url: str, options: HttpOptions = QUICK) -> ConfcomError:
    with pytest.raises(ConfcomError) as caught:
        get(url, options)
    return caught.value


def test_fetches_a_document(server: CollateralServer) -> None:
    response = get(server.origin + PATH)
    assert response.body == BODY
    assert response.host == server.host
    assert response.headers["content-type"] == "application/json"


def test_asks_for_no_compression_and_says_who_it_is(server: CollateralServer) -> None:
    get(server.origin + PATH)
    (request,) = server.requests
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"] == "confcom"


def test_content_type_does_not_matter(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.WRONG_TYPE)
    assert get(server.origin + PATH).body == BODY


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_tries_again_after_a_passing_failure(server: CollateralServer, status: int) -> None:
    server.misbehave(Misbehaviour.STATUS, status=status, times=2)
    assert get(server.origin + PATH).body == BODY
    assert server.count() == 3


def test_gives_up_after_the_attempts_allowed(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.STATUS, status=503)
    error = refusal(server.origin + PATH)
    assert error.reason is Reason.SOURCE_REFUSED
    assert server.host in error.message
    assert "HTTP status 503 (it is overloaded or down)" in error.message
    assert error.hint is not None
    assert "--collateral FILE" in error.hint
    assert server.count() == 3


@pytest.mark.parametrize("status", [204, 304, 400, 401, 403, 404, 410, 418, 461, 462])
def test_does_not_repeat_a_refused_request(server: CollateralServer, status: int) -> None:
    server.misbehave(Misbehaviour.STATUS, status=status)
    assert refusal(server.origin + PATH).reason is Reason.SOURCE_REFUSED
    assert server.count() == 1


def test_says_what_a_status_means(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.STATUS, status=410)
    error = refusal(server.origin + PATH)
    assert "HTTP status 410 (it no longer serves that evaluation data number)" in error.message


def test_waits_as_long_as_the_server_asks(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.STATUS, status=429, retry_after="1", times=1)
    start = time.monotonic()
    assert get(server.origin + PATH).body == BODY
    assert time.monotonic() - start >= 1


def test_leaves_a_server_alone_that_asks_for_more_patience_than_there_is(
    server: CollateralServer,
) -> None:
    server.misbehave(Misbehaviour.STATUS, status=429, retry_after="3600")
    error = refusal(server.origin + PATH)
    assert error.reason is Reason.SOURCE_REFUSED
    assert "retry after 3600 s" in error.message
    assert server.count() == 1


def test_stalling_server_costs_the_read_timeout_for_each_attempt(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.STALL)
    error = refusal(server.origin + PATH)
    assert error.reason is Reason.SOURCE_UNREACHABLE
    assert "no answer in time" in error.message
    assert server.count() == 3


def test_dripping_server_costs_the_total_time_at_most(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.DRIP)
    start = time.monotonic()
    error = refusal(server.origin + PATH, replace(QUICK, total_s=0.5))
    assert error.reason is Reason.SOURCE_UNREACHABLE
    assert "no complete answer within 0.5 s" in error.message
    assert time.monotonic() - start < 2


def test_tries_again_when_the_answer_breaks_off(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.CUT, times=1)
    assert get(server.origin + PATH).body == BODY
    assert server.count() == 2


def test_never_takes_half_an_answer(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.CUT)
    error = refusal(server.origin + PATH)
    assert error.reason is Reason.SOURCE_ANSWER
    assert "broke off" in error.message


@pytest.mark.parametrize("fault", [Misbehaviour.OVERSIZED, Misbehaviour.ENDLESS])
def test_stops_reading_what_is_too_large(server: CollateralServer, fault: Misbehaviour) -> None:
    server.misbehave(fault)
    error = refusal(server.origin + PATH)
    assert error.reason is Reason.SOURCE_ANSWER
    assert "1048576" in error.message
    assert server.count() == 1


def test_refuses_compression_that_nobody_asked_for(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.COMPRESSED)
    error = refusal(server.origin + PATH)
    assert error.reason is Reason.SOURCE_ANSWER
    assert "'gzip'" in error.message


def test_follows_a_redirect_on_the_same_host(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.REDIRECT)
    assert get(server.origin + PATH).body == BODY
    assert server.count() == 2


def test_does_not_follow_redirects_for_ever(server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.REDIRECT_LOOP)
    error = refusal(server.origin + PATH)
    assert error.reason is Reason.SOURCE_ANSWER
    assert "more than 3 redirects" in error.message
    assert server.count() == 4


def test_never_follows_a_redirect_to_another_host(server: CollateralServer) -> None:
    with CollateralServer(DOCUMENTS, lifetime_s=20) as other:
        server.misbehave(Misbehaviour.REDIRECT_ELSEWHERE, elsewhere=other.origin)
        error = refusal(server.origin + PATH)
        assert error.reason is Reason.SOURCE_ANSWER
        assert other.host in error.message
        assert other.count() == 0


@pytest.mark.parametrize("target", ["", "http://[::1", "//elsewhere.example/x", "https://"])
def test_refuses_a_redirect_that_leads_nowhere(server: CollateralServer, target: str) -> None:
    server.misbehave(Misbehaviour.REDIRECT_ELSEWHERE, elsewhere=target + "#")
    assert refusal(server.origin + PATH).reason is Reason.SOURCE_ANSWER


def test_names_the_host_when_nobody_listens(server: CollateralServer) -> None:
    server.close()
    error = refusal(server.origin + PATH)
    assert error.reason is Reason.SOURCE_UNREACHABLE
    assert server.host in error.message
    assert "refused" in error.message.lower()
    assert error.hint is not None
    assert "--offline" in error.hint


def test_names_the_host_that_has_no_address() -> None:
    error = refusal(f"https://no-such-host.invalid{PATH}")
    assert error.reason is Reason.SOURCE_UNREACHABLE
    assert "no-such-host.invalid" in error.message


@pytest.mark.parametrize("url", ["", "ftp://host/x", "https://", "http://[::1/", "/path"])
def test_refuses_what_is_not_an_address(url: str) -> None:
    error = refusal(url)
    assert isinstance(error, MisconfiguredError)
    assert error.reason is Reason.SETTINGS_INVALID


@contextmanager
def https(directory: Path) -> Iterator[tuple[CollateralServer, ThrowawayCa]]:
    ca = ThrowawayCa(directory)
    with CollateralServer(DOCUMENTS, tls=ca.server_context(), lifetime_s=20) as server:
        yield server, ca


def test_trusts_the_private_ca_that_is_named(tmp_path: Path) -> None:
    with https(tmp_path) as (server, ca):
        assert server.origin.startswith("https://")
        options = replace(QUICK, ca_file=str(ca.ca_file))
        assert get(server.origin + PATH, options).body == BODY


def test_does_not_trust_a_private_ca_that_is_not_named(tmp_path: Path) -> None:
    with https(tmp_path) as (server, _):
        error = refusal(server.origin + PATH)
        assert error.reason is Reason.SOURCE_UNREACHABLE
        assert "TLS certificate is not trusted" in error.message
        assert error.hint is not None
        assert "collateral.ca_file" in error.hint
        assert server.count() == 0


def test_does_not_trust_a_certificate_for_another_host(tmp_path: Path) -> None:
    ca = ThrowawayCa(tmp_path)
    tls = ca.server_context(hosts=("other.example",))
    with CollateralServer(DOCUMENTS, tls=tls, lifetime_s=20) as server:
        options = replace(QUICK, ca_file=str(ca.ca_file))
        assert refusal(server.origin + PATH, options).reason is Reason.SOURCE_UNREACHABLE
        assert server.count() == 0


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_says_which_file_holds_no_certificates(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    error = refusal(f"https://127.0.0.1:1{PATH}", replace(QUICK, ca_file=str(path)))
    assert error.reason is Reason.SETTINGS_INVALID
    assert str(path) in error.message


def test_goes_through_the_proxy_but_not_for_local_hosts(server: CollateralServer) -> None:
    with CollateralServer(DOCUMENTS, lifetime_s=20) as proxy:
        options = replace(QUICK, proxy=proxy.origin)
        assert get(server.origin + PATH, options).body == BODY
        assert (server.count(), proxy.count()) == (1, 0)
        everything = replace(options, direct_hosts=())
        # The stand-in takes the absolute target that proxies get for a path of its own.
        assert get(server.origin + PATH, everything).host == server.host
        assert (server.count(), proxy.count()) == (1, 1)
        assert proxy.requests[0].target == server.origin + PATH


def test_never_shows_the_credentials_of_a_proxy() -> None:
    options = replace(QUICK, proxy="http://user:hunter2@[::1", direct_hosts=())
    error = refusal(f"http://127.0.0.1:1{PATH}", options)
    assert error.reason is Reason.SETTINGS_INVALID
    assert "hunter2" not in error.message
    assert "hunter2" not in repr(options)


def test_ignores_the_proxy_of_the_environment(
    server: CollateralServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert get(server.origin + PATH, replace(QUICK, direct_hosts=())).body == BODY


def test_server_ends_by_itself_when_its_lifetime_is_over() -> None:
    with CollateralServer(DOCUMENTS, lifetime_s=0.2) as server:
        assert get(server.origin + PATH).body == BODY
        time.sleep(0.5)
        assert refusal(server.origin + PATH).reason is Reason.SOURCE_UNREACHABLE


def test_requests_of_many_clients_at_once_are_all_answered(server: CollateralServer) -> None:
    async def fetch_all() -> list[HttpResponse]:
        patient = replace(QUICK, connect_s=10, read_s=10, total_s=20)
        async with HttpClient(patient) as client, asyncio.TaskGroup() as group:
            url = server.origin + PATH
            tasks = [group.create_task(client.get(url, what="list")) for _ in range(60)]
        return [task.result() for task in tasks]

    assert {response.body for response in asyncio.run(fetch_all())} == {BODY}
    assert server.count() == 60


def test_cancelled_handshake_leaves_no_connection_behind() -> None:
    async def cancel_in_handshake(listener: socket.socket) -> bytes:
        loop = asyncio.get_running_loop()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        async with HttpClient(QUICK) as client:
            fetching = asyncio.create_task(client.get(url, what="list"))
            peer, _ = await loop.sock_accept(listener)
            with peer:
                peer.setblocking(False)
                await loop.sock_recv(peer, 65536)  # the client's hello, never answered
                fetching.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await fetching
                return await loop.sock_recv(peer, 1)

    gc.disable()  # which would close it some time
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            assert asyncio.run(asyncio.wait_for(cancel_in_handshake(listener), 2)) == b""
    finally:
        gc.enable()


def test_cannot_be_used_outside_its_context() -> None:
    with pytest.raises(RuntimeError, match="outside its context"):
        asyncio.run(HttpClient(QUICK).get("http://127.0.0.1:1/", what="nothing"))

# SPDX-License-Identifier: Apache-2.0
"""Collateral from services over real HTTP: verified, kept, renewed, never older than before."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.collateral.conftest import AT, DAY, HOUR, ONCE, Bench, World

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.assembly import Platform
from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.directory import DirectorySource
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.events import EventName
from confcom.adapters.collateral.keeper import KeeperOptions
from confcom.adapters.collateral.provider import CollateralProvider
from confcom.adapters.collateral.requests import (
    CollateralRequest,
    Edition,
    EvaluationNumbersRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)
from confcom.adapters.collateral.shelf import ShelfOptions
from confcom.dcap import CertType, Collateral, PckCa, TcbInfo, TeeType, intel_root, verify
from confcom.errors import UnavailableError
from confcom.reasons import Reason
from confcom.simulation import make_authority
from confcom.testing.collateral_documents import ServedDocument, StaticDocuments
from confcom.testing.collateral_server import CollateralServer, Misbehaviour, Style

IDENTITY = QeIdentityRequest(TeeType.SGX)


def accepts(world: World, collateral: Collateral, tee: TeeType = TeeType.SGX) -> bool:
    quote = world.quote(tee)
    root = world.authority.trusted_root
    return verify(quote, collateral, at=AT, root=root, allow_simulated=True).is_simulated


def refusal(bench: Bench, request: CollateralRequest = IDENTITY) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        bench.run(lambda provider: provider.get(request))
    return caught.value


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(300):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen within 3 s")


@pytest.mark.parametrize("tee", list(TeeType))
def test_what_is_fetched_for_a_quote_verifies_it(bench: Bench, world: World, tee: TeeType) -> None:
    quote = world.quote(tee)
    collateral = bench.run(lambda provider: provider.collateral_for(quote))
    assert accepts(world, collateral, tee)
    assert bench.told == ["collateral.fetched"] * 4


@pytest.mark.parametrize("style", [Style.PCS, Style.PCCS, Style.AZURE_REGIONAL, Style.AZURE_AGENT])
@pytest.mark.parametrize("tee", list(TeeType))
def test_every_kind_of_service_is_understood(
    world: World, documents: StaticDocuments, style: Style, tee: TeeType
) -> None:
    with CollateralServer(documents, style=style, lifetime_s=30) as server:
        quote = world.quote(tee)
        collateral = Bench(world, [server]).run(lambda provider: provider.collateral_for(quote))
        assert accepts(world, collateral, tee)


def test_azures_global_cache_serves_sgx(world: World, documents: StaticDocuments) -> None:
    with CollateralServer(documents, style=Style.AZURE_GLOBAL, lifetime_s=30) as server:
        bench = Bench(world, [server])
        quote = world.quote()
        assert accepts(world, bench.run(lambda provider: provider.collateral_for(quote)))
        error = refusal(bench, QeIdentityRequest(TeeType.TDX))
        assert error.reason is Reason.COLLATERAL_MISSING


@pytest.mark.parametrize(
    "fault",
    [
        Misbehaviour.CRL_AS_HEX,
        Misbehaviour.CRL_AS_PEM,
        Misbehaviour.CHAIN_UNTERMINATED,
        Misbehaviour.OLD_HEADERS,
        Misbehaviour.WRONG_TYPE,
        Misbehaviour.REDIRECT,
    ],
)
def test_harmless_oddities_do_no_harm(
    bench: Bench, world: World, server: CollateralServer, fault: Misbehaviour
) -> None:
    server.misbehave(fault)
    quote = world.quote()
    assert accepts(world, bench.run(lambda provider: provider.collateral_for(quote)))


@pytest.mark.parametrize(
    "fault",
    [
        Misbehaviour.BAD_SIGNATURE,
        Misbehaviour.NO_CHAIN,
        Misbehaviour.WEB_PAGE,
        Misbehaviour.OVERSIZED,
        Misbehaviour.CUT,
        Misbehaviour.REDIRECT_ELSEWHERE,
        Misbehaviour.COMPRESSED,
    ],
)
def test_what_cannot_be_used_names_the_host(
    bench: Bench, server: CollateralServer, fault: Misbehaviour
) -> None:
    server.misbehave(fault, path_contains="identity")
    error = refusal(bench)
    assert error.reason is Reason.SOURCE_ANSWER
    assert server.host in error.message
    assert error.hint is not None
    assert "--collateral FILE" in error.hint or "as a source" in error.hint


@pytest.mark.parametrize(
    "request_",
    [
        RootCaCrlRequest(),
        PckCrlRequest(PckCa.PLATFORM),
        TcbInfoRequest(TeeType.SGX, bytes.fromhex("0053494d0000")),
        EvaluationNumbersRequest(TeeType.SGX),
    ],
)
def test_no_document_enters_with_a_bad_signature(
    bench: Bench, server: CollateralServer, cache: DiskCache, request_: CollateralRequest
) -> None:
    bench.cache = cache
    server.misbehave(Misbehaviour.BAD_SIGNATURE)
    assert refusal(bench, request_).reason is Reason.SOURCE_ANSWER
    assert list(cache.entries()) == []


def test_a_document_for_something_else_is_refused(
    bench: Bench, world: World, server: CollateralServer, documents: StaticDocuments
) -> None:
    other = TcbInfoRequest(TeeType.SGX, bytes.fromhex("00906ed50000"))
    served = documents.find(TcbInfoRequest(TeeType.SGX, world.platform.fmspc))
    tdx = documents.find(QeIdentityRequest(TeeType.TDX))
    processor = documents.find(PckCrlRequest(PckCa.PLATFORM))
    assert served is not None
    assert tdx is not None
    assert processor is not None
    swapped: dict[CollateralRequest, ServedDocument] = {
        other: served,
        IDENTITY: tdx,
        PckCrlRequest(PckCa.PROCESSOR): processor,
    }
    server.documents = documents.with_documents(swapped)
    for request in swapped:
        assert refusal(bench, request).reason is Reason.SOURCE_ANSWER


def test_another_edition_than_the_named_one_is_refused(
    bench: Bench, server: CollateralServer, documents: StaticDocuments
) -> None:
    served = documents.find(IDENTITY)
    assert served is not None
    wanted = QeIdentityRequest(TeeType.SGX, Edition(number=19))
    assert refusal(bench, wanted).reason is Reason.SOURCE_REFUSED
    server.documents = documents.with_documents({wanted: served})
    assert refusal(bench, wanted).reason is Reason.SOURCE_ANSWER


def test_documents_under_another_root_are_refused(bench: Bench, server: CollateralServer) -> None:
    other = make_authority(at=AT - DAY)
    bench.checker = Checker(root=other.trusted_root, allow_simulated=True)
    error = refusal(bench)
    assert error.reason is Reason.SOURCE_ANSWER
    assert server.host in error.message


def test_simulated_documents_need_consent(bench: Bench, world: World) -> None:
    bench.checker = Checker(root=world.authority.trusted_root, allow_simulated=False)
    assert "simulated" in refusal(bench).message.lower()
    bench.checker = Checker(root=intel_root(), allow_simulated=True)
    assert refusal(bench).reason is Reason.SOURCE_ANSWER


def test_expired_documents_are_refused(
    bench: Bench, world: World, server: CollateralServer
) -> None:
    server.documents = world.documents(at=AT - 31 * DAY)
    error = refusal(bench)
    assert error.reason is Reason.SOURCE_ANSWER
    assert "expire" in error.message or "2026-02-" in error.message


def test_documents_from_the_future_are_refused_beyond_the_allowance(
    bench: Bench, world: World, server: CollateralServer
) -> None:
    server.documents = world.documents(at=AT + timedelta(seconds=60))
    assert refusal(bench).reason is Reason.SOURCE_ANSWER
    bench.checker = replace(world.checker, clock_allowance=timedelta(seconds=60))
    assert bench.run(lambda provider: provider.get(IDENTITY)).evaluation_number == 20


def test_a_hundred_requests_at_once_cause_one_fetch(
    bench: Bench, world: World, server: CollateralServer
) -> None:
    quote = world.quote()

    async def ask(provider: CollateralProvider) -> list[Collateral]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(provider.collateral_for(quote)) for _ in range(100)]
        return [task.result() for task in tasks]

    answers = bench.run(ask)
    assert len({answer.digest for answer in answers}) == 1
    assert accepts(world, answers[0])
    assert server.count() == 4
    assert server.count("/tcb?") == 1


def test_a_hundred_failures_at_once_cause_one_attempt_at_each_source(
    bench: Bench, server: CollateralServer
) -> None:
    server.misbehave(Misbehaviour.STATUS, status=404, path_contains="identity")

    async def ask(provider: CollateralProvider) -> list[object]:
        return await asyncio.gather(
            *(provider.get(IDENTITY) for _ in range(100)), return_exceptions=True
        )

    results = bench.run(ask)
    assert all(isinstance(result, UnavailableError) for result in results)
    assert server.count("identity") == 1


def test_who_gives_up_waiting_does_not_spoil_it_for_others(
    bench: Bench, server: CollateralServer
) -> None:
    server.misbehave(Misbehaviour.STATUS, status=503, times=1, retry_after="0")

    async def ask(provider: CollateralProvider) -> int:
        first = asyncio.ensure_future(provider.get(IDENTITY))
        second = asyncio.ensure_future(provider.get(IDENTITY))
        await asyncio.sleep(0.005)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled()
        return (await second).evaluation_number or 0

    assert bench.run(ask) == 20
    assert server.count("identity") == 2, "one refusal, one repetition, nothing more"


def test_what_is_fresh_is_not_fetched_again(bench: Bench, server: CollateralServer) -> None:
    async def ask(provider: CollateralProvider) -> None:
        await provider.get(IDENTITY)
        bench.clock.advance(23 * HOUR)
        await provider.get(IDENTITY)
        assert server.count("identity") == 1
        bench.clock.advance(2 * HOUR)
        await provider.get(IDENTITY)
        assert server.count("identity") == 2

    bench.run(ask)


@pytest.mark.parametrize(
    ("header", "fresh_for"),
    [("max-age=3600", 3600), ("max-age=1", 60), ("no-store", 60), (None, 86_400)],
)
def test_the_source_may_shorten_how_long_it_is_fresh(
    bench: Bench, server: CollateralServer, header: str | None, fresh_for: int
) -> None:
    server.cache_control = header

    async def ask(provider: CollateralProvider) -> None:
        await provider.get(IDENTITY)
        bench.clock.advance(timedelta(seconds=fresh_for - 1))
        await provider.get(IDENTITY)
        assert server.count("identity") == 1
        bench.clock.advance(timedelta(seconds=1))
        await provider.get(IDENTITY)
        assert server.count("identity") == 2

    bench.run(ask)


def test_nothing_is_fresh_beyond_its_next_update(
    bench: Bench, world: World, server: CollateralServer
) -> None:
    server.documents = world.documents(at=AT - DAY, lifetime=DAY + HOUR)

    async def ask(provider: CollateralProvider) -> None:
        await provider.get(IDENTITY)
        bench.clock.advance(HOUR)
        server.documents = world.documents(at=AT)
        assert (await provider.get(IDENTITY)).issue_date == int(AT.timestamp())

    bench.run(ask)


def test_a_clock_that_was_set_back_makes_nothing_fresh(
    bench: Bench, server: CollateralServer
) -> None:
    async def ask(provider: CollateralProvider) -> None:
        await provider.get(IDENTITY)
        bench.clock.advance(-HOUR)
        await provider.get(IDENTITY)
        assert server.count("identity") == 2

    bench.run(ask)


def test_the_last_good_document_is_kept_while_it_is_valid(
    bench: Bench, server: CollateralServer
) -> None:
    async def ask(provider: CollateralProvider) -> None:
        good = await provider.get(IDENTITY)
        server.misbehave(Misbehaviour.STATUS, status=503)
        bench.clock.advance(20 * DAY)
        assert await provider.get(IDENTITY) == good
        assert "collateral.last_good_kept" in bench.told
        asked = server.count("identity")
        assert await provider.get(IDENTITY) == good
        assert server.count("identity") == asked, "the failure is remembered for a while"
        bench.clock.advance(timedelta(seconds=61))
        assert await provider.get(IDENTITY) == good
        assert server.count("identity") > asked
        bench.clock.advance(10 * DAY)
        with pytest.raises(UnavailableError) as caught:
            await provider.get(IDENTITY)
        assert caught.value.reason is Reason.SOURCE_REFUSED

    bench.run(ask)


def test_baseline_mode_keeps_documents_beyond_their_next_update(
    bench: Bench, world: World, server: CollateralServer
) -> None:
    bench.checker = replace(world.checker, grace=10 * DAY)
    server.documents = world.documents(at=AT - 35 * DAY)
    assert bench.run(lambda provider: provider.get(IDENTITY)).evaluation_number == 20
    bench.clock.advance(6 * DAY)
    assert refusal(bench).reason is Reason.SOURCE_ANSWER


def test_failures_are_remembered_for_a_while(bench: Bench, server: CollateralServer) -> None:
    server.misbehave(Misbehaviour.STATUS, status=404, path_contains="identity")

    async def ask(provider: CollateralProvider) -> None:
        for _ in range(5):
            with pytest.raises(UnavailableError):
                await provider.get(IDENTITY)
        assert server.count("identity") == 1
        server.behave()
        bench.clock.advance(timedelta(seconds=10))
        assert (await provider.get(IDENTITY)).evaluation_number == 20

    bench.run(ask)


@pytest.mark.parametrize(
    ("at", "number", "words"),
    [
        (AT, 19, "evaluation data number 19"),
        (AT - 2 * DAY, 20, "2026-02-27"),
    ],
)
def test_a_rollback_is_refused(
    bench: Bench, world: World, server: CollateralServer, at: datetime, number: int, words: str
) -> None:
    async def ask(provider: CollateralProvider) -> None:
        good = await provider.get(IDENTITY)
        server.documents = world.documents(at=at, number=number)
        bench.clock.advance(DAY)
        assert await provider.get(IDENTITY) == good

    bench.run(ask)
    error = bench.events[-1].error
    assert error is not None
    assert error.reason is Reason.COLLATERAL_ROLLBACK
    assert words in error.message
    assert server.host in error.message


@pytest.mark.parametrize(
    "request_", [RootCaCrlRequest(), PckCrlRequest(PckCa.PLATFORM)], ids=["root", "pck"]
)
def test_an_older_revocation_list_is_a_rollback(
    bench: Bench, world: World, server: CollateralServer, request_: CollateralRequest
) -> None:
    async def ask(provider: CollateralProvider) -> None:
        good = await provider.get(request_)
        server.documents = world.documents(at=AT - 2 * DAY)
        bench.clock.advance(DAY)
        assert await provider.get(request_) == good

    bench.run(ask)
    assert bench.events[-1].error is not None
    assert bench.events[-1].error.reason is Reason.COLLATERAL_ROLLBACK


def test_a_rollback_is_taken_where_it_is_configured(
    bench: Bench, world: World, server: CollateralServer
) -> None:
    async def ask(provider: CollateralProvider) -> int | None:
        await provider.get(IDENTITY)
        server.documents = world.documents(at=AT, number=19)
        bench.clock.advance(DAY)
        return (await provider.get(IDENTITY)).evaluation_number

    assert bench.with_options(replace(ONCE, allow_rollback=True)).run(ask) == 19


def test_editions_do_not_roll_one_another_back(
    bench: Bench, world: World, server: CollateralServer
) -> None:
    early = QeIdentityRequest(TeeType.SGX, Edition.parse("early"))

    async def ask(provider: CollateralProvider) -> None:
        newer = world.documents(at=AT, number=21).find(early)
        assert newer is not None
        server.documents = world.documents().with_documents({early: newer})
        assert (await provider.get(early)).evaluation_number == 21
        assert (await provider.get(IDENTITY)).evaluation_number == 20

    bench.run(ask)


def test_the_next_source_gives_what_the_first_does_not(
    bench: Bench, world: World, server: CollateralServer, documents: StaticDocuments
) -> None:
    quote = world.quote()
    with CollateralServer(documents, style=Style.PCCS, lifetime_s=30) as second:
        bench.sources = [server, second]
        server.misbehave(Misbehaviour.STATUS, status=404, path_contains="/tcb?")
        server.misbehave(Misbehaviour.BAD_SIGNATURE, path_contains="pckcrl")
        assert accepts(world, bench.run(lambda provider: provider.collateral_for(quote)))
        assert second.count() == 2
        assert bench.told.count("collateral.source_failed") == 2


def test_all_sources_are_named_when_none_helps(
    bench: Bench, server: CollateralServer, documents: StaticDocuments
) -> None:
    with CollateralServer(documents, lifetime_s=30) as second:
        bench.sources = [server, second]
        second.close()
        server.misbehave(Misbehaviour.STATUS, status=404)
        error = refusal(bench, RootCaCrlRequest())
        assert error.reason is Reason.SOURCE_UNREACHABLE
        assert server.host in error.message
        assert second.host in error.message


def test_without_sources_and_cache_the_way_out_is_named(world: World) -> None:
    error = refusal(Bench(world, []), RootCaCrlRequest())
    assert error.reason is Reason.COLLATERAL_MISSING
    assert error.hint is not None
    assert "--collateral FILE" in error.hint


def test_documents_in_use_are_renewed_in_the_background(
    bench: Bench, world: World, server: CollateralServer
) -> None:
    options = KeeperOptions(check_every_s=0.02)

    async def ask(provider: CollateralProvider) -> None:
        await provider.get(IDENTITY)
        await provider.get(IDENTITY)
        bench.clock.advance(23 * HOUR)
        server.documents = world.documents(at=AT)
        await until(lambda: server.count("identity") >= 2)
        await until(lambda: bench.told.count("collateral.fetched") >= 3)
        assert (await provider.get(IDENTITY)).issue_date == int(AT.timestamp())

    bench.with_options(options).run(ask)


def test_documents_that_nobody_uses_are_not_renewed(bench: Bench, server: CollateralServer) -> None:
    async def ask(provider: CollateralProvider) -> None:
        await provider.get(IDENTITY)
        bench.clock.advance(23 * HOUR)
        await asyncio.sleep(0.2)
        assert server.count("identity") == 1

    bench.with_options(KeeperOptions(check_every_s=0.02)).run(ask)


def test_a_failing_renewal_is_reported_and_tried_again(
    bench: Bench, server: CollateralServer
) -> None:
    async def ask(provider: CollateralProvider) -> None:
        await provider.get(IDENTITY)
        await provider.get(IDENTITY)
        server.misbehave(Misbehaviour.STATUS, status=404, path_contains="identity")
        bench.clock.advance(23 * HOUR)
        await until(lambda: "collateral.last_good_kept" in bench.told)
        asked = server.count("identity")
        await provider.get(IDENTITY)
        bench.clock.advance(timedelta(seconds=61))
        await until(lambda: server.count("identity") > asked)

    bench.with_options(KeeperOptions(check_every_s=0.02)).run(ask)


def test_at_most_so_many_documents_are_remembered(bench: Bench, server: CollateralServer) -> None:
    options = KeeperOptions(shelf=ShelfOptions(most_documents=2), check_every_s=0)
    requests = [QeIdentityRequest(tee) for tee in TeeType]

    async def ask(provider: CollateralProvider) -> None:
        for request in (*requests, *requests):
            await provider.get(request)

    bench.with_options(options).run(ask)
    assert server.count("identity") == 4


@pytest.mark.parametrize(
    ("style", "cert_type"),
    [
        (Style.PCS, CertType.PPID_RSA3072),
        (Style.PCCS, CertType.PPID_RSA3072),
        (Style.PCCS, CertType.PPID_RSA2048),
        (Style.PCCS, CertType.PPID_CLEAR),
        (Style.PCCS, CertType.PCK_LEAF),
        (Style.AZURE_AGENT, CertType.PPID_RSA3072),
        (Style.AZURE_GLOBAL, CertType.PPID_RSA3072),
    ],
)
def test_chains_that_quotes_do_not_carry_are_fetched(
    world: World, documents: StaticDocuments, style: Style, cert_type: CertType
) -> None:
    quote = world.quote(cert_type=cert_type)
    with CollateralServer(documents, style=style, lifetime_s=30) as server:
        collateral = Bench(world, [server]).run(lambda provider: provider.collateral_for(quote))
    assert collateral.pck_certificate_chain is not None
    root = world.authority.trusted_root
    verified = verify(quote, collateral, at=AT, root=root, allow_simulated=True)
    assert verified.pck.extension.fmspc == world.platform.fmspc


@pytest.mark.parametrize("cert_type", [CertType.PPID_CLEAR, CertType.PPID_RSA2048])
def test_says_that_the_chain_is_missing_where_no_service_has_it(
    bench: Bench, world: World, cert_type: CertType
) -> None:
    quote = world.quote(cert_type=cert_type)
    with pytest.raises(UnavailableError) as caught:
        bench.run(lambda provider: provider.collateral_for(quote))
    assert caught.value.reason is Reason.PCK_MISSING
    assert caught.value.hint is not None
    assert "--collateral FILE" in caught.value.hint


def test_nothing_is_fetched_for_a_chain_that_leads_to_another_root(
    bench: Bench, server: CollateralServer
) -> None:
    other = make_authority(at=AT - DAY)
    forged = World(other, other.add_platform(at=AT - DAY, fmspc=b"forged")).quote()
    with pytest.raises(Exception, match="root") as caught:
        bench.run(lambda provider: provider.collateral_for(forged))
    assert getattr(caught.value, "reason", None) is Reason.UNTRUSTED_ROOT
    assert server.count() == 0


def test_lists_the_fmspcs_that_the_service_knows(bench: Bench, world: World) -> None:
    assert bench.run(lambda provider: provider.fmspcs()) == (world.platform.fmspc,)


def test_passes_over_sources_without_a_list(
    bench: Bench, world: World, server: CollateralServer, documents: StaticDocuments
) -> None:
    with CollateralServer(documents, style=Style.PCCS, lifetime_s=30) as second:
        bench.sources = [second, server]
        assert bench.run(lambda provider: provider.fmspcs()) == (world.platform.fmspc,)
        bench.sources = [second]
        with pytest.raises(UnavailableError) as caught:
            bench.run(lambda provider: provider.fmspcs())
        assert caught.value.reason is Reason.COLLATERAL_MISSING


def test_lists_the_living_evaluation_data_numbers(bench: Bench) -> None:
    document = bench.run(lambda provider: provider.get(EvaluationNumbersRequest(TeeType.TDX)))
    assert document.listed_numbers == (19, 20)


def test_fetches_a_named_evaluation_data_number(bench: Bench, world: World) -> None:
    platform = Platform(TeeType.SGX, world.platform.fmspc, world.platform.ca)
    collateral = bench.run(lambda provider: provider.collateral(platform, Edition(number=20)))
    assert TcbInfo.from_bytes(collateral.tcb_info).evaluation_data_number == 20


def test_files_and_services_are_asked_in_order(
    bench: Bench, world: World, server: CollateralServer, tmp_path: Path
) -> None:
    quote = world.quote()
    name = "qe-identity-sgx"
    served = world.documents(at=AT, number=21).find(IDENTITY)
    assert served is not None
    assert served.issuer_chain is not None
    (tmp_path / f"{name}.json").write_bytes(served.body)
    (tmp_path / f"{name}.chain.pem").write_bytes(served.issuer_chain)
    bench.sources = [DirectorySource(tmp_path), server]
    assert accepts(world, bench.run(lambda provider: provider.collateral_for(quote)))
    assert server.count() == 3
    assert server.count("identity") == 0
    fetched = {event.source for event in bench.events if event.name is EventName.FETCHED}
    assert fetched == {str(tmp_path), server.host}


def test_a_bug_in_a_source_ends_the_provider(bench: Bench) -> None:
    class Broken:
        name = "broken"

        def read(self, request: CollateralRequest) -> Answer:
            raise ZeroDivisionError(request.name)

    bench.sources = [Broken()]
    with pytest.raises(ExceptionGroup) as caught:
        bench.run(lambda provider: provider.get(IDENTITY))
    assert caught.group_contains(ZeroDivisionError)


def test_a_second_process_takes_what_the_first_has_kept(
    bench: Bench, world: World, server: CollateralServer, cache: DiskCache
) -> None:
    bench.cache = cache
    quote = world.quote()
    first = bench.run(lambda provider: provider.collateral_for(quote))
    assert server.count() == 4
    assert bench.run(lambda provider: provider.collateral_for(quote)) == first
    assert server.count() == 4
    server.close()
    bench.clock.advance(5 * DAY)
    assert bench.run(lambda provider: provider.collateral_for(quote)) == first


def test_what_was_changed_on_disk_is_fetched_again(
    bench: Bench, server: CollateralServer, cache: DiskCache
) -> None:
    bench.cache = cache
    bench.run(lambda provider: provider.get(IDENTITY))
    kept = cache.read(IDENTITY)
    assert kept is not None
    # Somebody who can write there can also make the digest right.
    body = kept.answer.body.replace(b'"isvprodid":1', b'"isvprodid":7')
    assert body != kept.answer.body
    cache.write(IDENTITY, replace(kept.answer, body=body), fetched_at=kept.fetched_at)
    document = bench.run(lambda provider: provider.get(IDENTITY))
    assert document.answer.body == kept.answer.body
    assert server.count("identity") == 2


def test_the_disk_protects_from_rollback_across_processes(
    bench: Bench, world: World, server: CollateralServer, cache: DiskCache
) -> None:
    bench.cache = cache
    good = bench.run(lambda provider: provider.get(IDENTITY))
    server.documents = world.documents(at=AT, number=19)
    bench.clock.advance(2 * DAY)
    assert bench.run(lambda provider: provider.get(IDENTITY)).answer.body == good.answer.body
    assert bench.events[-1].error is not None
    assert bench.events[-1].error.reason is Reason.COLLATERAL_ROLLBACK


def test_an_expired_document_on_disk_still_protects_from_rollback(
    bench: Bench, world: World, server: CollateralServer, cache: DiskCache
) -> None:
    bench.cache = cache
    bench.run(lambda provider: provider.get(IDENTITY))
    bench.clock.advance(60 * DAY)
    server.documents = world.documents(at=bench.clock.now - HOUR, number=19)
    error = refusal(bench)
    assert error.reason is Reason.COLLATERAL_ROLLBACK


def test_a_cache_that_cannot_be_written_is_reported_and_not_fatal(
    bench: Bench, server: CollateralServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    bench.cache = DiskCache(tmp_path / "file" / "cache")
    assert bench.run(lambda provider: provider.get(IDENTITY)).evaluation_number == 20
    assert "collateral.cache_failed" in bench.told
    assert server.count("identity") == 1

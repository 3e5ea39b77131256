# SPDX-License-Identifier: Apache-2.0
"""Caches: bounded, expiring, the least used goes first, and no entry is ever in the way."""

from dataclasses import dataclass

import pytest
from tests.forging import check, outcome
from tests.simulated import AT, DAY, authority, platform, sgx, tdx

from confcom.dcap import Caches
from confcom.dcap.caches import BoundedCache
from confcom.reasons import Reason
from confcom.simulation import Enclave


@dataclass(frozen=True)
class Entry:
    expires: int


class Slippery:
    """A key during whose look-up somebody else puts another entry."""

    def __init__(self, cache: BoundedCache[Entry]) -> None:
        self.cache = cache
        self.seen = 0

    def __hash__(self) -> int:
        self.seen += 1
        if self.seen == 2:  # once to get, once to move
            self.cache.put("other", Entry(9))
        return 1

    def __eq__(self, other: object) -> bool:
        return self is other


def test_returns_what_was_put_until_it_expires() -> None:
    cache: BoundedCache[Entry] = BoundedCache(2)
    cache.put("a", Entry(10))
    assert cache.get("a", 9) == Entry(10)
    assert cache.get("a", 10) == Entry(10)
    assert cache.get("a", 11) is None
    assert len(cache) == 0
    assert cache.get("a", 9) is None


def test_knows_nothing_of_other_keys() -> None:
    assert BoundedCache[Entry](2).get("a", 0) is None


def test_the_entry_not_used_for_longest_makes_room() -> None:
    cache: BoundedCache[Entry] = BoundedCache(2)
    cache.put("a", Entry(10))
    cache.put("b", Entry(10))
    cache.get("a", 0)
    cache.put("c", Entry(10))
    assert cache.get("b", 0) is None
    assert cache.get("a", 0) is not None
    assert len(cache) == 2


def test_a_cache_of_nothing_keeps_nothing() -> None:
    cache: BoundedCache[Entry] = BoundedCache(0)
    cache.put("a", Entry(10))
    assert cache.get("a", 0) is None


def test_an_entry_that_another_thread_removes_meanwhile_is_still_good() -> None:
    cache: BoundedCache[Entry] = BoundedCache(2)
    key = Slippery(cache)
    cache.put(key, Entry(10))
    cache.put("newer", Entry(10))
    key.seen = 0
    assert cache.get(key, 0) == Entry(10)
    assert cache.get(key, 0) is None


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (2, 2), (3, 3), (9, 4)])
def test_caches_of_verification_never_grow_beyond_their_bound(most: int, expected: int) -> None:
    caches = Caches(collateral=most, chains=most, keys=most)
    for number in range(4):
        sample = sgx(evaluation_data_number=20 + number)
        check(sample.quote, sample.collateral, caches=caches)
    assert [len(caches.collateral), len(caches.chains), len(caches.keys)] == [expected] * 3


def test_caches_have_room_for_what_a_service_meets() -> None:
    caches = Caches()
    assert (caches.collateral.most, caches.chains.most, caches.keys.most) == (128, 4096, 8192)


def test_entries_of_verification_go_when_their_earliest_date_has_passed() -> None:
    caches = Caches()
    sample = sgx()
    verified = check(sample.quote, sample.collateral, caches=caches)
    assert len(caches.collateral) == 1
    late = AT + 4000 * DAY
    assert late > verified.valid_until
    assert outcome(sample.quote, sample.collateral, at=late, caches=caches) is not None
    assert len(caches.collateral) == 1  # verified again, and found late
    key = next(iter(caches.collateral._entries))  # noqa: SLF001 the key is not public
    assert caches.collateral.get(key, int(late.timestamp())) is None
    assert len(caches.collateral) == 0


def test_attestation_keys_need_not_be_kept() -> None:
    caches = Caches(keys=0)
    sample = sgx()
    check(sample.quote, sample.collateral, caches=caches)
    check(sample.quote, sample.collateral, caches=caches)
    assert (len(caches.collateral), len(caches.chains), len(caches.keys)) == (1, 1, 0)


def test_refusals_are_not_kept() -> None:
    caches = Caches()
    sample = sgx(status=None)
    for _ in range(2):
        assert outcome(sample.quote, sample.collateral, caches=caches) is Reason.TCB_NOT_SUPPORTED
    changed = bytearray(sample.quote)
    changed[-1] ^= 1
    sizes = len(caches.chains), len(caches.keys)
    for _ in range(2):
        assert outcome(bytes(changed), sample.collateral, caches=caches) is not None
    assert (len(caches.chains), len(caches.keys)) == sizes


def test_a_cached_key_does_not_serve_another_platform() -> None:
    caches = Caches()
    first, second = sgx(), authority().add_platform(at=AT)
    check(first.quote, first.collateral, caches=caches)
    enclave = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
    report = enclave.ereport(platform().qe_target_info, bytes(64))
    foreign = platform().quote_sgx(report, chain=second.pck_chain)
    assert outcome(foreign, first.collateral, caches=caches) is Reason.QE_REPORT_SIGNATURE


@pytest.mark.parametrize("place", [-6, 127, 128, 700, 1500, 3000])
def test_a_cached_chain_serves_no_other_bytes(place: int) -> None:
    caches = Caches()
    sample = sgx()
    check(sample.quote, sample.collateral, caches=caches)
    changed = bytearray(sample.quote)
    changed[sample.quote.index(b"-----BEGIN") + place] ^= 1  # at -6: type 4, one certificate
    fresh = outcome(bytes(changed), sample.collateral)
    assert fresh is not None
    assert outcome(bytes(changed), sample.collateral, caches=caches) is fresh
    assert outcome(sample.quote, sample.collateral, caches=caches) is None
    assert len(caches.chains) == 1


def test_one_set_of_caches_serves_both_kinds_of_evidence() -> None:
    caches = Caches()
    for sample in (sgx(), tdx(), sgx(), tdx()):
        check(sample.quote, sample.collateral, caches=caches)
    assert len(caches.chains) == len(caches.collateral) == 4  # made afresh, so signed afresh

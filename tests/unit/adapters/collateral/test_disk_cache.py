# SPDX-License-Identifier: Apache-2.0
"""The cache on disk: whole or absent, private, bounded, safe for several processes."""

import fcntl
import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.disk_cache import CacheLimits, DiskCache
from confcom.adapters.collateral.requests import (
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)
from confcom.dcap import PckCa, TeeType
from confcom.errors import UsageError
from confcom.reasons import Reason

REQUEST = QeIdentityRequest(TeeType.SGX)
ANSWER = Answer(body=b"{}\x00\xff", issuer_chain=b"chain", source="pcs.example", max_age=60)


def file_of(path: Path) -> Path:
    return path / f"{REQUEST.name}.answer"


def test_gives_back_what_was_kept(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache")
    assert cache.write(REQUEST, ANSWER, fetched_at=1_700_000_000)
    found = cache.read(REQUEST)
    assert found is not None
    assert (found.name, found.answer, found.fetched_at) == (REQUEST.name, ANSWER, 1_700_000_000)


def test_gives_nothing_where_nothing_is_kept(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "absent")
    assert cache.read(REQUEST) is None
    assert list(cache.entries()) == []
    assert not (tmp_path / "absent").exists()


@given(
    st.binary(max_size=300), st.one_of(st.none(), st.binary(max_size=300)), st.integers(0, 2**40)
)
def test_any_answer_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, chain: bytes | None, fetched_at: int
) -> None:
    cache = DiskCache(tmp_path_factory.getbasetemp() / "any")
    answer = Answer(body=body, issuer_chain=chain, source="s", max_age=None)
    cache.write(RootCaCrlRequest(), answer, fetched_at=fetched_at)
    found = cache.read(RootCaCrlRequest())
    assert found is not None
    assert (found.answer, found.fetched_at) == (answer, fetched_at)


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache")
    previous = os.umask(0)
    try:
        cache.write(REQUEST, ANSWER, fetched_at=0)
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    assert stat.S_IMODE(file_of(tmp_path / "cache").stat().st_mode) == 0o600


def test_leaves_nothing_but_answers_behind(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    for _ in range(3):
        cache.write(REQUEST, ANSWER, fetched_at=0)
    assert [path.name for path in tmp_path.iterdir()] == [f"{REQUEST.name}.answer"]


@pytest.mark.parametrize("position", range(0, 250, 7))
def test_damage_is_as_good_as_absence(tmp_path: Path, position: int) -> None:
    cache = DiskCache(tmp_path)
    cache.write(REQUEST, ANSWER, fetched_at=0)
    content = bytearray(file_of(tmp_path).read_bytes())
    content[position % len(content)] ^= 1
    file_of(tmp_path).write_bytes(content)
    assert cache.read(REQUEST) is None


@pytest.mark.parametrize("size", [0, 1, 64, 65, 66, 150])
def test_a_part_is_as_good_as_absence(tmp_path: Path, size: int) -> None:
    cache = DiskCache(tmp_path)
    cache.write(REQUEST, ANSWER, fetched_at=0)
    file_of(tmp_path).write_bytes(file_of(tmp_path).read_bytes()[:size])
    assert cache.read(REQUEST) is None


@pytest.mark.parametrize("text", [b"", b"null", b"{}", b"[" * 100_000, b"\xff", b'{"format":2}'])
def test_a_right_digest_over_wrong_content_is_as_good_as_absence(
    tmp_path: Path, text: bytes
) -> None:
    file_of(tmp_path).write_bytes(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
    assert DiskCache(tmp_path).read(REQUEST) is None
    assert list(DiskCache(tmp_path).entries()) == []


def test_an_answer_under_the_name_of_another_is_as_good_as_absence(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.write(REQUEST, ANSWER, fetched_at=0)
    other = QeIdentityRequest(TeeType.TDX)
    file_of(tmp_path).rename(tmp_path / f"{other.name}.answer")
    assert cache.read(other) is None


@pytest.mark.parametrize("kind", ["folder", "pipe", "huge"])
def test_what_is_no_small_file_is_as_good_as_absence(tmp_path: Path, kind: str) -> None:
    path = file_of(tmp_path)
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case _:
            with path.open("wb") as stream:
                stream.truncate(3 * 1024 * 1024)
    assert DiskCache(tmp_path).read(REQUEST) is None


def test_asks_whether_the_kept_answer_may_go(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.write(REQUEST, ANSWER, fetched_at=5)
    newer = Answer(body=b"newer", issuer_chain=None, source="s")
    asked: list[int] = []

    def refuse(kept: object) -> bool:
        asked.append(getattr(kept, "fetched_at", -1))
        return False

    assert not cache.write(REQUEST, newer, fetched_at=6, may_replace=refuse)
    assert asked == [5]
    found = cache.read(REQUEST)
    assert found is not None
    assert found.answer == ANSWER


def test_removes_the_oldest_beyond_the_count(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, limits=CacheLimits(entries=2))
    requests = [TcbInfoRequest(TeeType.SGX, bytes([n] * 6)) for n in range(4)]
    for age, request_ in enumerate(requests):
        cache.write(request_, ANSWER, fetched_at=0)
        when = time.time() - 100 + age
        os.utime(tmp_path / f"{request_.name}.answer", (when, when))
    cache.write(requests[3], ANSWER, fetched_at=0)
    assert [cache.read(request_) is not None for request_ in requests] == [False, False, True, True]


def test_removes_the_oldest_beyond_the_size(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, limits=CacheLimits(size_bytes=6000))
    large = Answer(body=bytes(3000), issuer_chain=None, source="s")
    for ca in (PckCa.PLATFORM, PckCa.PROCESSOR):
        cache.write(PckCrlRequest(ca), large, fetched_at=0)
        os.utime(tmp_path / f"pck-crl-{ca}.answer", (1, 1))
    cache.write(REQUEST, ANSWER, fetched_at=0)
    assert cache.read(REQUEST) is not None
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 6000


def test_lists_whole_answers_in_order(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    for request_ in (RootCaCrlRequest(), PckCrlRequest(PckCa.PLATFORM), REQUEST):
        cache.write(request_, ANSWER, fetched_at=0)
    file_of(tmp_path).write_bytes(b"damaged")
    (tmp_path / "notes.txt").write_text("not ours")
    assert [entry.name for entry in cache.entries()] == ["pck-crl-platform", "root-ca-crl"]


def test_writes_nothing_while_another_writer_takes_too_long(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, limits=CacheLimits(lock_s=0.05))
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert not cache.write(REQUEST, ANSWER, fetched_at=0)
        assert cache.read(REQUEST) is None
    finally:
        os.close(descriptor)
    assert cache.write(REQUEST, ANSWER, fetched_at=0)


def test_says_which_directory_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(UsageError) as caught:
        DiskCache(blocked / "cache").write(REQUEST, ANSWER, fetched_at=0)
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE
    assert str(blocked / "cache") in caught.value.message


WRITER = """
import sys
from pathlib import Path
from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.requests import QeIdentityRequest
from confcom.dcap import TeeType

cache = DiskCache(Path(sys.argv[1]))
request = QeIdentityRequest(TeeType.SGX)
print("ready", flush=True)
for number in range(1_000_000):
    body = bytes([number % 256]) * 200_000
    cache.write(request, Answer(body=body, issuer_chain=None, source="w"), fetched_at=number)
"""


@pytest.mark.timeout(60)
def test_survives_writers_that_are_killed_at_any_moment(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache")
    cache.write(REQUEST, Answer(body=bytes(200_000), issuer_chain=None, source="w"), fetched_at=0)
    reads = 0
    for round_ in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(cache.path)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            until = time.monotonic() + 0.004 * round_
            while True:
                found = cache.read(REQUEST)
                assert found is not None, "a reader saw nothing, or a part"
                assert found.answer.body == found.answer.body[:1] * 200_000
                reads += 1
                if time.monotonic() >= until:
                    break
        finally:
            writer.send_signal(signal.SIGKILL)
            writer.communicate(timeout=10)
    assert reads >= 12
    # No lock is left, and the next writer clears what the killed ones left unfinished.
    start = time.monotonic()
    assert cache.write(REQUEST, ANSWER, fetched_at=1)
    assert time.monotonic() - start < 1
    assert [path.name for path in cache.path.iterdir()] == [f"{REQUEST.name}.answer"]


@pytest.mark.timeout(60)
def test_several_writers_leave_one_whole_answer(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        until = time.monotonic() + 0.5
        seen = 0
        while time.monotonic() < until:
            found = cache.read(REQUEST)
            if found is not None:
                assert found.answer.body == found.answer.body[:1] * 200_000
                seen += 1
        assert seen
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate(timeout=10)

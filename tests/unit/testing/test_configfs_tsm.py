# SPDX-License-Identifier: Apache-2.0
"""The stand-in for configfs-tsm refuses what the kernel refuses, with the kernel's numbers."""

import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.simulated import platform

from confcom.simulation import TrustDomain
from confcom.testing.configfs_tsm import TsmProvider, TsmStandIn, tdx_guest

DATA = bytes(range(64))


@pytest.fixture
def kernel() -> TsmStandIn:
    """A guest whose driver tells which report this is, and knows the levels 1 to 3."""
    kernel = TsmStandIn(None)

    def make(data: bytes, level: int) -> bytes:
        return bytes([kernel.reports, level]) + data

    kernel.provider = TsmProvider(name="sev_guest", make=make, privlevel_floor=1)
    return kernel


@pytest.fixture
def entry(kernel: TsmStandIn) -> Path:
    kernel.make_folder(kernel.folder / "mine")
    return kernel.folder / "mine"


def number_of(call: Callable[[], object]) -> int | None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is what is looked at
        call()
    return caught.value.errno


def read(kernel: TsmStandIn, path: Path) -> bytes:
    return kernel.read(path, 65536)


def test_counts_each_write_and_makes_one_report_for_each_count(
    kernel: TsmStandIn, entry: Path
) -> None:
    assert read(kernel, entry / "generation") == b"0\n"
    kernel.write(entry / "privlevel", b"2\n")
    kernel.write(entry / "inblob", DATA)
    assert read(kernel, entry / "generation") == b"2\n"
    first = read(kernel, entry / "outblob")
    assert first == b"\x00\x02" + DATA
    assert read(kernel, entry / "outblob") == first
    kernel.write(entry / "inblob", DATA)
    assert read(kernel, entry / "outblob") == b"\x01\x02" + DATA
    assert kernel.reports == 2


def test_a_refused_level_does_not_count(kernel: TsmStandIn, entry: Path) -> None:
    for text in (b"0", b"4", b"-1", b"x", b""):
        assert number_of(partial(kernel.write, entry / "privlevel", text)) == errno.EINVAL
    assert read(kernel, entry / "generation") == b"0\n"


def test_has_no_report_before_there_is_data(kernel: TsmStandIn, entry: Path) -> None:
    assert number_of(lambda: read(kernel, entry / "outblob")) == errno.EINVAL


def test_has_no_report_after_the_driver_refused(entry: Path, kernel: TsmStandIn) -> None:
    kernel.provider = tdx_guest(platform(), TrustDomain(mr_td=bytes(48)))
    kernel.write(entry / "inblob", DATA[:32])
    assert number_of(lambda: read(kernel, entry / "outblob")) == errno.EINVAL
    assert kernel.reports == 0


def test_takes_no_more_than_64_bytes(kernel: TsmStandIn, entry: Path) -> None:
    assert number_of(lambda: kernel.write(entry / "inblob", bytes(65))) == errno.EFBIG
    assert read(kernel, entry / "generation") == b"0\n"


def test_stops_counting_where_the_count_would_deceive(kernel: TsmStandIn) -> None:
    kernel.first_generation = 2**64 - 1
    kernel.make_folder(kernel.folder / "old")
    kernel.write(kernel.folder / "old" / "inblob", DATA)  # nobody hears of it
    assert read(kernel, kernel.folder / "old" / "generation") == b"18446744073709551615\n"
    level = kernel.folder / "old" / "privlevel"
    assert number_of(lambda: kernel.write(level, b"2")) == errno.EBUSY


@pytest.mark.parametrize("name", ["inblob", "privlevel"])
def test_shows_nothing_that_is_for_writing(kernel: TsmStandIn, entry: Path, name: str) -> None:
    assert number_of(lambda: read(kernel, entry / name)) == errno.EACCES


@pytest.mark.parametrize("name", ["outblob", "provider", "generation", "privlevel_floor"])
def test_takes_nothing_that_is_for_reading(kernel: TsmStandIn, entry: Path, name: str) -> None:
    assert number_of(lambda: kernel.write(entry / name, b"1")) == errno.EACCES


def test_has_no_other_attributes(kernel: TsmStandIn, entry: Path) -> None:
    assert number_of(lambda: read(kernel, entry / "passwd")) == errno.ENOENT
    assert number_of(lambda: kernel.write(entry / "passwd", b"1")) == errno.ENOENT


def test_makes_entries_in_its_folder_only_and_each_once(kernel: TsmStandIn, entry: Path) -> None:
    assert number_of(lambda: kernel.make_folder(entry)) == errno.EEXIST
    assert number_of(lambda: kernel.make_folder(entry / "inner")) == errno.ENOENT
    assert number_of(lambda: kernel.make_folder(kernel.folder)) == errno.ENOENT


def test_removes_entries_with_all_in_them_once(kernel: TsmStandIn, entry: Path) -> None:
    kernel.remove_folder(entry)
    assert kernel.entries == ()
    assert number_of(lambda: kernel.remove_folder(entry)) == errno.ENOENT
    assert number_of(lambda: read(kernel, entry / "generation")) == errno.ENOENT


def test_without_a_driver_counts_and_nothing_more(kernel: TsmStandIn, entry: Path) -> None:
    kernel.provider = None
    assert read(kernel, entry / "generation") == b"0\n"
    for name in ("provider", "outblob", "privlevel_floor"):
        assert number_of(partial(read, kernel, entry / name)) == errno.ENXIO
    assert number_of(lambda: kernel.write(entry / "privlevel", b"1")) == errno.ENXIO
    assert number_of(lambda: kernel.make_folder(kernel.folder / "new")) == errno.ENXIO


def test_hands_out_no_report_that_the_kernel_would_not(kernel: TsmStandIn, entry: Path) -> None:
    kernel.provider = TsmProvider(name="huge", make=lambda *_: bytes(16 * 1024 * 1024 + 1))
    kernel.write(entry / "inblob", DATA)
    assert number_of(lambda: read(kernel, entry / "outblob")) == errno.EFBIG


def test_fails_as_often_as_it_was_told(kernel: TsmStandIn, entry: Path) -> None:
    kernel.write(entry / "inblob", DATA)
    kernel.fail("outblob", errno.EBUSY, times=2)
    assert number_of(lambda: read(kernel, entry / "outblob")) == errno.EBUSY
    assert number_of(lambda: read(kernel, entry / "outblob")) == errno.EBUSY
    assert read(kernel, entry / "outblob").endswith(DATA)


def test_somebody_else_leaves_a_trace(kernel: TsmStandIn, entry: Path) -> None:
    kernel.write(entry / "inblob", DATA)
    kernel.race(times=1)
    assert not read(kernel, entry / "outblob").endswith(DATA)
    assert read(kernel, entry / "generation") == b"2\n"

# SPDX-License-Identifier: Apache-2.0
"""Whatever a kernel says, there is a report over the data that was given, or an error of ours."""

import errno
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from confcom.adapters.configfs_tsm import ConfigfsTsm
from confcom.errors import ConfcomError
from confcom.testing.configfs_tsm import TsmProvider, TsmStandIn

ATTRIBUTES = ("generation", "provider", "outblob", "inblob", "privlevel", "privlevel_floor")
STEPS = st.sampled_from((*ATTRIBUTES, "make", "remove"))
NUMBERS = st.sampled_from(sorted(errno.errorcode))
TEXTS = st.dictionaries(st.sampled_from(ATTRIBUTES), st.binary(max_size=80), max_size=2)


class Odd(TsmStandIn):
    """Says what it was told to say instead of the truth."""

    said: dict[str, bytes]

    def read(self, path: Path, most: int) -> bytes:
        found = super().read(path, most)
        return self.said.get(path.name, found)[:most]


def echo(name: str = "sev_guest") -> TsmProvider:
    return TsmProvider(name=name, make=lambda data, level: bytes([level]) + data, privlevel_floor=1)


def client(kernel: TsmStandIn) -> ConfigfsTsm:
    return ConfigfsTsm(kernel.folder, files=kernel, patience_s=0.002, pause_s=0.001)


@given(
    failures=st.lists(st.tuples(STEPS, NUMBERS, st.integers(1, 5)), max_size=3),
    said=TEXTS,
    races=st.integers(0, 5),
    privlevel=st.none() | st.integers(0, 3),
)
def test_gives_a_report_or_an_error_of_ours(
    failures: list[tuple[str, int, int]],
    said: dict[str, bytes],
    races: int,
    privlevel: int | None,
) -> None:
    kernel = Odd(echo())
    kernel.said = said
    for step, number, times in failures:
        kernel.fail(step, number, times=times)
    kernel.race(times=races)
    is_removed = all(step != "remove" for step, _, _ in failures)
    try:
        client(kernel).report(bytes(64), privlevel=privlevel)
    except ConfcomError as exc:
        assert exc.message  # noqa: PT017 - any error of ours will do
    if is_removed:
        assert kernel.entries == ()


@given(
    data=st.binary(min_size=64, max_size=64),
    privlevel=st.none() | st.integers(1, 3),
    races=st.integers(0, 3),
    busy=st.integers(0, 1),
    first=st.integers(0, 2**64 - 3),
)
def test_a_report_is_over_the_data_that_was_given(
    data: bytes, privlevel: int | None, races: int, busy: int, first: int
) -> None:
    kernel = TsmStandIn(echo(), first_generation=first)
    kernel.race(times=races)
    if busy:
        kernel.fail("outblob", errno.EBUSY)
    patient = ConfigfsTsm(kernel.folder, files=kernel, pause_s=0.0001)
    assert patient.report(data, privlevel=privlevel).data == bytes([privlevel or 0]) + data
    assert kernel.entries == ()

# SPDX-License-Identifier: Apache-2.0
"""Reports by configfs-tsm: what is read belongs to what was written, and nothing stays behind."""

import errno
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.rights import without_rights_of_root
from tests.simulated import REPORT_DATA, platform

from confcom.adapters.configfs_tsm import (
    MAX_REPORT_BYTES,
    ConfigfsTsm,
    KernelFiles,
    TsmReport,
)
from confcom.dcap import Quote
from confcom.errors import ConfcomError, MalformedError, UnavailableError, UsageError
from confcom.reasons import Reason
from confcom.simulation import TrustDomain
from confcom.testing.configfs_tsm import TsmProvider, TsmStandIn, tdx_guest

TD = TrustDomain(mr_td=b"\x7d" * 48)
WRAPPED = 2**64 - 1  # one more write would come round to what was read last: nothing


def tdx() -> TsmStandIn:
    return TsmStandIn(tdx_guest(platform(), TD))


def snp(*, floor: int | None = 1) -> TsmStandIn:
    def make(report_data: bytes, level: int) -> bytes:
        return bytes([level]) + report_data

    return TsmStandIn(TsmProvider(name="sev_guest", make=make, privlevel_floor=floor))


def canned(data: bytes) -> TsmStandIn:
    return TsmStandIn(TsmProvider(name="tdx_guest", make=lambda *_: data))


def ask(
    kernel: TsmStandIn,
    data: bytes = REPORT_DATA,
    *,
    privlevel: int | None = None,
    patience_s: float = 30.0,
    warnings: list[str] | None = None,
) -> TsmReport:
    warn = (lambda _: None) if warnings is None else warnings.append
    client = ConfigfsTsm(
        kernel.folder, files=kernel, patience_s=patience_s, pause_s=0.001, warn=warn
    )
    return client.report(data, privlevel=privlevel)


@contextmanager
def refused(kernel: TsmStandIn, reason: Reason, *words: str) -> Iterator[None]:
    """The block is refused for a reason, in words and with a cure, and no entry is left."""
    with pytest.raises(ConfcomError) as caught:
        yield
    assert caught.value.reason is reason
    for word in words:
        assert word in f"{caught.value.message} | {caught.value.hint}"
    assert caught.value.hint
    assert kernel.entries == ()


# --- what is given ---


def test_gives_the_quote_of_a_td_over_the_data() -> None:
    kernel = tdx()
    report = ask(kernel)
    assert (report.provider, report.generation) == ("tdx_guest", 1)
    assert Quote.from_bytes(report.data).body.report_data == REPORT_DATA
    assert kernel.entries == ()


def test_keeps_the_order_of_the_kernel_and_makes_one_report() -> None:
    kernel = tdx()
    ask(kernel)
    assert kernel.log == [
        "make",
        "read generation",
        "read provider",
        "write inblob",
        "read outblob",
        "read generation",
        "remove",
    ]
    assert kernel.reports == 1


def test_asks_for_a_privilege_level_before_the_data() -> None:
    kernel = snp()
    report = ask(kernel, privlevel=2)
    assert report == TsmReport(provider="sev_guest", data=b"\x02" + REPORT_DATA, generation=2)
    assert kernel.log.index("write privlevel") < kernel.log.index("write inblob")


def test_leaves_the_privilege_level_to_the_kernel() -> None:
    kernel = snp()
    assert ask(kernel).data[0] == 0
    assert "write privlevel" not in kernel.log


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EAGAIN])
def test_asks_a_busy_kernel_again(number: int) -> None:
    kernel = tdx()
    kernel.fail("outblob", number, times=3)
    assert Quote.from_bytes(ask(kernel).data).body.report_data == REPORT_DATA
    assert kernel.log.count("read outblob") == 4
    assert kernel.log.count("make") == 1


def test_begins_anew_when_somebody_else_wrote() -> None:
    kernel = tdx()
    kernel.race(times=2)
    assert Quote.from_bytes(ask(kernel).data).body.report_data == REPORT_DATA
    assert (kernel.log.count("make"), kernel.log.count("remove")) == (3, 3)


def test_takes_another_name_when_one_is_taken() -> None:
    kernel = tdx()
    kernel.fail("make", errno.EEXIST, times=2)
    assert ask(kernel).provider == "tdx_guest"


def test_callers_do_not_disturb_one_another() -> None:
    kernel = tdx()
    found: dict[int, TsmReport] = {}

    def work(number: int) -> None:
        found[number] = ask(kernel, bytes([number]) * 64)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4)
    for number in range(4):
        assert Quote.from_bytes(found[number].data).body.report_data == bytes([number]) * 64
    assert kernel.entries == ()


def test_takes_the_largest_report_that_evidence_may_be() -> None:
    assert len(ask(canned(bytes(MAX_REPORT_BYTES))).data) == MAX_REPORT_BYTES


# --- what is refused ---


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, ("no such folder", "mount configfs", "6.7")),
        (errno.ENXIO, ("no driver", "modprobe tdx_guest")),
        (errno.EACCES, (f"user {os.geteuid()} may not", "root")),
        (errno.EPERM, ("no entries", "tsm/report")),
        (errno.EROFS, ("read-only", "container")),
        (errno.ENOTDIR, ("no folder", "name the folder")),
    ],
)
def test_says_why_there_can_be_no_entry(number: int, words: tuple[str, ...]) -> None:
    kernel = tdx()
    kernel.fail("make", number)
    with refused(kernel, Reason.QUOTING_UNREACHABLE, str(kernel.folder), *words):
        ask(kernel)
    assert kernel.log == ["make"]


def test_refuses_where_configfs_is_not_mounted() -> None:
    kernel = tdx()
    kernel.is_mounted = False
    with refused(kernel, Reason.QUOTING_UNREACHABLE, "mount configfs"):
        ask(kernel)


def test_refuses_outside_of_confidential_guests() -> None:
    kernel = TsmStandIn(None)
    with refused(kernel, Reason.QUOTING_UNREACHABLE, "no driver", "modprobe"):
        ask(kernel)


@pytest.mark.parametrize("attribute", ["provider", "outblob", "generation"])
def test_refuses_when_the_driver_goes_away(attribute: str) -> None:
    kernel = tdx()
    kernel.fail(attribute, errno.ENXIO)
    with refused(kernel, Reason.QUOTING_UNREACHABLE, f"attribute {attribute}", "no driver"):
        ask(kernel)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EINVAL, ("tdx_guest did not accept the report data", "64")),
        (errno.ETIMEDOUT, ("no quote within", "quote generation service")),
        (errno.EIO, ("failed to make a quote", "quote generation service")),
        (errno.EFBIG, ("larger than this kernel", "kernel")),
    ],
)
def test_says_why_there_is_no_report(number: int, words: tuple[str, ...]) -> None:
    kernel = tdx()
    kernel.fail("outblob", number)
    with refused(kernel, Reason.QUOTING_FAILED, "attribute outblob", *words):
        ask(kernel)
    assert kernel.log.count("read outblob") == 1


def test_gives_up_on_a_kernel_that_stays_busy() -> None:
    kernel = tdx()
    kernel.fail("outblob", errno.EBUSY, times=10**6)
    with refused(kernel, Reason.QUOTING_FAILED, "stayed busy", "again"):
        ask(kernel, patience_s=0.02)
    assert kernel.log.count("read outblob") > 1


def test_does_not_wait_without_patience() -> None:
    kernel = tdx()
    kernel.fail("outblob", errno.EBUSY, times=10**6)
    with refused(kernel, Reason.QUOTING_FAILED, "stayed busy"):
        ask(kernel, patience_s=0)
    assert kernel.log.count("read outblob") == 1


def test_refuses_when_others_keep_writing() -> None:
    kernel = tdx()
    kernel.race(times=100)
    with refused(kernel, Reason.QUOTING_FAILED, "generation", "another process"):
        ask(kernel)
    assert kernel.log.count("make") == kernel.log.count("remove") == 4


def test_notices_that_the_kernel_lost_the_data() -> None:
    kernel = tdx()
    kernel.first_generation = (
        WRAPPED  # so that closing inblob comes to EBUSY, of which no one hears
    )
    with refused(kernel, Reason.QUOTING_FAILED, "did not accept the report data", "not reach it"):
        ask(kernel)


def test_notices_that_the_kernel_kept_older_data() -> None:
    class Deaf(TsmStandIn):
        def write(self, path: Path, data: bytes) -> None:
            self.log.append(f"write {path.name}")

        def read(self, path: Path, most: int) -> bytes:
            return b"a report" if path.name == "outblob" else super().read(path, most)

    kernel = Deaf(tdx_guest(platform(), TD))
    with refused(kernel, Reason.QUOTING_FAILED, "generation", "loses writes"):
        ask(kernel)


def test_refuses_an_empty_report() -> None:
    kernel = canned(b"")
    with refused(kernel, Reason.QUOTING_FAILED, "empty", "DCAP before 1.21"):
        ask(kernel)


@pytest.mark.parametrize("size", [MAX_REPORT_BYTES + 1, MAX_REPORT_BYTES + 10_000])
def test_refuses_a_report_beyond_what_evidence_may_be(size: int) -> None:
    kernel = canned(bytes(size))
    with refused(kernel, Reason.TOO_LARGE, str(MAX_REPORT_BYTES)):
        ask(kernel)


@pytest.mark.parametrize("number", [errno.EEXIST])
def test_gives_up_where_every_name_is_taken(number: int) -> None:
    kernel = tdx()
    kernel.fail("make", number, times=100)
    with refused(kernel, Reason.QUOTING_FAILED):
        ask(kernel)


def test_says_that_tds_have_no_privilege_level() -> None:
    kernel = tdx()
    with refused(kernel, Reason.QUOTING_FAILED, "tdx_guest has no privilege levels", "TDs"):
        ask(kernel, privlevel=0)


def test_says_which_privilege_levels_there_are() -> None:
    kernel = snp(floor=2)
    with refused(kernel, Reason.QUOTING_FAILED, "privilege level 1, but 2 to 3"):
        ask(kernel, privlevel=1)


@pytest.mark.parametrize("floor", [None, b"{user}\n", b"", b"2" * 100])
def test_says_less_where_the_lowest_level_is_not_to_be_had(floor: bytes | None) -> None:
    class Odd(TsmStandIn):
        def read(self, path: Path, most: int) -> bytes:
            if path.name == "privlevel_floor" and floor is not None:
                return floor[:most]
            return super().read(path, most)

    kernel = Odd(snp(floor=2).provider)
    kernel.fail("privlevel_floor", errno.EACCES)
    with refused(kernel, Reason.QUOTING_FAILED, "privilege level 1, but others"):
        ask(kernel, privlevel=1)


@pytest.mark.parametrize("size", [0, 1, 48, 63, 65])
def test_takes_64_bytes_of_report_data_only(size: int) -> None:
    kernel = tdx()
    with pytest.raises(UsageError, match="expected 64"):
        ask(kernel, bytes(size))
    assert kernel.log == []


@pytest.mark.parametrize("level", [-1, 4, 255])
def test_takes_levels_that_exist_only(level: int) -> None:
    kernel = snp()
    with pytest.raises(UsageError, match="expected 0 to 3"):
        ask(kernel, privlevel=level)
    assert kernel.log == []


def test_says_what_is_unknown_in_words_of_the_system() -> None:
    kernel = tdx()
    kernel.fail("outblob", errno.ENOMEM)
    with pytest.raises(UnavailableError, match=os.strerror(errno.ENOMEM)):
        ask(kernel)
    assert kernel.entries == ()


# --- what is left behind ---


@pytest.mark.parametrize("step", ["provider", "inblob", "outblob", "generation"])
def test_removes_the_entry_after_every_failure(step: str) -> None:
    kernel = tdx()
    kernel.fail(step, errno.EIO)
    with pytest.raises(ConfcomError):
        ask(kernel)
    assert kernel.log[-1] == "remove"
    assert kernel.entries == ()


def test_keeps_the_report_when_the_entry_cannot_be_removed() -> None:
    kernel, warnings = tdx(), list[str]()
    kernel.fail("remove", errno.EBUSY)
    assert ask(kernel, warnings=warnings).provider == "tdx_guest"
    (entry,) = kernel.entries
    assert str(entry) in warnings[0]
    assert "rmdir" in warnings[0]


def test_says_nothing_when_the_entry_is_gone_already() -> None:
    kernel, warnings = tdx(), list[str]()
    kernel.fail("remove", errno.ENOENT)
    ask(kernel, warnings=warnings)
    assert warnings == []


def test_an_interrupted_caller_leaves_nothing_behind() -> None:
    def make(*_: object) -> bytes:
        raise KeyboardInterrupt

    kernel = TsmStandIn(TsmProvider(name="tdx_guest", make=make))
    with pytest.raises(KeyboardInterrupt):
        ask(kernel)
    assert kernel.entries == ()


@pytest.mark.parametrize("attribute", ["provider", "inblob", "outblob"])
def test_says_that_an_attribute_is_out_of_reach(attribute: str) -> None:
    kernel = tdx()
    kernel.fail(attribute, errno.EACCES)
    with refused(kernel, Reason.QUOTING_UNREACHABLE, f"user {os.geteuid()} may not use it"):
        ask(kernel)


def test_removal_does_not_hide_the_failure() -> None:
    kernel, warnings = tdx(), list[str]()
    kernel.fail("outblob", errno.EIO)
    kernel.fail("remove", errno.EBUSY)
    with pytest.raises(UnavailableError, match="failed to make a quote"):
        ask(kernel, warnings=warnings)
    assert len(warnings) == 1


# --- the kernel's own files, as far as a folder can stand for them ---


def on_disk(folder: Path) -> TsmReport:
    return ConfigfsTsm(folder, patience_s=0).report(REPORT_DATA)


def test_says_that_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="there is no such folder") as caught:
        on_disk(tmp_path / "report")
    assert caught.value.reason is Reason.QUOTING_UNREACHABLE


def test_leaves_an_ordinary_folder_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no such attribute") as caught:
        on_disk(tmp_path)
    assert "tsm/report" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


def test_says_that_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "report").touch()
    with pytest.raises(UnavailableError, match="it is no folder"):
        on_disk(tmp_path / "report")


def test_says_who_has_no_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with (
        without_rights_of_root(),
        pytest.raises(UnavailableError, match=f"user {os.geteuid()} may not") as caught,
    ):
        on_disk(tmp_path)
    assert caught.value.reason is Reason.QUOTING_UNREACHABLE
    tmp_path.chmod(0o700)


def test_writes_to_what_exists_only(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KernelFiles().write(tmp_path / "inblob", b"x")
    assert list(tmp_path.iterdir()) == []


def test_writes_in_one_piece_and_cuts_nothing_off(tmp_path: Path) -> None:
    (tmp_path / "inblob").write_bytes(b"abcdef")
    KernelFiles().write(tmp_path / "inblob", b"xy")
    assert (tmp_path / "inblob").read_bytes() == b"xycdef"


def test_notices_that_nothing_was_taken() -> None:
    with pytest.raises(OSError, match="No space left"):
        KernelFiles().write(Path("/dev/full"), b"x")


def test_notices_that_not_all_was_taken(tmp_path: Path) -> None:
    (tmp_path / "inblob").touch()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, limits[1]))
    try:
        with pytest.raises(OSError, match="not all of it was written"):
            KernelFiles().write(tmp_path / "inblob", b"abcdef")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize(("most", "found"), [(3, 3), (10, 6), (6, 6), (0, 0)])
def test_reads_to_the_end_or_to_the_bound(tmp_path: Path, most: int, found: int) -> None:
    (tmp_path / "outblob").write_bytes(b"abcdef")
    assert KernelFiles().read(tmp_path / "outblob", most) == b"abcdef"[:found]


def test_does_not_read_without_end() -> None:
    assert len(KernelFiles().read(Path("/dev/zero"), 5000)) == 5000


@pytest.mark.parametrize("name", ["generation", "provider"])
@pytest.mark.parametrize("text", [b"", b"\n", b"-1\n", b"1 2\n", b"\xff\n", b"a b\n", b"9" * 5000])
def test_believes_no_odd_attribute(name: str, text: bytes) -> None:
    class Odd(TsmStandIn):
        def read(self, path: Path, most: int) -> bytes:
            return text[:most] if path.name == name else super().read(path, most)

    kernel = Odd(tdx_guest(platform(), TD))
    with pytest.raises(MalformedError, match=f"attribute {name} holds") as caught:
        ask(kernel)
    assert caught.value.reason is Reason.MESSAGE_FORMAT
    assert len(caught.value.message) < 300
    assert kernel.entries == ()

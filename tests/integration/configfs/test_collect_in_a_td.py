# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence collect --configfs`` over real system calls, on a folder like the kernel's."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.configfs.mounted import DEVICE, MountedTsm
from tests.requirements import missing
from tests.simulated import AT, REPORT_DATA, authority, platform, tdx

from confcom.adapters.configfs_tsm import ConfigfsTsm
from confcom.dcap import Quote
from confcom.errors import UnavailableError
from confcom.reasons import ExitCode, Reason
from confcom.simulation import TrustDomain
from confcom.testing.configfs_tsm import TsmProvider, tdx_guest

pytestmark = pytest.mark.timeout(30)

TD = TrustDomain(mr_td=b"\x7d" * 48)
Collect = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[MountedTsm]:
    """A TD whose kernel shows configfs-tsm."""
    folder = tmp_path / "report"
    folder.mkdir()
    try:
        mounted = MountedTsm(folder, tdx_guest(platform(), TD))
    except OSError as exc:  # a container without the device, or without the right
        missing(f"nobody can mount {DEVICE} here: {exc.strerror}")
    with mounted:
        yield mounted


@pytest.fixture
def collect(guest: MountedTsm, tmp_path: Path) -> Collect:
    def call(*options: str) -> "subprocess.CompletedProcess[str]":
        folder = os.fspath(guest.kernel.folder)
        return subprocess.run(
            [sys.executable, "-m", "confcom", "evidence", "collect", "--configfs",
             "--configfs-dir", folder, *options],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip

    return call


def test_program_gets_a_quote_and_leaves_nothing(
    guest: MountedTsm, collect: Collect, tmp_path: Path
) -> None:
    done = collect("--report-data", REPORT_DATA.hex(), "--out", "quote.bin")
    assert (done.returncode, done.stdout) == (0, "")
    assert "from the kernel's driver tdx_guest; it was not verified" in done.stderr
    quote = Quote.from_bytes((tmp_path / "quote.bin").read_bytes())
    assert quote.body.report_data == REPORT_DATA
    assert guest.kernel.log == [
        *("make", "read generation", "read provider", "write inblob", "read outblob"),
        *("read generation", "remove"),
    ]
    assert guest.kernel.entries == ()


def test_program_verifies_what_it_got(guest: MountedTsm, collect: Collect, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes(authority().root.pem)
    (tmp_path / "bundle.json").write_bytes(tdx().collateral.to_json())
    trust = ["--root", "root.pem", "--allow-simulated", "--collateral", "bundle.json"]
    options = [*trust, "--at", str(int(AT.timestamp())), "--nonce", "07", "--output", "json"]
    done = collect("--verify", *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["acceptable"] is True
    assert guest.kernel.reports == 1


def test_program_explains_a_busy_host(guest: MountedTsm, collect: Collect) -> None:
    guest.kernel.fail("outblob", errno.ETIMEDOUT)
    done = collect("--out", "quote.bin")
    assert (done.returncode, done.stdout) == (ExitCode.UNKNOWN, "")
    assert "the host made no quote within the kernel's time limit" in done.stderr
    assert guest.kernel.entries == ()


def test_large_reports_come_in_pieces(guest: MountedTsm) -> None:
    large = os.urandom(60_000)
    guest.kernel.provider = TsmProvider(name="tdx_guest", make=lambda *_: large)
    assert ConfigfsTsm(guest.kernel.folder).report(REPORT_DATA).data == large
    assert guest.kernel.reports == 1


@pytest.mark.parametrize(
    ("attribute", "number", "reason", "words"),
    [
        ("make", errno.ENXIO, Reason.QUOTING_UNREACHABLE, "no driver of a confidential guest"),
        ("make", errno.EPERM, Reason.QUOTING_UNREACHABLE, "no entries can be made there"),
        ("provider", errno.ENXIO, Reason.QUOTING_UNREACHABLE, "no driver of a confidential guest"),
        ("outblob", errno.EINVAL, Reason.QUOTING_FAILED, "did not accept the report data"),
        ("outblob", errno.EIO, Reason.QUOTING_FAILED, "failed to make a quote"),
    ],
)
def test_refusals_come_through_the_system(
    guest: MountedTsm, attribute: str, number: int, reason: Reason, words: str
) -> None:
    guest.kernel.fail(attribute, number)
    with pytest.raises(UnavailableError, match=words) as caught:
        ConfigfsTsm(guest.kernel.folder).report(REPORT_DATA)
    assert caught.value.reason is reason
    assert guest.kernel.entries == ()


def test_a_busy_kernel_and_other_writers_are_outlasted(guest: MountedTsm) -> None:
    guest.kernel.fail("outblob", errno.EBUSY, times=2)
    guest.kernel.race(times=2)
    data = ConfigfsTsm(guest.kernel.folder, pause_s=0.001).report(REPORT_DATA).data
    assert Quote.from_bytes(data).body.report_data == REPORT_DATA
    assert guest.kernel.log.count("make") == guest.kernel.log.count("remove") == 3


def test_a_lost_write_is_noticed(guest: MountedTsm) -> None:
    guest.kernel.first_generation = 2**64 - 1
    with pytest.raises(UnavailableError, match="did not accept the report data"):
        ConfigfsTsm(guest.kernel.folder).report(REPORT_DATA)
    assert guest.kernel.entries == ()

# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence collect``: which options go together, the kernel and simulated platforms.

Daemons and services on sockets: see the other modules of this name.
"""

import base64
import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from confcom.adapters import configfs_tsm
from confcom.adapters.simulation_store import SimulationStore
from confcom.cli.main import main
from confcom.dcap import Quote
from confcom.reasons import ExitCode
from confcom.runtime.settings import EvidenceSettings
from confcom.simulation import Platform, TrustDomain
from confcom.testing.configfs_tsm import TsmProvider, TsmStandIn, tdx_guest

NONCE = "0badcafe"
DATA = bytes.fromhex(NONCE).ljust(64, b"\0")
TRUST = ("--root", "demo/public/root.pem", "--allow-simulated")
TDX_TRUST = ("--collateral", "demo/public/simulated-tdx.json", *TRUST)
SGX_TRUST = ("--collateral", "demo/public/simulated-sgx.json", *TRUST)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a simulated hierarchy, an enclave, a TD and a TDREPORT."""
    folder = tmp_path_factory.mktemp("hierarchy")
    td_report = ["--td", f"{folder}/td.json", "--report-data", "07", "--out", f"{folder}/td.bin"]
    for command in (
        ["pki", f"{folder}/demo"],
        ["platform", "--pki", f"{folder}/demo"],
        ["enclave", "--out", f"{folder}/enclave.json"],
        ["td", "--out", f"{folder}/td.json"],
        ["td-report", "--pki", f"{folder}/demo", *td_report],
    ):
        assert main(["--quiet", "simulate", *command]) == ExitCode.YES
    return folder


@pytest.fixture
def run(
    hierarchy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs the command in a folder of its own that sees the hierarchy."""
    for path in hierarchy.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SGX_AESM_ADDR", raising=False)

    def call(*options: str) -> tuple[int, str, str]:
        code = main(["evidence", "collect", *options])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def platform(hierarchy: Path) -> Platform:
    store = SimulationStore(hierarchy / "demo")
    return store.platform("simulated", store.authority())


@pytest.fixture
def kernel(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> TsmStandIn:
    """The kernel of a TD on that platform, in place of this machine's."""
    kernel = TsmStandIn(tdx_guest(platform, TrustDomain(mr_td=b"\x7d" * 48)))
    monkeypatch.setattr(configfs_tsm, "KernelFiles", lambda: kernel)
    return kernel


def quote_in(file: str) -> Quote:
    return Quote.from_bytes(Path(file).read_bytes())


# --- the kernel ---


def test_kernel_gives_the_quote_of_its_td(run: Run, kernel: TsmStandIn) -> None:
    code, out, err = run("--configfs", "--nonce", NONCE, "--out", "quote.bin")
    assert (code, out) == (0, "")
    assert err == (
        f"collected: TDX quote of {Path('quote.bin').stat().st_size} bytes, version 4, report data "
        "0badcafe00000000…, from the kernel's driver tdx_guest; it was not verified\n"
    )
    assert quote_in("quote.bin").body.report_data == DATA
    assert kernel.entries == ()


def test_quote_goes_to_standard_output_as_a_line_of_base64(run: Run, kernel: TsmStandIn) -> None:
    code, out, err = run("--configfs")
    assert code == 0
    assert out.endswith("\n")
    assert out.count("\n") == 1
    assert Quote.from_bytes(base64.b64decode(out)).body.report_data == bytes(64)
    assert "report data all zero" in err
    assert kernel.reports == 1


def test_quiet_run_writes_the_file_only(run: Run, kernel: TsmStandIn) -> None:
    assert run("--configfs", "--out", "quote.bin", "--quiet") == (0, "", "")
    assert quote_in("quote.bin").is_tdx
    assert kernel.reports == 1


def test_another_guest_is_named_for_what_it_is(run: Run, kernel: TsmStandIn) -> None:
    kernel.provider = TsmProvider(
        name="sev_guest", make=lambda data, level: bytes([level]) + data, privlevel_floor=0
    )
    code, _, err = run("--configfs", "--privlevel", "3", "--out", "report.bin", "--nonce", NONCE)
    assert code == 0
    assert "SEV-SNP report of 65 bytes, from the kernel's driver sev_guest; it was not" in err
    assert Path("report.bin").read_bytes() == b"\x03" + DATA


def test_entries_are_made_in_the_folder_that_is_named(run: Run, kernel: TsmStandIn) -> None:
    kernel.folder = Path("elsewhere/report")
    assert run("--configfs", "--out", "quote.bin")[0] == ExitCode.UNKNOWN
    assert run("--configfs", "--out", "quote.bin", "--configfs-dir", "elsewhere/report")[0] == 0


def test_the_folder_is_a_setting_too(
    run: Run, kernel: TsmStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.folder = Path("elsewhere/report")
    monkeypatch.setenv("CONFCOM_EVIDENCE__CONFIGFS_DIR", "elsewhere/report")
    assert run("--configfs", "--out", "quote.bin")[0] == 0
    code, _, err = run("--configfs", "--out", "quote.bin", "--configfs-dir", "nowhere")
    assert (code, "nowhere: there is no such folder" in err) == (ExitCode.UNKNOWN, True)
    monkeypatch.delenv("CONFCOM_EVIDENCE__CONFIGFS_DIR")
    file = 'version = 1\n[evidence]\nconfigfs_dir = "elsewhere/report"\n'
    Path("settings.toml").write_text(file, encoding="utf-8")
    monkeypatch.setenv("CONFCOM_CONFIG", "settings.toml")
    assert run("--configfs", "--out", "quote.bin")[0] == 0
    assert kernel.reports == 2


def test_the_default_of_the_setting_is_that_of_the_adapter() -> None:
    assert EvidenceSettings().configfs_dir == configfs_tsm.DEFAULT_FOLDER


@pytest.mark.parametrize(
    ("attribute", "number", "words"),
    [
        ("make", errno.ENOENT, "mount configfs"),
        ("make", errno.ENXIO, "modprobe tdx_guest"),
        ("make", errno.EACCES, "may not make entries"),
        ("outblob", errno.EINVAL, "did not accept the report data"),
        ("outblob", errno.ETIMEDOUT, "quote generation service of the host"),
    ],
)
def test_kernel_that_has_no_quote_is_explained(
    run: Run, kernel: TsmStandIn, attribute: str, number: int, words: str
) -> None:
    kernel.fail(attribute, number)
    code, out, err = run("--configfs", "--out", "quote.bin")
    assert (code, out) == (ExitCode.UNKNOWN, "")
    assert err.startswith("error: cannot get a report from ")
    assert "\nhint: " in err
    assert words in err
    assert not Path("quote.bin").exists()
    assert kernel.entries == ()


def test_quote_over_other_data_is_refused(run: Run, kernel: TsmStandIn, platform: Platform) -> None:
    report = platform.td_report(TrustDomain(mr_td=bytes(48)), b"\xbb" * 64)
    other = platform.quote_tdx(report)
    kernel.provider = TsmProvider(name="tdx_guest", make=lambda *_: other)
    code, _, err = run("--configfs", "--nonce", NONCE, "--out", "quote.bin")
    assert code == ExitCode.MALFORMED
    assert "over other report data" in err
    assert not Path("quote.bin").exists()


def test_entry_that_stays_behind_is_named(run: Run, kernel: TsmStandIn) -> None:
    kernel.fail("remove", errno.EBUSY)
    code, _, err = run("--configfs", "--out", "quote.bin")
    assert code == 0
    assert f"warning: cannot remove {kernel.entries[0]}" in err


def test_privilege_level_that_tds_lack_is_refused(run: Run, kernel: TsmStandIn) -> None:
    code, _, err = run("--configfs", "--privlevel", "0")
    assert code == ExitCode.UNKNOWN
    assert "tdx_guest has no privilege levels" in err
    assert kernel.entries == ()


def test_machine_without_configfs_is_told_so(run: Run) -> None:
    code, out, err = run("--configfs", "--configfs-dir", "nowhere")
    assert (code, out) == (ExitCode.UNKNOWN, "")
    assert "cannot get a report from nowhere: there is no such folder" in err


# --- simulated platforms ---


@pytest.mark.parametrize(("flag", "file", "tee"), [
    ("--enclave", "enclave.json", "SGX"), ("--td", "td.json", "TDX"),
])  # fmt: skip
def test_simulated_platform_signs(run: Run, flag: str, file: str, tee: str) -> None:
    code, _, err = run("--simulate", "demo", flag, file, "--nonce", NONCE, "--out", "quote.bin")
    assert code == 0
    assert f"{tee} quote" in err
    assert "from simulated platform simulated, which proves nothing; it was not verified" in err
    assert quote_in("quote.bin").body.report_data == DATA


# --- verifying ---


def test_verified_evidence_is_accepted_and_only_the_result_is_written(
    run: Run, kernel: TsmStandIn
) -> None:
    code, out, err = run("--configfs", "--nonce", NONCE, "--verify", *TDX_TRUST)
    assert code == 0
    assert out.startswith("accepted: TDX quote is authentic and acceptable: TCB UpToDate")
    assert "report_data" in out
    assert "SIMULATED: proves nothing" in out
    assert err.startswith("collected: TDX quote")
    assert "not verified" not in err
    assert kernel.reports == 1


def test_evidence_is_kept_beside_the_result(run: Run, kernel: TsmStandIn) -> None:
    code, out, _ = run("--configfs", "--verify", *TDX_TRUST, "--out", "quote.bin", "-o", "json")
    assert code == 0
    assert json.loads(out)["acceptable"] is True
    assert quote_in("quote.bin").is_tdx
    assert kernel.reports == 1


def test_result_agrees_with_that_of_evidence_verify(
    run: Run, kernel: TsmStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--at", "2200-01-01T00:00:00Z", "--nonce", NONCE, "--out", "quote.bin")
    code, out, _ = run("--configfs", "--verify", *TDX_TRUST, *at, "-o", "yaml")
    again = ["evidence", "verify", "quote.bin", *TDX_TRUST, *at[:2], "--report-data", NONCE]
    assert main([*again, "-o", "yaml"]) == code == ExitCode.NO
    assert capsys.readouterr().out == out
    assert kernel.reports == 1


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (TDX_TRUST[:-1], ExitCode.NO, "not authentic (simulated_root)"),
        (TDX_TRUST[:2], ExitCode.NO, "not authentic ("),
        ((*TDX_TRUST, "--mr-td", "00" * 48), ExitCode.NO, "not acceptable (mr_td)"),
        ((*TDX_TRUST, "--product-id", "1"), ExitCode.NO, "not acceptable (evidence_type)"),
        (SGX_TRUST, ExitCode.NO, "not authentic ("),
        ((*TDX_TRUST, "--at", "2200-01-01T00:00:00Z"), ExitCode.NO, "not authentic ("),
    ],
)
def test_evidence_that_does_not_convince_is_refused(
    run: Run, kernel: TsmStandIn, options: tuple[str, ...], code: ExitCode, words: str
) -> None:
    found, out, _ = run("--configfs", "--verify", "--nonce", NONCE, *options)
    assert found == code
    assert out.startswith(words)
    assert kernel.entries == ()


def test_evidence_without_collateral_stays_undecided(run: Run, kernel: TsmStandIn) -> None:
    Path("empty").mkdir()
    code, out, _ = run("--configfs", "--verify", *TRUST, "--offline", "--collateral", "file:empty")
    assert code == ExitCode.UNKNOWN
    assert out.startswith("undecided (collateral_missing)")
    assert kernel.entries == ()


@pytest.mark.parametrize(
    ("provider", "words", "hint"),
    [
        ("sev_guest", "cannot verify SEV-SNP report from the kernel's driver", "attribute auxblob"),
        ("arm_cca_guest", "cannot verify Arm CCA token from", "a verifier for that kind\n"),
        ("new_guest", "cannot verify evidence from the kernel's driver", "that kind\n"),
    ],
)
def test_evidence_of_another_kind_stays_undecided(
    run: Run, kernel: TsmStandIn, provider: str, words: str, hint: str
) -> None:
    kernel.provider = TsmProvider(name=provider, make=lambda data, _: b"\3\0\0\0" + data * 20)
    code, out, _ = run("--configfs", "--verify", *TDX_TRUST, "--out", "report.bin")
    assert code == ExitCode.UNKNOWN
    assert out.startswith("undecided (evidence_unsupported)")
    assert words in out
    assert hint in out
    assert "only quotes of SGX and TDX are verified here" in out
    assert Path("report.bin").stat().st_size == 1284
    code, out, _ = run("--configfs", "--verify", *TDX_TRUST, "-o", "json")
    document = json.loads(out)
    assert (document["reason"], document["authentic"]) == ("evidence_unsupported", False)
    assert document["acceptable"] is None


def test_a_td_that_gives_no_quote_gives_something_malformed(run: Run, kernel: TsmStandIn) -> None:
    kernel.provider = TsmProvider(name="tdx_guest", make=lambda data, _: data * 20)
    code, out, _ = run("--configfs", "--verify", *TDX_TRUST)
    assert code == ExitCode.MALFORMED
    assert out.startswith("malformed (")


def test_report_data_of_the_file_is_demanded_where_none_was_chosen(
    run: Run, kernel: TsmStandIn
) -> None:
    Path("app.toml").write_text('version = 1\nreport_data = "07"\n', encoding="utf-8")
    options = ("--configfs", "--verify", *TDX_TRUST, "--reference", "app.toml")
    code, out, _ = run(*options)
    assert code == ExitCode.NO
    assert out.startswith("not acceptable (report_data)")
    assert run(*options, "--nonce", "07")[0] == 0
    assert run(*options, "--nonce", "08")[0] == 0  # flags replace values of the file
    assert kernel.entries == ()


@pytest.mark.parametrize(
    "options",
    [
        ("--root", "nothing.pem"),
        ("--reference", "nothing.toml"),
        ("--mr-td", "xy"),
        ("--at", "tomorrow"),
    ],
)
def test_nobody_is_asked_before_the_options_are_understood(
    run: Run, kernel: TsmStandIn, options: tuple[str, ...]
) -> None:
    code, out, err = run("--configfs", "--verify", *options)
    assert code in {ExitCode.USAGE, ExitCode.CONFIGURATION}
    assert (out, kernel.log) == ("", [])
    assert err.startswith("error: ")


# --- options ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--aesm --configfs", "cannot use --aesm and --configfs together"),
        ("--configfs --qgs", "cannot use --configfs and --qgs together"),
        ("--aesm --simulate demo", "cannot use --aesm and --simulate together"),
        ("--configfs --simulate demo", "cannot use --configfs and --simulate together"),
        ("--aesm --configfs --qgs --simulate demo", "--aesm and --configfs and --qgs and"),
        ("--configfs --socket s", "--socket goes with --aesm, not with --configfs"),
        ("--configfs --enclave enclave.json", "--enclave goes with --aesm and --simulate"),
        ("--configfs --td td.json", "--td goes with --qgs and --simulate"),
        ("--configfs --td-report td.bin", "--td-report goes with --qgs"),
        ("--configfs --platform simulated", "--platform goes with --qgs and --simulate"),
        ("--configfs --qgs-socket s", "--qgs-socket goes with --qgs"),
        ("--aesm --enclave enclave.json --privlevel 0", "--privlevel goes with --configfs"),
        ("--aesm --enclave enclave.json --configfs-dir .", "--configfs-dir goes with --configfs"),
        ("--aesm --enclave enclave.json --td td.json", "--td goes with --qgs and --simulate"),
        ("--aesm", "--aesm takes --enclave, none given"),
        ("--simulate demo", "takes exactly one of --enclave and --td, none given"),
        ("--simulate demo --enclave enclave.json --td td.json", "--enclave and --td given"),
        ("--simulate demo --td-report td.bin", "--td-report goes with --qgs"),
        ("--qgs", "takes exactly one of --td-report and --td, none given"),
        ("--qgs --td td.json --td-report td.bin", "--td-report and --td given"),
        ("--qgs --td td.json", "--td goes with --simulate"),
        ("--qgs --simulate demo --td-report td.bin", "the TDREPORT is made already"),
        ("--qgs --td-report td.bin --nonce 07", "it holds its own"),
        ("--qgs --td-report td.bin --report-data 07", "it holds its own"),
        ("--qgs --td-report td.bin --enclave enclave.json", "--enclave goes with --aesm"),
        ("--configfs --nonce 00 --report-data 00", "--nonce is the report data"),
        (f"--configfs --nonce {'00' * 65}", "65 bytes, up to 64"),
        ("--configfs --nonce xy", "'xy' is not hex"),
        ("--configfs --privlevel 4", "--privlevel"),
        ("--configfs --mr-td 00", "--mr-td goes with --verify"),
        ("--configfs --root demo/public/root.pem", "--root goes with --verify"),
        ("--configfs --allow-simulated", "--allow-simulated goes with --verify"),
        ("--configfs --offline", "--offline goes with --verify"),
        ("--configfs --output json", "--output goes with --verify"),
        ("--configfs --verify --out -", "--verify writes its result to standard output"),
        ("--simulate nothing --td td.json", "nothing"),
        ("--simulate demo --td td.json --platform other", "other"),
        ("--simulate demo --td nothing.json", "nothing.json"),
        ("--qgs --td-report nothing.bin", "nothing.bin"),
    ],
)
def test_mistakes_are_explained_before_anybody_is_asked(
    run: Run, kernel: TsmStandIn, options: str, words: str
) -> None:
    code, out, err = run(*options.split())
    assert (code, out) == (ExitCode.USAGE, "")
    assert err.startswith("error: ")
    assert words in err
    assert kernel.log == []


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ("--aesm", "confcom simulate enclave --out FILE describes an enclave"),
        ("--qgs", "a TDREPORT comes from the TD itself; confcom simulate td --out FILE"),
        ("--simulate demo --enclave enclave.json --td td.json", "leave one out"),
        ("--aesm --configfs", "ask one source at a time"),
    ],
)
def test_what_is_missing_or_too_much_has_a_cure(run: Run, options: str, hint: str) -> None:
    assert f"hint: {hint}" in run(*options.split())[2]


@pytest.mark.parametrize(
    "options", ["--simulate demo --td enclave.json", "--qgs --td-report td.json"]
)
def test_files_of_another_kind_are_refused(run: Run, options: str) -> None:
    code, out, err = run(*options.split())
    assert (code, out) == (ExitCode.MALFORMED, "")
    assert err.startswith("error: file ")


def test_nobody_is_asked_unasked(run: Run, kernel: TsmStandIn) -> None:
    code, out, err = run("--nonce", NONCE)
    assert (code, out) == (ExitCode.UNKNOWN, "")
    assert "SGX_AESM_ADDR is not set" in err
    assert kernel.log == []


def test_an_opt_in_does_not_outweigh_a_flag(
    run: Run, kernel: TsmStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SGX_AESM_ADDR", "1")
    assert run("--configfs", "--out", "quote.bin")[0] == 0
    assert kernel.reports == 1

# SPDX-License-Identifier: Apache-2.0
"""``confcom simulate``: what each command writes, and what it refuses without writing anything."""

import base64
import datetime
import json
import stat
from pathlib import Path

import pytest

from confcom.cli.main import main
from confcom.dcap import BodyType, CertType, Collateral, Crl, Quote, QuoteVersion, TcbInfo, TeeType
from confcom.reasons import ExitCode
from confcom.sgx import Flags, Report, TargetInfo
from confcom.simulation.descriptions import enclave_from_json, td_from_json
from confcom.testing.sigstruct import new_author_key, sign_enclave

AT = "2026-01-02T03:04:05Z"


def run(*arguments: str | Path) -> int:
    return main(["simulate", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A hierarchy with one platform."""
    path = tmp_path / "demo"
    assert run("pki", path, "--at", AT) == 0
    assert run("platform", "--pki", path, "--at", AT) == 0
    capsys.readouterr()
    return path


@pytest.fixture
def enclave(tmp_path: Path) -> Path:
    path = tmp_path / "enclave.json"
    assert run("enclave", "--product-id", "7", "--isv-svn", "2", "--out", path) == 0
    return path


@pytest.fixture
def td(tmp_path: Path) -> Path:
    path = tmp_path / "td.json"
    assert run("td", "--out", path) == 0
    return path


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_pki_writes_the_root_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("pki", tmp_path / "demo", "--output", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schemaVersion"] == 1
    assert document["root"] == str(tmp_path / "demo" / "public" / "root.pem")
    assert len(document["rootFingerprint"]) == 64
    assert set(_files(tmp_path / "demo")) == {"authority.json", "public/root.pem"}
    assert stat.S_IMODE((tmp_path / "demo").stat().st_mode) == 0o700


def test_pki_never_prints_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for output in ("table", "json", "yaml"):
        assert run("pki", tmp_path / output, "--output", output) == 0
        assert run("platform", "--pki", tmp_path / output, "--output", output) == 0
        assert run("show", "--pki", tmp_path / output, "--output", output) == 0
    out, err = capsys.readouterr()
    assert "PRIVATE" not in out + err
    for name, data in _files(tmp_path).items():
        if "/platforms/" in name:
            assert json.loads(data)["tdReportKey"] not in out + err


def test_pki_refuses_to_replace_without_force(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _files(folder)
    assert run("pki", folder) == ExitCode.USAGE
    assert "--force" in capsys.readouterr().err
    assert _files(folder) == before
    assert run("pki", folder, "--force") == 0
    assert set(_files(folder)) == {"authority.json", "public/root.pem"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("pki", "DIR", "--force", "--dry-run"),
        ("platform", "--pki", "DIR", "--name", "new", "--dry-run"),
        ("collateral", "--pki", "DIR", "--status", "OutOfDate", "--dry-run"),
        ("revoke", "--pki", "DIR", "--platform", "simulated", "--dry-run"),
    ],
)
def test_dry_run_writes_nothing(
    folder: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = _files(folder)
    assert run(*(str(folder) if word == "DIR" else word for word in arguments)) == 0
    assert capsys.readouterr().out
    assert _files(folder) == before


def test_dry_run_refuses_what_the_run_would_refuse(folder: Path) -> None:
    assert run("pki", folder, "--dry-run") == ExitCode.USAGE
    assert run("platform", "--pki", folder, "--dry-run") == ExitCode.USAGE


def test_platform_publishes_collateral_for_both_tees(folder: Path) -> None:
    for tee in TeeType:
        data = (folder / "public" / f"simulated-{tee.name.lower()}.json").read_bytes()
        assert TcbInfo.from_bytes(Collateral.from_json(data).tcb_info).id == tee.name


def test_platform_publishes_only_what_is_asked_for(folder: Path) -> None:
    assert run("platform", "--pki", folder, "--name", "one", "--tee", "tdx") == 0
    assert not (folder / "public" / "one-sgx.json").exists()
    assert (folder / "public" / "one-tdx.json").exists()


def test_platform_has_the_properties_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        *("--name", "one", "--ca", "processor", "--fmspc", "00906ed50000", "--pce-id", "0100"),
        *("--pce-svn", "300", "--sgx-svns", "0102030405060708090a0b0c0d0e0fff"),
        *("--tee-tcb-svn", "03000500000000000000000000000000"),
        *("--tee-tcb-svn2", "04000500000000000000000000000000"),
    ]
    assert run("platform", "--pki", folder, *arguments, "-o", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert {key: document[key] for key in ("ca", "fmspc", "pceId", "pceSvn", "sgxSvns")} == {
        "ca": "processor",
        "fmspc": "00906ed50000",
        "pceId": "0100",
        "pceSvn": 300,
        "sgxSvns": "0102030405060708090a0b0c0d0e0fff",
    }
    assert document["teeTcbSvn"] == "03000500000000000000000000000000"
    assert document["teeTcbSvn2"] == "04000500000000000000000000000000"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--name", "../evil"),
        ("--fmspc", "00"),
        ("--fmspc", "xyz"),
        ("--sgx-svns", "00" * 17),
        ("--pce-svn", "65536"),
        ("--pce-svn", "-1"),
        ("--ca", "root"),
        ("--tee", "sev"),
        ("--at", "yesterday"),
        ("--unknown",),
    ],
)
def test_platform_refuses_values_that_make_no_sense(
    folder: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = _files(folder.parent)
    assert run("platform", "--pki", folder, "--name", "new", *arguments) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("error: ")
    assert _files(folder.parent) == before


def test_platform_needs_a_hierarchy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("platform", "--pki", tmp_path / "none") == ExitCode.USAGE
    assert "confcom simulate pki" in capsys.readouterr().err
    assert run("platform") == ExitCode.USAGE


def test_show_lists_platforms_bundles_and_revocations(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("revoke", "--pki", folder, "--ca", "processor", "--reason", "cACompromise") == 0
    capsys.readouterr()
    assert run("show", "--pki", folder, "-o", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in document["platforms"]] == ["simulated"]
    assert len(document["bundles"]) == 2
    (revocation,) = document["revocations"]
    assert revocation["issuer"] == "SIMULATED SGX Root CA"
    assert revocation["reason"] == "cACompromise"
    assert run("show", "--pki", folder) == 0
    assert "revoked by SIMULATED SGX Root CA" in capsys.readouterr().out


def test_enclave_has_the_identity_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "e.json"
    arguments = [
        *(
            "--mr-enclave",
            "0e" * 32,
            "--mr-signer",
            "51" * 32,
            "--product-id",
            "3",
            "--isv-svn",
            "4",
        ),
        *("--config-id", "05" * 64, "--config-svn", "6", "--family-id", "07" * 16),
        *("--ext-product-id", "08" * 16, "--debug-enclave", "--out"),
    ]
    assert run("enclave", *arguments, path) == 0
    made = enclave_from_json(path.read_bytes())
    assert (made.mr_enclave, made.mr_signer) == (b"\x0e" * 32, b"\x51" * 32)
    assert (made.isv_prod_id, made.isv_svn, made.config_svn) == (3, 4, 6)
    assert (made.isv_family_id, made.isv_ext_prod_id) == (b"\x07" * 16, b"\x08" * 16)
    assert made.config_id == b"\x05" * 64
    assert made.flags == Flags.INIT | Flags.MODE64BIT | Flags.DEBUG | Flags.KSS


def test_enclaves_of_different_names_differ(capsys: pytest.CaptureFixture[str]) -> None:
    made = []
    for name in ("alice", "bob", "alice"):
        assert run("enclave", "--name", name) == 0
        made.append(enclave_from_json(capsys.readouterr().out.encode()))
    assert made[0] == made[2]
    assert made[0].mr_enclave != made[1].mr_enclave


@pytest.mark.timeout(60)
def test_enclave_takes_its_identity_from_a_sigstruct(tmp_path: Path) -> None:
    signed = sign_enclave(
        new_author_key(),
        mr_enclave=b"\x0e" * 32,
        date=datetime.date(2026, 3, 14),
        isv_prod_id=3,
        isv_svn=4,
        flags=Flags.MODE64BIT | Flags.KSS,
        isv_family_id=b"\x07" * 16,
        isv_ext_prod_id=b"\x08" * 16,
    )
    file, out = tmp_path / "app.sig", tmp_path / "e.json"
    file.write_bytes(signed.to_bytes())
    assert run("enclave", "--sigstruct", file, "--isv-svn", "5", "--out", out) == 0
    made = enclave_from_json(out.read_bytes())
    assert (made.mr_enclave, made.mr_signer) == (b"\x0e" * 32, signed.mr_signer)
    assert (made.isv_prod_id, made.isv_svn) == (3, 5)
    assert (made.isv_family_id, made.isv_ext_prod_id) == (b"\x07" * 16, b"\x08" * 16)
    assert made.flags == Flags.INIT | Flags.MODE64BIT | Flags.KSS
    broken = bytearray(signed.to_bytes())
    broken[960] ^= 1
    file.write_bytes(broken)
    assert run("enclave", "--sigstruct", file) == ExitCode.NO
    file.write_bytes(broken[:-1])
    assert run("enclave", "--sigstruct", file) == ExitCode.MALFORMED


def test_td_has_the_measurements_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "td.json"
    arguments = [
        *("--mr-td", "7d" * 48, "--mr-config-id", "01" * 48, "--mr-owner", "02" * 48),
        *("--mr-owner-config", "03" * 48, "--mr-service-td", "04" * 48, "--debug-td"),
        *("--extend", "3=" + "05" * 48, "--extend", "3=" + "06" * 48, "--out"),
    ]
    assert run("td", *arguments, path) == 0
    made = td_from_json(path.read_bytes())
    assert (made.mr_td, made.mr_config_id, made.mr_owner) == (
        b"\x7d" * 48,
        b"\x01" * 48,
        b"\x02" * 48,
    )
    assert (made.mr_owner_config, made.mr_service_td) == (b"\x03" * 48, b"\x04" * 48)
    assert made.td_attributes & 1
    expected = td_from_json(json.dumps({"mrTd": "7d" * 48}).encode())
    assert made.rtmrs == expected.extend(3, b"\x05" * 48).extend(3, b"\x06" * 48).rtmrs


@pytest.mark.parametrize("value", ["4=" + "05" * 48, "3=05", "05" * 48, "=", "3=zz", "-1=00"])
def test_td_refuses_extensions_that_make_no_sense(
    value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("td", f"--extend={value}") == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("error: ")


def test_two_enclaves_attest_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: tmp_path / f"{name}.json" for name in ("alice", "bob")}
    for name, file in files.items():
        assert run("enclave", "--name", name, "--out", file) == 0
    for maker, checker in (("alice", "bob"), ("bob", "alice")):
        target, report = tmp_path / "target", tmp_path / f"{maker}.report"
        assert run("target-info", "--enclave", files[checker], "--out", target) == 0
        assert TargetInfo.from_bytes(target.read_bytes()).mr_enclave != bytes(32)
        arguments = ("--enclave", files[maker], "--target-info", target, "--report-data", "0102")
        assert run("report", *arguments, "--out", report) == 0
        assert len(report.read_bytes()) == 432
        capsys.readouterr()
        assert run("check", report, "--enclave", files[checker], "-o", "json") == 0
        document = json.loads(capsys.readouterr().out)
        assert document["reportData"] == "0102" + "00" * 62
        assert document["simulated"] is True
        assert run("check", report, "--enclave", files[maker]) == ExitCode.NO
        assert "REPORT" in capsys.readouterr().err


def test_check_refuses_a_changed_report(
    tmp_path: Path, enclave: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, report = tmp_path / "target", tmp_path / "report"
    assert run("target-info", "--enclave", enclave, "--out", target) == 0
    assert run("report", "--enclave", enclave, "--target-info", target, "--out", report) == 0
    assert run("check", report, "--enclave", enclave) == 0
    report.write_bytes(bytes((report.read_bytes()[0] ^ 1,)) + report.read_bytes()[1:])
    assert run("check", report, "--enclave", enclave) == ExitCode.NO
    assert "MAC of the REPORT does not fit" in capsys.readouterr().err


@pytest.mark.parametrize("size", [1, 431, 433, 5000])
def test_check_refuses_files_of_another_size(tmp_path: Path, enclave: Path, size: int) -> None:
    report = tmp_path / "report"
    report.write_bytes(bytes(size))
    assert run("check", report, "--enclave", enclave) == ExitCode.MALFORMED


def test_report_data_that_is_too_long_is_refused(tmp_path: Path, enclave: Path) -> None:
    target = tmp_path / "target"
    assert run("target-info", "--enclave", enclave, "--out", target) == 0
    arguments = ("report", "--enclave", enclave, "--target-info", target, "--report-data")
    assert run(*arguments, "00" * 65) == ExitCode.USAGE
    assert run(*arguments, "0g") == ExitCode.USAGE
    assert run(*arguments, "00" * 64, "--out", tmp_path / "report") == 0


@pytest.mark.parametrize("sources", [(), ("--enclave", "--pki")])
def test_target_info_takes_one_source(
    folder: Path, enclave: Path, sources: tuple[str, ...]
) -> None:
    values = {"--enclave": enclave, "--pki": folder}
    arguments = [word for flag in sources for word in (flag, values[flag])]
    assert run("target-info", *arguments) == ExitCode.USAGE


def test_quote_over_a_report_of_the_enclave(tmp_path: Path, folder: Path, enclave: Path) -> None:
    target, report, out = tmp_path / "target", tmp_path / "report", tmp_path / "quote"
    assert run("target-info", "--pki", folder, "--out", target) == 0
    assert run("report", "--enclave", enclave, "--target-info", target, "--out", report) == 0
    assert run("quote", "--pki", folder, "--report", report, "--out", out) == 0
    quote = Quote.from_bytes(out.read_bytes())
    assert quote.body == Report.from_bytes(report.read_bytes()).body


def test_quote_on_standard_output_is_one_line_of_base64(
    folder: Path, enclave: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("quote", "--pki", folder, "--enclave", enclave) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert Quote.from_bytes(base64.b64decode(line, validate=True)).header.version == 3


@pytest.mark.parametrize(
    ("arguments", "version", "body_type"),
    [
        (("--quote-version", "4"), QuoteVersion.V4, BodyType.TD_1_0),
        (("--quote-version", "5"), QuoteVersion.V5, BodyType.TD_1_5),
        (("--quote-version", "5", "--body-type", "4"), QuoteVersion.V5, BodyType.TD_1_5_EX),
        ((), QuoteVersion.V4, BodyType.TD_1_0),
    ],
)
def test_tdx_quote_has_the_form_asked_for(
    tmp_path: Path,
    folder: Path,
    td: Path,
    arguments: tuple[str, ...],
    version: QuoteVersion,
    body_type: BodyType,
) -> None:
    report, out = tmp_path / "td.report", tmp_path / "quote"
    assert run("td-report", "--pki", folder, "--td", td, "--out", report) == 0
    for source in (("--td-report", report), ("--td", td)):
        assert run("quote", "--pki", folder, *source, *arguments, "--out", out) == 0
        quote = Quote.from_bytes(out.read_bytes())
        assert (quote.header.version, quote.body_type) == (version, body_type)


def test_quote_takes_certification_type_authentication_data_and_trailing_zeros(
    tmp_path: Path, folder: Path, enclave: Path
) -> None:
    out = tmp_path / "quote"
    arguments = ("--cert-type", "3", "--auth-data", "0a0b", "--trailing", "70", "--out", out)
    assert run("quote", "--pki", folder, "--enclave", enclave, *arguments) == 0
    quote = Quote.from_bytes(out.read_bytes())
    assert quote.signature.certification.type is CertType.PPID_RSA3072
    assert (quote.signature.auth_data, quote.trailing) == (b"\x0a\x0b", 70)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--enclave", "ENCLAVE", "--td", "TD"),
        ("--enclave", "ENCLAVE", "--body-type", "2"),
        ("--enclave", "ENCLAVE", "--quote-version", "6"),
        ("--enclave", "ENCLAVE", "--cert-type", "6"),
        ("--enclave", "ENCLAVE", "--trailing", "-1"),
        ("--td", "TD", "--quote-version", "3"),
        ("--td", "TD", "--quote-version", "4", "--body-type", "3"),
        ("--enclave", "ENCLAVE", "--platform", "unknown"),
        ("--report", "MISSING"),
    ],
)
def test_quote_refuses_what_does_not_go_together(
    tmp_path: Path,
    folder: Path,
    enclave: Path,
    td: Path,
    arguments: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    values = {"ENCLAVE": str(enclave), "TD": str(td), "MISSING": str(tmp_path / "missing")}
    words = [values.get(word, word) for word in arguments]
    out = tmp_path / "quote"
    assert run("quote", "--pki", folder, *words, "--out", out) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("error: ")
    assert not out.exists()


def test_quote_refuses_a_report_for_somebody_else(
    tmp_path: Path, folder: Path, enclave: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, report, out = tmp_path / "target", tmp_path / "report", tmp_path / "quote"
    assert run("target-info", "--enclave", enclave, "--out", target) == 0
    assert run("report", "--enclave", enclave, "--target-info", target, "--out", report) == 0
    assert run("quote", "--pki", folder, "--report", report, "--out", out) == ExitCode.NO
    assert "the enclave that made it" in capsys.readouterr().err
    assert not out.exists()


def test_quote_refuses_a_tdreport_of_another_platform(
    tmp_path: Path, folder: Path, td: Path
) -> None:
    assert run("platform", "--pki", folder, "--name", "two") == 0
    report, out = tmp_path / "td.report", tmp_path / "quote"
    arguments = ("--pki", folder, "--platform", "two")
    assert run("td-report", *arguments, "--td", td, "--out", report) == 0
    assert run("quote", "--pki", folder, "--td-report", report, "--out", out) == ExitCode.NO
    assert not out.exists()


def test_collateral_goes_to_public_unless_a_file_is_named(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = folder / "public" / "simulated-sgx.json"
    before = public.read_bytes()
    arguments = ("collateral", "--pki", folder, "--evaluation-data-number", "33")
    assert run(*arguments, "--out", tmp_path / "new.json") == 0
    assert public.read_bytes() == before
    named = Collateral.from_json((tmp_path / "new.json").read_bytes())
    assert TcbInfo.from_bytes(named.tcb_info).evaluation_data_number == 33
    capsys.readouterr()
    assert run(*arguments, "--out", "-") == 0
    printed = Collateral.from_json(capsys.readouterr().out.encode())
    assert TcbInfo.from_bytes(printed.tcb_info).evaluation_data_number == 33
    assert run(*arguments) == 0
    assert public.read_bytes() != before


@pytest.mark.parametrize(
    "arguments",
    [
        ("--status", "Perfect"),
        ("--status", "TDRelaunchAdvised"),
        ("--tee", "tdx", "--status", "TDRelaunchAdvised"),
        ("--tee", "tdx", "--tcb-info-version", "2"),
        ("--tcb-info-version", "4"),
        ("--module-status", "ConfigurationNeeded"),
        ("--evaluation-data-number", "0"),
        ("--days", "0"),
        ("--tcb-date", "soon"),
        ("--platform", "unknown"),
    ],
)
def test_collateral_refuses_wishes_that_cannot_be_met(
    folder: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = _files(folder)
    assert run("collateral", "--pki", folder, *arguments) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("error: ")
    assert _files(folder) == before


def test_revoke_renews_the_lists_of_all_bundles_and_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("platform", "--pki", folder, "--name", "two", "--ca", "processor") == 0
    paths = sorted((folder / "public").glob("*.json"))
    before = {path: Collateral.from_json(path.read_bytes()) for path in paths}
    capsys.readouterr()
    assert run("revoke", "--pki", folder, "--platform", "simulated", "-o", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["subject"] == "SIMULATED SGX PCK Certificate"
    assert document["bundles"] == [str(path) for path in paths]
    for path in paths:
        after = Collateral.from_json(path.read_bytes())
        assert after.tcb_info == before[path].tcb_info
        assert after.qe_identity == before[path].qe_identity
        assert after.root_ca_crl != before[path].root_ca_crl
        assert Crl.from_bytes(after.pck_crl).revokes(int(document["serial"], 16)) == (
            path.name.startswith("simulated")
        )


@pytest.mark.parametrize(
    ("arguments", "subject"),
    [
        (("--tcb-signing",), "SIMULATED SGX TCB Signing"),
        (("--ca", "platform"), "SIMULATED SGX PCK Platform CA"),
    ],
)
def test_revoke_takes_authorities_too(
    folder: Path, arguments: tuple[str, ...], subject: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("revoke", "--pki", folder, *arguments, "--reason", "superseded") == 0
    assert subject in capsys.readouterr().out
    bundle = Collateral.from_json((folder / "public" / "simulated-sgx.json").read_bytes())
    shown = run("show", "--pki", folder, "-o", "json")
    (entry,) = json.loads(capsys.readouterr().out)["revocations"]
    assert shown == 0
    assert entry["reason"] == "superseded"
    assert Crl.from_bytes(bundle.root_ca_crl).revokes(int(entry["serial"], 16))


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--platform", "simulated", "--tcb-signing"),
        ("--ca", "platform", "--tcb-signing"),
        ("--ca", "root"),
        ("--platform", "unknown"),
        ("--tcb-signing", "--reason", "boredom"),
    ],
)
def test_revoke_takes_exactly_one_thing_that_exists(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    before = _files(folder)
    assert run("revoke", "--pki", folder, *arguments) == ExitCode.USAGE
    assert _files(folder) == before


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00\x01", b"[]", b'{"mrEnclave": "00"}'])
def test_descriptions_that_do_not_parse_are_malformed_input(
    tmp_path: Path, folder: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "broken.json"
    file.write_bytes(content)
    for source in ("--enclave", "--td"):
        assert run("quote", "--pki", folder, source, file) == ExitCode.MALFORMED
        assert capsys.readouterr().err.startswith("error: ")


def test_quiet_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pki", tmp_path / "demo", "--quiet") == 0
    assert capsys.readouterr() == ("", "")

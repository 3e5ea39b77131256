# SPDX-License-Identifier: Apache-2.0
"""``confcom collateral`` without network: files, the cache, and what is wrong with them."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.simulated import AT, DAY, authority, platform, sgx, tdx

from confcom.adapters.collateral.bundle import write_bundles
from confcom.cli.collateral_options import CollateralPlan, resolve_collateral
from confcom.cli.main import main
from confcom.dcap import CertType, Collateral, Quote, verify
from confcom.errors import ConfcomError, UnavailableError
from confcom.reasons import ExitCode, Reason
from confcom.runtime.settings import CollateralSettings
from confcom.simulation import Enclave

FMSPC = "0053494d0000"
OFFLINE = CollateralSettings()._replace(offline=True)


class Run:
    """Runs ``confcom collateral`` under the simulated root, with a cache of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.root = folder / "root.pem"
        self.root.write_bytes(authority().root.pem)

    def __call__(
        self, *arguments: str | Path, trust: bool = True, at: object = AT
    ) -> tuple[int, str, str]:
        given = ["collateral", *map(str, arguments)]
        if trust:
            given += ["--root", str(self.root), "--allow-simulated"]
        if at is not None:
            given += ["--at", str(at).replace(" ", "T")]
        code = main(given)
        out, err = self._capsys.readouterr()
        return code, out, err

    def json(
        self, *arguments: str | Path, trust: bool = True, at: object = AT
    ) -> tuple[int, dict[str, Any]]:
        code, out, _ = self(*arguments, "--output", "json", trust=trust, at=at)
        return code, json.loads(out)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("CONFCOM_COLLATERAL__CACHE_DIR", str(tmp_path / "cache"))
    return Run(tmp_path, capsys)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write(tmp_path / "bundle.json", sgx().collateral)


def write(path: Path, *bundles: Collateral) -> Path:
    path.write_bytes(write_bundles(bundles))
    return path


def states(document: dict[str, Any]) -> dict[str, str]:
    return {row["document"]: row["reason"] or row["state"] for row in document["documents"]}


ALL_VALID = {
    "pck-crl-platform": "valid",
    "qe-identity-sgx": "valid",
    f"tcb-info-sgx-{FMSPC}": "valid",
    "root-ca-crl": "valid",
}

# --- check ---


def test_a_good_bundle_is_good(run: Run, bundle: Path) -> None:
    code, document = run.json("check", bundle)
    assert code == ExitCode.YES
    assert states(document) == ALL_VALID
    assert document["schemaVersion"] == 1
    assert document["expiresNext"]["at"] == "2026-02-01T03:04:05Z"


def test_the_table_says_what_expires_next(run: Run, bundle: Path) -> None:
    code, out, err = run("check", bundle)
    assert (code, err) == (ExitCode.YES, "")
    assert "DOCUMENT" in out
    assert "next to expire: pck-crl-platform, in 30 days" in out
    assert "\x1b" not in out


def test_yaml_says_the_same(run: Run, bundle: Path) -> None:
    code, out, _ = run("check", bundle, "--output", "yaml")
    assert code == ExitCode.YES
    assert "expiresNext:" in out


@pytest.mark.parametrize(
    ("change", "document", "reason", "code"),
    [
        ("tcb_info", f"tcb-info-sgx-{FMSPC}", "tcb_info_signature", ExitCode.NO),
        ("qe_identity", "qe-identity-sgx", "qe_identity_signature", ExitCode.NO),
        ("pck_crl", "pck-crl-platform", "crl_signature", ExitCode.NO),
        ("root_ca_crl", "root-ca-crl", "crl_signature", ExitCode.NO),
    ],
)
def test_a_changed_document_is_found(
    run: Run, tmp_path: Path, change: str, document: str, reason: str, code: ExitCode
) -> None:
    original = sgx().collateral
    content = bytearray(getattr(original, change))
    if change.endswith("crl"):
        content[-1] ^= 1
    else:
        content = bytearray(content.replace(b'"version":', b'"version": '))
    changed = replace(original, **{change: bytes(content)})
    found, result = run.json("check", write(tmp_path / "changed.json", changed))
    assert found == code
    assert states(result)[document] == reason


def test_what_does_not_parse_is_malformed(run: Run, tmp_path: Path) -> None:
    broken = replace(sgx().collateral, pck_crl=b"zz")
    code, result = run.json("check", write(tmp_path / "broken.json", broken))
    assert code == ExitCode.MALFORMED
    assert states(result)["pck-crl-platform"] == "crl_format"


def test_an_expired_bundle_is_a_no_with_its_dates(run: Run, bundle: Path) -> None:
    code, document = run.json("check", bundle, at=AT + 31 * DAY)
    assert code == ExitCode.NO
    expected = {**ALL_VALID, f"tcb-info-sgx-{FMSPC}": "collateral_expired"}
    expected |= {"qe-identity-sgx": "collateral_expired", "pck-crl-platform": "crl_expired"}
    assert states(document) == expected
    assert all(row["expires"] for row in document["documents"])


def test_a_bundle_of_the_future_is_a_no(run: Run, bundle: Path) -> None:
    code, document = run.json("check", bundle, at=AT - timedelta(seconds=1))
    assert code == ExitCode.NO
    assert set(states(document).values()) == {"not_yet_valid"}


def test_the_wrong_root_is_a_no(run: Run, bundle: Path) -> None:
    code, _, err = run("check", bundle, trust=False)
    assert code == ExitCode.NO
    assert "simulat" in err.lower()


def test_a_simulated_root_needs_consent(run: Run, bundle: Path) -> None:
    code, _, err = run("check", bundle, "--root", run.root, trust=False)
    assert code == ExitCode.NO
    assert "--allow-simulated" in err


def test_several_bundles_in_one_file_are_all_checked(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "both.json", sgx().collateral, tdx().collateral)
    code, document = run.json("check", path)
    assert code == ExitCode.YES
    names = [row["document"] for row in document["documents"]]
    assert {"qe-identity-sgx", "qe-identity-tdx"} <= set(names)


def test_a_chain_in_a_bundle_is_checked(run: Run, tmp_path: Path) -> None:
    whole = replace(sgx().collateral, pck_certificate_chain=platform().pck_chain)
    code, document = run.json("check", write(tmp_path / "chain.json", whole))
    assert code == ExitCode.YES
    assert states(document)["pck-certificate-chain"] == "valid"
    foreign = replace(whole, pck_certificate_chain=authority().tcb_signing.pem * 2)
    code, document = run.json("check", write(tmp_path / "foreign.json", foreign))
    assert code == ExitCode.NO
    assert states(document)["pck-certificate-chain"] == "pck_chain"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", ExitCode.MALFORMED),
        (b"{", ExitCode.MALFORMED),
        (b"{}", ExitCode.MALFORMED),
        (b"[]", ExitCode.MALFORMED),
        (b"[{}]", ExitCode.MALFORMED),
        (b"\x7fELF\x00\xff", ExitCode.MALFORMED),
        (b"[" * 100_000, ExitCode.MALFORMED),
        (b'{"tcb_info":' + b"[" * 100_000, ExitCode.MALFORMED),
        (None, ExitCode.USAGE),
    ],
)
def test_other_files_are_refused_with_one_message(
    run: Run, tmp_path: Path, content: bytes | None, code: ExitCode
) -> None:
    path = tmp_path / "other.json"
    if content is not None:
        path.write_bytes(content)
    found, out, err = run("check", path)
    assert (found, out) == (code, "")
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_a_file_that_is_too_large_is_refused_unread(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as stream:
        stream.truncate(65 * 1024 * 1024)
    code, _, err = run("check", path)
    assert code == ExitCode.MALFORMED
    assert "more than" in err


def test_a_pipe_or_a_device_is_no_bundle(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert run("check", tmp_path / "pipe")[0] == ExitCode.USAGE


# --- directories ---


def fill(run: Run, bundle: Path) -> Path:
    """Write the raw answers of a bundle into a directory."""
    folder = run.folder / "raw"
    folder.mkdir()
    assert run("import", bundle)[0] == ExitCode.YES
    code, _, err = run("export", folder, "--offline", "--fmspc", FMSPC, "--ca", "platform")
    assert code == ExitCode.YES, err
    return folder


def test_a_directory_holds_one_file_for_each_document(run: Run, bundle: Path) -> None:
    folder = fill(run, bundle)
    assert sorted(path.name for path in folder.iterdir()) == [
        "pck-crl-platform.chain.pem",
        "pck-crl-platform.crl",
        "qe-identity-sgx.chain.pem",
        "qe-identity-sgx.json",
        "root-ca-crl.crl",
        f"tcb-info-sgx-{FMSPC}.chain.pem",
        f"tcb-info-sgx-{FMSPC}.json",
    ]
    code, document = run.json("check", folder)
    assert code == ExitCode.YES
    assert states(document) == ALL_VALID


def test_one_chain_serves_all_documents_of_one_signer(run: Run, bundle: Path) -> None:
    folder = fill(run, bundle)
    (folder / "qe-identity-sgx.chain.pem").rename(folder / "tcb-signing.chain.pem")
    (folder / f"tcb-info-sgx-{FMSPC}.chain.pem").unlink()
    assert run("check", folder)[0] == ExitCode.YES


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("root-ca-crl.crl", "root CA CRL"),
        ("qe-identity-sgx.json", "QE identity"),
        (f"tcb-info-sgx-{FMSPC}.json", "TCB info"),
        ("pck-crl-platform.crl", "PCK CRL"),
        ("qe-identity-sgx.chain.pem", "issuer chain"),
    ],
)
def test_what_a_directory_lacks_is_named(run: Run, bundle: Path, name: str, missing: str) -> None:
    folder = fill(run, bundle)
    (folder / name).unlink()
    code, _, err = run("check", folder)
    assert code == ExitCode.UNKNOWN
    assert missing in err


def test_an_empty_directory_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, out, err = run("check", tmp_path / "empty")
    assert (code, out) == (ExitCode.UNKNOWN, "")
    assert "holds no collateral" in err


def test_other_files_in_a_directory_are_left_alone(run: Run, bundle: Path) -> None:
    folder = fill(run, bundle)
    (folder / "README").write_text("notes")
    (folder / "tcb-info-sgx-0.json").write_text("{}")
    assert run("check", folder)[0] == ExitCode.YES


# --- import, show, export ---


def test_what_is_imported_is_shown_and_exported(run: Run, bundle: Path, tmp_path: Path) -> None:
    code, document = run.json("import", bundle)
    assert code == ExitCode.YES
    assert states(document) == ALL_VALID
    code, document = run.json("show")
    assert code == ExitCode.YES
    assert states(document) == ALL_VALID
    assert all(row["fetched"] for row in document["documents"])
    quote = tmp_path / "quote.bin"
    quote.write_bytes(sgx().quote)
    code, document = run.json("export", tmp_path / "again.json", quote, "--offline")
    assert code == ExitCode.YES
    assert document["written"] == str(tmp_path / "again.json")
    again = Collateral.from_json((tmp_path / "again.json").read_bytes())
    assert again.digest == Collateral.from_json(bundle.read_bytes()).digest


def test_showing_is_sorted_by_what_ends_first(run: Run, tmp_path: Path) -> None:
    run("import", write(tmp_path / "long.json", tdx(lifetime=60 * DAY).collateral))
    _, document = run.json("show")
    ends = [row["expires"] for row in document["documents"]]
    assert ends == sorted(ends)
    assert document["expiresNext"]["at"] == ends[0]


def test_an_empty_cache_is_no_error(run: Run) -> None:
    code, out, err = run("show")
    assert (code, out, err) == (ExitCode.YES, "no documents\n", "")


def test_a_file_can_be_shown_without_importing_it(run: Run, bundle: Path) -> None:
    code, document = run.json("show", bundle)
    assert code == ExitCode.YES
    assert states(document) == ALL_VALID
    assert not (run.folder / "cache").exists()


def test_showing_what_does_not_verify_says_why(run: Run, tmp_path: Path) -> None:
    changed = replace(sgx().collateral, tcb_info_signature=b"0" * 128)
    code, document = run.json("show", write(tmp_path / "changed.json", changed))
    assert code == ExitCode.YES
    assert states(document)[f"tcb-info-sgx-{FMSPC}"] == "tcb_info_signature"


def test_a_dry_run_imports_nothing(run: Run, bundle: Path) -> None:
    code, document = run.json("import", bundle, "--dry-run")
    assert code == ExitCode.YES
    assert document["dryRun"] is True
    assert not (run.folder / "cache").exists()


def test_what_does_not_verify_is_left_out_of_the_cache(run: Run, tmp_path: Path) -> None:
    changed = replace(sgx().collateral, tcb_info_signature=b"0" * 128)
    code, _ = run.json("import", write(tmp_path / "changed.json", changed))
    assert code == ExitCode.NO
    _, document = run.json("show")
    assert f"tcb-info-sgx-{FMSPC}" not in states(document)
    assert states(document)["qe-identity-sgx"] == "valid"


def test_older_documents_do_not_replace_newer_ones(run: Run, bundle: Path, tmp_path: Path) -> None:
    run("import", bundle)
    older = sgx(evaluation_data_number=19, issued=AT + DAY).collateral
    code, document = run.json("import", write(tmp_path / "older.json", older), at=AT + DAY)
    assert code == ExitCode.UNKNOWN
    assert states(document)["qe-identity-sgx"] == "collateral_rollback"
    _, document = run.json("show")
    numbers = {row["document"]: row["evaluationDataNumber"] for row in document["documents"]}
    assert numbers["qe-identity-sgx"] == 20


def test_an_import_that_cannot_be_written_is_a_usage_error(
    run: Run, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CONFCOM_COLLATERAL__CACHE_DIR", str(tmp_path / "file"))
    code, _, err = run("import", bundle)
    assert code == ExitCode.USAGE
    assert "collateral.cache_dir" in err


def test_a_dry_run_exports_nothing(run: Run, bundle: Path, tmp_path: Path) -> None:
    run("import", bundle)
    path = tmp_path / "new.json"
    code, document = run.json(
        "export", path, "--fmspc", FMSPC, "--ca", "platform", "--offline", "--dry-run"
    )
    assert code == ExitCode.YES
    assert document["written"] is None
    assert not path.exists()


def test_nothing_is_exported_unless_all_is_there(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    code, _, err = run("export", path, "--fmspc", FMSPC, "--offline")
    assert code == ExitCode.UNKNOWN
    assert "--collateral FILE" in err
    assert not path.exists()


def test_an_export_to_a_name_that_ends_in_a_slash_makes_the_folder(
    run: Run, bundle: Path, tmp_path: Path
) -> None:
    run("import", bundle)
    arguments = ("--fmspc", FMSPC, "--ca", "platform", "--offline")
    assert run("export", f"{tmp_path}/new/", *arguments)[0] == ExitCode.YES
    assert (tmp_path / "new" / "root-ca-crl.crl").is_file()
    assert run("export", f"{tmp_path}/absent/new/", *arguments)[0] == ExitCode.USAGE
    assert run("export", f"{bundle}/", *arguments)[0] == ExitCode.USAGE


def test_what_is_imported_belongs_to_the_edition_that_is_set(
    run: Run, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFCOM_COLLATERAL__UPDATE", "early")
    assert run("import", bundle)[0] == ExitCode.YES
    _, document = run.json("show")
    assert "qe-identity-sgx-early" in states(document)
    arguments = ("fetch", "--fmspc", FMSPC, "--ca", "platform", "--offline")
    assert run(*arguments)[0] == ExitCode.YES
    assert run(*arguments, "--update", "standard")[0] == ExitCode.UNKNOWN


def test_an_export_over_a_folder_that_is_not_there_is_a_usage_error(
    run: Run, bundle: Path, tmp_path: Path
) -> None:
    run("import", bundle)
    path = tmp_path / "absent" / "new.json"
    arguments = ("--fmspc", FMSPC, "--ca", "platform", "--offline")
    assert run("export", path, *arguments)[0] == ExitCode.USAGE


# --- fetch: what can be said without network ---


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--fmspc or --all"),
        (("--fmspc", "00606A"), "12 hex digits"),
        (("--fmspc", "00606A00000G"), "12 hex digits"),
        (("--fmspc", "00 60 6A 000"), "12 hex digits"),
        (("absent.bin",), "there is no such file"),
        (("--all", "absent.txt"), "there is no such file"),
        (("--tee", "sev"), "'sev'"),
        (("--nonsense",), "--nonsense"),
    ],
)
def test_a_mistake_is_a_usage_error(run: Run, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run("fetch", *arguments)
    assert (code, out) == (ExitCode.USAGE, "")
    assert words in err


def test_a_quote_that_is_none_is_malformed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "quote.bin").write_bytes(b"no quote")
    assert run("fetch", tmp_path / "quote.bin")[0] == ExitCode.MALFORMED


def test_a_dry_run_says_what_would_be_fetched(run: Run, bundle: Path, tmp_path: Path) -> None:
    run("import", bundle)
    (tmp_path / "list.txt").write_text(f"{FMSPC}\n00606a000000\n")
    code, document = run.json(
        "fetch", "--all", tmp_path / "list.txt", "--ca", "platform", "--dry-run"
    )
    assert code == ExitCode.YES
    assert {row["document"]: row["fetch"] for row in document["documents"]} == {
        "root-ca-crl": False,
        "pck-crl-platform": False,
        f"tcb-info-sgx-{FMSPC}": False,
        "qe-identity-sgx": False,
        "tcb-info-sgx-00606a000000": True,
    }
    code, out, _ = run("fetch", "--fmspc", FMSPC, "--dry-run")
    assert code == ExitCode.YES
    assert "sources, in order: pcs" in out


def test_offline_nothing_is_fetched(run: Run) -> None:
    code, document = run.json("fetch", "--fmspc", FMSPC, "--offline")
    assert code == ExitCode.UNKNOWN
    assert set(states(document).values()) == {"collateral_missing"}
    code, _, err = run("fetch", "--all", "-", "--offline")
    assert code == ExitCode.UNKNOWN
    assert "--all LIST" in err


def test_a_bundle_can_be_the_source(run: Run, bundle: Path) -> None:
    code, document = run.json("fetch", "--fmspc", FMSPC, "--ca", "platform", "--collateral", bundle)
    assert code == ExitCode.YES
    assert states(document) == ALL_VALID


# --- what verification is given ---


def resolve(*names: str | Path, quote: bytes | None = None, settings: object = None) -> Collateral:
    plan = CollateralPlan(
        settings if isinstance(settings, CollateralSettings) else OFFLINE,
        tuple(map(str, names)),
        allow_simulated=True,
        at=AT,
    )
    return resolve_collateral(
        Quote.from_bytes(quote or sgx().quote), plan, authority().trusted_root
    )


def test_one_bundle_is_given_whatever_it_is_for(tmp_path: Path) -> None:
    other = tdx().collateral
    path = write(tmp_path / "bundle.json", other)
    assert resolve(path).tcb_info == other.tcb_info
    assert resolve(f"file:{path}").tcb_info == other.tcb_info


def test_of_several_bundles_the_one_for_the_platform_is_given(tmp_path: Path) -> None:
    both = tdx().collateral, sgx().collateral
    path = write(tmp_path / "both.json", *both)
    assert resolve(path).tcb_info == both[1].tcb_info
    assert resolve(path, quote=tdx().quote).tcb_info == both[0].tcb_info


def test_files_are_tried_in_order(tmp_path: Path) -> None:
    one = write(tmp_path / "tdx.json", tdx().collateral)
    other = write(tmp_path / "sgx.json", sgx().collateral)
    assert resolve(one, other).tcb_info == sgx().collateral.tcb_info
    with pytest.raises(UnavailableError) as caught:
        resolve(one, one)
    assert caught.value.reason is Reason.COLLATERAL_MISSING
    assert str(one) in caught.value.message


def test_the_verifier_judges_what_files_say(tmp_path: Path) -> None:
    changed = replace(sgx().collateral, tcb_info_signature=b"0" * 128)
    path = write(tmp_path / "changed.json", changed)
    assert resolve(path).tcb_info_signature == b"0" * 128


def test_offline_without_files_and_cache_is_undecided(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        resolve(settings=OFFLINE._replace(cache_dir=tmp_path / "cache"))
    assert caught.value.reason is Reason.COLLATERAL_MISSING


@pytest.mark.parametrize("name", ["", "file:", "pcs:ftp://x", "https://"])
def test_a_name_that_leads_nowhere_is_a_mistake(name: str) -> None:
    with pytest.raises(ConfcomError, match="as a source of collateral"):
        resolve(name, "x")


def test_a_quote_without_its_chain_takes_it_from_the_bundle(tmp_path: Path) -> None:
    whole = replace(sgx().collateral, pck_certificate_chain=platform().pck_chain)
    write(tmp_path / "one.json", whole)
    assert resolve(tmp_path / "one.json").pck_certificate_chain == platform().pck_chain


def test_a_leaf_in_a_quote_is_completed_from_the_bundle(tmp_path: Path) -> None:
    report = Enclave(mr_enclave=bytes(32), mr_signer=bytes(32)).ereport(
        platform().qe_target_info, bytes(64)
    )
    quote = platform().quote_sgx(report, cert_type=CertType.PCK_LEAF)
    found = resolve(write(tmp_path / "one.json", sgx().collateral), quote=quote)
    assert found.pck_certificate_chain is not None
    root = authority().trusted_root
    assert verify(quote, found, at=AT, root=root, allow_simulated=True).is_simulated


def test_one_bundle_needs_no_network_library(tmp_path: Path) -> None:
    path = write(tmp_path / "bundle.json", sgx().collateral)
    (tmp_path / "quote.bin").write_bytes(sgx().quote)
    program = (
        "import sys\n"
        "from confcom.cli.collateral_options import CollateralPlan, resolve_collateral\n"
        "from confcom.dcap import Quote, intel_root\n"
        "from confcom.runtime.settings import CollateralSettings\n"
        f"quote = Quote.from_bytes(open({str(tmp_path / 'quote.bin')!r}, 'rb').read())\n"
        f"plan = CollateralPlan(CollateralSettings(), ({str(path)!r},))\n"
        "resolve_collateral(quote, plan, intel_root())\n"
        "print([name for name in ('asyncio', 'httpx2', 'ssl', 'confcom.attestation', "
        "'confcom.adapters.collateral.services') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")

# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence explain``: explanation, forecast, formats, bad input."""

import base64
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.simulated import AT, Sample, authority, platform, sgx, tdx

from confcom.cli.main import main
from confcom.dcap import EnclaveIdentity, TcbStatus

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Writes a sample and explains its quote under the simulated root."""
    (tmp_path / "root.pem").write_bytes(authority().root.pem)

    def call(sample: Sample, *arguments: str | Path) -> tuple[int, str, str]:
        (tmp_path / "quote.bin").write_bytes(sample.quote)
        (tmp_path / "quote.json").write_bytes(sample.collateral.to_json())
        quote = [] if "-" in arguments else [str(tmp_path / "quote.bin")]
        code = main(
            [
                *("evidence", "explain", *quote, *map(str, arguments)),
                *("--collateral", str(tmp_path / "quote.json")),
                *("--root", str(tmp_path / "root.pem"), "--allow-simulated"),
                *("--at", str(int(AT.timestamp()))),
            ]
        )
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_explains_what_is_short(run: Run) -> None:
    code, out, err = run(sgx(status=TcbStatus.OUT_OF_DATE, advisory_ids=("INTEL-SA-00001",)))
    assert (code, err) == (0, "")
    assert out.startswith("TCB is OutOfDate under evaluation data number 20: platform is OutOfDate")
    assert "advisories: INTEL-SA-00001\n" in out
    assert "SGX TCB component 1 (BIOS, Early Microcode Update)" in out
    assert "what to do\n  1. update the BIOS" in out
    assert "\x1b" not in out


def test_says_when_nothing_is_short(run: Run) -> None:
    code, out, _ = run(sgx())
    assert code == 0
    assert "nothing is short" in out
    assert "what to do" not in out


@pytest.mark.parametrize("status", [None, TcbStatus.REVOKED])
def test_explains_a_tcb_that_is_refused(run: Run, status: TcbStatus | None) -> None:
    code, out, _ = run(sgx(status=status))
    assert code == 0
    assert out.startswith(f"TCB is {'not supported' if status is None else 'Revoked'} under")
    assert "what to do" in out


def test_forecasts_under_other_collateral(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "next.json"
    coming = sgx(
        status=TcbStatus.OUT_OF_DATE, evaluation_data_number=21, advisory_ids=("INTEL-SA-00009",)
    )
    other.write_bytes(coming.collateral.to_json())
    code, out, _ = run(sgx(), "--compare-collateral", other)
    assert code == 0
    assert (
        "forecast: the status changes from UpToDate to OutOfDate "
        "(evaluation data number 20 to 21)\nadvisories added: INTEL-SA-00009\n"
    ) in out
    _, out, _ = run(coming, "--compare-collateral", other, "--output", "json")
    document = json.loads(out)
    assert document["status"] == document["forecast"]["explanation"]["status"] == "OutOfDate"
    back = tmp_path / "back.json"
    back.write_bytes(sgx().collateral.to_json())
    assert "advisories gone: INTEL-SA-00009\n" in run(coming, "--compare-collateral", back)[1]


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_writes_other_formats(run: Run, form: str) -> None:
    host = platform().with_running_module(bytes((7, 1, 8)) + bytes(13))
    code, out, _ = run(tdx(on=host, status=TcbStatus.TD_RELAUNCH_ADVISED), "--output", form)
    assert code == 0
    assert "TDRelaunchAdvised" in out
    if form == "json":
        assert json.loads(out)["actions"][0].startswith("launch the TD again")


def test_reads_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = sgx()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sample.quote)))
    assert run(sample, "-")[0] == 0


def test_takes_one_quote_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = sgx()
    line = base64.b64encode(sample.quote) + b"\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line * 2)))
    code, out, err = run(sample, "-")
    assert (code, out) == (2, "")
    assert "explain takes one quote" in err


def test_quote_that_is_not_authentic_is_refused(run: Run) -> None:
    sample = sgx()
    broken = Sample(quote=sample.quote[:1000], collateral=sample.collateral)
    code, out, err = run(broken)
    assert (code, out) == (3, "")
    assert "quote.bin: cannot parse quote: " in err.splitlines()[0]
    changed = sample.quote[:100] + bytes([sample.quote[100] ^ 1]) + sample.quote[101:]
    code, out, err = run(Sample(quote=changed, collateral=sample.collateral))
    assert (code, out) == (1, "")
    assert err.startswith("error: ")


def test_missing_other_collateral_is_named(run: Run, tmp_path: Path) -> None:
    code, out, err = run(sgx(), "--compare-collateral", tmp_path / "none.json")
    assert (code, out) == (2, "")
    assert "none.json" in err


def test_explains_a_quoting_enclave_below_all_levels(run: Run) -> None:
    code, out, err = run(sgx(qe_status=None))
    assert (code, err) == (0, "")
    assert out.startswith("TCB is not supported under evaluation data number 20: quoting enclave")
    assert "quoting enclave: below all levels\nSHORT" in out
    assert "quoting enclave ISVSVN  8      9             version\n" in out
    assert "what to do\n  1. update the quoting enclave" in out
    assert "advisories: none" not in out


def test_names_the_level_that_would_be_reached_first(run: Run) -> None:
    identity = EnclaveIdentity.from_bytes(sgx().collateral.qe_identity)
    top = identity.levels[0]
    low = replace(
        top, isv_svn=9, status=TcbStatus.OUT_OF_DATE, date=0, advisory_ids=("INTEL-SA-00002",)
    )
    levels = (replace(top, isv_svn=11), low)
    code, out, _ = run(sgx(qe_identity=replace(identity, levels=levels)))
    assert code == 0
    assert (
        "quoting enclave: below all levels\n"
        "nearest level: OutOfDate, dated 1970-01-01, INTEL-SA-00002; "
        "needs quoting enclave ISVSVN 9, found 8\n"
    ) in out

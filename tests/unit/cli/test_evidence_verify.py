# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence verify``: verdicts, formats, exit codes, and every bad input."""

import base64
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.simulated import AT, DAY, Sample, authority, sgx, tdx

from confcom.attestation import ReferenceValues
from confcom.cli import evidence_judge
from confcom.cli.collateral_options import CollateralPlan
from confcom.cli.evidence_inputs import SHORTEST_QUOTE_LINE, open_inputs
from confcom.cli.evidence_judge import Judge, Plan
from confcom.cli.main import main
from confcom.dcap import TcbStatus
from confcom.reasons import ExitCode
from confcom.runtime.settings import CollateralSettings
from confcom.sgx import Flags
from confcom.simulation import Enclave

ESCAPE = "\x1b"
Run = Callable[..., tuple[int, str, str]]
ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a good quote, its collateral and the root."""
    write(tmp_path, sgx())
    (tmp_path / "root.pem").write_bytes(authority().root.pem)
    return tmp_path


@pytest.fixture
def run(files: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command under the simulated root, as of the time of the samples."""

    def call(*arguments: str | Path, trust: bool = True, at: object = AT) -> tuple[int, str, str]:
        given = ["evidence", "verify", *map(str, arguments)]
        if trust:
            given += ["--root", str(files / "root.pem"), "--allow-simulated"]
        if at is not None:
            given += ["--at", str(at).replace(" ", "T")]
        code = main(given)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def write(folder: Path, sample: Sample, name: str = "quote") -> Path:
    (folder / f"{name}.json").write_bytes(sample.collateral.to_json())
    path = folder / f"{name}.bin"
    path.write_bytes(sample.quote)
    return path


def give(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def flip(data: bytes, offset: int = 100) -> bytes:
    return data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]


# --- one quote ---


def test_accepts_a_good_quote(run: Run, files: Path) -> None:
    code, out, err = run(files / "quote.bin", "--collateral", files / "quote.json")
    assert (code, err) == (0, "")
    assert out.startswith("accepted: SGX quote is authentic and acceptable: TCB UpToDate")
    assert "SIMULATED: proves nothing" in out
    assert ESCAPE not in out


@pytest.mark.parametrize("form", ["hex", "b64", "wrapped", "url"])
def test_understands_text_forms(run: Run, files: Path, form: str) -> None:
    raw = (files / "quote.bin").read_bytes()
    text = {
        "hex": raw.hex().encode(),
        "b64": base64.b64encode(raw),
        "wrapped": base64.encodebytes(raw),
        "url": base64.urlsafe_b64encode(raw),
    }[form]
    (files / "quote.txt").write_bytes(text + b"\n")
    code, _, _ = run(files / "quote.txt", "--collateral", files / "quote.json")
    assert code == 0


@pytest.mark.parametrize("form", ["raw", "wrapped", "hex"])
def test_reads_one_quote_from_standard_input(
    run: Run, files: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = (files / "quote.bin").read_bytes()
    texts = {"raw": raw, "wrapped": base64.encodebytes(raw), "hex": raw.hex(" ").encode()}
    give(monkeypatch, texts[form])
    code, out, _ = run("-", "--collateral", files / "quote.json", "--output", "json")
    assert (code, json.loads(out)["acceptable"]) == (0, True)
    assert "input" not in json.loads(out)


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml"])
def test_writes_other_formats(run: Run, files: Path, form: str) -> None:
    _, out, err = run(files / "quote.bin", "--collateral", files / "quote.json", "-o", form)
    assert err == ""
    if form == "yaml":
        assert out.startswith("schemaVersion: 1\nauthentic: true\nacceptable: true\nreason: null\n")
    else:
        document = json.loads(out)
        assert document["simulated"] is True
        assert ("input" in document) is (form == "jsonl")
        assert (out.count("\n") == 1) is (form == "jsonl")


def test_quiet_run_says_it_by_exit_code(run: Run, files: Path) -> None:
    quote = files / "quote.bin"
    assert run(quote, "--collateral", files / "quote.json", "--quiet") == (0, "", "")
    code, out, _ = run(quote, "--collateral", files / "quote.json", "--quiet", "--product-id", "9")
    assert (code, out) == (1, "")


def test_refusals_have_their_exit_code(run: Run, files: Path) -> None:
    debug = sgx(replace(ENCLAVE, flags=ENCLAVE.flags | Flags.DEBUG))
    cases: list[tuple[str, Sample, list[str], int, str]] = [
        ("debug", debug, [], 1, "not acceptable (debug)"),
        ("debug", debug, ["--allow-debug"], 0, "accepted"),
        ("stale", sgx(status=TcbStatus.OUT_OF_DATE), [], 1, "not acceptable (tcb_status)"),
        ("stale", sgx(status=TcbStatus.OUT_OF_DATE), ["--allow-tcb-status", "any"], 0, "accepted"),
        ("gone", sgx(status=TcbStatus.REVOKED), ["--allow-tcb-status", "any"], 1,
         "not authentic (tcb_revoked)"),
        ("none", sgx(status=None), [], 1, "not authentic (tcb_not_supported)"),
        ("bit", replace(sgx(), quote=flip(sgx().quote)), [], 1, "not authentic ("),
        ("cut", replace(sgx(), quote=sgx().quote[:-9]), [], 3, "malformed (quote_format)"),
        ("td", tdx(), ["--product-id", "0"], 1, "not acceptable (evidence_type)"),
    ]  # fmt: skip
    for name, sample, flags, expected, words in cases:
        quote = write(files, sample, name)
        code, out, err = run(quote, "--collateral", files / f"{name}.json", *flags)
        assert (code, err) == (expected, ""), name
        assert out.startswith(words), out.splitlines()[0]


def test_missing_collateral_leaves_the_question_open(run: Run, files: Path) -> None:
    empty = files / "empty"
    empty.mkdir()
    code, out, _ = run(files / "quote.bin", "--collateral", empty)
    assert code == 4
    assert out.startswith("undecided (")


def test_table_without_any_check_is_short(
    run: Run, files: Path, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    Path("empty").mkdir()
    Path("text").write_bytes(b"no quote, but a line of words\n")
    shown = []
    for arguments in (
        ("quote.bin", "--collateral", "empty"),
        ("quote.bin", "--collateral", "empty", "--collateral", "pcs", "--offline"),
        ("text", "--collateral", "quote.json"),
    ):
        code, out, err = run(*arguments)
        assert (code in {3, 4}, err) == (True, "")
        assert "not reached" not in out
        shown.append(f"$ confcom evidence verify {' '.join(arguments)}\n{out}")
    golden("verify/nothing-checked.txt", "\n".join(shown))


def test_table_of_a_refusal_names_what_was_not_reached_in_one_line(run: Run, files: Path) -> None:
    (files / "cut.bin").write_bytes((files / "quote.bin").read_bytes()[:1000])
    _, out, _ = run(files / "cut.bin", "--collateral", files / "quote.json")
    table = out.partition("CHECK")[2].splitlines()
    assert [line.split()[:2] for line in table[1:2]] == [["quote", "fail"]]
    assert table[-1].startswith("not reached: root, root_crl, tcb_info, ")
    (files / "changed.bin").write_bytes(flip((files / "quote.bin").read_bytes()))
    _, out, _ = run(files / "changed.bin", "--collateral", files / "quote.json")
    assert out.endswith("\nnot reached: tcb\n")


def test_places_are_the_cache_and_the_sources_of_the_settings(tmp_path: Path) -> None:
    settings = CollateralSettings(sources=("pcs", "file:b.json"), cache_dir=tmp_path)
    assert CollateralPlan(settings).places() == (f"cache {tmp_path}", "pcs", "b.json")
    offline = settings._replace(offline=True)
    assert CollateralPlan(offline).places() == (f"cache {tmp_path}", "b.json")
    assert CollateralPlan(offline, ("here",)).places() == ("here",)


# --- trust ---


def test_simulated_root_needs_both_name_and_consent(run: Run, files: Path) -> None:
    quote, bundle = files / "quote.bin", files / "quote.json"
    named = ("--root", files / "root.pem")
    code, out, _ = run(quote, "--collateral", bundle, *named, trust=False)
    assert code == 1
    assert out.startswith("not authentic (simulated_root)")
    code, out, _ = run(quote, "--collateral", bundle, "--allow-simulated", trust=False)
    assert code == 1
    assert out.startswith("not authentic (")
    code, _, _ = run(quote, "--collateral", bundle, *named, "--allow-simulated", trust=False)
    assert code == 0


def test_consent_comes_from_no_environment_and_no_file(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quote = (
        files / "quote.bin",
        "--collateral",
        files / "quote.json",
        "--root",
        files / "root.pem",
    )
    for name in ("CONFCOM_ALLOW_SIMULATED", "CONFCOM_TRUST__ALLOW_SIMULATED"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "true")
            code, out, _ = run(*quote, trust=False)
        assert code in {ExitCode.NO, ExitCode.CONFIGURATION}
        assert "accepted" not in out
    settings = files / "confcom.toml"
    settings.write_text("[trust]\nallow_simulated = true\n", encoding="utf-8")
    code, out, _ = run(*quote, "--config", settings, trust=False)
    assert (code, out) == (ExitCode.CONFIGURATION, "")


# --- time ---


@pytest.mark.parametrize(
    ("at", "code", "word"),
    [
        (AT, 0, "accepted"),
        (int(AT.timestamp()), 0, "accepted"),
        (AT - timedelta(seconds=1), 1, "not_yet_valid"),
        (AT + 30 * DAY, 0, "accepted"),
        (AT + 30 * DAY + timedelta(seconds=1), 1, "expired"),
        ("2026-01-02T05:04:05+02:00", 0, "accepted"),
    ],
)
def test_time_is_the_one_named(run: Run, files: Path, at: object, code: int, word: str) -> None:
    found, out, _ = run(files / "quote.bin", "--collateral", files / "quote.json", at=at)
    assert found == code
    assert word in out.splitlines()[0]


@pytest.mark.parametrize("at", ["yesterday", "2026-01-02T03:04:05", "1e9", "-1", "9" * 400, ""])
def test_refuses_what_is_no_time(run: Run, files: Path, at: str) -> None:
    code, out, err = run(files / "quote.bin", at=at)
    assert (code, out) == (2, "")
    assert "--at takes a time such as 2025-06-06T13:30:41Z" in err


def test_clock_of_the_machine_is_used_without_a_named_time(run: Run, files: Path) -> None:
    code, out, _ = run(
        files / "quote.bin", "--collateral", files / "quote.json", "--output", "json", at=None
    )
    assert code == 1
    assert json.loads(out)["reason"] in {"collateral_expired", "crl_expired", "not_yet_valid"}


# --- reference values ---


def test_reference_file_and_flags_together(run: Run, files: Path) -> None:
    reference = files / "app.toml"
    reference.write_text(f'version = 1\nmr_enclave = "{"e0" * 32}"\nproduct_id = 9\n', "utf-8")
    quote = (files / "quote.bin", "--collateral", files / "quote.json", "--reference", reference)
    code, out, _ = run(*quote)
    assert code == 1
    assert out.startswith("not acceptable (product_id): product id is 0, expected 9")
    assert run(*quote, "--product-id", "0")[0] == 0


def test_mistakes_in_reference_values_are_listed(run: Run, files: Path) -> None:
    reference = files / "app.toml"
    reference.write_text("mr_enclav = 1\n", encoding="utf-8")
    code, out, err = run(
        files / "quote.bin", "--reference", reference, "--report-data", "xyz", "--min-isv-svn", "no"
    )
    assert (code, out) == (ExitCode.CONFIGURATION, "")
    assert "4 mistakes in the reference values" in err
    assert "unknown key 'mr_enclav'; did you mean mr_enclave?" in err
    assert "flag --report-data: hex digits expected, 'x' found" in err
    assert "Traceback" not in err


# --- bad inputs ---


def bad_inputs(folder: Path) -> dict[str, tuple[list[str | Path], int, str]]:
    """Name to arguments, exit code, and what must be said."""
    bundle: list[str | Path] = ["--collateral", folder / "quote.json"]
    quote = folder / "quote.bin"
    raw = quote.read_bytes()

    def made(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return {
        "missing file": ([folder / "nothing", *bundle], 2, "there is no such file"),
        "directory": ([folder, *bundle], 2, "it is a folder"),
        "empty file": ([made("empty", b""), *bundle], 3, "it is empty"),
        "blank file": ([made("blank", b" \n"), *bundle], 3, "nothing but blanks"),
        "truncated": ([made("cut", raw[:1000]), *bundle], 3, "cannot parse quote"),
        "four bytes": ([made("four", raw[:4]), *bundle], 3, "cannot parse quote"),
        "oversized": ([made("big", raw + b"\1" * 65536), *bundle], 3, "more than the limit"),
        "huge": ([made("huge", bytes(4 * 65536 + 1)), *bundle], 3, "larger than 262144 bytes"),
        "not a quote": ([made("text", b"hello world, this is no quote!"), *bundle], 3, "neither"),
        "binary as text": (
            [made("lost", raw.decode("utf-8", "replace").encode()), *bundle], 3, "lost bytes"),
        "odd hex": ([made("odd", raw.hex().encode()[:-1]), *bundle], 3, "odd number"),
        "certificate": ([folder / "root.pem", *bundle], 3, "PEM"),
        "collateral as quote": ([folder / "quote.json", *bundle], 3, "cannot"),
        "missing collateral": ([quote, "--collateral", folder / "no.json"], 2, "no such file"),
        "quote as collateral": ([quote, "--collateral", quote], 3, "it is not JSON"),
        "broken collateral": (
            [quote, "--collateral", made("half.json", b'{"tcb_info": "{')], 3, "cannot parse"),
        "missing root": ([quote, *bundle, "--root", folder / "no.pem"], 2, "no such file"),
        "root that is none": ([quote, *bundle, "--root", quote], 3, "error: "),
        "unknown flag": ([quote, "--mr-enclav", "00"], 2, "there is no option --mr-enclav"),
        "no quote": ([], 2, "missing argument"),
        "unknown format": ([quote, "--output", "xml"], 2, "--output"),
        "no process": ([quote, "--jobs", "0"], 2, "--jobs"),
        "missing reference": ([quote, "--reference", folder / "no.toml"], 2, "no such file"),
        "unknown status": ([quote, "--allow-tcb-status", "Fine"], 5, "expected, 'Fine' found"),
        "revoked status": ([quote, "--allow-tcb-status", "Revoked"], 5, "never acceptable"),
    }  # fmt: skip


NAMES = [
    "missing file", "directory", "empty file", "blank file", "truncated", "four bytes",
    "oversized", "huge", "not a quote", "binary as text", "odd hex", "certificate",
    "collateral as quote", "missing collateral", "quote as collateral", "broken collateral",
    "missing root", "root that is none", "unknown flag", "no quote", "unknown format",
    "no process", "missing reference", "unknown status", "revoked status",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_gets_one_clear_message(run: Run, files: Path, name: str) -> None:
    arguments, expected, words = bad_inputs(files)[name]
    before = sorted(files.rglob("*"))
    is_own_root = "--root" in arguments
    code, out, err = run(*arguments, trust=not is_own_root)
    said = out + err
    assert code == expected, said
    assert words in said
    assert "Traceback" not in said
    assert ESCAPE not in said
    assert sorted(files.rglob("*")) == before


def test_unreadable_file_is_named(run: Run, files: Path) -> None:
    for path, why in [
        (files / "quote.bin" / "x", "Not a directory"),
        (files / ("n" * 300), "File name too long"),
    ]:
        code, out, err = run(path)
        assert (code, out) == (2, "")
        assert err.startswith(f"error: cannot read quote from file {path}: {why}\n")


def test_closed_standard_input_is_a_mistake(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = run("-", "--collateral", files / "quote.json")
    assert code == 2
    assert "standard input" in err


def test_empty_standard_input_is_malformed(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, b"")
    code, out, _ = run("-", "--collateral", files / "quote.json")
    assert code == 3
    assert out.startswith("malformed (input_encoding)")


def test_standard_input_can_be_named_only_once(run: Run) -> None:
    code, _, err = run("-", "-")
    assert code == 2
    assert "only once" in err


class _Broken(io.RawIOBase):
    """A standard input that fails when it is read."""

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: object) -> int:
        raise OSError(5, "Input/output error")


def test_standard_input_that_fails_is_a_mistake(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(_Broken())))
    code, _, err = run("-")
    assert code == 2
    assert "cannot read quote from standard input: Input/output error" in err


# --- colour ---


def test_colour_is_used_only_where_wanted(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (files / "quote.bin", "--collateral", files / "quote.json")
    assert ESCAPE in run(*arguments, "--color", "always")[1]
    assert ESCAPE not in run(*arguments, "--color", "always", "-o", "json")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert ESCAPE in run(*arguments)[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert ESCAPE not in run(*arguments)[1]


# --- several quotes ---


def lines_of(*quotes: bytes) -> bytes:
    return b"".join(base64.b64encode(quote) + b"\n" for quote in quotes)


def test_each_line_of_standard_input_gets_a_result(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (files / "quote.bin").read_bytes()
    give(monkeypatch, lines_of(good, flip(good), good[:2000]) + b"\n!!\n" + lines_of(good))
    code, out, err = run("-", "--collateral", files / "quote.json", "--output", "jsonl")
    documents = [json.loads(line) for line in out.splitlines()]
    assert [document["input"] for document in documents] == [f"-:{n}" for n in range(1, 7)]
    assert [document["acceptable"] for document in documents] == [True, *[None] * 4, True]
    assert [document["reason"] for document in documents[2:5]] == [
        "quote_format", "input_encoding", "input_encoding",
    ]  # fmt: skip
    assert (code, err) == (3, "")


def test_too_long_line_does_not_end_the_run(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (files / "quote.bin").read_bytes()
    give(monkeypatch, b"A" * 600_000 + b"\n" + lines_of(good) + b"B" * (4 * 65536 + 1))
    code, out, _ = run("-", "--collateral", files / "quote.json", "--output", "jsonl")
    reasons = [json.loads(line)["reason"] for line in out.splitlines()]
    assert reasons == ["too_large", None, "too_large"]
    assert code == 3


def test_line_that_begins_like_a_quote_may_still_be_broken(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = base64.b64encode((files / "quote.bin").read_bytes())
    give(monkeypatch, line + b"\n" + line[:3000] + b"!" + line[3000:] + b"\n")
    code, out, _ = run("-", "--collateral", files / "quote.json", "--output", "jsonl")
    assert [json.loads(one)["reason"] for one in out.splitlines()] == [None, "input_encoding"]
    assert code == 3


def test_table_of_several_quotes_ends_with_a_summary(run: Run, files: Path) -> None:
    bad = files / "bad.bin"
    bad.write_bytes(flip((files / "quote.bin").read_bytes()))
    code, out, _ = run(
        files / "quote.bin", bad, files / "missing", "--collateral", files / "quote.json"
    )
    first, second, third, last = out.splitlines()
    assert first.startswith("accepted        ")
    assert second.startswith("not authentic   ")
    assert "missing: cannot read quote from file" in third
    assert last.startswith("3 quotes: 1 accepted, 1 not authentic (quote_signature)")
    assert code == 2


@pytest.mark.parametrize("count", [0, 2])
def test_json_of_several_quotes_is_an_array(
    run: Run, files: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (files / "quote.bin").read_bytes()
    give(monkeypatch, lines_of(*[good] * count))
    arguments = ["-"] if count else [files / "none", files / "none"]
    code, out, _ = run(*arguments, "--collateral", files / "quote.json", "--output", "json")
    assert len(json.loads(out)) == 2
    assert code == (0 if count else 2)


def test_yaml_of_several_quotes_is_several_documents(run: Run, files: Path) -> None:
    quote = files / "quote.bin"
    _, out, _ = run(quote, quote, "--collateral", files / "quote.json", "--output", "yaml")
    assert out.count("---\nschemaVersion: 1\ninput: ") == 2


def test_several_bundles_serve_several_platforms(run: Run, files: Path) -> None:
    write(files, tdx(), "td")
    code, out, err = run(
        files / "quote.bin",
        files / "td.bin",
        "--collateral",
        files / "quote.json",
        "--collateral",
        files / "td.json",
    )
    assert code == 0, out + err


# --- many quotes ---


def plan_for(files: Path) -> Plan:
    return Plan(
        CollateralPlan(
            CollateralSettings(),
            (str(files / "quote.json"),),
            allow_simulated=True,
            at=AT,
        ),
        (files / "root.pem").read_bytes(),
        ReferenceValues(),
    )


def test_forgets_collateral_of_long_ago(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_judge, "_KEPT", 1)
    judge = Judge(plan_for(files))
    other = authority().add_platform("other", at=AT)
    quotes = [sgx().quote, other.quote_sgx(ENCLAVE.ereport(other.qe_target_info, bytes(64)))]
    assert [judge.judge(quote).reason for quote in quotes * 2] == [None] * 4


# --- what is loaded ---


def test_verdict_on_one_quote_loads_nothing_heavy(files: Path) -> None:
    script = (
        "import sys\n"
        "from confcom.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "sys.stderr.write(' '.join(sorted(sys.modules)))\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [
            sys.executable, "-c", script, "evidence", "verify", files / "quote.bin",
            "--collateral", files / "quote.json", "--root", files / "root.pem",
            "--allow-simulated", "--at", str(int(AT.timestamp())),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    heavy = {
        "asyncio", "concurrent", "httpx2", "multiprocessing", "rich", "ruamel", "ssl",
        "structlog", "tomllib", "subprocess", "jsonschema",
    }  # fmt: skip
    assert loaded & heavy == set()


def test_line_mode_needs_a_line_as_long_as_a_quote(monkeypatch: pytest.MonkeyPatch) -> None:
    for data, is_single in [
        (b"A" * SHORTEST_QUOTE_LINE, True),
        (b"A" * SHORTEST_QUOTE_LINE + b"\n\n", False),
        (b"A" * (SHORTEST_QUOTE_LINE - 1) + b"\nA", True),
        (b"\n" + b"A" * SHORTEST_QUOTE_LINE, False),
        (b"\x03\x00" + b"\xff" * 2000, True),
    ]:
        give(monkeypatch, data)
        assert open_inputs(["-"]).is_single is is_single

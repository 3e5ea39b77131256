# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence inspect``: what people see, and what they are told about bad input."""

import base64
import io
import json
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML
from tests.structures import quote_bytes

from confcom.cli.main import main
from confcom.dcap import BodyType, CertType
from confcom.reasons import ExitCode

Golden = Callable[[str, str], None]
SCHEMA = json.loads(
    resources.files("confcom.attestation.schema").joinpath("inspection.v1.json").read_text("utf-8")
)
CERTIFICATION = bytes(range(36))
FILES: dict[str, bytes] = {
    "sgx-v3": quote_bytes(
        3, BodyType.SGX, cert_type=CertType.PPID_CLEAR, certification=CERTIFICATION
    ),
    "tdx-v5": quote_bytes(
        5,
        BodyType.TD_1_5_EX,
        cert_type=CertType.PPID_CLEAR,
        certification=CERTIFICATION,
        trailing=20,
    ),
    "report": b"\x0e" * 16
    + bytes(32)
    + (0x87).to_bytes(8, "little")
    + (0x602E7).to_bytes(8, "little")
    + bytes(range(32))
    + bytes(32)
    + bytes(range(32, 64))
    + bytes(32)
    + b"\xcc" * 64
    + bytes.fromhex("0100 0200 0300")
    + bytes(42)
    + b"\xfa" * 16
    + b"\xda" * 64
    + b"\x1d" * 32
    + b"\xac" * 16,
    "target-info": bytes(range(32)) + b"\x05" + bytes(7) + b"\x07" + bytes(471),
    "tdreport": b"\x81\0\1\0" + bytes(12) + b"\x0e" * 16 + bytes(480) + b"\1" + bytes(511),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize("name", FILES)
def test_table(name: str, folder: Path, capsys: pytest.CaptureFixture[str], golden: Golden) -> None:
    assert main(["evidence", "inspect", str(folder / name)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    golden(f"inspect/{name}.table.txt", out)


@pytest.mark.parametrize("name", FILES)
def test_json(name: str, folder: Path, capsys: pytest.CaptureFixture[str], golden: Golden) -> None:
    assert main(["evidence", "inspect", str(folder / name), "--output", "json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    jsonschema.validate(json.loads(out), SCHEMA)
    golden(f"inspect/{name}.json", out)


@pytest.mark.parametrize("name", FILES)
def test_dump(name: str, folder: Path, capsys: pytest.CaptureFixture[str], golden: Golden) -> None:
    assert main(["evidence", "inspect", str(folder / name), "--hex"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    golden(f"inspect/{name}.hex.txt", out)


@pytest.mark.parametrize("name", FILES)
def test_dump_in_json_holds_every_byte(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "inspect", str(folder / name), "--hex", "--output", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    assert bytes.fromhex("".join(row["hex"] for row in document["dump"])) == FILES[name]
    assert all(2 * row["size"] == len(row["hex"]) for row in document["dump"])


def test_yaml_says_the_same_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = str(folder / "report")
    assert main(["evidence", "inspect", name, "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert main(["evidence", "inspect", name, "-o", "yaml"]) == 0
    assert YAML(typ="safe", pure=True).load(capsys.readouterr().out) == document


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("raw", FILES["sgx-v3"]),
        ("hex", FILES["sgx-v3"].hex().encode()),
        ("base64", base64.encodebytes(FILES["sgx-v3"])),
    ],
)
def test_standard_input_in_any_encoding(
    encoding: str,
    text: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    feed(monkeypatch, text)
    assert main(["evidence", "inspect", "-", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["encoding"] == encoding
    assert document["sizeBytes"] == len(FILES["sgx-v3"])


def test_quiet_says_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "inspect", str(folder / "report"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [[], ["--hex"]])
def test_colour_only_where_it_is_wanted(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evidence", "inspect", str(folder / "report"), *arguments]
    assert main(command) == 0
    plain = capsys.readouterr().out
    assert "\x1b" not in plain
    assert main([*command, "--color", "always"]) == 0
    coloured = capsys.readouterr().out
    assert "\x1b[1m" in coloured
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[33m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"", ExitCode.MALFORMED, "it is empty"),
        (b"hello world\n", ExitCode.MALFORMED, "it looks like text of 12 bytes"),
        (b"\x89PNG\r\n\x1a\n\0", ExitCode.MALFORMED, "it looks like a PNG image (9 bytes)"),
        (FILES["sgx-v3"][:-1], ExitCode.MALFORMED, "quote ends inside signature data"),
        (FILES["sgx-v3"] + b"\1", ExitCode.MALFORMED, "bytes that are not all zero follow"),
        (FILES["sgx-v3"].hex().encode()[:-1], ExitCode.MALFORMED, "an odd number of hex digits"),
        (FILES["sgx-v3"] + bytes(1 << 16), ExitCode.MALFORMED, "more than the limit of 65536"),
        (b'{"tcb_info":"","qe_identity":""}', ExitCode.MALFORMED, ""),
        (bytes(8 * 1024 * 1024 + 1), ExitCode.MALFORMED, "it is larger than 8388608 bytes"),
    ],
)
def test_bad_input_gives_one_message_and_the_exit_code(
    data: bytes,
    code: ExitCode,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "input"
    file.write_bytes(data)
    for name in (str(file), "-"):
        feed(monkeypatch, data)
        assert main(["evidence", "inspect", name]) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("error:") == 1
        assert "Traceback" not in err
        assert message in err


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "inspect", str(tmp_path / "absent")]) == ExitCode.USAGE
    assert "there is no such file" in capsys.readouterr().err
    assert main(["evidence", "inspect", str(tmp_path)]) == ExitCode.USAGE
    assert "it is a folder" in capsys.readouterr().err


def test_unknown_option_and_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "inspect", "--hexx", "x"]) == ExitCode.USAGE
    assert "did you mean --hex?" in capsys.readouterr().err
    assert main(["evidence", "inspect"]) == ExitCode.USAGE
    assert "FILE|-" in capsys.readouterr().err


def test_dump_of_a_document_is_refused_with_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "enclave.sgxs"
    file.write_bytes(b"ECREATE\0\1\0\0\0" + (1 << 20).to_bytes(8, "little") + bytes(44))
    assert main(["evidence", "inspect", str(file), "--hex"]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert "measurement-stream has no fixed layout" in err
    assert "hint: leave out --hex" in err
    assert main(["evidence", "inspect", str(file)]) == 0
    assert "mrEnclave" in capsys.readouterr().out


@pytest.mark.timeout(30)
def test_recorded_files_are_shown(dcap_vectors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [
        *sorted((dcap_vectors / "pcs").iterdir()),
        *sorted((dcap_vectors / "sigstruct").iterdir()),
        *sorted((dcap_vectors / "roots").iterdir()),
        *sorted((dcap_vectors / "quotes").glob("real-*.bin")),
        *sorted((dcap_vectors / "collateral").glob("real-*.json")),
    ]
    for file in files:
        assert main(["evidence", "inspect", str(file), "-o", "json"]) == 0, file.name
        jsonschema.validate(json.loads(capsys.readouterr().out), SCHEMA)
        assert main(["evidence", "inspect", str(file)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) > 5
        assert all(line.isprintable() and line == line.rstrip() for line in lines)

# SPDX-License-Identifier: Apache-2.0
"""Reference values from flags and TOML: what is read, and that every mistake is reported."""

from datetime import UTC, datetime, timedelta

import pytest

from confcom.attestation import (
    TABLE,
    Applies,
    Arity,
    ReferenceValue,
    ReferenceValues,
    read_reference,
)
from confcom.dcap import TcbStatus
from confcom.errors import MisconfiguredError
from confcom.reasons import Reason

HEX32, HEX48, HEX64 = "ab" * 32, "cd" * 48, "ef" * 64
GIVEN = {
    "mr_enclave": ((HEX32, HEX32.upper()), (b"\xab" * 32, b"\xab" * 32)),
    "mr_signer": ((HEX32,), (b"\xab" * 32,)),
    "product_id": ("0", 0),
    "min_isv_svn": ("65535", 65535),
    "family_id": ("01" * 16, b"\x01" * 16),
    "ext_product_id": ("02" * 16, b"\x02" * 16),
    "config_id": (HEX64, b"\xef" * 64),
    "min_config_svn": ("3", 3),
    "mr_td": ((HEX48,), (b"\xcd" * 48,)),
    "rtmr0": ((HEX48,), (b"\xcd" * 48,)),
    "rtmr1": ((HEX48,), (b"\xcd" * 48,)),
    "rtmr2": ((HEX48,), (b"\xcd" * 48,)),
    "rtmr3": ((HEX48,), (b"\xcd" * 48,)),
    "mr_config_id": (HEX48, b"\xcd" * 48),
    "mr_owner": (HEX48, b"\xcd" * 48),
    "mr_owner_config": (HEX48, b"\xcd" * 48),
    "mr_service_td": (HEX48, b"\xcd" * 48),
    "sept_ve_disable": (True, True),
    "min_module_version": ("1.5", (1, 5)),
    "report_data": ("0102", b"\x01\x02" + bytes(62)),
    "allow_debug": (True, True),
    "allow_tcb_status": (
        ("swhardeningneeded", "OutOfDate"),
        frozenset({TcbStatus.UP_TO_DATE, TcbStatus.SW_HARDENING_NEEDED, TcbStatus.OUT_OF_DATE}),
    ),
    "tcb_date_baseline": ("2024-03-13", datetime(2024, 3, 13, tzinfo=UTC)),
    "allow_advisory": (("intel-sa-00615",), frozenset({"INTEL-SA-00615"})),
    "forbid_advisory": (("INTEL-DOC-10000",), frozenset({"INTEL-DOC-10000"})),
    "min_evaluation_number": ("17", 17),
    "max_collateral_age": ("30d", timedelta(days=30)),
    "collateral_grace": ("12h", timedelta(hours=12)),
}
BAD = [
    ("mr_enclave", ("",), "hex digits expected"),
    ("mr_enclave", ("ab" * 31,), "64 hex digits (32 bytes) expected, 62 found"),
    ("mr_enclave", ("0x" + "ab" * 31,), "'x' found"),
    ("mr_enclave", ("ab " * 21 + "a",), "' ' found"),
    ("mr_enclave", (HEX48,), "96 found"),
    ("product_id", "-1", "integer expected, '-1' found"),
    ("product_id", "65536", "from 0 to 65535 expected"),
    ("product_id", "1.0", "integer expected"),
    ("product_id", "²", "integer expected"),
    ("product_id", "1" * 5000, "integer expected"),
    ("min_module_version", "1", "major.minor"),
    ("min_module_version", "1.256", "major.minor"),
    ("min_module_version", "a.b", "major.minor"),
    ("min_module_version", "1.5.6", "major.minor"),
    ("report_data", "abc", "even number"),
    ("report_data", "00" * 65, "at most 128 hex digits"),
    ("allow_tcb_status", ("Revoked",), "never acceptable"),
    ("allow_tcb_status", ("revoked",), "never acceptable"),
    ("allow_tcb_status", ("UpToDat",), "one of ConfigurationAndSWHardeningNeeded,"),
    ("tcb_date_baseline", "13.3.2024", "YYYY-MM-DD"),
    ("tcb_date_baseline", "2024-02-30", "YYYY-MM-DD"),
    ("allow_advisory", ("SA-00615",), "advisory id"),
    ("allow_advisory", ("INTEL-SA-",), "advisory id"),
    ("max_collateral_age", "30", "unit d, h, m or s"),
    ("max_collateral_age", "d", "unit d, h, m or s"),
    ("max_collateral_age", "-1d", "unit d, h, m or s"),
    ("max_collateral_age", "999999d", "at most 36500d"),
]
WRONG_TYPES = [
    ("mr_enclave", "1", "text expected, 1 found"),
    ("mr_enclave", "[1]", "text expected, 1 found"),
    ("mr_enclave", "[]", "at least one value expected"),
    ("allow_debug", '"yes"', "true or false expected, 'yes' found"),
    ("product_id", "true", "integer expected, True found"),
    ("product_id", "[1]", "integer expected, [1] found"),
    ("report_data", '["00"]', "text expected"),
    ("tcb_date_baseline", "2024-03-13T00:00:00Z", "text expected"),
]


def complaint(flags: dict[str, object], file: bytes | None = None) -> str:
    with pytest.raises(MisconfiguredError) as caught:
        read_reference(flags, file=file, file_name="ref.toml")
    assert caught.value.reason is Reason.REFERENCE_INVALID
    return caught.value.message


def toml_of(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_of(one) for one in value) + "]"
    return {True: "true"}.get(value is True, f'"{value}"')


def test_every_reference_value_is_tried_here() -> None:
    assert list(GIVEN) == [row.key for row in TABLE]


def test_every_row_is_a_field_and_every_field_a_row() -> None:
    assert [row.key for row in TABLE] == list(ReferenceValues.__dataclass_fields__)


@pytest.mark.parametrize("key", GIVEN)
def test_reads_flag(key: str) -> None:
    raw, expected = GIVEN[key]
    reference = read_reference({key: raw})
    assert getattr(reference, key) == expected
    assert reference != ReferenceValues()


@pytest.mark.parametrize("key", GIVEN)
def test_reads_key_of_file(key: str) -> None:
    raw, expected = GIVEN[key]
    file = f"version = 1\n{key} = {toml_of(raw)}\n".encode()
    assert getattr(read_reference({}, file=file), key) == expected


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.key)
def test_one_of_several_needs_no_list(row: ReferenceValue) -> None:
    raw, _ = GIVEN[row.key]
    assert isinstance(raw, tuple) is (row.arity is Arity.MANY)
    one = raw[-1] if isinstance(raw, tuple) else raw
    file = f"version = 1\n{row.key} = {toml_of(one)}\n".encode()
    expected = read_reference({row.key: (one,) if isinstance(raw, tuple) else one})
    assert read_reference({}, file=file) == expected


def test_file_takes_toml_numbers_and_dates() -> None:
    file = b"version = 1\nproduct_id = 7\ntcb_date_baseline = 2024-03-13\n"
    reference = read_reference({}, file=file)
    assert reference.product_id == 7
    assert reference.tcb_date_baseline == datetime(2024, 3, 13, tzinfo=UTC)


def test_nothing_given_demands_up_to_date_and_no_debug() -> None:
    reference = read_reference({"mr_enclave": (), "report_data": None, "allow_debug": False})
    assert reference == ReferenceValues()
    assert reference.allow_tcb_status == {TcbStatus.UP_TO_DATE}
    assert not reference.allow_debug


def test_any_status_is_all_but_revoked() -> None:
    reference = read_reference({"allow_tcb_status": ("any",)})
    assert reference.allow_tcb_status == set(TcbStatus) - {TcbStatus.REVOKED}


def test_flag_replaces_value_of_file() -> None:
    file = f'version = 1\nmr_enclave = "{HEX32}"\nproduct_id = 1\n'.encode()
    reference = read_reference({"mr_enclave": ("00" * 32,)}, file=file)
    assert reference.mr_enclave == (bytes(32),)
    assert reference.product_id == 1


def test_empty_list_of_allowed_advisories_allows_none() -> None:
    reference = read_reference({}, file=b"version = 1\nallow_advisory = []")
    assert reference.allow_advisory == frozenset[str]()


@pytest.mark.parametrize(("key", "raw", "message"), BAD)
def test_refuses_bad_flag(key: str, raw: object, message: str) -> None:
    found = complaint({key: raw})
    flag = next(row.flag for row in TABLE if row.key == key)
    assert message in found
    assert f"flag {flag}: " in found


@pytest.mark.parametrize(("key", "toml", "message"), WRONG_TYPES)
def test_refuses_value_of_wrong_type(key: str, toml: str, message: str) -> None:
    found = complaint({}, f"version = 1\n{key} = {toml}\n".encode())
    assert f"file ref.toml: {key}: {message}" in found


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "version = 1 expected, no version found"),
        (b"version = 2", "version = 1 expected, version = 2 found"),
        (b"version = true", "version = True found"),
        (b"version = 1.0", "version = 1.0 found"),
        (b'version = "1"', "version = '1' found"),
        (b"version = 1\nmr-enclave = 1", "unknown key 'mr-enclave'; did you mean mr_enclave?"),
        (b"version = 1\nmrenclave = 1", "did you mean mr_enclave?"),
        (b"version = 1\nqqqqqq = 1", "unknown key 'qqqqqq'"),
        (b"version = 1\nallow_simulated = true", "unknown key 'allow_simulated'"),
        (b'version = 1\nroot = "x.pem"', "unknown key 'root'"),
        (b"version = ", "not TOML"),
        (b"\xff\xfe", "not UTF-8 text (byte 0)"),
        (b"a = " + b"[" * 5000, "not TOML"),
        (b"a = " + b"1" * 5000, "not TOML"),
        (b"#" * (1024 * 1024 + 1), "more than the limit of 1048576"),
    ],
)
def test_refuses_bad_file(file: bytes, message: str) -> None:
    assert f"file ref.toml: {message}" in complaint({}, file) or message in complaint({}, file)


def test_reports_all_mistakes_with_their_origin() -> None:
    file = b'version = 3\nmr_enclav = 1\nmr_signer = ["00", "zz"]\n'
    lines = complaint({"product_id": "x", "report_data": "0"}, file).splitlines()
    assert lines == [
        "6 mistakes in the reference values",
        "  file ref.toml: version = 1 expected, version = 3 found",
        "  file ref.toml: unknown key 'mr_enclav'; did you mean mr_enclave?",
        "  file ref.toml: mr_signer, value 1: 64 hex digits (32 bytes) expected, 2 found",
        "  file ref.toml: mr_signer, value 2: hex digits expected, 'z' found",
        "  flag --product-id: integer expected, 'x' found",
        "  flag --report-data: an even number of at most 128 hex digits (64 bytes) expected, "
        "1 found",
    ]


def test_refuses_values_that_no_quote_can_meet() -> None:
    found = complaint({"mr_enclave": (HEX32,), "mr_td": (HEX48,)})
    assert "mr_enclave (SGX) and mr_td (TDX): no quote can meet both" in found
    found = complaint({"allow_advisory": ("INTEL-SA-1",), "forbid_advisory": ("INTEL-SA-1",)})
    assert "both allowed and forbidden: INTEL-SA-1" in found


def test_knows_which_values_speak_of_which_evidence() -> None:
    reference = read_reference({"product_id": "0", "report_data": "00", "allow_debug": True})
    assert reference.given(Applies.SGX) == ("product_id",)
    assert reference.given(Applies.TDX) == ()
    assert reference.given(Applies.BOTH)[:2] == ("report_data", "allow_debug")

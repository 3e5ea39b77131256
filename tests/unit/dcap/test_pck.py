# SPDX-License-Identifier: Apache-2.0
"""The SGX extension of PCK certificates: every part is read, every defect is one refusal."""

from dataclasses import replace

import pytest
from tests.simulated import AT, authority, platform

from confcom.dcap import PckCa, PckExtension
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.simulation import encode_pck_extension

ARC = bytes.fromhex("2a864886f84d010d01")
FULL = platform().extension
DER = encode_pck_extension(FULL)


def element(tag: int, content: bytes) -> bytes:
    if len(content) < 128:
        return bytes((tag, len(content))) + content
    return bytes((tag, 0x82)) + len(content).to_bytes(2, "big") + content


def pair(arcs: tuple[int, ...], value: bytes) -> bytes:
    return element(0x30, element(6, ARC + bytes(arcs)) + value)


def tcb(components: dict[int, bytes]) -> bytes:
    return pair((2,), element(0x30, b"".join(pair((2, n), v) for n, v in components.items())))


COMPONENTS = {n: element(2, b"\x05") for n in range(1, 18)} | {18: element(4, bytes(16))}
PARTS = {
    1: pair((1,), element(4, bytes(16))),
    2: tcb(COMPONENTS),
    3: pair((3,), element(4, bytes(2))),
    4: pair((4,), element(4, bytes(6))),
    5: pair((5,), element(10, b"\0")),
}


def extension(**changes: bytes | None) -> bytes:
    parts: dict[object, bytes | None] = dict(PARTS)  # type: ignore[arg-type]
    parts |= {int(key[1:]): value for key, value in changes.items()}
    return element(0x30, b"".join(part for part in parts.values() if part is not None))


def refused(data: bytes) -> str:
    with pytest.raises(MalformedError) as caught:
        PckExtension.from_der(data)
    assert caught.value.reason is Reason.PCK_EXTENSION
    return caught.value.message


@pytest.mark.parametrize("ca", list(PckCa))
def test_reads_what_the_authority_wrote(ca: PckCa) -> None:
    written = authority().add_platform(at=AT, ca=ca, pce_svn=0x8001).extension
    read = PckExtension.from_der(encode_pck_extension(written))
    assert read == written
    assert (read.platform_instance_id is None) == (ca is PckCa.PROCESSOR)


def test_reads_the_smallest_extension() -> None:
    read = PckExtension.from_der(extension())
    assert (read.sgx_svns, read.pce_svn, read.sgx_type) == ((5,) * 16, 5, 0)
    assert (read.platform_instance_id, read.smt_enabled) == (None, None)


def test_ignores_parts_that_nobody_knows_up_to_a_bound() -> None:
    """Five parts are known."""
    unknown = {f"_{number}": pair((number,), element(4, b"")) for number in range(50, 77)}
    assert PckExtension.from_der(extension(**unknown)) == PckExtension.from_der(extension())
    more = unknown | {"_77": pair((77,), element(4, b""))}
    assert "more than 32 elements" in refused(extension(**more))


def test_parts_of_the_configuration_may_be_absent() -> None:
    smt = element(0x30, pair((7, 3), element(1, b"\xff")))
    read = PckExtension.from_der(extension(_7=pair((7,), smt)))
    assert (read.dynamic_platform, read.cached_keys, read.smt_enabled) == (None, None, True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x00",
        b"\x31\x00",
        b"\x04\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x80\x00\x00",
        b"\x30\x81\x00",
        b"\x30\x82" * 1000,
        b"\x30\x02\x30\x00",
        DER[:-1],
        DER + b"\0",
        element(0x30, PARTS[1] * 40),
        element(0x30, element(0x30, element(6, ARC + b"\x01"))),
        element(0x30, element(0x30, element(6, ARC + b"\x01") + element(4, b"") * 2)),
        element(0x30, element(0x30, element(4, ARC + b"\x01") + element(4, b""))),
        element(0x30, element(0x30, element(6, b"") + element(4, b""))),
        element(0x30, element(0x30, element(6, ARC) + element(4, b""))),
        element(0x30, element(0x30, element(6, ARC[:-1] + b"\x02\x01") + element(4, b""))),
    ],
)
def test_refuses_bytes_that_are_no_extension(data: bytes) -> None:
    refused(data)


@pytest.mark.parametrize("number", PARTS)
def test_refuses_a_missing_and_a_repeated_part(number: int) -> None:
    assert "is missing" in refused(extension(**{f"_{number}": None}))
    assert "appears twice" in refused(extension(_99=PARTS[number]))


@pytest.mark.parametrize("number", COMPONENTS)
def test_refuses_a_missing_component(number: int) -> None:
    left = {key: value for key, value in COMPONENTS.items() if key != number}
    assert "is missing" in refused(extension(_2=tcb(left)))


@pytest.mark.parametrize(
    "value",
    ["0200", "0209" + "01" * 9, "020a" + "01" * 10, "020200ff00", "02020005", "0202ffff", "0a0105"],
)
def test_refuses_components_that_are_no_svn(value: str) -> None:
    for number in (1, 16):
        refused(extension(_2=tcb(COMPONENTS | {number: bytes.fromhex(value)})))


@pytest.mark.parametrize("value", ["0203010000", "0203ffffff", "0201ff", "0400"])
def test_refuses_a_pce_svn_out_of_range(value: str) -> None:
    refused(extension(_2=tcb(COMPONENTS | {17: bytes.fromhex(value)})))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (1, element(4, bytes(15))),
        (1, element(4, bytes(17))),
        (1, element(2, b"\x01")),
        (2, element(4, b"")),
        (3, element(4, bytes(3))),
        (4, element(4, bytes(5))),
        (4, element(4, bytes(7))),
        (4, element(4, b"")),
        (5, element(10, b"\x03")),
        (5, element(10, b"")),
        (5, element(10, b"\xff")),
        (5, element(2, b"\x00")),
        (6, element(4, bytes(15))),
        (7, element(4, b"")),
        (7, element(0x30, pair((7, 1), element(1, b"\x01")))),
        (7, element(0x30, pair((7, 1), element(1, b"\xff\xff")))),
        (7, element(0x30, pair((7, 1), element(1, b"\xff")) * 2)),
        (7, element(0x30, pair((7, 1), element(1, b"\xff")) * 9)),
        (7, element(0x30, pair((2, 1), element(1, b"\xff")))),
    ],
)
def test_refuses_parts_of_another_size_or_kind(part: int, value: bytes) -> None:
    refused(extension(**{f"_{part}": pair((part,), value)}))


@pytest.mark.parametrize("cut", range(0, len(DER), 7))
def test_refuses_every_truncation(cut: int) -> None:
    refused(DER[:cut])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Intel SGX PCK Platform CA", PckCa.PLATFORM), ("x Processor y", PckCa.PROCESSOR)],
)
def test_the_issuers_name_tells_the_kind(name: str, expected: PckCa) -> None:
    assert PckCa.of_issuer(name) is expected


@pytest.mark.parametrize("name", ["", "Intel SGX Root CA", "platform", "PROCESSOR"])
def test_refuses_an_issuer_of_another_name(name: str) -> None:
    with pytest.raises(MalformedError) as caught:
        PckCa.of_issuer(name)
    assert caught.value.reason is Reason.CERT_FORMAT


def test_svns_are_read_in_their_order() -> None:
    changed = replace(FULL, sgx_svns=tuple(range(240, 256)))
    assert PckExtension.from_der(encode_pck_extension(changed)).sgx_svns == tuple(range(240, 256))

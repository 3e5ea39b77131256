# SPDX-License-Identifier: Apache-2.0
"""Quotes that are wrong in one place: each is refused with its reason, in words that help.

The offsets are those of the specifications, computed here, not those of the parser's tables:
Intel SGX ECDSA Quote Library Reference, A.3 and A.4; Intel TDX DCAP Quoting Library API, A.3.
"""

import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from tests.structures import FORMS, quote_bytes

from confcom.dcap import MAX_QUOTE_BYTES, BodyType, CertType, Quote
from confcom.errors import MalformedError
from confcom.reasons import Reason

AUTH_DATA = bytes(range(32))
CERTIFICATION = b"-----BEGIN CERTIFICATE-----"
SIZES = {1: 384, 2: 584, 3: 648, 4: 885}
BIGGEST = 0xFFFFFFFF
U32 = (0, 0x7FFFFFFF, BIGGEST)


@dataclass(frozen=True)
class Places:
    """Where the numbers of a quote are, and the sizes that its lengths count."""

    version: int
    body_type: int

    @property
    def body(self) -> int:
        return 54 if self.version == 5 else 48

    @property
    def signature_size(self) -> int:
        return self.body + SIZES[self.body_type]

    @property
    def container(self) -> int:
        """Place of the outer type, which versions 4 and 5 have."""
        return self.signature_size + 4 + 64 + 64

    @property
    def auth_size(self) -> int:
        return self.container + (0 if self.version == 3 else 6) + 384 + 64

    @property
    def cert_type(self) -> int:
        return self.auth_size + 2 + len(AUTH_DATA)

    @property
    def cert_size(self) -> int:
        return self.cert_type + 2

    @property
    def end(self) -> int:
        return self.cert_size + 4 + len(CERTIFICATION)


def quote(places: Places, *, trailing: int = 0) -> bytes:
    """Return a well-formed quote."""
    return quote_bytes(
        places.version,
        BodyType(places.body_type),
        auth_data=AUTH_DATA,
        certification=CERTIFICATION,
        trailing=trailing,
    )


def put(data: bytes, offset: int, value: int, size: int) -> bytes:
    """Return the data with a number written over it."""
    return data[:offset] + value.to_bytes(size, "little") + data[offset + size :]


ALL = [Places(version, int(body_type)) for version, body_type in FORMS]
LATER = [places for places in ALL if places.version != 3]
FIFTH = [places for places in ALL if places.version == 5]


def ids(places: Places) -> str:
    return f"v{places.version}-type{places.body_type}"


every_form = pytest.mark.parametrize("places", ALL, ids=ids)


def refusal(data: bytes) -> MalformedError:
    with pytest.raises(MalformedError) as caught:
        Quote.from_bytes(data)
    return caught.value


@every_form
def test_the_places_are_those_of_a_quote_that_parses(places: Places) -> None:
    data = quote(places)
    parsed = Quote.from_bytes(data)
    assert len(data) == places.end
    assert (parsed.header.version, parsed.body_type) == (places.version, places.body_type)
    assert parsed.signed == data[: places.signature_size]
    assert parsed.signature.auth_data == AUTH_DATA
    assert parsed.signature.certification.data == CERTIFICATION
    for offset, size, value in (
        (places.signature_size, 4, places.end - places.signature_size - 4),
        (places.auth_size, 2, len(AUTH_DATA)),
        (places.cert_type, 2, CertType.PCK_CHAIN),
        (places.cert_size, 4, len(CERTIFICATION)),
    ):
        assert int.from_bytes(data[offset : offset + size], "little") == value


# Header


@dataclass(frozen=True)
class Row:
    """A number of a quote, a wrong value for it, and how that is refused."""

    name: str
    place: Callable[[Places], int]
    size: int
    value: int | Callable[[Places], int]
    reason: Reason
    words: str
    forms: tuple[Places, ...] = tuple(ALL)


def sgx(*, version: int | None = None) -> tuple[Places, ...]:
    return tuple(p for p in ALL if p.body_type == 1 and version in {None, p.version})


def tdx(*, version: int | None = None) -> tuple[Places, ...]:
    return tuple(p for p in ALL if p.body_type != 1 and version in {None, p.version})


def bytes_after(offset: int) -> Callable[[Places], int]:
    """Return what counts the bytes of a quote from its end back to an offset of the container."""
    return lambda places: places.end - places.container - offset


HEADER = [
    *(
        Row(f"version {value}", lambda _: 0, 2, value, Reason.QUOTE_VERSION, f"version {value} is")
        for value in (0, 1, 2, 6, 0x0300, 0xFFFF)
    ),
    *(
        Row(f"key type {value}", lambda _: 2, 2, value, Reason.ATT_KEY_TYPE, f"type {value} is not")
        for value in (0, 1, 3, 4, 0x0200, 0xFFFF)
    ),
    *(
        Row(f"TEE type {value:#x}", lambda _: 4, 4, value, Reason.TEE_TYPE, f"type {value:#x} is")
        for value in (1, 0x80, 0x82, 0x8100, 0x81000000, BIGGEST)
    ),
    Row(
        "TDX in version 3", lambda _: 4, 4, 0x81, Reason.TEE_TYPE, "in version 3", sgx(version=3)
    ),
    Row("no vendor", lambda _: 12, 16, 0, Reason.QE_VENDOR, "is not Intel"),
    Row("another vendor", lambda _: 12, 16, (1 << 128) - 1, Reason.QE_VENDOR, "is not Intel"),
    *(
        Row(f"vendor byte {at}", lambda _, at=at: 12 + at, 1, 0x5A, Reason.QE_VENDOR, "not Intel")  # type: ignore[misc]
        for at in (0, 7, 15)
    ),
]  # fmt: skip

# Version 4 tells the body from the TEE type alone, so a body of the other TEE ends elsewhere.
BODY = [
    *(
        Row(
            f"body type {value}",
            lambda _: 48,
            2,
            value,
            Reason.BODY_TYPE,
            f"body type {value} is not supported",
            tuple(FIFTH),
        )
        for value in (0, 5, 6, 0x0100, 0xFFFF)
    ),
    *(
        Row(
            f"TD body {value} for SGX",
            lambda _: 48,
            2,
            value,
            Reason.BODY_TYPE,
            "does not go with TEE type 0x0",
            sgx(version=5),
        )
        for value in (2, 3, 4)
    ),
    Row(
        "SGX body for TDX",
        lambda _: 48,
        2,
        1,
        Reason.BODY_TYPE,
        "does not go with TEE type 0x81",
        tdx(version=5),
    ),
    *(
        Row(
            f"body size {value}",
            lambda _: 50,
            4,
            value,
            Reason.QUOTE_FORMAT,
            f"{value} declared",
            tuple(FIFTH),
        )
        for value in (0, 1, 383, 385, 583, 585, 647, 649, 884, 886, 0x7FFFFFFF, BIGGEST)
    ),
    *(
        Row(
            f"body size of type {other}",
            lambda _: 50,
            4,
            SIZES[other],
            Reason.QUOTE_FORMAT,
            "declared",
            tuple(places for places in FIFTH if places.body_type != other),
        )
        for other in SIZES
    ),
    Row("TDX made SGX", lambda _: 4, 4, 0, Reason.QUOTE_FORMAT, "ends", tdx(version=4)),
    Row("SGX made TDX", lambda _: 4, 4, 0x81, Reason.QUOTE_FORMAT, "ends", sgx(version=4)),
    Row(
        "TDX made SGX",
        lambda _: 4,
        4,
        0,
        Reason.BODY_TYPE,
        "does not go with TEE type",
        tdx(version=5),
    ),
    Row(
        "SGX made TDX",
        lambda _: 4,
        4,
        0x81,
        Reason.BODY_TYPE,
        "does not go with TEE type",
        sgx(version=5),
    ),
]

LENGTHS = [
    Row(
        "no signature data",
        lambda places: places.signature_size,
        4,
        0,
        Reason.QUOTE_FORMAT,
        "signature data ends inside",
    ),
    Row(
        "signature data one short",
        lambda places: places.signature_size,
        4,
        lambda places: places.end - places.signature_size - 5,
        Reason.QUOTE_FORMAT,
        "ends inside certification data",
        sgx(version=3),
    ),
    Row(
        "signature data one short of its container",
        lambda places: places.signature_size,
        4,
        lambda places: places.end - places.signature_size - 5,
        Reason.QUOTE_FORMAT,
        "outer certification data declares",
        tuple(LATER),
    ),
    *(
        Row(
            f"signature data too long by {by:#x}",
            lambda places: places.signature_size,
            4,
            lambda places, by=by: min(places.end - places.signature_size - 4 + by, BIGGEST),  # type: ignore[misc]
            Reason.QUOTE_FORMAT,
            "quote ends inside signature data",
        )
        for by in (1, 0x7FFF0000, BIGGEST)
    ),
    *(
        Row(
            f"outer type {value}",
            lambda places: places.container,
            2,
            value,
            Reason.CERT_TYPE,
            f"outer certification data type {value} is not 6",
            tuple(LATER),
        )
        for value in (0, 1, 2, 3, 4, 5, 7, 8, 0x0600, 0xFFFF)
    ),
    *(
        Row(
            f"outer size {value:#x}",
            lambda places: places.container + 2,
            4,
            value,
            Reason.QUOTE_FORMAT,
            f"outer certification data declares {value} bytes",
            tuple(LATER),
        )
        for value in U32
    ),
    *(
        Row(
            f"outer size off by {by}",
            lambda places: places.container + 2,
            4,
            bytes_after(6 - by),
            Reason.QUOTE_FORMAT,
            "outer certification data declares",
            tuple(LATER),
        )
        for by in (-1, 1)
    ),
    Row(
        "no authentication data",
        lambda places: places.auth_size,
        2,
        0,
        Reason.CERT_TYPE,  # its first bytes, 0 and 1, are read as the type
        "type 256 is not supported",
    ),
    Row(
        "authentication data one short",
        lambda places: places.auth_size,
        2,
        len(AUTH_DATA) - 1,
        Reason.CERT_TYPE,  # its last byte, 31, and the low one of the type
        "type 1311 is not supported",
    ),
    Row(
        "authentication data one long",
        lambda places: places.auth_size,
        2,
        len(AUTH_DATA) + 1,
        Reason.CERT_TYPE,  # the high byte of the type and the low one of the size
        "type 6912 is not supported",
    ),
    Row(
        "authentication data that fills the rest",
        lambda places: places.auth_size,
        2,
        lambda places: places.end - places.auth_size - 2,
        Reason.QUOTE_FORMAT,
        "ends inside certification data",
    ),
    Row(
        "authentication data of 65535",
        lambda places: places.auth_size,
        2,
        0xFFFF,
        Reason.QUOTE_FORMAT,
        "ends inside authentication data: 65535 bytes needed",
    ),
    *(
        Row(
            f"certification type {value}",
            lambda places: places.cert_type,
            2,
            value,
            Reason.CERT_TYPE,
            f"certification data type {value} is not supported",
        )
        for value in (0, 6, 7, 8, 0x0500, 0xFFFF)
    ),
    *(
        Row(
            f"certification data of {len(CERTIFICATION) - by}",
            lambda places: places.cert_size,
            4,
            len(CERTIFICATION) - by,
            Reason.QUOTE_FORMAT,
            f"signature data has {by} bytes after its last field",
        )
        for by in (1, len(CERTIFICATION))
    ),
    *(
        Row(
            f"certification data of {value:#x}",
            lambda places: places.cert_size,
            4,
            value,
            Reason.QUOTE_FORMAT,
            f"ends inside certification data: {value} bytes needed",
        )
        for value in (len(CERTIFICATION) + 1, 0x7FFFFFFF, BIGGEST)
    ),
]


def cases() -> Iterator[object]:
    for row in (*HEADER, *BODY, *LENGTHS):
        assert row.forms
        for places in row.forms:
            yield pytest.param(row, places, id=f"{row.name} in {ids(places)}")


@pytest.mark.parametrize(("row", "places"), list(cases()))
def test_refuses_a_wrong_number(row: Row, places: Places) -> None:
    value = row.value if isinstance(row.value, int) else row.value(places)
    data = quote(places)
    changed = put(data, row.place(places), value, row.size)
    assert changed != data
    error = refusal(changed)
    assert error.reason is row.reason
    assert row.words in error.message


def test_lengths_of_4_gib_take_neither_time_nor_memory() -> None:
    changed = [
        put(quote(places), row.place(places), row.value, row.size)
        for row in LENGTHS
        for places in row.forms
        if isinstance(row.value, int)
    ]
    tracemalloc.start()
    for data in changed:
        before = time.thread_time()
        refusal(data)
        assert time.thread_time() - before < 0.05
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


# Truncation


@every_form
def test_refuses_every_truncation(places: Places) -> None:
    data = quote(places)
    for size in range(len(data)):
        error = refusal(data[:size])
        assert error.reason is Reason.QUOTE_FORMAT, size
        assert error.message.startswith("cannot parse quote: "), size
    Quote.from_bytes(data)


@every_form
def test_refuses_truncations_with_zeros_in_place_of_the_rest(places: Places) -> None:
    """A buffer that was cleared and then filled in part has the length of a whole quote."""
    data = quote(places)
    for size in range(places.cert_size + 1):
        refusal(data[:size] + bytes(len(data) - size))


@pytest.mark.parametrize("size", [0, 1, 2, 47])
def test_refuses_less_than_a_header(size: int) -> None:
    error = refusal(quote(ALL[0])[:size])
    assert error.reason is Reason.QUOTE_FORMAT
    assert f"48 bytes needed, {size} present" in error.message


@every_form
def test_refuses_a_header_alone(places: Places) -> None:
    error = refusal(quote(places)[:48])
    assert "quote ends inside body" in error.message
    assert error.hint is not None


@pytest.mark.parametrize("size", [1, 47, 48, 432, 436, 1020, 5000, MAX_QUOTE_BYTES])
@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_refuses_one_byte_over_and_over(size: int, byte: int) -> None:
    error = refusal(bytes((byte,)) * size)
    assert error.reason is (Reason.QUOTE_VERSION if size >= 48 else Reason.QUOTE_FORMAT)


# Trailing data


@every_form
@pytest.mark.parametrize("count", [1, 70, 3065])
def test_accepts_and_counts_zeros_behind_a_quote(places: Places, count: int) -> None:
    assert Quote.from_bytes(quote(places, trailing=count)).trailing == count


@every_form
@pytest.mark.parametrize(
    ("tail", "count"),
    [(b"\x01", 1), (b"\n", 1), (bytes(69) + b"\x80", 70), (b"\x01" + bytes(69), 70)],
)
def test_refuses_other_bytes_behind_a_quote(places: Places, tail: bytes, count: int) -> None:
    error = refusal(quote(places) + tail)
    assert error.reason is Reason.TRAILING_DATA
    assert f"{count} bytes that are not all zero follow the quote at offset {places.end}" in (
        error.message
    )
    assert error.hint is not None


@every_form
def test_refuses_a_second_quote_behind_the_first(places: Places) -> None:
    assert refusal(quote(places) * 2).reason is Reason.TRAILING_DATA


@every_form
def test_refuses_zeros_that_a_length_takes_into_the_quote(places: Places) -> None:
    """The total must be used up exactly, also where zeros follow."""
    size = places.end - places.signature_size - 4
    data = put(quote(places, trailing=8), places.signature_size, size + 1, 4)
    error = refusal(data)
    assert error.reason is Reason.QUOTE_FORMAT
    words = "declares" if places.version != 3 else "has 1 bytes after its last field"
    assert words in error.message
    if places.version != 3:
        data = put(data, places.container + 2, places.end - places.container - 5, 4)
        assert "has 1 bytes after its last field" in refusal(data).message


@every_form
def test_refuses_what_is_larger_than_any_quote_before_reading_it(places: Places) -> None:
    largest = quote(places, trailing=MAX_QUOTE_BYTES - places.end)
    assert Quote.from_bytes(largest).trailing == MAX_QUOTE_BYTES - places.end
    for data in (largest + b"\0", b"\xff" * (MAX_QUOTE_BYTES + 1), largest * 50):
        error = refusal(data)
        assert error.reason is Reason.TOO_LARGE
        assert f"{len(data)} bytes, more than the limit of {MAX_QUOTE_BYTES}" in error.message


# Hints


@pytest.mark.parametrize(("key_type", "is_epid"), [(0, True), (1, True), (3, False)])
def test_says_of_epid_that_it_has_ended(key_type: int, is_epid: bool) -> None:
    hint = refusal(put(quote(ALL[0]), 2, key_type, 2)).hint
    assert (hint is not None and "EPID" in hint) is is_epid


# What is well formed


@every_form
@pytest.mark.parametrize("kind", [kind for kind in CertType if kind < CertType.QE_REPORT])
@pytest.mark.parametrize("auth_size", [0, 1, 31, 32, 33, 1000])
def test_accepts_every_kind_of_certification_and_length_of_authentication_data(
    places: Places, kind: CertType, auth_size: int
) -> None:
    data = quote_bytes(
        places.version,
        BodyType(places.body_type),
        auth_data=b"\xaa" * auth_size,
        cert_type=kind,
        certification=bytes(36),
    )
    parsed = Quote.from_bytes(data)
    assert parsed.signature.auth_data == b"\xaa" * auth_size
    assert (parsed.signature.certification.type, parsed.signature.certification.data) == (
        kind,
        bytes(36),
    )
    assert parsed.to_bytes() == data


def test_the_smallest_quote_has_1020_bytes() -> None:
    data = quote_bytes(3, BodyType.SGX, auth_data=b"", certification=b"")
    assert len(data) == 1020
    assert Quote.from_bytes(data).to_bytes() == data


@every_form
def test_ignores_words_that_are_reserved_or_inform_only(places: Places) -> None:
    """Offsets 8 and 10 and the user data mean nothing to the parser; the signature covers them."""
    data = quote(places)
    changed = data[:8] + b"\x01\x02\x03\x04" + data[12:28] + b"\x09" * 20 + data[48:]
    header = Quote.from_bytes(changed).header
    assert (header.qe_svn, header.pce_svn, header.user_data) == (0x0201, 0x0403, b"\x09" * 20)

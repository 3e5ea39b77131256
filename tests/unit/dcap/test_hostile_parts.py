# SPDX-License-Identifier: Apache-2.0
"""Hostile parts in quotes of every form: a typed refusal, soon, that leaves nothing behind.

Each part is put into a genuine quote, or into the collateral of one, of every version and body
type, and the whole is verified. Wrong numbers and truncations are in ``test_quote_refusals``.
"""

import base64
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.forging import certificate, check, name, outcome, revocation_list, sgx_extension
from tests.simulated import FORMS, Sample, authority, platform

from confcom.dcap import (
    Caches,
    CertificationData,
    CertType,
    PckExtension,
    Quote,
)
from confcom.dcap._json import MAX_DOCUMENT_BYTES
from confcom.reasons import Reason
from confcom.simulation import CertifiedKey, encode_pck_extension
from confcom.wire import read_der

PCK, CA, ROOT = platform().pck, authority().platform_ca, authority().root
# The library warns of oddities in certificates. In use warnings are no errors, nor are they here.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
LONGEST_S = 0.05
MOST_BYTES = 4 * MAX_DOCUMENT_BYTES
"""Of memory that Python holds at one time, in addition to the input."""
Make = Callable[[Sample], Sample]


def verified_with(make: Make, reason: Reason | None) -> None:
    """Verify quotes of every form after a change, and look at verdict, time and memory."""
    for form, sample in FORMS.items():
        caches = warm(form)
        kept = (len(caches.chains), len(caches.keys))
        changed = make(sample)
        tracemalloc.start()
        assert outcome(changed.quote, changed.collateral, caches=caches) is reason, form
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < MOST_BYTES, form
        assert any(_seconds(changed) < LONGEST_S for _ in range(3)), form
        if reason is not None:
            assert (len(caches.chains), len(caches.keys)) == kept, form


@cache
def warm(form: str) -> Caches:
    """Return caches that know the genuine quote of a form."""
    caches = Caches()
    check(FORMS[form].quote, FORMS[form].collateral, caches=caches)
    return caches


def _seconds(sample: Sample) -> float:
    start = time.thread_time()
    outcome(sample.quote, sample.collateral)
    return time.thread_time() - start


# In the quote: the PCK chain


def with_chain(chain: bytes) -> Make:
    def make(sample: Sample) -> Sample:
        quote = Quote.from_bytes(sample.quote)
        certification = CertificationData(CertType.PCK_CHAIN, chain)
        signature = replace(quote.signature, certification=certification)
        return replace(sample, quote=replace(quote, signature=signature).to_bytes())

    return make


def pem(der: bytes) -> bytes:
    body = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"


def patched(old: bytes, new: bytes) -> bytes:
    """Return the chain with other bytes inside the PCK certificate, in a whole PEM frame."""
    assert len(old) == len(new)
    assert old in PCK.der
    return pem(PCK.der.replace(old, new)) + CA.pem + ROOT.pem


def leaf(extension: bytes | None, **options: Any) -> bytes:  # noqa: ANN401 passed on
    """Return a chain whose PCK certificate was issued by the real CA."""
    extra = () if extension is None else (sgx_extension(extension),)
    made = certificate("SIMULATED SGX PCK Certificate", CA, extra=extra, **options)
    return chain(made, CA, ROOT)


def chain(*keys: CertifiedKey) -> bytes:
    return b"".join(key.pem for key in keys)


def element(tag: int, content: bytes) -> bytes:
    """Return DER with the shortest length."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = element(0x30, data)
    return data


ARC = bytes.fromhex("2a864886f84d010d01")
"""Contents of the identifier of the SGX extension; those of its parts begin with it."""


def pair(*arcs: int, value: bytes) -> bytes:
    return element(0x30, element(0x06, ARC + bytes(arcs)) + value)


def extension(*, component: bytes = b"\x02\x01\x05", fmspc: int = 4) -> bytes:
    """Return an SGX extension with one component of its TCB, and the FMSPC's number, replaced."""
    tcb = pair(2, 1, value=component)
    tcb += b"".join(pair(2, number, value=b"\x02\x01\x05") for number in range(2, 18))
    tcb += pair(2, 18, value=element(0x04, bytes(16)))
    parts = (
        pair(1, value=element(0x04, bytes(16))),
        pair(2, value=element(0x30, tcb)),
        pair(3, value=element(0x04, bytes(2))),
        pair(fmspc, value=element(0x04, bytes(6))),
        pair(5, value=element(0x0A, b"\x00")),
    )
    return element(0x30, b"".join(parts))


EXTENSION = encode_pck_extension(platform().extension)
CN, NOT_CN = bytes.fromhex("0603550403"), bytes.fromhex("0603550483")
BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"
WHOLE = platform().pck_chain


def loop() -> bytes:
    one = certificate("SIMULATED SGX PCK Certificate", issuer_name=name("SIMULATED PCK Platform"))
    other = certificate("SIMULATED PCK Platform", issuer_name=one.certificate.subject, is_ca=True)
    return chain(one, other)


def with_name(which: int) -> bytes:
    """Return a chain whose leaf has a broken name: 0 is the issuer's, 1 the subject's."""
    parts = PCK.der.split(CN)
    assert len(parts) == 3
    separators = (NOT_CN, CN) if which == 0 else (CN, NOT_CN)
    der = parts[0] + separators[0] + parts[1] + separators[1] + parts[2]
    return pem(der) + CA.pem + ROOT.pem


def public_key(kind: str) -> object:
    match kind:
        case "rsa":
            return rsa.generate_private_key(65537, 2048).public_key()
        case "p384":
            return ec.generate_private_key(ec.SECP384R1()).public_key()
        case _:
            return ec.generate_private_key(ec.SECP256K1()).public_key()


F, X, C = Reason.CERT_FORMAT, Reason.PCK_EXTENSION, Reason.PCK_CHAIN
CHAINS: dict[str, tuple[Callable[[], bytes], Reason | None]] = {
    "nothing": (lambda: b"", F),
    "one NUL": (lambda: b"\0", F),
    "NUL at the end": (lambda: WHOLE + b"\0", None),
    "NUL in the middle of a certificate": (lambda: WHOLE[:500] + b"\0" + WHOLE[501:], F),
    "NUL between certificates": (lambda: PCK.pem + b"\0" + CA.pem + ROOT.pem, F),
    "no END": (lambda: WHOLE.replace(END, b""), F),
    "no END of the last": (lambda: WHOLE.removesuffix(END), F),
    "1000 BEGIN": (lambda: BEGIN * 1000, F),
    "base64 garbage": (lambda: BEGIN + b"@@@@\n" + END, F),
    "base64 cut off": (lambda: WHOLE.replace(b"\n-----END", b"A\n-----END", 1), F),
    "base64 with padding inside": (lambda: BEGIN + b"AA==AA==\n" + END, F),
    "base64 of noise": (lambda: pem(bytes(range(256))), F),
    "text": (lambda: b"chain", F),
    "broken issuer": (lambda: with_name(0), F),
    "broken subject": (lambda: with_name(1), F),
    "key that is no point": (
        lambda: patched(
            PCK.key.public_key().public_numbers().x.to_bytes(32, "big"), bytes(31) + b"\5"
        ),
        F,
    ),
    "key of an unknown curve": (
        lambda: patched(
            bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030109")
        ),
        F,
    ),
    "key of an unknown algorithm": (
        lambda: patched(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0205")),
        F,
    ),
    "version 11": (
        lambda: patched(bytes.fromhex("a003020102"), bytes.fromhex("a00302010b")),
        F,
    ),
    "RSA key": (lambda: leaf(EXTENSION, public_key=public_key("rsa")), F),
    "P-384 key": (lambda: leaf(EXTENSION, public_key=public_key("p384")), F),
    "K-256 key": (lambda: leaf(EXTENSION, public_key=public_key("k256")), F),
    "negative serial": (
        lambda: pem(
            certificate("x", CA, serial=0x11).der.replace(b"\x02\x01\x11\x30", b"\x02\x01\x80\x30")
        ),
        F,
    ),
    "broken extension": (
        lambda: patched(bytes.fromhex("0603551d13"), bytes.fromhex("0603551d93")),
        F,
    ),
    "an extension twice": (
        lambda: patched(bytes.fromhex("0603551d13"), bytes.fromhex("0603551d0f")),
        F,
    ),
    "no SGX extension": (lambda: leaf(None), X),
    "empty SGX extension": (lambda: leaf(b""), X),
    "truncated SGX extension": (lambda: leaf(EXTENSION[:-1]), X),
    "SGX extension of 4 GiB": (lambda: leaf(b"\x30\x84\xff\xff\xff\xff"), X),
    "length longer than need be": (lambda: leaf(b"\x30\x84\x00\x00\x00\x00"), X),
    "SGX extension 1000 deep": (lambda: leaf(nested(1000)), X),
    "SGX extension without FMSPC": (lambda: leaf(extension(fmspc=9)), X),
    "SGX extension with PPID twice": (lambda: leaf(extension(fmspc=1)), X),
    "SGX component of nine bytes": (
        lambda: leaf(extension(component=element(0x02, b"\1" * 9))),
        X,
    ),
    "negative SGX component": (lambda: leaf(extension(component=b"\x02\x01\xff")), X),
    "SGX component that is no INTEGER": (lambda: leaf(extension(component=b"\x04\x01\5")), X),
    "one certificate": (lambda: chain(PCK), C),
    "leaf and intermediate": (lambda: chain(PCK, CA), None),
    "four certificates": (lambda: chain(PCK, CA, ROOT, authority().tcb_signing), C),
    "50 certificates": (lambda: chain(PCK, *(CA,) * 49), F),
    "nine certificates": (lambda: chain(PCK, *(CA,) * 8), F),
    "loop": (loop, Reason.UNTRUSTED_ROOT),
    "loop and root": (lambda: loop() + ROOT.pem, Reason.UNTRUSTED_ROOT),
    "3 MiB": (lambda: (WHOLE * 1000)[: 3 * MAX_DOCUMENT_BYTES], Reason.TOO_LARGE),
}


def test_the_extension_is_well_formed_but_for_the_defect() -> None:
    assert PckExtension.from_der(extension()).sgx_svns == (5,) * 16


@pytest.mark.timeout(30)
@pytest.mark.parametrize("item", CHAINS)
def test_pck_chains(item: str) -> None:
    make, reason = CHAINS[item]
    verified_with(with_chain(make()), reason)


ISSUER_CHAINS: dict[str, tuple[bytes, Reason]] = {
    "nothing": (b"", F),
    "no END": (ROOT.pem.replace(END, b""), F),
    "1000 BEGIN": (BEGIN * 1000, F),
    "root alone": (ROOT.pem, F),
    "loop": (loop(), F),
    "50 certificates": (ROOT.pem * 50, F),
    "3 MiB": ((WHOLE * 1000)[: 3 * MAX_DOCUMENT_BYTES], Reason.TOO_LARGE),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("item", ISSUER_CHAINS)
@pytest.mark.parametrize(
    "member", ["tcb_info_issuer_chain", "qe_identity_issuer_chain", "pck_crl_issuer_chain"]
)
def test_issuer_chains(member: str, item: str) -> None:
    data, reason = ISSUER_CHAINS[item]
    verified_with(with_member(member, lambda _: data), reason)


# In the collateral: revocation lists


def with_member(member: str, change: Callable[[bytes], bytes]) -> Make:
    def make(sample: Sample) -> Sample:
        old: bytes = getattr(sample.collateral, member)
        return replace(sample, collateral=replace(sample.collateral, **{member: change(old)}))

    return make


def pem_list(der: bytes) -> bytes:
    return b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(der) + b"-----END X509 CRL-----\n"


@cache
def long_list(entries: int) -> bytes:
    """Return a list with so many entries, under the signature of a list with one."""
    der = revocation_list(ROOT, serials=(0x100000,))
    start = der.index(b"\x02\x03\x10\x00\x00") - 2
    entry = der[start : start + 2 + der[start + 1]]
    numbers = (number.to_bytes(3, "big") for number in range(0x100000, 0x100000 + entries))
    body = b"".join(entry[:4] + number + entry[7:] for number in numbers)
    signed, *rest = parts_of(der)
    changed = (
        element(0x30, body) if part == element(0x30, entry) else part for part in parts_of(signed)
    )
    return element(0x30, b"".join((element(0x30, b"".join(changed)), *rest)))


def parts_of(sequence: bytes) -> list[bytes]:
    """Return the elements of a sequence, each with its header."""
    return [element(one.tag, one.content) for one in read_der(sequence).sequence(most=8)]


G = Reason.CRL_FORMAT
LISTS: dict[str, tuple[Callable[[bytes], bytes], Reason | None]] = {
    "nothing": (lambda _: b"", G),
    "PEM": (pem_list, None),
    "hex": (lambda der: der.hex().encode(), None),
    "hex in upper case with a newline": (lambda der: der.hex().upper().encode() + b"\n", None),
    "hex with blanks": (lambda der: der.hex(" ").encode(), G),
    "half a byte of hex": (lambda der: der.hex().encode()[:-1], G),
    "truncated": (lambda der: der[:-1], G),
    "truncated in the middle": (lambda der: der[: len(der) // 2], G),
    "header alone": (lambda der: der[:4], G),
    "followed by a byte": (lambda der: der + b"\0", G),
    "length of 4 GiB": (lambda _: b"\x30\x84\xff\xff\xff\xff", G),
    "nested 1000 deep": (lambda _: nested(1000), G),
    "PEM without END": (lambda der: pem_list(der)[:-30], G),
    "certificate": (lambda _: ROOT.der, G),
    "10 MB": (lambda _: b"\x30" + bytes(10_000_000), Reason.TOO_LARGE),
    "10 MB of hex": (lambda _: b"30" * 5_000_000, Reason.TOO_LARGE),
    "90 000 entries": (lambda _: long_list(90_000), Reason.TOO_LARGE),
    "100 000 entries": (lambda _: long_list(100_000), Reason.TOO_LARGE),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("item", LISTS)
@pytest.mark.parametrize("member", ["root_ca_crl", "pck_crl"])
def test_revocation_lists(member: str, item: str) -> None:
    change, reason = LISTS[item]
    verified_with(with_member(member, change), reason)


@pytest.mark.timeout(30)
def test_the_longest_list_is_not_taken_apart_before_its_signature_is_checked() -> None:
    verified_with(with_member("root_ca_crl", lambda _: long_list(45_000)), Reason.CRL_SIGNATURE)


# In the collateral: signed documents


def number(value: bytes) -> Callable[[bytes], bytes]:
    return lambda data: _replaced(data, b'"tcbEvaluationDataNumber":', value)


def date(value: bytes) -> Callable[[bytes], bytes]:
    return lambda data: _replaced(data, b'"issueDate":', b'"' + value + b'"')


def _replaced(data: bytes, key: bytes, value: bytes) -> bytes:
    at = data.index(key) + len(key)
    end = data.index(b",", at)
    return data[:at] + value + data[end:]


D = Reason.COLLATERAL_FORMAT
DOCUMENTS: dict[str, tuple[Callable[[bytes], bytes], Reason | None]] = {
    "as it was": (lambda data: data, None),
    "nothing": (lambda _: b"", D),
    "null": (lambda _: b"null", D),
    "list": (lambda _: b"[]", D),
    "empty object": (lambda _: b"{}", D),
    "100 000 lists": (lambda _: b"[" * 100_000, D),
    "100 000 lists, closed": (lambda _: b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", D),
    "100 000 objects": (lambda _: b'{"a":' * 100_000, D),
    "a key twice": (lambda data: data[:-1] + b',"id":"SGX"}', D),
    "a key of a level twice": (
        lambda data: data.replace(b'"tcbDate":', b'"tcbStatus":"UpToDate","tcbDate":', 1),
        D,
    ),
    "number as text": (number(b'"17"'), D),
    "float": (number(b"17.0"), D),
    "exponent": (number(b"1e1"), D),
    "NaN": (number(b"NaN"), D),
    "Infinity": (number(b"Infinity"), D),
    "negative number": (number(b"-1"), D),
    "number of 21 digits": (number(b"1" * 21), D),
    "number of 4301 digits": (number(b"1" * 4301), D),
    "number of a million digits": (number(b"1" * 1_000_000), D),
    "truth as number": (number(b"true"), D),
    "lone surrogate": (lambda data: data[:-1] + b',"more":"\xed\xa0\x80"}', D),
    "lone surrogate, escaped": (date(b"\\ud800"), D),
    "byte order mark": (lambda data: b"\xef\xbb\xbf" + data, D),
    "NUL at the end": (lambda data: data + b"\0", D),
    "NUL inside": (lambda data: data.replace(b'"id"', b'"i\0d"'), D),
    "not UTF-8": (lambda data: data[:-1] + b',"more":"\xff"}', D),
    "UTF-16": (lambda data: data.decode().encode("utf-16"), D),
    "date with an offset": (date(b"2026-01-02T03:04:05+00:00"), D),
    "date with a fraction": (date(b"2026-01-02T03:04:05.0Z"), D),
    "month 13": (date(b"2026-13-02T03:04:05Z"), D),
    "29 February": (date(b"2026-02-29T03:04:05Z"), D),
    "year 0": (date(b"0000-01-01T00:00:00Z"), D),
    "hour 24": (date(b"2026-01-02T24:00:00Z"), D),
    "year 1": (date(b"0001-01-01T00:00:00Z"), None),
    "year 9999": (date(b"9999-12-31T23:59:59Z"), Reason.NOT_YET_VALID),
    "too large": (lambda data: data + b" " * MAX_DOCUMENT_BYTES, Reason.TOO_LARGE),
}
SIGNED_BY_NOBODY = {
    "tcb_info": Reason.TCB_INFO_SIGNATURE,
    "qe_identity": Reason.QE_IDENTITY_SIGNATURE,
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("item", DOCUMENTS)
@pytest.mark.parametrize("member", SIGNED_BY_NOBODY)
def test_documents_that_were_signed(member: str, item: str) -> None:
    """The worst case: whoever signs documents writes them too."""
    change, reason = DOCUMENTS[item]

    def make(sample: Sample) -> Sample:
        content = change(getattr(sample.collateral, member))
        digits = authority().sign(content).signature.hex().encode()
        changes: dict[str, Any] = {member: content, f"{member}_signature": digits}
        return replace(sample, collateral=replace(sample.collateral, **changes))

    verified_with(make, reason)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "item", ["nothing", "100 000 objects", "a key twice", "number of a million digits", "too large"]
)
@pytest.mark.parametrize("member", SIGNED_BY_NOBODY)
def test_documents_that_nobody_signed(member: str, item: str) -> None:
    """They are refused before anything reads them."""
    verified_with(with_member(member, DOCUMENTS[item][0]), SIGNED_BY_NOBODY[member])


SIGNATURES: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "as it was": (lambda digits: digits, True),
    "upper case": (lambda digits: digits.upper(), True),
    "nothing": (lambda _: b"", False),
    "127 digits": (lambda digits: digits[:-1], False),
    "129 digits": (lambda digits: digits + b"0", False),
    "126 digits": (lambda digits: digits[:-2], False),
    "130 digits": (lambda digits: digits + b"00", False),
    "no hex": (lambda digits: b"g" + digits[1:], False),
    "blanks": (lambda digits: b"  " + digits[2:], False),
    "not ASCII": (lambda digits: b"\xff\xfe" + digits[2:], False),
    "zeros": (lambda _: b"0" * 128, False),
    "order of the group": (lambda _: b"f" * 128, False),
    "bytes in place of digits": (lambda digits: bytes.fromhex(digits.decode()), False),
    "another signature": (lambda _: authority().sign(b"{}").signature.hex().encode(), False),
    "1 MiB": (lambda _: b"0" * MAX_DOCUMENT_BYTES, False),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("item", SIGNATURES)
@pytest.mark.parametrize("member", SIGNED_BY_NOBODY)
def test_signatures_of_documents(member: str, item: str) -> None:
    change, is_good = SIGNATURES[item]
    reason = None if is_good else SIGNED_BY_NOBODY[member]
    verified_with(with_member(f"{member}_signature", change), reason)

# SPDX-License-Identifier: Apache-2.0
"""Inspection of certificates with Intel's SGX extension, and of revocation lists."""

from collections.abc import Iterator, Sequence
from typing import Final

from confcom.attestation.inspection.model import Inspection, Item, Section, time_text
from confcom.attestation.inspection.structures import NOT_VERIFIED
from confcom.dcap import Certificate, Crl, PckExtension
from confcom.errors import MalformedError

_SGX_TYPES: Final = {0: "standard", 1: "scalable", 2: "scalable with integrity"}


def certificate_section(certificate: Certificate, *, name: str) -> Section:
    """Return a certificate as a section, its SGX extension as a section inside."""
    items = (
        Item("subject", certificate.subject_cn),
        Item("issuer", certificate.issuer_cn),
        Item("serial", f"{certificate.serial:x}", "hex"),
        Item("notBefore", time_text(certificate.not_before)),
        Item("notAfter", time_text(certificate.not_after)),
        Item("isCa", certificate.is_ca),
        Item("pathLength", certificate.path_length),
        Item("keyUsage", tuple(_key_usage(certificate))),
        Item("publicKeySha256", certificate.spki_sha256.hex(), "of the SubjectPublicKeyInfo"),
        Item("fingerprint", certificate.fingerprint.hex(), "SHA-256 of the DER"),
    )
    return Section(name, f"Certificate: {certificate.subject_cn}", items, _extension(certificate))


def inspect_certificates(certificates: Sequence[Certificate]) -> Inspection:
    """Inspect one certificate or several, in their order."""
    sections = tuple(
        certificate_section(certificate, name=f"certificate{number}")
        for number, certificate in enumerate(certificates, start=1)
    )
    is_pck = any(certificate.sgx_extension is not None for certificate in certificates)
    what = "PCK certificate" if is_pck else "certificate"
    count = len(sections)
    title = f"{what} chain of {count}" if count > 1 else what
    return Inspection(
        kind="certificates",
        title=title[0].upper() + title[1:],
        sections=sections,
        notes=(NOT_VERIFIED,),
    )


def _key_usage(certificate: Certificate) -> Iterator[str]:
    if certificate.may_sign_data:
        yield "digitalSignature"
    if certificate.may_sign_certificates:
        yield "keyCertSign"
    if certificate.may_sign_lists:
        yield "cRLSign"


def _extension(certificate: Certificate) -> tuple[Section, ...]:
    if certificate.sgx_extension is None:
        return ()
    title = "SGX extension"
    try:
        extension = PckExtension.from_der(certificate.sgx_extension)
    except MalformedError as exc:
        broken = Item("der", certificate.sgx_extension.hex(), exc.message)
        return (Section("sgxExtension", title, (broken,)),)
    return (Section("sgxExtension", title, tuple(_extension_items(extension))),)


def _extension_items(extension: PckExtension) -> Iterator[Item]:
    yield Item("fmspc", extension.fmspc.hex().upper(), "kind of platform")
    yield Item("pceId", extension.pce_id.hex().upper())
    yield Item("sgxTcbComponents", extension.sgx_svns, "security versions 1 to 16")
    yield Item("pceSvn", extension.pce_svn)
    yield Item("cpuSvn", extension.cpu_svn.hex())
    kind = int(extension.sgx_type)
    yield Item("sgxType", kind, _SGX_TYPES.get(kind, "not known"))
    yield Item("ppid", extension.ppid.hex(), "identifier of the platform")
    if extension.platform_instance_id is not None:
        yield Item("platformInstanceId", extension.platform_instance_id.hex())
    for name, value in (
        ("dynamicPlatform", extension.dynamic_platform),
        ("cachedKeys", extension.cached_keys),
        ("smtEnabled", extension.smt_enabled),
    ):
        if value is not None:
            yield Item(name, value)


def inspect_crl(crl: Crl) -> Inspection:
    """Inspect a revocation list."""
    return Inspection(
        kind="crl",
        title=f"Certificate revocation list of {crl.issuer_cn}",
        sections=(Section("crl", "Revocation list", crl_items(crl)),),
        notes=(NOT_VERIFIED,),
    )


def crl_items(crl: Crl) -> tuple[Item, ...]:
    """Return issuer, dates and revoked serial numbers of a revocation list."""
    return (
        Item("issuer", crl.issuer_cn),
        Item("thisUpdate", time_text(crl.this_update)),
        Item("nextUpdate", time_text(crl.next_update)),
        Item("number", crl.number),
        Item("revokedCount", len(crl.serials)),
        Item("revokedSerials", tuple(f"{serial:x}" for serial in sorted(crl.serials)), "hex"),
    )

# SPDX-License-Identifier: Apache-2.0
"""Inspection of collateral bundles: each document in it, or why it does not parse."""

from collections.abc import Callable, Iterator

from confcom.attestation.inspection.certificates import certificate_section, crl_items
from confcom.attestation.inspection.documents import identity_sections, tcb_info_sections
from confcom.attestation.inspection.model import Inspection, Item, Section
from confcom.attestation.inspection.structures import NOT_VERIFIED
from confcom.dcap import Collateral, Crl, EnclaveIdentity, TcbInfo, parse_pem_chain
from confcom.errors import MalformedError

Part = tuple[tuple[Item, ...], tuple[Section, ...]]


def inspect_collateral(collateral: Collateral) -> Inspection:
    """Inspect a bundle."""
    sections: list[Section] = []
    notes = [NOT_VERIFIED]
    for name, title, data, read in _parts(collateral):
        items: tuple[Item, ...] = (Item("sizeBytes", len(data)),)
        inner: tuple[Section, ...] = ()
        try:
            more, inner = read(data)
            items += more
        except MalformedError as exc:
            notes.append(f"{name} does not parse: {exc.message}")
            items += (Item("problem", exc.message),)
        sections.append(Section(name, title, items, inner))
    return Inspection(
        kind="collateral",
        title="Collateral bundle",
        sections=tuple(sections),
        notes=tuple(notes),
    )


def _parts(
    collateral: Collateral,
) -> Iterator[tuple[str, str, bytes, Callable[[bytes], Part]]]:
    yield "tcbInfo", "TCB Info", collateral.tcb_info, _read_tcb_info
    yield "qeIdentity", "Identity of the quoting enclave", collateral.qe_identity, _read_identity
    yield "rootCaCrl", "Revocation list of the root", collateral.root_ca_crl, _read_crl
    yield "pckCrl", "Revocation list of the PCK CA", collateral.pck_crl, _read_crl
    for name, title, chain in (
        ("tcbInfoIssuerChain", "Issuers of the TCB Info", collateral.tcb_info_issuer_chain),
        ("qeIdentityIssuerChain", "Issuers of the identity", collateral.qe_identity_issuer_chain),
        ("pckCrlIssuerChain", "Issuers of the PCK list", collateral.pck_crl_issuer_chain),
        ("pckCertificateChain", "PCK certificate chain", collateral.pck_certificate_chain),
    ):
        if chain is not None:
            yield name, title, chain, _read_chain


def _read_tcb_info(data: bytes) -> Part:
    return (), tuple(tcb_info_sections(TcbInfo.from_bytes(data), None))


def _read_identity(data: bytes) -> Part:
    return (), tuple(identity_sections(EnclaveIdentity.from_bytes(data), None))


def _read_crl(data: bytes) -> Part:
    return crl_items(Crl.from_bytes(data)), ()


def _read_chain(data: bytes) -> Part:
    chain = enumerate(parse_pem_chain(data), start=1)
    return (), tuple(
        certificate_section(certificate, name=f"certificate{number}")
        for number, certificate in chain
    )

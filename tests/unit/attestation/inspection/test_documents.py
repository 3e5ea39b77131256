# SPDX-License-Identifier: Apache-2.0
"""Certificates, lists and documents of the service, as a simulated service issues them."""

import json
from dataclasses import replace
from importlib import resources

import jsonschema
import pytest
from tests.unit.attestation.inspection.conftest import AT, Simulated

from confcom.attestation.inspection import Inspection, Item, Section, inspect
from confcom.attestation.inspection.structures import NOT_VERIFIED
from confcom.attestation.recognition import recognise
from confcom.dcap import PckCa, TcbStatus, TeeType
from confcom.dcap.certificates import Certificate
from confcom.simulation import (
    Enclave,
    TrustDomain,
    encode_pck_extension,
    issue_leaf,
    render_envelope,
)
from confcom.wire import Encoding

SCHEMA = json.loads(
    resources.files("confcom.attestation.schema").joinpath("inspection.v1.json").read_text("utf-8")
)
NOT_SIGNED = "the inner object only, without the signature over it"


def looked_at(data: bytes) -> Inspection:
    found = recognise(data)
    inspection = inspect(found)
    document = inspection.to_document(encoding=found.encoding, size_bytes=len(found.data))
    jsonschema.validate(document, SCHEMA)
    assert inspection.annotations == () or found.encoding is Encoding.RAW
    return inspection


def by_name(sections: tuple[Section, ...]) -> dict[str, Section]:
    found = {section.name: section for section in sections}
    assert len(found) == len(sections)
    return found


def items(section: Section) -> dict[str, Item]:
    found = {item.name: item for item in section.items}
    assert len(found) == len(section.items)
    return found


def value(section: Section, name: str) -> object:
    return items(section)[name].value


def test_pck_chain_shows_each_certificate_and_the_platform(simulated: Simulated) -> None:
    platform = simulated.platform
    inspection = looked_at(platform.pck_chain)
    assert inspection.kind == "certificates"
    assert inspection.title == "PCK certificate chain of 3"
    assert inspection.notes == (NOT_VERIFIED,)
    chain = by_name(inspection.sections)
    assert list(chain) == ["certificate1", "certificate2", "certificate3"]
    leaf = chain["certificate1"]
    certificate = Certificate.from_der(platform.pck.der)
    assert "SIMULATED" in str(value(leaf, "subject"))
    assert value(leaf, "serial") == f"{certificate.serial:x}"
    assert value(leaf, "notBefore") == "2026-01-02T03:04:05Z"
    assert value(leaf, "isCa") is False
    assert value(leaf, "keyUsage") == ("digitalSignature",)
    assert value(leaf, "fingerprint") == certificate.fingerprint.hex()
    assert value(chain["certificate2"], "isCa") is True
    assert value(chain["certificate2"], "pathLength") == 0
    assert value(chain["certificate2"], "keyUsage") == ("keyCertSign", "cRLSign")
    assert chain["certificate2"].sections == ()
    extension = by_name(leaf.sections)["sgxExtension"]
    assert value(extension, "fmspc") == platform.fmspc.hex().upper()
    assert value(extension, "sgxTcbComponents") == platform.extension.sgx_svns
    assert value(extension, "pceSvn") == platform.extension.pce_svn
    assert value(extension, "platformInstanceId") is not None
    assert {"dynamicPlatform", "cachedKeys", "smtEnabled"} <= set(items(extension))


def test_platform_of_one_package_has_no_configuration(simulated: Simulated) -> None:
    platform = simulated.authority.add_platform(at=AT, ca=PckCa.PROCESSOR)
    (leaf,) = looked_at(platform.pck.der).sections
    extension = by_name(leaf.sections)["sgxExtension"]
    assert not {"platformInstanceId", "dynamicPlatform", "smtEnabled"} & set(items(extension))
    assert items(extension)["sgxType"].meaning == "standard"


def test_single_certificates_have_a_title_of_their_own(simulated: Simulated) -> None:
    assert looked_at(simulated.platform.pck.pem).title == "PCK certificate"
    inspection = looked_at(simulated.authority.root.der)
    assert inspection.title == "Certificate"
    assert value(inspection.sections[0], "pathLength") == 1


def test_broken_extension_is_shown_as_bytes_with_the_cause(simulated: Simulated) -> None:
    whole = encode_pck_extension(simulated.platform.extension)
    key = issue_leaf(
        "SIMULATED SGX PCK Certificate",
        issuer=simulated.authority.platform_ca,
        not_before=AT,
        not_after=AT.replace(year=2030),
        sgx_extension=whole[:-1],
    )
    (leaf,) = looked_at(key.der).sections
    broken = items(by_name(leaf.sections)["sgxExtension"])["der"]
    assert broken.value == whole[:-1].hex()
    assert broken.meaning


def test_revocation_list_shows_issuer_dates_and_serials(simulated: Simulated) -> None:
    authority = simulated.authority.revoke(simulated.platform, at=AT)
    der = authority.pck_crl(PckCa.PLATFORM, at=AT)
    for written in (der, der.hex().encode()):
        inspection = looked_at(written)
        (crl,) = inspection.sections
        assert inspection.kind == "crl"
        assert value(crl, "thisUpdate") == "2026-01-02T03:04:05Z"
        assert value(crl, "revokedCount") == 1
        assert value(crl, "revokedSerials") == (f"{simulated.platform.pck.serial:x}",)


def test_empty_revocation_list(simulated: Simulated) -> None:
    (crl,) = looked_at(simulated.authority.root_crl(at=AT)).sections
    assert value(crl, "revokedSerials") == ()


@pytest.mark.parametrize("version", [2, 3])
def test_tcb_info_shows_its_levels_from_the_highest_down(
    simulated: Simulated, version: int
) -> None:
    collateral = simulated.authority.collateral(
        simulated.platform, at=AT, status=TcbStatus.OUT_OF_DATE, tcb_info_version=version
    )
    inspection = looked_at(collateral.tcb_info)
    assert inspection.kind == "tcb-info"
    assert inspection.notes == (NOT_VERIFIED, NOT_SIGNED)
    found = by_name(inspection.sections)
    assert list(found) == ["document", "tcbLevels"]
    assert value(found["document"], "version") == version
    assert value(found["document"], "fmspc") == simulated.platform.fmspc.hex().upper()
    assert "signature" not in items(found["document"])
    levels = by_name(found["tcbLevels"].sections)
    assert list(levels) == [f"level{number}" for number in range(1, len(levels) + 1)]
    statuses = [value(level, "tcbStatus") for level in levels.values()]
    assert "OutOfDate" in statuses
    highest = value(levels["level1"], "sgxTcbComponents")
    assert isinstance(highest, tuple)
    assert len(highest) == 16
    assert "tdxTcbComponents" not in items(levels["level1"])


def test_envelope_shows_the_signature(simulated: Simulated) -> None:
    collateral = simulated.authority.collateral(simulated.platform, at=AT)
    for member, content, kind in (
        ("tcbInfo", collateral.tcb_info, "tcb-info"),
        ("enclaveIdentity", collateral.qe_identity, "enclave-identity"),
    ):
        document = simulated.authority.sign(content)
        inspection = looked_at(render_envelope(member, document))
        assert inspection.kind == kind
        assert inspection.notes == (NOT_VERIFIED,)
        signature = items(by_name(inspection.sections)["document"])["signature"]
        assert signature == Item("signature", document.signature.hex(), "not verified")


def test_tcb_info_for_tdx_shows_the_modules(simulated: Simulated) -> None:
    collateral = simulated.authority.collateral(simulated.platform, at=AT, tee=TeeType.TDX)
    inspection = looked_at(collateral.tcb_info)
    found = by_name(inspection.sections)
    assert list(found) == ["document", "tdxModule", "tdxModuleIdentities", "tcbLevels"]
    modules = by_name(found["tdxModuleIdentities"].sections)
    assert str(value(modules["module1"], "id")).startswith("TDX_")
    assert value(by_name(modules["module1"].sections)["level1"], "tcbStatus") == "UpToDate"
    level = by_name(found["tcbLevels"].sections)["level1"]
    assert value(level, "tdxTcbComponents") is not None


@pytest.mark.parametrize(("tee", "name"), [(TeeType.SGX, "QE"), (TeeType.TDX, "TD_QE")])
def test_identity_shows_what_the_quoting_enclave_must_be(
    simulated: Simulated, tee: TeeType, name: str
) -> None:
    collateral = simulated.authority.collateral(simulated.platform, at=AT, tee=tee)
    inspection = looked_at(collateral.qe_identity)
    assert inspection.kind == "enclave-identity"
    found = by_name(inspection.sections)
    document = found["document"]
    assert value(document, "id") == name
    assert len(str(value(document, "mrSigner"))) == 64
    assert "INIT" in items(document)["attributes"].meaning
    assert value(by_name(found["tcbLevels"].sections)["level1"], "tcbStatus") == "UpToDate"


def test_evaluation_numbers_are_shown_newest_first(simulated: Simulated) -> None:
    document = simulated.authority.evaluation_numbers(TeeType.SGX, at=AT, numbers=(17, 19, 18))
    body = render_envelope("tcbEvaluationDataNumbers", document)
    for written, has_signature in ((body, True), (document.content, False)):
        inspection = looked_at(written)
        assert inspection.kind == "tcb-evaluation-data-numbers"
        found = by_name(inspection.sections)
        assert ("signature" in items(found["document"])) is has_signature
        assert list(by_name(found["numbers"].sections)) == ["number19", "number18", "number17"]


def test_bundle_shows_every_document(simulated: Simulated) -> None:
    collateral = simulated.authority.collateral(simulated.platform, at=AT, with_pck_chain=True)
    inspection = looked_at(collateral.to_json())
    assert inspection.kind == "collateral"
    assert inspection.notes == (NOT_VERIFIED,)
    found = by_name(inspection.sections)
    assert list(found) == [
        "tcbInfo",
        "qeIdentity",
        "rootCaCrl",
        "pckCrl",
        "tcbInfoIssuerChain",
        "qeIdentityIssuerChain",
        "pckCrlIssuerChain",
        "pckCertificateChain",
    ]
    assert list(by_name(found["tcbInfo"].sections)) == ["document", "tcbLevels"]
    assert "certificate1" in by_name(found["pckCertificateChain"].sections)
    assert "issuer" in items(found["pckCrl"])


def test_bundle_with_broken_parts_shows_the_others_and_says_what_is_wrong(
    simulated: Simulated,
) -> None:
    whole = simulated.authority.collateral(simulated.platform, at=AT)
    broken = replace(whole, tcb_info=b"{}", pck_crl=b"00", qe_identity_issuer_chain=b"no PEM")
    inspection = looked_at(broken.to_json())
    found = by_name(inspection.sections)
    assert "pckCertificateChain" not in found
    for name in ("tcbInfo", "pckCrl", "qeIdentityIssuerChain"):
        problem = str(value(found[name], "problem"))
        assert f"{name} does not parse: {problem}" in inspection.notes
        assert found[name].sections == ()
    assert len(inspection.notes) == 4
    assert "problem" not in items(found["qeIdentity"])


def test_quotes_of_simulated_platforms_say_so(simulated: Simulated) -> None:
    platform = simulated.platform
    enclave = Enclave(mr_enclave=bytes(range(32)), mr_signer=bytes(range(32)))
    report = enclave.ereport(platform.qe_target_info, bytes(64))
    td = TrustDomain(mr_td=bytes(range(48)))
    quotes = (
        platform.quote_sgx(report),
        platform.quote_tdx(platform.td_report(td, bytes(64)), trailing=2),
    )
    for quote in quotes:
        inspection = looked_at(quote)
        assert "the platform is simulated: it proves nothing" in inspection.notes
        chain = by_name(inspection.sections)["certification"].sections
        assert [section.name for section in chain] == [
            "certificate1",
            "certificate2",
            "certificate3",
        ]
        dumped = b"".join(annotation.data for annotation in inspection.annotations)
        assert dumped == quote
        names = [annotation.name for annotation in inspection.annotations]
        assert "certificationData.certificate3" in names


def test_text_between_certificates_is_dumped_too(simulated: Simulated) -> None:
    platform = simulated.platform
    enclave = Enclave(mr_enclave=bytes(32), mr_signer=bytes(32))
    report = enclave.ereport(platform.qe_target_info, bytes(64))
    chain = b"\n\n" + platform.pck_chain.replace(b"\n", b"\r\n") + b" \n\0"
    quote = platform.quote_sgx(report, chain=chain)
    inspection = looked_at(quote)
    assert b"".join(annotation.data for annotation in inspection.annotations) == quote
    names = [annotation.name for annotation in inspection.annotations if "cert" in annotation.name]
    assert names[-5:] == [
        "certificationData",
        "certificationData.certificate1",
        "certificationData.certificate2",
        "certificationData.certificate3",
        "certificationData",
    ]

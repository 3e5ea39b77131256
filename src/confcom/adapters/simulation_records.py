# SPDX-License-Identifier: Apache-2.0
"""Authorities and platforms as JSON: the secret files of a simulated hierarchy."""

from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from confcom.dcap import Certificate, PckCa, PckExtension, TeeType
from confcom.errors import MalformedError, UsageError
from confcom.reasons import Reason
from confcom.simulation import (
    CertifiedKey,
    Platform,
    QuotingEnclave,
    Revocation,
    SimulatedAuthority,
    TdxModule,
    make_qe,
)
from confcom.simulation.descriptions import decode, malformed, unhex

SCHEMA_VERSION: Final = 1

T = TypeVar("T", bound="_Record")


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Members of our own JSON: unknown ones are mistakes."""


class KeyRecord(_Record, frozen=True):
    """A private key in PEM (PKCS 8) and its certificate in PEM."""

    key: str
    certificate: str

    def __repr__(self) -> str:
        return "KeyRecord(***)"


class RevocationRecord(_Record, frozen=True):
    """An entry of a revocation list; ``reason`` as in RFC 5280, for example keyCompromise."""

    issuer: str
    serial: str
    revoked_at: int
    reason: str


class AuthorityRecord(_Record, frozen=True, kw_only=True):
    """The content of ``authority.json``."""

    schema_version: int
    root: KeyRecord
    platform_ca: KeyRecord
    processor_ca: KeyRecord
    tcb_signing: KeyRecord
    revocations: tuple[RevocationRecord, ...] = ()


class QuotingEnclaveRecord(_Record, frozen=True):
    """A quoting enclave: attestation key in PEM and ISVSVN."""

    attestation_key: str
    isv_svn: int

    def __repr__(self) -> str:
        return "QuotingEnclaveRecord(***)"


class ModuleRecord(_Record, frozen=True, kw_only=True):
    """A TDX module; all fields are hex."""

    tee_tcb_svn: str
    tee_tcb_svn2: str | None
    mr_seam: str
    mr_signer_seam: str
    seam_attributes: str


class PlatformRecord(_Record, frozen=True, kw_only=True):
    """The content of a platform's file; byte strings are hex."""

    schema_version: int
    name: str
    pck: KeyRecord
    quoting_enclave: QuotingEnclaveRecord
    td_quoting_enclave: QuotingEnclaveRecord
    module: ModuleRecord
    qe_id: str
    encrypted_ppid: str
    td_report_key: str
    cpu_svn: str

    def __repr__(self) -> str:
        return f"PlatformRecord({self.name}, ***)"


def read_record(data: bytes, kind: type[T], what: str) -> T:
    """Parse a file of a simulated hierarchy.

    Raises:
        MalformedError: not such a file, or of another version (reason ``simulation_format``).
    """
    record = decode(data, kind, what)
    version = getattr(record, "schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise malformed(what, f"schema version {version}, expected {SCHEMA_VERSION}")
    return record


def write_record(record: _Record) -> bytes:
    """Return the bytes of a file, with a final newline."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def authority_to_record(authority: SimulatedAuthority) -> AuthorityRecord:
    """Take an authority apart."""
    return AuthorityRecord(
        schema_version=SCHEMA_VERSION,
        root=_key_to_record(authority.root),
        platform_ca=_key_to_record(authority.platform_ca),
        processor_ca=_key_to_record(authority.processor_ca),
        tcb_signing=_key_to_record(authority.tcb_signing),
        revocations=tuple(
            RevocationRecord(
                entry.issuer,
                f"{entry.serial:x}",
                int(entry.revoked_at.timestamp()),
                entry.reason.value,
            )
            for entry in authority.revocations
        ),
    )


def authority_from_record(record: AuthorityRecord) -> SimulatedAuthority:
    """Put an authority together.

    Raises:
        MalformedError: a key, certificate or revocation does not parse
            (reason ``simulation_format``).
    """
    return SimulatedAuthority(
        root=_key_from_record(record.root, "root"),
        platform_ca=_key_from_record(record.platform_ca, "platformCa"),
        processor_ca=_key_from_record(record.processor_ca, "processorCa"),
        tcb_signing=_key_from_record(record.tcb_signing, "tcbSigning"),
        revocations=tuple(_revocation_from_record(entry) for entry in record.revocations),
    )


def platform_to_record(platform: Platform) -> PlatformRecord:
    """Take a platform apart."""
    module = platform.module
    running = module.tee_tcb_svn2
    return PlatformRecord(
        schema_version=SCHEMA_VERSION,
        name=platform.name,
        pck=_key_to_record(platform.pck),
        quoting_enclave=_qe_to_record(platform.quoting_enclave),
        td_quoting_enclave=_qe_to_record(platform.td_quoting_enclave),
        module=ModuleRecord(
            tee_tcb_svn=module.tee_tcb_svn.hex(),
            tee_tcb_svn2=None if running is None else running.hex(),
            mr_seam=module.mr_seam.hex(),
            mr_signer_seam=module.mr_signer_seam.hex(),
            seam_attributes=module.seam_attributes.hex(),
        ),
        qe_id=platform.qe_id.hex(),
        encrypted_ppid=platform.encrypted_ppid.hex(),
        td_report_key=platform.td_report_key.hex(),
        cpu_svn=platform.cpu_svn.hex(),
    )


def platform_from_record(record: PlatformRecord, authority: SimulatedAuthority) -> Platform:
    """Put a platform together.

    Args:
        record: as read.
        authority: the one that certified it.

    Raises:
        MalformedError: a member does not parse, or another authority certified the platform
            (reason ``simulation_format``).
    """
    pck = _key_from_record(record.pck, "pck")
    ca = _certifier(pck, authority)
    issuer = authority.intermediate(ca)
    try:
        certificate = Certificate.from_der(pck.der)
        extension = PckExtension.from_der(certificate.sgx_extension or b"")
        return Platform(
            name=record.name,
            ca=ca,
            extension=extension,
            pck=pck,
            pck_chain=pck.pem + issuer.pem + authority.root.pem,
            encrypted_ppid=_bytes(record.encrypted_ppid, "encryptedPpid", 384),
            qe_id=_bytes(record.qe_id, "qeId", 16),
            quoting_enclave=_qe_from_record(record.quoting_enclave, TeeType.SGX, pck),
            td_quoting_enclave=_qe_from_record(record.td_quoting_enclave, TeeType.TDX, pck),
            module=_module_from_record(record.module),
            td_report_key=_bytes(record.td_report_key, "tdReportKey", 32),
            cpu_svn=_bytes(record.cpu_svn, "cpuSvn", 16),
        )
    except (UsageError, MalformedError) as exc:
        if exc.reason is Reason.SIMULATION_FORMAT:
            raise
        raise malformed(_PLATFORM_FILE, exc.message) from exc


_AUTHORITY_FILE: Final = "file of a simulated authority"
_PLATFORM_FILE: Final = "file of a simulated platform"


def _certifier(pck: CertifiedKey, authority: SimulatedAuthority) -> PckCa:
    for ca in PckCa:
        try:
            pck.certificate.verify_directly_issued_by(authority.intermediate(ca).certificate)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return ca
    raise malformed(_PLATFORM_FILE, "its PCK certificate was issued by another authority")


def _module_from_record(record: ModuleRecord) -> TdxModule:
    running = record.tee_tcb_svn2
    return TdxModule(
        tee_tcb_svn=_bytes(record.tee_tcb_svn, "teeTcbSvn", 16),
        tee_tcb_svn2=None if running is None else _bytes(running, "teeTcbSvn2", 16),
        mr_seam=_bytes(record.mr_seam, "mrSeam", 48),
        mr_signer_seam=_bytes(record.mr_signer_seam, "mrSignerSeam", 48),
        seam_attributes=_bytes(record.seam_attributes, "seamAttributes", 8),
    )


def _qe_to_record(enclave: QuotingEnclave) -> QuotingEnclaveRecord:
    return QuotingEnclaveRecord(_pem(enclave.attestation_key), enclave.enclave.isv_svn)


def _qe_from_record(
    record: QuotingEnclaveRecord, tee: TeeType, pck: CertifiedKey
) -> QuotingEnclave:
    key = _private_key(record.attestation_key, _PLATFORM_FILE, "attestationKey")
    return QuotingEnclave.create(make_qe(tee, record.isv_svn), key, pck)


def _revocation_from_record(record: RevocationRecord) -> Revocation:
    try:
        return Revocation(
            issuer=record.issuer,
            serial=int(record.serial, 16),
            revoked_at=datetime.fromtimestamp(record.revoked_at, UTC),
            reason=x509.ReasonFlags(record.reason),
        )
    except (ValueError, OverflowError, OSError) as exc:
        raise malformed(_AUTHORITY_FILE, f"revocation of {record.issuer}: {exc}") from exc


def _key_to_record(key: CertifiedKey) -> KeyRecord:
    return KeyRecord(_pem(key.key), key.pem.decode("ascii"))


def _key_from_record(record: KeyRecord, member: str) -> CertifiedKey:
    what = _PLATFORM_FILE if member == "pck" else _AUTHORITY_FILE
    key = _private_key(record.key, what, member)
    try:
        certificate = x509.load_pem_x509_certificate(record.certificate.encode())
        belongs = certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise malformed(what, f"certificate of {member} does not parse") from exc
    if not belongs:
        raise malformed(what, f"key and certificate of {member} do not belong together")
    return CertifiedKey(key, certificate)


def _private_key(pem: str, what: str, member: str) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not chained: nothing of a key may get into a message or a traceback.
        raise malformed(what, f"private key of {member} does not parse") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise malformed(what, f"private key of {member} is not on curve P-256")
    return key


def _pem(key: EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def _bytes(text: str, member: str, size: int) -> bytes:
    value = unhex(text, member, _PLATFORM_FILE)
    if len(value) != size:
        raise malformed(_PLATFORM_FILE, f"{member} has {len(value)} bytes, expected {size}")
    return value

# SPDX-License-Identifier: Apache-2.0
"""The simulated authority: roots, certifies platforms, revokes, and issues all collateral."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self

from cryptography.x509 import ReasonFlags

from confcom.dcap.collateral import Collateral
from confcom.dcap.documents import SignedDocument
from confcom.dcap.header import TeeType
from confcom.dcap.identity import EnclaveIdentity
from confcom.dcap.pck import PckCa
from confcom.dcap.roots import TrustedRoot
from confcom.dcap.tcb_info import TcbInfo, TcbStatus
from confcom.simulation._ecdsa import new_key, sign
from confcom.simulation.intel.documents import (
    render_evaluation_numbers,
    render_identity,
    render_tcb_info,
)
from confcom.simulation.intel.pck_extension import encode_pck_extension, make_pck_extension
from confcom.simulation.intel.platform import Platform
from confcom.simulation.intel.quoting import QuotingEnclave, make_qe
from confcom.simulation.intel.tcb import (
    DEFAULT_LIFETIME,
    SIMULATED_ADVISORY,
    Issue,
    make_evaluation_numbers,
    make_qe_identity,
    make_tcb_info,
)
from confcom.simulation.pki import (
    PCK_NAME,
    PLATFORM_CA_NAME,
    PROCESSOR_CA_NAME,
    ROOT_NAME,
    TCB_SIGNING_NAME,
    CertifiedKey,
    Revocation,
    issue_authority,
    issue_crl,
    issue_leaf,
)
from confcom.simulation.td import TdxModule

SIMULATED_FMSPC: Final = bytes.fromhex("0053494d0000")
"""FMSPC of platforms when none is asked for; the letters SIM are in it."""

SIMULATED_SVNS: Final = (7, 7, 2, 2, 4, 1, 0, 5) + (0,) * 8
SIMULATED_MODULE: Final = TdxModule(
    tee_tcb_svn=bytes((6, 1, 7)) + bytes(13), tee_tcb_svn2=bytes((6, 1, 7)) + bytes(13)
)
EVALUATION_DATA_NUMBER: Final = 20
ROOT_LIFETIME: Final = timedelta(days=30 * 365)
CA_LIFETIME: Final = timedelta(days=15 * 365)
LEAF_LIFETIME: Final = timedelta(days=7 * 365)
ROOT_CRL_LIFETIME: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedAuthority:
    """Plays Intel's provisioning service; `make_authority` makes a fresh one.

    Attributes:
        root: signs intermediates, TCB signing and the root CRL.
        platform_ca: certifies multi-package platforms.
        processor_ca: certifies single-package platforms.
        tcb_signing: signs documents.
        revocations: entries of the revocation lists to come.
    """

    root: CertifiedKey
    platform_ca: CertifiedKey
    processor_ca: CertifiedKey
    tcb_signing: CertifiedKey
    revocations: tuple[Revocation, ...] = ()

    @property
    def trusted_root(self) -> TrustedRoot:
        """The root as a verifier takes it; still refused without consent to simulated roots."""
        return TrustedRoot.from_pem(self.root.pem)

    @property
    def root_pem(self) -> bytes:
        """The root certificate in PEM, as a verifier is given it."""
        return self.root.pem

    def intermediate(self, ca: PckCa) -> CertifiedKey:
        """Return the intermediate of a kind."""
        return self.platform_ca if ca is PckCa.PLATFORM else self.processor_ca

    def add_platform(
        self,
        name: str = "simulated",
        *,
        at: datetime,
        ca: PckCa = PckCa.PLATFORM,
        fmspc: bytes = SIMULATED_FMSPC,
        pce_id: bytes = bytes(2),
        sgx_svns: Sequence[int] = SIMULATED_SVNS,
        pce_svn: int = 13,
        qe_svn: int = 8,
        td_qe_svn: int = 4,
        module: TdxModule | None = None,
        lifetime: timedelta = LEAF_LIFETIME,
    ) -> Platform:
        """Make a platform with fresh keys and certify it.

        Args:
            name: what people call it.
            at: first second of its PCK certificate.
            ca: which intermediate certifies it.
            fmspc: 6 bytes.
            pce_id: 2 bytes.
            sgx_svns: the 16 SGX TCB component SVNs, each 0 to 255.
            pce_svn: 16 bits.
            qe_svn: ISVSVN of the quoting enclave for SGX.
            td_qe_svn: ISVSVN of the quoting enclave for TDX.
            module: the TDX module.
            lifetime: of the PCK certificate.

        Raises:
            UsageError: a value has the wrong size or range.
        """
        extension = make_pck_extension(ca, fmspc, pce_id, tuple(sgx_svns), pce_svn)
        issuer = self.intermediate(ca)
        pck = issue_leaf(
            PCK_NAME,
            issuer=issuer,
            not_before=at,
            not_after=at + lifetime,
            sgx_extension=encode_pck_extension(extension),
        )
        return Platform(
            name=name,
            ca=ca,
            extension=extension,
            pck=pck,
            pck_chain=pck.pem + issuer.pem + self.root.pem,
            encrypted_ppid=secrets.token_bytes(384),
            qe_id=secrets.token_bytes(16),
            quoting_enclave=QuotingEnclave.create(make_qe(TeeType.SGX, qe_svn), new_key(), pck),
            td_quoting_enclave=QuotingEnclave.create(
                make_qe(TeeType.TDX, td_qe_svn), new_key(), pck
            ),
            module=module or SIMULATED_MODULE,
            td_report_key=secrets.token_bytes(32),
        )

    def revoke(
        self,
        revoked: Platform | CertifiedKey,
        *,
        at: datetime,
        reason: ReasonFlags = ReasonFlags.key_compromise,
    ) -> Self:
        """Return the authority whose lists name a certificate from now on.

        Args:
            revoked: a platform (its PCK certificate), an intermediate or TCB signing.
            at: when it was revoked.
            reason: RFC 5280, clause 5.3.1.
        """
        key = revoked.pck if isinstance(revoked, Platform) else revoked
        entry = Revocation(issuer=key.issuer_name, serial=key.serial, revoked_at=at, reason=reason)
        return replace(self, revocations=(*self.revocations, entry))

    def root_crl(self, *, at: datetime, lifetime: timedelta = ROOT_CRL_LIFETIME) -> bytes:
        """Return the root's revocation list in DER."""
        return issue_crl(self.root, self.revocations, this_update=at, next_update=at + lifetime)

    def pck_crl(self, ca: PckCa, *, at: datetime, lifetime: timedelta = DEFAULT_LIFETIME) -> bytes:
        """Return an intermediate's revocation list in DER."""
        return issue_crl(
            self.intermediate(ca), self.revocations, this_update=at, next_update=at + lifetime
        )

    def sign(self, content: bytes) -> SignedDocument:
        """Sign the inner object of a document with the TCB signing key."""
        return SignedDocument(content, sign(self.tcb_signing.key, content))

    def evaluation_numbers(
        self,
        tee: TeeType,
        *,
        at: datetime,
        numbers: Sequence[int] = (EVALUATION_DATA_NUMBER,),
        lifetime: timedelta = DEFAULT_LIFETIME,
    ) -> SignedDocument:
        """Return the signed list of evaluation data numbers that are served.

        Args:
            tee: SGX or TDX.
            at: issue date.
            numbers: each is dated 90 days before the next higher one.
            lifetime: until the next update.
        """
        issue = Issue(at=at, evaluation_data_number=max(numbers), lifetime=lifetime)
        return self.sign(render_evaluation_numbers(make_evaluation_numbers(tee, issue, numbers)))

    def collateral(
        self,
        platform: Platform,
        *,
        at: datetime,
        tee: TeeType = TeeType.SGX,
        status: TcbStatus | None = TcbStatus.UP_TO_DATE,
        module_status: TcbStatus | None = TcbStatus.UP_TO_DATE,
        qe_status: TcbStatus | None = TcbStatus.UP_TO_DATE,
        advisory_ids: Sequence[str] = (SIMULATED_ADVISORY,),
        evaluation_data_number: int = EVALUATION_DATA_NUMBER,
        qe_evaluation_data_number: int | None = None,
        tcb_info_version: int = 3,
        tcb_date: datetime | None = None,
        lifetime: timedelta = DEFAULT_LIFETIME,
        tcb_info: TcbInfo | None = None,
        qe_identity: EnclaveIdentity | None = None,
        with_pck_chain: bool = False,
    ) -> Collateral:
        """Issue all that a verifier needs for quotes of a platform.

        Args:
            platform: whose quotes are to be verified.
            at: issue date of documents and lists.
            tee: SGX or TDX.
            status: TCB status of the platform; None if no level fits.
            module_status: of the TDX module: UpToDate, OutOfDate, Revoked, None.
            qe_status: of the quoting enclave: UpToDate, OutOfDate, Revoked, None.
            advisory_ids: of levels that are not UpToDate.
            evaluation_data_number: of TCB Info, and of the QE identity if not given apart.
            qe_evaluation_data_number: of the QE identity.
            tcb_info_version: 3, or 2 (SGX only).
            tcb_date: date of the newest level.
            lifetime: of documents and PCK CRL; the root CRL lives a year.
            tcb_info: use this instead of making one.
            qe_identity: use this instead of making one.
            with_pck_chain: add the PCK chain, for quotes that do not carry it.

        Raises:
            UsageError: the wish cannot be met.
        """
        issue = Issue(
            at=at,
            evaluation_data_number=evaluation_data_number,
            lifetime=lifetime,
            tcb_date=tcb_date,
            advisory_ids=tuple(advisory_ids),
        )
        info = tcb_info or make_tcb_info(
            platform,
            tee,
            issue,
            status=status,
            module_status=module_status,
            version=tcb_info_version,
        )
        is_sgx = tee is TeeType.SGX
        enclave = platform.quoting_enclave if is_sgx else platform.td_quoting_enclave
        qe_number = qe_evaluation_data_number or evaluation_data_number
        identity = qe_identity or make_qe_identity(
            enclave.enclave, tee, replace(issue, evaluation_data_number=qe_number), status=qe_status
        )
        signed_info = self.sign(render_tcb_info(info))
        signed_identity = self.sign(render_identity(identity))
        signing_chain = self.tcb_signing.pem + self.root.pem
        return Collateral(
            root_ca_crl=self.root_crl(at=at),
            pck_crl=self.pck_crl(platform.ca, at=at, lifetime=lifetime),
            pck_crl_issuer_chain=self.intermediate(platform.ca).pem + self.root.pem,
            tcb_info_issuer_chain=signing_chain,
            qe_identity_issuer_chain=signing_chain,
            tcb_info=signed_info.content,
            qe_identity=signed_identity.content,
            tcb_info_signature=signed_info.signature.hex().encode(),
            qe_identity_signature=signed_identity.signature.hex().encode(),
            pck_certificate_chain=platform.pck_chain if with_pck_chain else None,
        )


def make_authority(
    *,
    at: datetime,
    root_lifetime: timedelta = ROOT_LIFETIME,
    ca_lifetime: timedelta = CA_LIFETIME,
    tcb_signing_lifetime: timedelta = LEAF_LIFETIME,
) -> SimulatedAuthority:
    """Make an authority with fresh keys.

    Args:
        at: first second of all its certificates.
        root_lifetime: of the root.
        ca_lifetime: of both intermediates.
        tcb_signing_lifetime: of the TCB signing certificate.
    """
    root = issue_authority(
        ROOT_NAME, issuer=None, path_length=1, not_before=at, not_after=at + root_lifetime
    )
    ca_end = at + ca_lifetime
    return SimulatedAuthority(
        root=root,
        platform_ca=issue_authority(
            PLATFORM_CA_NAME, issuer=root, path_length=0, not_before=at, not_after=ca_end
        ),
        processor_ca=issue_authority(
            PROCESSOR_CA_NAME, issuer=root, path_length=0, not_before=at, not_after=ca_end
        ),
        tcb_signing=issue_leaf(
            TCB_SIGNING_NAME, issuer=root, not_before=at, not_after=at + tcb_signing_lifetime
        ),
    )

# SPDX-License-Identifier: Apache-2.0
"""Is this quote authentic? One function, its steps numbered as in the specification.

Sources: Intel SGX DCAP Quote Verification Library, ``sgxAttestationVerifyQuote``; Intel PCS REST
specification, version 4; Intel TDX DCAP Quoting Library API.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple

from confcom.dcap import trust
from confcom.dcap.binding import check_platform, check_quote_signature, verify_qe_report
from confcom.dcap.caches import (
    MEMO_ENTRIES,
    Caches,
    VerifiedChain,
    VerifiedCollateral,
    VerifiedKey,
)
from confcom.dcap.certificates import Certificate
from confcom.dcap.collateral import Collateral
from confcom.dcap.crl import Crl, verify_crl
from confcom.dcap.documents import SignedDocument, read_signature, verify_document
from confcom.dcap.identity import EnclaveIdentity, IdentityLevel
from confcom.dcap.quote import Quote
from confcom.dcap.roots import TrustedRoot
from confcom.dcap.tcb import (
    TcbVerdict,
    evaluate,
    refuse_revoked,
)
from confcom.dcap.tcb_info import TcbInfo
from confcom.dcap.td_report import TdReport
from confcom.dcap.validity import Clock, Period, Validity
from confcom.dcap.verified import SEAL, TcbDiagnosis, VerificationStep, VerifiedQuote
from confcom.errors import ConfcomError, NotAuthenticError, UnavailableError
from confcom.reasons import Reason

_NO_TIME: Final = timedelta(0)
_NAME_BYTES: Final = 128
"""Of certification data: holds the serial number of a PCK certificate, or an encrypted PPID."""
# Members fetched once: each access through its class costs Python 3.11 a quarter of a microsecond.
_QUOTE: Final = VerificationStep.QUOTE
_ROOT: Final = VerificationStep.ROOT
_ROOT_CRL: Final = VerificationStep.ROOT_CRL
_TCB_INFO: Final = VerificationStep.TCB_INFO
_QE_IDENTITY: Final = VerificationStep.QE_IDENTITY
_PCK_CRL: Final = VerificationStep.PCK_CRL
_PCK_CHAIN: Final = VerificationStep.PCK_CHAIN
_PLATFORM: Final = VerificationStep.PLATFORM
_QE_REPORT: Final = VerificationStep.QE_REPORT
_QUOTE_SIGNATURE: Final = VerificationStep.QUOTE_SIGNATURE
_TCB: Final = VerificationStep.TCB


def verify(
    quote: bytes | Quote,
    collateral: Collateral | None,
    *,
    at: datetime,
    root: TrustedRoot,
    allow_simulated: bool = False,
    caches: Caches | None = None,
    clock_allowance: timedelta = _NO_TIME,
    grace: timedelta = _NO_TIME,
) -> VerifiedQuote:
    """Verify a quote: that it is authentic, and what its TCB is worth.

    1. The quote parses (``quote``).
    2. The root is one to trust, and TCB Info's issuer chain leads to it (``root``).
    3. The root's revocation list: issuer, signature; it does not name the root itself
       (``root_crl``).
    4. TCB Info: its signer is not revoked, the signature is over the bytes received, form
       (``tcb_info``).
    5. QE identity, likewise, with its own issuer chain (``qe_identity``).
    6. The PCK CA's revocation list: the CA's chain, issuer, signature; then the dates
       of all that steps 2 to 6 used (``pck_crl``).
    7. The PCK chain: names, signatures, rights, dates, revocation, SGX extension
       (``pck_chain``).
    8. TCB Info is for this platform and TEE; the TDX module is the expected one
       (``platform``).
    9. The QE report: signed by the PCK key, binds the attestation key, is of the quoting
       enclave that the identity names, and on one of its levels (``qe_report``).
    10. The quote is signed by the attestation key (``quote_signature``).
    11. The TCB is on a level that is not revoked (``tcb``).

    Whether the application in the quote and the TCB status are acceptable is not decided here.

    Args:
        quote: bytes, at most 64 KiB, or a parsed quote.
        collateral: None if there is none.
        at: time of verification, with time zone.
        root: the one root to trust.
        allow_simulated: whether that root may be a simulator's.
        caches: of the caller, or None.
        clock_allowance: how far in the future a beginning may lie.
        grace: for how long TCB Info and QE identity are used after their nextUpdate.

    Raises:
        MalformedError: something does not parse.
        NotAuthenticError: the quote is not authentic, or cannot be shown to be.
        UnavailableError: collateral or PCK chain are missing.
        ValueError: ``at`` has no time zone, or a span is negative.
    """
    clock = Clock.at(at, allowance=clock_allowance, grace=grace)
    run = _Run(root, allow_simulated, clock, caches)
    try:
        platform = run.find_platform(quote, collateral)
        qe_level = run.check_signatures(platform)
        run.step = _TCB
        tcb = _evaluate(platform, qe_level)
        refuse_revoked(tcb, platform.chain.pck.extension)
    except ConfcomError as error:
        error.step = run.step.value
        raise
    return VerifiedQuote(
        quote=platform.quote,
        tcb=tcb,
        root=root,
        clock=clock,
        _collateral=platform.collateral,
        _chain=platform.chain,
        seal=SEAL,
    )


def diagnose(
    quote: bytes | Quote,
    collateral: Collateral | None,
    *,
    at: datetime,
    root: TrustedRoot,
    allow_simulated: bool = False,
    caches: Caches | None = None,
    clock_allowance: timedelta = _NO_TIME,
    grace: timedelta = _NO_TIME,
) -> TcbDiagnosis:
    """Do the steps of `verify`, and say what there is to say of a TCB that is refused.

    Never a verdict: the result tells an operator what to update, also where the TCB is revoked or
    on no level. A quoting enclave on no level ends verification in step 9, before the signature
    of the quote: then header and body are a claim (`TcbDiagnosis.is_body_verified`).

    Raises:
        MalformedError: something does not parse.
        NotAuthenticError: the quote is refused for another reason than its TCB.
        UnavailableError: collateral or PCK chain are missing.
    """
    clock = Clock.at(at, allowance=clock_allowance, grace=grace)
    run = _Run(root, allow_simulated, clock, caches)
    tcb = refusal = None
    try:
        platform = run.find_platform(quote, collateral)
        try:
            qe_level = run.check_signatures(platform)
            run.step = _TCB
            tcb = _evaluate(platform, qe_level)
            refuse_revoked(tcb, platform.chain.pck.extension)
        except NotAuthenticError as error:
            is_qe_level = run.step is _QE_REPORT and error.reason is Reason.TCB_NOT_SUPPORTED
            if run.step is not _TCB and not is_qe_level:
                raise
            error.step = run.step.value
            refusal = error
    except ConfcomError as error:
        error.step = run.step.value
        raise
    return TcbDiagnosis(
        quote=platform.quote,
        pck=platform.chain.pck,
        tcb_info=platform.collateral.tcb_info,
        qe_identity=platform.collateral.qe_identity,
        tcb=tcb,
        refusal=refusal,
    )


class _Platform(NamedTuple):
    """A quote with what is verified of its platform after step 8."""

    quote: Quote
    collateral: VerifiedCollateral
    chain: VerifiedChain
    key: bytes


class _Run:
    """Steps 1 to 10 for one quote; knows the step it is in."""

    __slots__ = ("allow_simulated", "caches", "clock", "known", "root", "step")

    def __init__(
        self, root: TrustedRoot, allow_simulated: bool, clock: Clock, caches: Caches | None
    ) -> None:
        self.root = root
        self.allow_simulated = allow_simulated
        self.clock = clock
        self.caches = caches
        self.known: trust.Known = {root.certificate.der: root.certificate}
        self.step = _QUOTE

    def find_platform(self, quote: bytes | Quote, collateral: Collateral | None) -> _Platform:
        """Do steps 1 to 8."""
        parsed = quote if isinstance(quote, Quote) else Quote.from_bytes(quote)
        self.step = _ROOT
        trust.check_root(self.root, allow_simulated=self.allow_simulated)
        if collateral is None:
            raise UnavailableError(
                Reason.COLLATERAL_MISSING,
                "there is no collateral to verify the quote with",
                hint="give --collateral FILE, or let confcom collateral fetch get it",
            )
        key = collateral.digest + self.root.certificate.fingerprint
        trusted = self._collateral(key, collateral)
        self.step = _PCK_CHAIN
        chain = self._chain(key, parsed, collateral, trusted)
        self.step = _PLATFORM
        check_platform(parsed, trusted, chain.pck)
        return _Platform(parsed, trusted, chain, key)

    def check_signatures(self, platform: _Platform) -> IdentityLevel:
        """Do steps 9 and 10, and return the level of the quoting enclave."""
        self.step = _QE_REPORT
        attested = self._key(platform)
        self.step = _QUOTE_SIGNATURE
        check_quote_signature(platform.quote, attested)
        return attested.qe_level

    def _collateral(self, key: bytes, collateral: Collateral) -> VerifiedCollateral:
        cache = None if self.caches is None else self.caches.collateral
        trusted = None if cache is None else cache.get(key, self.clock.now)
        if trusted is None:
            trusted = self._verify_collateral(collateral)
            if cache is not None:
                cache.put(key, trusted)
        self.step = _PCK_CRL  # also on a hit
        trusted.validity.check(self.clock)
        return trusted

    def _verify_collateral(self, collateral: Collateral) -> VerifiedCollateral:
        root = self.root
        self.step = _ROOT
        tcb_signer = trust.signing_certificate(collateral.tcb_info_issuer_chain, root, self.known)
        self.step = _ROOT_CRL
        root_crl = trust.root_crl(collateral.root_ca_crl, root)
        trust.check_not_revoked(root.certificate, root_crl, Reason.CERT_REVOKED)
        self.step = _TCB_INFO
        trust.check_not_revoked(tcb_signer, root_crl, Reason.CERT_REVOKED)
        verify_document(
            _signed(collateral.tcb_info, collateral.tcb_info_signature, Reason.TCB_INFO_SIGNATURE),
            tcb_signer,
            what="TCB Info",
            reason=Reason.TCB_INFO_SIGNATURE,
        )
        tcb_info = TcbInfo.from_bytes(collateral.tcb_info)
        self.step = _QE_IDENTITY
        qe_signer = tcb_signer
        if collateral.qe_identity_issuer_chain != collateral.tcb_info_issuer_chain:
            qe_signer = trust.signing_certificate(
                collateral.qe_identity_issuer_chain, root, self.known
            )
            trust.check_not_revoked(qe_signer, root_crl, Reason.CERT_REVOKED)
        verify_document(
            _signed(
                collateral.qe_identity,
                collateral.qe_identity_signature,
                Reason.QE_IDENTITY_SIGNATURE,
            ),
            qe_signer,
            what="QE identity",
            reason=Reason.QE_IDENTITY_SIGNATURE,
        )
        qe_identity = EnclaveIdentity.from_bytes(collateral.qe_identity)
        self.step = _PCK_CRL
        pck_ca = trust.intermediate_certificate(collateral.pck_crl_issuer_chain, root, self.known)
        trust.check_not_revoked(pck_ca, root_crl, Reason.CERT_REVOKED)
        pck_crl = Crl.from_bytes(collateral.pck_crl)
        verify_crl(pck_crl, pck_ca)
        return VerifiedCollateral(
            root_ca_crl=root_crl,
            pck_crl=pck_crl,
            tcb_info=tcb_info,
            qe_identity=qe_identity,
            validity=Validity(
                (
                    Period.of_certificate(root.certificate),
                    Period.of_crl(root_crl),
                    Period.of_certificate(tcb_signer),
                    Period.of_document(tcb_info),
                    Period.of_certificate(qe_signer),
                    Period.of_document(qe_identity),
                    Period.of_certificate(pck_ca),
                    Period.of_crl(pck_crl),
                )
            ),
        )

    def _chain(
        self, key: bytes, quote: Quote, collateral: Collateral, trusted: VerifiedCollateral
    ) -> VerifiedChain:
        certification = quote.signature.certification
        cache = None if self.caches is None else self.caches.chains
        # The name tells platforms apart; comparing the rest takes a tenth of a digest's time.
        name = (key, certification.type, certification.data[:_NAME_BYTES])
        chain = None if cache is None else cache.get(name, self.clock.now)
        if chain is None or chain.certification != certification.data:
            certificates = trust.pck_chain(certification, collateral, self.known)
            chain = _verify_chain(certificates, certification.data, self.root, trusted)
            if cache is not None:
                cache.put(name, chain)
        chain.validity.check(self.clock)
        return chain

    def _key(self, platform: _Platform) -> VerifiedKey:
        quote, trusted, chain, key = platform
        signature = quote.signature
        cache = None if self.caches is None or not self.caches.keys.most else self.caches.keys
        if cache is None:
            return verify_qe_report(quote, trusted, chain)
        name = sha256(
            b"".join(
                (
                    key,
                    chain.pck.certificate.fingerprint,
                    signature.attestation_key,
                    signature.qe_report,
                    signature.qe_report_signature,
                    signature.auth_data,
                )
            )
        ).digest()
        attested = cache.get(name, self.clock.now)
        if attested is None:
            attested = verify_qe_report(quote, trusted, chain)
            cache.put(name, attested)
        return attested


def _signed(content: bytes, digits: bytes, reason: Reason) -> SignedDocument:
    try:
        return SignedDocument(content, read_signature(digits))
    except ValueError as exc:
        raise NotAuthenticError(
            reason, f"signature of a document cannot be read: {len(digits)} characters, {exc}"
        ) from exc


def _verify_chain(
    certificates: tuple[Certificate, ...],
    certification: bytes,
    root: TrustedRoot,
    trusted: VerifiedCollateral,
) -> VerifiedChain:
    pck, issuer = trust.pck_certificate(certificates, root)
    trust.check_not_revoked(issuer, trusted.root_ca_crl, Reason.CERT_REVOKED)
    if trusted.pck_crl.issuer != pck.certificate.issuer:
        raise NotAuthenticError(
            Reason.CRL_ISSUER,
            f'PCK revocation list is of "{trusted.pck_crl.issuer_cn}", the PCK certificate was '
            f'issued by "{pck.certificate.issuer_cn}"',
            hint=f"fetch the list with ca={pck.ca}",
        )
    trust.check_not_revoked(pck.certificate, trusted.pck_crl, Reason.PCK_REVOKED)
    validity = Validity((Period.of_certificate(issuer), Period.of_certificate(pck.certificate)))
    return VerifiedChain(pck=pck, issuer=issuer, certification=certification, validity=validity)


def _evaluate(platform: _Platform, qe_level: IdentityLevel) -> TcbVerdict:
    body, trusted, chain = platform.quote.body, platform.collateral, platform.chain
    memo: tuple[object, ...] = (qe_level.isv_svn,)
    if isinstance(body, TdReport):
        memo = (qe_level.isv_svn, body.tee_tcb_svn, body.tee_tcb_svn2)
    verdict = chain.verdicts.get(memo)
    if verdict is None:
        verdict = evaluate(
            chain.pck.extension, trusted.tcb_info, trusted.qe_identity, qe_level, body
        )
        if len(chain.verdicts) < MEMO_ENTRIES:
            chain.verdicts[memo] = verdict
    return verdict

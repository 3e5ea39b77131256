# SPDX-License-Identifier: Apache-2.0
"""Verify one document at a time, before it is kept and again when it comes back from disk.

This decides which answers are worth keeping; the verdict on a quote is made by
`confcom.dcap.verify` from the same bytes and never relies on it.
"""

from dataclasses import dataclass
from datetime import timedelta

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.document import Document
from confcom.adapters.collateral.requests import (
    CollateralRequest,
    EvaluationNumbersRequest,
    FmspcsRequest,
    PckCertificateRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)
from confcom.dcap import (
    Certificate,
    Crl,
    EnclaveIdentity,
    EvaluationNumbers,
    PckCa,
    PckCertificate,
    TcbInfo,
    TeeType,
    TrustedRoot,
    parse_pem_chain,
    split_envelope,
    verify_crl,
    verify_document,
)
from confcom.dcap.trust import (
    check_not_revoked,
    check_root,
    intermediate_certificate,
    pck_certificate,
    signing_certificate,
)
from confcom.dcap.validity import Clock, Period, Validity
from confcom.errors import NotAuthenticError, UnavailableError
from confcom.reasons import Reason

_QE_IDS = {TeeType.SGX: "QE", TeeType.TDX: "TD_QE"}


@dataclass(frozen=True, slots=True)
class _Content:
    """What a document says of itself, and the certificates that vouch for it."""

    period: Period
    signers: tuple[Certificate, ...]
    evaluation_number: int | None = None
    listed_numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """Verifies documents under one root.

    Attributes:
        root: the trusted root.
        allow_simulated: whether it may be one of simulated platforms.
        clock_allowance: how far in the future a document may begin.
        grace: for how long JSON documents are handed out after their nextUpdate (baseline mode);
            revocation lists have none.
    """

    root: TrustedRoot
    allow_simulated: bool = False
    clock_allowance: timedelta = timedelta(0)
    grace: timedelta = timedelta(0)

    def check(
        self,
        request: CollateralRequest,
        answer: Answer,
        *,
        root_ca_crl: Answer | None,
        now: float,
    ) -> Document:
        """Verify an answer that has just come.

        Args:
            request: what was asked for.
            answer: what came.
            root_ca_crl: the list that tells whether signers are revoked; None only where the
                answer is that list itself.
            now: Unix seconds.

        Raises:
            MalformedError: it does not parse.
            NotAuthenticError: it is not authentic, not valid now, or about something else.
            UnavailableError: the root CA CRL is missing.
        """
        content, periods = self._read(request, answer, root_ca_crl)
        Validity(periods).check(self._clock(now))
        return self._document(request, answer, content, int(now))

    def check_kept(
        self,
        request: CollateralRequest,
        answer: Answer,
        *,
        root_ca_crl: Answer | None,
        fetched_at: int,
    ) -> Document:
        """Verify an answer that was kept: its signatures, and that it was valid at its own time.

        Whether it is valid now is in ``usable_until``: a document that has ended still tells
        what is older.

        Raises:
            MalformedError: it does not parse.
            NotAuthenticError: it is not authentic, or about something else.
            UnavailableError: the root CA CRL is missing.
        """
        content, _ = self._read(request, answer, root_ca_crl)
        return self._document(request, answer, content, fetched_at)

    def check_pck_chain(self, chain: bytes, now: float) -> PckCertificate | None:
        """Verify that a PCK chain leads to the root and is inside its dates.

        Revocation is not looked at: this only keeps strangers from causing fetches.

        Args:
            chain: PEM; the leaf alone tells nothing and is let through as None.
            now: Unix seconds.

        Raises:
            MalformedError: it does not parse.
            NotAuthenticError: it leads elsewhere, or is not valid.
        """
        check_root(self.root, allow_simulated=self.allow_simulated)
        certificates = parse_pem_chain(chain)
        if len(certificates) == 1:
            return None
        pck, issuer = pck_certificate(certificates, self.root)
        Validity((Period.of_certificate(issuer), Period.of_certificate(pck.certificate))).check(
            self._clock(now)
        )
        return pck

    def _clock(self, now: float) -> Clock:
        return Clock(
            int(now), int(self.clock_allowance.total_seconds()), int(self.grace.total_seconds())
        )

    def _read(
        self, request: CollateralRequest, answer: Answer, root_ca_crl: Answer | None
    ) -> tuple[_Content, tuple[Period, ...]]:
        check_root(self.root, allow_simulated=self.allow_simulated)
        root = self.root.certificate
        if isinstance(request, RootCaCrlRequest):
            crl = self._root_crl(answer)
            content = _Content(Period.of_crl(crl), (root,))
            return content, (Period.of_certificate(root), content.period)
        if root_ca_crl is None:
            raise UnavailableError(
                Reason.COLLATERAL_MISSING, f"cannot verify {request} without the root CA CRL"
            )
        # Signatures first: they tell best what is wrong with documents under another root.
        content = self._content(request, answer)
        crl = self._root_crl(root_ca_crl)
        for signer in content.signers:
            # The list of the root says nothing of leaves; that of the PCK CA is the verifier's.
            check_not_revoked(signer, crl, Reason.CERT_REVOKED)
        periods = (root, *content.signers)
        return content, (*map(Period.of_certificate, periods), content.period)

    def _root_crl(self, answer: Answer) -> Crl:
        crl = Crl.from_bytes(answer.body)
        verify_crl(crl, self.root.certificate)
        check_not_revoked(self.root.certificate, crl, Reason.CERT_REVOKED)
        return crl

    def _content(self, request: CollateralRequest, answer: Answer) -> _Content:
        chain = answer.issuer_chain or b""
        match request:
            case TcbInfoRequest():
                return self._tcb_info(request, answer.body, chain)
            case QeIdentityRequest():
                return self._qe_identity(request, answer.body, chain)
            case EvaluationNumbersRequest():
                return self._numbers(request, answer.body, chain)
            case PckCrlRequest():
                return self._pck_crl(request, answer.body, chain)
            case PckCertificateRequest():
                return self._pck_certificate(answer.body + chain)
            case RootCaCrlRequest() | FmspcsRequest():
                raise ValueError(f"{request} has no issuer chain")

    def _tcb_info(self, request: TcbInfoRequest, body: bytes, chain: bytes) -> _Content:
        signer = signing_certificate(chain, self.root, {})
        signed = split_envelope(body, "tcbInfo")
        verify_document(signed, signer, what="TCB Info", reason=Reason.TCB_INFO_SIGNATURE)
        info = TcbInfo.from_bytes(signed.content)
        number = info.evaluation_data_number
        _expect(request, "id", request.tee.name, info.id)
        _expect(request, "FMSPC", request.fmspc.hex().upper(), info.fmspc.hex().upper())
        _expect_number(request, request.edition.number, number)
        return _Content(Period.of_document(info), (signer,), number)

    def _qe_identity(self, request: QeIdentityRequest, body: bytes, chain: bytes) -> _Content:
        signer = signing_certificate(chain, self.root, {})
        signed = split_envelope(body, "enclaveIdentity")
        verify_document(signed, signer, what="QE identity", reason=Reason.QE_IDENTITY_SIGNATURE)
        identity = EnclaveIdentity.from_bytes(signed.content)
        number = identity.evaluation_data_number
        _expect(request, "id", _QE_IDS[request.tee], identity.id)
        _expect_number(request, request.edition.number, number)
        return _Content(Period.of_document(identity), (signer,), number)

    def _numbers(self, request: EvaluationNumbersRequest, body: bytes, chain: bytes) -> _Content:
        signer = signing_certificate(chain, self.root, {})
        signed = split_envelope(body, "tcbEvaluationDataNumbers")
        verify_document(
            signed, signer, what=str(request), reason=Reason.EVALUATION_NUMBERS_SIGNATURE
        )
        numbers = EvaluationNumbers.from_bytes(signed.content)
        _expect(request, "id", request.tee.name, numbers.id)
        period = Period(
            str(request), numbers.issue_date, numbers.next_update, Reason.COLLATERAL_EXPIRED
        )
        listed = tuple(sorted(entry.number for entry in numbers.numbers))
        return _Content(period, (signer,), None, listed)

    def _pck_crl(self, request: PckCrlRequest, body: bytes, chain: bytes) -> _Content:
        issuer = intermediate_certificate(chain, self.root, {})
        _expect(request, "CA", request.ca, PckCa.of_issuer(issuer.subject_cn))
        crl = Crl.from_bytes(body)
        verify_crl(crl, issuer)
        return _Content(Period.of_crl(crl), (issuer,))

    def _pck_certificate(self, chain: bytes) -> _Content:
        pck, issuer = pck_certificate(parse_pem_chain(chain), self.root)
        return _Content(Period.of_certificate(pck.certificate), (issuer,))

    def _document(
        self, request: CollateralRequest, answer: Answer, content: _Content, fetched_at: int
    ) -> Document:
        period = content.period
        is_document = period.late is Reason.COLLATERAL_EXPIRED
        grace = int(self.grace.total_seconds()) if is_document else 0
        ends = (signer.not_after for signer in content.signers)
        return Document(
            request=request,
            answer=answer,
            fetched_at=fetched_at,
            issue_date=period.first,
            next_update=period.last,
            usable_until=min(period.last + grace, *ends),
            evaluation_number=content.evaluation_number,
            listed_numbers=content.listed_numbers,
        )


def _expect(request: CollateralRequest, what: str, expected: str, found: str) -> None:
    if expected != found:
        reason = (
            Reason.QE_IDENTITY_MISMATCH
            if isinstance(request, QeIdentityRequest)
            else Reason.CRL_ISSUER
            if isinstance(request, PckCrlRequest)
            else Reason.TCB_INFO_MISMATCH
        )
        raise NotAuthenticError(reason, f"it is for {what} {found}, expected {expected}")


def _expect_number(request: CollateralRequest, expected: int | None, found: int) -> None:
    if expected is not None:
        _expect(request, "evaluation data number", str(expected), str(found))

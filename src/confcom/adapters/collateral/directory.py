# SPDX-License-Identifier: Apache-2.0
"""A directory of raw answers: each document as a service sent it, its issuer chain beside it.

====================================================  ===========================================
file                                                  holds
====================================================  ===========================================
``tcb-info-<sgx|tdx>-<fmspc>[-early|-<N>].json``       TCB info envelope
``qe-identity-<sgx|tdx>[-early|-<N>].json``            QE identity envelope
``evaluation-numbers-<sgx|tdx>.json``                  list of evaluation data numbers
``pck-crl-<platform|processor>.crl``                   PCK CRL: DER, PEM or hex text
``root-ca-crl.crl``                                    root CA CRL: DER, PEM or hex text
``pck-certificate-<QE id>-<CPUSVN>-<PCESVN>-<PCE id>.pem``  PCK certificate
``fmspcs.json``                                        list of FMSPCs
the same name with ``.chain.pem`` as its ending        issuer chain: PEM, or the header's value
``tcb-signing.chain.pem``                              issuer chain of every JSON document that has
                                                       none of its own
====================================================  ===========================================

FMSPC and other hex digits are in lower case.
"""

from pathlib import Path
from typing import Final

from confcom.adapters.collateral.answers import Answer, AnswerError, decode_chain
from confcom.adapters.collateral.files import MAX_ANSWER_BYTES, read_bounded
from confcom.adapters.collateral.requests import (
    CollateralRequest,
    EvaluationNumbersRequest,
    FmspcsRequest,
    PckCertificateRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
    request_of_name,
)
from confcom.errors import UnavailableError
from confcom.reasons import Reason

COMMON_CHAIN: Final = "tcb-signing.chain.pem"
CHAIN_ENDING: Final = ".chain.pem"


def file_name(request: CollateralRequest) -> str:
    """Return the name of the file that holds a document."""
    match request:
        case PckCrlRequest() | RootCaCrlRequest():
            return f"{request.name}.crl"
        case PckCertificateRequest():
            return f"{request.name}.pem"
        case TcbInfoRequest() | QeIdentityRequest() | EvaluationNumbersRequest() | FmspcsRequest():
            return f"{request.name}.json"


def request_of_file(name: str) -> CollateralRequest | None:
    """Return the request that a file of this name answers, or None if it is another file."""
    stem, _, _ = name.rpartition(".")
    request = request_of_name(stem)
    return request if request is not None and file_name(request) == name else None


def chain_names(request: CollateralRequest) -> tuple[str, ...]:
    """Return the names under which a document's issuer chain is looked for, in order."""
    own = f"{request.name}{CHAIN_ENDING}"
    match request:
        case TcbInfoRequest() | QeIdentityRequest() | EvaluationNumbersRequest():
            return (own, COMMON_CHAIN)
        case PckCrlRequest() | PckCertificateRequest():
            return (own,)
        case RootCaCrlRequest() | FmspcsRequest():
            return ()


def files_of(request: CollateralRequest, answer: Answer) -> dict[str, bytes]:
    """Return the files that hold an answer, by name."""
    files = {file_name(request): answer.body}
    if answer.issuer_chain is not None:
        files[f"{request.name}{CHAIN_ENDING}"] = answer.issuer_chain
    return files


class DirectorySource:
    """Documents in a directory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """Path of the directory."""
        return str(self._path)

    def read(self, request: CollateralRequest) -> Answer:
        """Return a document; it is not verified.

        Raises:
            UnavailableError: ``collateral_missing``: a file is not there; ``source_answer``: the
                issuer chain is none.
            MalformedError: a file is too large.
            UsageError: a file cannot be read.
        """
        path = self._path / file_name(request)
        body = read_bounded(path, most=MAX_ANSWER_BYTES)
        if body is None:
            raise _missing(request, path)
        return Answer(
            body=body,
            issuer_chain=self._read_chain(request),
            source=self.name,
        )

    def _read_chain(self, request: CollateralRequest) -> bytes | None:
        names = chain_names(request)
        for name in names:
            value = read_bounded(self._path / name, most=MAX_ANSWER_BYTES)
            if value is None:
                continue
            try:
                return decode_chain(value.strip())
            except AnswerError as exc:
                raise UnavailableError(
                    Reason.SOURCE_ANSWER, f"cannot use file {self._path / name}: {exc}"
                ) from exc
        if names:
            raise _missing(request, self._path / names[-1], part="issuer chain of ")
        return None


def _missing(request: CollateralRequest, path: Path, *, part: str = "") -> UnavailableError:
    return UnavailableError(
        Reason.COLLATERAL_MISSING,
        f"cannot find {part}{request}: there is no file {path}",
        hint="fill the directory on a machine with network: confcom collateral export DIR/ QUOTE; "
        "a bundle in it is named itself",
    )

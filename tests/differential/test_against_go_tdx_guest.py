# SPDX-License-Identifier: Apache-2.0
"""go-tdx-guest's ``check``, an independent implementation in Go, and TDX quotes of version 4.

It is run without collateral: it then judges structure, chain and signatures only, and as of now.
It wants Intel's names in the chain, so simulated quotes cannot be shown to it.
So it must accept each quote that is authentic here, and refuse each one that is refused here
because of the quote itself; what is refused because of collateral or TCB it cannot know.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.requirements import missing
from tests.vectors.cases import Case, read_cases

from confcom.dcap import (
    INTEL_SGX_ROOT_CA_PEM,
    Collateral,
    QuoteVersion,
    TeeType,
    VerificationStep,
    intel_root,
    verify,
)
from confcom.dcap.header import HEADER
from confcom.errors import ConfcomError
from confcom.reasons import Reason

_OF_THE_QUOTE = {
    VerificationStep.QUOTE,
    VerificationStep.PCK_CHAIN,
    VerificationStep.QE_REPORT,
    VerificationStep.QUOTE_SIGNATURE,
}

_MORE_LENIENT = {Reason.TRAILING_DATA, Reason.TOO_LARGE}
"""It never looks at what follows a quote."""


@pytest.fixture(scope="module")
def check() -> Path:
    """The program, built by ``make peers``."""
    folder = Path(os.environ.get("CONFCOM_TEST_PEERS", ".build/peers"))
    program = shutil.which("check", path=folder)
    if program is None:
        missing(f"no go-tdx-guest check in {folder}; run make peers")
    return Path(program)


def _accepts(check: Path, folder: Path, quote: bytes, root_pem: bytes) -> bool:
    file, root = folder / "quote", folder / "root.pem"
    file.write_bytes(quote)
    root.write_bytes(root_pem)
    done = subprocess.run(
        [check, "-in", file, "-inform", "bin", "-quiet", "-trusted_roots", root,
         "-get_collateral=false", "-check_crl=false"],
        capture_output=True, check=False, timeout=10,
    )  # fmt: skip
    return done.returncode == 0


def _refusal(case: Case, quote: bytes) -> ConfcomError | None:
    try:
        collateral = Collateral.from_json(case.collateral)
        verify(quote, collateral, at=case.at, root=case.root)
    except ConfcomError as error:
        return error
    return None


def _is_intels(case: Case) -> bool:
    return case.root.certificate.fingerprint == intel_root().certificate.fingerprint


def _is_tdx_v4(quote: bytes) -> bool:
    if len(quote) < HEADER.size:
        return False
    version, _, tee_type, *_ = HEADER.unpack(quote)
    return version == QuoteVersion.V4 and tee_type == TeeType.TDX


@pytest.mark.timeout(60)
def test_agrees_about_recorded_quotes(check: Path, tmp_path: Path, dcap_vectors: Path) -> None:
    compared = 0
    differences: dict[Reason, list[str]] = {}
    for case in read_cases(dcap_vectors):
        quote = case.quote
        refusal = _refusal(case, quote)
        knows = refusal is None or refusal.step in _OF_THE_QUOTE
        if not (_is_tdx_v4(quote) and _is_intels(case) and knows):
            continue
        accepts = _accepts(check, tmp_path, quote, INTEL_SGX_ROOT_CA_PEM)
        if accepts is not (refusal is None) and refusal is not None:
            differences.setdefault(refusal.reason, []).append(case.id)
        else:
            assert accepts is (refusal is None), case.id
        compared += 1
    assert compared > 0
    assert set(differences) <= _MORE_LENIENT, differences


@pytest.mark.timeout(60)
def test_refuses_each_changed_part_of_a_recorded_quote(
    check: Path, tmp_path: Path, dcap_vectors: Path
) -> None:
    case = next(
        case
        for case in read_cases(dcap_vectors)
        if _is_tdx_v4(case.quote) and _is_intels(case) and _refusal(case, case.quote) is None
    )
    root_pem = INTEL_SGX_ROOT_CA_PEM
    assert _accepts(check, tmp_path, case.quote, root_pem)
    for offset in (8, 200, 631, 640, 720, 800, 1200):
        broken = bytearray(case.quote)
        broken[offset] ^= 1
        assert _refusal(case, bytes(broken)) is not None, offset
        assert not _accepts(check, tmp_path, bytes(broken), root_pem), offset

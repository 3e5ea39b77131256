# SPDX-License-Identifier: Apache-2.0
"""The files of ``dcap/sigstruct``.

``NAME.sig`` is a SIGSTRUCT whose signature is right, unless the name begins with ``bad_``; then
it must be refused. ``NAME.sgxs`` is the measurement stream of ``NAME.sig``.
"""

from collections.abc import Iterator
from pathlib import Path

from confcom.errors import ConfcomError
from confcom.sgx.measurement import measure
from confcom.sgx.sigstruct import Sigstruct, verify_sigstruct


def compare(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each file with what differs from the expectation."""
    for path in sorted(folder.glob("*.sig")):
        yield path.name, list(_compare_signature(path))
    for path in sorted(folder.glob("*.sgxs")):
        yield path.name, list(_compare_measurement(path))


def _compare_signature(path: Path) -> Iterator[str]:
    is_bad = path.name.startswith("bad_")
    try:
        verify_sigstruct(Sigstruct.from_bytes(path.read_bytes()))
    except ConfcomError as exc:
        if not is_bad:
            yield f"expected a valid signature, got {exc.reason}: {exc.message}"
    else:
        if is_bad:
            yield "expected a refusal, the signature is valid"


def _compare_measurement(path: Path) -> Iterator[str]:
    signed = path.with_suffix(".sig")
    if not signed.is_file():
        yield f"{signed.name} is missing"
        return
    try:
        expected = Sigstruct.from_bytes(signed.read_bytes()).enclave_hash
        found = measure(path.read_bytes()).mr_enclave
    except ConfcomError as exc:
        yield f"expected a measurement, got {exc.reason}: {exc.message}"
        return
    if found != expected:
        yield f"expected MRENCLAVE {expected.hex()}, got {found.hex()}"

# SPDX-License-Identifier: Apache-2.0
"""One quote, verified in this process: against dcap-qvl, and against the limit.

The limit is what cannot be left out: one P-256 verification for a quote whose attestation key is
known, two where the QE report is checked too, as the cryptography package does them.
"""

from collections.abc import Callable, Iterator

import dcap_qvl
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.clock import race
from benchmarks.samples import Sample
from benchmarks.table import Row
from confcom.dcap import Caches, verify

_ALGORITHM = ec.ECDSA(SHA256())


def measure(sgx: Sample, tdx: Sample, *, rounds: int) -> Iterator[Row]:
    """Measure everything in one run and yield the rows."""
    times = race(
        {
            "limit": _one_signature(),
            "peer sgx": _peer(sgx),
            "peer tdx": _peer(tdx),
            "sgx": _own(sgx, Caches(keys=0)),
            "sgx key": _own(sgx, Caches()),
            "tdx": _own(tdx, Caches(keys=0)),
            "tdx key": _own(tdx, Caches()),
        },
        rounds=rounds,
    )
    yield _faster("SGX v3, collateral and chain cached", times, "sgx", "peer sgx", 4, 2)
    yield _faster("SGX v3, attestation key cached too", times, "sgx key", "peer sgx", 8, 1)
    # Apart from the others: it fills the processor's caches with the libraries that parse.
    cold = race({"peer": _peer(sgx), "own": _own(sgx, None)}, rounds=rounds)
    ratio = cold["own"] / cold["peer"]
    yield Row(
        "SGX v3, nothing cached",
        f"{ratio:.2f} × its time",
        "at most 4 × dcap-qvl's time",
        ratio <= 4,
        f"{cold['own'] * 1e6:.0f} µs, dcap-qvl {cold['peer'] * 1e6:.0f} µs",
    )
    yield _faster("TDX v4, collateral and chain cached", times, "tdx", "peer tdx", 4, 2)
    yield _faster("TDX v4, attestation key cached too", times, "tdx key", "peer tdx", 4, 1)


def _faster(
    work: str, times: dict[str, float], own: str, peer: str, wanted: int, signatures: int
) -> Row:
    ratio = times[peer] / times[own]
    limit = signatures * times["limit"]
    verifications = f"{signatures} P-256 verification{'s' if signatures > 1 else ''}"
    return Row(
        work,
        f"{ratio:.2f} × as fast",
        f"at least {wanted} × dcap-qvl",
        ratio >= wanted,
        f"{times[own] * 1e6:.0f} µs, dcap-qvl {times[peer] * 1e6:.0f} µs; "
        f"{times[own] / limit:.2f} × the limit ({verifications}, {limit * 1e6:.0f} µs)",
    )


def _own(sample: Sample, caches: Caches | None) -> Callable[[], object]:
    simulated = sample.root.is_simulated

    def run() -> object:
        return verify(
            sample.quote,
            sample.collateral,
            at=sample.at,
            root=sample.root,
            allow_simulated=simulated,
            caches=caches,
        )

    run()
    return run


def _peer(sample: Sample) -> Callable[[], object]:
    bundle = dcap_qvl.QuoteCollateralV3.from_json(sample.collateral.to_json().decode())
    now = int(sample.at.timestamp())
    if not sample.root.is_simulated:
        return lambda: dcap_qvl.verify(sample.quote, bundle, now)
    root = sample.root.certificate.der
    return lambda: dcap_qvl.verify_with_root_ca(sample.quote, bundle, root, now)


def _one_signature() -> Callable[[], object]:
    key = ec.generate_private_key(ec.SECP256R1())
    content = bytes(432)
    signature, public_key = key.sign(content, _ALGORITHM), key.public_key()
    return lambda: public_key.verify(signature, content, _ALGORITHM)

# SPDX-License-Identifier: Apache-2.0
"""Three caches of verification, owned by the caller, keyed by content, bounded.

What is cached is what does not depend on the time: that signatures verify and what documents
say. Dates are compared on every call, also on a hit, so a cached answer and a fresh one are the
same. An entry goes when the earliest date inside it has passed.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from confcom.dcap.certificates import Certificate
from confcom.dcap.crl import Crl
from confcom.dcap.identity import EnclaveIdentity, IdentityLevel
from confcom.dcap.pck import PckCertificate
from confcom.dcap.tcb import TcbVerdict
from confcom.dcap.tcb_info import TcbInfo
from confcom.dcap.validity import Validity

COLLATERAL_ENTRIES: Final = 128
CHAIN_ENTRIES: Final = 4096
KEY_ENTRIES: Final = 8192
MEMO_ENTRIES: Final = 64


class _Expiring(Protocol):
    @property
    def expires(self) -> int: ...


_Entry = TypeVar("_Entry", bound=_Expiring)


class BoundedCache(Generic[_Entry]):
    """The entries used last, at most ``most`` of them, none past its date."""

    __slots__ = ("_entries", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self._entries: OrderedDict[Hashable, tuple[int, _Entry]] = OrderedDict()

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)

    def get(self, key: Hashable, now: int) -> _Entry | None:
        """Return the entry of a key, unless it has expired."""
        found = self._entries.get(key)
        if found is None:
            return None
        expires, entry = found
        if expires < now:
            self._entries.pop(key, None)
            return None
        try:
            self._entries.move_to_end(key)
        except KeyError:  # another thread has removed it; what we hold is good
            return entry
        return entry

    def put(self, key: Hashable, entry: _Entry) -> None:
        """Keep an entry; the one not used for longest makes room."""
        self._entries[key] = (entry.expires, entry)
        while len(self._entries) > self.most:
            self._entries.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCollateral:
    """Collateral whose signatures have been verified under a root."""

    root_ca_crl: Crl
    pck_crl: Crl
    tcb_info: TcbInfo
    qe_identity: EnclaveIdentity
    validity: Validity
    qe_levels: dict[Hashable, IdentityLevel] = field(default_factory=dict)

    @property
    def expires(self) -> int:
        """The earliest date inside, Unix seconds."""
        return self.validity.last_use


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedChain:
    """A PCK certificate that chains to the root and is not revoked.

    ``certification`` is the certification data of the quote that it was verified for.
    """

    pck: PckCertificate
    issuer: Certificate
    certification: bytes
    validity: Validity
    verdicts: dict[Hashable, TcbVerdict] = field(default_factory=dict)

    @property
    def expires(self) -> int:
        """The earliest date inside, Unix seconds."""
        return self.validity.last_use


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedKey:
    """An attestation key that the quoting enclave vouched for."""

    public_key: ec.EllipticCurvePublicKey
    qe_level: IdentityLevel
    expires: int


class Caches:
    """The three caches; one object for each user of verification that keeps results.

    Args:
        collateral: how many collaterals to keep.
        chains: how many PCK chains to keep.
        keys: how many attestation keys to keep; 0 checks the QE report every time.
    """

    __slots__ = ("chains", "collateral", "keys")

    def __init__(
        self,
        *,
        collateral: int = COLLATERAL_ENTRIES,
        chains: int = CHAIN_ENTRIES,
        keys: int = KEY_ENTRIES,
    ) -> None:
        self.collateral: BoundedCache[VerifiedCollateral] = BoundedCache(collateral)
        self.chains: BoundedCache[VerifiedChain] = BoundedCache(chains)
        self.keys: BoundedCache[VerifiedKey] = BoundedCache(keys)

# SPDX-License-Identifier: Apache-2.0
"""Endorsements (RFC 9334): what the maker of the platform says of it."""

from dataclasses import dataclass

from confcom.dcap import Collateral


@dataclass(frozen=True, slots=True)
class Endorsements:
    """Material that evidence is verified with; untrusted until it is verified itself.

    Attributes:
        collateral: certificates, revocation lists, TCB Info and QE identity of Intel's
            provisioning service; None where there is none.
    """

    collateral: Collateral | None = None

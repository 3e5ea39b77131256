# SPDX-License-Identifier: Apache-2.0
"""Descriptions of enclaves and TDs as JSON, for people to write and commands to read.

Nothing in them is secret. Byte strings are hex in memory order; members that are left out have
the values that a plain production enclave or TD would have.
"""

from typing import Final, TypeVar

import msgspec

from confcom.dcap.td_report import TdAttributes
from confcom.errors import MalformedError, UsageError
from confcom.reasons import Reason
from confcom.sgx import Flags, Xfrm
from confcom.simulation.enclave import Enclave
from confcom.simulation.td import TrustDomain

MAX_DESCRIPTION_BYTES: Final = 16 * 1024

T = TypeVar("T")


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Members of our own JSON: unknown ones are mistakes."""


class _EnclaveDocument(_Document, kw_only=True, frozen=True):
    mr_enclave: str
    mr_signer: str
    isv_prod_id: int = 0
    isv_svn: int = 0
    flags: int = int(Flags.INIT | Flags.MODE64BIT)
    xfrm: int = int(Xfrm.X87 | Xfrm.SSE)
    misc_select: int = 0
    isv_ext_prod_id: str = "00" * 16
    isv_family_id: str = "00" * 16
    config_id: str = "00" * 64
    config_svn: int = 0


class _TdDocument(_Document, kw_only=True, frozen=True):
    mr_td: str
    td_attributes: int = int(TdAttributes.SEPT_VE_DISABLE)
    xfam: int = int(Xfrm.X87 | Xfrm.SSE | Xfrm.AVX)
    mr_config_id: str = "00" * 48
    mr_owner: str = "00" * 48
    mr_owner_config: str = "00" * 48
    rtmrs: tuple[str, str, str, str] = ("00" * 48,) * 4
    mr_service_td: str = "00" * 48


def enclave_to_json(enclave: Enclave) -> bytes:
    """Return the description of an enclave, with a final newline."""
    return _encode(
        _EnclaveDocument(
            mr_enclave=enclave.mr_enclave.hex(),
            mr_signer=enclave.mr_signer.hex(),
            isv_prod_id=enclave.isv_prod_id,
            isv_svn=enclave.isv_svn,
            flags=int(enclave.flags),
            xfrm=int(enclave.xfrm),
            misc_select=enclave.misc_select,
            isv_ext_prod_id=enclave.isv_ext_prod_id.hex(),
            isv_family_id=enclave.isv_family_id.hex(),
            config_id=enclave.config_id.hex(),
            config_svn=enclave.config_svn,
        )
    )


def enclave_from_json(data: bytes) -> Enclave:
    """Parse the description of an enclave.

    Raises:
        MalformedError: not such a description (reason ``simulation_format``).
    """
    document = decode(data, _EnclaveDocument, "enclave description")
    what = "enclave description"
    try:
        return Enclave(
            mr_enclave=unhex(document.mr_enclave, "mrEnclave", what),
            mr_signer=unhex(document.mr_signer, "mrSigner", what),
            isv_prod_id=document.isv_prod_id,
            isv_svn=document.isv_svn,
            flags=document.flags,
            xfrm=document.xfrm,
            misc_select=document.misc_select,
            isv_ext_prod_id=unhex(document.isv_ext_prod_id, "isvExtProdId", what),
            isv_family_id=unhex(document.isv_family_id, "isvFamilyId", what),
            config_id=unhex(document.config_id, "configId", what),
            config_svn=document.config_svn,
        )
    except UsageError as exc:
        raise malformed(what, exc.message) from exc


def td_to_json(td: TrustDomain) -> bytes:
    """Return the description of a TD, with a final newline."""
    zero, one, two, three = (register.hex() for register in td.rtmrs)
    return _encode(
        _TdDocument(
            mr_td=td.mr_td.hex(),
            td_attributes=int(td.td_attributes),
            xfam=int(td.xfam),
            mr_config_id=td.mr_config_id.hex(),
            mr_owner=td.mr_owner.hex(),
            mr_owner_config=td.mr_owner_config.hex(),
            rtmrs=(zero, one, two, three),
            mr_service_td=td.mr_service_td.hex(),
        )
    )


def td_from_json(data: bytes) -> TrustDomain:
    """Parse the description of a TD.

    Raises:
        MalformedError: not such a description (reason ``simulation_format``).
    """
    what = "TD description"
    document = decode(data, _TdDocument, what)
    try:
        return TrustDomain(
            mr_td=unhex(document.mr_td, "mrTd", what),
            td_attributes=document.td_attributes,
            xfam=document.xfam,
            mr_config_id=unhex(document.mr_config_id, "mrConfigId", what),
            mr_owner=unhex(document.mr_owner, "mrOwner", what),
            mr_owner_config=unhex(document.mr_owner_config, "mrOwnerConfig", what),
            rtmrs=tuple(unhex(register, "rtmrs", what) for register in document.rtmrs),
            mr_service_td=unhex(document.mr_service_td, "mrServiceTd", what),
        )
    except UsageError as exc:
        raise malformed(what, exc.message) from exc


def decode(data: bytes, kind: type[T], what: str) -> T:
    """Decode JSON into a type.

    Raises:
        MalformedError: it is not JSON, or not of that type (reason ``simulation_format``).
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise malformed(what, str(exc)) from exc


def unhex(text: str, member: str, what: str) -> bytes:
    """Read hex without blanks.

    Raises:
        MalformedError: it is none (reason ``simulation_format``).
    """
    if not text.isascii() or any(blank in text for blank in " \t\r\n"):
        raise malformed(what, f"{member} is not hex")
    try:
        return bytes.fromhex(text)
    except ValueError as exc:
        raise malformed(what, f"{member} is not hex") from exc


def malformed(what: str, why: str) -> MalformedError:
    """Make the refusal of a file of the simulator."""
    return MalformedError(Reason.SIMULATION_FORMAT, f"cannot parse {what}: {why}")


def _encode(document: _Document) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"

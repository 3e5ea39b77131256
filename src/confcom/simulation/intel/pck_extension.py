# SPDX-License-Identifier: Apache-2.0
"""The SGX extension of a PCK certificate: values for a new platform, and their DER.

Source: Intel SGX PCK Certificate and CRL profile specification, table 5.2. The reader is
`confcom.dcap.PckExtension`; a property test holds the two together.
"""

import secrets
from typing import Final

from confcom.dcap import PckCa, PckExtension
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.simulation._require import require_range, require_size
from confcom.wire import Tag

_ARC: Final = bytes.fromhex("2a864886f84d010d01")
"""Encoded contents of 1.2.840.113741.1.13.1; below it, each arc is a single byte."""


def make_pck_extension(
    ca: PckCa, fmspc: bytes, pce_id: bytes, sgx_svns: tuple[int, ...], pce_svn: int
) -> PckExtension:
    """Return what a certificate says of a platform, with fresh PPID and instance id.

    Raises:
        UsageError: a value has the wrong size or range.
    """
    require_size("simulated platform", "fmspc", fmspc, 6)
    require_size("simulated platform", "pce_id", pce_id, 2)
    require_range("simulated platform", "pce_svn", pce_svn, 16)
    if len(sgx_svns) != 16 or not all(0 <= svn <= 255 for svn in sgx_svns):
        raise UsageError(
            Reason.USAGE,
            f"a simulated platform has 16 SGX TCB component SVNs of 0 to 255, {sgx_svns} given",
        )
    is_multi_package = ca is PckCa.PLATFORM
    return PckExtension(
        ppid=secrets.token_bytes(16),
        sgx_svns=sgx_svns,
        pce_svn=pce_svn,
        cpu_svn=bytes(sgx_svns),
        pce_id=pce_id,
        fmspc=fmspc,
        sgx_type=1 if is_multi_package else 0,
        platform_instance_id=secrets.token_bytes(16) if is_multi_package else None,
        dynamic_platform=True if is_multi_package else None,
        cached_keys=True if is_multi_package else None,
        smt_enabled=True if is_multi_package else None,
    )


def encode_pck_extension(extension: PckExtension) -> bytes:
    """Return the DER value of the extension.

    The result has 5 pairs, as certificates of the Processor CA have; with a platform instance
    id it has the 7 pairs of the Platform CA.
    """
    components = [
        _pair((2, index), _integer(svn)) for index, svn in enumerate(extension.sgx_svns, start=1)
    ]
    pairs = [
        _pair((1,), _octets(extension.ppid)),
        _pair(
            (2,),
            _sequence(
                *components,
                _pair((2, 17), _integer(extension.pce_svn)),
                _pair((2, 18), _octets(extension.cpu_svn)),
            ),
        ),
        _pair((3,), _octets(extension.pce_id)),
        _pair((4,), _octets(extension.fmspc)),
        _pair((5,), _element(Tag.ENUMERATED, bytes((extension.sgx_type,)))),
    ]
    if extension.platform_instance_id is not None:
        switches = (extension.dynamic_platform, extension.cached_keys, extension.smt_enabled)
        pairs.append(_pair((6,), _octets(extension.platform_instance_id)))
        pairs.append(
            _pair(
                (7,),
                _sequence(
                    *(
                        _pair((7, number), _boolean(bool(switch)))
                        for number, switch in enumerate(switches, start=1)
                    )
                ),
            )
        )
    return _sequence(*pairs)


def _pair(arcs: tuple[int, ...], value: bytes) -> bytes:
    return _sequence(_element(Tag.OBJECT_IDENTIFIER, _ARC + bytes(arcs)), value)


def _sequence(*elements: bytes) -> bytes:
    return _element(Tag.SEQUENCE, b"".join(elements))


def _octets(value: bytes) -> bytes:
    return _element(Tag.OCTET_STRING, value)


def _integer(value: int) -> bytes:
    return _element(Tag.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _boolean(value: bool) -> bytes:
    return _element(Tag.BOOLEAN, b"\xff" if value else b"\x00")


def _element(tag: Tag, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    count = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | count)) + size.to_bytes(count, "big") + content

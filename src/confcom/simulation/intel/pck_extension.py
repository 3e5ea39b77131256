# SPDX-License-Identifier: Apache-2.0
"""The SGX extension of a PCK certificate, from values to DER.

Source: Intel SGX PCK Certificate and CRL profile specification, table 5.2. The reader is
`confcom.dcap.PckExtension`; a property test holds the two together.
"""

from typing import Final

from confcom.dcap import PckExtension
from confcom.wire import Tag

_ARC: Final = bytes.fromhex("2a864886f84d010d01")
"""Encoded contents of 1.2.840.113741.1.13.1; below it, each arc is a single byte."""


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

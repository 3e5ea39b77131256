# SPDX-License-Identifier: Apache-2.0
"""Tables of QGS messages: the header, and the fixed part that follows it in each message.

Source: Intel DCAP ``qgs_msg_lib.h``. Integers are little-endian, structures packed.
"""

from typing import Final

from confcom.protocols.qgs.codes import describe_error, describe_type
from confcom.wire import Field, Kind, Layout

_U16: Final = (2, Kind.UINT)
_U32: Final = (4, Kind.UINT)
_CITE: Final = "Intel DCAP qgs_msg_lib.h"

HEADER: Final = Layout(
    "QGS message header",
    16,
    Field("major_version", 0, *_U16, doc="1"),
    Field("minor_version", 2, *_U16, doc="1; not checked"),
    Field(
        "type",
        4,
        *_U32,
        describe_type,
        doc="0, 2 and 4 ask for quote, collateral and platform info; 1, 3 and 5 reply",
    ),
    Field("size", 8, *_U32, doc="of the message with this header; equals the length prefix"),
    Field("error_code", 12, *_U32, describe_error, doc="0 in requests and in good replies"),
    cite=f"{_CITE}, qgs_msg_header_t",
)
GET_QUOTE_REQUEST: Final = Layout(
    "QGS get quote request",
    8,
    Field("report_size", 0, *_U32, doc="1024"),
    Field("id_list_size", 4, *_U32, doc="0 or a multiple of 16"),
    cite=f"{_CITE}, qgs_msg_get_quote_req_t",
)
GET_QUOTE_REPLY: Final = Layout(
    "QGS get quote reply",
    8,
    Field("selected_id_size", 0, *_U32, doc="0 or 16"),
    Field("quote_size", 4, *_U32, doc="bytes of the quote"),
    cite=f"{_CITE}, qgs_msg_get_quote_resp_t",
)
GET_COLLATERAL_REQUEST: Final = Layout(
    "QGS get collateral request",
    8,
    Field("fmspc_size", 0, *_U32, doc="bytes of the FMSPC"),
    Field("ca_size", 4, *_U32, doc="bytes of the name of the CA"),
    cite=f"{_CITE}, qgs_msg_get_collateral_req_t",
)
GET_COLLATERAL_REPLY: Final = Layout(
    "QGS get collateral reply",
    32,
    Field("collateral_major", 0, *_U16, doc="major version of the collateral"),
    Field("collateral_minor", 2, *_U16, doc="minor version of the collateral"),
    Field("pck_crl_issuer_chain_size", 4, *_U32, doc="bytes of the PCK CRL's issuer chain"),
    Field("root_ca_crl_size", 8, *_U32, doc="bytes of the root CA's CRL"),
    Field("pck_crl_size", 12, *_U32, doc="bytes of the PCK CRL"),
    Field("tcb_info_issuer_chain_size", 16, *_U32, doc="bytes of the TCB info's issuer chain"),
    Field("tcb_info_size", 20, *_U32, doc="bytes of the TCB info"),
    Field("qe_identity_issuer_chain_size", 24, *_U32, doc="bytes of the identity's issuer chain"),
    Field("qe_identity_size", 28, *_U32, doc="bytes of the quoting enclave's identity"),
    cite=f"{_CITE}, qgs_msg_get_collateral_resp_t",
)
GET_PLATFORM_INFO_REPLY: Final = Layout(
    "QGS get platform info reply",
    12,
    Field("tdqe_svn", 0, *_U16, doc="security version of the TD quoting enclave"),
    Field("pce_svn", 2, *_U16, doc="security version of the PCE"),
    Field("platform_id_size", 4, *_U32, doc="bytes of the platform id"),
    Field("cpu_svn_size", 8, *_U32, doc="bytes of the CPUSVN"),
    cite=f"{_CITE}, qgs_msg_get_platform_info_resp_t",
)
RAW_REQUEST: Final = Layout(
    "QGS raw request",
    1024,
    Field("report_type", 0, 4, doc="0x81, subtype 0, version 0 or 1, zero"),
    Field("reserved1", 4, 12),
    Field("report_mac_fields", 16, 176, doc="CPUSVN, digests and report data"),
    Field("reserved2", 192, 32),
    Field("mac_and_tcb_info", 224, 271, doc="MAC and TEE_TCB_INFO"),
    Field("reserved3", 495, 17),
    Field("td_info", 512, 512, doc="TDINFO"),
    cite="Intel DCAP, raw mode of the TDX quote generation service; TDREPORT_STRUCT",
)
"""Bytes of a TDREPORT that raw mode goes by; what they mean is read elsewhere."""

# SPDX-License-Identifier: Apache-2.0
"""What evidence says, as members of the JSON of an attestation result."""

from functools import lru_cache

from confcom.dcap import Quote, TdAttributes, TdReport
from confcom.sgx import Flags, MiscSelect, ReportBody, Xfrm
from confcom.sgx import names as names_of

names = lru_cache(maxsize=256)(names_of)
"""Attributes by name; quotes of a fleet have the same few values."""


def describe(quote: Quote) -> dict[str, object]:
    """Return type, version and body type: what may be said of a quote before it is verified."""
    return {
        "type": "tdx-quote" if quote.is_tdx else "sgx-quote",
        "version": int(quote.header.version),
        "bodyType": int(quote.body_type),
    }


def claims_of(quote: Quote) -> dict[str, object]:
    """Return all claims of a quote. Byte strings are hex in memory order.

    Claims mean something only if the quote is authentic.
    """
    body = quote.body
    claims = describe(quote)
    claims.update(_sgx(body) if isinstance(body, ReportBody) else _tdx(body))
    return claims


def _sgx(body: ReportBody) -> dict[str, object]:
    has_kss = body.has_kss
    return {
        "mrEnclave": body.mr_enclave.hex(),
        "mrSigner": body.mr_signer.hex(),
        "isvProdId": body.isv_prod_id,
        "isvSvn": body.isv_svn,
        "debug": body.is_debug,
        "flags": names(body.flags, Flags),
        "xfrm": names(body.xfrm, Xfrm),
        "miscSelect": names(body.misc_select, MiscSelect),
        "isvFamilyId": body.isv_family_id.hex() if has_kss else None,
        "isvExtProdId": body.isv_ext_prod_id.hex() if has_kss else None,
        "configId": body.config_id.hex() if has_kss else None,
        "configSvn": body.config_svn if has_kss else None,
        "cpuSvn": body.cpu_svn.hex(),
        "reportData": body.report_data.hex(),
    }


def _tdx(body: TdReport) -> dict[str, object]:
    return {
        "mrTd": body.mr_td.hex(),
        **{f"rtmr{index}": rtmr.hex() for index, rtmr in enumerate(body.rtmrs)},
        "mrConfigId": body.mr_config_id.hex(),
        "mrOwner": body.mr_owner.hex(),
        "mrOwnerConfig": body.mr_owner_config.hex(),
        "mrServiceTd": _hex(body.mr_service_td),
        "debug": body.is_debug,
        "septVeDisable": bool(body.td_attributes & TdAttributes.SEPT_VE_DISABLE),
        "tdAttributes": names(body.td_attributes, TdAttributes),
        "xfam": names(body.xfam, Xfrm),
        "moduleVersion": f"{body.tee_tcb_svn[1]}.{body.tee_tcb_svn[0]}",
        "teeTcbSvn": body.tee_tcb_svn.hex(),
        "teeTcbSvn2": _hex(body.tee_tcb_svn2),
        "mrSeam": body.mr_seam.hex(),
        "mrSignerSeam": body.mr_signer_seam.hex(),
        "seamAttributes": body.seam_attributes.hex(),
        "reportData": body.report_data.hex(),
        "vmid": body.vmid,
        "tdId": _hex(body.td_id),
        "deviceInfoHash": _hex(body.device_info_hash),
        "initServiceTdHash": _hex(body.init_service_td_hash),
        "initServiceTdAttributes": _hex(body.init_service_td_attributes),
        "initCpuSvn": _hex(body.init_cpu_svn),
        "initTeeTcbSvn": _hex(body.init_tee_tcb_svn),
        "initFmspc": _hex(body.init_fmspc),
        "currentServiceTdHash": _hex(body.current_service_td_hash),
        "currentServiceTdAttributes": _hex(body.current_service_td_attributes),
    }


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()

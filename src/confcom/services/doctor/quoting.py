# SPDX-License-Identifier: Apache-2.0
"""The table of checks about quotes: everything between an enclave's REPORT and its quote."""

from functools import partial
from typing import Final

from confcom.services.doctor.answers import (
    tell_aesmd_conf,
    tell_azure_conf,
    tell_collateral,
    tell_daemon,
    tell_opt_in,
    tell_qcnl_conf,
    tell_services,
    tell_way,
)
from confcom.services.doctor.model import Check
from confcom.services.doctor.parts import (
    tell_aesm_library,
    tell_enclave_device,
    tell_enclave_file,
    tell_library,
    tell_provider,
    tell_provision_device,
    tell_quoting_library,
    tell_td_device,
)

QUOTING: Final = (
    Check(
        "environment.opt_in",
        "what `SGX_AESM_ADDR` of this environment means",
        tell_opt_in,
    ),
    Check(
        "environment.way",
        "inside an application's container: which way its quotes take",
        tell_way,
    ),
    Check("daemon.socket", "how the AESM socket answers", tell_daemon),
    Check("device.sgx_enclave", "the device in which enclaves run", tell_enclave_device),
    Check(
        "device.sgx_provision",
        "the device with which the quoting enclave certifies its key",
        tell_provision_device,
    ),
    Check("device.tdx_guest", "the device of a TD", tell_td_device),
    Check(
        "library.qe3_logic",
        "`libsgx_qe3_logic.so`, which holds the quoting enclave",
        partial(tell_quoting_library, name="libsgx_qe3_logic.so"),
    ),
    Check(
        "library.dcap_ql",
        "`libsgx_dcap_ql.so.1`, the simple interface to it",
        partial(tell_quoting_library, name="libsgx_dcap_ql.so.1"),
    ),
    Check(
        "library.pce_logic",
        "`libsgx_pce_logic.so.1`, which holds the provisioning certification enclave",
        partial(tell_library, name="libsgx_pce_logic.so.1"),
    ),
    Check(
        "library.urts",
        "`libsgx_urts.so.2`, which loads enclaves",
        partial(tell_library, name="libsgx_urts.so.2"),
    ),
    Check(
        "library.quote_ex",
        "`libsgx_quote_ex.so.1`, with which applications ask the daemon",
        tell_aesm_library,
    ),
    Check(
        "library.provider",
        "`libdcap_quoteprov.so.1` or `libdcap_quoteprov.so`, the certificate provider",
        tell_provider,
    ),
    Check(
        "enclave.qe3",
        "`libsgx_qe3.signed.so`, the quoting enclave",
        partial(tell_enclave_file, name="libsgx_qe3.signed.so"),
    ),
    Check(
        "enclave.pce",
        "`libsgx_pce.signed.so`, the provisioning certification enclave",
        partial(tell_enclave_file, name="libsgx_pce.signed.so"),
    ),
    Check(
        "enclave.id",
        "`libsgx_id_enclave.signed.so`, which tells the platform's id",
        partial(tell_enclave_file, name="libsgx_id_enclave.signed.so"),
    ),
    Check("configuration.aesmd", "`/etc/aesmd.conf`", tell_aesmd_conf),
    Check(
        "configuration.qcnl",
        "`/etc/sgx_default_qcnl.conf`, or what `QCNL_CONF_PATH` names",
        tell_qcnl_conf,
    ),
    Check("configuration.azure", "variables of Azure's client", tell_azure_conf),
    Check(
        "configuration.collateral",
        "on a node: where a daemon has what verifies its own quotes",
        tell_collateral,
    ),
    Check(
        "certificates.service",
        "whether the services answer that the certificate provider asks",
        tell_services,
    ),
)
"""In the order in which they are shown."""

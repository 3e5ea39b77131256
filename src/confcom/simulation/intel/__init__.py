# SPDX-License-Identifier: Apache-2.0
"""An Intel-like provisioning authority, its platforms, quotes and collateral, in software."""

from confcom.simulation.intel.authority import (
    EVALUATION_DATA_NUMBER,
    SIMULATED_FMSPC,
    SIMULATED_MODULE,
    SIMULATED_SVNS,
    SimulatedAuthority,
    make_authority,
)
from confcom.simulation.intel.documents import (
    render_envelope,
    render_evaluation_numbers,
    render_identity,
    render_tcb_info,
)
from confcom.simulation.intel.pck_extension import encode_pck_extension
from confcom.simulation.intel.platform import Platform
from confcom.simulation.intel.quoting import AUTH_DATA, QuotingEnclave, TdHistory, make_qe
from confcom.simulation.intel.tcb import SIMULATED_ADVISORY, Issue, make_qe_identity, make_tcb_info

__all__ = [
    "AUTH_DATA",
    "EVALUATION_DATA_NUMBER",
    "SIMULATED_ADVISORY",
    "SIMULATED_FMSPC",
    "SIMULATED_MODULE",
    "SIMULATED_SVNS",
    "Issue",
    "Platform",
    "QuotingEnclave",
    "SimulatedAuthority",
    "TdHistory",
    "encode_pck_extension",
    "make_authority",
    "make_qe",
    "make_qe_identity",
    "make_tcb_info",
    "render_envelope",
    "render_evaluation_numbers",
    "render_identity",
    "render_tcb_info",
]

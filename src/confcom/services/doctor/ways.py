# SPDX-License-Identifier: Apache-2.0
"""Which way quotes take on a machine, and what that way needs.

Source: Intel DCAP ``quote_wrapper``: the variable SGX_AESM_ADDR, set to whatever, makes the library
ask the daemon; Open Enclave's host library asks the daemon where Intel's DCAP library is missing.
"""

from enum import StrEnum
from typing import Final

from confcom.adapters.machine import DeviceState, Machine, Place

WRAPPER: Final = "libsgx_dcap_ql.so.1"
LOGIC: Final = "libsgx_qe3_logic.so"
AESM_LIBRARY: Final = "libsgx_quote_ex.so.1"
ENCLAVE: Final = "/dev/sgx_enclave"
PROVISION: Final = "/dev/sgx_provision"
TDX: Final = "/dev/tdx_guest"


class Way(StrEnum):
    """How an application in this place would get its quotes."""

    OUT_OF_PROCESS = "out of process"
    IN_PROCESS = "in process"
    NONE = "none"


def way_of(machine: Machine) -> Way:
    """Return the way of an application that was started in this environment."""
    if machine.opt_in is not None:
        return Way.OUT_OF_PROCESS
    if machine.file(WRAPPER).is_there:
        return Way.IN_PROCESS
    if machine.file(AESM_LIBRARY).is_there:
        return Way.OUT_OF_PROCESS
    return Way.NONE


def is_td(machine: Machine) -> bool:
    """Tell whether it is a TD without SGX."""
    return (
        machine.device(TDX).state is DeviceState.PRESENT
        and machine.device(ENCLAVE).state is DeviceState.MISSING
    )


def why_no_quoting_enclave(machine: Machine) -> str | None:
    """Return why the quoting enclave and what belongs to it is not needed here, or None."""
    if is_td(machine):
        return "this is a TD, whose quotes come from its host"
    if machine.place is Place.NODE:
        return "the daemon that answers has its own" if machine.daemon.answers else None
    if way_of(machine) is Way.IN_PROCESS:
        return None
    return "the daemon of the node makes the quotes"


def why_no_daemon(machine: Machine) -> str | None:
    """Return why no AESM daemon is needed here, or None."""
    if is_td(machine):
        return "this is a TD, whose quotes come from its host"
    if machine.place is Place.APPLICATION and way_of(machine) is Way.IN_PROCESS:
        return "this application makes its quotes in process"
    return None

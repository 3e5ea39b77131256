# SPDX-License-Identifier: Apache-2.0
"""What a machine has for quotes: devices, libraries, configuration, daemon, services."""

from confcom.adapters.machine.facts import (
    CertificateService,
    Daemon,
    Device,
    DeviceState,
    Machine,
    Place,
    ServiceState,
    SharedFile,
)
from confcom.adapters.machine.look import (
    NOT_ASKED,
    OPT_IN,
    SOCKET,
    LookOptions,
    look,
    provider_in_use,
)

__all__ = [
    "NOT_ASKED",
    "OPT_IN",
    "SOCKET",
    "CertificateService",
    "Daemon",
    "Device",
    "DeviceState",
    "LookOptions",
    "Machine",
    "Place",
    "ServiceState",
    "SharedFile",
    "look",
    "provider_in_use",
]

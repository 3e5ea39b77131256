# SPDX-License-Identifier: Apache-2.0
"""What the device plugin counts; the reference page shows it, as the others.

A table of its own, so that the plugin does not load the protocols of quotes.
"""

from typing import Final

from confcom.runtime.metrics import OTHER, Metric, MetricKind

EPC: Final = "confcom_epc_bytes"
DEVICES: Final = "confcom_device_plugin_devices"
READY: Final = "confcom_device_plugin_ready"
SIMULATED: Final = "confcom_device_plugin_simulated"
ALLOCATIONS: Final = "confcom_device_plugin_allocations_total"
REGISTRATIONS: Final = "confcom_device_plugin_registrations_total"
STREAM_ENDS: Final = "confcom_device_plugin_stream_ends_total"
DEVICE_LOSSES: Final = "confcom_device_plugin_device_losses_total"

PARTS: Final = ("epc", "enclave", "provision")
"""Resources by what they stand for; their names are settings."""

DEVICE_PLUGIN: Final = (
    Metric(
        name=EPC,
        kind=MetricKind.GAUGE,
        doc="Enclave memory of this node by state; what is used is known in mode mib-devices only.",
        labels={"state": ("total", "reserved", "allocatable", "used")},
    ),
    Metric(
        name=DEVICES,
        kind=MetricKind.GAUGE,
        doc="Devices that the kubelet is told of, by resource and health.",
        labels={"resource": PARTS, "health": ("healthy", "unhealthy")},
    ),
    Metric(
        name=READY,
        kind=MetricKind.GAUGE,
        doc="1 while the kubelet listens to the lists of all resources and the device is there, "
        "else 0.",
    ),
    Metric(
        name=SIMULATED,
        kind=MetricKind.GAUGE,
        doc="1 where another device stands in for that of SGX, else 0.",
    ),
    Metric(
        name=ALLOCATIONS,
        kind=MetricKind.COUNTER,
        doc="Containers that were given devices or refused, by resource.",
        labels={"resource": PARTS, "outcome": ("given", "refused")},
    ),
    Metric(
        name=REGISTRATIONS,
        kind=MetricKind.COUNTER,
        doc="Attempts to register with the kubelet, by what became of them.",
        labels={"outcome": ("registered", "absent", "slow", "refused", OTHER)},
    ),
    Metric(
        name=STREAM_ENDS,
        kind=MetricKind.COUNTER,
        doc="Times that the kubelet stopped listening to a list of devices.",
    ),
    Metric(
        name=DEVICE_LOSSES,
        kind=MetricKind.COUNTER,
        doc="Times that the device vanished, was replaced or lost rights.",
    ),
)

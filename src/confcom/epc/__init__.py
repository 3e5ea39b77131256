# SPDX-License-Identifier: Apache-2.0
"""Enclave memory (EPC) of a node as a resource: what there is, how it is offered, who is given it.

Pure: what was read of the node comes in as values, and what the kubelet is told goes out as
values. Imports name the module: `cpuid`, `inventory`, `device_nodes`, `resources`, `allocation`,
`misc_cgroup`.
"""

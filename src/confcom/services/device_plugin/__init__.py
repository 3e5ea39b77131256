# SPDX-License-Identifier: Apache-2.0
"""The device plugin: enclave memory and the SGX device as resources of a Kubernetes node.

`plugin` is the daemon; `recovery` decides what to do about the kubelet, `keeper` does it for one
resource.
"""

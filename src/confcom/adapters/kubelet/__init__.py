# SPDX-License-Identifier: Apache-2.0
"""The kubelet's device plugin interface: what a plugin serves, and what it asks of the kubelet.

Imports name the module; `ports` says what the others promise, without gRPC.
"""

# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes cluster of real parts, in namespaces of its own that no packet can leave."""

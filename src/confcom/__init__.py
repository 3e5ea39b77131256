# SPDX-License-Identifier: Apache-2.0
"""Confidential computing for Kubernetes: evidence, policy, resources and the add-on."""

__version__ = "0.1.0"

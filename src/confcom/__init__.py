# SPDX-License-Identifier: Apache-2.0
"""Confidential computing for Kubernetes: evidence, policy, resources and the add-on."""

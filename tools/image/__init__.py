# SPDX-License-Identifier: Apache-2.0
"""The container image of all programs, made without a container engine."""

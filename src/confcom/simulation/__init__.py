# SPDX-License-Identifier: Apache-2.0
"""Platforms in software under SIMULATED roots."""

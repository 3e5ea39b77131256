# SPDX-License-Identifier: Apache-2.0
"""Hostile bytes for every parser: each must give a value or one of our errors, at once."""

# SPDX-License-Identifier: Apache-2.0
"""Protocols as state machines over bytes: no sockets, no clocks; adapters pump them."""

# SPDX-License-Identifier: Apache-2.0
"""Clients of others ask our daemon: they share the protocol with us, and no line of code."""

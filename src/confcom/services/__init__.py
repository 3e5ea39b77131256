# SPDX-License-Identifier: Apache-2.0
"""Daemons: settings, wiring, lifecycle. No service imports another."""

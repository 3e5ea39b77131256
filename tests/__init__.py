# SPDX-License-Identifier: Apache-2.0
"""Tests of confcom, and the programs that try it on recorded and on hostile data."""

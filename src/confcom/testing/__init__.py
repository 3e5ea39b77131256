# SPDX-License-Identifier: Apache-2.0
"""Stand-ins and makers for tests, ours and those of programs built on confcom."""

# SPDX-License-Identifier: Apache-2.0
"""Runs the recorded cases, which are not part of the repository."""

# SPDX-License-Identifier: Apache-2.0
"""The program ``confcom``: arguments in, results and exit codes out."""

# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for Intel's quoting libraries, in C, which behave well and badly on demand."""

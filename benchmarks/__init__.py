# SPDX-License-Identifier: Apache-2.0
"""How fast, compared with the named peer in the same run; ratios count, times do not."""

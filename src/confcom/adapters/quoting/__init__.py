# SPDX-License-Identifier: Apache-2.0
"""Where quotes come from: back ends of the quote helper, and the socket they are served on."""

# SPDX-License-Identifier: Apache-2.0
"""SGX and TDX quotes: formats, collateral, TCB evaluation, verification."""

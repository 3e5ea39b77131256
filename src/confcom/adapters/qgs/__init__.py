# SPDX-License-Identifier: Apache-2.0
"""Quotes from a TDX quote generation service, for programs in Python.

In two lines, where ``report`` is a TDREPORT of 1024 bytes::

    client = QgsClient()
    quote = client.get_quote(report)
"""

from confcom.adapters.qgs.address import (
    DEFAULT_PORT,
    DEFAULT_SOCKET,
    DEFAULT_TIMEOUT_S,
    HOST_CID,
    Address,
    UnixAddress,
    VsockAddress,
    parse_address,
)
from confcom.adapters.qgs.async_client import AsyncQgsClient
from confcom.adapters.qgs.client import QgsClient

__all__ = [
    "DEFAULT_PORT",
    "DEFAULT_SOCKET",
    "DEFAULT_TIMEOUT_S",
    "HOST_CID",
    "Address",
    "AsyncQgsClient",
    "QgsClient",
    "UnixAddress",
    "VsockAddress",
    "parse_address",
]

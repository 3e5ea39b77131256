# SPDX-License-Identifier: Apache-2.0
"""Quotes from the AESM daemon of this node, for programs in Python.

In three lines, where ``enclave`` is whatever makes REPORTs::

    client = AesmClient()
    report = enclave.ereport(client.target_info(), report_data)
    quote = client.quote(report).quote
"""

from confcom.adapters.aesm.address import DEFAULT_SOCKET, DEFAULT_TIMEOUT_S, Address
from confcom.adapters.aesm.async_client import AsyncAesmClient
from confcom.adapters.aesm.client import AesmClient

__all__ = ["DEFAULT_SOCKET", "DEFAULT_TIMEOUT_S", "Address", "AesmClient", "AsyncAesmClient"]

# SPDX-License-Identifier: Apache-2.0
"""Addresses of quote generation services, as people write them."""

import errno
from pathlib import Path

import pytest

from confcom.adapters.qgs import (
    DEFAULT_SOCKET,
    QgsClient,
    UnixAddress,
    VsockAddress,
    parse_address,
)
from confcom.adapters.qgs.address import open_vsock
from confcom.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("vsock:2:4050", VsockAddress()),
        ("vsock:3", VsockAddress(3, 4050)),
        ("vsock:3:", VsockAddress(3, 4050)),
        ("vsock:4294967294:1", VsockAddress(2**32 - 2, 1)),
        ("/run/qgs.socket", UnixAddress(Path("/run/qgs.socket"))),
        ("./vsock:2:4050", UnixAddress(Path("vsock:2:4050"))),
    ],
)
def test_addresses_are_read_as_they_are_written(
    text: str, address: UnixAddress | VsockAddress
) -> None:
    assert parse_address(text) == address
    assert QgsClient(text).address == QgsClient(address).address == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a\0b",
        "vsock:",
        "vsock:host",
        "vsock:2:4050:1",
        "vsock:-1:4050",
        "vsock:0",
        "vsock:4294967295",
        "vsock:2:0",
        "vsock:2:4294967295",
        "vsock:2:99999999999",
        "vsock:²",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text)


def test_default_is_where_intels_service_listens() -> None:
    assert str(DEFAULT_SOCKET) == "/var/run/tdx-qgs/qgs.socket"
    assert QgsClient().address == UnixAddress()
    assert str(VsockAddress()) == "vsock:2:4050"


@pytest.mark.parametrize("limit", [0, -1, float("inf"), float("nan")])
def test_time_limits_without_end_are_refused(limit: float) -> None:
    with pytest.raises(UsageError):
        QgsClient(timeout_s=limit)


def test_python_without_vsock_is_told() -> None:
    with pytest.raises(OSError, match="built without vsock") as caught:
        open_vsock(None)
    assert caught.value.errno == errno.EAFNOSUPPORT

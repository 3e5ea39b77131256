# SPDX-License-Identifier: Apache-2.0
"""Failed calls over gRPC in our words, and our failures in those of gRPC."""

from pathlib import Path
from typing import Final

import grpc

from confcom.errors import ConfcomError, MalformedError, UnavailableError
from confcom.reasons import Reason

CHANNEL: Final = (
    # Channels to one address share their waiting times after failures, up to two minutes.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),
)
"""Options of a channel to the kubelet."""
_NOBODY: Final = {
    grpc.StatusCode.UNAVAILABLE: "nobody listens there",
    grpc.StatusCode.DEADLINE_EXCEEDED: "no answer within {timeout_s:g} s",
    grpc.StatusCode.CANCELLED: "the connection was closed",
}


def failure_of_call(
    exc: grpc.aio.AioRpcError, *, doing: str, socket: Path, timeout_s: float
) -> UnavailableError:
    """Return the error for a call to the kubelet that failed.

    Args:
        exc: as gRPC raises it.
        doing: what was being done, such as ``register resource a/b``.
        socket: the kubelet's.
        timeout_s: what the call was given, seconds.
    """
    why = _NOBODY.get(exc.code())
    if why is not None:
        return UnavailableError(
            Reason.KUBELET_UNAVAILABLE,
            f"cannot {doing} with the kubelet at {socket}: {why.format(timeout_s=timeout_s)}",
            hint="look whether the kubelet runs, and whether its folder, not a file, is mounted",
        )
    return UnavailableError(
        Reason.KUBELET_REFUSED,
        f"cannot {doing}: the kubelet at {socket} refuses: "
        f"{exc.code().name} {exc.details() or 'without a word'}",
    )


def status_of(exc: ConfcomError) -> grpc.StatusCode:
    """Return the status that tells the kubelet of a refusal of ours; its text is the message."""
    if isinstance(exc, MalformedError):
        return grpc.StatusCode.INVALID_ARGUMENT
    if isinstance(exc, UnavailableError):
        return grpc.StatusCode.UNAVAILABLE
    return grpc.StatusCode.FAILED_PRECONDITION

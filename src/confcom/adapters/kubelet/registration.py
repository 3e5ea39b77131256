# SPDX-License-Identifier: Apache-2.0
"""Tells the kubelet where a plugin listens.

The kubelet calls the plugin back before it answers, so the plugin serves already, and on the same
event loop nothing blocks meanwhile.
"""

import os
import stat
from pathlib import Path

import grpc

from confcom.adapters.kubelet.convert import REGISTER, VERSION
from confcom.adapters.kubelet.failures import CHANNEL, failure_of_call
from confcom.adapters.kubelet.ports import REGISTER_TIMEOUT_S, Resource
from confcom.errors import UnavailableError
from confcom.protocols.pb.deviceplugin_v1beta1_pb2 import DevicePluginOptions, RegisterRequest
from confcom.reasons import Reason


async def register(
    kubelet_socket: Path,
    *,
    endpoint: str,
    resource: Resource,
    timeout_s: float = REGISTER_TIMEOUT_S,
) -> None:
    """Register a plugin that listens beside the kubelet, and return when that is accepted.

    A kubelet that starts removes all sockets of its folder. One that was bound before it had done
    so is gone, and the kubelet would wait for it: so there has to be one when this is called. After
    any failure register again, as the kubelet may have forgotten who was registered before.

    Args:
        kubelet_socket: path of ``kubelet.sock``.
        endpoint: file name of the plugin's socket in the same folder.
        resource: what the plugin offers.
        timeout_s: more than the 10 s after which the kubelet gives up calling back.

    Raises:
        UnavailableError: nobody listens or answers in time, or the plugin's own socket is gone:
            bind again (``kubelet_unavailable``); or the kubelet refuses (``kubelet_refused``).
    """
    doing = f"register resource {resource.name}"
    own = kubelet_socket.with_name(endpoint)
    if not _is_socket(own):
        raise UnavailableError(
            Reason.KUBELET_UNAVAILABLE,
            f"cannot {doing}: our socket {own} is gone",
            hint="a kubelet that starts removes it; it has to be bound again",
        )
    request = RegisterRequest(
        version=VERSION,
        endpoint=endpoint,
        resource_name=resource.name,
        options=DevicePluginOptions(get_preferred_allocation_available=resource.wants_preference),
    )
    async with grpc.aio.insecure_channel(f"unix:{kubelet_socket}", options=CHANNEL) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(REGISTER)
        try:
            await call(request.SerializeToString(), timeout=timeout_s)
        except grpc.aio.AioRpcError as exc:
            raise failure_of_call(
                exc, doing=doing, socket=kubelet_socket, timeout_s=timeout_s
            ) from exc


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False

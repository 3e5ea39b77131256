# SPDX-License-Identifier: Apache-2.0
"""Asks the kubelet which container holds which devices; it answers at most 100 calls a second."""

from collections import defaultdict
from pathlib import Path
from typing import Final

import grpc
from google.protobuf.message import DecodeError

from confcom.adapters.kubelet.failures import CHANNEL, failure_of_call
from confcom.adapters.kubelet.ports import POD_RESOURCES_SOCKET, PodDevices
from confcom.errors import UnavailableError
from confcom.protocols.pb.podresources_v1_pb2 import (
    ListPodResourcesRequest,
    ListPodResourcesResponse,
)
from confcom.reasons import Reason

LIST: Final = "/v1.PodResourcesLister/List"
_DOING: Final = "list pods and their devices"


class PodResourcesClient:
    """Asks anew each time, with no connection in between.

    Args:
        socket: the kubelet's for this; not that of the plugins.
        timeout_s: for one question, seconds.
    """

    def __init__(self, socket: Path = POD_RESOURCES_SOCKET, *, timeout_s: float = 10.0) -> None:
        self._socket = socket
        self._timeout_s = timeout_s

    async def list(self) -> tuple[PodDevices, ...]:
        """Return what containers hold, in the order of namespace, pod, container and resource.

        The kubelet names a device once for each of its NUMA nodes; here each is there once.

        Raises:
            UnavailableError: nobody listens, or answers in time and in the right form
                (``kubelet_unavailable``), or the kubelet refuses, such as for too many calls
                (``kubelet_refused``).
        """
        request = ListPodResourcesRequest().SerializeToString()
        async with grpc.aio.insecure_channel(f"unix:{self._socket}", options=CHANNEL) as channel:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(LIST)
            try:
                answer = await call(request, timeout=self._timeout_s)
            except grpc.aio.AioRpcError as exc:
                raise failure_of_call(
                    exc, doing=_DOING, socket=self._socket, timeout_s=self._timeout_s
                ) from exc
        try:
            return _read(ListPodResourcesResponse.FromString(answer))
        except DecodeError as exc:
            raise UnavailableError(
                Reason.KUBELET_UNAVAILABLE,
                f"cannot {_DOING} with the kubelet at {self._socket}: its {len(answer)} bytes are "
                "no list of pods",
            ) from exc


def _read(answer: ListPodResourcesResponse) -> tuple[PodDevices, ...]:
    held: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for pod in answer.pod_resources:
        for container in pod.containers:
            for devices in container.devices:
                key = (pod.namespace, pod.name, container.name, devices.resource_name)
                held[key].update(devices.device_ids)
    return tuple(PodDevices(*key, frozenset(held[key])) for key in sorted(held))

# SPDX-License-Identifier: Apache-2.0
"""The stand-in kubelet's second socket, on which it tells who holds which devices."""

import time
from collections.abc import Iterable, Mapping
from typing import Final

import grpc

from confcom.protocols.pb.podresources_v1_pb2 import (
    AllocatableResourcesRequest,
    AllocatableResourcesResponse,
    ContainerDevices,
    ContainerResources,
    GetPodResourcesRequest,
    GetPodResourcesResponse,
    ListPodResourcesRequest,
    ListPodResourcesResponse,
    NUMANode,
    PodResources,
    TopologyInfo,
)
from confcom.testing.kubelet_pods import DeviceBook, uid_of

SERVICE: Final = "v1.PodResourcesLister"
_PER_SECOND: Final = 100.0
_BURST: Final = 10.0


class RateLimit:
    """So many calls a second, and some at once."""

    def __init__(self, per_second: float = _PER_SECOND, burst: float = _BURST) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = burst
        self._seen = time.monotonic()

    def takes(self) -> bool:
        """Count a call, and tell whether it may go on."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._seen) * self._per_second)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class PodResourcesService:
    """Answers from the book.

    Args:
        book: of the kubelet.
        pods: names of the containers of each pod, by namespace and name.
        limit: refuses what is too much.
    """

    def __init__(
        self,
        book: DeviceBook,
        pods: Mapping[tuple[str, str], tuple[str, ...]],
        limit: RateLimit,
    ) -> None:
        self._book = book
        self._pods = pods
        self._limit = limit

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what a server of gRPC serves."""
        one = grpc.unary_unary_rpc_method_handler
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "List": one(
                    self._list,
                    ListPodResourcesRequest.FromString,
                    ListPodResourcesResponse.SerializeToString,
                ),
                "GetAllocatableResources": one(
                    self._allocatable,
                    AllocatableResourcesRequest.FromString,
                    AllocatableResourcesResponse.SerializeToString,
                ),
                "Get": one(
                    self._get,
                    GetPodResourcesRequest.FromString,
                    GetPodResourcesResponse.SerializeToString,
                ),
            },
        )

    async def _list(
        self,
        _: ListPodResourcesRequest,
        context: grpc.aio.ServicerContext[ListPodResourcesRequest, ListPodResourcesResponse],
    ) -> ListPodResourcesResponse:
        if not self._limit.takes():
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "rejected by rate limit")
        return ListPodResourcesResponse(pod_resources=[self._pod(*key) for key in self._pods])

    async def _get(
        self,
        request: GetPodResourcesRequest,
        context: grpc.aio.ServicerContext[GetPodResourcesRequest, GetPodResourcesResponse],
    ) -> GetPodResourcesResponse:
        if not self._limit.takes():
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "rejected by rate limit")
        namespace, name = request.pod_namespace, request.pod_name
        if (namespace, name) not in self._pods:
            why = f"pod {name} in namespace {namespace} not found"
            await context.abort(grpc.StatusCode.UNKNOWN, why)
        return GetPodResourcesResponse(pod_resources=self._pod(namespace, name))

    async def _allocatable(
        self,
        _: AllocatableResourcesRequest,
        context: grpc.aio.ServicerContext[
            AllocatableResourcesRequest, AllocatableResourcesResponse
        ],
    ) -> AllocatableResourcesResponse:
        if not self._limit.takes():
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "rejected by rate limit")
        response = AllocatableResourcesResponse()
        for resource in self._book.devices:
            response.devices.extend(self._devices(resource, self._book.healthy(resource)))
        return response

    def _pod(self, namespace: str, name: str) -> PodResources:
        pod = PodResources(namespace=namespace, name=name)
        for container in self._pods[namespace, name]:
            told = ContainerResources(name=container)
            for (holder, inside, resource), holding in self._book.held.items():
                if (holder, inside) == (uid_of(namespace, name), container):
                    told.devices.extend(self._devices(resource, holding.identifiers))
            pod.containers.append(told)
        return pod

    def _devices(self, resource: str, identifiers: Iterable[str]) -> Iterable[ContainerDevices]:
        for identifier, node in self._book.nodes(resource, identifiers):
            topology = None if node is None else TopologyInfo(nodes=[NUMANode(ID=node)])
            yield ContainerDevices(
                resource_name=resource, device_ids=[identifier], topology=topology
            )

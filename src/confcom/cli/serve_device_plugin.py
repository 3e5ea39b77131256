# SPDX-License-Identifier: Apache-2.0
"""``confcom serve device-plugin``: enclave memory as a resource of a Kubernetes node."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from confcom.cli.command import Command, session_of
from confcom.cli.failure import missing_extra
from confcom.cli.seconds import Seconds
from confcom.cli.serve_options import Address
from confcom.errors import UsageError
from confcom.reasons import Reason

if TYPE_CHECKING:
    from confcom.epc.facts import Driver
    from confcom.epc.inventory import Inventory

STATUS_SOCKET: Final = "/run/confcom/device-plugin.sock"
_KUBELET_FOLDER: Final = "/var/lib/kubelet/device-plugins"
_POD_RESOURCES: Final = "/var/lib/kubelet/pod-resources/kubelet.sock"
_AESM_FOLDER: Final = "/var/run/aesmd"
_RESOURCE: Final = "kubernetes.azure.com/sgx_epc_mem_in_MiB"
_UNITS: Final = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(
    rf"(?=[^/]{{1,244}}/){_LABEL}(\.{_LABEL})*/[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"
)
_PACKAGES: Final = {"google": "protobuf", "grpc": "grpcio", "structlog": "structlog"}


class Quantity(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """An amount of memory as Kubernetes writes it: a number of bytes, or with Ki, Mi or Gi."""

    name = "quantity"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the bytes."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]{1,12})(Ki|Mi|Gi|)", value, re.ASCII)
        size = int(found[1]) * _UNITS[found[2]] if found else 0
        if not 2**20 <= size <= 2**52:
            self.fail(f"{value!r} is not an amount such as 64Mi, at least 1Mi", param, ctx)
        return size


class ResourceName(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """The name of an extended resource, as the kubelet takes it."""

    name = "resource"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        domain = value.partition("/")[0]
        is_kubernetes = "kubernetes.io/" in value or domain.startswith("requests.")
        if is_kubernetes or not _NAME.fullmatch(value):
            self.fail(f"{value!r} is not a resource name such as example.com/epc", param, ctx)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """Values of the options, by their names."""

    mode: str
    resource: str | None
    reserve_mib: int
    topology: bool
    aesm_folder: str | None
    no_aesm: bool
    out_of_process: bool
    cdi: bool
    cdi_folder: Path
    enclaves: int | None
    provisions: int
    kubelet_folder: Path
    pod_resources: Path | None
    dev: Path
    sys: Path
    proc: Path
    simulate: bool
    epc: int | None
    device: Path | None
    drain_s: float
    health: tuple[str, int] | None
    status: str | None

    @property
    def is_usual_kubelet(self) -> bool:
        """Whether the kubelet is where it usually is."""
        return self.kubelet_folder == Path(_KUBELET_FOLDER)

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            UsageError: with what to do instead.
        """
        is_intel = self.mode == "intel"
        refused = (
            (is_intel and self.resource is not None, "--resource", "mode intel, which has its own"),
            (is_intel and self.topology, "--topology", "mode intel, whose devices are no memory"),
            (not is_intel and self.enclaves is not None, "--enclaves", "mode mib-devices"),
            (self.no_aesm and self.aesm_folder is not None, "--aesm-folder", "--no-aesm-mount"),
            (not self.simulate and self.epc is not None, "--epc", "real enclave memory"),
            (not self.simulate and self.device is not None, "--simulate-device", "a real device"),
        )
        for is_wrong, option, other in refused:
            if is_wrong:
                raise UsageError(
                    Reason.USAGE,
                    f"cannot use {option} with {other}",
                    hint="leave one of both out"
                    if self.simulate or "real" not in other
                    else "leave it out, or add --simulate",
                )


@click.command(
    cls=Command,
    examples=(
        "confcom serve device-plugin",
        "confcom serve device-plugin --mode intel --enclaves 20",
        "confcom serve device-plugin --simulate --epc 64Mi",
    ),
)
@click.option(
    "--mode",
    type=click.Choice(("mib-devices", "intel")),
    default="mib-devices",
    show_default=True,
    help="How memory is counted: one device for each MiB, or enclaves by Intel's names.",
)
@click.option(
    "--resource",
    type=ResourceName(),
    metavar="NAME",
    help=f"Mode mib-devices: name of the resource. [default: {_RESOURCE}]",
)
@click.option(
    "--reserve",
    "reserve_mib",
    type=click.IntRange(0, 2**32),
    metavar="MIB",
    default=0,
    show_default=True,
    help="Memory that is kept for enclaves outside of Kubernetes.",
)
@click.option(
    "--topology/--no-topology",
    help="Tell the kubelet the NUMA node of each device, where the list has room. [default: no]",
)
@click.option(
    "--aesm-folder",
    metavar="PATH",
    help="Folder of the quote helper's socket, made if absent and mounted read-only into "
    f"containers at {_AESM_FOLDER}. [default: {_AESM_FOLDER}]",
)
@click.option("--no-aesm-mount", "no_aesm", is_flag=True, help="Mount no such folder.")
@click.option(
    "--out-of-process",
    is_flag=True,
    help="Set SGX_AESM_ADDR=1 in containers, so that their quotes come from the quote helper.",
)
@click.option(
    "--cdi",
    is_flag=True,
    help="Give devices by their names of the Container Device Interface, not by their paths.",
)
@click.option(
    "--cdi-folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/var/run/cdi"),
    show_default=True,
    help="With --cdi: where the container runtime looks for these names.",
)
@click.option(
    "--enclaves",
    type=click.IntRange(1, 65536),
    metavar="N",
    help="Mode intel: containers with enclaves at the same time. [default: 110]",
)
@click.option(
    "--provisions",
    type=click.IntRange(1, 65536),
    metavar="N",
    default=110,
    show_default=True,
    help="Containers that may certify attestation keys at the same time.",
)
@click.option(
    "--kubelet-folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path(_KUBELET_FOLDER),
    show_default=True,
    help="Where the kubelet and its plugins have their sockets.",
)
@click.option(
    "--pod-resources",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Socket on which the kubelet tells who holds what. "
    f"[default: {_POD_RESOURCES} if --kubelet-folder is the default one]",
)
@click.option(
    "--dev",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/dev"),
    show_default=True,
    help="Where /dev of the node is for us.",
)
@click.option(
    "--sys",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/sys"),
    show_default=True,
    help="Where /sys of the node is for us.",
)
@click.option(
    "--proc",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/proc"),
    show_default=True,
    help="Where /proc of the node is for us.",
)
@click.option(
    "--simulate",
    is_flag=True,
    help="Offer memory that is not there, on a machine without SGX; containers are told.",
)
@click.option(
    "--epc",
    type=Quantity(),
    metavar="QUANTITY",
    help="Simulated: how much memory, such as 64Mi. [default: 64Mi]",
)
@click.option(
    "--simulate-device",
    "device",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Simulated: what containers are shown as /dev/sgx_enclave. [default: /dev/null]",
)
@click.option(
    "--drain",
    "drain_s",
    type=Seconds(0, 300),
    metavar="SECONDS",
    default=5.0,
    show_default=True,
    help="How long taking leave of the kubelet may take after a signal to stop.",
)
@click.option(
    "--health",
    type=Address(),
    metavar="HOST:PORT",
    help="Answer /livez, /readyz and /metrics over HTTP there, for example on 127.0.0.1:8081.",
)
@click.option(
    "--status",
    metavar="PATH",
    help="UNIX socket that answers /status over HTTP too: which pod holds what, what is free. "
    f"[default: {STATUS_SOCKET} if --kubelet-folder is the default one]",
)
@click.pass_context
def device_plugin(ctx: click.Context, /, **given: Any) -> None:  # noqa: ANN401 checked by click
    """Offer this node's enclave memory and SGX device to pods, by the kubelet's device plugin API.

    Whatever the kubelet does, the plugin registers again and never gives up; a node without
    enclave memory offers none and says why.
    """
    flags = _Flags(**given)
    flags.check()
    session_of(ctx).start_logging(is_daemon=True)
    with packages():
        import structlog  # noqa: PLC0415 - loads for long

        from confcom.runtime.log import OWN_LOGGER  # noqa: PLC0415
        from confcom.services.device_plugin.plugin import run  # noqa: PLC0415
        from confcom.services.device_plugin.records import PluginRecords  # noqa: PLC0415
    read_node = _simulated_node(flags) if flags.simulate else _node(flags)
    log = structlog.get_logger(OWN_LOGGER).bind()
    run(_options(flags, read_node), PluginRecords(log, is_simulated=flags.simulate))


@contextmanager
def packages() -> Iterator[None]:
    """Say how to install what is missing."""
    try:
        yield
    except ModuleNotFoundError as exc:
        package = _PACKAGES.get((exc.name or "").split(".")[0])
        if package is None:
            raise
        raise missing_extra("confcom serve device-plugin", package, "device-plugin") from exc


_ReadNode = Callable[[], "tuple[Inventory, Driver | None]"]


def _node(flags: _Flags) -> _ReadNode:
    from confcom.adapters.sgx_node import NodeRoots, read_facts  # noqa: PLC0415 - not for --help
    from confcom.epc.facts import take_inventory  # noqa: PLC0415 - not for --help

    roots = NodeRoots(sys=flags.sys, dev=flags.dev, proc=flags.proc, plugins=flags.kubelet_folder)

    def read() -> "tuple[Inventory, Driver | None]":
        facts = read_facts(roots)
        return take_inventory(facts), facts.driver

    return read


def _simulated_node(flags: _Flags) -> _ReadNode:
    """Return what tells of memory that is not there.

    Raises:
        UsageError: there is real memory, or no such device.
    """
    from confcom.services.device_plugin.simulated_node import simulated_node  # noqa: PLC0415

    real, _ = _node(flags)()
    if real.total_bytes or real.nodes.enclave is not None:
        has = f"{real.total_mib} MiB of enclave memory" if real.total_bytes else "an SGX device"
        raise UsageError(
            Reason.USAGE,
            f"cannot simulate enclave memory: this node has {has}",
            hint="leave --simulate out; simulated memory beside real one could not be told apart",
        )
    inventory = simulated_node(
        flags.epc or 64 * 2**20, flags.device or Path("/dev/null"), dev=flags.dev
    )
    return lambda: (inventory, None)


def _options(flags: _Flags, read_node: _ReadNode) -> Any:  # noqa: ANN401 - loaded late
    from confcom.adapters.quoting.socket_file import SocketFile  # noqa: PLC0415 - not for --help
    from confcom.epc.resources import Mode  # noqa: PLC0415 - not for --help
    from confcom.services.device_plugin.offers import OfferOptions  # noqa: PLC0415
    from confcom.services.device_plugin.plugin import PluginOptions  # noqa: PLC0415

    status = flags.status or (STATUS_SOCKET if flags.is_usual_kubelet else None)
    pods = flags.pod_resources or (Path(_POD_RESOURCES) if flags.is_usual_kubelet else None)
    folder = str(Path(flags.aesm_folder or _AESM_FOLDER).absolute())
    return PluginOptions(
        offers=OfferOptions(
            mode=Mode(flags.mode),
            resource=flags.resource or _RESOURCE,
            reserve_mib=flags.reserve_mib,
            wants_topology=flags.topology,
            aesm_folder=None if flags.no_aesm else folder,
            is_out_of_process=flags.out_of_process,
            uses_cdi=flags.cdi,
            enclaves=flags.enclaves or 110,
            provisions=flags.provisions,
            is_simulated=flags.simulate,
        ),
        read_node=read_node,
        kubelet_folder=flags.kubelet_folder.absolute(),
        pod_resources=None if pods is None else pods.absolute(),
        dev=flags.dev,
        sys=flags.sys,
        cdi_folder=flags.cdi_folder if flags.cdi else None,
        drain_s=flags.drain_s,
        health=flags.health,
        status=None
        if status is None
        else SocketFile(Path.cwd() / status, mode=0o600, option="--status"),
    )

# SPDX-License-Identifier: Apache-2.0
"""What can be seen of a machine that quotes are made or asked for on: values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from confcom.adapters.provider_conf import ProviderConf
from confcom.errors import ConfcomError
from confcom.protocols.quoting_conf import CollateralChoice, WebAddress


class Place(StrEnum):
    """What is looked at: a node, or what a container with an application sees."""

    NODE = "node"
    APPLICATION = "application"


class DeviceState(StrEnum):
    """What has the name of a device."""

    MISSING = "missing"
    OTHER = "other"
    """Something that is no character device."""
    PRESENT = "present"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device node.

    Attributes:
        state: what is there.
        mode: permission bits, or None if missing.
        group: name, or number as text where it has none.
        refusal: why this user cannot open it for reading and writing, or None.
    """

    state: DeviceState = DeviceState.MISSING
    mode: int | None = None
    group: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFile:
    """A library or enclave file, looked for by name and never loaded.

    Attributes:
        path: the first one found, as the dynamic linker would; None if there is none.
        target: where its links lead; None where they lead nowhere.
        version: from the name of the target, such as ``1.22.100.3``, or None.
        others: further ones under the same name that lead elsewhere.
    """

    path: Path | None = None
    target: Path | None = None
    version: str | None = None
    others: tuple[Path, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether it can be loaded as far as names tell."""
        return self.target is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """What listens at the AESM socket.

    Attributes:
        socket: path.
        state: a word of `confcom.adapters.aesm_health.State`, or ``not_asked``.
        keys: how many attestation keys it offers.
        mr_enclave: of its quoting enclave, 32 bytes, or None.
        error: why it does not answer, with the cure as hint; None if it answers.
    """

    socket: Path
    state: str
    keys: int = 0
    mr_enclave: bytes | None = None
    error: ConfcomError | None = None

    @property
    def answers(self) -> bool:
        """Whether applications can get quotes from it."""
        return self.error is None


class ServiceState(StrEnum):
    """How a certificate service answers."""

    ANSWERS = "answers"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    """Its TLS certificate is not trusted."""
    NO_HTTP = "no_http"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateService:
    """A service that a certificate provider asks.

    Attributes:
        setting: where its address comes from.
        address: where it is.
        state: how it answers.
        status: of its HTTP answer.
        why: more words, or None.
    """

    setting: str
    address: WebAddress
    state: ServiceState
    status: int | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Everything that was seen at one moment.

    Attributes:
        place: a node, or inside an application's container.
        uid: effective user of this process.
        devices: by path.
        files: libraries and enclave files by name.
        conf: configuration of daemon and providers.
        daemon: what listens at the AESM socket.
        services: certificate services that the provider would ask.
        opt_in: the value of SGX_AESM_ADDR, or None where it is not set.
        proxies: names of proxy variables that are set.
        collateral: where the daemon would have what verifies its own quotes.
    """

    place: Place
    uid: int
    devices: Mapping[str, Device]
    files: Mapping[str, SharedFile]
    conf: ProviderConf
    daemon: Daemon
    services: tuple[CertificateService, ...] = ()
    opt_in: str | None = None
    proxies: tuple[str, ...] = ()
    collateral: CollateralChoice = field(default_factory=CollateralChoice)

    def device(self, path: str) -> Device:
        """Return what is known of a device node."""
        return self.devices.get(path, Device())

    def file(self, name: str) -> SharedFile:
        """Return what is known of a library or enclave file."""
        return self.files.get(name, SharedFile())

# SPDX-License-Identifier: Apache-2.0
"""How ``confcom serve quote-helper`` serves TDs; loaded only where it does."""

from collections.abc import Sequence
from pathlib import Path

from confcom.adapters.peers import PeerReader, PodNames
from confcom.adapters.quoting.qgs_places import Place, UnixPlace, VsockPlace
from confcom.adapters.quoting.qgs_records import QgsListenerOptions
from confcom.adapters.quoting.qgs_turns import TdTurnOptions
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.cli.serve_backends import Verify
from confcom.protocols.quotas import Limits
from confcom.protocols.quoting_rules import QuotingRules
from confcom.services.td_quotes import TdQuoteOptions


def td_places(path: str | None, mode: int, port: int | None) -> tuple[Place, ...]:
    """Return where TDs ask.

    Args:
        path: of a UNIX socket, or None.
        mode: of that socket.
        port: of vsock, or None.
    """
    places: list[Place] = []
    if path is not None:
        file = SocketFile(Path.cwd() / path, mode=mode, option="--qgs-socket")
        places.append(UnixPlace(file))
    if port is not None:
        places.append(VsockPlace(port))
    return tuple(places)


def td_options(
    places: Sequence[Place],
    *,
    limits: Limits,
    rules: QuotingRules | None,
    is_simulated: bool,
    verify: Verify,
    every: int,
) -> TdQuoteOptions:
    """Return how TDs are served: by the rules and limits of enclaves.

    Args:
        places: where they ask.
        limits: of callers, and of those who wait.
        rules: who may have which TD quoted; None for everybody.
        is_simulated: whether quotes are of a platform in software. Whose quotes another service
            hands out, it does not say.
        verify: verifies a quote that was served.
        every: the first quote and each n-th after it is verified; 0 for none.
    """
    return TdQuoteOptions(
        places=places,
        listener=QgsListenerOptions(most_connections=2 * limits.waiting),
        turns=TdTurnOptions(limits=limits),
        rules=rules,
        is_simulated=is_simulated or None,
        identify=PeerReader(pod_names=PodNames()).read,
        verify=verify if every else None,
        every=every,
    )

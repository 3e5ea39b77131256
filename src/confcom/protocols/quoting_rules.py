# SPDX-License-Identifier: Apache-2.0
"""Who may have which enclave or TD quoted: rules of the operator, the first that applies decides.

A rule is a line of words: ``allow`` or ``deny``, then conditions that must all hold. A condition
given several times holds if one of its values does; a rule without conditions always applies.

* ``tee=sgx``, ``tee=tdx``: an enclave, or a TD; a rule without it speaks of both
* ``debug=yes``, ``debug=no``: the enclave's debug flag, or whether the TD is under debug
* ``mr_signer=`` and 64 hexadecimal digits: who signed the enclave. A TD has no such value, and
  never is what a rule with this condition is about: it is not allowed by one, nor denied by one
* ``uid=`` and a number: the user that the asking process runs as; 65534 also stands for each user
  who has no number in the user namespace of the daemon
* ``namespace=`` and a name: the Kubernetes namespace of the asking process's pod

What no rule speaks of is allowed if there are only ``deny`` rules, and denied as soon as there is
one ``allow`` rule. Without rules everything is allowed. Of a virtual machine that asks over vsock
neither user nor namespace is known, so that a rule which would turn on one denies.

What the enclave or TD is said to be comes from a report whose MAC the quoting enclave has yet to
check: a forged one that passes here is refused there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from confcom.errors import MisconfiguredError
from confcom.protocols.aesm.codes import AesmCode
from confcom.protocols.peers import Certainty, Peer, is_namespace
from confcom.reasons import Reason
from confcom.sgx import ReportBody

_MR_SIGNER: Final = re.compile(r"[0-9a-fA-F]{64}")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,9}")
_LARGEST_UID: Final = 0xFFFFFFFE
_TRUTH: Final = {"yes": True, "no": False}
_SHOWN_CHARACTERS: Final = 80


class Effect(StrEnum):
    """What a rule says."""

    ALLOW = "allow"
    DENY = "deny"


class Tee(StrEnum):
    """What is quoted."""

    SGX = "sgx"
    TDX = "tdx"


@dataclass(frozen=True, slots=True)
class TdBody:
    """What rules look at in a TDREPORT.

    Attributes:
        is_debug: whether an attribute of the group "TD under debug" is set.
    """

    is_debug: bool


@dataclass(frozen=True, slots=True)
class Allowed:
    """The quote may be made.

    Attributes:
        rule: the rule that said so, or None where no rule speaks of it.
    """

    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """The quote may not be made.

    Attributes:
        rule: the rule that said so, or None where no rule allows it.
        why: what the log is told.
        code: what the client is told.
    """

    rule: str | None
    why: str
    code: AesmCode = AesmCode.UNEXPECTED

    @property
    def words(self) -> str:
        """Rule and reason, for the log."""
        rule = "no rule" if self.rule is None else f"rule {self.rule!r}"
        return f"{rule}: {self.why}"


Decision = Allowed | Denied


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; a condition that is empty or None is not made.

    Attributes:
        text: as the operator wrote it.
        effect: what it says where it applies.
        tee: what is quoted.
        debug: the debug flag.
        mr_signers: 32 bytes each, any of them.
        uids: any of them.
        namespaces: any of them.
    """

    text: str
    effect: Effect
    tee: Tee | None = None
    debug: bool | None = None
    mr_signers: frozenset[bytes] = frozenset()
    uids: frozenset[int] = frozenset()
    namespaces: frozenset[str] = frozenset()

    def decide(self, body: ReportBody | TdBody, peer: Peer) -> Decision | None:
        """Return what the rule says, or None where it does not apply.

        A rule that would turn on something that cannot be told about the peer denies, whatever
        its effect: neither may the unknown be let in, nor pass by a rule meant for it.
        """
        if self.tee is not None and self.tee is not _tee_of(body):
            return None
        if self.debug is not None and body.is_debug is not self.debug:
            return None
        if self.mr_signers and not _is_signed_by(body, self.mr_signers):
            return None
        user, namespace = peer.uid, peer.certain_namespace
        if self.uids and user is not None and user not in self.uids:
            return None
        if self.namespaces and namespace is not None and namespace not in self.namespaces:
            return None
        if self.uids and user is None:
            return Denied(self.text, "the user of the peer is unknown")
        if self.namespaces and namespace is None:
            return Denied(self.text, _why_no_namespace(peer))
        if self.effect is Effect.ALLOW:
            return Allowed(self.text)
        return Denied(self.text, "the rule denies it")


@dataclass(frozen=True, slots=True)
class QuotingRules:
    """Rules in their order; none by default."""

    rules: tuple[Rule, ...] = ()

    @property
    def is_about_pods(self) -> bool:
        """Whether some rule needs a peer's pod; then a peer must be pinned to be served."""
        return any(rule.namespaces for rule in self.rules)

    def decide(self, body: ReportBody | TdBody, peer: Peer) -> Decision:
        """Return whether a quote may be made.

        Args:
            body: what the report says that the enclave or the TD is.
            peer: who asks.
        """
        for rule in self.rules:
            decision = rule.decide(body, peer)
            if decision is not None:
                return decision
        if any(rule.effect is Effect.ALLOW for rule in self.rules):
            return Denied(None, "no rule allows it")
        return Allowed()

    def denial(self, body: ReportBody | TdBody, peer: Peer) -> Denied | None:
        """Return why a quote may not be made, or None where it may; arguments as of `decide`."""
        decision = self.decide(body, peer)
        return decision if isinstance(decision, Denied) else None


def parse_rules(texts: Sequence[str]) -> QuotingRules:
    """Read rules, in the order in which they are asked.

    Raises:
        MisconfiguredError: some rules cannot be read; the message lists all of them (reason
            ``settings_invalid``).
    """
    rules, mistakes = [], []
    for number, text in enumerate(texts, 1):
        try:
            rules.append(_parse(text))
        except ValueError as exc:
            mistakes.append(f"rule {number} {_shown(text)}: {exc}")
    if mistakes:
        raise MisconfiguredError(
            Reason.SETTINGS_INVALID,
            f"cannot read quoting rules: {'; '.join(mistakes)}",
            hint="a rule is, for example: deny debug=yes namespace=prod",
        )
    return QuotingRules(tuple(rules))


def _parse(text: str) -> Rule:
    effect, *conditions = text.split() or [""]
    if effect not in list(Effect):
        raise ValueError(f"expected allow or deny first, found {_shown(effect)}")
    given: dict[str, list[str]] = {
        name: [] for name in ("tee", "debug", "mr_signer", "uid", "namespace")
    }
    for condition in conditions:
        name, equals, value = condition.partition("=")
        if name not in given or not equals:
            names = ", ".join(given)
            raise ValueError(f"expected {names} with = and a value, found {_shown(condition)}")
        given[name].append(value)
    for name in ("tee", "debug"):
        if len(given[name]) > 1:
            raise ValueError(f"expected {name} once")
    return Rule(
        text=" ".join([effect, *conditions]),
        effect=Effect(effect),
        tee=_tee(given["tee"][0]) if given["tee"] else None,
        debug=_debug(given["debug"][0]) if given["debug"] else None,
        mr_signers=frozenset(map(_mr_signer, given["mr_signer"])),
        uids=frozenset(map(_uid, given["uid"])),
        namespaces=frozenset(map(_namespace, given["namespace"])),
    )


def _tee_of(body: ReportBody | TdBody) -> Tee:
    return Tee.TDX if isinstance(body, TdBody) else Tee.SGX


def _is_signed_by(body: ReportBody | TdBody, signers: frozenset[bytes]) -> bool:
    return not isinstance(body, TdBody) and body.mr_signer in signers


def _tee(value: str) -> Tee:
    if value not in list(Tee):
        raise ValueError(f"expected tee=sgx or tee=tdx, found {_shown(value)}")
    return Tee(value)


def _debug(value: str) -> bool:
    if value not in _TRUTH:
        raise ValueError(f"expected debug=yes or debug=no, found {_shown(value)}")
    return _TRUTH[value]


def _mr_signer(value: str) -> bytes:
    if not _MR_SIGNER.fullmatch(value):
        raise ValueError(f"expected 64 hexadecimal digits for mr_signer, found {_shown(value)}")
    return bytes.fromhex(value)


def _uid(value: str) -> int:
    if not _NUMBER.fullmatch(value) or int(value) > _LARGEST_UID:
        raise ValueError(f"expected a number up to {_LARGEST_UID} for uid, found {_shown(value)}")
    return int(value)


def _namespace(value: str) -> str:
    if not is_namespace(value):
        raise ValueError(f"expected the name of a namespace, found {_shown(value)}")
    return value


def _why_no_namespace(peer: Peer) -> str:
    if peer.certainty is Certainty.UNKNOWN:
        return "the pod of the peer is unknown"
    if peer.certainty is Certainty.UNPINNED:
        return "the peer is unpinned: its pod is not certain on a kernel before 6.5"
    if peer.pod_uid is None:
        return "the peer is in no pod that can be told"
    return "the namespace of the peer's pod is unknown"


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}...")

# SPDX-License-Identifier: Apache-2.0
"""Rules about quotes: first what they keep out."""

import dataclasses

import pytest

from confcom.errors import MisconfiguredError
from confcom.protocols.aesm import AesmCode
from confcom.protocols.peers import Certainty, Peer
from confcom.protocols.quoting_rules import Allowed, Denied, QuotingRules, TdBody, parse_rules
from confcom.reasons import Reason
from confcom.sgx import Flags, ReportBody

SIGNER, OTHER_SIGNER = "51" * 32, "a7" * 32
POD = "2c48913c-b29f-11e7-9350-020968147796"
BODY = dataclasses.replace(
    ReportBody.from_bytes(bytes(384)), mr_signer=bytes.fromhex(SIGNER), flags=Flags.INIT
)
DEBUG = dataclasses.replace(BODY, flags=Flags.INIT | Flags.DEBUG)
POD_PEER = Peer(
    uid=1000,
    gid=1000,
    pid=7,
    container_id="9b" * 32,
    pod_uid=POD,
    pod_namespace="prod",
    pod_name="app",
    certainty=Certainty.PINNED,
)
UNPINNED = dataclasses.replace(POD_PEER, certainty=Certainty.UNPINNED)
UNKNOWN = Peer(uid=1000, gid=1000)
UNNAMED = dataclasses.replace(POD_PEER, pod_namespace=None, pod_name=None)
HOST = Peer(uid=1000, gid=1000, pid=7, certainty=Certainty.PINNED)
NOBODY = Peer()
TD, DEBUG_TD = TdBody(is_debug=False), TdBody(is_debug=True)
Body = ReportBody | TdBody


def _denied(rules: list[str], body: Body = BODY, peer: Peer = POD_PEER) -> Denied:
    decision = parse_rules(rules).decide(body, peer)
    assert isinstance(decision, Denied)
    assert decision.code is AesmCode.UNEXPECTED
    return decision


def _allowed(rules: list[str], body: Body = BODY, peer: Peer = POD_PEER) -> Allowed:
    decision = parse_rules(rules).decide(body, peer)
    assert isinstance(decision, Allowed)
    return decision


# --- denials ---


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("deny", BODY),
        ("deny debug=yes", DEBUG),
        ("deny debug=no", BODY),
        (f"deny mr_signer={SIGNER}", BODY),
        (f"deny mr_signer={OTHER_SIGNER} mr_signer={SIGNER}", BODY),
        ("deny uid=1000", BODY),
        ("deny uid=7 uid=1000", BODY),
        ("deny namespace=prod", BODY),
        ("deny namespace=dev namespace=prod", BODY),
        (f"deny debug=yes mr_signer={SIGNER} uid=1000 namespace=prod", DEBUG),
    ],
)
def test_a_rule_denies_what_it_is_about(rule: str, body: ReportBody) -> None:
    assert _denied([rule], body) == Denied(rule, "the rule denies it")


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("allow debug=no", DEBUG),
        ("allow debug=yes", BODY),
        (f"allow mr_signer={OTHER_SIGNER}", BODY),
        ("allow uid=0", BODY),
        ("allow namespace=dev", BODY),
        (f"allow mr_signer={SIGNER} namespace=dev", BODY),
        (f"allow mr_signer={OTHER_SIGNER} namespace=prod", BODY),
        ("allow uid=0 namespace=prod", BODY),
        ("allow uid=1000 debug=yes", BODY),
    ],
)
def test_what_no_rule_allows_is_denied(rule: str, body: ReportBody) -> None:
    assert _denied([rule], body) == Denied(None, "no rule allows it")


def test_a_deny_rule_beside_allow_rules_opens_nothing() -> None:
    assert _denied(["deny debug=yes", "allow uid=0"]).rule is None
    assert _denied(["allow uid=0", "deny debug=yes"]).rule is None


@pytest.mark.parametrize(
    "rule", ["allow namespace=prod", "deny namespace=dev", "deny namespace=prod"]
)
@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (UNPINNED, "the peer is unpinned: its pod is not certain on a kernel before 6.5"),
        (UNKNOWN, "the pod of the peer is unknown"),
        (UNNAMED, "the namespace of the peer's pod is unknown"),
        (HOST, "the peer is in no pod that can be told"),
        (NOBODY, "the pod of the peer is unknown"),
    ],
    ids=["unpinned", "unknown", "unnamed", "host", "nobody"],
)
def test_rules_about_pods_deny_a_peer_whose_pod_is_not_certain(
    rule: str, peer: Peer, why: str
) -> None:
    assert _denied([rule], peer=peer) == Denied(rule, why)
    assert _denied([rule, "allow"], peer=peer) == Denied(rule, why)


@pytest.mark.parametrize("rule", ["allow uid=0", "deny uid=0"])
def test_rules_about_users_deny_a_peer_whose_user_is_unknown(rule: str) -> None:
    assert _denied([rule], peer=NOBODY) == Denied(rule, "the user of the peer is unknown")


def test_the_first_rule_that_applies_decides() -> None:
    rules = ["deny uid=1000 debug=yes", "allow uid=1000", "deny"]
    assert _denied(rules, DEBUG).rule == rules[0]
    assert _allowed(rules).rule == rules[1]
    assert _denied(rules, peer=dataclasses.replace(POD_PEER, uid=0)).rule == rules[2]


def test_a_name_that_only_begins_alike_is_another() -> None:
    for namespace in ("pro", "prod-2", "xprod"):
        assert _denied([f"allow namespace={namespace}"]).rule is None
        _allowed([f"deny namespace={namespace}"])


def test_a_denial_says_which_rule_it_was() -> None:
    assert _denied(["deny uid=1000"]).words == "rule 'deny uid=1000': the rule denies it"
    assert _denied(["allow uid=0"]).words == "no rule: no rule allows it"


# --- denials of TDs ---


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("deny", TD),
        ("deny debug=yes", DEBUG_TD),
        ("deny debug=no", TD),
        ("deny uid=1000", TD),
        ("deny namespace=prod", TD),
        ("deny tee=tdx", TD),
        ("deny tee=tdx debug=yes uid=1000 namespace=prod", DEBUG_TD),
        ("deny tee=sgx", BODY),
        (f"deny tee=sgx mr_signer={SIGNER}", BODY),
    ],
)
def test_a_rule_denies_a_td_too_unless_it_is_about_enclaves(rule: str, body: Body) -> None:
    assert _denied([rule], body) == Denied(rule, "the rule denies it")


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("allow tee=sgx", TD),
        ("allow tee=sgx debug=no", TD),
        ("allow debug=no", DEBUG_TD),
        ("allow tee=tdx debug=no", DEBUG_TD),
        ("allow tee=tdx uid=0", TD),
        ("allow tee=tdx namespace=dev", TD),
        (f"allow mr_signer={SIGNER}", TD),
        (f"allow mr_signer={'00' * 32}", TD),
        (f"allow mr_signer={SIGNER} uid=1000 namespace=prod", TD),
        (f"allow tee=tdx mr_signer={SIGNER}", TD),
        (f"allow tee=tdx mr_signer={SIGNER}", BODY),
        ("allow tee=tdx", BODY),
    ],
)
def test_what_allows_enclaves_of_a_signer_or_another_kind_allows_no_td(
    rule: str, body: Body
) -> None:
    assert _denied([rule], body) == Denied(None, "no rule allows it")


@pytest.mark.parametrize("effect", ["allow", "deny"])
@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("uid=0", "the user of the peer is unknown"),
        ("tee=tdx uid=65534", "the user of the peer is unknown"),
        ("namespace=prod", "the pod of the peer is unknown"),
        ("tee=tdx debug=no namespace=prod", "the pod of the peer is unknown"),
    ],
)
def test_a_rule_that_would_turn_on_what_is_unknown_of_a_virtual_machine_denies(
    effect: str, condition: str, why: str
) -> None:
    rule = f"{effect} {condition}"
    assert _denied([rule, "allow"], TD, NOBODY) == Denied(rule, why)


# --- what may pass ---


def test_without_rules_everything_is_allowed() -> None:
    for peer in (POD_PEER, UNPINNED, UNKNOWN, NOBODY):
        assert QuotingRules().decide(DEBUG, peer) == Allowed()
        assert _allowed([], DEBUG, peer) == Allowed(None)


@pytest.mark.parametrize(
    "rule",
    [
        "allow",
        "allow debug=no",
        f"allow mr_signer={SIGNER.upper()}",
        "allow uid=0 uid=1000",
        "allow namespace=dev namespace=prod",
        f"allow debug=no mr_signer={SIGNER} uid=1000 namespace=prod",
    ],
)
def test_a_rule_allows_what_it_is_about(rule: str) -> None:
    assert _allowed([rule]) == Allowed(rule)


@pytest.mark.parametrize(
    "rule",
    ["deny debug=yes", f"deny mr_signer={OTHER_SIGNER}", "deny uid=0", "deny namespace=dev"],
)
def test_where_only_denials_are_given_the_rest_is_allowed(rule: str) -> None:
    assert _allowed([rule]) == Allowed(None)


@pytest.mark.parametrize("peer", [UNPINNED, UNKNOWN, HOST])
def test_rules_about_other_things_do_not_ask_for_the_pod(peer: Peer) -> None:
    assert _allowed(["allow uid=1000", "deny namespace=dev"], peer=peer).rule == "allow uid=1000"
    # A rule that does not apply anyway need not know the pod.
    assert _allowed(["deny debug=yes namespace=prod"], peer=peer) == Allowed(None)
    assert _allowed(["deny uid=0 namespace=prod"], peer=peer) == Allowed(None)


@pytest.mark.parametrize(
    ("rule", "body", "peer"),
    [
        ("allow", TD, NOBODY),
        ("allow tee=tdx", DEBUG_TD, NOBODY),
        ("allow tee=tdx debug=no uid=1000 namespace=prod", TD, POD_PEER),
        ("allow tee=sgx", BODY, POD_PEER),
    ],
)
def test_a_rule_allows_the_kind_it_is_about(rule: str, body: Body, peer: Peer) -> None:
    assert _allowed([rule], body, peer) == Allowed(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "deny tee=sgx",
        "deny tee=sgx uid=0 namespace=prod",
        f"deny mr_signer={SIGNER}",
        f"deny mr_signer={SIGNER} namespace=prod",
    ],
)
def test_a_rule_about_enclaves_denies_no_td(rule: str) -> None:
    assert _allowed([rule], DEBUG_TD, NOBODY) == Allowed(None)


def test_rules_say_whether_they_need_the_pod() -> None:
    assert parse_rules(["deny debug=yes", "allow namespace=prod"]).is_about_pods
    assert not parse_rules(["deny debug=yes", "allow uid=0"]).is_about_pods


def test_spaces_do_not_matter() -> None:
    assert _denied(["  deny\t debug=yes  "], DEBUG).rule == "deny debug=yes"


# --- mistakes ---


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("", "expected allow or deny first, found ''"),
        ("   ", "expected allow or deny first, found ''"),
        ("debug=yes", "expected allow or deny first, found 'debug=yes'"),
        ("Deny debug=yes", "found 'Deny'"),
        ("permit", "found 'permit'"),
        ("deny debug", "found 'debug'"),
        ("deny debug=", "expected debug=yes or debug=no, found ''"),
        ("deny debug=true", "found 'true'"),
        ("deny debug=yes debug=no", "expected debug once"),
        ("deny tee=", "expected tee=sgx or tee=tdx, found ''"),
        ("deny tee=TDX", "found 'TDX'"),
        ("deny tee=snp", "found 'snp'"),
        ("deny tee=sgx tee=tdx", "expected tee once"),
        ("deny allow", "found 'allow'"),
        ("deny mrsigner=00", "found 'mrsigner=00'"),
        ("deny mr_signer=", "expected 64 hexadecimal digits for mr_signer, found ''"),
        (f"deny mr_signer={SIGNER[:-1]}", "expected 64 hexadecimal digits"),
        (f"deny mr_signer={SIGNER}0", "expected 64 hexadecimal digits"),
        (f"deny mr_signer={SIGNER[:-1]}g", "expected 64 hexadecimal digits"),
        (f"deny mr_signer={SIGNER},{OTHER_SIGNER}", "expected 64 hexadecimal digits"),
        ("deny uid=", "expected a number up to 4294967294 for uid"),
        ("deny uid=-1", "found '-1'"),
        ("deny uid=007", "found '007'"),
        ("deny uid=1,2", "found '1,2'"),
        ("deny uid=4294967295", "found '4294967295'"),
        ("deny uid=root", "found 'root'"),
        ("deny uid=\u0661", "found '\\u0661'"),
        ("deny namespace=", "expected the name of a namespace, found ''"),
        ("deny namespace=Prod", "found 'Prod'"),
        ("deny namespace=*", "found '*'"),
        ("deny namespace=a,b", "found 'a,b'"),
        ("deny namespace=a_b", "found 'a_b'"),
        ("deny pod=app", "expected tee, debug, mr_signer, uid, namespace with = and a value"),
        ("deny =", "found '='"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(rule: str, found: str) -> None:
    with pytest.raises(MisconfiguredError) as caught:
        parse_rules([rule])
    assert found in caught.value.message
    assert caught.value.reason is Reason.SETTINGS_INVALID


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(MisconfiguredError) as caught:
        parse_rules(["deny uid=x", "allow", "permit", "deny \x1b[31m" + "y" * 500])
    message = caught.value.message
    assert "rule 1 'deny uid=x'" in message
    assert "rule 2" not in message
    assert "rule 3 'permit'" in message
    assert "rule 4 'deny \\x1b[31m" in message
    assert len(message) < 500

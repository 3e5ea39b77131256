# SPDX-License-Identifier: Apache-2.0
"""Quotes and collateral under any change: a value or our error, and no flipped bit accepted.

A few bits of a quote carry no meaning and may be flipped without harm, all of them in its PCK
chain; `meaning` says which:

* blanks of PEM (a newline may become a vertical tab: both are white space; the NUL at the end a
  blank),
* the unused bits of the last base64 digit of a certificate,
* the count of unused bits of a signature's BIT STRING, where the bit given up is zero,
* everything in a chain's copy of the root but its name and key: the pinned copy is used.

In collateral the letter case of the hex digits of a signature carries none either.
All else is covered by a signature, a digest, or the rules of form.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forging import check, outcome
from tests.simulated import AT, DAY, FORMS, Sample, platform, sgx, tdx

from confcom.dcap import (
    BodyType,
    Caches,
    Collateral,
    Crl,
    EnclaveIdentity,
    EvaluationNumbers,
    IdentityLevel,
    PckExtension,
    Quote,
    QuoteVersion,
    TcbInfo,
    TcbLevel,
    TcbStatus,
    TrustedRoot,
    VerificationStep,
    parse_pem_chain,
    split_envelope,
)
from confcom.dcap.collateral import MEMBERS
from confcom.dcap.tcb import choose_identity_level, choose_platform_level, converge, relaunch
from confcom.dcap.validity import Clock, Period, Validity
from confcom.dcap.wrappers import unwrap
from confcom.errors import ConfcomError, NotAuthenticError
from confcom.reasons import Reason
from confcom.simulation import Enclave, TrustDomain

SGX, TDX = FORMS["sgx-v3"], FORMS["tdx-v5-1.5"]


def meaning(chain: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return what a chain says: what is signed and signed with; of a root its name and key."""
    try:
        certificates = parse_pem_chain(chain)
    except ConfcomError:
        return None
    return [
        (one.subject, one.spki_sha256)
        if one.subject == one.issuer
        else (one.tbs, one.signature)
        for one in certificates
    ]  # fmt: skip


def flip(data: bytes, bit: int) -> bytes:
    """Return data with one bit flipped."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def refusal(quote: bytes, sample: Sample, caches: Caches | None = None) -> ConfcomError | None:
    """Return why a quote is refused, or None where it is authentic."""
    try:
        check(quote, sample.collateral, caches=caches)
    except ConfcomError as error:
        return error
    return None


CHAIN = Quote.from_bytes(SGX.quote).signature.certification.data
STARTS = {form: len(sample.quote) - len(CHAIN) for form, sample in FORMS.items()}
"""Where the PCK chain begins, which ends the quote."""
PARTS, CHAIN_PARTS = 4, 8
"""Into how many tests the bits are divided, so that each takes seconds on a busy machine."""
every_form = pytest.mark.parametrize("form", FORMS)

# The library warns of oddities in certificates. In use warnings are no errors, nor are they here.
as_in_use = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("part", range(PARTS))
@every_form
def test_no_flipped_bit_before_the_chain_is_accepted(form: str, part: int) -> None:
    """Exhaustive: every bit of every form, none is without meaning."""
    sample, caches = FORMS[form], Caches()
    check(sample.quote, sample.collateral, caches=caches)
    for bit in range(part, 8 * STARTS[form], PARTS):
        assert refusal(flip(sample.quote, bit), sample, caches), f"bit {bit}"


@pytest.mark.timeout(60)
@as_in_use
@pytest.mark.parametrize("part", range(CHAIN_PARTS))
def test_no_flipped_bit_of_a_chain_is_accepted(part: int) -> None:
    """Exhaustive for one form; the next test says why that is enough for all.

    A flipped chain is refused at step ``pck_chain``, before any step that knows version, body
    type or body: all that this step is given is the certification data, the revocation lists,
    the root and the time.
    """
    start, caches = STARTS["sgx-v3"], Caches()
    check(SGX.quote, SGX.collateral, caches=caches)
    original = meaning(CHAIN)
    for bit in range(part, 8 * len(CHAIN), CHAIN_PARTS):
        error = refusal(flip(SGX.quote, 8 * start + bit), SGX, caches)
        if error is None:
            assert meaning(flip(CHAIN, bit)) == original, f"bit {bit}"
        else:
            assert error.step == VerificationStep.PCK_CHAIN, f"bit {bit}"


@pytest.mark.timeout(60)
@every_form
def test_a_flipped_bit_of_a_chain_changes_nothing_else_in_any_form(form: str) -> None:
    """Exhaustive: what the step of the test above is given is the same bytes in every form."""
    quote, start = FORMS[form].quote, STARTS[form]
    genuine = Quote.from_bytes(quote)
    assert genuine.signature.certification.data == quote[start:] == CHAIN
    for bit in range(8 * len(CHAIN)):
        flipped = flip(CHAIN, bit)
        found = Quote.from_bytes(quote[:start] + flipped)
        certification = replace(genuine.signature.certification, data=flipped)
        signature = replace(genuine.signature, certification=certification)
        assert found == replace(genuine, signature=signature), f"bit {bit}"


@pytest.mark.timeout(60)
@as_in_use
@pytest.mark.parametrize("form", [form for form in FORMS if form != "sgx-v3"])
def test_no_flipped_byte_of_a_chain_is_accepted_in_any_form(form: str) -> None:
    """Every seventh bit: one or two of every byte, and each of the eight in turn."""
    sample, start, caches = FORMS[form], STARTS[form], Caches()
    check(sample.quote, sample.collateral, caches=caches)
    original = meaning(CHAIN)
    for bit in range(list(FORMS).index(form), 8 * len(CHAIN), 7):
        error = refusal(flip(sample.quote, 8 * start + bit), sample, caches)
        if error is None:
            assert meaning(flip(CHAIN, bit)) == original, f"bit {bit}"
        else:
            assert error.step == VerificationStep.PCK_CHAIN, f"bit {bit}"


@pytest.mark.timeout(60)
@as_in_use
@every_form
def test_caches_do_not_change_the_refusal_of_a_flipped_bit(form: str) -> None:
    sample, warm = FORMS[form], Caches()
    check(sample.quote, sample.collateral, caches=warm)
    for byte in range(0, len(sample.quote), 23):
        changed = flip(sample.quote, 8 * byte + byte % 8)
        fresh, cached = refusal(changed, sample), refusal(changed, sample, warm)
        assert (fresh is None) is (cached is None), f"byte {byte}"
        if fresh is not None and cached is not None:
            assert (fresh.reason, fresh.message, fresh.step) == (
                cached.reason,
                cached.message,
                cached.step,
            )


CHAINS = {"pck_crl_issuer_chain", "tcb_info_issuer_chain", "qe_identity_issuer_chain"}
SIGNATURES = {"tcb_info_signature", "qe_identity_signature"}


def carries_no_meaning(name: str, old: bytes, new: bytes) -> bool:
    """Tell whether two forms of an item of collateral say the same."""
    if name in CHAINS:
        return meaning(old) == meaning(new)
    if name in SIGNATURES:
        return old.lower() == new.lower()
    if name in {"root_ca_crl", "pck_crl"}:
        one, other = Crl.from_bytes(old), Crl.from_bytes(new)
        return (one.tbs, one.signature) == (other.tbs, other.signature)
    return False


@pytest.mark.timeout(60)
@as_in_use
@pytest.mark.parametrize("seed", range(10))
def test_no_flipped_bit_of_collateral_is_accepted(seed: int) -> None:
    chooser, caches = random.Random(seed), Caches()
    for _ in range(1000):
        sample = chooser.choice((SGX, TDX))
        name = chooser.choice([name for name in MEMBERS if name != "pck_certificate_chain"])
        old: bytes = getattr(sample.collateral, name)
        new = flip(old, chooser.randrange(8 * len(old)))
        found = outcome(sample.quote, replace(sample.collateral, **{name: new}), caches=caches)
        assert found is not None or carries_no_meaning(name, old, new), name


# Any bytes

PARSERS: dict[str, Callable[[bytes], object]] = {
    "quote": Quote.from_bytes,
    "chain": parse_pem_chain,
    "root": TrustedRoot.from_pem,
    "crl": Crl.from_bytes,
    "tcb info": TcbInfo.from_bytes,
    "identity": EnclaveIdentity.from_bytes,
    "numbers": EvaluationNumbers.from_bytes,
    "extension": PckExtension.from_der,
    "bundle": Collateral.from_json,
    "envelope": lambda data: split_envelope(data, "tcbInfo"),
    "wrapper": unwrap,
}
SEEDS = [
    *(sample.quote for sample in FORMS.values()),
    platform().pck_chain,
    SGX.collateral.root_ca_crl,
    SGX.collateral.tcb_info,
    TDX.collateral.tcb_info,
    SGX.collateral.qe_identity,
    SGX.collateral.to_json(),
]


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["set", "insert", "cut", "drop", "twice"])):
            case "set":
                content = draw(st.binary(min_size=1, max_size=8))
                data[at : at + len(content)] = content
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=40))
            case "cut":
                del data[at:]
            case "drop":
                del data[at : at + draw(st.integers(1, 64))]
            case _:
                data[at:at] = data[at : at + draw(st.integers(1, 200))]
    return bytes(data)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("parser", PARSERS)
@given(data=st.one_of(st.binary(max_size=2000), mutants()))
def test_any_bytes_give_a_value_or_our_error(parser: str, data: bytes) -> None:
    try:
        PARSERS[parser](data)
    except ConfcomError as error:
        assert error.message  # noqa: PT017 the type is what is tested


@pytest.mark.timeout(30)
@given(data=mutants())
def test_a_mutant_is_refused_by_our_error_or_says_the_same(data: bytes) -> None:
    if outcome(data, SGX.collateral) is None:
        quote = Quote.from_bytes(data)
        assert quote.signed in {sample.quote[: len(quote.signed)] for sample in FORMS.values()}


# Round trip


@given(
    report_data=st.binary(min_size=64, max_size=64),
    auth_data=st.binary(max_size=100),
    trailing=st.integers(0, 100),
    version=st.sampled_from(QuoteVersion),
    kind=st.sampled_from(BodyType),
)
def test_quotes_survive(
    report_data: bytes, auth_data: bytes, trailing: int, version: QuoteVersion, kind: BodyType
) -> None:
    form = {"version": version, "auth_data": auth_data, "trailing": trailing}
    if kind is BodyType.SGX or version is QuoteVersion.V3:
        enclave = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
        report = enclave.ereport(platform().qe_target_info, report_data)
        data = platform().quote_sgx(report, **form)  # type: ignore[arg-type]
    else:
        body_type = BodyType.TD_1_0 if version is QuoteVersion.V4 else kind
        data = tdx_quote(report_data, body_type, form)
    quote = Quote.from_bytes(data)
    assert quote.to_bytes() == data
    assert (quote.trailing, quote.signature.auth_data) == (trailing, auth_data)
    assert quote.body.report_data == report_data


def tdx_quote(report_data: bytes, body_type: BodyType, form: dict[str, object]) -> bytes:
    """Return a TDX quote over report data."""
    report = platform().td_report(TrustDomain(mr_td=b"\x7d" * 48), report_data)
    return platform().quote_tdx(report, body_type=body_type, **form)  # type: ignore[arg-type]


# Monotonic

S, R = TcbStatus, Reason
RANK = {
    S.UP_TO_DATE: 0,
    S.SW_HARDENING_NEEDED: 0,
    S.CONFIGURATION_NEEDED: 0,
    S.CONFIGURATION_AND_SW_HARDENING_NEEDED: 0,
    S.TD_RELAUNCH_ADVISED: 1,
    S.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED: 1,
    S.OUT_OF_DATE: 2,
    S.OUT_OF_DATE_CONFIGURATION_NEEDED: 2,
    S.REVOKED: 3,
}
"""How bad: current, to be launched again, old, revoked; 4 is on no level."""
DOCUMENTED = [S.UP_TO_DATE, S.SW_HARDENING_NEEDED, S.CONFIGURATION_NEEDED]
DOCUMENTED += [S.CONFIGURATION_AND_SW_HARDENING_NEEDED, S.OUT_OF_DATE]
DOCUMENTED += [S.OUT_OF_DATE_CONFIGURATION_NEEDED, S.REVOKED]
svns = st.tuples(*[st.integers(0, 3)] * 16)


@st.composite
def level_lists(draw: st.DrawFn) -> tuple[TcbLevel, ...]:
    """Return levels from high to low whose statuses get worse, as a sound document has them."""
    rows = draw(st.lists(st.tuples(svns, st.integers(0, 3), svns), min_size=1, max_size=5))
    rows = sorted(set(rows), reverse=True)
    statuses = sorted(
        draw(st.lists(st.sampled_from(DOCUMENTED), min_size=len(rows), max_size=len(rows))),
        key=RANK.__getitem__,
    )
    return tuple(
        TcbLevel(one, pce, two, status, 0)
        for (one, pce, two), status in zip(rows, statuses, strict=True)
    )


def rank(
    levels: tuple[TcbLevel, ...],
    identity: tuple[IdentityLevel, ...],
    svn: tuple[tuple[int, ...], int, tuple[int, ...], tuple[int, ...], int],
) -> int:
    one, pce, launch, current, qe = svn
    extension = replace(platform().extension, sgx_svns=one, pce_svn=pce)
    statuses = []
    for now in (launch, current):
        level = choose_platform_level(extension, levels, bytes(now))
        enclave = choose_identity_level(identity, qe)
        if level is None or enclave is None:
            return 4
        statuses.append(converge(level.status, (enclave.status,)))
    return RANK[relaunch(*statuses)]


@pytest.mark.timeout(60)
@settings(max_examples=150)
@given(
    levels=level_lists(),
    numbers=st.lists(st.integers(0, 9), min_size=3, max_size=3, unique=True),
    one=svns,
    pce=st.integers(0, 3),
    launch=svns,
    current=svns,
    qe=st.integers(0, 9),
    which=st.sampled_from(["sgx", "pce", "launch", "current", "qe"]),
    index=st.integers(0, 15).filter(lambda index: index != 1),
    by=st.integers(1, 3),
)
def test_raising_an_svn_never_makes_it_worse(
    levels: tuple[TcbLevel, ...],
    numbers: list[int],
    one: tuple[int, ...],
    pce: int,
    launch: tuple[int, ...],
    current: tuple[int, ...],
    qe: int,
    which: str,
    index: int,
    by: int,
) -> None:
    """Byte 1 of a TEE_TCB_SVN is no SVN but the module's major version, so it stays."""

    def raised(values: tuple[int, ...], name: str) -> tuple[int, ...]:
        step = by if name == which else 0
        return (*values[:index], values[index] + step, *values[index + 1 :])

    high, middle, low = sorted(numbers, reverse=True)
    identity = (
        IdentityLevel(high, S.UP_TO_DATE, 0),
        IdentityLevel(middle, S.OUT_OF_DATE, 0),
        IdentityLevel(low, S.REVOKED, 0),
    )
    before = rank(levels, identity, (one, pce, launch, current, qe))
    after = rank(
        levels,
        identity,
        (
            raised(one, "sgx"),
            pce + (by if which == "pce" else 0),
            raised(launch, "launch"),
            raised(current, "current"),
            qe + (by if which == "qe" else 0),
        ),
    )
    assert after <= before


# Periods compared at once, and one after the other


@st.composite
def periods(draw: st.DrawFn) -> Period:
    first, last = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    late = draw(st.sampled_from([R.CERT_EXPIRED, R.CRL_EXPIRED, R.COLLATERAL_EXPIRED]))
    return Period("object", first, last, late)


def late(one: Validity, clock: Clock) -> Reason | None:
    """Return why objects cannot be used at a time."""
    try:
        one.check(clock)
    except NotAuthenticError as error:
        return error.reason
    return None


@given(
    several=st.lists(periods(), min_size=1, max_size=5),
    now=st.integers(-3, 15),
    allowance=st.integers(0, 3),
    grace=st.integers(0, 3),
)
def test_objects_can_be_used_when_each_of_them_can(
    several: list[Period], now: int, allowance: int, grace: int
) -> None:
    clock = Clock(now, allowance, grace)
    each = [late(Validity((period,)), clock) for period in several]
    found = late(Validity(tuple(several)), clock)
    assert found is next((reason for reason in each if reason), None)
    if found is None:
        assert now <= Validity(tuple(several)).last_use


# Cached equals fresh

POOL = [
    *FORMS.values(),
    sgx(status=S.OUT_OF_DATE),
    sgx(status=S.REVOKED),
    sgx(status=None),
    sgx(qe_status=None),
    tdx(status=S.SW_HARDENING_NEEDED),
    tdx(module_status=None),
    sgx(lifetime=2 * DAY),
    sgx(issued=AT + DAY),
    replace(SGX, quote=flip(SGX.quote, 480)),
    replace(SGX, quote=flip(SGX.quote, 8 * 440)),
    replace(SGX, quote=flip(SGX.quote, 8 * 600)),
    replace(SGX, collateral=TDX.collateral),
    replace(TDX, collateral=SGX.collateral),
]
EDGES = [-DAY, timedelta(0), DAY, 2 * DAY, 30 * DAY, 365 * DAY, 7 * 365 * DAY, 15 * 365 * DAY]
SECOND = timedelta(seconds=1)
MOMENTS = st.tuples(st.sampled_from(EDGES), st.sampled_from([-SECOND, timedelta(0), SECOND]))


def answer(sample: Sample, moment: tuple[timedelta, timedelta], caches: Caches | None) -> object:
    """Return all that a caller can see of a verdict."""
    try:
        verified = check(
            sample.quote, sample.collateral, at=AT + moment[0] + moment[1], caches=caches
        )
    except ConfcomError as error:
        return (type(error), error.reason, error.message, error.hint, error.step)
    return (
        verified.quote,
        verified.pck,
        verified.tcb_info,
        verified.qe_identity,
        verified.tcb,
        verified.root,
        verified.clock,
        verified.valid_from,
        verified.valid_until,
        verified.document_dates,
        verified.next_updates,
    )


@pytest.mark.timeout(60)
@settings(max_examples=40)
@given(
    calls=st.lists(st.tuples(st.integers(0, len(POOL) - 1), MOMENTS), min_size=2, max_size=10),
    bound=st.integers(0, 3) | st.just(100),
)
def test_a_cached_answer_is_the_fresh_answer(
    calls: list[tuple[int, tuple[timedelta, timedelta]]], bound: int
) -> None:
    caches = Caches(collateral=bound, chains=bound, keys=bound)
    for number, moment in calls:
        sample = POOL[number]
        assert answer(sample, moment, caches) == answer(sample, moment, None)
        for cache in (caches.collateral, caches.chains, caches.keys):
            assert len(cache) <= bound

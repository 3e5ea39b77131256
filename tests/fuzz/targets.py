# SPDX-License-Identifier: Apache-2.0
"""One target for each parser: what it is given first, and what it may answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from confcom.attestation import Endorsements, ReferenceValues, judge, read_reference
from confcom.attestation.inspection import inspect
from confcom.attestation.recognition import recognise
from confcom.dcap import (
    Caches,
    Certificate,
    Collateral,
    Crl,
    EnclaveIdentity,
    EvaluationNumbers,
    PckExtension,
    Quote,
    TcbInfo,
    TdReport,
    TdxReport,
    parse_pem_chain,
    split_envelope,
)
from confcom.dcap.td_report import TDREPORT
from confcom.dcap.wrappers import unwrap
from confcom.errors import ConfcomError
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    Ask,
    AttestationKeyId,
    Close,
    KeyInfo,
    QuoteSize,
    Reply,
    ServerConnection,
    SignedQuote,
    read_key_ids,
    write_key_ids,
)
from confcom.protocols.cgroups import parse_cgroup
from confcom.protocols.pb.aesm_pb2 import Response
from confcom.protocols.peers import parse_pidfd_info, parse_pod_folder, parse_stat
from confcom.protocols.quoting_conf import (
    MAX_NOTES,
    AesmdConf,
    AzureConf,
    CollateralChoice,
    Note,
    Provider,
    QcnlConf,
    Whose,
    choose_collateral,
    read_aesmd_conf,
    read_qcnl_conf,
)
from confcom.runtime.settings.model import check_source, check_url
from confcom.sgx import REPORT_BODY, Report, ReportBody, TargetInfo
from confcom.sgx.measurement import measure
from confcom.sgx.sigstruct import Sigstruct, verify_sigstruct
from confcom.wire import DerElement, DerError, Tag, decode_binary, read_der, render_dump
from tests import simulated
from tests.fuzz import qgs, seeds

_MOST_ELEMENTS: Final = 1000


@dataclass(frozen=True)
class Target:
    """One parser.

    Attributes:
        name: on the command line and in figures.
        run: gives the bytes to the parser; any value is a good answer.
        seeds: valid inputs.
        refusals: exceptions that are a good answer too.
    """

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    refusals: tuple[type[Exception], ...] = (ConfcomError,)


def _quote(data: bytes) -> None:
    assert Quote.from_bytes(data).to_bytes() == data


def _report(data: bytes) -> None:
    if len(data) == REPORT_BODY.size:
        assert ReportBody.from_bytes(data).to_bytes() == data
    else:
        Report.from_bytes(data)


def _target_info(data: bytes) -> None:
    assert TargetInfo.from_bytes(data).to_bytes() == data


def _td_report(data: bytes) -> None:
    if len(data) == TDREPORT.size:
        assert TdxReport.from_bytes(data).to_bytes() == data
    else:
        assert TdReport.from_bytes(data).to_bytes() == data


def _sigstruct(data: bytes) -> None:
    parsed = Sigstruct.from_bytes(data)
    assert parsed.to_bytes() == data
    verify_sigstruct(parsed)


def _envelope(data: bytes) -> None:
    for member in ("tcbInfo", "enclaveIdentity", "tcbEvaluationDataNumbers"):
        if f'"{member}"'.encode() in data:
            split_envelope(data, member)
            return
    split_envelope(data, "tcbInfo")


def _bundle(data: bytes) -> None:
    collateral = Collateral.from_json(data)
    assert Collateral.from_json(collateral.to_json()).digest


def _inspect(data: bytes) -> None:
    found = recognise(data)
    inspection = inspect(found)
    inspection.to_document(encoding=found.encoding, size_bytes=len(found.data), with_dump=True)
    for _ in render_dump(inspection.annotations):
        pass


def _der(data: bytes) -> None:
    waiting = [read_der(data)]
    for _ in range(_MOST_ELEMENTS):
        if not waiting:
            return
        element = waiting.pop()
        waiting.extend(_children(element))


def _children(element: DerElement) -> tuple[DerElement, ...]:
    match element.tag:
        case Tag.SEQUENCE:
            return element.sequence(most=64)
        case Tag.INTEGER:
            element.integer(largest=2**64 - 1)
        case Tag.BOOLEAN:
            element.boolean()
        case Tag.OBJECT_IDENTIFIER:
            element.object_identifier()
        case Tag.OCTET_STRING:
            element.octets(len(element.content))
        case _:
            pass
    return ()


def _cgroup(data: bytes) -> None:
    found = parse_cgroup(data)
    assert found is None or found.container_id.encode() in data
    parse_stat(data)
    parse_pidfd_info(data)
    parse_pod_folder(data.decode(errors="surrogateescape"))


def _aesmd_conf(data: bytes) -> None:
    conf = read_aesmd_conf(data)
    _check_notes(conf.notes)
    _check_choice(aesmd=conf)


def _qcnl_conf(data: bytes) -> None:
    conf = read_qcnl_conf(data)
    _check_notes(conf.notes)
    _check_choice(qcnl=conf)


def _check_choice(*, aesmd: AesmdConf | None = None, qcnl: QcnlConf | None = None) -> None:
    choice = choose_collateral(
        CollateralChoice(),
        Provider.INTEL,
        aesmd or AesmdConf(),
        qcnl or QcnlConf(),
        AzureConf(),
        places=dict.fromkeys(Whose, "x"),
    )
    _check_notes(tuple(note for _, note in choice.notes))
    assert [check_source(source) for source in choice.sources.value] == [None]
    assert choice.proxy.value is None or check_url(choice.proxy.value) is None


def _check_notes(notes: Sequence[Note]) -> None:
    assert len(notes) <= MAX_NOTES + 1
    assert all(str(note).isprintable() for note in notes)
    assert all(len(note.words) < 300 for note in notes)


_KEY_IDS: Final = (DEFAULT_KEY_ID.to_bytes(),)
_ANSWERS: Final = (
    KeyInfo(bytes(512), bytes(32)),
    QuoteSize(4600),
    SignedQuote(bytes(436), bytes(960)),
)


def _aesm_request(data: bytes) -> None:
    for answer in _ANSWERS:
        connection = ServerConnection(_KEY_IDS)
        event = connection.receive(data)
        if isinstance(event, Ask):
            event = connection.answer(answer)
        if not isinstance(event, Reply):
            assert event is None or isinstance(event, Close)
            return
        fields = Response.FromString(event.data[4:]).ListFields()
        assert [field.name for field, _ in fields] == [event.call]


def _aesm_reply(data: bytes) -> None:
    # The first byte chooses which call it answers.
    asks = seeds.aesm_asks()
    asks[data[0] % len(asks) if data else 0]().receive(data[1:])


def _key_ids(data: bytes) -> None:
    ids = read_key_ids(data)
    assert write_key_ids(ids) == data
    for one in ids:
        assert AttestationKeyId.from_bytes(one).to_bytes() == one


# Small, so that they are full before memory is measured: blanks in a chain make another entry.
_CACHES: Final = Caches(collateral=8, chains=64, keys=64)


def _verify(data: bytes) -> None:
    _judge(data, simulated.sgx().collateral, _CACHES)


def _verify_bundle(data: bytes) -> None:
    _judge(simulated.sgx().quote, Collateral.from_json(data), None)


def _judge(quote: bytes, collateral: Collateral, caches: Caches | None) -> None:
    judge(
        quote,
        endorse=lambda _: Endorsements(collateral),
        reference=ReferenceValues(),
        at=simulated.AT,
        root=simulated.authority().trusted_root,
        allow_simulated=True,
        caches=caches,
    ).to_json()


TARGETS: Final = {
    target.name: target
    for target in (
        Target("quote", _quote, seeds.quotes),
        Target("wrappers", unwrap, seeds.wrapped_quotes),
        Target("chain", parse_pem_chain, seeds.chains),
        Target("certificate", Certificate.from_der, seeds.certificates),
        Target("pck-extension", PckExtension.from_der, seeds.pck_extensions),
        Target("crl", Crl.from_bytes, seeds.crls),
        Target("tcb-info", TcbInfo.from_bytes, seeds.tcb_infos),
        Target("identity", EnclaveIdentity.from_bytes, seeds.identities),
        Target("evaluation-numbers", EvaluationNumbers.from_bytes, seeds.evaluation_numbers),
        Target("envelope", _envelope, seeds.envelopes),
        Target("bundle", _bundle, seeds.bundles),
        Target("sigstruct", _sigstruct, seeds.sigstructs),
        Target("measurement", measure, seeds.measurement_streams),
        Target("report", _report, seeds.reports),
        Target("target-info", _target_info, seeds.reports),
        Target("td-report", _td_report, seeds.td_reports),
        Target("inspect", _inspect, seeds.anything),
        Target("text", lambda data: decode_binary(data, what="input"), seeds.texts),
        Target("reference", lambda data: read_reference({}, file=data), seeds.references),
        Target("aesm-request", _aesm_request, seeds.aesm_requests),
        Target("aesm-reply", _aesm_reply, seeds.aesm_replies),
        Target("aesm-key-ids", _key_ids, seeds.aesm_key_ids),
        Target("qgs-request", qgs.run_request, qgs.requests),
        Target("qgs-reply", qgs.run_reply, qgs.replies),
        Target("der", _der, seeds.pck_extensions, (DerError,)),
        Target("cgroup", _cgroup, seeds.cgroups, ()),
        Target("aesmd-conf", _aesmd_conf, seeds.aesmd_confs, ()),
        Target("qcnl-conf", _qcnl_conf, seeds.qcnl_confs, ()),
        Target("verify", _verify, lambda: (simulated.sgx().quote,)),
        Target("verify-bundle", _verify_bundle, lambda: (seeds.bundles()[0],)),
    )
}

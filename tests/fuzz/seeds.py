# SPDX-License-Identifier: Apache-2.0
"""Valid inputs to start from: simulated ones always, recorded real ones where they are.

The simulator's keys are fresh in each process; a finding is therefore kept as a file.
"""

import base64
import re
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any

from confcom.dcap import CertType, Collateral, Quote, TeeType, parse_pem_chain
from confcom.errors import ConfcomError
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    Ask,
    AttestationKeyId,
    ServerConnection,
    write_frame,
    write_key_ids,
)
from confcom.protocols.aesm.client import (
    Exchange,
    ask_key_id_count,
    ask_key_ids,
    ask_key_info,
    ask_public_key_id_size,
    ask_quote,
    ask_quote_size,
    ask_selection,
)
from confcom.protocols.pb.aesm_pb2 import Request
from confcom.sgx.measurement import Access, MeasurementBuilder, PageType
from confcom.simulation import (
    NO_TARGET,
    Enclave,
    TrustDomain,
    render_envelope,
)
from confcom.testing.aesm_quotes import CannedQuotes
from confcom.testing.sigstruct import new_author_key, sign_enclave
from tests import simulated, vectors_path
from tests.structures import FORMS, quote_bytes

_LARGEST_SEED = 64 * 1024
_ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)


@cache
def recorded(pattern: str) -> tuple[bytes, ...]:
    """Return the recorded files that match, in the order of their names."""
    folder = vectors_path.find("dcap")
    paths = sorted(folder.glob(pattern)) if folder is not None else ()
    contents = (path.read_bytes() for path in paths)
    return tuple(content for content in contents if 0 < len(content) <= _LARGEST_SEED)


@cache
def quotes() -> tuple[bytes, ...]:
    """Return quotes of every form."""
    forms = (quote_bytes(version, body_type) for version, body_type in FORMS)
    return (simulated.sgx().quote, simulated.tdx().quote, *forms, *recorded("quotes/real-*.bin"))


@cache
def wrapped_quotes() -> tuple[bytes, ...]:
    """Return quotes inside Open Enclave headers."""
    quote = simulated.sgx().quote
    size = len(quote).to_bytes(8, "little")
    report = (1).to_bytes(4, "little") + (2).to_bytes(4, "little") + size + quote
    evidence = (
        (3).to_bytes(4, "little")
        + bytes.fromhex("a3a21e871b4d4014b70aa125d2fbcd8c")
        + len(report).to_bytes(8, "little")
        + report
    )
    return report, evidence, quote


@cache
def collaterals() -> tuple[Collateral, ...]:
    """Return collateral, its items all fit for their parsers."""
    found = [simulated.sgx().collateral, simulated.tdx().collateral]
    for data in recorded("collateral/real-*.json"):
        try:
            found.append(Collateral.from_json(data))
        except ConfcomError:
            continue  # recorded in order to be refused
    return tuple(found)


@cache
def bundles() -> tuple[bytes, ...]:
    """Return collateral in the form of a file."""
    return tuple(collateral.to_json() for collateral in collaterals())


@cache
def chains() -> tuple[bytes, ...]:
    """Return chains in PEM, of quotes and of documents."""
    own = tuple(collateral.tcb_info_issuer_chain for collateral in collaterals())
    certification = [
        Quote.from_bytes(data).signature.certification
        for data in (simulated.sgx().quote, *recorded("quotes/real-*.bin"))
    ]
    carried = (one.data for one in certification if one.type is CertType.PCK_CHAIN)
    return (*dict.fromkeys((*own, *carried)),)


@cache
def certificates() -> tuple[bytes, ...]:
    """Return certificates in DER."""
    return tuple(dict.fromkeys(one.der for chain in chains() for one in parse_pem_chain(chain)))


@cache
def pck_extensions() -> tuple[bytes, ...]:
    """Return SGX extensions of PCK certificates in DER."""
    found = (one.sgx_extension for chain in chains() for one in parse_pem_chain(chain))
    return tuple(dict.fromkeys(one for one in found if one is not None))


@cache
def crls() -> tuple[bytes, ...]:
    """Return revocation lists as DER, PEM and hex."""
    der = [one.pck_crl for one in collaterals() if one.pck_crl[:1] == b"\x30"]
    der += [bytes.fromhex(one.pck_crl.decode()) for one in collaterals() if one.pck_crl not in der]
    first = base64.encodebytes(der[0])
    pem = b"-----BEGIN X509 CRL-----\n" + first + b"-----END X509 CRL-----\n"
    return (*dict.fromkeys(der), pem, der[0].hex().encode())


def tcb_infos() -> tuple[bytes, ...]:
    """Return TCB Infos, inner objects."""
    return tuple(dict.fromkeys(one.tcb_info for one in collaterals()))


def identities() -> tuple[bytes, ...]:
    """Return enclave identities, inner objects."""
    return tuple(dict.fromkeys(one.qe_identity for one in collaterals()))


@cache
def evaluation_numbers() -> tuple[bytes, ...]:
    """Return lists of evaluation data numbers, inner objects."""
    document = simulated.authority().evaluation_numbers(
        TeeType.SGX, at=simulated.AT, numbers=(18, 19, 20)
    )
    return (document.content,)


@cache
def envelopes() -> tuple[bytes, ...]:
    """Return answers of the service, of each kind."""
    authority = simulated.authority()
    documents = {
        "tcbInfo": tcb_infos()[0],
        "enclaveIdentity": identities()[0],
        "tcbEvaluationDataNumbers": evaluation_numbers()[0],
    }
    made = (
        render_envelope(member, authority.sign(content)) for member, content in documents.items()
    )
    return (*made, *recorded("pcs/*.json"))


@cache
def sigstructs() -> tuple[bytes, ...]:
    """Return SIGSTRUCTs."""
    signed = sign_enclave(
        new_author_key(), mr_enclave=b"\xe0" * 32, date=simulated.AT.date(), isv_prod_id=7
    )
    return (signed.to_bytes(), *recorded("sigstruct/*.sig"))


@cache
def measurement_streams() -> tuple[bytes, ...]:
    """Return measurement streams; a small one, so that most mutants hit a record's header."""
    builder = MeasurementBuilder()
    stream = builder.ecreate(size_bytes=8192, ssa_frame_pages=1)
    stream += builder.eadd(0, page_type=PageType.TCS, access=Access(0))
    stream += builder.eadd(4096, page_type=PageType.REG, access=Access.R | Access.W)
    stream += builder.eextend(4096, bytes(range(256)))
    return (stream, *recorded("sigstruct/*.sgxs"))


@cache
def reports() -> tuple[bytes, ...]:
    """Return REPORTs, their bodies, and TARGETINFO."""
    report = _ENCLAVE.ereport(NO_TARGET, bytes(64)).to_bytes()
    return report, report[:384], _ENCLAVE.target_info.to_bytes()


@cache
def td_reports() -> tuple[bytes, ...]:
    """Return TDREPORTs and the bodies of TDX quotes."""
    whole = simulated.platform().td_report(TrustDomain(mr_td=b"\x7d" * 48), bytes(64)).to_bytes()
    bodies = (Quote.from_bytes(data) for data in quotes())
    return (whole, *dict.fromkeys(one.body.to_bytes() for one in bodies if one.is_tdx))


@cache
def texts() -> tuple[bytes, ...]:
    """Return bytes in each encoding that people paste."""
    data = reports()[0]
    return (
        data.hex().encode(),
        b"0x" + data.hex().upper().encode(),
        re.sub(rb"(.{64})", rb"\1\r\n", data.hex().encode()),
        base64.b64encode(data),
        base64.urlsafe_b64encode(data).rstrip(b"="),
        data.hex().encode("ascii").decode().encode("utf-16"),
        b"\xef\xbb\xbf" + base64.encodebytes(data),
        data,
    )


_KEY_ID = DEFAULT_KEY_ID.to_bytes()
_INFO = b"\x0e" * 16 + _ENCLAVE.target_info.to_bytes() + bytes(432)


@cache
def aesm_key_ids() -> tuple[bytes, ...]:
    """Return lists of attestation key ids."""
    other = AttestationKeyId(algorithm_id=3).to_bytes()
    return write_key_ids((_KEY_ID,)), write_key_ids((other, _KEY_ID))


@cache
def aesm_asks() -> tuple[Callable[[], Exchange[Any]], ...]:
    """Return what a client asks, made anew with each call."""
    report = simulated.sgx().quote[48:432] + bytes(48)
    return (
        ask_key_id_count,
        lambda: ask_key_ids(1),
        ask_selection,
        lambda: ask_selection(aesm_key_ids()[1]),
        lambda: ask_public_key_id_size(_KEY_ID),
        lambda: ask_key_info(_KEY_ID),
        lambda: ask_quote_size(_KEY_ID),
        lambda: ask_quote(report, _KEY_ID, 8192),
        lambda: ask_quote(report, _KEY_ID, 8192, qe_report_info=_INFO, timeout_ms=15000),
    )


@cache
def aesm_requests() -> tuple[bytes, ...]:
    """Return request frames, one of each kind and those of our own client."""
    kinds = []
    for kind in Request.DESCRIPTOR.fields:
        request = Request()
        getattr(request, kind.name).SetInParent()
        kinds.append(write_frame(request.SerializePartialToString()))
    return (*(ask().request for ask in aesm_asks()), *kinds)


@cache
def aesm_replies() -> tuple[bytes, ...]:
    """Return the number of an ask and the frame of a good reply to it."""
    quotes = CannedQuotes(
        target_info=_ENCLAVE.target_info.to_bytes(),
        public_key_id=sha256(b"key").digest(),
        quote=simulated.sgx().quote,
        quoting_enclave=_ENCLAVE,
    )
    frames = []
    for number, ask in enumerate(aesm_asks()):
        connection = ServerConnection((_KEY_ID,))
        event = connection.receive(ask().request)
        reply = connection.answer(quotes(event.operation)) if isinstance(event, Ask) else event
        frames.append(bytes([number]) + getattr(reply, "data", b""))
    return tuple(frames)


def anything() -> tuple[bytes, ...]:
    """Return one input of each kind that is recognised, and some in text."""
    return (
        *quotes()[:3],
        *wrapped_quotes()[:2],
        bundles()[0],
        *chains()[:2],
        *crls(),
        tcb_infos()[0],
        identities()[0],
        *envelopes()[:3],
        *sigstructs()[:1],
        measurement_streams()[0],
        *reports(),
        *td_reports(),
        *texts(),
    )


def references() -> tuple[bytes, ...]:
    """Return files of reference values, for SGX and for TDX."""
    sgx = """version = 1
mr_enclave = ["e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0"]
mr_signer = "5151515151515151515151515151515151515151515151515151515151515151"
product_id = 7
min_isv_svn = 3
allow_debug = true
allow_tcb_status = ["UpToDate", "SWHardeningNeeded"]
forbid_advisory = ["INTEL-SA-00615"]
max_collateral_age = "30d"
tcb_date_baseline = "2025-01-01"
"""
    tdx = f"""version = 1
mr_td = "{"7d" * 48}"
rtmr0 = "{"00" * 48}"
sept_ve_disable = true
min_module_version = "1.5"
"""
    return sgx.encode(), tdx.encode()


def cgroups() -> tuple[bytes, ...]:
    """Return what the kernel says of processes in pods: cgroups, state, pidfd, folder of logs."""
    pod, identifier = "2c48913c-b29f-11e7-9350-020968147796", "9b" * 32
    path = f"/kubepods/burstable/pod{pod}/{identifier}"
    scope = f"kubepods-burstable-pod{pod.replace('-', '_')}.slice"
    return (
        f"12:cpu,cpuacct:{path}\n1:name=systemd:{path}\n0::/\n".encode(),
        f"0::/kubepods.slice/kubepods-burstable.slice/{scope}/crio-{identifier}.scope\n".encode(),
        f"0::/../../{scope}/cri-containerd-{identifier}.scope/x\n".encode(),
        f"0::/system.slice/containerd.service/{scope}:cri-containerd:{identifier}\n".encode(),
        b"7 (a b) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 77 9 9 1\n",
        b"pos:\t0\nflags:\t02000002\nmnt_id:\t4\nPid:\t1985\nNSpid:\t1985\n",
        f"prod_app_{pod}".encode(),
    )


def aesmd_confs() -> tuple[bytes, ...]:
    """Return configurations of Intel's quoting service."""
    return (
        b"# comment\nproxy type = manual # more\naesm proxy = http://me:hunter2@proxy:80\n",
        b"whitelist url = http://x.example/list\ndefault quoting type = ecdsa_256\r\n",
        b"QPL log level =info\nwhat is this\n\xff\n" + b"x" * 1024,
    )


def qcnl_confs() -> tuple[bytes, ...]:
    """Return configurations of Intel's certificate provider, in both forms."""
    return (
        b"""{ // comment
  "pccs_url": "https://localhost:8081/sgx/certification/v4/", "use_secure_cert": false,
  "retry_times": 6, "retry_delay": 10, /* another */ "pck_cache_expire_hours": 48.5,
  "local_pck_url": "http://[fe80::1]/x?y", "collateral_service": null, "tcb_update_type": "early",
  "custom_request_options": {"get_cert": {"headers": {"k": "v"}, "params": {"\\u0041": "1"}}},
  "retry_times": true, "local_cache_only": [[[]]]
}""",
        b"# comment\nPCCS_URL = https://localhost:8081/\nUSE_SECURE_CERT=FALSE\nRETRY_TIMES=6\n"
        b"RETRY_DELAY=x\nPCS_URL=https://x/\nLOCAL_CACHE_ONLY\n",
    )

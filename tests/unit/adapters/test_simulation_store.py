# SPDX-License-Identifier: Apache-2.0
"""A simulated hierarchy on disk: what it holds, who may read it, and what is never overwritten."""

import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from confcom.adapters.simulation_records import authority_to_record, platform_to_record
from confcom.adapters.simulation_store import SimulationStore, check_name
from confcom.dcap import Crl, PckCa, Quote, TeeType
from confcom.errors import MalformedError, UsageError
from confcom.reasons import Reason
from confcom.simulation import Enclave, Platform, TrustDomain, make_authority

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AUTHORITY = make_authority(at=AT)
PLATFORM = AUTHORITY.add_platform("alpha", at=AT)
SINGLE = AUTHORITY.add_platform("beta", at=AT, ca=PckCa.PROCESSOR)
ENCLAVE = Enclave(mr_enclave=b"\x0e" * 32, mr_signer=b"\x51" * 32)
TD = TrustDomain(mr_td=b"\x7d" * 48)


@pytest.fixture
def store(tmp_path: Path) -> SimulationStore:
    made = SimulationStore(tmp_path / "sim")
    made.create(AUTHORITY)
    return made


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_everything_outside_public_is_for_the_owner_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = SimulationStore(tmp_path / "sim")
        store.create(AUTHORITY)
        store.save_platform(PLATFORM)
        store.publish("alpha", TeeType.SGX, AUTHORITY.collateral(PLATFORM, at=AT))
    finally:
        os.umask(old)
    modes = {str(path.relative_to(tmp_path)): _mode(path) for path in sorted(tmp_path.rglob("*"))}
    assert modes == {
        "sim": 0o700,
        "sim/authority.json": 0o600,
        "sim/platforms": 0o700,
        "sim/platforms/alpha.json": 0o600,
        "sim/public": 0o755,
        "sim/public/alpha-sgx.json": 0o644,
        "sim/public/root.pem": 0o644,
    }


def test_public_files_hold_no_private_key(store: SimulationStore, tmp_path: Path) -> None:
    store.save_platform(PLATFORM)
    store.publish("alpha", TeeType.SGX, AUTHORITY.collateral(PLATFORM, at=AT))
    store.publish("alpha", TeeType.TDX, AUTHORITY.collateral(PLATFORM, at=AT, tee=TeeType.TDX))
    for name, data in _files(tmp_path / "sim" / "public").items():
        assert b"PRIVATE" not in data, name
        assert PLATFORM.td_report_key.hex().encode() not in data, name


def test_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "sim"
    folder.mkdir(mode=0o755)
    SimulationStore(folder).create(AUTHORITY)
    assert _mode(folder) == 0o700


@pytest.mark.parametrize("platform", [PLATFORM, SINGLE], ids=lambda platform: platform.ca.value)
def test_platform_read_back_makes_quotes_under_the_same_keys(
    store: SimulationStore, platform: Platform
) -> None:
    store.save_platform(platform)
    again = store.platform(platform.name, store.authority())
    assert (again.name, again.ca, again.extension) == (
        platform.name,
        platform.ca,
        platform.extension,
    )
    assert (again.pck_chain, again.encrypted_ppid) == (platform.pck_chain, platform.encrypted_ppid)
    assert (again.qe_id, again.module, again.cpu_svn) == (
        platform.qe_id,
        platform.module,
        platform.cpu_svn,
    )
    quotes = [
        Quote.from_bytes(each.quote_sgx(ENCLAVE.ereport(each.qe_target_info, bytes(64))))
        for each in (platform, again)
    ]
    assert quotes[0].signature.attestation_key == quotes[1].signature.attestation_key
    assert quotes[0].signature.certification == quotes[1].signature.certification
    again.quote_tdx(platform.td_report(TD, bytes(64)))


def test_authority_read_back_has_the_same_certificates_and_revocations(
    store: SimulationStore,
) -> None:
    revoked = AUTHORITY.revoke(PLATFORM, at=AT).revoke(AUTHORITY.tcb_signing, at=AT)
    store.save_authority(revoked)
    again = store.authority()
    assert again.revocations == revoked.revocations
    for name in ("root", "platform_ca", "processor_ca", "tcb_signing"):
        assert getattr(again, name).der == getattr(AUTHORITY, name).der
        assert getattr(again, name).key.private_numbers() == (
            getattr(AUTHORITY, name).key.private_numbers()
        )


def test_bundle_read_back_is_equal(store: SimulationStore) -> None:
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, tee=TeeType.TDX)
    path = store.publish("alpha", TeeType.TDX, collateral)
    again = store.collateral("alpha", TeeType.TDX)
    assert again.to_json() == collateral.to_json()
    assert again.tcb_info == collateral.tcb_info
    assert Crl.from_bytes(again.pck_crl) == Crl.from_bytes(collateral.pck_crl)
    assert list(store.bundles()) == [(path, "alpha", TeeType.TDX)]


def test_names_of_platforms_are_sorted(store: SimulationStore) -> None:
    store.save_platform(SINGLE)
    store.save_platform(PLATFORM)
    assert store.platform_names() == ("alpha", "beta")


def test_refuses_to_replace_a_hierarchy(store: SimulationStore, tmp_path: Path) -> None:
    before = _files(tmp_path)
    with pytest.raises(UsageError, match="there is one already") as caught:
        store.create(make_authority(at=AT))
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE
    assert "--force" in (caught.value.hint or "")
    assert _files(tmp_path) == before


def test_force_replaces_a_hierarchy_and_removes_what_it_issued(
    store: SimulationStore, tmp_path: Path
) -> None:
    store.save_platform(PLATFORM)
    store.publish("alpha", TeeType.SGX, AUTHORITY.collateral(PLATFORM, at=AT))
    fresh = make_authority(at=AT)
    store.create(fresh, force=True)
    assert set(_files(tmp_path / "sim")) == {"authority.json", "public/root.pem"}
    assert store.root_path.read_bytes() == fresh.root.pem


@pytest.mark.parametrize("force", [False, True])
def test_refuses_folder_that_holds_something_else(tmp_path: Path, force: bool) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match=r"it holds thesis\.tex") as caught:
        SimulationStore(tmp_path).create(AUTHORITY, force=force)
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE
    assert list(_files(tmp_path)) == ["thesis.tex"]


def test_unfinished_hierarchy_can_be_made_again(store: SimulationStore, tmp_path: Path) -> None:
    (tmp_path / "sim" / "authority.json").unlink()
    (tmp_path / "sim" / ".authority.json.0123.confcom-tmp").write_bytes(b"half")
    store.create(AUTHORITY)
    assert store.authority().root.der == AUTHORITY.root.der


def test_refuses_file_in_place_of_folder(tmp_path: Path) -> None:
    (tmp_path / "sim").write_text("")
    with pytest.raises(UsageError) as caught:
        SimulationStore(tmp_path / "sim").create(AUTHORITY)
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE


def test_refuses_folder_below_one_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        SimulationStore(tmp_path / "a" / "b").create(AUTHORITY)
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE


def test_refuses_to_replace_a_platform(store: SimulationStore, tmp_path: Path) -> None:
    store.save_platform(PLATFORM)
    before = _files(tmp_path)
    with pytest.raises(UsageError, match="cannot add platform alpha") as caught:
        store.save_platform(AUTHORITY.add_platform("alpha", at=AT))
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE
    assert _files(tmp_path) == before


def test_force_replaces_a_platform(store: SimulationStore) -> None:
    store.save_platform(PLATFORM)
    fresh = AUTHORITY.add_platform("alpha", at=AT)
    store.save_platform(fresh, force=True)
    assert store.platform("alpha", store.authority()).pck.der == fresh.pck.der


@pytest.mark.parametrize(
    "name", ["", "..", ".hidden", "-rf", "a/b", "../alpha", "Alpha", "a b", "ä", "a" * 64, "a\n"]
)
def test_refuses_names_that_are_no_names(store: SimulationStore, name: str) -> None:
    with pytest.raises(UsageError, match="as the name of a platform"):
        check_name(name)
    with pytest.raises(UsageError):
        store.save_platform(replace(PLATFORM, name=name))


def test_missing_hierarchy_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no simulated hierarchy") as caught:
        SimulationStore(tmp_path / "none").authority()
    assert caught.value.reason is Reason.INPUT_UNREADABLE
    assert "confcom simulate pki" in (caught.value.hint or "")


def test_missing_platform_is_explained(store: SimulationStore) -> None:
    with pytest.raises(UsageError, match="no platform gamma") as caught:
        store.platform("gamma", AUTHORITY)
    assert "confcom simulate platform" in (caught.value.hint or "")
    store.save_platform(PLATFORM)
    with pytest.raises(UsageError) as caught:
        store.platform("gamma", AUTHORITY)
    assert "there are: alpha" in (caught.value.hint or "")


def test_missing_bundle_is_explained(store: SimulationStore) -> None:
    with pytest.raises(UsageError, match="no collateral bundle") as caught:
        store.collateral("alpha", TeeType.SGX)
    assert "confcom simulate collateral" in (caught.value.hint or "")


def test_folder_in_place_of_file_is_explained(store: SimulationStore, tmp_path: Path) -> None:
    (tmp_path / "sim" / "platforms" / "alpha.json").mkdir()
    with pytest.raises(UsageError, match="cannot read") as caught:
        store.platform("alpha", AUTHORITY)
    assert caught.value.reason is Reason.INPUT_UNREADABLE


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"{", b"{}", b"\xff", b"[" * 100_000, b'{"schemaVersion":1}']
)
def test_refuses_files_that_do_not_parse(
    store: SimulationStore, tmp_path: Path, content: bytes
) -> None:
    store.save_platform(PLATFORM)
    (tmp_path / "sim" / "platforms" / "alpha.json").write_bytes(content)
    with pytest.raises(MalformedError, match="cannot parse simulated platform") as caught:
        store.platform("alpha", AUTHORITY)
    assert caught.value.reason is Reason.SIMULATION_FORMAT
    (tmp_path / "sim" / "authority.json").write_bytes(content)
    with pytest.raises(MalformedError, match="cannot parse simulated authority"):
        store.authority()


def test_refuses_oversized_file(store: SimulationStore, tmp_path: Path) -> None:
    (tmp_path / "sim" / "authority.json").write_bytes(bytes(4 * 1024 * 1024 + 1))
    with pytest.raises(MalformedError, match="larger than") as caught:
        store.authority()
    assert caught.value.reason is Reason.SIMULATION_FORMAT


def _edit(path: Path, **changes: object) -> None:
    document = json.loads(path.read_bytes())
    for key, value in changes.items():
        *parents, last = key.split("__")
        target = document
        for parent in parents:
            target = target[parent]
        target[last] = value
    path.write_bytes(json.dumps(document).encode())


FOREIGN = make_authority(at=AT)
_P384 = (
    ec.generate_private_key(ec.SECP384R1())
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schemaVersion": 2}, "schema version 2, expected 1"),
        ({"extra": 1}, "unknown field"),
        ({"pck__key": "x"}, "private key of pck does not parse"),
        ({"pck__certificate": "x"}, "certificate of pck does not parse"),
        ({"pck__certificate": FOREIGN.root.pem.decode()}, "do not belong together"),
        ({"quotingEnclave__attestationKey": "x"}, "private key of attestationKey"),
        ({"quotingEnclave__attestationKey": _P384}, "is not on curve P-256"),
        ({"quotingEnclave__isvSvn": 70000}, "isv_svn"),
        ({"qeId": "00"}, "qeId has 1 bytes, expected 16"),
        ({"qeId": "zz" * 16}, "qeId is not hex"),
        ({"tdReportKey": "00 " * 32}, "tdReportKey is not hex"),
        ({"encryptedPpid": ""}, "encryptedPpid has 0 bytes"),
        ({"cpuSvn": "00" * 15}, "cpuSvn has 15 bytes"),
        ({"module__teeTcbSvn": "00"}, "teeTcbSvn has 1 bytes"),
        ({"module__teeTcbSvn2": "00"}, "teeTcbSvn2 has 1 bytes"),
    ],
)
def test_refuses_edited_platform(
    store: SimulationStore, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    store.save_platform(PLATFORM)
    _edit(tmp_path / "sim" / "platforms" / "alpha.json", **changes)
    with pytest.raises(MalformedError, match=words) as caught:
        store.platform("alpha", AUTHORITY)
    assert caught.value.reason is Reason.SIMULATION_FORMAT
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"root__key": "x"}, "private key of root does not parse"),
        ({"tcbSigning__certificate": "x"}, "certificate of tcbSigning does not parse"),
        (
            {"revocations": [{"issuer": "x", "serial": "zz", "revokedAt": 0, "reason": "x"}]},
            "revocation of x",
        ),
        (
            {"revocations": [{"issuer": "x", "serial": "1", "revokedAt": 0, "reason": "boredom"}]},
            "revocation of x",
        ),
        (
            {
                "revocations": [
                    {"issuer": "x", "serial": "1", "revokedAt": 10**15, "reason": "superseded"}
                ]
            },
            "revocation of x",
        ),
    ],
)
def test_refuses_edited_authority(
    store: SimulationStore, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    _edit(tmp_path / "sim" / "authority.json", **changes)
    with pytest.raises(MalformedError, match=words) as caught:
        store.authority()
    assert caught.value.reason is Reason.SIMULATION_FORMAT


def test_refuses_platform_of_another_hierarchy(store: SimulationStore) -> None:
    store.save_platform(FOREIGN.add_platform("alpha", at=AT))
    with pytest.raises(MalformedError, match="issued by another authority") as caught:
        store.platform("alpha", AUTHORITY)
    assert caught.value.reason is Reason.SIMULATION_FORMAT


def test_other_files_in_public_are_no_bundles(store: SimulationStore, tmp_path: Path) -> None:
    (tmp_path / "sim" / "public" / "notes.json").write_text("{}")
    (tmp_path / "sim" / "public" / "alpha-sev.json").write_text("{}")
    assert list(store.bundles()) == []


def test_records_do_not_show_keys() -> None:
    assert "PRIVATE" not in repr(platform_to_record(PLATFORM).quoting_enclave)
    assert "PRIVATE" not in repr(authority_to_record(AUTHORITY))
    assert "PRIVATE" not in repr(platform_to_record(PLATFORM))
    assert PLATFORM.td_report_key.hex() not in repr(platform_to_record(PLATFORM))

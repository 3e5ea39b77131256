# SPDX-License-Identifier: Apache-2.0
"""Quotes that we served are verified by the service that the provider's file names, over HTTP."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from tests.integration.collateral.conftest import DAY, World

from confcom.adapters.rooted import Root
from confcom.cli.own_collateral import settings_for_hardware, verifier
from confcom.dcap import TeeType, VerifiedQuote
from confcom.errors import UnavailableError
from confcom.reasons import Reason
from confcom.runtime.settings import load
from confcom.simulation import make_authority
from confcom.testing.collateral_documents import StaticDocuments
from confcom.testing.collateral_server import CollateralServer, Style
from confcom.testing.throwaway_ca import ThrowawayCa

pytestmark = pytest.mark.timeout(30)

Start = Callable[..., tuple[Callable[[bytes], VerifiedQuote], list[Any]]]


@pytest.fixture(scope="module")
def today() -> World:
    """A platform whose documents are valid now: the verification of a daemon has no other time."""
    authority = make_authority(at=datetime.now(UTC) - 365 * DAY)
    return World(authority, authority.add_platform(at=datetime.now(UTC) - 300 * DAY))


@pytest.fixture
def documents(today: World) -> StaticDocuments:
    return today.documents(at=datetime.now(UTC) - DAY)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, today: World) -> Start:
    """Start as a daemon does, with a file of Intel's provider and settings of our own."""
    monkeypatch.setenv("QCNL_CONF_PATH", "/qcnl.conf")

    def run(
        qcnl: Mapping[str, object], own: Mapping[str, str] | None = None, aesmd: str = ""
    ) -> tuple[Callable[[bytes], VerifiedQuote], list[Any]]:
        (tmp_path / "etc").mkdir(exist_ok=True)
        (tmp_path / "etc" / "aesmd.conf").write_text(aesmd)
        (tmp_path / "qcnl.conf").write_text(json.dumps({"retry_times": 0, **qcnl}, indent=0))
        given = {"CACHE_DIR": str(tmp_path / "cache"), "RETRIES": "0", "TIMEOUT_S": "5"}
        given.update(own or {})
        environ = {f"CONFCOM_COLLATERAL__{key}": value for key, value in given.items()}
        effective = load(environ=environ, default_file=tmp_path / "none")
        with capture_logs() as events:
            settings = settings_for_hardware(
                effective,
                structlog.get_logger(),
                has_libraries=True,
                is_used=True,
                root=Root(tmp_path),
            )
        trusted = today.authority.trusted_root
        return verifier(settings, lambda: trusted, allow_simulated=True), events

    return run


@pytest.mark.parametrize("key", ["pccs_url", "collateral_service"])
@pytest.mark.parametrize("tee", TeeType)
def test_the_service_that_a_file_names_is_asked(
    start: Start, today: World, documents: StaticDocuments, key: str, tee: TeeType
) -> None:
    with CollateralServer(documents, style=Style.PCCS, lifetime_s=30) as server:
        verify, events = start({key: f"{server.url}/sgx/certification/v4/"})
        assert server.count() == 0
        quote = today.quote(tee).to_bytes()
        assert verify(quote).is_simulated
        assert server.count("/sgx/certification/v4/rootcacrl") == 1
        assert server.count() == 4
        assert verify(quote).is_simulated
        assert server.count() == 4, "what was fetched is kept"
    (chosen,) = events
    assert chosen["event"] == "collateral.chosen"
    assert chosen["sources"] == [f"pccs:{server.url}/sgx/certification/v4"]
    assert chosen["sources_from"] == f"/qcnl.conf line 3 ({key})"


def test_another_service_is_asked_where_our_own_settings_name_it(
    start: Start, today: World, documents: StaticDocuments
) -> None:
    with (
        CollateralServer(documents, style=Style.PCCS, lifetime_s=30) as theirs,
        CollateralServer(documents, style=Style.PCS, lifetime_s=30) as ours,
    ):
        verify, (chosen,) = start(
            {"pccs_url": theirs.url, "tcb_update_type": "early"}, {"SOURCES": f"pcs:{ours.url}"}
        )
        verify(today.quote().to_bytes())
        assert (theirs.count(), ours.count()) == (0, 4)
    assert chosen["sources_from"] == "env CONFCOM_COLLATERAL__SOURCES"
    assert (chosen["update"], chosen["update_from"]) == ("standard", "default")


def test_a_mirror_of_intels_service_is_a_source_of_our_own(
    start: Start, today: World, documents: StaticDocuments
) -> None:
    with (
        CollateralServer(documents, style=Style.PCCS, lifetime_s=30) as theirs,
        CollateralServer(documents, style=Style.PCS, lifetime_s=30) as mirror,
    ):
        own = {"PCS_URL": mirror.url, "PCS_ROOT_CRL_URL": f"{mirror.url}/IntelSGXRootCA.der"}
        verify, _ = start({"pccs_url": theirs.url}, own)
        verify(today.quote().to_bytes())
        assert (theirs.count(), mirror.count()) == (0, 4)


def test_the_proxy_of_intels_daemon_is_asked(
    start: Start, today: World, documents: StaticDocuments
) -> None:
    with CollateralServer(documents, lifetime_s=30) as proxy:
        aesmd = f"proxy type = manual\naesm proxy = {proxy.url}\n"
        service = {"pccs_url": "http://pccs.invalid/"}
        verify, events = start(service, aesmd=aesmd)
        with pytest.raises(UnavailableError):  # the stand-in is no real proxy
            verify(today.quote().to_bytes())
        targets = {request.target.partition("sgx")[0] for request in proxy.requests}
        assert targets == {"http://pccs.invalid/"}
        asked = proxy.count()
        verify, _ = start(service, {"PROXY": "http://127.0.0.1:9"}, aesmd=aesmd)
        with pytest.raises(UnavailableError):
            verify(today.quote().to_bytes())
        assert proxy.count() == asked, "our own settings name another one"
    assert events[-1]["proxy"] == proxy.url
    assert events[-1]["proxy_from"] == "/etc/aesmd.conf line 2 (aesm proxy)"


def test_credentials_are_not_given_to_the_proxy_of_intels_daemon(
    start: Start, today: World, documents: StaticDocuments, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("me:hunter2")
    secret.chmod(0o600)
    with CollateralServer(documents, lifetime_s=30) as proxy:
        verify, events = start(
            {"pccs_url": "http://pccs.invalid/"},
            {"PROXY_CREDENTIALS_FILE": str(secret)},
            f"proxy type = manual\naesm proxy = {proxy.url}\n",
        )
        with pytest.raises(UnavailableError):
            verify(today.quote().to_bytes())
        assert proxy.count() == 0
    assert events[-1]["proxy"] is None


def test_the_publication_that_a_file_names_is_asked_for(
    start: Start, today: World, documents: StaticDocuments
) -> None:
    with CollateralServer(documents, style=Style.PCCS, lifetime_s=30) as server:
        verify, _ = start({"pccs_url": server.url, "tcb_update_type": "early"})
        verify(today.quote().to_bytes())
        assert server.count("update=early") == 2, "TCB info and identity"


def test_tls_is_checked_although_a_file_says_not_to(
    start: Start, today: World, documents: StaticDocuments, tmp_path: Path
) -> None:
    ca = ThrowawayCa(tmp_path)
    tls = ca.server_context()
    with CollateralServer(documents, style=Style.PCCS, tls=tls, lifetime_s=30) as server:
        insecure = {"pccs_url": server.url, "use_secure_cert": False}
        verify, events = start(insecure)
        with pytest.raises(UnavailableError) as caught:
            verify(today.quote().to_bytes())
        assert caught.value.reason is Reason.SOURCE_UNREACHABLE
        assert server.count() == 0
        noted = [event["what"] for event in events if event["event"] == "configuration.noted"]
        assert any("which is not obeyed for verifying our own quotes" in what for what in noted)
        verify, _ = start(insecure, {"CA_FILE": str(ca.ca_file)})
        assert verify(today.quote().to_bytes()).is_simulated


@pytest.mark.parametrize(
    ("name", "value"),
    [("CA_FILE", "none.pem"), ("SOURCES", "file:none.json"), ("SOURCES", "azure-regional")],
)
def test_settings_that_lead_nowhere_say_nothing_about_the_quote(
    start: Start, today: World, name: str, value: str
) -> None:
    verify, _ = start({"pccs_url": "http://127.0.0.1:9/"}, {name: value})
    with pytest.raises(UnavailableError) as caught:
        verify(today.quote().to_bytes())
    assert caught.value.reason is Reason.COLLATERAL_MISSING


def test_offline_asks_nobody_whatever_a_file_names(
    start: Start, today: World, documents: StaticDocuments
) -> None:
    with CollateralServer(documents, style=Style.PCCS, lifetime_s=30) as server:
        verify, (chosen,) = start({"pccs_url": server.url}, {"OFFLINE": "true"})
        with pytest.raises(UnavailableError):
            verify(today.quote().to_bytes())
        assert server.count() == 0
    assert chosen["offline"] is True

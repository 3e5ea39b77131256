# SPDX-License-Identifier: Apache-2.0
"""Settings become sources, services, cache and HTTP client as they say."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.simulated import AT, authority

from confcom.adapters.collateral.source_names import SourceName
from confcom.cli.collateral_options import CollateralPlan
from confcom.cli.collateral_setup import CollateralSetup, http_options, service_options
from confcom.errors import MisconfiguredError
from confcom.runtime.settings import ApiVersion, AzureSettings, CollateralSettings, TcbUpdate

DEFAULT = CollateralSettings()


def setup(settings: CollateralSettings = DEFAULT, *names: str) -> CollateralSetup:
    return CollateralSetup(CollateralPlan(settings, names), authority().trusted_root)


def test_defaults_ask_intel_and_use_the_cache() -> None:
    made = setup()
    assert [str(name) for name in made.names] == ["pcs"]
    assert made.may_go_online
    assert made.cache is not None
    assert made.cache_path.parent == DEFAULT.cache_dir
    assert made.offline_finder().is_strict


def test_each_root_has_a_cache_of_its_own() -> None:
    digits = authority().trusted_root.certificate.spki_sha256.hex()
    assert digits.startswith(setup().cache_path.name)


def test_named_sources_replace_the_usual_ones_and_their_cache() -> None:
    made = setup(DEFAULT, "https://pccs.example", "azure")
    assert [str(name) for name in made.names] == ["pccs:https://pccs.example", "azure"]
    assert made.cache is None


def test_another_time_than_now_leaves_the_cache_alone() -> None:
    plan = CollateralPlan(DEFAULT, at=AT)
    assert CollateralSetup(plan, authority().trusted_root).cache is None
    on_purpose = plan._replace(is_for_cache=True)
    assert CollateralSetup(on_purpose, authority().trusted_root).cache is not None


def test_a_named_time_allows_no_inaccuracy_of_clocks() -> None:
    root = authority().trusted_root
    assert setup().checker.clock_allowance.total_seconds() == 300
    plan = CollateralPlan(DEFAULT, at=AT)
    assert CollateralSetup(plan, root).checker.clock_allowance.total_seconds() == 0


def test_offline_asks_no_service(tmp_path: Path) -> None:
    made = setup(DEFAULT._replace(offline=True), str(tmp_path), "pcs")
    assert not made.may_go_online
    assert [source.name for source in made.offline_finder().sources] == [str(tmp_path)]
    online = made.online_setup(lambda _: None)
    assert not any(isinstance(source, SourceName) for source in online.sources)


def test_files_behind_a_service_wait_for_it(tmp_path: Path) -> None:
    first, last = tmp_path / "first", tmp_path / "last"
    first.mkdir()
    last.mkdir()
    made = setup(DEFAULT, str(first), "pcs", str(last))
    assert [source.name for source in made.offline_finder().sources] == [str(first)]
    names = [
        str(source) if isinstance(source, SourceName) else source.name
        for source in made.online_setup(lambda _: None).sources
    ]
    assert names == [str(first), "pcs", str(last)]


def test_the_edition_is_a_setting() -> None:
    assert str(setup(DEFAULT._replace(update=TcbUpdate.EARLY)).edition) == "early"


@pytest.mark.parametrize(("max_age", "shortest"), [(30, 30), (86_400, 60)])
def test_no_document_is_fresh_for_longer_than_the_setting(max_age: int, shortest: int) -> None:
    shelf = setup(DEFAULT._replace(max_age_s=max_age)).shelf
    assert (shelf.max_age_s, shelf.min_age_s) == (max_age, shortest)


def test_an_age_of_zero_asks_once_in_every_run() -> None:
    made = setup(DEFAULT._replace(max_age_s=0))
    assert made.offline_finder().cache is None
    options = made.online_setup(lambda _: None).keeper
    assert options.refresh
    assert options.shelf.max_age_s == 60
    offline = setup(DEFAULT._replace(max_age_s=0, offline=True))
    assert offline.offline_finder().cache is not None


def test_times_and_attempts_are_settings() -> None:
    options = http_options(DEFAULT._replace(timeout_s=3, retries=0, ca_file=Path("ca.pem")))
    assert (options.total_s, options.connect_s, options.read_s) == (3, 3, 3)
    assert (options.retry.attempts, options.ca_file) == (1, "ca.pem")
    usual = http_options(DEFAULT)
    assert (usual.total_s, usual.connect_s, usual.read_s) == (30, 5, 10)
    assert (usual.retry.attempts, usual.proxy, usual.ca_file) == (4, None, None)


@pytest.mark.parametrize(
    ("credentials", "proxy"),
    [
        (None, "http://proxy.example:3128"),
        ("me:hunter2", "http://me:hunter2@proxy.example:3128"),
        ("me", "http://me@proxy.example:3128"),
        ("m@:e:/@", "http://" + "m%40:e%3A%2F%40" + "@proxy.example:3128"),
    ],
)
def test_credentials_of_the_proxy_come_from_a_file(
    tmp_path: Path, credentials: str | None, proxy: str
) -> None:
    settings = DEFAULT._replace(proxy="http://proxy.example:3128")
    if credentials is not None:
        (tmp_path / "credentials").write_text(credentials + "\n")
        settings = settings._replace(proxy_credentials_file=tmp_path / "credentials")
    options = http_options(settings)
    assert options.proxy == proxy
    assert "hunter2" not in repr(options)


@pytest.mark.parametrize(
    "settings",
    [
        DEFAULT._replace(proxy="http://p.example", proxy_credentials_file=Path("/absent")),
        DEFAULT._replace(pcs_subscription_key_file=Path("/absent")),
    ],
)
def test_a_file_with_a_secret_must_be_there(settings: CollateralSettings) -> None:
    with pytest.raises(MisconfiguredError, match="absent"):
        setup(settings).online_setup(lambda _: None)


def test_hosts_versions_and_keys_are_settings(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("example-key\n")
    azure = AzureSettings(
        global_url="https://g.example",
        global_api_version="1",
        client_id="c",
        region="r",
        regional_url="https://{region}.example",
        regional_api_version="2",
        host_agent_url="http://a.example",
        host_agent_api_version="3",
    )
    options = service_options(
        DEFAULT._replace(
            api_version=ApiVersion.V3,
            pcs_url="https://p.example",
            pcs_root_crl_url="https://c.example/r",
            pcs_subscription_key_file=tmp_path / "key",
            pccs_url="https://s.example",
            azure=azure,
        )
    )
    assert (options.api_version, options.pcs_url, options.pccs_url) == (
        3,
        "https://p.example",
        "https://s.example",
    )
    assert options.pcs_root_ca_crl_url == "https://c.example/r"
    assert options.pcs_subscription_key == "example-key"
    assert "example-key" not in repr(options)
    assert options.azure.global_url == "https://g.example"
    assert options.azure.agent_api_version == "3"
    assert replace(options.azure, region="x").region == "x"

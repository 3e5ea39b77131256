# SPDX-License-Identifier: Apache-2.0
"""Where what verifies our own quotes comes from: what others' files may decide, and what not."""

import json
from collections.abc import Mapping
from typing import Final

import pytest

from confcom.adapters.collateral.services import ServiceOptions, form_of
from confcom.adapters.collateral.source_names import SourceName
from confcom.protocols.quoting_conf import (
    Choice,
    CollateralChoice,
    Provider,
    Weight,
    Whose,
    choose_collateral,
    provider_of,
    read_aesmd_conf,
    read_azure_conf,
    read_qcnl_conf,
)

PLACES: Final = {Whose.AESMD: "/a", Whose.QCNL: "/q", Whose.AZURE: "environment"}
NOTHING: Final = CollateralChoice()
TLS: Final = "use_secure_cert is false, which is not obeyed for verifying our own quotes: the TLS"


def _choose(
    own: CollateralChoice = NOTHING,
    provider: Provider | None = Provider.INTEL,
    *,
    aesmd: str = "",
    qcnl: Mapping[str, object] | None = None,
    azure: Mapping[str, str] | None = None,
) -> CollateralChoice:
    return choose_collateral(
        own,
        provider,
        read_aesmd_conf(aesmd.encode()),
        read_qcnl_conf(json.dumps(qcnl or {}, indent=0).encode()),
        read_azure_conf(azure or {}),
        places=PLACES,
    )


def _said(choice: CollateralChoice) -> list[str]:
    return [f"{whose}: {note}" for whose, note in choice.notes]


# --- What cannot be used leaves the default, and is said ---

CREDENTIALS: Final = "credentials and a query have no place in it"
PATH: Final = "its path does not end in /sgx/certification/v4"


@pytest.mark.parametrize("key", ["pccs_url", "collateral_service"])
@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("https://me:hunter2@pccs.example/", CREDENTIALS),
        ("https://me@pccs.example/sgx/certification/v4/", CREDENTIALS),
        ("https://pccs.example/sgx/certification/v4/?key=hunter2", CREDENTIALS),
        ("https://pccs.example?key=hunter2", CREDENTIALS),
        ("https://pccs.example/@hunter2/sgx/certification/v4", CREDENTIALS),
        ("https://pccs.example/v4/", PATH),
        ("https://pccs.example/sgx/certification/", PATH),
        ("https://pccs.example/sgx/certification/v2/", PATH),
        ("https://pccs.example/sgx/certification/v44/", PATH),
        ("https://pccs.example/sgx/certification/v4/pckcert", PATH),
        ("https://pccs.example/tdx/certification/v4/", PATH),
        ("https://pccs.example/\x1b/sgx/certification/v4/", PATH),
        ("https://pccs.example/é/sgx/certification/v4/", PATH),
        ("http://api.trustedservices.intel.com/", "Intel's service is asked by https only"),
    ],
)
def test_an_address_that_is_no_source_of_ours_is_not_used(
    key: str, address: str, problem: str
) -> None:
    choice = _choose(qcnl={key: address})
    assert choice.sources == NOTHING.sources
    assert _said(choice) == [
        f"qcnl: line 2: {key} cannot be used for verifying our own quotes: {problem}"
    ]
    assert [note.weight for _, note in choice.notes] == [Weight.MISTAKE]
    assert "hunter2" not in repr(choice)


def test_another_service_does_not_stand_in_for_one_that_cannot_be_used() -> None:
    conf = {"pccs_url": "https://pccs.example/", "collateral_service": "https://c.example/v4"}
    assert _choose(qcnl=conf).sources == NOTHING.sources


@pytest.mark.parametrize("value", ["https://[1]/", "pccs.example", "ftp://x/", 8081, None, ""])
def test_what_is_no_address_is_passed_over_as_the_provider_does(value: object) -> None:
    assert _choose(qcnl={"pccs_url": value}) == NOTHING
    both = {"collateral_service": value, "pccs_url": "https://pccs.example"}
    assert _choose(qcnl=both).sources.value == ("pccs:https://pccs.example",)


@pytest.mark.parametrize(
    "qcnl",
    [{}, {"retry_times": 1}, {"local_pck_url": "https://x/"}, {"local_cache_only": True}],
)
def test_a_file_that_names_no_service_decides_nothing(qcnl: Mapping[str, object]) -> None:
    # The provider would ask port 8081 of this machine; that nobody has said.
    assert _choose(qcnl=qcnl) == NOTHING


@pytest.mark.parametrize("value", ["all", "EARLY", "standard "])
def test_an_unknown_publication_is_not_asked_for(value: str) -> None:
    choice = _choose(qcnl={"tcb_update_type": value})
    assert choice.update == NOTHING.update
    assert _said(choice) == ["qcnl: line 2: tcb_update_type is neither standard nor early"]


@pytest.mark.parametrize(
    "address",
    [
        "http://me:hunter2@proxy.example:911/",
        "http://hunter2@proxy.example:911",
        "http://proxy.example:911/path",
        "http://proxy.example:911/?hunter2",
    ],
)
def test_a_proxy_with_more_than_host_and_port_is_not_used(address: str) -> None:
    choice = _choose(aesmd=f"proxy type = manual\naesm proxy = {address}\n")
    assert choice.proxy == NOTHING.proxy
    (said,) = _said(choice)
    assert said.startswith("aesmd: line 2: 'aesm proxy' cannot be used for verifying")
    assert "collateral.proxy_credentials_file" in said
    assert "hunter2" not in repr(choice)


@pytest.mark.parametrize(
    "aesmd",
    [
        "aesm proxy = http://proxy.example:911\n",
        "proxy type = direct\naesm proxy = http://proxy.example:911\n",
        "proxy type = default\naesm proxy = http://proxy.example:911\n",
        "proxy type = manual\n",
        "proxy type = manual\naesm proxy = socks5://proxy.example:911\n",
    ],
)
def test_only_a_manual_proxy_is_one(aesmd: str) -> None:
    assert _choose(aesmd=aesmd) == NOTHING


AZURE_PATH: Final = "its path does not end in /sgx/certification"


@pytest.mark.parametrize("name", ["AZDCAP_BASE_CERT_URL", "AZDCAP_BASE_CERT_URL_TDX"])
@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("https://cache.example", AZURE_PATH),
        ("https://cache.example/", AZURE_PATH),
        ("https://cache.example/sgx/certification/v4", AZURE_PATH),
        ("https://cache.example/certification", AZURE_PATH),
        ("https://cache.example/sgx/certification?x", CREDENTIALS),
        ("https://me:hunter2@cache.example/sgx/certification", CREDENTIALS),
        ("http://api.trustedservices.intel.com/sgx/certification", "Intel's service is asked by"),
    ],
)
def test_an_address_of_azures_client_that_is_no_source_is_not_used(
    name: str, address: str, problem: str
) -> None:
    choice = _choose(provider=Provider.AZURE, azure={name: address})
    assert choice.sources == NOTHING.sources
    (said,) = _said(choice)
    assert said.startswith(f"azure: {name} cannot be used for verifying our own quotes: {problem}")
    assert "hunter2" not in repr(choice)


@pytest.mark.parametrize(
    "azure",
    [
        {},
        {"AZDCAP_BASE_CERT_URL": ""},
        {"AZDCAP_PRIMARY_BASE_CERT_URL": "https://x.example/sgx/certification"},
        {"AZDCAP_SECONDARY_BASE_CERT_URL": "https://x.example/sgx/certification"},
        {"AZDCAP_COLLATERAL_VERSION": "v3"},
        {"AZDCAP_REGION_URL": "https://x.example/sgx/certification"},
    ],
)
def test_variables_that_are_not_for_verifying_decide_nothing(azure: Mapping[str, str]) -> None:
    assert _choose(provider=Provider.AZURE, azure=azure) == NOTHING


# --- TLS ---


@pytest.mark.parametrize("key", ["pccs_url", "collateral_service"])
def test_certificates_are_checked_whatever_a_file_says(key: str) -> None:
    choice = _choose(qcnl={key: "https://pccs.example/", "use_secure_cert": False})
    assert choice.sources.value == ("pccs:https://pccs.example",)
    (said,) = _said(choice)
    assert said.startswith(f"qcnl: line 3: {TLS} certificate of {key} is checked")
    assert "collateral.ca_file" in said


@pytest.mark.parametrize(
    "qcnl",
    [
        {"use_secure_cert": False},
        {"use_secure_cert": False, "pccs_url": "http://pccs.example/"},
        {"use_secure_cert": True, "pccs_url": "https://pccs.example/"},
    ],
)
def test_nothing_is_said_of_certificates_where_none_would_be_checked_otherwise(
    qcnl: Mapping[str, object],
) -> None:
    assert _said(_choose(qcnl=qcnl)) == []


# --- Who decides ---

OTHERS: Final = {"pccs_url": "https://pccs.example/", "tcb_update_type": "early"}
MANUAL: Final = "proxy type = manual\naesm proxy = http://proxy.example:911\n"


def test_nothing_of_others_counts_where_our_own_settings_name_sources() -> None:
    own = CollateralChoice(sources=Choice(("pcs",), "env CONFCOM_COLLATERAL__SOURCES"))
    assert _choose(own, qcnl=OTHERS | {"use_secure_cert": False}, aesmd=MANUAL) is own


def test_our_own_proxy_and_publication_count_more() -> None:
    own = CollateralChoice(proxy=Choice(None, "file x"), update=Choice("standard", "file x"))
    choice = _choose(own, qcnl=OTHERS, aesmd=MANUAL)
    assert choice.sources.value == ("pccs:https://pccs.example",)
    assert (choice.proxy, choice.update) == (own.proxy, own.update)


@pytest.mark.parametrize("provider", [None, Provider.AZURE])
def test_a_file_of_a_provider_that_is_not_in_use_decides_nothing(
    provider: Provider | None,
) -> None:
    choice = _choose(provider=provider, qcnl=OTHERS | {"use_secure_cert": False}, aesmd=MANUAL)
    assert (choice.sources, choice.update) == (NOTHING.sources, NOTHING.update)
    assert choice.proxy == Choice("http://proxy.example:911", "/a line 2 (aesm proxy)")
    assert choice.notes == ()


def test_variables_of_a_provider_that_is_not_in_use_decide_nothing() -> None:
    azure = {"AZDCAP_BASE_CERT_URL": "https://cache.example/sgx/certification"}
    assert _choose(azure=azure) == NOTHING
    assert _choose(provider=None, azure=azure) == NOTHING


@pytest.mark.parametrize(
    ("intel", "azure", "file", "variables", "provider"),
    [
        (False, False, False, False, None),
        (True, True, False, True, Provider.INTEL),
        (True, False, False, False, Provider.INTEL),
        (False, False, True, True, Provider.INTEL),
        (False, True, True, False, Provider.AZURE),
        (False, False, False, True, Provider.AZURE),
        (False, True, False, False, Provider.AZURE),
    ],
)
def test_the_provider_in_use(
    *, intel: bool, azure: bool, file: bool, variables: bool, provider: Provider | None
) -> None:
    found = provider_of(has_intel=intel, has_azure=azure, has_file=file, has_variables=variables)
    assert found is provider


# --- What is taken ---


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("https://PCCS.example", "pccs:https://pccs.example"),
        ("https://pccs.example:8081/", "pccs:https://pccs.example:8081"),
        (
            "https://localhost:8081/sgx/certification/v4/",
            "pccs:https://localhost:8081/sgx/certification/v4",
        ),
        ("http://[::1]:8081/sgx/certification/v3", "pccs:http://[::1]:8081/sgx/certification/v3"),
        (
            "https://gate.example/a/b/sgx/certification/v4//",
            "pccs:https://gate.example/a/b/sgx/certification/v4",
        ),
        (
            "https://api.trustedservices.intel.com/sgx/certification/v4/",
            "pcs:https://api.trustedservices.intel.com/sgx/certification/v4",
        ),
        (
            "https://global.acccache.azure.net/sgx/certification/v4/",
            "azure:https://global.acccache.azure.net/sgx/certification/v4",
        ),
        (
            "http://169.254.169.254/metadata/THIM/sgx/certification/v4/",
            "azure-agent:http://169.254.169.254/metadata/THIM/sgx/certification/v4",
        ),
        (
            "https://westeurope.thim.azure.net/sgx/certification/v4",
            "azure-regional:https://westeurope.thim.azure.net/sgx/certification/v4",
        ),
        ("https://api.trustedservices.intel.com.example", "pccs:https://api.trustedservices.intel"),
    ],
)
def test_the_service_of_intels_provider_is_asked_in_its_own_manner(
    address: str, source: str
) -> None:
    choice = _choose(qcnl={"pccs_url": address})
    (named,) = choice.sources.value
    assert named.startswith(source)
    assert choice.sources.origin == "/q line 2 (pccs_url)"
    assert choice.notes == ()
    name = SourceName.parse(named)
    assert name.kind is SourceName.parse(named.partition(":")[2]).kind, "as a bare address tells"
    assert form_of(name, ServiceOptions()) is not None


def test_the_service_for_collateral_counts_more_than_the_one_for_certificates() -> None:
    # As Azure documents it for Intel's provider.
    service = "https://api.trustedservices.intel.com/sgx/certification/v4/"
    choice = _choose(
        qcnl={
            "pccs_url": "https://global.acccache.azure.net/sgx/certification/v4/",
            "collateral_service": service,
            "tcb_update_type": "early",
        },
        aesmd=f"# x\n{MANUAL}",
    )
    assert choice == CollateralChoice(
        sources=Choice((f"pcs:{service[:-1]}",), "/q line 3 (collateral_service)"),
        proxy=Choice("http://proxy.example:911", "/a line 3 (aesm proxy)"),
        update=Choice("early", "/q line 4 (tcb_update_type)"),
    )


GLOBAL: Final = "https://cache.example/sgx/certification"
REGIONAL: Final = "https://r.thim.azure.net/sgx/certification"


@pytest.mark.parametrize(
    ("azure", "sources", "origin"),
    [
        (
            {"AZDCAP_BASE_CERT_URL": f"{GLOBAL}/"},
            (f"azure:{GLOBAL}/v4",),
            "AZDCAP_BASE_CERT_URL",
        ),
        (
            {"AZDCAP_BASE_CERT_URL": GLOBAL, "AZDCAP_COLLATERAL_VERSION": "v3"},
            (f"azure:{GLOBAL}/v3",),
            "AZDCAP_BASE_CERT_URL",
        ),
        (
            {"AZDCAP_BASE_CERT_URL_TDX": REGIONAL},
            ("azure", f"azure-regional:{REGIONAL}/v4"),
            "AZDCAP_BASE_CERT_URL_TDX",
        ),
        (
            {"AZDCAP_BASE_CERT_URL": GLOBAL, "AZDCAP_BASE_CERT_URL_TDX": REGIONAL},
            (f"azure:{GLOBAL}/v4", f"azure-regional:{REGIONAL}/v4"),
            "AZDCAP_BASE_CERT_URL, AZDCAP_BASE_CERT_URL_TDX",
        ),
    ],
)
def test_the_caches_of_azures_client_are_asked(
    azure: Mapping[str, str], sources: tuple[str, ...], origin: str
) -> None:
    choice = _choose(provider=Provider.AZURE, azure=azure)
    assert choice == CollateralChoice(sources=Choice(sources, f"environment {origin}"))
    for source in sources:
        assert form_of(SourceName.parse(source), ServiceOptions()) is not None

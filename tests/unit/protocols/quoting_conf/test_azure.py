# SPDX-License-Identifier: Apache-2.0
"""The environment of Azure's certificate provider."""

import pytest

from confcom.protocols.quoting_conf import AzureConf, Weight, read_azure_conf


@pytest.mark.parametrize(
    ("name", "value", "weight", "words"),
    [
        ("AZDCAP_PRIMARY_BASE_CERT_URL", "thim", "mistake", "is no http or https address"),
        ("AZDCAP_SECONDARY_BASE_CERT_URL", "ftp://x", "mistake", "is no http or https address"),
        ("AZDCAP_CACHE_EXPIRY_IN_SECONDS", "-1", "mistake", "is no whole number from 0 to 86400"),
        ("AZDCAP_CACHE_EXPIRY_IN_SECONDS", "86401", "mistake", "is no whole number"),
        ("AZDCAP_CACHE_EXPIRY_IN_SECONDS", "1" * 5000, "mistake", "is no whole number"),
        ("AZDCAP_DEBUG_LOG_LEVEL", "info", "mistake", "is none of INFO, WARNING, ERROR"),
        ("AZDCAP_BASE_CERT_URL", "x.example", "mistake", "is no http or https address"),
        ("AZDCAP_BASE_CERT_URL_TDX", "ftp://x/", "mistake", "is no http or https address"),
        ("AZDCAP_COLLATERAL_VERSION", "v1", "mistake", "is not v3 or v4, so it is v4"),
        ("AZDCAP_COLLATERAL_VERSION", "../v4", "mistake", "is not v3 or v4, so it is v4"),
        ("AZDCAP_COLLATERAL_VERSION_TDX", "v3", "mistake", "is not v4, so it is v4"),
        ("AZDCAP_COLLATERAL_VERSION", "v3", "warning", "no meaning here without AZDCAP_BASE_CERT"),
        ("AZDCAP_COLLATERAL_VERSION_TDX", "v4", "warning", "no meaning here without AZDCAP_BASE"),
        ("AZDCAP_REGION_URL", "https://x/", "warning", "has no meaning here"),
        ("AZDCAP_CACHES", "/var", "warning", "is no variable that Azure's client knows"),
    ],
)
def test_notes_what_cannot_be_used(name: str, value: str, weight: str, words: str) -> None:
    conf = read_azure_conf({name: value})
    assert [note.weight for note in conf.notes] == [Weight(weight)]
    assert name in str(conf.notes[0])
    assert words in str(conf.notes[0])
    assert conf.is_given
    assert (conf.primary, conf.secondary) == (AzureConf().primary, AzureConf().secondary)
    assert (conf.base, conf.base_tdx) == (None, None)


def test_never_shows_values() -> None:
    conf = read_azure_conf(
        {
            "AZDCAP_PRIMARY_BASE_CERT_URL": "hunter2",
            "AZDCAP_TOKEN": "hunter2",
            "AZDCAP_SECONDARY_BASE_CERT_URL": "https://me:hunter2@x.example/",
        }
    )
    assert len(conf.notes) == 2
    assert "hunter2" not in repr(conf)


def test_looks_at_no_other_variable() -> None:
    assert read_azure_conf({"HOME": "/root", "azdcap_cache": "x"}) == AzureConf()


def test_takes_addresses_and_the_bypass() -> None:
    conf = read_azure_conf(
        {
            "AZDCAP_PRIMARY_BASE_CERT_URL": "http://agent.example/a",
            "AZDCAP_SECONDARY_BASE_CERT_URL": "",
            "AZDCAP_BYPASS_BASE_URL": "true",
            "AZDCAP_CACHE": "/var/cache",
            "AZDCAP_CACHE_EXPIRY_IN_SECONDS": "86400",
            "AZDCAP_DEBUG_LOG_LEVEL": "ERROR",
        }
    )
    assert conf.notes == ()
    assert str(conf.primary) == "http://agent.example/a"
    assert str(conf.secondary) == "https://global.acccache.azure.net/sgx/certification"
    assert conf.bypasses_agent
    assert not read_azure_conf({"AZDCAP_BYPASS_BASE_URL": "false"}).bypasses_agent


def test_takes_what_is_for_verifying() -> None:
    conf = read_azure_conf(
        {
            "AZDCAP_BASE_CERT_URL": "https://a.example/sgx/certification",
            "AZDCAP_COLLATERAL_VERSION": "v3",
            "AZDCAP_BASE_CERT_URL_TDX": "https://b.example/sgx/certification",
            "AZDCAP_COLLATERAL_VERSION_TDX": "",
        }
    )
    assert conf.notes == ()
    assert (str(conf.base), conf.version) == ("https://a.example/sgx/certification", "v3")
    assert (str(conf.base_tdx), conf.version_tdx) == ("https://b.example/sgx/certification", "v4")

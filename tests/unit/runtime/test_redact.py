# SPDX-License-Identifier: Apache-2.0
"""What looks like a secret, or is called like one, is hidden; what operators need stays."""

import base64
import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.runtime.redact import (
    MAX_TEXT,
    is_measurement,
    is_secret_name,
    redact_text,
    redact_value,
)
from confcom.runtime.secret import Secret

PEM = "-----BEGIN EC {0} KEY-----\nMHcCAQEEIfakefake\nfake==\n-----END EC {0} KEY-----".format(
    "PRIVATE"
)
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJl"  # pragma: allowlist secret
KEY = bytes(range(200, 232))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"loaded {PEM} from disk", "loaded [private key ***] from disk"),
        (PEM[:60], "[private key ***]"),
        (PEM.replace("\n", "\\n"), "[private key ***]"),
        (f"token {JWT} sent", "token [token ***] sent"),
        ("Authorization: Bearer abcdef123456", "Authorization: ***"),
        ("authorization: Custom a b c\nnext", "authorization: ***\nnext"),
        ("{'Set-Cookie': 'sid=12; path=/'}", "{'Set-Cookie': ***"),
        ("sent bearer abcdef123456.x", "sent bearer ***"),
        ("sent Basic dXNlcjpwYXNz", "sent Basic ***"),
        ("at https://user:pass@host/", "at https://***@host/"),  # pragma: allowlist secret
        ("GET https://token@host/path", "GET https://***@host/path"),
        ("PASSWORD=hunter2 next", "PASSWORD=*** next"),
        ("db_password: 'hunter 2', x", "db_password: ***, x"),
        ('{"api_key": "hunter2", "a": 1}', '{"api_key": ***, "a": 1}'),
        ("?user-token=hunter2&x=1", "?user-token=***&x=1"),
        (f"key {KEY.hex()} used", "key c8c9cacb… (64 digits) used"),
        (f"0x{KEY.hex().upper()}", "C8C9CACB… (64 digits)"),
        (f"key {base64.b64encode(KEY).decode()} used", "key yMnKy8zN… (44 characters) used"),
        (f"value={KEY!r})", "value=<bytes>)"),
        ("x" * (MAX_TEXT + 5), "x" * MAX_TEXT + f"… ({MAX_TEXT + 5} characters)"),
    ],
)
def test_hides(text: str, expected: str) -> None:
    assert redact_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "TCB of platform 00906ED50000 is out of date: PCE SVN 10, minimum 13",
        "basic constraints of CN=Intel SGX PCK Platform CA are missing",
        "Basic Constraints are missing",
        "GET https://api.trustedservices.intel.com/sgx/certification/v4/tcb?fmspc=00906ED50000",
        "file:/var/lib/confcom/collateral/Platform1/Documents/00906ED50000/tcbInfo.json is stale",
        "subject sha256:9f2c41aa, request 0b51d04a7a4a4a0f8a0b9d0c0e0f1a2b",
        "the bearer of news",
        "tokenizer, secretary and passwords are words",
        "INTEL-SA-00837 affects this platform",
    ],
)
def test_leaves_what_operators_need(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "authorization", "Authorization", "proxy_authorization", "cookie", "password",
        "db-password", "passphrase", "client_secret", "credentials", "token", "id_token",
        "user-token", "tokens", "private_key", "privateKey", "PRIVATE KEY", "seal_key",
        "report_key", "apiKey",
        "key", "keys", "subscription_key", "Ocp-Apim-Subscription-Key", "sealed", "sealed_data",
        "plaintext",
        "env", "argv", "arguments", "jwt", "pin",
    ],
)  # fmt: skip
def test_names_that_hide_any_value(name: str) -> None:
    assert is_secret_name(name)
    assert redact_value("harmless", name=name) == "***"
    assert redact_value({"inner": {name: ["harmless"]}}) == {"inner": {name: "***"}}
    assert redact_value(None, name=name) is None


@pytest.mark.parametrize(
    "name",
    [
        "reason", "tee", "subject", "peer", "request_id", "duration_ms", "path", "fmspc", "status",
        "public_key", "key_type", "cache_hit", "environment_name", "pinned", "tokenizer",
        "spinning",
    ],
)  # fmt: skip
def test_names_that_hide_nothing(name: str) -> None:
    assert not is_secret_name(name)
    assert redact_value("harmless", name=name) == "harmless"


@dataclasses.dataclass
class Holder:
    value: object
    seal_key: bytes = KEY


class Circle:
    def __str__(self) -> str:
        return f"circle of {JWT}"


def test_returns_plain_data() -> None:
    value = {
        "none": None,
        "number": 1,
        "truth": True,
        "ratio": 0.5,
        "bytes": KEY,
        "view": memoryview(KEY),
        "secret": Secret("hunter2"),
        "nested": ({"a": Secret("hunter2")}, {JWT}),
        "object": Circle(),
        "error": ValueError("password=hunter2"),
        7: "number as name",
    }
    assert redact_value(value) == {
        "none": None,
        "number": 1,
        "truth": True,
        "ratio": 0.5,
        "bytes": "<32 bytes>",
        "view": "<32 bytes>",
        "secret": "***",
        "nested": [{"a": "***"}, ["[token ***]"]],
        "object": "circle of [token ***]",
        "error": "password=***",
        "7": "number as name",
    }


def test_hides_bytes_inside_the_text_of_objects() -> None:
    assert "xc8" not in str(redact_value(Holder(1)))
    assert "xc8" not in str(redact_value([Holder({"x": KEY})]))


def test_secret_in_the_name_of_a_field_is_hidden() -> None:
    assert redact_value({JWT: 1}) == {"[token ***]": 1}


def test_depth_is_bounded() -> None:
    endless: dict[str, object] = {}
    endless["again"] = endless
    assert str(redact_value(endless)).count("again") == 6


@pytest.mark.parametrize(
    "piece",
    ["a", "a.", "password", "eyJ.", "://", "x://", "b'", PEM[:31], "= "],
)
def test_hostile_text_costs_little_time(piece: str) -> None:
    started = time.process_time()
    redact_text(piece * (MAX_TEXT // len(piece)))
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("name", "value", "is_kept"),
    [
        ("mr_enclave", "e0" * 32, True),
        ("mr_signer", "51" * 32, True),
        ("mr_td", "7d" * 48, True),
        ("mr_enclave", "e0" * 33, False),
        ("mr_enclave", "E0" * 32, False),
        ("mr_enclave", "e0" * 32 + "\n", False),
        ("mr_enclave", b"\xe0" * 32, False),
        ("report_data", "07" * 32, False),
        ("key", "07" * 32, False),
    ],
)
def test_only_measurements_by_name_and_form_stay_whole(
    name: str, value: object, is_kept: bool
) -> None:
    assert is_measurement(name, value) is is_kept


@given(st.text(st.sampled_from("abEJey01_./+-=: '\"TZ@"), max_size=60), st.booleans())
def test_plain_words_are_passed_on_only_where_no_pattern_would_have_matched(
    text: str, is_token: bool
) -> None:
    whole = f"eyJ{text}.a.b" if is_token else text
    # A comma is in no pattern and in no plain word: with it, every pattern is tried.
    assert redact_text(whole) == redact_text(whole + "\n,").removesuffix("\n,")


@pytest.mark.parametrize("text", ["eyJ" + "hbGciOiJub25lIn0.e30.", "0" * 64, "Aa0" * 14])
def test_raw_values_are_no_plain_words(text: str) -> None:
    assert redact_text(text) != text

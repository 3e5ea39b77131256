# SPDX-License-Identifier: Apache-2.0
"""Configuration of other programs: every text gives an answer, and comments change nothing."""

import json

from hypothesis import given
from hypothesis import strategies as st

from confcom.adapters.collateral.services import ServiceOptions, form_of
from confcom.adapters.collateral.source_names import SourceName
from confcom.protocols.quoting_conf import (
    MAX_NOTES,
    CollateralChoice,
    Provider,
    Whose,
    choose_collateral,
    parse_address,
    read_aesmd_conf,
    read_azure_conf,
    read_qcnl_conf,
)
from confcom.protocols.quoting_conf.json_members import read_members
from confcom.runtime.settings.model import check_source, check_url

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
COMMENTS = st.sampled_from(["", " ", "\n", '// { " }\n', '/* " { } */', "/***/", "/*\n*/"])
HIDDEN = "hunter2"


@given(st.binary(max_size=400))
def test_any_bytes_give_an_answer(data: bytes) -> None:
    for notes in (read_aesmd_conf(data).notes, read_qcnl_conf(data).notes):
        assert len(notes) <= MAX_NOTES + 1
        assert all(str(note).isprintable() for note in notes)


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.data())
def test_members_are_those_of_json_whatever_the_comments(
    document: dict[str, object], data: st.DataObject
) -> None:
    text = "".join(f"{data.draw(COMMENTS)}{part}{data.draw(COMMENTS)}" for part in _parts(document))
    members = read_members(text)
    assert {member.name: member.value for member in members} == document
    for member in members:
        assert 1 <= member.line <= text.count("\n") + 1


def _parts(document: dict[str, object]) -> list[str]:
    parts = ["{"]
    for name, value in document.items():
        parts += [json.dumps(name), ":", json.dumps(value), ","]
    if document:
        parts.pop()
    return [*parts, "}"]


@given(
    st.sampled_from(["proxy type", "aesm proxy", "qpl log level", "x", "pccs_url", "PCCS_URL"]),
    st.sampled_from(["=", " = ", ": ", '": "']),
    st.text(max_size=20),
)
def test_values_are_never_shown(key: str, between: str, more: str) -> None:
    line = f"{key}{between}{HIDDEN}{more}\n".encode(errors="replace")
    for data in (line, b'{"' + line + b'"}', json.dumps({key: HIDDEN + more}).encode()):
        assert HIDDEN not in repr(read_aesmd_conf(data))
        assert HIDDEN not in repr(read_qcnl_conf(data).notes)
    assert HIDDEN not in repr(read_azure_conf({f"AZDCAP_{key}": HIDDEN + more}).notes)


@given(st.text(max_size=60))
def test_an_address_that_is_shown_is_the_same_address(text: str) -> None:
    for scheme in ("", "http://", "https://"):
        address = parse_address(scheme + text)
        if address is not None:
            again = parse_address(str(address))
            assert again is not None
            assert str(again) == str(address)


ADDRESSES = st.tuples(
    st.sampled_from(["http://", "https://", "HTTPS://", "ftp://", ""]),
    st.sampled_from(["", "", "", f"me:{HIDDEN}@", "@"]),
    st.sampled_from(["pccs.example", "api.trustedservices.intel.com", "[::1]", "[1::2::3]", "a..b"])
    | st.text(max_size=6),
    st.sampled_from(["", ":8081", ":0", ":99999"]),
    st.sampled_from(["", "/", "/sgx/certification", "/sgx/certification/v4/", "/v4"])
    | st.text(max_size=6).map(lambda text: f"/{text}/sgx/certification/v3"),
    st.sampled_from(["", "", f"?{HIDDEN}", "#x"]),
).map("".join)


@given(ADDRESSES, st.sampled_from(Provider), st.booleans())
def test_what_is_chosen_is_what_our_own_settings_would_take(
    address: str, provider: Provider, is_checked: bool
) -> None:
    qcnl = {"collateral_service": address, "use_secure_cert": is_checked}
    # Variables of an environment have no such characters.
    variable = address.encode("utf-8", "replace").decode().replace("\0", "")
    choice = choose_collateral(
        CollateralChoice(),
        provider,
        read_aesmd_conf(f"proxy type = manual\naesm proxy = {address}".encode(errors="replace")),
        read_qcnl_conf(json.dumps(qcnl).encode()),
        read_azure_conf({"AZDCAP_BASE_CERT_URL": variable, "AZDCAP_BASE_CERT_URL_TDX": variable}),
        places=dict.fromkeys(Whose, "/x"),
    )
    for source in choice.sources.value:
        assert check_source(source) is None
        assert form_of(SourceName.parse(source), ServiceOptions()) is not None
    assert choice.proxy.value is None or check_url(choice.proxy.value) is None
    assert HIDDEN not in repr(choice)
    assert all(str(note).isprintable() for _, note in choice.notes)

# SPDX-License-Identifier: Apache-2.0
"""``/etc/aesmd.conf``: each mistake with its line, and what means nothing to our daemon."""

import pytest

from confcom.protocols.quoting_conf import (
    MAX_CONF_BYTES,
    AesmdConf,
    ProxyType,
    QplLogLevel,
    QuotingType,
    Weight,
    read_aesmd_conf,
)
from confcom.protocols.quoting_conf.aesmd import NO_MEANING, PROXY_KEYS


def _said(conf: AesmdConf, weight: Weight) -> list[str]:
    return [str(note) for note in conf.notes if note.weight is weight]


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        (b"proxy type", "expected a key, = and a value"),
        (b"proxy type = socks", "'proxy type' is none of direct, default, manual"),
        (b"proxy type = ", "'proxy type' is none of direct, default, manual"),
        (b"aesm proxy = proxy.example:8080", "'aesm proxy' is no http or https address"),
        (b"whitelist url = ftp://x/", "'whitelist url' is no http or https address"),
        (
            b"default quoting type = ecdsa_384",
            "'default quoting type' is none of ecdsa_256, epid_linkable, epid_unlinkable",
        ),
        (b"qpl log level = debug", "'qpl log level' is none of error, info"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"#" + b"x" * 1023, "is longer than 1023 bytes"),
    ],
)
def test_notes_a_mistake_and_uses_the_rest(line: bytes, mistake: str) -> None:
    conf = read_aesmd_conf(b"# first\n" + line + b"\nqpl log level = info\n")
    assert _said(conf, Weight.MISTAKE) == [f"line 2: {mistake}"]
    assert conf.qpl_log_level is QplLogLevel.INFO


def test_notes_every_mistake_of_a_file() -> None:
    conf = read_aesmd_conf(b"a\nproxy type = x\n\nqpl log level = y\n\xff\n")
    assert [note.line for note in conf.notes if note.weight is Weight.MISTAKE] == [1, 2, 4, 5]
    assert conf.proxy_type is ProxyType.DEFAULT


def test_a_manual_proxy_needs_an_address() -> None:
    assert _said(read_aesmd_conf(b"\nproxy type = manual\n"), Weight.MISTAKE) == [
        "line 2: a manual proxy needs 'aesm proxy' with an address"
    ]
    both = read_aesmd_conf(b"proxy type = manual\naesm proxy = http://p:1/\n")
    assert _said(both, Weight.MISTAKE) == []


@pytest.mark.parametrize("key", NO_MEANING)
def test_warns_of_keys_without_a_meaning_here(key: str) -> None:
    value = {"qpl log level": "error"}.get(key, "https://x.example/")
    assert _said(read_aesmd_conf(f"{key} = {value}".encode()), Weight.WARNING) == [
        f"line 1: {key!r} has no meaning here: {NO_MEANING[key]}"
    ]


def test_says_what_the_proxy_is_for() -> None:
    conf = read_aesmd_conf(b"proxy type = manual\naesm proxy = http://p:1/\n")
    assert [note.line for note in conf.notes] == [1, 2]
    for key, said in zip(PROXY_KEYS, _said(conf, Weight.WARNING), strict=True):
        assert f"{key!r} counts for verifying our own quotes only" in said


@pytest.mark.parametrize("kind", [b"", b"proxy type = direct\n", b"proxy type = default\n"])
def test_warns_of_an_address_that_does_not_count(kind: bytes) -> None:
    conf = read_aesmd_conf(kind + b"aesm proxy = http://p:1/\n")
    words = "'aesm proxy' counts only where 'proxy type' is manual"
    assert words in [note.words for note in conf.notes]


def test_knows_which_keys_are_used() -> None:
    conf = read_aesmd_conf(b"# x\naesm proxy = http://p:1/\nproxy type = socks\n")
    assert conf.given == {"aesm proxy": 2}


@pytest.mark.parametrize("kind", ["epid_linkable", "EPID_Unlinkable"])
def test_warns_of_epid(kind: str) -> None:
    conf = read_aesmd_conf(f"default quoting type = {kind}".encode())
    assert conf.quoting_type.value == kind.lower()
    (said,) = _said(conf, Weight.WARNING)
    assert said.startswith("line 1: EPID quotes are made neither by our daemon nor by current")


def test_warns_of_unknown_keys_without_showing_their_values() -> None:
    conf = read_aesmd_conf(b"api key = hunter2\n")
    assert _said(conf, Weight.WARNING) == ["line 1: 'api key' is no key that Intel's service knows"]
    assert "hunter2" not in repr(conf)


def test_never_shows_the_password_of_a_proxy() -> None:
    conf = read_aesmd_conf(
        b"proxy type = manual\naesm proxy = http://me:hunter2@proxy.example:1/\n"
    )
    assert conf.aesm_proxy is not None
    assert str(conf.aesm_proxy) == "http://proxy.example:1/"
    assert "hunter2" not in repr(conf)


@pytest.mark.parametrize("blanks", [b"", b"  ", b"\t "])
def test_takes_any_blanks_and_says_that_intels_service_does_not(blanks: bytes) -> None:
    conf = read_aesmd_conf(b"default quoting type=" + blanks + b"ecdsa_256")
    assert conf.quoting_type is QuotingType.ECDSA_256
    assert _said(conf, Weight.WARNING) == [
        "line 1: Intel's own service reads this only with one blank after the ="
    ]
    url = read_aesmd_conf(b"whitelist url =" + blanks + b"http://x/")
    assert [note.words for note in url.notes if "one blank" in note.words] == []


def test_last_of_repeated_keys_counts() -> None:
    conf = read_aesmd_conf(b"proxy type = manual\nproxy type = direct\n")
    assert conf.proxy_type is ProxyType.DIRECT
    assert "line 2: 'proxy type' was given on line 1 already; this one counts" in map(
        str, conf.notes
    )


def test_uses_nothing_of_a_file_that_is_too_large() -> None:
    conf = read_aesmd_conf(b"proxy type = direct\n" + b"#" * MAX_CONF_BYTES)
    assert conf.proxy_type is ProxyType.DEFAULT
    assert _said(conf, Weight.MISTAKE) == [
        "the file has more than 65536 bytes, and nothing of it is used"
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\r\n  \n",
        b"#proxy type = socks\n   # more\n",
        b"DEFAULT quoting TYPE   = ECDSA_256   # words\r\n",
        b"default  quoting type = ecdsa_256",
    ],
)
def test_has_nothing_to_say_of_a_sound_file(text: bytes) -> None:
    assert read_aesmd_conf(text) == AesmdConf()

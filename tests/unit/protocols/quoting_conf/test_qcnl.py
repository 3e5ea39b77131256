# SPDX-License-Identifier: Apache-2.0
"""Configuration of Intel's certificate provider, in both of its forms."""

import json

import pytest

from confcom.protocols.quoting_conf import (
    MAX_CONF_BYTES,
    QcnlConf,
    QcnlForm,
    Weight,
    read_qcnl_conf,
)
from confcom.protocols.quoting_conf.qcnl import NO_MEANING

CALM = '"retry_delay": 1'


def _said(conf: QcnlConf, weight: Weight) -> list[str]:
    return [str(note) for note in conf.notes if note.weight is weight]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{", "line 1: expected a name in quotes"),
        ("{\n\n", "line 3: expected a name in quotes"),
        ("{\n'pccs_url': 1}", "line 2: expected a name in quotes"),
        ('{"a"\n 1}', "line 2: expected :"),
        ('{"a": 1\n "b": 2}', "line 2: expected }"),
        ('{"a": 1,\n}', "line 2: expected a name in quotes"),
        ('{"a":\n nope}', "line 2: expecting value"),
        ('{"a": NaN}', "line 1: a number that is none in JSON, or too long"),
        ('{"a": ' + "1" * 5000 + "}", "line 1: a number that is none in JSON, or too long"),
        ('{"a": ' + "[" * 20_000 + "}", "line 1: values are nested too deep"),
        ("{}\n{}", "line 2: expected nothing after the object"),
        ('{"a": 1}\n/* no end', "line 2: a comment does not end"),
    ],
)
def test_nothing_of_broken_json_is_used(text: str, mistake: str) -> None:
    conf = read_qcnl_conf(text.encode())
    assert _said(conf, Weight.MISTAKE) == [f"{mistake}; the provider uses nothing of the file"]
    assert conf.pccs_url == QcnlConf().pccs_url


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("pccs_url", 8081, "an http or https address"),
        ("pccs_url", "localhost:8081", "an http or https address"),
        ("collateral_service", "", "an http or https address"),
        ("local_pck_url", None, "an http or https address"),
        ("use_secure_cert", "false", "true or false"),
        ("use_secure_cert", 0, "true or false"),
        ("local_cache_only", 1, "true or false"),
        ("retry_times", "6", "a whole number from 0 to 2147483647"),
        ("retry_times", -1, "a whole number from 0 to 2147483647"),
        ("retry_times", 2**31, "a whole number from 0 to 2147483647"),
        ("retry_times", True, "a whole number from 0 to 2147483647"),
        ("retry_delay", 1.5, "a whole number from 0 to 2147483647"),
        ("pck_cache_expire_hours", "168", "a number of hours, at least 0"),
        ("pck_cache_expire_hours", -0.5, "a number of hours, at least 0"),
        ("pck_cache_expire_hours", False, "a number of hours, at least 0"),
        ("pccs_api_version", 3.1, "a text"),
        ("tcb_update_type", "", "a text"),
        ("custom_request_options", [], "an object get_cert with objects headers and params"),
        ("custom_request_options", {"get_cert": 1}, "an object get_cert with objects headers"),
        ("custom_request_options", {"get_cert": {"headers": ["x"]}}, "an object get_cert with"),
        ("custom_request_options", {"get_cert": {"params": "x"}}, "an object get_cert with"),
    ],
)
def test_notes_values_that_the_provider_passes_over(key: str, value: object, expected: str) -> None:
    conf = read_qcnl_conf(json.dumps({"x": 1, key: value}, indent=1).encode())
    (said,) = _said(conf, Weight.MISTAKE)
    assert said.startswith(f"line 3: {key}: expected {expected}")


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("PCCS_URL", "expected NAME=value"),
        ("PCCS_URL=localhost", "pccs_url: expected an http or https address"),
        ("PCCS_URL=https://x/#why", "pccs_url: expected an http or https address"),
        ("USE_SECURE_CERT=False", "use_secure_cert: expected true or false"),
        ("USE_SECURE_CERT=FALSE # insecure", "use_secure_cert: expected true or false"),
        ("RETRY_TIMES=six", "retry_times: expected a whole number from 0 to 2147483647"),
        ("RETRY_TIMES=-1", "retry_times: expected a whole number from 0 to 2147483647"),
        ("RETRY_DELAY=" + "9" * 5000, "retry_delay: expected a whole number from 0 to 2147483647"),
        ("PCK_CACHE_EXPIRE_HOURS=1.5", "pck_cache_expire_hours: expected a number of hours"),
        ("PCCS_API_VERSION=", "pccs_api_version: expected a text"),
    ],
)
def test_notes_mistakes_in_lines(line: str, mistake: str) -> None:
    conf = read_qcnl_conf(f"# comment\n\n{line}\n".encode())
    assert conf.form is QcnlForm.LINES
    (said,) = _said(conf, Weight.MISTAKE)
    assert said.startswith(f"line 3: {mistake}")


def test_notes_every_mistake_of_both_forms() -> None:
    lines = read_qcnl_conf(b"x\nRETRY_TIMES=a\n\xff\nRETRY_DELAY=b\n")
    assert [note.line for note in lines.notes if note.weight is Weight.MISTAKE] == [1, 2, 3, 4]
    members = read_qcnl_conf(b'{"retry_times": "a",\n"retry_delay": "b"}')
    assert [note.line for note in members.notes if note.weight is Weight.MISTAKE] == [1, 2]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('{"pcs_url": "x"}', "'pcs_url' is no key that the provider knows"),
        ('{"PCCS_URL": "x"}', "'PCCS_URL' is no key that the provider knows; JSON wants lower"),
        ("pccs_url=https://x/", "'pccs_url' is no key that the provider knows; JSON wants lower"),
        ("PCS_URL=https://x/", "'PCS_URL' is no key that the provider knows; it wants PCCS_URL"),
        ("TCB_UPDATE_TYPE=early", "TCB_UPDATE_TYPE has a meaning in the JSON form only"),
    ],
)
def test_warns_of_keys_that_have_no_effect(text: str, warning: str) -> None:
    said = _said(read_qcnl_conf(text.encode()), Weight.WARNING)
    assert said[0].startswith(f"line 1: {warning}")


@pytest.mark.parametrize("key", NO_MEANING)
def test_warns_of_keys_without_a_meaning_here(key: str) -> None:
    conf = read_qcnl_conf(json.dumps({"retry_delay": 1, key: 24}).encode())
    assert _said(conf, Weight.WARNING) == [f"line 1: {key} has no meaning here: {NO_MEANING[key]}"]


def test_knows_which_keys_are_used_and_where_they_stand() -> None:
    members = read_qcnl_conf(
        b'{"pccs_url": "https://a/",\n"retry_times": "x",\n"pccs_url": "https://b/", "y": 1}'
    )
    assert members.given == {"pccs_url": 1}
    lines = read_qcnl_conf(b"PCCS_URL=https://a/\nPCCS_URL=https://b/\nPCCS_URL=none\nX=1\n")
    assert lines.given == {"pccs_url": 2}
    assert str(lines.pccs_url) == "https://b/"


def test_first_of_repeated_keys_counts_in_json_and_the_last_one_in_lines() -> None:
    members = read_qcnl_conf(b'{"retry_times": 1,\n"retry_times": 2}')
    assert members.retry_times == 1
    assert _said(members, Weight.WARNING) == [
        "line 2: retry_times was given on line 1 already; that one counts"
    ]
    lines = read_qcnl_conf(b"RETRY_TIMES=1\nRETRY_TIMES=0\n")
    assert lines.retry_times == 0
    assert _said(lines, Weight.WARNING) == [
        "line 2: retry_times was given on line 1 already; this one counts"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"{}", None),
        (b'{\n"retry_times": 3,\n"retry_delay": 5}', 3),
        (b"RETRY_TIMES=100\n", 1),
    ],
)
def test_warns_of_more_patience_than_applications_have(text: bytes, line: int | None) -> None:
    (note,) = read_qcnl_conf(text).notes
    assert note.line == line
    assert "applications wait for a quote 15 s at most" in note.words


def test_warns_where_tls_is_not_checked() -> None:
    conf = read_qcnl_conf(f'{{{CALM},\n"use_secure_cert": false}}'.encode())
    assert not conf.use_secure_cert
    (said,) = _said(conf, Weight.WARNING)
    assert said.startswith("line 2: use_secure_cert is false: whoever can answer")


def test_shows_no_secret() -> None:
    conf = read_qcnl_conf(
        json.dumps(
            {
                "pccs_url": "https://me:hunter2@x.example/v4/?k=hunter2",
                "local_pck_url": "hunter2",
                "api_key": "hunter2",
                "custom_request_options": {
                    "get_cert": {
                        "headers": {"Ocp-Apim-Subscription-Key": "hunter2"},
                        "params": {"key": "hunter2"},
                    }
                },
            }
        ).encode()
    )
    assert conf.request_options == ("'Ocp-Apim-Subscription-Key'", "'key'")
    assert "hunter2" not in repr(conf)
    lines = read_qcnl_conf(b"hunter2\nAPI_KEY=hunter2\nPCCS_URL=hunter2\n")
    assert len(lines.notes) == 4
    assert "hunter2" not in repr(lines)


def test_uses_nothing_of_a_file_that_is_too_large() -> None:
    conf = read_qcnl_conf(b'{"retry_times": 1}' + b" " * MAX_CONF_BYTES)
    assert conf.retry_times == 6
    assert _said(conf, Weight.MISTAKE) == [
        "the file has more than 65536 bytes, and nothing of it is used"
    ]


def test_notes_a_byte_order_mark() -> None:
    conf = read_qcnl_conf(b'\xef\xbb\xbf{"retry_times": 1}')
    assert conf.retry_times == 1
    assert _said(conf, Weight.MISTAKE) == [
        "line 1: a byte order mark, which the provider stumbles on"
    ]
    lines = read_qcnl_conf(b"\xef\xbb\xbfRETRY_TIMES=1\n")
    assert lines.retry_times == 1


def test_reads_json_with_comments() -> None:
    conf = read_qcnl_conf(
        b"""// *** ATTENTION : JSON with // comments { "
/* and { these */ {
  "pccs_url": "https://pccs.example:8081/sgx/certification/v4/" // "not": 1
  ,"use_secure_cert": true,   // once more
  "local_pck_url": "http://169.254.169.254/metadata/THIM/sgx/certification/v4/",
  "retry_times": 3, "retry_delay": /* seconds */ 2, "pck_cache_expire_hours": 48.5,
  "local_cache_only": false, "pccs_api_version": "4.0"
}
"""
    )
    assert conf.notes == ()
    assert conf.form is QcnlForm.JSON
    assert str(conf.pccs_url) == "https://pccs.example:8081/sgx/certification/v4/"
    assert str(conf.local_pck_url).startswith("http://169.254.169.254/metadata/")
    assert (conf.retry_times, conf.retry_delay_s, conf.pauses_s) == (3, 2, 6)
    assert conf.pck_cache_expire_hours == 48.5
    assert conf.pccs_api_version == "4.0"


def test_reads_lines_with_blanks_anywhere() -> None:
    conf = read_qcnl_conf(
        b"# PCCS\r\nPCCS_URL = https://pccs.example/\r\nUSE_SECURE_CERT=TRUE\nRETRY_TIMES=1\n"
        b"RETRY_DELAY=1\nLOCAL_PCK_URL=http://x/\nLOCAL_CACHE_ONLY=true\n\n"
    )
    assert conf.notes == ()
    assert str(conf.pccs_url) == "https://pccs.example/"
    assert conf.local_cache_only


def test_an_empty_file_leaves_the_defaults() -> None:
    conf = read_qcnl_conf(b"")
    assert (conf.form, conf.retry_times) == (QcnlForm.LINES, 6)
    assert str(conf.pccs_url) == "https://localhost:8081/sgx/certification/v4/"

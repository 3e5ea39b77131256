# SPDX-License-Identifier: Apache-2.0
"""EPC in files of the misc controller: the exact key, and nothing like it."""

import pytest

from confcom.epc.misc_cgroup import EpcUse, parse_capacity, parse_use
from confcom.errors import MalformedError
from confcom.reasons import Reason


def test_files_of_a_kernel_that_counts_epc_are_read() -> None:
    assert parse_capacity("sgx_epc 8589934592\nsev 500\nsev_es 9\n") == 8589934592
    assert parse_use(
        maximum="sgx_epc 10485760\n", current="sgx_epc 4194304\n", events="sgx_epc.max 3\n"
    ) == EpcUse(max_bytes=10485760, current_bytes=4194304, times_at_max=3)


def test_max_is_no_limit() -> None:
    assert parse_use(maximum="sev 1\nsgx_epc max\n").max_bytes is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "sev 500\nsev_es 9\n",
        "sgx_epc_va 5\n",
        "xsgx_epc 5\n",
        " sgx_epc 5\n",
        "SGX_EPC 5\n",
        "sgx_epc.max 5\n",
        "sev 1\x0bsgx_epc 5\n",
        "sgx_epc\t5\n",
    ],
)
def test_other_keys_mean_that_nothing_enforces_the_epc(text: str) -> None:
    assert parse_capacity(text) is None
    assert parse_use(maximum=text, current=text) == EpcUse()


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 5",
        "5 ",
        "-1",
        "0x5",
        "max",
        "five",
        "5\t",
        "\u0665",
        str(2**64),
        "9" * 10_000,
        "5\nsgx_epc 5",
        "5\nsgx_epc 6",
        "5\r",
    ],
)
def test_other_values_are_refused(value: str) -> None:
    text = f"sgx_epc {value}\n"
    for read in (parse_capacity, lambda text: parse_use(current=text)):
        with pytest.raises(MalformedError) as caught:
            read(text)
        assert caught.value.reason is Reason.NODE_FACTS_FORMAT
        assert len(caught.value.message) < 200


@pytest.mark.parametrize("value", ["", "maximum", "Max", "max ", "max\nsgx_epc max", "-1"])
def test_other_limits_are_refused(value: str) -> None:
    with pytest.raises(MalformedError, match=r"misc\.max"):
        parse_use(maximum=f"sgx_epc {value}\n")


def test_largest_number_is_read() -> None:
    assert parse_capacity(f"sgx_epc {2**64 - 1}") == 2**64 - 1


def test_event_needs_its_own_key() -> None:
    assert parse_use(events="sgx_epc 3\n").times_at_max is None
    with pytest.raises(MalformedError, match=r"misc\.events"):
        parse_use(events="sgx_epc.max max\n")

# SPDX-License-Identifier: Apache-2.0
"""Packages that load a part of themselves at its first use offer all that they name."""

import subprocess
import sys
from importlib import import_module

import pytest

LATER = {
    "confcom.dcap": ("confcom.dcap.verify_numbers", "confcom.dcap.wrappers"),
    "confcom.sgx": ("confcom.sgx.measurement", "confcom.sgx.sigstruct"),
    "confcom.protocols.aesm": ("confcom.protocols.aesm.client",),
}


@pytest.mark.parametrize("package", LATER)
def test_each_name_of_a_package_is_there(package: str) -> None:
    module = import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("package", LATER)
def test_other_names_are_not(package: str) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = import_module(package).nonsense


@pytest.mark.parametrize("package", LATER)
def test_what_is_loaded_later_is_not_loaded_with_the_package(package: str) -> None:
    code = f"import sys, {package}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert set(LATER[package]).isdisjoint(run.stdout.decode().split())

# SPDX-License-Identifier: Apache-2.0
"""What a part of the users of a package needs is not loaded with the package."""

import subprocess
import sys

import pytest

APART = {
    "confcom.dcap": ("confcom.dcap.verify_numbers", "confcom.dcap.wrappers"),
    "confcom.sgx": ("confcom.sgx.measurement", "confcom.sgx.sigstruct"),
    "confcom.protocols.aesm": ("confcom.protocols.aesm.client",),
}


@pytest.mark.parametrize("package", APART)
def test_what_is_apart_is_not_loaded_with_the_package(package: str) -> None:
    code = f"import sys, {package}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert set(APART[package]).isdisjoint(run.stdout.decode().split())

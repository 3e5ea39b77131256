# SPDX-License-Identifier: Apache-2.0
"""Error numbers of AESM, the SGX SDK and the DCAP libraries, and how each becomes another.

Sources: intel/linux-sgx ``aesm_error.h``, ``sgx_error.h``; Intel DCAP ``sgx_ql_lib_common.h``;
the out-of-process wrapper of Intel DCAP.
"""

from enum import IntEnum
from types import MappingProxyType
from typing import Final


class AesmCode(IntEnum):
    """``errorCode`` of replies; 7 to 11 and 27 are not in use any more."""

    SUCCESS = 0
    UNEXPECTED = 1
    NO_DEVICE = 2
    PARAMETER = 3
    EPID_BLOB = 4
    EPID_REVOKED = 5
    LAUNCH_TOKEN = 6
    NETWORK = 12
    NETWORK_BUSY = 13
    PROXY_SETTING = 14
    FILE_ACCESS = 15
    PROVISIONING = 16
    SERVICE_STOPPED = 17
    BUSY = 18
    BACKEND_SERVER_BUSY = 19
    UPDATE_AVAILABLE = 20
    OUT_OF_MEMORY = 21
    MESSAGE = 22
    THREAD = 23
    SGX_DEVICE_NOT_AVAILABLE = 24
    ENABLING_SGX = 25
    PLATFORM_INFO_SIGNATURE = 26
    KEY_DERIVATION = 28
    OUT_OF_EPC = 29
    SERVICE_UNAVAILABLE = 30
    UNRECOGNISED_PLATFORM = 31
    ECDSA_ID_MISMATCH = 32
    PATH_BUFFER = 33
    STORED_KEY = 34
    PUBLIC_KEY_ID_MISMATCH = 35
    PCE_SIGNATURE_SCHEME = 36
    KEY_BLOB = 37
    UNSUPPORTED_KEY_ID = 38
    LOADING_POLICY = 39
    INTERFACE_UNAVAILABLE = 40
    PLATFORM_LIBRARY = 41
    KEY_NOT_INITIALISED = 42
    CERTIFICATION_DATA = 43
    NO_CERTIFICATION_DATA = 44
    REPORT = 45
    ENCLAVE_LOST = 46
    INVALID_REPORT = 47
    ENCLAVE_LOAD = 48
    NO_QE_REPORT = 49
    KEY_CERTIFICATION = 50
    CONFIGURATION = 51


WORDS: Final = MappingProxyType(
    {
        AesmCode.SUCCESS: "success",
        AesmCode.UNEXPECTED: "the daemon refused, or failed in a way it has no number for",
        AesmCode.NO_DEVICE: "the daemon finds no SGX device; check /dev/sgx_enclave on the node",
        AesmCode.PARAMETER: "the request is not well formed for the daemon",
        AesmCode.EPID_BLOB: "EPID blob error; EPID is no longer offered",
        AesmCode.EPID_REVOKED: "EPID group revoked; EPID is no longer offered",
        AesmCode.LAUNCH_TOKEN: "launch token refused; kernels since 5.11 need none",
        AesmCode.NETWORK: "the daemon cannot reach the certificate service",
        AesmCode.NETWORK_BUSY: "the certificate service is busy",
        AesmCode.PROXY_SETTING: "the daemon's proxy setting is wrong",
        AesmCode.FILE_ACCESS: "the daemon cannot read a file it needs",
        AesmCode.PROVISIONING: "provisioning failed",
        AesmCode.SERVICE_STOPPED: "the daemon is stopping",
        AesmCode.BUSY: "the daemon has as many requests as it takes; ask again",
        AesmCode.BACKEND_SERVER_BUSY: "the certificate service is busy; ask again later",
        AesmCode.UPDATE_AVAILABLE: "an update of the platform software is available",
        AesmCode.OUT_OF_MEMORY: "the daemon or its enclave has no memory left",
        AesmCode.MESSAGE: "a message of the certificate service cannot be read",
        AesmCode.THREAD: "the daemon cannot start a thread",
        AesmCode.SGX_DEVICE_NOT_AVAILABLE: "the SGX device cannot be used",
        AesmCode.ENABLING_SGX: "SGX cannot be enabled; check the firmware settings",
        AesmCode.PLATFORM_INFO_SIGNATURE: "signature of the platform information is wrong",
        AesmCode.KEY_DERIVATION: "an enclave derived another key than expected",
        AesmCode.OUT_OF_EPC: "there is no enclave memory left on the node",
        AesmCode.SERVICE_UNAVAILABLE: "the daemon has no quoting service: its enclaves are not "
        "loaded, or the call is of a kind that no longer exists (EPID, launch)",
        AesmCode.UNRECOGNISED_PLATFORM: "the certificate service does not know the platform",
        AesmCode.ECDSA_ID_MISMATCH: "the identity of the ECDSA quoting enclave differs",
        AesmCode.PATH_BUFFER: "a path of the platform libraries is too long",
        AesmCode.STORED_KEY: "the stored attestation key cannot be used",
        AesmCode.PUBLIC_KEY_ID_MISMATCH: "the public key id is not that of the attestation key",
        AesmCode.PCE_SIGNATURE_SCHEME: "the PCE signs with an unknown scheme",
        AesmCode.KEY_BLOB: "the sealed attestation key cannot be opened",
        AesmCode.UNSUPPORTED_KEY_ID: "the daemon does not offer the attestation key that was asked "
        "for; if it offers none at all, its quoting enclave did not load",
        AesmCode.LOADING_POLICY: "the loading policy of enclaves cannot be changed",
        AesmCode.INTERFACE_UNAVAILABLE: "the PCE is not loaded",
        AesmCode.PLATFORM_LIBRARY: "the platform library cannot be loaded",
        AesmCode.KEY_NOT_INITIALISED: "the attestation key is not ready or was replaced; ask for "
        "target info again and make a new REPORT",
        AesmCode.CERTIFICATION_DATA: "the certification data are not usable",
        AesmCode.NO_CERTIFICATION_DATA: "there is no PCK certificate for the platform",
        AesmCode.REPORT: "the enclave cannot make or check a REPORT",
        AesmCode.ENCLAVE_LOST: "the quoting enclave was lost, for example by a power transition",
        AesmCode.INVALID_REPORT: "the REPORT was not made for this quoting enclave on this machine",
        AesmCode.ENCLAVE_LOAD: "a quoting enclave cannot be loaded; check /dev/sgx_provision",
        AesmCode.NO_QE_REPORT: "the quoting enclave cannot make a REPORT for the caller",
        AesmCode.KEY_CERTIFICATION: "the attestation key cannot be certified",
        AesmCode.CONFIGURATION: "the platform's configuration is not supported",
    }
)
"""What each number means to the person who reads it."""

QUOTE3_BASE: Final = 0xE000
_FROM_QUOTE3: Final = MappingProxyType(
    {
        0x01: AesmCode.UNEXPECTED,
        0x02: AesmCode.PARAMETER,
        0x03: AesmCode.OUT_OF_MEMORY,
        0x04: AesmCode.ECDSA_ID_MISMATCH,
        0x05: AesmCode.PATH_BUFFER,
        0x06: AesmCode.FILE_ACCESS,
        0x07: AesmCode.STORED_KEY,
        0x08: AesmCode.PUBLIC_KEY_ID_MISMATCH,
        0x09: AesmCode.PCE_SIGNATURE_SCHEME,
        0x0A: AesmCode.KEY_BLOB,
        0x0B: AesmCode.UNSUPPORTED_KEY_ID,
        0x0C: AesmCode.LOADING_POLICY,
        0x0D: AesmCode.INTERFACE_UNAVAILABLE,
        0x0E: AesmCode.PLATFORM_LIBRARY,
        0x0F: AesmCode.KEY_NOT_INITIALISED,
        0x10: AesmCode.CERTIFICATION_DATA,
        0x11: AesmCode.NO_CERTIFICATION_DATA,
        0x12: AesmCode.OUT_OF_EPC,
        0x13: AesmCode.REPORT,
        0x14: AesmCode.ENCLAVE_LOST,
        0x15: AesmCode.INVALID_REPORT,
        0x16: AesmCode.ENCLAVE_LOAD,
        0x17: AesmCode.NO_QE_REPORT,
        0x18: AesmCode.KEY_CERTIFICATION,
        0x19: AesmCode.NETWORK,
        0x1A: AesmCode.MESSAGE,
    }
)

QUOTE3_WORDS: Final = MappingProxyType(
    {
        0xE035: "the quoting enclave may not open /dev/sgx_provision",
        0xE03E: "not possible out of process",
        0xE03F: "no SGX device",
        0xE040: "the daemon cannot be reached, or has no quoting service",
        0xE041: "the daemon cannot reach the certificate service",
        0xE042: "the daemon did not answer in time",
        0xE043: "the daemon is busy",
        0xE044: "the certificate service answered with an unknown error",
        0xE047: "the certificate service does not know the platform",
        0xE049: "certificates are not available",
        0xE067: "the configuration of the certificate provider is wrong",
    }
)
"""Numbers of the DCAP libraries that appear in logs and have no AESM code of their own."""


def from_quote3(number: int) -> AesmCode:
    """Return the AESM code for a ``quote3_error_t``, 0xE000 and up, or 0 for success."""
    if number == 0:
        return AesmCode.SUCCESS
    return _FROM_QUOTE3.get(number - QUOTE3_BASE, AesmCode.UNEXPECTED)


class Call(IntEnum):
    """The calls of Intel's client library that report errors in their own ways."""

    SUPPORTED = 0
    SELECT = 1
    INIT = 2
    SIZE = 3
    QUOTE = 4


_U: Final = 0x0001
# Columns: number and ids, select, init, size, quote; what is missing is "unexpected" everywhere.
_SGX_STATUS: Final[MappingProxyType[int, tuple[int, int, int, int, int]]] = MappingProxyType(
    {
        0: (0, 0, 0, 0, 0),
        2: (0x2006, 0x2006, 0x2006, 0x2006, 0x2006),
        3: (0x0002, 0x0002, 0x0002, 0x0002, 0x0002),
        4: (_U, _U, 0x4003, _U, 0x4003),
        5: (_U, _U, 0x4005, _U, 0x4005),
        12: (0x4007, 0x4007, 0x4007, 0x4007, 0x4007),
        13: (0x4007, 0x4007, 0x4007, 0x4007, 0x4007),
        14: (0x4007, 0x4007, 0x4007, 0x4007, 0x4007),
        17: (0x4001, 0x4001, 0x4001, 0x4001, 0x4001),
        18: (0x400A, 0x400A, 0x400A, 0x400A, 0x400A),
        19: (_U, _U, 0x400A, _U, 0x400A),
        20: (0x4006, 0x4006, 0x4006, 0x4006, 0x4006),
        21: (0x0003, 0x0003, 0x0003, 0x0003, 0x0003),
        29: (_U, _U, 0x2005, _U, 0x2005),
        30: (0x4001, 0x4001, 0x4001, 0x4001, 0x4001),
        31: (0x4012, 0x4012, 0x4012, 0x4012, 0x4012),
        38: (_U, 0x8001, 0x8001, 0x8001, 0x8001),
        42: (_U, _U, _U, 0x8003, 0x8003),
        44: (_U, _U, 0x8005, _U, _U),
        45: (_U, _U, _U, _U, 0x3001),
        46: (0x4001, 0x4001, 0x4001, 0x4001, 0x4001),
        47: (_U, _U, _U, _U, 0x3001),
        48: (0x4001, 0x4001, 0x4001, 0x4001, 0x4001),
        50: (_U, _U, 0x8002, _U, _U),
    }
)


def to_sgx_status(code: int, call: Call) -> int:
    """Return the ``sgx_status_t`` that Intel's client library makes of a code in a call."""
    row = _SGX_STATUS.get(code)
    return _U if row is None else row[call]


_TO_QUOTE3: Final = MappingProxyType(
    {
        0x0000: 0,
        0x0001: 0xE001,
        0x0002: 0xE002,
        0x0003: 0xE003,
        0x2006: 0xE03F,
        0x4001: 0xE040,
        0x4002: 0xE042,
        0x4007: 0xE041,
        0x400A: 0xE043,
        0x8001: 0xE00B,
        0x8002: 0xE010,
        0x8003: 0xE00F,
        0x8005: 0xE011,
    }
)


def sgx_status_to_quote3(status: int) -> int:
    """Return the ``quote3_error_t`` that the DCAP wrapper makes of a ``sgx_status_t``."""
    return _TO_QUOTE3.get(status, 0xE001)

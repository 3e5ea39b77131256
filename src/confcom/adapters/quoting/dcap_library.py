# SPDX-License-Identifier: Apache-2.0
"""Intel's DCAP quoting libraries, called through their C ABI. Loaded in the child only.

``libsgx_qe3_logic.so`` has the complete interface. ``libsgx_dcap_ql.so.1`` has a simple one with
two limits: it takes no nonce, so QE report info is refused with 0xE017, and it does not tell the
public key id, which is known only after a first quote was made, from that quote.

Source: Intel DCAP ``sgx_dcap_ql_wrapper.h``, ``sgx_ql_core_wrapper.h``; numbers are those of
``sgx_ql_lib_common.h``. Integers in structures are little-endian.
"""

import ctypes
import hashlib
from collections.abc import Mapping
from ctypes import c_bool, c_char, c_char_p, c_size_t, c_uint32
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from confcom.adapters.quoting.dcap_messages import (
    KEY_ID_BYTES,
    MAX_QUOTE_BYTES,
    MIN_QUOTE_BYTES,
    PUBLIC_KEY_ID_BYTES,
    QE_REPORT_INFO_BYTES,
    TARGET_INFO_BYTES,
)

UNEXPECTED: Final = 0xE001
NO_QE_REPORT: Final = 0xE017
_COMPARED_KEY_ID_BYTES: Final = 158
_ATTESTATION_KEY_OFFSET: Final = 436 + 64
_ATTESTATION_KEY_BYTES: Final = 64
_AUTH_SIZE_OFFSET: Final = 436 + 64 + 64 + 384 + 64
_PCE_LOGIC: Final = "libsgx_pce_logic.so.1"


class PathKind(StrEnum):
    """Files that the libraries look for themselves unless told."""

    QE3 = "qe3"
    PCE = "pce"
    PROVIDER = "provider"
    ID_ENCLAVE = "id-enclave"


class LibraryError(Exception):
    """A library refused, or answered what cannot be.

    Attributes:
        error: ``quote3_error_t``.
        why: which function did.
    """

    def __init__(self, error: int, why: str) -> None:
        super().__init__(why)
        self.error = error
        self.why = why


class QuotingLibrary(Protocol):
    """What the child does with a library."""

    interface: str

    def configure(self, policy: int, paths: Mapping[PathKind, Path]) -> None:
        """Set the loading policy and the paths of files, before anything else."""

    def key_id(self) -> bytes | None:
        """Return the attestation key id, 256 bytes, or None where the library does not tell."""

    def init(self) -> tuple[bytes, bytes | None]:
        """Make the key ready; return TARGETINFO (512 bytes) and, if known, public key id (32)."""

    def size(self) -> int:
        """Return the bytes of a quote."""

    def quote(self, report: bytes, info: bytes | None) -> tuple[bytes, bytes | None]:
        """Sign a REPORT of 432 bytes; return the quote and the filled QE report info (960)."""


def load_library(path: str) -> QuotingLibrary:
    """Load a library and choose its interface by the functions that it has.

    Args:
        path: file name for the dynamic linker, or a whole path.

    Raises:
        LibraryError: it cannot be loaded, or is not a quoting library.
    """
    library = _load(path)
    if hasattr(library, "sgx_ql_init_quote"):
        return CompleteLibrary(library)
    if hasattr(library, "sgx_qe_get_target_info"):
        return SimpleLibrary(library)
    raise LibraryError(UNEXPECTED, f"{path} has no quoting functions; expected libsgx_qe3_logic.so")


class CompleteLibrary:
    """``libsgx_qe3_logic.so``."""

    interface = "complete"
    _SETTERS: Final[Mapping[PathKind, str]] = {
        PathKind.QE3: "sgx_set_qe3_path",
        PathKind.PROVIDER: "sgx_set_qpl_path",
        PathKind.ID_ENCLAVE: "sgx_set_ide_path",
    }

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._key: ctypes.Array[c_char] | None = None

    def configure(self, policy: int, paths: Mapping[PathKind, Path]) -> None:
        """Set the loading policy and paths; that of the PCE is set in a library of its own."""
        _call(self._library, "sgx_ql_set_enclave_load_policy", c_uint32(policy))
        for kind, path in paths.items():
            if kind is PathKind.PCE:
                _call(_load(_PCE_LOGIC), "sgx_set_pce_path", c_char_p(bytes(path)))
            else:
                _call(self._library, self._SETTERS[kind], c_char_p(bytes(path)))

    def key_id(self) -> bytes | None:
        """Return what the library offers; its first 158 bytes go into every further call."""
        whole = ctypes.create_string_buffer(KEY_ID_BYTES)
        _call(self._library, "sgx_ql_get_keyid", whole)
        self._key = ctypes.create_string_buffer(
            whole.raw[:_COMPARED_KEY_ID_BYTES], _COMPARED_KEY_ID_BYTES
        )
        return whole.raw

    def init(self) -> tuple[bytes, bytes | None]:
        """Make the key ready; it is not made anew where it is still good."""
        target_info = ctypes.create_string_buffer(TARGET_INFO_BYTES)
        size = c_size_t(0)
        name = "sgx_ql_init_quote"
        fixed = (self._key, target_info, c_bool(False), ctypes.byref(size))
        _call(self._library, name, *fixed, None)
        if size.value != PUBLIC_KEY_ID_BYTES:
            raise _wrong_size("public key id", size.value, f"expected {PUBLIC_KEY_ID_BYTES}")
        public_key_id = ctypes.create_string_buffer(PUBLIC_KEY_ID_BYTES)
        _call(self._library, name, *fixed, public_key_id)
        if size.value != PUBLIC_KEY_ID_BYTES:
            raise _wrong_size("public key id", size.value, f"expected {PUBLIC_KEY_ID_BYTES}")
        return target_info.raw, public_key_id.raw

    def size(self) -> int:
        """Ask for the size, and bound it."""
        size = c_uint32(0)
        _call(self._library, "sgx_ql_get_quote_size", self._key, ctypes.byref(size))
        return _bounded(size.value)

    def quote(self, report: bytes, info: bytes | None) -> tuple[bytes, bytes | None]:
        """Make a quote in a buffer of the library's own size, never of the client's."""
        size = self.size()
        buffer = ctypes.create_string_buffer(size)
        made = None if info is None else ctypes.create_string_buffer(info, QE_REPORT_INFO_BYTES)
        given = ctypes.create_string_buffer(report, len(report))
        _call(self._library, "sgx_ql_get_quote", given, self._key, made, buffer, c_uint32(size))
        return buffer.raw, None if made is None else made.raw


class SimpleLibrary:
    """``libsgx_dcap_ql.so.1``, without nonce and with a public key id only after a quote."""

    interface = "simple"
    _KINDS: Final[Mapping[PathKind, int]] = {
        PathKind.QE3: 0,
        PathKind.PCE: 1,
        PathKind.PROVIDER: 2,
        PathKind.ID_ENCLAVE: 3,
    }

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._public_key_id: bytes | None = None

    def configure(self, policy: int, paths: Mapping[PathKind, Path]) -> None:
        """Set the loading policy and paths."""
        _call(self._library, "sgx_qe_set_enclave_load_policy", c_uint32(policy))
        for kind, path in paths.items():
            number = c_uint32(self._KINDS[kind])
            _call(self._library, "sgx_ql_set_path", number, c_char_p(bytes(path)))

    def key_id(self) -> bytes | None:
        """Return None: the library does not tell."""
        return None

    def init(self) -> tuple[bytes, bytes | None]:
        """Make the key ready; the public key id is that of the last quote, if there was one."""
        target_info = ctypes.create_string_buffer(TARGET_INFO_BYTES)
        _call(self._library, "sgx_qe_get_target_info", target_info)
        return target_info.raw, self._public_key_id

    def size(self) -> int:
        """Ask for the size, and bound it."""
        size = c_uint32(0)
        _call(self._library, "sgx_qe_get_quote_size", ctypes.byref(size))
        return _bounded(size.value)

    def quote(self, report: bytes, info: bytes | None) -> tuple[bytes, bytes | None]:
        """Make a quote in a buffer of the library's own size; QE report info is refused."""
        if info is not None:
            raise LibraryError(NO_QE_REPORT, "libsgx_dcap_ql.so.1 makes no QE report for a nonce")
        size = self.size()
        buffer = ctypes.create_string_buffer(size)
        given = ctypes.create_string_buffer(report, len(report))
        _call(self._library, "sgx_qe_get_quote", given, c_uint32(size), buffer)
        self._public_key_id = public_key_id(buffer.raw)
        return buffer.raw, None


def public_key_id(quote: bytes) -> bytes | None:
    """Return SHA-256(attestation key ‖ authentication data) of a quote, or None if it has none.

    Source: Intel DCAP, ``sgx_ecdsa_sig_data_t`` and ``sgx_ql_auth_data_t``.
    """
    data = _AUTH_SIZE_OFFSET + 2
    if len(quote) < data:
        return None
    size = int.from_bytes(quote[_AUTH_SIZE_OFFSET:data], "little")
    if len(quote) < data + size:
        return None
    key = quote[_ATTESTATION_KEY_OFFSET : _ATTESTATION_KEY_OFFSET + _ATTESTATION_KEY_BYTES]
    return hashlib.sha256(key + quote[data : data + size]).digest()


def _load(path: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(path)
    except OSError as exc:
        raise LibraryError(UNEXPECTED, f"cannot load {path}: {exc}") from exc


def _call(library: ctypes.CDLL, name: str, *arguments: object) -> None:
    try:
        function = getattr(library, name)
    except AttributeError as exc:
        raise LibraryError(UNEXPECTED, f"the library has no function {name}") from exc
    function.restype = c_uint32
    error = function(*arguments)
    if error:
        raise LibraryError(error, f"{name} returned 0x{error:04x}")


def _bounded(size: int) -> int:
    if not MIN_QUOTE_BYTES < size <= MAX_QUOTE_BYTES:
        raise _wrong_size("quote", size, f"expected {MIN_QUOTE_BYTES + 1} to {MAX_QUOTE_BYTES}")
    return size


def _wrong_size(what: str, size: int, expected: str) -> LibraryError:
    return LibraryError(UNEXPECTED, f"the library says {what} has {size} bytes, {expected}")

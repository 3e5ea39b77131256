# SPDX-License-Identifier: Apache-2.0
"""MRENCLAVE from the steps that load an enclave (Intel SDM volume 3D: ECREATE, EADD, EEXTEND).

A processor hashes one 64-byte record for each ECREATE and EADD, and one record followed by 256
bytes of content for each EEXTEND, in the order of the calls. A file of these records (``.sgxs``)
is a measurement stream: its SHA-256 is MRENCLAVE. Linux extends a page right after adding it, so
any other order is taken for a mistake.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.wire import Field, Kind, Layout

PAGE_BYTES: Final = 4096
CHUNK_BYTES: Final = 256
RECORD_BYTES: Final = 64
ENCLAVE_SIZES: Final = tuple(1 << bit for bit in range(13, 64))
MAX_STREAM_BYTES: Final = 1 << 32

ECREATE: Final = Layout(
    "ECREATE record",
    RECORD_BYTES,
    Field("tag", 0, 8, doc="ECREATE and one zero byte"),
    Field(
        "ssa_frame_pages", 8, 4, Kind.UINT, doc="size of a saved state frame in pages of 4096 bytes"
    ),
    Field("size_bytes", 12, 8, Kind.UINT, doc="of the enclave, a power of two"),
    Field("reserved", 20, 44),
    cite="Intel SDM volume 3D, ECREATE",
)
EADD: Final = Layout(
    "EADD record",
    RECORD_BYTES,
    Field("tag", 0, 8, doc="EADD and four zero bytes"),
    Field("offset", 8, 8, Kind.UINT, doc="of the page from the start of the enclave"),
    Field("access", 16, 1, Kind.UINT, doc="bit 0 read, 1 write, 2 execute"),
    Field("page_type", 17, 1, Kind.UINT, doc="1 thread control, 2 regular"),
    Field("reserved", 18, 46),
    cite="Intel SDM volume 3D, EADD and SECINFO",
)
EEXTEND: Final = Layout(
    "EEXTEND record",
    RECORD_BYTES,
    Field("tag", 0, 8, doc="EEXTEND and one zero byte; 256 bytes of content follow the record"),
    Field("offset", 8, 8, Kind.UINT, doc="of the content from the start of the enclave"),
    Field("reserved", 16, 48),
    cite="Intel SDM volume 3D, EEXTEND",
)
_ECREATE_TAG: Final = b"ECREATE\0"
_EADD_TAG: Final = b"EADD\0\0\0\0"
_EEXTEND_TAG: Final = b"EEXTEND\0"
_LAYOUTS: Final = {_ECREATE_TAG: ECREATE, _EADD_TAG: EADD, _EEXTEND_TAG: EEXTEND}
_PAGES_IN_GROUP: Final = 1024


class PageType(IntEnum):
    """Types of the pages that EADD adds (SECINFO.FLAGS bits 8 to 15)."""

    TCS = 1
    REG = 2


class Access(IntFlag):
    """What the enclave may do with a page (SECINFO.FLAGS bits 0 to 2)."""

    R = 1
    W = 2
    X = 4


_PAGE_TYPES: Final[Mapping[int, PageType]] = {int(kind): kind for kind in PageType}
_ACCESSES: Final[Mapping[int, Access]] = {bits: Access(bits) for bits in range(8)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a sequence of loading steps amounts to.

    Attributes:
        mr_enclave: 32 bytes.
        size_bytes: size of the enclave's address range.
        ssa_frame_pages: size of a saved state frame in pages of 4096 bytes.
        pages: pages added, thread control pages included.
        tcs_pages: thread control pages: how many threads can be inside at once.
        measured_bytes: bytes of page content in the measurement.
    """

    mr_enclave: bytes
    size_bytes: int
    ssa_frame_pages: int
    pages: int
    tcs_pages: int
    measured_bytes: int


class MeasurementBuilder:
    """Computes MRENCLAVE step by step; each step returns the bytes it adds to a stream.

    Every step raises `MalformedError` (reason ``measurement_format``) when a processor or a
    loader would not take it, and then leaves the measurement as it was.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._length = 0
        self._size_bytes = 0
        self._ssa_frame_pages = 0
        self._groups: dict[int, int] = {}
        self._page = 0
        self._next_chunk = 0
        self._pages = 0
        self._tcs_pages = 0
        self._chunks = 0

    def ecreate(self, *, size_bytes: int, ssa_frame_pages: int) -> bytes:
        """Begin an enclave; its size is a power of two of at least 8192 bytes."""
        if self._length:
            raise self._refuse("ECREATE stands at the beginning only")
        if size_bytes not in ENCLAVE_SIZES:
            raise self._refuse(
                f"enclave size {size_bytes} is not a power of two of at least {ENCLAVE_SIZES[0]}"
            )
        if not 1 <= ssa_frame_pages < 1 << 32:
            raise self._refuse(f"an SSA frame cannot have {ssa_frame_pages} pages")
        record = ECREATE.pack((_ECREATE_TAG, ssa_frame_pages, size_bytes, bytes(44)))
        self._size_bytes, self._ssa_frame_pages = size_bytes, ssa_frame_pages
        return self._append(record)

    def eadd(self, offset: int, *, page_type: PageType, access: Access) -> bytes:
        """Add the page at ``offset`` bytes from the start of the enclave.

        A thread control page has no access rights; a regular page that is writable is readable.
        """
        self._expect_created("EADD")
        if offset % PAGE_BYTES or not 0 <= offset < self._size_bytes:
            raise self._refuse(
                f"page offset {offset:#x} is not a multiple of {PAGE_BYTES} below "
                f"{self._size_bytes:#x}"
            )
        if page_type is PageType.TCS and access:
            raise self._refuse(f"thread control page at {offset:#x} has access rights")
        if Access.W in access and Access.R not in access:
            raise self._refuse(f"page at {offset:#x} is writable but not readable")
        group, bit = divmod(offset // PAGE_BYTES, _PAGES_IN_GROUP)
        added = self._groups.get(group, 0)
        if added >> bit & 1:
            raise self._refuse(f"page at {offset:#x} is added a second time")
        self._groups[group] = added | 1 << bit
        self._page, self._next_chunk = offset, offset
        self._pages += 1
        self._tcs_pages += page_type is PageType.TCS
        return self._append(EADD.pack((_EADD_TAG, offset, access, page_type, bytes(46))))

    def eextend(self, offset: int, content: bytes) -> bytes:
        """Measure the 256 bytes at ``offset``, in the page added last and in ascending order."""
        self._expect_created("EEXTEND")
        if len(content) != CHUNK_BYTES:
            raise self._refuse(f"a chunk has {CHUNK_BYTES} bytes, {len(content)} found")
        if not self._pages:
            raise self._refuse("EEXTEND comes before the first EADD")
        if offset % CHUNK_BYTES or not self._next_chunk <= offset < self._page + PAGE_BYTES:
            raise self._refuse(
                f"chunk offset {offset:#x} is not a multiple of {CHUNK_BYTES} from "
                f"{self._next_chunk:#x} to the end of the page at {self._page:#x}"
            )
        self._next_chunk = offset + CHUNK_BYTES
        self._chunks += 1
        return self._append(EEXTEND.pack((_EEXTEND_TAG, offset, bytes(48))) + content)

    def add_page(
        self, offset: int, content: bytes, *, page_type: PageType, access: Access
    ) -> bytes:
        """Add a page and measure all of its 4096 bytes."""
        if len(content) != PAGE_BYTES:
            raise self._refuse(f"a page has {PAGE_BYTES} bytes, {len(content)} found")
        steps = [self.eadd(offset, page_type=page_type, access=access)]
        steps.extend(
            self.eextend(offset + start, content[start : start + CHUNK_BYTES])
            for start in range(0, PAGE_BYTES, CHUNK_BYTES)
        )
        return b"".join(steps)

    def measurement(self) -> Measurement:
        """Return what the steps so far amount to; further steps may follow."""
        self._expect_created("the end")
        return Measurement(
            mr_enclave=self._hash.digest(),
            size_bytes=self._size_bytes,
            ssa_frame_pages=self._ssa_frame_pages,
            pages=self._pages,
            tcs_pages=self._tcs_pages,
            measured_bytes=self._chunks * CHUNK_BYTES,
        )

    def _append(self, record: bytes) -> bytes:
        self._hash.update(record)
        self._length += len(record)
        return record

    def _expect_created(self, step: str) -> None:
        if not self._length:
            raise self._refuse(f"{step} comes before ECREATE")

    def _refuse(self, message: str) -> MalformedError:
        return _malformed(self._length, message)


class MeasurementParser:
    """Reads a measurement stream piece by piece, in memory that does not grow with page content.

    Args:
        most: bytes after which the stream is refused.
    """

    def __init__(self, *, most: int = MAX_STREAM_BYTES) -> None:
        self._most = most
        self._builder = MeasurementBuilder()
        self._pending = bytearray()
        self._done = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream, in pieces of any size.

        Raises:
            MalformedError: an unknown record, a record out of order, a value that no processor
                takes (reason ``measurement_format``), or too many bytes (``too_large``).
        """
        self._pending += data
        if self._done + len(self._pending) > self._most:
            raise MalformedError(
                Reason.TOO_LARGE, f"measurement stream has more than {self._most} bytes"
            )
        position = 0
        while size := self._step(position):
            position += size
            self._done += size
        del self._pending[:position]

    def finish(self) -> Measurement:
        """Return the measurement of the whole stream.

        Raises:
            MalformedError: the stream is empty or ends inside a record.
        """
        if self._pending:
            raise _malformed(self._done, f"record is cut off after {len(self._pending)} bytes")
        return self._builder.measurement()

    def _step(self, position: int) -> int:
        """Take one record; return its size, or 0 when it is not all there yet."""
        head = bytes(self._pending[position : position + RECORD_BYTES])
        if len(head) < RECORD_BYTES:
            return 0
        tag = head[: len(_ECREATE_TAG)]
        layout = _LAYOUTS.get(tag)
        if layout is None:
            raise _malformed(self._done, f"tag {tag!r} is none of ECREATE, EADD, EEXTEND")
        if any(head[layout["reserved"].offset :]):
            raise _malformed(self._done, f"{layout.name} has non-zero reserved bytes")
        if layout is ECREATE:
            _, ssa_frame_pages, size_bytes, _ = ECREATE.unpack(head)
            self._builder.ecreate(size_bytes=int(size_bytes), ssa_frame_pages=int(ssa_frame_pages))
        elif layout is EADD:
            _, offset, access, page_type, _ = EADD.unpack(head)
            self._builder.eadd(
                int(offset),
                page_type=self._page_type(int(page_type)),
                access=self._access(int(access)),
            )
        else:
            end = position + RECORD_BYTES + CHUNK_BYTES
            content = bytes(self._pending[position + RECORD_BYTES : end])
            if len(content) < CHUNK_BYTES:
                return 0
            _, offset, _ = EEXTEND.unpack(head)
            self._builder.eextend(int(offset), content)
            return RECORD_BYTES + CHUNK_BYTES
        return RECORD_BYTES

    def _page_type(self, number: int) -> PageType:
        page_type = _PAGE_TYPES.get(number)
        if page_type is None:
            raise _malformed(self._done, f"page type {number} is neither 1 (TCS) nor 2 (REG)")
        return page_type

    def _access(self, bits: int) -> Access:
        access = _ACCESSES.get(bits)
        if access is None:
            raise _malformed(self._done, f"access bits {bits:#x} are not among R, W, X")
        return access


def measure(stream: bytes | Iterable[bytes], *, most: int = MAX_STREAM_BYTES) -> Measurement:
    """Return the measurement of a stream, given whole or in pieces.

    Args:
        stream: the records.
        most: bytes after which the stream is refused.

    Raises:
        MalformedError: see `MeasurementParser`.
    """
    parser = MeasurementParser(most=most)
    for piece in (stream,) if isinstance(stream, bytes) else stream:
        parser.feed(piece)
    return parser.finish()


def _malformed(offset: int, message: str) -> MalformedError:
    return MalformedError(
        Reason.MEASUREMENT_FORMAT, f"cannot measure enclave: at stream offset {offset}: {message}"
    )

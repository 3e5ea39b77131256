# SPDX-License-Identifier: Apache-2.0
"""What root may do beyond others, taken away for a moment."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_rights_of_root() -> Iterator[None]:
    """Take away, for this thread, what lets root read and write every file.

    Capabilities 1 and 2 (capabilities(7): CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH). Another user id
    would do the same, but a user namespace may have no second one. The layout is that of
    capset(2): a header of version and thread; two times effective, permitted, inheritable.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0, os.strerror(ctypes.get_errno())
    before = sets[0]
    sets[0] &= ~(1 << 1 | 1 << 2)
    assert libc.capset(header, sets) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        sets[0] = before
        assert libc.capset(header, sets) == 0, os.strerror(ctypes.get_errno())

# SPDX-License-Identifier: Apache-2.0
"""A small engine of mutations: the same seeds and the same number give the same inputs."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

MAX_INPUT_BYTES: Final = 1 << 20
_LONG_RUN: Final = 70_000
_NUMBERS: Final = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
_TOKENS: Final = (
    b"\0",
    b"\0" * 64,
    b"\xff" * 16,
    b"{}",
    b"[]",
    b"[" * 2000,
    b'{"a":' * 2000,
    b"null",
    b"true",
    b'""',
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"9" * 5000,
    b'"\\ud800"',
    b'"\\u0000"',
    b"\xef\xbb\xbf",
    b"\xc3\x28",
    b"0001-01-01T00:00:00Z",
    b"9999-12-31T23:59:60Z",
    b"-----BEGIN CERTIFICATE-----",
    b"-----END CERTIFICATE-----",
    b"-----BEGIN X509 CRL-----",
    b"%0A",
    b"\r\n",
    b"\x30\x80",
    b"\x30\x84\xff\xff\xff\xff",
    b"\x02\x01\x00",
    b"\x1f\x81\x80",
    b"= [[",
    b'"""',
)


def mutants(seeds: Sequence[bytes], name: str) -> Iterator[bytes]:
    """Yield the seeds, then mutants of them without end.

    Args:
        seeds: valid inputs, at least one.
        name: of the series; another name gives another series.
    """
    yield from seeds
    chance = Random(name)
    while True:
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 3, 5, 8))):
            _mutate(data, chance, seeds)
        yield bytes(data[:MAX_INPUT_BYTES])


def _mutate(data: bytearray, chance: Random, seeds: Sequence[bytes]) -> None:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((1, 2, 4, 8, 32, 256)))
    match chance.randrange(11):
        case 0 | 1 if start < len(data):
            data[start] ^= 1 << chance.randrange(8)
        case 2 if start < len(data):
            data[start] = chance.randrange(256)
        case 3:
            size = chance.choice((1, 2, 4, 8))
            number = (chance.choice(_NUMBERS) + chance.randrange(-1, 2)) % (1 << 8 * size)
            data[start : start + size] = number.to_bytes(size, chance.choice(("little", "big")))
        case 4:
            del data[start:end]
        case 5:
            data[start:start] = data[start:end]
        case 6:
            data[start:start] = chance.choice(_TOKENS)
        case 7:
            data[start:end] = chance.choice(_TOKENS)
        case 8:
            del data[start:]
        case 9:
            other = chance.choice(seeds)
            data[start:] = other[chance.randrange(len(other) + 1) :]
        case _:
            _repeat(data, chance, start, end)


def _repeat(data: bytearray, chance: Random, start: int, end: int) -> None:
    if chance.randrange(20):
        data[start:start] = chance.randbytes(chance.randrange(1, 40))
    else:
        piece = bytes(data[start:end]) or b"A"
        data[start:start] = piece * (_LONG_RUN // len(piece))

# SPDX-License-Identifier: Apache-2.0
"""For which platforms a command is about collateral: of quotes, by FMSPC, or of a whole list."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import click

from confcom.adapters.collateral.assembly import (
    Platform,
    platform_of_quote,
    requests_for,
)
from confcom.adapters.collateral.fmspcs import read_fmspcs
from confcom.adapters.collateral.requests import (
    FMSPC_BYTES,
    Edition,
    EvaluationNumbersRequest,
    PckCertificateRequest,
    SignedRequest,
)
from confcom.cli.inputs import about, decode_binary, read_input
from confcom.dcap import MAX_QUOTE_BYTES, PckCa, Quote, TeeType
from confcom.dcap.wrappers import unwrap
from confcom.errors import UsageError
from confcom.reasons import Reason

F = TypeVar("F", bound=Callable[..., Any])

SERVICE_LIST: Final = "-"
_MAX_LIST_BYTES: Final = 4 * 1024 * 1024
_MAX_TEXT_BYTES: Final = 4 * MAX_QUOTE_BYTES


def subject_options(function: F) -> F:
    """Add ``--fmspc``, ``--all``, ``--tee`` and ``--ca``."""
    for option in (
        click.option(
            "--ca",
            type=click.Choice([ca.value for ca in PckCa]),
            help="With --fmspc and --all: the CA of the platforms. Both, unless given.",
        ),
        click.option(
            "--tee",
            "tees",
            type=click.Choice([tee.name.lower() for tee in TeeType]),
            multiple=True,
            help="With --fmspc and --all: for quotes of this kind; may be repeated. sgx, unless "
            "given.",
        ),
        click.option(
            "--all",
            "every",
            metavar="LIST|-",
            help="All FMSPCs of a list: JSON as Intel serves it, or one a line; - asks the "
            "service for its own list.",
        ),
        click.option(
            "--fmspc",
            "fmspcs",
            multiple=True,
            metavar="HEX",
            help="A kind of platform, 12 hex digits; may be repeated.",
        ),
    ):
        function = option(function)
    return function


class Subjects(NamedTuple):
    """What a command is about.

    Attributes:
        quotes: quotes whose platforms are meant.
        fmspcs: 6 bytes each.
        asks_service: whether the service's own list is meant.
        tees: for which kinds of quotes.
        cas: under which intermediates.
    """

    quotes: tuple[Quote, ...]
    fmspcs: tuple[bytes, ...]
    asks_service: bool
    tees: tuple[TeeType, ...]
    cas: tuple[PckCa, ...]

    def platforms(self, listed: Iterable[bytes] = ()) -> tuple[Platform, ...]:
        """Return the platforms, each once, as far as quotes say theirs.

        Args:
            listed: the service's own list.
        """
        found: dict[Platform, None] = {}
        for quote in self.quotes:
            subject = platform_of_quote(quote)
            if isinstance(subject, Platform):
                found[subject] = None
        for fmspc in (*self.fmspcs, *listed):
            for tee in self.tees:
                for ca in self.cas:
                    found[Platform(tee, fmspc, ca)] = None
        return tuple(found)

    def pck_requests(self) -> dict[PckCertificateRequest, TeeType]:
        """Return what to ask for quotes that do not carry their certificate."""
        found: dict[PckCertificateRequest, TeeType] = {}
        for quote in self.quotes:
            subject = platform_of_quote(quote)
            if isinstance(subject, PckCertificateRequest):
                found[subject] = quote.header.tee_type
        return found


def read_subjects(
    quotes: Sequence[str],
    fmspcs: Sequence[str],
    every: str | None,
    tees: Sequence[str],
    ca: str | None,
) -> Subjects:
    """Return what arguments and options name.

    Raises:
        UsageError: nothing is named, or an FMSPC that is none.
        MalformedError: a quote or a list does not parse.
    """
    if not quotes and not fmspcs and every is None:
        raise UsageError(
            Reason.USAGE,
            "nothing says for which platform: a quote, --fmspc or --all is needed",
            hint="confcom collateral fetch quote.bin, or --fmspc 00606A000000",
        )
    listed: tuple[bytes, ...] = ()
    if every is not None and every != SERVICE_LIST:
        text = read_input(every, limit=_MAX_LIST_BYTES, what="list of FMSPCs")
        with about(every):
            listed = read_fmspcs(text)
    return Subjects(
        quotes=tuple(map(read_quote, quotes)),
        fmspcs=(*map(_fmspc, fmspcs), *listed),
        asks_service=every == SERVICE_LIST,
        tees=tuple(TeeType[tee.upper()] for tee in tees) or (TeeType.SGX,),
        cas=(PckCa(ca),) if ca else tuple(PckCa),
    )


def read_quote(name: str) -> Quote:
    """Return the quote in a file: raw, hex or base64, wrapped or not.

    Raises:
        UsageError: the file cannot be read.
        MalformedError: it holds no quote.
    """
    text = read_input(name, limit=_MAX_TEXT_BYTES, what="quote")
    with about(name):
        return Quote.from_bytes(unwrap(decode_binary(text, what="quote"))[1])


def requests_of(
    platforms: Iterable[Platform], edition: Edition, *, with_numbers: bool = False
) -> tuple[SignedRequest, ...]:
    """Return the documents of platforms, each once; the root CA CRL comes first."""
    wanted: dict[SignedRequest, None] = {}
    for platform in platforms:
        wanted.update(dict.fromkeys(requests_for(platform, edition)))
        if with_numbers:
            wanted[EvaluationNumbersRequest(platform.tee)] = None
    return tuple(wanted)


def _fmspc(text: str) -> bytes:
    try:
        value = bytes.fromhex(text) if len(text) == 2 * FMSPC_BYTES else b""
    except ValueError:
        value = b""
    if len(value) != FMSPC_BYTES:
        raise UsageError(
            Reason.USAGE, f"--fmspc takes 12 hex digits such as 00606A000000, not {text!a}"
        )
    return value

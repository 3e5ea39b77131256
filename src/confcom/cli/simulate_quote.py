# SPDX-License-Identifier: Apache-2.0
"""``confcom simulate quote``: from a report, or from the enclave or TD itself, to a quote."""

from pathlib import Path
from typing import Final

import click

from confcom.cli.command import Command
from confcom.cli.platform_option import platform_option
from confcom.cli.simulate_options import (
    HexBytes,
    Shorter,
    open_platform,
    out_option,
    pki_option,
    read_binary,
    read_enclave,
    read_td,
    report_data_option,
    write_binary,
)
from confcom.dcap import BodyType, CertType, QuoteVersion, TdxReport
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.sgx import Report
from confcom.simulation import AUTH_DATA, Platform

_REPORT_BYTES: Final = 432
_TDREPORT_BYTES: Final = 1024
_LONGEST_AUTH_DATA: Final = 8192
_SOURCES: Final = ("--report", "--enclave", "--td-report", "--td")


@click.command(
    cls=Command,
    examples=(
        "confcom simulate quote --pki demo --enclave enclave.json --out quote.bin",
        "confcom simulate quote --pki demo --report report.bin --quote-version 4 --out quote.bin",
        "confcom simulate quote --pki demo --td td.json --quote-version 5 --out quote.bin",
    ),
)
@pki_option
@platform_option
@click.option("--report", "report_file", metavar="FILE", help="A REPORT for the quoting enclave.")
@click.option("--enclave", "enclave_file", metavar="FILE", help="An enclave: make its REPORT too.")
@click.option("--td-report", "td_report_file", metavar="FILE", help="A TDREPORT of this platform.")
@click.option("--td", "td_file", metavar="FILE", help="A TD: make its TDREPORT too.")
@report_data_option
@click.option("--quote-version", type=click.IntRange(3, 5), help="By default 3 for SGX, 4 for TDX.")
@click.option(
    "--body-type",
    type=click.IntRange(2, 4),
    help="2: TD report 1.0; 3: 1.5; 4: 1.5 extended. 3 and 4 need version 5.",
)
@click.option(
    "--cert-type",
    type=click.IntRange(1, 5),
    default=int(CertType.PCK_CHAIN),
    show_default=True,
    help="Certification data: 1 PPID, 2 and 3 encrypted PPID, 4 PCK certificate, 5 PCK chain.",
)
@click.option(
    "--auth-data",
    type=HexBytes(_LONGEST_AUTH_DATA, Shorter.KEEP),
    default=AUTH_DATA.hex(),
    metavar="HEX",
    help="Authentication data of the quoting enclave, any length. [default: 00 to 1f]",
)
@click.option(
    "--trailing",
    type=click.IntRange(0, 8192),
    default=0,
    show_default=True,
    help="Zero bytes to put behind the quote.",
)
@out_option
@click.pass_context
def quote(
    ctx: click.Context,
    folder: Path,
    name: str,
    report_file: str | None,
    enclave_file: str | None,
    td_report_file: str | None,
    td_file: str | None,
    report_data: bytes,
    quote_version: int | None,
    body_type: int | None,
    cert_type: int,
    auth_data: bytes,
    trailing: int,
    out: str,
) -> None:
    """Make a quote from a REPORT or TDREPORT, whose MAC is checked first.

    With --enclave or --td the report is made in passing, over --report-data.
    """
    sources = dict(zip(_SOURCES, (report_file, enclave_file, td_report_file, td_file), strict=True))
    given = [flag for flag, value in sources.items() if value is not None]
    if len(given) != 1:
        raise UsageError(
            Reason.USAGE,
            f"confcom simulate quote takes exactly one of {', '.join(_SOURCES)}; "
            f"{' and '.join(given) or 'none'} given",
        )
    platform = open_platform(folder, name)
    if given[0] in {"--report", "--enclave"}:
        if body_type is not None:
            raise UsageError(Reason.USAGE, "--body-type goes with --td and --td-report only")
        made = platform.quote_sgx(
            _sgx_report(platform, report_file, enclave_file, report_data),
            version=QuoteVersion(quote_version or QuoteVersion.V3),
            cert_type=CertType(cert_type),
            auth_data=auth_data,
            trailing=trailing,
        )
    else:
        made = platform.quote_tdx(
            _td_report(platform, td_report_file, td_file, report_data),
            version=QuoteVersion(quote_version or QuoteVersion.V4),
            body_type=None if body_type is None else BodyType(body_type),
            cert_type=CertType(cert_type),
            auth_data=auth_data,
            trailing=trailing,
        )
    write_binary(ctx, out, made)


def _sgx_report(
    platform: Platform, report_file: str | None, enclave_file: str | None, report_data: bytes
) -> bytes:
    if report_file is not None:
        made = read_binary(report_file, size=_REPORT_BYTES, what="REPORT", parse=Report.from_bytes)
        return made.to_bytes()
    enclave = read_enclave(enclave_file or "")
    return enclave.ereport(platform.qe_target_info, report_data).to_bytes()


def _td_report(
    platform: Platform, td_report_file: str | None, td_file: str | None, report_data: bytes
) -> bytes:
    if td_report_file is not None:
        made = read_binary(
            td_report_file, size=_TDREPORT_BYTES, what="TDREPORT", parse=TdxReport.from_bytes
        )
        return made.to_bytes()
    return platform.td_report(read_td(td_file or ""), report_data).to_bytes()

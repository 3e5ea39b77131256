# SPDX-License-Identifier: Apache-2.0
"""``confcom simulate target-info``, ``report``, ``check`` and ``td-report``."""

from pathlib import Path
from typing import Final

import click

from confcom.cli import table
from confcom.cli.command import Command, session_of
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.platform_option import platform_option
from confcom.cli.simulate_options import (
    enclave_option,
    open_platform,
    out_option,
    pki_option,
    read_binary,
    read_enclave,
    read_td,
    report_data_option,
    td_option,
    write_binary,
)
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.sgx import Report, TargetInfo

SCHEMA_VERSION: Final = 1
_REPORT_BYTES: Final = 432
_TARGET_INFO_BYTES: Final = 512


@click.command(
    cls=Command,
    examples=(
        "confcom simulate target-info --enclave enclave.json --out target.bin",
        "confcom simulate target-info --pki demo --out target.bin",
    ),
)
@click.option("--enclave", "file", metavar="FILE", help="Of this enclave.")
@click.option(
    "--pki",
    "folder",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="Of the quoting enclave of a platform in this hierarchy.",
)
@platform_option
@out_option
@click.pass_context
def target_info(
    ctx: click.Context, file: str | None, folder: Path | None, name: str, out: str
) -> None:
    """Write the TARGETINFO (512 bytes) for which others make REPORTs."""
    if file is not None and folder is None:
        target = read_enclave(file).target_info
    elif folder is not None and file is None:
        target = open_platform(folder, name).qe_target_info
    else:
        raise UsageError(
            Reason.USAGE, "confcom simulate target-info takes exactly one of --enclave and --pki"
        )
    write_binary(ctx, out, target.to_bytes())


@click.command(
    cls=Command,
    examples=(
        "confcom simulate report --enclave enclave.json --target-info target.bin "
        "--report-data 00112233 --out report.bin",
    ),
)
@enclave_option
@click.option(
    "--target-info",
    "target_file",
    required=True,
    metavar="FILE",
    help="TARGETINFO of the enclave that will check the REPORT.",
)
@report_data_option
@out_option
@click.pass_context
def report(
    ctx: click.Context, enclave_file: str, target_file: str, report_data: bytes, out: str
) -> None:
    """Make the REPORT (432 bytes) of an enclave for a target."""
    target = read_binary(
        target_file, size=_TARGET_INFO_BYTES, what="TARGETINFO", parse=TargetInfo.from_bytes
    )
    made = read_enclave(enclave_file).ereport(target, report_data)
    write_binary(ctx, out, made.to_bytes())


@click.command(cls=Command, examples=("confcom simulate check report.bin --enclave enclave.json",))
@click.argument("report_file", metavar="REPORT")
@enclave_option
@output_option("table", "json", "yaml")
@click.pass_context
def check(ctx: click.Context, report_file: str, enclave_file: str) -> None:
    """Check a REPORT that was made for an enclave, as that enclave would.

    The exit code is 0 if it was made for this enclave, and 1 if not.
    """
    made = read_binary(report_file, size=_REPORT_BYTES, what="REPORT", parse=Report.from_bytes)
    body = read_enclave(enclave_file).check(made)
    document = {
        "schemaVersion": SCHEMA_VERSION,
        "mrEnclave": body.mr_enclave.hex(),
        "mrSigner": body.mr_signer.hex(),
        "isvProdId": body.isv_prod_id,
        "isvSvn": body.isv_svn,
        "debug": body.is_debug,
        "reportData": body.report_data.hex(),
        "simulated": True,
    }
    output = Output(session_of(ctx))
    rows = [(key, str(value)) for key, value in document.items() if key != "schemaVersion"]
    title = "REPORT made for this enclave"
    output.write(document, lambda: table.section(title, rows, color=output.color))


@click.command(
    cls=Command,
    name="td-report",
    examples=(
        "confcom simulate td-report --pki demo --td td.json --report-data 00112233 --out td.bin",
    ),
)
@pki_option
@platform_option
@td_option
@report_data_option
@out_option
@click.pass_context
def td_report(
    ctx: click.Context, folder: Path, name: str, td_file: str, report_data: bytes, out: str
) -> None:
    """Make the TDREPORT (1024 bytes) of a TD that runs on a platform."""
    made = open_platform(folder, name).td_report(read_td(td_file), report_data)
    write_binary(ctx, out, made.to_bytes())

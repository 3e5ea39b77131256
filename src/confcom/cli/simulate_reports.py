# SPDX-License-Identifier: Apache-2.0
"""``confcom simulate`` for enclaves and TDs: descriptions, TARGETINFO, REPORT, TDREPORT."""

import hashlib
from pathlib import Path
from typing import Final, TypeVar

import click

from confcom.cli import table
from confcom.cli.command import Command, session_of
from confcom.cli.inputs import decode_binary, read_input
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.simulate_options import (
    HexBytes,
    enclave_option,
    open_platform,
    out_option,
    pki_option,
    platform_option,
    read_binary,
    read_enclave,
    read_td,
    report_data_option,
    td_option,
    write_binary,
    write_text,
)
from confcom.dcap import TdAttributes
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.sgx import Flags, Report, Sigstruct, TargetInfo, verify_sigstruct
from confcom.simulation import Enclave, TrustDomain
from confcom.simulation.descriptions import enclave_to_json, td_to_json

T = TypeVar("T")

SCHEMA_VERSION: Final = 1
_RTMR_BYTES: Final = 48
_REPORT_BYTES: Final = 432
_TARGET_INFO_BYTES: Final = 512
_SIGSTRUCT_BYTES: Final = 1808


class Extension(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """An extension of a run-time register: INDEX=HEX."""

    name = "index=hex"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, bytes]:
        """Turn text into register and digest."""
        index, _, digest = value.partition("=")
        if index not in {"0", "1", "2", "3"}:
            self.fail(f"{value!r} does not begin with 0=, 1=, 2= or 3=", param, ctx)
        return int(index), HexBytes(_RTMR_BYTES).convert(digest, param, ctx)


@click.command(
    cls=Command,
    examples=(
        "confcom simulate enclave --out enclave.json",
        "confcom simulate enclave --sigstruct app.sig --out app.json",
        "confcom simulate enclave --mr-signer $(openssl rand -hex 32) --product-id 7 --isv-svn 2",
    ),
)
@click.option(
    "--name",
    default="demo",
    show_default=True,
    help="MRENCLAVE and MRSIGNER are made from this unless given.",
)
@click.option("--sigstruct", metavar="FILE", help="Take the identity from this SIGSTRUCT.")
@click.option("--mr-enclave", type=HexBytes(32), metavar="HEX", help="MRENCLAVE, 32 bytes.")
@click.option("--mr-signer", type=HexBytes(32), metavar="HEX", help="MRSIGNER, 32 bytes.")
@click.option("--product-id", type=click.IntRange(0, 65535), help="ISVPRODID.")
@click.option("--isv-svn", type=click.IntRange(0, 65535), help="ISVSVN.")
@click.option("--debug-enclave", is_flag=True, help="Set the DEBUG attribute.")
@click.option("--config-id", type=HexBytes(64), metavar="HEX", help="CONFIGID; sets KSS.")
@click.option("--config-svn", type=click.IntRange(0, 65535), help="CONFIGSVN; sets KSS.")
@click.option("--family-id", type=HexBytes(16), metavar="HEX", help="ISVFAMILYID; sets KSS.")
@click.option("--ext-product-id", type=HexBytes(16), metavar="HEX", help="ISVEXTPRODID; sets KSS.")
@out_option
@click.pass_context
def enclave(
    ctx: click.Context,
    name: str,
    sigstruct: str | None,
    mr_enclave: bytes | None,
    mr_signer: bytes | None,
    product_id: int | None,
    isv_svn: int | None,
    debug_enclave: bool,
    config_id: bytes | None,
    config_svn: int | None,
    family_id: bytes | None,
    ext_product_id: bytes | None,
    out: str,
) -> None:
    """Describe an enclave in software, for `report` and `quote`.

    Nothing in the description is secret.
    """
    base = _enclave_of_sigstruct(sigstruct) if sigstruct else _enclave_of_name(name)
    flags = base.flags | (Flags.DEBUG if debug_enclave else 0)
    if any(value is not None for value in (config_id, config_svn, family_id, ext_product_id)):
        flags |= Flags.KSS
    described = Enclave(
        mr_enclave=_either(mr_enclave, base.mr_enclave),
        mr_signer=_either(mr_signer, base.mr_signer),
        isv_prod_id=_either(product_id, base.isv_prod_id),
        isv_svn=_either(isv_svn, base.isv_svn),
        flags=flags,
        xfrm=base.xfrm,
        misc_select=base.misc_select,
        isv_ext_prod_id=_either(ext_product_id, base.isv_ext_prod_id),
        isv_family_id=_either(family_id, base.isv_family_id),
        config_id=_either(config_id, base.config_id),
        config_svn=_either(config_svn, base.config_svn),
    )
    write_text(ctx, out, enclave_to_json(described))


@click.command(
    cls=Command,
    examples=(
        "confcom simulate td --out td.json",
        "confcom simulate td --extend 3=$(printf hello | sha384sum | cut -c -96) --out td.json",
    ),
)
@click.option(
    "--name", default="demo", show_default=True, help="MRTD is made from this unless given."
)
@click.option("--mr-td", type=HexBytes(48), metavar="HEX", help="MRTD, 48 bytes.")
@click.option("--mr-config-id", type=HexBytes(48), metavar="HEX", help="MRCONFIGID.")
@click.option("--mr-owner", type=HexBytes(48), metavar="HEX", help="MROWNER.")
@click.option("--mr-owner-config", type=HexBytes(48), metavar="HEX", help="MROWNERCONFIG.")
@click.option("--mr-service-td", type=HexBytes(48), metavar="HEX", help="MRSERVICETD.")
@click.option(
    "--extend",
    "extensions",
    multiple=True,
    type=Extension(),
    help="Extend RTMR INDEX (0 to 3) with a digest of 48 bytes; in the order given.",
)
@click.option("--debug-td", is_flag=True, help="Set the DEBUG attribute.")
@out_option
@click.pass_context
def td(
    ctx: click.Context,
    name: str,
    mr_td: bytes | None,
    mr_config_id: bytes | None,
    mr_owner: bytes | None,
    mr_owner_config: bytes | None,
    mr_service_td: bytes | None,
    extensions: tuple[tuple[int, bytes], ...],
    debug_td: bool,
    out: str,
) -> None:
    """Describe a TD in software, for td-report and quote. Nothing in it is secret."""
    zeros = bytes(48)
    attributes = TdAttributes.SEPT_VE_DISABLE
    described = TrustDomain(
        mr_td=mr_td or hashlib.sha384(f"confcom SIMULATED TD {name}".encode()).digest(),
        td_attributes=attributes | TdAttributes.DEBUG if debug_td else attributes,
        mr_config_id=mr_config_id or zeros,
        mr_owner=mr_owner or zeros,
        mr_owner_config=mr_owner_config or zeros,
        mr_service_td=mr_service_td or zeros,
    )
    for index, digest in extensions:
        described = described.extend(index, digest)
    write_text(ctx, out, td_to_json(described))


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
    type=click.Path(path_type=Path),
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
    raw = read_binary(target_file, size=_TARGET_INFO_BYTES, what="TARGETINFO")
    made = read_enclave(enclave_file).ereport(TargetInfo.from_bytes(raw), report_data)
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
    raw = read_binary(report_file, size=_REPORT_BYTES, what="REPORT")
    body = read_enclave(enclave_file).check(Report.from_bytes(raw))
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


def _either(given: T | None, default: T) -> T:
    return default if given is None else given


def _enclave_of_name(name: str) -> Enclave:
    return Enclave(
        mr_enclave=hashlib.sha256(f"confcom SIMULATED enclave {name}".encode()).digest(),
        mr_signer=hashlib.sha256(f"confcom SIMULATED author {name}".encode()).digest(),
    )


def _enclave_of_sigstruct(file: str) -> Enclave:
    what = "SIGSTRUCT"
    raw = decode_binary(read_input(file, limit=4 * _SIGSTRUCT_BYTES, what=what), what=what)
    verified = verify_sigstruct(Sigstruct.from_bytes(raw))
    signed = verified.sigstruct
    has_kss = bool(signed.flags & Flags.KSS)
    return Enclave(
        mr_enclave=signed.enclave_hash,
        mr_signer=verified.mr_signer,
        isv_prod_id=signed.isv_prod_id,
        isv_svn=signed.isv_svn,
        flags=signed.flags | Flags.INIT,
        xfrm=signed.xfrm,
        misc_select=signed.misc_select,
        isv_ext_prod_id=signed.isv_ext_prod_id if has_kss else bytes(16),
        isv_family_id=signed.isv_family_id if has_kss else bytes(16),
    )

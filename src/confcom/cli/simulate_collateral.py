# SPDX-License-Identifier: Apache-2.0
"""``confcom simulate collateral`` and ``revoke``: what the authority says about platforms."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from cryptography.x509 import ReasonFlags

from confcom.cli import table
from confcom.cli.command import Command, session_of
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.platform_option import platform_option
from confcom.cli.simulate_options import (
    at_option,
    dry_run_option,
    open_store,
    pki_option,
    read_at,
    read_time,
    write_text,
)
from confcom.dcap import PckCa, TcbStatus, TeeType
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.simulation import EVALUATION_DATA_NUMBER, SIMULATED_ADVISORY

SCHEMA_VERSION: Final = 1
_UNSUPPORTED: Final = "none"
_STATUSES: Final = (*(status.value for status in TcbStatus), _UNSUPPORTED)
_SVN_STATUSES: Final = ("UpToDate", "OutOfDate", "Revoked", _UNSUPPORTED)
_REASONS: Final = tuple(
    flag.value for flag in ReasonFlags if flag is not ReasonFlags.remove_from_crl
)


@click.command(
    cls=Command,
    examples=(
        "confcom simulate collateral --pki demo --status OutOfDate",
        "confcom simulate collateral --pki demo --evaluation-data-number 21 --out new.json",
    ),
)
@pki_option
@platform_option
@click.option(
    "--tee",
    type=click.Choice([tee.name.lower() for tee in TeeType]),
    default="sgx",
    show_default=True,
    help="For which kind of quote.",
)
@click.option(
    "--status",
    type=click.Choice(_STATUSES),
    default="UpToDate",
    show_default=True,
    help="TCB status of the platform; none: no level fits it.",
)
@click.option(
    "--module-status",
    type=click.Choice(_SVN_STATUSES),
    default="UpToDate",
    show_default=True,
    help="Status of the TDX module.",
)
@click.option(
    "--qe-status",
    type=click.Choice(_SVN_STATUSES),
    default="UpToDate",
    show_default=True,
    help="Status of the quoting enclave.",
)
@click.option(
    "--advisory",
    "advisory_ids",
    multiple=True,
    metavar="ID",
    help="Advisory of levels that are not UpToDate; may be repeated. "
    f"[default: {SIMULATED_ADVISORY}]",
)
@click.option(
    "--evaluation-data-number",
    type=click.IntRange(1),
    default=EVALUATION_DATA_NUMBER,
    show_default=True,
    help="Of TCB Info, and of the QE identity unless given apart.",
)
@click.option("--qe-evaluation-data-number", type=click.IntRange(1), help="Of the QE identity.")
@click.option(
    "--tcb-info-version",
    type=click.IntRange(2, 3),
    default=3,
    show_default=True,
    help="Version 2 is for SGX only.",
)
@click.option(
    "--tcb-date", metavar="TIME", help="Date of the newest level; by default the day of issue."
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="Days until the next update.",
)
@click.option("--with-pck-chain", is_flag=True, help="Add the PCK chain, for quotes that lack it.")
@click.option(
    "--out", metavar="FILE", help="Write it there (- is standard output), and do not publish it."
)
@at_option
@dry_run_option
@click.pass_context
def collateral(
    ctx: click.Context,
    folder: Path,
    name: str,
    tee: str,
    status: str,
    module_status: str,
    qe_status: str,
    advisory_ids: tuple[str, ...],
    evaluation_data_number: int,
    qe_evaluation_data_number: int | None,
    tcb_info_version: int,
    tcb_date: str | None,
    days: int,
    with_pck_chain: bool,
    out: str | None,
    at: str | None,
    dry_run: bool,
) -> None:
    """Issue collateral under which a platform has the TCB status that you ask for.

    The bundle in DIR/public is replaced unless --out names another file.
    """
    store, authority = open_store(folder)
    kind = TeeType[tee.upper()]
    bundle = authority.collateral(
        store.platform(name, authority),
        at=read_at(at),
        tee=kind,
        status=_status(status),
        module_status=_status(module_status),
        qe_status=_status(qe_status),
        advisory_ids=advisory_ids or (SIMULATED_ADVISORY,),
        evaluation_data_number=evaluation_data_number,
        qe_evaluation_data_number=qe_evaluation_data_number,
        tcb_info_version=tcb_info_version,
        tcb_date=read_time(tcb_date, "--tcb-date"),
        lifetime=timedelta(days=days),
        with_pck_chain=with_pck_chain,
    )
    if dry_run:
        _say(ctx, f"would write {out or store.collateral_path(name, kind)}")
    elif out is not None:
        write_text(ctx, out, bundle.to_json() + b"\n")
    else:
        _say(ctx, f"wrote {store.publish(name, kind, bundle)}")


@click.command(
    cls=Command,
    examples=(
        "confcom simulate revoke --pki demo --platform simulated",
        "confcom simulate revoke --pki demo --ca platform",
    ),
)
@pki_option
@click.option("--platform", "name", metavar="NAME", help="Revoke a platform's PCK certificate.")
@click.option("--ca", type=click.Choice([ca.value for ca in PckCa]), help="Revoke an intermediate.")
@click.option("--tcb-signing", is_flag=True, help="Revoke the signer of documents.")
@click.option(
    "--reason",
    type=click.Choice(_REASONS),
    default=ReasonFlags.key_compromise.value,
    show_default=True,
    help="Reason code in the list.",
)
@at_option
@dry_run_option
@output_option("table", "json", "yaml")
@click.pass_context
def revoke(
    ctx: click.Context,
    folder: Path,
    name: str | None,
    ca: str | None,
    tcb_signing: bool,
    reason: str,
    at: str | None,
    dry_run: bool,
) -> None:
    """Revoke a certificate, and put new revocation lists into all published bundles."""
    if [name is not None, ca is not None, tcb_signing].count(True) != 1:
        raise UsageError(
            Reason.USAGE,
            "confcom simulate revoke takes exactly one of --platform, --ca and --tcb-signing",
        )
    store, authority = open_store(folder)
    if name is not None:
        revoked = store.platform(name, authority).pck
    elif ca is not None:
        revoked = authority.intermediate(PckCa(ca))
    else:
        revoked = authority.tcb_signing
    time = read_at(at)
    authority = authority.revoke(revoked, at=time, reason=ReasonFlags(reason))
    paths = []
    if not dry_run:
        store.save_authority(authority)
    for path, owner, tee in store.bundles():
        paths.append(str(path))
        if not dry_run:
            platform_ca = store.platform(owner, authority).ca
            renewed = replace(
                store.collateral(owner, tee),
                root_ca_crl=authority.root_crl(at=time),
                pck_crl=authority.pck_crl(platform_ca, at=time),
            )
            store.publish(owner, tee, renewed)
    document: dict[str, object] = {
        "schemaVersion": SCHEMA_VERSION,
        "subject": revoked.common_name,
        "serial": f"{revoked.serial:x}",
        "issuer": revoked.issuer_name,
        "bundles": paths,
        "dryRun": dry_run,
    }
    output = Output(session_of(ctx))
    rows = [("subject", revoked.common_name), ("serial", f"{revoked.serial:x}")]
    rows += [("bundle", path) for path in paths]
    title = "would be revoked" if dry_run else "revoked"
    output.write(document, lambda: table.section(title, rows, color=output.color))


def _status(text: str) -> TcbStatus | None:
    return None if text == _UNSUPPORTED else TcbStatus(text)


def _say(ctx: click.Context, text: str) -> None:
    Output(session_of(ctx)).write_text(text + "\n")

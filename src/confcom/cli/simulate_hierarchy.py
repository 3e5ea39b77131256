# SPDX-License-Identifier: Apache-2.0
"""``confcom simulate pki``, ``platform`` and ``show``: a hierarchy on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from confcom.adapters.simulation_store import SimulationStore, check_name
from confcom.cli import table
from confcom.cli.command import Command, session_of
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.platform_option import DEFAULT_NAME
from confcom.cli.simulate_options import (
    HexBytes,
    at_option,
    dry_run_option,
    open_store,
    pki_option,
    read_at,
)
from confcom.dcap import PckCa, TeeType
from confcom.simulation import (
    SIMULATED_FMSPC,
    SIMULATED_MODULE,
    SIMULATED_SVNS,
    Platform,
    TdxModule,
    make_authority,
)

SCHEMA_VERSION: Final = 1
_TEES: Final = tuple(tee.name.lower() for tee in TeeType)


@click.command(cls=Command, examples=("confcom simulate pki demo",))
@click.argument("folder", type=click.Path(path_type=Path, readable=False), metavar="DIR")
@click.option("--force", is_flag=True, help="Replace a hierarchy that is there already.")
@at_option
@dry_run_option
@output_option("table", "json", "yaml")
@click.pass_context
def pki(ctx: click.Context, folder: Path, force: bool, at: str | None, dry_run: bool) -> None:
    """Make a fresh simulated hierarchy in DIR.

    It has a root, two intermediates and a document signer, all new and all named SIMULATED.
    DIR/public holds what a verifier may be given; everything else there is secret.
    """
    store = SimulationStore(folder)
    time = read_at(at)
    document: dict[str, object] = {"folder": str(folder), "root": str(store.root_path)}
    if dry_run:
        store.check_creation(force=force)
    else:
        authority = make_authority(at=time)
        store.create(authority, force=force)
        document["rootFingerprint"] = authority.trusted_root.certificate.fingerprint.hex()
    _write(ctx, "simulated hierarchy", document, dry_run=dry_run)


@click.command(
    cls=Command,
    examples=(
        "confcom simulate platform --pki demo",
        "confcom simulate platform --pki demo --name old --pce-svn 10 --tee sgx",
    ),
)
@pki_option
@click.option("--name", default=DEFAULT_NAME, show_default=True, help="Name of the platform.")
@click.option(
    "--tee",
    "tees",
    multiple=True,
    type=click.Choice(_TEES),
    help="Publish collateral for this; may be repeated. By default for both.",
)
@click.option(
    "--ca",
    type=click.Choice([ca.value for ca in PckCa]),
    default=PckCa.PLATFORM.value,
    show_default=True,
    help="Which intermediate certifies it.",
)
@click.option(
    "--fmspc",
    type=HexBytes(6),
    default=SIMULATED_FMSPC.hex(),
    show_default=True,
    help="Model of the platform.",
)
@click.option(
    "--pce-id", type=HexBytes(2), default="0000", show_default=True, help="Identity of the PCE."
)
@click.option(
    "--sgx-svns",
    type=HexBytes(16),
    default=bytes(SIMULATED_SVNS).hex(),
    show_default=True,
    help="The 16 SGX TCB component SVNs, one byte each.",
)
@click.option(
    "--pce-svn",
    type=click.IntRange(0, 65535),
    default=13,
    show_default=True,
    help="SVN of the PCE.",
)
@click.option(
    "--qe-svn",
    type=click.IntRange(0, 65534),
    default=8,
    show_default=True,
    help="SVN of the quoting enclave for SGX.",
)
@click.option(
    "--td-qe-svn",
    type=click.IntRange(0, 65534),
    default=4,
    show_default=True,
    help="SVN of the quoting enclave for TDX.",
)
@click.option(
    "--tee-tcb-svn",
    type=HexBytes(16),
    default=SIMULATED_MODULE.tee_tcb_svn.hex(),
    show_default=True,
    help="SVNs of the TDX module when TDs are launched.",
)
@click.option(
    "--tee-tcb-svn2",
    type=HexBytes(16),
    help="SVNs of the TDX module now running; by default the same.",
)
@click.option("--force", is_flag=True, help="Replace a platform of that name.")
@at_option
@dry_run_option
@output_option("table", "json", "yaml")
@click.pass_context
def platform(
    ctx: click.Context,
    folder: Path,
    name: str,
    tees: tuple[str, ...],
    ca: str,
    fmspc: bytes,
    pce_id: bytes,
    sgx_svns: bytes,
    pce_svn: int,
    qe_svn: int,
    td_qe_svn: int,
    tee_tcb_svn: bytes,
    tee_tcb_svn2: bytes | None,
    force: bool,
    at: str | None,
    dry_run: bool,
) -> None:
    """Add a platform with fresh keys, and publish collateral that finds it up to date."""
    check_name(name)
    store, authority = open_store(folder)
    time = read_at(at)
    made = authority.add_platform(
        name,
        at=time,
        ca=PckCa(ca),
        fmspc=fmspc,
        pce_id=pce_id,
        sgx_svns=tuple(sgx_svns),
        pce_svn=pce_svn,
        qe_svn=qe_svn,
        td_qe_svn=td_qe_svn,
        module=TdxModule(tee_tcb_svn=tee_tcb_svn, tee_tcb_svn2=tee_tcb_svn2 or tee_tcb_svn),
    )
    wanted = [TeeType[tee.upper()] for tee in tees or _TEES]
    bundles = {tee: authority.collateral(made, at=time, tee=tee) for tee in wanted}
    store.check_platform(name, force=force)
    if not dry_run:
        store.save_platform(made, force=force)
        for tee, collateral in bundles.items():
            store.publish(name, tee, collateral)
    paths = [str(store.collateral_path(name, tee)) for tee in bundles]
    document = {**_describe(made), "collateral": paths}
    _write(ctx, "simulated platform", document, dry_run=dry_run)


@click.command(cls=Command, examples=("confcom simulate show --pki demo",))
@pki_option
@output_option("table", "json", "yaml")
@click.pass_context
def show(ctx: click.Context, folder: Path) -> None:
    """Show the platforms, bundles and revocations of a hierarchy, but no secret."""
    store, authority = open_store(folder)
    bundles = [str(path) for path, _, _ in store.bundles()]
    platforms = [_describe(store.platform(name, authority)) for name in store.platform_names()]
    revocations = [
        {
            "issuer": entry.issuer,
            "serial": f"{entry.serial:x}",
            "revokedAt": entry.revoked_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "reason": entry.reason.value,
        }
        for entry in authority.revocations
    ]
    output = Output(session_of(ctx))
    document: dict[str, object] = {
        "schemaVersion": SCHEMA_VERSION,
        "root": str(store.root_path),
        "platforms": platforms,
        "bundles": bundles,
        "revocations": revocations,
    }

    def text() -> str:
        parts = [table.pairs([("root", str(store.root_path))], color=output.color)]
        parts += [
            table.section(f"platform {row['name']}", _rows(row), color=output.color)
            for row in platforms
        ]
        parts += [
            table.section(f"revoked by {row['issuer']}", _rows(row), color=output.color)
            for row in revocations
        ]
        parts.append(table.section("bundles", [("", path) for path in bundles], color=output.color))
        return "\n".join(parts)

    output.write(document, text)


def _describe(made: Platform) -> dict[str, object]:
    extension = made.extension
    return {
        "name": made.name,
        "ca": made.ca.value,
        "fmspc": made.fmspc.hex(),
        "pceId": extension.pce_id.hex(),
        "pceSvn": extension.pce_svn,
        "sgxSvns": bytes(extension.sgx_svns).hex(),
        "ppid": extension.ppid.hex(),
        "teeTcbSvn": made.module.tee_tcb_svn.hex(),
        "teeTcbSvn2": (made.module.tee_tcb_svn2 or b"").hex() or None,
    }


def _write(ctx: click.Context, title: str, document: dict[str, object], *, dry_run: bool) -> None:
    output = Output(session_of(ctx))
    heading = f"{title} (dry run: nothing was written)" if dry_run else title
    output.write(
        {"schemaVersion": SCHEMA_VERSION, **document, "dryRun": dry_run},
        lambda: table.section(heading, _rows(document), color=output.color),
    )


def _rows(document: Mapping[str, object]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in document.items():
        if isinstance(value, list):
            rows += [(name, str(item)) for item in value]
        elif value is not None:
            rows.append((name, str(value)))
    return rows

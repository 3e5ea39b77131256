# SPDX-License-Identifier: Apache-2.0
"""The list of commands, and the program as click sees it."""

import click

from confcom.cli.command import Entry, LazyGroup

COMMANDS: dict[str, Entry] = {
    "evidence": Entry(
        "confcom.cli.evidence", "evidence", "Inspect, verify and explain SGX and TDX quotes."
    ),
    "collateral": Entry(
        "confcom.cli.collateral", "collateral", "Fetch, check and carry what verification needs."
    ),
    "simulate": Entry(
        "confcom.cli.simulate", "simulate", "Make platforms, reports and quotes in software."
    ),
    "serve": Entry("confcom.cli.serve", "serve", "Run a daemon, such as the quote helper."),
    "node": Entry("confcom.cli.node", "node", "Look after the daemons of one machine."),
    "quickstart": Entry(
        "confcom.cli.quickstart", "quickstart", "Verify, break and explain simulated quotes."
    ),
    "doctor": Entry("confcom.cli.doctor", "doctor", "Tell what this machine can do."),
    "config": Entry("confcom.cli.config", "config", "Show the settings and where they come from."),
    "completion": Entry(
        "confcom.cli.completion", "completion", "Print the completion script for a shell."
    ),
}


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from confcom.cli.version import version  # noqa: PLC0415 - reads package metadata

    click.echo(f"confcom {version()}")
    ctx.exit()


confcom = LazyGroup(
    "confcom",
    table=COMMANDS,
    help="Confidential computing for Kubernetes: make, check and explain evidence.",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version and exit.",
        )
    ],
    examples=("confcom quickstart", "confcom evidence verify quote.bin"),
)

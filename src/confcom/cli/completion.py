# SPDX-License-Identifier: Apache-2.0
"""``confcom completion``: scripts that let a shell complete commands and flags."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from confcom.cli.command import Command
from confcom.cli.main import COMPLETION_VARIABLE, PROGRAM

SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@click.command(
    cls=Command,
    help="Print the completion script for a shell; let the shell read it when it starts.",
    examples=(
        'bash: eval "$(confcom completion bash)"',
        'zsh:  eval "$(confcom completion zsh)"',
        "fish: confcom completion fish | source",
    ),
)
@click.argument("shell", metavar="SHELL", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script."""
    root = ctx.find_root()
    completer = SHELLS[shell](root.command, {}, root.info_name or PROGRAM, COMPLETION_VARIABLE)
    # The class for bash would start bash here to ask for its version.
    click.echo(ShellComplete.source(completer))

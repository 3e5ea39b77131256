# SPDX-License-Identifier: Apache-2.0
"""``confcom completion``: scripts that let a shell complete commands and flags."""

import click
from click.shell_completion import ShellComplete, get_completion_class

from confcom.cli.command import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=Command,
    help="Print the completion script for a shell; let the shell read it when it starts.",
    examples=(
        'bash: eval "$(confcom completion bash)"',
        'zsh:  eval "$(confcom completion zsh)"',
        "fish: confcom completion fish | source",
    ),
)
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script."""
    script = get_completion_class(shell)
    if script is None:
        raise LookupError(shell)
    program = ctx.find_root().info_name or "confcom"
    completer = script(ctx.find_root().command, {}, program, "_CONFCOM_COMPLETE")
    # The class for bash would start bash here to ask for its version.
    click.echo(ShellComplete.source(completer))

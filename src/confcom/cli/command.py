# SPDX-License-Identifier: Apache-2.0
"""Commands and groups of the program: global options everywhere, an example in every help.

`Command` and `Group` are for nouns and verbs; `LazyGroup` imports a command's module when the
command is called, so that the help of the program loads none of them.
"""

import gc
import importlib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from confcom.cli.session import Session

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"]}


class Entry(NamedTuple):
    """Where a command is, and what the list of commands says about it.

    Attributes:
        module: full name of its module.
        attribute: name of the `click.Command` in it.
        help: one line for the list of commands.
        extra: the extra of the package that brings what its module imports.
    """

    module: str
    attribute: str
    help: str
    extra: str = "cli"


def session_of(ctx: click.Context) -> Session:
    """Return the session of the running command; a new one where a test gave none."""
    return ctx.find_root().ensure_object(Session)


def _set(ctx: click.Context, param: click.Parameter, value: object) -> None:
    if value is not None and value is not False:
        setattr(session_of(ctx), param.name or "", value)


def _set_no_color(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        session_of(ctx).color = "never"


GLOBAL_OPTIONS: tuple[click.Option, ...] = (
    click.Option(
        ["--config"],
        metavar="FILE",
        expose_value=False,
        callback=_set,
        help="Settings file, instead of CONFCOM_CONFIG and /etc/confcom/confcom.toml.",
    ),
    click.Option(
        ["--color"],
        type=click.Choice(["auto", "always", "never"]),
        expose_value=False,
        callback=_set,
        help="When to use colour. auto: on a terminal, unless NO_COLOR or TERM=dumb is set.",
    ),
    click.Option(
        ["--no-color"],
        is_flag=True,
        expose_value=False,
        callback=_set_no_color,
        help="The same as --color never.",
    ),
    click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        expose_value=False,
        callback=_set,
        help="No result, warnings or progress: the exit code says it all. Errors stay.",
    ),
    click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_set,
        help="Show tracebacks and log everything.",
    ),
)


class Command(click.Command):
    """A verb. Its function returns the exit code, or None for 0.

    Attributes:
        examples: command lines shown at the end of the help.
    """

    def __init__(self, name: str | None, *, examples: Sequence[str] = (), **attrs: Any) -> None:  # noqa: ANN401 - what click.Command takes
        super().__init__(name, **_with_settings(attrs))
        self.examples = tuple(examples)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters and the global options."""
        return [*super().get_params(ctx), *GLOBAL_OPTIONS]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the global ones."""
        _format_options(super().get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        _format_examples(self.examples, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; a mistake in them knows which command it belongs to."""
        with _known(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; from here on, garbage is collected again (see `confcom.cli.main`)."""
        gc.enable()
        return super().invoke(ctx)


class Group(click.Group):
    """A noun; its verbs are `Command`.

    Attributes:
        examples: command lines shown at the end of the help.
    """

    command_class = Command

    def __init__(
        self,
        name: str | None = None,
        commands: MutableMapping[str, click.Command] | None = None,
        *,
        examples: Sequence[str] = (),
        **attrs: Any,  # noqa: ANN401 - what click.Group takes
    ) -> None:
        super().__init__(name, commands, **_with_settings(attrs))
        self.examples = tuple(examples)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the group's own parameters and the global options."""
        return [*super().get_params(ctx), *GLOBAL_OPTIONS]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands first: they are what a reader of a group's help looks for."""
        self.format_commands(ctx, formatter)
        _format_options(super().get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        _format_examples(self.examples, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; a mistake in them knows which command it belongs to."""
        with _known(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names.

        Raises:
            UsageError: there is none; the hint names the nearest (usage).
        """
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            from difflib import get_close_matches  # noqa: PLC0415 - only after a mistake

            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            advice = f"did you mean {near[0]}? see" if near else "see"
            from confcom.errors import UsageError  # noqa: PLC0415 - only after a mistake
            from confcom.reasons import Reason  # noqa: PLC0415 - only after a mistake

            raise UsageError(
                Reason.USAGE,
                f"{ctx.command_path} has no command {args[0]}",
                hint=f"{advice} {ctx.command_path} --help",
            )
        return args[0], command, args[1:]


class LazyGroup(Group):
    """A group whose commands are imported when called.

    Attributes:
        table: where each command is, by its name, in the order of the help.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        table: Mapping[str, Entry],
        **attrs: Any,  # noqa: ANN401 - what click.Group takes
    ) -> None:
        super().__init__(name, **attrs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command.

        Raises:
            MisconfiguredError: a package that it needs is not installed (extra_missing).
        """
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        try:
            module = importlib.import_module(entry.module)
        except ModuleNotFoundError as exc:
            if exc.name is None or exc.name.partition(".")[0] == "confcom":
                raise
            from confcom.cli.failure import missing_extra  # noqa: PLC0415 - only when it is missing

            raise missing_extra(f"{ctx.command_path} {cmd_name}", exc.name, entry.extra) from exc
        command: click.Command = getattr(module, entry.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.table.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Offer the names of commands from the table, and the group's options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only to complete

        names = [
            CompletionItem(name, help=entry.help)
            for name, entry in self.table.items()
            if name.startswith(incomplete)
        ]
        # The group of click would import every command for its help text.
        return names + click.Command.shell_complete(self, ctx, incomplete)


@contextmanager
def _known(ctx: click.Context) -> Iterator[None]:
    try:
        yield
    except click.UsageError as exc:
        exc.ctx = exc.ctx or ctx
        raise


def _with_settings(attrs: dict[str, Any]) -> dict[str, Any]:
    return attrs | {"context_settings": CONTEXT_SETTINGS | attrs.get("context_settings", {})}


def _format_options(
    own: Iterable[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    own = list(own)
    sections: tuple[tuple[str, list[click.Parameter]], ...] = (
        ("Arguments", [param for param in own if isinstance(param, click.Argument)]),
        ("Options", [param for param in own if isinstance(param, click.Option)]),
        ("Global options", list(GLOBAL_OPTIONS)),
    )
    for title, params in sections:
        records = [param.get_help_record(ctx) for param in params]
        described = [record for record in records if record and record[1]]
        if described:
            with formatter.section(title):
                formatter.write_dl(described)


def _format_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    if examples:
        formatter.write_paragraph()
        formatter.write("Example:\n" if len(examples) == 1 else "Examples:\n")
        for example in examples:
            formatter.write(f"  {example}\n")

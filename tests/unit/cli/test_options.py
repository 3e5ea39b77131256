# SPDX-License-Identifier: Apache-2.0
"""Flags for settings take type, bounds and help from the model."""

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from confcom.cli import commands
from confcom.cli.command import Command, Group, LazyGroup, session_of
from confcom.cli.options import output_option, setting_option
from confcom.cli.session import Session
from confcom.runtime.settings import CollateralSettings, TcbUpdate, TrustSettings


def run(*arguments: str) -> Session:
    session = Session()
    with probe.make_context("probe", list(arguments), obj=session) as ctx:
        probe.invoke(ctx)
    return session


@click.command(cls=Command, examples=("probe --offline",))
@setting_option("collateral.sources", "--source", "-s")
@setting_option("collateral.timeout_s")
@setting_option("collateral.retries", help="How stubborn to be.")
@setting_option("collateral.offline")
@setting_option("collateral.update")
@setting_option("collateral.cache_dir")
@setting_option("collateral.pcs_url")
@setting_option("trust.root")
@setting_option("trust.allow_simulated")
@output_option("table", "json", "jsonl")
def probe() -> None:
    """Try every kind of setting."""


def test_nothing_given_changes_nothing() -> None:
    session = run()
    assert session.settings.collateral.sources == CollateralSettings().sources
    assert session.settings.trust == TrustSettings()
    assert session.format() == "table"
    assert session.formats == ("table", "json", "jsonl")


def test_every_kind_of_flag_reaches_the_settings() -> None:
    session = run(
        "-s", "file:/srv/a,b", "--source", "pcs", "--timeout-s", "2.5", "--retries", "0",
        "--offline", "--update", "early", "--cache-dir", "/srv/c", "--pcs-url", "https://mirror",
        "--root", "a.pem", "--allow-simulated", "-o", "jsonl",
    )  # fmt: skip
    collateral = session.settings.collateral
    assert collateral.sources == ("file:/srv/a,b", "pcs")
    assert (collateral.timeout_s, collateral.retries) == (2.5, 0)
    assert collateral.offline is True
    assert collateral.update is TcbUpdate.EARLY
    assert collateral.cache_dir == Path("/srv/c")
    assert collateral.pcs_url == "https://mirror"
    assert session.settings.trust == TrustSettings(root=(Path("a.pem"),), allow_simulated=True)
    assert str(session.effective.origins["collateral.sources"]) == "flag --source"
    assert str(session.effective.origins["collateral.retries"]) == "flag --retries"
    assert session.format() == "jsonl"


def test_a_flag_that_is_not_given_leaves_the_word_to_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONFCOM_COLLATERAL__OFFLINE", "true")
    assert run().settings.collateral.offline is True


@pytest.mark.parametrize(
    "arguments",
    [
        ("--timeout-s", "0"),
        ("--timeout-s", "soon"),
        ("--retries", "21"),
        ("--retries", "1.5"),
        ("--update", "never"),
        ("--offline", "yes"),
        ("--output", "yaml"),
    ],
)
def test_wrong_values_are_usage_errors(arguments: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError) as caught:
        run(*arguments)
    assert caught.value.ctx is not None
    assert caught.value.ctx.command is probe


def test_help_comes_from_the_model() -> None:
    with probe.make_context("probe", []) as ctx:
        text = " ".join(probe.get_help(ctx).split())
    assert "--timeout-s SECONDS" in text
    assert "Longest time for one document from one source" in text
    assert "How stubborn to be." in text
    assert "--update [standard|early]" in text
    assert "-s, --source TEXT" in text


def every_command() -> dict[str, click.Command]:
    """Return the commands whose modules are there, by their full names."""

    def collect(command: click.Command, path: str) -> dict[str, click.Command]:
        found = {path: command}
        if isinstance(command, click.Group):
            with click.Context(command, info_name=path) as ctx:
                for name in command.list_commands(ctx):
                    try:
                        inner = command.get_command(ctx, name)
                    except ModuleNotFoundError:
                        continue
                    assert inner is not None
                    found |= collect(inner, f"{path} {name}")
        return found

    return collect(commands.confcom, "confcom")


def test_every_command_has_our_options_a_help_and_an_example() -> None:
    found = every_command()
    assert {"confcom", "confcom config", "confcom config show", "confcom completion"} <= set(found)
    for path, command in found.items():
        assert isinstance(command, Command | Group), path
        assert command.help, path
        assert command.examples, path
        assert all("confcom" in example for example in command.examples), path


@pytest.mark.parametrize("where", [0, 1, 2])
def test_global_options_work_at_every_place(where: int) -> None:
    arguments = ["config", "show"]
    arguments[where:where] = ["--quiet", "--color", "always", "--config", "/dev/null"]
    session = Session()
    group = commands.confcom
    with group.make_context("confcom", arguments, obj=session) as ctx:
        assert isinstance(group, LazyGroup)
        name, command, rest = group.resolve_command(ctx, [*ctx._protected_args, *ctx.args])  # noqa: SLF001 - click has no public way
        assert command is not None
        with command.make_context(name, rest, parent=ctx) as inner:
            verb, leaf, last = command.resolve_command(inner, [*inner._protected_args, *inner.args])  # type: ignore[attr-defined]  # noqa: SLF001
            leaf.make_context(verb, last, parent=inner)
    assert (session.quiet, session.color, session.config) == (True, "always", "/dev/null")


def test_no_color_is_color_never() -> None:
    assert run("--color", "always", "--no-color").color == "never"


def test_a_command_run_alone_gets_a_session_of_its_own() -> None:
    with probe.make_context("probe", ["--debug"]) as ctx:
        assert session_of(ctx).debug is True


def test_functions_get_no_argument_for_our_options() -> None:
    seen: Callable[..., None] | None = probe.callback
    assert seen is not None
    assert run("--quiet", "--retries", "1").settings.collateral.retries == 1

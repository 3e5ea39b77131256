# SPDX-License-Identifier: Apache-2.0
"""Command lines that pages and messages show exist: each word is a command, each flag an option."""

import ast
import re
import shlex
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from confcom import cli
from confcom.cli.commands import confcom
from confcom.cli.session import Session

PACKAGE = Path(cli.__file__).parent.parent  # as installed, which need not be in the repository
REPOSITORY = Path(__file__).parent.parent.parent.parent
DOCS = REPOSITORY / "docs"
PROGRAM = "confcom"
FENCE = re.compile(r"^(?P<fence>`{3,})[^\n]*\n(?P<body>.*?)^(?P=fence)", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
OMITTED = {"…", "..."}
FOREIGN_FLAGS = {"--randomly-seed", "--update-golden"}
"""Options of other programs that pages name on their own."""
CHILD_FLAGS = {"--parent", "--library", "--policy"}
"""Options of the child that holds vendor libraries, which no person starts."""


def _pages() -> list[Path]:
    pages = [*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md")]
    return sorted(page for page in pages if "_build" not in page.parts)


def _shell_lines(body: str) -> Iterator[str]:
    """Lines of a block that somebody would type; the rest of a block is output."""
    for line in body.replace("\\\n", " ").splitlines():
        text = line.strip()
        if text.startswith("$ "):
            yield text.removeprefix("$ ")
        elif text.startswith(("Usage: confcom", "confcom ")):
            yield text.removeprefix("Usage: ")


def _calls(line: str) -> Iterator[list[str]]:
    """The words after each mention of the program in a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] | None = None
    for word in lexer:
        if words is not None and set(word) & set("();<>|&"):
            yield words
            words = None
        elif words is not None:
            words.append(word)
        elif Path(word).name == PROGRAM:
            words = []
    if words is not None:
        yield words


def _shown(text: str) -> Iterator[list[str]]:
    for block in FENCE.finditer(text):
        for line in _shell_lines(block["body"]):
            yield from _calls(line)
    for code in INLINE.findall(FENCE.sub("", text)):
        if PROGRAM in code.split():
            yield from _calls(" ".join(code.split()))


def _context(
    command: click.Command, name: str = PROGRAM, parent: click.Context | None = None
) -> click.Context:
    # With its own settings: commands remember the help option of the first context they meet.
    settings = command.context_settings
    return click.Context(command, info_name=name, parent=parent, obj=Session(), **settings)


def _mistakes(words: Iterable[str]) -> Iterator[str]:
    """What is wrong with a command line, as far as its names tell."""
    command: click.Command = confcom
    ctx = _context(command)
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and word != "-":
            yield from _option_mistakes(command, ctx, word, rest)
        elif isinstance(command, click.Group):
            if word in OMITTED or word.isupper() or word.startswith("["):
                return
            found = command.get_command(ctx, word)
            if found is None:
                yield f"{ctx.command_path} has no command {word}"
                return
            command, ctx = found, _context(found, word, ctx)


def _option_mistakes(
    command: click.Command, ctx: click.Context, word: str, rest: list[str]
) -> Iterator[str]:
    name, equals, value = word.partition("=")
    option = _options(command, ctx).get(name)
    if option is None:
        yield f"{ctx.command_path} has no option {name}"
    elif not option.is_flag and not option.count:
        if not equals:
            value = rest.pop(0) if rest else ""
        if not value:
            yield f"{ctx.command_path} {name} needs a value"
        elif isinstance(option.type, click.Choice) and not _fits(value, option.type):
            yield f"{ctx.command_path} {name} cannot be {value}"


def _fits(value: str, choice: click.Choice[str]) -> bool:
    return value in choice.choices or value in OMITTED or value.isupper()


def _options(command: click.Command, ctx: click.Context) -> dict[str, click.Option]:
    return {
        name: param
        for param in command.get_params(ctx)
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }


@cache
def _all_flags(command: click.Command = confcom) -> frozenset[str]:
    ctx = _context(command)
    flags = frozenset(_options(command, ctx))
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None
            flags |= _all_flags(found)
    return flags


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_commands_of_a_page_exist(page: Path) -> None:
    shown = list(_shown(page.read_text(encoding="utf-8")))
    wrong = {" ".join(words): found for words in shown if (found := list(_mistakes(words)))}
    assert wrong == {}


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_options_that_a_page_names_on_their_own_exist(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    named = {
        flag
        for code in INLINE.findall(text)
        if code.startswith("--")
        for flag in FLAG.findall(code)
    }
    assert named - _all_flags() <= FOREIGN_FLAGS


@pytest.mark.parametrize(
    "module",
    sorted(PACKAGE.rglob("*.py")),
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_commands_and_options_that_messages_name_exist(module: Path) -> None:
    wrong: list[str] = []
    for text in _messages(ast.parse(module.read_text(encoding="utf-8"))):
        for words in re.findall(r"\bconfcom ((?:evidence|collateral|simulate) [a-z-]+)", text):
            wrong += _mistakes(words.split())
        wrong += sorted(set(FLAG.findall(text)) - _all_flags() - CHILD_FLAGS)
    assert wrong == []


def _messages(module: ast.Module) -> Iterator[str]:
    """Every text of a module that is not a docstring."""
    docstrings = {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(module):
        if id(node) not in docstrings and isinstance(node, ast.Constant):
            yield " ".join(str(node.value).split())


def test_pages_show_every_command() -> None:
    shown = [words for page in _pages() for words in _shown(page.read_text(encoding="utf-8"))]
    ctx = _context(confcom)
    for noun in confcom.list_commands(ctx):
        group = confcom.get_command(ctx, noun)
        verbs = group.list_commands(ctx) if isinstance(group, click.Group) else [None]
        for verb in verbs:
            wanted = [noun] if verb is None else [noun, verb]
            assert any(words[: len(wanted)] == wanted for words in shown), wanted


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("confcom evidence verify-it quote.bin", "confcom evidence has no command verify-it"),
        (
            "cat x | confcom evidence inspect - --hax",
            "confcom evidence inspect has no option --hax",
        ),
        ("confcom --sage", "confcom has no option --sage"),
        (
            "confcom evidence verify q --output csv",
            "confcom evidence verify --output cannot be csv",
        ),
        ("confcom evidence verify q --root", "confcom evidence verify --root needs a value"),
        ("diff <(confcom evidence) <(confcom nothing)", "confcom has no command nothing"),
    ],
)
def test_a_mistake_in_a_shown_command_is_found(line: str, mistake: str) -> None:
    assert [found for words in _calls(line) for found in _mistakes(words)] == [mistake]

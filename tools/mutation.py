# SPDX-License-Identifier: Apache-2.0
"""``python -m tools.mutation``: break the verdict on purpose, and see whether a test notices.

Each mutant changes one place of one module: a comparison, a number, a truth value, ``and`` for
``or``, a ``not``, a result, or a statement that refuses is left out. The recorded cases and the
tests of the rooms run on a copy of the tree; a mutant that passes them all has survived. Words of
messages are left alone. ``--sample N`` takes N mutants, the same each time for the same ``--seed``.

The last line counts; the exit status is 0 if at least 95 % were killed.
"""

import argparse
import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from random import Random
from typing import Final

REPOSITORY: Final = Path(__file__).parent.parent
MODULES: Final = (
    *(f"src/confcom/dcap/{name}.py" for name in ("verify", "binding", "tcb", "trust", "validity")),
    *(f"src/confcom/attestation/{name}.py" for name in ("appraisal", "_rules")),
)
TESTS: Final = (
    *(
        f"tests/unit/dcap/test_{name}.py"
        for name in ("validity", "trust", "tcb", "verify", "verify_attacks", "caches")
    ),
    "tests/unit/attestation",
    "tests/property/test_appraisal.py",
)
"""Those of the modules and of their callers, the quick ones first."""
WANTED: Final = 0.95
_LIMIT_S: Final = 300
_COPIED: Final = ("src", "tests", "pyproject.toml", "docs")
_FLIPS: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),  # codespell:ignore notin
    ast.NotIn: (ast.In,),  # codespell:ignore notin
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_NAMES: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_RUN_CASES: Final = """
import sys
from tests.vectors import cases
from tests.vectors_path import root
for case in cases.read_cases(root() / "dcap"):
    if list(cases.compare(case)):
        sys.exit(1)
"""


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        module: path in the repository.
        line: where.
        change: what, in words.
        source: the whole module after it.
    """

    module: str
    line: int
    change: str
    source: str


def main() -> int:
    """Run mutants and print the survivors."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation")
    parser.add_argument("--sample", type=int, metavar="N", help="this many mutants, not all")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the sample")
    parser.add_argument("--module", action="append", choices=MODULES, help="may be repeated")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    arguments = parser.parse_args()
    mutants = [mutant for module in arguments.module or MODULES for mutant in mutants_of(module)]
    if arguments.sample is not None and arguments.sample < len(mutants):
        mutants = Random(arguments.seed).sample(mutants, arguments.sample)  # noqa: S311 repeatable
    with tempfile.TemporaryDirectory(prefix="confcom-mutation-") as name:
        trees: Queue[Path] = Queue()
        for number in range(arguments.jobs):
            trees.put(_copy_tree(Path(name) / str(number)))
        first = trees.get()
        if not _passes(first):
            print(
                f"error: the tests fail without any mutant\nhint: pytest {' '.join(TESTS)}",
                file=sys.stderr,
            )
            return 1
        trees.put(first)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            survived = []
            for mutant, lives in zip(
                mutants, pool.map(lambda one: _survives(one, trees), mutants), strict=True
            ):
                survived.append(lives)
                words = f"{'survived' if lives else 'killed'}: {_name(mutant)}"
                print(f"{len(survived)} of {len(mutants)}: {words}", file=sys.stderr, flush=True)
    return _report(mutants, survived)


def mutants_of(module: str) -> Iterator[Mutant]:
    """Yield all mutants of a module, in the order of its lines."""
    tree = ast.parse((REPOSITORY / module).read_text(encoding="utf-8"))
    places = list(_places(tree))
    for number, place in enumerate(places):
        for choice, (change, _) in enumerate(_changes(place)):
            mutated = copy.deepcopy(tree)
            target = list(_places(mutated))[number]
            _replace(mutated, target, list(_changes(target))[choice][1])
            source = ast.unparse(ast.fix_missing_locations(mutated))
            yield Mutant(module, getattr(place, "lineno", 0), change, source)


def _places(node: ast.AST) -> Iterator[ast.AST]:
    """Yield nodes that decide something: not words, types, decorators."""
    for name, value in ast.iter_fields(node):
        if name in {"decorator_list", "annotation", "returns", "type_params", "bases"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom):
                continue
            if isinstance(child, ast.AST):
                yield child
                if not isinstance(child, ast.Raise):
                    yield from _places(child)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Compare(ops=[operator]):
            for flipped in _FLIPS[type(operator)]:
                changed = copy.copy(node)
                changed.ops = [flipped()]
                yield f"{type(operator).__name__} -> {flipped.__name__}", changed
        case ast.Compare():
            yield "comparison negated", ast.UnaryOp(ast.Not(), node)
        case ast.BoolOp():
            changed_op: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "and <-> or", ast.BoolOp(changed_op, node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield "not left out", node.operand
        case ast.BinOp() if type(node.op) in _OPERATORS:
            yield "operator", ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
        case ast.Constant(value=bool()):
            yield f"{bool(node.value)} -> {not node.value}", ast.Constant(not node.value)
        case ast.Constant(value=int(number)):
            yield f"{number} -> {number + 1}", ast.Constant(number + 1)
        case ast.Name(id=name) if name in _NAMES:
            yield f"{name} -> {_NAMES[name]}", ast.Name(_NAMES[name], node.ctx)
        case ast.If(test=ast.Name() | ast.Attribute() | ast.Call()):
            yield (
                "condition negated",
                ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse),
            )
        case ast.IfExp():
            yield "branches swapped", ast.IfExp(node.test, node.orelse, node.body)
        case ast.Raise(exc=ast.expr()):
            yield "raise left out", ast.Pass()
        case ast.Expr(value=ast.Call()):
            yield "call left out", ast.Pass()
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "returns None", ast.Return(ast.Constant(None))
        case _:
            pass


def _replace(tree: ast.AST, target: ast.AST, replacement: ast.AST) -> None:
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if value is target:
                setattr(node, name, replacement)
                return
            if isinstance(value, list) and any(child is target for child in value):
                setattr(node, name, [replacement if child is target else child for child in value])
                return


def _copy_tree(target: Path) -> Path:
    for name in _COPIED:
        source = REPOSITORY / name
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(
                source,
                target / name,
                ignore=shutil.ignore_patterns("__pycache__", ".corpus", "_build"),
            )
        elif source.exists():
            shutil.copy2(source, target / name)
    return target


def _survives(mutant: Mutant, trees: "Queue[Path]") -> bool:
    tree = trees.get()
    path = tree / mutant.module
    original = path.read_bytes()
    try:
        path.write_text(mutant.source, encoding="utf-8")
        return _passes(tree)
    finally:
        path.write_bytes(original)
        trees.put(tree)


def _passes(tree: Path) -> bool:
    vectors = REPOSITORY / os.environ.get("CONFCOM_VECTORS", "../shared/vectors")
    environment = os.environ | {
        "PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CONFCOM_VECTORS": str(vectors.resolve()),
    }
    # Without cached bytecode: a mutant may have the size and the second of its original.
    pytest = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *TESTS)
    commands: list[tuple[str, ...]] = [pytest]
    if (vectors / "dcap" / "cases.json").is_file():
        commands.insert(0, ("-c", _RUN_CASES))
    for arguments in commands:
        try:
            ended = subprocess.run(
                [sys.executable, *arguments],
                check=False,
                cwd=tree,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            return False
        if ended.returncode:
            return False
    return True


def _name(mutant: Mutant) -> str:
    return f"{mutant.module}:{mutant.line}: {mutant.change}"


def _report(mutants: list[Mutant], survived: list[bool]) -> int:
    alive = [one for one, lives in zip(mutants, survived, strict=True) if lives]
    for one in sorted(alive, key=lambda mutant: (mutant.module, mutant.line)):
        print(f"survived: {_name(one)}")
    of_module = Counter(one.module for one in mutants)
    alive_in = Counter(one.module for one in alive)
    for module, count in of_module.items():
        print(f"{module}: {count - alive_in[module]} of {count} killed")
    killed = len(mutants) - len(alive)
    share = killed / len(mutants)
    print(f"mutation: {len(mutants)} mutants, {killed} killed, {len(alive)} survived ({share:.1%})")
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())

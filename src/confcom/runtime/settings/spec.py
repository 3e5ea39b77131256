# SPDX-License-Identifier: Apache-2.0
"""How a setting is declared, and the list of keys that a settings model has."""

import math
from collections.abc import Callable
from types import GenericAlias, UnionType
from typing import NamedTuple, TypeGuard, get_args

ENVIRONMENT_PREFIX = "CONFCOM_"


class Spec(NamedTuple):
    """What a setting means, besides its type and default.

    Attributes:
        doc: one or more sentences for the reference page: meaning, and why this default.
        unit: the unit of a number, or None.
        bounds: the smallest and the largest number that are accepted.
        check: takes one text value and returns what is wrong with it, or None.
        default_text: how the reference page writes a default that depends on the machine.
        flag_only: refused from file and environment.
    """

    doc: str
    unit: str | None = None
    bounds: tuple[float, float] = (-math.inf, math.inf)
    check: Callable[[str], str | None] | None = None
    default_text: str | None = None
    flag_only: bool = False


class Key(NamedTuple):
    """One setting of a model.

    Attributes:
        path: dotted path, as in the TOML file: ``collateral.timeout_s``.
        type: the annotated type without ``| None``.
        optional: whether the annotation has ``| None``.
        default: the default of the model.
        spec: what the setting means.
    """

    path: str
    type: type | GenericAlias
    optional: bool
    default: object
    spec: Spec

    @property
    def variable(self) -> str:
        """The environment variable: ``CONFCOM_COLLATERAL__TIMEOUT_S``."""
        return ENVIRONMENT_PREFIX + self.path.upper().replace(".", "__")

    @property
    def flag(self) -> str:
        """The long flag, where a command offers one: ``--timeout-s``."""
        return "--" + self.path.rpartition(".")[2].replace("_", "-")


def keys_of(model: type, prefix: str = "") -> dict[str, Key]:
    """Return every key of a settings model by its dotted path, in the order of declaration.

    Args:
        model: a named tuple whose fields are settings (``Annotated`` with a `Spec`) or groups
            (named tuples of the same kind).
        prefix: path of the group, with its dot; empty for the whole model.
    """
    found: dict[str, Key] = {}
    for name, annotation in model.__annotations__.items():
        if is_group(annotation):
            found |= keys_of(annotation, f"{prefix}{name}.")
        else:
            kind, spec = get_args(annotation)
            plain, optional = _without_none(kind)
            default = model._field_defaults[name]  # type: ignore[attr-defined]
            found[prefix + name] = Key(prefix + name, plain, optional, default, spec)
    return found


def groups_of(model: type, prefix: str = "") -> dict[str, type]:
    """Return every group of a settings model by its dotted path, outer ones first."""
    found: dict[str, type] = {}
    for name, annotation in model.__annotations__.items():
        if is_group(annotation):
            found[prefix + name] = annotation
            found |= groups_of(annotation, f"{prefix}{name}.")
    return found


def is_group(annotation: object) -> TypeGuard[type]:
    """Tell whether an annotation is a group of settings, not a setting."""
    return isinstance(annotation, type) and issubclass(annotation, tuple)


def _without_none(annotation: object) -> tuple[type | GenericAlias, bool]:
    if isinstance(annotation, UnionType):
        (plain,) = (member for member in get_args(annotation) if member is not type(None))
        return plain, True
    return annotation, False  # type: ignore[return-value]  # settings have no other annotations

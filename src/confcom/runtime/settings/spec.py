# SPDX-License-Identifier: Apache-2.0
"""How a setting is declared, and the list of keys that a settings model has."""

import dataclasses
from collections.abc import Callable
from types import GenericAlias, UnionType
from typing import NamedTuple, TypeGuard, TypeVar, get_args

T = TypeVar("T")

ENVIRONMENT_PREFIX = "CONFCOM_"
_SPEC = "setting"


class Spec(NamedTuple):
    """What a setting means, besides its type and default.

    Attributes:
        doc: one or more sentences for the reference page: meaning, and why this default.
        unit: the unit of a number, or None.
        minimum: smallest number that is accepted, or None.
        maximum: largest number that is accepted, or None.
        check: takes one text value and returns what is wrong with it, or None.
        default_text: how the reference page writes a default that depends on the machine.
        flag_only: refused from file and environment.
    """

    doc: str
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
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


def setting(
    default: T,
    doc: str,
    *,
    unit: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    check: Callable[[str], str | None] | None = None,
    default_text: str | None = None,
    flag_only: bool = False,
) -> T:
    """Declare a field of a settings group; the arguments are those of `Spec`."""
    spec = Spec(doc, unit, minimum, maximum, check, default_text, flag_only)
    field: T = dataclasses.field(default=default, metadata={_SPEC: spec})
    return field


def keys_of(model: type, prefix: str = "") -> dict[str, Key]:
    """Return every key of a settings model by its dotted path, in the order of declaration.

    Args:
        model: a dataclass whose fields are made by `setting`, or are groups (dataclasses).
        prefix: path of the group, with its dot; empty for the whole model.
    """
    found: dict[str, Key] = {}
    for field in dataclasses.fields(model):
        path = prefix + field.name
        if is_group(field.type):
            found |= keys_of(field.type, f"{path}.")
        else:
            plain, optional = _without_none(field.type)
            found[path] = Key(path, plain, optional, field.default, field.metadata[_SPEC])
    return found


def is_group(kind: object) -> TypeGuard[type]:
    """Tell whether an annotation is a group of settings."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def groups_of(model: type, prefix: str = "") -> dict[str, type]:
    """Return every group of a settings model by its dotted path, outer ones first."""
    found: dict[str, type] = {}
    for field in dataclasses.fields(model):
        if is_group(field.type):
            found[prefix + field.name] = field.type
            found |= groups_of(field.type, f"{prefix}{field.name}.")
    return found


def _without_none(annotation: object) -> tuple[type | GenericAlias, bool]:
    if isinstance(annotation, UnionType):
        (plain,) = (member for member in get_args(annotation) if member is not type(None))
        return plain, True
    return annotation, False  # type: ignore[return-value]  # settings have no other annotations

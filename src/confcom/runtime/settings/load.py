# SPDX-License-Identifier: Apache-2.0
"""Put the settings together: defaults < file < environment < flags."""

import os
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from confcom.runtime.settings.convert import convert
from confcom.runtime.settings.mistakes import Given, Layer, Mistake, Origin, refuse
from confcom.runtime.settings.model import Settings
from confcom.runtime.settings.sources import (
    CONFIG_VARIABLE,
    Flag,
    from_environment,
    from_file,
    from_flags,
)
from confcom.runtime.settings.spec import Key, groups_of, is_group, keys_of

T = TypeVar("T")

DEFAULT_FILE = Path("/etc/confcom/confcom.toml")


class Effective(NamedTuple):
    """The settings in force.

    Attributes:
        settings: the values.
        origins: where each value came from, by dotted path.
        file: the settings file that was looked for.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    file: Path

    def plain(self) -> dict[str, object]:
        """Return the value of every key as plain data, by dotted path.

        Secrets are not among them: the model holds names of files, never what is inside.
        """
        return {path: _plain(_get(self.settings, path)) for path in self.origins}


def load(
    *,
    environ: Mapping[str, str],
    config: Path | None = None,
    flags: Iterable[Flag] = (),
    default_file: Path = DEFAULT_FILE,
) -> Effective:
    """Read the settings from all four places and check every value, used or not.

    Args:
        environ: the environment.
        config: the file named by ``--config``; it must exist. Without it the file named by
            ``CONFCOM_CONFIG`` must exist, and without that one `default_file` may exist.
        flags: what was given on the command line.
        default_file: where the file is when nobody names one.

    Raises:
        MisconfiguredError: every mistake with its origin (settings_invalid).
    """
    keys = keys_of(Settings)
    named = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    file = named or default_file
    mistakes: list[Mistake] = []
    values: dict[str, object] = {path: _default(key, environ) for path, key in keys.items()}
    origins = dict.fromkeys(keys, Origin(Layer.DEFAULT))
    for item in chain(
        from_file(file, required=named is not None, keys=keys, groups=groups_of(Settings)),
        from_environment(environ, keys),
        from_flags(flags),
    ):
        if isinstance(item, Mistake):
            mistakes.append(item)
            continue
        try:
            values[item.path] = _accept(keys[item.path], item)
            origins[item.path] = item.origin
        except ValueError as exc:
            mistakes.append(Mistake(item.origin, f"{item.path}: {exc}"))
    if mistakes:
        raise refuse(mistakes)
    settings = _build(Settings, values, "")
    return Effective(settings=settings, origins=MappingProxyType(origins), file=file)


def _accept(key: Key, given: Given) -> object:
    if key.spec.flag_only and given.origin.layer is not Layer.FLAG:
        raise ValueError(
            f"only the flag {key.flag} can set this, so that every use shows in the command"
        )
    return convert(key, given.raw)


def _default(key: Key, environ: Mapping[str, str]) -> object:
    if key.path == "collateral.cache_dir":
        return default_cache_dir(environ, is_root=os.geteuid() == 0)
    return key.default


def default_cache_dir(environ: Mapping[str, str], *, is_root: bool) -> Path:
    """Return the folder for kept documents: the system's for root, else the user's own.

    Relative values of ``XDG_CACHE_HOME`` count as unset (XDG Base Directory Specification 0.8).
    """
    if is_root:
        return Path("/var/cache/confcom")
    base = environ.get("XDG_CACHE_HOME", "")
    if base.startswith("/"):
        return Path(base) / "confcom"
    return Path(environ.get("HOME", "/")) / ".cache" / "confcom"


def _build(group: type[T], values: Mapping[str, object], prefix: str) -> T:
    return group(
        **{
            name: _build(annotation, values, f"{prefix}{name}.")
            if is_group(annotation)
            else values[prefix + name]
            for name, annotation in group.__annotations__.items()
        }
    )


def _get(settings: Settings, path: str) -> object:
    value: object = settings
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)

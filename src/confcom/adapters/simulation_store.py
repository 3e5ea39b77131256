# SPDX-License-Identifier: Apache-2.0
"""A simulated hierarchy on disk.

    DIR/                    0700
        authority.json      0600  keys and certificates of root, intermediates, TCB signing
        platforms/          0700
            NAME.json       0600  keys and state of a platform
        public/             0755
            root.pem        0644  what a verifier names as root
            NAME-TEE.json   0644  collateral bundles

Only ``public`` may leave the machine. Each file is written whole or not at all, and
``authority.json`` is the last one of a new hierarchy: a folder without it is unfinished.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confcom.adapters.files import (
    PRIVATE,
    PUBLIC,
    TEMPORARY_SUFFIX,
    write_file_atomically,
)
from confcom.adapters.simulation_records import (
    AuthorityRecord,
    PlatformRecord,
    authority_from_record,
    authority_to_record,
    platform_from_record,
    platform_to_record,
    read_record,
    write_record,
)
from confcom.dcap import Collateral, TeeType
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.simulation import Platform, SimulatedAuthority
from confcom.simulation.descriptions import malformed

_AUTHORITY: Final = "authority.json"
_PLATFORMS: Final = "platforms"
_PUBLIC: Final = "public"
_ROOT: Final = "root.pem"
_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")
_LONGEST_NAME: Final = 63
_MAX_FILE_BYTES: Final = 4 * 1024 * 1024


class SimulationStore:
    """The files of one simulated hierarchy.

    Args:
        folder: DIR; it need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def root_path(self) -> Path:
        """The root certificate, for verifiers."""
        return self._folder / _PUBLIC / _ROOT

    def collateral_path(self, name: str, tee: TeeType) -> Path:
        """The collateral bundle of a platform, for verifiers."""
        return self._folder / _PUBLIC / f"{check_name(name)}-{tee.name.lower()}.json"

    def exists(self) -> bool:
        """Tell whether there is a whole hierarchy."""
        return (self._folder / _AUTHORITY).exists()

    def check_creation(self, *, force: bool = False) -> None:
        """Find out whether `create` may write here.

        Raises:
            UsageError: see `create`.
        """
        with _reporting(self._folder):
            self._refuse_foreign_folder()
            if self.exists() and not force:
                raise UsageError(
                    Reason.OUTPUT_UNWRITABLE,
                    f"cannot make a simulated hierarchy in {self._folder}: there is one already",
                    hint="choose another folder, or --force to make all that was issued worthless",
                )

    def create(self, authority: SimulatedAuthority, *, force: bool = False) -> None:
        """Write a new hierarchy.

        Args:
            authority: its keys and certificates.
            force: replace an existing hierarchy; its platforms and bundles are removed.

        Raises:
            UsageError: there is one already, or the folder holds something else, or it cannot
                be written (reason ``output_unwritable``).
        """
        self.check_creation(force=force)
        with _reporting(self._folder):
            (self._folder / _AUTHORITY).unlink(missing_ok=True)
            for path in self._own_files():
                path.unlink()
            self._make_folders()
        write_file_atomically(self.root_path, authority.root.pem, mode=PUBLIC)
        self.save_authority(authority)

    def save_authority(self, authority: SimulatedAuthority) -> None:
        """Write the authority anew, for example after a revocation."""
        data = write_record(authority_to_record(authority))
        write_file_atomically(self._folder / _AUTHORITY, data, mode=PRIVATE)

    def authority(self) -> SimulatedAuthority:
        """Read the authority.

        Raises:
            UsageError: there is none (reason ``input_unreadable``).
            MalformedError: the file does not parse (reason ``simulation_format``).
        """
        data = self._read(
            self._folder / _AUTHORITY,
            f"no simulated hierarchy in {self._folder}",
            f"make one: confcom simulate pki {self._folder}",
        )
        return authority_from_record(read_record(data, AuthorityRecord, "simulated authority"))

    def check_platform(self, name: str, *, force: bool = False) -> None:
        """Find out whether `save_platform` may write a platform of that name.

        Raises:
            UsageError: see `save_platform`.
        """
        if self._platform_path(name).exists() and not force:
            raise UsageError(
                Reason.OUTPUT_UNWRITABLE,
                f"cannot add platform {name} to {self._folder}: there is one already",
                hint="choose another --name, or --force to replace it",
            )

    def save_platform(self, platform: Platform, *, force: bool = False) -> None:
        """Write a platform.

        Args:
            platform: its keys and state.
            force: replace a platform of that name.

        Raises:
            UsageError: there is a platform of that name (reason ``output_unwritable``).
        """
        self.check_platform(platform.name, force=force)
        data = write_record(platform_to_record(platform))
        write_file_atomically(self._platform_path(platform.name), data, mode=PRIVATE)

    def platform(self, name: str, authority: SimulatedAuthority) -> Platform:
        """Read a platform.

        Raises:
            UsageError: there is none of that name (reason ``input_unreadable``).
            MalformedError: the file does not parse (reason ``simulation_format``).
        """
        known = self.platform_names()
        data = self._read(
            self._platform_path(name),
            f"no platform {name} in {self._folder}",
            f"there are: {', '.join(known)}"
            if known
            else f"make one: confcom simulate platform --pki {self._folder} --name {name}",
        )
        record = read_record(data, PlatformRecord, "simulated platform")
        return platform_from_record(record, authority)

    def platform_names(self) -> tuple[str, ...]:
        """Return the names of all platforms, sorted."""
        return tuple(sorted(path.stem for path in (self._folder / _PLATFORMS).glob("*.json")))

    def publish(self, name: str, tee: TeeType, collateral: Collateral) -> Path:
        """Write a platform's collateral bundle; returns its path."""
        path = self.collateral_path(name, tee)
        write_file_atomically(path, collateral.to_json(), mode=PUBLIC)
        return path

    def collateral(self, name: str, tee: TeeType) -> Collateral:
        """Read a platform's published collateral bundle.

        Raises:
            UsageError: there is none (reason ``input_unreadable``).
            MalformedError: it does not parse.
        """
        path = self.collateral_path(name, tee)
        hint = f"issue it: confcom simulate collateral --pki {self._folder} --platform {name}"
        return Collateral.from_json(self._read(path, f"no collateral bundle {path}", hint))

    def bundles(self) -> Iterator[tuple[Path, str, TeeType]]:
        """Yield path, platform and kind of every published bundle."""
        for path in sorted((self._folder / _PUBLIC).glob("*.json")):
            name, _, tee = path.stem.rpartition("-")
            if tee.upper() in TeeType.__members__:
                yield path, name, TeeType[tee.upper()]

    def _platform_path(self, name: str) -> Path:
        return self._folder / _PLATFORMS / f"{check_name(name)}.json"

    def _refuse_foreign_folder(self) -> None:
        if not self._folder.exists():
            return
        foreign = sorted(
            path.name
            for path in self._folder.iterdir()
            if path.name not in {_AUTHORITY, _PLATFORMS, _PUBLIC}
            and not path.name.endswith(TEMPORARY_SUFFIX)
        )
        if foreign:
            raise UsageError(
                Reason.OUTPUT_UNWRITABLE,
                f"cannot make a simulated hierarchy in {self._folder}: it holds {foreign[0]}, "
                "which is no part of one",
                hint="name a new or an empty folder",
            )

    def _own_files(self) -> Iterator[Path]:
        yield from (self._folder / _PLATFORMS).glob("*.json")
        yield from (self._folder / _PUBLIC).glob("*.json")
        yield from (self._folder / _PUBLIC).glob(_ROOT)

    def _make_folders(self) -> None:
        for folder, mode in (
            (self._folder, 0o700),
            (self._folder / _PLATFORMS, 0o700),
            (self._folder / _PUBLIC, 0o755),
        ):
            folder.mkdir(mode=mode, exist_ok=True)
            folder.chmod(mode)

    def _read(self, path: Path, missing: str, hint: str) -> bytes:
        try:
            with path.open("rb") as stream:
                data = stream.read(_MAX_FILE_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise UsageError(Reason.INPUT_UNREADABLE, missing, hint=hint) from exc
        except OSError as exc:
            raise UsageError(
                Reason.INPUT_UNREADABLE,
                f"cannot read {path}: {exc.strerror}",
                hint="it is readable by the user that made it only",
            ) from exc
        if len(data) > _MAX_FILE_BYTES:
            raise malformed(str(path), f"it is larger than {_MAX_FILE_BYTES} bytes")
        return data


def check_name(name: str) -> str:
    """Return the name of a platform: lower-case letters, digits, hyphens and dots.

    Raises:
        UsageError: it is something else, or longer than 63 characters.
    """
    is_plain = bool(name) and set(name) <= _NAME_CHARACTERS and name[0] not in "-."
    if not is_plain or len(name) > _LONGEST_NAME:
        raise UsageError(
            Reason.USAGE,
            f"cannot use {name!r} as the name of a platform",
            hint=f"1 to {_LONGEST_NAME} lower-case letters, digits, hyphens and dots; "
            "a letter or digit first",
        )
    return name


@contextmanager
def _reporting(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise UsageError(
            Reason.OUTPUT_UNWRITABLE,
            f"cannot make a simulated hierarchy in {folder}: {exc.strerror}",
            hint="name a folder below an existing one that you may write to",
        ) from exc

"""What is read of the hives of a boot image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileSource
from osdimage.imaging.media.bootimage import places
from osdimage.imaging.media.bootimage.facts import Component
from osdimage.imaging.registry.beside import read_beside
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.registry.lookup import number_of, text_of
from osdimage.imaging.registry.places import MAX_HIVE_BYTES

_FIRST_SET = "ControlSet001"


@dataclass(frozen=True, slots=True)
class HiveFacts:
    """What the hives tell; what they do not is None or empty."""

    scratch_mb: int | None = None
    custom_background: str | None = None
    version: str | None = None
    edition: str | None = None
    components: tuple[Component, ...] = ()
    warnings: tuple[str, ...] = ()


def read_hives(files: FileSource) -> HiveFacts:
    """Read what the two hives tell; one that is damaged is told of.

    Raises:
        CorruptWim, MissingParts, StorageError: when the image cannot be read.
    """
    warnings: list[str] = []
    system = _hive(files, places.SYSTEM_HIVE, warnings)
    software = _hive(files, places.SOFTWARE_HIVE, warnings)
    scratch = None if system is None else number_of(filter_key(system), places.THRESHOLD)
    custom = version = edition = None
    components: tuple[Component, ...] = ()
    if software is not None:
        custom = text_of(software.root.find(places.WINPE_KEY), places.CUSTOM_BACKGROUND)
        windows = software.root.find(places.WINDOWS_KEY)
        version, edition = _version(windows), text_of(windows, "EditionID")
        components = tuple(_components(software))
    warnings += [text for hive in (system, software) if hive is not None for text in hive.warnings]
    return HiveFacts(scratch, custom, version, edition, components, tuple(warnings))


def control_set(system: Hive) -> str:
    """Return the name of the control set that a SYSTEM hive starts with; the first when it does not tell."""
    select = system.root.child("Select")
    number = number_of(select, "Default")
    return _FIRST_SET if number is None else f"ControlSet{number:03d}"


def filter_key(system: Hive) -> Key | None:
    """Return the key of the write filter of X:, or None."""
    return system.root.find(f"{control_set(system)}\\{places.FBWF}")


def _hive(files: FileSource, path: str, warnings: list[str]) -> Hive | None:
    found = files.find(path)
    if found is None or found.is_directory:
        return None
    try:
        return read_beside(files, path, limit=MAX_HIVE_BYTES, name=f"{files.name}: {path}")
    except InvalidInput as error:
        # What is wrong with the WIM itself ends everything; what is wrong with one hive does not.
        if type(error) is not InvalidInput:
            raise
        warnings.append(str(error))
        return None


def _components(software: Hive) -> Iterator[Component]:
    packages = software.root.find(places.PACKAGES_KEY)
    for key in () if packages is None else packages.subkeys:
        # NAME~PUBLIC KEY TOKEN~ARCHITECTURE~LANGUAGE~VERSION
        parts = key.name.split("~")
        if len(parts) == 5:
            yield Component(parts[0], parts[2], parts[3], parts[4], number_of(key, "CurrentState"))


def _version(windows: Key | None) -> str | None:
    """Return the version; before Windows 10 one value holds both of its first numbers."""
    major, minor = number_of(windows, "CurrentMajorVersionNumber"), number_of(windows, "CurrentMinorVersionNumber")
    first = text_of(windows, "CurrentVersion") if major is None or minor is None else f"{major}.{minor}"
    build = text_of(windows, "CurrentBuildNumber") or text_of(windows, "CurrentBuild")
    revision = number_of(windows, "UBR")
    if first is None or build is None:
        return None
    return f"{first}.{build}" + ("" if revision is None else f".{revision}")

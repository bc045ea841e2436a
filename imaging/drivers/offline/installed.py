r"""The drivers of others that a Windows has which does not run.

Windows 8 and later list them in ``DriverDatabase`` of the hives SYSTEM and DRIVERS; every version has their INFs in
``\Windows\INF``, as ``oem1.inf`` and so on, and from Vista on their files in a folder each of the driver store.  Which
folder that is only a private index of Vista and 7 says, which nobody described: there it is the one whose INF has the
same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from osdimage.imaging.drivers.inf.decoding import MAX_BYTES
from osdimage.imaging.drivers.inf.inf_file import InfFile, read_inf
from osdimage.imaging.drivers.injection.staging import FOLDER as STAGED_FOLDER
from osdimage.imaging.drivers.injection.staging import STAGED
from osdimage.imaging.drivers.offline.version_value import VersionValue
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.drivers.target_os import Architecture
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.registry.lookup import text_of
from osdimage.imaging.registry.names import fold

REPOSITORY = "System32/DriverStore/FileRepository"
"""Where the driver store has its folders, below that of Windows."""
_PUBLISHED = re.compile(r"oem[^\\/]*\.inf", re.IGNORECASE)
# What osdimage and virt-v2v call a driver that they only enabled for booting.
_PRIVATE = re.compile(r"osdimage-[^\\/]*\.inf|guestor\.inf", re.IGNORECASE)
_FOLDER = re.compile(r".+\.inf_([a-z0-9]+)_.*", re.IGNORECASE)
_SYSTEM, _DRIVERS = "SYSTEM", "DRIVERS"


class Presence(StrEnum):
    """How a driver is in a Windows."""

    PUBLISHED = "published"
    """Windows has installed it, or was given it by DISM, under a name such as ``oem1.inf``."""
    BOOT_ENABLED = "boot-enabled"
    """Only what the loader reads was written, by osdimage or virt-v2v."""
    STAGED = "staged"
    """osdimage has put its files where Windows installs it when it starts first, and it has not."""


@dataclass(frozen=True, slots=True)
class InstalledDriver:
    r"""A driver that a Windows has, and Microsoft's did not bring.

    Attributes:
        inf: the name of its INF in Windows, such as ``oem1.inf``; of one that is staged, its own.
        presence: how it is there.
        original_name: what the INF was called before; None when it is not known.
        provider, class_name: as its INF or the database says; empty when it is not known.
        class_guid: in braces and upper case, or None.
        date: of ``DriverVer``, or None.
        driver_version: of it, such as ``100.90.104.21500``; None without one.
        architecture: or None when it is not known.
        signer: who signed it, by the database; empty when it is not known.
        hive: in whose database it is, ``SYSTEM`` or ``DRIVERS``; None when it is in none.
        folder: the path of its files in the volume; None when they are in no folder of their own.
    """

    inf: str
    presence: Presence
    original_name: str | None
    provider: str
    class_name: str
    class_guid: str | None
    date: date | None
    driver_version: str | None
    architecture: Architecture | None
    signer: str
    hive: str | None
    folder: str | None


@dataclass(frozen=True, slots=True)
class InstalledDrivers:
    """The drivers, by the numbers of their names, and sentences about what could not be read."""

    drivers: tuple[InstalledDriver, ...]
    warnings: tuple[str, ...]


def installed_drivers(files: FileSource, windows: OfflineWindows) -> InstalledDrivers:
    """Return the drivers of others that a Windows has.

    Args:
        files: of the volume, image or folder.
        windows: the Windows there.

    Raises:
        InvalidInput: when a hive is damaged so that its keys cannot be read.
        StorageError: when it cannot be read.
    """
    return _Listing(files, windows).listed()


class _Listing:
    def __init__(self, files: FileSource, windows: OfflineWindows) -> None:
        self._files = files
        self._windows = windows
        self._warnings: list[str] = []
        self._infs = {each.name.lower(): each for each in self._inf_files()}
        self._repository = {each.name.lower(): each for each in self._folders()}
        self._by_size: dict[int, list[str]] | None = None
        self._classes = windows.system.root.find(rf"{windows.control_set}\Control\Class")

    def listed(self) -> InstalledDrivers:
        databases = ((_SYSTEM, self._windows.system), (_DRIVERS, self._windows.drivers))
        found: dict[str, InstalledDriver] = {}
        for name, hive in databases:
            for each in () if hive is None else self._in_database(name, hive):
                found.setdefault(each.inf.lower(), each)
        rest = [each for name, each in self._infs.items() if name not in found]
        self._files.prefetch(each.path for each in rest)
        for facts in rest:
            found[facts.name.lower()] = self._in_folder(facts)
        drivers = (*sorted(found.values(), key=_order), *self._staged())
        return InstalledDrivers(drivers, tuple(self._warnings))

    # ---- the database of Windows 8 and later

    def _in_database(self, name: str, hive: Hive) -> Iterator[InstalledDriver]:
        database = hive.root.child("DriverDatabase")
        infs = None if database is None else database.child("DriverInfFiles")
        packages = None if database is None else database.child("DriverPackages")
        for key in () if infs is None else infs.subkeys:
            if _PUBLISHED.fullmatch(key.name) or _PRIVATE.fullmatch(key.name):
                package = text_of(key, "Active")
                found = None if package is None or packages is None else packages.child(package)
                if package is None or found is None:
                    self._warn(f"{key.name}: the database of {name} names no package for it")
                yield self._of_package(name, key.name, package, found)

    def _of_package(self, hive: str, inf: str, package: str | None, key: Key | None) -> InstalledDriver:
        version = self._version(inf, key)
        folder = None if package is None else self._repository.get(package.lower())
        return InstalledDriver(
            inf,
            Presence.BOOT_ENABLED if _PRIVATE.fullmatch(inf) else Presence.PUBLISHED,
            text_of(key, "InfName"),
            text_of(key, "Provider") or "",
            "" if version is None else self._class_name(version.class_guid),
            None if version is None else version.class_guid,
            None if version is None else version.date,
            None if version is None or not any(version.numbers) else ".".join(map(str, version.numbers)),
            None if version is None else version.architecture,
            text_of(key, "SignerName") or "",
            hive,
            None if folder is None else folder.path,
        )

    def _version(self, inf: str, key: Key | None) -> VersionValue | None:
        value = None if key is None else key.value("Version")
        try:
            return None if value is None else VersionValue.parse(value.data)
        except InvalidInput as error:
            self._warn(f"{inf}: {error.said}")
            return None

    def _class_name(self, guid: str) -> str:
        return text_of(None if self._classes is None else self._classes.child(guid), "Class") or ""

    # ---- the folder of INFs

    def _in_folder(self, facts: FileFacts) -> InstalledDriver:
        data = self._read(facts)
        inf = None if data is None else self._parsed(facts, data)
        path = None if data is None else self._folder_with(data)
        folder, _, name = (path or "").rpartition("/")
        architecture = _architecture_in(folder)
        return self._by_inf(
            facts.name,
            Presence.PUBLISHED,
            inf,
            original_name=name or None,
            folder=folder or None,
            architecture=architecture,
        )

    def _by_inf(
        self,
        name: str,
        presence: Presence,
        inf: InfFile | None,
        *,
        original_name: str | None,
        folder: str | None,
        architecture: Architecture | None = None,
    ) -> InstalledDriver:
        version = None if inf is None else inf.version
        stamp = None if version is None else version.driver_version
        guid = None if version is None else version.class_guid
        return InstalledDriver(
            name,
            presence,
            original_name,
            "" if version is None else version.provider,
            "" if version is None else version.class_name or self._class_name(guid or ""),
            guid,
            None if stamp is None else stamp.date,
            None if stamp is None else stamp.number_text,
            architecture,
            "",
            None,
            folder,
        )

    # ---- what osdimage staged

    def _staged(self) -> Iterator[InstalledDriver]:
        for folder in self._directory_at(STAGED_FOLDER):
            if not folder.is_directory or folder.is_link or not STAGED.fullmatch(folder.name):
                continue
            for each in self._files.list(folder.path):
                if each.is_directory or each.is_link or not each.name.lower().endswith(".inf"):
                    continue
                data = self._read(each)
                inf = None if data is None else self._parsed(each, data)
                yield self._by_inf(each.name, Presence.STAGED, inf, original_name=each.name, folder=folder.path)

    def _read(self, facts: FileFacts) -> bytes | None:
        try:
            return self._files.read(facts.path, limit=MAX_BYTES)
        except InvalidInput as error:
            self._warn(f"{facts.name}: {error.said}")
            return None

    def _parsed(self, facts: FileFacts, data: bytes) -> InfFile | None:
        try:
            return read_inf(data, name=facts.name)
        except InvalidInput as error:
            self._warn(error.said)
            return None

    def _folder_with(self, data: bytes) -> str | None:
        """Return the path of the INF in the driver store that has these bytes, or None."""
        if self._by_size is None:
            self._by_size = {}
            for folder in self._repository.values():
                for each in self._files.list(folder.path):
                    if each.name.lower().endswith(".inf") and not each.is_directory and not each.is_link:
                        self._by_size.setdefault(each.size, []).append(each.path)
        for path in self._by_size.get(len(data), ()):
            try:
                if self._files.read(path, limit=MAX_BYTES) == data:
                    return path
            except InvalidInput as error:
                self._warn(f"{path}: {error.said}")
        return None

    # ---- directories

    def _inf_files(self) -> Iterator[FileFacts]:
        for each in self._directory("INF"):
            if _PUBLISHED.fullmatch(each.name) and not each.is_directory and not each.is_link:
                yield each

    def _folders(self) -> Iterator[FileFacts]:
        for each in self._directory(REPOSITORY):
            if each.is_directory and not each.is_link:
                yield each

    def _directory(self, below: str) -> Iterable[FileFacts]:
        return self._directory_at(self._windows.path(below))

    def _directory_at(self, path: str) -> Iterable[FileFacts]:
        facts = self._files.find(path)
        return self._files.list(path) if facts is not None and facts.is_directory and not facts.is_link else ()

    def _warn(self, text: str) -> None:
        self._warnings.append(f"{self._windows.name}: {text}")


def chosen_drivers(drivers: Iterable[InstalledDriver], names: Iterable[str]) -> tuple[InstalledDriver, ...]:
    """Return the drivers of names such as ``oem1.inf`` or of what their INFs were called before; all without a name.

    Raises:
        InvalidRequest: when there is none of a name.
    """
    listed, wanted = tuple(drivers), tuple(names)
    if not wanted:
        return listed
    found: dict[str, InstalledDriver] = {}
    for name in wanted:
        same = [each for each in listed if fold(name) in {fold(each.inf), fold(each.original_name or "")}]
        if not same:
            valid = ", ".join(each.inf for each in listed) or "none"
            raise InvalidRequest(f"there is no driver {quoted(name)}; there are {valid}")
        found |= {each.inf: each for each in same}
    return tuple(found.values())


def _architecture_in(path: str) -> Architecture | None:
    """Return for which processor the folder of a driver says that it is."""
    found = _FOLDER.fullmatch(path.rpartition("/")[2])
    return next((each for each in Architecture if found is not None and each == found[1].lower()), None)


def _order(driver: InstalledDriver) -> tuple[int, str]:
    """Put oem2.inf before oem10.inf."""
    digits = re.search(r"\d{1,9}", driver.inf)
    return int(digits[0]) if digits and _PUBLISHED.fullmatch(driver.inf) else 1 << 31, driver.inf.lower()

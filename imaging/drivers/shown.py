"""What people want to know of a driver package, for one Windows or for all that it is for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.drivers.inf.inf_file import DEFAULT_INSTALL, InfFile
from osdimage.imaging.drivers.inf.inf_text import InfWarning
from osdimage.imaging.drivers.inf.install import Component, Install
from osdimage.imaging.drivers.inf.models import Model
from osdimage.imaging.drivers.inf.services import ServiceStart
from osdimage.imaging.drivers.inf.version import COMPONENT_CLASS, EXTENSION_CLASS
from osdimage.imaging.drivers.packages import DriverPackage
from osdimage.imaging.drivers.target_os import Architecture, TargetOs


class DriverKind(StrEnum):
    """What an INF is, for Windows."""

    DEVICE = "device"
    EXTENSION = "extension"
    """It adds to what the driver of a device does."""
    COMPONENT = "component"
    """It is for a component that another INF makes."""
    PRIMITIVE = "primitive"
    """It is for no device, such as a filter of file systems."""

    @classmethod
    def of(cls, inf: InfFile) -> DriverKind:
        """Return what an INF is."""
        if inf.is_primitive:
            return cls.PRIMITIVE
        return _KIND_OF_CLASS.get(inf.version.class_guid or "", cls.DEVICE)


_KIND_OF_CLASS = {EXTENSION_CLASS: DriverKind.EXTENSION, COMPONENT_CLASS: DriverKind.COMPONENT}


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A device that a driver is for.

    Attributes:
        description: what people call it.
        manufacturer: whose it is.
        ids: the hardware id first.
        platforms: the decorations of the sections that it is in.
        section: its install section.
        feature_score: of that, on the first of its architectures.
        line: the first one.
    """

    description: str
    manufacturer: str
    ids: tuple[str, ...]
    platforms: tuple[str, ...]
    section: str
    feature_score: int
    line: int


@dataclass(frozen=True, slots=True)
class ShownService:
    r"""A service that a driver installs.

    Attributes:
        name: of it.
        start: ``boot``, ``system``, ``auto``, ``demand`` or ``disabled``; None when the INF does not say.
        type: its ``ServiceType``.
        binary: such as ``\Windows\System32\drivers\x.sys``.
        group: ``LoadOrderGroup``.
        display_name: what people call it.
        is_function_driver: whether it drives the device itself, and is no filter.
        architectures: those on which it is so.
    """

    name: str
    start: str | None
    type: int | None
    binary: str | None
    group: str
    display_name: str
    is_function_driver: bool
    architectures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file that an INF names.

    Attributes:
        path: below the folder of the INF.
        is_there: whether the package holds it.
        is_needed: an install section copies it; when not, it may be a file of Windows.
        architectures: those that name it.
    """

    path: str
    is_there: bool
    is_needed: bool
    architectures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownDriver:
    """A driver package.

    Attributes:
        path: of the INF.
        kind: what it is.
        provider: who gave it out.
        class_name: of its device setup class.
        class_guid: of that, or None.
        date: of ``DriverVer``, ISO 8601, or None.
        driver_version: of that, or None.
        platforms: the decorations for which it has something.
        catalogs: its catalog files.
        models: the devices that it is for.
        services: those that it installs.
        files: those that it names, without the INF and the catalogs.
        components: software components that it makes.
        includes: INFs of Windows that it is not complete without.
        placeholder: what a build should have replaced; with one it is not finished; None without.
        warnings: sentences, with the line.
    """

    path: str
    kind: DriverKind
    provider: str
    class_name: str
    class_guid: str | None
    date: str | None
    driver_version: str | None
    platforms: tuple[str, ...]
    catalogs: tuple[ShownFile, ...]
    models: tuple[ShownModel, ...]
    services: tuple[ShownService, ...]
    files: tuple[ShownFile, ...]
    components: tuple[Component, ...]
    includes: tuple[str, ...]
    placeholder: str | None
    warnings: tuple[str, ...]


def show_driver(
    package: DriverPackage, os: TargetOs | None = None, architecture: Architecture | None = None
) -> ShownDriver:
    """Return what is to be known of a package.

    Args:
        package: which must be open.
        os: a Windows: only what is for it.
        architecture: only what is for this, when there is no ``os``.

    Raises:
        InvalidInput: when a value becomes too long, or sections name each other without an end.
        InvalidRequest, InvalidVolume, StorageError: see :meth:`FileSource.find`.
    """
    return _Looker(package, os, architecture).look()


class _Looker:
    """Gathers what several architectures have in common."""

    def __init__(self, package: DriverPackage, os: TargetOs | None, architecture: Architecture | None) -> None:
        self.package = package
        self.inf = package.inf
        self.os = os
        self.only = architecture if os is None else os.architecture
        self.installs: dict[tuple[Architecture, str], Install] = {}
        self.warnings: list[InfWarning] = list(self.inf.warnings)

    def look(self) -> ShownDriver:
        inf = self.inf
        models = list(inf.all_models() if self.os is None else inf.models(self.os))
        models = [each for each in models if self.only in {None, each.decoration.runs_on}]
        self._install(models)
        version = inf.version.driver_version
        catalogs, files = self._files()
        for install in self.installs.values():
            self.warnings += install.warnings
        mark = inf.placeholder
        return ShownDriver(
            path=self.package.path,
            kind=DriverKind.of(inf),
            provider=inf.version.provider,
            class_name=inf.version.class_name,
            class_guid=inf.version.class_guid,
            date=None if version is None or version.date is None else version.date.isoformat(),
            driver_version=None if version is None else version.number_text,
            platforms=tuple(map(str, inf.platforms)),
            catalogs=catalogs,
            models=self._models(models),
            services=self._services(),
            files=files,
            components=tuple(dict.fromkeys(made for each in self.installs.values() for made in each.components)),
            includes=tuple(dict.fromkeys(name for each in self.installs.values() for name in each.includes)),
            placeholder=None if mark is None else mark.text,
            warnings=tuple(dict.fromkeys(map(str, sorted(self.warnings)))),
        )

    def _install(self, models: list[Model]) -> None:
        wanted = [(each.decoration.runs_on, each.section) for each in models]
        if self.inf.is_primitive:
            found = (each.runs_on for each in self.inf.platforms)
            wanted = [(each, DEFAULT_INSTALL) for each in found if self.only in {None, each}]
        for architecture in dict.fromkeys(each for each, _ in wanted):
            sections = dict.fromkeys(section for where, section in wanted if where is architecture)
            for made in self.inf.installs_on(sections, architecture):
                self.installs[architecture, made.section] = made

    def _models(self, models: list[Model]) -> tuple[ShownModel, ...]:
        found: dict[tuple[str, str, tuple[str, ...], str], ShownModel] = {}
        for each in models:
            key = each.description, each.manufacturer, each.ids, each.section
            score = self.installs[each.decoration.runs_on, each.section].feature_score
            first = found.get(key)
            platforms = (str(each.decoration),) if first is None else (*first.platforms, str(each.decoration))
            line = each.line if first is None else first.line
            score = score if first is None else first.feature_score
            found[key] = ShownModel(*key[:3], tuple(dict.fromkeys(platforms)), each.section, score, line)
        return tuple(found.values())

    def _services(self) -> tuple[ShownService, ...]:
        found: dict[tuple[str, int | None, int | None, str | None, str, str, bool], list[str]] = {}
        for (architecture, _), install in self.installs.items():
            for each in install.services:
                binary = None if each.binary is None else str(each.binary)
                key = each.name, each.start, each.type, binary, each.load_order_group, each.display_name
                found.setdefault((*key, each.is_function_driver), []).append(architecture)
        return tuple(
            ShownService(name, _start(start), kind, binary, group, display_name, function, tuple(dict.fromkeys(places)))
            for (name, start, kind, binary, group, display_name, function), places in found.items()
        )

    def _files(self) -> tuple[tuple[ShownFile, ...], tuple[ShownFile, ...]]:
        catalogs: dict[str, list[str]] = {}
        found: dict[str, tuple[bool, list[str]]] = {}
        for architecture in dict.fromkeys(each for each, _ in self.installs):
            sections = [section for where, section in self.installs if where is architecture]
            closure = self.inf.files_on(sections, architecture)
            self.warnings += closure.warnings
            if closure.catalog is not None:
                catalogs.setdefault(closure.catalog, []).append(architecture)
            for each in closure.files:
                needed, places = found.get(each.path, (False, []))
                found[each.path] = needed or each.is_copied, [*places, architecture]
        return (
            tuple(self._file(path, tuple(places), is_needed=True) for path, places in catalogs.items()),
            tuple(self._file(path, tuple(places), is_needed=needed) for path, (needed, places) in found.items()),
        )

    def _file(self, path: str, architectures: tuple[str, ...], *, is_needed: bool) -> ShownFile:
        there = self.package.find(path) is not None
        return ShownFile(path, is_there=there, is_needed=is_needed, architectures=architectures)


def _start(number: int | None) -> str | None:
    return None if number is None else ServiceStart(number).name.lower()

"""What an install section does, and the sections behind its name: ``.Services``, ``.HW`` and others.

Sources: Microsoft, "INF DDInstall Section" and the pages of its directives and extensions
(``install/inf-ddinstall-*.md``, ``inf-copyfiles-directive.md``, ``inf-destinationdirs-section.md``,
``inf-addcomponent-directive.md``, ``inf-addsoftware-directive.md``).

Of ``x.ntamd64``, ``x.nt`` and ``x`` the first is taken that is there, and what is behind its name belongs to it:
``x.Services`` is not looked at when ``x.nt`` was taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from osdimage.imaging.drivers.inf.inf_text import Budget, InfText, InfTopic, InfWarning
from osdimage.imaging.drivers.inf.lines import fold
from osdimage.imaging.drivers.inf.places import Folders, InfPath, destination
from osdimage.imaging.drivers.inf.services import Service, has_null_service, read_services
from osdimage.imaging.drivers.inf.settings import RegSetting, named_sections, number_of, read_settings
from osdimage.imaging.drivers.inf.version import DriverVersion, driver_version
from osdimage.imaging.drivers.target_os import Architecture
from osdimage.imaging.errors import quoted
from osdimage.imaging.registry import ValueType

DEFAULT_SCORE = 0xFF
"""The FeatureScore of a section that names none, which is the worst."""
_EXTENSIONS = ("HW", "Services", "CoInstallers", "Components", "Software", "Wdf")
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class CopyFile:
    """A file that an install section copies.

    Attributes:
        source: its name in the package.
        to: where it comes to be; None when ``[DestinationDirs]`` does not say.
        flags: bits ``COPYFLG_*``.
        line: its number.
    """

    source: str
    to: InfPath | None
    flags: int
    line: int


@dataclass(frozen=True, slots=True)
class Component:
    r"""A software component that ``AddComponent`` makes, for which another INF has the driver.

    Attributes:
        name: of the component.
        ids: its hardware ids, with ``SWC\`` in front.
        line: its number.
    """

    name: str
    ids: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Software:
    """A program that ``AddSoftware`` brings along.

    Attributes:
        name: of the software.
        binary: the program in the package, which Windows runs; empty for an application of its shop.
        arguments: that it is given.
        line: its number.
    """

    name: str
    binary: str
    arguments: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class WdfService:
    """A service that needs Windows' driver framework.

    Attributes:
        name: of the service.
        library: ``kmdf`` or ``umdf``.
        version: that it asks for; empty when it names none.
        line: its number.
    """

    name: str
    library: str
    version: str
    line: int


@dataclass(frozen=True, slots=True)
class Install:
    """What an install section does on a Windows.

    Attributes:
        section: as it was asked for.
        chosen: the name of the section that was taken; None when there is none.
        feature_score: 0 to 255, lower is better.
        driver_version: that of the section, which stands above that of the INF; None when it has none.
        copy_files: that it copies, those of co-installers too.
        services: that it adds.
        has_null_service: whether it says that the device has no service.
        settings: ``HKR`` in them is the device's software key.
        hardware_settings: of ``.HW``; ``HKR`` in them is the device's hardware key.
        co_installers: names of their libraries.
        components: software components that it makes.
        software: programs that it brings along.
        wdf: services that need the driver framework.
        includes: INFs of Windows that belong to it; not empty means that it is not complete by itself.
        needs: sections of those, or of this one, that it carries out as well.
        warnings: what could not be understood.
    """

    section: str
    chosen: str | None
    feature_score: int
    driver_version: DriverVersion | None
    copy_files: tuple[CopyFile, ...]
    services: tuple[Service, ...]
    has_null_service: bool
    settings: tuple[RegSetting, ...]
    hardware_settings: tuple[RegSetting, ...]
    co_installers: tuple[str, ...]
    components: tuple[Component, ...]
    software: tuple[Software, ...]
    wdf: tuple[WdfService, ...]
    includes: tuple[str, ...]
    needs: tuple[str, ...]
    warnings: tuple[InfWarning, ...]

    @property
    def is_nt(self) -> bool:
        """Whether the section that was taken ends in ``.nt`` or ``.nt`` and an architecture."""
        return self.chosen is not None and ".nt" in self.chosen.casefold()[len(self.section) :]

    @property
    def component_ids(self) -> tuple[str, ...]:
        """The hardware ids of all software components that it makes."""
        return tuple(each for made in self.components for each in made.ids)


def chosen_section(text: InfText, section: str, architecture: Architecture) -> str | None:
    """Return the name of the install section that is taken on an architecture; None when there is none."""
    for name in (f"{section}.nt{architecture}", f"{section}.nt", section):
        found = text.section(name)
        if found is not None:
            return found.name
    return None


def read_install(text: InfText, section: str, architecture: Architecture, folders: Folders) -> Install:
    """Return what an install section does.

    Raises:
        InvalidInput: when its sections name so many lines that no driver has as many.
    """
    return _Reader(text, section, architecture, folders, text.budget()).read()


class InstallReader:
    """Reads install sections of an INF on an architecture, each once, with one bound for all of them together."""

    def __init__(self, text: InfText, architecture: Architecture) -> None:
        """Read nothing yet."""
        self._text = text
        self._architecture = architecture
        self._budget = text.budget(of_whole=True)
        self._found: dict[str, Install] = {}

    def read(self, section: str) -> Install:
        """Return what an install section does.

        Raises:
            InvalidInput: as :func:`read_install`, of all that were read together.
        """
        name = fold(section)
        found = self._found.get(name)
        if found is None:
            found = _Reader(self._text, section, self._architecture, Folders(), self._budget).read()
            self._found[name] = found
        return found


def read_installs(text: InfText, sections: Iterable[str], architecture: Architecture) -> tuple[Install, ...]:
    """Return what several install sections do.

    Raises:
        InvalidInput: as :func:`read_install`, of all together.
    """
    reader = InstallReader(text, architecture)
    return tuple(reader.read(each) for each in sections)


def copied_files(text: InfText, sections: Iterable[str], architecture: Architecture) -> tuple[CopyFile, ...]:
    """Return the files that install sections copy, as :attr:`Install.copy_files`, without reading the rest of them.

    Raises:
        InvalidInput: as :func:`read_install`, of all together.
    """
    budget = text.budget(of_whole=True)
    # Most install sections of an INF copy the same.
    seen: set[str] = set()
    found = (
        file for each in sections for file in _Reader(text, each, architecture, Folders(), budget).copy_files(seen)
    )
    return tuple(dict.fromkeys(found))


class _Reader:
    """Reads one install section; what it cannot understand becomes a warning."""

    def __init__(
        self, text: InfText, section: str, architecture: Architecture, folders: Folders, budget: Budget
    ) -> None:
        self.text = text
        self.section = section
        self.architecture = architecture
        self.folders = folders
        self.budget = budget
        self.warnings: list[InfWarning] = []
        self.chosen = chosen_section(text, section, architecture)
        self.includes: list[str] = []
        self.needs: list[str] = []

    def read(self) -> Install:
        text, chosen, warnings = self.text, self.chosen, self.warnings
        if chosen is None:
            warnings.append(InfWarning(0, f"there is no install section [{self.section}]", InfTopic.SECTION))
        main = self._with_needed(chosen)
        behind = {each: self._with_needed(f"{chosen}.{each}") for each in _EXTENSIONS}
        self._warn_of_passed_over(behind)
        co_settings = self._settings(behind["CoInstallers"])
        return Install(
            section=self.section,
            chosen=chosen,
            feature_score=self._feature_score(),
            driver_version=driver_version(next(text.named(chosen or "", "DriverVer"), None), warnings),
            copy_files=self.copy_files(set()),
            services=tuple(
                service
                for each in behind["Services"]
                for service in read_services(text, each, self.folders, self.budget, warnings)
            ),
            has_null_service=any(has_null_service(text, each) for each in behind["Services"]),
            settings=self._settings(main),
            hardware_settings=self._settings(behind["HW"]),
            co_installers=tuple(dict.fromkeys(_libraries(co_settings))),
            components=tuple(made for each in behind["Components"] for made in self._components(each)),
            software=tuple(made for each in behind["Software"] for made in self._software(each)),
            wdf=tuple(made for each in behind["Wdf"] for made in self._wdf(each)),
            includes=tuple(dict.fromkeys(self.includes)),
            needs=tuple(dict.fromkeys(self.needs)),
            warnings=tuple(dict.fromkeys(warnings)),
        )

    def _warn_of_passed_over(self, behind: dict[str, list[str]]) -> None:
        """Warn of sections behind other names of the install section, which its writer may have meant."""
        names = (f"{self.section}.nt{self.architecture}", f"{self.section}.nt", self.section)
        for extension, found in behind.items():
            if self.chosen is None or found:
                continue
            for other in filter(None, (self.text.section(f"{name}.{extension}") for name in names)):
                self.warnings.append(
                    InfWarning(other.number, f"[{other.name}] is passed over, since [{self.chosen}] is taken")
                )

    def copy_files(self, seen: set[str]) -> tuple[CopyFile, ...]:
        """Return the files that it copies by what was not seen yet."""
        chosen = self.chosen
        if chosen is None:
            return ()
        sections = (*self._with_needed(chosen), *self._with_needed(f"{chosen}.CoInstallers"))
        return tuple(dict.fromkeys(file for each in sections for file in self._copied(each, seen)))

    def _with_needed(self, section: str | None) -> list[str]:
        """Return a section and those of this file that it needs, and note those of others."""
        found: list[str] = []
        waiting = deque(() if section is None else (section,))
        seen: set[str] = set()
        while waiting:
            name = waiting.popleft()
            if fold(name) in seen or self.text.section(name) is None:
                continue
            seen.add(fold(name))
            found.append(name)
            for entry in self.text.named(name, "Include", self.budget):
                self.includes += [each for each in entry.text if each]
            for entry in self.text.named(name, "Needs", self.budget):
                self.needs += [each for each in entry.text if each]
                waiting += [each for each in entry.text if each]
        return found

    def _settings(self, sections: list[str]) -> tuple[RegSetting, ...]:
        return tuple(
            setting
            for each in sections
            for setting in read_settings(self.text, each, self.folders, self.budget, self.warnings)
        )

    def _feature_score(self) -> int:
        entry = next(self.text.named(self.chosen or "", "FeatureScore"), None)
        if entry is None:
            return DEFAULT_SCORE
        digits = entry.value(0).strip().lower().removeprefix("0x")
        try:
            score = int(digits, 16) if len(digits) <= 2 and digits.isalnum() else -1
        except ValueError:
            score = -1
        if score < 0:
            self.warnings.append(
                InfWarning(entry.line, f"FeatureScore is {quoted(entry.value(0))}; valid are 00 to FF, hexadecimal")
            )
            return DEFAULT_SCORE
        return score

    def _copied(self, section: str, seen: set[str]) -> Iterator[CopyFile]:
        for line, name in named_sections(self.text, section, "CopyFiles", self.budget):
            if fold(name) in seen:
                continue
            seen.add(fold(name))
            if name.startswith("@"):
                yield CopyFile(name[1:], destination(self.text, "DefaultDestDir", name[1:]), 0, line)
                continue
            if self.text.section(name) is None:
                said = f"there is no section [{name}], which CopyFiles names"
                self.warnings.append(InfWarning(line, said, InfTopic.SECTION))
            for entry in self.text.entries(name, self.budget):
                # A line such as 'x.sys = ...' is no file to copy; Windows takes what has no '='.
                if entry.key is not None or not entry.value(0):
                    continue
                flags = number_of(entry.value(3)) if entry.value(3).strip() else 0
                source = entry.value(1) or entry.value(0)
                yield CopyFile(source, destination(self.text, name, entry.value(0)), flags or 0, entry.line)

    def _components(self, section: str) -> Iterator[Component]:
        for entry in self.text.named(section, "AddComponent", self.budget):
            ids = next(self.text.named(entry.value(2), "ComponentIDs", self.budget), None)
            named = () if ids is None else tuple(f"SWC\\{each}" for each in ids.text if each)
            if not named:
                self.warnings.append(InfWarning(entry.line, f"the component {quoted(entry.value(0))} has no ids"))
            yield Component(entry.value(0), named, entry.line)

    def _software(self, section: str) -> Iterator[Software]:
        for entry in self.text.named(section, "AddSoftware", self.budget):
            arguments = next(self.text.named(entry.value(2), "SoftwareArguments", self.budget), None)
            yield Software(
                entry.value(0),
                self.text.value(entry.value(2), "SoftwareBinary"),
                () if arguments is None else tuple(each for each in arguments.text if each),
                entry.line,
            )

    def _wdf(self, section: str) -> Iterator[WdfService]:
        for library in ("kmdf", "umdf"):
            for entry in self.text.named(section, f"{library}Service", self.budget):
                version = self.text.value(entry.value(1), f"{library}LibraryVersion")
                yield WdfService(entry.value(0), library, version, entry.line)


def _libraries(settings: tuple[RegSetting, ...]) -> Iterator[str]:
    for each in settings:
        if each.name.casefold() == "coinstallers32" and each.value is not None:
            texts = each.value.as_strings() if each.value.type == ValueType.MULTI_SZ else ()
            yield from (text.partition(",")[0] for text in texts)

"""What a catalog knows: of a driver before it is imported, and of what is in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from osdimage.imaging.drivers.inf.version import DriverVersion
from osdimage.imaging.drivers.store.platforms import Applicability, Platform
from osdimage.imaging.drivers.target_os import Architecture
from osdimage.imaging.errors import InvalidRequest, quoted

_LONGEST_NAME = 255
_UNPRINTABLE = re.compile("[\0-\x1f\x7f\x80-\x9f\ud800-\udfff\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class InstallFacts:
    r"""An install section on an architecture.

    Attributes:
        name: as models name it.
        feature_score: 0 (best) to 255.
        is_nt: whether the section that is taken is decorated.
        version: ``DriverVer`` of the section, which stands above that of the INF, or None.
        components: hardware ids of software components that it makes, with ``SWC\`` in front.
    """

    name: str
    feature_score: int = 0xFF
    is_nt: bool = True
    version: DriverVersion | None = None
    components: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A line of a Models section.

    Attributes:
        install: the install section that it names.
        description: what people call the device.
        ids: each as it is written, and its position: 0 of the hardware id, 1 of the first compatible id.
    """

    install: InstallFacts
    description: str
    ids: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class SectionFacts:
    """A Models section that a line of ``[Manufacturer]`` names; an empty one says "not for this Windows".

    Attributes:
        entry: the number of the line in ``[Manufacturer]``, from 0: one section of each is chosen for a Windows.
        decoration: such as ``NTamd64.10.0...16299``; empty for none.
        models: its lines.
    """

    entry: int
    decoration: str
    models: tuple[ModelFacts, ...]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a driver.

    Attributes:
        path: below the folder of the INF, with ``/``.
        size: in bytes.
        sha256: of the contents, in hexadecimal.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class InfFacts:
    """What a catalog keeps of an INF.

    Attributes:
        inf: the name of the file.
        class_name: such as ``SCSIAdapter``, or None.
        class_guid: in braces and upper case, or None.
        provider: who gives it out, or None.
        version: its ``DriverVer``, or None.
        sections: the Models sections of all platforms.
        signed_for: the architectures for which a catalog file (.cat) is named and there; whether it is trusted, Windows
            decides.
        extension_id: of an extension INF.
        is_primitive: it is for no device.
        warnings: what is to be said of it.
    """

    inf: str
    class_name: str | None
    class_guid: str | None
    provider: str | None
    version: DriverVersion | None
    sections: tuple[SectionFacts, ...]
    signed_for: tuple[Architecture, ...] = ()
    extension_id: str | None = None
    is_primitive: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def default_name(self) -> str:
        """What it is called unless somebody says otherwise: the first device that it supports, or the INF's name."""
        models = (model for section in self.sections for model in section.models)
        described = next((each.description for each in models if each.description.strip()), self.inf)
        return _UNPRINTABLE.sub(" ", described).strip()[:_LONGEST_NAME] or self.inf


@dataclass(frozen=True, slots=True)
class CatalogDriver:
    """A driver of a catalog.

    Attributes:
        name: under which it is found; no other has it, whatever the case.
        inf: the name of the INF.
        class_name: such as ``SCSIAdapter``, or None.
        class_guid: in braces and upper case, or None.
        provider: who gives it out, or None.
        driver_version: its ``DriverVer``, or None.
        is_signed: whether it has a catalog file (.cat).
        is_enabled: whether it is offered to a search by devices, and may be added to packages.
        applicability: what tells which Windows it is for.
        platforms: what a person has chosen, where that tells.
        decorations: of the INF's Models sections that are not empty.
        folders: where it lay in collections that have a driver in a folder for each Windows: ``viostor/w11/amd64``.
        categories: to which it belongs.
        packages: in which it is.
        files: how many it has.
        size: of all of them, in bytes.
        digest: the SHA-256 of the list of its files.
        imported: when it was.
    """

    name: str
    inf: str
    class_name: str | None
    class_guid: str | None
    provider: str | None
    driver_version: DriverVersion | None
    is_signed: bool
    is_enabled: bool
    applicability: Applicability
    platforms: tuple[Platform, ...]
    decorations: tuple[str, ...]
    folders: tuple[str, ...]
    categories: tuple[str, ...]
    packages: tuple[str, ...]
    files: int
    size: int
    digest: str
    imported: datetime

    @property
    def folders_that_count(self) -> tuple[str, ...]:
        """The folders by whose names it is chosen for a Windows: none where a person has said which it is for."""
        return self.folders if self.applicability is Applicability.INF else ()

    @property
    def version(self) -> str | None:
        """The four numbers of ``DriverVer`` as people write them, or None."""
        return None if self.driver_version is None else self.driver_version.number_text

    @property
    def date(self) -> date | None:
        """The date of ``DriverVer``, or None."""
        return None if self.driver_version is None else self.driver_version.date


@dataclass(frozen=True, slots=True)
class CatalogPackage:
    """A named package of drivers.

    Attributes:
        name: under which it is found; no other has it, whatever the case.
        description: for people; may be empty.
        created: when it was.
        drivers: the names of what is in it.
        disabled: those of them that are disabled, and left out of what is made of the package.
        size: of the files of all drivers, in bytes.
    """

    name: str
    description: str
    created: datetime
    drivers: tuple[str, ...]
    disabled: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was done to a driver or a package.

    Attributes:
        moment: when.
        what: a sentence.
    """

    moment: datetime
    what: str


def checked_name(text: str, what: str, *, excluded: str = "") -> str:
    """Return a name for something in a catalog, without blanks around it.

    Raises:
        InvalidRequest: when it is none: empty, too long, not printable, or with a character of ``excluded``.
    """
    name = text.strip()
    if not name or len(name) > _LONGEST_NAME or _UNPRINTABLE.search(name):
        raise InvalidRequest(
            f"{quoted(text)} is no name of a {what}; valid are 1 to {_LONGEST_NAME} printable characters"
        )
    for each in excluded:
        if each in name:
            raise InvalidRequest(f"{quoted(text)} is no name of a {what}: {quoted(each)} separates names")
    return name


def folded(name: str) -> str:
    """Return a name as names are compared."""
    return name.casefold()

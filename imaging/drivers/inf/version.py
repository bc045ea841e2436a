"""What ``[Version]`` says of an INF as a whole.

Sources: Microsoft, "INF Version Section" (``install/inf-version-section.md``) and "INF DriverVer Directive"
(``install/inf-driverver-directive.md``).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from osdimage.imaging.drivers.inf.inf_text import Entry, InfText, InfTopic, InfWarning
from osdimage.imaging.drivers.inf.lines import fold
from osdimage.imaging.drivers.target_os import Architecture
from osdimage.imaging.errors import quoted

SIGNATURES = frozenset({"$windows nt$", "$chicago$"})
"""What makes an INF one that Windows of today installs drivers from."""
EXTENSION_CLASS = "{E2F84CE7-8EFA-411C-AA69-97454CA4CB57}"
COMPONENT_CLASS = "{5C4C3332-344D-483C-8739-259E934C9CC8}"
"""Setup classes ("System-Defined Device Setup Classes Available to Vendors"): Extension and SoftwareComponent."""
_DATE = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})")
_GUID = re.compile(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", re.IGNORECASE)
_MOST_IN_VERSION = 65534
_PARTS = 4


@dataclass(frozen=True, slots=True)
class DriverVersion:
    """``DriverVer``.

    Attributes:
        date: None when it is missing or no date, which Windows takes for 00/00/0000.
        numbers: four of them, missing ones as 0.
    """

    date: dt.date | None
    numbers: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def number_text(self) -> str:
        """The version as text, such as ``100.90.104.22100``."""
        return ".".join(map(str, self.numbers))

    @property
    def newness(self) -> tuple[dt.date, tuple[int, int, int, int]]:
        """What drivers of one rank are compared by: the date, then the version; higher is better."""
        return self.date or dt.date.min, self.numbers

    def __str__(self) -> str:
        """Return date and version, such as ``2022-05-21, 100.90.104.22100``."""
        return f"{self.date or 'no date'}, {self.number_text}"


@dataclass(frozen=True, slots=True)
class InfVersion:
    """The section ``[Version]``.

    Attributes:
        signature: as it stands there; empty when there is none.
        class_name: of the device setup class, such as ``Net``.
        class_guid: in upper case and braces; None when there is none that is one.
        provider: who gave out the driver.
        catalogs: names of catalog files by the suffix of their entry, in lower case: ``""``, ``"nt"``, ``"ntamd64"``.
        driver_version: or None when ``DriverVer`` is missing, empty or neither a date nor a version.
        extension_id: of an extension INF, in upper case and braces.
        pnp_lockdown: whether its files are to be kept from being changed.
        display_name: ``DriverPackageDisplayName``.
        package_type: ``DriverPackageType``.
        lines: the line of each entry that is there, by its name in lower case.
    """

    signature: str
    class_name: str
    class_guid: str | None
    provider: str
    catalogs: Mapping[str, str]
    driver_version: DriverVersion | None
    extension_id: str | None = None
    pnp_lockdown: bool = False
    display_name: str = ""
    package_type: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_driver(self) -> bool:
        """Whether the signature is that of an INF from which Windows installs."""
        return self.signature.casefold() in SIGNATURES

    def catalog_for(self, architecture: Architecture) -> str | None:
        """Return the name of the catalog file for an architecture: the most specific that there is."""
        for suffix in (f"nt{architecture}", "nt", ""):
            if name := self.catalogs.get(suffix):
                return name
        return None


def read_version(text: InfText, warnings: list[InfWarning]) -> InfVersion:
    """Return what ``[Version]`` says, and add what is unusual there to the warnings."""
    entries: dict[str, Entry] = {}
    for entry in text.entries("Version"):
        if entry.key is not None:
            entries.setdefault(fold(entry.key), entry)

    def value(name: str) -> str:
        return entries[name].value(0) if name in entries else ""

    def guid(name: str) -> str | None:
        found = value(name)
        if found and not _GUID.fullmatch(found):
            warnings.append(InfWarning(entries[name].line, f"{name} {quoted(found)} is no GUID in braces"))
            return None
        return found.upper() or None

    catalogs = {
        key.removeprefix("catalogfile").removeprefix("."): entry.value(0)
        for key, entry in entries.items()
        if key.partition(".")[0] == "catalogfile" and entry.value(0)
    }
    return InfVersion(
        signature=value("signature"),
        class_name=value("class"),
        class_guid=guid("classguid"),
        provider=value("provider"),
        catalogs=catalogs,
        driver_version=driver_version(entries.get("driverver"), warnings),
        extension_id=guid("extensionid"),
        pnp_lockdown=value("pnplockdown").strip() == "1",
        display_name=value("driverpackagedisplayname"),
        package_type=value("driverpackagetype"),
        lines={key: entry.line for key, entry in entries.items()},
    )


def driver_version(entry: Entry | None, warnings: list[InfWarning]) -> DriverVersion | None:
    """Return what a line ``DriverVer=mm/dd/yyyy,w.x.y.z`` says, and add what is wrong with it to the warnings."""
    if entry is None:
        return None
    if not entry.value(0) and not entry.value(1):
        warnings.append(InfWarning(entry.line, "DriverVer is empty", InfTopic.DRIVER_VERSION))
        return None
    day = _date(entry.value(0))
    if day is None:
        said = f"DriverVer has no date but {quoted(entry.value(0))}; valid is mm/dd/yyyy"
        warnings.append(InfWarning(entry.line, said, InfTopic.DRIVER_VERSION))
    numbers = _numbers(entry.value(1))
    if numbers is None:
        warnings.append(
            InfWarning(
                entry.line,
                f"DriverVer has no version but {quoted(entry.value(1))}; valid are four numbers w.x.y.z, "
                f"each at most {_MOST_IN_VERSION}",
            )
        )
        return None if day is None else DriverVersion(day)
    return DriverVersion(day, numbers)


def _date(text: str) -> dt.date | None:
    found = _DATE.fullmatch(text.strip())
    try:
        return None if found is None else dt.date(int(found[3]), int(found[1]), int(found[2]))
    except ValueError:
        return None


def _numbers(text: str) -> tuple[int, int, int, int] | None:
    parts = text.strip().split(".") if text.strip() else []
    if len(parts) > _PARTS or not all(
        each.isascii() and each.isdigit() and len(each) <= len("65535") for each in parts
    ):
        return None
    numbers = [*map(int, parts), *[0] * (_PARTS - len(parts))]
    if max(numbers) > _MOST_IN_VERSION:
        return None
    w, x, y, z = numbers
    return w, x, y, z

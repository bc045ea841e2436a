"""ConfigMgr's variables of Format and Partition Disk -> :class:`DiskLayout`.

Sources: SDK-partdisk and SDK-partset (sms_tasksequence_partitiondiskaction, -partitionsettings), CB-steps,
CM07-partprops.
Names are compared without case.  An empty value is the same as no variable: that is how a task sequence deletes one.
Variables of other steps are left alone, so a whole environment can be given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import (
    MAX_DISK_INDEX,
    DiskLayout,
    FixedSize,
    PartitionSpec,
    PercentOfFree,
    Remaining,
    SizeWish,
)
from osdimage.imaging.disk.layouts.rules import element_problems, order_problems, scheme_problems
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.documents import Fields, checked_text, parse_json, read_document
from osdimage.imaging.errors import InvalidDocument, InvalidLayout
from osdimage.imaging.units import GIB, MIB, Bytes

PROPERTIES = (
    "Type", "FileSystem", "Bootable", "QuickFormat", "VolumeName", "Size", "SizeUnits", "VolumeLetterVariable",
    "AssignVolumeLetter",
)  # fmt: skip
MAX_BYTES = 16 * MIB
"""A full environment of a task sequence is 10 MB in UTF-16, and up to half as much more in UTF-8."""
MAX_NAME = 256
MAX_VALUE = 4000
_MAX_SIZE = 0xFFFFFFFF
"""``Size`` is a uint32 (SDK-partset)."""

# No other line end: U+2028 and the like may be in a value.
_LINE_END = re.compile("\r\n|\n|\r")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)
_SETTABLE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,255}", re.ASCII)
_ELEMENT = re.compile(r"osdpartitions(?P<index>\d+)(?P<property>.*)", re.ASCII | re.DOTALL)
# The SDK's own example misspells the base once.  Silence would drop a wish, so it is pointed out.
_MISSPELT = re.compile(r"osdpartition\d+\w*", re.ASCII)
_UNITS = {"mb": MIB, "gb": GIB}
_PERCENT = frozenset({"percent", "%"})  # "%" is how MDT's templates write it

_Word = TypeVar("_Word", bound=StrEnum)


def layout_from_variables(variables: Mapping[str, str]) -> DiskLayout:
    """Make a layout of the ``OSD...`` variables.

    ``Bootable``, ``QuickFormat`` and ``OSDGPTBootDisk`` count as false when they are absent; sizes are binary; a
    partition without ``Size`` takes all that is left.

    Raises:
        InvalidLayout: with every violation; each names the variable, its value and the valid values.
    """
    return _Reader(variables).read()


def check_name(name: str) -> str | None:
    """Return what is wrong with the name of a variable, or None."""
    if _NAME.fullmatch(name) is None:
        return f"{name[:60]!r} is not the name of a variable: 1 to {MAX_NAME} letters, digits, _ and -"
    return None


class _Reader:
    """Reads one set of variables and collects what is wrong with it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.found: list[str] = []
        self.values: dict[str, str] = {}
        self.spelling: dict[str, str] = {}
        for name, value in variables.items():
            key = name.lower()
            if (wrong := check_name(name)) is not None:
                self.found.append(wrong)
            elif len(value) > MAX_VALUE:
                self.found.append(f"{name}: a value has at most {MAX_VALUE} characters, not {len(value)}")
            elif key in self.spelling:
                self.found.append(
                    f"{name} is given twice, as {self.spelling[key]} too; names are compared without case"
                )
            else:
                self.spelling[key] = name
                if value:
                    self.values[key] = value

    def read(self) -> DiskLayout:
        disk_index = self._disk_index()
        scheme = self._word("OSDPartitionStyle", Scheme, "MBR or GPT", required=True)
        boot_disk = self._boolean("OSDGPTBootDisk", default=False)
        compatibility = self._boolean("OSDDiskpartBiosCompatibilityMode", default=False)
        specs = [self._element(index) for index in range(self._count())]
        known = [(number, spec) for number, spec in enumerate(specs) if spec is not None]
        for number, spec in known:
            self.found += element_problems(spec, number)
        if scheme is not None and specs:
            self.found += scheme_problems(scheme, [spec for _, spec in known])
            # With a Type that could not be read, the order cannot be judged.
            if len(known) == len(specs):
                self.found += order_problems(scheme, [spec for _, spec in known])
        if self.found or scheme is None:
            raise InvalidLayout(list(dict.fromkeys(self.found)))
        return DiskLayout(
            scheme=scheme,
            partitions=tuple(spec for _, spec in known),
            boot_disk=boot_disk,
            bios_compatibility=compatibility,
            disk_index=disk_index,
        )

    def _disk_index(self) -> int | None:
        text = self._required("OSDDiskIndex", f"the number of the disk, 0 to {MAX_DISK_INDEX}")
        return None if text is None else self._number("OSDDiskIndex", text, 0, MAX_DISK_INDEX)

    def _count(self) -> int:
        """Find out how many elements there are, and that none is missing."""
        given: set[int] = set()
        for key, spelling in self.spelling.items():
            match = _ELEMENT.fullmatch(key)
            if match is None:
                if _MISSPELT.fullmatch(key):
                    self.found.append(f"{spelling}: the variables of partitions begin with OSDPartitions")
                continue
            digits = match["index"]
            if match["property"] not in _LOWER_PROPERTIES or len(digits) > 4 or str(int(digits)) != digits:
                self.found.append(f"{spelling} is not a variable of this step; valid are OSDPartitions<N>{_NAMES}")
            elif key in self.values:
                given.add(int(digits))
        count = self._stated_count()
        expected = max(given, default=-1) + 1 if count is None else count
        missing = sorted(set(range(expected)) - given) if expected <= 4096 else []
        if missing:
            names = ", ".join(f"OSDPartitions{index}" for index in missing[:8]) + (", ..." if missing[8:] else "")
            why = f"OSDPartitions={count} announces" if count is not None else "the numbering needs"
            self.found.append(f"{names}: missing; {why} elements 0 to {expected - 1} without gaps")
        beyond = sorted(index for index in given if index >= expected)
        if beyond:
            valid = f"0 to {expected - 1}" if expected else "none"
            names = ", ".join(f"OSDPartitions{index}" for index in beyond[:8])
            self.found.append(f"{names}: beyond OSDPartitions={count}; valid element numbers are {valid}")
        if not given and not missing and count is None:
            self.found.append("OSDPartitions0Type is missing: there is no partition at all")
        # Missing elements have been reported as a whole; only those that are there are read.
        return 0 if missing or beyond or expected > 4096 else expected

    def _stated_count(self) -> int | None:
        text = self.values.get("osdpartitions")
        if text is None:
            return None
        return self._number("OSDPartitions", text, 1, 4096)

    def _element(self, index: int) -> PartitionSpec | None:
        base = f"OSDPartitions{index}"
        role = self._word(f"{base}Type", Role, _listing(Role), required=True)
        valid = " and ".join(each.called for each in FileSystem.for_layouts())
        filesystem = self._word(f"{base}FileSystem", FileSystem, valid)
        active = self._boolean(f"{base}Bootable", default=False)
        quick = self._boolean(f"{base}QuickFormat", default=False)
        assign = self._boolean(f"{base}AssignVolumeLetter", default=True)
        size = self._size(base)
        letter = self.values.get(f"{base}VolumeLetterVariable".lower())
        if letter is not None and _SETTABLE.fullmatch(letter) is None:
            self.found.append(
                f"{base}VolumeLetterVariable={letter}: not a variable that can be set; "
                f"a name begins with a letter and holds letters, digits, _ and -"
            )
        if role is None:
            return None
        return PartitionSpec(
            role=role,
            size=size,
            # Vendor templates give the MSR a file system, which nobody ever formats it with.
            filesystem=None if role is Role.MSR else filesystem,
            label=self.values.get(f"{base}VolumeName".lower()),
            active=active,
            quick_format=quick,
            assign_letter=assign,
            letter_variable=letter,
            origin=base,
        )

    def _size(self, base: str) -> SizeWish:
        unit = self.values.get(f"{base}SizeUnits".lower(), "MB")
        name, key = f"{base}Size", f"{base}Size".lower()
        is_percent, factor = unit.lower() in _PERCENT, _UNITS.get(unit.lower())
        if not is_percent and factor is None:
            self.found.append(f"{base}SizeUnits={unit}: valid are MB, GB and Percent")
        text = self.values.get(key)
        if text is None:
            return Remaining()
        number = self._number(name, text, 1, 100 if is_percent else _MAX_SIZE)
        if number is None:
            return Remaining()
        return PercentOfFree(number) if is_percent else FixedSize(Bytes(number * (factor or MIB)))

    def _required(self, name: str, valid: str) -> str | None:
        text = self.values.get(name.lower())
        if text is None:
            self.found.append(f"{name} is missing; valid: {valid}")
        return text

    def _word(self, name: str, words: type[_Word], valid: str, *, required: bool = False) -> _Word | None:
        text = self._required(name, valid) if required else self.values.get(name.lower())
        if text is None:
            return None
        for word in words:
            if word.value.lower() == text.lower():
                return word
        self.found.append(f"{name}={text}: valid are {valid}")
        return None

    def _boolean(self, name: str, *, default: bool) -> bool:
        text = self.values.get(name.lower())
        if text is None:
            return default
        if text.lower() not in {"true", "false"}:
            self.found.append(f"{name}={text}: valid are true and false")
        return text.lower() == "true"

    def _number(self, name: str, text: str, least: int, most: int) -> int | None:
        if text.isascii() and text.isdigit() and len(text) <= 20 and least <= int(text) <= most:
            return int(text)
        self.found.append(f"{name}={text}: valid are whole numbers from {least} to {most}")
        return None


_LOWER_PROPERTIES = frozenset(name.lower() for name in PROPERTIES)
_NAMES = " " + ", ".join(PROPERTIES)


def _listing(words: type[StrEnum]) -> str:
    values = [word.value for word in words]
    return ", ".join(values[:-1]) + " and " + values[-1]


def load_variables(path: Path) -> dict[str, str]:
    """Read a file of variables, in UTF-8 or UTF-16.

    Raises:
        StorageError: when it cannot be read.
        InvalidDocument: when it is larger than 16 MB, no text, or as :func:`parse_variables`.
    """
    return parse_variables(read_document(path, MAX_BYTES), source=str(path))


def parse_variables(text: str, *, source: str) -> dict[str, str]:
    """Read variables from text: a JSON object of strings, or lines ``NAME=VALUE``.

    In lines, blank ones and those that begin with ``#`` or ``;`` are skipped, and spaces around the name and the value
    are removed.  JSON numbers and booleans are taken as their text.

    Raises:
        InvalidDocument: naming the source, the line and what is expected; without a value, which may be a password.
    """
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        return _parse_json(text, source)
    variables: dict[str, str] = {}
    seen: set[str] = set()
    for number, line in enumerate(_LINE_END.split(text), 1):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        name, equals, value = line.partition("=")
        name = name.strip()
        if not equals or check_name(name) is not None:
            # The line is not shown: it may be that of a password.
            raise InvalidDocument(
                f"{source}, line {number} is not NAME=VALUE; a name has letters, digits, _ and - only"
            )
        if name.lower() in seen:
            raise InvalidDocument(f"{source}, line {number}: {name} is given twice; names are compared without case")
        try:
            variables[name] = checked_text(value.strip(), name)
        except ValueError as error:
            raise InvalidDocument(f"{source}, line {number}: {error}") from error
        seen.add(name.lower())
    return variables


def _parse_json(text: str, source: str) -> dict[str, str]:
    variables: dict[str, str] = {}
    seen: set[str] = set()
    try:
        for name, value in Fields.of(parse_json(text)).values.items():
            variables[name] = _json_variable(name, value, seen)
            seen.add(name.lower())
    except ValueError as error:
        raise InvalidDocument(f"{source}: {error}") from error
    return variables


def _json_variable(name: str, value: object, seen: set[str]) -> str:
    if (wrong := check_name(name)) is not None:
        raise ValueError(wrong)
    if name.lower() in seen:
        raise ValueError(f"{name} is given twice; names are compared without case")
    if isinstance(value, bool):
        return str(value).lower()
    return checked_text(str(value) if isinstance(value, int) else value, name, "text, a whole number, true or false")


def merge_variables(*sources: Mapping[str, str]) -> dict[str, str]:
    """Merge sets of variables; a later one wins, whatever the case of the names."""
    merged: dict[str, tuple[str, str]] = {}
    for source in sources:
        for name, value in source.items():
            merged[name.lower()] = (name, value)
    return dict(merged.values())

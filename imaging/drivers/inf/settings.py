"""What an INF writes into the registry and deletes there: the sections that ``AddReg`` and ``DelReg`` name.

Sources: Microsoft, "INF AddReg Directive" and "INF DelReg Directive" (``install/inf-addreg-directive.md``,
``install/inf-delreg-directive.md``); ``setupapi.h`` for the names of the flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.drivers.inf.inf_text import Budget, Entry, InfText, InfTopic, InfWarning
from osdimage.imaging.drivers.inf.lines import fold
from osdimage.imaging.drivers.inf.places import Folders
from osdimage.imaging.errors import quoted
from osdimage.imaging.registry import Value, ValueType

_BINARY = 0x00000001
_NO_CLOBBER = 0x00000002
_DELETE_VALUE = 0x00000004
_APPEND = 0x00000008
_KEY_ONLY = 0x00000010
_OVERWRITE_ONLY = 0x00000020
_VIEW_64 = 0x00001000
_KEY_ONLY_COMMON = 0x00002000
_VIEW_32 = 0x00004000
_DELETE_STRING = 0x00018002
_TYPES = 0xFFFF0001
_TYPE_OF: dict[int, int] = {
    0x00000000: ValueType.SZ,
    0x00000001: ValueType.BINARY,
    0x00010000: ValueType.MULTI_SZ,
    0x00020000: ValueType.EXPAND_SZ,
    0x00010001: ValueType.DWORD,
    0x00020001: ValueType.NONE,
}
_FIRST_DATA = 4
_FOLDER = re.compile(r"%-?[0-9]")
_NUMBER = re.compile(r"[+-]?(?:0x[0-9a-f]+|[0-9]+)", re.IGNORECASE)
_LONGEST_NUMBER = 20
_BYTE = re.compile(r"(?:0x)?[0-9a-f]{1,2}", re.IGNORECASE)
_DWORD_BYTES = 4


class RegRoot(StrEnum):
    """Where the path of a key begins."""

    HKCR = "HKCR"
    HKCU = "HKCU"
    HKLM = "HKLM"
    HKU = "HKU"
    HKR = "HKR"
    """The key of what the section is about: of a service, an event log, or a device."""


class RegAction(StrEnum):
    """What a line does."""

    SET = "set"
    APPEND = "append"
    """Add the strings that are not there yet to a REG_MULTI_SZ."""
    MAKE_KEY = "make key"
    DELETE_VALUE = "delete value"
    DELETE_KEY = "delete key"
    """With everything in it."""
    REMOVE_STRINGS = "remove strings"
    """Take strings out of a REG_MULTI_SZ."""


@dataclass(frozen=True, slots=True)
class RegSetting:
    r"""A line of a section that ``AddReg`` or ``DelReg`` names.

    Attributes:
        action: what it does.
        root: where the path begins.
        key: the path below that, such as ``Parameters\PnpInterface``; empty for the root itself.
        name: of the value; empty for the default value.
        value: what is set, appended or removed; None for the other actions.
        keeps_existing: leave a value alone that is there already.
        only_existing: set it only when it is there already.
        view: 32 or 64 for that view of the registry; None for that of the system.
        security: the SDDL text of the section, or None.
        line: its number.
    """

    action: RegAction
    root: RegRoot
    key: str
    name: str
    value: Value | None
    line: int
    keeps_existing: bool = False
    only_existing: bool = False
    view: int | None = None
    security: str | None = None


def read_settings(
    text: InfText, section: str, folders: Folders, budget: Budget, warnings: list[InfWarning]
) -> tuple[RegSetting, ...]:
    """Return what the sections do that the lines ``AddReg`` and ``DelReg`` of a section name, deletions first.

    Lines that cannot be understood are left out, with a warning.
    """
    found: list[RegSetting] = []
    for directive, reader in (("DelReg", _Reader.deletion), ("AddReg", _Reader.addition)):
        for number, name in named_sections(text, section, directive, budget):
            if text.section(name) is None:
                said = f"there is no section [{name}], which {directive} names"
                warnings.append(InfWarning(number, said, InfTopic.SECTION))
                continue
            security = next((entry.value(0) for entry in text.entries(f"{name}.security")), None)
            for entry in text.entries(name, budget):
                made = reader(_Reader(text, entry, folders, security, warnings))
                if made is not None:
                    text.spend(budget, entry.line, 0 if made.value is None else len(made.value.data))
                    found.append(made)
    return tuple(found)


def named_sections(text: InfText, section: str, directive: str, budget: Budget) -> Iterator[tuple[int, str]]:
    """Yield line and name of each section that a directive names, once each."""
    seen: set[str] = set()
    for entry in text.named(section, directive, budget):
        for name in entry.text:
            if name and fold(name) not in seen:
                seen.add(fold(name))
                yield entry.line, name


def number_of(text: str) -> int | None:
    """Return a number in decimal, or in hexadecimal behind ``0x``; None when it is none."""
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        return None
    digits = stripped.lstrip("+-").lower()
    # Longer ones are no numbers of Windows, and take long to read.
    if len(digits) > _LONGEST_NUMBER:
        return None
    number = int(digits, 16 if digits.startswith("0x") else 10)
    return -number if stripped.startswith("-") else number


@dataclass(frozen=True, slots=True)
class _Reader:
    text: InfText
    entry: Entry
    folders: Folders
    security: str | None
    warnings: list[InfWarning]

    def addition(self) -> RegSetting | None:
        """Return what a line of an ``AddReg`` section does."""
        root, flags = self._root(), self._flags()
        if root is None:
            return None
        if flags & (_KEY_ONLY | _KEY_ONLY_COMMON):
            return self._made(RegAction.MAKE_KEY, root, flags)
        if flags & _DELETE_VALUE:
            action = RegAction.DELETE_VALUE if self._value(2) else RegAction.DELETE_KEY
            return self._made(action, root, flags)
        value = self._typed(flags)
        if value is None:
            return None
        if flags & _APPEND and value.type != ValueType.MULTI_SZ:
            self._warn("only a list of strings (0x00010000) can be appended to")
            return None
        return self._made(RegAction.APPEND if flags & _APPEND else RegAction.SET, root, flags, value)

    def deletion(self) -> RegSetting | None:
        """Return what a line of a ``DelReg`` section does."""
        root, flags = self._root(), self._flags()
        if root is None:
            return None
        if flags & _DELETE_STRING == _DELETE_STRING:
            return self._made(RegAction.REMOVE_STRINGS, root, flags & ~_NO_CLOBBER, self._strings())
        named = self._value(2) and not flags & (_KEY_ONLY | _KEY_ONLY_COMMON)
        return self._made(RegAction.DELETE_VALUE if named else RegAction.DELETE_KEY, root, flags & ~_NO_CLOBBER)

    def _made(self, action: RegAction, root: RegRoot, flags: int, value: Value | None = None) -> RegSetting:
        return RegSetting(
            action=action,
            root=root,
            key=self._value(1).strip("\\"),
            name="" if action in {RegAction.MAKE_KEY, RegAction.DELETE_KEY} else self._value(2),
            value=value,
            line=self.entry.line,
            keeps_existing=bool(flags & _NO_CLOBBER),
            only_existing=bool(flags & _OVERWRITE_ONLY),
            view=64 if flags & _VIEW_64 else 32 if flags & _VIEW_32 else None,
            security=self.security,
        )

    def _typed(self, flags: int) -> Value | None:
        kind = flags & _TYPES
        number = _TYPE_OF.get(kind)
        if number is None:
            if not kind & _BINARY:
                self._warn(f"{flags:#010x} is no type of values")
                return None
            number = kind >> 16
        name = self._value(2)
        if number == ValueType.MULTI_SZ and not kind & _BINARY:
            return self._strings()
        if not kind & _BINARY:
            make = Value.string if number == ValueType.SZ else Value.expand_string
            return make(name, self._value(_FIRST_DATA))
        data = self._number() if number == ValueType.DWORD else self._bytes()
        return None if data is None else Value(name, number, data)

    def _strings(self) -> Value:
        count = len(self.entry.raw)
        return Value.multi_string(self._value(2), filter(None, map(self._value, range(_FIRST_DATA, count))))

    def _number(self) -> bytes | None:
        data = self.entry.text[_FIRST_DATA:]
        if len(data) == _DWORD_BYTES:
            return self._bytes()
        number = 0 if not data or not data[0].strip() else number_of(data[0])
        if number is None or not -(1 << 31) <= number < 1 << 32 or any(data[1:]):
            self._warn(f"{quoted(','.join(data))} is no 32-bit number; valid are such as 10, 0x0A, or four bytes")
            return None
        return (number & 0xFFFFFFFF).to_bytes(_DWORD_BYTES, "little")

    def _bytes(self) -> bytes | None:
        data = [each.strip() for each in self.entry.text[_FIRST_DATA:]]
        while data and not data[-1]:
            data.pop()
        if not all(map(_BYTE.fullmatch, data)):
            wrong = next(each for each in data if not _BYTE.fullmatch(each))
            self._warn(f"{quoted(wrong)} is no byte; valid are hexadecimal ones, such as 01,0A")
            return None
        return bytes(int(each, 16) for each in data)

    def _root(self) -> RegRoot | None:
        # A line such as 'HKR,,"a=b"' has no key; one that begins 'HKR = ' is no setting.
        name = self.entry.value(0).strip().upper()
        if self.entry.key is None and name in RegRoot.__members__:
            return RegRoot[name]
        self._warn(f"{quoted(self.entry.key or name)} is no root; valid are {', '.join(RegRoot)}")
        return None

    def _flags(self) -> int:
        text = self.entry.value(3).strip()
        number = number_of(text) if text else 0
        if number is None or not 0 <= number < 1 << 32:
            self._warn(f"the flags {quoted(text)} are no 32-bit number, and count as 0; valid are such as 0x00010001")
            return 0
        return number

    def _value(self, position: int) -> str:
        raw = self.entry.raw[position] if position < len(self.entry.raw) else ""
        if not _FOLDER.search(raw):
            return self.entry.value(position)
        return self.text.resolve(raw, self.entry.line, self.folders.path_of)

    def _warn(self, text: str) -> None:
        self.warnings.append(InfWarning(self.entry.line, text))

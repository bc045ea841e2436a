r"""``boot.ini``: the menu of NTLDR, as text in which every byte that is not changed stays.

::

    [boot loader]
    timeout=30
    default=multi(0)disk(0)rdisk(0)partition(1)\WINDOWS
    [operating systems]
    multi(0)disk(0)rdisk(0)partition(1)\WINDOWS="Windows XP" /noexecute=optin /fastdetect

Sources: Microsoft, KB 289022 "How to edit the Boot.ini file in Windows XP", KB 102873 "BOOT.INI and ARC Path Naming
Conventions and Usage", KB 833721 "Available switch options for the Windows XP and the Windows Server 2003 Boot.ini
files".  The file is in an 8-bit code page that it does not name: here each byte is the character of the same number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.units import KIB

LARGEST = 64 * KIB
"""No menu of NTLDR is nearly as large; in bytes."""
_LOADER, _SYSTEMS = "boot loader", "operating systems"
_HEADER = re.compile(r"[ \t]*\[([^\]\r\n]*)\]")
# Nothing is tried twice: a line of spaces, of which a hostile disk may have many, would take hours.
_SETTING = re.compile(
    r"[ \t]*+(?P<key>[A-Za-z]++)[ \t]*+=[ \t]*+(?P<value>(?:[ \t]*+[^ \t\r\n])*+)[ \t]*+(?=[\r\n]|\Z)"
)
_ENTRY = re.compile(
    r"[ \t]*+(?P<path>[^=\s;\[\"](?:[ \t]*+[^= \t\r\n\"])*+)[ \t]*+=[ \t]*+"
    r"(?:\"(?P<name>[^\"\r\n]*+)\"|(?P<bare>(?:[ \t]*+[^\"/ \t\r\n])*+))[ \t]*+"
    r"(?P<options>/(?:[ \t]*+[^ \t\r\n])*+)?[ \t]*+(?=[\r\n]|\Z)"
)
_ARC = re.compile(
    r"(?P<bus>multi|scsi|signature)\((?P<adapter>[0-9a-f]{1,8})\)disk\((?P<disk>\d{1,3})\)rdisk\((?P<rdisk>\d{1,3})\)"
    r"partition\((?P<partition>\d{1,3})\)(?P<folder>\\.*)?",
    re.IGNORECASE,
)
_LONGEST_LINE = 1024
"""A longer line is kept and not looked into; in characters."""
_CODE_PAGE = "cp1252"


@dataclass(frozen=True, slots=True)
class ArcPath:
    r"""A path as the firmware of RISC machines had them: ``multi(0)disk(0)rdisk(0)partition(2)\WINDOWS``.

    Attributes:
        bus: ``multi`` for a disk that the BIOS reads; ``scsi`` and ``signature`` for one that ntbootdd.sys reads.
        adapter: the number of the controller; of ``signature`` that of the disk.
        disk: the SCSI number of the disk; 0 with ``multi``.
        rdisk: the number of the disk in the order of the BIOS, from 0.
        partition: from 1; primary partitions count before logical ones, and extended and empty ones not at all.
        folder: of Windows, such as ``WINDOWS``; empty for the partition itself.
    """

    bus: str
    adapter: int
    disk: int
    rdisk: int
    partition: int
    folder: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what a text says, or None when it is a path of another kind, such as the letter of a drive."""
        found = _ARC.fullmatch(text.strip())
        if found is None:
            return None
        bus = found["bus"].lower()
        if bus != "signature" and not found["adapter"].isdecimal():
            return None
        adapter = int(found["adapter"], 16 if bus == "signature" else 10)
        disk, rdisk, partition = (int(found[each]) for each in ("disk", "rdisk", "partition"))
        return cls(bus, adapter, disk, rdisk, partition, (found["folder"] or "").strip("\\"))

    def __str__(self) -> str:
        """Write it."""
        adapter = f"{self.adapter:x}" if self.bus == "signature" else str(self.adapter)
        folder = f"\\{self.folder}" if self.folder else ""
        return f"{self.bus}({adapter})disk({self.disk})rdisk({self.rdisk})partition({self.partition}){folder}"

    @property
    def needs_driver(self) -> bool:
        r"""Whether NTLDR reads it through ``\ntbootdd.sys``, the driver of one machine's controller."""
        return self.bus != "multi"

    def is_same(self, other: ArcPath) -> bool:
        """Tell whether both lead to one place: the case of letters does not count."""
        return replace(self, folder=self.folder.casefold()) == replace(other, folder=other.folder.casefold())


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu.

    Attributes:
        line: its number in the file, from 0.
        path: what it starts, as it is there.
        name: what the menu calls it.
        options: such as ``/fastdetect``, as they are there.
    """

    line: int
    path: str
    name: str
    options: str

    @property
    def arc(self) -> ArcPath | None:
        """The path, or None when it is of another kind."""
        return ArcPath.parse(self.path)

    @property
    def called(self) -> str:
        """What the menu calls it, for people."""
        return shown(self.name or self.path)


@dataclass(frozen=True, slots=True)
class BootIni:
    """The file: its lines with their ends, each byte a character of the same number."""

    lines: tuple[str, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str) -> Self:
        """Read a file, of which no line need be understood.

        Raises:
            InvalidInput: when it is no text of 8-bit characters, or larger than any menu.
        """
        if len(data) > LARGEST or b"\0" in data:
            raise InvalidInput(f"{name}: valid is a text of 8-bit characters of at most {LARGEST} bytes")
        return cls(tuple(each.decode("latin-1") for each in data.splitlines(keepends=True)))

    def to_bytes(self) -> bytes:
        """Return the file."""
        return "".join(self.lines).encode("latin-1")

    @property
    def timeout(self) -> str | None:
        """How long the menu waits, in seconds, as it is there (-1 is for ever), or None when it does not say."""
        return self._setting("timeout")

    @property
    def default(self) -> str | None:
        """The path that starts by itself, or None when it does not say."""
        return self._setting("default")

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The lines of the menu that say what they start."""
        found = ((number, _matched(_ENTRY, text)) for number, text in self._section(_SYSTEMS))
        return tuple(
            Entry(number, match["path"].strip(), match["name"] or match["bare"] or "", match["options"] or "")
            for number, match in found
            if match is not None
        )

    def with_setting(self, key: str, value: str) -> BootIni:
        """Return it with ``timeout`` or ``default`` set."""
        lines = list(self.lines)
        found = [(number, match) for number, match in self._settings() if match["key"].lower() == key]
        for number, match in found:
            text = lines[number]
            lines[number] = text[: match.start("value")] + value + text[match.end("value") :]
        return BootIni(tuple(lines)) if found else self._with_line(_LOADER, f"{key}={value}")

    def with_path(self, entry: Entry, path: str) -> BootIni:
        """Return it with another path in a line of the menu, whose name and options stay; the default goes along."""
        made = self._with_part(entry.line, "path", path)
        default = self.default
        is_default = default is not None and default.casefold() == entry.path.casefold()
        return made.with_setting("default", path) if is_default else made

    def with_name(self, entry: Entry, name: str) -> BootIni:
        """Return it with another name in a line of the menu, as :func:`encoded` returns it."""
        match = _ENTRY.match(self.lines[entry.line])
        if match is None or match["name"] is not None:
            return self._with_part(entry.line, "name", name)
        return self._with_part(entry.line, "bare", f'"{name}" ')

    def with_entry(self, path: str, name: str, options: str) -> BootIni:
        """Return it with a new line, the first of the menu; the name is as :func:`encoded` returns it."""
        return self._with_line(_SYSTEMS, f'{path}="{name}" {options}'.rstrip())

    def without(self, entry: Entry) -> BootIni:
        """Return it without a line of the menu."""
        return BootIni(self.lines[: entry.line] + self.lines[entry.line + 1 :])

    # ---- lines and sections

    def _section(self, wanted: str) -> Iterator[tuple[int, str]]:
        """Yield the lines of a section with their numbers."""
        section = ""
        for number, text in enumerate(self.lines):
            header = _HEADER.match(text)
            if header is not None:
                section = header[1].strip().lower()
            elif section == wanted:
                yield number, text

    def _settings(self) -> Iterator[tuple[int, re.Match[str]]]:
        found = ((number, _matched(_SETTING, text)) for number, text in self._section(_LOADER))
        return ((number, match) for number, match in found if match is not None)

    def _setting(self, key: str) -> str | None:
        return next((match["value"] for _, match in self._settings() if match["key"].lower() == key), None)

    def _with_part(self, line: int, part: str, text: str) -> BootIni:
        before = self.lines[line]
        match = _ENTRY.match(before)
        if match is None:
            raise ValueError(f"line {line} of boot.ini is no line of the menu")
        after = before[: match.start(part)] + text + before[match.end(part) :]
        return BootIni((*self.lines[:line], after, *self.lines[line + 1 :]))

    def _with_line(self, section: str, text: str) -> BootIni:
        """Return it with a line at the beginning of a section, which is made when it is not there."""
        lines = list(self.lines)
        headers = ((number, _HEADER.match(each)) for number, each in enumerate(lines))
        at = next((number for number, each in headers if each is not None and each[1].strip().lower() == section), None)
        if at is None:
            # NTLDR reads the settings before the menu.
            at = 0 if section == _LOADER else len(lines)
            lines.insert(at, f"[{section}]\r\n")
        # The last line of a file need not have an end.
        if at and not lines[at - 1].endswith(("\n", "\r")):
            lines[at - 1] += "\r\n"
        if not lines[at].endswith(("\n", "\r")):
            lines[at] += "\r\n"
        lines.insert(at + 1, f"{text}\r\n")
        return BootIni(tuple(lines))


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return pattern.match(text) if len(text) <= _LONGEST_LINE else None


def encoded(name: str) -> str:
    """Return a name for the menu as it stands in the file.

    Raises:
        InvalidRequest: when the file has no place for it.
    """
    if not name.isprintable() or '"' in name:
        raise InvalidRequest(f"{quoted(name)} cannot be a name in boot.ini; valid are printable characters but quotes")
    try:
        return name.encode(_CODE_PAGE).decode("latin-1")
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            f"{quoted(name)} cannot be a name in boot.ini, which has the characters of code page 1252 only"
        ) from error


def shown(text: str) -> str:
    """Return a piece of the file for people, as Windows in western languages shows it."""
    return text.encode("latin-1").decode(_CODE_PAGE, "replace")

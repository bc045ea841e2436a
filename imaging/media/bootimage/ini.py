"""The small .ini files of a boot image: lines that nobody sets stay as they are.

They are read as GetPrivateProfileString does: the first entry of a name counts, case does not, and a pair of quotation
marks around a value is left out.  A file is UTF-16 with a byte order mark, or has one byte a character.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

from osdimage.imaging.errors import InvalidInput

LARGEST = 1 << 20
"""More than any of these files has."""
_SECTION = re.compile(r"\s*\[([^\]]*)\]?")
_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_MARK = codecs.BOM_UTF16_LE


@dataclass(slots=True)
class IniText:
    """The lines of a file.

    Attributes:
        lines: without their ends.
        is_wide: whether it is UTF-16; otherwise each character is a byte, whatever the code page makes of it.
    """

    lines: list[str] = field(default_factory=list)
    is_wide: bool = False

    @classmethod
    def parse(cls, data: bytes, *, name: str) -> IniText:
        """Read a file.

        Raises:
            InvalidInput: when it is larger than 1 MB, or holds half a character.
        """
        if len(data) > LARGEST:
            raise InvalidInput(f"{name}: has {len(data):,} bytes; such a file has at most {LARGEST:,}")
        is_wide = data.startswith(_MARK)
        try:
            text = data[len(_MARK) :].decode("utf-16-le") if is_wide else data.decode("latin-1")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{name}: is not text in UTF-16, as its first bytes say") from error
        lines = _LINE_ENDS.split(text)
        return cls(lines[:-1] if lines[-1] == "" else lines, is_wide)

    def to_bytes(self) -> bytes:
        """Return the file, its lines ended as Windows ends them."""
        text = "".join(f"{line}\r\n" for line in self.lines)
        return _MARK + text.encode("utf-16-le") if self.is_wide else text.encode("latin-1")

    def section(self, name: str) -> list[str] | None:
        """Return the lines of the first section of a name that are neither empty nor comments; None without one."""
        place = self._place(name)
        if place is None:
            return None
        lines = (line.strip() for line in self.lines[place[0] : place[1]])
        return [line for line in lines if line and not line.startswith(";")]

    def get(self, section: str, key: str) -> str | None:
        """Return a value, or None."""
        for line in self.section(section) or ():
            name, equals, value = line.partition("=")
            if equals and name.strip().lower() == key.lower():
                return _unquoted(value.strip())
        return None

    def set(self, section: str, key: str, value: str) -> None:
        """Set a value as it is to stand there; the section is made if need be."""
        entry = f"{key}={value}"
        place = self._place(section)
        if place is None:
            self.lines += [*([""] if self.lines and self.lines[-1].strip() else []), f"[{section}]", entry]
            return
        for at in range(*place):
            name, equals, _ = self.lines[at].partition("=")
            if equals and name.strip().lower() == key.lower():
                self.lines[at] = entry
                return
        self.lines.insert(place[0], entry)

    def insert(self, section: str, line: str) -> None:
        """Put a line in front of all others of a section, which is made if need be."""
        place = self._place(section)
        if place is None:
            self.lines += [f"[{section}]", line]
        else:
            self.lines.insert(place[0], line)

    def _place(self, name: str) -> tuple[int, int] | None:
        """Return where the lines of a section begin and end."""
        begin = None
        for at, line in enumerate(self.lines):
            found = _SECTION.match(line)
            if found is None:
                continue
            if begin is not None:
                return begin, at
            if found[1].strip().lower() == name.lower():
                begin = at + 1
        return None if begin is None else (begin, len(self.lines))


def _unquoted(value: str) -> str:
    """Return a value without the quotation marks around it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value

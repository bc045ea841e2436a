r"""Registration files (``.reg``): the text that regedit exports and imports.

Two formats: ``Windows Registry Editor Version 5.00``, UTF-16 with a byte order mark, and ``REGEDIT4``, in the code page
of the machine that wrote it.  Source: "How to add, modify, or delete registry subkeys and values by using a .reg file",
support.microsoft.com (310516), and files that regedit exports: types as ``hex(N):``, lines continued after ``\``,
strings with ``\\`` and ``\"``, which may hold line ends.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError
from osdimage.imaging.registry.hive import Key
from osdimage.imaging.registry.names import fold
from osdimage.imaging.registry.values import Value, ValueType
from osdimage.imaging.units import MIB, format_size

HEADER = "Windows Registry Editor Version 5.00"
HEADER_4 = "REGEDIT4"
_LINE_CHARACTERS = 80
"""regedit continues hexadecimal data on a new line before it gets longer than this."""
_TEXTS = {ValueType.SZ, ValueType.EXPAND_SZ, ValueType.MULTI_SZ}
_QUOTES = re.compile('"')
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TO_BE_CONTINUED = r"[0-9a-fA-F,\s]*(\\)[ \t]*(?:;.*)?$"
_FIRST_HEX = re.compile(r"=\s*hex(?:\([0-9a-fA-F]+\))?:" + _TO_BE_CONTINUED)
_MORE_HEX = re.compile(_TO_BE_CONTINUED)
_HEX_LINE = re.compile(r"[0-9a-fA-F,]")
_NAME = re.compile(r'@|"((?:[^"\\]|\\.)*)"', re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"[ \t]*(?:;.*)?$', re.DOTALL)
_HEX = re.compile(r"hex(?:\(([0-9a-fA-F]{1,8})\))?:(.*)$", re.DOTALL)
_DWORD = re.compile(r"dword:([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNKNOWN_BYTES = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}
_NOT_IN_NAMES = re.compile("[\0\r\n]")
MAX_BYTES = 256 * MIB
"""More than any registration file has; a larger one is not read."""


@dataclass(frozen=True, slots=True)
class Edit:
    r"""One thing that a file asks for.

    Attributes:
        key: the whole path of the key, such as ``HKEY_LOCAL_MACHINE\SYSTEM\Setup``.
        value: the value that is set; None when the key itself is made or deleted, or a value is deleted.
        deletes_key: the key is deleted with everything in it.
        deletes_value: the name of the value that is deleted; empty for the default value; None for none.
        line: where it is in the file, from 1; 0 when it is from none.
    """

    key: str
    value: Value | None = None
    deletes_key: bool = False
    deletes_value: str | None = None
    line: int = 0


def parse_reg(data: bytes, *, name: str = "file", code_page: str = "cp1252") -> tuple[Edit, ...]:
    """Read a registration file.

    Args:
        data: the file.
        name: what errors call it.
        code_page: Python's name of the code page of a REGEDIT4 file, and of a version 5 file that is not Unicode.

    Raises:
        InvalidInput: with the line, when it is not a registration file or something in it cannot be understood.
    """
    text = _decode(data, name, code_page)
    if (at := text.find("\0")) >= 0:
        raise InvalidInput(f"{name}: line {text.count(chr(10), 0, at) + 1}: a NUL character, which no text holds")
    lines = text.replace("\r\n", "\n").split("\n")
    header = lines[0].strip()
    if header not in {HEADER, HEADER_4}:
        raise InvalidInput(f"{name}: line 1: not a registration file; the first line is {HEADER!r} or {HEADER_4!r}")
    ansi = code_page if header == HEADER_4 else None
    edits: list[Edit] = []
    key: str | None = None
    for number, line in _statements(lines[1:]):
        where = f"{name}: line {number}"
        if line.startswith("["):
            edit = _parse_key(line, number, where)
            # Values below a key that is deleted mean nothing.
            key = None if edit.deletes_key else edit.key
            edits.append(edit)
        elif key is not None:
            edits.append(_parse_value(key, line, number, where, ansi))
        elif not edits:
            raise InvalidInput(f"{where}: a value before the first key: {line[:60]!r}")
    return tuple(edits)


def read_reg(path: str | os.PathLike[str], *, code_page: str = "cp1252") -> tuple[Edit, ...]:
    """Read a registration file from where it is; see :func:`parse_reg`.

    Raises:
        StorageError: when it cannot be read.
        InvalidInput: as :func:`parse_reg`.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    return parse_reg(data, name=str(path), code_page=code_page)


def _decode(data: bytes, name: str, code_page: str) -> str:
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{name}: is larger than {format_size(MAX_BYTES)}, which no registration file is")
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8")):
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(encoding, "surrogatepass")
            except UnicodeDecodeError as error:
                raise InvalidInput(f"{name}: byte {error.start + len(mark)}: not {encoding}") from error
    if not data.startswith(HEADER_4.encode()):
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass
    return _of_code_page(data, code_page)


def _of_code_page(data: bytes, code_page: str) -> str:
    """Return the text; a byte that the code page does not know becomes the control character of its number."""
    return data.decode(code_page, "surrogateescape").translate(_UNKNOWN_BYTES)


def _statements(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield statements with the number of their first line: lines joined, comments and empty lines left out."""
    index = 0
    while index < len(lines):
        number, line = index + 2, lines[index].strip()
        index += 1
        if not line or line.startswith(";"):
            continue
        if line.startswith(('"', "@")) and _open_quotes(line):
            # A text may hold line ends: it goes on to its closing quote.
            parts = [lines[index - 1].lstrip()]
            while index < len(lines):
                parts.append(lines[index])
                index += 1
                if len(_QUOTES.findall(parts[-1].replace("\\\\", "").replace('\\"', ""))) % 2:
                    break
            line = "\r\n".join(parts)
        elif "\\" in line and (found := _FIRST_HEX.search(line)) is not None:
            line, index = _continued(lines, index, line, found)
        yield number, line


def _continued(lines: list[str], index: int, line: str, backslash: re.Match[str] | None) -> tuple[str, int]:
    """Return hexadecimal data with the lines that continue them, and the index of the line behind those.

    Comments stand behind a backslash and, like empty lines, between the lines.
    """
    parts = []
    while backslash is not None and index < len(lines):
        parts.append(line[: backslash.start(1)])
        after = index
        while after < len(lines) and (not lines[after].strip() or lines[after].lstrip().startswith(";")):
            after += 1
        if after == len(lines) or _HEX_LINE.match(lines[after].lstrip()) is None:
            return "".join(parts), index
        line, index = lines[after].strip(), after + 1
        backslash = _MORE_HEX.match(line)
    return "".join((*parts, line)), index


def _open_quotes(line: str) -> bool:
    """Tell whether the text that is the value begins in a line and does not end in it."""
    name = _NAME.match(line)
    rest = line[name.end() :].lstrip() if name is not None else ""
    text = rest[1:].lstrip() if rest.startswith("=") else ""
    return text.startswith('"') and _TEXT.match(text) is None


def _parse_key(line: str, number: int, where: str) -> Edit:
    end = line.rfind("]")
    path = line[1:end] if end > 0 else ""
    deletes = path.startswith("-")
    path = path.removeprefix("-").strip("\\")
    if not path or path != path.lstrip():
        raise InvalidInput(f"{where}: not a key in brackets: {line[:60]!r}")
    return Edit(path, deletes_key=deletes, line=number)


def _parse_value(key: str, line: str, number: int, where: str, ansi: str | None) -> Edit:
    match = _NAME.match(line)
    rest = line[match.end() :].lstrip() if match is not None else ""
    if match is None or not rest.startswith("="):
        raise InvalidInput(f'{where}: neither a key in brackets nor "name"=value: {line[:60]!r}')
    name = _unescape(match[1]) if match[1] is not None else ""
    content = rest[1:].strip()
    if content.split(";", 1)[0].strip() == "-":
        return Edit(key, deletes_value=name, line=number)
    if (found := _STRING.match(content)) is not None:
        return Edit(key, Value.string(name, _unescape(found[1])), line=number)
    if (found := _DWORD.match(content)) is not None:
        return Edit(key, Value.dword(name, int(found[1], 16)), line=number)
    if (found := _HEX.match(content)) is not None:
        kind = int(found[1], 16) if found[1] is not None else int(ValueType.BINARY)
        data = _parse_hex(found[2], where)
        if ansi is not None and kind in _TEXTS:
            data = _of_code_page(data, ansi).encode("utf-16-le")
        return Edit(key, Value(name, kind, data), line=number)
    raise InvalidInput(f'{where}: value {name!r}: {content[:60]!r} is not "text", dword:, hex: or hex(type):')


def _parse_hex(text: str, where: str) -> bytes:
    digits = text.split(";", 1)[0]
    compact = "".join(digits.split()).removesuffix(",")
    try:
        if compact[2::3].strip(",") == "" and len(compact) % 3 == len("00"):
            # As everybody writes them: two digits, a comma.
            return bytes.fromhex(compact.replace(",", ""))
        return bytes(int(word, 16) for word in map(str.strip, digits.split(",")) if word)
    except ValueError as error:
        raise InvalidInput(f"{where}: not bytes in hexadecimal: {digits[:60]!r}") from error


def _unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


# ---- writing


@dataclass(slots=True)
class LeftOut:
    """What a registration file cannot hold.

    Attributes:
        count: how many keys, with all in them, and values; of names that stand twice the second ones.
        names: the first of them, as Python writes them.
    """

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Take notice of a key or a value."""
        self.count += 1
        if len(self.names) < _MOST_NAMED:
            self.names.append(repr(name))

    def __str__(self) -> str:
        """Say it for people."""
        more = f" and {self.count - len(self.names)} more" if self.count > len(self.names) else ""
        return (
            f"{', '.join(self.names)}{more}: a .reg file cannot hold names with line ends, NUL, or a \\, nor one twice"
        )


_MOST_NAMED = 5


def format_reg(keys: Iterable[tuple[str, Key]]) -> str:
    """Return what regedit exports for keys, each with its whole path: lines that end in CR LF.

    Raises:
        InvalidRequest: when a name is one that a registration file cannot hold; :func:`reg_lines` leaves it out.
    """
    left_out = LeftOut()
    text = "".join(reg_lines(keys, left_out))
    if left_out.count:
        raise InvalidRequest(str(left_out))
    return text


def reg_lines(keys: Iterable[tuple[str, Key]], left_out: LeftOut, *, only_printable: bool = False) -> Iterator[str]:
    """Yield what regedit exports for keys, each with its whole path, parents first: lines that end in CR LF.

    What a registration file cannot hold is left out, with all that is in it, and ``left_out`` tells of it; so are names
    with characters that cannot be printed, with ``only_printable``, for an output that would write others for them.
    """
    holds = _is_printable if only_printable else _holds
    yield f"{HEADER}\r\n\r\n"
    # The last key of each level, and what is above the keys that are left out.
    last: dict[int, str] = {}
    above: str | None = None
    for path, key in keys:
        if above is not None and path.startswith(above):
            continue
        level, folded = path.count("\\"), fold(path)
        is_first = not last
        above = None
        if not holds(path) or last.get(level) == folded or not (is_first or _can_be_named(key)):
            left_out.add(path)
            above = f"{path}\\"
            continue
        last[level] = folded
        yield "\r\n".join((f"[{path}]", *_value_lines(key, path, left_out, holds), "", ""))


def _can_be_named(key: Key) -> bool:
    return bool(key.name) and "\\" not in key.name


def _holds(name: str) -> bool:
    return _NOT_IN_NAMES.search(name) is None


def _is_printable(name: str) -> bool:
    return name.isprintable()


def _value_lines(key: Key, path: str, left_out: LeftOut, holds: Callable[[str], bool]) -> Iterator[str]:
    seen: set[str] = set()
    for value in key.values:
        folded = fold(value.name)
        if not holds(value.name) or folded in seen:
            left_out.add(f"{path}\\{value.name}")
        else:
            yield format_value(value)
        seen.add(folded)


MARK = b"\xff\xfe"
"""What a version 5 file begins with."""


def encoded(text: str) -> bytes:
    """Return the bytes of a piece of a version 5 file: UTF-16."""
    return text.encode("utf-16-le", "surrogatepass")


def encode_reg(text: str) -> bytes:
    """Return the bytes of a version 5 file: UTF-16 with a byte order mark."""
    return MARK + encoded(text)


def format_value(value: Value) -> str:
    """Return the lines for one value, as regedit writes them."""
    name = f'"{_escape(value.name)}"=' if value.name else "@="
    if value.type == ValueType.SZ and (text := _plain_text(value)) is not None:
        return f'{name}"{_escape(text)}"'
    if value.type == ValueType.DWORD and len(value.data) == 4:
        return f"{name}dword:{value.as_integer():08x}"
    kind = "hex:" if value.type == ValueType.BINARY else f"hex({value.type:x}):"
    return _wrap(name + kind, value.data)


def _plain_text(value: Value) -> str | None:
    """Return the text of a string that ends with its only NUL, as a string in quotes comes back."""
    text = value.data.decode("utf-16-le", "surrogatepass") if len(value.data) % 2 == 0 else ""
    # A line end in quotes would begin a line of its own; what is not printable could be anything to who reads the text.
    return text[:-1] if text.endswith("\0") and text[:-1].isprintable() else None


def _wrap(start: str, data: bytes) -> str:
    digits = data.hex(",")
    if len(start) + len(digits) < _LINE_CHARACTERS - 1:
        return start + digits
    # Room for a comma and the backslash behind each byte; a long name alone does not break the line.
    first = 3 * max(1, (_LINE_CHARACTERS - 2 - len(start)) // 3)
    rest = [digits[at : at + _MORE_DIGITS] for at in range(first, len(digits), _MORE_DIGITS)]
    return "\\\r\n  ".join((start + digits[:first], *rest))


_MORE_DIGITS = 3 * ((_LINE_CHARACTERS - 2 - len("  ")) // 3)

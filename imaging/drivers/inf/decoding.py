"""The characters of an INF: UTF-16, UTF-8, or one byte a character in a code page that the file does not name.

Sources: the spec's section 1.1.  Windows reads UTF-16 with a byte order mark, and the code page of the system
otherwise; whether it takes UTF-8 no source says, so that what is only UTF-8 comes with a warning.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.units import MIB, format_size

MAX_BYTES = 16 * MIB
"""More than any INF has; a larger one is not read."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_END_OF_TEXT = "\x1a"
_LOOKED_AT = 4096


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file.

    Attributes:
        text: up to the first Ctrl-Z, which ended texts of MS-DOS, or to NULs at the end.
        encoding: Python's name of what it was in.
        warning: what is unusual about that, or None.
    """

    text: str
    encoding: str
    warning: str | None = None


def decode(data: bytes, *, name: str, codepage: str = "cp1252") -> Decoded:
    """Return the text of an INF.

    Args:
        data: the whole file.
        name: what messages call it.
        codepage: Python's name of the encoding of a file that has no mark and is not UTF-8.

    Raises:
        InvalidInput: when it is too large, or is no text.
        InvalidRequest: when there is no such code page.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{name}: has {format_size(len(data))}; an INF has at most {format_size(MAX_BYTES)}")
    found = _by_mark(data, name) or _without_mark(data, name, codepage)
    end = found.text.find(_END_OF_TEXT)
    # Some files are filled up with NULs.
    text = (found.text if end < 0 else found.text[:end]).rstrip("\0")
    nul = text.find("\0")
    if nul >= 0:
        line = line_of(text, nul)
        raise InvalidInput(f"{name}: line {line}: holds a NUL; valid is text in UTF-16, UTF-8 or a code page")
    return Decoded(text, found.encoding, found.warning)


def line_of(text: str, position: int) -> int:
    """Return the number of the line, from 1, that a position is in."""
    before = text[:position]
    return 1 + before.count("\n") + before.count("\r") - before.count("\r\n")


def _by_mark(data: bytes, name: str) -> Decoded | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            warning = None if encoding != "utf-8" else "is UTF-8, which not every Windows reads in an INF"
            return Decoded(_strictly(data[len(mark) :], encoding, name), encoding, warning)
    return None


def _without_mark(data: bytes, name: str, codepage: str) -> Decoded:
    encoding = _wide(data[:_LOOKED_AT])
    if encoding is not None:
        return Decoded(_strictly(data, encoding, name), encoding, "is UTF-16 without a byte order mark")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Decoded(_in_page(data, name, codepage), codepage)
    if text.isascii():
        return Decoded(text, "ascii")
    return Decoded(text, "utf-8", "is UTF-8 without a mark, which Windows reads in its own code page")


def _wide(head: bytes) -> str | None:
    """Return which UTF-16 it is when every second byte, or nearly so, is NUL."""
    half = len(head) // 2
    if half < 2:
        return None
    zeros = head[: half * 2 : 2].count(0), head[1 : half * 2 : 2].count(0)
    # A text of Latin letters has a few others among them, such as an apostrophe.
    if zeros[1] * 10 >= half * 9 and not zeros[0]:
        return "utf-16-le"
    if zeros[0] * 10 >= half * 9 and not zeros[1]:
        return "utf-16-be"
    return None


def _strictly(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = line_of(data[: error.start].decode(encoding, "replace"), error.start)
        raise InvalidInput(
            f"{name}: line {line}: is no valid {encoding.upper()} ({error.reason}), which its first bytes promise"
        ) from None


def _in_page(data: bytes, name: str, codepage: str) -> str:
    try:
        # A code page of Windows has a character for each byte, if only a control character.
        return data.decode(codepage, "surrogateescape").translate(_CONTROLS)
    except LookupError:
        raise InvalidRequest(
            f"{name}: there is no code page {quoted(codepage)}; valid are names such as cp1252, cp1251 or cp932"
        ) from None


_CONTROLS = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}

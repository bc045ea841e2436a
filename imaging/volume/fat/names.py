"""Long and short names, as FAT stores them.

Every file has a short name of 8 + 3 bytes.  A name that is one already (``README.TXT``) needs nothing else, and one
whose base or extension is wholly lower-case (``readme.txt``) needs only two bits.  Any other name is kept as a *long
name*, in entries of 13 UTF-16 units that precede the short one, and gets a short name made of it: upper-cased, with
``_`` for what a short name cannot hold, and with a *numeric tail* (``LONGNA~1.TXT``) when it had to be changed.

Sources: Microsoft, fatgen103, "Name Limits and Character Sets" and "Generating 8.3 Names from Long Names"; the bits
for lower case are those of Windows NT and later.  Names with characters outside ASCII always get a long name, so that
no reader needs to know the code page.  Windows takes hexadecimal digits after four collisions; osdimage counts on, as
the specification says.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest, UnsafeName

MAX_UNITS = 255
"""The longest name, in UTF-16 units."""
ENTRY_BYTES = 32
LABEL_BYTES = 11
_UNITS = 13
_LAST_LONG = 0x40
LOWER_BASE, LOWER_EXTENSION = 0x08, 0x10
LONG_NAME_ATTRIBUTES = 0x0F
# A name may begin with E5 in the code page, but that byte marks an erased entry.
ERASED, STANDS_FOR_E5 = 0xE5, 0x05

CODE_PAGES = (437, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 874, 1252)
"""The code pages of one byte a character that Windows has used for short names and Python knows."""

_FORBIDDEN = re.compile(r'["*/:<>?\\|\x00-\x1f]')
_SHORT = r"[A-Za-z0-9!#$%&'()\-@^_`{}~]"
_IS_SHORT = re.compile(rf"({_SHORT}{{1,8}})(?:\.({_SHORT}{{1,3}}))?")
_SHORT_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'()-@^_`{}~")
_UNDERSCORES = {code: "_" for code in range(0x80) if chr(code) not in _SHORT_CHARACTERS}
_LABEL_FORBIDDEN = frozenset('"*+,./:;<=>?[\\]|')
_LONG_STRUCT = struct.Struct("<B10sBBB12sH4s")
_LARGEST_TAIL = 999_999


@dataclass(frozen=True, slots=True)
class StoredName:
    """How a name is stored.

    Attributes:
        short: the 11 bytes of the short name.
        case_bits: which of its halves are shown in lower case.
        long: the entries of the long name, or nothing.
    """

    short: bytes
    case_bits: int
    long: bytes

    @property
    def entries(self) -> int:
        """How many directory entries the file takes."""
        return 1 + len(self.long) // ENTRY_BYTES


def codec(code_page: int) -> str:
    """Return Python's name of a code page.

    Raises:
        InvalidRequest: when it is not one for short names.
    """
    if code_page not in CODE_PAGES:
        raise InvalidRequest(
            f"code page {code_page} is not supported for short names; valid are {', '.join(map(str, CODE_PAGES))}"
        )
    return f"cp{code_page}"


def fold(name: str) -> str:
    """Return a name as it is compared: names that differ only in case are the same file."""
    if name.isascii():
        return name.upper()
    # One character for one, as Windows does; what would become ASCII (the dotless i) stays.
    return "".join(_upper(character) for character in name)


def _upper(character: str) -> str:
    upper = character.upper()
    if len(upper) != 1 or (upper.isascii() and not character.isascii()):
        return character
    return upper


def refuse_name(name: str, path: str) -> None:
    """Refuse a name that FAT, or every program that reads FAT, cannot hold.

    Raises:
        UnsafeName: with the path and the reason.
    """
    reason = None
    found = _FORBIDDEN.search(name)
    if found is not None:
        reason = f"the character {found[0]!r} is not allowed on FAT"
    elif name in {"", ".", ".."}:
        reason = "it is no name"
    elif name[-1] in ". ":
        # Windows and Linux cut these off when they open a file, and so never find it.
        reason = f"a name on FAT cannot end in {name[-1]!r}"
    elif len(name) > MAX_UNITS // 2 and len(name.encode("utf-16-le", "surrogatepass")) // 2 > MAX_UNITS:
        reason = f"it is longer than {MAX_UNITS} UTF-16 units"
    if reason is not None:
        raise UnsafeName(f"{path!r} cannot be stored on FAT: {reason}; rename it or leave it out", path=path)


def store_names(names: Sequence[str], wishes: Sequence[str | None], code_page: int) -> list[StoredName]:
    """Give every file of one directory its short name, and the names that need it their long one.

    The names are valid and unlike each other when folded.  ``wishes`` are short names that the files had elsewhere;
    one is used when it is valid and free.  The result depends on the order of the names and on nothing else.
    """
    shortener = _Shortener(codec(code_page))
    # Names that fit as they are come first, then wishes: a tail must never take the name of another file.
    stored: dict[int, StoredName] = {}
    for index, name in enumerate(names):
        short = shortener.fitting(name)
        if short is not None:
            stored[index] = shortener.keep(name, short)
    for index, wish in enumerate(wishes):
        if wish is not None and index not in stored and (short := shortener.grant(wish)) is not None:
            stored[index] = _with_long(names[index], short)
    for index, name in enumerate(names):
        if index not in stored:
            stored[index] = shortener.tailed(name)
    return [stored[index] for index in range(len(names))]


def store_name(name: str, used: Iterable[bytes], code_page: int) -> StoredName:
    """Give a file a short name that none of its directory has yet, and its long one if it needs one.

    The name is valid and unlike the others when folded; ``used`` are their short names, as they are stored.
    """
    shortener = _Shortener(codec(code_page))
    shortener.reserve(used)
    short = shortener.fitting(name)
    return shortener.tailed(name) if short is None or shortener.has(short) else shortener.keep(name, short)


class _Shortener:
    """Makes the short names of one directory, all different."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        # Code page 864 has another character in the place of %.
        self._others = {chr(each) for each in range(0x20, 0x7F) if bytes([each]).decode(self._encoding) != chr(each)}
        self._used: set[bytes] = set()
        self._tails: dict[tuple[bytes, bytes], int] = {}

    def reserve(self, used: Iterable[bytes]) -> None:
        """Take short names for given away."""
        self._used.update(used)

    def has(self, short: bytes) -> bool:
        """Tell whether a short name is given away."""
        return short in self._used

    def fitting(self, name: str) -> bytes | None:
        """Return the short name that a name is, but for case, or None when it must be changed."""
        found = _IS_SHORT.fullmatch(name)
        if found is not None:
            return _short_of(found) if self._others.isdisjoint(name) else None
        if name.isascii() or name.startswith("."):
            return None
        base, _, extension = name.partition(".")
        base_bytes, extension_bytes = (self._encode(part) for part in (base, extension))
        if base_bytes is None or extension_bytes is None or len(base_bytes) > 8 or len(extension_bytes) > 3:
            return None
        return _pad(base_bytes, extension_bytes)

    def keep(self, name: str, short: bytes) -> StoredName:
        """Use the short name that a name is."""
        self._used.add(short)
        found = _IS_SHORT.fullmatch(name)
        bits = _case_bits(found[1], found[2] or "") if found is not None else None
        return _with_long(name, short) if bits is None else StoredName(short, bits, b"")

    def grant(self, wish: str) -> bytes | None:
        """Return the short name that a wish is, or None when it is not valid or not free."""
        found = _IS_SHORT.fullmatch(wish)
        if found is None or (short := _short_of(found)) in self._used:
            return None
        self._used.add(short)
        return short

    def tailed(self, name: str) -> StoredName:
        """Make a short name with a tail."""
        base, extension = self._basis(name)
        key = (base[:6], extension)
        number = self._tails.get(key, 0)
        while number < _LARGEST_TAIL:
            number += 1
            tail = b"~%d" % number
            short = _pad(base[: 8 - len(tail)] + tail, extension)
            if short not in self._used:
                self._used.add(short)
                self._tails[key] = number
                return _with_long(name, short)
        # A directory holds 65,536 entries at most, so a million numbers are never used up.
        raise AssertionError(name)

    def _basis(self, name: str) -> tuple[bytes, bytes]:
        """Return base and extension of what the tail is put to (fatgen103, "The Basis-Name Generation Algorithm")."""
        text = name.replace(" ", "").lstrip(".")
        base, dot, extension = text.rpartition(".")
        if not dot:
            base, extension = extension, ""
        return self._changed(base.replace(".", ""))[:8] or b"_", self._changed(extension)[:3]

    def _changed(self, text: str) -> bytes:
        """Return a text in upper case, with ``_`` for what a short name cannot hold."""
        if text.isascii():
            plain = "".join("_" if each in self._others else each for each in text) if self._others else text
            return plain.upper().translate(_UNDERSCORES).encode("ascii")
        return b"".join(self._encode(character) or b"_" for character in text)

    def _encode(self, text: str) -> bytes | None:
        upper = fold(text)
        if not all(character in _SHORT_CHARACTERS or character >= "\x80" for character in upper):
            return None
        try:
            encoded = upper.encode(self._encoding)
        except UnicodeEncodeError:
            return None
        # Some code pages have spaces, hyphens and controls above 7F that nobody could see or type.
        return None if any("\x7f" <= character <= "\xa0" or character == "\xad" for character in upper) else encoded


def _pad(base: bytes, extension: bytes) -> bytes:
    return hide_e5(base.ljust(8) + extension.ljust(3))


def hide_e5(short: bytes) -> bytes:
    """Return a short name or label as a directory entry stores it."""
    return bytes([STANDS_FOR_E5]) + short[1:] if short[0] == ERASED else short


def show_e5(short: bytes) -> bytes:
    """Return the short name or label that a directory entry stores."""
    return bytes([ERASED]) + short[1:] if short[0] == STANDS_FOR_E5 else short


def _short_of(found: re.Match[str]) -> bytes:
    return _pad(found[1].upper().encode("ascii"), (found[2] or "").upper().encode("ascii"))


def _with_long(name: str, short: bytes) -> StoredName:
    return StoredName(short, 0, long_entries(name, checksum(short)))


def _case_bits(base: str, extension: str) -> int | None:
    """Return the bits that show a short name as it is written, or None when its case is mixed."""
    bits = 0
    for part, bit in ((base, LOWER_BASE), (extension, LOWER_EXTENSION)):
        if part == part.upper():
            continue
        if part != part.lower():
            return None
        bits |= bit
    return bits


def checksum(short: bytes) -> int:
    """Return the sum that ties a long name to its short one."""
    value = 0
    for byte in short:
        value = ((value >> 1 | value << 7) + byte) & 0xFF
    return value


def long_entries(name: str, check: int) -> bytes:
    """Return the entries of a long name, the last part first, as they are stored."""
    units = name.encode("utf-16-le", "surrogatepass")
    count = -(-len(units) // (2 * _UNITS))
    if len(units) % (2 * _UNITS):
        units = (units + b"\0\0").ljust(count * 2 * _UNITS, b"\xff")
    entries = []
    for number in range(count, 0, -1):
        part = units[(number - 1) * 26 : number * 26]
        order = number | (_LAST_LONG if number == count else 0)
        entries.append(_LONG_STRUCT.pack(order, part[:10], LONG_NAME_ATTRIBUTES, 0, check, part[10:22], 0, part[22:]))
    return b"".join(entries)


def read_long(entries: Sequence[bytes], short: bytes) -> str | None:
    """Return the name of the long entries that precede a short one, or None when they do not belong to it."""
    wanted = len(entries)
    if not 0 < wanted <= -(-MAX_UNITS // _UNITS):
        return None
    check = checksum(short)
    units = b""
    for number, entry in zip(range(wanted, 0, -1), entries, strict=True):
        order, first, _, _, found, second, _, third = _LONG_STRUCT.unpack(entry)
        if order != number | (_LAST_LONG if number == wanted else 0) or found != check:
            return None
        units = first + second + third + units
    for at in range(0, len(units), 2):
        if units[at : at + 2] == b"\0\0":
            units = units[:at]
            break
    name = units.decode("utf-16-le", "surrogatepass")
    return name if 0 < len(units) // 2 <= MAX_UNITS else None


def read_short(short: bytes, case_bits: int, encoding: str) -> str:
    """Return a short name as it is shown."""
    short = show_e5(short)
    base, extension = (part.rstrip(b" ").decode(encoding, "replace") for part in (short[:8], short[8:]))
    if case_bits & LOWER_BASE:
        base = base.lower()
    if case_bits & LOWER_EXTENSION:
        extension = extension.lower()
    return f"{base}.{extension}" if extension else base


def fault(name: str) -> str | None:
    """Tell why a name that was read must not become a path, or None."""
    found = _FORBIDDEN.search(name)
    if found is not None:
        return f"holds the character {found[0]!r}"
    return "is no name" if name in {"", ".", ".."} else None


def store_label(label: str | bytes | None, code_page: int) -> bytes | None:
    """Return the 11 bytes of a volume label, in the case that it has; None for no label.

    Windows makes labels in upper case and shows others as they are: who asks for a new one goes through
    :meth:`~osdimage.imaging.disk.content.FileSystem.label_for`.

    Raises:
        InvalidRequest: when it cannot be one.
    """
    encoding = codec(code_page)
    if not label:
        return None
    if isinstance(label, bytes):
        return label[:LABEL_BYTES].ljust(LABEL_BYTES)
    bad = sorted({each for each in label if each in _LABEL_FORBIDDEN or each < " " or each == "\x7f"})
    if bad:
        raise InvalidRequest(f"the label {label!r} cannot hold {''.join(bad)!r}")
    try:
        encoded = label.encode(encoding)
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            f"the label {label!r} has characters that code page {code_page} lacks: {label[error.start : error.end]!r}"
        ) from error
    if len(encoded) > LABEL_BYTES or label != label.strip(" "):
        raise InvalidRequest(
            f"the label {label!r} is not valid: at most {LABEL_BYTES} characters, no spaces at either end"
        )
    return encoded.ljust(LABEL_BYTES)

"""Values of a registry: a name, a type and bytes, and what the bytes say.

Types: "Registry value types", learn.microsoft.com/windows/win32/sysinfo/registry-value-types (winnt.h).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from osdimage.imaging.errors import InvalidInput, InvalidRequest

MAX_NAME_UNITS = 16383
"""UTF-16 units of the longest name of a value ("Registry element size limits", learn.microsoft.com)."""


class ValueType(IntEnum):
    """The types that Windows names.  Any other 32-bit number is allowed too, and the SAM and the drivers use it."""

    NONE = 0
    SZ = 1
    EXPAND_SZ = 2
    BINARY = 3
    DWORD = 4
    DWORD_BIG_ENDIAN = 5
    LINK = 6
    MULTI_SZ = 7
    RESOURCE_LIST = 8
    FULL_RESOURCE_DESCRIPTOR = 9
    RESOURCE_REQUIREMENTS_LIST = 10
    QWORD = 11


_STRINGS = (ValueType.SZ, ValueType.EXPAND_SZ, ValueType.LINK)
_INTEGERS = {ValueType.DWORD: "<I", ValueType.DWORD_BIG_ENDIAN: ">I", ValueType.QWORD: "<Q"}


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a key.

    Attributes:
        name: its name; empty for the default value of the key.
        type: a :class:`ValueType`, or any other number.
        data: its bytes, as they are in the hive.
        flags: bits of a layered hive besides the one about how the name is stored, such as the tombstone (2).
    """

    name: str
    type: int
    data: bytes
    flags: int = 0

    @classmethod
    def string(cls, name: str, text: str) -> Self:
        """Make a REG_SZ."""
        return cls(name, ValueType.SZ, _encode(text))

    @classmethod
    def expand_string(cls, name: str, text: str) -> Self:
        """Make a REG_EXPAND_SZ: a text with variables such as ``%SystemRoot%``."""
        return cls(name, ValueType.EXPAND_SZ, _encode(text))

    @classmethod
    def multi_string(cls, name: str, texts: Iterable[str]) -> Self:
        """Make a REG_MULTI_SZ.

        Raises:
            InvalidRequest: for an empty text, which would end the list.
        """
        listed = tuple(texts)
        if "" in listed:
            raise InvalidRequest(f"value {name!r}: a list of strings cannot hold an empty one")
        return cls(name, ValueType.MULTI_SZ, b"".join(map(_encode, listed)) + b"\0\0")

    @classmethod
    def dword(cls, name: str, number: int) -> Self:
        """Make a REG_DWORD of a number from 0 to 2**32 - 1."""
        return cls(name, ValueType.DWORD, _pack("<I", number, name))

    @classmethod
    def qword(cls, name: str, number: int) -> Self:
        """Make a REG_QWORD of a number from 0 to 2**64 - 1."""
        return cls(name, ValueType.QWORD, _pack("<Q", number, name))

    @classmethod
    def binary(cls, name: str, data: bytes) -> Self:
        """Make a REG_BINARY."""
        return cls(name, ValueType.BINARY, bytes(data))

    @property
    def type_name(self) -> str:
        """What regedit calls the type: ``REG_SZ``, or ``0x00001234`` for a number without a name."""
        try:
            return f"REG_{ValueType(self.type).name}"
        except ValueError:
            return f"{self.type:#010x}"

    def as_string(self) -> str:
        """Return the text of a string, up to its first NUL.

        Raises:
            InvalidInput: when it is not a string.
        """
        if self.type not in _STRINGS:
            raise InvalidInput(f"value {self.name!r} is {self.type_name}, not a string")
        return self._text().split("\0", 1)[0]

    def as_strings(self) -> tuple[str, ...]:
        """Return the texts of a REG_MULTI_SZ, up to the empty one that ends it.

        Raises:
            InvalidInput: when it is not a list of strings.
        """
        if self.type != ValueType.MULTI_SZ:
            raise InvalidInput(f"value {self.name!r} is {self.type_name}, not REG_MULTI_SZ")
        texts = self._text().split("\0")
        # Without its last NULs the list ends where the data end.
        return tuple(texts[: texts.index("")] if "" in texts else texts)

    def as_integer(self) -> int:
        """Return the number of a REG_DWORD, of either byte order, or of a REG_QWORD.

        Raises:
            InvalidInput: when it is not a number, or not of the size of its type.
        """
        form = next((form for kind, form in _INTEGERS.items() if kind == self.type), None)
        if form is None:
            raise InvalidInput(f"value {self.name!r} is {self.type_name}, not a number")
        if len(self.data) != struct.calcsize(form):
            raise InvalidInput(f"value {self.name!r}: {self.type_name} of {len(self.data)} bytes")
        number: int = struct.unpack(form, self.data)[0]
        return number

    def _text(self) -> str:
        return self.data[: len(self.data) & ~1].decode("utf-16-le", "surrogatepass")


def _encode(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le", "surrogatepass")


def _pack(form: str, number: int, name: str) -> bytes:
    try:
        return struct.pack(form, number)
    except struct.error as error:
        most = (1 << 8 * struct.calcsize(form)) - 1
        raise InvalidRequest(f"value {name!r}: {number} is not a number from 0 to {most}") from error

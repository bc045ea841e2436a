"""ASN.1 taken apart, as DER encodes it.

Source: ITU-T X.690, 8.1 and 10.1.  Of the tags only the short form, and of the lengths only definite ones: what
catalogs are made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SEQUENCE, SET, OID, OCTET_STRING, INTEGER, UTC_TIME, BMP_STRING = 0x30, 0x31, 0x06, 0x04, 0x02, 0x17, 0x1E
GENERALIZED_TIME = 0x18
CONTEXT_0 = 0xA0


class NotDer(ValueError):
    """The bytes are not what they should be."""


@dataclass(frozen=True, slots=True)
class Element:
    """A value.

    Attributes:
        tag: the byte with its class, form and number.
        data: the bytes in which it lies.
        begin: where its contents begin.
        end: where they end.
    """

    tag: int
    data: bytes
    begin: int
    end: int

    @property
    def contents(self) -> bytes:
        """The contents."""
        return self.data[self.begin : self.end]

    def children(self) -> Iterator[Element]:
        """Yield the values in it.

        Raises:
            NotDer: when they do not fill it.
        """
        at = self.begin
        while at < self.end:
            found = element_at(self.data, at, self.end)
            yield found
            at = found.end

    def required(self, tag: int) -> Element:
        """Return itself.

        Raises:
            NotDer: when it has another tag.
        """
        if self.tag != tag:
            raise NotDer(f"a value with the tag {self.tag:#04x} at byte {self.begin}, and not {tag:#04x}")
        return self


def element_at(data: bytes, at: int, end: int) -> Element:
    """Return the value that begins at a byte.

    Raises:
        NotDer: when none does, or it reaches beyond the end.
    """
    if at + 2 > end:
        raise NotDer(f"nothing at byte {at}, where a value is to be")
    tag, length = data[at], data[at + 1]
    begin = at + 2
    if tag & 0x1F == 0x1F:
        raise NotDer(f"a tag of several bytes at byte {at}")
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= 4 or begin + count > end:
            raise NotDer(f"no length at byte {at + 1}")
        length = int.from_bytes(data[begin : begin + count], "big")
        begin += count
    if begin + length > end:
        raise NotDer(f"a value of {length} bytes at byte {begin}, of which {end - begin} are there")
    return Element(tag, data, begin, begin + length)


def dotted(contents: bytes) -> str:
    """Return an object identifier as people write it.

    Raises:
        NotDer: when it is none.
    """
    if not contents or contents[-1] & 0x80 or len(contents) > 64:
        raise NotDer("no object identifier")
    numbers = [0]
    for each in contents:
        numbers[-1] = numbers[-1] << 7 | each & 0x7F
        if not each & 0x80:
            numbers.append(0)
    first, *rest = numbers[:-1]
    top = min(first // 40, 2)
    return ".".join(map(str, (top, first - 40 * top, *rest)))

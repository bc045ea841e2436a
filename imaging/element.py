"""XML as it was read: elements that keep everything, and reading and writing them.

Nothing of a document is interpreted here, so that what osdimage does not know is written again as it was.  Kept are
names, attributes with their order, text, comments inside the root, and the order of children.  Space between elements
is layout and is not kept, nor is what stands outside the root.

Documents are those of strangers: a document type, and with it every entity and every reference to another file, is
refused; size and depth are limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.parsers import expat

from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.units import MIB, format_size

__all__ = ["Comment", "Element"]

MAX_BYTES = 32 * MIB
MAX_DEPTH = 100
MAX_ELEMENTS = 500_000
"""The largest sequences have a tenth of it; each takes some hundred bytes of memory."""

_DECLARED = re.compile(r"""\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""", re.ASCII)
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]{0,300}\?>", re.ASCII)
# XML 1.0, section 2.2: what a document may hold.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENCODINGS = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1", "windows-1252"})


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment."""

    text: str


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a document.

    Attributes:
        tag: its name, with the prefix of a namespace if it has one.
        attributes: names and values in their order.
        content: children, comments and text in their order.
    """

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    content: tuple[Element | Comment | str, ...] = ()

    def get(self, name: str) -> str | None:
        """Return the value of an attribute, or None."""
        return next((value for key, value in self.attributes if key == name), None)

    @property
    def children(self) -> tuple[Element, ...]:
        """The elements inside."""
        return tuple(each for each in self.content if isinstance(each, Element))

    def child(self, tag: str) -> Element | None:
        """Return the first child of this name, or None."""
        return next((each for each in self.children if each.tag == tag), None)

    @property
    def text(self) -> str:
        """The text directly inside."""
        return "".join(each for each in self.content if isinstance(each, str))

    def walk(self) -> Iterator[Element]:
        """Return this element and all that are inside, in the order of the document."""
        yield self
        for each in self.children:
            yield from each.walk()


def make(tag: str, attributes: dict[str, str | None] | None = None, *content: Element | Comment | str) -> Element:
    """Make an element; attributes that are None are left out, and empty text too."""
    kept = tuple((key, value) for key, value in (attributes or {}).items() if value is not None)
    return Element(tag, kept, tuple(each for each in content if each != ""))


def read_element(data: bytes, *, source: str) -> Element:
    """Read a document in UTF-8, UTF-16, or an encoding of one byte that it declares.

    Raises:
        InvalidInput: when it is not well-formed, has a document type, or is too large or too deep.  The message quotes
            nothing of it: it may hold secrets.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{source} is larger than {format_size(MAX_BYTES)}")
    text = _DECLARATION.sub("", _decode(data, source), count=1)
    reader = _Reader(source)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.CommentHandler = reader.comment
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(text.encode("utf-8"), True)  # noqa: FBT003 - expat names it only by its place
    except expat.ExpatError as error:
        why = expat.ErrorString(error.code)
        raise InvalidInput(f"{source}, line {error.lineno}: not well-formed XML: {why}") from None
    except UnicodeEncodeError:
        raise InvalidInput(f"{source} holds half a character") from None
    return reader.root()


def _decode(data: bytes, source: str) -> str:
    """Return the text; what a byte order mark says wins over what is declared."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
    elif data[:2] in {b"<\0", b"\0<"}:
        encoding = "utf-16-le" if data[0] else "utf-16-be"
    else:
        # ConfigMgr declares utf-16 in text that then is stored as UTF-8.
        match = _DECLARED.match(data[:400].decode("latin-1"))
        declared = "utf-8" if match is None else match[1].lower()
        encoding = "utf-8-sig" if declared in {"utf-8", "utf-16"} else declared
        if encoding != "utf-8-sig" and encoding not in _ENCODINGS:
            raise InvalidInput(f"{source} declares the encoding {declared}; valid are UTF-8 and UTF-16")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise InvalidInput(f"{source} is not text in {encoding.removesuffix('-sig').upper()}") from None


class _Reader:
    """Builds the elements while expat reads."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._count = 0
        self._open: list[tuple[str, tuple[tuple[str, str], ...], list[Element | Comment | str]]] = []
        self._root: Element | None = None

    def start(self, tag: str, pairs: list[str]) -> None:
        self._count += 1
        if len(self._open) == MAX_DEPTH:
            raise InvalidInput(f"{self._source}: elements are more than {MAX_DEPTH} deep")
        if self._count > MAX_ELEMENTS:
            raise InvalidInput(f"{self._source} has more than {MAX_ELEMENTS:,} elements")
        self._open.append((tag, tuple(zip(pairs[::2], pairs[1::2], strict=True)), []))

    def end(self, tag: str) -> None:
        del tag
        name, attributes, content = self._open.pop()
        if any(isinstance(each, Element) for each in content):
            content = [each for each in content if not isinstance(each, str) or each.strip()]
        element = Element(name, attributes, tuple(content))
        if self._open:
            self._open[-1][2].append(element)
        else:
            self._root = element

    def text(self, text: str) -> None:
        if not self._open:
            return
        content = self._open[-1][2]
        if content and isinstance(content[-1], str):
            content[-1] += text
        else:
            content.append(text)

    def comment(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(Comment(text))

    def refuse(self, *_: object) -> None:
        raise InvalidInput(
            f"{self._source} declares a document type; valid is a document without one: entities are refused"
        )

    def root(self) -> Element:
        if self._root is None:
            raise InvalidInput(f"{self._source} is empty")
        return self._root


def write_element(element: Element) -> bytes:
    """Write a document in UTF-8.

    Raises:
        InvalidRequest: when a text holds a character that XML has no way to write.
    """
    lines = ['<?xml version="1.0" encoding="utf-8"?>\n']
    _write(element, 0, lines)
    text = "".join(lines)
    if (wrong := FORBIDDEN.search(text)) is not None:
        raise InvalidRequest(f"XML cannot hold the character U+{ord(wrong[0]):04X}")
    return text.encode("utf-8")


def _write(element: Element, depth: int, out: list[str]) -> None:
    attributes = "".join(f' {name}="{escape_xml(value, in_attribute=True)}"' for name, value in element.attributes)
    out.append(f"{'  ' * depth}<{element.tag}{attributes}")
    if not element.content:
        out.append(" />\n")
        return
    if any(isinstance(each, str) for each in element.content):
        # Text is kept to the letter, so nothing is indented beside it.
        out.append(">" + "".join(map(_flat, element.content)) + f"</{element.tag}>\n")
        return
    out.append(">\n")
    for each in element.content:
        if isinstance(each, Element):
            _write(each, depth + 1, out)
        else:
            out.append(f"{'  ' * (depth + 1)}{_flat(each)}\n")
    out.append(f"{'  ' * depth}</{element.tag}>\n")


def _flat(item: Element | Comment | str) -> str:
    if isinstance(item, str):
        return escape_xml(item)
    if isinstance(item, Comment):
        if "--" in item.text or item.text.endswith("-"):
            raise InvalidRequest("a comment in XML cannot hold --")
        return f"<!--{item.text}-->"
    attributes = "".join(f' {name}="{escape_xml(value, in_attribute=True)}"' for name, value in item.attributes)
    return f"<{item.tag}{attributes}>" + "".join(map(_flat, item.content)) + f"</{item.tag}>"


def escape_xml(text: str, *, in_attribute: bool = False) -> str:
    """Return a text as it stands in a document, so that it is read back to the character."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    if in_attribute:
        text = text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return text


def with_child(parent: Element, child: Element) -> Element:
    """Return the parent with one more child at its end."""
    return replace(parent, content=(*parent.content, child))

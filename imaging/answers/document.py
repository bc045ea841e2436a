"""An XML document that is changed in places and otherwise written as it was read.

Kept are prefixes and where they are declared, attributes with their order, every character of texts and of the space
between elements, comments and processing instructions, those outside the root too: the canonical form of what is
written is that of what was read, but for what was changed.  Sections of CDATA come out as text, which means the same.

Read is what Windows' own readers take: the declaration begins the file, the encoding is the one that it tells, and
names are right by "Namespaces in XML 1.0".  Documents are those of strangers: a document type, and with it every
entity, is refused; size and depth are limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

from osdimage.imaging.element import FORBIDDEN, MAX_DEPTH, escape_xml
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.units import MIB, format_size

MAX_BYTES = 8 * MIB
"""More than any answer file has."""

XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"
_DECLARED = re.compile(r"""<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""", re.ASCII)
# What Windows' readers take besides UTF, by the names that they know.
_CODE_PAGES = frozenset(
    {
        *("us-ascii", "ascii", "koi8-r", "koi8-u", "shift_jis", "euc-jp", "gb2312", "gbk", "gb18030", "big5", "euc-kr"),
        *(f"windows-125{number}" for number in range(9)),
        *(f"iso-8859-{number}" for number in (*range(1, 10), 13, 15)),
    }
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# Cannot be in a document, so that it separates a namespace from a name whatever they hold.
_SEPARATOR = "\x01"
_INDENT = "    "


class Name(NamedTuple):
    """A name with its namespace, which is empty for none."""

    namespace: str
    local: str


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A comment or a processing instruction, as it stands in the document."""

    text: str


@dataclass(slots=True, eq=False)
class Node:
    """An element.

    Attributes:
        tag: its name as it is written, with a prefix or without.
        attributes: as they are written, declarations of namespaces among them, in their order.
        content: in its order; all space is there.
        parent: the element that it is in; None for the root.
        declared: the namespaces that its attributes declare, by their prefixes; that of the default by none.
    """

    tag: str
    attributes: list[tuple[str, str]] = field(default_factory=list)
    content: list[Node | Verbatim | str] = field(default_factory=list)
    parent: Node | None = None
    declared: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Note the namespaces that are declared here: they are looked up for every name below."""
        self.declared = {
            key.partition(":")[2]: value for key, value in self.attributes if key.partition(":")[0] == "xmlns"
        }

    @property
    def name(self) -> Name:
        """Its name."""
        prefix, _, local = self.tag.rpartition(":")
        return Name(self.namespace_of(prefix) or "", local)

    @property
    def children(self) -> tuple[Node, ...]:
        """The elements inside."""
        return tuple(each for each in self.content if isinstance(each, Node))

    @property
    def text(self) -> str:
        """The text directly inside."""
        return "".join(each for each in self.content if isinstance(each, str))

    @property
    def named_attributes(self) -> dict[Name, str]:
        """The attributes by their names, without declarations of namespaces."""
        found = {}
        for key, value in self.attributes:
            prefix, _, local = key.rpartition(":")
            if key != "xmlns" and prefix != "xmlns":
                found[Name(self.namespace_of(prefix) or "" if prefix else "", local)] = value
        return found

    def get(self, local: str) -> str | None:
        """Return the value of an attribute that is in no namespace, or None."""
        return next((value for key, value in self.attributes if key == local), None)

    def all(self, name: Name) -> list[Node]:
        """Return the children of a name."""
        return [each for each in self.children if each.name == name]

    def child(self, name: Name) -> Node | None:
        """Return the first child of a name, or None."""
        return next(iter(self.all(name)), None)

    def walk(self) -> Iterator[Node]:
        """Yield this element and all that are inside, in the order of the document."""
        yield self
        for each in self.children:
            yield from each.walk()

    def namespace_of(self, prefix: str) -> str | None:
        """Return the namespace that a prefix stands for here, or None; an empty prefix is the default."""
        node: Node | None = self
        while node is not None:
            if prefix in node.declared:
                return node.declared[prefix]
            node = node.parent
        return XML_NAMESPACE if prefix == "xml" else None

    # ---- changing

    def add(
        self, name: Name, attributes: dict[Name, str] | None = None, *, prefer: dict[str, str] | None = None
    ) -> Node:
        """Add an element behind all others, on a line of its own where the others have one.

        Args:
            name: its name; its prefix is one that stands for the namespace here, or none, declared if need be.
            attributes: by their names.
            prefer: prefixes for namespaces that are not declared yet.
        """
        made = Node("", parent=self)
        made.tag = made._spelled(name, {}, is_attribute=False)
        for key, value in (attributes or {}).items():
            made.attributes.append((made._spelled(key, prefer or {}, is_attribute=True), value))
        self._place(made)
        return made

    def set_text(self, text: str) -> None:
        """Make a text the only content."""
        self.content = [text] if text else []

    def remove(self, child: Node) -> None:
        """Take a child out, with the space before it."""
        at = next(index for index, each in enumerate(self.content) if each is child)
        before = self.content[at - 1] if at else None
        start = at - 1 if isinstance(before, str) and not before.strip() else at
        del self.content[start : at + 1]
        child.parent = None

    def _spelled(self, name: Name, prefer: dict[str, str], *, is_attribute: bool) -> str:
        """Return a name as it is written here; a namespace that has no prefix yet is declared."""
        namespace, local = name
        if not is_attribute and (self.namespace_of("") or "") == namespace:
            return local
        if not namespace:
            if not is_attribute:
                self._declare("", "")
            return local
        for prefix in self._prefixes():
            if prefix and self.namespace_of(prefix) == namespace:
                return f"{prefix}:{local}"
        if not is_attribute:
            self._declare("", namespace)
            return local
        wanted = [prefer[namespace]] if namespace in prefer else []
        prefix = next(
            each
            for each in (*wanted, *(f"ns{number}" for number in range(len(self._prefixes()) + 1)))
            if self.namespace_of(each) is None
        )
        self._declare(prefix, namespace)
        return f"{prefix}:{local}"

    def _declare(self, prefix: str, namespace: str) -> None:
        self.attributes.append((f"xmlns:{prefix}" if prefix else "xmlns", namespace))
        self.declared[prefix] = namespace

    def _prefixes(self) -> list[str]:
        """Return every prefix that is declared here or above, the nearest first."""
        found = ["xml"]
        node: Node | None = self
        while node is not None:
            found += [prefix for prefix in node.declared if prefix]
            node = node.parent
        return found

    def _place(self, made: Node) -> None:
        """Put a new child behind the others."""
        last = self.content[-1] if self.content else None
        has_children = any(isinstance(each, Node) for each in self.content)
        if has_children:
            first = next(index for index, each in enumerate(self.content) if isinstance(each, Node))
            before = _space(self.content[first - 1]) if first else ""
        else:
            here = self._space_before()
            before = f"{here}{_INDENT}" if here else ""
        if isinstance(last, str) and not last.strip() and before:
            # The space at the end goes before the end tag again.
            self.content[-1:] = [before, made, last if has_children else self._space_before()]
        elif has_children or not before:
            self.content += [before, made] if before else [made]
        else:
            self.content += [before, made, self._space_before()]

    def _space_before(self) -> str:
        """Return the space between this element and what is before it, from its last line end on; or nothing."""
        if self.parent is None:
            return "\n"
        at = next((index for index, each in enumerate(self.parent.content) if each is self), 0)
        return _space(self.parent.content[at - 1]) if at else ""


def _space(item: Node | Verbatim | str) -> str:
    text = item if isinstance(item, str) and not item.strip() else ""
    return "\n" + text.rpartition("\n")[2] if "\n" in text else text


@dataclass(slots=True, eq=False)
class Document:
    """A document.

    Attributes:
        root: its root.
        before, after: comments and processing instructions outside the root.
    """

    root: Node
    before: list[Verbatim] = field(default_factory=list)
    after: list[Verbatim] = field(default_factory=list)


# ---- reading


def read_document(data: bytes, *, source: str) -> Document:
    """Read a document in UTF-8 or UTF-16, or in a code page that it declares.

    Raises:
        InvalidInput: when it is not well-formed, is not in the encoding that it declares, has a document type, or is
            too large or too deep.  The message quotes nothing of it: it may hold secrets.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{source} is larger than {format_size(MAX_BYTES)}, which no answer file is")
    text = _decode(data, source)
    builder = _Builder(source)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.XmlDeclHandler = builder.declaration
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.CommentHandler = builder.comment
    parser.ProcessingInstructionHandler = builder.instruction
    parser.StartDoctypeDeclHandler = builder.refuse
    try:
        encoded = text.encode("utf-8")
        parser.Parse(encoded, True)  # noqa: FBT003 - expat names it only by its place
        # Once more, by the rules of namespaces: it reports names without their prefixes then.
        expat.ParserCreate("utf-8", _SEPARATOR).Parse(encoded, True)  # noqa: FBT003 - as above
    except expat.ExpatError as error:
        why = expat.ErrorString(error.code)
        raise InvalidInput(f"{source}, line {error.lineno}: not well-formed XML: {why}") from None
    except UnicodeEncodeError:
        raise InvalidInput(f"{source} holds half a character") from None
    return builder.document()


def _decode(data: bytes, source: str) -> str:
    """Return the text with its declaration; the encoding is what both a byte order mark and the declaration say."""
    mark, encoding = next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", None))
    if encoding is None and data[:2] in {b"<\0", b"\0<"}:
        encoding = "utf-16-le" if data[0] else "utf-16-be"
    plain = data[len(mark) :]
    start = plain[:800].decode(encoding or "latin-1", "replace")
    match = _DECLARED.match(start)
    declared = None if match is None else match[1].lower()
    if declared is not None and declared not in {"utf-8", "utf-16", *_CODE_PAGES}:
        raise InvalidInput(f"{source} declares the encoding {declared}; valid are UTF-8 and UTF-16")
    if encoding is None:
        encoding = declared or "utf-8"
    elif declared is not None and declared != encoding[:6]:
        raise InvalidInput(f"{source} is in {encoding[:6].upper()}, but declares the encoding {declared}")
    if encoding == "utf-16":
        raise InvalidInput(f"{source} declares the encoding utf-16, but is not in it; valid is utf-8 there")
    try:
        text = plain.decode(encoding)
    except UnicodeDecodeError:
        raise InvalidInput(f"{source} is not text in {encoding.upper()}") from None
    if text.startswith("\ufeff"):
        # Expat would take it for the mark of what it is given.
        raise InvalidInput(f"{source}, line 1: not well-formed XML: a second byte order mark")
    return text


class _Builder:
    """Builds the document while expat reads."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._here: Node | None = None
        self._depth = 0
        self._root: Node | None = None
        self._before: list[Verbatim] = []
        self._after: list[Verbatim] = []

    def declaration(self, version: str, _encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            raise InvalidInput(f"{self._source} declares another version of XML; valid is 1.0")

    def start(self, tag: str, pairs: list[str]) -> None:
        if self._depth == MAX_DEPTH:
            raise InvalidInput(f"{self._source}: elements are more than {MAX_DEPTH} deep")
        made = Node(tag, list(zip(pairs[::2], pairs[1::2], strict=True)), parent=self._here)
        if self._here is None:
            self._root = made
        else:
            self._here.content.append(made)
        self._here = made
        self._depth += 1

    def end(self, _tag: str) -> None:
        if self._here is not None:
            self._here = self._here.parent
            self._depth -= 1

    def text(self, text: str) -> None:
        if self._here is None:
            return
        content = self._here.content
        if content and isinstance(content[-1], str):
            content[-1] += text
        else:
            content.append(text)

    def comment(self, text: str) -> None:
        self._verbatim(f"<!--{text}-->")

    def instruction(self, target: str, data: str) -> None:
        self._verbatim(f"<?{target} {data}?>" if data else f"<?{target}?>")

    def refuse(self, *_: object) -> None:
        raise InvalidInput(f"{self._source} declares a document type; an answer file has none: entities are refused")

    def document(self) -> Document:
        if self._root is None:
            raise InvalidInput(f"{self._source} is empty")
        return Document(self._root, self._before, self._after)

    def _verbatim(self, text: str) -> None:
        if self._here is not None:
            self._here.content.append(Verbatim(text))
        else:
            (self._before if self._root is None else self._after).append(Verbatim(text))


# ---- writing


def write_document(document: Document) -> bytes:
    """Return a document in UTF-8, with a declaration as Windows' own tools write it.

    Raises:
        InvalidRequest: when a text holds a character that XML has no way to write.
    """
    pieces = ['<?xml version="1.0" encoding="utf-8"?>\n', *(f"{each.text}\n" for each in document.before)]
    _write(document.root, pieces)
    pieces += ["\n", *(f"{each.text}\n" for each in document.after)]
    text = "".join(pieces)
    if (wrong := FORBIDDEN.search(text)) is not None:
        raise InvalidRequest(f"XML cannot hold the character U+{ord(wrong[0]):04X}")
    return text.encode("utf-8")


def _write(node: Node, out: list[str]) -> None:
    attributes = "".join(f' {key}="{escape_xml(value, in_attribute=True)}"' for key, value in node.attributes)
    if not node.content:
        out.append(f"<{node.tag}{attributes} />")
        return
    out.append(f"<{node.tag}{attributes}>")
    for each in node.content:
        if isinstance(each, Node):
            _write(each, out)
        else:
            out.append(each.text if isinstance(each, Verbatim) else escape_xml(each))
    out.append(f"</{node.tag}>")

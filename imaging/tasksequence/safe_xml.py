"""Reading XML that others wrote: no document type, so no entities that could grow without bound or name files."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from xml.parsers import expat

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.units import MIB, format_size

LARGEST = 8 * MIB
_DEEPEST = 100


def parse_xml(data: bytes, *, source: str) -> ET.Element:
    """Return the root of a document, with its comments.

    Raises:
        InvalidInput: when it is not well-formed, declares a document type or an encoding that is not known, or is
            larger or deeper than such a file ever is.  The message does not quote the document, which may hold secrets.
    """
    if len(data) > LARGEST:
        raise InvalidInput(f"{source}: is larger than {format_size(LARGEST)}")
    builder = ET.TreeBuilder(insert_comments=True)
    depth = 0
    parser = expat.ParserCreate(namespace_separator="}")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise InvalidInput(f"{source}: its elements are more than {_DEEPEST} deep")
        builder.start(_braced(name), {_braced(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_braced(name))

    def refuse(*_: object) -> None:
        raise InvalidInput(f"{source}: declares a document type; only plain XML is read")

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    # Comments outside of the root have no place in the tree.
    parser.CommentHandler = lambda text: builder.comment(text) if depth else None
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat names it only by its place
    except expat.ExpatError as error:
        raise InvalidInput(f"{source}: is not well-formed XML: {error}") from error
    except (LookupError, ValueError) as error:
        raise InvalidInput(f"{source}: is in an encoding that is not known") from error
    return builder.close()


def _braced(name: str) -> str:
    return "{" + name if "}" in name else name

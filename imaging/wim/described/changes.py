"""Changing the XML document of a WIM; what is not understood stays as it is."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.wim.described import info
from osdimage.imaging.wim.described.properties import ImageProperties


def encode(root: ET.Element) -> bytes:
    """Return the document as it stands in a file."""
    return b"\xff\xfe" + ET.tostring(root, encoding="unicode").encode("utf-16-le")


def set_text(element: ET.Element, where: str, value: str) -> None:
    """Set the text of an element below another, making or (for an empty text) removing it."""
    parent = element
    *above, last = where.split("/")
    for name in above:
        found = parent.find(name)
        parent = ET.SubElement(parent, name) if found is None else found
    found = parent.find(last)
    if value:
        (ET.SubElement(parent, last) if found is None else found).text = value
    elif found is not None:
        parent.remove(found)


def set_properties_of(element: ET.Element, properties: ImageProperties) -> None:
    """Set what is to be set of an image."""
    for where, value in properties.by_element().items():
        set_text(element, where, value)


def refuse_equal_names(path: object, elements: Sequence[ET.Element]) -> None:
    """Refuse two images of one name.

    Raises:
        InvalidRequest: which names it.
    """
    names = [element.findtext("NAME") or "" for element in elements]
    for name in names:
        if name and names.count(name) > 1:
            raise InvalidRequest(f"{path}: an image named {name!r} is already there; choose another name")


def of_images(root: ET.Element, indexes: Sequence[int]) -> ET.Element | None:
    """Return a document of some images, with the numbers that they have there; None when one has no element."""
    elements = info.elements_by_index(root)
    made = ET.Element("WIM")
    ET.SubElement(made, "TOTALBYTES").text = "0"
    for number, index in enumerate(indexes, start=1):
        element = elements.get(index)
        if element is None:
            return None
        copy = ET.fromstring(ET.tostring(element))  # noqa: S314 - the text is our own
        copy.set("INDEX", str(number))
        copy.tail = None
        made.append(copy)
    return made

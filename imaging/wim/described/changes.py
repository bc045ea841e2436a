"""Changing the XML document of a WIM; what is not understood stays as it is."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.wim.described import info
from osdimage.imaging.wim.described.elements import COUNTED, steps_of
from osdimage.imaging.wim.described.properties import ImageProperties


def encode(root: ET.Element) -> bytes:
    """Return the document as it stands in a file."""
    return b"\xff\xfe" + ET.tostring(root, encoding="unicode").encode("utf-16-le")


def set_text(element: ET.Element, where: str, value: str) -> None:
    """Set the text of an element below another, making or (for an empty text) removing it.

    Args:
        element: of the image.
        where: a path, in which ``[2]`` behind a name is the second of that name.
        value: the text.

    Raises:
        InvalidRequest: when there are not as many as that, or the element holds others and no text.
    """
    parent, steps = element, steps_of(where)
    for name, number in steps[:-1]:
        found = _child(parent, name, number)
        if found is None and not value:
            return
        parent = _made(parent, where, name, number) if found is None else found
    name, number = steps[-1]
    found = _child(parent, name, number)
    if not value:
        if found is not None:
            parent.remove(found)
        return
    if found is not None and len(found):
        inside = found[0].tag
        raise InvalidRequest(f"{where} holds other elements and no text; name one of them, such as {where}/{inside}")
    (_made(parent, where, name, number) if found is None else found).text = value


def _child(parent: ET.Element, name: str, number: int) -> ET.Element | None:
    found = [each for each in parent if each.tag == name]
    return found[number - 1] if len(found) >= number else None


def _made(parent: ET.Element, where: str, name: str, number: int) -> ET.Element:
    """Make the element that follows those of its name."""
    there = sum(each.tag == name for each in parent)
    if number != there + 1:
        raise InvalidRequest(f"{where}: there is no {name}[{number - 1}]; the next one is {name}[{there + 1}]")
    return ET.SubElement(parent, name)


def set_properties_of(element: ET.Element, properties: ImageProperties) -> None:
    """Set what is to be set of an image."""
    for where, value in properties.by_element().items():
        set_text(element, where, value)


def refuse_unsettable(properties: ImageProperties) -> None:
    """Refuse what cannot be set of a new image: what is counted then, and a second element without a first.

    Raises:
        InvalidRequest: that says so.
    """
    for path, _ in properties.elements:
        if path in COUNTED:
            raise InvalidRequest(f"{path} is told by the files that are captured; it can be changed afterwards")
    set_properties_of(ET.Element("IMAGE"), properties)


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

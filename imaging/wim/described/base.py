"""Which WIMs an image of a delta was based on, noted in its XML.

The format itself says nothing of them: without a note whoever has a delta alone cannot know what else to look for.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osdimage.imaging.wim.described.properties import is_storable

BASE_ELEMENT = "OSDIMAGE/BASE"
# A delta has one base or a few; an image that notes more was not made by osdimage.
_MOST_BASES = 100


@dataclass(frozen=True, slots=True)
class NotedBase:
    """A WIM that an image was based on.

    Attributes:
        name: of its file then.
        guid: of the WIM; other programs give it a new one when they write it anew.
    """

    name: str
    guid: str


def bases_of(element: ET.Element) -> tuple[NotedBase, ...]:
    """Return what the element of an image notes."""
    found = element.findall(BASE_ELEMENT)[:_MOST_BASES]
    return tuple(NotedBase(each.findtext("NAME") or "", each.findtext("GUID") or "") for each in found)


def note_bases(element: ET.Element, bases: Sequence[NotedBase]) -> None:
    """Note bases in the element of an image, in place of those that are there."""
    above, last = BASE_ELEMENT.split("/")
    own = element.find(above)
    if own is None:
        own = ET.SubElement(element, above)
    for each in own.findall(last):
        own.remove(each)
    for base in bases:
        made = ET.SubElement(own, last)
        ET.SubElement(made, "NAME").text = _storable(base.name)
        ET.SubElement(made, "GUID").text = base.guid
    if not len(own):
        element.remove(own)


def base_properties(bases: Sequence[NotedBase]) -> Iterator[tuple[str, str]]:
    """Yield the same note as paths of elements, as libwim takes them, and their texts."""
    for number, base in enumerate(bases, start=1):
        yield f"{BASE_ELEMENT}[{number}]/NAME", _storable(base.name)
        yield f"{BASE_ELEMENT}[{number}]/GUID", base.guid


def _storable(text: str) -> str:
    return "".join(each if is_storable(each) else "?" for each in text) or "?"

"""What can be said of an image: name, description, creator, version; lengths as ConfigMgr's variables have them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest

# Elements that osdimage adds to the XML of an image; other programs keep them and pass them on.
CREATOR_PROPERTY = "OSDIMAGE/CREATOR"
VERSION_PROPERTY = "OSDIMAGE/VERSION"
DISK_ELEMENT = "OSDIMAGE/DISK"

# Longest values.  OSDImageCreator and OSDImageDescription 1-255, OSDImageVersion 1-32 characters ("OSD in Configuration
# Manager 2007", task sequence action variables, Capture Operating System Image); the name as the description.
_LIMITS = {"name": 255, "description": 255, "creator": 255, "image version": 32}
# Control characters, lone surrogates, and the separators of lines and paragraphs, which end a line as well.
_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}
_NO_CHAR = "\ufffe\uffff"


def is_storable(text: str) -> bool:
    """Tell whether the XML of a WIM can hold a text: no control characters but tabs, no lone surrogates.

    These and two more are what ``Char`` leaves out (XML 1.0, section 2.2); line ends, which it has, are refused too:
    the texts are of one line.
    """
    return all(
        character == "\t" or (unicodedata.category(character) not in _NO_TEXT and character not in _NO_CHAR)
        for character in text
    )


@dataclass(frozen=True, slots=True)
class ImageProperties:
    """Text to store with an image; None leaves what is there, and an empty string removes it (a name stays, empty).

    Attributes:
        name: of the image, unique in its WIM unless empty.
        description: free text.
        creator: who made it (OSDImageCreator).
        image_version: its version (OSDImageVersion).
    """

    name: str | None = None
    description: str | None = None
    creator: str | None = None
    image_version: str | None = None

    def __post_init__(self) -> None:
        """Check lengths and characters.

        Raises:
            InvalidRequest: which names the text and what would be valid.
        """
        for what, value in zip(_LIMITS, (self.name, self.description, self.creator, self.image_version), strict=True):
            if value is None:
                continue
            if len(value) > _LIMITS[what]:
                raise InvalidRequest(f"the {what} has {len(value)} characters; at most {_LIMITS[what]} are allowed")
            if not is_storable(value):
                raise InvalidRequest(
                    f"the {what} {value!r} holds control characters or parts of characters; only text can be stored"
                )

    def by_element(self) -> dict[str, str]:
        """Return the values that are given, by the path of their XML element."""
        values = {
            "NAME": self.name,
            "DESCRIPTION": self.description,
            CREATOR_PROPERTY: self.creator,
            VERSION_PROPERTY: self.image_version,
        }
        return {element: value for element, value in values.items() if value is not None}

"""What can be said of an image: name, description, creator, version, as long as ConfigMgr's variables; and more."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.wim.described.elements import CREATOR_PROPERTY, VERSION_PROPERTY, check_element

# Longest values.  OSDImageCreator and OSDImageDescription 1-255, OSDImageVersion 1-32 characters ("OSD in Configuration
# Manager 2007", task sequence action variables, Capture Operating System Image); the name as the description.
_LIMITS = {"name": 255, "description": 255, "creator": 255, "image version": 32}
_OF_FIELDS = {"NAME": "name", "DESCRIPTION": "description", CREATOR_PROPERTY: "creator", VERSION_PROPERTY: "version"}
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
        elements: texts of other elements of its XML by their paths, such as ``WINDOWS/INSTALLATIONTYPE`` or
            ``WINDOWS/LANGUAGES/LANGUAGE[2]``; they are set in this order.
    """

    name: str | None = None
    description: str | None = None
    creator: str | None = None
    image_version: str | None = None
    elements: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Check lengths, characters and paths.

        Raises:
            InvalidRequest: which names the text and what would be valid.
        """
        for what, value in zip(_LIMITS, (self.name, self.description, self.creator, self.image_version), strict=True):
            if value is None:
                continue
            if len(value) > _LIMITS[what]:
                raise InvalidRequest(f"the {what} has {len(value)} characters; at most {_LIMITS[what]} are allowed")
            _refuse_unstorable(what, value)
        for path, value in self.elements:
            if path in _OF_FIELDS:
                raise InvalidRequest(f"{path} is set as the {_OF_FIELDS[path]}, not as an element")
            _refuse_unstorable(path, value)
            check_element(path, value)

    def by_element(self) -> dict[str, str]:
        """Return the values that are given, by the path of their XML element."""
        values = {
            "NAME": self.name,
            "DESCRIPTION": self.description,
            CREATOR_PROPERTY: self.creator,
            VERSION_PROPERTY: self.image_version,
        }
        return {element: value for element, value in values.items() if value is not None} | dict(self.elements)


def _refuse_unstorable(what: str, value: str) -> None:
    if not is_storable(value):
        raise InvalidRequest(
            f"the {what} {value!r} holds control characters or parts of characters; only text can be stored"
        )

"""What can be said of an image: name, description, creator, version; lengths as ConfigMgr's variables have them."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.wim.elements import CREATOR_PROPERTY, VERSION_PROPERTY

# Longest values.  OSDImageCreator and OSDImageDescription 1-255, OSDImageVersion 1-32 characters ("OSD in Configuration
# Manager 2007", task sequence action variables, Capture Operating System Image); the name as the description.
_LIMITS = {"name": 255, "description": 255, "creator": 255, "image version": 32}


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
            if any(not (character.isprintable() or character == "\t") for character in value):
                raise InvalidRequest(f"the {what} {value!r} holds control characters, which XML cannot store")

    def by_element(self) -> dict[str, str]:
        """Return the values that are given, by the path of their XML element."""
        values = {
            "NAME": self.name,
            "DESCRIPTION": self.description,
            CREATOR_PROPERTY: self.creator,
            VERSION_PROPERTY: self.image_version,
        }
        return {element: value for element, value in values.items() if value is not None}

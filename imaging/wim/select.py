"""Choosing one image of a WIM.

Index numbers differ between languages and builds of the same medium, so an image can also be chosen by what it is:
edition, architecture, language.  A selector fits exactly one image or is an error that lists the images; it never takes
the first of several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from osdimage.imaging.errors import ImageNotFound, InvalidRequest
from osdimage.imaging.units import counted
from osdimage.imaging.wim.described.info import ImageInfo, WindowsInfo

# Other names for the architectures, as Windows, its tools and Linux spell them.
_ALIASES = {"amd64": "x64", "x86_64": "x64", "i386": "x86", "i686": "x86", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class ImageSelector:
    """What the image must be.  Every attribute that is given must fit; text is compared without case.

    Attributes:
        index: position, from 1 on, or backwards from -1 for the last; not together with the others.
        name: the image's name or display name.
        edition: the edition, such as ``Professional`` (EDITIONID, or FLAGS where that is missing).
        architecture: ``x86``, ``x64`` (or ``amd64``), ``arm``, ``arm64``, ``ia64``.
        language: one of the languages, such as ``en-US``.
    """

    index: int | None = None
    name: str | None = None
    edition: str | None = None
    architecture: str | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        """Refuse an index together with a query."""
        if self.index is not None and len(self._given()) > 1:
            raise InvalidRequest("choose an image by its index, or by name, edition, architecture and language")

    def _given(self) -> dict[str, object]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def __str__(self) -> str:
        """Describe the selector for people."""
        return ", ".join(f"{name} {value}" for name, value in self._given().items()) or "the only image"

    def fits(self, image: ImageInfo) -> bool:
        """Tell whether an image is what the selector asks for, but for an index that counts from the end.

        An empty selector fits every image.
        """
        windows = image.windows
        return (
            self.index in {None, image.index}
            and (self.name is None or _same(self.name, image.name, image.display_name))
            and (self.edition is None or _same(self.edition, windows.edition if windows else None, image.flags))
            and (self.architecture is None or _same_architecture(self.architecture, windows))
            and (self.language is None or (windows is not None and _same(self.language, *windows.languages)))
        )


def select(images: Sequence[ImageInfo], selector: ImageSelector, where: str) -> ImageInfo:
    """Return the one image that fits.

    An exact name wins over names that differ in case only.

    Raises:
        ImageNotFound: when none fits, or several do; it lists the candidates.
    """
    wanted = selector
    if selector.index is not None and selector.index < 0:
        wanted = replace(selector, index=len(images) + 1 + selector.index)
    fitting = [image for image in images if wanted.fits(image)]
    if selector.index is None and len(fitting) > 1:
        # Nobody means the bytes of a partition unless they are asked for by name.
        fitting = [image for image in fitting if not image.is_of_bytes] or fitting
    if selector.name is not None and len(fitting) > 1:
        exact = [image for image in fitting if selector.name in {image.name, image.display_name}]
        fitting = exact or fitting
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise ImageNotFound(
            f"{where}: no image fits {selector}; it has {counted(len(images), 'image')}:", candidates=_describe(images)
        )
    what = "choose one of" if selector == ImageSelector() else f"{selector} fits"
    raise ImageNotFound(f"{where}: {what} {counted(len(fitting), 'image')}:", candidates=_describe(fitting))


def _same(wanted: str, *values: str | None) -> bool:
    return any(value is not None and value.casefold() == wanted.casefold() for value in values)


def _same_architecture(wanted: str, windows: WindowsInfo | None) -> bool:
    lowered = wanted.lower()
    return windows is not None and _same(_ALIASES.get(lowered, lowered), windows.architecture)


def _describe(images: Sequence[ImageInfo]) -> list[str]:
    lines = []
    for image in images:
        windows = image.windows
        facts = [windows.edition, windows.architecture, *windows.languages] if windows else []
        facts += ["bytes of a partition"] if image.is_of_bytes else []
        known = ", ".join(fact for fact in facts if fact)
        lines.append(f"{image.index}: {image.name or '(no name)'}" + (f" ({known})" if known else ""))
    return lines

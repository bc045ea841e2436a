"""What was found of what starts a medium, and what was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from osdimage.imaging.boot.files import shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileSource
from osdimage.imaging.media.bootimage.reading import is_file
from osdimage.imaging.media.parts import table
from osdimage.imaging.media.parts.medium import MediumFile, PreparedImage, SignedBy
from osdimage.imaging.media.parts.sdi import read_sdi
from osdimage.imaging.media.parts.table import Part
from osdimage.imaging.wim.file import WimFile


@dataclass(frozen=True, slots=True)
class Startable:
    """A boot image, and the paths of its loaders."""

    image: PreparedImage
    loaders: Mapping[Firmware, str]

    @classmethod
    def of(cls, image: PreparedImage, files: FileSource) -> Startable:
        """Look which loaders an image has."""
        found: dict[Firmware, str] = {}
        for firmware, paths in table.OS_LOADERS.items():
            there = next((path for path in paths if is_file(files, path)), None)
            if there is not None:
                found[firmware] = there
        return cls(image, found)


def startable(image: PreparedImage) -> Startable:
    """Open a boot image, and look which loaders it has."""
    with WimFile.open(image.path) as wim:
        return Startable.of(image, wim.image(image.index).files())


@dataclass(frozen=True, slots=True)
class Start:
    """What starts the medium by one kind of firmware.

    Attributes:
        files: of the medium.
        missing: sentences about what is not there; empty when it starts.
        disc_image: the path of the file that starts from a disc.
        warnings: sentences for people about what is there.
        signed: what the loader is signed with.
    """

    files: tuple[MediumFile, ...]
    missing: tuple[str, ...]
    disc_image: str | None
    warnings: tuple[str, ...]
    signed: SignedBy = SignedBy.UNKNOWN


class Found:
    """What was found for one kind of firmware, and what was not."""

    def __init__(self) -> None:
        self.files: list[MediumFile] = []
        self.missing: list[str] = []
        self.warnings: list[str] = []

    def need(self, part: Part, file: MediumFile | None) -> MediumFile | None:
        """Take a part without which nothing starts."""
        if file is None:
            self.missing.append(f"{shown(part.target)}, {part.use} (in an image of Windows {shown(part.in_image[0])})")
        return self.take(file)

    def take(self, file: MediumFile | None) -> MediumFile | None:
        """Take a part when it is there."""
        if file is not None:
            self.files.append(file)
        return file

    def start(self, disc_image: str | None, signed: SignedBy = SignedBy.UNKNOWN) -> Start:
        """Return what it comes to."""
        return Start(tuple(self.files), tuple(self.missing), disc_image, tuple(self.warnings), signed)


def bytes_of(file: MediumFile) -> bytes:
    """Return what is in a file."""
    return b"".join(file.contents.pieces())


def faults_of_sdi(file: MediumFile) -> list[str]:
    """Say what is wrong with an SDI file, which is taken all the same: what takes it is not ours."""
    try:
        faults = read_sdi(bytes_of(file), name=file.origin, deep=False).faults
    except InvalidInput as error:
        return [str(error)]
    return [f"{file.origin}: {each}" for each in faults]

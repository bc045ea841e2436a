"""What words of the command line stand for: paths, sizes, compressions and names, as parameter types of click."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli.standard import STREAM
from osdimage.imaging.errors import InvalidRequest, OsdImageError

if TYPE_CHECKING:
    from osdimage.imaging.wim.compression import CompressionSpec

# Between the path of a disc and that of a file on it.
_DISC_MARK = "!"
# Of an index: no WIM has so many images.
_MOST_DIGITS = 9
NO_DASH = (
    "standard input and output are not taken here, but by capture, apply, export and deploy in the place of a WIM; ./- "
    "is a file of this name"
)


class PathType(click.Path):
    """A path that is not empty: a script's variable without a value must not stand for the working directory.

    Nor is it ``-``, which stands for a standard stream where a command takes one: a file of this name is ``./-``.
    """

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Refuse the empty text and ``-``."""
        if value == "":
            self.fail("the path is empty", param, ctx)
        if value == "-" and not self.allow_dash:
            self.fail(NO_DASH, param, ctx)
        return super().convert(value, param, ctx)


class StreamPathType(PathType):
    """A path, or ``-`` for the standard stream, which becomes :data:`~osdimage.cli.standard.STREAM`."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's own word is str, bytes or a path
        """Take ``-`` for the stream."""
        return STREAM if value == "-" else super().convert(value, param, ctx)


class WimPathType(PathType):
    """The path of a WIM that is there: of this machine, or on a disc, as ``DISC.iso!sources/install.wim``."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Look for it; of what is on a disc, say whether the disc is missing, or the file on it."""
        if _DISC_MARK not in os.fspath(value) or os.path.lexists(value):
            return super().convert(value, param, ctx)
        from osdimage.imaging.wim.placed.on_disc import absent, disc_path, located  # noqa: PLC0415

        place = disc_path(value)
        if place is None:
            self.fail(f"{os.fspath(value)}: {absent(value)}", param, ctx)
        try:
            located(place)
        except OSError as error:
            self.fail(f"{os.fspath(value)}: {error.strerror}", param, ctx)
        except OsdImageError:
            # What is wrong with the disc is no matter of usage: whoever opens the file says it.
            pass
        return Path(value)


def is_file(path: str) -> bool:
    """Tell whether a path leads to a file, of this machine or on a disc."""
    if _DISC_MARK not in path:
        return Path(path).is_file()
    from osdimage.imaging.wim.placed.place import is_there  # noqa: PLC0415 - start-up stays cheap

    return not Path(path).is_dir() and is_there(Path(path))


class WimOrStreamType(StreamPathType, WimPathType):
    """That, or ``-`` for the standard stream."""


class NewPathType(PathType):
    """A path of what may be made: no bare number, which is an image to those who know wimlib-imagex."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Refuse a number, unless there is something of this name."""
        if isinstance(value, str) and value.isascii() and value.isdecimal() and not os.path.lexists(value):
            said = f"{value} is a number, as images have; --index {value} chooses one, and ./{value} is a path"
            self.fail(said, param, ctx)
        return super().convert(value, param, ctx)


class NewDiskType(PathType):
    """The path of a disk that may be made: nothing among the devices, where who names one has missed the one meant."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Refuse a device that is not there, in whose place a file would be made in memory."""
        folder = Path(value).absolute().parent.resolve()
        among = folder.is_relative_to("/dev") and not folder.is_relative_to("/dev/shm")  # noqa: S108 - a folder of files
        if among and not os.path.lexists(value):
            self.fail(f"{os.fspath(value)!r} is no device that is there; valid is one of those of lsblk", param, ctx)
        return super().convert(value, param, ctx)


class NewFileType(NewDiskType):
    """The path of a file that may be made: no folder, as a slash at the end says, which a ``Path`` forgets."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Refuse a slash at the end."""
        if isinstance(value, str) and value.endswith("/"):
            self.fail(f"{value!r} is a folder; name the file in it, such as {value.rstrip('/')}/NAME", param, ctx)
        return super().convert(value, param, ctx)


class NewFileOrStreamType(NewFileType, NewPathType, StreamPathType):
    """Both, or ``-`` for the standard stream."""


EXISTING = PathType(exists=True, dir_okay=False, path_type=Path)
WIM = WimPathType(exists=True, dir_okay=False, path_type=Path)
WIM_OR_STREAM = WimOrStreamType(exists=True, dir_okay=False, path_type=Path, allow_dash=True)
PRESENT = PathType(exists=True, readable=False, path_type=Path)
FOLDER = PathType(exists=True, file_okay=False, path_type=Path)
ANY_PATH = PathType(path_type=Path)
PRESENT_OR_STREAM = StreamPathType(exists=True, readable=False, path_type=Path, allow_dash=True)
NEW_PATH = NewPathType(path_type=Path)
NEW_FILE = NewFileType(path_type=Path)
NEW_DISK = NewDiskType(path_type=Path)
NEW_FILE_OR_STREAM = NewFileOrStreamType(path_type=Path, allow_dash=True)
EXISTING_OR_STREAM = StreamPathType(exists=True, dir_okay=False, path_type=Path, allow_dash=True)
ANY_OR_STREAM = StreamPathType(path_type=Path, allow_dash=True)


class SizeType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """A size such as 512MB, in bytes."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse the text."""
        from osdimage.imaging.units import parse_size  # noqa: PLC0415 - start-up stays cheap

        if isinstance(value, int):
            return value
        try:
            return parse_size(str(value))
        except InvalidRequest as error:
            self.fail(str(error), param, ctx)


class CompressionType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """A compression such as lzx:20."""

    name = "none|xpress|lzx|lzms[:LEVEL]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> CompressionSpec:
        """Parse the text."""
        from osdimage.imaging.wim.compression import CompressionSpec  # noqa: PLC0415 - start-up stays cheap

        if isinstance(value, CompressionSpec):
            return value
        try:
            return CompressionSpec.parse(str(value))
        except InvalidRequest as error:
            self.fail(str(error), param, ctx)


class DiskSizeType(SizeType):
    """The size of a disk: 20 is more likely to be 20GB than 20 bytes."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuse a bare number that is too small for a disk."""
        size = super().convert(value, param, ctx)
        if isinstance(value, str) and value.strip().isdigit() and size < _LEAST_DISK:
            self.fail(f"{value.strip()} without a unit is bytes; did you mean {value.strip()}GB?", param, ctx)
        return size


class MemorySizeType(SizeType):
    """An amount of memory: 400 is more likely to be 400MB than 400 bytes."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuse what is too little for anything."""
        size = super().convert(value, param, ctx)
        if size < _LEAST_MEMORY:
            text = f"{str(value).strip()} is too little; the least is 1MiB, and a number without a unit is bytes"
            self.fail(text, param, ctx)
        return size


# A bare number below it is no size of a disk in bytes.
_LEAST_DISK = 1 << 20
_LEAST_MEMORY = 1 << 20
SIZE = SizeType()
DISK_SIZE = DiskSizeType()
MEMORY_SIZE = MemorySizeType()


class ImageNameType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """The name of an image, which is not empty: the image could not be chosen by it, and DISM shows it as a fault."""

    name = "text"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse the empty text."""
        if not str(value).strip():
            self.fail("an image's name is not empty", param, ctx)
        return str(value)


IMAGE_NAME = ImageNameType()


def image_number(text: str) -> int | None:
    """Return the index that a text is: from 1 on, or backwards from -1 for the last image; None when it is none."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > _MOST_DIGITS:
        return None
    return int(text) or None


class ImageIndexType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """The index of an image, from 1 on, or backwards from -1."""

    name = "integer"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuse 0, which Windows and wimlib-imagex know as all images or none."""
        number = image_number(str(value).strip())
        if number is None:
            self.fail(f"{value} is no index: images count from 1 on, or backwards from -1 for the last", param, ctx)
        return number


IMAGE_INDEX = ImageIndexType()


class PartSizeType(SizeType):
    """The size of a part of a split WIM: DISM and wimlib-imagex count in megabytes."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuse a bare number that is more likely to be megabytes."""
        size = super().convert(value, param, ctx)
        if isinstance(value, str) and value.strip().isdigit() and size < _LEAST_DISK:
            self.fail(f"{value.strip()} without a unit is bytes; did you mean {value.strip()}MB?", param, ctx)
        return size


PART_SIZE = PartSizeType()

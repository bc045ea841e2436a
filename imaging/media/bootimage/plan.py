"""What is changed in a boot image: decided first, shown, and then carried out as one update."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused, quoted
from osdimage.imaging.media.bootimage.facts import BootKind, DriverWay
from osdimage.imaging.registry.edits import registry_prefix
from osdimage.imaging.registry.in_image import edit_command
from osdimage.imaging.registry.reg_file import Edit
from osdimage.imaging.registry.values import Value
from osdimage.imaging.wim.edited.commands import AddTree, Command, DeletePath, EditFile
from osdimage.imaging.wim.entries import Entry
from osdimage.imaging.wim.image import WimImage

_PIECE = 1 << 20
_EDITED_BYTES = 64 << 20
"""A file that is there and has at most so many bytes keeps what else the image says of it: attributes, descriptor."""


class Payload(Protocol):
    """Contents that are read when they are needed."""

    @property
    def size(self) -> int:
        """Of the contents, in bytes."""

    def read(self) -> bytes:
        """Return the contents."""


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file that is put into the image.

    Attributes:
        path: in the image.
        contents: what it has, the file of this machine that has it, or what reads it.
        size: of it, in bytes.
        old_size: of the file whose place it takes; None where there is none.
        old_sha1: of that file's contents; None where it is empty, or there is none.
    """

    path: str
    contents: bytes | Path | Payload
    size: int
    old_size: int | None
    old_sha1: bytes | None = None

    @property
    def source(self) -> Path | None:
        """The file of this machine, or None when it was made."""
        return self.contents if isinstance(self.contents, Path) else None

    def read(self) -> bytes:
        """Return what it has.

        Raises:
            StorageError: when that cannot be read.
        """
        if isinstance(self.contents, bytes):
            return self.contents
        if isinstance(self.contents, Path):
            with _reading(self.contents):
                return self.contents.read_bytes()
        return self.contents.read()


@dataclass(frozen=True, slots=True)
class PlacedValue:
    """A value of a hive that is set.

    Attributes:
        hive: ``SYSTEM`` or ``SOFTWARE``.
        key: its path in the hive.
        value: what it becomes.
        old: what it was, as people read it; None where it was not there.
        new: what it becomes, as people read it.
    """

    hive: str
    key: str
    value: Value
    old: str | None
    new: str


@dataclass(frozen=True, slots=True)
class PlannedDriver:
    """A driver that the image is to have.

    Attributes:
        inf: the path of its INF in the image.
        source: where it comes from, as messages call it.
        class_name: of its device setup class.
        version: its date and version, as people read them; None when its INF has none.
        way: how it comes into effect.
        size: of its files, in bytes.
        is_new: whether the image does not have it so already.
    """

    inf: str
    source: str
    class_name: str
    version: str | None
    way: DriverWay
    size: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A driver that is not taken, and why."""

    source: str
    why: str


@dataclass(frozen=True, slots=True)
class BootPlan:
    """What is changed in an image.

    Attributes:
        index, name, kind: of the image.
        files: that are put into it.
        values: that are set in its hives.
        removed: folders that go, with all in them, before files are put there.
        warnings: what would not work as it may be meant.
        drivers: that were asked for, also those that are there already.
        left_out: drivers of what was given that are not taken.
        size, new_size: of the files of the image, now and then, in bytes before compression.
    """

    index: int
    name: str
    kind: BootKind
    files: tuple[PlacedFile, ...] = ()
    values: tuple[PlacedValue, ...] = ()
    removed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    drivers: tuple[PlannedDriver, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    size: int = 0
    new_size: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether all is as it is wanted already."""
        return not (self.files or self.values or self.removed)


def placed(image: WimImage, path: str, contents: bytes | Path | Payload) -> PlacedFile | None:
    """Return what puts a file into an image; None when one with these contents is there already.

    Raises:
        InvalidRequest: when a directory has the path, or a file or a link is where a directory is to be.
        StorageError: when the file of this machine cannot be read.
    """
    above, *_ = path.rpartition("/")
    while above:
        folder = entry_at(image, above)
        if folder is not None and (not is_directory(folder) or folder.attributes & FileAttribute.REPARSE_POINT):
            raise InvalidRequest(
                f"{image.path} image {image.index}: {quoted(above)} is a file or a link, and {quoted(path)} cannot be "
                "in it"
            )
        above, *_ = above.rpartition("/")
    there = entry_at(image, path)
    if there is not None and is_directory(there):
        raise InvalidRequest(
            f"{image.path} image {image.index}: {quoted(path)} is a directory, and no file can be there"
        )
    size, sha1 = _identity(contents)
    old = None if there is None else sum(stream.size for stream in there.streams if stream.name is None)
    if there is not None and old == size and _sha1_of(there) == (sha1 if size else None):
        return None
    return PlacedFile(path, contents, size, old, None if there is None else _sha1_of(there))


def entry_at(image: WimImage, path: str) -> Entry | None:
    """Return what is at a path of an image, whose names are compared without case; None for nothing."""
    try:
        found = image.entries(f"/{path}", recursive=False)
    except InvalidRequest:
        return None
    return found[0] if found else None


def is_directory(entry: Entry) -> bool:
    """Tell whether an entry is a directory."""
    return bool(entry.attributes & FileAttribute.DIRECTORY)


def _sha1_of(entry: Entry) -> bytes | None:
    stream = next((each for each in entry.streams if each.name is None), None)
    return None if stream is None or not stream.size else stream.sha1


def _identity(contents: bytes | Path | Payload) -> tuple[int, bytes]:
    """Return the size of contents, and their SHA-1, by which a WIM knows them."""
    found = hashlib.sha1(usedforsecurity=False)
    if not isinstance(contents, Path):
        data = contents if isinstance(contents, bytes) else contents.read()
        found.update(data)
        return len(data), found.digest()
    size = 0
    with _reading(contents), contents.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
            size += len(piece)
    return size, found.digest()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def commands_of(
    plan: BootPlan, scratch: Path, *, now: datetime | None, on_warning: Callable[[str], None]
) -> tuple[Command, ...]:
    """Return the commands that carry out a plan.

    Args:
        plan: what is changed.
        scratch: a folder for files that were made, which must stay until the WIM is written.
        now: the time of keys that are changed; None leaves all times as they are.
        on_warning: called with what is wrong with a hive.
    """
    found: list[Command] = [DeletePath(path, recursive=True) for path in plan.removed]
    found += _file_commands(plan.files, scratch)
    for hive in dict.fromkeys(each.hive for each in plan.values):
        edits = [Edit(f"{registry_prefix(hive)}\\{each.key}", each.value) for each in plan.values if each.hive == hive]
        found.append(edit_command(hive, edits, now=now, on_warning=on_warning))
    return tuple(found)


def _file_commands(files: Iterable[PlacedFile], scratch: Path) -> Iterator[Command]:
    for number, file in enumerate(files):
        if file.old_size is not None and max(file.size, file.old_size) <= _EDITED_BYTES:
            yield EditFile(file.path, _changing(file), _EDITED_BYTES, source=file.source)
        elif isinstance(file.contents, Path):
            yield AddTree(file.contents, f"/{file.path}")
        else:
            made = scratch / str(number)
            made.write_bytes(file.read())
            yield AddTree(made, f"/{file.path}")


def _changing(file: PlacedFile) -> Callable[[bytes], bytes | None]:
    def change(old: bytes) -> bytes | None:
        if (_identity(old)[1] if old else None) != file.old_sha1:
            raise TargetRefused(f"{file.path}: was changed by somebody else meanwhile; nothing was written")
        return file.read()

    return change

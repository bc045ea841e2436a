"""What is changed in a boot image: decided first, shown, and then carried out as one update."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused, quoted
from osdimage.imaging.media.bootimage.facts import BootKind
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


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file that is put into the image.

    Attributes:
        path: in the image.
        contents: what it has, or the file of this machine that has it.
        size: of it, in bytes.
        old_size: of the file whose place it takes; None where there is none.
        old_sha1: of that file's contents; None where it is empty, or there is none.
    """

    path: str
    contents: bytes | Path
    size: int
    old_size: int | None
    old_sha1: bytes | None = None

    @property
    def source(self) -> Path | None:
        """The file of this machine, or None when it was made."""
        return self.contents if isinstance(self.contents, Path) else None


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
class BootPlan:
    """What is changed in an image.

    Attributes:
        index, name, kind: of the image.
        files: that are put into it.
        values: that are set in its hives.
        removed: folders that go, with all in them, before files are put there.
        warnings: what would not work as it may be meant.
    """

    index: int
    name: str
    kind: BootKind
    files: tuple[PlacedFile, ...] = ()
    values: tuple[PlacedValue, ...] = ()
    removed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether all is as it is wanted already."""
        return not (self.files or self.values or self.removed)


def placed(image: WimImage, path: str, contents: bytes | Path) -> PlacedFile | None:
    """Return what puts a file into an image; None when one with these contents is there already.

    Raises:
        InvalidRequest: when a directory has the path.
        StorageError: when the file of this machine cannot be read.
    """
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


def _identity(contents: bytes | Path) -> tuple[int, bytes]:
    """Return the size of contents, and their SHA-1, by which a WIM knows them."""
    found = hashlib.sha1(usedforsecurity=False)
    if isinstance(contents, bytes):
        found.update(contents)
        return len(contents), found.digest()
    size = 0
    try:
        with contents.open("rb") as file:
            while piece := file.read(_PIECE):
                found.update(piece)
                size += len(piece)
    except OSError as error:
        raise StorageError(f"{contents}: {error.strerror}", path=contents, errno=error.errno) from error
    return size, found.digest()


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
            made.write_bytes(file.contents)
            yield AddTree(made, f"/{file.path}")


def _changing(file: PlacedFile) -> Callable[[bytes], bytes | None]:
    def change(old: bytes) -> bytes | None:
        if (_identity(old)[1] if old else None) != file.old_sha1:
            raise TargetRefused(f"{file.path}: was changed by somebody else meanwhile; nothing was written")
        return file.contents if isinstance(file.contents, bytes) else file.contents.read_bytes()

    return change

"""What is changed in a Windows that does not run: files that are written, and edits of its hives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from osdimage.imaging.drivers.injection.staging import StagedFile
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.files import FileFacts, FileSource, split_path
from osdimage.imaging.registry.edits import import_edits, registry_prefix
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.planned import PlannedEdit


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is written.

    Attributes:
        path: from the root of the volume or image, names separated by ``/``.
        contents: its bytes, or the file of a driver that has them.
        old_size: of the file that is replaced; None when there is none.
        old: what was there when its new contents were decided; None where that does not matter.
    """

    path: str
    contents: bytes | StagedFile = field(repr=False)
    old_size: int | None = None
    old: bytes | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Bytes of the new contents."""
        return len(self.contents) if isinstance(self.contents, bytes) else self.contents.size

    def read(self) -> bytes:
        """Return the new contents.

        Raises:
            OsdImageError: as :meth:`StagedFile.read`.
        """
        return self.contents if isinstance(self.contents, bytes) else self.contents.read()

    def refuse_changed(self, found: bytes | None, name: str) -> None:
        """Refuse to replace what is not there any more; ``found`` is what is, None when that is nothing or larger.

        Raises:
            TargetRefused: naming the file.
        """
        if self.old is not None and self.old != found:
            raise TargetRefused(f"{name}: {self.path} was changed by another program; nothing was written")

    def refuse_changed_in(self, files: FileSource) -> None:
        """Refuse to replace what is not among files any more.

        Raises:
            TargetRefused: naming the file.
            OsdImageError: when it cannot be read.
        """
        if self.old is not None:
            facts = files.find(self.path)
            is_alike = facts is not None and not facts.is_directory and facts.size == len(self.old)
            self.refuse_changed(files.read(self.path, len(self.old)) if is_alike else None, files.name)


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes of one Windows, which a target carries out together.

    Attributes:
        windows: as it was when they were decided.
        files: that are written, in this order.
        edits: of its hives.
    """

    windows: OfflineWindows
    files: tuple[NewFile, ...]
    edits: tuple[PlannedEdit, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.files or self.edits)

    @property
    def size(self) -> int:
        """Bytes of the files that are written."""
        return sum(each.size for each in self.files)

    def edits_by_hive(self) -> Mapping[str, Sequence[PlannedEdit]]:
        """Return the edits by the names of the hives, in the order of these."""
        found: dict[str, list[PlannedEdit]] = {}
        for each in self.edits:
            found.setdefault(each.hive, []).append(each)
        return found


def edit_hive(hive: Hive, name: str, edits: Sequence[PlannedEdit]) -> None:
    """Carry out edits on a hive in memory.

    Raises:
        InvalidRequest: when the hive cannot hold something.
    """
    import_edits(hive, [each.edit for each in edits], registry_prefix(name), name="drivers")


def refuse_places(files: Iterable[NewFile], target: FileSource) -> None:
    """Refuse to write where a link is on the way, a file where a folder is to be, or the other way.

    Raises:
        TargetRefused: naming the first.
        OsdImageError: when the target cannot be read.
    """
    known: dict[str, FileFacts | None] = {}
    for each in files:
        names = split_path(each.path)
        place = ""
        for number, name in enumerate(names, 1):
            place = f"{place}/{name}".lstrip("/")
            if place not in known:
                known[place] = target.find(place)
            facts = known[place]
            if facts is None:
                break
            if facts.is_link or facts.is_directory is (number == len(names)):
                kind = "a link" if facts.is_link else "a folder" if facts.is_directory else "a file"
                raise TargetRefused(
                    f"{target.name}: {facts.path} is {kind}, and {each.path} cannot be written; nothing was written"
                )


def differing(files: Iterable[NewFile], target: FileSource) -> tuple[NewFile, ...]:
    """Return the files that a target does not have like this, each with the size of what it has.

    Raises:
        OsdImageError: when it cannot be read.
    """
    found = []
    for each in files:
        facts = target.find(each.path)
        is_alike = facts is not None and not facts.is_directory and facts.size == each.size
        if is_alike and target.read(each.path, limit=max(1, each.size)) == each.read():
            continue
        old_size = None if facts is None or facts.is_directory else facts.size
        found.append(NewFile(each.path, each.contents, old_size, each.old))
    return tuple(found)

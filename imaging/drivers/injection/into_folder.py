"""Changes of a Windows in a folder of this machine, such as one that an image was applied to.

Each file appears whole or not at all, and one after the other: the drivers first, which nothing uses yet, then the
hives and what makes Windows install them.  When that is interrupted, the same again goes on with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from osdimage.imaging.drivers.injection.changes import Changes, NewFile, edit_hive
from osdimage.imaging.drivers.injection.target import InjectionTarget
from osdimage.imaging.drivers.supplied.folder import FolderFiles
from osdimage.imaging.errors import StorageError, TargetRefused
from osdimage.imaging.files import FileSource, split_path
from osdimage.imaging.output import new_file, write_at
from osdimage.imaging.registry.beside import empty_files, read_beside
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.registry.write import write_hive


class FolderTarget(InjectionTarget):
    """A folder with the files of a Windows.

    Attributes:
        name: the path of the folder.
    """

    def __init__(self, folder: Path) -> None:
        """Take a folder.

        Raises:
            StorageError: when it is none, or cannot be read.
        """
        self.name: str = str(folder)
        self._folder = folder
        self._files = FolderFiles(folder)

    @contextmanager
    def opened(self) -> Iterator[FileSource]:
        """Open the files; see :meth:`InjectionTarget.opened`."""
        yield self._files

    def refuse_unwritable(self, *, force: bool) -> None:
        """Do nothing: a folder is not in use by a Windows; see :meth:`InjectionTarget.refuse_unwritable`."""

    def carry_out(self, changes: Changes, *, now: datetime, force: bool) -> None:
        """Make the changes; see :meth:`InjectionTarget.carry_out`."""
        del force
        # What would be refused is refused before the first is written.
        places = [(each, self._place(each.path)) for each in changes.files]
        hives = [(name, edits, changes.windows.hive_path(name)) for name, edits in changes.edits_by_hive().items()]
        hive_places = {path: self._place(path) for _, _, path in hives}
        for file, _ in places:
            file.refuse_changed_in(self._files)
        # What is edited makes Windows use the others; what only is there comes first.
        for file, place in sorted(places, key=lambda pair: pair[0].old is not None):
            _write(place, file)
        for name, edits, path in hives:
            hive = read_beside(self._files, path, limit=MAX_HIVE_BYTES, name=f"{self.name}: {path}")
            edit_hive(hive, name, edits)
            _put(hive_places[path], write_hive(hive, now=now))
            if hive.is_unclosed:
                empty_files(hive_places[path])

    def _place(self, path: str) -> Path:
        """Return where a file is, or is to be, by the names that are there whatever their case.

        Raises:
            TargetRefused: when a link is on the way, or a file where a folder is to be, or the other way.
        """
        place, inside, is_there = self._folder, "", True
        *above, name = split_path(path)
        for part in (*above, name):
            facts = None
            if is_there:
                facts = next((each for each in self._files.list(inside) if each.name == part), None) or next(
                    (each for each in self._files.list(inside) if each.name.casefold() == part.casefold()), None
                )
            is_there = facts is not None
            place = place / (part if facts is None else facts.name)
            inside = f"{inside}/{part}".lstrip("/")
            if facts is not None and (facts.is_link or facts.is_directory is (inside.count("/") == len(above))):
                kind = "a link" if facts.is_link else "a folder" if facts.is_directory else "a file"
                raise TargetRefused(f"{place}: is {kind}, and {path} cannot be written; nothing was written")
        return place


def _write(place: Path, file: NewFile) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{place.parent}: {error.strerror}", path=place.parent, errno=error.errno) from error
    _put(place, file.read())


def _put(place: Path, data: bytes) -> None:
    with new_file(place, replace=True) as descriptor:
        try:
            write_at(descriptor, data, 0)
        except OSError as error:
            raise StorageError(f"{place}: {error.strerror}", path=place, errno=error.errno) from error

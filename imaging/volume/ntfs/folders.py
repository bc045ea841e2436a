"""An NTFS volume of which single directories are read, through their indexes, as Windows does.

:class:`~osdimage.imaging.volume.ntfs.read.NtfsVolume` reads all records to make the tree; who wants one file of some
hundred thousand reads only those on its way.
"""

from __future__ import annotations

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume, StorageError
from osdimage.imaging.volume.ntfs import records
from osdimage.imaging.volume.ntfs.data import Contents, RunMap
from osdimage.imaging.volume.ntfs.index import names_in_index
from osdimage.imaging.volume.ntfs.read import FIRST_USER_RECORD, ROOT, NtfsEntry, NtfsVolume, named_in_errors
from osdimage.imaging.volume.ntfs.records import Reference


class NtfsFolders(NtfsVolume):
    """An NTFS volume that is only read, directory by directory."""

    def __init__(self, target: BlockTarget) -> None:
        """Find the MFT; see :class:`NtfsVolume`."""
        super().__init__(target)
        self._known_descriptors: dict[int, bytes] | None = None

    def root(self) -> NtfsEntry:
        """Return the root directory.

        Raises:
            InvalidVolume: when it is damaged.
            StorageError: when it cannot be read.
        """
        with named_in_errors(self._target):
            return self._read_names(Reference(ROOT, 0), ROOT, "")[0]

    def children(self, folder: NtfsEntry) -> list[NtfsEntry]:
        """Return what is in a directory, by name; the files of the file system itself are left out.

        Raises:
            InvalidVolume: when it is damaged.
            StorageError: when it cannot be read.
        """
        with named_in_errors(self._target):
            references = sorted({reference for reference, _ in self._indexed(folder)})
            found = [each for one in references for each in self._read_names(one, folder.record, folder.path)]
        return sorted(found, key=lambda each: each.path)

    def readable_children(
        self, folder: NtfsEntry
    ) -> tuple[list[NtfsEntry], list[tuple[str, InvalidVolume | StorageError]]]:
        """Return what is in a directory, by name, and the paths of what cannot be read there, with the reason.

        Raises:
            InvalidVolume: when the directory itself is damaged.
            StorageError: when it cannot be read.
        """
        with named_in_errors(self._target):
            names: dict[Reference, str] = {}
            for reference, text in self._indexed(folder):
                # A short name is no longer than the other.
                names[reference] = max(names.get(reference, ""), text, key=len)
        found: list[NtfsEntry] = []
        unreadable: list[tuple[str, InvalidVolume | StorageError]] = []
        for reference in sorted(names):
            try:
                with named_in_errors(self._target):
                    found += self._read_names(reference, folder.record, folder.path)
            except (InvalidVolume, StorageError) as error:
                unreadable.append((f"{folder.path.rstrip('/')}/{names[reference]}", error))
        return sorted(found, key=lambda each: each.path), unreadable

    def child(self, folder: NtfsEntry, name: str) -> NtfsEntry | None:
        """Return what has a name, or a short name, in a directory, whatever its case; None when there is nothing.

        Raises:
            InvalidVolume: when the directory is damaged.
            StorageError: when it cannot be read.
        """
        wanted = name.casefold()
        with named_in_errors(self._target):
            fitting = {one for one, text in self._indexed(folder) if text.casefold() == wanted}
            found = [each for one in sorted(fitting) for each in self._read_names(one, folder.record, folder.path)]
        names = ((each.path.rpartition("/")[2], each) for each in found)
        exact = sorted(names, key=lambda item: item[0] != name)
        return next(
            (each for text, each in exact if wanted in {text.casefold(), (each.short_name or "").casefold()}), None
        )

    def _indexed(self, folder: NtfsEntry) -> list[tuple[Reference, str]]:
        """Return what the index of a directory has."""
        where = f"the index of the directory {folder.path!r}"
        file = self._file(folder.record)
        root = file.parts(records.INDEX_ROOT, "$I30")
        blocks = file.parts(records.INDEX_ALLOCATION, "$I30")
        if len(root) != 1 or root[0].value is None:
            raise InvalidVolume(f"{where} has no root")
        allocation = RunMap(Contents.of(blocks, where), self.boot, where) if blocks else None
        found, _ = names_in_index(root[0].value, allocation, self._target, self.boot.cluster_bytes, where)
        return [each for each in found if each[0].number >= FIRST_USER_RECORD]

    def _read_names(self, reference: Reference, above: int, folder: str) -> list[NtfsEntry]:
        """Return the names that a file has in a directory."""
        if self._mft.record(reference.number) is None:
            raise InvalidVolume(f"the index of the directory {folder!r} leads to MFT record {reference.number}, unused")
        file = self._file(reference.number)
        descriptors = self._all_descriptors()
        if reference.number == ROOT:
            return [self._entry(file, "/", file.names[0] if file.names else None, descriptors)]
        if file.sequence != reference.sequence:
            raise InvalidVolume(f"the index of {folder!r} leads to a file that is no more: {reference.number}")
        prefix = folder if folder.endswith("/") else folder + "/"
        return [
            self._entry(file, prefix + name.text, name, descriptors)
            for name in file.names
            if name.parent.number == above
        ]

    def _all_descriptors(self) -> dict[int, bytes]:
        if self._known_descriptors is None:
            self._known_descriptors = self._descriptors()
        return self._known_descriptors

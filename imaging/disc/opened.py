"""A disc that is open."""

from __future__ import annotations

import os
import stat
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from osdimage.imaging.disc.eltorito import BootCatalog, BootEntry, read_catalog
from osdimage.imaging.disc.facts import DiscExtent, DiscFile, FileKind, TreeFacts, TreeKind
from osdimage.imaging.disc.recognised import recognise
from osdimage.imaging.disc.source import DiscSource
from osdimage.imaging.disc.trees import find_trees
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError
from osdimage.imaging.units import format_size

# UDF has 1023 bytes for a path, and ISO 9660 eight levels without Rock Ridge.
_DEEPEST = 255
# Files of directories that are remembered, so that looking many of them up reads each directory once.
_REMEMBERED = 1 << 17


def open_disc(path: str | os.PathLike[str], *, tree: TreeKind | None = None) -> Disc:
    """Open a disc, from a file or a drive, for reading; close it, or use it in ``with``.

    Nothing is locked, as of a WIM that is read.

    Args:
        path: the file or drive.
        tree: the tree of files that is read.  By default UDF, when there is one that has files; then Rock Ridge,
            Joliet, and ISO 9660 alone.  A Windows disc has all in UDF, and in ISO 9660 a README only.

    Raises:
        InvalidInput: when it is no disc.
        InvalidVolume: when it is damaged, or of a kind that is not read.
        InvalidRequest: when it has no such tree.
        StorageError: when it cannot be read.
    """
    name = os.fspath(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise StorageError(f"{name}: {error.strerror}", path=path, errno=error.errno) from error
    try:
        _refuse_others(descriptor, name)
        return Disc(descriptor, name, tree)
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_others(descriptor: int, name: str) -> None:
    """Refuse what has no bytes at places: pipes, and devices without blocks."""
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
        raise InvalidInput(f"{name}: is neither a file nor a drive, and no disc")


@dataclass(frozen=True, slots=True)
class _Listing:
    files: list[DiscFile]
    exact: dict[str, DiscFile]
    folded: dict[str, DiscFile]


class Disc:
    r"""A disc that is open; :func:`open_disc` makes one.

    Paths begin at the root; ``/`` and ``\`` separate names, which are compared without case.  No link is followed.  To
    read a file in place, as a WIM on a disc is, take its stretches of the disc's file::

        with open_disc("windows.iso") as disc:
            file = disc.find("sources/install.wim")
            for extent in disc.extents(file):
                ...  # extent.size bytes, at byte extent.offset of windows.iso; zeros where that is None

    They are in the order of the contents, add up to ``file.size``, lie within the disc's file, and those beside each
    other are one: on a disc from a factory, a file has one.

    Attributes:
        name: the path, as it was given.
        size_bytes: how large the disc's file is.
        facts: about the tree that is read.
        trees: about all that it has, the one that is read among them; one that cannot be read is missing.
        notes: sentences about what is odd.
    """

    def __init__(self, descriptor: int, name: str, tree: TreeKind | None) -> None:
        """Look what there is; the descriptor is closed by :meth:`close`.

        Raises:
            InvalidInput, InvalidRequest, StorageError: as :func:`open_disc`.
        """
        self._source = DiscSource(descriptor, name)
        self.name = name
        self.size_bytes: int = self._source.size_bytes
        recognised = recognise(self._source)
        self._catalog: BootCatalog = read_catalog(self._source, recognised)
        found = find_trees(self._source, recognised)
        self._tree = found.chosen(tree)
        self.facts: TreeFacts = self._tree.facts
        self.trees: tuple[TreeFacts, ...] = found.facts
        self.notes: tuple[str, ...] = (*self._tree.notes, *found.faults, *self._catalog.faults, *self._cut_off())
        self._listings: OrderedDict[tuple[int, str], _Listing] = OrderedDict()
        self._remembered = 0
        # Last: until here whoever opened it closes it.
        self._descriptor: int | None = descriptor

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<Disc {self.name}, {format_size(self.size_bytes)}>"

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def label(self) -> str:
        """The label of the volume, ``""`` when it has none."""
        return self.facts.label

    def root(self) -> DiscFile:
        """Return the root.

        Raises:
            InvalidVolume: when it is damaged.
            StorageError: when it cannot be read.
        """
        return self._tree.root()

    def children(self, folder: DiscFile) -> list[DiscFile]:
        """Return what is in a directory, in the order of the disc.

        Raises:
            InvalidRequest: when it is no directory.
            InvalidVolume: when it, or what describes a file in it, is damaged, or lies deeper than any should.
            StorageError: when it cannot be read.
        """
        return list(self._listing(folder).files)

    def child(self, folder: DiscFile, name: str) -> DiscFile | None:
        """Return what has a name in a directory: exactly this, or another one in case only.

        Raises:
            InvalidRequest, InvalidVolume, StorageError: as :meth:`children`.
        """
        listing = self._listing(folder)
        return listing.exact.get(name) or listing.folded.get(name.casefold())

    def find(self, path: str) -> DiscFile | None:
        """Return what is at a path, or None.

        Raises:
            InvalidVolume, StorageError: as :meth:`children`.
        """
        here: DiscFile | None = self.root()
        for name in path.replace("\\", "/").split("/"):
            if not name:
                continue
            if here is None or not here.is_directory:
                return None
            here = self.child(here, name)
        return here

    def walk(self, top: DiscFile | None = None) -> Iterator[DiscFile]:
        """Yield a file or directory, by default the root, and all below it, parents first.

        Raises:
            InvalidVolume: also when a directory is in itself, or in two places.
            StorageError: as :meth:`children`.
        """
        waiting = [self.root() if top is None else top]
        seen: set[int] = set()
        while waiting:
            here = waiting.pop()
            yield here
            if here.is_directory:
                if here.place in seen:
                    raise self._source.invalid(f"the directory {here.path[:80]!r} is in itself, or in two places")
                seen.add(here.place)
                waiting += reversed(self.children(here))

    def extents(self, file: DiscFile) -> tuple[DiscExtent, ...]:
        """Return where the contents of a file are; see the class.

        Raises:
            InvalidRequest: when it is no file.
            InvalidVolume: when that is damaged or beyond the end of the disc, or is of a kind that is not read, as what
                is compressed (zisofs) or interleaved.
            StorageError: when it cannot be read.
        """
        if file.kind is not FileKind.FILE:
            raise InvalidRequest(f"{self.name}: {file.path!r} is no file")
        return self._tree.extents(file)

    def pieces(self, file: DiscFile) -> Iterator[bytes]:
        """Yield the contents of a file, a MiB at a time.

        Raises:
            InvalidRequest, InvalidVolume, StorageError: as :meth:`extents`.
        """
        yield from self._source.pieces(self.extents(file), repr(file.path))

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the disc, whatever they belong to.

        Raises:
            InvalidVolume: when the disc ends before them.
            StorageError: when they cannot be read.
        """
        return self._source.read(offset, size, "what is asked for")

    @property
    def boot_faults(self) -> tuple[str, ...]:
        """What is wrong with the boot catalog, in sentences; they are among the notes."""
        return self._catalog.faults

    def boot_entries(self, *, named: bool = True) -> tuple[BootEntry, ...]:
        """Return what firmware may start, by El Torito, and which files that is.

        Args:
            named: whether the files are looked for, which takes a look at all of the disc; else none has a path.

        Raises:
            InvalidVolume: when a directory is damaged.
            StorageError: when it cannot be read.
        """
        wanted = {each.offset for each in self._catalog.entries}
        if not wanted or not named:
            return self._catalog.entries
        paths: dict[int, str] = {}
        seen: set[int] = set()
        for file in self.walk():
            if file.kind is not FileKind.FILE or not file.size or file.unreadable is not None or file.place in seen:
                continue
            seen.add(file.place)
            first, *_ = self._tree.extents(file)
            if first.offset in wanted:
                paths.setdefault(first.offset, file.path)
        return tuple(replace(each, path=paths.get(each.offset)) for each in self._catalog.entries)

    def _listing(self, folder: DiscFile) -> _Listing:
        if not folder.is_directory:
            raise InvalidRequest(f"{self.name}: {folder.path!r} is no directory")
        key = folder.place, folder.path
        if key in self._listings:
            self._listings.move_to_end(key)
            return self._listings[key]
        if folder.path.count("/") > _DEEPEST:
            raise self._source.invalid(f"{folder.path[:60]!r}... is more than {_DEEPEST} directories deep")
        files = self._tree.children(folder)
        # Of two with one name the first counts.
        backwards = files[::-1]
        made = _Listing(
            files, {each.name: each for each in backwards}, {each.name.casefold(): each for each in backwards}
        )
        self._listings[key] = made
        self._remembered += len(files)
        while self._remembered > _REMEMBERED and len(self._listings) > 1:
            _, forgotten = self._listings.popitem(last=False)
            self._remembered -= len(forgotten.files)
        return made

    def _cut_off(self) -> tuple[str, ...]:
        end = max(each.end for each in self.trees)
        if end <= self.size_bytes:
            return ()
        return (f"ends at byte {self.size_bytes}, and its volume at byte {end}: it is cut off",)

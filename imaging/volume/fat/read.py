"""Reading a FAT volume, however damaged or hostile it is, in bounded time and memory.

A chain is followed only as far as its file is long, a directory only as far as 65,536 entries reach, and no cluster is
taken for part of two directories; what contradicts itself is an :class:`~osdimage.imaging.errors.InvalidVolume`.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, tzinfo
from typing import Any

from osdimage.imaging.disk.fat_width import FIRST_CLUSTER, FatWidth
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidRequest, InvalidVolume
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.fat import layout as layouts
from osdimage.imaging.volume.fat.entries import LARGEST_DIRECTORY, FatEntry, Listing, parse_directory
from osdimage.imaging.volume.fat.layout import BootSector, FsInfo
from osdimage.imaging.volume.fat.names import codec, fold
from osdimage.imaging.volume.fat.packing import FREE, PAGE_BYTES
from osdimage.imaging.volume.fat.times import Clock

# 16 MiB of a FAT that may have 1 GiB; chains of one directory tree rarely need more.
_PAGES = 256
_ENDED = -1


class FatTable:
    """The FAT that counts, read page by page."""

    def __init__(self, volume: BlockTarget, boot: BootSector) -> None:
        """Read nothing yet."""
        self.kind = boot.layout.kind
        self._mask, self._page_entries = self.kind.mask, self.kind.page_entries
        self._volume = volume
        self._begin = boot.layout.fat_offset(boot.active_fat or 0)
        self._end = FIRST_CLUSTER + boot.layout.clusters
        self._pages: OrderedDict[int, array[Any]] = OrderedDict()

    def __getitem__(self, cluster: int) -> int:
        """Return the entry of a cluster, without the four reserved bits of FAT32."""
        number, index = divmod(cluster, self._page_entries)
        page = self._pages.get(number)
        if page is None:
            page = self._pages[number] = self.page(number)
            if len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        return int(page[index]) & self._mask

    def count(self, value: int) -> int:
        """Count the clusters whose entry is this, whatever the four reserved bits of FAT32 are."""
        found = 0
        reserved = range(0, 1 << 32, self._mask + 1) if self.kind.width is FatWidth.FAT32 else (0,)
        for number in range(-(-self._end // self._page_entries)):
            page = self.page(number)
            if number == 0:
                page = page[FIRST_CLUSTER:]
            # Most of a FAT is free: bytes are compared two hundred times as fast as entries with each of 16 values.
            if page.tobytes().count(0) == len(page) * page.itemsize:
                found += len(page) if value == FREE else 0
                continue
            found += sum(page.count(bits | value) for bits in reserved)
        return found

    def count_free(self) -> int:
        """Count the free clusters."""
        return self.count(FREE)

    def page(self, number: int) -> array[Any]:
        """Return the entries of a page with all their bits, fewer at the end."""
        count = min(self._page_entries, self._end - number * self._page_entries)
        stored = self._volume.read_at(self._begin + number * PAGE_BYTES, self.kind.packed_bytes(count))
        return self.kind.unpack(stored, count)


class FatVolume:
    """A FAT volume that is read; :func:`open_fat` makes these.  The target must stay open.

    Attributes:
        boot: what the boot sector says.
        used_backup: whether the boot sector was unusable and its copy was read.
        table: the FAT that counts.
    """

    def __init__(
        self, volume: BlockTarget, boot: BootSector, *, used_backup: bool, code_page: int, zone: tzinfo
    ) -> None:
        """Remember what was found."""
        self.target = volume
        self.boot = boot
        self.layout = boot.layout
        self.used_backup = used_backup
        self.table = FatTable(volume, boot)
        self._encoding = codec(code_page)
        self._clock = Clock(zone)

    @property
    def serial(self) -> int:
        """The volume serial number."""
        return self.boot.serial

    @property
    def label(self) -> str | None:
        """The label: that of the root directory, or else that of the boot sector; None when there is none."""
        stored = self.stored_label
        return None if stored is None else stored.decode(self._encoding, "replace").rstrip(" ")

    @property
    def stored_label(self) -> bytes | None:
        """The 11 bytes of :attr:`label`, in the code page and the case of whoever set it."""
        stored = self.listing(None).label
        if stored is None:
            stored = b"" if self.boot.label == layouts.NO_LABEL else self.boot.label
        stored = stored.replace(b"\0", b" ")
        return stored if stored.strip(b" ") else None

    @property
    def is_marked_dirty(self) -> bool:
        """Whether it is marked as in use, or as having had read errors."""
        clean = self.table.kind.clean_bits
        return self.boot.is_dirty or self.table[1] & clean != clean

    def fsinfo(self) -> FsInfo | None:
        """Return what FSInfo says, or None when it is missing or not one."""
        if self.boot.fsinfo_sector is None:
            return None
        at = self.boot.fsinfo_sector * self.layout.sector_size
        return layouts.parse_fsinfo(self.target.read_at(at, layouts.BOOT_BYTES))

    def free_bytes(self) -> int:
        """Return the size of all free clusters, counted in the FAT."""
        return self.table.count_free() * self.layout.cluster_size

    def entry(self, path: str) -> FatEntry:
        """Return the file or directory at a path; case does not matter, and short names are names too.

        Raises:
            InvalidRequest: when there is none.
            InvalidVolume: when a directory on the way is damaged.
        """
        found: FatEntry | None = None
        for name in path.strip("/").split("/"):
            if found is not None and not found.is_directory:
                raise InvalidRequest(f"{self.target.name}: {found.path!r} is not a directory")
            wanted = fold(name)
            listed = self.listing(found).entries
            found = next((each for each in listed if wanted in {fold(each.name), fold(each.short_name)}), None)
            if found is None:
                raise InvalidRequest(f"{self.target.name}: there is no {path!r}")
        if found is None:
            raise InvalidRequest(f"{self.target.name}: there is no {path!r}")
        return found

    def entries(self, directory: str | FatEntry = "") -> list[FatEntry]:
        """Return what is in a directory, in the order of the volume; one that is known is not looked for again.

        Raises:
            InvalidRequest: when there is no such directory.
            InvalidVolume: when it is damaged.
        """
        return self._sound(self._directory(directory) if isinstance(directory, str) else directory)

    def walk(self, path: str = "") -> Iterator[FatEntry]:
        """Yield everything below a directory, parents first.

        Raises:
            InvalidRequest: when there is no such directory.
            InvalidVolume: when a directory is damaged, or its clusters belong to another one too.
        """
        seen: set[int] = set()
        waiting = [self._directory(path)]
        while waiting:
            directory = waiting.pop()
            for first, count in self.directory_runs(directory):
                for cluster in range(first, first + count):
                    if cluster in seen:
                        where = directory.path if directory is not None else "/"
                        raise InvalidVolume(
                            f"cluster {cluster} of {where!r} is in two directories", volume=self.target.name
                        )
                    seen.add(cluster)
            entries = self._sound(directory)
            yield from entries
            waiting += [each for each in reversed(entries) if each.is_directory]

    def read(self, file: FatEntry | str) -> Iterator[bytes]:
        """Yield the contents of a file, a MiB at a time.

        Raises:
            InvalidRequest: when there is no such file.
            InvalidVolume: when its clusters do not hold as many bytes as it claims.
        """
        entry = self.entry(file) if isinstance(file, str) else file
        if entry.is_directory:
            raise InvalidRequest(f"{self.target.name}: {entry.path!r} is a directory")
        left = entry.size
        for first, count in self.file_runs(entry):
            offset, size = self.layout.offset_of(first), min(left, count * self.layout.cluster_size)
            for at in range(0, size, MIB):
                yield self.target.read_at(offset + at, min(MIB, size - at))
            left -= size

    def file_runs(self, entry: FatEntry) -> list[tuple[int, int]]:
        """Return the runs of clusters that hold a file's contents.

        Raises:
            InvalidVolume: when there are fewer than its size takes.
        """
        wanted = self.layout.clusters_for(entry.size)
        if wanted == 0:
            return []
        if wanted > self.layout.clusters:
            raise InvalidVolume(
                f"{entry.path!r} claims {entry.size} bytes, more than the volume has", volume=self.target.name
            )
        runs, _ = self.chain(entry.cluster, wanted, entry.path, refuse_loops=True)
        found = sum(count for _, count in runs)
        if found < wanted:
            raise InvalidVolume(
                f"{entry.path!r} claims {entry.size} bytes and has {found} clusters of {wanted}",
                volume=self.target.name,
            )
        return runs

    def directory_runs(self, directory: FatEntry | None) -> list[tuple[int, int]]:
        """Return the runs of clusters of a directory; None is the root, which has none on FAT12 and FAT16.

        Raises:
            InvalidVolume: when the chain does not end where a directory must have ended.
        """
        first, path = (self.layout.root_cluster, "/") if directory is None else (directory.cluster, directory.path)
        if first is None:
            return []
        limit = min(max(1, LARGEST_DIRECTORY // self.layout.cluster_size), self.layout.clusters)
        runs, is_ended = self.chain(first, limit, path)
        if not is_ended:
            raise InvalidVolume(
                f"the directory {path!r} goes on after {limit} clusters, or in a loop", volume=self.target.name
            )
        return runs

    def chain(
        self, first: int, limit: int, path: str, *, refuse_loops: bool = False
    ) -> tuple[list[tuple[int, int]], bool]:
        """Follow a chain for at most ``limit`` clusters; return its runs, and whether it ended there.

        Raises:
            InvalidVolume: when it leads to a cluster that does not exist, is free or is bad, or with ``refuse_loops``
                to one that it has been to.
        """
        runs: list[tuple[int, int]] = []
        begin, length = first, 0
        for cluster in self._follow(first, limit, path, refuse_loops=refuse_loops):
            if cluster == _ENDED:
                return [*runs, (begin, length)], True
            if cluster != begin + length:
                runs.append((begin, length))
                begin, length = cluster, 0
            length += 1
        return [*runs, (begin, length)], False

    def _follow(self, first: int, limit: int, path: str, *, refuse_loops: bool) -> Iterator[int]:
        """Yield the clusters of a chain, at most ``limit`` of them, and :data:`_ENDED` where it ends by then."""
        end = FIRST_CLUSTER + self.layout.clusters
        end_mark, bad = self.table.kind.first_end_mark, self.table.kind.bad
        # Brent: the cluster that was met after a power of two steps is met again if there is a loop.
        cluster, mark, following = first, first, 1
        for step in range(1, limit + 1):
            if not FIRST_CLUSTER <= cluster < end:
                raise InvalidVolume(f"{path!r} is in cluster {cluster}, which does not exist", volume=self.target.name)
            yield cluster
            cluster = self.table[cluster]
            if cluster >= end_mark:
                yield _ENDED
                return
            if cluster in {FREE, bad}:
                what = "free" if cluster == FREE else "bad"
                raise InvalidVolume(f"the chain of {path!r} leads to a {what} cluster", volume=self.target.name)
            if refuse_loops and cluster == mark:
                raise InvalidVolume(f"the chain of {path!r} is in a loop", volume=self.target.name)
            if step == following:
                mark, following = cluster, 2 * following

    def listing(self, directory: FatEntry | None) -> Listing:
        """Return a directory as it is stored; None is the root.

        Raises:
            InvalidVolume: when its chain is damaged.
        """
        return self._parsed(self.stored(directory), directory)

    def stored(self, directory: FatEntry | None) -> bytes:
        """Return the bytes of a directory; None is the root.

        Raises:
            InvalidVolume: when its chain is damaged.
        """
        layout = self.layout
        if directory is None and layout.root_cluster is None:
            return self.target.read_at(layout.root_offset, layout.root_bytes)
        return b"".join(
            self.target.read_at(layout.offset_of(first), count * layout.cluster_size)
            for first, count in self.directory_runs(directory)
        )

    def _parsed(self, data: bytes, directory: FatEntry | None) -> Listing:
        width = self.layout.width
        return parse_directory(data, directory, width=width, encoding=self._encoding, clock=self._clock)

    def _directory(self, path: str) -> FatEntry | None:
        if not path.strip("/"):
            return None
        entry = self.entry(path)
        if not entry.is_directory:
            raise InvalidRequest(f"{self.target.name}: {path!r} is not a directory")
        return entry

    def _sound(self, directory: FatEntry | None) -> list[FatEntry]:
        listing = self.listing(directory)
        if listing.faults:
            raise InvalidVolume(listing.faults[0], volume=self.target.name)
        return listing.entries


def open_fat(volume: BlockTarget, *, code_page: int = 437, zone: tzinfo = UTC) -> FatVolume:
    """Open a volume for reading.

    Args:
        volume: the target, usually the window of a partition.
        code_page: of short names and the label.
        zone: whose clock wrote the times on the volume; FAT does not tell.

    Raises:
        InvalidVolume: when it holds no FAT volume.
        StorageError: when it cannot be read.
    """
    size = volume.geometry.size_bytes
    head = volume.read_at(0, min(layouts.BOOT_BYTES, size)).ljust(layouts.BOOT_BYTES, b"\0")
    try:
        boot = layouts.parse_boot(head, size_bytes=size)
    except InvalidVolume as error:
        copy = _backup(volume)
        if copy is None:
            raise InvalidVolume(error.fault, volume=volume.name) from None
        return FatVolume(volume, copy, used_backup=True, code_page=code_page, zone=zone)
    return FatVolume(volume, boot, used_backup=False, code_page=code_page, zone=zone)


def _backup(volume: BlockTarget) -> BootSector | None:
    """Return the copy of the boot sector, where every formatter puts it, or None; how large a sector is, it tells."""
    size = volume.geometry.size_bytes
    for sector_size in layouts.SECTOR_SIZES:
        at = layouts.BACKUP_SECTOR * sector_size
        if at + layouts.BOOT_BYTES > size:
            break
        try:
            found = layouts.parse_boot(volume.read_at(at, layouts.BOOT_BYTES), size_bytes=size)
        except InvalidVolume:
            continue
        # FAT12 and FAT16 keep none.
        if found.layout.sector_size == sector_size and found.backup_sector is not None:
            return found
    return None

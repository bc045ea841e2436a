"""Adding, replacing and deleting files of a FAT volume that holds others.

Contents go into free clusters at once; the FATs and the directories are changed in memory, and the changes are carried
out by :meth:`FatEditor.commit`, all or nothing (:mod:`osdimage.imaging.volume.pending`).  What is not committed
leaves nothing but unused bytes in free clusters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import chain

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disk.fat_width import FIRST_CLUSTER, FatWidth
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, TargetRefused
from osdimage.imaging.finding import Severity
from osdimage.imaging.units import format_size
from osdimage.imaging.volume import pending
from osdimage.imaging.volume.fat import layout as layouts
from osdimage.imaging.volume.fat.check import check_fat
from osdimage.imaging.volume.fat.edit_table import EditedTable
from osdimage.imaging.volume.fat.entries import (
    DOT,
    DOT_DOT,
    ENTRY_STRUCT,
    LARGEST_DIRECTORY,
    FatEntry,
    Listing,
)
from osdimage.imaging.volume.fat.layout import IN_USE, IN_USE_AT, BootSector, FsInfo
from osdimage.imaging.volume.fat.names import ENTRY_BYTES, ERASED, fold, refuse_name, store_name
from osdimage.imaging.volume.fat.read import FatVolume, open_fat
from osdimage.imaging.volume.fat.source import STORED_ATTRIBUTES
from osdimage.imaging.volume.fat.times import Clock
from osdimage.imaging.volume.fat.tree import LARGEST_FILE
from osdimage.imaging.volume.pending import Change, Pending

_DIRECTORY = FileAttribute.DIRECTORY.value
_TABLE_AT = 446


@dataclass(slots=True)
class _Directory:
    """A directory in memory: its stored entries, its clusters, and the directory itself (None: the root).

    The root of FAT12 and FAT16 has no clusters.
    """

    itself: FatEntry | None
    data: bytearray
    clusters: list[int]
    is_changed: bool = False


class FatEditor(FatVolume):
    """A volume that is changed; :func:`edit_fat` makes it.  What is read from it are its changed contents."""

    def __init__(self, volume: BlockTarget, boot: BootSector, *, code_page: int, zone: tzinfo) -> None:
        """Change nothing yet."""
        super().__init__(volume, boot, used_backup=False, code_page=code_page, zone=zone)
        self._edited = EditedTable(volume, boot)
        self.table = self._edited
        self._code_page = code_page
        self._wall = Clock(zone)
        self._loaded: dict[int, _Directory] = {}
        self._old: list[tuple[int, int]] = []
        info = self.fsinfo()
        self._hint = FIRST_CLUSTER if info is None or info.next_free is None else info.next_free

    def listing(self, directory: FatEntry | None) -> Listing:
        """Return a directory as it will be stored; None is the root."""
        loaded = self._loaded.get(self._key(directory))
        return super().listing(directory) if loaded is None else self._parsed(bytes(loaded.data), directory)

    def _key(self, directory: FatEntry | None) -> int:
        """Return the first cluster of a directory, or 0 for a root that has none."""
        return (self.layout.root_cluster or 0) if directory is None else directory.cluster

    def find(self, path: str) -> FatEntry | None:
        """Return the file or directory at a path, or None."""
        try:
            return self.entry(path)
        except InvalidRequest:
            return None

    def write_file(self, path: str, data: bytes, *, attributes: int | None, time_ns: int) -> None:
        """Write a file in a directory that is there; see :meth:`osdimage.imaging.volume.files.VolumeFiles.write`."""
        self.write_pieces(path, (data,), len(data), attributes=attributes, time_ns=time_ns)

    def write_pieces(
        self, path: str, pieces: Iterable[bytes], size: int, *, attributes: int | None, time_ns: int
    ) -> None:
        """Write a file piece by piece; together they have ``size`` bytes.  See :meth:`write_file`."""
        if size > LARGEST_FILE:
            raise TargetRefused(f"{path!r} has {format_size(size)}; a file on FAT holds at most {LARGEST_FILE}")
        directory = self._load(path)
        old = self._held(directory, path)
        if old is not None and old[0].is_directory:
            raise InvalidRequest(f"{self.target.name}: {path!r} is a directory")
        runs = self._store(pieces, size)
        first = runs[0][0] if runs else 0
        if old is None:
            wanted = FileAttribute.ARCHIVE.value if attributes is None else attributes
            wanted &= STORED_ATTRIBUTES
            self._add(directory, path, attributes=wanted, cluster=first, size=size, time_ns=time_ns)
            return
        entry, places = old
        self._old += self._chain_of(entry)
        kept = entry.attributes if attributes is None else attributes & STORED_ATTRIBUTES
        self._change(directory, places, attributes=kept, cluster=first, size=size, time_ns=time_ns)

    def make_directory(self, path: str, *, attributes: int, time_ns: int) -> None:
        """Make a directory in one that is there, where there is nothing of its name."""
        directory = self._load(path)
        runs = self._allocate(1)
        cluster = runs[0][0]
        above = 0 if directory.itself is None else directory.itself.cluster
        stamp, blank = self._wall.stamp(time_ns), bytearray(self.layout.cluster_size)
        for index, (name, to) in enumerate(((DOT, cluster), (DOT_DOT, above))):
            times = (stamp.hundredths, stamp.time, stamp.date, stamp.date, to >> 16, stamp.time, stamp.date)
            ENTRY_STRUCT.pack_into(blank, index * ENTRY_BYTES, name, _DIRECTORY, 0, *times, to & 0xFFFF, 0)
        wanted = attributes & STORED_ATTRIBUTES | _DIRECTORY
        self._add(directory, path, attributes=wanted, cluster=cluster, size=0, time_ns=time_ns)
        self._loaded[cluster] = _Directory(self.entry(path), blank, [cluster], is_changed=True)

    def set_attributes(self, path: str, attributes: int) -> None:
        """Set the attributes for which FAT has a bit."""
        directory = self._load(path)
        held = self._held(directory, path)
        if held is None:
            raise InvalidRequest(f"{self.target.name}: there is no {path!r}")
        wanted = attributes & STORED_ATTRIBUTES | (_DIRECTORY if held[0].is_directory else 0)
        self._change(directory, held[1], attributes=wanted)

    def delete(self, path: str) -> None:
        """Delete a file or an empty directory."""
        directory = self._load(path)
        held = self._held(directory, path)
        if held is None:
            raise InvalidRequest(f"{self.target.name}: there is no {path!r}")
        entry, places = held
        if entry.is_directory and self.entries(entry.path):
            raise InvalidRequest(f"{self.target.name}: the directory {path!r} is not empty")
        self._old += self._chain_of(entry)
        self._loaded.pop(entry.cluster, None)
        for index in places:
            directory.data[index * ENTRY_BYTES] = ERASED
        directory.is_changed = True

    def commit(self) -> None:
        """Carry out what was changed, all or nothing, and wait until it is on the medium.

        Raises:
            StorageError: when writing failed; see :func:`osdimage.imaging.volume.pending.carry_out`.
        """
        changed = [each for each in self._loaded.values() if each.is_changed]
        if not changed:
            return
        # Other programs see every file whole at every moment: new chains come first, which belong to nothing yet, then
        # the directories, and then old chains become free.
        if self.table.kind.clean_shutdown:
            self._edited.put(1, self.table[1])
        changes = list(self._edited.changes(group=0, is_dirty=True))
        changes += self._directories(changed, group=1)
        self._edited.release(self._old)
        changes += self._counts(group=2)
        changes += self._edited.changes(group=2)
        changes += self._boot_sector(group=3)
        changes = pending.trimmed(self.target, changes)
        pending.carry_out(
            self.target,
            changes,
            pointer=self._pointer(),
            room=self._room_for(pending.room_for(changes)),
            mark=self._write_mark,
        )
        self._edited.forget_changes()
        self._old = []
        for directory in changed:
            directory.is_changed = False

    def _room_for(self, size: int) -> int | None:
        """Return where so many bytes are free, before the change and after it."""
        old = {cluster for first, count in self._old for cluster in range(first, first + count)}
        first = self._edited.run_of_free(self.layout.clusters_for(size), avoid=old)
        return None if first is None else self.layout.offset_of(first)

    def _pointer(self) -> int | None:
        """Return where a pointer to pending changes can be: in the boot sector only where nothing is."""
        at = pointer_of(self.boot)
        if at is None or at >= layouts.BOOT_BYTES or not any(self.target.read_at(at, pending.POINTER_BYTES)):
            return at
        return None

    def _directories(self, changed: Sequence[_Directory], *, group: int) -> Iterator[Change]:
        size = self.layout.cluster_size
        for directory in changed:
            if not directory.clusters:
                yield from self._fixed_root(bytes(directory.data), group)
            for number, cluster in enumerate(directory.clusters):
                data = bytes(directory.data[number * size : (number + 1) * size])
                yield Change(self.layout.offset_of(cluster), data, group)

    def _fixed_root(self, data: bytes, group: int) -> Iterator[Change]:
        at = self.layout.root_offset
        yield Change(at, data + self.target.read_at(at + len(data), -len(data) % pending.SECTOR), group)

    def _boot_sector(self, *, group: int) -> Iterator[Change]:
        """Yield the boot sector as it is, where it gets the dirty mark for a while, since the FAT has none."""
        if not self.table.kind.clean_shutdown:
            yield Change(0, self.target.read_at(0, pending.SECTOR), group, is_guarded=False)

    def _counts(self, *, group: int) -> Iterator[Change]:
        """Bring FSInfo up to date, if it is one."""
        info = self.fsinfo()
        if info is None or self.boot.fsinfo_sector is None:
            return
        free = None if info.free_clusters is None else info.free_clusters + self._edited.freed
        if free is not None and not 0 <= free <= self.layout.clusters:
            free = None
        self._edited.freed = 0
        data = layouts.build_fsinfo(FsInfo(free, self._hint))
        yield Change(self.boot.fsinfo_sector * self.layout.sector_size, data, group)

    def _write_mark(self) -> None:
        """Write the dirty mark alone."""
        layout = self.layout
        numbers = range(layout.fats) if self.boot.active_fat is None else (self.boot.active_fat,)
        _mark(self.target, self.boot, numbers, is_dirty=True)
        self.target.flush()

    # ---- directories

    def _load(self, path: str) -> _Directory:
        """Return the directory in which a path ends, to be changed."""
        above, _, name = path.rpartition("/")
        refuse_name(name, path)
        itself = self._directory(above)
        key = self._key(itself)
        if key not in self._loaded:
            runs = self.directory_runs(itself)
            clusters = [cluster for first, count in runs for cluster in range(first, first + count)]
            self._loaded[key] = _Directory(itself, bytearray(self.stored(itself)), clusters)
        return self._loaded[key]

    def _held(self, directory: _Directory, path: str) -> tuple[FatEntry, range] | None:
        wanted = fold(path.rpartition("/")[2])
        listing = self.listing(directory.itself)
        for entry, places in zip(listing.entries, listing.places, strict=True):
            if wanted in {fold(entry.name), fold(entry.short_name)}:
                return entry, places
        return None

    def _add(self, directory: _Directory, path: str, *, attributes: int, cluster: int, size: int, time_ns: int) -> None:
        name = path.rpartition("/")[2]
        data = directory.data
        used = {bytes(data[at : at + 11]) for at in range(0, len(data), ENTRY_BYTES)}
        stored = store_name(name, used, self._code_page)
        stamp = self._wall.stamp(time_ns)
        times = (stamp.hundredths, stamp.time, stamp.date, stamp.date, cluster >> 16, stamp.time, stamp.date)
        short = ENTRY_STRUCT.pack(stored.short, attributes, stored.case_bits, *times, cluster & 0xFFFF, size)
        at = self._room(directory, stored.entries) * ENTRY_BYTES
        directory.data[at : at + stored.entries * ENTRY_BYTES] = stored.long + short
        directory.is_changed = True

    def _room(self, directory: _Directory, wanted: int) -> int:
        """Return the number of the first of so many entries that are free, one after the other."""
        run = 0
        ended = False
        for index in range(LARGEST_DIRECTORY // ENTRY_BYTES):
            if index * ENTRY_BYTES == len(directory.data):
                self._extend(directory)
            first = directory.data[index * ENTRY_BYTES]
            # Behind the end mark is whatever was there; what follows new entries must be an end mark again.
            ended = ended or first == 0
            if ended:
                directory.data[index * ENTRY_BYTES : (index + 1) * ENTRY_BYTES] = bytes(ENTRY_BYTES)
            run = run + 1 if ended or first == ERASED else 0
            if run == wanted:
                if ended and (index + 1) * ENTRY_BYTES < len(directory.data):
                    directory.data[(index + 1) * ENTRY_BYTES] = 0
                return index + 1 - wanted
        raise TargetRefused(f"{self.target.name}: a directory holds {LARGEST_DIRECTORY // ENTRY_BYTES} entries at most")

    def _extend(self, directory: _Directory) -> None:
        if not directory.clusters:
            raise TargetRefused(
                f"{self.target.name}: the root directory is full: on {self.layout.width.name} it cannot grow, and this "
                f"one holds {self.layout.root_entries} entries, of which a long name takes several"
            )
        cluster = self._allocate(1)[0][0]
        # Linked before the directory is written, so it must be an empty end of it by then.
        self.target.write_at(self.layout.offset_of(cluster), bytes(self.layout.cluster_size))
        self._edited.put(directory.clusters[-1], cluster)
        directory.clusters.append(cluster)
        directory.data += bytes(self.layout.cluster_size)

    def _change(
        self,
        directory: _Directory,
        places: range,
        *,
        attributes: int,
        cluster: int | None = None,
        size: int = 0,
        time_ns: int = 0,
    ) -> None:
        """Change a short entry; its cluster, size and time only with ``cluster``."""
        at = places[-1] * ENTRY_BYTES
        fields = list(ENTRY_STRUCT.unpack_from(directory.data, at))
        fields[1] = attributes
        if cluster is not None:
            stamp = self._wall.stamp(time_ns)
            fields[6:12] = stamp.date, cluster >> 16, stamp.time, stamp.date, cluster & 0xFFFF, size
        ENTRY_STRUCT.pack_into(directory.data, at, *fields)
        directory.is_changed = True

    # ---- clusters

    def _store(self, pieces: Iterable[bytes], size: int) -> list[tuple[int, int]]:
        """Write contents into free clusters, the last of which is filled with zeros."""
        if not size:
            # Nothing may come, and whoever gives it is to find that out.
            for _ in pieces:
                pass
            return []
        runs = self._allocate(self.layout.clusters_for(size))
        places = self._places(runs)
        at = room = 0
        for piece in chain(pieces, (bytes(-size % self.layout.cluster_size),)):
            view = memoryview(piece)
            while view:
                if room == 0:
                    at, room = next(places)
                part = view[:room]
                self.target.write_at(at, part)
                at, room, view = at + len(part), room - len(part), view[len(part) :]
        return runs

    def _places(self, runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield where each run of clusters begins in the volume, and how many bytes it has."""
        for first, count in runs:
            yield self.layout.offset_of(first), count * self.layout.cluster_size

    def _allocate(self, count: int) -> list[tuple[int, int]]:
        runs = self._edited.allocate(count, self._hint)
        if runs is None:
            raise TargetRefused(
                f"{self.target.name}: the volume is full: {format_size(count * self.layout.cluster_size)} are needed, "
                f"{format_size(self.free_bytes())} are free"
            )
        self._hint = runs[-1][0] + runs[-1][1]
        return runs

    def _chain_of(self, entry: FatEntry) -> list[tuple[int, int]]:
        return self.chain(entry.cluster, self.layout.clusters, entry.path)[0] if entry.cluster else []


def pointer_of(boot: BootSector) -> int | None:
    """Return where a pointer to pending changes would be: at the end of the last reserved sector, if that is free.

    FAT12 and FAT16 may have no other reserved sector than the boot sector.  There it is before the end, which of a disk
    without partitions is looked at as a partition table; see :meth:`FatEditor.commit`, whether it is free.
    """
    if boot.layout.width is not FatWidth.FAT32 and boot.layout.reserved == 1:
        return _TABLE_AT - pending.POINTER_BYTES
    taken = {0, boot.fsinfo_sector}
    if boot.backup_sector is not None:
        taken |= {boot.backup_sector, boot.backup_sector + (boot.fsinfo_sector or 0)}
    layout = boot.layout
    return None if layout.reserved - 1 in taken else layout.reserved * layout.sector_size - pending.POINTER_BYTES


def find_pending(volume: BlockTarget) -> Pending | None:
    """Return what an interrupted change has left to be carried out, or None; also where there is no volume.

    Raises:
        StorageError: when the target cannot be read.
    """
    pointer = _pointer_in(volume)
    return None if pointer is None else pending.find(volume, pointer)


def finish(volume: BlockTarget) -> bool:
    """Carry out what an interrupted change has left; return whether there was something.

    Raises:
        StorageError: when reading or writing failed.
    """
    pointer = _pointer_in(volume)
    return pointer is not None and pending.finish(volume, pointer)


def mark_clean(volume: BlockTarget, *, sync: bool) -> None:
    """Take away the dirty mark of a volume that was made with one; of the FAT that programs look at last.

    Raises:
        InvalidVolume: when it holds no FAT volume.
        StorageError: when reading or writing failed.
    """
    boot = open_fat(volume).boot
    _mark(volume, boot, reversed(range(boot.layout.fats)), is_dirty=False)
    if sync:
        volume.flush()


def mark_dirty(volume: BlockTarget) -> None:
    """Mark a volume dirty: whoever does has more than one change to make, and takes the mark away.

    Raises:
        InvalidVolume: when it holds no FAT volume.
        StorageError: when reading or writing failed.
    """
    boot = open_fat(volume).boot
    _mark(volume, boot, range(boot.layout.fats), is_dirty=True)
    volume.flush()


def _mark(volume: BlockTarget, boot: BootSector, fats: Iterable[int], *, is_dirty: bool) -> None:
    """Set the dirty mark in these FATs or take it away; on FAT12 in the boot sector, where Windows has it, too."""
    kind = boot.layout.kind
    if kind.clean_shutdown:
        size, bit, is_set = kind.width // 8, kind.clean_shutdown, not is_dirty
        places = [boot.layout.fat_offset(fat) + size for fat in fats]
    else:
        size, bit, is_set, places = 1, IN_USE, is_dirty, [IN_USE_AT[kind.width]]
    for at in places:
        before = int.from_bytes(volume.read_at(at, size), "little")
        volume.write_at(at, (before | bit if is_set else before & ~bit).to_bytes(size, "little"))


def _pointer_in(volume: BlockTarget) -> int | None:
    try:
        return pointer_of(open_fat(volume).boot)
    except InvalidVolume:
        return None


def edit_fat(volume: BlockTarget, *, code_page: int = 437, zone: tzinfo = UTC) -> FatEditor:
    """Open a volume to change files of it; nothing is changed before :meth:`FatEditor.commit`.

    Args:
        volume: the target, usually the window of a partition, open for writing.
        code_page: of short names.
        zone: whose clock the times on the volume show.

    Raises:
        InvalidVolume: when it holds no FAT volume.
        TargetRefused: when it is damaged, so that a change could do more damage.
        StorageError: when it cannot be read.
    """
    opened = open_fat(volume, code_page=code_page, zone=zone)
    damage = [each.text for each in check_fat(volume, code_page=code_page) if each.severity is Severity.ERROR]
    if damage:
        raise TargetRefused(f"{volume.name}: not written: the volume is damaged: {damage[0]}; repair it with fsck.fat")
    return FatEditor(volume, opened.boot, code_page=code_page, zone=zone)

"""What is wrong with a FAT volume.  Each finding says what to do; nothing is changed.

Time and memory are bounded by the volume: as soon as the chains that were followed hold more clusters than there are,
some cluster is in two of them, and following stops.
"""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.disk.fat_width import FIRST_CLUSTER, FatWidth
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.finding import Finding, Severity, error, note, warning
from osdimage.imaging.units import MIB, counted
from osdimage.imaging.volume.fat import layout as layouts
from osdimage.imaging.volume.fat.entries import FatEntry, Listing
from osdimage.imaging.volume.fat.names import fold
from osdimage.imaging.volume.fat.read import FatVolume, open_fat

_REPAIR = "repair it with fsck.fat or chkdsk, a copy of it first"
_MANY = 100


def check_fat(volume: BlockTarget, *, second_opinion: bool = False, code_page: int = 437) -> tuple[Finding, ...]:
    """Check a volume; return what is wrong, at most a hundred findings.

    Args:
        volume: the target, usually the window of a partition.
        second_opinion: also compare what we read with what pyfatfs reads, when nothing else is wrong.
        code_page: of short names.

    Raises:
        StorageError: when the target cannot be read.
    """
    try:
        opened = open_fat(volume, code_page=code_page)
    except InvalidVolume as problem:
        return (error("no-volume", problem.fault, "save a copy before anything is written to it"),)
    found = []
    for finding in _findings(opened):
        found.append(finding)
        if len(found) == _MANY:
            found.append(note("more", "there may be more", _REPAIR))
            return tuple(found)
    if second_opinion and not any(finding.severity is Severity.ERROR for finding in found):
        found += _compare(opened)
    return tuple(found)


def _findings(volume: FatVolume) -> Iterator[Finding]:
    yield from _reserved(volume)
    yield from _copies(volume)
    tree = _TreeCheck(volume)
    yield from tree.run()
    free = volume.table.count_free()
    yield from _counts(volume, free)
    if tree.is_complete:
        bad = volume.table.count(volume.table.kind.bad)
        lost = volume.layout.clusters - free - bad - tree.claimed
        if lost > 0:
            yield warning("lost-clusters", f"{counted(lost, 'cluster')} in use and of no file", _REPAIR)


def _reserved(volume: FatVolume) -> Iterator[Finding]:
    """Look at the boot sector and its copy."""
    boot, target = volume.boot, volume.target
    if volume.used_backup:
        yield error("boot-sector", "the boot sector is unusable; its copy was read", _REPAIR)
    elif volume.layout.width is not FatWidth.FAT32:
        # FAT12 and FAT16 have no copy of it.
        pass
    elif boot.backup_sector is None:
        yield note("no-backup", "there is no copy of the boot sector", "none is needed")
    else:
        size = layouts.BOOT_BYTES
        copy = target.read_at(boot.backup_sector * volume.layout.sector_size, size)
        if copy != target.read_at(0, size):
            yield warning("backup-differs", "the boot sector and its copy differ", _REPAIR)
    if volume.layout.width is FatWidth.FAT32 and volume.layout.clusters < layouts.MIN_CLUSTERS:
        text = f"{volume.layout.clusters} clusters are too few for FAT32; some programs take it for FAT16"
        yield warning("few-clusters", text, "format it anew, with smaller clusters")
    if volume.is_marked_dirty:
        yield warning("dirty", "the volume is marked as in use, or as having had read errors", _REPAIR)


def _copies(volume: FatVolume) -> Iterator[Finding]:
    """Compare the FATs, as far as there are clusters."""
    if volume.boot.active_fat is not None:
        yield note("one-fat", f"only FAT {volume.boot.active_fat} is kept up to date", "none is needed")
        return
    layout = volume.layout
    # Where FAT12 has an odd number of entries, half of the last byte is of none, and the other half is passed over.
    length = (layout.clusters + FIRST_CLUSTER) * layout.width // 8
    for number in range(1, layout.fats):
        for at in range(0, length, MIB):
            size = min(MIB, length - at)
            first = volume.target.read_at(layout.fat_offset(0) + at, size)
            if volume.target.read_at(layout.fat_offset(number) + at, size) != first:
                yield error("fats-differ", f"FAT {number} differs from FAT 0", _REPAIR)
                break


def _counts(volume: FatVolume, free: int) -> Iterator[Finding]:
    if volume.layout.width is not FatWidth.FAT32:
        return
    info = volume.fsinfo()
    if info is None:
        yield warning("no-fsinfo", "FSInfo is missing or damaged", _REPAIR)
    elif info.free_clusters is not None and info.free_clusters != free:
        text = f"FSInfo counts {info.free_clusters} free clusters, the FAT {free}"
        yield warning("free-count", text, _REPAIR)


class _TreeCheck:
    """Follows every chain of the tree once.

    Attributes:
        claimed: how many clusters belong to something.
        is_complete: whether all chains could be followed to their ends.
    """

    def __init__(self, volume: FatVolume) -> None:
        self._volume = volume
        self._runs: list[tuple[int, int, str]] = []
        self._directories: set[int] = set()
        self.claimed = 0
        self.is_complete = True

    def run(self) -> Iterator[Finding]:
        """Yield what is wrong with directories, files and their chains."""
        waiting: list[tuple[FatEntry | None, FatEntry | None]] = [(None, None)]
        while waiting and self.claimed <= self._volume.layout.clusters:
            directory, above = waiting.pop()
            first = (self._volume.layout.root_cluster or 0) if directory is None else directory.cluster
            if first in self._directories:
                self.is_complete = False
                yield error("directory-twice", f"{_shown(directory)!r} is also another directory", _REPAIR)
                continue
            self._directories.add(first)
            try:
                self._claim(self._volume.directory_runs(directory), _shown(directory))
                listing = self._volume.listing(directory)
            except InvalidVolume as problem:
                self.is_complete = False
                yield error("directory-chain", problem.fault, _REPAIR)
                continue
            yield from self._listed(listing, directory, above)
            for entry in listing.entries:
                if entry.is_directory:
                    waiting.append((entry, directory))
                else:
                    yield from self._file(entry)
        if self.claimed > self._volume.layout.clusters:
            self.is_complete = False
        yield from self._cross_links()

    def _claim(self, runs: list[tuple[int, int]], path: str) -> None:
        self._runs += [(first, count, path) for first, count in runs]
        self.claimed += sum(count for _, count in runs)

    def _listed(self, listing: Listing, directory: FatEntry | None, above: FatEntry | None) -> Iterator[Finding]:
        path = _shown(directory)
        for text in listing.faults:
            # Nobody follows what cannot be named.
            self.is_complete = False
            yield error("name", text, _REPAIR)
        if listing.orphans:
            text = f"{path!r} has {counted(listing.orphans, 'entry', 'entries')} of long names without a file"
            yield warning("orphaned-name", text, _REPAIR)
        if directory is not None:
            wanted = 0 if above is None else above.cluster
            if listing.itself != directory.cluster or listing.above != wanted:
                yield error("dot-entries", f"the entries . and .. of {path!r} are missing or wrong", _REPAIR)
        seen: set[str] = set()
        for entry in listing.entries:
            names = {fold(entry.name), fold(entry.short_name)}
            if names & seen:
                yield error("name-twice", f"{path!r} has two files called {entry.name!r}", _REPAIR)
            seen |= names

    def _file(self, entry: FatEntry) -> Iterator[Finding]:
        layout = self._volume.layout
        wanted = layout.clusters_for(entry.size)
        if entry.cluster == 0:
            if wanted:
                yield error("no-clusters", f"{entry.path!r} claims {entry.size} bytes and has no cluster", _REPAIR)
            return
        if self.claimed > layout.clusters:
            return
        try:
            runs, is_ended = self._volume.chain(entry.cluster, layout.clusters - self.claimed + 1, entry.path)
        except InvalidVolume as problem:
            self.is_complete = False
            yield error("file-chain", problem.fault, _REPAIR)
            return
        found = sum(count for _, count in runs)
        self._claim(runs, entry.path)
        if not is_ended:
            self.is_complete = False
            yield error("endless-chain", f"the chain of {entry.path!r} is in a loop or in other files", _REPAIR)
        elif found < wanted:
            text = (
                f"{entry.path!r} claims {counted(entry.size, 'byte')} and has {counted(found, 'cluster')} of {wanted}"
            )
            yield error("short-chain", text, _REPAIR)
        elif found > wanted:
            yield warning("long-chain", f"{entry.path!r} has {counted(found, 'cluster')} and needs {wanted}", _REPAIR)

    def _cross_links(self) -> Iterator[Finding]:
        """Yield clusters that belong to two chains, from runs sorted by their start."""
        reach, owner = 0, ""
        for first, count, path in sorted(self._runs):
            if first < reach:
                self.is_complete = False
                yield error("cross-link", f"cluster {first} belongs to {owner!r} and to {path!r}", _REPAIR)
            if first + count > reach:
                reach, owner = first + count, path


def _shown(directory: FatEntry | None) -> str:
    return "/" if directory is None else directory.path


def _compare(volume: FatVolume) -> Iterator[Finding]:
    """Yield what pyfatfs reads differently."""
    from osdimage.imaging.volume.fat.second import can_judge, second_reading  # noqa: PLC0415 - pyfatfs loads slowly

    if not can_judge(volume):
        yield note("no-second-opinion", "the volume is too large for pyfatfs, or uses one FAT only", "none is needed")
        return
    try:
        theirs = {(fold(entry.path), entry.is_directory, entry.size) for entry in second_reading(volume.target)}
        ours = {(fold(entry.path), entry.is_directory, entry.size) for entry in volume.walk()}
    except InvalidVolume as problem:
        yield warning("second-opinion", problem.fault, "read it with another program before trusting it")
        return
    for path, _, size in sorted(ours ^ theirs):
        text = f"{path!r} with {size} bytes is seen by {'us' if (path, _, size) in ours else 'pyfatfs'} only"
        yield error("second-opinion", text, _REPAIR)

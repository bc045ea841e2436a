"""The check of a whole volume, in the order in which one thing must be known for the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check import system
from osdimage.imaging.volume.ntfs.check.attributes import NUMBER, Attribute, Record
from osdimage.imaging.volume.ntfs.check.boot import BOOT_BYTES, Shape, decode_boot
from osdimage.imaging.volume.ntfs.check.census import Census
from osdimage.imaging.volume.ntfs.check.decode import Rules, decode_record
from osdimage.imaging.volume.ntfs.check.directories import Directories
from osdimage.imaging.volume.ntfs.check.extend import ExtendCheck
from osdimage.imaging.volume.ntfs.check.faults import Faults, NtfsReport
from osdimage.imaging.volume.ntfs.check.ground import Ground, Stream, TooMuch, parts_of
from osdimage.imaging.volume.ntfs.check.index import Budget
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind
from osdimage.imaging.volume.ntfs.check.lists import ListReader
from osdimage.imaging.volume.ntfs.check.paths import Paths
from osdimage.imaging.volume.ntfs.check.records import check_records
from osdimage.imaging.volume.ntfs.check.secure import SecureCheck

_SHARES = {Phase.SCAN: 55.0, Phase.READ: 45.0}


@dataclass(frozen=True, slots=True)
class NtfsCheckOptions:
    """How a volume is checked.

    Attributes:
        most: how many faults of each kind are kept; all are counted.
        is_fresh: the volume was just made, and nobody wrote to it since: the copies of sizes, times and flags beside
            the names must be right, too, which Windows leaves behind.
    """

    most: int = 20
    is_fresh: bool = False


@logged("check {target}")
def check_ntfs(
    target: BlockTarget, options: NtfsCheckOptions | None = None, *, progress: ProgressCallback | None = None
) -> NtfsReport:
    """Check an NTFS volume by the rules of its format; nothing is changed.

    The time is some 60 µs for each file, the memory some 500 bytes.

    Args:
        target: the volume, usually the window of a partition.
        options: how; None for what suits volumes that Windows has used.
        progress: receives events in units of files.

    Raises:
        StorageError: when the target cannot be read.
    """
    chosen = options or NtfsCheckOptions()
    return _Check(target, chosen, Meter(progress, _SHARES)).run()


class _Check:
    """One check of one volume."""

    def __init__(self, target: BlockTarget, options: NtfsCheckOptions, meter: Meter) -> None:
        self._target = target
        self._options = options
        self._meter = meter
        self._faults = Faults(options.most)
        self._census = Census()
        self._ground: Ground | None = None

    def run(self) -> NtfsReport:
        size = self._target.geometry.size_bytes
        boot = self._target.read_at(0, min(BOOT_BYTES, size))
        shape, problems = decode_boot(boot, size)
        for problem in problems:
            self._faults.tell(FaultKind.BOOT, problem, cluster=0)
        if shape is None:
            self._faults.is_complete = False
        else:
            try:
                self._volume(shape, boot)
            except TooMuch:
                self._faults.is_complete = False
                self._faults.tell(FaultKind.TOO_MUCH, "the same clusters were to be read again and again")
        return self._report(shape)

    def _volume(self, shape: Shape, boot: bytes) -> None:
        faults, census = self._faults, self._census
        ground = Ground(self._target, Rules(shape))
        system.check_boot_copy(ground, boot, faults, is_fresh=self._options.is_fresh)
        if not _find_mft(ground, faults):
            faults.is_complete = False
            return
        self._ground = ground
        reader = ListReader(ground, census, Faults(0))
        table = ground.record(system.UPCASE)
        ground.rules = Rules(shape, system.read_upcase(ground, table and reader.merged(table), faults))
        check_records(ground, census, faults, partial(self._step, Phase.SCAN), is_fresh=self._options.is_fresh)
        system.check_system_files(census, faults)
        system.check_mirror(ground, faults)
        directories = Directories(ground, census, faults, is_fresh=self._options.is_fresh)
        directories.check(partial(self._step, Phase.READ))
        self._system(ground, directories)

    def _step(self, phase: Phase, done: int, total: int) -> None:
        self._meter.step(phase, done, total, unit="files")

    def _system(self, ground: Ground, directories: Directories) -> None:
        """Check the files of the system, now that all others are known."""
        faults, census = self._faults, self._census
        file = directories.file(system.VOLUME)
        is_modern = file is None or system.check_volume(file, faults) >= system.MODERN
        if is_modern:
            self._stores(ground, directories)
        file = directories.file(system.BAD_CLUSTERS)
        if file is not None:
            system.check_bad_clusters(ground, file, faults)
        census.clusters.settle(faults)
        file = directories.file(system.BITMAP)
        if file is not None:
            system.check_cluster_bitmap(ground, file, census, faults)

    def _stores(self, ground: Ground, directories: Directories) -> None:
        """Check what came with version 3.0 of the file system."""
        faults, census = self._faults, self._census
        file = directories.file(system.ATTRIBUTE_TABLE)
        if file is not None:
            system.check_attribute_table(ground, file, faults)
        # Each of these few indexes is walked over once, and has no block twice.
        budget = Budget(8 * ground.rules.shape.clusters)
        file = directories.file(system.SECURE)
        if file is not None and file.is_whole:
            SecureCheck(ground, census, faults, budget).check(file)
        views = map(directories.file, directories.views)
        ExtendCheck(ground, census, faults, budget).check(each for each in views if each is not None)

    def _report(self, shape: Shape | None) -> NtfsReport:
        faults, census = self._faults, self._census
        kept = faults.kept
        if self._ground is not None:
            paths = Paths(self._ground, ListReader(self._ground, census, Faults(0)))
            try:
                kept = [replace(each, path=_path(paths, each.record)) for each in kept]
            except TooMuch:
                # The faults are told without.
                kept = faults.kept
        return NtfsReport(
            files=census.files,
            directories=census.directories,
            records=census.records,
            clusters=0 if shape is None else shape.clusters,
            used=len(census.clusters),
            is_complete=faults.is_complete,
            counts=dict(faults.counts),
            faults=tuple(kept),
        )


def _path(paths: Paths, record: int | None) -> str | None:
    return None if record is None else paths.path(record)


def _find_mft(ground: Ground, faults: Faults) -> bool:
    """Find the MFT by its own first record, of which parts may lie in records that the parts before locate."""
    shape = ground.rules.shape
    start = shape.mft * shape.cluster_bytes
    block = ground.target.read_at(start, shape.record_bytes) if start + shape.record_bytes <= _end(ground) else b""
    if block[:4] != b"FILE":
        faults.tell(
            FaultKind.MFT, f"its first record begins with {block[:4].decode('latin-1')!r}", 0, cluster=shape.mft
        )
        return False
    # Its faults are told with those of all records.
    first = decode_record(block, 0, ground.rules, own := Faults(1))
    if first is None:
        for each in own.kept:
            faults.tell(each.kind, each.text, 0)
        return False
    parts = parts_of(first, attrs.DATA)
    stream = _stream(ground, parts[:1])
    if stream is None:
        faults.tell(FaultKind.MFT, "it has no clusters that can be found", 0, "$DATA")
        return False
    ground.found(stream)
    for reference in _holders(ground, first):
        record = ground.record(reference & NUMBER)
        if record is not None and record.reference == reference and record.base & NUMBER == system.MFT:
            more = [*parts, *parts_of(record, attrs.DATA)]
            more.sort(key=lambda part: part.first)
            stream = _stream(ground, more)
            if stream is not None:
                parts = more
                ground.found(stream)
    if parts and ground.mft.size < parts[0].size:
        text = f"{parts[0].size} bytes, of which only {ground.mft.size} can be found"
        faults.tell(FaultKind.MFT, text, 0, "$DATA")
        faults.is_complete = False
    return True


def _end(ground: Ground) -> int:
    return int(ground.target.geometry.size_bytes)


def _stream(ground: Ground, parts: list[Attribute]) -> Stream | None:
    stream = ground.stream(parts) if parts and parts[0].size > 0 else None
    return None if stream is None or stream.has_holes or not stream.size else stream


def _holders(ground: Ground, first: Record) -> list[int]:
    """Return the references of the records that hold further parts of the MFT, in the order of its list."""
    value = ground.value(parts_of(first, attrs.ATTRIBUTE_LIST), 256 << 10) or b""
    found, at = [], 0
    while at + 26 <= len(value):
        length = int.from_bytes(value[at + 4 : at + 6], "little")
        if length < 26:
            break
        reference = int.from_bytes(value[at + 16 : at + 24], "little")
        if int.from_bytes(value[at : at + 4], "little") == attrs.DATA and reference & NUMBER != system.MFT:
            found.append(reference)
        at += length
    return list(dict.fromkeys(found))

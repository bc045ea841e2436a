"""A FAT volume as an image that libwim can take over.

libwim on Linux takes neither attributes nor the time of creation nor short names from a directory, so extracting the
volume would lose them.  Instead its files go, uncompressed and each content once, into a temporary WIM, whose image is
exported into the one that is written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO

from osdimage.imaging import filetime
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.capture.config import CaptureConfig
from osdimage.imaging.capture.source import Opened
from osdimage.imaging.capture.template import Known, Template
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidVolume, StorageError
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import format_size
from osdimage.imaging.volume.fat.entries import FatEntry
from osdimage.imaging.volume.fat.names import fault, fold
from osdimage.imaging.volume.fat.read import FatVolume, open_fat
from osdimage.imaging.volume.fat.source import STORED_ATTRIBUTES
from osdimage.imaging.volume.interrupted import settled_window
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.stored.format import (
    ALIGNMENT,
    BLOB_STRUCT,
    DENTRY_STRUCT,
    HEADER_SIZE,
    NO_HASH,
    NO_SECURITY_ID,
    SECURITY_STRUCT,
    Header,
    Resource,
    ResourceFlag,
)
from osdimage.native.wim import tree
from osdimage.native.wim.facts import AddedImage
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.patterns import Patterns

_NO_SECURITY = SECURITY_STRUCT.pack(SECURITY_STRUCT.size, 0)
# Behind the entries of each directory, where the length of one more would be.
_END = bytes(8)


@dataclass(slots=True)
class FatTree:
    """A FAT volume that is ready to be exported: image 1 of an open WIM, and what was left out."""

    handle: WimHandle
    excluded: tuple[str, ...]
    # Of what is not in it, because another WIM holds it.
    known_size: int = 0

    def add_to(self, destination: WimHandle, name: str, *, boot: bool) -> AddedImage:
        """Add the image to a WIM, which reads from this one until it is closed."""
        audit = tree.audit(self.handle, 1)
        self.handle.export_image(1, destination, name=name, description=None, boot=boot)
        return AddedImage(audit.messages, audit.directories, audit.files, audit.size + self.known_size)


@contextmanager
def opened_volume(volume: OpenVolume, config: CaptureConfig, template: Template | None = None) -> Iterator[Opened]:
    """Read the tree of a FAT volume into a WIM for libwim, for as long as the body of the ``with`` lasts.

    Contents that are as they were in a template are not read.

    Raises:
        InvalidInput: when it is damaged.
        StorageError: when it cannot be read, or a temporary file not be written.
    """
    opened = open_fat(settled_window(volume))
    hazards = []
    if opened.used_backup:
        hazards.append(f"{volume.name}: the boot sector is unusable; its copy was read")
    if opened.is_marked_dirty:
        hazards.append(f"{volume.name}: the volume is marked dirty: an earlier write to it was not finished")
    with fat_tree(opened, config, {} if template is None else template.known()) as prepared:
        yield Opened(volume.name, volume, tuple(hazards), prepared)


@contextmanager
def fat_tree(
    volume: FatVolume, config: CaptureConfig, known: Mapping[str, Known] = MappingProxyType({})
) -> Iterator[FatTree]:
    """Copy the files of a volume into a temporary WIM, which is there for the body of the ``with``.

    Of files that are ``known`` by their paths, and as they were, it has the hashes and not the contents.

    Raises:
        InvalidVolume: when the volume is damaged.
        StorageError: when the temporary folder has no room, or reading or writing fails.
    """
    entries, excluded = _chosen(volume.walk(), config)
    _refuse_false_claims(volume, entries)
    hashes = {entry.path: sha1 for entry in entries if (sha1 := _known_hash(entry, known)) is not None}
    needed = sum(entry.size for entry in entries if entry.path not in hashes)
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{volume.target.name}: its files take {format_size(needed)} for a while in {folder}, which has room for "
            f"{format_size(free)}; name another folder in TMPDIR",
            path=folder,
        )
    try:
        with scratch_folder() as made, (made / "files.wim").open("w+b") as file:
            _Writer(volume, file, hashes).write(entries)
            file.flush()
            with wim_errors(file.name), WimHandle.open(Path(file.name)) as handle:
                yield FatTree(handle, excluded, sum(entry.size for entry in entries) - needed)
    except StorageError:
        # Of the disk, not of the file.
        raise
    except OSError as error:
        raise StorageError(
            f"a temporary file cannot be written: {error.strerror}", path=folder, errno=error.errno
        ) from error


def _known_hash(entry: FatEntry, known: Mapping[str, Known]) -> bytes | None:
    """Return the hash of a file that is as it was, or None."""
    found = known.get(f"/{entry.path}")
    if found is None or entry.is_directory or entry.size == 0:
        return None
    times = (_filetime(entry.created_ns), _filetime(entry.modified_ns), _filetime(entry.accessed_ns))
    return found.sha1 if found.fits(times, entry.size) else None


def _refuse_false_claims(volume: FatVolume, entries: Iterable[FatEntry]) -> None:
    """Refuse a volume before anything is copied when a file of it claims more than its clusters hold.

    Raises:
        InvalidVolume: that names the file.
    """
    layout, claimed = volume.layout, 0
    for entry in entries:
        if entry.is_directory:
            continue
        claimed += sum(count for _, count in volume.file_runs(entry))
        if claimed > layout.clusters:
            raise InvalidVolume(
                f"{entry.path!r} and the files before it claim more clusters than the volume has",
                volume=volume.target.name,
            )


# ---- what is left out


def excluder(config: CaptureConfig) -> Callable[[str], bool]:
    """Return a test of whether a path from the root, separated by ``/``, is left out; its parents are not looked at."""
    return Patterns(config.exclusions, config.exceptions, match_case=config.match_case).exclude


def _chosen(entries: Iterable[FatEntry], config: CaptureConfig) -> tuple[list[FatEntry], tuple[str, ...]]:
    """Return what is captured, parents first, and the paths of the files and directories that are left out."""
    is_excluded = excluder(config)
    chosen: list[FatEntry] = []
    left_out: set[str] = set()
    named: list[str] = []
    for entry in entries:
        if entry.path.rpartition("/")[0] in left_out:
            left_out.add(entry.path)
        elif is_excluded(entry.path):
            left_out.add(entry.path)
            named.append(entry.path)
        else:
            chosen.append(entry)
    return chosen, tuple(named)


# ---- the temporary WIM


class _Writer:
    """Writes one WIM."""

    def __init__(self, volume: FatVolume, file: IO[bytes], known: Mapping[str, bytes]) -> None:
        self._volume = volume
        self._file = file
        self._known = known
        # By SHA-1: offset, size and the number of files.
        self._blobs: dict[bytes, list[int]] = {}

    def write(self, entries: Sequence[FatEntry]) -> None:
        """Write contents, tree, blob table, XML, and then the header."""
        self._file.seek(HEADER_SIZE)
        hashes = [self._copy(entry) for entry in entries]
        tree = _tree(entries, hashes)
        tree_at = self._put(tree)
        table = [BLOB_STRUCT.pack(size, at, size, 1, count, sha1) for sha1, (at, size, count) in self._blobs.items()]
        digest = hashlib.sha1(tree, usedforsecurity=False).digest()
        metadata = Resource.plain(tree_at, len(tree), ResourceFlag.METADATA)
        table.append(BLOB_STRUCT.pack(*metadata.numbers(), 1, 1, digest))
        packed = b"".join(table)
        table_at = self._put(packed)
        xml = _xml(entries)
        xml_at = self._put(xml)
        header = Header(
            guid=os.urandom(16),
            image_count=1,
            blob_table=Resource.plain(table_at, len(packed)),
            xml=Resource.plain(xml_at, len(xml)),
        )
        self._file.seek(0)
        self._file.write(header.build())

    def _put(self, data: bytes) -> int:
        at = self._file.tell()
        self._file.write(data)
        return at

    def _copy(self, entry: FatEntry) -> bytes:
        """Copy the contents of a file, unless they are there; return their SHA-1."""
        if entry.is_directory or entry.size == 0:
            return NO_HASH
        if entry.path in self._known:
            return self._known[entry.path]
        begin = self._file.tell()
        digest = hashlib.sha1(usedforsecurity=False)
        for piece in self._volume.read(entry):
            digest.update(piece)
            self._file.write(piece)
        sha1 = digest.digest()
        known = self._blobs.get(sha1)
        if known is None:
            self._blobs[sha1] = [begin, entry.size, 1]
        else:
            known[2] += 1
            self._file.seek(begin)
            self._file.truncate()
        return sha1


def _tree(entries: Sequence[FatEntry], hashes: Sequence[bytes]) -> bytes:
    """Return the metadata resource: no security data, then the entries, directory by directory, parents first."""
    children: dict[str, list[int]] = {"": []}
    for number, entry in enumerate(entries):
        children[entry.path.rpartition("/")[0]].append(number)
        if entry.is_directory:
            children[entry.path] = []
    sizes = [len(_dentry(entry, 0, NO_HASH)) for entry in entries]
    position = len(_NO_SECURITY) + len(_root(entries, 0)) + len(_END)
    places: dict[str, int] = {}
    for path, numbers in children.items():
        # A directory without children has no list of them.
        places[path] = position if numbers else 0
        position += sum(sizes[number] for number in numbers) + len(_END) if numbers else 0
    parts = [_NO_SECURITY, _root(entries, places[""]), _END]
    for numbers in children.values():
        if numbers:
            parts += [_dentry(entries[each], places.get(entries[each].path, 0), hashes[each]) for each in numbers]
            parts.append(_END)
    return b"".join(parts)


def _root(entries: Sequence[FatEntry], children_at: int) -> bytes:
    # FAT keeps no times of the root; the newest of what is in it is not far from the truth.
    newest = max((entry.modified_ns for entry in entries if entry.modified_ns is not None), default=None)
    root = FatEntry("", "", True, 0, 0, newest, newest, newest, 0)  # noqa: FBT003 - is_directory
    return _dentry(root, children_at, NO_HASH)


def _dentry(entry: FatEntry, children_at: int, sha1: bytes) -> bytes:
    attributes = entry.attributes & STORED_ATTRIBUTES
    if entry.is_directory:
        attributes |= FileAttribute.DIRECTORY.value
    name = entry.name.encode("utf-16-le", "surrogatepass")
    has_two = fold(entry.short_name) != fold(entry.name) and fault(entry.short_name) is None
    short = entry.short_name.encode("utf-16-le") if has_two else b""
    # A name is followed by a NUL that its length does not count.
    names = b"".join(text + b"\0\0" for text in (name, short) if text)
    padding = -(DENTRY_STRUCT.size + len(names)) % ALIGNMENT
    packed = DENTRY_STRUCT.pack(
        DENTRY_STRUCT.size + len(names) + padding,
        attributes or FileAttribute.NORMAL.value,
        NO_SECURITY_ID,
        children_at,
        0,
        0,
        _filetime(entry.created_ns),
        _filetime(entry.accessed_ns),
        _filetime(entry.modified_ns),
        sha1,
        0,
        0,
        len(short),
        len(name),
    )
    return packed + names + bytes(padding)


def _filetime(time_ns: int | None) -> int:
    return 0 if time_ns is None else filetime.from_ns(time_ns)


def _xml(entries: Sequence[FatEntry]) -> bytes:
    directories = sum(entry.is_directory for entry in entries)
    size = sum(entry.size for entry in entries)
    now = _filetime(int(datetime.now(UTC).timestamp()) * 1_000_000_000)
    moment = f"<HIGHPART>0x{now >> 32:08X}</HIGHPART><LOWPART>0x{now & 0xFFFFFFFF:08X}</LOWPART>"
    text = (
        f'<WIM><TOTALBYTES>{size}</TOTALBYTES><IMAGE INDEX="1"><DIRCOUNT>{directories + 1}</DIRCOUNT>'
        f"<FILECOUNT>{len(entries) - directories}</FILECOUNT><TOTALBYTES>{size}</TOTALBYTES>"
        f"<HARDLINKBYTES>0</HARDLINKBYTES><CREATIONTIME>{moment}</CREATIONTIME>"
        f"<LASTMODIFICATIONTIME>{moment}</LASTMODIFICATIONTIME></IMAGE></WIM>"
    )
    return f"\ufeff{text}".encode("utf-16-le")

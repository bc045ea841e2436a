"""Reading an NTFS volume, with code of its own: no line of it is shared with what writes volumes here.

The records of the MFT are read once, from the first to the last, and the tree is made of their $FILE_NAME attributes.
Then the indexes of the directories, through which Windows finds files, are compared with it.  Records below 24, which
hold the file system itself, are left out, and with them ``$Extend``.

A volume may be hostile.  Time and memory are bounded by the size of its MFT; whatever contradicts itself is an
:class:`~osdimage.imaging.errors.InvalidVolume` that names the place.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume.ntfs import records
from osdimage.imaging.volume.ntfs.data import Contents, RunMap
from osdimage.imaging.volume.ntfs.index import names_in_index
from osdimage.imaging.volume.ntfs.mft import Mft, has_list
from osdimage.imaging.volume.ntfs.records import Attribute, BootSector, MftRecord, Reference
from osdimage.imaging.volume.ntfs.secure import read_descriptors

ROOT = 5
_VOLUME, _SECURE = 3, 9
FIRST_USER_RECORD = 24

# MAXIMUM_REPARSE_DATA_BUFFER_SIZE ([MS-FSCC] 2.1.2), with the header and GUID of a third party.
_MAX_REPARSE = (16 << 10) + 24
_MAX_DESCRIPTOR = 64 << 10
# Windows takes no longer path (UNICODE_STRING holds 32,767 characters).
_MAX_PATH = 32767
# All paths of a volume together; a real system has some 20 million characters.
_MAX_PATHS = 1 << 29
# Reparse points and security descriptors that lie in clusters of their own; files of a hostile volume may share them.
_MAX_VALUES = 1 << 28

# FILE_NAME_TYPE_FLAGS.
_WIN32, _DOS = 1, 2

_STANDARD = struct.Struct("<QQQQI")


@dataclass(frozen=True, slots=True)
class NtfsStream:
    """A data stream of a file; the unnamed one has the name None."""

    name: str | None
    contents: Contents

    @property
    def size(self) -> int:
        """Bytes of the stream."""
        return self.contents.size


@dataclass(frozen=True, slots=True)
class NtfsEntry:
    """A name of a file or directory, and the file that it leads to.  A file with two hard links is two entries.

    Attributes:
        path: from the root, separated by ``/``.
        record: the number of its MFT record, the same for all its names.
        is_directory: whether it is one.
        short_name: the DOS name that belongs to this name, or None.
        attributes: FILE_ATTRIBUTE_* of [MS-FSCC] 2.6, as they are stored; a directory has no flag of its own there.
        created, modified, changed, accessed: in 100 ns since 1601.
        security_descriptor: self-relative ([MS-DTYP] 2.4.6), or None.
        reparse: the whole reparse buffer ([MS-FSCC] 2.1.2), or None.
        object_id: its 16 bytes, or None.
        links: how many names the file has; DOS names do not count.
        streams: its data streams.
    """

    path: str
    record: int
    is_directory: bool
    short_name: str | None
    attributes: int
    created: int
    modified: int
    changed: int
    accessed: int
    security_descriptor: bytes | None
    reparse: bytes | None
    object_id: bytes | None
    links: int
    streams: tuple[NtfsStream, ...]


@dataclass(slots=True)
class _Name:
    """A $FILE_NAME attribute, with the DOS name that belongs to it."""

    parent: Reference
    text: str
    namespace: int
    short: str | None = None


@dataclass(slots=True)
class _File:
    """What was found of a file while the MFT was read: its names, and its other attributes."""

    number: int
    sequence: int
    is_directory: bool
    names: list[_Name]
    attributes: tuple[Attribute, ...]

    def parts(self, kind: int, name: str = "") -> list[Attribute]:
        """Return the parts of an attribute."""
        return [each for each in self.attributes if each.kind == kind and each.name == name]


@contextmanager
def named_in_errors(target: BlockTarget) -> Iterator[None]:
    """Name the volume in the errors of those who know only its bytes."""
    try:
        yield
    except InvalidVolume as error:
        raise InvalidVolume(error.fault, volume=target.name) from error


class NtfsVolume:
    """An NTFS volume that is only read.

    Attributes:
        boot: its boot sector.
        is_dirty: whether it is marked dirty.
    """

    def __init__(self, target: BlockTarget) -> None:
        """Read the boot sector and find the MFT; the target stays the caller's.

        Raises:
            InvalidVolume: when it is not an NTFS volume, or a damaged one.
            StorageError: when it cannot be read.
        """
        self._target = target
        size = target.geometry.size_bytes
        self._values_left = _MAX_VALUES
        self._index_left = int(size)
        with named_in_errors(target):
            self.boot = BootSector.from_bytes(target.read_at(0, min(size, 512)), size)
            self._mft = Mft(target, self.boot)
            information = self._one(self._file(_VOLUME), records.VOLUME_INFORMATION)
            if information is None or len(information.parts[0].value or b"") < 12:
                raise InvalidVolume("the volume has no $VOLUME_INFORMATION")
            # VOLUME_IS_DIRTY.
            self.is_dirty = bool((information.parts[0].value or b"")[10] & 1)

    def entries(self, progress: Callable[[int, int], None] | None = None) -> Iterator[NtfsEntry]:
        """Yield every name on the volume, the root first and parents before their children.

        Args:
            progress: is called with the records that were read, and how many there are.

        Raises:
            InvalidVolume: when the volume is damaged.
            StorageError: when it cannot be read.
        """
        with named_in_errors(self._target):
            yield from self._entries(progress)

    def _entries(self, progress: Callable[[int, int], None] | None) -> Iterator[NtfsEntry]:
        files, children = self._scan(progress)
        if ROOT not in files or not files[ROOT].is_directory:
            raise InvalidVolume("the volume has no root directory")
        descriptors = self._descriptors()
        waiting = [(ROOT, "/", files[ROOT].names[0] if files[ROOT].names else None)]
        seen: set[int] = set()
        paths = 0
        while waiting:
            number, path, name = waiting.pop()
            file = files[number]
            if number in seen:
                raise InvalidVolume(f"the directory {path!r} has two names: MFT record {number}")
            paths += len(path)
            if len(path) > _MAX_PATH or paths > _MAX_PATHS:
                raise InvalidVolume(f"the paths of the volume are too long, such as {path[:80]!r}...")
            yield self._entry(file, path, name, descriptors)
            if file.is_directory:
                seen.add(number)
                below = children.pop(number, [])
                self._check_index(file, path, below, files)
                prefix = path if path == "/" else path + "/"
                waiting += [(child, prefix + each.text, each) for child, each in reversed(below)]
            elif len(file.names) <= 1:
                # What was yielded is not needed any more; a volume has some hundred thousand files.
                del files[number]

    def pieces(self, stream: NtfsStream) -> Iterator[bytes]:
        """Yield the contents of a stream; several threads may read at once.

        Raises:
            InvalidVolume: when they are damaged.
            StorageError: when they cannot be read.
        """
        with named_in_errors(self._target):
            yield from stream.contents.pieces(self._target, self.boot)

    def stored_bytes(self, stream: NtfsStream) -> int:
        """Return how many bytes of a stream are not in holes.

        Raises:
            InvalidVolume: when it is damaged.
        """
        with named_in_errors(self._target):
            return stream.contents.stored_bytes(self.boot)

    def position(self, stream: NtfsStream) -> int:
        """Return where on the volume a stream begins, in bytes; 0 when it lies in the MFT or nowhere."""
        return stream.contents.first_byte(self.boot)

    def _scan(self, progress: Callable[[int, int], None] | None) -> tuple[dict[int, _File], dict[int, _Children]]:
        files: dict[int, _File] = {}
        lists: list[MftRecord] = []
        extra: dict[int, list[MftRecord]] = {}
        for record in self._mft.each_record(progress):
            if record.base is not None:
                extra.setdefault(record.base, []).append(record)
            elif record.number == ROOT or record.number >= FIRST_USER_RECORD:
                if has_list(record):
                    lists.append(record)
                else:
                    files[record.number] = _make_file(record, record.attributes)
        for record in lists:
            files[record.number] = _make_file(record, self._mft.merge(record, extra.get(record.number, [])))
        children: dict[int, _Children] = {}
        for number, file in files.items():
            for name in file.names if number != ROOT else ():
                above = files.get(name.parent.number)
                # What lies in $Extend, or in a directory that is no more, is not in the tree.
                if above is not None and above.sequence == name.parent.sequence:
                    children.setdefault(name.parent.number, []).append((number, name))
        for below in children.values():
            below.sort(key=lambda item: item[1].text)
        return files, children

    def _file(self, number: int) -> _File:
        """Return one of the files of the file system itself."""
        return _make_file(*self._mft.whole_record(number))

    def _entry(self, file: _File, path: str, name: _Name | None, descriptors: dict[int, bytes]) -> NtfsEntry:
        where = f"MFT record {file.number} ({path})"
        standard = self._one(file, records.STANDARD_INFORMATION)
        value = standard.parts[0].value if standard is not None else None
        if value is None or len(value) < 48:
            raise InvalidVolume(f"{where} has no $STANDARD_INFORMATION")
        created, modified, changed, accessed, attributes = _STANDARD.unpack_from(value)
        reparse = self._value(file, records.REPARSE_POINT, _MAX_REPARSE, where)
        if reparse is not None and len(reparse) < 8:
            raise InvalidVolume(f"{where} has a reparse point of {len(reparse)} bytes")
        object_id = self._value(file, records.OBJECT_ID, 64, where)
        descriptor = self._value(file, records.SECURITY_DESCRIPTOR, _MAX_DESCRIPTOR, where)
        # Of version 3 of the file system on, the descriptor is usually in $Secure.
        if descriptor is None and len(value) >= 72:
            (security_id,) = struct.unpack_from("<I", value, 52)
            descriptor = descriptors.get(security_id)
            if security_id and descriptor is None:
                raise InvalidVolume(f"{where} has security id {security_id}, which $Secure does not hold")
        return NtfsEntry(
            path,
            file.number,
            file.is_directory,
            name.short if name is not None else None,
            attributes,
            created,
            modified,
            changed,
            accessed,
            descriptor,
            reparse,
            object_id[:16] if object_id is not None else None,
            max(1, len(file.names)),
            self._streams(file, where),
        )

    def _streams(self, file: _File, where: str) -> tuple[NtfsStream, ...]:
        parts: dict[str, list[Attribute]] = {}
        for each in file.attributes:
            if each.kind == records.DATA:
                parts.setdefault(each.name, []).append(each)
        return tuple(NtfsStream(name or None, Contents.of(found, where)) for name, found in sorted(parts.items()))

    def _one(self, file: _File, kind: int) -> Contents | None:
        parts = file.parts(kind)
        return Contents.of(parts, f"MFT record {file.number}") if parts else None

    def _value(self, file: _File, kind: int, limit: int, where: str) -> bytes | None:
        contents = self._one(file, kind)
        if contents is None:
            return None
        if contents.parts[0].value is None:
            self._values_left -= contents.size
            if self._values_left < 0:
                raise InvalidVolume(f"the reparse points and security descriptors have more than {_MAX_VALUES} bytes")
        return contents.read(self._target, self.boot, limit=limit, what=f"attribute {kind:#x} of {where}")

    def _descriptors(self) -> dict[int, bytes]:
        """Return the security descriptors of $Secure by their number."""
        file = self._file(_SECURE)
        parts = file.parts(records.DATA, "$SDS")
        if not parts:
            # A volume of version 1 has none.
            return {}
        return read_descriptors(Contents.of(parts, "$Secure").pieces(self._target, self.boot))

    def _check_index(self, file: _File, path: str, below: _Children, files: dict[int, _File]) -> None:
        """Compare the index of a directory with the names that say that they are in it.

        Raises:
            InvalidVolume: when a name is only in one of them.
        """
        where = f"the index of the directory {path!r}"
        root = file.parts(records.INDEX_ROOT, "$I30")
        blocks = file.parts(records.INDEX_ALLOCATION, "$I30")
        if len(root) != 1 or root[0].value is None:
            raise InvalidVolume(f"{where} has no root")
        allocation = RunMap(Contents.of(blocks, where), self.boot, where) if blocks else None
        indexed, visited = names_in_index(root[0].value, allocation, self._target, self.boot.cluster_bytes, where)
        self._index_left -= visited
        if self._index_left < 0:
            raise InvalidVolume(f"{where} shares its blocks with others")
        expected = set()
        for number, name in below:
            reference = Reference(number, files[number].sequence)
            expected |= {(reference, text) for text in (name.text, name.short) if text is not None}
        there_are = {(reference, text) for reference, text in indexed if reference.number >= FIRST_USER_RECORD}
        for reference, text in sorted(expected ^ there_are)[:1]:
            who = "the index alone has" if (reference, text) in there_are else "the index has not"
            raise InvalidVolume(f"{where} does not fit its files: {who} {text!r}, MFT record {reference.number}")


_Children = list[tuple[int, _Name]]


def _make_file(record: MftRecord, attributes: list[Attribute]) -> _File:
    names: list[_Name] = []
    short: list[_Name] = []
    rest: list[Attribute] = []
    for each in attributes:
        if each.kind == records.FILE_NAME:
            name = _parse_name(each, record.number)
            (short if name.namespace == _DOS else names).append(name)
        elif each.kind != records.ATTRIBUTE_LIST:
            rest.append(each)
    for name in short:
        owner = next((n for n in names if n.parent == name.parent and n.namespace == _WIN32), None)
        if owner is not None:
            owner.short = name.text
        else:
            names.append(name)
    return _File(record.number, record.sequence, record.is_directory, names, tuple(rest))


def _parse_name(attribute: Attribute, number: int) -> _Name:
    value = attribute.value
    if value is None or len(value) < 66 or len(value) < 66 + 2 * value[64]:
        raise InvalidVolume(f"MFT record {number} has a damaged $FILE_NAME")
    text = value[66 : 66 + 2 * value[64]].decode("utf-16-le", "surrogatepass")
    if not text or "/" in text or "\0" in text:
        raise InvalidVolume(f"MFT record {number} has the name {text!r}, which no file can have")
    return _Name(Reference.from_int(struct.unpack_from("<Q", value)[0]), text, value[65])

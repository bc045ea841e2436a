"""The indexes of directories against the names of the files: each must be in the other, once."""

from __future__ import annotations

import struct
from collections.abc import Callable

from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check.attributes import NUMBER, Record
from osdimage.imaging.volume.ntfs.check.census import Census, Name, namespace_of, parent_of
from osdimage.imaging.volume.ntfs.check.faults import Faults
from osdimage.imaging.volume.ntfs.check.files import I30
from osdimage.imaging.volume.ntfs.check.ground import Ground
from osdimage.imaging.volume.ntfs.check.index import Budget, Index
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind
from osdimage.imaging.volume.ntfs.check.lists import ListReader

_LABEL = attrs.label_of(attrs.INDEX_ROOT, I30)
_BY_NAME = 1
_COPIES = struct.Struct("<qqI")
_COPIES_AT = 40
_IS_DIRECTORY, _IS_VIEW = 0x10000000, 0x20000000
_FIRST_OF_FILES = 24
_POSIX = 0
_ROOT, _EXTEND = 5, 11
_DEEPEST_OF_SYSTEM = 8

Progress = Callable[[int, int], None]


class Directories:
    """Compares the directories of a volume with its files.

    With ``is_fresh`` the copies of sizes, times and flags must be those of the files, too: Windows leaves them behind,
    and only who has just made a volume can promise them.
    """

    def __init__(self, ground: Ground, census: Census, faults: Faults, *, is_fresh: bool) -> None:
        """Prepare for the directories of a volume."""
        self._ground = ground
        self._census = census
        self._faults = faults
        self._is_fresh = is_fresh
        self._incomplete: set[int] = set()
        self._reader = ListReader(ground, census, Faults(0))
        self._upcase = upcase = ground.rules.upcase
        # Most names are of these characters, and bytes are quick.
        self._is_ascii_usual = upcase is not None and tuple(upcase[:128]) == tuple(bytes(range(128)).upper())
        self.views: list[int] = []
        # On a sound volume each block has a name; a thousand are for blocks that are empty all the same.
        self._budget = Budget(census.names + 2 * len(census.indexes) + 1000)

    def check(self, progress: Progress | None) -> None:
        """Walk over every directory, then tell of the names that were not found."""
        total = len(self._census.indexes)
        for done, number in enumerate(self._census.indexes):
            file = self.file(number)
            if file is None:
                self._incomplete.add(number)
            elif file.is_directory:
                self._directory(file)
            else:
                self.views.append(number)
            if progress is not None and done % 256 == 0:
                progress(done, total)
        if progress is not None:
            progress(total, total)
        self._tell_of_names_left()
        self._tell_of_loops()

    def file(self, number: int) -> Record | None:
        """Read a file once more, with all of its attributes."""
        record = self._ground.record(number)
        return None if record is None else self._reader.merged(record)

    def _directory(self, folder: Record) -> None:
        index = Index(folder, I30, self._ground, self._faults, self._budget)
        last = _POSIX
        reference = folder.reference
        for entry in index.entries(attrs.FILE_NAME, _BY_NAME, self._sorted_as):
            key = entry.key
            namespace = namespace_of(key)
            if index.before is not None and index.before[0] == index.key[0] and (namespace, last) != (_POSIX, _POSIX):
                self._tell(FaultKind.NAME_TWINS, "another one differs from it in case only", folder, key)
            last = namespace
            if parent_of(key) != reference:
                self._tell(FaultKind.ENTRY_PARENT, f"it says record {parent_of(key) & NUMBER}", folder, key)
                # Its name is looked for where it is: that it is not there would be no second fault.
                key = reference.to_bytes(8, "little") + key[8:]
            self._entry(folder, entry.head, key)
        if not index.is_whole or not folder.is_whole:
            self._incomplete.add(folder.number)

    def _sorted_as(self, key: bytes) -> tuple[bytes, bytes]:
        """Return what a name is sorted by, without case and then with it: its characters with the high byte first."""
        head = attrs.FILE_NAME_HEAD
        if len(key) <= head or len(key) != head + 2 * key[head - 2]:
            raise ValueError(f"{len(key)} bytes are no name")
        name = key[head:]
        if self._is_ascii_usual and name.isascii() and not name[1::2].strip(b"\0"):
            return b"\0" + name[:-1].upper(), b"\0" + name[:-1]
        units = struct.unpack(f"<{len(name) // 2}H", name)
        upper = units if self._upcase is None else map(self._upcase.__getitem__, units)
        order = f">{len(units)}H"
        return struct.pack(order, *upper), struct.pack(order, *units)

    def _entry(self, folder: Record, reference: int, key: bytes) -> None:
        census, number = self._census, reference & NUMBER
        if not census.is_file(reference):
            if number not in census.partial:
                is_there = census.is_known(number)
                why = "which is used for another file" if is_there else "which is not in use"
                self._tell(FaultKind.ENTRY_STALE, f"it leads to record {number}, {why}", folder, key)
            return
        name = census.take_name(number, key)
        if name is None:
            if number not in census.partial:
                self._tell(FaultKind.ENTRY_NAME, f"it leads to record {number}, which has no such name", folder, key)
            return
        _, size, flags = _COPIES.unpack_from(key, _COPIES_AT)
        is_directory = census.is_directory(number)
        if bool(flags & _IS_DIRECTORY) != is_directory and number not in census.partial:
            what = "a directory" if is_directory else "a file"
            self._tell(FaultKind.ENTRY_KIND, f"it leads to record {number}, which is {what}", folder, key)
        elif self._is_fresh and number >= _FIRST_OF_FILES:
            self._fresh(number, name, key)
        elif name.is_only and not is_directory and size != name.size and number >= _FIRST_OF_FILES:
            # Windows never writes the sizes of its own files there.
            if self._is_of_system(folder.number):
                return
            self._tell(FaultKind.ENTRY_SIZE, f"it says {size} bytes, record {number} has {name.size}", folder, key)

    def _is_of_system(self, number: int) -> bool:
        """Tell whether a directory is in ``$Extend``."""
        for _ in range(_DEEPEST_OF_SYSTEM):
            if number == _EXTEND:
                return True
            number = self._census.parents.get(number, _ROOT)
        return False

    def _fresh(self, number: int, name: Name, key: bytes) -> None:
        """Compare the copies of sizes and flags of a volume that was just made."""
        allocated, size, flags = _COPIES.unpack_from(name.value, _COPIES_AT)
        if name.value != key:
            text = "the entry of its directory has other sizes, times or flags than its name"
            self._faults.tell(FaultKind.NAME_STALE, text, number, "$FILE_NAME")
        elif (allocated, size) != (name.allocated, name.size):
            text = f"it says {size} of {allocated} bytes, the file has {name.size} of {name.allocated}"
            self._faults.tell(FaultKind.NAME_STALE, text, number, "$FILE_NAME")
        elif flags & ~(_IS_DIRECTORY | _IS_VIEW) != name.flags & ~(_IS_DIRECTORY | _IS_VIEW):
            text = f"it says flags {flags:#x}, the file has {name.flags:#x}"
            self._faults.tell(FaultKind.NAME_STALE, text, number, "$FILE_NAME")

    def _tell(self, kind: FaultKind, text: str, folder: Record, key: bytes) -> None:
        name = attrs.text_of(key[attrs.FILE_NAME_HEAD :])
        self._faults.tell(kind, f"{name!r}: {text}", folder.number, _LABEL)

    def _tell_of_names_left(self) -> None:
        census = self._census
        for number, name in census.names_left():
            parent = parent_of(name.value)
            folder = parent & NUMBER
            text = repr(attrs.text_of(name.value[attrs.FILE_NAME_HEAD :]))
            if number in census.partial or (folder in census.partial and not census.is_known(folder)):
                # What is wrong with one of them was told.
                continue
            if not census.is_file(parent) or not census.is_directory(folder):
                self._faults.tell(FaultKind.NAME_PARENT, f"{text} in record {folder}", number, "$FILE_NAME")
            elif folder not in self._incomplete and folder not in census.partial:
                self._faults.tell(FaultKind.NAME_LOST, f"{text} in record {folder}", number, "$FILE_NAME")

    def _tell_of_loops(self) -> None:
        """Tell of directories from which no way leads up to the root."""
        parents, done = self._census.parents, {_ROOT}
        for start in parents:
            way: list[int] = []
            here: set[int] = set()
            number = start
            while number not in done and number in parents and number not in here:
                way.append(number)
                here.add(number)
                number = parents[number]
            if number in here:
                self._faults.tell(FaultKind.DIRECTORY_LOOP, f"by way of record {way[-1]}", number)
            done.update(way)

"""The views in ``$Extend``: object ids and reparse points, each against the files that have them; and quotas."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import count
from typing import Any

from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check.attributes import NUMBER, Record
from osdimage.imaging.volume.ntfs.check.census import Census, parent_of
from osdimage.imaging.volume.ntfs.check.faults import Faults
from osdimage.imaging.volume.ntfs.check.ground import Ground, parts_of
from osdimage.imaging.volume.ntfs.check.index import Budget, Collation, Index, numbers
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind

_ULONG, _SID, _ULONGS = 0x10, 0x11, 0x13
_O, _Q, _R = (name.encode("utf-16-le") for name in ("$O", "$Q", "$R"))
_EXTEND = 11
_VIEWS = {"$Quota", "$ObjId", "$Reparse"}
_REPARSE_KEY = struct.Struct("<IQ")


class ExtendCheck:
    """Checks the views of a volume, by the names of the files that hold them."""

    def __init__(self, ground: Ground, census: Census, faults: Faults, budget: Budget) -> None:
        """Prepare."""
        self._ground = ground
        self._census = census
        self._faults = faults
        self._budget = budget

    def check(self, views: Iterable[Record]) -> None:
        """Check the files with an index that are no directories."""
        found = {name: file for file in views if (name := _name_of(file)) in _VIEWS}
        quota = found.get("$Quota")
        if quota is not None:
            # How SIDs are sorted is not published.
            self._walk(quota, _O, _SID, _unsorted())
            self._walk(quota, _Q, _ULONG, numbers)
        self._object_ids(found.get("$ObjId"))
        self._reparse_points(found.get("$Reparse"))

    def _walk(self, file: Record, name: bytes, rule: int, collation: Collation) -> None:
        if parts_of(file, attrs.INDEX_ROOT, name):
            for _ in Index(file, name, self._ground, self._faults, self._budget).entries(0, rule, collation):
                pass

    def _object_ids(self, file: Record | None) -> None:
        have: dict[bytes, int] = {}
        number = None
        is_whole = True
        if file is not None:
            number = file.number
            index = Index(file, _O, self._ground, self._faults, self._budget)
            for entry in index.entries(0, _ULONGS, numbers):
                have[entry.key] = int.from_bytes(entry.data[:8], "little")
            is_whole = index.is_whole
        for object_id, reference in self._census.object_ids:
            if have.get(object_id) == reference:
                del have[object_id]
            elif is_whole:
                text = f"{object_id.hex()} of record {reference & NUMBER} is not in it, or another file's"
                self._faults.tell(FaultKind.OBJECT_IDS, text, number, "$INDEX_ROOT:$O")
        for object_id, reference in have.items():
            if reference & NUMBER not in self._census.partial:
                text = f"{object_id.hex()}: record {reference & NUMBER} has it not"
                self._faults.tell(FaultKind.OBJECT_IDS, text, number, "$INDEX_ROOT:$O")

    def _reparse_points(self, file: Record | None) -> None:
        tags = self._census.reparse_tags
        number = None
        is_whole = True
        missing = dict(tags)
        if file is not None:
            number = file.number
            index = Index(file, _R, self._ground, self._faults, self._budget)
            for entry in index.entries(0, _ULONGS, numbers):
                if len(entry.key) != _REPARSE_KEY.size:
                    self._faults.tell(FaultKind.INDEX_KEY, f"{len(entry.key)} bytes", number, "$INDEX_ROOT:$R")
                    continue
                tag, reference = _REPARSE_KEY.unpack(entry.key)
                if tags.get(reference) == tag:
                    missing.pop(reference, None)
                elif reference & NUMBER not in self._census.partial:
                    text = f"record {reference & NUMBER} is no reparse point with tag {tag:#x}"
                    self._faults.tell(FaultKind.REPARSE_POINTS, text, number, "$INDEX_ROOT:$R")
                    missing.pop(reference, None)
            is_whole = index.is_whole
        if is_whole:
            for reference, tag in missing.items():
                text = f"that of record {reference & NUMBER}, with tag {tag:#x}, is not in it"
                self._faults.tell(FaultKind.REPARSE_POINTS, text, number, "$INDEX_ROOT:$R")


def _name_of(file: Record) -> str:
    """Return the name of a file in ``$Extend``; of others, none."""
    for each in file.attributes:
        if each.kind == attrs.FILE_NAME and each.value is not None and parent_of(each.value) & NUMBER == _EXTEND:
            return attrs.text_of(each.value[attrs.FILE_NAME_HEAD :])
    return ""


def _unsorted() -> Collation:
    """Return a collation by which every order is right."""
    order = count()

    def place(_: bytes) -> Any:  # noqa: ANN401 - whatever can be compared
        return next(order)

    return place

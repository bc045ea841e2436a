"""The paths of the few files that are told of."""

from __future__ import annotations

from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check.attributes import NUMBER
from osdimage.imaging.volume.ntfs.check.census import namespace_of, parent_of
from osdimage.imaging.volume.ntfs.check.ground import Ground
from osdimage.imaging.volume.ntfs.check.lists import ListReader

_ROOT = 5
_DEEPEST = 128
_DOS = 2


class Paths:
    """Finds the paths of files by their names, from the file up."""

    def __init__(self, ground: Ground, reader: ListReader) -> None:
        """Prepare to read records once more; ``reader`` tells nobody."""
        self._ground = ground
        self._reader = reader
        self._known: dict[int, tuple[str, int] | None] = {}

    def path(self, number: int) -> str | None:
        """Return the path of the file that a record belongs to, or None when it cannot be told."""
        record = self._ground.record(number)
        if record is not None and record.base:
            number = record.base & NUMBER
        if number == _ROOT:
            return "\\"
        names: list[str] = []
        while number != _ROOT and len(names) < _DEEPEST:
            step = self._step(number)
            if step is None:
                return None
            names.append(step[0])
            number = step[1]
        return "\\" + "\\".join(reversed(names)) if number == _ROOT else None

    def _step(self, number: int) -> tuple[str, int] | None:
        if number not in self._known:
            self._known[number] = self._name(number)
        return self._known[number]

    def _name(self, number: int) -> tuple[str, int] | None:
        record = self._ground.record(number)
        if record is None:
            return None
        head = attrs.FILE_NAME_HEAD
        values = [
            each.value
            for each in self._reader.merged(record).attributes
            if each.kind == attrs.FILE_NAME and each.value is not None and len(each.value) > head
        ]
        if not values:
            return None
        value = next((each for each in values if namespace_of(each) != _DOS), values[0])
        text = attrs.text_of(value[head : len(value) - len(value) % 2])
        return text, parent_of(value) & NUMBER

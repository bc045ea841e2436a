"""Whether two targets are the same bytes, by whatever names they are given."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest

_SYS = Path("/sys/dev/block")
# Of what the kernel tells of devices, whatever their sectors are.
_SECTOR = 512


@dataclass(frozen=True, slots=True)
class _Place:
    """Where bytes are: of which file, device or directory, from which byte to which; ``end`` is None for all of it.

    ``folders`` are those that it is in, the nearest and all above.
    """

    of: tuple[object, ...]
    begin: int = 0
    end: int | None = None
    folders: frozenset[tuple[object, ...]] = frozenset()

    def overlaps(self, other: _Place) -> bool:
        """Tell whether some bytes are of both, or one is a folder that the other is in."""
        if self.of in other.folders or other.of in self.folders:
            return True
        if self.of != other.of:
            return False
        return (self.end is None or other.begin < self.end) and (other.end is None or self.begin < other.end)

    def within(self, outer: _Place) -> _Place:
        """Return where it is, when it was told from the begin of another place."""
        end = outer.end if self.end is None else outer.begin + self.end
        return _Place(outer.of, outer.begin + self.begin, end, outer.folders)


def refuse_repeated(targets: Sequence[OpenVolume | str | os.PathLike[str]]) -> None:
    """Refuse targets of which one is another, or overlaps it.

    That is the same path, a link of either kind, another node of a device, a loop device and its file, a partition and
    its disk, a folder and what is in it.

    Raises:
        InvalidRequest: naming both.
    """
    places = [(each.name if isinstance(each, OpenVolume) else os.fspath(each), _place(each)) for each in targets]
    for (first, one), (second, other) in combinations(places, 2):
        if one.overlaps(other):
            what = "is given twice" if first == second else f"and {second} are the same target, or overlap"
            raise InvalidRequest(f"{first} {what}; valid are targets that have nothing in common")


def _place(target: OpenVolume | str | os.PathLike[str]) -> _Place:
    if isinstance(target, OpenVolume):
        size = target.target.geometry.sector_size
        part = _Place((), target.extent.first * size, target.extent.end * size)
        return part.within(_place(target.path))
    path = Path(os.path.realpath(target))
    facts = _facts(path)
    if facts is not None and stat.S_ISBLK(facts.st_mode):
        return _device(facts.st_rdev)
    return _Place(_key(path, facts), folders=frozenset(_key(each, _facts(each)) for each in path.parents))


def _facts(path: Path) -> os.stat_result | None:
    # It is not there yet, or nobody may look: then it fails by itself.
    with suppress(OSError):
        return path.stat()
    return None


def _key(path: Path, facts: os.stat_result | None) -> tuple[object, ...]:
    return ("path", str(path)) if facts is None else ("file", facts.st_dev, facts.st_ino)


def _device(number: int) -> _Place:
    """Return where the bytes of a device are: of a partition on its disk, of a loop device in its file."""
    name = f"{os.major(number)}:{os.minor(number)}"
    folder = (_SYS / name).resolve()
    whole = _Place(("device", name))
    with suppress(OSError, ValueError):
        if (folder / "partition").exists():
            begin, count = (_number(folder / each) * _SECTOR for each in ("start", "size"))
            disk = (folder.parent / "dev").read_text().strip()
            major, _, minor = disk.partition(":")
            return _Place((), begin, begin + count).within(_device(os.makedev(int(major), int(minor))))
        if (folder / "loop").exists():
            begin, limit = (_number(folder / "loop" / each) for each in ("offset", "sizelimit"))
            backing = _place((folder / "loop" / "backing_file").read_text().rstrip("\n"))
            return _Place((), begin, begin + limit if limit else None).within(backing)
    return whole


def _number(path: Path) -> int:
    return int(path.read_text())

"""The FATs of a volume that is edited: which clusters are taken and set free, before any of it is written."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Container, Iterator
from typing import Any

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.volume.fat import layout as layouts
from osdimage.imaging.volume.fat.layout import FIRST_CLUSTER, BootSector
from osdimage.imaging.volume.fat.read import PAGE_ENTRIES, FatTable
from osdimage.imaging.volume.pending import SECTOR, Change


class EditedTable(FatTable):
    """The FAT with changes that are not on the medium yet.  They are kept page by page, as many as were changed.

    Attributes:
        freed: how many clusters more are free than on the medium; less than 0 when there are fewer.
    """

    def __init__(self, volume: BlockTarget, boot: BootSector) -> None:
        """Read the FATs of a volume; nothing is written here."""
        super().__init__(volume, boot)
        self._boot = boot
        self._target = volume
        self._changed: dict[int, array[Any]] = {}
        self._unwritten: set[int] = set()
        self.freed = 0

    def __getitem__(self, cluster: int) -> int:
        """Return the entry of a cluster as it will be."""
        number, index = divmod(cluster, PAGE_ENTRIES)
        page = self._changed.get(number)
        return super().__getitem__(cluster) if page is None else int(page[index]) & layouts.ENTRY_MASK

    def page(self, number: int) -> array[Any]:
        """Return a page as it will be."""
        changed = self._changed.get(number)
        return super().page(number) if changed is None else changed

    def put(self, cluster: int, value: int) -> None:
        """Change an entry; its four reserved bits stay as they are."""
        number, index = divmod(cluster, PAGE_ENTRIES)
        page = self._changed.get(number)
        if page is None:
            page = self._changed[number] = super().page(number)
        page[index] = int(page[index]) & ~layouts.ENTRY_MASK | value
        self._unwritten.add(number)

    def allocate(self, count: int, hint: int) -> list[tuple[int, int]] | None:
        """Chain so many free clusters, looked for from ``hint`` on; return their runs, or None when there are fewer."""
        runs: list[tuple[int, int]] = []
        left = count
        for cluster in self._free(hint):
            if runs and runs[-1][0] + runs[-1][1] == cluster:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((cluster, 1))
            left -= 1
            if not left:
                break
        if left:
            return None
        clusters = [cluster for first, length in runs for cluster in range(first, first + length)]
        for cluster, following in zip(clusters, [*clusters[1:], layouts.END_OF_CHAIN], strict=True):
            self.put(cluster, following)
        self.freed -= count
        return runs

    def _free(self, hint: int) -> Iterator[int]:
        end = FIRST_CLUSTER + self._boot.layout.clusters
        begin = hint if FIRST_CLUSTER <= hint < end else FIRST_CLUSTER
        for first, stop in ((begin, end), (FIRST_CLUSTER, begin)):
            at = first
            while at < stop:
                number, index = divmod(at, PAGE_ENTRIES)
                page, last = self.page(number), min(stop, (number + 1) * PAGE_ENTRIES)
                try:
                    at = number * PAGE_ENTRIES + page.index(layouts.FREE, index, last - number * PAGE_ENTRIES)
                except ValueError:
                    at = last
                    continue
                yield at
                at += 1

    def release(self, runs: list[tuple[int, int]]) -> None:
        """Make clusters free."""
        for first, length in runs:
            for cluster in range(first, first + length):
                self.put(cluster, layouts.FREE)
            self.freed += length

    def run_of_free(self, count: int, *, avoid: Container[int] = ()) -> int | None:
        """Return the first of so many clusters that are free, one after the other; None when there are none."""
        begin = length = 0
        for cluster in self._free(FIRST_CLUSTER):
            if cluster in avoid:
                continue
            begin, length = (begin, length + 1) if cluster == begin + length else (cluster, 1)
            if length == count:
                return begin
        return None

    def changes(self, *, group: int, is_dirty: bool = False) -> Iterator[Change]:
        """Yield the changed pages of every FAT that counts.

        The first page, which has the dirty mark, is in a group behind the others, unless it is to have the mark.
        """
        boot = self._boot
        numbers = range(boot.layout.fats) if boot.active_fat is None else (boot.active_fat,)
        for number in sorted(self._unwritten, reverse=True):
            page = array("I", self._changed[number])
            if is_dirty and number == 0:
                page[1] &= ~layouts.CLEAN_SHUTDOWN
            if sys.byteorder == "big":
                page.byteswap()
            # The first FAT last: programs look for the mark there.
            for fat in reversed(numbers):
                at = boot.layout.fat_offset(fat) + number * PAGE_ENTRIES * 4
                data = page.tobytes()
                data += self._target.read_at(at + len(data), -len(data) % SECTOR)
                yield Change(at, data, group + (not number and not is_dirty), is_guarded=number != 0)

    def forget_changes(self) -> None:
        """Take what was changed for what is there."""
        self._unwritten.clear()

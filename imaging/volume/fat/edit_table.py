"""The FATs of a volume that is edited: which clusters are taken and set free, before any of it is written."""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterator
from typing import Any

from osdimage.imaging.disk.fat_width import FIRST_CLUSTER
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.volume.fat.layout import BootSector
from osdimage.imaging.volume.fat.packing import FREE, PAGE_BYTES
from osdimage.imaging.volume.fat.read import FatTable
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
        number, index = divmod(cluster, self._page_entries)
        page = self._changed.get(number)
        return super().__getitem__(cluster) if page is None else int(page[index]) & self._mask

    def page(self, number: int) -> array[Any]:
        """Return a page as it will be."""
        changed = self._changed.get(number)
        return super().page(number) if changed is None else changed

    def put(self, cluster: int, value: int) -> None:
        """Change an entry; the four reserved bits of FAT32 stay as they are."""
        number, index = divmod(cluster, self._page_entries)
        page = self._changed.get(number)
        if page is None:
            page = self._changed[number] = super().page(number)
        page[index] = int(page[index]) & ~self._mask | value
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
        for cluster, following in zip(clusters, [*clusters[1:], self.kind.end_of_chain], strict=True):
            self.put(cluster, following)
        self.freed -= count
        return runs

    def _free(self, hint: int) -> Iterator[int]:
        end, size = FIRST_CLUSTER + self._boot.layout.clusters, self._page_entries
        begin = hint if FIRST_CLUSTER <= hint < end else FIRST_CLUSTER
        for first, stop in ((begin, end), (FIRST_CLUSTER, begin)):
            at = first
            while at < stop:
                number, index = divmod(at, size)
                page, last = self.page(number), min(stop, (number + 1) * size)
                try:
                    at = number * size + page.index(FREE, index, last - number * size)
                except ValueError:
                    at = last
                    continue
                yield at
                at += 1

    def release(self, runs: list[tuple[int, int]]) -> None:
        """Make clusters free."""
        for first, length in runs:
            for cluster in range(first, first + length):
                self.put(cluster, FREE)
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

        The first sector, which has the dirty mark, is in a group behind all others, unless it is to have the mark.
        FAT12 has no mark there.
        """
        boot, mark = self._boot, self.kind.clean_shutdown
        numbers = range(boot.layout.fats) if boot.active_fat is None else (boot.active_fat,)
        marked = []
        for number in sorted(self._unwritten, reverse=True):
            page = self._changed[number]
            if is_dirty and number == 0 and mark:
                page = array(page.typecode, page)
                page[1] &= ~mark
            # The first FAT last: programs look for the mark there.
            for fat in reversed(numbers):
                at = boot.layout.fat_offset(fat) + number * PAGE_BYTES
                data = self._stored(page, at)
                if number == 0 and mark:
                    marked.append(Change(at, data[:SECTOR], group + (not is_dirty), is_guarded=False))
                    at, data = at + SECTOR, data[SECTOR:]
                if data:
                    yield Change(at, data, group)
        yield from marked

    def _stored(self, page: array[Any], at: int) -> bytes:
        """Return the whole sectors that hold a page; what is behind it, maybe half a byte, is as it was."""
        used = self.kind.packed_bytes(len(page))
        behind = self._target.read_at(at + used - 1, -used % SECTOR + 1)
        return self.kind.pack(page, behind[0] >> 4) + behind[1:]

    def forget_changes(self) -> None:
        """Take what was changed for what is there."""
        self._unwritten.clear()

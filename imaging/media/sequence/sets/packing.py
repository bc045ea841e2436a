"""What lies on which disc: the largest first, each on the first disc that it fits on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from osdimage.imaging.disc.written.plan import BLOCK_BYTES, blocks_of
from osdimage.imaging.errors import TooSmall, quoted
from osdimage.imaging.media.parts.medium import Medium, MediumFile
from osdimage.imaging.media.sequence.manifest import MANIFEST, MOST_VOLUMES, SIGNATURE, SUMS, ManifestPackage
from osdimage.imaging.media.sequence.manifest_json import file_entry_bytes, manifest_to_json, package_entry_bytes
from osdimage.imaging.media.sequence.sets.described import (
    NO_HASH,
    SIGNATURE_ROOM,
    PackageContent,
    SetOptions,
    of_disc,
    readme_of,
)
from osdimage.imaging.media.sequence.sets.room import DiscRoom
from osdimage.imaging.units import format_size

_NO_SET = "0" * 16


@dataclass(frozen=True, slots=True)
class Item:
    """What lies on one disc: a package, or a part of its WIM; its files have their paths on the medium."""

    package: PackageContent
    files: tuple[MediumFile, ...]
    is_part: bool = False

    @property
    def blocks(self) -> int:
        """How many its contents take."""
        return sum(blocks_of(each.size) for each in self.files)


@dataclass(slots=True)
class _Disc:
    """A disc that is being filled.

    Attributes:
        number: of it.
        files: on it.
        packages: on it.
        room: that its files take, those without contents yet among them.
        about_bytes: of the manifest.
        sums_bytes: of the list of hashes.
        signature_bytes: that are kept for the signature.
    """

    number: int
    signature_bytes: int
    about_bytes: int
    sums_bytes: int = 0
    files: list[MediumFile] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)
    room: DiscRoom = field(default_factory=DiscRoom)

    @property
    def size(self) -> int:
        """Of the disc in bytes."""
        made = blocks_of(self.about_bytes) + blocks_of(self.sums_bytes) + blocks_of(self.signature_bytes)
        return self.room.size + made * BLOCK_BYTES


class Packing:
    """A try to lay everything out, with a number of discs that the manifests tell of."""

    def __init__(
        self,
        medium: Medium,
        packages: Sequence[PackageContent],
        items: Sequence[Item],
        options: SetOptions,
        assumed: int,
    ) -> None:
        self._medium = medium
        self._packages = packages
        self._items = items
        self._options = options
        self._assumed = assumed
        # As long as any number of a disc.
        self._number = int("9" * len(str(assumed)))
        self._parts: Counter[str] = Counter()
        self._sizes: Counter[str] = Counter()
        for each in items:
            self._parts[each.package.identifier] += each.is_part
            self._sizes[each.package.identifier] += sum(file.size for file in each.files)

    def discs(self) -> list[_Disc]:
        """Return the discs, each within the capacity.

        Raises:
            TooSmall: naming what does not fit.
        """
        discs = [self._first()]
        for item in self._items:
            if not any(self._take(disc, item) for disc in discs):
                discs.append(self._later(len(discs) + 1))
                if not self._take(discs[-1], item):
                    raise self._too_small(discs[-1], item)
        return discs

    def _first(self) -> _Disc:
        """Return the first disc, whose manifest tells of everything."""
        disc = self._empty(1)
        everywhere = [file for each in self._items for file in each.files]
        readmes = [file for number in range(2, self._assumed + 1) for file in self._readme(number)]
        disc.about_bytes += self._list_bytes([*self._medium.files, *everywhere, *readmes])
        disc.about_bytes += sum(self._package_bytes(each) for each in self._packages) + bool(self._packages)
        self._put(disc, self._medium.files)
        capacity = self._options.capacity
        if capacity is not None and disc.size > capacity:
            raise TooSmall(
                f"a disc of {format_size(capacity)} ({capacity:,} bytes) is too small for what starts from it, which "
                f"takes {disc.size:,} bytes"
            )
        return disc

    def alone(self, file: MediumFile, package: PackageContent) -> int:
        """Return how large a file of a package may be that is alone on a later disc, in whole blocks.

        Args:
            file: as large as a disc.
            package: of it.
        """
        disc = self._later(MOST_VOLUMES)
        disc.room.add([(file.path, 0)])
        disc.sums_bytes += sum_bytes(file)
        disc.about_bytes += self._list_bytes([file]) + self._package_bytes(package) + 1
        # What is large takes a block more than holds it.
        return (file.size - disc.size) // BLOCK_BYTES * BLOCK_BYTES - BLOCK_BYTES

    def _later(self, number: int) -> _Disc:
        """Return a disc with what tells which one it is."""
        disc = self._empty(number)
        readme = self._readme(number)
        disc.about_bytes += self._list_bytes(readme)
        self._put(disc, readme)
        return disc

    def _empty(self, number: int) -> _Disc:
        options = self._options
        bare = of_disc(options, number, max(self._assumed, number))
        signature = SIGNATURE_ROOM if options.is_signed else 0
        # Without files, it does not tell the hash of the boot image either.
        unknown = 0 if bare.boot_image is None else len(f'"{NO_HASH}"') - len("null")
        disc = _Disc(number, signature, len(manifest_to_json(bare)) + unknown)
        disc.room.add((each, 0) for each in (MANIFEST, SUMS, *((SIGNATURE,) if options.is_signed else ())))
        return disc

    def _readme(self, number: int) -> tuple[MediumFile, ...]:
        return (readme_of(self._options, number, max(self._assumed, number)),)

    def _put(self, disc: _Disc, files: Iterable[MediumFile]) -> None:
        for each in files:
            disc.room.add([(each.path, each.size)])
            disc.sums_bytes += sum_bytes(each)
            disc.files.append(each)

    def _take(self, disc: _Disc, item: Item) -> bool:
        """Put what lies on one disc there, if it fits."""
        capacity = self._options.capacity
        if capacity is not None and disc.size + item.blocks * BLOCK_BYTES > capacity:
            return False
        taken = disc.room.add((each.path, each.size) for each in item.files)
        before = disc.about_bytes, disc.sums_bytes
        disc.sums_bytes += sum(map(sum_bytes, item.files))
        if disc.number > 1:
            disc.about_bytes += self._list_bytes(item.files) - bool(disc.files)
            if item.package.identifier not in disc.packages:
                disc.about_bytes += self._package_bytes(item.package) + (not disc.packages)
        if capacity is not None and disc.size > capacity:
            taken.back()
            disc.about_bytes, disc.sums_bytes = before
            return False
        disc.files += item.files
        disc.packages.add(item.package.identifier)
        return True

    def _list_bytes(self, files: Sequence[MediumFile]) -> int:
        """Return by how much a manifest without files grows by these."""
        return sum(file_entry_bytes(each.path, each.size, self._number) for each in files) + bool(files)

    def _package_bytes(self, package: PackageContent) -> int:
        volumes = (self._number,) * max(1, min(self._parts[package.identifier], self._assumed))
        size = self._sizes[package.identifier]
        return package_entry_bytes(ManifestPackage(package.identifier, package.name, package.path, size, volumes))

    def _too_small(self, disc: _Disc, item: Item) -> TooSmall:
        needed = disc.size + item.blocks * BLOCK_BYTES
        largest = max(item.files, key=lambda each: each.size)
        what = f"the package {quoted(item.package.identifier)}"
        if len(item.files) > 1:
            what += f" of {len(item.files)} files, which stay together,"
        return TooSmall(
            f"a disc of {format_size(self._options.capacity or 0)} ({self._options.capacity:,} bytes) is too small for "
            f"{what}: it takes {needed:,} bytes and more; its largest file is {quoted(largest.path)} with "
            f"{largest.size:,} bytes, and only a package that is one WIM is split"
        )


def sum_bytes(file: MediumFile) -> int:
    """Return how long the line of a file in the list of hashes is."""
    return 64 + 2 + len(file.path.encode("utf-8")) + 1

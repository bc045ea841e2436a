"""An image that a change is planned for, with what was planned until now."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, TargetRefused, quoted
from osdimage.imaging.files import FileSource
from osdimage.imaging.media.bootimage import hives
from osdimage.imaging.media.bootimage.facts import BootKind
from osdimage.imaging.media.bootimage.ini import LARGEST
from osdimage.imaging.media.bootimage.plan import (
    BootPlan,
    LeftOut,
    Payload,
    PlacedFile,
    PlacedValue,
    PlannedDriver,
    placed,
)
from osdimage.imaging.media.bootimage.reading import is_file, kind_of
from osdimage.imaging.registry.beside import read_beside
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.wim.image import WimImage


class BootWork:
    """An image, and what is planned for it; what was planned first is what comes later finds there.

    Attributes:
        image: the image; its WIM must stay open.
        files: of it, as they are now.
        kind: what it starts.
        values: that are to be set.
        warnings: what would not work as it may be meant.
        drivers: that are to be there.
        left_out: drivers that are not taken.
    """

    def __init__(self, image: WimImage) -> None:
        """Look at the image.

        Raises:
            TargetRefused: when it is no Windows PE.
            UnsafeName, CorruptWim, MissingParts, StorageError: when it cannot be read.
        """
        self.image = image
        self.files: FileSource = image.files()
        self.kind = _require_windows_pe(image, self.files)
        self.values: list[PlacedValue] = []
        self.warnings: list[str] = []
        self.drivers: list[PlannedDriver] = []
        self.left_out: list[LeftOut] = []
        self._placed: dict[str, PlacedFile] = {}
        self._removed: list[str] = []
        self._freed = 0

    def plan(self) -> BootPlan:
        """Return what was planned.

        Raises:
            InvalidRequest: when a file would be in another.
        """
        for each in self._placed.values():
            above, *_ = each.path.rpartition("/")
            while above:
                if self.is_planned(above):
                    raise InvalidRequest(
                        f"{self.files.name}: {quoted(above)} is to be a file, and {quoted(each.path)} cannot be in it"
                    )
                above, *_ = above.rpartition("/")
        audit = self.image.audit()
        size = audit.size + audit.named_stream_size
        more = sum(each.size - (each.old_size or 0) for each in self._placed.values())
        return BootPlan(
            self.image.index,
            self.image.name,
            self.kind,
            tuple(self._placed.values()),
            tuple(self.values),
            tuple(self._removed),
            tuple(self.warnings),
            tuple(self.drivers),
            tuple(self.left_out),
            size,
            size + more - self._freed,
        )

    # ---- what is there then

    def has(self, path: str) -> bool:
        """Tell whether there is a file at a path."""
        return path.lower() in self._placed or is_file(self.files, path)

    def read(self, path: str) -> bytes | None:
        """Return the contents of a small file; None without one.

        Raises:
            InvalidInput: when it is larger than such a file is, or nothing that can be read.
        """
        planned = self._placed.get(path.lower())
        if planned is not None:
            return planned.read()
        return self.files.read(path, limit=LARGEST) if is_file(self.files, path) else None

    def hive(self, path: str) -> Hive:
        """Return a hive.

        Raises:
            InvalidInput: when it is not there, or damaged.
        """
        if not is_file(self.files, path):
            raise InvalidInput(f"{self.files.name}: has no hive {path}")
        return read_beside(self.files, path, limit=MAX_HIVE_BYTES, name=f"{self.files.name}: {path}")

    def name_of(self, path: str) -> str:
        """Return what messages call a file of the image."""
        return f"{self.files.name}: {path}"

    # ---- what is planned

    def is_planned(self, path: str) -> bool:
        """Tell whether a file is to be put at a path."""
        return path.lower() in self._placed

    def put(self, path: str, contents: bytes | Path | Payload) -> None:
        """Put a file there, unless it is there so already; one that was planned for the path gives way."""
        self._placed.pop(path.lower(), None)
        found = placed(self.image, path, contents)
        if found is not None:
            self._placed[path.lower()] = found

    def replace_folder(self, folder: str, contents: Iterable[tuple[str, Payload]]) -> bool:
        """Let a folder hold these files by their paths in it, and no others; return whether that changes it."""
        wanted = [(f"{folder}/{path}", payload) for path, payload in contents]
        found = [placed(self.image, path, payload) for path, payload in wanted]
        facts = self.files.find(folder)
        walked = [] if facts is None else [each for each in self.files.walk(folder) if not each.is_directory]
        there = {each.path.lower() for each in walked}
        if there == {path.lower() for path, _ in wanted} and not any(found):
            return False
        if facts is not None:
            self._removed.append(folder)
            self._freed += sum(each.size for each in walked)
        for path, payload in wanted:
            self._placed[path.lower()] = PlacedFile(path, payload, payload.size, None)
        return True


def _require_windows_pe(image: WimImage, files: FileSource) -> BootKind:
    kind = kind_of(image, files, hives.read_hives(files))
    if kind is BootKind.WINDOWS:
        raise TargetRefused(
            f"{files.name}: is a whole Windows, no Windows PE",
            remedy=Remedy("{} changes its files, {} adds drivers to it", (Means.UPDATE, Means.ADD_DRIVERS)),
        )
    if not kind.is_windows_pe:
        raise TargetRefused(f"{files.name}: holds no Windows PE: neither winpeshl.exe nor wpeinit.exe")
    return kind

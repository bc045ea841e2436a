"""An open WIM."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import UUID

from osdimage.imaging.errors import CorruptWim, ImageNotFound
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import counted
from osdimage.imaging.wim import select
from osdimage.imaging.wim.checks.parts import find_parts, part_of
from osdimage.imaging.wim.described import info
from osdimage.imaging.wim.described.blobs import StoredBlob, stored_blobs
from osdimage.imaging.wim.described.info import WimHeader
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.opening import open_wim, refer
from osdimage.imaging.wim.placed.on_disc import paths_fitting
from osdimage.imaging.wim.placed.place import size_of
from osdimage.imaging.wim.select import ImageSelector
from osdimage.imaging.wim.steps import listener
from osdimage.native.wim import tree
from osdimage.native.wim.handles import WimHandle

if TYPE_CHECKING:
    from osdimage.imaging.wim.checks.verify import VerifyReport


class WimFile:
    """An open WIM, ESD or SWM: a sequence of :class:`~osdimage.imaging.WimImage`.

    Use it as a context manager, or call :meth:`close`.  It can be used by the thread that opened it only; open the file
    again for another thread.  The methods raise ValueError after close.

    Attributes:
        path: of the file.
        header: the facts of its header.
        images: the images, in order; ``images[0]`` has index 1.
        warnings: sentences about the file as it was found, such as an interrupted earlier write.
        xml: the XML that it holds, as text.
        handle: the open file, for osdimage's own modules; a program has no use for it.
    """

    def __init__(self, path: Path, handle: WimHandle, warnings: Sequence[str] = ()) -> None:
        """Take over an open handle; :meth:`open` is the way to call this."""
        self.handle = handle
        self.path = path
        with self._errors():
            native = handle.info()
            # Only the newer version of the format has solid resources: most WIMs need no look at their blobs.
            is_solid = native.version == info.SOLID_VERSION and tree.has_solid_blobs(handle)
            self.header: WimHeader = info.header_of(native, is_solid=is_solid, file_size=size_of(path))
            self.xml: str = info.decode_xml(handle.xml())
            facts = info.parse_images(self.xml, native.image_count)
        self.images: tuple[WimImage, ...] = tuple(WimImage(path, handle, image) for image in facts)
        self.warnings: tuple[str, ...] = (*warnings, *(f"{path}: {line}" for line in handle.repairs))
        if self.header.write_in_progress:
            text = (
                f"{path}: an earlier write to this WIM was interrupted, or another program is writing to it now; the "
                "images listed are whole, and the next append or delete clears what is left over"
            )
            self.warnings += (text,)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        check: bool = False,
        refs: Iterable[str] = (),
        with_parts: bool = True,
        progress: ProgressCallback | None = None,
    ) -> Self:
        """Open a WIM for reading; of a split one, the other parts are found by their names.

        Args:
            path: the WIM; of a split WIM the first part.
            check: compare the file with its integrity table, if it has one, before anything else.
            refs: files or glob patterns of files that hold blobs too: the base of a delta, or parts of a split WIM,
                which come before those that are found by their names.
            with_parts: of a split WIM, look for the other parts.
            progress: receives the progress of the check.

        Raises:
            NotAWim: when the file is not a WIM.
            CorruptWim: when it is damaged, or does not match its integrity table.
            MissingParts: when a file of ``refs`` does not belong to it.
            StorageError: when it cannot be read.
        """
        where = Path(path)
        meter = Meter(progress, {Phase.CHECK_INTEGRITY: 1})
        with wim_errors(where):
            handle = open_wim(where, check_integrity=check, listener=listener(meter))
        try:
            patterns = tuple(refs)
            reference_files(handle, (*patterns, *(other_parts(where, patterns) if with_parts else ())))
            opened = cls(where, handle)
        except BaseException:
            handle.close()
            raise
        if check and not opened.header.has_integrity_table:
            opened.warnings += (f"{where}: has no integrity table to check",)
        return opened

    def close(self) -> None:
        """Close the file.  A second call does nothing."""
        self.handle.close()

    def __enter__(self) -> Self:
        """Return the WIM."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the WIM."""
        self.close()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __iter__(self) -> Iterator[WimImage]:
        """Iterate over the images in order."""
        return iter(self.images)

    def __repr__(self) -> str:
        """Name the file and count the images."""
        return f"<WimFile {self.path} with {counted(len(self), 'image')}>"

    def image(self, index: int) -> WimImage:
        """Return the image with an index, from 1 on, or backwards from -1 for the last.

        Raises:
            ImageNotFound: when there is none.
        """
        return self.select(ImageSelector(index=index))

    def select(self, selector: ImageSelector) -> WimImage:
        """Return the one image that fits a selector; an empty selector fits the image of a WIM that has only one.

        Raises:
            ImageNotFound: when none fits, or several do; its ``candidates`` list them.
            CorruptWim: when the WIM has lost its images.
        """
        if not self.images:
            if self.handle.repairs:
                raise CorruptWim(f"{self.path}: holds no images: {self.handle.repairs[0]}")
            raise ImageNotFound(f"{self.path}: holds no images; of a split WIM, open the first part")
        chosen = select.select([image.info for image in self.images], selector, os.fspath(self.path))
        return self.images[chosen.index - 1]

    def blobs(self) -> tuple[StoredBlob, ...]:
        """Return what the blob table lists, in the order of the file; of the files that it refers to as well.

        Raises:
            CorruptWim: when the table is damaged.
            StorageError: when it cannot be read.
        """
        with self._errors():
            return stored_blobs(self.handle)

    def verify(
        self,
        *,
        threads: int | None = None,
        memory: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> VerifyReport:
        """Check the structure of every image and the SHA-1 of every blob in this file; list everything that is bad.

        Args:
            threads: that decompress and hash; None for one a processor.
            memory: bytes that chunks may take together beside what the trees take; None for little.  One that is larger
                is expanded alone.
            progress: receives the progress.

        Raises:
            StorageError: when the file cannot be read.  Damage is not raised; it is in the report.
        """
        # With them come threads, hashes and logging.
        from osdimage.imaging.wim.checks.verify import verify  # noqa: PLC0415
        from osdimage.imaging.wim.checks.verify_blobs import OpenPart  # noqa: PLC0415

        with self._errors():
            files = [OpenPart(self.path, self.handle, self.header)]
            return verify(files, self.images, threads=threads, memory=memory, progress=progress)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Name this file in the errors of libwim and of the XML parser."""
        with wim_errors(self.path):
            try:
                yield
            except CorruptWim as error:
                text = str(error)
                if text.startswith(os.fspath(self.path)):
                    raise
                raise CorruptWim(f"{self.path}: {text}") from error


def other_parts(path: Path, refs: Sequence[str] = ()) -> list[str]:
    """Return patterns that fit the other parts of a split WIM which are found and which none of ``refs`` fits."""
    part = part_of(path)
    if part is None:
        return []
    named = [Path(name) for pattern in refs for name in paths_fitting(pattern)]
    among = [each for each in map(part_of, named) if each is not None]
    found = find_parts(part, among).found.values()
    return [glob.escape(os.fspath(each.path)) for each in found if each is not part and each not in among]


def reference_files(handle: WimHandle, refs: Iterable[str]) -> None:
    """Find contents in other files too, given as paths or glob patterns.

    Of a split WIM that is not the open one, such as the base of a delta, one part stands for all that are found.

    Raises:
        OsdImageError: which names the pattern, when nothing fits it or a file is no WIM or cannot be read.
    """
    given: list[Path] = []
    for pattern in refs:
        # Sought here: the patterns of the C library take for ever where they hold many stars.
        found = [Path(name) for name in paths_fitting(pattern)]
        given += found
        with wim_errors(pattern):
            refer(handle, found, pattern)
    for path in _parts_beside(given, UUID(bytes_le=handle.info().guid)):
        with wim_errors(path):
            refer(handle, [path], os.fspath(path))


def _parts_beside(given: Sequence[Path], own: UUID) -> list[Path]:
    """Return the other parts of split WIMs of which some are given; ``own`` is the GUID of the open WIM."""
    parts = [part for part in map(part_of, given) if part is not None and part.guid != own]
    # All of a folder find the same.
    seekers = {(part.guid, part.total, part.path.parent): part for part in parts}.values()
    known = {(part.guid, part.total, part.number) for part in parts}
    found: dict[tuple[UUID, int, int], Path] = {}
    for each in seekers:
        for part in find_parts(each, parts).found.values():
            found.setdefault((part.guid, part.total, part.number), part.path)
    return [path for which, path in found.items() if which not in known]


def leave_memory() -> None:
    """Do not free the memory of WIMs that are closed from now on: for a process that ends with the task at hand.

    The system then takes it at once, where freeing the tree of an image takes a fiftieth of the time of a capture.
    Locks and volumes are given back all the same.
    """
    WimHandle.leave_memory()

"""One image of an open WIM."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.wim.apply import apply_image
from osdimage.imaging.wim.apply_job import ApplyOptions, ApplyResult
from osdimage.imaging.wim.audit import load_tree
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.info import ImageInfo
from osdimage.native.handles import WimHandle
from osdimage.native.status import WimlibCode, WimlibError
from osdimage.native.tree import Audit

if TYPE_CHECKING:
    from osdimage.imaging.wim.entries import Entry
    from osdimage.imaging.wim.extract import ExtractResult
    from osdimage.imaging.wim.fidelity import CompareReport
    from osdimage.imaging.wim.files import ImageFiles


class WimImage:
    """One image of an open :class:`~osdimage.imaging.WimFile`, which must stay open while it is used.

    Attributes:
        info: what the XML of the WIM says of it.
    """

    def __init__(self, path: Path, handle: WimHandle, info: ImageInfo) -> None:
        """Remember the WIM; :class:`~osdimage.imaging.WimFile` makes these."""
        self._path = path
        self._handle = handle
        self.info = info

    @property
    def path(self) -> Path:
        """The path of the WIM."""
        return self._path

    @property
    def index(self) -> int:
        """The 1-based position in the WIM."""
        return self.info.index

    @property
    def name(self) -> str:
        """The name; it may be empty."""
        return self.info.name

    def __repr__(self) -> str:
        """Name the image and its file."""
        return f"<WimImage {self.index} {self.name!r} of {self._path}>"

    def walk(self, visit: Callable[[Entry], None], *, path: str = "/", recursive: bool = True) -> tuple[str, ...]:
        """Call a function with the entry at a path and, unless ``recursive`` is false, every one below it.

        Parents come before their children.  Paths are separated by ``/`` and compared without case.  An exception of
        the function ends the walk and is passed on.

        Returns:
            Sentences about entries of the image that were dropped or repaired when its tree was loaded.

        Raises:
            InvalidRequest: when there is no such path.
            CorruptWim: when the tree of the image is damaged.
        """
        from osdimage.native.entries import each_entry  # noqa: PLC0415 - few uses of an image need it

        with wim_errors(self._path):
            audit = load_tree(self._path, self._handle, self.index)
            try:
                each_entry(self._handle, self.index, path, recursive=recursive, visit=visit)
            except WimlibError as error:
                if error.code == WimlibCode.PATH_DOES_NOT_EXIST:
                    raise InvalidRequest(f"{self._path}: image {self.index} holds no {path!r}") from error
                raise
        return audit.messages

    def entries(self, path: str = "/", *, recursive: bool = True) -> list[Entry]:
        """Return the entries that :meth:`walk` would visit; about 1 KB of memory each."""
        found: list[Entry] = []
        self.walk(found.append, path=path, recursive=recursive)
        return found

    def audit(self) -> Audit:
        """Count and measure what the image holds, in one pass.

        Raises:
            CorruptWim: when the tree of the image is damaged.
        """
        with wim_errors(self._path):
            return load_tree(self._path, self._handle, self.index)

    def files(self) -> ImageFiles:
        """Return the files of the image, to be read one by one into memory; the WIM must stay open for it.

        Raises:
            UnsafeName: when the image holds a name that is not allowed in a Windows image.
            CorruptWim: when the tree of the image is damaged.
        """
        from osdimage.imaging.wim.files import ImageFiles  # noqa: PLC0415 - few uses of an image need it

        return ImageFiles(self._path, self._handle, self.index)

    def add_file(self, source: str | os.PathLike[str], path: str) -> None:
        r"""Add a file of this machine to the image, for as long as the WIM is open; the WIM file is not changed.

        An apply or export afterwards has the file.  It is read then, so it must stay where it is.

        Args:
            source: the file.
            path: where it is to be in the image, separated by ``/``; a file that is there is replaced, and the
                directories above it are made.

        Raises:
            InvalidRequest: when the source is not a file, or the path cannot be one.
            CorruptWim: when the tree of the image is damaged.
        """
        if not Path(source).is_file():
            raise InvalidRequest(f"{os.fspath(source)}: there is no such file")
        with wim_errors(self._path):
            load_tree(self._path, self._handle, self.index)
            self._handle.add_file(self.index, source, path)

    def apply_to(
        self,
        target: str | os.PathLike[str],
        *,
        partition: int | None = None,
        wipe: bool = False,
        keep: Iterable[str] = (),
        unix_data: bool = False,
        limit_bytes: int | None = None,
        force: bool = False,
        sync: bool = True,
        strict: bool = False,
        progress: ProgressCallback | None = None,
    ) -> ApplyResult:
        r"""Apply the image to a directory, to a file or device that holds one volume, or to a partition of a disk.

        What is there stays, except files that the image has too, which are replaced; a directory that both have is
        joined.  A directory is made if it is missing.  An NTFS volume is marked dirty before the first change and clean
        after the last, so that half an image never looks whole.

        A FAT32 volume is made anew in one pass, with the label, serial number and cluster size that it had, so it must
        be empty or be wiped; until it is whole there is no volume.

        Args:
            target: the directory, file or device.
            partition: the number of a partition of the disk that ``target`` is, as ``osdimage disk show`` lists them.
            wipe: first delete everything from the volume but the folders ``_SMSTaskSequence`` and ``SMSTSLog``; a FAT32
                volume that has one of them, or a path to keep, is refused.
            keep: more paths that a wipe leaves, from the root of the volume, such as ``Users\State``; any case.
            unix_data: also set owner, group and mode of files that were captured with them (directories only).
            limit_bytes: refuse an image that expands to more bytes.
            force: apply to a volume that is marked dirty, and stays so: what made it dirty is not repaired.
            sync: wait until the volume is on the medium (NTFS volumes only; with FAT32 it is always waited).
            strict: raise when something of the image cannot be kept in the target.
            progress: receives the progress.

        Returns:
            What was written, and what of the image the target could not hold.

        Raises:
            UnsafeName: when the image holds a name that could leave the target; nothing was written.
            TargetRefused: when the target is too small, in use, hibernated, dirty or not one of the kinds above;
                nothing was written, but for an image that does not fit even after a wipe.
            InvalidRequest: when there is no such partition, or a path to keep cannot be one.
            InvalidTable: when the disk has no partition table that can be used.
            CorruptWim: when the WIM is damaged; the target may be half written.
            MissingParts: when contents are in another file.
            StorageError: when writing failed; the target is half written.
            Incomplete: with ``strict``, after all is written.
        """
        return apply_image(
            self._path,
            self._handle,
            self.info,
            Path(target),
            options=ApplyOptions(
                partition=partition,
                wipe=wipe,
                keep=tuple(keep),
                unix_data=unix_data,
                limit_bytes=limit_bytes,
                force=force,
                sync=sync,
                strict=strict,
            ),
            progress=progress,
        )

    def extract(
        self,
        paths: Iterable[str],
        to: str | os.PathLike[str],
        *,
        keep_directories: bool = False,
        limit_bytes: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> ExtractResult:
        r"""Extract files and directory trees to a directory, which is made if it is missing.

        Args:
            paths: paths in the image, separated by ``/`` or ``\``, compared without case; ``*``, ``?`` and ``[...]``
                stand for characters within a name.
            to: the directory.
            keep_directories: recreate the directories above each path; otherwise ``/a/b/c`` becomes ``c``.
            limit_bytes: refuse to write more bytes.
            progress: receives the progress.

        Raises:
            InvalidRequest: when a path fits nothing, or two files would get one name.
            UnsafeName, TargetRefused, CorruptWim, MissingParts, StorageError: as :meth:`apply_to`.
        """
        from osdimage.imaging.wim.extract import extract_paths  # noqa: PLC0415 - few uses of an image need it

        return extract_paths(
            self._path,
            self._handle,
            self.index,
            tuple(paths),
            Path(to),
            keep_directories=keep_directories,
            limit_bytes=limit_bytes,
            progress=progress,
        )

    def compare_with(
        self,
        target: str | os.PathLike[str],
        *,
        partition: int | None = None,
        sector_size: int | None = None,
        differences: int = 100,
        threads: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> CompareReport:
        """Compare the image with what it was applied to, which is only read, and with code that did not write it.

        Every file is compared in all that the image knows of it: name, contents by SHA-1, named streams, attributes,
        times, security descriptor, short name, hard links, reparse point, object id.  What the target has no place for,
        such as a security descriptor in a directory or on FAT32, is dropped and not different.

        Args:
            target: a directory, a file or device that holds one NTFS or FAT32 volume, or with ``partition`` a disk.
            partition: the number of the partition, as ``read_table`` numbers it.
            sector_size: bytes of a sector of a disk image; None for what its partition table says.
            differences: how many differences to name; all are counted.
            threads: that read and hash; None for one a processor.
            progress: receives the progress.

        Raises:
            TargetRefused: when the target is none of the kinds above.
            InvalidRequest: when there is no such partition, or one has to be chosen.
            InvalidTable: when the disk has no partition table that can be used.
            InvalidVolume: when the volume contradicts itself.
            CorruptWim: when the tree of the image is damaged.
            MissingParts: when contents are in another file: their size is not known then.
            StorageError: when the target cannot be read.
        """
        from osdimage.imaging.wim.compare import compare_image  # noqa: PLC0415 - with it come threads and hashes

        return compare_image(
            self._path,
            self.index,
            self.audit(),
            self.walk,
            Path(target),
            partition=partition,
            sector_size=sector_size,
            differences=differences,
            threads=threads,
            progress=progress,
        )

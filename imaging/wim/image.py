"""One image of an open WIM."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.wim.checks.audit import load_tree
from osdimage.imaging.wim.checks.names import Names
from osdimage.imaging.wim.described.info import ImageInfo
from osdimage.imaging.wim.extracted.options import ExtractOptions
from osdimage.imaging.wim.failures import wim_errors
from osdimage.native.status import WimlibCode, WimlibError
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.tree import Audit

if TYPE_CHECKING:
    from osdimage.imaging.wim.entries import Entry
    from osdimage.imaging.wim.extracted.extract import ExtractResult
    from osdimage.imaging.wim.files import ImageFiles


class WimImage:
    """One image of an open :class:`~osdimage.imaging.WimFile`, which must stay open while it is used.

    Attributes:
        info: what the XML of the WIM says of it.
        handle: the open WIM, for osdimage's own modules; a program has no use for it.
    """

    def __init__(self, path: Path, handle: WimHandle, info: ImageInfo) -> None:
        """Remember the WIM; :class:`~osdimage.imaging.WimFile` makes these."""
        self._path = path
        self.handle = handle
        self.info = info
        self._added: dict[str, Path] = {}
        self._audit: Audit | None = None
        self._dropped: tuple[str, ...] | None = None

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

    def walk(
        self, visit: Callable[[Entry], None], *, path: str = "/", recursive: bool = True, in_detail: bool = False
    ) -> tuple[str, ...]:
        """Call a function with the entry at a path and, unless ``recursive`` is false, every one below it.

        Parents come before their children.  Paths are separated by ``/`` and compared without case.  An exception of
        the function ends the walk and is passed on.  With ``in_detail`` the entries have details.

        Returns:
            Sentences about entries of the image that were dropped or repaired when its tree was loaded.

        Raises:
            InvalidRequest: when there is no such path.
            CorruptWim: when the tree of the image is damaged.
        """
        from osdimage.native.wim.entries import each_entry  # noqa: PLC0415 - few uses of an image need it

        with self._walked(path) as dropped:
            each_entry(self.handle, self.index, path, recursive=recursive, visit=visit, in_detail=in_detail)
        return dropped

    def walk_fitting(
        self, visit: Callable[[Entry], None], pattern: str, *, recursive: bool = True, in_detail: bool = False
    ) -> tuple[str, ...]:
        """Call a function as :meth:`walk` does, with what fits a pattern and, unless told otherwise, all below that.

        ``*``, ``?`` and ``[...]`` stand for characters within a name.

        Returns:
            As :meth:`walk`.

        Raises:
            InvalidRequest: when nothing fits.
            CorruptWim: as :meth:`walk`.
        """
        from osdimage.imaging.wim.patterns import PathPattern  # noqa: PLC0415 - few uses of an image need it

        wanted = PathPattern(pattern)
        found = False

        def look(entry: Entry) -> None:
            nonlocal found
            if wanted.fits(entry.path, or_below=recursive):
                found = True
                visit(entry)

        dropped = self.walk(look, in_detail=in_detail)
        if not found:
            raise InvalidRequest(f"{self._path}: image {self.index} holds nothing that fits {quoted(pattern)}")
        return dropped

    def holds(self, path: str) -> bool:
        """Tell whether there is something at a path, as it is written.

        Raises:
            CorruptWim: as :meth:`walk`.
        """
        try:
            self.walk(lambda _: None, path=path, recursive=False)
        except InvalidRequest:
            return False
        return True

    def walk_paths(
        self, visit: Callable[[list[str]], None], *, path: str = "/", recursive: bool = True
    ) -> tuple[str, ...]:
        """Call a function with the paths of what :meth:`walk` would visit, thousands at a time and ten times as fast.

        Returns:
            As :meth:`walk`.

        Raises:
            InvalidRequest, CorruptWim: as :meth:`walk`.
        """
        with self._walked(path) as dropped:
            self.handle.each_path(self.index, path, recursive=recursive, on_paths=visit)
        return dropped

    @contextmanager
    def _walked(self, path: str) -> Iterator[tuple[str, ...]]:
        with wim_errors(self._path):
            if self._dropped is None:
                # Under a limit of memory, of which is known then that it is enough.
                self._dropped = load_tree(self._path, self.handle, self.index).messages
            try:
                yield self._dropped
            except WimlibError as error:
                if error.code == WimlibCode.PATH_DOES_NOT_EXIST:
                    raise InvalidRequest(f"{self._path}: image {self.index} holds no {path!r}") from error
                raise

    def entries(self, path: str = "/", *, recursive: bool = True) -> list[Entry]:
        """Return the entries that :meth:`walk` would visit; about 1 KB of memory each."""
        found: list[Entry] = []
        self.walk(found.append, path=path, recursive=recursive)
        return found

    def extended_attributes(self) -> dict[str, dict[bytes, bytes]]:
        """Return the extended attributes of each file that has any, by their names, and by its path.

        They are those of Linux that were captured with the image, or those of NTFS ($EA) that Windows has stored.

        Raises:
            CorruptWim: when the tree of the image is damaged.
            StorageError: when it cannot be read.
        """
        # Few uses of an image need them.
        from osdimage.imaging.wim.checks.stored_tree import stored_tree  # noqa: PLC0415
        from osdimage.imaging.wim.stored.extended import extended_attributes  # noqa: PLC0415
        from osdimage.native.engine.arrays import untold  # noqa: PLC0415

        tree = stored_tree(self._path, self.handle, self.index, in_memory=self.is_changed)
        # Most images have none, and C looks faster.
        return extended_attributes(tree) if untold(tree).extended else {}

    def audit(self) -> Audit:
        """Count and measure what the image holds, in one pass; once, until a file is added.

        Raises:
            CorruptWim: when the tree of the image is damaged.
        """
        if self._audit is None:
            # Few uses of an image need it.
            from osdimage.imaging.wim.checks.once import pass_once  # noqa: PLC0415
            from osdimage.native.wim.resource import BlobTable  # noqa: PLC0415

            with wim_errors(self._path):
                found = pass_once(
                    self._path, self.handle, self.index, BlobTable(self.handle), is_changed=self.is_changed
                )
            self._audit = found.audit
        return self._audit

    def files(self) -> ImageFiles:
        """Return the files of the image, to be read one by one into memory; the WIM must stay open for it.

        Raises:
            UnsafeName: when the image holds a name that is not allowed in a Windows image.
            CorruptWim: when the tree of the image is damaged.
        """
        from osdimage.imaging.wim.files import ImageFiles  # noqa: PLC0415 - few uses of an image need it

        return ImageFiles(self._path, self.handle, self.index)

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
            load_tree(self._path, self.handle, self.index)
            self.handle.add_file(self.index, source, path)
        self._added[_folded(path)] = Path(source)
        self._audit = None

    @property
    def is_changed(self) -> bool:
        """Whether files were added, so that the image is not what the WIM file holds."""
        return bool(self._added)

    def added(self, path: str) -> Path | None:
        """Return the file of this machine that is at a path of the image, or None when it is not one."""
        return self._added.get(_folded(path))

    def expand(
        self, paths: Iterable[str], *, globs: bool = True, may_be_absent: bool = False
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what paths and patterns stand for, in their order, and a sentence for each that fits nothing.

        A path that is named twice is there twice.  See :class:`ExtractOptions` for ``globs`` and ``may_be_absent``.

        Raises:
            InvalidRequest: when a path fits nothing, without ``may_be_absent``.
            UnsafeName, CorruptWim: as :meth:`extract`.
        """
        from osdimage.imaging.wim.extracted.extract import expand  # noqa: PLC0415 - few uses of an image need it

        with self._walked("/"):
            return expand(self._path, self.handle, self.index, tuple(paths), globs=globs, may_be_absent=may_be_absent)

    def extract(
        self,
        paths: Iterable[str],
        to: str | os.PathLike[str],
        options: ExtractOptions = ExtractOptions(),  # noqa: B008 - it is frozen
        *,
        progress: ProgressCallback | None = None,
    ) -> ExtractResult:
        r"""Extract files and directory trees to a directory, which is made if it is missing.

        Args:
            paths: paths in the image, separated by ``/`` or ``\``, compared without case; ``*``, ``?`` and ``[...]``
                stand for characters within a name.
            to: the directory.
            options: how; see there.
            progress: receives the progress.

        Raises:
            InvalidRequest: when a path fits nothing, or two files would get one name.
            UnsafeName, TargetRefused, CorruptWim, MissingParts, StorageError: as :func:`~osdimage.imaging.apply_image`.
        """
        from osdimage.imaging.wim.extracted.extract import extract_paths  # noqa: PLC0415 - few uses of an image need it

        arguments = (self._path, self.handle, self.index, tuple(paths), Path(to))
        if options.names is not Names.REPLACE:
            return extract_paths(*arguments, options=options, progress=progress)
        from osdimage.imaging.wim.extracted.extract_renamed import extract_renamed  # noqa: PLC0415 - as above

        if self.is_changed:
            raise InvalidRequest(f"{self._path}: names cannot be replaced in an image that files were added to")
        return extract_renamed(*arguments, options=options, progress=progress)


def _folded(path: str) -> str:
    return "/" + path.replace("\\", "/").strip("/").casefold()

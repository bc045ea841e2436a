"""The contents of an image's files, read, decompressed and hashed in threads of C that hand them to sinks."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from osdimage.imaging.errors import CorruptWim, OsdImageError, StorageError
from osdimage.imaging.wim.checks.once import finish, pass_once
from osdimage.imaging.wim.contents import references
from osdimage.imaging.wim.failures import RECOVER, wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.opening import open_wim, opened_wim_file
from osdimage.imaging.wim.trees import read_tree
from osdimage.native.engine.arrays import Untold, fixed_links, untold
from osdimage.native.engine.pipeline import BlobFile, Run, Verdict
from osdimage.native.runtime import Compression
from osdimage.native.status import WimlibError
from osdimage.native.wim.resource import BlobTable
from osdimage.native.wim.tree import Audit, Blob

_REASONS = {
    Verdict.DIFFERENT: "do not match their SHA-1",
    Verdict.DAMAGED: "cannot be decompressed",
    Verdict.CUT_OFF: "lie beyond the end of the file",
    Verdict.OUTSIDE: "reach beyond their resource",
}


class SinkFailed(Exception):
    """A sink could not take contents: whoever made it knows what to say of it.

    Attributes:
        errno: why.
    """

    def __init__(self, errno: int) -> None:
        """Keep the number."""
        super().__init__(os.strerror(errno))
        self.errno = errno


class ImageFeed:
    """The files of an image as arrays, and where their contents are.

    Attributes:
        audit: what the pass over the tree has found.
        tree: the files; the blobs of it are those that the image needs.
        size: of those blobs together, in bytes.
        index: of the image.
    """

    def __init__(
        self, image: WimImage, judge: Callable[[Audit], None] = lambda _: None, *, target: str | None = None
    ) -> None:
        """Load the tree of an image and pass over it, once for all that is asked of it.

        Args:
            image: the image.
            judge: is told what the pass has found, and may refuse the image by an exception; what is wrong with the
                tree itself is told afterwards.
            target: the directory that it comes to; see :func:`~osdimage.imaging.wim.checks.audit.load_tree`.

        Raises:
            CorruptWim: when the tree cannot be loaded, or contradicts itself.
            InvalidInput: when it holds more than can be counted here.
            StorageError: when a file of the WIM cannot be opened.
        """
        self._image = image
        self.index = image.index
        # What a plan has loaded; where libwim must be asked, it loads the tree again.
        self._forget()
        self._paths = (image.path, *references(image.path, image.handle))
        with wim_errors(image.path), ExitStack() as stack:
            # A handle that refers to other files lists their blobs too.
            is_alone = len(self._paths) == 1 and image.handle.trees is None
            handles = [image.handle if is_alone else stack.enter_context(open_wim(path)) for path in self._paths]
            facts = [handle.info() for handle in handles]
            self._formats = [(each.compression or Compression.NONE, each.chunk_size) for each in facts]
            self.is_pipable = any(each.is_pipable for each in facts)
            blobs = BlobTable(*handles)
        with wim_errors(image.path):
            found = pass_once(image.path, image.handle, image.index, blobs, is_changed=image.is_changed, target=target)
        self.audit, self.tree, self._untold = found.audit, found.tree, found.untold
        judge(self.audit)
        finish(image.path, image.index, self.tree)
        self.size = blobs.size

    def _forget(self) -> None:
        """Free the tree that libwim has loaded, which would be in memory all the time."""
        if not self._image.is_changed:
            with suppress(WimlibError):
                self._image.handle.forget_tree()

    def untold(self) -> Untold | None:
        """Return what libwim does not tell of the files; None where that is not known.

        Raises:
            CorruptWim, StorageError: when the tree cannot be read once more.
        """
        if self._untold is None:
            stored = read_tree(self._image.path, self._image.handle, self._image.index)
            self._untold = None if stored is None else untold(stored)
        return self._untold

    def narrow(self) -> None:
        """Leave out the contents that a directory does not have."""
        self.tree.narrow()
        self.size = self.tree.blobs.size

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of the WIM: that of the image, and those that it refers to."""
        return self._paths

    @property
    def files(self) -> int:
        """How many files of the WIM are open while it is read."""
        return len(self._paths)

    @property
    def has_fixed_links(self) -> bool:
        """Whether links lead to where the image is, as the header of the WIM says."""
        return self._image.handle.info().has_rpfix

    def fixed_links(self) -> bytes | None:
        """Return which links do; see :func:`osdimage.native.engine.arrays.fixed_links`.  None where it is not known.

        Raises:
            CorruptWim, StorageError: when the tree cannot be read once more.
        """
        stored = read_tree(self._image.path, self._image.handle, self._image.index)
        return None if stored is None else fixed_links(stored, self.tree)

    def run(
        self, sinks: Sequence[Any], step: Callable[[int], None], *, memory: int | None = None
    ) -> tuple[SinkFailed | None, ...]:
        """Hand all contents to sinks; wait for the end.  A sink that fails is left out, and the others go on.

        Args:
            sinks: pointers to ``struct osd_sink``, which must stay until the end.
            step: is told some times a second how many bytes are done with; an exception of it ends the work.
            memory: bytes that chunks may take together; None for little.

        Returns:
            Of each sink why it failed, or None when it has all contents.

        Raises:
            CorruptWim: when contents are damaged; it names a file that has them.
            StorageError: when the WIM cannot be read.
        """
        with self._running(sinks, memory, ends_at_bad=True) as run:
            for done in run.progress():
                step(done)
            return self._judge(run, len(sinks))

    def bad_blobs(
        self, step: Callable[[int], None], *, wanted: Container[bytes] | None = None
    ) -> list[tuple[Path, Blob, str]]:
        """Hash contents; return those that are bad, each with its file and why.  Nothing else can be done afterwards.

        Args:
            step: as that of :meth:`run`.
            wanted: the SHA-1 of those that are hashed; None for all.

        Raises:
            StorageError: when there is not memory enough.
        """
        if wanted is not None:
            self.tree.blobs.keep_hashes(wanted)
            self.size = self.tree.blobs.size
        with self._running((), None, ends_at_bad=False) as run:
            for done in run.progress():
                step(done)
            error = run.error()
            if error is not None:
                raise _failure(self._image.path, error)
            blobs = self.tree.blobs
            return [
                (self._paths[blobs.file_of(each.position)], blobs[each.position], _reason(each.fault))
                for each in run.bad()
            ]

    @contextmanager
    def _running(self, sinks: Sequence[Any], memory: int | None, *, ends_at_bad: bool) -> Iterator[Run]:
        self._forget()
        with ExitStack() as stack:
            files = []
            for path, (compression, chunk_size) in zip(self._paths, self._formats, strict=True):
                file = stack.enter_context(opened_wim_file(path))
                files.append(BlobFile(file.descriptor, compression, chunk_size, file.begin, file.size))
            run: Run | None = None
            # No "with": a signal could come between the begin of the threads and that of the block.
            try:
                run = self._begun(files, sinks, memory, ends_at_bad=ends_at_bad)
                yield run
            finally:
                if run is not None:
                    run.close()

    def _begun(self, files: Sequence[BlobFile], sinks: Sequence[Any], memory: int | None, *, ends_at_bad: bool) -> Run:
        try:
            return Run(
                self.tree.blobs,
                files,
                workers=len(os.sched_getaffinity(0)),
                memory=memory,
                ends_at_bad=ends_at_bad,
                sinks=sinks,
            )
        except OSError as error:
            raise _failure(self._image.path, error) from error

    def _judge(self, run: Run, sinks: int) -> tuple[SinkFailed | None, ...]:
        for bad in run.bad():
            raise self._bad(bad.position, bad.fault)
        found = map(run.sink_error, range(sinks))
        failed = tuple(None if error is None else SinkFailed(error[0]) for error in found)
        error = run.error()
        # A run without a sink that is left has ended for that reason.
        if error is not None and (None in failed or not failed):
            raise _failure(self._image.path, error)
        return failed

    def _bad(self, position: int, fault: Verdict | int) -> OsdImageError:
        path = self._paths[self.tree.blobs.file_of(position)]
        if not isinstance(fault, Verdict):
            return StorageError(f"{path}: {os.strerror(fault)}", path=path, errno=fault)
        text = f"{path}: the contents of {self.tree.path_of_blob(position)!r} {_REASONS[fault]}"
        return CorruptWim(text, remedy=RECOVER)


def _reason(fault: Verdict | int) -> str:
    return _REASONS[fault] if isinstance(fault, Verdict) else f"cannot be read: {os.strerror(fault)}"


def _failure(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno)

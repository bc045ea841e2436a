"""Changing the files of an image of a WIM: many commands as one transaction.

The commands are carried out in memory, in their order, and each sees what those before it made.  When all are done, the
image is written: appended, so that the old header points to the old image until the new one is on the medium, or with
the whole WIM anew beside the old file, which is replaced in one step.  When one fails, nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from osdimage.imaging.capture.config import DEFAULT_CONFIG, CaptureConfig
from osdimage.imaging.errors import InvalidRequest, OsdImageError, explain
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.service.replace import alone, edit_files
from osdimage.imaging.units import counted
from osdimage.imaging.wim.checks.audit import load_tree, refuse_dropped_names
from osdimage.imaging.wim.compression import Compression, CompressionSpec
from osdimage.imaging.wim.edited.commands import AddTree, Change, Command, DeletePath, EditFile, EditFiles, RenamePath
from osdimage.imaging.wim.edited.limited_times import LimitedTimes
from osdimage.imaging.wim.edited.tree_changes import TreeChanges
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.file import WimFile, reference_files
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.opening import open_wim, refuse_impossible_header, refuse_unchangeable
from osdimage.imaging.wim.patterns import normalised
from osdimage.imaging.wim.select import ImageSelector
from osdimage.imaging.wim.steps import listener
from osdimage.imaging.wim.stored.in_place import locked
from osdimage.imaging.wim.stored.unused import unused_bytes
from osdimage.imaging.wim.trees import read_tree
from osdimage.imaging.wim.write import WRITE_SHARES, Writing, append_file, append_spec, write_file


@dataclass(frozen=True, slots=True)
class UpdateOptions:
    """How an update works.

    Attributes:
        config: what is left out of directories that are added, by their paths from there.
        rebuild: write the whole WIM anew, without what no image needs; otherwise what is new is appended.
        check: compare the WIM with its integrity table first, if it has one.
        integrity: write an integrity table; None as the WIM has it.
        threads: compressor threads, 0 for one a processor.
        dry_run: find out what would be changed, and write nothing.
        latest: the latest time that what is added or changed may have in the image: a later one becomes it, and the
            time of an access that of the last write, so that the same update makes the same tree again.  None leaves
            all of them; not with ``rebuild``.
    """

    config: CaptureConfig = DEFAULT_CONFIG
    rebuild: bool = False
    check: bool = False
    integrity: bool | None = None
    threads: int = 0
    dry_run: bool = False
    latest: datetime | None = None

    def __post_init__(self) -> None:
        """Check that what is asked for goes together.

        Raises:
            InvalidRequest: when times are limited in a WIM that is written anew.
        """
        if self.latest is not None and self.rebuild:
            raise InvalidRequest("times are limited in what is appended; valid is not to write the WIM anew")


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What an update did.  Sizes in bytes.

    Attributes:
        path: the WIM.
        index: of the image.
        name: of the image.
        changes: what was changed, in order.
        rebuilt: whether the WIM was written anew.
        dry_run: whether nothing was written.
        old_size: of the file before.
        new_size: of the file after.
        unused: what of the file no image needs now; writing it anew gives that back.
        warnings: sentences for people.
    """

    path: Path
    index: int
    name: str
    changes: tuple[Change, ...]
    rebuilt: bool
    dry_run: bool
    old_size: int
    new_size: int
    unused: int
    warnings: tuple[str, ...]


@logged("update an image of {wim}")
def update_image(
    wim: str | os.PathLike[str],
    selector: ImageSelector,
    commands: Sequence[Command],
    options: UpdateOptions = UpdateOptions(),
    *,
    refs: Iterable[str] = (),
    progress: ProgressCallback | None = None,
) -> UpdateResult:
    """Change the files of an image: all of the commands, or none.

    Its old contents stay readable in the file until the new ones are on the medium.  When nothing is to be changed,
    the file is left as it is.

    Args:
        wim: the WIM; it must not be split or marked read-only.
        selector: which image.
        commands: what is done, in this order.
        options: how; see there.
        refs: files or glob patterns of files that hold contents too: the base of a delta, which stays one.
        progress: receives the progress.

    Raises:
        InvalidRequest: when there is no such image, or a command cannot be carried out as it stands.
        UnsafeName: when a path would get a name that an image may not hold, or the image holds one.
        NotAWim, CorruptWim: when it is not a sound WIM.
        MissingParts: when contents are in a file that ``refs`` does not name.
        TargetRefused: when the WIM cannot be changed, or another program is writing to it; nothing was written.
        StorageError: when a source cannot be read or writing failed; the message says whether the WIM is as it was.
    """
    path = Path(wim)
    meter = Meter(progress, ({Phase.CHECK_INTEGRITY: 10.0} if options.check else {}) | WRITE_SHARES)
    # What is read while the WIM is written is closed after it.
    with ExitStack() as stack, wim_errors(path):
        edits = any(isinstance(command, EditFile | EditFiles) for command in commands)
        folder = stack.enter_context(scratch_folder()) if edits else None
        if options.rebuild and not options.dry_run:
            # What another program appends while the new file is written would be lost: the lock comes first.
            stack.enter_context(locked(path))
        opened = stack.enter_context(_opened(path, options, tuple(refs), meter))
        image = opened.select(selector)
        audit = load_tree(path, opened.handle, image.index)
        refuse_dropped_names(path, image.index, audit)
        warnings = _found(opened, options) + _uncounted(path, image.index, audit.missing_blobs)
        change = None
        if options.latest is not None:
            change = LimitedTimes(read_tree(path, opened.handle, image.index) or b"", options.latest)
        for text in warnings:
            meter.warn(text)
        config = options.config
        work = TreeChanges(image, config.exclusions, config.exceptions, meter, match_case=config.match_case)
        for command in commands:
            with _telling(command):
                _carry_out(command, work, image, folder)
        warnings += tuple(work.warnings)
        is_written = bool(work.done) and not options.dry_run
        if is_written:
            warnings += _write(opened, options, change, meter)
    meter.finish()
    return UpdateResult(
        path=path,
        index=image.index,
        name=image.name,
        changes=tuple(work.done),
        rebuilt=is_written and options.rebuild,
        dry_run=options.dry_run,
        old_size=opened.header.file_size,
        new_size=path.stat().st_size,
        unused=unused_bytes(path),
        warnings=warnings,
    )


def _opened(path: Path, options: UpdateOptions, refs: tuple[str, ...], meter: Meter) -> WimFile:
    header = refuse_impossible_header(path)
    if header is not None:
        refuse_unchangeable(path, header)
    handle = open_wim(path, check_integrity=options.check, write=not options.dry_run, listener=listener(meter))
    try:
        reference_files(handle, refs)
        return WimFile(path, handle)
    except BaseException:
        handle.close()
        raise


def _found(opened: WimFile, options: UpdateOptions) -> tuple[str, ...]:
    """Return what is to be said of the WIM as it was found."""
    if options.check and not opened.header.has_integrity_table:
        return (*opened.warnings, f"{opened.path}: has no integrity table to check")
    return opened.warnings


def _uncounted(path: Path, index: int, missing: int) -> tuple[str, ...]:
    """Say that libwim will count nothing of what is not at hand, which the XML counts by now."""
    if not missing:
        return ()
    files = counted(missing, "file")
    text = (
        f"{path}: the contents of {files} of image {index} are in another file that was not named, such as the base of "
        "a delta: the sizes that the WIM tells of the image are without them"
    )
    return (text,)


def _carry_out(command: Command, work: TreeChanges, image: WimImage, folder: Path | None) -> None:
    match command:
        case AddTree():
            work.add(command)
        case DeletePath():
            work.delete(command)
        case RenamePath():
            work.rename(command)
        case EditFile() if folder is not None:
            path = normalised(command.path).lstrip("/")
            together = EditFiles(
                (path,), alone(path, command.change), command.limit_bytes, command.source, command.origin
            )
            _edit(together, work, image, folder)
        case EditFiles() if folder is not None:
            _edit(command, work, image, folder)


def _edit(command: EditFiles, work: TreeChanges, image: WimImage, folder: Path) -> None:
    changed = edit_files(image, command.paths, command.change, folder=folder, limit_bytes=command.limit_bytes)
    for path in changed:
        work.edited(path, None if command.source is None else os.fspath(command.source))


@contextmanager
def _telling(command: Command) -> Iterator[None]:
    """Say of an error where the command stands that it is of."""
    try:
        yield
    except OsdImageError as error:
        if command.origin:
            explain(error, f"at {command.origin}; nothing was written")
        raise


def _write(opened: WimFile, options: UpdateOptions, change: LimitedTimes | None, meter: Meter) -> tuple[str, ...]:
    """Write the changed image; return libwim's warnings.  What is in other files stays there."""
    path, handle = opened.path, opened.handle
    skips_references = bool(handle.references)
    if not options.rebuild:
        spec = append_spec(path, None, handle.info().compression)
        return append_file(
            handle,
            path,
            spec,
            integrity=options.integrity,
            threads=options.threads,
            meter=meter,
            skips_references=skips_references,
            change=change,
        )
    header = opened.header
    return write_file(
        handle,
        path,
        CompressionSpec(header.compression or Compression.NONE, solid=header.is_solid),
        Writing(
            integrity=header.has_integrity_table if options.integrity is None else options.integrity,
            threads=options.threads,
            retain_guid=True,
            skips_references=skips_references,
        ),
        replace=True,
        meter=meter,
    )

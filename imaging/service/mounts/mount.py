"""Mounting an image of a WIM at a directory."""

from __future__ import annotations

import glob
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from osdimage.imaging.errors import InvalidRequest, OsdImageError, StorageError, TargetRefused
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.service.mounts.needs import refuse_place, refuse_without_fuse
from osdimage.imaging.service.mounts.records import Facts
from osdimage.imaging.service.mounts.results import AS_IT_IS, UnmountOptions, UnmountResult, names_told
from osdimage.imaging.service.mounts.served import header_of
from osdimage.imaging.service.mounts.table import Mount, MountState, mount_at, real_path
from osdimage.imaging.service.mounts.tasks import CONFIRMED, Report, Task
from osdimage.imaging.service.mounts.unmount import unmount_image
from osdimage.imaging.wim.checks.audit import load_tree, refuse_dropped_names, refuse_missing, repairs
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.fuse import StreamInterface
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.opening import refuse_impossible_header, refuse_unchangeable
from osdimage.imaging.wim.select import ImageSelector
from osdimage.imaging.wim.stored.in_place import locked

__all__ = ["MountOptions", "Mounted", "StreamInterface", "mount_image"]

_PROGRAM = "osdimage.imaging.service.mounts.keeper"


@dataclass(frozen=True, slots=True)
class MountOptions:
    """How an image is mounted.

    Attributes:
        read_write: let its files be changed.  The WIM is locked against other writers until it is unmounted, and is
            changed only by an unmount that commits.
        allow_other: let users in who have not mounted it; for other users than root, /etc/fuse.conf must allow it.
        unix_data: show owners, modes and device numbers as the image has them, and store them; otherwise all belongs to
            who has mounted it, with all rights.
        streams: how named streams are seen.
        staging: the folder in which a folder for the contents of changed files is made; None for that of the WIM.
        check: compare the WIM with its integrity table first, if it has one.
    """

    read_write: bool = False
    allow_other: bool = False
    unix_data: bool = False
    streams: StreamInterface = StreamInterface.XATTR
    staging: Path | None = None
    check: bool = False


class Mounted:
    """An image that is mounted.  Used as a context manager, it is unmounted at the end without a commit.

    Attributes:
        mount: the facts.
        warnings: sentences about the WIM and the image, for people.
    """

    def __init__(self, mount: Mount, warnings: tuple[str, ...]) -> None:
        """Remember them; :func:`mount_image` makes these."""
        self.mount = mount
        self.warnings = warnings
        self._is_unmounted = False

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<Mounted {self.directory}{', unmounted' if self._is_unmounted else ''}>"

    @property
    def directory(self) -> Path:
        """Where it is mounted."""
        return self.mount.directory

    def unmount(self, options: UnmountOptions = AS_IT_IS, *, progress: ProgressCallback | None = None) -> UnmountResult:
        """Unmount it; see :func:`~osdimage.imaging.service.unmount_image`."""
        result = unmount_image(self.directory, options, progress=progress)
        self._is_unmounted = True
        return result

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unmount it, unless that was done; changes that were not committed are lost."""
        if not self._is_unmounted:
            self.unmount()


@logged("mount an image of {wim}")
def mount_image(
    wim: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    selector: ImageSelector = ImageSelector(),  # noqa: B008 - it is frozen
    options: MountOptions = MountOptions(),
    *,
    refs: Iterable[str] = (),
    progress: ProgressCallback | None = None,
) -> Mounted:
    """Mount an image at an empty directory, through FUSE, and return when it can be used.

    Two processes of their own serve it until it is unmounted; this one may end before.  When they are killed, the
    directory is unmounted, and changes that were not committed are lost.

    Args:
        wim: the WIM; the other parts of a split one are found by their names.
        directory: where to; it must be empty.
        selector: which image.
        options: how; see there.
        refs: files or glob patterns of files that hold contents too.
        progress: receives the progress of the check.

    Raises:
        InvalidRequest: when there is no such image or directory.
        TargetRefused: when the directory is not empty or something is mounted there; when files are to be changed and
            the WIM cannot be, or another program is writing to it.
        UnsafeName: when files are to be changed, and the image holds a name that it may not hold.
        NotAWim, CorruptWim, MissingParts: when the WIM cannot be used.
        OsdImageError: when this machine cannot mount; the message says what is missing.
    """
    path, where = Path(wim), Path(directory)
    refuse_without_fuse(allow_other=options.allow_other)
    place = refuse_place(where)
    patterns = tuple(refs)
    if options.read_write:
        _refuse_unwritable(path)
    with WimFile.open(path, check=options.check, refs=patterns, progress=progress) as opened, wim_errors(path):
        image = opened.select(selector)
        warnings = opened.warnings + _warnings_of(path, image, options, has_references=bool(patterns))
        header = header_of(path) if options.read_write else None
        facts = Facts(str(place), str(path.resolve()), image.index, image.name, options.read_write, header=header)
    staging = None
    if options.read_write:
        warnings += _left_over(path, options)
        staging = _staging_folder(path, place, options)
    try:
        _start(_task(facts, staging, patterns, options))
        found = _found_at(place)
    except BaseException:
        if staging is not None:
            # Whoever serves it has it empty, or not any more.
            shutil.rmtree(staging, ignore_errors=True)
        raise
    return Mounted(found, warnings)


def _found_at(place: Path) -> Mount:
    found = mount_at(place)
    if found is None or found.mount.state is not MountState.LIVE:
        raise OsdImageError(f"{place}: the image was mounted, and is not there any more")
    return found.mount


def _refuse_unwritable(path: Path) -> None:
    header = refuse_impossible_header(path)
    if header is None:
        return
    refuse_unchangeable(path, header)
    # The server locks it; who cannot is told so here.
    with locked(path):
        pass


def _warnings_of(path: Path, image: WimImage, options: MountOptions, *, has_references: bool) -> tuple[str, ...]:
    audit = load_tree(path, image.handle, image.index)
    # What is not there could be read as an error of the medium alone.
    refuse_missing(path, image.index, audit)
    if options.read_write:
        refuse_dropped_names(path, image.index, audit)
    warnings = repairs(audit) + names_told(path, image.index, audit.refused_names, audit.refused_path)
    if options.read_write and has_references:
        warnings += (f"{path}: a commit copies into it what the image has in other files, too",)
    if image.handle.is_backed:
        folder = tempfile.gettempdir()
        warnings += (f"{path}: the contents of the image are copied to {folder} for as long as it is mounted",)
    return warnings


def _task(facts: Facts, staging: Path | None, refs: tuple[str, ...], options: MountOptions) -> Task:
    kept = replace(facts, staging=None if staging is None else str(staging))
    return Task(kept, refs, options.allow_other, options.unix_data, options.streams.value)


def _left_over(path: Path, options: MountOptions) -> tuple[str, ...]:
    """Say of folders with changed files that are of no mount: nobody else can have the WIM mounted for writing."""
    found = _above(path, options).glob(f"{glob.escape(path.name)}.staging*")
    return tuple(f"{each}: is left over from a mount that did not end as it should; nothing uses it" for each in found)


def _above(path: Path, options: MountOptions) -> Path:
    """Return where the folder for changed files is made."""
    return real_path(path).parent if options.staging is None else real_path(options.staging)


def _staging_folder(path: Path, place: Path, options: MountOptions) -> Path:
    """Make the folder for the contents of changed files, which says by its name what it is of."""
    above = _above(path, options)
    if not above.is_dir():
        raise InvalidRequest(f"{options.staging}: there is no such directory")
    if above == place or place in above.parents:
        raise InvalidRequest(f"{above}: would be hidden by what is mounted at {place}; valid is another folder")
    folder = above / f"{path.name}.staging-{os.urandom(5).hex()}"
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise TargetRefused(f"{above}: a folder for changed files cannot be made: {error.strerror}") from error
    return folder


def _start(task: Task) -> None:
    """Start the processes, and wait until the image is mounted."""
    # With -P nothing is imported from the working directory, whosoever's that is.
    # The directory is for who looks at the list of processes.
    command = [sys.executable, "-P", "-m", _PROGRAM, task.facts.directory]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    with process:
        # Pipes of a process that was started with them.
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        if stdin is None or stdout is None or stderr is None:
            raise AssertionError("it was started with pipes")
        with suppress(BrokenPipeError):
            stdin.write(task.to_line())
            stdin.flush()
        answer = stdout.read()
        try:
            report: Report = pickle.loads(answer)  # noqa: S301 - of our own child, by a pipe that nobody else has
        except (pickle.UnpicklingError, EOFError):
            said = stderr.read().decode("utf-8", "replace").strip().splitlines()
            raise OsdImageError(
                f"{task.facts.directory}: what serves the image could not be started"
                + (f": {said[-1]}" if said else "")
            ) from None
        if report.error is not None:
            raise report.error
        try:
            stdin.write(CONFIRMED)
            stdin.flush()
        except OSError as error:
            raise StorageError(
                f"{task.facts.directory}: what serves the image has ended", path=task.facts.directory
            ) from error

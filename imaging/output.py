"""Files that appear under their name complete, or not at all.

The contents go to a file without a name (``O_TMPFILE``) in the folder of the destination.  Only when they are complete
and on the disk does it get a name.  Whatever happens before, a full disk, a signal, even SIGKILL, leaves nothing behind
and the old file as it was.  Two exceptions leave a hidden file behind, after SIGKILL or a crash: a file that is to
replace another is called ``.osdimage-*.tmp`` for a moment, and on file systems without ``O_TMPFILE`` (NFS, FAT, some
FUSE) a new file is called ``.osdimage-*.part`` while it is written.  The next file that is made in the folder removes
what nobody writes any more: the former are locked as long as somebody does, the latter are a day old.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from osdimage.imaging.errors import (
    InvalidRequest,
    Means,
    OsdImageError,
    Remedy,
    StorageError,
    TargetRefused,
    TooSmall,
    explain,
)
from osdimage.imaging.units import MIB, format_size

_NO_TMPFILE = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
_DESCRIPTORS = "/proc/self/fd"
_NO_FOLDER = {errno.ENOENT, errno.ENOTDIR}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOENT}
_PREFIX, _MOMENTARY, _WRITTEN = ".osdimage-", ".tmp", ".part"
_STALE_SECONDS = 24 * 3600

LARGEST_STEP = 32 * MIB
"""So many bytes at most are copied between two looks at whether somebody wants to stop."""
_PIECE_BYTES = MIB
# Where the system cannot copy from file to file by itself.
_NO_RANGES = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY}


REPLACE_IT = Remedy("choose another name, or replace it with {}", (Means.OVERWRITE,))
ADD_TO_IT = Remedy("choose another name, add to it with {}, or replace it with {}", (Means.APPEND, Means.OVERWRITE))


def refuse_existing(path: Path, remedy: Remedy = REPLACE_IT) -> None:
    """Refuse a destination that exists.

    Raises:
        TargetRefused: when something has this name, a dangling link included.
    """
    if os.path.lexists(path):
        raise TargetRefused(f"{path}: exists already", remedy=remedy)


def refuse_irregular(path: Path) -> None:
    """Refuse to put a file in the place of what is none, such as a directory, before anything is written.

    Raises:
        TargetRefused: when there is such a thing.
    """
    _mode_of_old(path)


def require_existing(path: Path) -> None:
    """Refuse a destination that is not there, where something is to be added to it.

    Raises:
        InvalidRequest: when nothing has this name.
    """
    if not path.exists():
        remedy = Remedy("without {} it is made", (Means.APPEND,))
        raise InvalidRequest(f"{path}: there is no such file to add to", remedy=remedy)


def refuse_source(path: Path, source: str | os.PathLike[str], what: str) -> None:
    """Refuse a destination that is the file that is read, also under another name (a link).

    ``what`` is what messages call that file: "the disk".

    Raises:
        InvalidRequest: when it is.
    """
    # A destination that cannot be looked at is refused by whoever opens it.
    with suppress(OSError):
        if path.samefile(source):
            raise InvalidRequest(f"{path}: is {what} itself; valid is another file")


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write all bytes at an offset of a file, in as many calls as the system takes.

    Raises:
        OSError: when it takes no more.
    """
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view = view[count:]
        offset += count


def copy_range(
    source: int,
    destination: int,
    *,
    at: int,
    to: int,
    size: int,
    copied: Callable[[int], None],
    step_bytes: int = LARGEST_STEP,
    by_system: bool = True,
) -> None:
    """Copy bytes from file to file, by the system itself where it can.

    Args:
        source: the descriptor of the file that is read.
        destination: that of the file that is written.
        at: the byte of the source where they begin.
        to: the byte of the destination where they go.
        size: how many.
        copied: is told of each step how many more were copied; it stops the copy by raising an exception of its own.
        step_bytes: so many at most are a step.
        by_system: whether the system is asked to copy them: reading and writing few of them is faster.

    Raises:
        OSError: when reading or writing failed; ENODATA when the source ends too early.
    """
    done = 0
    while done < size:
        left = size - done
        if by_system:
            try:
                count = os.copy_file_range(source, destination, min(left, step_bytes), at + done, to + done)
            except OSError as error:
                if error.errno not in _NO_RANGES:
                    raise
                by_system = False
                continue
        else:
            data = os.pread(source, min(left, _PIECE_BYTES), at + done)
            write_at(destination, data, to + done)
            count = len(data)
        if count == 0:
            if by_system:
                # Some file systems say so of a file that they cannot copy from.
                by_system = False
                continue
            raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))
        done += count
        copied(count)


def refuse_full_medium(path: Path, needed: int, what: str) -> None:
    """Refuse a new file where the file system has less room than it needs.

    Args:
        path: of the file.
        needed: how much it takes, in bytes.
        what: needs it, for messages: "the WIM without its holes".

    Raises:
        TooSmall: with both numbers.
    """
    try:
        facts = os.statvfs(path.resolve().parent)
    except OSError:
        # Whoever makes the file says what is wrong with the folder.
        return
    available = facts.f_bavail * facts.f_frsize
    if needed > available:
        raise TooSmall(
            f"{path}: not written: {what} needs {format_size(needed)}, there is room for {format_size(available)}"
        )


class _Temporary:
    """The name that a file has for now.

    Attributes:
        path: the name, or None when it has none, or its own.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path

    def remove(self, error: BaseException | None) -> None:
        """Remove the name, if there is one; when that fails too, say so in the error that is on its way."""
        if self.path is None:
            return
        try:
            self.path.unlink(missing_ok=True)
        except OSError as problem:
            if error is not None:
                explain(error, f"{self.path} could not be removed ({problem.strerror})")


@contextmanager
def new_file(path: Path, *, replace: bool, private: bool = False) -> Iterator[int]:
    """Yield the descriptor of a new file that takes its name when the body ends without an exception.

    The file is open for reading and writing.  With ``replace`` a regular file of this name is replaced in one step and
    its permissions are kept; a symbolic link is followed, so that the link stays and its target is replaced.  With
    ``private`` it is for its owner alone.

    Raises:
        TargetRefused: when the name is taken and ``replace`` is false, or is taken by something that is not a file.
        StorageError: when the file cannot be made or named; when the file has its name and only that is not known to be
            on the medium, the message says so.
    """
    if not replace:
        refuse_existing(path)
    destination = path.resolve() if replace else path
    mode = _mode_of_old(destination)
    _sweep(destination.parent)
    try:
        descriptor, temporary = _open_nameless(destination.parent)
    except OSError as error:
        raise _storage_error(error, path) from error
    failed: BaseException | None = None
    try:
        yield descriptor
        try:
            if private:
                os.fchmod(descriptor, 0o600)
            elif mode is not None:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
            _give_name(descriptor, temporary, destination, replace=replace)
        except OSError as error:
            raise _storage_error(error, path) from error
        sync_name(destination, path)
    except BaseException as error:
        failed = error
        raise
    finally:
        # First the name: with the descriptor goes the lock that says whose it is.
        temporary.remove(failed)
        os.close(descriptor)


@contextmanager
def nameless_file(beside: Path) -> Iterator[int]:
    """Yield the descriptor of a file, open for reading and writing, that is gone afterwards; it is beside a path.

    Raises:
        StorageError: when the file cannot be made.
    """
    try:
        descriptor, temporary = _open_nameless(beside.parent)
    except OSError as error:
        raise _storage_error(error, beside) from error
    try:
        yield descriptor
    finally:
        temporary.remove(None)
        os.close(descriptor)


def sync_name(destination: Path, path: Path) -> None:
    """Wait until the name that a file has just got is on the medium; ``path`` is what messages call the file.

    Raises:
        StorageError: when the medium does not confirm it; the file keeps its name.
    """
    try:
        sync_folder(destination.parent)
    except OSError as error:
        raise StorageError(
            f"{path}: {error.strerror} -- the new file is complete and has its name, but the medium did not confirm "
            "the name: after a power cut, what was there before may be back",
            path=path,
            errno=error.errno,
        ) from error


def path_of(descriptor: int) -> str:
    """Return a path at which this process, and those that inherit the descriptor, open its file again."""
    return f"{_DESCRIPTORS}/{descriptor}"


def require_proc() -> None:
    """Refuse to go on where there is no /proc, as in a root directory that was only unpacked.

    Raises:
        OsdImageError: naming the command that mounts it.
    """
    if not Path(_DESCRIPTORS).is_dir():
        raise OsdImageError(
            "/proc: is not mounted; other programs are given files through it; as root: mount -t proc proc /proc"
        )


def _mode_of_old(destination: Path) -> int | None:
    try:
        facts = destination.stat()
    except OSError:
        return None
    if not stat.S_ISREG(facts.st_mode):
        raise TargetRefused(f"{destination}: is not a regular file, and is not replaced by one")
    return stat.S_IMODE(facts.st_mode)


def _open_nameless(folder: Path) -> tuple[int, _Temporary]:
    """Open a file in a folder, without a name, or with a temporary one."""
    # Without /proc a nameless file could never get its name.
    if Path(_DESCRIPTORS).is_dir():
        try:
            return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666), _Temporary()
        except OSError as error:
            if error.errno not in _NO_TMPFILE:
                raise
    temporary = _temporary_name(folder, _WRITTEN)
    return os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666), _Temporary(temporary)


def _temporary_name(folder: Path, suffix: str) -> Path:
    return folder / f"{_PREFIX}{os.urandom(6).hex()}{suffix}"


def _give_name(descriptor: int, temporary: _Temporary, destination: Path, *, replace: bool) -> None:
    """Name the file; a temporary name that is left to remove stays noted."""
    if temporary.path is None:
        if not replace:
            _link(path_of(descriptor), destination)
            return
        # A file without a name cannot be renamed over another: it gets a temporary one for the moment between.  It is
        # locked before, so that nobody takes it for a dead one; where there are no locks, nobody sweeps either.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        temporary.path = _temporary_name(destination.parent, _MOMENTARY)
        _link(path_of(descriptor), temporary.path)
    if replace:
        temporary.path.replace(destination)
        temporary.path = None
        return
    try:
        _link(temporary.path, destination)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links on this file system: what remains is a check and a rename.
        refuse_existing(destination)
        temporary.path.rename(destination)
        temporary.path = None


def _sweep(folder: Path) -> None:
    """Remove what commands that were killed have left in a folder; nothing of it is ever used again."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.name.endswith((_MOMENTARY, _WRITTEN)):
                with suppress(OSError):
                    _remove_dead(Path(entry.path))


def _remove_dead(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
            return
        if path.suffix == _WRITTEN and time.time() - facts.st_mtime < _STALE_SECONDS:
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)


def _link(source: str | Path, destination: Path) -> None:
    try:
        # Following /proc/self/fd/N is how a file without a name is linked (open(2), O_TMPFILE).  Python follows a link
        # only with a directory descriptor; the source is absolute, so which one does not matter.
        folder = os.open(destination.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.link(Path(source).absolute(), destination, src_dir_fd=folder, follow_symlinks=True)
        finally:
            os.close(folder)
    except FileExistsError as error:
        raise TargetRefused(f"{destination}: exists already; it was made while this was working") from error


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where its file system can do that.

    Raises:
        OSError: when it cannot be opened, or its disk fails.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems (FUSE, vfat) cannot sync a folder; its files themselves are on the disk.
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
            raise
    finally:
        os.close(descriptor)


def _storage_error(error: OSError, path: Path) -> StorageError:
    what = error.strerror
    if error.errno in _NO_FOLDER:
        # As it was written; of a link, where it leads.
        folders = (path.parent, path.resolve().parent)
        above = (each for folder in folders for each in reversed((folder, *folder.parents)))
        missing = next((each for each in above if not each.is_dir()), None)
        if missing is not None:
            what = f"{missing} is no directory" if missing.exists() else f"there is no directory {missing}"
    return StorageError(f"{path}: {what}", path=path, errno=error.errno)

"""A directory of Linux that an image is compared with."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from osdimage.imaging import filetime
from osdimage.imaging.compare.fidelity import Fidelity
from osdimage.imaging.compare.links import MOUNT_POINT, SYMBOLIC_LINK
from osdimage.imaging.compare.target import PROGRESS_EVERY, ComparedTarget, FoundFile, FoundStream, ScanProgress
from osdimage.imaging.compare.unix import SPECIAL
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.errors import StorageError

_PIECE = 1 << 20


class DirectoryTarget(ComparedTarget):
    """A directory of Linux.

    It has no place for what only Windows has, nor for extended attributes whose names begin as none of Linux do.  Its
    creation times cannot be set, and its access times change when a file is read, by this comparison too.
    """

    kind = "a directory"
    filesystem: FileSystem | None = None
    holds = frozenset(
        {
            Fidelity.NAMES,
            Fidelity.CONTENTS,
            Fidelity.MODIFICATION_TIMES,
            Fidelity.HARD_LINKS,
            Fidelity.REPARSE_POINTS,
            Fidelity.OWNERS,
            Fidelity.MODES,
            Fidelity.DEVICES,
            Fidelity.EXTENDED_ATTRIBUTES,
            Fidelity.EXTRA,
        }
    )

    def __init__(self, folder: Path) -> None:
        """Remember the folder."""
        self._folder = os.fsencode(folder)

    def keeps_reparse_point(self, tag: int) -> bool:
        """Tell whether it is one of those that become symbolic links."""
        return tag in {SYMBOLIC_LINK, MOUNT_POINT}

    def keeps_extended_attribute(self, name: bytes) -> bool:
        """Tell whether it is of one of the kinds that Linux has (xattr(7))."""
        return name.startswith((b"user.", b"trusted.", b"security.", b"system."))

    def extended_attributes(self, file: FoundFile) -> dict[bytes, bytes]:
        """Return what the file itself has, not what a link leads to; nothing where the file system has none."""
        path = self._folder + file.path.encode("utf-8", "surrogatepass")
        try:
            return {
                os.fsencode(name): os.getxattr(path, name, follow_symlinks=False)
                for name in os.listxattr(path, follow_symlinks=False)
            }
        except OSError as error:
            if error.errno in {errno.ENOTSUP, errno.ENOSYS}:
                return {}
            raise _storage_error(error, path) from error

    def files(self, progress: ScanProgress) -> Iterator[FoundFile]:
        """Yield what is below the folder; links are not followed."""
        waiting = [b""]
        count = 0
        try:
            yield _file_of_linux(self._folder, b"", Path(os.fsdecode(self._folder)).stat())
            while waiting:
                above = waiting.pop()
                with os.scandir(self._folder + above) as found:
                    for item in found:
                        path = above + b"/" + item.name
                        yield _file_of_linux(item.path, path, item.stat(follow_symlinks=False))
                        if item.is_dir(follow_symlinks=False):
                            waiting.append(path)
                        count += 1
                        if count % PROGRESS_EVERY == 0:
                            progress(count, None)
        except OSError as error:
            raise _storage_error(error) from error

    def pieces(self, stream: FoundStream) -> Iterator[bytes]:
        """Yield the contents of a file."""
        path: bytes = stream.source[1]
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                while piece := os.read(descriptor, _PIECE):
                    yield piece
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _storage_error(error, path) from error

    def position(self, stream: FoundStream) -> int:
        """Return the inode: most file systems lay files out in the order of their inodes."""
        inode: int = stream.source[0]
        return inode


def _file_of_linux(full: bytes, path: bytes, facts: os.stat_result) -> FoundFile:
    what, link = SPECIAL.get(stat.S_IFMT(facts.st_mode), "neither a file, a directory nor a link"), None
    streams: tuple[FoundStream, ...] = ()
    if stat.S_ISDIR(facts.st_mode):
        what = "a directory"
    elif stat.S_ISLNK(facts.st_mode):
        # Path.readlink() would make `a` of `./a`, and `a//b` and `a/` likewise.
        what, link = "a link", _text(os.readlink(full))  # noqa: PTH115
    elif stat.S_ISREG(facts.st_mode):
        what, streams = "a file", (FoundStream(None, facts.st_size, (facts.st_ino, full)),)
    # 100 ns is the unit of a WIM: what is finer was lost when the image was captured.
    modified = filetime.from_ns(facts.st_mtime_ns)
    links = 1 if what == "a directory" else facts.st_nlink
    identity = facts.st_dev << 64 | facts.st_ino
    return FoundFile(
        _text(path) or "/",
        what,
        identity,
        links,
        modified,
        link=link,
        streams=streams,
        mode=facts.st_mode,
        owner=facts.st_uid,
        group=facts.st_gid,
        device=facts.st_rdev,
    )


def _text(path: bytes) -> str:
    """Decode as native/text.py does: a lone surrogate of NTFS is three bytes here."""
    try:
        return path.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return os.fsdecode(path)


def _storage_error(error: OSError, path: bytes | None = None) -> StorageError:
    where = os.fsdecode(path or error.filename or b"")
    return StorageError(f"{where}: {error.strerror}", path=where, errno=error.errno)

"""The files that a disk consists of: opened one after the other, as far as a header may name them.

An image that came from elsewhere must not choose which files of this machine are shown as parts of its disk.  So every
name in a header is looked up here, and followed only into the folder of the image and those below it, through no
symbolic link, to a plain file that is of the format that was named.  What QEMU is given is the result, not the names;
it opens the files once more, and ``opened`` then asks whether they are these.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from osdimage.imaging.disk.containers import vmdk
from osdimage.imaging.disk.containers.facts import (
    EXTENT,
    RAW,
    ContainerFacts,
    ContainerFormat,
    FileBytes,
    Link,
    LinkRole,
    OpenBytes,
    shown,
)
from osdimage.imaging.disk.containers.kinds import HEAD_BYTES, container_of, facts_of, fixed_vhd
from osdimage.imaging.disk.locking import Use, lock, use_by_qemu
from osdimage.imaging.errors import InvalidInput, Means, Remedy, StorageError, TargetRefused, quoted

MOST_LINKS: Final = 16
"""How long a chain of backing files may be."""
_SCHEME: Final = re.compile(r"[^/]*:", re.DOTALL)
"""What QEMU takes for a protocol: a colon before the first slash (its path_has_protocol)."""
_ALLOW: Final = Remedy("{} if you made it", (Means.ALLOW_LINKED,))

FileKey = tuple[int, int]
"""By what a file is known, whatever its name: device and inode."""


@dataclass(frozen=True, slots=True)
class Node:
    """A file of a disk, and those that it needs.

    Attributes:
        path: where it is: absolute, without symbolic links in what a header said.
        key: its device and its inode.
        facts: what it says; None for plain bytes.
        backing: what is read where it has nothing itself.
        data: where its data are, when they are not in it.
        extents: of a VMDK's descriptor: where the data are.
        link: what named it; None for the first.
        is_changing: whether it is only read, and a machine of QEMU writes to it.
    """

    path: Path
    key: FileKey
    facts: ContainerFacts | None
    backing: Node | None = None
    data: Node | None = None
    extents: tuple[Node, ...] = ()
    link: Link | None = None
    is_changing: bool = False

    def all(self) -> Iterator[Node]:
        """Yield the node and all that it needs."""
        yield self
        for each in (self.backing, self.data, *self.extents):
            if each is not None:
                yield from each.all()


class Locks:
    """The locks of the files that a disk consists of, besides the first, until they are given back.

    What QEMU locks keeps only those away who ask for that, and a program that opens an extent of a VMDK, or the disk
    below an overlay, as a plain disk asks for ours.
    """

    def __init__(self) -> None:
        """Hold none yet."""
        self._held: set[FileKey] = set()
        self._descriptors = ExitStack()

    def hold(self, descriptor: int, path: Path, *, is_written: bool) -> None:
        """Lock an open file, which may be closed afterwards, for writing or reading; one that is named again, once.

        Raises:
            TargetRefused: when another program holds the lock.
            StorageError: when the file system has no locks, or fails.
        """
        key = key_of(os.fstat(descriptor))
        if key not in self._held:
            own = os.dup(descriptor)
            self._descriptors.callback(os.close, own)
            lock(own, shown(str(path)), shared=not is_written)
            self._held.add(key)

    def release(self) -> None:
        """Give all back; a second call does nothing."""
        self._descriptors.close()


@dataclass(slots=True)
class _Search:
    """What is asked of every name.

    Attributes:
        title: what messages call the image.
        folder: where it is; files in it and below it may be named.
        is_trusted: whether it may name any file.
        locks: what locks each; None where none is to be locked.
        is_written: whether the disk is.
        seen: device and inode of the chain so far.
    """

    title: str
    folder: Path
    is_trusted: bool
    locks: Locks | None
    is_written: bool
    seen: set[FileKey] = field(default_factory=set)


def graph_of(
    path: str,
    descriptor: int,
    facts: ContainerFacts,
    *,
    allow_linked: bool,
    write: bool = False,
    locks: Locks | None = None,
) -> Node:
    """Return the graph of the files of a disk.

    Args:
        path: of the first file.
        descriptor: the same, open.
        facts: the same, read.
        allow_linked: whether its headers may name any file of the machine, by any path.
        write: whether the disk will be written to, and with it the files that have its data.
        locks: holds the locks of the files that it names; None locks none.

    Raises:
        TargetRefused: when a header names what it may not, or such a file is in use by another program.
        InvalidInput: when what it names is not what it says, contradicts itself, or is the file again.
        StorageError: when a file that it names cannot be opened or read.
    """
    first = Path(path).resolve()
    search = _Search(path, first.parent, allow_linked, locks, write)
    return _node(search, first, descriptor, facts, None)


def _node(search: _Search, path: Path, descriptor: int, facts: ContainerFacts | None, link: Link | None) -> Node:
    key = key_of(os.fstat(descriptor))
    if link is None or link.role is not LinkRole.EXTENT:
        _remember(search, key)
    if facts is None:
        return Node(path, key, None, link=link)
    backing = data = None
    extents = []
    for each in facts.links:
        # What is below the first file is only read, and so are its parts.
        is_written = search.is_written and link is None and each.role is not LinkRole.BACKING
        with _opened(search, path, each, write=is_written) as (where, below):
            if search.locks is not None:
                search.locks.hold(below, where, is_written=is_written)
            made = _node(search, where, below, _facts(search, where, below, each), each)
            # A server of QEMU takes it that others write to a plain file below its disk.
            if each.role is LinkRole.BACKING and use_by_qemu(below) is Use.WRITTEN:
                made = _changing(search, made)
        if each.role is LinkRole.BACKING:
            backing = made
        elif each.role is LinkRole.DATA:
            data = made
        else:
            extents.append(made)
    return Node(path, key, facts, backing, data, tuple(extents), link)


def key_of(status: os.stat_result) -> FileKey:
    """Return by what a file is known."""
    return (status.st_dev, status.st_ino)


def _changing(search: _Search, node: Node) -> Node:
    if search.is_written:
        raise TargetRefused(
            f"{shown(str(node.path))}, which is below {search.title}, is in use by QEMU, as the disk of a machine that "
            "runs; shut it down first"
        )
    return replace(node, is_changing=True)


def _remember(search: _Search, key: FileKey) -> None:
    if key in search.seen:
        raise InvalidInput(f"{search.title} refers to itself: its chain of backing files comes to a file again")
    search.seen.add(key)
    if len(search.seen) > MOST_LINKS:
        raise InvalidInput(
            f"{search.title} has a chain of more than {MOST_LINKS} files, which is the most that is read"
        )


@contextmanager
def _opened(search: _Search, parent: Path, link: Link, *, write: bool) -> Iterator[tuple[Path, int]]:
    """Open a file that a header names; yield where it is, and its descriptor."""
    name = link.name
    if "\0" in name or not name or _SCHEME.match(name):
        raise TargetRefused(
            f"{search.title} refers to {quoted(shown(name))} as its {link.role}, which is no path of a file; valid is "
            "one beside it"
        )
    where = parent.parent / name
    # Over NFS, only what is open for writing can be locked for it.
    flags = (os.O_RDWR if write else os.O_RDONLY) | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        descriptor = os.open(where, flags) if search.is_trusted else _open_below(search, where, flags)
    except OSError as error:
        text = f"{search.title} refers to {shown(str(where))}: {error.strerror}"
        raise StorageError(text, path=where, errno=error.errno) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise TargetRefused(
                f"{search.title} refers to {shown(str(where))}, which is not a plain file; valid is one beside it"
            )
        yield where, descriptor
    finally:
        os.close(descriptor)


def _open_below(search: _Search, path: Path, flags: int) -> int:
    """Open a file in the folder of the image or below it, through no link.

    Raises:
        TargetRefused: when it is elsewhere, or behind a link.
        OSError: when it cannot be opened.
    """
    if not path.is_relative_to(search.folder) or ".." in path.parts or path == search.folder:
        raise _elsewhere(search, path)
    parts = path.relative_to(search.folder).parts
    if len(parts) > 1 and search.folder == search.folder.parent:
        # Everything is below the root, where images are in small systems.
        raise _elsewhere(search, path)
    held = os.open(search.folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            status = os.stat(part, dir_fd=held, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                raise _elsewhere(search, path)
            deeper = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held)
            os.close(held)
            held = deeper
        if stat.S_ISLNK(os.stat(parts[-1], dir_fd=held, follow_symlinks=False).st_mode):
            raise _elsewhere(search, path)
        return os.open(parts[-1], flags | os.O_NOFOLLOW, dir_fd=held)
    finally:
        os.close(held)


def _elsewhere(search: _Search, path: Path) -> TargetRefused:
    return TargetRefused(f"{search.title} refers to {shown(str(path))}, which is not beside it", remedy=_ALLOW)


def _facts(search: _Search, path: Path, descriptor: int, link: Link) -> ContainerFacts | None:
    """Return the facts of a file that a header names, if it is what that says; None for plain bytes."""
    try:
        return _as_named(OpenBytes(descriptor), link)
    except InvalidInput as error:
        raise InvalidInput(f"{search.title} refers to {shown(str(path))}: {error.said}") from error
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _as_named(data: FileBytes, link: Link) -> ContainerFacts | None:
    if data.size < link.least_bytes:
        raise InvalidInput(f"has {data.size} bytes, and must have {link.least_bytes}: it is cut off")
    if link.form == RAW:
        return None
    if link.form == EXTENT:
        if not vmdk.is_sparse_extent(data):
            raise InvalidInput("is no extent of a VMDK, as which it is named")
        vmdk.require_whole_extent(data)
        return None
    found = container_of(data.read(0, HEAD_BYTES))
    if link.form is None:
        # As all programs took it before formats were named.
        return None if found is None else facts_of(data, found)
    fixed = fixed_vhd(data) if link.form is ContainerFormat.VHD and found is None else None
    if fixed is not None:
        return fixed
    if found is None or found is not link.form:
        named = link.form.called if isinstance(link.form, ContainerFormat) else quoted(shown(link.form))
        raise InvalidInput(f"is no {named} file, as which it is named, or none that is known here")
    return facts_of(data, found)

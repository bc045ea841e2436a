"""Opening a disk that is in the file of a virtual machine, through a server of QEMU."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from osdimage.imaging.disk.containers.facts import ContainerFacts, ContainerFormat, OpenBytes
from osdimage.imaging.disk.containers.graph import Locks, Node, graph_of, key_of
from osdimage.imaging.disk.containers.kinds import facts_of
from osdimage.imaging.disk.containers.options import node_options
from osdimage.imaging.disk.containers.rules import refusal_or_notes, snapshot_number
from osdimage.imaging.disk.containers.served import ServedTarget
from osdimage.imaging.disk.containers.server import Server
from osdimage.imaging.disk.locking import lock
from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.disk.sector_size import detect_sector_size
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError, TargetRefused

_SECTOR = 512


class ContainerTarget(ServedTarget):
    """The disk in a container, open; the files that it is in are locked by us as long as it is."""

    def __init__(self, server: Server, sector_size: int, descriptor: int, facts: ContainerFacts, locks: Locks) -> None:
        """Take over the server, the descriptor of the file, and the locks of those that it names."""
        super().__init__(server, sector_size)
        self.container = facts
        self._descriptor: int | None = descriptor
        self._locks = locks

    def close(self) -> None:
        """Let the server end, wait for that, and give the locks back.

        Raises:
            StorageError: when the server could not store what it held.
        """
        try:
            super().close()
        finally:
            self._locks.release()
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                os.close(descriptor)


def open_container(
    path: str, descriptor: int, form: ContainerFormat, *, write: bool, share: bool, opening: Opening
) -> ContainerTarget:
    """Open a disk in a container; its descriptor is taken over when that succeeds.

    Args:
        path: of the file.
        descriptor: the same, open, and locked for writing.
        form: what it begins as.
        write: whether it will be written to.
        share: whether the files that it names are locked for reading, where it is not written.
        opening: how it is opened.

    Raises:
        TargetRefused: when it names files that it may not, or is in use; for writing, also when it is not taken.
        InvalidInput: when it is not taken, or QEMU cannot open it.
        InvalidRequest: when a snapshot is asked for that there is not, or that would be written.
        StorageError: when a file of it, or the server, cannot be reached, or another file came to the place of one.
        OsdImageError: when qemu-nbd is missing.
    """
    locks = Locks()
    with ExitStack() as on_error:
        on_error.callback(locks.release)
        server, facts, notes = _served(
            path, descriptor, form, write=write, opening=opening, locks=locks if write or share else None
        )
        on_error.callback(_end, server)
        if opening.vm_snapshot is None:
            with _refused(write=write):
                _require_size(path, server.source.size, facts)
        sector_size = opening.sector_size or detect_sector_size(server.source.read, server.source.size)
        for text in notes:
            opening.tell(__name__, text)
        on_error.pop_all()
    return ContainerTarget(server, sector_size, descriptor, facts, locks)


def _served(
    path: str, descriptor: int, form: ContainerFormat, *, write: bool, opening: Opening, locks: Locks | None
) -> tuple[Server, ContainerFacts, tuple[str, ...]]:
    """Start a server of a disk, if it is taken; return it with what the file says, and what is to be told of it."""
    with _refused(write=write):
        facts = _facts(path, descriptor, form)
        node = graph_of(path, descriptor, facts, allow_linked=opening.allow_linked, write=write, locks=locks)
    notes = refusal_or_notes(path, node, write=write, opening=opening)
    if facts.has_log and not write:
        _replay(path, descriptor, node)
        opening.tell(__name__, f"{path}: the changes in its log were written to their places")
        facts = _facts(path, descriptor, form)
    with _refused(write=write):
        wanted = opening.vm_snapshot
        number = None if wanted is None else snapshot_number(path, facts, wanted)
        return _started(path, node, write=write, snapshot=number), facts, notes


@contextmanager
def _refused(*, write: bool) -> Iterator[None]:
    """Turn what is wrong with the file into a refusal to write it."""
    try:
        yield
    except InvalidInput as error:
        if not write:
            raise
        raise TargetRefused(error.said, remedy=error.remedy) from error


def _facts(path: str, descriptor: int, form: ContainerFormat) -> ContainerFacts:
    try:
        return facts_of(OpenBytes(descriptor), form)
    except InvalidInput as error:
        raise InvalidInput(f"{path} ({form.called}): {error.said}") from error
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _started(path: str, node: Node, *, write: bool, snapshot: str | None = None) -> Server:
    if node.facts is None:
        raise InvalidRequest(f"{path} is no container")
    options = [f"{name}={value}" for name, value in node_options(node)]
    server = Server.start(path, node.facts.form.called, options, write=write, snapshot=snapshot)
    try:
        _require_same_files(path, server.pid, node)
    except BaseException:
        _end(server)
        raise
    return server


def _end(server: Server) -> None:
    """Let a server end that has written nothing; what it says is no matter, because an error is on its way."""
    with suppress(StorageError):
        server.end()


def _replay(path: str, descriptor: int, node: Node) -> None:
    """Let QEMU write the changes in the log of a VHDX to their places, while nobody else that asks uses the file."""
    lock(descriptor, path)
    _started(path, node, write=True).end()
    # Others that only read may come in again.
    lock(descriptor, path, shared=True)


def _require_same_files(path: str, pid: int, node: Node) -> None:
    """Refuse a disk of which QEMU has another file open than was looked at, by whatever came to a name meanwhile.

    Raises:
        StorageError: that says so.
    """
    known = {each.key for each in node.all()}
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            status = each.stat()
        except FileNotFoundError:
            # It was closed meanwhile.
            continue
        if (stat.S_ISREG(status.st_mode) or stat.S_ISBLK(status.st_mode)) and key_of(status) not in known:
            raise StorageError(f"{path}: a file of it was replaced by another one while it was opened", path=path)


def _require_size(path: str, size_bytes: int, facts: ContainerFacts) -> None:
    """Refuse a disk of which QEMU has another opinion than was formed here; it rounds sizes up to sectors."""
    if size_bytes != -(-facts.size_bytes // _SECTOR) * _SECTOR:
        raise InvalidInput(
            f"{path}: its header says that the disk has {facts.size_bytes} bytes, and QEMU reads {size_bytes}"
        )

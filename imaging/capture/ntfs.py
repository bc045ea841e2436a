"""An NTFS volume that is captured, which libwim reads where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from osdimage.imaging.capture.source import Opened
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.units import counted
from osdimage.imaging.volume.ntfs import session, state
from osdimage.imaging.volume.ntfs.clouded import without_cloud
from osdimage.imaging.volume.ntfs.decompacted import decompacted


@contextmanager
def opened_volume(
    volume: OpenVolume, *, cache_size: int | None = None, needs_descriptors: bool = False, decompacts: bool = False
) -> Iterator[Opened]:
    """Give libwim an NTFS volume to read for as long as the body of the ``with`` lasts.

    Args:
        volume: the volume.
        cache_size: in bytes; None for the usual.
        needs_descriptors: refuse a volume whose security descriptors cannot all be read: libntfs-3g puts one of its own
            in the place of such a one, and says nothing.
        decompacts: show files that Windows has compressed as a whole plain.

    Raises:
        InvalidInput: when it is damaged.
        StorageError: when it cannot be read.
    """
    if needs_descriptors:
        _refuse_lost_descriptors(volume)
    with ExitStack() as stack:
        source = stack.enter_context(session.as_it_will_be(volume))
        piece = stack.enter_context(volume.sliced(read_only=True, cache_size=cache_size, source=source))
        stack.enter_context(state.write_errors(volume, piece))
        hazards = tuple(state.hazards(volume, state.read_facts(volume, piece)))
        claims = state.refuse_false_claims(volume, piece)
        opened = Opened(piece.name, volume, hazards)
        unread = claims.directories
        if claims.clouded:
            plain = stack.enter_context(without_cloud(volume, source))
            source, unread = plain.source, unread + plain.unread
            piece = stack.enter_context(volume.sliced(read_only=True, cache_size=cache_size, source=source))
            hazards += tuple(_in_part(volume, plain.in_part))
            opened = replace(opened, name=piece.name, elsewhere=frozenset(plain.elsewhere))
        if decompacts:
            expanded = stack.enter_context(decompacted(volume, source=source, cache_size=cache_size))
            if expanded is not None:
                piece = expanded.piece
                opened = replace(opened, name=piece.name, decompacted=expanded.files)
        stack.enter_context(state.write_errors(volume, piece))
        yield replace(opened, hazards=(*hazards, *_unread(volume, claims.extended, unread)))


def _unread(volume: OpenVolume, extended: int, directories: int) -> Iterator[str]:
    """Yield, in sentences, what libwim does not read and does not tell."""
    if extended:
        files = counted(extended, "file has", "files have")
        yield f"{volume.name}: {files} extended attributes ($EA), which are not captured"
    if directories:
        folders = counted(directories, "directory has", "directories have")
        yield f"{volume.name}: {folders} a reparse point that is no cloud's, and what is in there is not captured"


def _in_part(volume: OpenVolume, folders: int) -> Iterator[str]:
    if folders:
        what = counted(folders, "directory has", "directories have")
        yield f"{volume.name}: {what} more in a cloud than here; what is here is captured"


def _refuse_lost_descriptors(volume: OpenVolume) -> None:
    from osdimage.imaging.volume.ntfs.check.kinds import FaultKind  # noqa: PLC0415 - few captures need all of it
    from osdimage.imaging.volume.ntfs.check.volume import check_ntfs  # noqa: PLC0415

    lost = {
        FaultKind.SECURE,
        FaultKind.SECURE_HASH,
        FaultKind.SECURE_INDEX,
        FaultKind.SECURE_ID,
        FaultKind.SECURE_FORM,
        FaultKind.SECURE_UNKNOWN,
    }
    for fault in check_ntfs(volume.window()).faults:
        if fault.kind in lost:
            where = f"{fault.kind.title}: " if fault.path is None else f"{fault.kind.title}: {fault.path}: "
            raise InvalidVolume(
                f"{volume.name}: not captured: not every security descriptor can be read: {where}{fault.text}"
            )

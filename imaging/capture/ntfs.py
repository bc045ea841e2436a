"""An NTFS volume that is captured, which libwim reads where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osdimage.imaging.capture.source import Opened
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.units import counted
from osdimage.imaging.volume.ntfs import session, state
from osdimage.imaging.volume.ntfs.decompacted import decompacted
from osdimage.native.ntfs.volume import Claims


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
    with (
        session.as_it_will_be(volume) as source,
        volume.sliced(read_only=True, cache_size=cache_size, source=source) as piece,
        state.write_errors(volume, piece),
    ):
        hazards = tuple(state.hazards(volume, state.read_facts(volume, piece)))
        hazards += tuple(_unread(volume, state.refuse_false_claims(volume, piece)))
        if not decompacts:
            yield Opened(piece.name, volume, hazards)
            return
        with decompacted(volume, source=source, cache_size=cache_size) as plain:
            if plain is None:
                yield Opened(piece.name, volume, hazards)
                return
            with state.write_errors(volume, plain.piece):
                yield Opened(plain.piece.name, volume, hazards, decompacted=plain.files)


def _unread(volume: OpenVolume, claims: Claims) -> Iterator[str]:
    """Yield, in sentences, what libwim does not read and does not tell."""
    if claims.extended:
        files = counted(claims.extended, "file has", "files have")
        yield f"{volume.name}: {files} extended attributes ($EA), which are not captured"
    if claims.directories:
        folders = counted(claims.directories, "directory has", "directories have")
        yield (
            f"{volume.name}: {folders} a reparse point, as those of OneDrive, and what is in there is not captured; "
            "it is read when files are extracted from the volume"
        )


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

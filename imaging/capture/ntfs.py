"""An NTFS volume that is captured, which libwim reads where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osdimage.imaging.capture.source import Opened
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.units import counted
from osdimage.imaging.volume.ntfs import session, state


@contextmanager
def opened_volume(volume: OpenVolume, *, cache_size: int | None = None) -> Iterator[Opened]:
    """Give libwim an NTFS volume to read for as long as the body of the ``with`` lasts.

    Raises:
        InvalidInput: when it is damaged.
        StorageError: when it cannot be read.
    """
    with (
        session.as_it_will_be(volume) as source,
        volume.sliced(read_only=True, cache_size=cache_size, source=source) as piece,
        state.write_errors(volume, piece),
    ):
        hazards = tuple(state.hazards(volume, state.read_facts(volume, piece)))
        extended = state.refuse_false_claims(volume, piece)
        if extended:
            files = counted(extended, "file has", "files have")
            hazards += (f"{volume.name}: {files} extended attributes ($EA), which are not captured",)
        yield Opened(piece.name, volume, hazards)

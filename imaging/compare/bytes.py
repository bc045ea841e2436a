"""Comparing an image that is the bytes of a partition with a partition."""

from __future__ import annotations

import hashlib
from pathlib import Path

from osdimage.imaging.apply.bytes import KeptBytes, bytes_of
from osdimage.imaging.compare.fidelity import ClassCount, CompareReport, Difference, Fidelity
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.wim.described.captured import BYTES_FILE
from osdimage.imaging.wim.image import WimImage

_PIECE = 4 << 20
_KIND = "a partition, byte for byte"


def compare_bytes(
    image: WimImage, volume: OpenVolume, *, differences: int = 100, progress: ProgressCallback | None = None
) -> CompareReport:
    """Compare the bytes of a partition with those of an image, by their SHA-1; the partition is only read.

    Raises:
        CorruptWim: when the image does not hold what it must.
        StorageError: when the disk cannot be read.
    """
    kept = bytes_of(image)
    room = volume.window().geometry.size_bytes
    found = f"{room} bytes" if room != kept.size else _digest(volume, kept, progress)
    expected = f"{kept.size} bytes" if room != kept.size else kept.sha1.hex()
    is_equal = expected == found
    path = f"/{BYTES_FILE}"
    told = () if is_equal else (Difference(Fidelity.CONTENTS, path, expected, found),)
    return CompareReport(
        wim=image.path,
        image=image.index,
        target=volume.path,
        partition=volume.partition,
        target_kind=_KIND,
        files=1,
        size=kept.size if room == kept.size else 0,
        is_equal=is_equal,
        has_losses=False,
        classes=(ClassCount(Fidelity.CONTENTS, 1, int(is_equal), 0, int(not is_equal)),),
        differences=told[:differences],
        more_differences=len(told[differences:]),
        excluded=(),
        notes=(),
    )


def not_there(image: WimImage, disk: Path, number: int) -> CompareReport:
    """Return the report of an image whose partition the disk does not have."""
    told = (Difference(Fidelity.CONTENTS, f"/{BYTES_FILE}", f"partition {number}", None),)
    return CompareReport(
        wim=image.path,
        image=image.index,
        target=disk,
        partition=number,
        target_kind=_KIND,
        files=1,
        size=0,
        is_equal=False,
        has_losses=False,
        classes=(ClassCount(Fidelity.CONTENTS, 1, 0, 0, 1),),
        differences=told,
        more_differences=0,
        excluded=(),
        notes=(),
    )


def _digest(volume: OpenVolume, kept: KeptBytes, progress: ProgressCallback | None) -> str:
    window, meter = volume.window(), Meter(progress, {Phase.VERIFY_DATA: 1})
    digest = hashlib.sha1(usedforsecurity=False)
    for at in range(0, kept.size, _PIECE):
        digest.update(window.read_at(at, min(_PIECE, kept.size - at)))
        meter.step(Phase.VERIFY_DATA, at, kept.size)
    meter.finish()
    return digest.hexdigest()

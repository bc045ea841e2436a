"""Reading what was just written once more, before it gets its name."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from osdimage.imaging.errors import CorruptWim, StorageError
from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.wim.failures import RECOVER, wim_errors
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.stored.blob_table import blob_of, read_blob_table
from osdimage.imaging.wim.stored.format import HEADER_SIZE, Header
from osdimage.native.engine.pipeline import BlobFile, Run
from osdimage.native.runtime import Compression
from osdimage.native.wim.entries import Entry, each_entry
from osdimage.native.wim.resource import BlobTable


def refuse_bad_contents(
    paths: Sequence[Path], descriptors: Sequence[int], compression: Compression, *, source: WimFile, meter: Meter
) -> None:
    """Compare all contents of the parts of a WIM with their SHA-1; no part has solid resources.

    Args:
        paths: that the files are to have.
        descriptors: of the files.
        compression: of the contents.
        source: the WIM that the contents come from.
        meter: is moved on, in the phase ``VERIFY_DATA``.

    Raises:
        CorruptWim: when contents are bad in the source already; it names a file.
        StorageError: when a part cannot be read, or does not hold what was written.
    """
    try:
        headers = [Header.parse(os.pread(each, HEADER_SIZE, 0)) for each in descriptors]
        pairs = list(zip(descriptors, headers, strict=True))
        table = BlobTable.of(*(map(blob_of, read_blob_table(each, header)) for each, header in pairs))
        files = [BlobFile(each, compression, header.chunk_size) for each, header in pairs]
        size = table.size
        with Run(table, files, workers=len(os.sched_getaffinity(0))) as run:
            for done in run.progress():
                meter.step(Phase.VERIFY_DATA, done, size)
            bad = list(run.bad())
            failed = run.error()
    except OSError as error:
        raise StorageError(f"{paths[0]}: {error.strerror}", path=paths[0], errno=error.errno) from error
    if failed is not None:
        raise StorageError(f"{paths[0]}: {failed.strerror}", path=paths[0], errno=failed.errno) from failed
    if bad:
        raise _refusal(source, table[bad[0].position].sha1, paths[table.file_of(bad[0].position)], len(bad))


def _refusal(source: WimFile, sha1: bytes, path: Path, count: int) -> CorruptWim | StorageError:
    more = f" ({count - 1} more like it)" if count > 1 else ""
    named = _name(source, sha1)
    if named is None:
        text = f"{path}: the medium does not hold the trees that were written to it"
        return StorageError(text, path=path, errno=errno.EIO)
    return CorruptWim(f"{source.path}: the contents of {named!r} do not match their SHA-1{more}", remedy=RECOVER)


def _name(source: WimFile, sha1: bytes) -> str | None:
    """Return the path of a file with some contents, the image's index in front; None when no file has them."""
    found: list[str] = []
    for image in source.images:

        def take(entry: Entry, index: int = image.index) -> None:
            found.extend(f"{index}:{entry.path}" for stream in entry.streams if stream.sha1 == sha1)

        with wim_errors(source.path):
            each_entry(source.handle, image.index, "/", recursive=True, visit=take)
        if found:
            return found[0]
    return None

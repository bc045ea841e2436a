"""Small blobs of a WIM, by their SHA-1."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from osdimage.imaging.wim.contents import BlobSource
from osdimage.imaging.wim.opening import open_wim


def read_small_blobs(path: Path, hashes: Iterable[bytes], *, largest: int) -> dict[bytes, bytes]:
    """Return the contents of blobs of a WIM file by their SHA-1; one of more than ``largest`` bytes is left out.

    So is what the file does not hold, and everything when it is pipable.  Each resource is expanded once, however many
    of the blobs are in it: a solid one holds those of thousands of links.

    Raises:
        CorruptWim: when one is damaged.
        StorageError: when the file cannot be read.
        WimlibError: when the WIM cannot be opened.
    """
    wanted = set(hashes)
    if not wanted:
        return {}
    with open_wim(path) as handle:
        # The resources of such a WIM are laid out in another way, which the reader does not know.
        if handle.info().is_pipable:
            return {}
    source = BlobSource(path, wanted)
    found: dict[bytes, bytes] = {}
    for number, pieces in source.read([f"blob {sha1.hex()}" for _, sha1 in source.facts]):
        size, sha1 = source.facts[number]
        if size <= largest:
            found[sha1] = b"".join(map(bytes, pieces))
    return found

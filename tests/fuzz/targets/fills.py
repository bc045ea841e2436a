"""Trees of images that fill a new NTFS volume: whatever is taken, an independent check finds no fault with."""

from __future__ import annotations

import os
import random
import shutil
import struct
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cases.ntfs_items import AUDITED, DENIED, NOBODY, OPEN
from cases.wimcraft import DIRECTORY, FILE, SPARSE, Node, build, folder, metadata, root, symlink
from osdimage.imaging.apply.engine import Engine
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.units import MIB, Extent, Lba
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind
from osdimage.imaging.volume.ntfs.check.volume import NtfsCheckOptions, check_ntfs
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from osdimage.imaging.wim.file import WimFile

from fuzz.places import as_file
from fuzz.target import Target

_SIZE = 3 * MIB
_COMPRESSED = 0x800
_NOISE = random.Random(3).randbytes(5000)
_LINK = symlink("link", "\\??\\C:\\file")
_CONTENTS = (b"short", _NOISE, bytes(70_000) + _NOISE, b"line\n" * 9000)


@cache
def _new() -> bytes:
    with tempfile.TemporaryDirectory() as place, create_image(f"{place}/volume.img", _SIZE) as target:
        format_ntfs(target, Extent(Lba(0), target.geometry.sectors), NtfsFormat(serial=1, is_zero=True))
        return target.read_at(0, _SIZE)


@cache
def _volume() -> Path:
    # Lives as long as the process.
    return Path(f"/proc/self/fd/{os.memfd_create('volume')}")


def _fill(data: bytes) -> None:
    """Apply an image with a tree of these bytes, and with contents that they may name."""
    held = root(*(Node(f"{number}", each) for number, each in enumerate(_CONTENTS)), _LINK)
    wim = as_file(build(held, raw_metadata=data))
    volume = _volume()
    volume.write_bytes(_new())
    with WimFile.open(wim) as opened:
        apply_image(opened.image(1), volume, ApplyOptions(sync=False, engine=Engine.BULK))
    with open_volume(volume) as filled:
        faults = check_ntfs(filled.window(), NtfsCheckOptions(is_fresh=True)).faults
    # Short names that are none are the image's: libntfs-3g writes them as well.
    wrong = [str(fault) for fault in faults if fault.kind is not FaultKind.NAME_CHARACTERS]
    assert not wrong, wrong


def _seeds() -> Iterator[bytes]:
    if shutil.which("mkntfs") is None:
        return
    short, noise, holes, lines = _CONTENTS
    links = [Node(f"name {number}", short, link_group=7) for number in range(3)]
    yield metadata(
        root(
            Node("file", noise, short_name="FILE~1.TXT", security_id=1, streams={"more": short}),
            folder("folder", Node("sparse", holes, attributes=FILE | SPARSE), *links),
            Node("compressed", lines, attributes=FILE | _COMPRESSED, security_id=3),
            Node("hidden", children=[], attributes=DIRECTORY | 2, security_id=0),
            _LINK,
            Node("known", short, items=struct.pack("<II", 1, 64) + bytes(range(64))),
        ),
        (OPEN, NOBODY, DENIED, AUDITED),
    )


TARGETS = (Target("ntfs-fill", _fill, _seeds, (OsdImageError,), largest=8192),)

"""Optical discs."""

from __future__ import annotations

import struct
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from cases import iso, udf
from osdimage.imaging.disc import BytesContents, DiscSettings, NewFile, plan_disc, write_disc
from osdimage.imaging.disc.facts import FileKind
from osdimage.imaging.disc.opened import open_disc
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume
from osdimage.imaging.media import IsoOptions, Medium, plan_iso, read_old_disc
from osdimage.imaging.units import KIB, Geometry

from fuzz.places import as_disk, as_file, from_disk
from fuzz.target import Target

_ENTRIES = 200
_PIECES = 2
_SIZE = 512 * KIB
_BLOCK = 512
_FILE_NAME = 257
_TAGS = {1, 2, 3, 5, 6, 8, 9, 256, _FILE_NAME, 258, 259, 261, 266}


def _read(data: bytes) -> None:
    disk = as_disk(data)
    contents = disk.read_at(0, min(_SIZE, disk.geometry.size_bytes))
    with open_disc(as_file(_sealed(contents))) as disc:
        repr((disc.trees, disc.notes))
        for file in islice(disc.walk(), _ENTRIES):
            if file.kind is FileKind.FILE:
                try:
                    for _ in islice(disc.pieces(file), _PIECES):
                        pass
                except InvalidVolume:
                    # The others may be sound.
                    continue
        disc.boot_entries()


def _made_of(data: bytes) -> None:
    """Plan a disc that is made of another one, and read what both start."""
    disk = as_disk(data)
    path = as_file(disk.read_at(0, min(2 * _SIZE, disk.geometry.size_bytes)))
    old = read_old_disc(path)
    medium = Medium("NEW", old.files, old.boot)
    plan = plan_iso(medium, IsoOptions(0, "0" * 16, order=old.order), folders=old.folders_of(old.files))
    for each in () if old.boot is None else (old.boot.bios_image, old.boot.uefi_image):
        if each is not None:
            assert plan.block_of(each) * 2048 < plan.size


def _started() -> list[bytes]:
    """Return discs that start a BIOS and UEFI, one of them from what is no file."""
    found = []
    for is_file in (True, False):
        volume = struct.pack("<11xH6xH489x", 512, 8).ljust(4096, b"\1")
        files = {"boot/etfsboot.com": bytes(4096), "efisys.bin": volume, "efi/boot/bootx64.efi": b"MZ"}
        new = [NewFile(path, BytesContents(each), 0) for path, each in files.items()]
        settings = DiscSettings("OLD", 0, bios_image="boot/etfsboot.com", uefi_image="efisys.bin")
        with TemporaryDirectory() as folder:
            write_disc(plan_disc(new, settings), Path(folder) / "disc.iso")
            written = bytearray((Path(folder) / "disc.iso").read_bytes())
        if not is_file:
            # The second entry of the catalog, in sector 26, one block before what is in a file.
            at = 26 * 2048 + 3 * 32 + 8
            written[at : at + 4] = (int.from_bytes(written[at : at + 4], "little") - 1).to_bytes(4, "little")
        disk = MemoryTarget(Geometry.of_size(-(-len(written) // 4096) * 4096, 512))
        disk.write_at(0, bytes(written))
        found.append(from_disk(disk))
    return found


def _sealed(contents: bytes) -> bytes:
    """Make the checksums right that a change made wrong: behind them is what is tried."""
    made = udf.Made(bytearray(contents), _BLOCK)
    for begin in range(0, len(contents) - _BLOCK + 1, _BLOCK):
        at = begin
        while at + 40 <= len(contents) and int.from_bytes(contents[at : at + 2], "little") in _TAGS:
            made.seal(at)
            if contents[at : at + 2] != _FILE_NAME.to_bytes(2, "little"):
                break
            at += (38 + contents[at + 19] + int.from_bytes(contents[at + 36 : at + 38], "little") + 3) // 4 * 4
    return bytes(made.data)


def _seeds() -> list[bytes]:
    kinds = [
        udf.Node("within", b"1", way=udf.WITHIN),
        udf.Node("chain", b"c" * 1500, pieces=(512,), in_chain=True),
        udf.Node("new", b"n", is_amended=True),
        udf.Node("link", b"\5\2\0\0\x08a", kind=12, way=udf.WITHIN),
    ]
    trees = [udf.build(udf.Node(children=[udf.Node("dir", children=kinds)]), block=_BLOCK, revision=each).data
             for each in (0x0102, 0x0201)]  # fmt: skip
    lists = [iso.entry(b"NM", b"\0name"), iso.entry(b"SL", b"\0\0\2ab"), iso.goes_on(19, 0, 40)]
    nodes = [iso.Node(b"FILE%d" % n, b"1", more=iso.mode(0o100644) + more) for n, more in enumerate(lists)]
    tree = iso.Node(children=[*nodes, iso.Node(b"DIR", children=nodes)])
    catalog = iso.catalog_of(iso.boot_entry(0x88, 0, 4, 21), iso.section(0x91, 0xEF, 1), iso.boot_entry(0x88, 0, 4, 22))
    trees.append(iso.build(tree, catalog=catalog).data)
    wide = iso.Node(children=[iso.Node("näme".encode("utf-16-be"), b"1"), iso.Node(b"\0d", children=[])])
    trees.append(iso.build(wide, joliet=True).data)
    found = []
    for each in trees:
        disk = MemoryTarget(Geometry.of_size(-(-len(each) // 4096) * 4096, 512))
        disk.write_at(0, bytes(each))
        found.append(from_disk(disk))
    return found


TARGETS = (
    Target("disc", _read, _seeds, (InvalidInput,), largest=64 << 10),
    Target("old-disc", _made_of, _started, (InvalidInput, InvalidRequest), largest=64 << 10),
)

"""Files that can be read, wherever they are: whole, and piece by piece."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from osdimage.imaging.disc import BytesContents, DiscSettings, NewFile, open_disc, plan_disc, write_disc
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.drivers import FolderFiles
from osdimage.imaging.drivers.supplied.disc import DiscFiles
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from osdimage.imaging.volume.filesystems import open_files

LARGE = random.Random(4).randbytes(3 * MIB + 5)


@contextmanager
def _folder(tree: Path) -> Iterator[FileSource]:
    yield FolderFiles(tree)


@contextmanager
def _disc(tree: Path) -> Iterator[FileSource]:
    contents = [NewFile(f"dir/{each.name}", BytesContents(each.read_bytes()), 0) for each in (tree / "dir").iterdir()]
    write_disc(plan_disc(contents, DiscSettings("A", 0)), tree.parent / "disc.iso")
    with open_disc(tree.parent / "disc.iso") as disc:
        yield DiscFiles(disc)


@contextmanager
def _volume(tree: Path, filesystem: FileSystem) -> Iterator[FileSource]:
    spec = PartitionSpec(Role.PRIMARY, FixedSize(Bytes(64 * MIB)), filesystem=filesystem)
    make_disk(tree.parent / "disk.img", 72 * MIB, DiskLayout(Scheme.MBR, (spec,)), {1: tree})
    with open_disk(tree.parent / "disk.img") as disk, open_files(disk.volume(1)) as files:
        yield files


@pytest.mark.parametrize("kind", ["folder", "disc", "fat32", "ntfs"])
def test_pieces_are_the_contents_and_no_more_than_one_of_them_is_large(tmp_path: Path, kind: str) -> None:
    (tmp_path / "tree" / "dir").mkdir(parents=True)
    (tmp_path / "tree" / "dir" / "large").write_bytes(LARGE)
    (tmp_path / "tree" / "dir" / "empty").write_bytes(b"")
    tree = tmp_path / "tree"
    opened = {"folder": _folder(tree), "disc": _disc(tree)}.get(kind) or _volume(tree, FileSystem(kind))
    with opened as files:
        pieces = list(files.pieces("DIR/Large"))
        assert b"".join(pieces) == files.read("dir/large") == LARGE
        assert max(map(len, pieces)) <= 16 * MIB
        assert b"".join(files.pieces("dir/empty")) == b""
        for path, said in (("dir", "is a directory"), ("dir/none", "there is no 'dir/none'")):
            with pytest.raises(InvalidRequest, match=said):
                next(files.pieces(path))

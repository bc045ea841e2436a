"""The files of an image as arrays: read as they are stored, or by libwim where it must be asked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cases.wimcraft import FILE, Node, build, folder, metadata, root
from osdimage.imaging import WimFile
from osdimage.imaging.errors import CorruptWim, UnsafeName
from osdimage.imaging.wim.checks.audit import refuse_unsafe_names
from osdimage.imaging.wim.feed import ImageFeed
from osdimage.imaging.wim.image import WimImage

# A list of extended attributes behind the names (libwim, tagged_items.h and xattr.h): "user.a", of one byte.
EXTENDED = struct.pack("<IIIHBB7sB", 2, 16, 0, 1, 6, 0, b"user.a\0", 7)
TREES = {
    "sound": root(Node("c", b"x", attributes=FILE), folder("d", Node("a", b"x", items=EXTENDED), Node("b", b"y"))),
    "doubles": root(Node("a", b"x", items=EXTENDED), Node("a", b"y"), Node("b", b"y")),
    "dropped": root(Node("..", b"x"), Node("b", b"y", items=EXTENDED), Node("c", b"x")),
}


@contextmanager
def opened(path: Path, made: Node, raw_metadata: bytes | None = None) -> Iterator[WimImage]:
    path.write_bytes(build(made, raw_metadata=raw_metadata))
    with WimFile.open(path) as wim:
        yield wim.image(1)


def paths(feed: ImageFeed) -> list[str]:
    return sorted(map(feed.tree.path, range(len(feed.tree))))


@pytest.mark.parametrize("made", TREES.values(), ids=TREES)
def test_what_is_found_is_what_libwim_finds(made: Node, tmp_path: Path) -> None:
    with opened(tmp_path / "wim", made) as image:
        feed = ImageFeed(image)
        assert feed.audit == image.audit()
        assert paths(feed) == sorted(entry.path for entry in image.entries())
        assert feed.size == 2
        untold = feed.untold()
        assert untold is not None
        assert (untold.extended, untold.beside) == (1, 0)


def test_a_file_that_was_added_is_among_them(tmp_path: Path) -> None:
    (tmp_path / "more").write_bytes(b"more")
    with opened(tmp_path / "wim", TREES["sound"]) as image:
        before = image.audit()
        image.add_file(tmp_path / "more", "/d/more")
        assert image.audit().files == before.files + 1
        feed = ImageFeed(image)
        assert "/d/more" in paths(feed)
        assert [(size, path) for _, size, path in feed.tree.elsewhere()] == [(4, "/d/more")]


def test_a_name_is_refused_before_what_is_wrong_with_the_tree(tmp_path: Path) -> None:
    with opened(tmp_path / "wim", root(Node("x" * 300), Node("y"))) as image, pytest.raises(UnsafeName):
        ImageFeed(image, lambda audit: refuse_unsafe_names(image.path, image.index, audit))


def test_damage_is_told_in_the_words_of_all_others(tmp_path: Path) -> None:
    wim = tmp_path / "wim"
    with opened(wim, TREES["sound"]):
        place = wim.read_bytes().index(metadata(TREES["sound"]))
    data = bytearray(wim.read_bytes())
    data[place + 40] ^= 1
    wim.write_bytes(data)
    with WimFile.open(wim) as again:
        with pytest.raises(CorruptWim) as audited:
            again.image(1).audit()
        with pytest.raises(CorruptWim) as fed:
            ImageFeed(again.image(1))
    assert str(fed.value) == str(audited.value)


def test_an_image_without_a_tree_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "wim", root(), raw_metadata=bytes(16)) as image, pytest.raises(CorruptWim, match="root"):
        ImageFeed(image)

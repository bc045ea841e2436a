"""What may be in the place of a WIM that is to be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases.wimcraft import Node, build, root
from osdimage.imaging.capture.image import CaptureOptions, capture_image
from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.wim.copied.export import ExportOptions, export_images
from osdimage.imaging.wim.copied.join import join_wim
from osdimage.imaging.wim.copied.split import split_wim
from osdimage.imaging.wim.delta.export import export_delta
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.write import WriteMode

_SPLIT_BYTES = 1 << 20


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wim") / "old.wim"
    path.write_bytes(build(root(Node("a", b"contents"))))
    return path


def _capture(_: Path, path: Path) -> None:
    (path.parent / "source").mkdir()
    capture_image(path.parent / "source", path, CaptureOptions(mode=WriteMode.OVERWRITE))


def _export(wim: Path, path: Path) -> None:
    with WimFile.open(wim) as source:
        export_images(source, path, ExportOptions(WriteMode.OVERWRITE))


def _export_delta(wim: Path, path: Path) -> None:
    with WimFile.open(wim) as source:
        export_delta(source, path, [str(wim)], ExportOptions(WriteMode.OVERWRITE))


def _split(wim: Path, path: Path) -> None:
    split_wim(wim, path, _SPLIT_BYTES, replace=True)


def _join(wim: Path, path: Path) -> None:
    join_wim(path, [wim], replace=True)


@pytest.mark.parametrize("write", [_capture, _export, _export_delta, _split, _join])
def test_what_is_no_wim_is_not_replaced_by_one(wim: Path, tmp_path: Path, write: Callable[[Path, Path], None]) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(512))
    with pytest.raises(TargetRefused, match=r"disk\.img: is not a WIM, and is not replaced by one"):
        write(wim, disk)
    assert disk.read_bytes() == bytes(512)


@pytest.mark.parametrize("old", [b"", b"MSWIM\0\0\0 cut off", b"WLPWM\0\0\0"])
def test_an_empty_file_and_what_begins_as_a_wim_are_replaced(wim: Path, tmp_path: Path, old: bytes) -> None:
    path = tmp_path / "new.wim"
    path.write_bytes(old)
    _export(wim, path)
    with WimFile.open(path) as written:
        assert written.images[0].holds("/a")


def test_each_part_is_looked_at(tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.wim", tmp_path / "new2.swm"
    whole.write_bytes(build(root(*(Node(name, name.encode() * 9000) for name in "ab"))))
    part.write_bytes(b"precious")
    with pytest.raises(TargetRefused, match=r"new2\.swm: is not a WIM"):
        split_wim(whole, tmp_path / "new.swm", 12_000, replace=True)
    assert sorted(tmp_path.iterdir()) == [part, whole]

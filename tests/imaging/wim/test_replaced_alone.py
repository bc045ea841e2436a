"""A WIM that another program is writing to is not replaced, by whatever would replace it."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest
from osdimage.imaging import CaptureOptions, CompressionSpec, TargetRefused, WimFile, WriteMode, capture_image
from osdimage.imaging.wim import ExportOptions, export_delta, export_images, join_wim, split_wim
from osdimage.imaging.wim.compression import Compression

OTHER = CompressionSpec(Compression.NONE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("replaced")
    (made / "tree").mkdir()
    (made / "tree/file").write_bytes(b"what is captured")
    capture_image(made / "tree", made / "a.wim")
    capture_image(made / "tree", made / "base.wim")
    return made


def export(folder: Path, wim: Path, compression: CompressionSpec | None = None) -> None:
    with WimFile.open(folder / "a.wim") as source:
        export_images(source, wim, ExportOptions(WriteMode.OVERWRITE, compression))


def export_to_delta(folder: Path, wim: Path) -> None:
    with WimFile.open(folder / "a.wim") as source:
        export_delta(source, wim, [str(folder / "base.wim")], ExportOptions(WriteMode.OVERWRITE))


WRITERS: dict[str, Callable[[Path, Path], object]] = {
    "capture": lambda folder, wim: capture_image(folder / "tree", wim, CaptureOptions(mode=WriteMode.OVERWRITE)),
    "export of what is copied": export,
    "export of what is compressed again": lambda folder, wim: export(folder, wim, OTHER),
    "export of a delta": export_to_delta,
    "join": lambda folder, wim: join_wim(wim, [folder / "a.wim"], replace=True),
    "split": lambda folder, wim: split_wim(folder / "a.wim", wim, 1 << 20, replace=True),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())
def test_a_wim_that_another_program_is_writing_to_is_not_replaced(
    write: Callable[[Path, Path], object], folder: Path, tmp_path: Path
) -> None:
    wim = tmp_path / "x.swm"
    wim.write_bytes(before := (folder / "base.wim").read_bytes())
    with wim.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TargetRefused, match=r"x\.swm: another program is writing to it"):
            write(folder, wim)
        assert wim.read_bytes() == before
        assert [each.name for each in tmp_path.iterdir()] == [wim.name]
    write(folder, wim)
    assert wim.read_bytes() != before

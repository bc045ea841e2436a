"""Files that have not changed since an image are not read again; what is taken for unchanged, wimlib-imagex says too.

That a file was not read shows where its contents were changed behind its times: the image then has the old ones.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import deltas, wimcraft
from cases.deltas import Month
from judges import wim as judges
from osdimage.imaging import CaptureOptions, InvalidRequest, WimFile, WriteMode, capture_image
from osdimage.imaging.capture import UpdateOf
from osdimage.imaging.errors import ImageNotFound
from runs.commands import osdimage

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    return deltas.make_month(tmp_path_factory.mktemp("template"))


def sha1(data: bytes) -> list[str]:
    return ["0x" + hashlib.sha1(data).hexdigest()]  # noqa: S324


def test_a_folder_is_stored_as_wimlib_imagex_stores_it(month: Month, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.wim", tmp_path / "theirs.wim"
    capture_image(month.now, ours, CaptureOptions(update_of=UpdateOf("then", month.base)))
    judges.wimlib("capture", month.now, theirs, f"--update-of={month.base}:1", f"--delta-from={month.base}")
    found = deltas.hashes(ours)
    assert found == deltas.hashes(theirs)
    # Size or time tells of the first two, nothing of the third.
    assert found["/larger"] == sha1(deltas.LARGER + b"!")
    assert found["/touched"] == sha1(deltas.TOUCHED)
    assert found["/lying"] == sha1(b"as then" * 5000)
    # Nothing is in the other WIM alone.
    judges.wimlib("verify", ours)
    judges.seven_zip_test(ours)


@pytest.mark.parametrize("image", [1, -1, "then", "THEN"])
def test_the_wim_is_the_only_base_where_none_is_named(month: Month, tmp_path: Path, image: int | str) -> None:
    path = tmp_path / "delta.wim"
    capture_image(month.now, path, CaptureOptions(bases=(str(month.base),), update_of=UpdateOf(image)))
    assert deltas.hashes(path)["/lying"] == sha1(b"as then" * 5000)
    judges.wimlib("verify", path, f"--ref={month.base}")


def test_what_is_added_to_a_wim_is_an_update_of_an_image_of_it(month: Month, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.wim", tmp_path / "theirs.wim"
    for path in (ours, theirs):
        path.write_bytes(month.base.read_bytes())
    capture_image(month.now, ours, CaptureOptions(WriteMode.APPEND, update_of=UpdateOf(-1)))
    judges.wimlib("append", month.now, theirs, "now", "--update-of=-1")
    assert deltas.hashes(ours, 2) == deltas.hashes(theirs, 2)
    assert abs(ours.stat().st_size - theirs.stat().st_size) < 2000
    judges.wimlib("verify", ours)


def test_a_wim_that_is_replaced_gives_what_has_not_changed(month: Month, tmp_path: Path) -> None:
    path = tmp_path / "image.wim"
    path.write_bytes(month.base.read_bytes())
    capture_image(month.now, path, CaptureOptions(WriteMode.OVERWRITE, update_of=UpdateOf(1, path)))
    assert deltas.hashes(path)["/lying"] == sha1(b"as then" * 5000)
    judges.wimlib("verify", path)


def test_a_delta_is_an_update_of_an_image_of_its_bases(month: Month, tmp_path: Path) -> None:
    # wimlib-imagex ends with "A file being added to a WIM image was concurrently modified" (error 88).
    judges.wimlib("capture", month.now / "sub", base := tmp_path / "other.wim")
    options = CaptureOptions(bases=(str(base),), update_of=UpdateOf(1, month.base))
    with pytest.raises(InvalidRequest, match="make it a base, too"):
        capture_image(month.now, tmp_path / "delta.wim", options)
    both = CaptureOptions(bases=(str(base), str(month.base)), update_of=UpdateOf(1, month.base))
    capture_image(month.now, tmp_path / "delta.wim", both)
    assert deltas.hashes(tmp_path / "delta.wim")["/lying"] == sha1(b"as then" * 5000)


def test_an_image_of_a_delta_is_a_template_where_its_base_is_named(month: Month, tmp_path: Path) -> None:
    first, second = tmp_path / "first.wim", tmp_path / "second.wim"
    judges.wimlib("capture", month.now, first, f"--delta-from={month.base}", f"--update-of={month.base}:1")
    bases = (str(month.base), str(first))
    capture_image(month.now, second, CaptureOptions(bases=bases, update_of=UpdateOf(1, first)))
    assert deltas.hashes(second) == deltas.hashes(first)


def test_a_template_that_is_not_there_is_told(month: Month, tmp_path: Path) -> None:
    path = tmp_path / "new.wim"
    for wish, kind, says in (
        (UpdateOf(1), InvalidRequest, "say in which WIM"),
        (UpdateOf(1, tmp_path / "absent.wim"), InvalidRequest, "no such file"),
        (UpdateOf(3, month.base), ImageNotFound, "it has 1 image"),
        (UpdateOf(-2, month.base), ImageNotFound, "it has 1"),
        (UpdateOf("now", month.base), ImageNotFound, "no image fits name now"),
    ):
        with pytest.raises(kind, match=says):
            capture_image(month.now, path, CaptureOptions(update_of=wish))
    assert not path.exists()


# ---- volumes

KEPT, STREAM = random.Random(1).randbytes(70_000), random.Random(2).randbytes(9000)


@pytest.fixture(scope="module")
def filling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WIM with named streams, and names that differ in case only in different folders."""
    tree = wimcraft.root(
        wimcraft.Node("kept.bin", KEPT, streams={"more": STREAM}),
        wimcraft.folder("Sub", wimcraft.Node("Kept.bin", b"another" * 9000), wimcraft.Node("small", b"small")),
    )
    path = tmp_path_factory.mktemp("filling") / "filling.wim"
    path.write_bytes(wimcraft.build(tree))
    return path


def make_ntfs(path: Path) -> Path:
    return judges.make_ntfs(path, 16 << 20)


def make_fat(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(40 << 20)
    judges.run("mkfs.fat", "-F", "32", "-s", "1", path)
    return path


@pytest.mark.parametrize("make", [make_ntfs, make_fat])
def test_volumes_are_not_read_where_nothing_has_changed(
    make: Callable[[Path], Path], filling: Path, tmp_path: Path
) -> None:
    volume, base = make(tmp_path / "volume"), tmp_path / "base.wim"
    osdimage("apply", filling, volume)
    capture_image(volume, base)
    data = bytearray(volume.read_bytes())
    for found in (KEPT, STREAM):
        # The clusters lie one behind the other in a volume that was empty.
        at = data.find(found[:512])
        if at >= 0:
            data[at : at + 8] = b"changed!"
    volume.write_bytes(data)
    paths = {name: tmp_path / f"{name}.wim" for name in ("read", "copied", "delta", "added")}
    paths["added"].write_bytes(base.read_bytes())
    capture_image(volume, paths["read"])
    capture_image(volume, paths["copied"], CaptureOptions(update_of=UpdateOf(1, base)))
    capture_image(volume, paths["delta"], CaptureOptions(bases=(str(base),), update_of=UpdateOf(1)))
    capture_image(volume, paths["added"], CaptureOptions(WriteMode.APPEND, update_of=UpdateOf(1)))
    before = deltas.hashes(base)
    changed = b"changed!" + KEPT[8:]
    assert deltas.hashes(paths["read"])["/kept.bin"][0] == sha1(changed)[0]
    for name, image in (("copied", 1), ("delta", 1), ("added", 2)):
        assert deltas.hashes(paths[name], image) == before, name
    judges.wimlib("verify", paths["copied"])
    judges.wimlib("verify", paths["added"])
    judges.wimlib("verify", paths["delta"], f"--ref={base}")
    with WimFile.open(paths["copied"]) as copied, WimFile.open(base) as old:
        assert copied.image(1).info.size == old.image(1).info.size

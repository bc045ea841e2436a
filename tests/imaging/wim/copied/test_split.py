"""A WIM that was split is joined by wimlib-imagex to what it was."""

from __future__ import annotations

import errno
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from judges import wim as judges
from osdimage.imaging import (
    CompressionSpec,
    ExportOptions,
    ImageProperties,
    InvalidRequest,
    StorageError,
    TargetRefused,
    WimFile,
    WriteMode,
)
from osdimage.imaging.errors import CorruptWim, MissingParts, TooSmall
from osdimage.imaging.wim import split_images, split_wim

pytestmark = pytest.mark.foreign
PART, SMALL_PART = 200 << 10, 100 << 10


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    rng = random.Random(2)
    for name in ("first", "second"):
        (folder / name).mkdir()
        for number in range(12):
            (folder / name / f"file {number}").write_bytes(rng.randbytes(30_000))
    (folder / "first" / "largest").write_bytes(rng.randbytes(150_000))
    wim = folder / "source.wim"
    judges.wimlib("capture", folder / "first", wim, "first", "--check", "--boot")
    judges.wimlib("append", folder / "second", wim, "second", "--check")
    return wim


@pytest.fixture(scope="module")
def solid(source: Path) -> Path:
    """The same as an ESD."""
    wim = source.with_name("solid.esd")
    judges.wimlib("export", source, "all", wim, "--solid", "--boot", "--check")
    return wim


def test_the_parts_are_what_others_join(source: Path, tmp_path: Path) -> None:
    first = tmp_path / "parts.swm"
    made = split_wim(source, first, PART)
    assert [path.name for path in made.paths] == [
        "parts.swm",
        *(f"parts{number}.swm" for number in range(2, len(made.paths) + 1)),
    ]
    assert made.sizes == tuple(path.stat().st_size for path in made.paths)
    assert all(size <= PART for size in made.sizes)
    # wimlib-imagex split source.wim theirs.swm 0.2 makes as many parts, or one more.
    judges.wimlib("split", source, tmp_path / "theirs.swm", "0.2")
    assert len(made.paths) <= len(list(tmp_path.glob("theirs*.swm")))
    judges.wimlib("join", tmp_path / "joined.wim", *made.paths)
    judges.wimlib("verify", tmp_path / "joined.wim")
    for image in (1, 2):
        assert judges.wimlib_details(tmp_path / "joined.wim", image) == judges.wimlib_details(source, image)
    judges.wimlib("verify", first, f"--ref={tmp_path}/parts*.swm")
    judges.wimlib("info", first, "--check")
    facts, original = judges.wimlib_info(first), judges.wimlib_info(source)
    assert facts.images == original.images
    with WimFile.open(first) as wim:
        assert wim.header.boot_index == 1
        assert wim.header.total_parts == len(made.paths)


def test_a_file_that_is_larger_than_a_part_is_named_before_anything_is_written(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"'/largest' takes 146 KB of it, and a part 100 KB"):
        split_wim(source, tmp_path / "parts.swm", SMALL_PART)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.foreign
def test_a_file_may_have_a_part_that_is_larger(source: Path, tmp_path: Path) -> None:
    made = split_wim(source, tmp_path / "parts.swm", SMALL_PART, allow_larger=True)
    assert sum(size > SMALL_PART for size in made.sizes) == 1
    assert made.sizes == tuple(path.stat().st_size for path in made.paths)
    judges.wimlib("join", tmp_path / "joined.wim", *made.paths)
    judges.wimlib("verify", tmp_path / "joined.wim")
    for image in (1, 2):
        assert judges.wimlib_details(tmp_path / "joined.wim", image) == judges.wimlib_details(source, image)


def test_a_part_is_not_replaced_unasked(source: Path, tmp_path: Path) -> None:
    (tmp_path / "parts3.swm").write_text("MSWIM\0\0\0 something")
    with pytest.raises(TargetRefused, match=r"parts3\.swm: exists"):
        split_wim(source, tmp_path / "parts.swm", PART)
    assert [path.name for path in tmp_path.iterdir()] == ["parts3.swm"]
    split_wim(source, tmp_path / "parts.swm", PART, replace=True)
    judges.wimlib("verify", tmp_path / "parts.swm", f"--ref={tmp_path}/parts*.swm")


def test_what_cannot_be_split(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"valid are 4\.0 KB and more"):
        split_wim(source, tmp_path / "parts.swm", 4 * 1024 - 1)
    with pytest.raises(InvalidRequest, match="the WIM that is split"):
        split_wim(source, source, PART, replace=True)
    with WimFile.open(source) as wim:
        with pytest.raises(InvalidRequest, match="never solid"):
            split_images(wim, tmp_path / "parts.swm", PART, ExportOptions(compression=CompressionSpec(solid=True)))
        with pytest.raises(InvalidRequest, match="nothing is added"):
            split_images(wim, tmp_path / "parts.swm", PART, ExportOptions(mode=WriteMode.APPEND))
        with pytest.raises(InvalidRequest, match="not pipable"):
            split_images(wim, tmp_path / "parts.swm", PART, ExportOptions(pipable=True))
        with pytest.raises(InvalidRequest, match="for one image"):
            split_images(wim, tmp_path / "parts.swm", PART, properties=ImageProperties("both"))
    made = split_wim(source, tmp_path / "parts.swm", PART)
    with pytest.raises(MissingParts, match=r"this is part 2 of \d; open .*parts\.swm"):
        split_wim(made.paths[1], tmp_path / "again.swm", PART)


def joined(first: Path, to: Path) -> Path:
    """Return what wimlib-imagex joins of all parts."""
    parts = sorted(first.parent.glob(f"{first.stem}*.swm"))
    judges.seven_zip_test(first)
    judges.wimlib("join", to, *parts)
    judges.wimlib("verify", to)
    return to


def test_an_esd_is_split_in_one_step(source: Path, solid: Path, tmp_path: Path) -> None:
    first = tmp_path / "parts.swm"
    made = split_wim(solid, first, PART)
    assert made.recompressed
    assert all(size == path.stat().st_size <= PART for path, size in zip(made.paths, made.sizes, strict=True))
    assert sorted(tmp_path.iterdir()) == sorted(made.paths)
    judges.wimlib("info", made.paths[-1], "--check")
    whole = joined(first, tmp_path / "joined.wim")
    for image in (1, 2):
        assert judges.wimlib_facts(whole, image) == judges.wimlib_facts(source, image)
    facts, original = judges.wimlib_info(whole), judges.wimlib_info(solid)
    assert facts.wim["Compression"] == "LZX"
    assert facts.images == original.images
    assert facts.wim["Boot Index"] == original.wim["Boot Index"] == "1"


@pytest.mark.parametrize("kind", ["lzx", "xpress"])
def test_other_solid_wims_are_split_too(source: Path, tmp_path: Path, kind: str) -> None:
    judges.wimlib("export", source, "2", tmp_path / "solid.wim", "--solid", f"--solid-compress={kind}")
    split_wim(tmp_path / "solid.wim", tmp_path / "parts.swm", PART)
    whole = joined(tmp_path / "parts.swm", tmp_path / "joined.wim")
    assert judges.wimlib_facts(whole, 1) == judges.wimlib_facts(source, 2)


def test_an_esd_of_one_image_goes_to_parts_of_another_compression(source: Path, solid: Path, tmp_path: Path) -> None:
    options = ExportOptions(compression=CompressionSpec.parse("none"), boot=True)
    with WimFile.open(solid) as wim:
        split_images(
            wim, tmp_path / "parts.swm", PART, options, images=[wim.images[1]], properties=ImageProperties("own")
        )
    whole = joined(tmp_path / "parts.swm", tmp_path / "joined.wim")
    facts = judges.wimlib_info(whole)
    assert (facts.wim["Compression"], facts.wim["Boot Index"], facts.images[0]["Name"]) == ("None", "1", "own")
    assert judges.wimlib_facts(whole, 1) == judges.wimlib_facts(source, 2)


def test_some_images_are_copied_to_parts_as_they_are(source: Path, tmp_path: Path) -> None:
    with WimFile.open(source) as wim:
        made = split_images(
            wim, tmp_path / "parts.swm", PART, images=[wim.images[1]], properties=ImageProperties("own"), verify=True
        )
    assert not made.recompressed
    whole = joined(tmp_path / "parts.swm", tmp_path / "joined.wim")
    assert judges.wimlib_info(whole).images[0]["Name"] == "own"
    assert judges.wimlib_details(whole, 1) == judges.wimlib_details(source, 2)


def test_parts_are_cut_anew_to_another_size(source: Path, tmp_path: Path) -> None:
    split_wim(source, tmp_path / "parts.swm", PART)
    made = split_wim(tmp_path / "parts.swm", tmp_path / "other.swm", 300 << 10)
    assert not made.recompressed
    whole = joined(tmp_path / "other.swm", tmp_path / "joined.wim")
    assert judges.wimlib_facts(whole, 2) == judges.wimlib_facts(source, 2)


@pytest.mark.parametrize("compression", ["none", "xpress", "lzx", "lzms"])
def test_a_file_of_a_solid_wim_that_is_larger_than_a_part_is_named_before_anything_is_written(
    solid: Path, tmp_path: Path, compression: str
) -> None:
    options = ExportOptions(compression=CompressionSpec.parse(compression))
    with WimFile.open(solid) as wim, pytest.raises(InvalidRequest, match=r"'/largest' has 146 KB and takes more"):
        split_images(wim, tmp_path / "parts.swm", SMALL_PART, options)
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_that_shrinks_enough_is_none(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "text").write_bytes(b"the same again and again\n" * 20_000)
    (tmp_path / "tree" / "random").write_bytes(random.Random(5).randbytes(90_000))
    judges.wimlib("capture", tmp_path / "tree", tmp_path / "solid.esd", "--solid")
    split_wim(tmp_path / "solid.esd", tmp_path / "parts.swm", 100 * 1024)
    joined(tmp_path / "parts.swm", tmp_path / "joined.wim")


def test_a_rehearsal_tells_the_parts_that_would_be(source: Path, tmp_path: Path) -> None:
    with WimFile.open(source) as wim:
        told = split_images(wim, tmp_path / "parts.swm", PART, dry_run=True)
        assert not told.written
        assert list(tmp_path.iterdir()) == []
        made = split_images(wim, tmp_path / "parts.swm", PART)
    assert (told.paths, told.sizes) == (made.paths, made.sizes)


def test_where_files_cannot_be_large_the_whole_is_kept_elsewhere_for_a_while(
    solid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stick").mkdir()
    truncate = os.ftruncate

    def as_fat32(descriptor: int, size: int) -> None:
        if size >= 4 << 30:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        truncate(descriptor, size)

    monkeypatch.setattr(os, "ftruncate", as_fat32)
    split_wim(solid, tmp_path / "stick" / "parts.swm", PART)
    joined(tmp_path / "stick" / "parts.swm", tmp_path / "joined.wim")


@pytest.mark.parametrize("name", ["source.wim", "solid.esd"])
def test_parts_that_there_is_no_room_for_are_not_begun(
    solid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    full = os.statvfs_result((4096, 4096, 1000, 10, 10, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(TooSmall, match=r"parts\.swm: not written: what is split needs .* there is room for 40\.0 KB"):
        split_wim(solid.with_name(name), tmp_path / "parts.swm", PART)
    assert not list(tmp_path.glob("*.swm"))


def test_damaged_contents_are_found_when_the_parts_are_read_again(source: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.wim"
    data = bytearray(source.read_bytes())
    # wimlib-imagex dir --path=/largest --detailed says where its contents are stored.
    told = judges.wimlib("dir", source, "1", "--path=/largest", "--detailed")
    offset = int(re.search(r"Offset in WIM += (\d+)|Raw offset in WIM += (\d+)", told, re.IGNORECASE)[1])  # type: ignore[index]
    data[offset + 70_000] ^= 1
    damaged.write_bytes(data)
    with WimFile.open(damaged) as wim, pytest.raises(CorruptWim, match=r"the contents of '1:/largest' do not match"):
        split_images(wim, tmp_path / "parts.swm", PART, verify=True)
    assert list(tmp_path.iterdir()) == [damaged]


def test_when_a_part_cannot_be_named_none_is_left(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, done = os.link, []

    def fail_at_the_second(*arguments: Any, **options: Any) -> None:
        done.append(arguments)
        if len(done) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        link(*arguments, **options)

    monkeypatch.setattr(os, "link", fail_at_the_second)
    with pytest.raises(StorageError, match="No space left"):
        split_wim(source, tmp_path / "parts.swm", PART)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_an_earlier_split_that_is_left_is_told(source: Path, tmp_path: Path) -> None:
    before = split_wim(source, tmp_path / "parts.swm", PART)
    after = split_wim(source, tmp_path / "parts.swm", 500 << 10, replace=True)
    assert len(after.paths) < len(before.paths)
    assert after.warnings == (f"{before.paths[len(after.paths)]}: is none of the new parts, and is left as it was",)
    with WimFile.open(tmp_path / "parts.swm") as wim:
        assert wim.header.total_parts == len(after.paths)
    judges.wimlib("verify", *after.paths[:1], *(f"--ref={each}" for each in after.paths[1:]))

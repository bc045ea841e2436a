"""Contents that are copied as they are stored give the WIM that wimlib-imagex makes of the same images."""

from __future__ import annotations

import errno
import os
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import wimcraft
from judges import wim as judges
from osdimage.imaging import (
    CompressionSpec,
    ExportOptions,
    ImageProperties,
    InvalidRequest,
    MissingParts,
    ProgressEvent,
    StorageError,
    WimFile,
    WriteMode,
    delete_images,
    export_images,
)
from osdimage.imaging.progress import Meter
from osdimage.imaging.wim.raw import parts
from osdimage.imaging.wim.raw.export import RawCopy, copy_images
from osdimage.imaging.wim.raw.source import NotRaw
from osdimage.native.wim.raw_copy import CopyRange

pytestmark = pytest.mark.foreign
KINDS = {
    "none": ("--compress=none",),
    "xpress": ("--compress=xpress",),
    "lzx": ("--compress=lzx",),
    "lzx, large chunks": ("--compress=lzx", "--chunk-size=64K"),
    "lzms": ("--compress=lzms",),
    "solid": ("--solid",),
    "integrity table": ("--compress=lzx", "--check"),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """WIMs of wimlib-imagex with two images each, which share some of their contents."""
    folder = tmp_path_factory.mktemp("sources")
    rng = random.Random(1)
    for name in ("first", "second"):
        (folder / name / "below").mkdir(parents=True)
        for number in range(20):
            text = f"{name} {number} ".encode() * rng.randint(1, 9000)
            (folder / name / f"file {number}").write_bytes(text + rng.randbytes(rng.randint(0, 50_000)))
        (folder / name / "below" / "shared").write_bytes(b"in both images" * 5000)
        os.link(folder / name / "file 1", folder / name / "below" / "another name")
        (folder / name / "below" / "empty").touch()
        (folder / name / "link").symlink_to("file 2")
    made = {}
    for kind, options in KINDS.items():
        made[kind] = folder / f"{kind}.wim"
        judges.wimlib("capture", folder / "first", made[kind], "first", *options)
        judges.wimlib("append", folder / "second", made[kind], "second", *(["--check"] if "--check" in options else []))
    return made


def described(wim: Path, images: int) -> tuple[list[str], list[str]]:
    """Return all that wimlib-imagex tells of each file, and of each blob, but for where it lies."""
    files = [judges.wimlib_details(wim, image) for image in range(1, images + 1)]
    blocks = judges.wimlib("info", wim, "--blobs").split("\n\n")
    return files, sorted(re.sub(r"(?i)offset in WIM .*", "", block) for block in blocks[1:])


def told(wim: Path) -> dict[str, str]:
    """Return what wimlib-imagex tells of the header, but for sizes, places and the GUID."""
    lines = (line.partition("=") for line in judges.wimlib("info", wim, "--header").splitlines())
    apart = ("GUID", "Offset", "Size", "Length")
    return {name.strip(): value.strip() for name, _, value in lines if not any(each in name for each in apart)}


@pytest.mark.parametrize("kind", KINDS)
def test_all_images(sources: dict[str, Path], tmp_path: Path, kind: str) -> None:
    copy, theirs = tmp_path / "copy.wim", tmp_path / "theirs.wim"
    copy_images(sources[kind], copy, RawCopy((1, 2)), replace=False, meter=Meter(None, {}))
    # What is kept as it is; a chunk size of one's own is no default there.
    options = [option for option in KINDS[kind] if option.startswith(("--chunk-size", "--check"))]
    judges.wimlib("export", sources[kind], "all", theirs, *options)
    assert described(copy, 2) == described(theirs, 2)
    assert told(copy) == told(theirs)
    judges.wimlib("verify", copy)
    judges.seven_zip_test(copy)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "solid"])
def test_one_of_two_images(sources: dict[str, Path], tmp_path: Path, kind: str) -> None:
    copy, theirs = tmp_path / "copy.wim", tmp_path / "theirs.wim"
    copy_images(sources[kind], copy, RawCopy((2,)), replace=False, meter=Meter(None, {}))
    options = [option for option in KINDS[kind] if option.startswith(("--chunk-size", "--check"))]
    judges.wimlib("export", sources[kind], "2", theirs, *options)
    assert described(copy, 1) == described(theirs, 1)
    assert told(copy) == told(theirs)
    judges.wimlib("verify", copy)


def test_images_in_another_order_with_a_name_of_their_own(sources: dict[str, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy.wim"
    copy_images(sources["lzx"], copy, RawCopy((2, 1), boot_index=2), replace=False, meter=Meter(None, {}))
    facts = judges.wimlib("info", copy)
    assert re.findall(r"^Name: +(.*)$", facts, re.MULTILINE) == ["second", "first"]
    assert re.search(r"^Boot Index: +2$", facts, re.MULTILINE)
    judges.wimlib("verify", copy)


def test_some_of_a_solid_resource_is_not_copied_so(sources: dict[str, Path], tmp_path: Path) -> None:
    # Both images were packed apart; what they share is in the first resource, of which the second image wants no more.
    with pytest.raises(NotRaw, match="by themselves"):
        copy_images(sources["solid"], tmp_path / "x.wim", RawCopy((2,)), replace=False, meter=Meter(None, {}))
    assert not (tmp_path / "x.wim").exists()
    # libwim packs it anew.
    with WimFile.open(sources["solid"]) as wim:
        export_images(wim, tmp_path / "x.wim", images=[wim.images[1]])
    judges.wimlib("verify", tmp_path / "x.wim")


@pytest.mark.parametrize("compression", ["lzx", "xpress"])
def test_a_repeatable_export_is_the_same_again_and_another_one_is_another_wim(
    sources: dict[str, Path], tmp_path: Path, compression: str
) -> None:
    options = ExportOptions(compression=CompressionSpec.parse(compression), repeatable=True)
    with WimFile.open(sources["lzx"]) as wim:
        for name in ("1.wim", "2.wim"):
            export_images(wim, tmp_path / name, options)
        export_images(wim, tmp_path / "3.wim", options, images=wim.images[:1])
        export_images(wim, tmp_path / "4.wim", replace(options, repeatable=False))
    assert (tmp_path / "1.wim").read_bytes() == (tmp_path / "2.wim").read_bytes()
    guids = {judges.wimlib_guid(tmp_path / f"{number}.wim") for number in range(1, 5)}
    assert len(guids) == 3
    judges.wimlib("verify", tmp_path / "1.wim")


@pytest.mark.parametrize("options", [{"pipable": True}, {"mode": WriteMode.APPEND}], ids=["pipable", "added to"])
def test_what_cannot_be_repeatable_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="is not repeatable; valid is a new plain one"):
        ExportOptions(repeatable=True, **options)


def test_an_export_with_the_same_compression_copies_and_one_with_another_does_not(
    sources: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[int] = []
    copy_range = parts.copy_range

    def counted(source: int, destination: int, what: CopyRange, tell: parts.Copied, *, step_bytes: int) -> None:
        copied.append(what.size)
        copy_range(source, destination, what, tell, step_bytes=step_bytes)

    monkeypatch.setattr(parts, "copy_range", counted)
    with WimFile.open(sources["lzx"]) as wim:
        for number, (options, is_copied) in enumerate(
            [
                (ExportOptions(), True),
                (ExportOptions(compression=CompressionSpec.parse("lzx")), True),
                (ExportOptions(compression=CompressionSpec.parse("xpress")), False),
                (ExportOptions(compression=CompressionSpec(solid=True)), False),
                (ExportOptions(compression=CompressionSpec(chunk_size=1 << 16)), False),
            ]
        ):
            copied.clear()
            export_images(wim, tmp_path / f"{number}.wim", options)
            assert bool(copied) == is_copied, options
            judges.wimlib("verify", tmp_path / f"{number}.wim")
        copied.clear()
        export_images(
            wim,
            tmp_path / "0.wim",
            ExportOptions(mode=WriteMode.APPEND),
            images=[wim.images[0]],
            properties=ImageProperties(name="again"),
        )
        assert not copied
        with pytest.raises(InvalidRequest, match="is already there"):
            export_images(
                wim,
                tmp_path / "y.wim",
                images=[wim.images[1], wim.images[1]],
                properties=ImageProperties(description="x"),
            )


def test_an_integrity_table_is_made_of_what_is_there(sources: dict[str, Path], tmp_path: Path) -> None:
    with WimFile.open(sources["lzx"]) as wim:
        export_images(wim, tmp_path / "with.wim", ExportOptions(integrity=True))
    with WimFile.open(sources["integrity table"]) as wim:
        export_images(wim, tmp_path / "without.wim", ExportOptions(integrity=False))
    judges.wimlib("info", tmp_path / "with.wim", "--check")
    assert told(tmp_path / "without.wim") == told(sources["lzx"])


def test_a_file_system_that_cannot_copy_by_itself(
    sources: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    copy_images(sources["lzx"], tmp_path / "x.wim", RawCopy((1, 2)), replace=False, meter=Meter(None, {}))
    judges.wimlib("verify", tmp_path / "x.wim")


def test_a_failing_medium_leaves_nothing(
    sources: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", fail)
    with pytest.raises(StorageError, match="No space left") as caught:
        copy_images(sources["lzx"], tmp_path / "x.wim", RawCopy((1, 2)), replace=False, meter=Meter(None, {}))
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_a_listener_stops_it(sources: dict[str, Path], tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def listen(event: ProgressEvent) -> None:
        raise Enough(event)

    with WimFile.open(sources["lzx"]) as wim, pytest.raises(Enough):
        export_images(wim, tmp_path / "x.wim", progress=listen)
    assert list(tmp_path.iterdir()) == []


def test_contents_that_are_elsewhere_are_named_as_ever(tmp_path: Path) -> None:
    base, delta = tmp_path / "base.wim", tmp_path / "delta.wim"
    for name in ("one", "two", "own"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(name.encode() * 5000)
    for name in ("one", "two"):
        (tmp_path / name / "both").write_bytes(b"both" * 5000)
    judges.wimlib("capture", tmp_path / "one", base)
    judges.wimlib("capture", tmp_path / "two", delta, f"--delta-from={base}")
    judges.wimlib("append", tmp_path / "own", delta)
    with WimFile.open(delta) as wim, pytest.raises(MissingParts, match="another file"):
        export_images(wim, tmp_path / "x.wim")
    # A delta stays one when an image of it goes.
    delete_images(delta, [2])
    judges.wimlib("verify", delta, f"--ref={base}")
    with WimFile.open(delta, refs=[str(base)]) as wim:
        export_images(wim, tmp_path / "x.wim")
    judges.wimlib("verify", tmp_path / "x.wim")


HOSTILE = {
    "two entries in one place": lambda wim: wimcraft.change_blob(wim, 0, offset=wimcraft.told(wim, "xml")[1]),
    "beyond the file": lambda wim: wimcraft.change_blob(wim, 0, offset=1 << 40),
    "larger than the file": lambda wim: wimcraft.change_blob(wim, 0, size=1 << 40),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_lies_of_its_place_is_not_copied(tmp_path: Path, name: str) -> None:
    wim = wimcraft.build(wimcraft.root(wimcraft.Node("a", b"contents of a"), wimcraft.Node("b", b"of b")))
    path = tmp_path / "x.wim"
    path.write_bytes(HOSTILE[name](wim))
    try:
        copy_images(path, tmp_path / "copy.wim", RawCopy((1,)), replace=False, meter=Meter(None, {}))
    except NotRaw:
        assert not (tmp_path / "copy.wim").exists()
    else:
        # A place that holds other bytes is no fault that a copy can see; it takes no more room than the source.
        assert (tmp_path / "copy.wim").stat().st_size <= path.stat().st_size + 1000

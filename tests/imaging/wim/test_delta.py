"""Deltas hold what their bases do not, as wimlib-imagex and 7-Zip read them."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cases import deltas, trees
from cases.deltas import Month
from judges import wim as judges
from osdimage.imaging import (
    CaptureOptions,
    CompressionSpec,
    InvalidRequest,
    MissingParts,
    TargetRefused,
    WimFile,
    WriteMode,
    capture_image,
)
from osdimage.imaging.capture import UpdateOf, capture_volumes
from osdimage.imaging.disk import DiskLayout, FixedSize, PartitionSpec, Role, Scheme
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from osdimage.imaging.wim import ExportOptions, export_delta, export_images, needs_of, optimize_wim
from osdimage.imaging.wim.compression import Compression
from osdimage.imaging.wim.copied.optimize import OptimizeOptions

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    return deltas.make_month(tmp_path_factory.mktemp("delta"))


@pytest.fixture(scope="module")
def whole(month: Month) -> Path:
    """All of now, by wimlib-imagex."""
    judges.wimlib("capture", month.now, path := month.base.with_name("whole.wim"), "now", "--boot")
    return path


@pytest.fixture(scope="module")
def theirs(month: Month) -> Path:
    """Their delta of now."""
    judges.wimlib("capture", month.now, path := month.base.with_name("theirs.wim"), f"--delta-from={month.base}")
    return path


def contents(folder: Path) -> object:
    return trees.contents(trees.read_tree(folder))


def blobs(wim: Path) -> set[str]:
    """The SHA-1 of what a WIM holds itself, by its blob table."""
    text = judges.wimlib("info", wim, "--blobs")
    found = [block for block in text.split("\n\n") if "Hash" in block and "metadata" not in block.lower()]
    return {line.split("=")[1].strip() for block in found for line in block.splitlines() if line.startswith("Hash")}


def test_a_delta_holds_what_that_of_wimlib_imagex_holds(month: Month, theirs: Path, tmp_path: Path) -> None:
    path = tmp_path / "delta.wim"
    result = capture_image(month.now, path, CaptureOptions(bases=(str(month.base),)))
    assert blobs(path) == blobs(theirs) != set()
    assert judges.wimlib_facts(path).keys() == judges.wimlib_facts(theirs).keys()
    assert contents(deltas.applied(path, tmp_path / "out", month.base)) == contents(month.now)
    judges.wimlib("verify", path, f"--ref={month.base}")
    needs = result.needs
    assert needs is not None
    assert needs.own.blobs == len(blobs(theirs))
    assert needs.elsewhere[0].path == month.base
    # What the image refers to is that of the whole WIM.
    assert not needs.missing_blobs


FORMS = {
    "as it is stored": ExportOptions(),
    "compressed again": ExportOptions(compression=CompressionSpec.parse("lzx:50"), recompress=True),
    "none": ExportOptions(compression=CompressionSpec.parse("none")),
    "xpress": ExportOptions(compression=CompressionSpec.parse("xpress")),
    "solid": ExportOptions(compression=CompressionSpec(solid=True)),
}


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS.keys())
def test_an_exported_delta_holds_the_same_in_any_form(
    month: Month, whole: Path, theirs: Path, tmp_path: Path, options: ExportOptions
) -> None:
    path = tmp_path / "delta.wim"
    with WimFile.open(whole) as wim:
        result = export_delta(wim, path, [str(month.base)], replace(options, integrity=True))
    assert blobs(path) == blobs(theirs)
    assert contents(deltas.applied(path, tmp_path / "out", month.base)) == contents(month.now)
    judges.wimlib("verify", path, f"--ref={month.base}")
    judges.wimlib("info", path, "--check")
    assert judges.wimlib_info(path).wim["Boot Index"] == "1"
    assert result.needs is not None
    assert result.kept_compressed == (options.compression is None)


BASES = {
    "solid": ("export", "1", "--solid"),
    "xpress": ("export", "1", "--compress=xpress"),
    "with an integrity table": ("export", "1", "--check"),
    "pipable": ("export", "1", "--pipable"),
    "split": ("split", "0.1"),
}


@pytest.mark.parametrize("words", BASES.values(), ids=BASES.keys())
def test_any_wim_is_a_base(month: Month, theirs: Path, tmp_path: Path, words: Sequence[str]) -> None:
    base = tmp_path / ("base.swm" if words[0] == "split" else "other.wim")
    middle = [words[1], base] if words[0] == "export" else [base, words[1]]
    judges.wimlib(words[0], month.base, *middle, *words[2:])
    path, again = tmp_path / "delta.wim", tmp_path / "again.wim"
    capture_image(month.now, path, CaptureOptions(bases=(str(base),)))
    # wimlib-imagex cannot make a delta of a split WIM; what is in it is in none of its parts again.
    assert blobs(path) == blobs(theirs)
    refs = [f"--ref={base.with_name(base.stem)}*{base.suffix}"]
    judges.wimlib("verify", path, *refs)
    with WimFile.open(path, refs=[str(base.parent / f"{base.stem}*{base.suffix}")]) as wim:
        export_delta(wim, again, [str(base)])
    assert blobs(again) == blobs(theirs)


def test_a_solid_source_gives_a_delta_of_what_is_left_of_it(
    month: Month, whole: Path, theirs: Path, tmp_path: Path
) -> None:
    solid, path = tmp_path / "whole.esd", tmp_path / "delta.wim"
    judges.wimlib("export", whole, "1", solid, "--solid")
    with WimFile.open(solid) as wim:
        export_delta(wim, path, [str(month.base)], ExportOptions(compression=CompressionSpec()))
    assert blobs(path) == blobs(theirs)
    assert path.stat().st_size < solid.stat().st_size / 2
    assert contents(deltas.applied(path, tmp_path / "out", month.base)) == contents(month.now)


@pytest.mark.parametrize("kind", ["capture", "export"])
def test_a_delta_and_its_base_make_one_whole_wim(month: Month, whole: Path, tmp_path: Path, kind: str) -> None:
    delta, path = tmp_path / "delta.wim", tmp_path / "made.wim"
    if kind == "capture":
        capture_image(month.now, delta, CaptureOptions(bases=(str(month.base),)))
    else:
        with WimFile.open(whole) as wim:
            export_delta(wim, delta, [str(month.base)])
    with WimFile.open(delta, refs=[str(month.base)]) as wim:
        assert wim.image(1).info.bases
        export_images(wim, path)
    judges.wimlib("verify", path)
    judges.seven_zip_test(path)
    assert blobs(path) == blobs(whole)
    assert contents(deltas.applied(path, tmp_path / "out")) == contents(month.now)
    with WimFile.open(path) as wim:
        assert not wim.image(1).info.bases, "it needs them no more"
        assert needs_of(wim.images).is_whole


def test_a_delta_of_a_delta_needs_what_is_named_and_no_more(month: Month, tmp_path: Path) -> None:
    first, second, alone = tmp_path / "first.wim", tmp_path / "second.wim", tmp_path / "alone.wim"
    capture_image(month.now, first, CaptureOptions(bases=(str(month.base),)))
    capture_image(month.now, second, CaptureOptions(bases=(str(month.base), str(first))))
    assert blobs(second) == set()
    assert contents(deltas.applied(second, tmp_path / "out", month.base, first)) == contents(month.now)
    # Of the first alone: what its own base holds is stored again.
    capture_image(month.now, alone, CaptureOptions(bases=(str(first),)))
    assert contents(deltas.applied(alone, tmp_path / "out", first)) == contents(month.now)


def test_a_delta_is_added_to_a_wim(month: Month, theirs: Path, tmp_path: Path) -> None:
    path = tmp_path / "delta.wim"
    judges.wimlib("capture", month.now / "sub", path, "sub", "--check")
    result = capture_image(month.now, path, CaptureOptions(WriteMode.APPEND, bases=(str(month.base),)))
    assert (result.index, blobs(path) >= blobs(theirs)) == (2, True)
    assert contents(deltas.applied(path, tmp_path / "out", month.base, image=2)) == contents(month.now)
    judges.wimlib("verify", path, f"--ref={month.base}")
    judges.wimlib("info", path, "--check")
    # It is a delta, and stays one when it is written anew.
    optimize_wim(path)
    assert contents(deltas.applied(path, tmp_path / "out", month.base, image=2)) == contents(month.now)


def test_all_volumes_of_a_disk_are_a_delta(month: Month, tmp_path: Path) -> None:
    layout = DiskLayout(
        Scheme.MBR,
        (
            PartitionSpec(Role.PRIMARY, FixedSize(Bytes(40 * MIB)), filesystem=FileSystem.FAT32),
            PartitionSpec(Role.PRIMARY, FixedSize(Bytes(16 * MIB)), filesystem=FileSystem.NTFS),
        ),
    )
    sub, whole, path = month.now / "sub", tmp_path / "sub.wim", tmp_path / "delta.wim"
    make_disk(disk := tmp_path / "disk.img", 64 * MIB, layout, {1: sub, 2: sub})
    judges.wimlib("capture", sub, whole)
    result = capture_volumes(disk, path, CaptureOptions(bases=(str(whole),)))
    assert blobs(path) == set()
    assert [each.needs.elsewhere[0].blobs for each in result.images if each.needs] == [len(blobs(whole))] * 2
    judges.wimlib("verify", path, f"--ref={whole}")
    with pytest.raises(InvalidRequest, match="several images"):
        capture_volumes(disk, tmp_path / "new.wim", CaptureOptions(update_of=UpdateOf(1, whole)))


def test_a_base_is_found_by_its_name_whatever_characters_it_has(month: Month, theirs: Path, tmp_path: Path) -> None:
    shutil.copy(month.base, base := tmp_path / "base[1].wim")
    capture_image(month.now, tmp_path / "delta.wim", CaptureOptions(bases=(str(base),), update_of=UpdateOf(1)))
    assert blobs(tmp_path / "delta.wim") < blobs(theirs), "but for what was changed behind its times"


def test_what_cannot_be_a_base_is_refused(month: Month, whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "delta.wim"
    shutil.copy(month.base, present := tmp_path / "present.wim")
    for mode in (WriteMode.APPEND, WriteMode.OVERWRITE):
        with pytest.raises(InvalidRequest, match="is the base of the delta itself"):
            capture_image(month.now, present, CaptureOptions(mode, bases=(str(tmp_path / "p*.wim"),)))
    with pytest.raises(InvalidRequest, match="no such file"):
        capture_image(month.now, path, CaptureOptions(bases=(str(tmp_path / "absent.wim"),)))
    with WimFile.open(whole) as wim:
        with pytest.raises(InvalidRequest, match="is the base of the delta itself"):
            export_delta(wim, path, [str(whole)])
        with pytest.raises(InvalidRequest, match="a file of its own"):
            export_delta(wim, present, [str(month.base)], ExportOptions(WriteMode.APPEND))
        with pytest.raises(TargetRefused, match="exists already"):
            export_delta(wim, present, [str(month.base)])
    assert not path.exists()
    assert present.read_bytes() == month.base.read_bytes()


def test_a_base_that_another_program_changes_is_refused_and_none_changes_it_meanwhile(
    month: Month, tmp_path: Path
) -> None:
    base = tmp_path / "base.wim"
    shutil.copy(month.base, base)
    with base.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TargetRefused, match=r"base\.wim: another program is writing to it"):
            capture_image(month.now, tmp_path / "delta.wim", CaptureOptions(bases=(str(base),)))
    refused: list[str] = []

    def try_to_write(_: object) -> None:
        if not refused:
            try:
                optimize_wim(base)
            except TargetRefused as error:
                refused.append(str(error))

    capture_image(month.now, tmp_path / "delta.wim", CaptureOptions(bases=(str(base),)), progress=try_to_write)
    assert refused == [f"{base}: another program is writing to it, or has it mounted for that"]


def test_what_is_in_neither_wim_is_told(month: Month, theirs: Path, tmp_path: Path) -> None:
    judges.wimlib("capture", month.now / "sub", other := tmp_path / "other.wim", "sub")
    with WimFile.open(theirs) as wim:
        with pytest.raises(MissingParts):
            export_delta(wim, tmp_path / "delta.wim", [str(other)])
        # A delta of the same base is made again.
        export_delta(wim, tmp_path / "delta.wim", [str(month.base)])
    assert blobs(tmp_path / "delta.wim") == blobs(theirs)


def test_needs_are_counted_as_wimlib_imagex_lists_them(month: Month, theirs: Path, whole: Path) -> None:
    sizes = {}
    for facts in judges.wimlib_facts(whole).values():
        found = dict(facts)
        if "Hash" in found:
            sizes[found["Hash"]] = int(found["Uncompressed size"].split()[0])
    own, both = blobs(theirs), blobs(whole)
    with WimFile.open(theirs, refs=[str(month.base)]) as wim:
        needs = needs_of(wim.images)
    assert (needs.own.blobs, needs.elsewhere[0].blobs) == (len(own), len(both - own))
    assert needs.elsewhere[0].size == sum(sizes[each] for each in both - own)
    with WimFile.open(theirs) as wim:
        alone = needs_of(wim.images)
    assert (alone.missing_blobs, alone.missing_images) == (len(both - own), (1,))
    # None of the files that lack contents are copies of each other.
    assert alone.missing_size == needs.elsewhere[0].size


def test_one_part_of_a_split_base_stands_for_all(month: Month, tmp_path: Path) -> None:
    judges.wimlib("split", month.base, tmp_path / "base.swm", "0.05")
    parts = sorted(tmp_path.glob("base*.swm"))
    assert len(parts) > 2
    capture_image(month.now, tmp_path / "delta.wim", CaptureOptions(bases=(str(parts[0]),)))
    with WimFile.open(tmp_path / "delta.wim", refs=[str(parts[1])]) as wim:
        export_images(wim, tmp_path / "whole.wim")
    judges.wimlib("verify", tmp_path / "whole.wim")
    assert contents(deltas.applied(tmp_path / "whole.wim", tmp_path / "out")) == contents(month.now)
    # Those that are named come first, wherever they are.
    (tmp_path / "elsewhere").mkdir()
    moved = parts[-1].rename(tmp_path / "elsewhere" / parts[-1].name)
    with WimFile.open(tmp_path / "delta.wim", refs=[str(moved), str(parts[0])]) as wim:
        assert not needs_of(wim.images).missing_blobs


def test_a_delta_that_is_compressed_again_stays_one(month: Month, theirs: Path, tmp_path: Path) -> None:
    delta = tmp_path / "delta.wim"
    shutil.copy(theirs, delta)
    before, held = delta.read_bytes(), blobs(delta)
    with pytest.raises(MissingParts, match=r"delta\.wim: the contents of \d+ files of image 1 are in another file"):
        optimize_wim(delta, OptimizeOptions(recompress=True))
    with pytest.raises(InvalidRequest, match="a delta is not pipable"):
        optimize_wim(delta, OptimizeOptions(pipable=True), refs=[str(month.base)])
    assert delta.read_bytes() == before
    for compression in (None, CompressionSpec(Compression.XPRESS), CompressionSpec(Compression.LZMS, solid=True)):
        optimize_wim(delta, OptimizeOptions(compression, recompress=True), refs=[str(month.base)])
        assert blobs(delta) == held
        assert contents(deltas.applied(delta, tmp_path / "out", month.base)) == contents(month.now)

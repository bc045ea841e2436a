"""``osdimage export``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cases import trees
from judges import wim as judges
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

EXPORT_KEYS = {"path", "indexes", "file_size", "warnings", "kept_compressed", "needs", "stream"}


def names(path: Path) -> list[str]:
    return [image["Name"] for image in judges.wimlib_info(path).images]


def test_one_image_to_a_new_file(pair: Path, small: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.wim"
    document = osdimage("export", pair, path, "--index", "2", "--json").facts
    assert set(document) == EXPORT_KEYS
    assert (document["indexes"], document["file_size"]) == ([1], path.stat().st_size)
    assert names(path) == ["second"]
    judges.wimlib("apply", path, "1", tmp_path / "target")
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(small))


SELECTIONS = {
    "all": (("--all",), ["first", "second"]),
    "one by its index": (("--index", "1"), ["first"]),
    "two in another order": (("--index", "2", "--index", "1"), ["second", "first"]),
    "one twice": (("--index", "2", "--index", "2"), ["second"]),
    "by name": (("--name", "First"), ["first"]),
    "by the former spelling of it": (("--image-name", "First"), ["first"]),
}


@pytest.mark.parametrize(("options", "expected"), SELECTIONS.values(), ids=SELECTIONS.keys())
def test_selections(pair: Path, tmp_path: Path, options: tuple[str, ...], expected: list[str]) -> None:
    osdimage("export", pair, tmp_path / "new.wim", *options)
    assert names(tmp_path / "new.wim") == expected


USAGE = {
    "several images and no choice": ((), "choose one of 2 images"),
    "all and an index": (("--all", "--index", "1"), "or with --all"),
    "index and name": (("--index", "1", "--name", "first"), "or with --all"),
    "one name for two images": (("--all", "--new-name", "x"), "one by one"),
    "no such image": (("--index", "3"), "no image fits"),
}


@pytest.mark.parametrize(("options", "says"), USAGE.values(), ids=USAGE.keys())
def test_what_cannot_be_is_a_usage_error(pair: Path, tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    outcome = osdimage("export", pair, tmp_path / "new.wim", *options, code=2)
    assert says in outcome.err
    assert not (tmp_path / "new.wim").exists()


def test_the_boot_index_goes_with_all_images_or_where_it_is_asked_for(pair: Path, tmp_path: Path) -> None:
    osdimage("export", pair, tmp_path / "all.wim", "--all")
    assert judges.wimlib_info(tmp_path / "all.wim").wim["Boot Index"] == "2"
    osdimage("export", pair, tmp_path / "one.wim", "--index", "2")
    assert judges.wimlib_info(tmp_path / "one.wim").wim["Boot Index"] == "0"
    osdimage("export", pair, tmp_path / "boots.wim", "--index", "1", "--boot")
    assert judges.wimlib_info(tmp_path / "boots.wim").wim["Boot Index"] == "1"


@pytest.mark.foreign
@pytest.mark.parametrize("more", [(), ("--compress", "xpress")], ids=["as stored", "anew"])
def test_of_all_images_the_one_that_boots_is_marked_as_by_wimlib_imagex(
    more: tuple[str, ...], pair: Path, single: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both.wim"
    both.write_bytes(pair.read_bytes())
    judges.wimlib("info", both, "1", "--boot")
    osdimage("export", both, tmp_path / "ours.wim", "--all", "--boot", *more)
    judges.wimlib("export", both, "all", tmp_path / "theirs.wim", "--boot")
    found = {judges.wimlib_info(tmp_path / f"{name}.wim").wim["Boot Index"] for name in ("ours", "theirs")}
    assert found == {"1"}
    # Added to another, it is the second there.
    osdimage("export", both, single, "--all", "--boot")
    assert judges.wimlib_info(single).wim["Boot Index"] == "2"


@pytest.mark.foreign
def test_of_all_images_one_must_boot_to_be_marked(single: Path, tmp_path: Path) -> None:
    refused = osdimage("export", single, tmp_path / "x.wim", "--all", "--boot", code=2).err
    assert "no image is marked as the one that boots" in refused
    assert "has no bootable image" in judges.wimlib("export", single, "all", tmp_path / "x.wim", "--boot", code=255)
    assert not (tmp_path / "x.wim").exists()


def test_a_new_name_and_description(pair: Path, tmp_path: Path) -> None:
    osdimage("export", pair, tmp_path / "new.wim", "--index", "1", "--new-name", "Neu", "--description", "Büro")
    (facts,) = judges.wimlib_info(tmp_path / "new.wim").images
    assert (facts["Name"], facts["Description"]) == ("Neu", "Büro")


def test_a_present_file_gets_the_image_added_and_contents_are_shared(pair: Path, single: Path) -> None:
    before = single.stat().st_size
    document = osdimage("export", pair, single, "--index", "2", "--json").document
    assert document["indexes"] == [2]
    assert names(single) == ["only", "second"]
    # The same 50,000 random bytes are in both.
    assert single.stat().st_size - before < 10_000
    judges.wimlib("verify", single)


def test_overwrite_replaces_a_present_file(pair: Path, single: Path) -> None:
    osdimage("export", pair, single, "--index", "2", "--overwrite")
    assert names(single) == ["second"]


def test_a_name_that_is_there_is_refused(pair: Path, copy: Path) -> None:
    before = copy.read_bytes()
    outcome = osdimage("export", pair, copy, "--index", "1", code=2)
    assert "name" in outcome.err
    assert copy.read_bytes() == before


def test_a_wim_is_not_exported_onto_itself(copy: Path) -> None:
    before = copy.read_bytes()
    osdimage("export", copy, copy, "--all", "--overwrite", code=2)
    osdimage("export", copy, copy, "--index", "1", "--new-name", "again", code=2)
    assert copy.read_bytes() == before


def test_integrity_is_kept_added_and_dropped(pair: Path, single: Path, tmp_path: Path) -> None:
    cases = {
        "kept": (pair, (), True),
        "dropped": (pair, ("--no-integrity",), False),
        "added": (single, ("--integrity",), True),
        "none": (single, (), False),
    }
    for name, (source, options, expected) in cases.items():
        osdimage("export", source, tmp_path / f"{name}.wim", "--index", "1", *options)
        attributes = judges.wimlib_info(tmp_path / f"{name}.wim").wim.get("Attributes", "")
        assert ("Integrity info" in attributes) == expected, name


def test_an_esd_by_its_name_and_back(pair: Path, tree: Path, tmp_path: Path) -> None:
    esd, wim = tmp_path / "x.esd", tmp_path / "x.wim"
    osdimage("export", pair, esd, "--all")
    facts = judges.wimlib_info(esd).wim
    assert (facts["Compression"], facts["Version"], facts["Image Count"]) == ("LZMS", "3584", "2")
    osdimage("export", esd, wim, "--all", "--compress", "lzx")
    facts = judges.wimlib_info(wim).wim
    assert (facts["Compression"], facts["Version"], facts["Boot Index"]) == ("LZX", "68864", "2")
    judges.wimlib("apply", wim, "1", tmp_path / "target")
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(tree))


def test_an_esd_exported_as_it_is_stays_solid(pair: Path, tmp_path: Path) -> None:
    osdimage("export", pair, tmp_path / "x.esd", "--all")
    outcome = osdimage("export", tmp_path / "x.esd", tmp_path / "x.wim", "--all")
    assert osdimage("info", tmp_path / "x.wim", "--json").document["header"]["is_solid"]
    assert any("only under a name that ends in .esd" in warning for warning in outcome.warnings)


def test_without_compress_nothing_is_compressed_again(pair: Path, tmp_path: Path) -> None:
    # A level cannot be told from a file; that the bytes are the same can.
    osdimage("export", pair, tmp_path / "a.wim", "--index", "1")
    blobs = {}
    for name, path in (("pair", pair), ("a", tmp_path / "a.wim")):
        text = judges.wimlib("info", path, "--blobs")
        blobs[name] = {
            lines["Hash"]: lines["Compressed size"]
            for block in text.split("\n\n")
            if (lines := dict(line.split("=", 1) for line in map(str.strip, _fields(block)) if "=" in line))
            and "Compressed size" in lines
        }
    assert blobs["a"]
    assert blobs["a"].items() <= blobs["pair"].items()


def _fields(block: str) -> list[str]:
    return ["=".join(part.strip() for part in line.split("=", 1)) for line in block.splitlines()]


def test_a_damaged_source_is_not_exported(copy: Path, tmp_path: Path) -> None:
    contents = bytearray(copy.read_bytes())
    contents[208:400] = bytes(192)
    copy.write_bytes(contents)
    outcome = osdimage("export", copy, tmp_path / "new.esd", "--index", "1", "--no-integrity", code=3)
    # The fault lies in the file that is read.
    assert outcome.err.splitlines()[-1].startswith(f"osdimage: {copy}: a ")
    assert not (tmp_path / "new.esd").exists()
    checked = osdimage("export", copy, tmp_path / "new.wim", "--index", "1", "--check", code=3)
    assert "integrity table" in checked.err


def test_a_source_that_lacks_contents_is_the_one_that_is_named(small: Path, single: Path, tmp_path: Path) -> None:
    more = shutil.copytree(small, tmp_path / "more", symlinks=True)
    (more / "added").write_bytes(b"added")
    delta = tmp_path / "delta.wim"
    judges.wimlib("capture", more, delta, f"--delta-from={single}")
    before = single.read_bytes()
    error = osdimage("export", delta, tmp_path / "new.wim", code=3).err
    assert error.startswith(f"osdimage: {delta}: the contents of ")
    assert error.endswith(" of image 1 are in another file; name with --ref the base of the delta\n")
    assert not (tmp_path / "new.wim").exists()
    osdimage("export", delta, tmp_path / "new.wim", "--ref", str(single))
    judges.wimlib("verify", tmp_path / "new.wim")
    # What the destination holds need not be in the source.
    osdimage("export", delta, single)
    assert single.read_bytes() != before
    judges.wimlib("verify", single)

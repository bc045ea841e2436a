"""``osdimage apply``; test_ntfs_roundtrip.py has what concerns volumes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cases import trees
from judges import wim as judges
from runs.commands import osdimage

APPLY_KEYS = {
    "target", "directories", "files", "size", "losses", "odd_names", "warnings", "partition", "wiped", "engine",
    "engine_reason", "replaced", "replaced_names", "is_new", "compacted",
}  # fmt: skip


@pytest.mark.parametrize("engine", ["bulk", "libwim"])
def test_an_applied_tree_is_the_captured_one(engine: str, pair: Path, tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    outcome = osdimage("apply", pair, target, "--index", "1", "--engine", engine)
    result, expected = trees.read_tree(target), trees.read_tree(tree)
    assert trees.contents(result) == trees.contents(expected)
    assert trees.link_groups(result) == trees.link_groups(expected)
    assert outcome.out.startswith(f"{target} (a new directory): ")
    assert "from image 1 'first'" in outcome.out
    assert outcome.err == ""


def test_the_json_document_counts_what_was_written(pair: Path, small: Path, tmp_path: Path) -> None:
    (volume,) = osdimage("apply", pair, tmp_path / "target", "--name", "SECOND", "--json").document["volumes"]
    assert (volume["image"], volume["name"]) == (2, "second")
    document = volume["result"]
    assert set(document) == APPLY_KEYS
    size = sum(node.size or 0 for node in trees.read_tree(small).values())
    assert (document["files"], document["directories"], document["size"]) == (3, 2, size)
    assert (document["losses"], document["warnings"]) == ([], [])


def test_one_image_needs_no_choice_and_several_do(single: Path, pair: Path, tmp_path: Path) -> None:
    osdimage("apply", single, tmp_path / "one")
    outcome = osdimage("apply", pair, tmp_path / "other", code=2)
    assert outcome.err.splitlines() == [
        f"osdimage: {pair}: choose one of 2 images:",
        "  1: first",
        "  2: second",
    ]
    assert not (tmp_path / "other").exists()


def test_index_together_with_a_query_is_a_usage_error(pair: Path, tmp_path: Path) -> None:
    outcome = osdimage("apply", pair, tmp_path / "target", "--index", "1", "--name", "first", code=2)
    assert "by its index, or by name" in outcome.err


def test_what_is_in_the_target_stays_unless_the_image_has_it(pair: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine").write_bytes(b"stays")
    (target / "one byte").write_bytes(b"is replaced")
    osdimage("apply", pair, target, "--index", "2")
    assert (target / "mine").read_bytes() == b"stays"
    assert (target / "one byte").read_bytes() == b"x"


def test_a_link_in_the_target_leads_no_write_outside(pair: Path, tmp_path: Path) -> None:
    target, outside = tmp_path / "target", tmp_path / "outside"
    target.mkdir()
    outside.mkdir()
    (target / "folder").symlink_to(outside)
    outcome = osdimage("apply", pair, target, "--index", "2", code=4)
    assert "/folder" in outcome.err
    assert list(outside.iterdir()) == []
    assert [item.name for item in target.iterdir()] == ["folder"]


def test_a_link_in_the_place_of_a_file_is_replaced_not_followed(pair: Path, tmp_path: Path) -> None:
    target, outside = tmp_path / "target", tmp_path / "outside"
    target.mkdir()
    outside.write_bytes(b"untouched")
    (target / "one byte").symlink_to(outside)
    osdimage("apply", pair, target, "--index", "2")
    assert outside.read_bytes() == b"untouched"
    assert stat.S_ISREG((target / "one byte").lstat().st_mode)


TARGETS = {
    "a text file": (b"just text", "holds no file system"),
    "a WIM": (b"MSWIM\0\0\0" + bytes(600), "is a WIM"),
    "a BitLocker volume": (b"\xeb\x58\x90-FVE-FS-" + bytes(999), "BitLocker"),
}


@pytest.mark.parametrize(("contents", "says"), TARGETS.values(), ids=TARGETS.keys())
def test_targets_that_are_refused_and_left_alone(single: Path, tmp_path: Path, contents: bytes, says: str) -> None:
    target = tmp_path / "target"
    target.write_bytes(contents)
    outcome = osdimage("apply", single, target, code=4)
    (line,) = outcome.err.splitlines()
    assert line.startswith(f"osdimage: {target}: ")
    assert says in line
    assert target.read_bytes() == contents


def test_an_image_larger_than_the_limit_is_refused(pair: Path, tmp_path: Path) -> None:
    outcome = osdimage("apply", pair, tmp_path / "target", "--index", "1", "--limit-bytes", "1MB", code=4)
    assert "limit of 1.0 MB" in outcome.err
    assert not (tmp_path / "target").exists()
    osdimage("apply", pair, tmp_path / "target", "--index", "1", "--limit-bytes", "1GB")


@pytest.mark.foreign
def test_a_volume_too_small_is_refused_untouched(tmp_path: Path) -> None:
    source = trees.make_small_tree(tmp_path / "source")
    (source / "large").write_bytes(os.urandom(8 << 20))
    osdimage("capture", source, tmp_path / "large.wim")
    volume = judges.make_ntfs(tmp_path / "volume.ntfs", 6 << 20)
    before = judges.sha1_of(volume)
    outcome = osdimage("apply", tmp_path / "large.wim", volume, code=4)
    assert "the volume has" in outcome.err
    assert judges.sha1_of(volume) == before


@pytest.mark.foreign
def test_an_image_that_does_not_fit_after_a_wipe_is_a_failure(tmp_path: Path) -> None:
    kept, large = tmp_path / "kept", tmp_path / "large"
    (kept / "State").mkdir(parents=True)
    (kept / "State" / "file").write_bytes(os.urandom(16 << 20))
    large.mkdir()
    (large / "file").write_bytes(os.urandom(20 << 20))
    for tree in (kept, large):
        osdimage("capture", tree, tree.with_suffix(".wim"))
    volume = judges.make_ntfs(tmp_path / "volume.ntfs", 32 << 20)
    osdimage("apply", kept.with_suffix(".wim"), volume)
    failed = osdimage("apply", large.with_suffix(".wim"), volume, "--wipe", "--keep", "State", "--yes", code=1)
    assert "the image needs" in failed.err
    assert failed.err.endswith(f" -- {volume} is wiped\n")
    assert judges.output("ntfsls", volume).split() == ["State"]


@pytest.mark.foreign
def test_unix_data_has_no_place_on_a_volume(single: Path, tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs", 16 << 20)
    outcome = osdimage("apply", single, volume, "--unix-data", code=4)
    assert "owner, group and mode" in outcome.err


def test_check_compares_the_integrity_table_first(copy: Path, single: Path, tmp_path: Path) -> None:
    osdimage("apply", copy, tmp_path / "good", "--index", "1", "--check")
    contents = bytearray(copy.read_bytes())
    contents[300] ^= 0xFF
    copy.write_bytes(contents)
    outcome = osdimage("apply", copy, tmp_path / "bad", "--index", "1", "--check", code=3)
    assert "integrity table" in outcome.err
    assert not (tmp_path / "bad").exists()
    without = osdimage("apply", single, tmp_path / "none", "--check")
    assert without.warnings == [f"{single}: has no integrity table to check"]


def test_a_wim_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    outcome = osdimage("apply", tmp_path / "no.wim", tmp_path / "target", code=2)
    assert "no.wim" in outcome.err


@pytest.mark.parametrize("is_there", [True, False])
def test_what_is_for_volumes_alone_is_told_for_a_directory(single: Path, tmp_path: Path, is_there: bool) -> None:
    target = tmp_path / "target"
    if is_there:
        target.mkdir()
    done = osdimage("apply", single, target, "--force", "--no-sync")
    assert done.err.splitlines() == [
        f"warning: {option} is for volumes, and does nothing for the directory {target}"
        for option in ("--force", "--no-sync")
    ]
    wiped = osdimage("apply", single, target, "--wipe", code=2)
    assert wiped.err.startswith(f"osdimage: {target} is no volume, which --wipe is for")


@pytest.mark.foreign
def test_a_split_wim_is_applied_with_its_parts(tree: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.wim"
    osdimage("capture", tree, whole, "--name", "first")
    # wimlib-imagex split WIM FIRST_PART SIZE_IN_MIB
    judges.wimlib("split", whole, tmp_path / "part.swm", "0.1")
    parts = sorted(tmp_path.glob("part*.swm"))
    assert len(parts) > 2
    osdimage("apply", tmp_path / "part.swm", tmp_path / "target", "--ref", str(tmp_path / "part*.swm"))
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(tree))
    osdimage("apply", tmp_path / "part.swm", tmp_path / "found")
    assert trees.contents(trees.read_tree(tmp_path / "found")) == trees.contents(trees.read_tree(tree))
    parts[1].rename(tmp_path / "away")
    missing = osdimage("apply", tmp_path / "part.swm", tmp_path / "other", "--ref", str(parts[2]), code=3)
    assert "another file" in missing.err
    nothing = osdimage("apply", tmp_path / "part.swm", tmp_path / "other", "--ref", str(tmp_path / "no*.swm"), code=2)
    assert nothing.err == f"osdimage: {tmp_path / 'no*.swm'}: no file fits the pattern\n"
    gone = osdimage("apply", tmp_path / "part.swm", tmp_path / "other", "--ref", tmp_path / "no" / "part.swm", code=2)
    assert gone.err == f"osdimage: {tmp_path / 'no' / 'part.swm'}: No such file or directory\n"
    (tmp_path / "text").write_text("no WIM" * 50)
    other = osdimage("apply", tmp_path / "part.swm", tmp_path / "other", "--ref", tmp_path / "text", code=3)
    assert other.err == f"osdimage: {tmp_path / 'text'}: not a WIM (nor an ESD or SWM)\n"
    assert not (tmp_path / "other").exists()


@pytest.mark.foreign
def test_another_part_than_the_first_names_the_first(tmp_path: Path) -> None:
    """The parts are made by ``wimlib-imagex split``."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_bytes(os.urandom(1_500_000))
    (tree / "other").write_bytes(os.urandom(1_500_000))
    judges.wimlib("capture", tree, tmp_path / "whole.wim", "--compress=none")
    judges.wimlib("split", tmp_path / "whole.wim", tmp_path / "s.swm", "1")
    first, second = tmp_path / "s.swm", tmp_path / "s2.swm"
    for words in (("apply", second, tmp_path / "to"), ("list", second), ("extract", second, "file", "--to", tmp_path)):
        assert osdimage(*words, code=3).err.endswith(f"and this is part 2 of 3; open {first}\n")
    changed = osdimage("delete", first, "--index", "1", code=4).err
    assert "is a part of a split WIM, which cannot be changed; join its parts" in changed
    first.unlink()
    missing = osdimage("apply", second, tmp_path / "to", code=3).err
    assert missing.endswith(f"; part 1 of 3 is missing: there is no {first}\n")
    assert not (tmp_path / "to").exists()


@pytest.mark.foreign
def test_a_delta_is_applied_with_its_base(small: Path, tmp_path: Path) -> None:
    base, delta = tmp_path / "base.wim", tmp_path / "delta.wim"
    osdimage("capture", small, base)
    judges.wimlib("capture", small, delta, "--delta-from", base)
    osdimage("apply", delta, tmp_path / "alone", code=3)
    osdimage("apply", delta, tmp_path / "target", "--ref", str(base))
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(small))


# ---- all images


@pytest.mark.foreign
def test_all_images_go_to_folders_of_their_names_as_by_wimlib_imagex(tmp_path: Path) -> None:
    """Names that are none of folders: ``wimlib-imagex apply x.wim all DIR`` takes the index for them, too."""
    wim = tmp_path / "x.wim"
    for number, name in enumerate(("first", "Second: x", "", "a/b", "..", "x" * 129)):
        source = tmp_path / f"tree{number}"
        source.mkdir()
        (source / f"file{number}").write_text(name)
        judges.wimlib("append", source, wim, name, "--create")
    outcome = osdimage("apply", wim, tmp_path / "to", "--all", "--json")
    judges.wimlib("apply", wim, "all", tmp_path / "theirs")
    ours, theirs = (trees.contents(trees.read_tree(tmp_path / each)) for each in ("to", "theirs"))
    assert ours == theirs
    assert {each.name for each in (tmp_path / "to").iterdir()} == {"first", "Second: x", "3", "4", "5", "6"}
    assert [each["image"] for each in outcome.document["volumes"]] == [1, 2, 3, 4, 5, 6]
    assert outcome.document["volumes"][3]["result"]["target"] == str(tmp_path / "to/4")


def test_nothing_is_written_when_a_later_image_cannot_be(pair: Path, tmp_path: Path) -> None:
    target = tmp_path / "to"
    target.mkdir()
    (target / "second").write_text("mine")
    refused = osdimage("apply", pair, target, "--all", code=4)
    assert "second: is a file" in refused.err
    assert [each.name for each in target.iterdir()] == ["second"]


def test_all_images_go_to_a_directory_only(pair: Path, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.write_bytes(bytes(1 << 20))
    refused = osdimage("apply", pair, volume, "--all", code=4)
    assert "all images go to folders of a directory" in refused.err
    assert "--all-volumes" in refused.err
    for more in (("--index", "1"), ("--partition", "1"), ("--wipe",)):
        assert "--all takes every image" in osdimage("apply", pair, tmp_path / "to", "--all", *more, code=2).err
    for more in (("--also", "x"), ("--all-volumes",)):
        assert "choose --all" in osdimage("apply", pair, tmp_path / "to", "--all", *more, code=2).err
    assert "limit of 2 bytes" in osdimage("apply", pair, tmp_path / "to", "--all", "--limit-bytes", "2", code=4).err
    assert not (tmp_path / "to").exists()

"""``osdimage verify`` and ``osdimage delete``."""

from __future__ import annotations

import fcntl
import hashlib
import random
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases import trees
from judges import wim as judges
from osdimage.imaging.wim.edited import edit
from runs.commands import osdimage

VERIFY_KEYS = {"bases", "path", "images", "blobs", "size", "problems", "notes", "parts"}


def test_a_sound_wim(pair: Path) -> None:
    outcome = osdimage("verify", pair)
    assert outcome.out.startswith(f"{pair}: sound: 2 images, ")
    (document,) = osdimage("verify", pair, "--json").document["wims"]
    assert set(document) == VERIFY_KEYS
    assert (document["images"], document["problems"], document["notes"]) == (2, [], [])


def test_several_wims_give_several_reports(pair: Path, single: Path) -> None:
    document = osdimage("verify", pair, single, "--json").document
    assert document["is_sound"]
    assert [report["path"] for report in document["wims"]] == [str(pair), str(single)]
    assert osdimage("verify", pair, single, "--quiet").out == ""


@pytest.mark.foreign
@pytest.mark.parametrize("options", [(), ("--solid",), ("--compress", "none")], ids=["lzx", "solid", "none"])
def test_every_bad_blob_is_named_with_its_files(tmp_path: Path, options: tuple[str, ...]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    names = [f"file {number}" for number in range(4)]
    for number, name in enumerate(names):
        # Distinct and too random to compress: each file's bytes can be found in the WIM.
        (source / name).write_bytes(bytes((number * 50 + index * index * 7) % 251 for index in range(5000)))
    (source / "copy of 2").write_bytes((source / "file 2").read_bytes())
    path = tmp_path / "x.esd"
    osdimage("capture", source, path, *options, *(() if options else ("--compress", "lzx")))
    sound = path.read_bytes()
    start, stop = 208, _first_metadata(path)
    bad: set[str] = set()
    for position in range(start, stop, max(1, (stop - start) // 8)):
        contents = bytearray(sound)
        contents[position] ^= 0x55
        path.write_bytes(contents)
        # Not every bit of a compressed resource means something.
        is_bad = judges.outcome("wimlib-imagex", "verify", path).returncode != 0
        (document,) = osdimage("verify", path, "--json", code=3 if is_bad else 0).document["wims"]
        assert bool(document["problems"]) == is_bad
        for problem in document["problems"]:
            assert problem["kind"] == "blob"
            assert problem["files"]
            bad.update(problem["files"])
        twice = [problem["files"] for problem in document["problems"] if "1:/file 2" in problem["files"]]
        assert all("1:/copy of 2" in files for files in twice)
    assert bad >= {f"1:/{name}" for name in names}
    contents = bytearray(sound)
    contents[(start + stop) // 2] ^= 0x55
    path.write_bytes(contents)
    text = osdimage("verify", path, "--verbose", code=3).out
    assert f"{path}: NOT sound, " in text


@pytest.mark.foreign
def test_a_damaged_chunk_of_a_solid_wim_is_bad_for_the_files_in_it_alone(tmp_path: Path) -> None:
    source, path = tmp_path / "source", tmp_path / "x.esd"
    source.mkdir()
    bits = random.Random(1)
    for number in range(8):
        (source / f"file {number}").write_bytes(bits.randbytes(20_000))
    judges.wimlib("capture", source, path, "--solid", "--solid-compress=lzx:10", "--solid-chunk-size=32K")
    contents = bytearray(path.read_bytes())
    # The noise is stored as it is: the 40,000th byte of it is in the second of five chunks, behind header and table.
    place = 208 + 16 + 5 * 4 + 40_000
    assert bytes(contents[place - 8 : place]) in b"".join(each.read_bytes() for each in source.iterdir())
    contents[place] ^= 0xFF
    path.write_bytes(contents)
    assert judges.outcome("wimlib-imagex", "verify", path).returncode != 0
    for memory in ("1MiB", "400MB"):
        (document,) = osdimage("verify", path, "--memory", memory, "--json", code=3).document["wims"]
        (problem,) = document["problems"]
        assert len(problem["files"]) == 1
        assert problem["message"].startswith(f"{problem['files'][0]}: does not match its SHA-1 (")


@pytest.mark.parametrize("text", ["400", "0", "1KB"])
def test_memory_that_is_too_little_asks_for_a_unit(pair: Path, text: str) -> None:
    refused = osdimage("verify", pair, "--memory", text, code=2)
    assert f"{text} is too little; the least is 1MiB, and a number without a unit is bytes" in refused.err


def _first_metadata(path: Path) -> int:
    """Return where the last file's contents end: the images' trees come behind them."""
    offsets = [
        int(line.split("=")[1].split()[0], 0)
        for block in judges.wimlib("info", path, "--blobs").split("\n\n")
        if "METADATA" in block
        for line in block.splitlines()
        if line.strip().startswith(("Offset in WIM", "Raw offset in WIM"))
    ]
    return min(offsets)


def test_a_wim_cut_short_is_not_sound(copy: Path) -> None:
    whole = copy.read_bytes()
    for size in (len(whole) - 1, len(whole) // 2, 300, 208, 100):
        copy.write_bytes(whole[:size])
        (document,) = osdimage("verify", copy, "--json", code=3).document["wims"]
        assert document["problems"]


@pytest.mark.foreign
def test_a_split_wim_is_judged_as_a_whole_by_any_of_its_parts(pair: Path, tmp_path: Path) -> None:
    judges.wimlib("split", pair, tmp_path / "part.swm", "0.1")
    parts = sorted(tmp_path.glob("part*.swm"))
    assert len(parts) > 2
    for named in (parts[:1], parts[-1:], parts[::-1]):
        outcome = osdimage("verify", *named)
        assert outcome.out.startswith(f"{tmp_path / 'part.swm'}: sound: {len(parts)} parts, 2 images, ")
        assert outcome.warnings == []
    contents = bytearray(parts[-1].read_bytes())
    contents[220] ^= 0xFF
    parts[-1].write_bytes(contents)
    (report,) = osdimage("verify", parts[0], "--json", code=3).document["wims"]
    problems = report["problems"]
    assert "blob" in {problem["kind"] for problem in problems} <= {"blob", "integrity"}
    # The names are in the first part, the blobs are in the last.
    assert any(file.partition("/")[0] in {"1:", "2:"} for problem in problems for file in problem["files"])
    assert all(
        problem["message"].endswith(f", in {parts[-1].name})") for problem in problems if problem["kind"] == "blob"
    )


@pytest.mark.foreign
def test_a_part_that_is_missing_or_of_another_wim_is_named(pair: Path, single: Path, tmp_path: Path) -> None:
    judges.wimlib("split", pair, tmp_path / "part.swm", "0.1")
    (tmp_path / "part2.swm").rename(tmp_path / "kept")
    refused = osdimage("verify", tmp_path / "part.swm", code=3)
    assert "part 2 of " in refused.out
    assert f"is missing: there is no {tmp_path / 'part2.swm'}" in refused.out
    (tmp_path / "part2.swm").write_bytes(single.read_bytes())
    refused = osdimage("verify", tmp_path / "part.swm", code=3)
    assert f"{tmp_path / 'part2.swm'} is no part of a split WIM" in refused.out
    judges.wimlib("split", pair, tmp_path / "other.swm", "0.1")
    (tmp_path / "other2.swm").rename(tmp_path / "part2.swm")
    refused = osdimage("verify", tmp_path / "part.swm", code=3)
    guid = judges.wimlib_info(tmp_path / "other.swm").wim["GUID"].removeprefix("0x")
    assert str(uuid.UUID(bytes_le=bytes.fromhex(guid))) in refused.out
    assert "of another WIM" in refused.out
    (tmp_path / "kept").rename(tmp_path / "renamed.swm")
    assert "sound" in osdimage("verify", tmp_path / "part.swm").out
    (tmp_path / "part.swm").unlink()
    assert "part 1 of " in osdimage("verify", tmp_path / "renamed.swm", code=3).out


@pytest.mark.foreign
def test_a_delta_without_its_base_is_told_how_to_name_it(tmp_path: Path) -> None:
    source, base, delta = tmp_path / "source", tmp_path / "base.wim", tmp_path / "delta.wim"
    source.mkdir()
    (source / "file").write_bytes(b"contents")
    judges.wimlib("capture", source, base)
    judges.wimlib("capture", source, delta, f"--delta-from={base}")
    refused = osdimage("verify", delta, code=3)
    assert "the contents of 1 file are in another file; name with --ref the base of a delta" in refused.out
    assert "sound" in osdimage("verify", delta, "--ref", base).out
    assert "name with --ref the base of the delta" in osdimage("apply", delta, tmp_path / "out", code=3).err


@pytest.mark.foreign
def test_a_pipable_wim_is_verified(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "pipable.wim"
    judges.wimlib("capture", small, path, "--pipable")
    assert osdimage("verify", path, "--json").document["is_sound"]
    assert osdimage("info", path, "--json").document["header"]["is_pipable"]


@pytest.mark.foreign
def test_delete_chooses_by_what_an_image_is(copy: Path) -> None:
    refused = osdimage("delete", copy, "--edition", "Professional", code=2)
    assert "no image fits edition Professional" in refused.err


def test_delete_drops_the_image_and_what_only_it_needed(copy: Path, small: Path, tmp_path: Path) -> None:
    before = copy.stat().st_size
    document = osdimage("delete", copy, "--index", "1", "--json").facts
    assert set(document) == {"path", "images_left", "old_size", "new_size"}
    assert (document["images_left"], document["old_size"]) == (1, before)
    assert document["new_size"] == copy.stat().st_size < before
    facts = judges.wimlib_info(copy)
    assert [image["Name"] for image in facts.images] == ["second"]
    # The second image booted, and is the first now.
    assert facts.wim["Boot Index"] == "1"
    assert "Integrity info" in facts.wim["Attributes"]
    judges.wimlib("verify", copy)
    judges.wimlib("apply", copy, "1", tmp_path / "target")
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(small))


@pytest.mark.foreign
def test_delete_keeps_the_guid_and_the_chunk_size(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.wim"
    osdimage("capture", small, path, "--chunk-size", "64K", "--name", "one")
    osdimage("capture", small, path, "--append", "--name", "two")
    osdimage("capture", small, path, "--append", "--name", "three")
    before = judges.wimlib_info(path).wim
    osdimage("delete", path, "--index", "1", "--name", "THREE")
    after = judges.wimlib_info(path)
    assert [image["Name"] for image in after.images] == ["two"]
    assert (after.wim["GUID"], after.wim["Chunk Size"]) == (before["GUID"], "65536 bytes")


@pytest.mark.foreign
def test_a_wim_without_images_takes_others(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.wim"
    osdimage("capture", small, path, "--chunk-size", "64K", "--boot")
    outcome = osdimage("delete", path, "--all")
    assert outcome.out.startswith(f"{path}: 0 images left; ")
    judges.wimlib("verify", path)
    left = judges.wimlib_info(path).wim
    assert (left["Image Count"], left["Boot Index"], left["Chunk Size"]) == ("0", "0", "65536 bytes")
    osdimage("capture", small, path, "--append", "--name", "again")
    judges.wimlib("verify", path)
    assert [image["Name"] for image in judges.wimlib_info(path).images] == ["again"]


DELETIONS = {
    "nothing chosen": ((), "--index, --name"),
    "no such index": (("--index", "3"), "no image fits"),
    "no such name": (("--name", "third"), "1: first"),
    "all of them": (("--index", "1", "--index", "2"), "delete the file instead, or --all leaves one without images"),
    "all and one": (("--all", "--index", "1"), "--all goes with no choice"),
}


@pytest.mark.parametrize(("options", "says"), DELETIONS.values(), ids=DELETIONS.keys())
def test_what_cannot_be_deleted_leaves_the_file_as_it_was(copy: Path, options: tuple[str, ...], says: str) -> None:
    before = copy.read_bytes()
    outcome = osdimage("delete", copy, *options, code=2)
    assert says in outcome.err
    assert copy.read_bytes() == before


@pytest.mark.foreign
def test_a_split_wim_is_not_deleted_from(pair: Path, tmp_path: Path) -> None:
    judges.wimlib("split", pair, tmp_path / "part.swm", "0.1")
    before = (tmp_path / "part.swm").read_bytes()
    osdimage("delete", tmp_path / "part.swm", "--index", "1", code=4)
    assert (tmp_path / "part.swm").read_bytes() == before


def test_nothing_is_deleted_from_a_wim_that_another_program_writes_to(copy: Path) -> None:
    before = copy.read_bytes()
    with copy.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        outcome = osdimage("delete", copy, "--index", "1", code=4)
    assert outcome.err == f"osdimage: {copy}: another program is writing to it, or has it mounted for that\n"
    assert copy.read_bytes() == before


@pytest.mark.foreign
def test_nothing_can_be_appended_while_images_are_deleted(
    copy: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*arguments: Any, **options: Any) -> Any:
        # wimlib-imagex exits with WIMLIB_ERR_ALREADY_LOCKED, which is 1.
        done = subprocess.run(["wimlib-imagex", "append", small, copy, "late"], capture_output=True, check=False)
        assert done.returncode == 1, done.stderr
        return write_file(*arguments, **options)

    write_file = edit.write_file
    monkeypatch.setattr(edit, "write_file", write)
    osdimage("delete", copy, "--index", "1")
    assert [image["Name"] for image in judges.wimlib_info(copy).images] == ["second"]
    judges.wimlib("verify", copy)


@pytest.mark.foreign
@pytest.mark.parametrize(
    "given", [lambda _: (), lambda base: ("--ref", str(base))], ids=["without the base", "with the base"]
)
def test_an_image_of_a_delta_is_deleted_and_the_rest_stays_a_delta(
    tmp_path: Path, given: Callable[[Path], tuple[str, ...]]
) -> None:
    common, base, delta = tmp_path / "common", tmp_path / "base.wim", tmp_path / "delta.wim"
    common.mkdir()
    # Too random to compress: whoever holds it is larger than it.
    (common / "large").write_bytes(b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(4096)))
    judges.wimlib("capture", common, base)
    (common / "first").write_bytes(b"1")
    judges.wimlib("capture", common, delta, "first", f"--delta-from={base}")
    (common / "second").write_bytes(b"2")
    judges.wimlib("append", common, delta, "second", f"--delta-from={base}")
    # What it lacks stays where it is, named or not.
    osdimage("delete", delta, "--index", "1", *given(base))
    assert [image["Name"] for image in judges.wimlib_info(delta).images] == ["second"]
    assert delta.stat().st_size < (common / "large").stat().st_size
    judges.wimlib("apply", delta, "1", tmp_path / "applied", f"--ref={base}")
    assert judges.outcome("diff", "-r", common, tmp_path / "applied").returncode == 0

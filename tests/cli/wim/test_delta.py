"""``--base`` and ``--update-of``, and the commands that read a delta with ``--ref``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import deltas, trees
from cases.deltas import Month
from judges import wim as judges
from runs.commands import osdimage

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    return deltas.make_month(tmp_path_factory.mktemp("delta"))


@pytest.fixture(scope="module")
def delta(month: Month) -> Path:
    path = month.base.with_name("delta.wim")
    osdimage("capture", month.now, path, "--base", month.base.with_name("b*.wim"), "--update-of", "then", "--boot")
    return path


def contents(folder: Path) -> object:
    return trees.contents(trees.read_tree(folder))


def test_the_saving_is_told_to_people_and_programs(month: Month, tmp_path: Path) -> None:
    # wimlib-imagex capture --delta-from stores four: larger, touched, lying and new.
    said = osdimage("capture", month.now, tmp_path / "new.wim", "--base", month.base).out
    assert "\n  stored: 4 blobs, " in said
    assert re.search(rf"\n  not stored, in {re.escape(str(month.base))}: 8 blobs, 1\.\d+ MB\n", said)
    options = ("--base", month.base, "--json")
    needs = osdimage("capture", month.now, tmp_path / "more.wim", *options).document["images"][0]["needs"]
    assert (needs["own"]["blobs"], needs["elsewhere"][0]["blobs"], needs["missing_blobs"]) == (4, 8, 0)
    exported = osdimage("export", tmp_path / "new.wim", tmp_path / "again.wim", *options).document
    assert exported["needs"]["own"] == {**needs["own"], "path": str(tmp_path / "again.wim")}
    whole = osdimage("capture", month.now, tmp_path / "whole.wim", "--json").document["images"][0]
    assert whole["needs"] is None


def test_what_a_delta_needs_is_told_with_and_without_its_base(month: Month, delta: Path, tmp_path: Path) -> None:
    alone = osdimage("info", delta).out
    # Those of the delta of wimlib-imagex, and the one that was changed behind its times.
    assert "in files that --ref is to name: 9 blobs, " in alone
    assert " in 10 files of image 1\n" in alone
    guid = osdimage("info", month.base, "--json").document["header"]["guid"]
    assert f"made with base.wim as its base (GUID {guid})" in alone
    with_base = osdimage("info", delta, "--ref", month.base).out
    assert "is to name" not in with_base
    assert f"in {month.base}: 9 blobs, " in with_base
    other = tmp_path / "other.wim"
    judges.wimlib("capture", month.now / "sub", other)
    needs = osdimage("info", delta, "--ref", other, "--json").document["needs"]
    # It has what is in sub.
    assert 0 < needs["missing_blobs"] < 9
    assert needs["missing_blobs"] + needs["elsewhere"][0]["blobs"] == 9
    assert osdimage("info", month.base, "--json").document["needs"] is None


def test_what_a_delta_of_wimlib_imagex_needs_is_told_too(month: Month, tmp_path: Path) -> None:
    path = tmp_path / "theirs.wim"
    judges.wimlib("capture", month.now, path, f"--delta-from={month.base}")
    assert "in files that --ref is to name: 8 blobs, " in osdimage("info", path).out


@dataclass(frozen=True, slots=True)
class Reading:
    """A command that reads a delta, and whether it needs the base."""

    words: tuple[str, ...]
    needs_base: bool = True


READING = {
    "apply": Reading(("apply", "{delta}", "{out}")),
    "extract": Reading(("extract", "{delta}", "/kept", "--to", "{out}")),
    "extract of what it holds": Reading(("extract", "{delta}", "/new", "--to", "{out}"), needs_base=False),
    "compare": Reading(("compare", "{delta}", "{now}")),
    "list": Reading(("list", "{delta}", "--long"), needs_base=False),
    "export": Reading(("export", "{delta}", "{out}.wim")),
    "verify": Reading(("verify", "{delta}")),
}


@pytest.mark.parametrize("reading", READING.values(), ids=READING.keys())
def test_commands_name_the_base_that_they_need(month: Month, delta: Path, tmp_path: Path, reading: Reading) -> None:
    words = [each.format(delta=delta, out=tmp_path / "out", now=month.now) for each in reading.words]
    if reading.needs_base:
        refused = osdimage(*words, code=3)
        assert re.search(
            r"in another file, base\.wim \(GUID [-0-9a-f]+\); name with --ref the base", refused.out + refused.err
        )
        assert not (tmp_path / "out").exists()
    # What was changed behind its times is the one difference.
    osdimage(*words, "--ref", month.base, code=1 if "compare" in words else 0)


def test_a_delta_and_its_base_make_a_whole_wim(month: Month, delta: Path, tmp_path: Path) -> None:
    osdimage("export", delta, tmp_path / "full.wim", "--all", "--ref", month.base)
    assert "sound" in osdimage("verify", tmp_path / "full.wim").out
    judges.seven_zip_test(tmp_path / "full.wim")
    assert judges.wimlib_info(tmp_path / "full.wim").wim["Boot Index"] == "1"
    ours = contents(deltas.applied(tmp_path / "full.wim", tmp_path / "ours"))
    assert ours == contents(deltas.applied(delta, tmp_path / "theirs", month.base))


USAGE = {
    "no image": ("--update-of", "{base}:"),
    "image 0": ("--update-of", "{base}:0"),
    "no such file": ("--update-of", "absent.wim:1"),
    "no such image": ("--update-of", "{base}:2"),
    "no wim": ("--update-of", "1"),
    "no such base": ("--base", "absent*.wim"),
    "all volumes": ("--all-volumes", "--update-of", "{base}:1"),
}


@pytest.mark.parametrize("options", USAGE.values(), ids=USAGE.keys())
def test_what_cannot_be_is_a_usage_error(month: Month, tmp_path: Path, options: tuple[str, ...]) -> None:
    words = [each.format(base=month.base) for each in options]
    osdimage("capture", month.now, tmp_path / "new.wim", *words, code=2)
    assert not (tmp_path / "new.wim").exists()


def test_a_delta_of_images_is_a_file_of_its_own(month: Month, delta: Path, tmp_path: Path) -> None:
    present = tmp_path / "present.wim"
    present.write_bytes(delta.read_bytes())
    assert "exists already" in osdimage("export", month.base, present, "--base", delta, code=4).err
    osdimage("export", month.base, present, "--base", delta, "--overwrite")
    assert (
        "--split-size"
        in osdimage("export", month.base, tmp_path / "p.swm", "--base", delta, "--split-size", "1MB", code=2).err
    )


@pytest.mark.foreign
def test_a_base_that_is_damaged_where_a_delta_needs_it_is_told(tmp_path: Path) -> None:
    source, base, delta = tmp_path / "source", tmp_path / "base.wim", tmp_path / "delta.wim"
    source.mkdir()
    for name in ("gone", "kept"):
        (source / name).write_bytes(name.encode() * 5000)
    osdimage("capture", source, base, "--compress", "none")
    (source / "gone").unlink()
    osdimage("capture", source, delta, "--base", base)
    sound = osdimage("verify", delta, "--ref", base)
    assert sound.out == f"{delta}: sound: 1 image, 4 blobs, {sound.out.split(', ')[2]}, with those of {base}\n"
    data = base.read_bytes()
    # What the delta does not need is not its problem.
    base.write_bytes(data.replace(b"gonegone", b"gone?one", 1))
    osdimage("verify", delta, "--ref", base)
    base.write_bytes(data.replace(b"keptkept", b"kept?ept", 1))
    told = osdimage("verify", delta, "--ref", base, code=3)
    assert "1:/kept: does not match its SHA-1" in told.out
    # wimlib-imagex verify delta.wim --ref=base.wim
    judges.wimlib("verify", delta, f"--ref={base}", code=None)
    assert judges.outcome("wimlib-imagex", "verify", delta, f"--ref={base}").returncode != 0

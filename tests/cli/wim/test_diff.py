"""``osdimage diff``: what people and programs are told, and the exit code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from osdimage.cli.wim.diff import _KINDS
from osdimage.imaging.compare.images import ALL_KINDS
from runs.commands import osdimage


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diff")
    for name in ("a/one", "a/two", "a/deep/three", "b/moved", "b/changed", "same"):
        (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tree" / name).write_text(f"{name}\n")
    osdimage("capture", folder / "tree", folder / "1.wim", "--name", "Reference: 1")
    return folder / "1.wim"


@pytest.fixture(scope="module")
def after(before: Path) -> Path:
    tree = before.with_name("other")
    shutil.copytree(before.with_name("tree"), tree)
    for each in tree.rglob("*"):
        shutil.copystat(before.with_name("tree") / each.relative_to(tree), each)
    shutil.rmtree(tree / "a")
    (tree / "b/moved").rename(tree / "elsewhere")
    (tree / "b/changed").write_text("other\n")
    (tree / "new").mkdir()
    (tree / "new" / "file").write_bytes(bytes(2048))
    osdimage("capture", tree, before.with_name("2.wim"))
    return before.with_name("2.wim")


WITHOUT_TIMES = (
    "--except", "access-times", "--except", "modification-times", "--except", "creation-times",
)  # fmt: skip


def test_each_line_is_about_one_path(before: Path, after: Path) -> None:
    outcome = osdimage("diff", before, after, *WITHOUT_TIMES, code=1)
    assert outcome.out.splitlines() == [
        "- /a (directory, 4 names in it)",
        "* /b/changed: contents",
        "> /b/moved -> /elsewhere",
        "+ /new (directory, 1 name in it)",
        f"{before}:1 and {after}:1: DIFFERENT: 5 removed, 2 added, 1 renamed, 1 changed (contents 1)",
    ]
    quiet = osdimage("diff", before, after, *WITHOUT_TIMES, "-q", code=1)
    assert quiet.out.splitlines() == outcome.out.splitlines()[:-1]


def test_verbose_shows_every_fact_and_all_that_is_in_folders(before: Path, after: Path) -> None:
    lines = osdimage("diff", before, after, *WITHOUT_TIMES, "--verbose", code=1).out.splitlines()
    assert "- /a/deep/three (13 bytes)" in lines
    # printf 'b/changed\n' | sha1sum; printf 'other\n' | sha1sum
    assert lines[lines.index("* /b/changed: contents") + 1] == (
        "    contents: 10 bytes, SHA-1 d18a120f9d5537b007df5fa3dd566af95074c3fb -> "
        "6 bytes, SHA-1 bea43e7033e19327183416f23fe2ee1b64c25f4a"
    )


def test_equal_images_end_with_0(before: Path) -> None:
    assert (
        osdimage("diff", before, f"{before}:1").out == f"{before}:1 and {before}:1: equal: 10 files and directories\n"
    )
    assert osdimage("diff", before, before, "--quiet").out == ""
    assert "equal in what was asked" in osdimage("diff", before, before, "/a").out


def test_programs_get_all_of_it(before: Path, after: Path) -> None:
    document = osdimage("diff", before, after, *WITHOUT_TIMES, "--json", code=1).document
    assert document["before"] == {"wim": str(before), "image": 1, "name": "Reference: 1", "names": 10}
    assert not document["is_equal"]
    assert [each["path"] for each in document["removed"]] == ["/a", "/a/deep", "/a/deep/three", "/a/one", "/a/two"]
    assert document["added"][1] == {"path": "/new/file", "what": "file", "size": 2048}
    assert document["renamed"] == [{"before": "/b/moved", "after": "/elsewhere", "what": "file", "names": 1}]
    assert [(each["kind"], each["path"]) for each in document["changed"]] == [("contents", "/b/changed")]


def test_every_kind_can_be_chosen_and_is_in_the_help() -> None:
    told = osdimage("diff", "--help").out.replace("-\n  ", "-").split("KIND is ")[1].split(".")[0]
    words = {word.strip(",") for word in told.split()} - {"or"}
    assert words == {kind.value for kind in ALL_KINDS} == set(_KINDS)


@pytest.mark.parametrize("image", ["1", "-1", "Reference: 1", "reference: 1"])
def test_an_image_is_named_behind_a_colon(image: str, before: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a:b.wim"
    shutil.copyfile(before, odd)
    assert osdimage("diff", f"{before}:{image}", odd).code == 0
    assert osdimage("diff", f"{odd}:{image}", f"{odd}:{image}").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param("{}:2 {}", "no image fits index 2", id="no such image"),
        pytest.param("{}:-2 {}", "no image fits index -2", id="no such image from the end"),
        pytest.param("{}: {}", "names no image behind the colon", id="nothing behind the colon"),
        pytest.param("missing.wim:1 {}", "missing.wim:1", id="no such file"),
        pytest.param("{} {} --only names --except modes", "choose what is compared", id="both"),
        pytest.param("{} {} /nothing", "neither image holds anything that fits", id="no such path"),
        pytest.param("{} {} --only colours", "'colours' is not one of", id="no such kind"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(words: str, told: str, before: Path) -> None:
    assert told in osdimage("diff", *words.format(before, before).split(), code=2).err

"""Changing the files of an image: what wimlib-imagex update does with the same commands, and what it does not."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases import wimcraft
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging import (
    CaptureConfig,
    CaptureOptions,
    ImageSelector,
    InvalidRequest,
    MissingParts,
    OsdImageError,
    TargetRefused,
    UnsafeName,
    capture_image,
)
from osdimage.imaging.service.command_file import parse_commands
from osdimage.imaging.service.update import UpdateOptions, UpdateResult, update_image
from osdimage.imaging.wim import Names
from osdimage.imaging.wim.edited.commands import AddTree, Change, ChangeKind, Command, DeletePath, EditFile, RenamePath

ONE = ImageSelector(index=1)
HEADER = 208


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with a tree, what is added, and a WIM of wimlib-imagex; it is the working directory."""
    folder = tmp_path_factory.mktemp("update")
    for name in ("tree/a/b", "tree/c", "source/b", "source/d"):
        (folder / name).mkdir(parents=True)
    for name in ("tree/a/b/x", "tree/a/y", "tree/z", "source/b/x", "source/d/n", "source/y"):
        (folder / name).write_bytes(name.encode() * 40)
    (folder / "source/link").symlink_to("y")
    os.link(folder / "tree/z", folder / "tree/c/hard")
    judges.wimlib("capture", folder / "tree", folder / "made.wim", "one")
    judges.wimlib("append", folder / "source", folder / "made.wim", "two")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture
def wim(place: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(place / "made.wim", tmp_path / "x.wim"))


def update(wim: Path, *commands: Command, **options: bool) -> UpdateResult:
    return update_image(wim, ONE, commands, UpdateOptions(**options))


# ---- as wimlib-imagex

PATHS = ("/a", "/a/b", "/a/b/x", "/a/y", "/c", "/c/hard", "/z", "/n", "/n/m", "/a/d")
SOURCES = ("source", "source/b", "source/y", "source/link", "tree/z")
LINES = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(["", "--no-replace", "--dereference"]), st.sampled_from(SOURCES),
              st.sampled_from((*PATHS, "/"))),
    st.tuples(st.just("delete"), st.sampled_from(["", "--force", "--recursive", "--force --recursive"]),
              st.sampled_from(PATHS)),
    st.tuples(st.just("rename"), st.sampled_from(PATHS), st.sampled_from(PATHS)),
).map(" ".join)  # fmt: skip


def peer(wim: Path, text: str, *options: str) -> bool:
    """Let wimlib-imagex update an image, without regard to case as on Windows; tell whether it did."""
    words = ["wimlib-imagex", "update", str(wim), "1", *options]
    environment = {**judges.ENVIRONMENT, "WIMLIB_IMAGEX_IGNORE_CASE": "1"}
    done = subprocess.run(words, input=text, text=True, capture_output=True, env=environment, check=False)
    return done.returncode == 0


def tree_of(wim: Path) -> dict[str, list[tuple[str, str]]]:
    """Return all that there is of each file.

    But for the times of directories, as those that were made on the way have the time of the update, and the number of
    links: see below.
    """
    found = judges.wimlib_facts(wim)
    for facts in found.values():
        facts[:] = [fact for fact in facts if fact[0] != "Link Count"]
        if ("Attributes", "0x00000010") in facts:
            facts[:] = [fact for fact in facts if "Time" not in fact[0]]
    return found


@pytest.mark.foreign
@settings(max_examples=25, deadline=None)
@given(lines=st.lists(LINES, min_size=1, max_size=6))
def test_commands_give_the_tree_that_wimlib_imagex_makes_of_them(place: Path, lines: list[str]) -> None:
    text = "\n".join(lines)
    with tempfile.TemporaryDirectory() as folder:
        mine, theirs = (Path(shutil.copy(place / "made.wim", Path(folder) / name)) for name in ("mine", "theirs"))
        before = mine.read_bytes()
        is_done = peer(theirs, text)
        if is_done:
            update_image(mine, ONE, parse_commands(text, "f"))
            assert tree_of(mine) == tree_of(theirs)
            judges.wimlib("verify", mine)
        else:
            with pytest.raises(OsdImageError):
                update_image(mine, ONE, parse_commands(text, "f"))
            assert mine.read_bytes() == before


def links_of(wim: Path) -> dict[str, str]:
    return {path.strip('"'): dict(facts)["Link Count"] for path, facts in judges.wimlib_facts(wim).items()}


@pytest.mark.foreign
def test_hard_links_are_those_of_one_tree(wim: Path, place: Path, tmp_path: Path) -> None:
    """wimlib-imagex makes one file of what two commands add, so that who changes it at one place changes both."""
    theirs = Path(shutil.copy(wim, tmp_path / "theirs.wim"))
    text = "delete --recursive /a\nadd tree /t\nadd source/y /1\nadd source/y /2\n"
    update(wim, *parse_commands(text, "f"))
    assert peer(theirs, text)
    assert {path for path, count in links_of(wim).items() if count == "2"} == {"/z", "/c/hard", "/t/z", "/t/c/hard"}
    assert {links_of(theirs)[path] for path in ("/1", "/2")} == {"2"}
    result = update(wim, AddTree(place / "source/y", "/1"), AddTree(place / "tree/z", "/2"))
    assert result.changes[1].replaced == ("/2",)
    judges.wimlib("verify", wim)


@pytest.mark.foreign
@pytest.mark.parametrize(
    "options",
    [("--compress=none",), ("--compress=xpress",), ("--compress=lzx",), ("--solid",), ("--pipable",), ("--check",)],
    ids=lambda options: options[0].strip("-"),
)
@pytest.mark.parametrize("rebuild", [False, True], ids=["appended", "rebuilt"])
def test_each_kind_of_wim_is_changed(place: Path, tmp_path: Path, options: tuple[str, ...], rebuild: bool) -> None:
    wim, theirs = tmp_path / "x.wim", tmp_path / "y.wim"
    judges.wimlib("capture", place / "tree", wim, *options)
    shutil.copy(wim, theirs)
    facts = judges.wimlib_info(wim).wim
    text = "add source /s\ndelete --recursive /a\nrename /z /Z2\n"
    update_image(wim, ONE, parse_commands(text, "f"), UpdateOptions(rebuild=rebuild))
    assert peer(theirs, text, *(["--rebuild"] if rebuild else []))
    assert tree_of(wim) == tree_of(theirs)
    judges.wimlib("verify", wim)
    if options != ("--pipable",):
        # 7zz reads none of these.
        judges.seven_zip_test(wim)
    kept = ("Compression", "Chunk Size", "Attributes", "GUID")
    after = judges.wimlib_info(wim).wim
    # wimlib-imagex gives a pipable WIM, which is always written anew, another one.
    assert all(after.get(label) == facts.get(label) for label in kept if label != "GUID" or options != ("--pipable",))


# ---- the file


@pytest.mark.foreign
def test_the_old_image_is_whole_in_the_file_until_the_header_points_to_the_new_one(wim: Path) -> None:
    before, files = wim.read_bytes(), judges.wimlib_facts(wim)
    update(wim, AddTree(Path("source"), "/s"), DeletePath("/z"))
    after = wim.read_bytes()
    assert after[HEADER : len(before)] == before[HEADER:]
    assert judges.wimlib_facts(wim) != files
    wim.write_bytes(before[:HEADER] + after[HEADER:])
    judges.wimlib("verify", wim)
    assert judges.wimlib_facts(wim) == files


@pytest.mark.foreign
def test_what_no_image_needs_is_told_and_left_out_by_a_rebuild(wim: Path, place: Path, tmp_path: Path) -> None:
    (large := tmp_path / "large").write_bytes(os.urandom(100_000))
    update(wim, AddTree(large, "/large"))
    result = update(wim, DeletePath("/large"))
    optimized = Path(shutil.copy(wim, tmp_path / "optimized.wim"))
    judges.wimlib("optimize", optimized)
    # It also drops the entry of the blob table, 50 bytes, and the XML tells a shorter number.
    assert result.unused + 50 + 2 * 2 == result.new_size - optimized.stat().st_size > 100_000
    rebuilt = update(wim, DeletePath("/z"), rebuild=True)
    assert rebuilt.unused == 0
    assert rebuilt.old_size - rebuilt.new_size >= 100_000
    judges.wimlib("verify", wim)
    assert judges.wimlib_info(wim).wim["GUID"] == judges.wimlib_info(place / "made.wim").wim["GUID"]


@pytest.mark.parametrize("rebuild", [False, True], ids=["appended", "rebuilt"])
def test_a_wim_that_another_program_writes_is_refused(wim: Path, rebuild: bool) -> None:
    before = wim.read_bytes()
    with wim.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TargetRefused, match="another program is writing to it"):
            update(wim, DeletePath("/z"), rebuild=rebuild)
        update(wim, DeletePath("/z"), dry_run=True)
    assert wim.read_bytes() == before


def test_a_wim_that_is_marked_read_only_is_refused(wim: Path) -> None:
    wim.write_bytes(wimcraft.lie(wim.read_bytes(), flags=0x4))
    for dry_run in (False, True):
        with pytest.raises(TargetRefused, match="is marked read-only"):
            update(wim, DeletePath("/z"), dry_run=dry_run)


@pytest.mark.foreign
def test_a_delta_stays_one(place: Path, tmp_path: Path) -> None:
    base, delta, tree = tmp_path / "base.wim", tmp_path / "delta.wim", tmp_path / "tree"
    shutil.copytree(place / "tree", tree)
    (tree / "large").write_bytes(os.urandom(200_000))
    judges.wimlib("capture", tree, base)
    judges.wimlib("capture", tree, delta, "--delta-from", base)
    refs = (str(base),)
    with pytest.raises(MissingParts):
        update(delta, RenamePath("/large", "/l"), rebuild=True)
    for rebuild, name in ((False, "/l"), (True, "/m")):
        old = "/large" if name == "/l" else "/l"
        update_image(delta, ONE, [RenamePath(old, name)], UpdateOptions(rebuild=rebuild), refs=refs)
        judges.wimlib("verify", delta, f"--ref={base}")
        assert name in judges.wimlib_paths(delta)
        assert delta.stat().st_size < 100_000
    told = update(delta, DeletePath("/z")).warnings
    assert [each for each in told if "the contents of 5 files of image 1 are in another file" in each]


@pytest.mark.foreign
@pytest.mark.parametrize("rebuild", [False, True], ids=["appended", "rebuilt"])
def test_the_image_that_boots_stays_it_and_the_integrity_table_is_true(wim: Path, rebuild: bool) -> None:
    judges.wimlib("info", wim, "2", "--boot", "--check")
    selector, options = ImageSelector(index=2), UpdateOptions(rebuild=rebuild, check=True)
    assert update_image(wim, selector, [AddTree(Path("source"), "/new")], options).warnings == ()
    assert judges.wimlib_info(wim).wim["Boot Index"] == "2"
    assert "Integrity info" in judges.wimlib_info(wim).wim["Attributes"]
    trees = [text for text in judges.wimlib("info", wim, "--blobs").split("\n\n") if "METADATA" in text]
    (offset,) = re.findall(r"Offset in WIM *= (\d+)", trees[1])
    assert re.search(rf"Boot Metadata Offset *= {offset}\n", judges.wimlib("info", wim, "--header"))
    # It compares the table, too.
    judges.wimlib("verify", wim)
    update_image(wim, selector, [DeletePath("/new", recursive=True)], UpdateOptions(integrity=False))
    (text,) = update_image(wim, selector, [DeletePath("/y")], options).warnings
    assert text == f"{wim}: has no integrity table to check"


def test_nothing_is_written_when_nothing_changes_or_a_command_fails(wim: Path) -> None:
    before = wim.read_bytes()
    assert update(wim, DeletePath("/none", force=True), RenamePath("/a", "/a")).changes == ()
    with pytest.raises(InvalidRequest, match=r"holds no '/none' -- at f:2; nothing was written"):
        update(wim, *parse_commands("delete /z\nrename /none /x", "f"))
    assert wim.read_bytes() == before


def test_a_dry_run_tells_what_would_change_and_how_large_it_is(wim: Path) -> None:
    before = wim.read_bytes()
    commands = (AddTree(Path("source"), "/a"), DeletePath("/c", recursive=True), RenamePath("/z", "/w"))
    result = update(wim, *commands, dry_run=True)
    assert wim.read_bytes() == before
    # stat --format=%s of source/b/x, source/d/n, source/y and tree/z, of which half is in tree/c; the link takes 20.
    assert result.changes == (
        Change(ChangeKind.ADD, "/a", "source", 3, 4, 1140, ("/a/b/x", "/a/y")),
        Change(ChangeKind.DELETE, "/c", None, 1, 1, 120),
        Change(ChangeKind.RENAME, "/w", "/z", 0, 1, 240),
    )
    assert update(wim, *commands).changes == result.changes


# ---- what is done otherwise than by wimlib-imagex


@pytest.mark.foreign
def test_the_root_stands_for_all_in_it(wim: Path) -> None:
    with pytest.raises(InvalidRequest, match="'/' is a directory"):
        update(wim, DeletePath("/"))
    # printf 'delete --recursive /' | wimlib-imagex update WIM leaves the root alone, and succeeds again.
    for _ in range(2):
        update(wim, DeletePath("/", recursive=True))
        assert judges.wimlib_paths(wim) == ["/"]


@pytest.mark.foreign
def test_a_pattern_deletes_what_fits_it_within_names(wim: Path) -> None:
    update(wim, DeletePath("/A/*", recursive=True), DeletePath("/c/ha?d"))
    assert judges.wimlib_paths(wim) == ["/", "/a", "/c", "/z"]
    with pytest.raises(InvalidRequest, match="holds nothing that fits '/q\\*'"):
        update(wim, DeletePath("/q*"))
    with pytest.raises(InvalidRequest, match="'/a' is a directory"):
        update(wim, DeletePath("/*"))


@pytest.mark.foreign
def test_a_name_with_characters_of_patterns_is_taken_as_it_is(wim: Path) -> None:
    """wimlib-imagex has no patterns here."""
    update(wim, AddTree(Path("source/y"), "/[z]"), DeletePath("/[z]"))
    assert "/z" in judges.wimlib_paths(wim)


@pytest.mark.foreign
def test_a_name_gets_another_case(wim: Path) -> None:
    """To wimlib-imagex without regard to case it is the same name, and it does nothing."""
    update(
        wim,
        RenamePath("/a/B/x", "/a/b/X"),
        RenamePath("/z", "/Z"),
        AddTree(Path("source/y"), "/A/Y/../y".replace("Y/../", "")),
    )
    assert judges.wimlib_paths(wim) == ["/", "/a", "/a/b", "/a/b/X", "/a/y", "/c", "/c/hard", "/Z"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        # wimlib-imagex adds a folder of this name, which it drops whenever it reads the image again.
        (AddTree(Path("source/y"), "/q/../y"), r"the name '\.\.' in '/q/\.\./y' is a directory's name for itself"),
        (AddTree(Path("source/y"), "/q:r"), "holds a colon"),
        (RenamePath("/z", "/" + "n" * 256), "has more than the 255 UTF-16 units of a name"),
        (AddTree(Path("source/y"), "/a"), r"'/a' is a directory; valid is .* as '/a/y'"),
        (AddTree(Path("source"), "/z"), "'/z' is a file, and source a directory"),
        (AddTree(Path("source/y"), "/z/n"), "'/z' is a file or a link, so '/z/n' cannot be in it"),
        (AddTree(Path("source"), "/a", replaces=False), "source: a file is there already, and is not to be replaced"),
        (AddTree(Path("source/y"), "/z", replaces=False), "'/z' is there already, and is not to be replaced"),
        (AddTree(Path("source/none"), "/n"), "source/none: there is no such file or directory"),
        (DeletePath("/a"), "'/a' is a directory"),
        (RenamePath("/a", "/a/b/c"), "'/a' cannot become a part of itself, '/a/b/c'"),
        (RenamePath("/z", "/n/m"), "has no directory '/n' in which '/n/m' could be"),
        (RenamePath("/z", "/a"), "'/a' is a directory, whose place '/z' cannot take"),
        (RenamePath("/c", "/z"), "'/z' is a file, whose place '/c' cannot take"),
        (RenamePath("/c", "/a"), "the directory '/a' is not empty"),
        (RenamePath("/", "/n"), "the root keeps its place"),
        (EditFile("/a", lambda old: old, 100), "'a' is not a file"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_words(wim: Path, command: Command, message: str) -> None:
    before = wim.read_bytes()
    with pytest.raises(InvalidRequest, match=message):
        update(wim, command)
    assert wim.read_bytes() == before


def test_the_wim_is_not_added_to_itself(wim: Path) -> None:
    (wim.parent / "link").symlink_to(wim.name)
    for source in (wim, wim.parent):
        with pytest.raises(InvalidRequest, match="is or holds the WIM that is changed"):
            update(wim, AddTree(source, "/w"))
    with pytest.raises(InvalidRequest, match="is or holds the WIM that is changed"):
        update(wim, AddTree(wim.parent / "link", "/w", dereference=True))
    update(wim, AddTree(wim.parent / "link", "/w"), dry_run=True)


def test_what_a_wim_cannot_hold_is_an_error_alone_and_a_warning_among_others(wim: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in ("/f", "/z"):
        with pytest.raises(InvalidRequest, match="fifo: is of a kind that a WIM cannot hold"):
            update(wim, AddTree(tmp_path / "fifo", path))
    (inside := tmp_path / "inside").mkdir()
    os.mkfifo(inside / "fifo")
    (inside / "con").touch()
    warnings = update(wim, AddTree(inside, "/i")).warnings
    assert [text.partition(": ")[2] for text in warnings] == [
        "is of a kind that a WIM cannot hold, and was left out",
        "1 ('/i/con')",
    ]


def test_a_file_in_the_place_of_a_directory_is_named_wherever_it_is(wim: Path, tmp_path: Path) -> None:
    (tmp_path / "one" / "a").mkdir(parents=True)
    (tmp_path / "one" / "a" / "b").touch()
    (tmp_path / "two" / "z").mkdir(parents=True)
    for name, place in (("one", "/a/b"), ("two", "/z")):
        message = (
            rf"{name}: cannot be added as '/': of what is to be at '{place}', one is a file and the other a directory"
        )
        with pytest.raises(InvalidRequest, match=message):
            update(wim, AddTree(tmp_path / name, "/"))


@pytest.mark.foreign
def test_an_edit_sees_what_commands_before_it_made(wim: Path, tmp_path: Path) -> None:
    update(
        wim,
        AddTree(Path("source/y"), "/e/f"),
        EditFile("/E/F", lambda old: old + b"1", 10_000),
        EditFile("e/f", lambda old: old + b"2", 10_000),
        RenamePath("/e/f", "/e/g"),
    )
    judges.wimlib("apply", wim, "1", tmp_path / "out")
    assert (tmp_path / "out/e/g").read_bytes() == Path("source/y").read_bytes() + b"12"
    judges.wimlib("verify", wim)


@pytest.mark.foreign
def test_names_that_no_image_may_hold_are_not_added_and_those_that_are_there_stay(wim: Path, tmp_path: Path) -> None:
    (tmp_path / "odd/deep").mkdir(parents=True)
    (tmp_path / "odd/deep/a:b").touch()
    (tmp_path / "odd/fine").touch()
    before = wim.read_bytes()
    with pytest.raises(UnsafeName, match=r"odd: the name of '/n/deep/a:b' holds a colon, which is not allowed"):
        update(wim, DeletePath("/z"), AddTree(tmp_path / "odd", "/n"))
    assert wim.read_bytes() == before
    capture_image(tmp_path / "odd", tmp_path / "kept.wim", CaptureOptions(names=Names.KEEP))
    update(tmp_path / "kept.wim", AddTree(Path("source"), "/"))
    assert "/y" in judges.wimlib_paths(tmp_path / "kept.wim")
    (tmp_path / "odd/deep/c:d").touch()
    with pytest.raises(UnsafeName, match=r"odd: the name of '/deep/c:d' holds a colon"):
        update(tmp_path / "kept.wim", AddTree(tmp_path / "odd", "/"))
    update_with = UpdateOptions(config=CaptureConfig(("*:d",)))
    update_image(tmp_path / "kept.wim", ONE, [AddTree(tmp_path / "odd", "/")], update_with)
    assert "/deep/c:d" not in judges.wimlib_paths(tmp_path / "kept.wim")


# ---- times


@pytest.mark.foreign
def test_what_is_changed_has_no_later_time_than_the_latest(wim: Path, tmp_path: Path) -> None:
    before = times(wim)
    old, new = tmp_path / "old", tmp_path / "new"
    for path, moment_s in ((old, 1_500_000_000), (new, 1_800_000_000)):
        path.write_bytes(b"1")
        os.utime(path, (1_900_000_000, moment_s))
    latest = datetime.fromtimestamp(1_700_000_000, UTC)
    commands = (AddTree(old, "/made/old"), AddTree(new, "/made/new"), EditFile("/a/y", lambda _: b"2", 1 << 20))
    update_image(wim, ONE, commands, UpdateOptions(latest=latest))
    # 1500000000 and 1700000000, as `date -u -d @N` tells them.
    mine, limit = "Fri Jul 14 02:40:00 2017 UTC", "Tue Nov 14 22:13:20 2023 UTC"
    after = times(wim)
    assert after["/made/old"] == [mine] * 3
    assert after["/made/new"] == after["/made"] == [limit] * 3
    created, _, accessed = before["/a/y"]
    assert after["/a/y"] == [created, limit, accessed]
    untouched = before.keys() - {"/a/y"}
    assert {path: after[path] for path in untouched} == {path: before[path] for path in untouched}
    judges.wimlib("verify", wim)


def times(wim: Path) -> dict[str, list[str]]:
    """Return when each file was made, changed and read, as wimlib-imagex tells them."""
    told = judges.wimlib("dir", wim, "1", "--detailed").split("Full Path")[1:]
    return {
        re.findall(r'"(.*)"', each)[0]: re.findall(r"(?:Creation|Last Write|Last Access) Time +=(?: )(.*)", each)
        for each in told
    }


def test_times_are_not_limited_in_a_wim_that_is_written_anew() -> None:
    with pytest.raises(InvalidRequest, match="valid is not to write the WIM anew"):
        UpdateOptions(rebuild=True, latest=datetime.now(UTC))

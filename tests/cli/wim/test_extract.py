"""``osdimage extract``."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import trees
from cases.wimcraft import Node, build, folder, root, symlink
from judges import wim as judges
from osdimage.imaging import WimFile
from osdimage.imaging.progress import Phase, ProgressEvent
from runs.commands import osdimage


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extract")
    for name in ("a/one.txt", "a/two.log", "a/b/one.txt", "a/b/deep.txt", "c/UPPER.TXT", "[odd] name.txt", "top.txt"):
        path = folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    osdimage("capture", folder / "source", folder / "x.wim")
    return folder / "x.wim"


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked for, and what must be in the folder then."""

    wanted: tuple[str, ...]
    found: set[str]
    options: tuple[str, ...] = ()


CASES = {
    "a file": Case(("/a/one.txt",), {"one.txt"}),
    "without a root": Case(("a/one.txt",), {"one.txt"}),
    "as Windows writes it": Case((r"\A\B\Deep.TXT",), {"deep.txt"}),
    "a folder": Case(("/a/b",), {"b", "b/one.txt", "b/deep.txt"}),
    "two": Case(("/top.txt", "/a/two.log"), {"top.txt", "two.log"}),
    "the same twice": Case(("/top.txt", "/top.txt", "top.txt"), {"top.txt"}),
    "a glob": Case(("/a/*.txt",), {"one.txt"}),
    "a glob without case": Case(("/c/upp*.t?t",), {"UPPER.TXT"}),
    "a glob of a folder's name": Case(("/*/b/d*",), {"deep.txt"}),
    "a class in a glob": Case(("/a/[a-z]wo.log",), {"two.log"}),
    "brackets in a name, escaped": Case(("/[[]odd] name.txt",), {"[odd] name.txt"}),
    "the directories kept": Case(
        ("/a/b/one.txt", "/a/one.txt"), {"a", "a/b", "a/b/one.txt", "a/one.txt"}, ("--keep-directories",)
    ),
    "a glob, the directories kept": Case(
        ("/*/*.txt",), {"a", "a/one.txt", "c", "c/UPPER.TXT"}, ("--keep-directories",)
    ),
    "everything": Case(
        ("/",),
        {
            "a",
            "a/one.txt",
            "a/two.log",
            "a/b",
            "a/b/one.txt",
            "a/b/deep.txt",
            "c",
            "c/UPPER.TXT",
            "[odd] name.txt",
            "top.txt",
        },
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_asked_for_is_extracted(wim: Path, tmp_path: Path, case: Case) -> None:
    to = tmp_path / "made" / "on demand"
    osdimage("extract", wim, *case.wanted, "--to", to, *case.options)
    found = trees.read_tree(to)
    assert {path.removeprefix("/") for path in found} == case.found
    for path, node in found.items():
        if node.kind == "file":
            assert (to / path[1:]).read_text().endswith(path.rpartition("/")[2])


# What wimlib-imagex 1.13.6 extracts for the same list: wimlib-imagex extract x.wim 1 @LIST --dest-dir=DIR.  It needs no
# --no-globs for brackets, which are no pattern there.
LISTS = {
    "a folder, a file and a glob": (
        "; a comment\n# another\n\n  /a/b  \r\n\\top.txt\nc/*.TXT\n",
        {"a", "a/b", "a/b/one.txt", "a/b/deep.txt", "top.txt", "c", "c/UPPER.TXT"},
    ),
    "quotes, and no line end": ("\"/a/one.txt\"\n'top.txt'", {"a", "a/one.txt", "top.txt"}),
    "the same twice": ("top.txt\n/top.txt\n", {"top.txt"}),
    "a name with brackets": ("[odd] name.txt\n", {"[odd] name.txt"}),
    "nothing": ("# nothing\n", None),
}


@pytest.mark.foreign
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("case", LISTS, ids=LISTS.keys())
def test_the_paths_of_a_list_are_extracted_with_their_folders_as_by_wimlib_imagex(
    wim: Path, tmp_path: Path, case: str, encoding: str
) -> None:
    text, expected = LISTS[case]
    listed, to, theirs = tmp_path / "list", tmp_path / "to", tmp_path / "theirs"
    listed.write_bytes(text.encode(encoding))
    outcome = osdimage("extract", wim, "--list", listed, "--to", to)
    assert ("no path is listed" in outcome.err) == (expected is None)
    judges.wimlib("extract", wim, "1", f"@{listed}", f"--dest-dir={theirs}")
    for place in (to, theirs):
        found = {str(each.relative_to(place)) for each in place.rglob("*")} if place.exists() else None
        assert found == expected


def test_a_list_can_come_from_another_program(wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"/a/b/deep.txt\n/top.txt\n")))
    osdimage("extract", wim, "--list", "-", "--no-keep-directories", "--to", tmp_path / "to")
    assert {each.name for each in (tmp_path / "to").iterdir()} == {"deep.txt", "top.txt"}


def test_a_folder_and_a_list_can_be_called_as_the_streams(
    wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-").write_text("/top.txt\n")
    assert osdimage("extract", wim, "--list", "./-", "--to", "-").out == "top.txt"
    Path("-").unlink()
    osdimage("extract", wim, "/top.txt", "--to", "./-")
    assert Path("./-/top.txt").read_text() == "top.txt"
    osdimage("capture", "./-", "dash.wim")
    assert osdimage("list", "dash.wim").out == "/\n/top.txt\n"


def test_a_path_that_nobody_reads_is_cut_in_messages(wim: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("/long" * 1_000_000)
    said = osdimage("extract", wim, "--list", tmp_path / "list", "--to", tmp_path / "to", code=2).err
    assert said.startswith(f"osdimage: {wim}: image 1 holds no '/long/long")
    assert "characters ...]" in said
    assert len(said) < 30_000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"/a\n/b\0\n", "list:2: a NUL character", id="NUL"),
        pytest.param(b"/a\xff\n", "is not a text file in UTF-8 or UTF-16, at byte 2", id="no text"),
        pytest.param(b"/top.txt\n/nothing\n", "holds no '/nothing'", id="a path that is not there"),
    ],
)
def test_a_list_that_is_none_extracts_nothing(wim: Path, tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "list").write_bytes(data)
    code = 3 if b"nothing" not in data else 2
    assert said in osdimage("extract", wim, "--list", tmp_path / "list", "--to", tmp_path / "to", code=code).err
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("wanted", [("/nothing", "/a/*.exe", "/top.txt"), ("/nothing",)])
def test_what_fits_nothing_can_be_passed_over(wim: Path, tmp_path: Path, wanted: tuple[str, ...]) -> None:
    outcome = osdimage("extract", wim, *wanted, "--nullglob", "--to", tmp_path / "to", "--json")
    assert outcome.facts["paths"] == (["/top.txt"] if "/top.txt" in wanted else [])
    assert "image 1 holds no '/nothing'" in outcome.facts["warnings"]
    assert (tmp_path / "to").exists() == ("/top.txt" in wanted)


def test_what_is_of_unix_is_extracted_where_it_is_asked_for(tmp_path: Path) -> None:
    tree, wim = tmp_path / "tree", tmp_path / "x.wim"
    (tree / "folder").mkdir(parents=True)
    os.mkfifo(tree / "folder/fifo", 0o640)
    (tree / "folder/program").write_bytes(b"x")
    (tree / "folder/program").chmod(0o751)
    osdimage("capture", tree, wim, "--unix-data")
    told = osdimage("extract", wim, "/folder", "--to", tmp_path / "plain").err
    assert "owner, group and mode of Unix not set" in told
    told = osdimage("extract", wim, "/folder", "--unix-data", "--to", tmp_path / "to").err
    assert told == ""
    assert stat.S_IMODE((tmp_path / "to/folder/program").stat().st_mode) == 0o751
    assert stat.S_ISFIFO((tmp_path / "to/folder/fifo").lstat().st_mode)
    assert stat.S_ISREG((tmp_path / "plain/folder/fifo").lstat().st_mode)


@dataclass(frozen=True, slots=True)
class Refused:
    """What is asked for, and a piece of the error."""

    wanted: tuple[str, ...]
    says: str
    options: tuple[str, ...] = ()
    code: int = 2


REFUSED = {
    "no such file": Refused(("/a/three.txt",), "holds no '/a/three.txt'"),
    "no such file among others": Refused(("/top.txt", "/nothing"), "holds no '/nothing'"),
    "a glob that fits nothing": Refused(("/a/*.exe",), "nothing that fits '/a/*.exe'"),
    "a glob does not reach across separators": Refused(("/*deep.txt",), "nothing that fits"),
    "two files of one name": Refused(("/a/one.txt", "/a/b/one.txt"), "would get the same name"),
    "two files of one name by a glob": Refused(("/a/one.txt", "/*/b/one*"), "--keep-directories"),
    "no folder": Refused(("/top.txt",), "--to", options=("--frobnicate",)),
    "larger than the limit": Refused(("/top.txt",), "limit of 2 bytes", ("--limit-bytes", "2"), 4),
    "a glob that is none": Refused(("/a/*.txt",), "holds no '/a/*.txt'", ("--no-globs",)),
    "no path at all": Refused((), "name a PATH"),
    "two ways out": Refused(("/top.txt",), "choose --to or --to-stdout", ("--to-stdout",)),
    "no such image": Refused(("/top.txt",), "no image fits", ("--index", "2")),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_extracted_writes_nothing(wim: Path, tmp_path: Path, case: Refused) -> None:
    to = tmp_path / "to"
    arguments = [*case.wanted, *case.options]
    if "--frobnicate" in arguments:
        arguments.remove("--frobnicate")
    else:
        arguments += ["--to", str(to)]
    outcome = osdimage("extract", wim, *arguments, code=case.code)
    assert case.says in outcome.err.splitlines()[0]
    assert not to.exists()


def test_a_file_is_no_folder_to_extract_to(wim: Path, tmp_path: Path) -> None:
    to = tmp_path / "file"
    to.write_bytes(b"mine")
    outcome = osdimage("extract", wim, "/top.txt", "--to", to, code=4)
    assert "extracted to a directory" in outcome.err
    assert to.read_bytes() == b"mine"


def test_the_json_document_lists_the_paths(wim: Path, tmp_path: Path) -> None:
    document = osdimage("extract", wim, "/a/*.txt", "/top.txt", "--to", tmp_path / "to", "--json").facts
    assert document == {
        "paths": ["/a/one.txt", "/top.txt"],
        "warnings": [],
        "damaged": [],
        "damaged_files": 0,
        "replaced": 0,
        "replaced_names": [],
    }


def test_a_link_in_the_folder_leads_no_write_outside(wim: Path, tmp_path: Path) -> None:
    to, outside = tmp_path / "to", tmp_path / "outside"
    to.mkdir()
    outside.mkdir()
    (to / "a").symlink_to(outside)
    for options in (("/a/one.txt", "--keep-directories"), ("/a",)):
        osdimage("extract", wim, *options, "--to", to, code=4)
        assert list(outside.iterdir()) == []


def test_extracting_keeps_the_times(pair: Path, tmp_path: Path) -> None:
    osdimage("extract", pair, "/old.txt", "/future.txt", "--index", "1", "--to", tmp_path / "to")
    assert (tmp_path / "to" / "old.txt").stat().st_mtime_ns == trees.OLD_NS
    assert (tmp_path / "to" / "future.txt").stat().st_mtime_ns == trees.FUTURE_NS


@pytest.mark.parametrize(
    "words",
    [
        ("extract", "{wim}", "/x.wim", "--to", "{folder}"),
        ("extract", "{wim}", "/", "--to", "{folder}"),
        ("extract", "{wim}", "/sub/x.wim", "--to", "{folder}"),
        ("extract", "{wim}", "/x.wim", "--keep-directories", "--to", "{folder}"),
        ("apply", "{wim}", "{folder}"),
    ],
    ids=["a file", "all", "a file without its folder", "a file with its folders", "an image"],
)
def test_a_wim_is_not_extracted_over_itself(tmp_path: Path, words: tuple[str, ...]) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    for each in ("x.wim", "sub/x.wim"):
        (source / each).write_text("takes its place")
    folder = tmp_path / "folder"
    folder.mkdir()
    wim = folder / "x.wim"
    osdimage("capture", source, wim)
    before = wim.read_bytes()
    refused = osdimage(*(each.format(wim=wim, folder=folder) for each in words), code=4)
    assert "would take the place of this WIM" in refused.err
    assert wim.read_bytes() == before
    assert list(folder.iterdir()) == [wim]


@pytest.mark.foreign
@pytest.mark.parametrize("is_directory", [True, False])
def test_what_is_of_another_kind_is_in_the_way_before_anything_is_written(tmp_path: Path, is_directory: bool) -> None:
    """Where wimlib-imagex ends in the middle, with "Is a directory" or "File exists"."""
    tree, wim, target = tmp_path / "tree", tmp_path / "x.wim", tmp_path / "target"
    (tree / "folder").mkdir(parents=True)
    (tree / "first").write_bytes(b"new")
    (tree / "folder/file").write_bytes(b"new")
    judges.wimlib("capture", tree, wim)
    target.mkdir()
    (target / "first").write_bytes(b"old")
    in_the_way = target / ("folder/file" if is_directory else "folder")
    if is_directory:
        in_the_way.mkdir(parents=True)
    else:
        in_the_way.write_bytes(b"old")
    for words in (("apply", wim, target), ("extract", wim, "first", "folder", "--to", target)):
        refused = osdimage(*words, code=4)
        there, wanted = ("directory", "file") if is_directory else ("file", "directory")
        place = f"/{in_the_way.relative_to(target)}"
        assert f"has a {there} where the image has the {wanted} {place!r}; nothing was written" in refused.err
        assert (target / "first").read_bytes() == b"old"
    said = judges.wimlib("apply", wim, "1", target, code=None)
    assert ("Is a directory" if is_directory else "File exists") in said
    # Files are replaced, as by wimlib-imagex.
    if is_directory:
        in_the_way.rmdir()
    else:
        in_the_way.unlink()
    (target / "first").write_bytes(b"old")
    osdimage("extract", wim, "first", "folder", "--to", target)
    assert (target / "first").read_bytes() == (target / "folder/file").read_bytes() == b"new"


class Stopped(Exception):
    pass


def test_a_stopped_extract_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    """libwim gives a file its name and size first, and writes it then."""
    tree, wim, target = tmp_path / "tree", tmp_path / "x.wim", tmp_path / "target"
    for name in ("folder/old", "folder/new"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(os.urandom(1 << 20))
    osdimage("capture", tree, wim, "--compress", "none")
    (target / "folder").mkdir(parents=True)
    (target / "folder/old").write_bytes(b"old")
    os.utime(target / "folder", ns=(0, 0))
    seen = []

    def stop(event: ProgressEvent) -> None:
        if event.phase is Phase.EXTRACT_DATA:
            seen.extend(path.name for path in target.rglob("*"))
            raise Stopped

    with WimFile.open(wim) as opened:
        for to in (target, tmp_path / "new"):
            with pytest.raises(Stopped) as caught:
                opened.image(1).extract(["/folder"], to, progress=stop)
            assert caught.value.__notes__ == [f"{to} is as it was"]
    # Something had been written.
    assert "new" in seen
    assert [path.relative_to(target) for path in target.rglob("*")] == [Path("folder"), Path("folder/old")]
    assert (target / "folder/old").read_bytes() == b"old"
    assert (target / "folder").stat().st_mtime_ns == 0
    assert not (tmp_path / "new").exists()


def test_what_is_extracted_joins_what_is_there_and_takes_away_what_a_killed_one_left(tmp_path: Path) -> None:
    tree, wim, target = tmp_path / "tree", tmp_path / "x.wim", tmp_path / "target"
    (tree / "above/folder/deep").mkdir(parents=True)
    (tree / "above/folder/deep/file").write_bytes(b"new")
    os.link(tree / "above/folder/deep/file", tree / "above/folder/link")
    for name in ("above/folder/deep", "above/folder", "above"):
        os.utime(tree / name, ns=(trees.OLD_NS, trees.OLD_NS))
    osdimage("capture", tree, wim)
    (target / "above/folder/other").mkdir(parents=True)
    (target / "above/folder/link").write_bytes(b"old")
    dead = target / ".osdimage-scratch-dead"
    dead.mkdir()
    (dead / "file").write_bytes(b"half")
    osdimage("extract", wim, "/above/folder", "--keep-directories", "--to", target)
    assert {str(path.relative_to(target)) for path in target.rglob("*")} == {
        "above",
        "above/folder",
        "above/folder/deep",
        "above/folder/deep/file",
        "above/folder/link",
        "above/folder/other",
    }
    assert (target / "above/folder/link").samefile(target / "above/folder/deep/file")
    assert (target / "above/folder/link").read_bytes() == b"new"
    for name in ("above/folder/deep", "above/folder", "above"):
        assert (target / name).stat().st_mtime_ns == trees.OLD_NS


def test_a_link_that_is_too_long_does_not_keep_other_files_from_being_extracted(tmp_path: Path) -> None:
    wim = tmp_path / "image.wim"
    wim.write_bytes(build(root(folder("a", Node("file", b"x")), symlink("link", "t" * 4090))))
    osdimage("extract", wim, "/a", "--to", tmp_path / "target")
    assert (tmp_path / "target" / "a" / "file").read_bytes() == b"x"
    refused = osdimage("extract", wim, "/link", "--to", tmp_path / "target", code=4)
    assert "the target of the link '/link' takes" in refused.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--to", "-", "--names", "keep"), "stdout gets the contents of files alone"),
        (("--to", "x", "--list", "-", "--list", "-"), "--list - reads standard input, which can be read once"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    small: Path, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    osdimage("capture", small, tmp_path / "x.wim")
    assert says in osdimage("extract", tmp_path / "x.wim", "/", *options, code=2).err

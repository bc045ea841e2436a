"""Several files and directories as one image, as wimlib-imagex captures them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from cases import trees
from judges import wim as judges
from osdimage.imaging.capture.source_list import SourceTree, decode_sources
from osdimage.imaging.errors import InvalidInput
from runs.commands import osdimage


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("winpe\t/", SourceTree(Path("winpe"), "/", "f:1"), id="the root"),
        pytest.param("overlay /a//b/", SourceTree(Path("overlay"), "/a/b", "f:1"), id="a folder"),
        pytest.param("'a b'  \"/c'd e\"", SourceTree(Path("a b"), "/c'd e", "f:1"), id="quotes"),
        pytest.param("'a''b'", SourceTree(Path("a"), "/b", "f:1"), id="quotes side by side"),
        pytest.param("/data/./stuff", SourceTree(Path("/data/stuff"), "/data/stuff", "f:1"), id="one path"),
        pytest.param("it's /x", SourceTree(Path("it's"), "/x", "f:1"), id="a quote inside"),
        pytest.param("a ////", SourceTree(Path("a"), "/", "f:1"), id="many slashes"),
    ],
)
def test_a_line_is_a_source(line: str, expected: SourceTree) -> None:
    assert decode_sources(line.encode(), "f") == (expected,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # wimlib-imagex: Missing closing quote: 'a b
        ("# one\n'a b", "f:2: the quote ' has no end"),
        ("a b c", "f:1: a line has a source and the path in the image; quote a path with blanks"),
        ("'' /a", "f:1: a line has a source and the path in the image; quote a path with blanks"),
        ("a ''", "f:1: the path in the image is empty; / is its root"),
        ("../a", "f:1: a path in the image has no ..: name it behind the source"),
        ("a " + "/x" * 20_000, "f:1: the path in the image has 40,000 characters; at most 32,767 can be"),
        # Of wimlib-imagex, which tells them apart, both are in the image; of libwim without regard to case, one is.
        (
            "a /x\n\nb /X",
            (
                "f:3: '/X' differs in case only from '/x' at f:1, of which it would take the place; "
                "write both alike to lay one over the other"
            ),
        ),
        ("\n ; nothing\n", "f: lists no source"),
    ],
)
def test_what_is_no_source_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_sources(text.encode(), "f")
    assert str(caught.value) == message


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a/one", "a/deep/pagefile.sys", "a/pagefile.sys", "b/one", "b/x y", "b/pagefile.sys", "c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "a/link").symlink_to(tmp_path / "a/one")
    (tmp_path / "b/link2").symlink_to(tmp_path / "b/one")
    monkeypatch.chdir(tmp_path)
    return tmp_path


LIST = "# the image\na /\n'b' /\n'b/x y'   \"/some dir/named\"\nb overlay/\nc.txt\n"


@pytest.mark.foreign
@pytest.mark.parametrize("how", [(), ("--no-rpfix",)])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_image_is_the_one_of_wimlib_imagex(how: tuple[str, ...], encoding: str, place: Path) -> None:
    (place / "list").write_bytes(LIST.encode(encoding))
    # wimlib-imagex reads UTF-8 alone on Linux.
    (place / "plain").write_bytes(LIST.encode())
    outcome = osdimage("capture", "list", "ours.wim", "--source-list", "--json", *how)
    judges.wimlib("capture", "plain", "theirs.wim", "--source-list", *(each.replace("no-", "no") for each in how))
    for name in ("ours", "theirs"):
        judges.wimlib("apply", f"{name}.wim", "1", name)
    ours, theirs = (trees.read_tree(place / name) for name in ("ours", "theirs"))
    assert trees.contents(ours).keys() == trees.contents(theirs).keys()
    same = [path for path in ours if "link" not in path]
    assert {path: trees.contents(ours)[path] for path in same} == {path: trees.contents(theirs)[path] for path in same}
    # Links lead into the target, whose name is another, or where they did.
    for link in ("link", "link2", "overlay/link2"):
        found = [str((place / name / link).readlink()).replace(f"/{name}/", "/") for name in ("ours", "theirs")]
        assert found[0] == found[1]
    (image,) = outcome.facts["images"]
    assert image["name"] == "list"
    folders = {path for path in ours if (place / "ours" / path[1:]).is_dir()} | {""}
    assert (image["files"], image["directories"]) == (len(ours.keys() - folders), len(folders))
    assert image["excluded"] == 3
    assert "/pagefile.sys" in image["excluded_paths"]


@pytest.mark.usefixtures("place")
def test_a_list_can_come_from_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"b /\n")))
    outcome = osdimage("capture", "-", "x.wim", "--source-list", "--json", "--exclude", "/one")
    assert outcome.facts["images"][0]["name"] == "x"
    assert sorted(outcome.facts["images"][0]["excluded_paths"]) == ["/one", "/pagefile.sys"]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("nothing /", (), "list:1: nothing: there is no such file or directory"),
        ("c.txt /", (), "list:1: c.txt: is no directory, which the root of an image must be"),
        ("a /x", ("--rpfix",), "list:1: absolute links are made relative only in what becomes the root"),
        ("a /x", ("--partition", "1"), "--source-list is for files and directories"),
        ("a /x", ("--strict-acls",), "has no security descriptors"),
    ],
)
def test_what_cannot_be_an_image_is_a_usage_error(place: Path, text: str, options: tuple[str, ...], said: str) -> None:
    (place / "list").write_text(text)
    assert said in osdimage("capture", "list", "x.wim", "--source-list", *options, code=2).err
    assert not (place / "x.wim").exists()


def test_a_wim_does_not_capture_itself(place: Path) -> None:
    (place / "list").write_text("a /")
    (place / "a/x.wim").touch()
    refused = osdimage("capture", "list", "a/x.wim", "--source-list", "--overwrite", code=2).err
    assert "lies in a, so the WIM would capture itself" in refused

"""Links that others restored to the byte are equal, and one that says the same in other words is not.

wimlib-imagex writes the links, so what it makes of a reparse point is what is expected.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cases import wimcraft
from cases.ntfs_items import mount_point, symbolic_link
from judges import wim as judges
from runs.commands import Outcome, osdimage

pytestmark = pytest.mark.foreign

# What Path() makes another text of, and what the format turns round.
TEXTS = (
    "./a",
    "a//b",
    "a/",
    "a/.",
    "a/./b",
    "..",
    ".",
    "../../a/../b",
    "/",
    "//server/share",
    "/usr//share/",
    "back\\slash",
    "\\leading",
    "/absolute\\back",
    "C:\\Users",
    "C:/Users",
    "trailing blank ",
    "Größe 日本語 \N{GRINNING FACE}",
    "l" * 250 + "/" + "m" * 250,
)
VOLUME = "\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}"
# As Windows and the driver store them: the substitute name, and what libwim 1.13.6 makes of it in a directory.
REPARSE_POINTS = {
    "relative": symbolic_link("..\\a\\.\\b\\", "..\\a\\.\\b\\", relative=True),
    "from the root of its drive": symbolic_link("\\Users\\Public", "\\Users\\Public", relative=True),
    "absolute": symbolic_link("\\??\\C:\\Users\\Public", "C:\\Users\\Public", relative=False),
    "root of a drive": symbolic_link("\\??\\C:\\", "C:\\", relative=False),
    "slash": symbolic_link("\\??\\C:\\a/b", "C:\\a/b", relative=False),
    "server": symbolic_link("\\??\\UNC\\server\\share\\x", "\\\\server\\share\\x", relative=False),
    "device": symbolic_link("\\Device\\HarddiskVolume3\\x", "x", relative=False),
    "long name of DOS": symbolic_link("\\DosDevices\\D:\\x", "D:\\x", relative=False),
    "junction": mount_point("\\??\\C:\\Users", "C:\\Users"),
    "mount point": mount_point(f"{VOLUME}\\", ""),
    "no prefix": mount_point("C:\\Users", ""),
    "half a pair": symbolic_link("a\ud800b", "a", relative=True),
}


def links_of(folder: Path) -> dict[bytes, bytes]:
    return {each.name: os.readlink(each.path) for each in os.scandir(os.fsencode(folder))}  # noqa: PTH115 - it has no bytes


def reparse_counts(outcome: Outcome) -> tuple[int, int, int, int]:
    (found,) = (each for each in outcome.compared["classes"] if each["kind"] == "reparse-points")
    return found["stored"], found["restored"], found["dropped"], found["different"]


def test_links_of_linux_are_equal_to_the_byte(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number, text in enumerate(TEXTS):
        os.symlink(text, source / f"{number:02}")  # noqa: PTH211 - Path.symlink_to() takes no such texts as they are
    for name, text in (("inside", "text"), ("itself", ""), ("itself with a slash", "/"), ("in other words", "//a/./b")):
        os.symlink(f"{source}{text and '/' + text.lstrip('/')}", source / name)  # noqa: PTH211
    judges.wimlib("capture", source, tmp_path / "links.wim")
    judges.wimlib("apply", tmp_path / "links.wim", tmp_path / "target")
    there = links_of(tmp_path / "target")
    assert [there[b"%02d" % number].decode() for number in range(len(TEXTS))] == list(TEXTS)
    outcome = osdimage("compare", tmp_path / "links.wim", tmp_path / "target", "--strict", "--json")
    assert reparse_counts(outcome) == (len(there), len(there), 0, 0)
    osdimage("compare", tmp_path / "links.wim", source)


@pytest.mark.parametrize(("text", "other"), [("./a", "a"), ("a//b", "a/b"), ("a/", "a"), ("a\\b", "a/b"), ("a/.", "a")])
def test_the_same_in_other_words_is_another_link(tmp_path: Path, text: str, other: str) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/link").symlink_to("x")
    for said, name in ((text, "this"), (other, "that")):
        (tmp_path / "source/link").unlink()
        os.symlink(said, tmp_path / "source/link")  # noqa: PTH211
        os.utime(tmp_path / "source/link", ns=(0, 0), follow_symlinks=False)
        os.utime(tmp_path / "source", ns=(0, 0))
        judges.wimlib("capture", tmp_path / "source", tmp_path / f"{name}.wim")
    osdimage("compare", tmp_path / "that.wim", tmp_path / "source")
    outcome = osdimage("compare", tmp_path / "this.wim", tmp_path / "source", "--json", code=1)
    (difference,) = outcome.compared["differences"]
    assert (difference["kind"], difference["expected"], difference["found"]) == ("reparse-points", text, other)


@pytest.fixture(scope="module")
def of_windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nodes = [
        wimcraft.Node(
            name,
            buffer[8:],
            children=[] if buffer.startswith(b"\x03") else None,
            reparse_tag=int.from_bytes(buffer[:4], "little"),
        )
        for name, buffer in REPARSE_POINTS.items()
    ]
    wim = tmp_path_factory.mktemp("links") / "links.wim"
    wim.write_bytes(wimcraft.build(wimcraft.root(*nodes)))
    return wim


def test_links_and_junctions_of_windows_in_a_directory_are_equal(of_windows: Path, tmp_path: Path) -> None:
    judges.wimlib("apply", of_windows, tmp_path / "target", "--norpfix")
    there = links_of(tmp_path / "target")
    assert there[b"absolute"] == b"/Users/Public"
    assert there[b"relative"] == b"../a/./b/"
    assert there[b"mount point"] == b"/"
    assert there[b"slash"] == b"/a\\b"
    outcome = osdimage("compare", of_windows, tmp_path / "target", "--json")
    assert reparse_counts(outcome) == (len(there), len(there), 0, 0)
    # Rewritten to the root of the target, as is done where the image asks for it.
    judges.wimlib("apply", of_windows, tmp_path / "rewritten", "--rpfix")
    assert links_of(tmp_path / "rewritten")[b"absolute"] == os.fsencode(tmp_path / "rewritten/Users/Public")
    osdimage("compare", of_windows, tmp_path / "rewritten")


def test_links_of_windows_are_the_same_on_ntfs(of_windows: Path, tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    judges.wimlib("apply", of_windows, volume)
    counts = reparse_counts(osdimage("compare", of_windows, volume, "--json"))
    assert counts == (len(REPARSE_POINTS), len(REPARSE_POINTS), 0, 0)


def test_a_tree_that_only_libwim_takes_is_compared_all_the_same(tmp_path: Path) -> None:
    shared = wimcraft.folder("shared", wimcraft.Node("file", b"1"))
    sharing = wimcraft.folder("sharing", wimcraft.Node("other", b"2"))
    sharing.subdir_of = shared
    wim = tmp_path / "shared.wim"
    wim.write_bytes(wimcraft.build(wimcraft.root(shared, sharing, wimcraft.symlink("link", "x"))))
    judges.wimlib("apply", wim, tmp_path / "target")
    (warning,) = osdimage("compare", wim, tmp_path / "target").warnings
    assert "contents besides reparse points were not compared" in warning


def test_contents_behind_a_reparse_point_are_compared(tmp_path: Path) -> None:
    # As files have that are stored elsewhere, or compressed.
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    for name, contents in (("this", b"behind it"), ("that", b"instead of"), ("none", b"")):
        node = wimcraft.Node("file", b"data of a reparse point", reparse_tag=0x8000001B, contents=contents)
        (tmp_path / f"{name}.wim").write_bytes(wimcraft.build(wimcraft.root(node)))
    judges.wimlib("apply", tmp_path / "this.wim", volume)
    assert judges.output("ntfscat", volume, "file") == "behind it"
    judges.wimlib("apply", tmp_path / "this.wim", tmp_path / "target")
    assert (tmp_path / "target/file").read_bytes() == b"behind it"
    judges.wimlib("export", tmp_path / "this.wim", "1", tmp_path / "pipable.wim", "--pipable")
    osdimage("compare", tmp_path / "this.wim", tmp_path / "target")
    outcome = osdimage("compare", tmp_path / "pipable.wim", volume)
    assert "contents besides reparse points, were not compared" in outcome.warnings[0]
    osdimage("compare", tmp_path / "this.wim", volume, "--strict")
    for name, target in (("that", volume), ("none", volume), ("that", tmp_path / "target")):
        outcome = osdimage("compare", tmp_path / f"{name}.wim", target, "--json", code=1)
        assert [(each["kind"], each["path"]) for each in outcome.compared["differences"]] == [("contents", "/file")]

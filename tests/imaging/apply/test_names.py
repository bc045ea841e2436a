"""Each target takes or refuses names by the table in apply/names.py, before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases.wimcraft import Node, build, folder, root, symlink
from judges import wim as judges
from judges.disk import copy_of, run
from osdimage.imaging.wim import limits
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

KINDS = {
    "twin": [Node("name", b"x"), Node("NAME", b"y")],
    "character": [Node("a?b", b"x")],
    "end": [folder("folder.", Node("x", b"x"))],
    "device": [Node("lpt1.txt", b"x")],
    "surrogate": [Node("a\ud800b", b"x")],
    "short": [Node("one long name", b"x", short_name="TWICE~1"), Node("two long name", b"y", short_name="TWICE~1")],
    "length": [Node("x" * 300, b"x")],
    "wraps to dots": [folder("deep", Node("." * 258, b"x"))],
}


@pytest.fixture(scope="module")
def empty_ntfs(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("empty") / "x.ntfs"
    path.write_bytes(bytes(8 << 20))
    run(["mkntfs", "-q", "-F", "-f", path])
    return path.read_bytes()


@pytest.fixture(scope="module")
def empty_fat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "x.fat"
    with path.open("wb") as file:
        file.truncate(40 << 20)
    run(["mkfs.fat", "-F32", "-s1", path])
    return path


def wim_of(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "x.wim"
    path.write_bytes(build(root(*KINDS[kind])))
    return path


KEPT, REFUSED = "kept", "refused"


@pytest.mark.parametrize("kind", KINDS)
def test_an_ntfs_volume_keeps_and_tells_or_refuses(kind: str, tmp_path: Path, empty_ntfs: bytes) -> None:
    wim, volume = wim_of(tmp_path, kind), tmp_path / "x.ntfs"
    volume.write_bytes(empty_ntfs)
    is_kept = kind in {"twin", "character", "end", "device", "surrogate"}
    done = osdimage("apply", wim, volume, "--json", code=0 if is_kept else 3)
    if is_kept:
        assert [each["kind"] for each in json.loads(done.out)["volumes"][0]["result"]["odd_names"]] == [f"name-{kind}"]
        assert "which" in done.err
    else:
        assert volume.read_bytes() == empty_ntfs
    assert osdimage("list", wim).code == osdimage("info", wim).code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_fat_volume_keeps_and_tells_or_refuses(kind: str, tmp_path: Path, empty_fat: Path) -> None:
    wim = wim_of(tmp_path, kind)
    is_kept = kind in {"device", "surrogate", "short"}
    before = empty_fat.stat().st_mtime_ns
    if not is_kept:
        osdimage("apply", wim, empty_fat, code=3)
        assert empty_fat.stat().st_mtime_ns == before
        return
    volume = copy_of(empty_fat, tmp_path / "x.fat")
    told = json.loads(osdimage("apply", wim, volume, "--json").out)["volumes"][0]["result"]["odd_names"]
    assert [each["kind"] for each in told] == ([] if kind == "short" else [f"name-{kind}"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_directory_keeps_what_it_can(kind: str, tmp_path: Path) -> None:
    wim, target = wim_of(tmp_path, kind), tmp_path / "target"
    is_kept = kind not in {"length", "wraps to dots"}
    osdimage("apply", wim, target, code=0 if is_kept else 3)
    assert target.exists() is is_kept
    assert not list(tmp_path.glob(".osdimage-*"))


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        pytest.param([Node("ü" * 200, b"x")], "takes 400 bytes", id="name"),
        pytest.param([symlink("link", "t" * 4090)], "the target of the link '/link' takes", id="link"),
    ],
)
def test_a_directory_refuses_what_is_too_long_for_it(nodes: list[Node], text: str, tmp_path: Path) -> None:
    wim = tmp_path / "x.wim"
    wim.write_bytes(build(root(*nodes)))
    assert text in osdimage("apply", wim, tmp_path / "target", code=4).err
    assert not (tmp_path / "target").exists()


def test_an_extract_and_a_deployment_refuse_what_an_apply_does(tmp_path: Path) -> None:
    wim = wim_of(tmp_path, "length")
    osdimage("extract", wim, "/" + "x" * 300, "--to", tmp_path / "out", code=3)
    (tmp_path / "long.wim").write_bytes(build(root(folder("folder", Node("ü" * 200, b"x")))))
    osdimage("extract", tmp_path / "long.wim", "/folder", "--to", tmp_path / "out", code=4)
    osdimage(
        "deploy", wim_of(tmp_path, "short"), tmp_path / "x.img", "--preset", "uefi", "--size", "8GB", "--yes", code=3
    )
    assert sorted(each.name for each in tmp_path.iterdir()) == ["long.wim", "x.wim"]


def test_a_directory_refuses_a_path_that_is_too_long(tmp_path: Path) -> None:
    node = Node("leaf", b"x")
    for _ in range(25):
        node = folder("d" * 200, node)
    wim = tmp_path / "x.wim"
    wim.write_bytes(build(root(node)))
    assert "Linux opens 4095" in osdimage("apply", wim, tmp_path / "target", code=4).err
    assert not (tmp_path / "target").exists()


def test_a_file_system_that_does_not_take_a_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As vfat, exfat and cifs answer; mounting one takes root.
    monkeypatch.setattr(limits, "_problem", lambda _, name: "Invalid argument" if b"?" in name else None)
    wim = wim_of(tmp_path, "character")
    assert (
        "does not take the name of '/a?b': Invalid argument" in osdimage("apply", wim, tmp_path / "target", code=4).err
    )
    assert list(tmp_path.iterdir()) == [wim]


@pytest.mark.parametrize("name", ["name-300-units.wim", "name-twins.wim"])
def test_hostile_names_refuse_the_image(name: str, tmp_path: Path, empty_ntfs: bytes) -> None:
    wim = judges.corpus() / "hostile2" / name
    if not wim.exists():
        pytest.skip("no second set of hostile files in the corpus")
    volume = tmp_path / "x.ntfs"
    volume.write_bytes(empty_ntfs)
    assert "255 UTF-16 units" in osdimage("apply", wim, volume, code=3).err
    assert volume.read_bytes() == empty_ntfs
    assert osdimage("list", wim).code == osdimage("info", wim).code == 0
    assert "255 UTF-16 units" in osdimage("verify", wim, code=3).out


def test_a_capture_tells_of_names_with_examples_and_classes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("a.", "con", "x*", "Twin", "tWIN"):
        (source / "deep" / name).mkdir(parents=True)
    done = osdimage("capture", source, tmp_path / "x.wim", "--json")
    told = {each["kind"]: each["examples"] for each in json.loads(done.out)["images"][0]["odd_names"]}
    assert told == {
        "name-twin": ["/deep/tWIN"],
        "name-character": ["/deep/x*"],
        "name-end": ["/deep/a."],
        "name-device": ["/deep/con"],
    }
    assert "which Windows cannot open: 1 ('/deep/a.')" in done.err
    checked = osdimage("verify", tmp_path / "x.wim")
    assert "'/deep/con'" in checked.err

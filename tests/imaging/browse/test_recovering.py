"""Taking out of damaged volumes what can be read; wimlib-imagex and mtools wrote what is expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import wof
from cases.wimcraft import Node, build, folder, root
from judges import wim as judges
from judges.disk import copy_of, run
from osdimage.imaging.browse import RecoveringTree, open_tree
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
RECORD = 1024
# Flags of a record, and the first that is of no file of the file system itself.
IN_USE, IS_FOLDER, FIRST = 1, 2, 24
TEXTS = {"Docs/a.txt": b"a" * 5000, "Docs/b.txt": b"b" * 5000, "Pictures/c.jpg": b"c" * 9000, "top.txt": b"top"}
BAD = "bad.dll"


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume with a file of which the contents are damaged: no chunk of LZNT1 or XPRESS begins so."""
    judges.require("mkntfs")
    where = tmp_path_factory.mktemp("recovering")
    nodes = [folder("Docs", *(Node(f"{name}.txt", name.encode() * 5000) for name in "ab"))]
    nodes += [folder("Pictures", Node("c.jpg", b"c" * 9000)), Node("top.txt", b"top")]
    bad = wof.node(BAD, bytes(9000), b"\xff" * 900, wof.reparse_data(0))
    (where / "a.wim").write_bytes(build(root(*nodes, bad)))
    return wof.make_volume(where / "volume.ntfs", where / "a.wim")


def without_record(volume: Path, name: str, to: Path) -> Path:
    """Copy a volume, and write over the beginning of the record that has a name."""
    copy = copy_of(volume, to / "damaged.ntfs")
    data = bytearray(copy.read_bytes())
    # The boot sector: sectors of a cluster, and the first cluster of the MFT.
    mft = data[13] * 512 * int.from_bytes(data[48:56], "little")
    # As in $FILE_NAME: how many characters, in which namespace, and these.  The index of a folder has names, too.
    names = [bytes([len(name), space]) + name.encode("utf-16-le") for space in range(4)]
    kind = IN_USE | (0 if "." in name else IS_FOLDER)
    records = range(mft + FIRST * RECORD, mft + 200 * RECORD, RECORD)
    held = [at for at in records if data[at : at + 4] == b"FILE" and data[at + 22] == kind]
    (at,) = [at for at in held if any(each in data[at : at + RECORD] for each in names)]
    data[at : at + 4] = b"BAAD"
    copy.write_bytes(data)
    return copy


def extracted(folder_: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder_)): each.read_bytes() for each in folder_.rglob("*") if each.is_file()}


@pytest.mark.parametrize(
    ("lost", "path", "gone"),
    [
        pytest.param("a.txt", "/Docs/a.txt", {"Docs/a.txt"}, id="file"),
        pytest.param("Docs", "/Docs", {"Docs/a.txt", "Docs/b.txt"}, id="folder"),
    ],
)
def test_what_is_beside_an_unreadable_record_is_taken_out(
    volume: Path, tmp_path: Path, lost: str, path: str, gone: set[str]
) -> None:
    damaged = without_record(volume, lost, tmp_path)
    # Without the option nothing is, since it might not be noticed.
    refused = osdimage("extract", damaged, "/", "--to", tmp_path / "none", code=3).err
    assert "MFT record" in refused
    assert refused.endswith("; --recover-data names what cannot be read, and takes the rest\n")
    assert not (tmp_path / "none").exists()
    outcome = osdimage("extract", damaged, "/", "--to", tmp_path / "out", "--recover-data", "--json", code=1)
    assert {each["path"] for each in outcome.document["damaged"]} == {path, f"/{BAD}"}
    assert outcome.document["damaged_files"] == 2
    assert f"{path!r}: its contents cannot be read: MFT record" in outcome.err
    found = extracted(tmp_path / "out")
    assert {name: found[name] for name in TEXTS.keys() - gone} == {name: TEXTS[name] for name in TEXTS.keys() - gone}
    assert found.keys() == TEXTS.keys() - gone | {BAD}


def test_of_damaged_contents_is_taken_what_is_in_front_of_the_damage(volume: Path, tmp_path: Path) -> None:
    outcome = osdimage("extract", volume, f"/{BAD}", "/top.txt", "--to", tmp_path, "--recover-data", "--json", code=1)
    (damaged,) = outcome.document["damaged"]
    assert (damaged["path"], damaged["size"]) == (f"/{BAD}", 9000)
    assert damaged["lost"] == 9000 - (tmp_path / BAD).stat().st_size > 0
    assert (tmp_path / "top.txt").read_bytes() == TEXTS["top.txt"]


def test_of_a_sound_part_nothing_is_said(volume: Path, tmp_path: Path) -> None:
    outcome = osdimage("extract", volume, "/Docs", "--to", tmp_path, "--recover-data", "--json")
    assert outcome.document["damaged"] == []
    assert extracted(tmp_path) == {name: data for name, data in TEXTS.items() if name.startswith("Docs")}


def test_a_path_that_is_named_must_be_readable_itself(volume: Path, tmp_path: Path) -> None:
    damaged = without_record(volume, "a.txt", tmp_path)
    outcome = osdimage("extract", damaged, "/Docs/a.txt", "--to", tmp_path / "out", "--recover-data", code=3)
    assert "MFT record" in outcome.err


def test_a_folder_of_a_fat_volume_that_leads_nowhere_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "volume.img"
    with path.open("wb") as file:
        file.truncate(40 << 20)
    run(["mkfs.vfat", "-F", "32", "-s", "1", path])
    (tmp_path / "small").write_bytes(b"small")
    run(["mmd", "-i", path, "::/LOST"])
    for name in ("LOST/one.txt", "two.txt"):
        run(["mcopy", "-i", path, tmp_path / "small", f"::/{name}"])
    data = bytearray(path.read_bytes())
    # The upper half of the cluster where the folder begins.
    at = data.index(b"LOST       ") + 20
    data[at : at + 2] = b"\xff\x0f"
    path.write_bytes(data)
    outcome = osdimage("extract", path, "/", "--to", tmp_path / "out", "--recover-data", "--json", code=1)
    assert [each["path"] for each in outcome.document["damaged"]] == ["/LOST"]
    assert extracted(tmp_path / "out") == {"two.txt": b"small"}


@pytest.mark.parametrize("path", ["/", "/Docs"])
def test_the_library_tells_what_it_passed_over(volume: Path, tmp_path: Path, path: str) -> None:
    with open_tree(without_record(volume, "a.txt", tmp_path)) as tree:
        readable = RecoveringTree(tree)
        top = readable.find(path)
        assert top is not None
        paths = {each.entry.path for each in readable.walk(top)}
    assert "/Docs/b.txt" in paths
    assert [each.path for each in readable.damaged] == ["/Docs/a.txt"]

"""``osdimage registry`` on hives that Windows did not close: read with what is in their logs, and written closed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cases.hive_logs import Unclosed, of_windows, unclosed, with_numbers
from cases.windows_trees import write_tree
from judges import wim as judges
from judges.fat import copy_out, fsck
from judges.hive import Tree, dissect
from judges.ntfs import ntfsfix
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import StorageError
from osdimage.imaging.registry import places
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.volume.filesystems import open_files
from runs.commands import osdimage

SYSTEM = "Windows/System32/config/SYSTEM"
MIB = 1 << 20
LOGS = (".LOG1", ".LOG2")
SET = ("Setup", "2", "--value", "Added", "--type", "dword")
ADDED = (4, b"\2\0\0\0")


def hive(number: int, *keys: str) -> bytes:
    made = new_hive("SYSTEM")
    made.root.ensure("Setup").set(Value.dword("Number", number))
    for key in keys:
        made.root.ensure(key).set(Value.binary("Data", bytes(range(256)) * 20))
    return with_numbers(write_hive(made), 1, 1)


@pytest.fixture(scope="module")
def snapshot() -> Unclosed:
    return unclosed([hive(1), hive(2, "Middle"), hive(3, "Last")], split=1)


def number(*where: object, options: tuple[str, ...] = ()) -> str:
    return osdimage("registry", "get", *where, "Setup", "--value", "Number", *options).out.strip()


# ---- files


def test_the_last_changes_are_read_and_told(snapshot: Unclosed, tmp_path: Path) -> None:
    path = snapshot.write(tmp_path / "SYSTEM")
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    outcome = osdimage("registry", "get", path, "Setup", "--value", "Number")
    assert outcome.out == "0x3\n"
    assert outcome.err == f"{path}: with the last changes from SYSTEM.LOG1, LOG2 (entries 1 to 2)\n"
    told = osdimage("registry", "get", path, "--json").document["replayed"]
    assert told == {"logs": ["SYSTEM.LOG1", "SYSTEM.LOG2"], "first_entry": 1, "last_entry": 2, "pages": told["pages"]}
    assert '"Number"=dword:00000003' in osdimage("registry", "export", path).out
    old = osdimage("registry", "get", path, "Setup", "--value", "Number", "--no-replay")
    assert old.out == "0x1\n"
    assert "dirty: its sequence numbers are 2 and 1" in old.warnings[0]
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_a_changed_hive_has_them_too_and_its_logs_are_empty(snapshot: Unclosed, tmp_path: Path) -> None:
    path = snapshot.write(tmp_path / "SYSTEM")
    report = osdimage("registry", "set", path, *SET, "--json").document
    assert report["replayed"]["last_entry"] == 2
    assert [path.with_name(f"SYSTEM{end}").read_bytes() for end in LOGS] == [b"", b""]
    tree = dissect(path.read_bytes())
    assert tree["Setup"] == {"Number": (4, b"\3\0\0\0"), "Added": ADDED}
    assert "Last" in tree
    assert osdimage("registry", "get", path).err == ""


def test_what_a_link_with_the_name_of_a_log_leads_to_stays(snapshot: Unclosed, tmp_path: Path) -> None:
    path = snapshot.write(tmp_path / "SYSTEM")
    other = tmp_path / "somebody's file"
    other.write_bytes(b"kept")
    (tmp_path / "SYSTEM.LOG").symlink_to(other)
    osdimage("registry", "set", path, *SET)
    assert other.read_bytes() == b"kept"
    assert [path.with_name(f"SYSTEM{end}").read_bytes() for end in LOGS] == [b"", b""]


def test_logs_are_found_whatever_the_case_of_their_names(tmp_path: Path) -> None:
    path = of_windows("NewDirtyHive1").write(tmp_path / "NTUSER.DAT")
    path.with_name("NTUSER.DAT.LOG1").rename(tmp_path / "ntuser.dat.LOG1")
    path.with_name("NTUSER.DAT.LOG2").rename(tmp_path / "ntuser.dat.log2")
    assert osdimage("registry", "get", path, "Key3", "--json").document["values"]


def test_a_hive_without_its_first_block_is_read_with_that_of_its_log(snapshot: Unclosed, tmp_path: Path) -> None:
    path = snapshot.write(tmp_path / "SYSTEM")
    path.write_bytes(bytes(512) + path.read_bytes()[512:])
    assert "(entry 2)" in osdimage("registry", "get", path).err
    for end in LOGS:
        path.with_name(f"SYSTEM{end}").write_bytes(b"")
    assert "not a registry hive" in osdimage("registry", "get", path, code=3).err


def test_a_change_that_is_interrupted_between_leaves_a_closed_hive_whose_logs_are_ignored(
    snapshot: Unclosed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = snapshot.write(tmp_path / "SYSTEM")

    def stop(path: Path) -> None:
        raise StorageError("stopped", path=path)

    with monkeypatch.context() as patched:
        patched.setattr(places, "empty_files", stop)
        assert "stopped" in osdimage("registry", "set", path, *SET, code=1).err
    assert path.with_name("SYSTEM.LOG1").read_bytes() == snapshot.logs[".LOG1"]
    data = path.read_bytes()
    # Closed, and newer than everything in the logs: 1 and 2.
    assert data[4:8] == data[8:12] == b"\3\0\0\0"
    outcome = osdimage("registry", "get", path, "Setup", "--value", "Added")
    assert (outcome.out, outcome.err) == ("0x2\n", "")
    # Logs of the next session begin with the number of the hive; what is left there is older.
    path.write_bytes(with_numbers(data, 4, 3))
    assert "has only older changes" in osdimage("registry", "get", path).warnings[0]


def test_logs_are_given_up_only_by_force(snapshot: Unclosed, tmp_path: Path) -> None:
    path = snapshot.write(tmp_path / "SYSTEM")
    refused = osdimage("registry", "set", path, *SET, "--no-replay", code=4).err
    assert refused.endswith("which were left alone; --force writes it all the same, and loses those changes\n")
    assert path.read_bytes() == snapshot.hive
    osdimage("registry", "set", path, *SET, "--no-replay", "--force")
    assert dissect(path.read_bytes())["Setup"] == {"Number": (4, b"\1\0\0\0"), "Added": ADDED}
    assert [path.with_name(f"SYSTEM{end}").stat().st_size for end in LOGS] == [0, 0]
    damaged = of_windows("BadLogHive1").write(tmp_path / "OTHER")
    assert "OTHER.LOG1 is damaged, or no log" in osdimage("registry", "set", damaged, "New", code=4).err
    osdimage("registry", "set", damaged, "New", "--force")
    assert "New" in dissect(damaged.read_bytes())


# ---- in volumes and WIMs


@pytest.fixture(scope="module")
def wim(snapshot: Unclosed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    tree = write_tree(folder / "tree", snapshot.files(SYSTEM))
    judges.wimlib("capture", tree, folder / "x.wim", "Windows", "--compress=none")
    return folder / "x.wim"


def _ntfs(folder: Path) -> Path:
    return judges.make_ntfs(folder / "ntfs", 16 * MIB)


def _fat(folder: Path) -> Path:
    judges.run("mkfs.vfat", "-F32", "-s", "1", "-C", folder / "fat", "36864")
    return folder / "fat"


def _files_of_volume(volume: Path) -> dict[str, bytes]:
    with open_volume(volume) as opened, open_files(opened) as files:
        return {end: files.read(SYSTEM + end) for end in ("", *LOGS)}


def _check_ntfs(volume: Path, _: Path) -> None:
    ntfsfix(volume)


def _check_fat(volume: Path, folder: Path) -> None:
    fsck(volume)
    copy_out(volume, folder / "out")
    assert (folder / "out" / f"{SYSTEM}.LOG1").read_bytes() == b""


@pytest.mark.foreign
@pytest.mark.parametrize(("make", "check"), [(_ntfs, _check_ntfs), (_fat, _check_fat)], ids=["ntfs", "fat32"])
def test_a_hive_of_a_volume_is_read_and_written_with_its_logs(
    wim: Path, tmp_path: Path, make: Callable[[Path], Path], check: Callable[[Path, Path], None]
) -> None:
    volume = make(tmp_path)
    osdimage("apply", wim, volume)
    where = (volume, "--hive", "system")
    assert (number(*where), number(*where, options=("--no-replay",))) == ("0x3", "0x1")
    osdimage("registry", "set", *where, *SET)
    check(volume, tmp_path)
    held = _files_of_volume(volume)
    assert (held[".LOG1"], held[".LOG2"]) == (b"", b"")
    assert dissect(held[""])["Setup"] == {"Number": (4, b"\3\0\0\0"), "Added": ADDED}
    assert osdimage("registry", "get", *where).err == ""


def _in_wim(wim: Path, folder: Path) -> tuple[Tree, list[bytes]]:
    judges.wimlib("verify", wim)
    paths = [f"/{SYSTEM}{end}" for end in ("", *LOGS)]
    judges.wimlib("extract", wim, "1", *paths, f"--dest-dir={folder}", "--no-acls")
    return dissect((folder / "SYSTEM").read_bytes()), [(folder / f"SYSTEM{end}").read_bytes() for end in LOGS]


REG = 'Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SYSTEM\\Setup]\n"Added"=dword:00000002\n'


@pytest.mark.foreign
@pytest.mark.parametrize("verb", ["registry", "update"])
def test_a_hive_of_a_wim_is_read_and_written_with_its_logs(wim: Path, tmp_path: Path, verb: str) -> None:
    copied = tmp_path / "x.wim"
    shutil.copy(wim, copied)
    assert number(copied, "--hive", "SYSTEM") == "0x3"
    change = tmp_path / "x.reg"
    change.write_text(REG)
    if verb == "registry":
        osdimage("registry", "import", copied, change, "--hive", "SYSTEM")
    else:
        osdimage("update", copied, "--reg", change)
    tree, logs = _in_wim(copied, tmp_path / "out")
    assert logs == [b"", b""]
    assert tree["Setup"] == {"Number": (4, b"\3\0\0\0"), "Added": ADDED}
    assert "Last" in tree

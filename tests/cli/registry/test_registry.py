"""``osdimage registry``: hives in files, in volumes, and in images of WIMs."""

from __future__ import annotations

import os
import struct
import subprocess
import tracemalloc
from pathlib import Path

import pytest
from cases import wimcraft
from judges import hive as hive_judges
from judges import ntfs as ntfs_judges
from judges import wim as judges
from osdimage.imaging import DiskLayout, FileSystem, PartitionSpec
from osdimage.imaging.disk import Role, Scheme
from osdimage.imaging.registry.cells import checksum
from osdimage.imaging.registry.hive import Hive, Value
from osdimage.imaging.registry.security import descriptor
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.testing import make_disk
from runs.commands import osdimage

SYSTEM = r"HKEY_LOCAL_MACHINE\SYSTEM"
FIRST_BYTE = 64 << 10
REG = r"""Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\stornvme]
"Start"=dword:00000000

[-HKEY_LOCAL_MACHINE\SYSTEM\Old]
"""


def system_hive() -> Hive:
    hive = new_hive("SYSTEM")
    hive.root.ensure("Select").set(Value.dword("Default", 1))
    services = hive.root.ensure(r"ControlSet001\Services\stornvme")
    services.set(Value.dword("Start", 3))
    services.set(Value.expand_string("ImagePath", r"System32\drivers\stornvme.sys"))
    hive.root.ensure(r"Old\Deep").set(Value.multi_string("List", ["a", "b"]))
    return hive


def make_dirty(data: bytes) -> bytes:
    dirty = bytearray(data)
    struct.pack_into("<I", dirty, 4, 77)
    struct.pack_into("<I", dirty, 508, checksum(bytes(dirty[:4096])))
    return bytes(dirty)


@pytest.fixture
def hive(tmp_path: Path) -> Path:
    path = tmp_path / "SYSTEM"
    path.write_bytes(write_hive(system_hive()))
    path.chmod(0o640)
    return path


def start_of(data: bytes) -> tuple[int, bytes]:
    return hive_judges.dissect(data)[r"ControlSet001\Services\stornvme"]["Start"]


def test_a_key_is_shown_as_reg_query_shows_it(hive: Path) -> None:
    key = r"HKLM\SYSTEM\CurrentControlSet\Services\stornvme"
    assert osdimage("registry", "get", hive, key).out.splitlines() == [
        SYSTEM + r"\ControlSet001\Services\stornvme",
        "    Start    REG_DWORD    0x3",
        r"    ImagePath    REG_EXPAND_SZ    System32\drivers\stornvme.sys",
    ]
    assert osdimage("registry", "get", hive, key, "--value", "start").out == "0x3\n"
    assert osdimage("registry", "get", hive, "Old").out.splitlines() == [SYSTEM + r"\Old", "", SYSTEM + r"\Old\Deep"]


def test_a_key_is_shown_to_programs(hive: Path) -> None:
    document = osdimage("registry", "get", hive, r"Old\Deep", "--json").facts
    assert document == {
        "key": SYSTEM + r"\Old\Deep",
        "modified": None,
        "class_name": None,
        "values": [{"name": "List", "type": "REG_MULTI_SZ", "data": ["a", "b"], "bytes": "61000000620000000000"}],
        "subkeys": [],
        "replayed": None,
    }
    found = osdimage("registry", "get", hive, r"ControlSet001\Services\stornvme", "--value", "Start", "--json").document
    (value,) = found["values"]
    assert (value["data"], value["bytes"]) == (3, "03000000")
    assert osdimage("registry", "get", hive, "--json").document["subkeys"] == ["ControlSet001", "Old", "Select"]


def test_what_is_not_there_is_named(hive: Path) -> None:
    outcome = osdimage("registry", "get", hive, r"ControlSet001\Nothing", code=2)
    assert outcome.err.count("\n") == 1
    assert r"there is 'HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001'" in outcome.err
    outcome = osdimage("registry", "get", hive, "Select", "--value", "Current", code=2)
    assert "has no value 'Current'; it has 'Default'" in outcome.err
    assert "is not in this hive" in osdimage("registry", "get", hive, r"HKLM\SOFTWARE\x", code=2).err


SETS: dict[str, tuple[tuple[str, ...], tuple[int, bytes]]] = {
    "sz": (("text",), (1, "text\0".encode("utf-16-le"))),
    "expand_sz": (("%x%",), (2, "%x%\0".encode("utf-16-le"))),
    "multi_sz": (("a", "b"), (7, "a\0b\0\0".encode("utf-16-le"))),
    "dword": (("0x10",), (4, b"\x10\0\0\0")),
    "qword": (("10",), (11, b"\x0a\0\0\0\0\0\0\0")),
    "binary": (("0a1b",), (3, b"\x0a\x1b")),
    "none": ((), (0, b"")),
}


@pytest.mark.parametrize("kind", SETS)
def test_a_value_of_every_type_is_set(hive: Path, kind: str) -> None:
    data, expected = SETS[kind]
    before = hive_judges.dissect(hive.read_bytes())
    osdimage("registry", "set", hive, r"HKLM\SYSTEM\New\Key", *data, "--value", "v", "--type", kind)
    after = hive_judges.dissect(hive.read_bytes())
    assert after == {**before, "New": {}, r"New\Key": {"v": expected}}
    assert hive.stat().st_mode & 0o777 == 0o640


def test_keys_and_values_are_made_and_deleted(hive: Path) -> None:
    osdimage("registry", "set", hive, "Empty")
    osdimage("registry", "set", hive, "Old", "--delete")
    report = osdimage("registry", "set", hive, "Select", "--value", "Default", "--delete", "--json").facts
    assert report == {"keys_added": 0, "keys_deleted": 0, "values_set": 0, "values_deleted": 1, "replayed": None}
    tree = hive_judges.dissect(hive.read_bytes())
    assert tree["Empty"] == {}
    assert tree["Select"] == {}
    assert not any(path.startswith("Old") for path in tree)
    inode = hive.stat().st_ino
    assert "nothing to change" in osdimage("registry", "set", hive, "Old", "--delete").out
    assert hive.stat().st_ino == inode


USAGE = {
    "data without a value": (("Key", "1"), "DATA needs the name of a value"),
    "delete with data": (("Key", "1", "--value", "x", "--delete"), "--delete takes no DATA"),
    "a value without data": (("Key", "--value", "x"), "--type sz needs DATA"),
    "no number": (("Key", "ten", "--value", "x", "--type", "dword"), "takes a number such as 10 or 0x0a"),
    "too large": (
        ("Key", "4294967296", "--value", "x", "--type", "dword"),
        "value 'x': 4294967296 is not a number from 0 to 4294967295",
    ),
    "no text": (("Key", "\udcff", "--value", "x"), "is not UTF-8"),
    "no text in a name": (("Key", "1", "--value", "\udcff"), "is not UTF-8"),
    "no bytes": (("Key", "xyz", "--value", "x", "--type", "binary"), "takes bytes such as 0a1b"),
    "the root": (("", "--delete"), "root of a hive cannot be deleted"),
    "partition without hive": (
        ("Key", "--partition", "1"),
        "no hive in it; where it holds hives, name one, such as SYSTEM, with --hive",
    ),
}


@pytest.mark.parametrize(("arguments", "says"), USAGE.values(), ids=USAGE.keys())
def test_what_cannot_be_is_a_usage_error(hive: Path, arguments: tuple[str, ...], says: str) -> None:
    before = hive.read_bytes()
    assert says in osdimage("registry", "set", hive, *arguments, code=2).err
    assert hive.read_bytes() == before


def test_a_file_is_imported_or_nothing_of_it(hive: Path, tmp_path: Path) -> None:
    registration = tmp_path / "x.reg"
    registration.write_text(REG)
    out = osdimage("registry", "import", hive, registration).out
    assert out == f"{hive}: 0 keys added, 1 deleted; 1 value set, 0 deleted\n"
    assert start_of(hive.read_bytes()) == (4, b"\0\0\0\0")
    before = hive.read_bytes()
    registration.write_text(REG + "[HKEY_LOCAL_MACHINE\\SYSTEM\\Added]\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\x]\n")
    told = osdimage("registry", "import", hive, registration, code=2).err
    assert f"{registration}: line 8: key 'HKEY_LOCAL_MACHINE\\SOFTWARE\\x' is not in this hive" in told
    registration.write_text(REG + "[HKEY_LOCAL_MACHINE\\SYSTEM\\Added]\nnonsense\n")
    assert "line 8" in osdimage("registry", "import", hive, registration, code=3).err
    assert hive.read_bytes() == before
    registration.write_text(REG.replace("LOCAL_MACHINE\\SYSTEM", "USERS\\Mine"))
    osdimage("registry", "import", hive, registration, "--prefix", r"HKU\Mine")


def test_an_export_can_be_imported(hive: Path, tmp_path: Path) -> None:
    exported = tmp_path / "x.reg"
    osdimage("registry", "export", hive, "--to", exported)
    assert exported.read_bytes().startswith(b"\xff\xfeW\0i\0n\0")
    assert "exists" in osdimage("registry", "export", hive, "--to", exported, code=4).err
    osdimage("registry", "export", hive, "--to", exported, "--overwrite")
    copy = tmp_path / "copy"
    copy.write_bytes(write_hive(new_hive("x")))
    osdimage("registry", "import", copy, exported, "--prefix", SYSTEM)
    assert hive_judges.dissect(copy.read_bytes()) == hive_judges.dissect(hive.read_bytes())
    out = osdimage("registry", "export", hive, "Old").out
    assert out.splitlines()[:4] == ["Windows Registry Editor Version 5.00", "", f"[{SYSTEM}\\Old]", ""]


def test_an_export_does_not_take_the_place_of_its_hive(hive: Path, tmp_path: Path) -> None:
    before = hive.read_bytes()
    (tmp_path / "linked.reg").hardlink_to(hive)
    for destination in (hive, tmp_path / "linked.reg"):
        refused = osdimage("registry", "export", hive, "--to", destination, "--overwrite", code=2)
        assert f"{destination}: is the hive itself; valid is another file" in refused.err
    assert hive.read_bytes() == before


def test_what_a_hive_holds_cannot_move_the_cursor(hive: Path) -> None:
    data = system_hive()
    data.root.ensure("evil\x1b[2J").set(Value.string("name\x1b[2J", "\x1b[2J"))
    hive.write_bytes(write_hive(data))
    for verb in ("get", "export"):
        # A registration file that is printed leaves such a name out, and ends with 1.
        assert "\x1b" not in osdimage("registry", verb, hive, "evil\x1b[2J", code=None).out


def test_a_dirty_hive_is_read_with_a_warning_and_changed_only_by_force(hive: Path) -> None:
    hive.write_bytes(make_dirty(hive.read_bytes()))
    before = hive.read_bytes()
    outcome = osdimage("registry", "get", hive, "Select", "--value", "Default")
    assert outcome.out == "0x1\n"
    assert "dirty: its sequence numbers are 77 and 1" in outcome.warnings[0]
    change = ("registry", "set", hive, "Select", "2", "--value", "Default", "--type", "dword")
    assert "log files" in osdimage(*change, code=4).err
    assert hive.read_bytes() == before
    osdimage(*change, "--force")
    assert osdimage("registry", "get", hive, "Select", "--value", "Default").warnings == []


def test_what_is_no_hive_is_an_invalid_input(tmp_path: Path) -> None:
    path = tmp_path / "SYSTEM"
    path.write_bytes(b"MZ")
    assert "not a registry hive" in osdimage("registry", "get", path, code=3).err


def test_of_what_is_no_hive_only_the_beginning_is_read(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(900 << 20)
    tracemalloc.start()
    message = osdimage("registry", "get", path, code=3).err
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message.endswith("; where it holds hives, name one, such as SYSTEM, with --hive\n")
    assert peak < 20 << 20


# ---- inside volumes


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    config = tree / "Windows" / "System32" / "config"
    config.mkdir(parents=True)
    (config / "SYSTEM").write_bytes(write_hive(system_hive()))
    (config / "DEFAULT").write_bytes(make_dirty(write_hive(system_hive())))
    user = tree / "Users" / "x"
    user.mkdir(parents=True)
    (user / "NTUSER.DAT").write_bytes(write_hive(new_hive("user")))
    path = tmp_path / "disk.img"
    layout = DiskLayout(Scheme.MBR, (PartitionSpec(Role.PRIMARY, filesystem=FileSystem.NTFS),))
    table = make_disk(path, 48 << 20, layout, {1: tree})
    assert table.partitions[0].extent.first * 512 == FIRST_BYTE
    return path


@pytest.mark.foreign
def test_hives_inside_an_ntfs_volume_are_changed_in_place(disk: Path, tmp_path: Path) -> None:
    registration = tmp_path / "x.reg"
    registration.write_text(REG)
    where = (disk, "--partition", "1", "--hive")
    osdimage("registry", "import", *where, "system", registration)
    osdimage("registry", "set", *where, r"users\X\ntuser.dat", r"HKCU\Software\Mine", "1", "--value", "v")
    volume = tmp_path / "volume"
    volume.write_bytes(disk.read_bytes()[FIRST_BYTE:])
    stored = subprocess.run(
        [judges.require("ntfscat"), volume, "/Windows/System32/config/SYSTEM"], capture_output=True, check=True
    ).stdout
    assert start_of(stored) == (4, b"\0\0\0\0")
    assert not any(path.startswith("Old") for path in hive_judges.dissect(stored))
    ntfs_judges.ntfsfix(volume)
    key = osdimage("registry", "get", *where, r"Users\x\NTUSER.DAT", r"Software\Mine", "--value", "v")
    assert key.out == "1\n"


def test_of_a_disk_a_partition_must_be_chosen(disk: Path) -> None:
    for verb in (("get",), ("set", "Setup", "--delete")):
        message = osdimage("registry", verb[0], disk, *verb[1:], "--hive", "SYSTEM", code=2).err
        assert message.startswith(f"osdimage: {disk}: is a disk with a partition table: 1 (")
        assert message.endswith("; --partition chooses the one with the hive\n")


def test_a_refused_change_leaves_the_volume_as_it_was(disk: Path) -> None:
    before = disk.read_bytes()
    where = (disk, "--partition", "1", "--hive")
    assert "dirty" in osdimage("registry", "set", *where, "DEFAULT", "Key", code=4).err
    assert "config/SAM" in osdimage("registry", "set", *where, "SAM", "Key", code=2).err
    assert "no partition 9" in osdimage("registry", "get", disk, "--partition", "9", "--hive", "SAM", code=2).err
    assert disk.read_bytes() == before


# ---- inside WIMs


def wim_with(hive: bytes) -> bytes:
    # Full access, and read and execute, for the Administrators.
    descriptors = [descriptor(0x1F01FF), descriptor(0x1200A9)]

    def tree() -> wimcraft.Node:
        system = wimcraft.Node("SYSTEM", hive, attributes=0x26, security_id=1, short_name="SYS~1")
        config = wimcraft.folder("config", system, wimcraft.Node("SAM", b"sam", security_id=1))
        config.security_id = 0
        return wimcraft.root(wimcraft.folder("Windows", wimcraft.folder("System32", config)), wimcraft.Node("x", b"1"))

    return wimcraft.build(tree(), tree(), descriptors=descriptors)


def detailed(wim: Path, image: int) -> dict[str, list[str]]:
    """Return the lines of ``wimlib-imagex dir --detailed`` for each file."""
    found = {}
    for block in judges.output("wimlib-imagex", "dir", wim, str(image), "--detailed").split("-" * 76):
        # What both images shared is in one of them alone afterwards.
        lines = [line for line in block.splitlines() if line.strip() and "Reference Count" not in line]
        if lines:
            found[lines[0]] = lines
    return found


@pytest.mark.foreign
def test_a_hive_inside_a_wim_is_changed_and_keeps_what_belongs_to_the_file(tmp_path: Path) -> None:
    wim = tmp_path / "x.wim"
    wim.write_bytes(wim_with(write_hive(system_hive())))
    before = [detailed(wim, image) for image in (1, 2)]
    where = (wim, "--hive", "SYSTEM", "--index", "2")
    osdimage("registry", "set", *where, "Select", "2", "--value", "Default", "--type", "dword")
    after = [detailed(wim, image) for image in (1, 2)]
    assert after[0] == before[0]
    assert after[1].keys() == before[1].keys()
    (changed,) = [path for path in before[1] if before[1][path] != after[1][path]]
    assert "SYSTEM" in changed
    pairs = zip(before[1][changed], after[1][changed], strict=True)
    # Security descriptor, attributes, short name and the other two times are as they were.
    assert {new.split("=")[0].strip() for old, new in pairs if old != new} == {
        "Last Write Time",
        "Hash",
        "Offset in WIM",
    }
    judges.run("wimlib-imagex", "verify", wim)
    judges.seven_zip_test(wim)
    assert osdimage("registry", "get", *where, "Select", "--value", "Default").out == "0x2\n"
    one = (wim, "--hive", "SYSTEM", "--index", "1")
    assert osdimage("registry", "get", *one, "Select", "--value", "Default").out == "0x1\n"


@pytest.mark.foreign
def test_a_hive_of_a_delta_is_read_from_its_base_and_changed_in_the_delta(tmp_path: Path) -> None:
    """Both are made, and the delta is checked and extracted, by wimlib-imagex."""
    tree, base, delta, folder = (tmp_path / name for name in ("tree", "base.wim", "delta.wim", "out"))
    config = tree / "Windows/System32/config"
    config.mkdir(parents=True)
    (config / "SYSTEM").write_bytes(write_hive(system_hive()))
    (tree / "large").write_bytes(os.urandom(200_000))
    judges.wimlib("capture", tree, base)
    judges.wimlib("capture", tree, delta, "--delta-from", base)
    where = (delta, "--hive", "SYSTEM", "--ref", base)
    key = r"CurrentControlSet\Services\stornvme"
    assert osdimage("registry", "get", *where, key, "--value", "Start").out.strip() == "0x3"
    before = delta.read_bytes()
    for verb in (("get", *where[:3], key), ("set", *where[:3], key, "0", "--value", "Start", "--type", "dword")):
        assert "--ref" in osdimage("registry", *verb, code=3).err
    assert delta.read_bytes() == before
    osdimage("registry", "set", *where, key, "0", "--value", "Start", "--type", "dword")
    judges.wimlib("verify", delta, f"--ref={base}")
    judges.wimlib("extract", delta, "1", "/Windows/System32/config/SYSTEM", f"--ref={base}", "--dest-dir", folder)
    assert '"Start"=dword:00000000' in hive_judges.hivexregedit_export(folder / "SYSTEM")
    # What the base has is not copied.
    assert delta.stat().st_size < 100_000
    # The file itself is named where it is no WIM.
    assert "is not in a WIM" in osdimage("registry", "get", config / "SYSTEM", "--ref", base, code=2).err


@pytest.mark.foreign
def test_a_refused_change_leaves_the_wim_as_it_was(tmp_path: Path) -> None:
    wim = tmp_path / "x.wim"
    wim.write_bytes(wim_with(make_dirty(write_hive(system_hive()))))
    before = wim.read_bytes()
    where = (wim, "--hive", "SYSTEM", "--index", "1")
    assert "dirty" in osdimage("registry", "set", *where, "Key", code=4).err
    assert "choose one of 2 images" in osdimage("registry", "get", wim, "--hive", "SYSTEM", code=2).err
    assert "SECURITY" in osdimage("registry", "set", wim, "--hive", "SECURITY", "--index", "1", "Key", code=2).err
    assert "is a WIM" in osdimage("registry", "get", *where, "--partition", "1", code=2).err
    assert "not a registry hive" in osdimage("registry", "get", wim, "--hive", "SAM", "--index", "1", code=3).err
    assert "nothing" in osdimage("registry", "set", *where, "Nowhere", "--delete", "--force").out
    assert wim.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.wim"]


def test_a_damaged_hive_is_shown_with_what_is_wrong(hive: Path) -> None:
    data = hive.read_bytes().replace(b"Old", b"OLD").replace(b"Select", b"Setect")
    hive.write_bytes(data)
    shown = osdimage("registry", "get", hive)
    assert shown.out.count("\n") == 5
    assert f"warning: {hive}: damaged hive: key 'SYSTEM': its list has a wrong hash for 'Setect'" in shown.err
    # Also when what is looked for is not there.
    assert "damaged hive" in osdimage("registry", "get", hive, "Nothing", code=2).err
    assert "damaged hive" in osdimage("registry", "set", hive, "Setect", "x", "--value", "y").err


def test_a_damaged_list_is_written_only_by_force(hive: Path) -> None:
    data = bytearray(hive.read_bytes())
    root = 4100 + struct.unpack_from("<I", data, 36)[0]
    struct.pack_into("<I", data, root + 28, 4)
    hive.write_bytes(data)
    refused = osdimage("registry", "set", hive, "New", code=3)
    assert "a change there would lose what cannot be read; --force writes the hive anew" in refused.err
    assert hive.read_bytes() == data
    osdimage("registry", "set", hive, "", "1", "--value", "fine")
    osdimage("registry", "set", hive, "New", "--force")
    assert list(hive_judges.dissect(hive.read_bytes())) == ["", "New"]


def test_names_that_a_reg_file_cannot_hold_are_left_out_and_named(tmp_path: Path) -> None:
    made = new_hive("R")
    made.root.ensure("k\r\n[HKEY_X\\").ensure("below")
    made.root.ensure("Good").set(Value.string("a\u2028", "x"))
    path, exported = tmp_path / "HIVE", tmp_path / "x.reg"
    path.write_bytes(write_hive(made))
    done = osdimage("registry", "export", path, "--to", exported, code=1)
    assert r"1 key or value left out: 'HKEY_LOCAL_MACHINE\\HIVE\\k\r\n[HKEY_X'" in done.err
    assert done.err.count("\n") == 1
    assert exported.read_text("utf-16") == (
        "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\HIVE]\n\n[HKEY_LOCAL_MACHINE\\HIVE\\Good]\n"
        '"a\u2028"="x"\n\n'
    )
    # What is printed would have other characters for it.
    printed = osdimage("registry", "export", path, code=1)
    assert "2 keys and values left out" in printed.err
    assert printed.out.endswith("\n[HKEY_LOCAL_MACHINE\\HIVE\\Good]\n\n")


def test_a_hive_that_does_not_tell_the_current_control_set_is_not_given_a_key_of_that_name(tmp_path: Path) -> None:
    path = tmp_path / "SYSTEM"
    made = new_hive("R")
    made.root.ensure("ControlSet001")
    path.write_bytes(write_hive(made))
    before = path.read_bytes()
    refused = osdimage("registry", "set", path, r"CurrentControlSet\x", code=2)
    assert "name a control set: 'ControlSet001'" in refused.err
    assert path.read_bytes() == before

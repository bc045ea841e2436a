"""What is left of a hive, and of what holds it, when a change of the registry is killed or meets a full disk."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases.smalldisk import small_disk
from cases.windows_trees import write_tree
from judges import wim as judges
from judges.fat import copy_out, fsck
from judges.hive import dissect
from judges.ntfs import is_consistent, is_dirty, ntfsfix
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from runs.commands import osdimage
from runs.killed import Killer, killer
from runs.sandbox import COMMAND

pytestmark = pytest.mark.foreign
HIVE = "Windows/System32/config/SYSTEM"
NEW = f"{HIVE}.osdimage-new"
MIB = 1 << 20
KEY = "Setup"


@dataclass(frozen=True)
class Material:
    """A WIM, an NTFS volume and a FAT32 volume with the same hive, and a change that makes it much larger."""

    wim: Path
    ntfs: Path
    fat: Path
    change: Path
    hive: bytes
    added: bytes


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("registry")
    hive = new_hive("SYSTEM")
    hive.root.ensure(KEY).set(Value.binary("Old", random.Random(1).randbytes(200_000)))
    data = write_hive(hive)
    wim, ntfs, fat = folder / "x.wim", folder / "ntfs", folder / "fat"
    judges.wimlib("capture", write_tree(folder / "tree", {HIVE: data}), wim, "Windows")
    judges.make_ntfs(ntfs, 16 * MIB)
    judges.run("mkfs.vfat", "-F32", "-s", "1", "-C", fat, "40960")
    for volume in (ntfs, fat):
        osdimage("apply", wim, volume)
    # 300,000 bytes as the UTF-16 of a hive; of text, since to parse as many of hex takes most of a second.
    text = random.Random(2).randbytes(75_000).hex()
    change = folder / "change.reg"
    change.write_text(f'Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SYSTEM\\{KEY}]\n"New"="{text}"\n')
    return Material(wim, ntfs, fat, change, data, f"{text}\0".encode("utf-16-le"))


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with killer(tmp_path_factory.mktemp("killer")) as made:
        yield made


def values(hive: bytes) -> dict[str, object]:
    return {name: held[1] for name, held in dissect(hive)[KEY].items()}


def moments(writes: int, count: int) -> list[int]:
    """Return the first and last writes, and some between them."""
    edges = {*range(min(3, writes)), *range(max(0, writes - 8), writes)}
    return sorted(edges | set(random.Random(3).sample(range(writes), min(count, writes))))


def on_ntfs(volume: Path, path: str) -> bytes | None:
    done = subprocess.run([judges.require("ntfscat"), "-f", volume, path], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def command(target: Path, material: Material) -> list[str]:
    return ["registry", "import", str(target), str(material.change), "--hive", "SYSTEM"]


@pytest.mark.slow
def test_a_kill_leaves_the_hive_of_a_volume_old_or_new_and_the_same_command_ends_the_work(
    material: Material, killing: Killer, tmp_path: Path
) -> None:
    volume = tmp_path / "volume"
    volume.write_bytes(material.ntfs.read_bytes())
    arguments = command(volume, material)
    writes = killing.writes(arguments)
    seen = set()
    for moment in range(writes):
        volume.write_bytes(material.ntfs.read_bytes())
        assert killing.kill(arguments, moment)
        is_clean = is_consistent(volume) and not is_dirty(volume)
        if is_clean:
            held = on_ntfs(volume, f"/{HIVE}")
            assert held is not None
            assert held == material.hive or values(held)["New"] == material.added, moment
        seen.add(is_clean)
        # A reader sees it as it will be.
        out = tmp_path / "out.reg"
        out.unlink(missing_ok=True)
        osdimage("registry", "export", volume, KEY, "--hive", "SYSTEM", "--to", out)
        osdimage(*arguments)
        ntfsfix(volume)
        assert not is_dirty(volume)
        held = on_ntfs(volume, f"/{HIVE}")
        assert held is not None
        assert values(held)["New"] == material.added, moment
        assert on_ntfs(volume, f"/{NEW}") is None
    assert seen == {True, False}


def test_what_an_earlier_version_left_beside_a_damaged_hive_is_taken_up(material: Material, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {HIVE: material.hive[:5000] + bytes(3000), NEW: material.hive})
    wim, volume = tmp_path / "x.wim", tmp_path / "volume"
    judges.wimlib("capture", tree, wim, "Windows")
    osdimage("apply", wim, judges.make_ntfs(volume, 16 * MIB))
    assert f"is in {NEW}" in osdimage("registry", "get", volume, KEY, "--hive", "SYSTEM", code=3).err
    osdimage(*command(volume, material))
    ntfsfix(volume)
    held = on_ntfs(volume, f"/{HIVE}")
    assert held is not None
    assert values(held)["New"] == material.added
    assert values(held)["Old"] == values(material.hive)["Old"]
    assert on_ntfs(volume, f"/{NEW}") is None


@pytest.mark.matrix
@pytest.mark.slow
def test_a_kill_leaves_the_hive_of_a_fat32_volume_old_or_new(
    material: Material, killing: Killer, tmp_path: Path
) -> None:
    volume = tmp_path / "volume"
    volume.write_bytes(material.fat.read_bytes())
    arguments = command(volume, material)
    writes = killing.writes(arguments)
    fsck(volume)
    outcomes = set()
    for moment in moments(writes, 8):
        volume.write_bytes(material.fat.read_bytes())
        assert killing.kill(arguments, moment)
        copied = tmp_path / f"out-{moment}"
        copy_out(volume, copied)
        held = (copied / HIVE).read_bytes()
        assert values(held)["Old"] == values(material.hive)["Old"]
        assert values(held).get("New") in {None, material.added}, moment
        outcomes.add("New" in values(held))
    assert outcomes == {False, True}


@pytest.mark.matrix
@pytest.mark.slow
def test_a_kill_leaves_a_wim_with_the_old_hive_or_the_new_one(
    material: Material, killing: Killer, tmp_path: Path
) -> None:
    wim = tmp_path / "x.wim"
    wim.write_bytes(material.wim.read_bytes())
    arguments = command(wim, material)
    writes = killing.writes(arguments)
    for moment in moments(writes, 4):
        wim.write_bytes(material.wim.read_bytes())
        assert killing.kill(arguments, moment)
        judges.wimlib("verify", wim)
        out = tmp_path / f"out-{moment}"
        judges.run("wimlib-imagex", "extract", wim, "1", f"/{HIVE}", "--dest-dir", out, "--no-acls")
        held = (out / "SYSTEM").read_bytes()
        assert held == material.hive or values(held)["New"] == material.added
    assert killing.writes(arguments)
    judges.wimlib("verify", wim)


@pytest.mark.root
def test_a_full_disk_leaves_the_wim_as_it_was(material: Material, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    old = material.wim.read_bytes()
    with small_disk(folder, len(old) + MIB // 8) as disk:
        (disk.seen / "x.wim").write_bytes(old)
        done = subprocess.run(
            [*disk.prefix, *COMMAND, *command(disk.path / "x.wim", material)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert "No space left on device" in done.stderr
        assert (disk.seen / "x.wim").read_bytes() == old
        assert [each.name for each in disk.seen.iterdir()] == ["x.wim"]


@pytest.mark.parametrize("kind", ["ntfs", "fat32"])
def test_a_full_volume_keeps_the_old_hive(material: Material, tmp_path: Path, kind: str) -> None:
    volume = tmp_path / "volume"
    tree = write_tree(tmp_path / "tree", {HIVE: material.hive, "filler": bytes(64)})
    if kind == "ntfs":
        judges.make_ntfs(volume, 3 * MIB)
    else:
        judges.run("mkfs.vfat", "-F32", "-s", "1", "-C", volume, "36864")
    room = (3 * MIB - MIB // 2 - 800_000) if kind == "ntfs" else 36 * MIB - 1_100_000
    (tree / "filler").write_bytes(random.Random(4).randbytes(room))
    wim = tmp_path / "x.wim"
    judges.wimlib("capture", tree, wim, "Windows")
    osdimage("apply", wim, volume)
    # Only of FAT32 nothing was written: an NTFS volume is marked dirty before its files change.
    assert "the volume is full" in osdimage(*command(volume, material), code=1 if kind == "ntfs" else 4).err
    if kind == "ntfs":
        ntfsfix(volume)
        assert on_ntfs(volume, f"/{HIVE}") == material.hive
    else:
        fsck(volume)
        copy_out(volume, tmp_path / "out")
        assert (tmp_path / "out" / HIVE).read_bytes() == material.hive


def test_a_hive_of_a_fat32_volume_is_changed_in_place(material: Material, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.write_bytes(material.fat.read_bytes())
    where = (volume, "--hive", "system")
    osdimage("registry", "set", *where, r"Setup\Status", "7", "--value", "Number", "--type", "dword")
    assert osdimage("registry", "get", *where, r"HKLM\SYSTEM\Setup\Status", "--value", "Number").out == "0x7\n"
    exported = tmp_path / "out.reg"
    osdimage("registry", "export", *where, r"Setup\Status", "--to", exported)
    assert '"Number"=dword:00000007' in exported.read_text("utf-16")
    fsck(volume)
    copy_out(volume, tmp_path / "out")
    assert dissect((tmp_path / "out" / HIVE).read_bytes())[r"Setup\Status"]["Number"] == (4, b"\7\0\0\0")

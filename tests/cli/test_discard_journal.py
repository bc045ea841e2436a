"""A volume that was not shut down, in every command: it is read and told of once, and written to with leave only."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cases.installs import ONE, disk_with
from cases.journals import CLEAN, UNCLEAN, UNSHUT, probed, write_journal
from cases.windows_trees import windows_files, write_tree
from judges import wim as judges
from judges.disk import cut_out, sfdisk
from judges.ntfs import contents, is_dirty, ntfsfix
from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.units import MIB
from osdimage.imaging.volume import open_files, pending
from runs.commands import Outcome, osdimage

pytestmark = pytest.mark.foreign

SAID = "the volume was not shut down: its journal holds changes that are not in it; files that were written last"
HIVE = "Windows/System32/config/SYSTEM"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with one NTFS volume, whose Windows starts, and a WIM of that volume beside it."""
    folder = tmp_path_factory.mktemp("started")
    hive = new_hive("SYSTEM")
    hive.root.ensure("Setup")
    files = {**windows_files(), HIVE: write_hive(hive)}
    disk = disk_with(folder, ONE, {1: files}, size=100 * MIB)
    osdimage("boot", "install", disk, "--partition", "1", "--quiet")
    write_tree(folder / "tree", {"new": b"new", "Windows/explorer.exe": b"newer"})
    judges.wimlib("capture", folder / "tree", folder / "new.wim", "new")
    return disk


def part_of(disk: Path) -> Path:
    (row,) = sfdisk(disk)[1]
    assert row.sectors is not None
    return cut_out(disk, row.first * 512, row.sectors * 512, disk.with_name("part.ntfs"))


@pytest.fixture
def disk(started: Path, tmp_path: Path) -> Path:
    """The disk, of which nobody has shut down the Windows."""
    copy = cut_out(started, 0, started.stat().st_size, tmp_path / "disk.img")
    (row,) = sfdisk(copy)[1]
    write_journal(copy, *UNSHUT, at=row.first * 512)
    (tmp_path / "new.wim").write_bytes((started.parent / "new.wim").read_bytes())
    (tmp_path / "change.reg").write_text(
        'Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SYSTEM\\Setup]\n"New"="x"\n'
    )
    return copy


def run(disk: Path, line: str, code: int | None = 0) -> Outcome:
    """Run a command in the folder of the disk, which it calls DISK."""
    words = [str(disk) if word == "DISK" else word for word in line.split()]
    words = [str(disk.with_name(word)) if re.search(r"\.(wim|reg|yaml)$|^out$", word) else word for word in words]
    return osdimage(*words, code=code)


@pytest.mark.parametrize(
    "line",
    [
        "list DISK --partition 1",
        "extract DISK Windows --partition 1 --to out",
        "capture DISK out.wim --partition 1",
        "capture DISK out.wim --all-volumes",
        "compare new.wim DISK --partition 1",
        "registry get DISK --hive SYSTEM --partition 1",
        "registry export DISK --hive SYSTEM --partition 1",
        "boot show DISK",
        "boot check DISK",
        "disk show DISK",
        "disk check DISK",
        "disk check DISK --partition 1",
    ],
)
def test_a_command_that_reads_says_so_once(line: str, disk: Path) -> None:
    before = disk.read_bytes()
    done = run(disk, line, code=None)
    assert done.code == (1 if line.startswith("compare") else 0), done.err
    said = done.out + done.err
    assert said.count(SAID) == 1, said
    assert f"{disk} partition 1: {SAID}" in said or line == "disk check DISK --partition 1"
    assert disk.read_bytes() == before


SEQUENCE = r"""
steps:
  - step: data
    type: SMS_TaskSequence_ApplyDataImageAction
    variables: {ImagePackageID: NEW, OSDDataImageIndex: "1", OSDDestinationDisk: "0", OSDDestinationPartition: "1",
      OSDWipeDestinationPartition: "false"}
"""
WRITERS = {
    "apply new.wim DISK --partition 1": "/new",
    "apply new.wim DISK --all-volumes": "/new",
    "registry set DISK Setup x --value V --hive SYSTEM --partition 1": f"/{HIVE}",
    "registry import DISK change.reg --hive SYSTEM --partition 1": f"/{HIVE}",
    "boot install DISK --partition 1 --new-store": "/Boot/BCD",
}


@pytest.mark.parametrize("line", WRITERS)
def test_a_command_that_writes_is_refused_and_does_so_with_leave(line: str, disk: Path) -> None:
    before = disk.read_bytes()
    old = contents(part_of(disk))
    for more in ("", "--force"):
        if more and "all-volumes" not in line:
            line = f"{line} {more}"
        said = run(disk, line, code=4).err
        assert SAID in said
        assert "shut it down with shutdown /s /f /t 0; --discard-journal gives up what is in the journal alone" in said
        assert disk.read_bytes() == before
    done = run(disk, f"{line.removesuffix(' --force')} --discard-journal")
    assert "stays marked dirty" in done.err
    part = part_of(disk)
    assert probed(part) == CLEAN
    assert is_dirty(part)
    ntfsfix(part)
    new = contents(part)
    changed = WRITERS[line.removesuffix(" --force")]
    assert new[changed] != old.get(changed)


def test_boot_fix_is_refused_and_does_so_with_leave(disk: Path) -> None:
    judges.run("sfdisk", "-q", "--disk-id", disk, "0x12345678")
    before = disk.read_bytes()
    for more in ((), ("--force",), ("--dry-run",)):
        assert SAID in osdimage("boot", "fix", disk, *more, code=4).err
    assert disk.read_bytes() == before
    osdimage("boot", "fix", disk, "--discard-journal")
    assert probed(part_of(disk)) == CLEAN
    assert run(disk, "boot check DISK").code == 0


def test_a_task_sequence_is_refused_and_goes_on_with_leave(disk: Path) -> None:
    disk.with_name("s.yaml").write_text(SEQUENCE)
    words = ("run", disk.with_name("s.yaml"), "--disk", f"0={disk}", "--package", f"NEW={disk.with_name('new.wim')}")
    before = contents(part_of(disk))
    done = osdimage(*words, "--yes", code=None)
    assert done.code != 0
    assert SAID in done.out + done.err
    part = part_of(disk)
    assert probed(part) == UNCLEAN
    assert contents(part) == before
    osdimage(*words, "--yes", "--discard-journal")
    assert "/new" in contents(part_of(disk))


def test_what_is_given_up_is_told_although_the_change_fails(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mark_alone(*_: object, mark: Callable[[], None], **__: object) -> None:
        mark()
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(pending, "carry_out", mark_alone)
    told: list[str] = []
    leave = Opening(told=told.append, discards_journal=True)
    with (
        open_volume(disk, 1, write=True, opening=leave) as volume,
        pytest.raises(OSError, match="error"),
        open_files(volume, write=True) as files,
    ):
        files.write("/new", b"new")
    assert probed(part_of(disk)) == CLEAN
    (text,) = told
    assert text.startswith(f"{disk} partition 1: its journal was emptied, and the changes that were in it alone are")


def test_a_wipe_and_a_format_need_no_leave(disk: Path) -> None:
    run(disk, "apply new.wim DISK --partition 1 --wipe --yes")
    part = part_of(disk)
    assert (probed(part), is_dirty(part)) == (CLEAN, False)
    assert "/Windows/System32" not in contents(part)
    (row,) = sfdisk(disk)[1]
    write_journal(disk, *UNSHUT, at=row.first * 512)
    run(disk, "disk format DISK --partition 1 --yes")
    assert probed(part_of(disk)) == CLEAN


def test_a_wipe_that_leaves_something_needs_leave(disk: Path) -> None:
    before = disk.read_bytes()
    line = "apply new.wim DISK --partition 1 --wipe --yes --keep Windows"
    assert SAID in run(disk, line, code=4).err
    assert disk.read_bytes() == before
    run(disk, f"{line} --discard-journal")
    part = part_of(disk)
    ntfsfix(part)
    assert {"/new", "/Windows/System32/ntoskrnl.exe"} <= contents(part).keys()


def test_what_the_journal_says_is_in_the_document(disk: Path) -> None:
    (partition,) = run(disk, "disk show DISK --json").document["partitions"]
    assert partition["journal"] == "open"
    error = json.loads(run(disk, "registry set DISK A x --hive SYSTEM --partition 1 --value V --json", code=4).out)
    assert "--discard-journal" in error["error"]["remedy"]


def test_a_system_volume_elsewhere_is_refused_before_anything_is_written(disk: Path) -> None:
    windows = disk.with_name("windows.img")
    judges.wimlib("capture", write_tree(disk.with_name("w"), windows_files()), disk.with_name("w.wim"), "Windows")
    words = ("deploy", disk.with_name("w.wim"), windows, "--preset", "data-mbr", "--size", "200MB", "--system", disk)
    before = disk.read_bytes()
    assert SAID in osdimage(*words, code=4).err
    assert disk.read_bytes() == before
    assert not windows.exists()
    osdimage(*words, "--discard-journal")
    part = part_of(disk)
    assert (probed(part), is_dirty(part)) == (CLEAN, True)

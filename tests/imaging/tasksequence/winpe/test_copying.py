"""``copy``, ``xcopy`` and ``robocopy``: what Wine's programs cannot judge."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from judges.disk import partition_of
from judges.ntfs import contents
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine, Place
from osdimage.imaging.tasksequence.result import SILENT
from osdimage.imaging.tasksequence.winpe import trees
from osdimage.imaging.tasksequence.winpe.command import Outcome
from osdimage.imaging.tasksequence.winpe.places import written
from osdimage.imaging.tasksequence.winpe.recognized import recognize

pytestmark = pytest.mark.foreign

CarryOut = Callable[[str], Outcome]


@pytest.fixture
def share(tmp_path: Path, machine: Machine) -> Path:
    del machine
    folder = tmp_path / "share"
    (folder / "Tools" / "empty").mkdir(parents=True)
    (folder / "Tools" / "sub").mkdir()
    for path, text in (("Tools/a.txt", "A"), ("Tools/b.log", "B"), ("Tools/sub/c.txt", "C")):
        (folder / path).write_text(text)
    (folder / "Tools" / "away").symlink_to(tmp_path)
    return folder


def tree(machine: Machine, tmp_path: Path) -> dict[str, str]:
    return contents(partition_of(machine.disks[0], 1, tmp_path / "volume.ntfs"))


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


# "Exit (return) codes" of "robocopy" (learn.microsoft.com): 0 nothing to copy, 1 copied, 2 extra files, 3 = 1 + 2,
# 16 "Robocopy didn't copy any files".
def test_robocopy_ends_with_the_sum_of_what_it_did(
    machine: Machine, carry_out: CarryOut, share: Path, tmp_path: Path
) -> None:
    assert carry_out(r"robocopy \\SRV\share\tools C:\t /e /np /r:1 /w:1").code == 1
    expected = {
        "/t": "directory",
        "/t/a.txt": sha1("A"),
        "/t/b.log": sha1("B"),
        "/t/sub": "directory",
        "/t/sub/c.txt": sha1("C"),
        "/t/empty": "directory",
    }
    assert tree(machine, tmp_path) == expected
    assert carry_out(r"robocopy \\srv\share\Tools C:\t /e").code == 0
    (share / "Tools" / "a.txt").unlink()
    assert carry_out(r"robocopy \\srv\share\Tools C:\t /e").code == 2
    (share / "Tools" / "new.txt").write_text("N")
    assert carry_out(r"robocopy \\srv\share\Tools C:\t /mir").code == 3
    del expected["/t/a.txt"]
    assert tree(machine, tmp_path) == expected | {"/t/new.txt": sha1("N")}
    assert carry_out(r"robocopy \\srv\share\none C:\t").code == 16


def test_robocopy_takes_names_and_leaves_others_out(
    machine: Machine, carry_out: CarryOut, share: Path, tmp_path: Path
) -> None:
    del share
    assert carry_out(r"robocopy \\srv\share\Tools C:\t *.txt *.log /s /xf b.* /xd em* /xo").code == 1
    assert sorted(tree(machine, tmp_path)) == ["/t", "/t/a.txt", "/t/sub", "/t/sub/c.txt"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (r"robocopy \\srv\share C:\t /copyall", "/copyall"),
        (r"robocopy \\srv\share C:\t /copy:DATSOU", "owners and permissions"),
        (r"robocopy \\srv\share C:\t /mov", "/mov"),
        (r"robocopy \\srv\share", "valid of robocopy"),
        (r"xcopy C:\a C:\b /exclude:list.txt", "/exclude"),
        (r"xcopy C:\a", "valid of xcopy"),
        (r"cmd /c copy C:\a+C:\b C:\c", "with one source"),
        (r"cmd /c copy a.txt C:\c", "it has no package"),
        (r"cmd /c copy \\other\share\a C:\c", "no share that has a folder"),
        (r"cmd /c copy C:\a \\srv\share\a", "no whole path of a drive"),
    ],
)
def test_what_is_not_known_is_refused(machine: Machine, line: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        recognize(line, machine)


def test_a_plan_finds_what_is_not_there_outside_and_knows_nothing_of_the_ram_disk(machine: Machine) -> None:
    with pytest.raises(InvalidRequest, match="nothing of this name"):
        recognize(r"cmd /c copy \\srv\share\none C:\x", machine).foretell(machine)
    with pytest.raises(InvalidRequest, match="RAM disk"):
        recognize(r"cmd /c copy X:\a C:\x", machine).foretell(machine)


def test_files_of_the_package_are_those_of_its_folder(machine: Machine, share: Path, tmp_path: Path) -> None:
    line = recognize(r"xcopy TOOLS\*.txt C:\p\ /s", machine, share)
    assert line.carry_out(machine, SILENT).code == 0
    assert sorted(tree(machine, tmp_path)) == ["/p", "/p/a.txt", "/p/sub", "/p/sub/c.txt"]


def test_where_a_person_would_be_asked_nothing_is_copied(
    machine: Machine, carry_out: CarryOut, share: Path, tmp_path: Path
) -> None:
    del share
    assert carry_out(r"xcopy \\srv\share\Tools\a.txt C:\new").code == 4
    assert carry_out(r"cmd /c copy \\srv\share\Tools\a.txt C:\a.txt").code == 0
    assert carry_out(r"cmd /c copy \\srv\share\Tools\b.log C:\a.txt").code == 1
    assert carry_out(r"xcopy \\srv\share\Tools\a.txt C:\ ").code == 4
    assert tree(machine, tmp_path) == {"/a.txt": sha1("A")}


def test_a_folder_is_not_copied_into_itself(carry_out: CarryOut) -> None:
    carry_out(r"cmd /c mkdir C:\a\b")
    assert carry_out(r"xcopy C:\a C:\a\b\c /e /i").code == 4
    assert carry_out(r"robocopy C:\a C:\a\b /e").code == 16


def test_hidden_files_go_with_h_alone_and_read_only_ones_become_plain(machine: Machine, carry_out: CarryOut) -> None:
    with written(machine, Place(0, 1), is_repeated=False) as files:
        files.write("s/hidden.txt", b"h", attributes=FileAttribute.HIDDEN)
        files.write("s/readonly.txt", b"r", attributes=FileAttribute.READONLY, modified_ns=10**18)
    carry_out(r"xcopy C:\s C:\plain /i")
    carry_out(r"xcopy C:\s C:\all /i /h /k")
    with written(machine, Place(0, 1), is_repeated=False) as files:
        assert [each.name for each in files.list("plain")] == ["readonly.txt"]
        copied = files.find("plain/readonly.txt")
        assert copied is not None
        assert (copied.attributes & 0xFF, copied.modified_ns) == (FileAttribute.ARCHIVE, 10**18)
        kept = {each.name: each.attributes & 0xFF for each in files.list("all")}
        archive = FileAttribute.ARCHIVE
        assert kept == {"hidden.txt": FileAttribute.HIDDEN | archive, "readonly.txt": FileAttribute.READONLY | archive}


def test_a_newer_file_alone_replaces_with_d(machine: Machine, carry_out: CarryOut, share: Path, tmp_path: Path) -> None:
    file = share / "Tools" / "a.txt"
    carry_out(r"xcopy \\srv\share\Tools\a.txt C:\d\ ")
    file.write_text("older")
    os.utime(file, (10**9, 10**9))
    assert carry_out(r"xcopy \\srv\share\Tools\a.txt C:\d\ /d /y").code == 0
    assert tree(machine, tmp_path)["/d/a.txt"] == sha1("A")


def test_more_than_one_command_copies_is_refused(
    machine: Machine, carry_out: CarryOut, share: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del share
    monkeypatch.setattr(trees, "MOST", 2)
    with pytest.raises(InvalidRequest, match="more than 2 files"):
        carry_out(r"xcopy \\srv\share\Tools C:\t /e /i")
    monkeypatch.undo()
    monkeypatch.setattr(trees, "LARGEST_BYTES", 0)
    with pytest.raises(InvalidRequest, match="at most 0 bytes"):
        carry_out(r"xcopy \\srv\share\Tools C:\t /e /i")
    assert tree(machine, tmp_path) == {}


def test_folders_deeper_than_any_are_refused_before_something_is_copied(
    machine: Machine, carry_out: CarryOut, share: Path, tmp_path: Path
) -> None:
    (share / "Tools" / "/".join(["d"] * 140)).mkdir(parents=True)
    with pytest.raises(InvalidRequest, match="has folders more than 128 deep"):
        carry_out(r"xcopy \\SRV\share\Tools C:\t /e /i")
    assert tree(machine, tmp_path) == {}


@pytest.mark.parametrize("excluded", [r"/xd C:\Tools\sub", r"/xf sub\c.txt", "/xf *."])
def test_robocopy_is_told_names_and_no_paths(machine: Machine, excluded: str) -> None:
    with pytest.raises(InvalidRequest, match="and Windows would not open it"):
        recognize(rf"robocopy C:\a C:\b /e {excluded}", machine)

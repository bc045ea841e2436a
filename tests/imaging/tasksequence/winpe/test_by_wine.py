"""Commands of the shell and xcopy, compared with those of Wine: the same files afterwards, and the same exit codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from judges.disk import partition_of
from judges.ntfs import contents
from judges.wim import assert_ntfs_clean, sha1_of
from judges.wine import Wine
from osdimage.imaging.tasksequence.computer.machine import Machine, Place
from osdimage.imaging.tasksequence.winpe.command import Outcome
from osdimage.imaging.tasksequence.winpe.places import written

pytestmark = pytest.mark.foreign

_OF_WINE = {"windows", "users", "Program Files", "Program Files (x86)", "ProgramData"}
FILES = {"src/a.txt": b"A", "src/b.log": b"B", "src/sub/b.txt": b"BB"}
# One behind the other: most work on what those before them have made.  Left out is where Wine 8 is not as Windows: its
# rd never fails, its robocopy does nothing, its mkdir leaves the code of a command before it, its && hears of no
# failure, and %ERRORLEVEL% is replaced when a command runs, not when a line is read.
LINES = (
    r"cmd /c mkdir C:\x\y",
    r"cmd /c mkdir C:\x",
    r"cmd /c copy C:\src\a.txt C:\x",
    r"cmd /c copy C:\src\a.txt C:\x\c.txt",
    r"cmd /c copy C:\src C:\x\y",
    r"cmd /c copy C:\src\none C:\x",
    r"cmd /c copy C:\src\a.txt C:\none\ ",
    r"cmd /c copy /y C:\src\b.log C:\x\c.txt",
    r"xcopy C:\src C:\t1 /s /i /y",
    r"xcopy C:\src C:\t2\ /e /y",
    r"xcopy C:\src C:\t3 /i /y",
    r"xcopy C:\src\*.txt C:\t4\ /s",
    r"xcopy C:\src\none C:\t6\ ",
    r"xcopy C:\src\*.zip C:\t6\ ",
    r"xcopy C:\src C:\t7 /t /e /i",
    r"cmd /c del /q C:\t1\*.txt",
    r"cmd /c del C:\t1\none",
    r"cmd /c del /s /q C:\t2\b.*",
    r"cmd /c del /q C:\t3",
    r"cmd /c rd /s /q C:\t2",
    r"cmd /c rd C:\src\sub\empty && mkdir C:\q1",
    r"cmd /c mkdir C:\x || copy C:\src\a.txt C:\x\d.txt",
    r"cmd /c mkdir C:\x & copy C:\src\a.txt C:\x\e.txt",
    r"cmd /c mkdir C:\m^&n >nul 2>&1",
    r"cmd /c mkdir C:\x & exit 7",
    r"cmd /c rd/s/q C:\x",
)


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    for path, data in FILES.items():
        (made.drive / path).parent.mkdir(parents=True, exist_ok=True)
        (made.drive / path).write_bytes(data)
    (made.drive / "src" / "sub" / "empty").mkdir()
    yield made
    made.stop()


def tree_of(drive: Path) -> dict[str, str]:
    tops = [each for each in drive.iterdir() if each.name not in _OF_WINE]
    paths = [each for top in tops for each in (top, *top.rglob("*"))]
    return {f"/{each.relative_to(drive)}": "directory" if each.is_dir() else sha1_of(each) for each in paths}


@pytest.mark.slow
def test_files_and_exit_codes_are_those_of_wine(
    wine: Wine, machine: Machine, carry_out: Callable[[str], Outcome], tmp_path: Path
) -> None:
    with written(machine, Place(0, 1), is_repeated=False) as files:
        for path, data in FILES.items():
            files.write(path, data)
        files.make_directory("src/sub/empty")
    told = []
    for line in LINES:
        words = line.split(" ", 2) if line.startswith("cmd") else line.split()
        told.append((line, wine.code_of(*words), carry_out(line).code))
    assert [each for each in told if each[1] != each[2]] == []
    volume = partition_of(machine.disks[0], 1, tmp_path / "volume.ntfs")
    assert_ntfs_clean(volume)
    assert contents(volume) == tree_of(wine.drive)

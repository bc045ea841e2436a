"""``md``, ``rd`` and ``del``: what Wine does otherwise than Windows, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine, NotThere, Place
from osdimage.imaging.tasksequence.result import Events
from osdimage.imaging.tasksequence.winpe.command import Outcome
from osdimage.imaging.tasksequence.winpe.places import written
from osdimage.imaging.tasksequence.winpe.recognized import recognize


def there(machine: Machine, *paths: str) -> list[str]:
    with written(machine, Place(0, 1), is_repeated=False) as files:
        return [path for path in paths if files.exists(path)]


# "rmdir" of Windows' shell: "The system cannot find the file specified" is ERROR_FILE_NOT_FOUND, 2, and "The directory
# is not empty" ERROR_DIR_NOT_EMPTY, 145 ("System error codes"); Wine's ends with 0.
def test_rd_fails_for_what_is_not_there_and_for_what_is_not_empty(
    machine: Machine, carry_out: Callable[[str], Outcome]
) -> None:
    carry_out(r"cmd /c mkdir C:\a\b")
    assert [carry_out(rf"cmd /c rd {path}").code for path in (r"C:\none", r"C:\a", r"C:\a\b", r"C:\a")] == [
        2,
        145,
        0,
        0,
    ]
    assert there(machine, "a") == []


def test_rd_of_a_drive_empties_it(machine: Machine, carry_out: Callable[[str], Outcome]) -> None:
    carry_out(r"cmd /c mkdir C:\a\b C:\c")
    assert carry_out("cmd /c rd /s /q C:\\").code == 0
    assert there(machine, "a", "c") == []


def test_del_passes_over_what_is_read_only_or_hidden(machine: Machine, carry_out: Callable[[str], Outcome]) -> None:
    with written(machine, Place(0, 1), is_repeated=False) as files:
        files.write("d/readonly.txt", b"x", attributes=FileAttribute.READONLY)
        files.write("d/hidden.txt", b"x", attributes=FileAttribute.HIDDEN)
        files.write("d/plain.txt", b"x")
    done = carry_out(r"cmd /c del /q C:\d\*.txt")
    assert (done.code, len(done.warnings)) == (0, 1)
    assert there(machine, "d/readonly.txt", "d/hidden.txt", "d/plain.txt") == ["d/readonly.txt", "d/hidden.txt"]
    carry_out(r"cmd /c del /f /q C:\d\*.txt")
    assert there(machine, "d/readonly.txt", "d/hidden.txt") == ["d/hidden.txt"]


# "cmd": "command1 && command2 ... runs command2 only if command1 completes successfully", and || only if it fails.
def test_what_hangs_on_the_command_before_it_runs_or_not(machine: Machine, carry_out: Callable[[str], Outcome]) -> None:
    assert carry_out(r"cmd /c rd C:\none && mkdir C:\a").code == 2
    assert carry_out(r"cmd /c rd C:\none || mkdir C:\b").code == 0
    assert carry_out(r"cmd /c mkdir C:\c && exit 7 || mkdir C:\d").code == 7
    assert carry_out(r"cmd /c rd C:\none & exit").code == 2
    assert there(machine, "a", "b", "c", "d") == ["b", "c"]


def test_a_step_that_is_tried_again_finds_what_it_made_before(
    machine: Machine, carry_out: Callable[[str], Outcome]
) -> None:
    carry_out(r"cmd /c mkdir C:\a")
    again = Events(is_repeated=True)
    assert recognize(r"cmd /c mkdir C:\a", machine).carry_out(machine, again).code == 0
    assert recognize(r"cmd /c rd C:\none", machine).carry_out(machine, again).code == 0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (r"cmd /c mkdir X:\_SMSTaskSequence", "RAM disk"),
        (r"cmd /c rd /s /q X:\a & del /q X:\b", "RAM disk"),
        (r"xcopy C:\a X:\b /e /i", "RAM disk"),
    ],
)
def test_what_goes_to_the_ram_disk_needs_nothing(machine: Machine, line: str, why: str) -> None:
    assert why in (recognize(line, machine).needless(machine) or "")


def test_a_line_of_which_a_part_changes_a_disk_is_needed(machine: Machine) -> None:
    assert recognize(r"cmd /c mkdir X:\a & mkdir C:\a", machine).needless(machine) is None


def test_what_is_lost_is_foretold(machine: Machine) -> None:
    told = recognize(r"cmd /c rd /s /q C:\a & del /q C:\b\*.txt & mkdir C:\c", machine).foretell(machine)
    assert told.destroys == (r"C:\a and all in it", r"the files C:\b\*.txt")
    assert told.does == r"remove the folder C:\a; delete C:\b\*.txt; make the folder C:\c"


def test_a_drive_that_is_not_there_may_be_made_by_a_step_before(machine: Machine) -> None:
    with pytest.raises(NotThere, match="no volume Q:"):
        recognize(r"cmd /c mkdir Q:\a", machine).foretell(machine)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cmd /c mkdir", "names no path"),
        (r"cmd /c mkdir a", "no whole path of a drive"),
        (r"cmd /c mkdir \\srv\share\a", "no whole path of a drive"),
        (r"cmd /c mkdir C:\a\..\b", "no plain path"),
        (r"cmd /c mkdir C:\a*", "stands for several names"),
        (r"cmd /c mkdir C:\*\a", "only the last part"),
        (r"cmd /c mkdir C:\a /x", "md '/x' is not known"),
        (r"cmd /c rd /s C:\a", "asks a person"),
        (r"cmd /c del C:\a\*", "asks a person"),
        (r"cmd /c del /a:h C:\a", "del '/a' is not known"),
        (r"mkdir C:\a", "the program 'mkdir' is not recognized"),
        (r"powershell -File C:\a.ps1", "the program 'powershell' is not recognized"),
        (r"cmd /c C:\tools\xcopy C:\a C:\b", r"the program 'C:\\tools\\xcopy' is not recognized"),
        (r"bcdboot %OSDISK%\Windows", "no whole path of a drive"),
        (r"bcdboot C:\%ROOT%", "a variable in it is not set"),
    ],
)
def test_what_is_not_plain_is_refused_with_the_reason(machine: Machine, line: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        recognize(line, machine)


# "Naming Files, Paths, and Namespaces": no reserved name, and none that ends with a space or a period.
@pytest.mark.parametrize("path", [r"C:\a.", '"C:\\b "', r"C:\con", r"C:\a.\b", r"C:\aux.txt\b", r"C:\a:b", "C:\\a<b"])
def test_a_folder_that_windows_would_not_open_is_not_made(machine: Machine, path: str) -> None:
    with pytest.raises(InvalidRequest):
        recognize(f"cmd /c mkdir {path}", machine)


def test_del_knows_files_as_windows_does(machine: Machine, carry_out: Callable[[str], Outcome]) -> None:
    with written(machine, Place(0, 1), is_repeated=False) as files:
        for name in ("setup", "setup.exe", "setup2.exe", "a.txt", "a1.txt", "a12.txt"):
            files.write(name, b"x")
    carry_out(r"cmd /c del /q C:\setup.* C:\a?.txt")
    assert there(machine, "setup", "setup.exe", "setup2.exe", "a.txt", "a1.txt", "a12.txt") == ["setup2.exe", "a12.txt"]

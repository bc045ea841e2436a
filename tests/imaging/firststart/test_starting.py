"""What starts a first start, by what the Windows is; and that it is written whole, after what others had there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases.offline_windows import (
    SERVER_2022,
    WINDOWS_7,
    WINDOWS_11,
    WINDOWS_XP,
    HeldFiles,
    Made,
    Tree,
    make_tree,
    software_hive,
    system_hive,
)
from judges import hive as judges
from judges.disk import run
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import InvalidInput, InvalidRequest, TargetRefused
from osdimage.imaging.firststart import (
    FirstStep,
    StartedWindows,
    StartsBy,
    carry_out,
    plan_first_start,
    read_windows,
)
from osdimage.imaging.registry.hive import Key, Value
from osdimage.imaging.volume.filesystems import open_files

FOLDER = "ProgramData\\osdimage\\FirstStart"
SCRIPT = r"Windows\Setup\Scripts\SetupComplete.cmd"
CALL = b'@rem osdimage: the first start\r\n@call "%SystemDrive%\\ProgramData\\osdimage\\FirstStart\\run.cmd"\r\n'
STEPS = (FirstStep("one", ("@exit /b 0",)),)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def facts(made: Made, tree: Tree | None = None, *, more: Callable[[Key, Key], None] | None = None) -> StartedWindows:
    files = HeldFiles(make_tree(made) if tree is None else tree)
    system = system_hive(replace(made, more=more))
    generalized = (made.image_state or "").startswith("IMAGE_STATE_GENERALIZE")
    return read_windows(
        files,
        system,
        software_hive(made),
        root=made.folder,
        version=made.version,
        is_generalized=generalized,
    )


def test_a_generalized_windows_starts_it_by_the_script_of_setup() -> None:
    tree = make_tree(WINDOWS_11)
    plan = plan_first_start(HeldFiles(tree), facts(WINDOWS_11), STEPS)
    assert (plan.starts_by, plan.edits) == (StartsBy.SETUP_COMPLETE, {})
    assert plan.files[SCRIPT] == CALL
    # What starts the rest is written when that is there.
    assert list(plan.files)[-2:] == [rf"{FOLDER}\run.cmd", SCRIPT]
    assert "product key of an OEM" in plan.warnings[0]


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(SERVER_2022, id="server"),
        pytest.param(replace(WINDOWS_11, edition="EnterpriseS"), id="enterprise"),
        pytest.param(WINDOWS_7, id="not by the script"),
    ],
)
def test_a_key_of_an_oem_matters_only_to_the_script_and_to_some_editions(made: Made) -> None:
    assert plan_first_start(HeldFiles(make_tree(made)), facts(made), STEPS).warnings == ()


def test_a_windows_with_a_key_of_an_oem_is_refused() -> None:
    windows = replace(facts(WINDOWS_11), has_oem_key=True)
    with pytest.raises(
        InvalidRequest, match=r"SetupComplete\.cmd in a Windows Professional with the product key of an"
    ):
        plan_first_start(HeldFiles({}), windows, STEPS)
    hive = software_hive(WINDOWS_11)
    hive.root.ensure(r"Microsoft\Windows NT\CurrentVersion").set(Value.string("ProductId", "00330-80000-00000-AA123"))
    read = read_windows(
        HeldFiles({}), system_hive(WINDOWS_11), hive, root="Windows", version=(10, 0), is_generalized=True
    )
    assert not read.has_oem_key
    hive.root.ensure(r"Microsoft\Windows NT\CurrentVersion").set(Value.string("ProductId", "00359-OEM-8992687-00006"))
    read = read_windows(
        HeldFiles({}), system_hive(WINDOWS_11), hive, root="Windows", version=(10, 0), is_generalized=True
    )
    assert read.has_oem_key


# The value is one of Windows, Run and RunOnce Registry Keys; dissect.regf reads it in the test of the whole.
@pytest.mark.parametrize(
    ("made", "way", "files"),
    [
        pytest.param(WINDOWS_11, StartsBy.SETUP_COMPLETE_OR_LOGON, {SCRIPT}, id="generalized"),
        pytest.param(WINDOWS_7, StartsBy.LOGON, set(), id="not generalized"),
    ],
)
def test_the_first_logon_starts_it_where_that_is_asked_for(made: Made, way: StartsBy, files: set[str]) -> None:
    windows = replace(facts(made), has_oem_key=True)
    plan = plan_first_start(HeldFiles({}), windows, STEPS, at_logon=True)
    assert (plan.starts_by, plan.warnings) == (way, ())
    assert {path for path in plan.files if not path.startswith(FOLDER)} == files
    ((edit,),) = plan.edits.values()
    assert list(plan.edits) == ["SOFTWARE"]
    assert edit.key.endswith(r"\Microsoft\Windows\CurrentVersion\RunOnce")


def test_what_takes_powershell_is_refused_or_told_without_it() -> None:
    windows = facts(WINDOWS_7)
    assert not windows.has_powershell
    timed = FirstStep("timed", ("@rem",), timeout_seconds=9, label="4")
    told = plan_first_start(HeldFiles({}), windows, (timed,)).warnings
    assert told == ("time-outs are not enforced, of steps 4: this takes PowerShell, which the Windows does not have",)
    with pytest.raises(InvalidRequest, match="the output of 'says' cannot become Told: this takes PowerShell"):
        plan_first_start(HeldFiles({}), windows, (FirstStep("says", ("@rem",), output_variable="Told"),))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"echo x\r\n", CALL + b"echo x\r\n", id="before what ends it"),
        pytest.param(CALL + b"echo x\r\n", CALL + b"echo x\r\n", id="once"),
        pytest.param(b"\xef\xbb\xbfecho x", b"\xef\xbb\xbf" + CALL + b"echo x", id="mark"),
        pytest.param(b"", CALL, id="empty"),
    ],
)
def test_what_the_script_of_setup_had_stays(old: bytes, new: bytes) -> None:
    tree = {**make_tree(WINDOWS_11), SCRIPT.replace("\\", "/"): old}
    assert plan_first_start(HeldFiles(tree), facts(WINDOWS_11, tree), STEPS).files[SCRIPT] == new


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        pytest.param(SCRIPT, "echo x".encode("utf-16"), "is in UTF-16, which the shell does not read", id="UTF-16"),
        pytest.param(rf"{SCRIPT}\x", b"", "is no file", id="directory"),
    ],
)
def test_a_script_of_setup_that_cannot_be_changed_is_refused(name: str, data: bytes, reason: str) -> None:
    tree = {**make_tree(WINDOWS_11), name.replace("\\", "/"): data}
    with pytest.raises(InvalidInput, match=reason):
        plan_first_start(HeldFiles(tree), facts(WINDOWS_11, tree), STEPS)


def test_a_windows_before_vista_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"Windows 5\.1 runs no commands of a deployment"):
        facts(WINDOWS_XP)


@pytest.mark.parametrize(("number", "name"), [("850", "cp850"), ("932", "cp932"), ("65001", "utf-8"), (None, "cp437")])
def test_texts_are_in_the_code_page_of_the_windows(number: str | None, name: str) -> None:
    def more(root: Key, control: Key) -> None:
        del root
        if number is not None:
            control.ensure(r"Control\Nls\CodePage").set(Value.string("OEMCP", number))

    assert facts(WINDOWS_11, more=more).code_page == name


def test_a_code_page_that_nobody_knows_is_refused() -> None:
    def more(root: Key, control: Key) -> None:
        del root
        control.ensure(r"Control\Nls\CodePage").set(Value.string("OEMCP", "99999"))

    with pytest.raises(InvalidInput, match="its OEM code page is 99999"):
        facts(WINDOWS_11, more=more)


def test_setup_that_has_not_ended_keeps_its_values() -> None:
    windows = facts(replace(WINDOWS_7, setup_type=1, setup_command="setup.exe"))
    with pytest.raises(TargetRefused, match=r"runs another command already .*SetupType 1, CmdLine 'setup\.exe'"):
        plan_first_start(HeldFiles({}), windows, STEPS)


# A Windows that is not generalized, in a volume that mkntfs made; dissect.regf reads the hive.
@pytest.mark.foreign
def test_it_is_written_whole_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    volume = tmp_path / "volume.img"
    with volume.open("wb") as file:
        file.truncate(16 << 20)
    run(["mkntfs", "-q", "-F", "-Q", volume])
    old = {f"{FOLDER}\\results.txt": b"1 done 0\r\n", f"{FOLDER}\\done": b"1\r\n", f"{FOLDER}\\7\\step.cmd": b"old"}
    with open_volume(volume, None, write=True) as opened:
        with open_files(opened, write=True) as files:
            for path, data in {**make_tree(WINDOWS_7), **old}.items():
                files.write(path, data)
        for _ in range(2):
            with open_files(opened) as files:
                windows = read_windows(
                    files,
                    system_hive(WINDOWS_7),
                    software_hive(WINDOWS_7),
                    root="Windows",
                    version=(6, 1),
                    is_generalized=False,
                )
                plan = plan_first_start(files, windows, STEPS)
            assert plan.starts_by is StartsBy.SETUP_VALUES
            carry_out(plan, opened, root="Windows", now=NOW)
        with open_files(opened) as files:
            there = {each.path for each in files.walk("ProgramData") if not each.is_directory}
            assert there == {path.replace("\\", "/") for path in plan.files}
            assert all(files.read(path) == data for path, data in plan.files.items())
            hive = files.read("Windows/System32/config/SYSTEM")
            assert not files.exists(SCRIPT)
    setup = judges.dissect(hive)["Setup"]
    command = rf"cmd.exe /d /c %SystemDrive%\{FOLDER}\run.cmd" + "\0"
    assert setup == {"SetupType": (4, b"\2\0\0\0"), "CmdLine": (1, command.encode("utf-16-le"))}

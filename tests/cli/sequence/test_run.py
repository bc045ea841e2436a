"""``osdimage run``: the sample sequences end to end, judged by sfdisk, ntfs-3g's tools, dissect and wimlib-imagex."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import stat
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import sequence_packages
from judges import disk as disk_judges
from judges import ntfs as ntfs_judges
from judges import wim as judges
from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE
from osdimage.imaging.tasksequence.steps.actions import ACTIONS
from runs.commands import Outcome, osdimage
from runs.ordinary_user import folder_for_all, osdimage_as_nobody
from runs.terminal import on_a_terminal

FIXTURES = Path(__file__).parents[3] / "fixtures" / "tasksequence"
SIZE = 700 << 20
LEFT_OUT = ("--leave-out", "windows", "--leave-out", "site")
UNATTEND = "{urn:schemas-microsoft-com:unattend}"


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return sequence_packages.packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("OSDIMAGE_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.touch()
    os.truncate(path, SIZE)
    return path


Run = Callable[..., Outcome]


@pytest.fixture
def run(disk: Path, packages: dict[str, Path], tmp_path: Path) -> Run:
    """Return a function that runs a sequence with the packages, a disk and a share."""
    (tmp_path / "captures").mkdir()
    given = [option for name, path in packages.items() for option in ("--package", f"{name}={path}")]

    def osdimage_run(sequence: Path | str, *options: str | Path, code: int = 0) -> Outcome:
        path = FIXTURES / f"{sequence}.xml" if isinstance(sequence, str) else sequence
        share = rf"\\server\captures={tmp_path / 'captures'}"
        words = ["--disk", f"0={disk}", *given, "--share", share, "--var", "_SMSTSMachineName=PC-0042", *LEFT_OUT]
        return osdimage("run", path, *words, *options, code=code)

    return osdimage_run


def answers(text: str) -> dict[str, str]:
    """Return the settings of an answer file that hold text, by their names."""
    root = ET.fromstring(text)  # noqa: S314 - written by us
    return {each.tag.removeprefix(UNATTEND): each.text for each in root.iter() if each.text and each.text.strip()}


@pytest.mark.foreign
def test_the_sample_of_stand_alone_media(run: Run, disk: Path, tmp_path: Path, state_folder: Path) -> None:
    log = tmp_path / "smsts.log"
    (tmp_path / "media.txt").write_text("OSDRegisteredOrgName=Of the media\n")
    how = ("--firmware", "bios", "--compact", "lzx", "--media-vars", tmp_path / "media.txt", "--log", log, "--yes")
    done = run("standalone-media", *how)

    # The disk: three partitions, the first active.
    facts, partitions = disk_judges.sfdisk(disk)
    assert facts["label"] == "dos"
    assert [(each.number, each.type_id, each.active) for each in partitions] == [
        (1, "0x07", True), (2, "0x07", False), (3, "0x07", False),
    ]  # fmt: skip
    # The volumes: the image, the data, and nothing that they did not hold.
    windows, data = (disk_judges.partition_of(disk, number, tmp_path / f"{number}.img") for number in (2, 3))
    for each in (windows, data):
        ntfs_judges.ntfsfix(each)
        assert not ntfs_judges.is_dirty(each)
    assert ntfs_judges.ntfscat(windows, "/Users/Public/readme.txt") == "of the image\n"
    assert ntfs_judges.ntfsls(data) == {"Docs"}
    assert ntfs_judges.plain_contents(data, "Docs/data.txt") == b"data\n" * 1000
    assert "WofCompressedData" in judges.output("ntfsinfo", "-F", "Docs/data.txt", data)
    # The answer file: that of the package, with the settings of two steps, and the media's variable over the step's.
    settings = answers(ntfs_judges.ntfscat(windows, "/Windows/Panther/unattend.xml"))
    assert settings["HideEULAPage"] == "true"
    assert settings["ComputerName"] == "PC-0042"
    assert settings["RegisteredOrganization"] == "Of the media"
    assert settings["RegisteredOwner"] == "Sample User"
    assert settings["TimeZone"] == "W. Europe Standard Time"
    assert settings["JoinWorkgroup"] == "SAMPLES"
    # What was told.
    assert "Stand-alone media: done, 1 step left out, 5 steps ran" in done.out
    # The sample's drivers and updates are only for a computer that is not started from full media.
    assert "condition does not hold: _SMSTSMediaType notEquals 'FullMedia'" in done.out
    text = log.read_text()
    assert "<![LOG[Task sequence done, 1 step left out]LOG]!>" in text
    assert "compressed 1 file: 4.0 KB in place of 8.0 KB" in text
    assert "Sample-Pa55" not in text + done.out + done.err
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert list(state_folder.iterdir()) == []


@pytest.mark.foreign
def test_the_sample_of_an_existing_image(run: Run, disk: Path, tmp_path: Path) -> None:
    document = run("existing-image", "--yes", "--json").document
    assert (document["end"], document["succeeded"], document["left_out"]) == ("done", False, 6)
    facts, partitions = disk_judges.sfdisk(disk)
    assert facts["label"] == "gpt"
    # An EFI system partition, Microsoft's reserved one, and basic data.
    assert [each.type_id for each in partitions] == [
        "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
        "e3c9e316-0b5c-4db8-817d-f92df00215ae",
        "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7",
    ]
    windows = disk_judges.partition_of(disk, 3, tmp_path / "windows.img")
    ntfs_judges.ntfsfix(windows)
    assert answers(ntfs_judges.ntfscat(windows, "/Windows/Panther/unattend.xml"))["ComputerName"] == "PC-0042"
    told = {step["name"]: (step["state"], step["code"]) for step in document["steps"]}
    assert told["Apply Operating System"] == ("succeeded", 0)
    assert told["Apply Driver Package"] == ("skipped", None)
    assert told["Setup Windows and ConfigMgr"] == ("left out", None)
    assert "Sample-Pa55" not in json.dumps(document)


@pytest.mark.foreign
def test_the_sample_of_build_and_capture(run: Run, packages: dict[str, Path], tmp_path: Path) -> None:
    done = run("build-and-capture", "--firmware", "bios", "--yes")
    assert "Build and capture: done" in done.out
    captured = tmp_path / "captures" / "reference.wim"
    judges.wimlib("verify", captured)
    # One image for each volume: System Reserved, and Windows.
    facts = judges.wimlib("info", captured)
    assert "Image Count:    2" in facts
    assert "The reference computer" in facts
    found = {path for path in judges.wimlib_paths(captured, 2) if not path.startswith("/System Volume")}
    original = set(judges.wimlib_paths(packages["ABC00001"]))
    assert found >= original
    assert {path for path in found - original if "$" not in path} == {
        "/Windows/Panther", "/Windows/Panther/unattend.xml",
    }  # fmt: skip


@pytest.mark.foreign
def test_a_run_that_failed_goes_on_with_resume(
    run: Run, disk: Path, packages: dict[str, Path], tmp_path: Path, state_folder: Path
) -> None:
    # The contents of the only file are damaged, which shows when they are read.
    broken = tmp_path / "broken.wim"
    judges.wimlib("export", packages["ABC00002"], "1", broken, "--compress=none")
    content = bytearray(broken.read_bytes())
    content[300:310] = bytes(10)
    broken.write_bytes(content)
    path = tmp_path / "sequence.xml"
    path.write_text((FIXTURES / "standalone-media.xml").read_text().replace("ABC00002", "BROKEN01"))
    failed = run(path, "--package", f"BROKEN01={broken}", "--yes", code=1)
    assert "Stand-alone media: FAILED, 2 steps done" in failed.out
    assert "step 8 'Apply Data Image' failed" in failed.err
    (state,) = state_folder.iterdir()
    assert f"to go on: osdimage run {path} --resume {state}" in failed.err
    assert stat.S_IMODE(state.stat().st_mode) == 0o600

    # With the package made good the run goes on where it stopped: the disk is not partitioned again.
    before = disk_judges.sfdisk(disk)
    again = osdimage("run", path, "--resume", state, "--package", f"BROKEN01={packages['ABC00002']}", "--yes")
    assert "Stand-alone media: done, 2 steps left out, 6 steps ran" in again.out
    assert disk_judges.sfdisk(disk) == before
    windows, data = (disk_judges.partition_of(disk, number, tmp_path / f"{number}.img") for number in (2, 3))
    assert ntfs_judges.ntfscat(data, "/Docs/data.txt") == "data\n" * 1000
    assert ntfs_judges.ntfscat(windows, "/Users/Public/readme.txt") == "of the image\n"
    assert not state.exists()


def test_a_dry_run_shows_the_plan_and_changes_nothing(run: Run, disk: Path, tmp_path: Path) -> None:
    shown = run("standalone-media", "--dry-run", "--log", tmp_path / "smsts.log")
    assert "plan for 'Stand-alone media': 13 steps: 6 run now, 5 skipped, 2 left out" in shown.out
    assert "+ 6. Partition Disk 0: partition disk 0" in shown.out
    assert "~ 12. Setup Windows and ConfigMgr: it names no package with the ConfigMgr client" in shown.out
    assert "This will be lost:" in shown.out
    assert disk.stat().st_blocks == 0
    assert not (tmp_path / "smsts.log").exists()
    assert run("standalone-media", "--dry-run", "--quiet").out == shown.out
    told = run("standalone-media", "--dry-run", "--json")
    document = told.document
    unstarted = r"step 7 'Apply Operating System': Windows 6.1 for x64 is not made to start: it has no \Windows\Boot"
    unneeded = "step 11 'Apply Driver Package': viostor.inf: not enabled for booting"
    assert [each.partition(", as nothing says")[0] for each in document["warnings"]] == [unstarted, unneeded]
    assert told.err == shown.err == "".join(f"warning: {each}\n" for each in document["warnings"])
    assert [step["decision"] for step in document["steps"]].count("run") == 6
    (drivers,) = [step for step in document["steps"] if step["name"] == "Apply Driver Package"]
    assert drivers["details"] == ["viostor.inf (2021-12-02, 100.90.104.21500): it is in the package"]
    assert f"     {drivers['details'][0]}\n" in shown.out
    assert document["problems"] == []
    # The sample's list of packages has one for a step that is left out.
    assert "Not checked, since no step that runs needs them: packages ABC00004\n" in shown.out
    assert document["unchecked"] == ["ABC00004"]


def test_the_devices_of_the_computer_tell_which_driver_it_starts_with(run: Run, tmp_path: Path) -> None:
    listing = tmp_path / "modalias"
    # The legacy virtio-blk-pci of a guest of QEMU: $ cat /sys/bus/pci/devices/*/modalias
    listing.write_text("pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00\n")
    shown = run("standalone-media", "--dry-run", "--drivers-for", listing)
    assert "bring in 1 driver: viostor.inf; Windows starts with viostor" in shown.out
    refused = run("standalone-media", "--dry-run", "--drivers-for", tmp_path / "none", code=2)
    assert "to read devices from" in refused.out


def test_everything_is_checked_before_the_first_step(disk: Path, packages: dict[str, Path]) -> None:
    refused = osdimage(
        "run", FIXTURES / "standalone-media.xml", "--disk", f"0={disk}", "--var", "OSDImageIndex=9", "--yes",
        "--package", f"ABC00001={packages['ABC00001']}", *LEFT_OUT, code=2,
    )  # fmt: skip
    assert "osdimage: the task sequence has" in refused.err
    assert "give --package ABC00002=PATH" in refused.err
    assert disk.stat().st_blocks == 0
    shown = osdimage("run", FIXTURES / "standalone-media.xml", "--disk", f"0={disk}", *LEFT_OUT, "--dry-run", code=2)
    assert "It cannot begin:" in shown.out


def test_an_image_that_is_not_there_is_told_with_those_that_are(run: Run, disk: Path) -> None:
    refused = run("standalone-media", "--var", "OSDImageIndex=9", "--yes", code=2)
    assert "windows.wim: no image fits index 9; it has 1 image: 1: Windows" in refused.err
    assert disk.stat().st_blocks == 0


def test_size_makes_the_disks_that_are_not_there_when_the_run_begins(disk: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.img"
    words = ["run", FIXTURES / "mdt-client.xml", "--disk", f"0={new}", "--disk", f"1={disk}", "--size", f"{SIZE}B"]
    planned = osdimage(*words, "--dry-run")
    assert f"everything on disk 0 ({new})" in planned.out
    assert not new.exists()
    # What is refused leaves nothing either, whether before or after the disks were made.
    osdimage(*words, "--strict", "--var", "OSDPartitionStyle=other", "--yes", code=2)
    assert not new.exists()
    refused = osdimage(*words[:-1], "1GB", "--yes", code=4)
    assert f"{disk} exists and has {SIZE} bytes, not 1073741824" in refused.err
    assert not new.exists()

    osdimage(*words, "--yes")
    assert disk_judges.sfdisk(new)[0]["label"] == "gpt"
    assert new.stat().st_size == SIZE
    assert new.stat().st_blocks * 512 < SIZE // 4
    assert disk.stat().st_blocks == 0


def test_each_new_disk_may_have_a_size_of_its_own_and_sectors_of_4096_bytes(tmp_path: Path) -> None:
    first, second, sequence = tmp_path / "0.img", tmp_path / "1.img", tmp_path / "data.yaml"
    layout = "OSDDiskIndex: 0, OSDPartitionStyle: GPT, OSDPartitions0Type: Primary, OSDPartitions0FileSystem: NTFS"
    quick = "OSDPartitions0QuickFormat: true"
    sequence.write_text(f"name: D\nsteps: [{{step: P, type: PartitionDisk, variables: {{{layout}, {quick}}}}}]\n")
    osdimage(
        "run", sequence, "--disk", f"0={first}", "--disk", f"1={second}", "--size", "700MB", "--size", "1=8MB",
        "--sector-size", "4096", "--yes",
    )  # fmt: skip
    assert (first.stat().st_size, second.stat().st_size) == (700 << 20, 8 << 20)
    # The header of a GPT is in the second sector.
    with first.open("rb") as file:
        assert file.read(4104)[4096:] == b"EFI PART"


def test_what_may_not_be_written_or_read_is_told_before_the_first_step(packages: dict[str, Path]) -> None:
    with folder_for_all() as folder:
        disk = folder / "disk.img"
        disk.touch(0o444)
        os.truncate(disk, SIZE)
        closed = folder / "closed"
        closed.mkdir(0o000)
        sequence = folder / "sequence.xml"
        sequence.write_bytes((FIXTURES / "standalone-media.xml").read_bytes())
        for name in ("ABC00001", "ABC00002"):
            (folder / f"{name}.wim").write_bytes(packages[name].read_bytes())
        given = [word for name in ("ABC00001", "ABC00002") for word in ("--package", f"{name}={folder / name}.wim")]
        words = ["run", str(sequence), *given, "--package", f"ABC00003={closed}", *LEFT_OUT, "--yes"]
        refused = osdimage_as_nobody(folder, *words, "--disk", f"0={disk}", code=2)
        assert f"step 6 'Partition Disk 0': disk 0 ({disk}) cannot be written: permission denied" in refused.stderr
        # With a disk that may be written, what is wrong next is told: the package.
        disk.unlink()
        refused = osdimage_as_nobody(folder, *words, "--disk", f"0={disk}", "--size", "700MB", code=2)
        assert f"step 7 'Apply Operating System': {closed}/unattend.xml: Permission denied" in refused.stderr
        assert not disk.exists()
        # Where a capture would go.
        sequence.write_bytes((FIXTURES / "build-and-capture.xml").read_bytes())
        words += ["--disk", f"0={disk}", "--size", "700MB", "--share", rf"\\server\captures={closed}"]
        refused = osdimage_as_nobody(folder, *words, code=2)
        assert f"OSDCaptureDestination: {closed} cannot be written" in refused.stderr


def test_strict_refuses_what_only_windows_can_do_also_where_it_may_be_left_out(run: Run, disk: Path) -> None:
    refused = run("standalone-media", "--strict", "--yes", code=3)
    assert "step 12 'Setup Windows and ConfigMgr': it names no package with the ConfigMgr client" in refused.err
    assert disk.stat().st_blocks == 0


def test_without_yes_nothing_is_lost_when_nobody_can_be_asked(run: Run, disk: Path) -> None:
    refused = run("standalone-media", code=2)
    told = f"everything on disk 0 ({disk}) would be lost; give --yes when nobody is there to be asked"
    assert told in refused.err
    assert disk.stat().st_blocks == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--disk", "x=a"], "the number is 0 to"),
        (
            ["--disk", "0=/nowhere/my disk.img"],
            "does not exist; --size 64GB makes one, or: truncate -s 64G '/nowhere/my disk.img'",
        ),
        (["--disk", "0=DISK", "--disk", "1=DISK"], "disk 0 is the same file"),
        (["--disk", "disk.img"], "is not N=DISK"),
        (["--package", "A=/nowhere"], "/nowhere does not exist"),
        (["--package", "A=/", "--package", "a=/"], "a is given twice"),
        (["--share", "x"], "is not"),
        (["--var", "A=b", "--var", "x"], "value 2 is not NAME=VALUE"),
        (["--var", "1x=y"], "is not the name of a variable"),
        (["--collection-vars", "3=/nowhere"], "/nowhere is no file"),
        (["--hide", "a b"], "is not the name of a variable"),
        ([], "say on which disks it runs"),
        (["--disk", "0=DISK", "--size", "1=8MB"], "--size 1=SIZE: there is no such --disk"),
        (["--size", "x=8MB"], "'x=8MB' is not SIZE or N=SIZE"),
        (["--size", "8MB", "--size", "9MB"], "'9MB': the size of all is given twice"),
        (["--leave-out", "window"], "did you mean windows?"),
        (["--disk", "0=DISK", "--var", "OSDDiskIndex=7"], "there is no disk 7"),
    ],
)
def test_an_option_that_is_wrong_is_told(disk: Path, options: list[str], why: str) -> None:
    words = [option.replace("DISK", str(disk)) if option.endswith("=DISK") else option for option in options]
    if words and "--disk" not in words:
        words = ["--disk", f"0={disk}", *words]
    refused = osdimage("run", FIXTURES / "mdt-client.xml", *words, "--yes", code=2)
    assert why in refused.err
    assert disk.stat().st_blocks == 0


def test_the_files_of_variables_have_the_documented_precedence(disk: Path, tmp_path: Path) -> None:
    for name, text in (("computer", "A=computer\n"), ("high", "A=high\nB=high\n"), ("low", "B=low\nC=low\n")):
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "own.yaml").write_text(
        "name: Own\nsteps:\n"
        + "".join(
            f"  - {{step: s, type: SetVariable, properties: {{VariableName: X{name}, VariableValue: '%{name}%'}}}}\n"
            for name in "ABCD"
        )
    )
    shown = osdimage(
        "run", tmp_path / "own.yaml", "--disk", f"0={disk}", "--computer-vars", tmp_path / "computer.txt",
        "--collection-vars", f"9={tmp_path / 'high.txt'}", "--collection-vars", tmp_path / "low.txt", "--var", "D=set",
        "--json",
    ).document  # fmt: skip
    assert [step["message"] for step in shown["steps"]] == [
        "set XA to 'computer'", "set XB to 'high'", "set XC to 'low'", "set XD to 'set'",
    ]  # fmt: skip


def test_a_hidden_variable_is_masked_in_all_that_is_told(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: Own\nsteps: [{step: s, type: SetVariable, properties: {VariableName: X, VariableValue: 'is %Code%'}}]\n"
    )
    told = osdimage(
        "run", tmp_path / "own.yaml", "--disk", f"0={disk}", "--var", "Code=swordfish", "--hide", "Code", "--verbose",
        "--events", tmp_path / "events", "--log", tmp_path / "log",
    )  # fmt: skip
    text = told.out + told.err + (tmp_path / "events").read_text() + (tmp_path / "log").read_text()
    assert "swordfish" not in text
    assert "is ***" in text


def test_a_value_without_a_name_is_not_shown(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "vars").write_text("A=b\nOSDJoinPassword swordfish\n")
    for words, code in ((["--vars", tmp_path / "vars"], 3), (["--var", "OSDJoinPassword swordfish"], 2)):
        refused = osdimage("run", FIXTURES / "mdt-client.xml", "--disk", f"0={disk}", *words, code=code)
        assert "swordfish" not in refused.out + refused.err
        assert "is not NAME=VALUE" in refused.err


def test_events_are_json_lines(run: Run, tmp_path: Path) -> None:
    run("mdt-client", "--events", tmp_path / "events", "--yes")
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    # The help says which keys they have.
    stated = re.search(r"JSON lines \((.*?)\)", " ".join(osdimage("run", "--help").out.split()))
    assert stated is not None
    assert {tuple(event) for event in events} == {tuple(stated[1].split(", "))}
    states = [(event["step"], event["state"]) for event in events if event["state"]]
    assert states == [
        (1, "running"), (1, "succeeded"), (2, "running"), (2, "succeeded"), (3, "running"), (3, "succeeded"),
        (4, "skipped"),
    ]  # fmt: skip


def test_resume_takes_what_the_state_has_from_the_state(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{}")
    wrong = osdimage("run", FIXTURES / "mdt-client.xml", "--resume", tmp_path / "state.json", code=3)
    assert "is not the saved state" in wrong.err
    refused = osdimage(
        "run", FIXTURES / "mdt-client.xml", "--resume", tmp_path / "state.json", "--firmware", "bios", code=2
    )
    assert "the state has them" in refused.err


# The state is removed when the run succeeds, and the log is continued: neither may be a file that is something else.
def test_the_log_and_the_state_are_no_file_that_the_run_needs(disk: Path, tmp_path: Path) -> None:
    sequence = tmp_path / "nothing.yaml"
    sequence.write_text("name: Nothing\nsteps: []\n")
    letter, package, link = tmp_path / "letter.txt", tmp_path / "data.wim", tmp_path / "link.log"
    letter.write_text("dear\n")
    package.write_bytes(b"MSWIM")
    link.symlink_to(disk)
    kept = {path: path.read_bytes()[:4096] for path in (sequence, letter, package, disk)}
    given = [sequence, "--disk", f"0={disk}", "--package", f"ABC00001={package}", "--yes"]
    for option, path in (
        ("--log", disk), ("--log", link), ("--log", package), ("--log", sequence), ("--state", disk),
        ("--state", package), ("--state", sequence),
    ):  # fmt: skip
        refused = osdimage("run", *given, option, path, code=2)
        assert f"{option} {path}: the run needs this file itself" in refused.err
    refused = osdimage("run", *given, "--state", letter, code=2)
    assert f"--state {letter}: exists and is no saved state of a run" in refused.err
    both = tmp_path / "both.json"
    assert "the run needs" in osdimage("run", *given, "--state", both, "--log", both, code=2).err
    assert {path: path.read_bytes()[:4096] for path in kept} == kept
    assert disk.stat().st_size == SIZE
    # What a run that failed has left may be replaced by the state of a new one.
    sequence.write_text("name: Fails\nsteps: [{step: A, type: Reboot}]\n")
    for _ in range(2):
        osdimage("run", *given, "--state", both, code=1)
        assert both.exists()


def test_a_terminal_shows_the_tree_while_it_runs_and_the_table_at_the_end(disk: Path) -> None:
    code, out, shown = on_a_terminal(["run", str(FIXTURES / "mdt-client.xml"), "--disk", f"0={disk}", "--yes"])
    assert code == 0, shown
    assert "▶ Preinstall" in shown
    assert re.search(r"\d    Format and Partition Disk \(UEFI\)  done", out)
    # The tree is gone at the end: what remains are the lines of the table, on stdout.
    assert shown.rstrip().endswith(("\x1b[?25h", "\x1b[2K"))


def test_a_person_is_asked_before_anything_is_lost(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    asked = osdimage("run", FIXTURES / "mdt-client.xml", "--disk", f"0={disk}", code=1)
    assert asked.err.endswith("osdimage: not confirmed: nothing was changed\n")
    assert "This will be lost:" in asked.out
    assert "Carry it out?" in asked.err
    assert disk.stat().st_blocks == 0


def test_a_step_of_every_type_is_listed_and_none_stops_the_plan(disk: Path, tmp_path: Path) -> None:
    types = [info.type_name for info in (*ACTIONS, *ELSEWHERE)] + ["SMS_TaskSequence_FutureAction", "Own_Type", "", "é"]
    steps = "".join(
        f'<step name="step {number}" type="{each}"><action/></step>' for number, each in enumerate(types, 1)
    )
    path = tmp_path / "all.xml"
    path.write_text(f'<sequence version="3.10"><group name="all">{steps}</group></sequence>', encoding="utf-8")
    shown = osdimage("run", path, "--disk", f"0={disk}", "--dry-run", "--json", code=3).document
    assert [(step["number"], step["type"] or "") for step in shown["steps"]] == list(enumerate(types, 1))
    assert all(step["reason"] for step in shown["steps"] if step["decision"] != "run")
    unknown = [step["reason"] for step in shown["steps"][-4:]]
    assert unknown == [
        "step type SMS_TaskSequence_FutureAction is not known to osdimage",
        "step type Own_Type is not known to osdimage",
        "it has no type, and runs no script that is known to osdimage",
        "step type é is not known to osdimage",
    ]
    assert [step["step_class"] for step in shown["steps"][-4:]] == ["unknown"] * 4
    # Nothing is set: what is missing is told of each action.
    assert len(shown["problems"]) >= 5


def test_a_run_that_is_stopped_says_how_to_go_on(
    disk: Path, state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **_more: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("osdimage.imaging.tasksequence.steps.partition_disk.initialize", stop)
    stopped = osdimage("run", FIXTURES / "mdt-client.xml", "--disk", f"0={disk}", "--yes", code=143)
    (state,) = state_folder.iterdir()
    assert f"stopped by SIGTERM -- to go on: osdimage run {FIXTURES / 'mdt-client.xml'} --resume {state}" in stopped.err
    monkeypatch.undo()
    done = osdimage("run", FIXTURES / "mdt-client.xml", "--resume", state, "--yes")
    assert "Client from MDT: succeeded, 3 steps done" in done.out


@pytest.mark.parametrize(
    ("step", "ends"),
    [
        ("", "done, 0 steps ran"),
        ("{step: a, type: Set Task Sequence Variable, disable: true}", "done, 0 steps ran, 1 skipped"),
        ("{step: a, type: Set Task Sequence Variable, condition: Nowhere equals x}", "done, 0 steps ran, 1 skipped"),
        (
            "{step: a, type: ApplyDataImage, continueOnError: true, properties: {ImagePackageID: NONE0001}}",
            "done, 1 step failed and passed over, 0 steps ran",
        ),
        (
            "{step: a, type: Set Task Sequence Variable, properties: {VariableName: A, VariableValue: b}}",
            "succeeded, 1 step done",
        ),
    ],
)
def test_a_run_succeeded_when_its_steps_ran(disk: Path, tmp_path: Path, step: str, ends: str) -> None:
    """ConfigMgr goes on, and ends well, after an error that is continued on; it does not say that nothing failed."""
    sequence = tmp_path / "x.yaml"
    sequence.write_text(f"name: x\nsteps: [{step}]\n")
    done = osdimage("run", sequence, "--disk", f"0={disk}", "--yes")
    assert f"x: {ends} (" in done.out

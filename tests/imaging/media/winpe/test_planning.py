"""What becomes of the steps of a sequence in Windows PE, decided when the medium is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.pe_runs import GPT, MBR, apply_windows, lab_machine, run_line, set_variable
from cases.sequence import windows_tree
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidRequest, UnsupportedSteps
from osdimage.imaging.media.winpe.model import PeFate, PeRun, PeWish
from osdimage.imaging.media.winpe.run import plan_pe_run
from osdimage.imaging.tasksequence.conditions import Compare, Operator, Question, Subject
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.layers import Properties
from osdimage.imaging.tasksequence.result import RunIn
from osdimage.imaging.tasksequence.sequence import Step
from runs.commands import osdimage

WMI = Question(Subject.WMI, Properties({"Namespace": r"root\cimv2", "Query": "SELECT * FROM Win32_Battery"}))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a WIM of Windows and an answer file."""
    folder = tmp_path_factory.mktemp("package")
    tree = windows_tree(folder / "tree")
    (tree / "Windows" / "Boot").mkdir()
    osdimage("capture", tree, folder / "install.wim", "--name", "Windows")
    return folder


def planned(*members: Step, package: Path | None = None, **more: object) -> PeRun:
    packages = {} if package is None else {"ABC00001": package}
    return plan_pe_run(PeWish((sequence("Test", *members),), packages, **more))  # type: ignore[arg-type]


def text_of(run: PeRun, path: str) -> str:
    return next(each.data.decode("ascii") for each in run.files if each.path == f"osdimage/{path}")


def partition(settings: dict[str, str], **more: object) -> Step:
    return step("Partition", "PartitionDisk", settings, **more)  # type: ignore[arg-type]


# The commands of CreatePartitions-UEFI.txt and CreatePartitions-BIOS.txt in "UEFI/GPT-based hard drive partitions" and
# "BIOS/MBR-based hard drive partitions" (learn.microsoft.com/windows-hardware/manufacture/desktop), with the letters
# and sizes of the sequence; there, too, the type of a recovery partition is set behind its letter.
def test_diskpart_is_told_what_microsoft_tells_it_for_uefi() -> None:
    assert text_of(planned(partition(GPT)), "1-uefi/disk-1.txt").splitlines() == [
        "select disk 0",
        "clean",
        "convert gpt",
        "create partition efi size=100",
        'format quick fs=fat32 label="SYSTEM"',
        "assign letter=S",
        "create partition msr size=16",
        "create partition primary size=61440",
        'format quick fs=ntfs label="Windows"',
        "assign letter=C",
        "create partition primary",
        'format quick fs=ntfs label="Recovery"',
        'set id="de94bba4-06d1-4d40-a16a-bfd50179d6ac"',
        "gpt attributes=0x8000000000000001",
    ]


def test_diskpart_is_told_what_microsoft_tells_it_for_a_bios() -> None:
    assert text_of(planned(partition(MBR)), "1-bios/disk-1.txt").splitlines() == [
        "select disk 0",
        "clean",
        "create partition primary size=100",
        'format quick fs=ntfs label="System"',
        "assign letter=C",
        "active",
        "create partition primary",
        'format quick fs=ntfs label="Windows"',
        "assign letter=D",
    ]


def test_logical_partitions_are_numbered_behind_the_others() -> None:
    layout = {"OSDDiskIndex": "1", "OSDPartitionStyle": "MBR"}
    for number, kind in enumerate(("Primary", "Extended", "Logical", "Logical")):
        layout |= {f"OSDPartitions{number}Type": kind}
        if kind != "Extended":
            layout |= {
                f"OSDPartitions{number}FileSystem": "NTFS",
                f"OSDPartitions{number}VolumeLetterVariable": f"V{number}",
            }
        if number in {0, 2}:
            layout |= {f"OSDPartitions{number}Size": "2", f"OSDPartitions{number}SizeUnits": "GB"}
    run = planned(partition(layout))
    lines = text_of(run, "1-bios/disk-1.txt").splitlines()
    assert [line for line in lines if line.startswith(("create", "assign"))] == [
        "create partition primary size=2048",
        "assign letter=C",
        "create partition extended",
        "create partition logical size=2048",
        "assign letter=D",
        "create partition logical",
        "assign letter=E",
    ]
    # Not quick, for nobody asks for that.
    assert "format fs=ntfs" in lines
    assert run.scripts[0].steps[0].does == (
        "partition disk 1 as MBR: disk 1 partition 1 (C:), disk 1 partition 2 (D:), disk 1 partition 3 (E:)"
    )


def test_a_disk_that_gets_its_efi_partition_from_windows_has_one_for_any_sectors() -> None:
    layout = {name: value for name, value in GPT.items() if not name.startswith(("OSDPartitions0", "OSDPartitions1"))}
    layout = {name.replace("OSDPartitions2", "OSDPartitions0"): value for name, value in layout.items()}
    layout = {name.replace("OSDPartitions3", "OSDPartitions1"): value for name, value in layout.items()}
    lines = text_of(planned(partition(layout)), "1-uefi/disk-1.txt").splitlines()
    assert lines[3:7] == [
        "create partition efi size=260",
        "format quick fs=fat32",
        "assign letter=S",
        "create partition msr size=128",
    ]


def test_each_firmware_has_its_own_script(package: Path) -> None:
    run = plan_pe_run(PeWish((lab_machine(),), {"ABC00001": package}))
    fates = {script.firmware: [each.fate for each in script.steps] for script in run.scripts}
    run_, skip = PeFate.RUN, PeFate.SKIP
    assert fates == {Firmware.BIOS: [skip, run_, run_, run_], Firmware.UEFI: [run_, skip, run_, run_]}
    assert text_of(run, "1-bios/step-3.cmd").splitlines()[-2] == r"call bcdboot D:\Windows /s C: /f BIOS"
    assert run.destroys == ("everything on disk 0",)
    assert not run.warnings


def test_a_sequence_for_one_firmware_says_so_on_computers_with_another(package: Path) -> None:
    run = planned(partition(GPT), apply_windows(), package=package)
    told = "disk 0 would start by UEFI alone, by its partition table"
    assert told in text_of(run, "start.cmd")
    assert [script.refused is None for script in run.scripts] == [False, True]
    assert any(told in each for each in run.warnings)
    assert not [each.path for each in run.files if "1-bios" in each.path]
    with pytest.raises(UnsupportedSteps, match=told):
        planned(partition(GPT), apply_windows(), package=package, firmware=frozenset({Firmware.BIOS}))


def test_an_answer_file_goes_with_the_image(package: Path) -> None:
    user = package / "unattend.xml"
    user.write_text(
        '<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize">'
        '<component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64">'
        "<ComputerName>LAB-7</ComputerName></component></settings></unattend>"
    )
    more = step(
        "Apply Windows",
        "ApplyOperatingSystem",
        {"OSDImageIndex": "1", "OSDConfigFileName": "unattend.xml"},
        {"ImagePackageID": "ABC00001", "ConfigFilePackage": "ABC00001"},
    )
    run = planned(partition(GPT), more, package=package)
    made = next(each.data for each in run.files if each.path.endswith("1-uefi/unattend-2.xml"))
    assert b"<ComputerName>LAB-7</ComputerName>" in made
    assert r'copy /y "%_pe_here%unattend-2.xml" "C:\Windows\Panther\unattend.xml" >nul' in text_of(
        run, "1-uefi/step-2.cmd"
    )


PERCENT = GPT | {"OSDPartitions2Size": "60", "OSDPartitions2SizeUnits": "Percent"}
MIDDLE = {name: value for name, value in GPT.items() if not name.startswith("OSDPartitions2Size")}
AS_USER = step("As", "RunCommandLine", {"RunAsUser": "true"}, {"CommandLine": "a.exe"})


@pytest.mark.parametrize(
    ("members", "told"),
    [
        pytest.param(
            [step("Settings", "ApplyWindowsSettings")],
            "Apply Windows Settings is not carried out in Windows PE",
            id="step",
        ),
        pytest.param([step("Own", "MyOwn")], "its type is not known", id="unknown type"),
        pytest.param(
            [run_line("Full", "a.exe", run_in=RunIn.FULL_OS)], "it runs in the installed Windows", id="full OS"
        ),
        pytest.param([partition(PERCENT)], "is 60 percent of a disk whose size is not known", id="percent"),
        pytest.param([partition(MIDDLE)], "takes all that is left, and others come after it", id="rest in the middle"),
        pytest.param([apply_windows()], "DestinationVariable=OSDisk: there is no such variable", id="no volume"),
        pytest.param([partition(GPT, condition=WMI)], "only the computer can tell", id="disk under a question"),
        pytest.param(
            [group("Group", partition(GPT), condition=WMI)], "only the computer can tell", id="disk in a group of one"
        ),
        pytest.param([AS_USER], "which fails in Windows PE", id="another user"),
        pytest.param([run_line("Package", "a.exe", {"PackageID": "XYZ00009"})], "no path for package", id="package"),
        pytest.param([run_line("Umlaut", "grün.exe")], "valid is ASCII", id="not ASCII"),
        pytest.param([run_line("Shell", "copy a b")], "a command of the shell and no program", id="shell"),
        pytest.param([partition(GPT | {"OSDPartitions2VolumeName": "Größe"})], "ASCII characters", id="label"),
    ],
)
def test_what_windows_pe_cannot_do_is_refused_by_its_step(members: list[Step], told: str, package: Path) -> None:
    with pytest.raises(InvalidRequest, match=told) as error:
        planned(*members, package=package)
    assert error.value.said.count(told) == 1
    assert "step 1 " in error.value.said


def test_all_steps_that_cannot_be_carried_out_are_told_at_once() -> None:
    steps = [step("Settings", "ApplyWindowsSettings"), run_line("Fine", "a.exe"), step("Join", "JoinDomainWorkgroup")]
    with pytest.raises(UnsupportedSteps) as error:
        planned(*steps)
    assert [each.partition(":")[0] for each in error.value.problems] == ["step 1 'Settings'", "step 3 'Join'"]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"disable": True}, id="disabled"),
        pytest.param({"condition": Compare("_SMSTSMediaType", Operator.NOT_EQUALS, "FullMedia")}, id="not from media"),
    ],
)
def test_a_step_that_never_runs_may_be_any(more: dict[str, object]) -> None:
    run = planned(step("Settings", "ApplyWindowsSettings", **more), run_line("Fine", "a.exe"))  # type: ignore[arg-type]
    assert [each.fate for each in run.scripts[0].steps] == [PeFate.SKIP, PeFate.RUN]


def test_a_question_to_the_computer_becomes_a_script() -> None:
    run = planned(
        set_variable("Kind", "desktop"),
        set_variable("Kind", "laptop", WMI),
        run_line("Told", "tell.exe %Kind% %Other%"),
    )
    assert "SELECT * FROM Win32_Battery" in text_of(run, "1-uefi/when-2.cmd")
    lines = text_of(run, "1-uefi/run.cmd").splitlines()
    assert lines.index('set "Kind=desktop"') < lines.index('set "Kind=laptop"')
    # What the shell does not know stays as it is, as in ConfigMgr.
    assert "tell.exe %Kind% %%Other%%" in text_of(run, "1-uefi/step-3.cmd")


@pytest.mark.parametrize(("name", "told"), [("Path", "is a variable of Windows PE itself"), ("_SMSTSX", "read-only")])
def test_a_variable_of_the_shell_is_not_set(name: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        planned(set_variable(name, "x", WMI))


def test_secrets_in_scripts_are_told(package: Path) -> None:
    line = run_line("Join", "join.exe %JoinPassword%")
    run = planned(line, variables={"JoinPassword": "Pa55word!"})
    assert run.holds_secrets
    assert "Pa55word!" not in repr(run.scripts)
    assert not planned(line, variables={"Other": "x"}).holds_secrets
    del package


def test_the_same_wish_gives_the_same_files(package: Path) -> None:
    wish = PeWish((lab_machine(),), {"ABC00001": package})
    assert plan_pe_run(wish) == plan_pe_run(wish)
    assert all(each.data.isascii() for each in plan_pe_run(wish).files)
    for each in plan_pe_run(wish).files:
        if not each.path.endswith(".xml"):
            assert each.data.count(b"\n") == each.data.count(b"\r\n") > 0


def test_what_begins_in_a_boot_image_is_named_by_winpeshl() -> None:
    files = {each.path: each.data.decode() for each in planned(run_line("a", "a.exe")).files}
    # "Winpeshl.ini Reference": PROGRAM, OPTIONS.
    assert files["Windows/System32/winpeshl.ini"].splitlines() == [
        "[LaunchApps]",
        r"%SYSTEMROOT%\System32\cmd.exe, /k %SYSTEMROOT%\System32\startnet.cmd",
    ]
    assert "wpeinit" in files["Windows/System32/startnet.cmd"].splitlines()


def test_ten_sequences_are_too_many() -> None:
    with pytest.raises(InvalidRequest, match="valid are 1 to 9"):
        plan_pe_run(PeWish(tuple(sequence(str(n), run_line("a", "a.exe")) for n in range(10))))
    with pytest.raises(InvalidRequest, match="no task sequence"):
        plan_pe_run(PeWish(()))

"""What conditions ask of the computer: of its disks, and of the Windows on them."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from cases.offline_windows import WINDOWS_10, make_tree, software_hive, system_hive
from cases.old_windows import machine_with
from cases.sequence import GPT, blank_disk, computer
from osdimage.imaging.registry.hive import Key, Value
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.conditions import Question, Subject
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.known import ask_of, facts_of
from osdimage.imaging.tasksequence.facts.registry import packed_guid
from osdimage.imaging.tasksequence.layers import Properties
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.steps.partition_disk import forecast_partition_disk

VERSION = (
    struct.pack("<HHH", 0, 52, 0)
    + "VS_VERSION_INFO\0".encode("utf-16-le")
    + b"\0\0"
    + struct.pack("<IIII", 0xFEEF04BD, 0x10000, 10 << 16 | 0, 19041 << 16 | 1)
)
PRODUCT, UPGRADE = "{90160000-008C-0000-1000-0000000FF1CE}", "{12345678-9ABC-DEF0-1234-56789ABCDEF0}"


def _registry(root: Key, control_set: Key) -> None:
    del root
    service = control_set.ensure(r"Services\Work")
    for value in (Value.dword("Start", 2), Value.string("Name", "Thing"), Value.multi_string("Many", ("a", "b"))):
        service.set(value)
    service.set(Value.string("", "default"))


def _software() -> bytes:
    hive = software_hive(WINDOWS_10)
    hive.root.ensure(r"Own\Both").set(Value.string("A", "1"))
    hive.root.ensure(r"WOW6432Node\Own\Both").set(Value.string("A", "1"))
    hive.root.ensure(r"Own\Native").set(Value.string("A", "1"))
    hive.root.ensure(r"Policies\Own").set(Value.string("A", "1"))
    hive.root.ensure(r"Classes\Installer\Products\00006109C80000000100000000F01FEC")
    hive.root.ensure(rf"Classes\Installer\UpgradeCodes\{packed_guid(UPGRADE)}")
    return write_hive(hive)


def tree() -> dict[str, bytes]:
    made = replace(WINDOWS_10, more=_registry)
    config = "Windows/System32/config"
    return make_tree(made) | {
        f"{config}/SYSTEM": write_hive(system_hive(made)),
        f"{config}/SOFTWARE": _software(),
        "Windows/notepad.exe": b"MZ" + VERSION,
        "Windows/plain.txt": b"",
        "Windows/System32/both.dll": b"",
        "Windows/SysWOW64/both.dll": b"",
        "Windows/System32/native.dll": b"",
        "Windows/System32/drivers/etc/hosts": b"",
        "Program Files/Tool/tool.exe": b"MZ",
    }


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("known") / "disk.img"
    machine_with(path, tree())
    return path


@pytest.fixture
def old(held: Path) -> Machine:
    machine = computer(held)
    machine.phase = Phase.OLD
    return machine


def asked(machine: Machine, subject: Subject, env: Environment | None = None, **facts: str) -> bool | str:
    return ask_of(machine)(Question(subject, Properties(facts)), env or Environment())


FIXED = "SELECT * FROM Win32_LogicalDisk WHERE DriveType = 3 AND DeviceID = 'C:'"
FILE, FOLDER, REGISTRY, SOFTWARE, WMI = Subject.FILE, Subject.FOLDER, Subject.REGISTRY, Subject.SOFTWARE, Subject.WMI


@pytest.mark.parametrize(
    ("subject", "facts", "holds"),
    [
        (FILE, {"Path": r"%windir%\notepad.exe"}, True),
        (FILE, {"Path": r"%SystemRoot%\NOTEPAD.EXE"}, True),
        (FILE, {"Path": r"C:\Windows\missing.exe"}, False),
        (FILE, {"Path": "C:" + r"\missing" * 4000}, False),
        (FILE, {"Path": r"%SystemDrive%\Windows"}, False),
        (FOLDER, {"Path": r"C:\Program Files\Tool"}, True),
        (FOLDER, {"Path": r"C:\Program Files\Tool\tool.exe"}, False),
        (FOLDER, {"Path": "C:\\"}, True),
        (FILE, {"Path": r"%windir%\System32\both.dll"}, True),
        (FILE, {"Path": r"%windir%\System32\neither.dll"}, False),
        (FILE, {"Path": r"%windir%\System32\drivers\etc\hosts"}, True),
        (FILE, {"Path": r"C:\Windows\notepad.exe", "Version": "10.0.19041.1", "VersionOperator": "equals"}, True),
        (FILE, {"Path": r"C:\Windows\notepad.exe", "Version": "10.0.9", "VersionOperator": "greater"}, True),
        (FILE, {"Path": r"C:\Windows\notepad.exe", "Version": "10.0.20000", "VersionOperator": "GREATER"}, False),
        (
            REGISTRY,
            {"KeyPath": r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\work", "Operator": "exists"},
            True,
        ),
        (REGISTRY, {"KeyPath": r"HKLM\SYSTEM\CurrentControlSet\Services\None", "Operator": "exists"}, False),
        (REGISTRY, {"KeyPath": r"HKLM\SYSTEM\CurrentControlSet\Services\None", "Operator": "nonExists"}, True),
        (REGISTRY, {"KeyPath": r"HKLM\SYSTEM\Select", "Operator": "exists", "Value": "current"}, True),
        (REGISTRY, {"KeyPath": r"HKLM\SYSTEM\Select", "Operator": "exists", "Value": "Nothing"}, False),
        # The example of the SDK: Current is a REG_DWORD, and so does not exist as REG_SZ.
        (
            REGISTRY,
            {"KeyPath": r"HKLM\SYSTEM\Select", "Operator": "exists", "Value": "Current", "Type": "REG_SZ"},
            False,
        ),
        (
            REGISTRY,
            {"KeyPath": r"HKLM\SYSTEM\Select", "Operator": "exists", "Value": "Current", "Type": "REG_DWORD"},
            True,
        ),
        (REGISTRY, {"KeyPath": r"HKLM\SYSTEM\Select", "Operator": "equals", "Value": "Current", "Data": "1"}, True),
        (REGISTRY, {"KeyPath": r"HKLM\SYSTEM\Select", "Operator": "equals", "Value": "Current", "Data": " 001 "}, True),
        (REGISTRY, {"KeyPath": r"HKLM\SYSTEM\Select", "Operator": "equals", "Value": "Current", "Data": "0x01"}, True),
        (REGISTRY, {"KeyPath": r"HKLM\SYSTEM\Select", "Operator": "less", "Value": "Current", "Data": "0x10"}, True),
        (
            REGISTRY,
            {
                "KeyPath": r"HKLM\SYSTEM\CurrentControlSet\Services\Work",
                "Operator": "equals",
                "Value": "Name",
                "Type": "REG_DWORD",
                "Data": "THING",
            },
            True,
        ),
        (
            REGISTRY,
            {"KeyPath": r"HKLM\SYSTEM\CurrentControlSet\Services\Work", "Operator": "equals", "Data": "default"},
            True,
        ),
        (REGISTRY, {"KeyPath": r"HKLM\SOFTWARE\Own\Both", "Operator": "equals", "Value": "A", "Data": "1"}, True),
        (REGISTRY, {"KeyPath": r"HKLM\SOFTWARE\Own\None", "Operator": "equals", "Value": "A", "Data": "1"}, False),
        (REGISTRY, {"KeyPath": r"HKLM\SOFTWARE\Policies\Own", "Operator": "exists", "Value": "A"}, True),
        (REGISTRY, {"KeyPath": r"HKCR\Installer\Products", "Operator": "exists"}, True),
        (SOFTWARE, {"Operator": "ThisVersion", "ProductCode": PRODUCT}, True),
        (SOFTWARE, {"Operator": "ThisVersion", "ProductCode": UPGRADE}, False),
        (SOFTWARE, {"Operator": "AnyVersion", "ProductCode": PRODUCT, "UpgradeCode": UPGRADE}, True),
        (SOFTWARE, {"Operator": "AnyVersion", "ProductCode": PRODUCT}, True),
        (WMI, {"Query": "SELECT * FROM Win32_OperatingSystem WHERE BuildNumber = 17763 AND ProductType = 1"}, True),
        (WMI, {"Query": "SELECT * FROM Win32_OperatingSystem WHERE OSArchitecture = '32-bit'"}, False),
        (WMI, {"Query": "SELECT * FROM Win32_DiskDrive WHERE Index = 0 AND Size = 134217728"}, True),
        (WMI, {"Query": "SELECT * FROM Win32_DiskDrive WHERE Index = 1"}, False),
        (WMI, {"Query": "SELECT * FROM Win32_LogicalDisk WHERE DriveType = 3 AND FileSystem = 'NTFS'"}, True),
        (WMI, {"Query": f"{FIXED} AND FreeSpace > 50000000 AND VolumeName = 'osdisk'"}, True),
        (WMI, {"Query": f"{FIXED} AND FreeSpace > 134217728"}, False),
        (WMI, {"Query": f"{FIXED} AND VolumeName = 'Nobody'"}, False),
    ],
)
def test_the_old_windows_answers(old: Machine, subject: Subject, facts: dict[str, str], holds: bool) -> None:
    assert asked(old, subject, **facts) is holds


@pytest.mark.parametrize(
    ("subject", "facts", "lacks"),
    [
        (FILE, {"Path": r"D:\x"}, "which volume has a letter in the old Windows besides C:"),
        (FILE, {"Path": r"%ProgramFiles%\x"}, "no path with a drive"),
        (FILE, {"Path": r"C:\Windows\*.exe"}, "which files are meant"),
        (FILE, {"Path": r"C:\Windows\Sysnative\x"}, "what a 32-bit program sees"),
        (FILE, {"Path": r"%windir%\System32\native.dll"}, "whether System32 is meant or SysWOW64"),
        (FILE, {"Path": r"C:\Windows\plain.txt", "Version": "1", "VersionOperator": "equals"}, "its version"),
        (FILE, {"Path": r"C:\Windows\notepad.exe", "Version": "x", "VersionOperator": "equals"}, "x is no version"),
        (FILE, {"Path": r"C:\Windows\plain.txt", "DateTime": "now", "DateTimeOperator": "less"}, "when it was changed"),
        (FILE, {"Path": r"C:\Windows\plain.txt", "DateTime": "now", "DateTimeOperator": "like"}, "operator like"),
        (REGISTRY, {"KeyPath": r"HKCU\Software", "Operator": "exists"}, "not in the hives SYSTEM and SOFTWARE"),
        (REGISTRY, {"KeyPath": r"HKLM\HARDWARE\x", "Operator": "exists"}, "not in the hives SYSTEM and SOFTWARE"),
        (REGISTRY, {"KeyPath": r"HKLM\SOFTWARE\Own\Native", "Operator": "exists"}, "whether WOW6432Node is meant"),
        (REGISTRY, {"KeyPath": r"HKLM\SYSTEM\Select", "Operator": "like"}, "operator like"),
        (
            REGISTRY,
            {
                "KeyPath": r"HKLM\SYSTEM\CurrentControlSet\Services\Work",
                "Operator": "equals",
                "Value": "Many",
                "Data": "a",
            },
            "neither text nor a number",
        ),
        (
            REGISTRY,
            {"KeyPath": r"HKLM\SYSTEM\Select", "Operator": "notEquals", "Value": "None", "Data": "a"},
            "a value that is not there",
        ),
        (SOFTWARE, {"Operator": "ThisVersion", "ProductCode": "{x}"}, "the software of the code {x}"),
        (WMI, {"Query": "SELECT * FROM Win32_LogicalDisk WHERE DriveType = 5"}, "which other Win32_LogicalDisk"),
    ],
)
def test_what_the_old_windows_cannot_tell_here_is_named(
    old: Machine, subject: Subject, facts: dict[str, str], lacks: str
) -> None:
    answer = asked(old, subject, **facts)
    assert isinstance(answer, str)
    assert lacks in answer


def test_a_variable_says_which_half_of_a_64_bit_windows_is_meant(old: Machine) -> None:
    for told, holds in (("true", True), ("false", False)):
        env = Environment(computer={"SMSTSDisableWow64Redirection": told, "Where": r"%windir%\System32"})
        assert asked(old, FILE, env, Path=r"C:\Windows\System32\native.dll") is holds
        assert asked(old, REGISTRY, env, KeyPath=r"HKLM\SOFTWARE\Own\Native", Operator="exists") is holds


def test_times_are_compared_in_utc(held: Path, old: Machine) -> None:
    machine = computer(held)
    for time, operator, holds in (
        ("20010101000000.000000+000", "greater", True),
        ("29990101000000.000000+000", "greaterEqual", False),
        ("29990101000000.000000-720", "less", True),
    ):
        facts = {"Path": r"C:\Windows\plain.txt", "DateTime": time, "DateTimeOperator": operator}
        assert asked(old, FILE, **facts) is holds
        assert asked(machine, FILE, **facts) is holds


def test_windows_pe_has_the_letters_of_the_disks_and_one_of_its_own(held: Path) -> None:
    machine = computer(held)
    assert asked(machine, FILE, Path=r"C:\Windows\notepad.exe") is True
    assert asked(machine, FILE, Path=r"C:\Windows\System32\native.dll") is True
    for path, lacks in (
        (r"X:\Windows\notepad.exe", "of Windows PE"),
        (r"%windir%\notepad.exe", "of Windows PE"),
        (r"E:\x", "whether there is a drive E:"),
        ("notepad.exe", "no path with a drive"),
    ):
        assert lacks in str(asked(machine, FILE, Path=path))
    assert asked(machine, REGISTRY, KeyPath=r"HKLM\SYSTEM", Operator="exists") == "what Windows PE is"
    assert asked(machine, WMI, Query="SELECT * FROM Win32_OperatingSystem") == "Win32_OperatingSystem of the computer"


def test_a_rehearsal_answers_as_the_disk_would_be(held: Path, tmp_path: Path) -> None:
    machine = computer(blank_disk(tmp_path / "new.img"), held).rehearsal()
    env = Environment()
    with env.step_defaults(GPT):
        forecast_partition_disk(env, machine)
    drive = env["OSDisk"]
    assert asked(machine, FILE, Path=rf"{drive}\Windows\notepad.exe") is False
    assert asked(machine, FOLDER, Path=rf"{drive}\\") is True
    assert asked(machine, WMI, Query="SELECT * FROM Win32_LogicalDisk WHERE FileSystem = 'FAT32' AND DriveType = 3")
    free = FIXED.replace("C:", drive) + " AND FreeSpace > 1"
    assert "FreeSpace" in str(asked(machine, WMI, Query=free))
    machine.mark_used(machine.lettered(drive))
    assert asked(machine, FILE, Path=rf"{drive}\x") == "what the steps before it leave on the disk"


def test_the_new_windows_is_asked_at_its_first_start(held: Path) -> None:
    machine = computer(held)
    machine.phase = Phase.NEW
    for subject, facts in (
        (FILE, {"Path": r"C:\x"}),
        (REGISTRY, {"KeyPath": "HKLM"}),
        (SOFTWARE, {"ProductCode": "x"}),
    ):
        assert "which the new Windows changes until then" in str(asked(machine, subject, **facts))
    assert asked(machine, WMI, Query="SELECT * FROM Win32_LogicalDisk") == "the volumes of the new Windows"
    assert asked(machine, WMI, Query="SELECT * FROM Win32_OperatingSystem") == "which Windows runs"


def test_facts_that_were_given_answer_in_every_phase(held: Path) -> None:
    machine = computer(held)
    machine.supplies = Supplies(facts=("hyper-v",))
    for phase in Phase:
        machine.phase = phase
        assert asked(machine, WMI, Query="SELECT * FROM Win32_ComputerSystem WHERE Model LIKE 'Virtual%'") is True
    machine.phase = Phase.OLD
    known = facts_of(machine)
    assert known.text("Win32_ComputerSystem", "Model") == "Virtual Machine"
    assert known.text("Win32_OperatingSystem", "Version") == "10.0.17763"
    assert known.number("Win32_DiskDrive", "Size") == 134217728


def test_guids_are_packed_as_windows_installer_does() -> None:
    # Microsoft Office 2016 Click-to-Run in the registry of any computer that has it.
    assert packed_guid(PRODUCT) == "00006109C80000000100000000F01FEC"
    assert packed_guid("90160000-008C") is None

"""Configure: variables of MDT in the answer file, before and after the installation of the operating system."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from cases.sequence import MBR, MIB, Log, blank_disk, capture, computer, run, windows_tree
from judges import wim as judges
from judges.disk import partition_of
from osdimage.imaging.errors import ActionFailed
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.judging.restarts import after_restart
from osdimage.imaging.tasksequence.mdt.configure import (
    configure_windows,
    forecast_configure_for_start,
    forecast_configure_windows,
)
from osdimage.imaging.tasksequence.phases import Phase, RestartTarget
from osdimage.imaging.tasksequence.steps.install_os import forecast_install_operating_system, install_operating_system
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk

U = "{urn:schemas-microsoft-com:unattend}"
GUID = "{f080bd22-c068-4ae4-8759-cc1f3f7b956b}"
VARIABLES = {
    "OSDComputerName": "PC-1",
    "FullName": "Me",
    "OrgName": "Org",
    "ProductKey": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
    "AdminPassword": "T0pS3cret!",
    "JoinDomain": "corp.example",
    "JoinWorkgroup": "IGNORED",
    "MachineObjectOU": "OU=Laptops,DC=corp,DC=example",
    "DomainAdmin": "joiner",
    "DomainAdminDomain": "CORP",
    "DomainAdminPassword": "J0inS3cret!",
    "TimeZoneName": "Pacific Standard Time",
    "KeyboardLocale": "0407:00000407",
    "UserLocale": "de-DE",
    "UILanguage": "en-US",
}


def answers(disk: Path) -> str:
    volume = partition_of(disk, 1, disk.with_name("volume.ntfs"))
    judges.assert_ntfs_clean(volume)
    return judges.output("ntfscat", volume, "/Windows/Panther/unattend.xml")


def leaves(document: str) -> dict[tuple[str, str], str]:
    """Return the texts of an answer file by pass and the name of the element."""
    return {
        (settings.get("pass") or "", each.tag.removeprefix(U)): each.text or ""
        for settings in ET.fromstring(document).iter(f"{U}settings")  # noqa: S314 - osdimage wrote it
        for each in settings.iter()
        if not len(each)
    }


def empty_disk(tmp_path: Path) -> tuple[Path, Machine, Environment]:
    disk = blank_disk(tmp_path / "disk.img", 64 * MIB)
    machine, env = computer(disk), Environment(computer=VARIABLES)
    run(partition_disk, env, machine, MBR)
    return disk, machine, env


# Which setting is whose: ZTIConfigure.xml of MDT, in FriendsOfMDT/PSD (e2bde47).
@pytest.mark.foreign
def test_variables_of_mdt_are_settings_of_the_answer_file(tmp_path: Path) -> None:
    disk, machine, env = empty_disk(tmp_path)
    machine.system = TargetSystem(Place(0, 1), WindowsFacts(10, 0, "x64", "Windows"))
    done = run(configure_windows, env, machine)
    assert done.message == ("wrote settings of Windows and domain corp.example to C:\\Windows\\Panther\\unattend.xml")
    found = leaves(answers(disk))
    assert {
        key: value
        for key, value in found.items()
        if key[1] not in {"Value", "PlainText", "HideEULAPage", "ProtectYourPC", "Order", "Description", "Path"}
    } == {
        ("specialize", "ComputerName"): "PC-1",
        ("specialize", "ProductKey"): "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
        ("specialize", "RegisteredOwner"): "Me",
        ("specialize", "RegisteredOrganization"): "Org",
        ("specialize", "TimeZone"): "Pacific Standard Time",
        ("oobeSystem", "RegisteredOwner"): "Me",
        ("oobeSystem", "RegisteredOrganization"): "Org",
        ("oobeSystem", "TimeZone"): "Pacific Standard Time",
        ("specialize", "Domain"): "CORP",
        ("specialize", "Username"): "joiner",
        ("specialize", "Password"): "J0inS3cret!",
        ("specialize", "JoinDomain"): "corp.example",
        ("specialize", "MachineObjectOU"): "OU=Laptops,DC=corp,DC=example",
        ("specialize", "InputLocale"): "0407:00000407",
        ("specialize", "SystemLocale"): "de-DE",
        ("specialize", "UserLocale"): "de-DE",
        ("specialize", "UILanguage"): "en-US",
        ("oobeSystem", "InputLocale"): "0407:00000407",
        ("oobeSystem", "SystemLocale"): "de-DE",
        ("oobeSystem", "UserLocale"): "de-DE",
        ("oobeSystem", "UILanguage"): "en-US",
    }
    written = base64.b64decode(found["oobeSystem", "Value"]).decode("utf-16-le")
    assert written == "T0pS3cret!AdministratorPassword"
    assert found["specialize", "Path"] == "net user Administrator /active:yes"


@pytest.mark.foreign
def test_what_is_told_before_there_is_a_windows_goes_in_with_the_answer_file_of_the_share(tmp_path: Path) -> None:
    disk, machine, env = empty_disk(tmp_path)
    wim = capture(windows_tree(tmp_path / "tree"), tmp_path / "install.wim")
    control = tmp_path / "share" / "Control" / "WIN11"
    control.mkdir(parents=True)
    (control / "unattend.xml").write_text(
        f'<unattend xmlns="{U[1:-1]}"><settings pass="specialize"><component name="Microsoft-Windows-Shell-Setup" '
        'processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">'
        "<ComputerName>OLD</ComputerName><CopyProfile>true</CopyProfile></component></settings></unattend>"
    )
    machine.packages[GUID] = wim
    machine.supplies = Supplies(deployment_share=tmp_path / "share")
    planned, copy = machine.rehearsal(), env.copy()
    assert forecast_configure_windows(copy, planned).does.endswith("which go in with the operating system")
    with copy.step_defaults({"OSGUID": GUID, "TaskSequenceID": "win11"}):
        told = forecast_install_operating_system(copy, planned)
    assert told.does.endswith("; write settings of Windows and domain corp.example to it")

    run(configure_windows, env, machine)
    done = run(install_operating_system, env, machine, {"OSGUID": GUID, "TaskSequenceID": "win11"})
    assert "wrote settings of Windows and domain corp.example to" in done.message
    found = leaves(answers(disk))
    assert found["specialize", "ComputerName"] == "PC-1"
    assert found["specialize", "CopyProfile"] == "true"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("OSDComputerName", "a b", id="name"),
        pytest.param("TimeZoneName", "Mars", id="time-zone"),
        pytest.param("UserLocale", "1", id="locale"),
        pytest.param("KeyboardLocale", "german", id="keyboard"),
        pytest.param("MachineObjectOU", "Laptops", id="unit"),
    ],
)
def test_a_value_that_windows_cannot_have_is_refused(name: str, value: str) -> None:
    env, machine = Environment(computer=VARIABLES | {name: value}), Machine()
    assert name in forecast_configure_windows(env, machine).problems[0]
    with pytest.raises(ActionFailed, match=name):
        configure_windows(env, machine, Log().events)


def test_what_the_answer_file_gets_no_place_for_is_told() -> None:
    told = forecast_configure_windows(Environment(computer={"Home_Page": "x", "Xresolution": "800"}), Machine())
    assert told.warnings == ("left out of the answer file: Home_Page, Xresolution",)


def test_in_psd_the_restart_behind_configure_is_that_into_the_new_windows() -> None:
    machine, env = Machine(), Environment()
    told = forecast_configure_for_start(env, machine)
    assert "PHASE" not in env
    assert told.does.endswith("go in with the operating system")
    machine.system = TargetSystem(Place(0, 1), WindowsFacts(10, 0, "x64", "Windows"))
    forecast_configure_for_start(env, machine)
    assert after_restart(machine, env, RestartTarget.WINPE) is Phase.NEW

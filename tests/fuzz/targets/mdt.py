"""Rules of MDT, and the lists of a deployment share that tell what the first start installs."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.environment import Environment, set_all
from osdimage.imaging.tasksequence.mdt.applications import stage_applications
from osdimage.imaging.tasksequence.mdt.ini import parse_ini
from osdimage.imaging.tasksequence.mdt.packages import chosen_updates
from osdimage.imaging.tasksequence.mdt.rules import work_out
from osdimage.imaging.tasksequence.mdt.share import enter_share

from fuzz.target import Target

_GUID = "{6e7b1b6e-1b6e-4d3b-8f5e-000000000001}"
_FACTS = {"Make": "A", "Model": "B", "MACAddress001": "00:15:5D:85:6B:00", "DefaultGateway001": "10.0.0.1"}


def _rules(data: bytes) -> None:
    env = Environment(computer=_FACTS)
    found = work_out(parse_ini(data, source="x"), env)
    assert all(found.variables.values())
    assert work_out(parse_ini(data, source="x"), env) == found
    set_all(env, found.variables)


def _listed(name: str, data: bytes) -> Machine:
    share = _share()
    (share / "Control" / name).write_bytes(data)
    return Machine(supplies=Supplies(deployment_share=share))


def _applications(data: bytes) -> None:
    made = stage_applications(Environment(computer={"ApplicationGUID": _GUID}), _listed("Applications.xml", data))
    for each in made.files:
        assert all(letter >= " " or letter in "\t\n" for letter in each.text)


def _packages(data: bytes) -> None:
    for each in chosen_updates(Environment(), _listed("Packages.xml", data)):
        assert each.path.resolve().is_relative_to(_share().resolve())


def _settings(data: bytes) -> None:
    env = Environment()
    enter_share(env, _listed("Settings.xml", data))
    assert env["SCRIPTROOT"].startswith(env["DeployRoot"])


@cache
def _share() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="osdimage-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "Control").mkdir()
    (folder / "a").mkdir()
    (folder / "a" / "b.cab").touch()
    return folder


_RULES = (
    b"[Settings]\r\nPriority=Model, MACAddress, DefaultGateway, Own, Default\r\nProperties=Own, More(*)\r\n[B]\r\n"
    b"Own=C\r\nSubsection=%Make%-%Own%\r\n[A-C]\r\nMore001=x\r\n[C]\r\nMore1=y\r\n[00:15:5D:85:6B:00]\r\n"
    b"OSDComputerName=%Model%\r\n[DefaultGateway]\r\n10.0.0.1=C\r\n[Default]\r\nUserExit=\r\n"
    b"DeployRoot=\\\\a\\b\r\n;comment\r\nDriverGroup001=HP\r\n"
)
_ITEM = '<x><i guid="{0}" enable="True"><Name>N</Name>{1}</i></x>'
_APPLICATION = (
    f'<CommandLine>a.exe &amp; %b% ^ "c"</CommandLine><WorkingDirectory>.\\a</WorkingDirectory><Reboot>True</Reboot>'
    f'</i><i guid="{_GUID[:-2]}2}}"><Dependency>{_GUID}</Dependency>'
)
_SETTINGS = b"<Settings><UNCPath>\\\\S\\D$</UNCPath></Settings>"
_FAULTS = (InvalidInput, InvalidRequest)

TARGETS = (
    Target("mdt-rules", _rules, lambda: (_RULES,), _FAULTS, largest=4096),
    Target(
        "mdt-applications", _applications, lambda: (_ITEM.format(_GUID, _APPLICATION).encode(),), _FAULTS, largest=2048
    ),
    Target(
        "mdt-packages",
        _packages,
        lambda: (_ITEM.format(_GUID, "<PackageType>X</PackageType><Source>.\\a\\b.cab</Source>").encode(),),
        _FAULTS,
        largest=2048,
    ),
    Target(
        "mdt-settings",
        _settings,
        lambda: (b"<Settings><UNCPath>\\\\S\\D$</UNCPath></Settings>",),
        _FAULTS,
        largest=2048,
    ),
)

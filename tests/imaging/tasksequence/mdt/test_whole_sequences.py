"""Whole sequences of MDT: each of their steps is accounted for.

``OSDIMAGE_MDT_SEQUENCES=FOLDER`` adds real ones (``ts.xml`` files), none of which is in this repository.  Public ones:
erikpt/Modern-Deployment-Toolkit bb2feb6 ``DeployXMLExamples``, ArthurJDurand/MDT-TS-and-Scripts b3d91fd
``DeploymentShare/Control/*/ts.xml``, FriendsOfMDT/PSD e2bde47 ``Templates/PSD*.xml``: 328 steps.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from cases.offline_windows import make_tree
from cases.windows_trees import write_tree
from osdimage.imaging.capture import capture_image
from osdimage.imaging.disk import create_image
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Application, Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.xml import load_sequence
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.planned import RunPlan

FIXTURES = Path(__file__).parents[4] / "fixtures" / "tasksequence"
_FOLDER = os.environ.get("OSDIMAGE_MDT_SEQUENCES")
REAL = sorted(Path(_FOLDER).rglob("*.xml")) if _FOLDER else []
_SCRIPT = re.compile(r"%SCRIPTROOT%\\([\w-]+\.ps1)", re.IGNORECASE)
GUID = "{00000000-0000-0000-0000-000000000001}"
RULES = """[Settings]
Priority=Model, Default
[Virtual Machine]
OSDComputerName=VM-1
[Default]
TimeZoneName=Pacific Standard Time
JoinWorkgroup=WORKGROUP
SkipWizard=YES
Applications001={a}
"""


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write_tree(folder / "tree", make_tree())
    capture_image(folder / "tree", folder / "install.wim")
    return folder / "install.wim"


def planned(path: Path, tmp_path: Path, wim: Path, **variables: str) -> RunPlan:
    """Return the plan of a sequence for a new computer, with all that a caller can give.

    The share has the scripts that the sequence names, as a share that it is from has.
    """
    control = tmp_path / "share" / "Control"
    control.mkdir(parents=True)
    (control / "CustomSettings.ini").write_text(RULES)
    (control / "Packages.xml").write_text("<packages/>")
    (tmp_path / "share" / "Scripts").mkdir()
    for script in _SCRIPT.findall(path.read_text(encoding="utf-8")):
        (tmp_path / "share" / "Scripts" / script).write_text("exit 0\n")
    disk = tmp_path / "disk.img"
    create_image(str(disk), 64 << 30).close()
    wanted = load_sequence(path)
    guid = wanted.variables.get("OSGUID") or GUID
    machine = Machine.start({0: disk}, packages={guid: wim}, rng=random.Random(1))
    machine.supplies = Supplies(
        facts=("hyper-v",), deployment_share=control.parent, applications={"{a}": Application("setup.exe /quiet")}
    )
    given = {"Memory": "8192", "ProcessorSpeed": "2000", **variables}
    return plan_sequence(wanted, Environment(sequence=wanted.variables, computer=given), machine)


def test_every_step_of_a_template_is_accounted_for(tmp_path: Path, wim: Path) -> None:
    plan = planned(FIXTURES / "lite-touch.xml", tmp_path, wim)
    named = {decision: [each.name for each in plan.steps if each.decision is decision] for decision in Decision}
    assert sum(map(len, named.values())) == 46
    assert named[Decision.REFUSE] == ["Tattoo"]
    assert named[Decision.STAGE] == ["Install Applications", "Install Roles", "Note the deployment", "Restart computer"]
    assert named[Decision.SKIP] == [
        "Disable BDE Protectors", "Apply Windows PE", "Restart computer", "Format and Partition Disk (BIOS)", "Backup",
        "Execute Sysprep", "Execute Sysprep", "Create WIM",
    ]  # fmt: skip
    assert not named[Decision.LEAVE_OUT]


def test_a_reference_computer_is_captured_when_it_was_started(tmp_path: Path, wim: Path) -> None:
    plan = planned(FIXTURES / "lite-touch.xml", tmp_path, wim, DoCapture="YES")
    assert [each.name for each in plan.steps if each.decision is Decision.LATER] == ["Execute Sysprep", "Create WIM"]


PSD = """<sequence version="3.00" name="As PSD's"><group name="State Restore">
<step type="SMS_TaskSequence_RunCommandLineAction" name="Tattoo" continueOnError="true" successCodeList="0 3010">
<defaultVarList><variable name="PackageID" property="PackageID"/></defaultVarList>
<action>PowerShell.exe -file %SCRIPTROOT%\\OwnTattoo.ps1</action></step></group></sequence>
"""
"""A step as PSDClient.xml and PSDServer.xml of FriendsOfMDT/PSD have it: a script of the share, by PowerShell."""


def test_a_script_of_the_share_is_run_as_in_sequences_of_psd(tmp_path: Path, wim: Path) -> None:
    whole = (FIXTURES / "lite-touch.xml").read_text(encoding="utf-8")
    before = whole[: whole.rindex("</sequence>")]
    (tmp_path / "psd.xml").write_text(before + PSD[PSD.index("<group") :], encoding="utf-8")
    last = planned(tmp_path / "psd.xml", tmp_path, wim).steps[-1]
    assert (last.name, last.decision, last.reason) == ("Tattoo", Decision.STAGE, None)


@pytest.mark.skipif(not REAL, reason="OSDIMAGE_MDT_SEQUENCES names no folder of task sequences of MDT")
def test_of_real_sequences_three_quarters_are_not_refused(tmp_path: Path, wim: Path) -> None:
    counts: Counter[Decision] = Counter()
    for number, path in enumerate(REAL):
        plan = planned(path, tmp_path / str(number), wim)
        steps = load_sequence(path).steps
        assert len(plan.steps) == len(steps), path
        counts.update(each.decision for each in plan.steps)
        assert all(each.reason for each in plan.steps if each.decision is Decision.REFUSE), path
        refused = [each.name for each in plan.steps if each.decision is Decision.REFUSE]
        assert not (path.name.startswith("PSD") and refused), refused
    total = sum(counts.values())
    assert counts[Decision.REFUSE] <= total / 4, counts

"""Join Domain or Workgroup: in the answer file as long as nothing waits, behind what waits otherwise."""

from __future__ import annotations

import pytest
from cases.staging import judged, new_windows, refusal, staged, staged_step
from judges.powershell import faults
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import step
from osdimage.imaging.tasksequence.judging.judgement import Decision

WORKGROUP = step("j", "JoinDomainWorkgroup", {"OSDJoinType": "1", "OSDJoinWorkgroupName": "Bob's \u2019 group"})
DOMAIN = step(
    "j",
    "JoinDomainWorkgroup",
    {
        "OSDJoinType": "0",
        "OSDJoinDomainName": "corp.example",
        "OSDJoinDomainOUName": "LDAP://OU=A,DC=corp",
        "OSDJoinAccount": r"corp\join",
        "OSDJoinPassword": "it's $ecret",
        "OSDJoinSkipReboot": "true",
    },
)


def behind(supplies: Supplies | None = None) -> Machine:
    """Return a machine on which a step waits already."""
    machine = new_windows(supplies=supplies)
    machine.staged.append(staged_step(step("a", "RunCommandLine", None, {"CommandLine": "a.exe"}), machine))
    return machine


def test_it_is_done_now_as_long_as_nothing_waits() -> None:
    assert judged(WORKGROUP, new_windows()).decision is Decision.RUN
    assert judged(DOMAIN, new_windows()).decision is Decision.RUN
    assert judged(WORKGROUP, behind()).decision is Decision.STAGE


@pytest.mark.foreign
def test_a_workgroup_is_joined_behind_what_waits_and_the_computer_restarts() -> None:
    made = staged(WORKGROUP, behind())
    assert made.restarts
    assert made.lines[-1].endswith(r'-ExecutionPolicy Bypass -File "%~dp0join.ps1"')
    (script,) = made.files
    assert "$how['WorkgroupName'] = 'Bob''s \u2019\u2019 group'" in script.text
    assert "Credential" not in script.text
    assert faults(script.text) == []


@pytest.mark.foreign
def test_a_domain_takes_a_password_that_may_be_on_the_disk() -> None:
    said = refusal(DOMAIN, behind())
    assert "on the disk in clear text" in said
    env = Environment()
    made = staged(DOMAIN, behind(Supplies(secrets_on_disk=True)), env)
    assert not made.restarts
    text = made.files[0].text
    assert "$how['OUPath'] = 'OU=A,DC=corp'" in text
    assert "ConvertTo-SecureString 'it''s $ecret' -AsPlainText -Force" in text
    assert "ecret" not in env.mask(text)
    assert faults(text) == []

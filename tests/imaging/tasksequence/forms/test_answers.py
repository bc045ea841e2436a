"""What is given in place of a site, of a share and of a Windows that runs: given anew, and over what was."""

from __future__ import annotations

from pathlib import Path

import pytest
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.computer.supplies import Application, FirstBoot, Supplies
from osdimage.imaging.tasksequence.forms.answers import Answers
from osdimage.imaging.tasksequence.forms.build import group, sequence, step

STEPS = sequence("S", step("first", "A"), group("G", step("Second one", "B"), step("third", "C"), step("third", "D")))
EVERYTHING = Answers(
    first_boot=FirstBoot.LOGON,
    facts=("qemu",),
    rules=Path("rules.ini"),
    deployment_share=Path("share"),
    programs={"ABC00001:Install": "setup.exe"},
    applications={"Viewer": "viewer.exe /s"},
    application_packages={"Viewer": "ABC00002"},
    updates=Path("updates"),
    replaced=(("1", "one.cmd"), ("second ONE", "two.cmd")),
    without_client=True,
    secrets_on_disk=True,
)
GIVEN = Supplies(
    programs={"ABC00001:Install": "setup.exe"},
    applications={"Viewer": Application("viewer.exe /s", "ABC00002")},
    updates=Path("updates"),
    deployment_share=Path("share"),
    rules=Path("rules.ini"),
    facts=("qemu",),
    replaced={1: "one.cmd", 2: "two.cmd"},
    first_boot=FirstBoot.LOGON,
    without_client=True,
    secrets_on_disk=True,
)


def test_everything_that_is_given_is_there() -> None:
    assert EVERYTHING.over(Supplies(), STEPS) == GIVEN


def test_what_is_not_given_anew_stays() -> None:
    assert Answers().over(GIVEN, STEPS) == GIVEN


def test_what_is_given_anew_takes_its_place() -> None:
    anew = Answers(
        first_boot=FirstBoot.SETUP,
        programs={"ABC00003:Other": "other.exe"},
        applications={"Viewer": "newer.exe"},
        replaced=(("2", "new.cmd"),),
    ).over(GIVEN, STEPS)
    assert anew.first_boot is FirstBoot.SETUP
    assert anew.programs == {"ABC00001:Install": "setup.exe", "ABC00003:Other": "other.exe"}
    assert anew.applications == {"Viewer": Application("newer.exe")}
    assert anew.replaced == {1: "one.cmd", 2: "new.cmd"}
    assert (anew.facts, anew.without_client) == (("qemu",), True)


def test_all_steps_of_a_name_are_replaced() -> None:
    assert Answers(replaced=(("third", "x"),)).over(Supplies(), STEPS).replaced == {3: "x", 4: "x"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param(
            Answers(replaced=(("5", "x"),)),
            "there is no step '5'; valid is its name, or a number from 1 to 4",
            id="a number that no step has",
        ),
        pytest.param(Answers(replaced=(("Third one", "x"),)), "there is no step 'Third one'", id="a name of none"),
        pytest.param(Answers(replaced=(("1", "x"), ("first", "y"))), "step 1 is to be replaced twice", id="twice"),
        pytest.param(
            Answers(applications={"Viewer": "v"}, application_packages={"viewer": "ABC00001"}),
            "application 'viewer' has no command; applications with one: 'Viewer'",
            id="a package of no application",
        ),
    ],
)
def test_what_is_wrong_is_told(wrong: Answers, message: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        wrong.over(Supplies(), STEPS)
    assert message in str(error.value)

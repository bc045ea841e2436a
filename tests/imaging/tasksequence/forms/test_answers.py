"""What is given in place of a site, of a share and of a Windows that runs: given anew, and over what was."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.tasksequence.computer.supplies import Application, FirstBoot, Supplies
from osdimage.imaging.tasksequence.forms.answers import GRAMMAR, Answers, read_answers
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
        pytest.param(Answers(replaced=(("Thrid", "x"),)), "'Thrid'; did you mean third?", id="a name that is near"),
        pytest.param(Answers(replaced=(("1", "x"), ("first", "y"))), "step 1 is to be replaced twice", id="twice"),
        pytest.param(
            Answers(applications={"Viewer": "v"}, application_packages={"viewer": "ABC00001"}),
            "application 'viewer' has no command; applications with one: 'Viewer'",
            id="a package of no application",
        ),
        pytest.param(
            Answers(programs={"Install": "setup.exe"}),
            "program 'Install' has no package; valid is ID:NAME, such as ABC00001:Install",
            id="a program of no package",
        ),
    ],
)
def test_what_is_wrong_is_told(wrong: Answers, message: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        wrong.over(Supplies(), STEPS)
    assert message in str(error.value)


def _read(text: str, folder: Path) -> Answers:
    return read_answers(text.encode(), source="answers.yaml", folder=folder)


def test_the_grammar_that_is_shown_is_read(tmp_path: Path) -> None:
    for name in ("DeploymentShare", "updates"):
        (tmp_path / name).mkdir()
    for name in ("computer.json", "CustomSettings.ini"):
        (tmp_path / name).touch()
    assert _read(GRAMMAR.partition("\nAll may")[0], tmp_path) == Answers(
        first_boot=FirstBoot.SETUP,
        facts=(str(tmp_path / "computer.json"),),
        deployment_share=tmp_path / "DeploymentShare",
        rules=tmp_path / "CustomSettings.ini",
        packages={"ABC00001": str(tmp_path / "install.wim"), "ABC00002": "catalog:Model X"},
        shares={r"\\server\captures": str(tmp_path / "captures")},
        programs={"ABC00003:Install": "setup.exe /quiet"},
        applications={"Viewer": "viewer.exe /s", "Office": "setup.exe"},
        application_packages={"Office": "ABC00004"},
        updates=tmp_path / "updates",
        sequences={"ABC00009": str(tmp_path / "child.xml")},
        replaced=(("7", "cmd /c install.cmd"), ("Tell the site", "cmd /c exit 0")),
        leave_out=("Restore User State", "12"),
    )


def test_a_file_that_is_empty_gives_nothing(tmp_path: Path) -> None:
    assert _read("", tmp_path) == _read("# nothing\n", tmp_path) == Answers()


def test_one_text_is_a_list_of_one_and_a_preset_is_no_file(tmp_path: Path) -> None:
    given = _read("facts: qemu\nleave-out: 12\n", tmp_path)
    assert (given.facts, given.leave_out) == (("qemu",), ("12",))


def test_what_is_given_besides_counts(tmp_path: Path) -> None:
    of_file = _read(
        "{first-boot: none, program: {'A:B': old, 'A:C': kept}, leave-out: [windows], facts: qemu}", tmp_path
    )
    both = of_file.and_also(Answers(first_boot=FirstBoot.SETUP, programs={"A:B": "new"}, leave_out=("site",)))
    assert (both.first_boot, both.facts, both.leave_out) == (FirstBoot.SETUP, ("qemu",), ("windows", "site"))
    assert both.programs == {"A:B": "new", "A:C": "kept"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("programs: {}", "'programs' is not known; did you mean program?", id="a name that is not known"),
        pytest.param("first-boot: never", "first-boot: never; valid are setup, logon, none", id="a way that is none"),
        pytest.param("from-windows: 1", "from-windows: 1; valid are true and false", id="no truth"),
        pytest.param("rules: x.ini", "rules: '/nowhere/x.ini' does not exist", id="a file that is not there"),
        pytest.param("updates: [a]", "updates: expected is a text", id="a list in place of a path"),
        pytest.param("program: [a]", "program: expected are names and values", id="a list in place of names"),
        pytest.param("application: {V: {package: A}}", "application 'V': command is missing", id="no command"),
        pytest.param(
            "application: {V: {comand: A}}", "'comand' is not known; did you mean command", id="a typing error"
        ),
        pytest.param("facts: [[a]]", "facts: expected is a text, or a list of texts", id="a list in a list"),
        pytest.param("[a]", "the answers: expected are first-boot, ", id="a list"),
        pytest.param("facts: [a", "answers.yaml, line 2: not YAML that is read here", id="no YAML"),
        pytest.param(
            "rules: &a x\nupdates: *a", "line 2: not YAML that is read here: aliases are not read", id="an alias"
        ),
        pytest.param("facts: a\nfacts: b", "line 2: not YAML that is read here: a key is given twice", id="twice"),
    ],
)
def test_answers_that_are_wrong_say_where(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        _read(text, Path("/nowhere"))
    assert message in str(error.value)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_any_plain_value_is_read_or_refused(value: object) -> None:
    for key in ("application", "facts", "package", "replace", "rules", "first-boot", "without-client"):
        with suppress(InvalidInput):
            read_answers(json.dumps({key: value}).encode(), source="x", folder=Path("/nowhere"))

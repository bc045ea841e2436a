"""The short form in YAML."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.tasksequence.conditions import Compare, Joined, Joint, Operator
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.forms.xml import load_sequence, read_sequence, write_sequence
from osdimage.imaging.tasksequence.forms.yaml import read_yaml
from osdimage.imaging.tasksequence.result import RunIn

TEXT = """\
name: Deploy
description: by hand
variables: {OSDComputerName: PC1, Number: 007, Flag: yes}
steps:
  - group: Install
    condition: _SMSTSInWinPE equals true
    continueOnError: true
    steps:
      - step: Partition
        type: PartitionDisk
        variables: {OSDDiskIndex: 0, OSDPartitions0Type: Primary}
      - step: Apply
        type: SMS_TaskSequence_ApplyOperatingSystemAction
        properties: {ImagePackageID: ABC00001}
        condition:
          - any: [A exists, B equals]
          - none: [C greater 1 2]
        runIn: winpe
        successCodeList: 0 3010
        retryCount: 2
        disable: true
        command: x.exe
"""


def test_it_makes_the_same_sequence_as_python_and_xml() -> None:
    read = read_yaml(TEXT.encode(), source="x")
    condition = Joined(
        Joint.ALL,
        (
            Joined(Joint.ANY, (Compare("A", Operator.EXISTS), Compare("B", Operator.EQUALS, ""))),
            Joined(Joint.NONE, (Compare("C", Operator.GREATER, "1 2"),)),
        ),
    )
    assert read == sequence(
        "Deploy",
        group(
            "Install",
            step("Partition", "PartitionDisk", {"OSDDiskIndex": "0", "OSDPartitions0Type": "Primary"}),
            step(
                "Apply",
                "ApplyOperatingSystem",
                properties={"ImagePackageID": "ABC00001"},
                condition=condition,
                run_in=RunIn.WINPE,
                success_codes=(0, 3010),
                retry_count=2,
                disable=True,
                command="x.exe",
            ),
            condition=Compare("_SMSTSInWinPE", Operator.EQUALS, "true"),
            continue_on_error=True,
        ),
        description="by hand",
        # Text stays as it is written: no octal numbers, no booleans.
        variables={"OSDComputerName": "PC1", "Number": "007", "Flag": "yes"},
    )
    assert read_sequence(write_sequence(read), source="x") == read


def test_a_file_is_read_by_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "deploy.yaml"
    path.write_text(TEXT)
    assert load_sequence(path) == read_yaml(TEXT.encode(), source="x")


LAUGHS = "a: &a [x,x,x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1 or ''},*a{n - 1 or ''}]\n" for n in range(1, 30))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(LAUGHS, "aliases are not read", id="bomb of aliases"),
        pytest.param("[" * 70 + "]" * 70, "more than 64 deep", id="deep"),
        pytest.param("[" * 100_000, "not YAML", id="very deep"),
        pytest.param("name: [", "line [12]: not YAML", id="cut off"),
        pytest.param("name: a\nname: b\nsteps: []", "line 2: .*: a key is given twice", id="twice"),
        pytest.param("{[a]: b}", "a key is given twice, or is no text", id="a key that is a list"),
        pytest.param("- a", "expected are name, description", id="a list"),
        pytest.param("", "expected are name", id="empty"),
        pytest.param("name: x\nother: y", "'other' is not known; valid are name", id="unknown key"),
        pytest.param("name: x\nstep: []", r"'step' is not known; did you mean steps\?; valid are name", id="near key"),
        pytest.param("name: x\n---\nname: y", "line 3: .*there is a second document", id="two documents"),
        pytest.param("name: x", "steps: expected is a list", id="no steps"),
        pytest.param("name: [x]\nsteps: []", "name: expected is a text", id="name no text"),
        pytest.param("name: x\nsteps: [{step: a}]", r"steps\[0\]: a step has step: NAME and type", id="no type"),
        pytest.param("name: x\nsteps: [{group: a, steps: [5]}]", r"steps\[0\].steps\[0\]: expected", id="no mapping"),
        pytest.param("name: x\nsteps: [{step: a, type: b, runIn: c}]", "runIn: c; valid are WinPE", id="runIn"),
        pytest.param("name: x\nsteps: [{step: a, type: b, disable: c}]", "disable: c; valid", id="disable"),
        pytest.param("name: x\nsteps: [{step: a, type: b, retryCount: c}]", "'c' is not a whole number", id="retry"),
        pytest.param("name: x\nsteps: [{step: a, type: b, variables: [c]}]", "NAME: VALUE", id="variables"),
        pytest.param("name: x\nsteps: [{step: a, type: b, variables: {c: [d]}}]", "NAME: VALUE", id="nested value"),
        pytest.param("name: x\nsteps: [{step: a, type: b, condition: c}]", "is not NAME OPERATOR VALUE", id="cond"),
        pytest.param("name: x\nsteps: [{step: a, type: b, condition: c exists d}]", "is not NAME", id="exists"),
        pytest.param("name: x\nsteps: [{step: a, type: b, condition: {c: d}}]", "valid are all:, any:", id="joint"),
        pytest.param("name: x\nsteps: [{step: a, type: b, condition: {any: d}}]", "any: needs a list", id="no list"),
        pytest.param("!!python/object/apply:os.system [id]", "expected are name", id="a tag"),
        pytest.param("name: \ud800", "not YAML", id="half a character"),
        pytest.param("name: \x01", "not YAML", id="control character"),
    ],
)
def test_what_is_not_such_a_sequence_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_yaml(text.encode("utf-8", "surrogatepass"), source="x.yaml")


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(InvalidInput, match="larger than"):
        read_yaml(b" " * (5 << 20), source="x.yaml")


@given(st.text(alphabet="[]{}:,-&*!|>'\"# \nabstepgroupnamectypse", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidInput):
        read_yaml(text.encode(), source="x")

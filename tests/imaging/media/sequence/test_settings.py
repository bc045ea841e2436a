"""What media tell a run: variables, and what a site would tell besides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges.schemas import judge
from osdimage.imaging.errors import InvalidDocument, InvalidRequest
from osdimage.imaging.media.sequence.settings import LARGEST, MediaSettings, settings_from_json, settings_to_json
from osdimage.imaging.tasksequence.computer.supplies import FirstBoot
from osdimage.imaging.tasksequence.forms.answers import Answers

ANSWERS = Answers(
    first_boot=FirstBoot.LOGON,
    programs={"ABC00001:Install": "setup.exe /s"},
    applications={"Viewer": "viewer.exe"},
    application_packages={"Viewer": "ABC00002"},
    packages={"ABC00003": "install.wim"},
    leave_out=("site", "12"),
    replaced=(("7", "cmd /c exit 0"),),
    without_client=True,
)
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


def test_what_a_run_is_told_comes_back_from_the_media() -> None:
    settings = MediaSettings.of_answers(ANSWERS, {"OSDComputerName": "PC-1"}, ("License",))
    data = settings_to_json(settings)
    judge(json.loads(data), "media-variables")
    read = settings_from_json(data, source="variables.json")
    assert (read.variables, read.hidden) == ({"OSDComputerName": "PC-1"}, ("License",))
    # Packages are files of the media, and no part of it.
    assert read.answers.packages == {}
    assert (read.answers.programs, read.answers.application_packages) == (
        ANSWERS.programs,
        ANSWERS.application_packages,
    )
    assert (read.answers.leave_out, read.answers.replaced) == (ANSWERS.leave_out, ANSWERS.replaced)
    assert (read.answers.first_boot, read.answers.without_client) == (FirstBoot.LOGON, True)


@given(variables=st.dictionaries(TEXTS, TEXTS), hidden=st.lists(TEXTS), leave_out=st.lists(TEXTS))
def test_any_texts_come_back_and_their_bytes_are_the_same_each_time(
    variables: dict[str, str], hidden: list[str], leave_out: list[str]
) -> None:
    settings = MediaSettings(variables, tuple(hidden), leave_out=tuple(leave_out))
    data = settings_to_json(settings)
    assert data == settings_to_json(settings)
    assert settings_from_json(data, source="x") == settings


def test_what_belongs_to_the_computer_is_not_carried() -> None:
    answers = Answers(facts=("pc.json",), updates=Path("updates"), secrets_on_disk=True)
    with pytest.raises(InvalidRequest, match="facts, updates, secrets-on-disk"):
        MediaSettings.of_answers(answers, {})


def test_more_than_is_read_is_not_written() -> None:
    with pytest.raises(InvalidRequest, match="valid is up to"):
        settings_to_json(MediaSettings({"A": "x" * LARGEST}))


WHOLE = json.loads(settings_to_json(MediaSettings({"A": "1"})))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"format": "x"}, "no variables of media", id="another format"),
        pytest.param({"version": 2}, "version", id="a later version"),
        pytest.param({"variables": ["A"]}, "variables", id="variables that are a list"),
        pytest.param({"variables": {"A": {"swordfish": 1}}}, "variables", id="a value that is no text"),
        pytest.param({"hidden": "A"}, "hidden", id="hidden that is a text"),
        pytest.param({"replaced": [["7"]]}, "a step and a command line", id="a step without a command"),
        pytest.param({"first_boot": "never"}, "first_boot", id="an unknown first start"),
        pytest.param({"without_client": "yes"}, "without_client", id="a text for a truth"),
    ],
)
def test_a_damaged_document_is_refused_without_its_values(change: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidDocument, match=told) as caught:
        settings_from_json(json.dumps(WHOLE | change).encode(), source="variables.json")
    assert "swordfish" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(InvalidDocument):
        settings_from_json(data, source="x")
    with pytest.raises(InvalidDocument, match="larger"):
        settings_from_json(b" " * (LARGEST + 1), source="x")

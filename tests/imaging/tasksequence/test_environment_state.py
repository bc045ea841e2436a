"""Keeping the variables of a task sequence in a file."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidDocument, StorageError, TargetRefused
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.layers import CollectionVariables

TEXT = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)


def test_the_state_survives_a_restart_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    env = Environment(
        computer={"A": "1", "Gone": "x"},
        collections=[CollectionVariables({"C": "low", "D": "low"}, 1), CollectionVariables({"C": "high"}, 2)],
        sequence={"S": "s"},
        hidden=["Code"],
    )
    env["Code"] = "swordfish"
    env["OSDJoinPassword"] = "first!"
    env["OSDJoinPassword"] = "second!"
    env["Gone"] = ""
    env.set_read_only("_SMSTSInWinPE", "true")
    path = tmp_path / "state.json"
    with env.step_defaults({"Step": "only"}):
        env.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Environment.load(path)
    assert dict(again) == dict(env)
    assert [again.origin(name) for name in again] == [env.origin(name) for name in env]
    assert again.mask("swordfish first! second!") == "*** *** ***"
    assert again.is_secret("code")
    with again.step_defaults({"Gone": "default"}):
        assert again["Gone"] == "default"
    assert list(tmp_path.iterdir()) == [path]


def test_whether_it_runs_from_media_is_kept(tmp_path: Path) -> None:
    Environment(media={}).save(tmp_path / "s")
    assert Environment.load(tmp_path / "s").is_from_media


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"format": "other"}, id="another format"),
        pytest.param({"version": 2}, id="another version"),
        pytest.param({"layers": [{"origin": "step", "variables": {"a b": "x"}}]}, id="an invalid name"),
        pytest.param({"layers": [{"origin": "nowhere", "variables": {}}]}, id="an unknown layer"),
        pytest.param({"layers": [{"origin": "set", "variables": {"A": 1}}]}, id="a number"),
        pytest.param({"layers": [{"origin": "engine", "variables": {"A": "1"}}]}, id="a plain name of the engine"),
        pytest.param({"layers": 5}, id="no list"),
        pytest.param({"hidden": [5]}, id="a hidden number"),
        pytest.param({"secrets": None}, id="no secrets"),
    ],
)
def test_a_damaged_state_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "state.json"
    document = Environment().to_document()
    path.write_text(json.dumps({**document, **change}))
    with pytest.raises(InvalidDocument, match=r"state\.json"):
        Environment.load(path)


@pytest.mark.parametrize("text", ["", "[", "[]", "5", "[" * 100_000])
def test_what_is_no_state_at_all_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(InvalidDocument):
        Environment.load(path)


def test_a_state_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        Environment().save(tmp_path / "nowhere" / "state.json")
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(TargetRefused, match="is not a regular file"):
        Environment().save(path)
    assert list(tmp_path.iterdir()) == [path]


@given(st.dictionaries(NAMES, st.text(TEXT, max_size=20)))
def test_any_variables_come_back_from_their_document(variables: dict[str, str]) -> None:
    env = Environment()
    for name, value in variables.items():
        env[name] = value
    again = Environment.from_document(json.loads(json.dumps(env.to_document())), source="x")
    assert dict(again) == dict(env)

"""Edits of a hive that are planned before anything is changed."""

from __future__ import annotations

import pytest
from osdimage.imaging.registry.edits import import_edits
from osdimage.imaging.registry.hive import Hive, Value
from osdimage.imaging.registry.planned import HiveDraft
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.write import new_hive, write_hive

SYSTEM = "HKEY_LOCAL_MACHINE\\SYSTEM"


@pytest.fixture
def hive() -> Hive:
    made = new_hive("SYSTEM")
    made.root.ensure("A\\B").set(Value.dword("Start", 3))
    made.root.ensure("A\\B").set(Value.multi_string("List", ("one",)))
    return read_hive(write_hive(made))


def told(draft: HiveDraft) -> list[tuple[str, Value | None, Value | None]]:
    return [(each.edit.key, each.old, each.edit.value) for each in draft.edits]


def test_an_edit_has_the_old_and_the_new_value_and_changes_nothing_yet(hive: Hive) -> None:
    draft = HiveDraft(hive, "SYSTEM")
    draft.set("a\\b", Value.dword("start", 0))
    draft.set("A\\C", Value.string("", "x"))
    assert told(draft) == [
        (f"{SYSTEM}\\a\\b", Value.dword("Start", 3), Value.dword("start", 0)),
        (f"{SYSTEM}\\A\\C", None, Value.string("", "x")),
    ]
    assert not hive.is_changed
    assert draft.value("A\\B", "START") == Value.dword("start", 0)


def test_what_is_there_already_is_no_edit(hive: Hive) -> None:
    draft = HiveDraft(hive, "SYSTEM")
    draft.set("A\\B", Value.dword("START", 3))
    draft.set("A\\B", Value.dword("Start", 0), keeps_existing=True)
    draft.append("A\\B", "List", ("ONE",))
    draft.make_key("a")
    draft.delete_value("A\\B", "Other")
    draft.delete_key("A\\X")
    assert draft.edits == ()


def test_a_draft_knows_its_own_edits(hive: Hive) -> None:
    draft = HiveDraft(hive, "SYSTEM")
    draft.set("A\\N\\M", Value.dword("x", 1))
    draft.set("A\\N\\M", Value.dword("x", 1))
    draft.make_key("A\\N")
    draft.append("A\\B", "List", ("two",))
    draft.append("A\\B", "List", ("TWO", "three"))
    draft.delete_key("A\\B")
    draft.set("A\\B", Value.dword("Start", 3))
    draft.delete_value("A\\B", "Start")
    draft.delete_value("A\\B", "Start")
    assert [each.edit.value for each in draft.edits] == [
        Value.dword("x", 1),
        Value.multi_string("List", ("one", "two")),
        Value.multi_string("List", ("one", "two", "three")),
        None,
        Value.dword("Start", 3),
        None,
    ]


def test_a_draft_that_was_carried_out_is_empty_when_it_is_made_again(hive: Hive) -> None:
    def make() -> HiveDraft:
        draft = HiveDraft(hive, "SYSTEM")
        draft.set("A\\B", Value.dword("Start", 0))
        draft.append("A\\B", "List", ("two",))
        draft.append("A\\New", "List", ("two",))
        draft.make_key("A\\C\\D")
        draft.delete_value("A\\B", "Other")
        return draft

    edits = [each.edit for each in make().edits]
    assert len(edits) == 4
    import_edits(hive, edits, SYSTEM)
    assert make().edits == ()

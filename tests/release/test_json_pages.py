"""The pages of the site about documents of ``--json``: they tell of every member that the schemas have."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from judges.schemas import parts_of
from osdimage.cli.schemas import read_schema, schema_names

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return what makes the pages, which is imported as Sphinx does it."""
    for folder in (ROOT / ".ci", ROOT / "docs" / "_ext"):
        monkeypatch.syspath_prepend(folder)
    return importlib.import_module("json_pages")


def test_pages_tell_of_every_member(pages: ModuleType) -> None:
    for name in schema_names():
        text = "\n".join(pages.page(name))
        for part in parts_of(read_schema(name)):
            for member in part.get("properties", ()):
                assert f"- `{member}` (" in text, (name, member)


def test_pages_say_what_a_member_is_in_words(pages: ModuleType) -> None:
    text = "\n".join(pages.page("split"))
    # What it refers to is in place, and members of a definition with members of its own lead to that.
    assert "- `sizes` (list of whole numbers): The sizes of the parts, in bytes." in text
    assert "- `paths` (list of texts): The paths of the parts" in text
    assert "- `stream` ([stream](common.md#stream) or `null`): What came from" in "\n".join(pages.page("deploy"))
    assert "- `new_size` (number of bytes): The size of the file now." in "\n".join(pages.page("delete"))
    assert "`live`, `dead`, `hidden` or `ended`" in "\n".join(pages.page("common"))


def test_what_is_one_of_several_is_told_by_what_marks_it(pages: ModuleType) -> None:
    lines = list(pages.page("common"))
    at = lines.index(
        "- object whose `step` is `forget-drives`: The drive letters of the computer that was captured are forgotten."
    )
    assert "  - `partition` (whole number): The number of the partition with the Windows." in lines[at : at + 5]


def test_a_command_leads_to_the_documents_that_it_prints(pages: ModuleType) -> None:
    assert pages.kinds_of(["facts"]) == ["facts", "facts-line"]
    assert pages.kinds_of(["deploy"]) == [
        "deploy", "deploy-also", "deploy-plan", "deploy-plans", "deploy-set", "deploy-set-plan",
    ]  # fmt: skip
    assert "run-state" not in pages.kinds_of(["run"])


def test_links_from_schema_to_schema_lead_from_page_to_page(pages: ModuleType) -> None:
    assert "as of [apply-also](apply-also.md)" in "\n".join(pages.page("deploy-also"))


def test_a_page_says_which_command_prints_it(pages: ModuleType) -> None:
    assert "`osdimage disk show` prints it with `--json`." in list(pages.page("disk-show"))
    assert not any("prints it with" in line for line in pages.page("run-state"))

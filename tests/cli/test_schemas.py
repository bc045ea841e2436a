"""The JSON schemas of documents: what every one of them must be.  Documents are judged where commands are run."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError
from judges.schemas import judge, judge_file, parts_of
from osdimage.cli.documents import to_plain
from osdimage.cli.schemas import COMMON, read_schema, schema_names, whole_schema
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.firststart import FirstStep, first_start_files
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from runs.commands import osdimage

NAMES = schema_names()
ALL: Registry[Any] = Registry().with_resources(
    (f"{name}.json", Resource.from_contents(read_schema(name), DRAFT202012)) for name in NAMES
)

# What is there only in some documents of a kind.  All else is always there, as docs/reference/json.md promises.
SOMETIMES = {
    "deploy-steps": {"cluster_size"},
    "disk-plan": {"cluster_size", "kind"},
    "deploy-plan": {"kind"},
    "deploy-set-plan": {"kind"},
    "facts": {"kind", "tpm", "enabled", "activated", "version"},
    "info": {"blobs"},
    "list": {"error", "warnings"},
    "media-list": {"error", "warnings"},
}
# What people write, where much can be left out, and a name that is not known is an error; and what was written before
# some of its members were.
WRITTEN_BY_PEOPLE = {"answers", "application", "condition", "sequence-condition", "sequence-member", "task-sequence"}
OF_ALL_VERSIONS = {"machine", "run-state"}

# Words that no class of the library has for its own.
OWN_WORDS = {
    ("run", "true", "first-start"),
    ("run", "first-start", "later", "true", "skipped", "left-out", "refused"),
    ("bytes", "files"),
    ("file", "directory", "link"),
    ("none", "xpress", "lzx", "lzms"),
    ("set", "make", "delete"),
    ("SYSTEM", "DRIVERS"),
}


def objects(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of a schema that have members of their own, each with the definition that it is in."""
    schema = read_schema(name)
    shared = schema.pop("$defs", {})
    assert isinstance(shared, dict)
    for place, part in ((name, schema), *shared.items()):
        yield from ((place, each) for each in parts_of(part) if "properties" in each)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_that_others_can_read(name: str) -> None:
    schema = read_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{name}.json"
    assert schema["title"]
    for part in parts_of(schema):
        if "$ref" in part:
            ALL.resolver(f"{name}.json").lookup(part["$ref"])


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_tells_of_each_member_and_leaves_room_for_more(name: str) -> None:
    for place, each in objects(name):
        assert "object" in each["type"], place
        assert (each.get("additionalProperties") is False) == (place in WRITTEN_BY_PEOPLE), place
        for member, what in each["properties"].items():
            told = what.get("description", "")
            assert told.endswith((".", ")")), (place, member)
            # An editor shows it without the name of the member.
            assert not told.startswith(("Of ", "That ")), (place, member)
            may_lack = member in SOMETIMES.get(place, ()) or place in WRITTEN_BY_PEOPLE | OF_ALL_VERSIONS
            assert may_lack or member in each["required"], (place, member)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_written_as_python_writes_it(name: str) -> None:
    text = files("osdimage.cli.schemas").joinpath(f"{name}.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def test_every_definition_is_used() -> None:
    used = {part["$ref"].rpartition("/")[2] for name in NAMES for part in parts_of(read_schema(name)) if "$ref" in part}
    assert read_schema(COMMON)["$defs"].keys() == used  # type: ignore[attr-defined]


def words_of(comment: str) -> list[object]:
    """Return the words of the class that a comment names, as documents have them."""
    path, _, form = comment.partition(" by ")
    path, _, lacks = path.partition(", but ")
    module, _, name = path.partition(", as ")[0].rpartition(".")
    kind: type[Enum] = getattr(importlib.import_module(module), name)
    if kind is FileSystem:
        return [each.called for each in kind if isinstance(each, FileSystem)]
    return [each.name.lower() if form else to_plain(each) for each in kind if to_plain(each) not in lacks.split(", ")]


def test_words_are_those_of_the_library() -> None:
    for name in NAMES:
        for part in parts_of(read_schema(name)):
            if "enum" in part:
                words = [word for word in part["enum"] if word is not None]
                if "$comment" in part:
                    assert words == words_of(part["$comment"]), part
                else:
                    assert tuple(words) in OWN_WORDS


def test_a_whole_schema_needs_no_other_file() -> None:
    # As `check-jsonschema --schemafile` would: without a registry.
    validator = Draft202012Validator(whole_schema("error"))
    error = {"code": 1, "kind": "a", "message": "", "where": None, "errno": None, "remedy": None, "problems": []}
    with pytest.raises(ValidationError, match="candidates"):
        validator.validate({"version": 1, "kind": "error", "error": error})
    validator.validate({"version": 1, "kind": "error", "error": {**error, "candidates": [], "new": 1}})


def test_the_command_lists_schemas_and_prints_one() -> None:
    listed = osdimage("schema").out.splitlines()[1:]
    assert [line.split()[0] for line in listed] == list(NAMES)
    assert json.loads(osdimage("schema", "disk-show").out) == whole_schema("disk-show")
    document = osdimage("schema", "--json").document
    assert [each["name"] for each in document["schemas"]] == list(NAMES)


def test_a_kind_that_there_is_not_is_told_with_those_that_are_near() -> None:
    refused = osdimage("schema", "disk-shw", code=2)
    assert "there is no document of the kind 'disk-shw'; did you mean disk-show or " in refused.err
    assert "; osdimage schema lists them" in osdimage("schema", "nonsense", code=2).err


def test_files_are_what_their_schemas_say(tmp_path: Path) -> None:
    disk, saved = tmp_path / "disk.img", tmp_path / "saved.json"
    osdimage("disk", "init", disk, "--preset", "data-gpt", "--size", "100MB")
    osdimage("disk", "backup", disk, saved)
    judge_file(saved, "table-backup")
    steps = [FirstStep("one", ("@rem",)), FirstStep("two", ("@rem",), condition=("@exit 0",))]
    judge(json.loads(first_start_files(steps, "cp437")["plan.json"]), "first-start")


@pytest.mark.parametrize(("grammar", "kind"), [("answers", "answers"), ("yaml", "task-sequence")])
def test_a_schema_of_yaml_takes_what_the_grammar_shows(grammar: str, kind: str) -> None:
    text = osdimage("run", "--explain", grammar).out
    example = text[: text.index("\n\n")]
    # JSON has no names but texts.
    document = json.loads(json.dumps(yaml.safe_load(example)))
    Draft202012Validator(whole_schema(kind)).validate(document)
    with pytest.raises(ValidationError, match="'frobnicate' was unexpected"):
        Draft202012Validator(whole_schema(kind)).validate({**document, "frobnicate": "1"})


def test_what_no_schema_names_is_found_in_what_commands_print() -> None:
    document: dict[str, object] = {"version": 1, "kind": "run-yaml", "grammar": ""}
    judge(document, "run-yaml")
    for wrong in ({**document, "more": 1}, {"version": 1, "kind": "run-yaml"}, {**document, "grammar": 1}):
        with pytest.raises(AssertionError, match=r"run-yaml\.json"):
            judge(wrong, "run-yaml")

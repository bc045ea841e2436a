"""The JSON schemas of documents, read by validators of others: jsonschema as they are, fastjsonschema strictly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
from osdimage.cli.schemas import read_schema

# fastjsonschema knows drafts up to this one; the keywords that the schemas use mean the same in it, but for `$ref`,
# beside which it sees nothing: there stand descriptions alone.
_DRAFT = "http://json-schema.org/draft-07/schema#"
# A list of files is long, and the first and the last ones are as all are.
_MANY, _SOME = 2000, 500


def parts_of(schema: object) -> Iterator[dict[str, Any]]:
    """Yield a schema, and all that it is made of; what it refers to is none of these."""
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword in ("properties", "$defs"):
        for each in schema.get(keyword, {}).values():
            yield from parts_of(each)
    for keyword in ("items", "additionalProperties"):
        yield from parts_of(schema.get(keyword))
    for keyword in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(keyword, ()):
            yield from parts_of(each)


@cache
def _definitions() -> dict[str, Any]:
    found = read_schema("common")["$defs"]
    assert isinstance(found, dict)
    return found


def _definition(reference: str) -> dict[str, Any]:
    found = _definitions()[reference.rpartition("/")[2]]
    assert isinstance(found, dict)
    return found


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that refuses members which it does not name, and stands alone with its ``definitions``.

    Whoever reads documents passes over what they do not know; whoever prints them must not print it.
    """
    if "$ref" in schema:
        return {"$ref": f"#/definitions/{schema['$ref'].rpartition('/')[2]}"}
    made = {name: value for name, value in schema.items() if name not in {"$schema", "$id", "$defs", "allOf"}}
    for keyword in ("items", "additionalProperties"):
        if isinstance(made.get(keyword), dict):
            made[keyword] = strict(made[keyword])
    for keyword in ("anyOf", "oneOf"):
        if keyword in made:
            made[keyword] = [strict(each) for each in made[keyword]]
    own = {name: strict(each) for name, each in schema.get("properties", {}).items()}
    required = list(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        above = strict(_definition(part["$ref"]))
        own |= above["properties"]
        required += above["required"]
    if not own:
        return made
    return made | {"properties": own, "required": sorted(set(required)), "additionalProperties": False}


@cache
def _validator(kind: str) -> Callable[[object], object]:
    whole = strict(read_schema(kind))
    definitions: dict[str, Any] = {}
    waiting = [whole]
    while waiting:
        for reference in {each["$ref"] for each in parts_of(waiting.pop()) if "$ref" in each}:
            name = reference.rpartition("/")[2]
            if name not in definitions:
                definitions[name] = strict(_definition(reference))
                waiting.append(definitions[name])
    made = fastjsonschema.compile(whole | {"$schema": _DRAFT, "definitions": definitions}, use_default=False)
    assert callable(made)
    return made


def judge(document: object, kind: str) -> None:
    """Fail when a document is not what the schema of its kind says, to the last member."""
    try:
        _validator(kind)(_shortened(document))
    except fastjsonschema.JsonSchemaValueException as error:
        raise AssertionError(f"cli/schemas/{kind}.json: {error.message}; it has {str(error.value)[:300]}") from error


def _shortened(document: object) -> object:
    if not isinstance(document, dict):
        return document
    return {
        name: value[:_SOME] + value[-_SOME:] if isinstance(value, list) and len(value) > _MANY else value
        for name, value in document.items()
    }


def judge_text(text: str) -> None:
    """The same of what a command with ``--json`` printed, whatever its kind is."""
    document = json.loads(text)
    judge(document, document["kind"])


def judge_event(text: str) -> None:
    """The same of a line that ``--events`` wrote."""
    judge(json.loads(text), "event")


def judge_file(path: Path, kind: str) -> None:
    """The same of a file that osdimage has written."""
    judge(json.loads(path.read_text(encoding="utf-8")), kind)

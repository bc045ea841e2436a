"""What documents hold, as JSON Schema (draft 2020-12): a file for each kind, and ``common.json`` with what they share.

They are the contract with programs, and the source of the pages about ``--json`` on the site.  A schema says what is
there, and leaves room for members that a later version adds: nothing here sets ``additionalProperties`` to false.  The
``$id`` of each is its file name, and references are relative to it, so that the folder can be served or copied whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files

COMMON = "common"
"""What other schemas refer to; it is that of no document."""
EVENT = "event"
"""A line of ``--events``."""

Schema = dict[str, object]


def schema_names() -> tuple[str, ...]:
    """Return the names of all schemas, in alphabetical order."""
    found = (each.name.partition(".") for each in files(__name__).iterdir())
    return tuple(sorted(stem for stem, _, suffix in found if suffix == "json"))


def read_schema(name: str) -> Schema:
    """Return a schema as it stands, with references to that of :data:`COMMON`.

    Raises:
        KeyError: when there is none of this name.
    """
    if name not in schema_names():
        raise KeyError(name)
    schema = json.loads(files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    if not isinstance(schema, dict):
        raise TypeError(f"{name}.json holds no schema")
    return schema


def whole_schema(name: str) -> Schema:
    """Return a schema that needs no other file: what it refers to, and no more, is in its own ``$defs``.

    Raises:
        KeyError: when there is none of this name.
    """
    schema = read_schema(name)
    if name == COMMON:
        return schema
    shared = read_schema(COMMON)["$defs"]
    if not isinstance(shared, dict):
        raise TypeError(f"{COMMON}.json holds no definitions")
    used: Schema = {}
    whole = _moved(schema, shared, used)
    if not isinstance(whole, dict):
        raise TypeError(f"{name}.json holds no schema")
    return {**whole, "$defs": dict(sorted(used.items()))} if used else whole


def _moved(value: object, shared: Mapping[str, object], used: Schema) -> object:
    """Return a part of a schema that refers to its own definitions, and gather those that it refers to."""
    if isinstance(value, list):
        return [_moved(each, shared, used) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if not isinstance(reference, str):
        return {key: _moved(each, shared, used) for key, each in value.items()}
    name = reference.rpartition("/")[2]
    if name not in used:
        # Before what it refers to in its turn, which may be itself.
        used[name] = shared[name]
        used[name] = _moved(shared[name], shared, used)
    return value | {"$ref": f"#/$defs/{name}"}

"""What documents hold, as JSON Schema (draft 2020-12): a file for each kind, and ``common.json`` with what they share.

They are the contract with programs, and the source of the pages about ``--json`` on the site.  A schema says what is
there, and leaves room for members that a later version adds: nothing here sets ``additionalProperties`` to false.  The
``$id`` of each is its file name, and references are relative to it, so that the folder can be served or copied whole.
"""

from __future__ import annotations

import json
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
    """Return a schema that needs no other file: what it refers to is inside, under ``$defs``.

    That is the compound schema document of JSON Schema 2020-12, section 9.3.

    Raises:
        KeyError: when there is none of this name.
    """
    schema = read_schema(name)
    if name == COMMON or f"{COMMON}.json#" not in json.dumps(schema):
        return schema
    return {**schema, "$defs": {f"{COMMON}.json": read_schema(COMMON)}}

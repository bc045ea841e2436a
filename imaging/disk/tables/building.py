"""A declared structure and values -> its bytes."""

from __future__ import annotations

from collections.abc import Mapping

import construct as c


def build(struct: c.Struct, fields: Mapping[str, object], what: str) -> bytes:
    """Return the bytes of a structure.

    Raises:
        ValueError: when a field does not hold its value; one line that names it, without words of construct.
    """
    try:
        built: bytes = struct.build(fields)
    except c.ConstructError as error:
        # Construct tells the way to a field as "(building) -> A -> B".
        field = (getattr(error, "path", None) or "a field").rpartition("-> ")[2]
        raise ValueError(f"{what}: {field} does not hold its value") from error
    return built

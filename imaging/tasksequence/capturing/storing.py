"""What was captured becomes variables: as text of a disk, which nobody vouches for."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from osdimage.imaging.tasksequence.environment import Environment

_LINE_ENDS = frozenset({"Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of captured values.

    Attributes:
        names: of the variables that were set.
        details: each with its value, as it may be shown.
        warnings: sentences about values that no variable can take.
    """

    names: tuple[str, ...]
    details: tuple[str, ...]
    warnings: tuple[str, ...]


def store(env: Environment, values: Mapping[str, str]) -> Stored:
    """Set variables, as steps do: they stand above what the computer, its collections and later steps have.

    A text with two ``%`` is not taken, since what stands between would be read as the name of a variable.

    Raises:
        InvalidRequest: when a value is longer than one can be.
    """
    names, details, warnings = [], [], []
    for name, value in values.items():
        fault = _fault(value)
        if fault is not None:
            warnings.append(f"{name} is not captured: {fault}")
            continue
        env[name] = value
        names.append(name)
        details.append(f"{name}={env.shown_value(name)}")
    return Stored(tuple(names), tuple(details), tuple(warnings))


def _fault(value: str) -> str | None:
    kinds = {unicodedata.category(each) for each in value}
    if any(kind.startswith("C") for kind in kinds) or kinds & _LINE_ENDS:
        return f"the registry holds {value[:64]!a}, with characters that people do not write"
    if value.count("%") > 1:
        return f"the registry holds {value[:64]!a}, in which a variable would be replaced"
    return None

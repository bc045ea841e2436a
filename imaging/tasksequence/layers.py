"""What a variable of a task sequence may be, and the layers that variables come from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from osdimage.imaging.disk.layouts.variables import MAX_NAME, MAX_VALUE, check_name
from osdimage.imaging.errors import InvalidRequest, ReadOnlyVariable, quoted

_HALF = re.compile("[\ud800-\udfff]")
_LETTER = re.compile(r"[A-Za-z]", re.ASCII)


class Origin(StrEnum):
    """Where the value of a variable comes from, the strongest first."""

    ENGINE = "engine"
    SET = "set"
    MEDIA = "media"
    COMPUTER = "computer"
    COLLECTION = "collection"
    SEQUENCE = "sequence"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class CollectionVariables:
    """The variables of one collection that the computer belongs to.

    Attributes:
        variables: names and values; an empty value deletes the variable of a weaker collection.
        precedence: 1, the weakest, to 9.  Between equals the one that is given later wins.
    """

    variables: Mapping[str, str]
    precedence: int = 1

    def __post_init__(self) -> None:
        """Refuse a precedence that the console does not offer."""
        if not 1 <= self.precedence <= 9:
            raise InvalidRequest(f"the precedence of a collection is 1 (lowest) to 9 (highest), not {self.precedence}")


@dataclass(slots=True)
class Layer:
    """The variables of one origin: name in lower case -> name as written, and value ("" deletes)."""

    origin: Origin
    entries: dict[str, tuple[str, str]] = field(default_factory=dict)


class Properties(Mapping[str, str]):
    """Read-only values by names that are compared without case."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """Copy the values; of names that differ only by case the last one counts."""
        self._values = {name.lower(): (name, value) for name, value in values.items()}

    def __getitem__(self, name: str) -> str:
        """Return a value."""
        return self._values[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        """Return the names as they were written."""
        return (name for name, _ in self._values.values())

    def __len__(self) -> int:
        """Count the values."""
        return len(self._values)

    def __repr__(self) -> str:
        """Name the properties, and hide what they hold."""
        return f"<Properties {', '.join(self)}>"


def check_value(name: str, value: str) -> None:
    """Refuse a value that no variable can have.

    Raises:
        InvalidRequest: without the value, which may be secret.
    """
    length = utf16_units(value)
    if length > MAX_VALUE:
        raise InvalidRequest(f"{name}: a value has at most {MAX_VALUE:,} characters, not {length:,}")
    if "\0" in value:
        raise InvalidRequest(f"{name}: a value cannot hold the character NUL")
    if _HALF.search(value) is not None:
        raise InvalidRequest(f"{name}: a value cannot hold half a character, or a byte that is no UTF-8")


def utf16_units(text: str) -> int:
    """Count characters as Windows does."""
    return len(text) + sum(1 for character in text if character > "\uffff")


# "Customizes the Task Sequencer engine's display banner" (ZTIGather.xml of MDT): rules and steps of sequences set it.
_OF_ALL = frozenset({"_smstsorgname"})


def check_settable(name: str) -> None:
    """Refuse a name that a variable outside of the engine cannot have.

    Raises:
        ReadOnlyVariable: when it begins with ``_``, but for the banner of the progress window.
        InvalidRequest: when it breaks another rule.
    """
    if name.lower() in _OF_ALL:
        return
    if name.startswith("_") and check_name(name) is None:
        raise ReadOnlyVariable(f"{name} is read-only: variables whose names begin with _ are set by the engine alone")
    if check_name(name) is not None or _LETTER.match(name) is None:
        raise InvalidRequest(
            f"{quoted(name)} is not the name of a variable: a letter, then letters, digits, _ and -, "
            f"at most {MAX_NAME} in all"
        )


def check_default(name: str) -> None:
    """Refuse a name that a default of a step cannot have.

    Some steps of ConfigMgr carry defaults whose names begin with ``_``, such as ``_SMSClientPackageID``: they are told
    to that step alone, and what the engine has set stands above them.

    Raises:
        InvalidRequest: when it breaks a rule.
    """
    if not name.startswith("_") or check_name(name) is not None:
        check_settable(name)


def entry_bytes(name: str, value: str) -> int:
    """Return what a variable takes of the environment."""
    return 2 * (utf16_units(name) + utf16_units(value))


def size_of(layer: Layer) -> int:
    """Return what all variables of a layer take of the environment."""
    return sum(entry_bytes(*entry) for entry in layer.entries.values())

"""What YAML holds as plain lists, mappings and text, and reading these; nothing else of YAML is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.tasksequence.judging.kinds import meant
from osdimage.imaging.units import MIB, format_size

MAX_BYTES = MIB
"""A sequence of thousands of steps, and what PyYAML reads in seconds."""
MAX_DEPTH = 64


def load_plain(data: bytes, source: str) -> object:
    """Return plain lists, mappings and text.

    They are made of PyYAML's events, which its C parser tells ten times as fast as that in Python: no objects are
    made, tags mean nothing, and an alias, which could make a small file large, is refused where it stands.

    Raises:
        InvalidInput: when it is too large or too deep, or no such YAML; names the line.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{source} is larger than {format_size(MAX_BYTES)}")
    import yaml  # noqa: PLC0415 - only for this form

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    made = _Maker()
    try:
        for event in yaml.parse(data, Loader=loader):
            line = 0 if event.start_mark is None else event.start_mark.line
            match event:
                case yaml.ScalarEvent():
                    made.add(event.value, line)
                case yaml.SequenceStartEvent():
                    made.begin([], line)
                case yaml.MappingStartEvent():
                    made.begin({}, line)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    made.end()
                case yaml.AliasEvent():
                    made.refuse("aliases are not read", line)
    except _Refused as error:
        raise InvalidInput(f"{source}, line {error.line + 1}: not YAML that is read here: {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        what = getattr(error, "problem", None) or "cannot be read"
        raise InvalidInput(f"{source}{where}: not YAML that is read here: {what}") from None
    return made.root


class _Refused(Exception):
    """Something in the file is not read; ``line`` counts from 0."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


class _Maker:
    """Makes the values of a document of their parts, in the order of the file."""

    def __init__(self) -> None:
        self.root: object = None
        self._has_root = False
        self._open: list[list[object] | dict[str, object]] = []
        # The key that waits for its value, for each mapping that is open.
        self._keys: list[str | None] = []

    def begin(self, value: list[object] | dict[str, object], line: int) -> None:
        if len(self._open) == MAX_DEPTH:
            self.refuse(f"more than {MAX_DEPTH} deep", line)
        self.add(value, line)
        self._open.append(value)
        self._keys.append(None)

    def refuse(self, why: str, line: int) -> NoReturn:
        raise _Refused(why, line)

    def end(self) -> None:
        self._open.pop()
        self._keys.pop()

    def add(self, value: object, line: int) -> None:
        if not self._open:
            if self._has_root:
                self.refuse("there is a second document", line)
            self.root, self._has_root = value, True
            return
        parent, key = self._open[-1], self._keys[-1]
        if isinstance(parent, list):
            parent.append(value)
        elif key is not None:
            parent[key] = value
            self._keys[-1] = None
        elif isinstance(value, str) and value not in parent:
            self._keys[-1] = value
        else:
            self.refuse("a key is given twice, or is no text", line)


class PlainReader:
    """Reads plain values, and says where one is wrong."""

    def __init__(self, source: str) -> None:
        """Read of a file that messages call ``source``."""
        self._source = source

    def fail(self, where: str, what: str) -> InvalidInput:
        """Return the error about a place in the file."""
        return InvalidInput(f"{self._source}: {where}: {what}")

    def mapping(self, value: object, where: str, known: tuple[str, ...]) -> Mapping[str, object]:
        """Return a mapping that has known keys alone."""
        if not isinstance(value, dict):
            raise self.fail(where, f"expected are {', '.join(known)}")
        for key in value:
            if key not in known:
                raise self.fail(where, f"{key!r} is not known{meant(key, known)}; valid are {', '.join(known)}")
        return value

    def text(self, values: Mapping[str, object], key: str, where: str) -> str | None:
        """Return a text, or None when there is none."""
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.fail(where, f"{key}: expected is a text")
        return value

    def boolean(self, values: Mapping[str, object], key: str, where: str) -> bool:
        """Return whether a value is true; one that is not there is not."""
        text = (self.text(values, key, where) or "false").lower()
        if text not in {"true", "false"}:
            raise self.fail(where, f"{key}: {text}; valid are true and false")
        return text == "true"

    def texts(self, value: object, where: str) -> tuple[str, ...]:
        """Return a list of texts, one text, or nothing."""
        if value is None or value == "":
            return ()
        found = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in found):
            raise self.fail(where, "expected is a text, or a list of texts")
        return tuple(found)

    def values(self, value: object, where: str) -> dict[str, str]:
        """Return names with texts; none when there is nothing."""
        if value is None or value == "":
            return {}
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise self.fail(where, "expected are names and values, NAME: VALUE")
        return dict(value)

"""Reading what an action is told, by the table of its variables: every problem is found before anything is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address
from typing import TypeVar

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.layers import utf16_units
from osdimage.imaging.tasksequence.result import Needs, VariableInfo
from osdimage.imaging.tasksequence.secrets import MASK

ELEMENT = "<N>"
"""Stands for the number of an element in the name of a variable."""

_NAMED = re.compile(r"%([A-Za-z_][A-Za-z0-9_-]*)%", re.ASCII)
_SUFFIX = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?\.?", re.ASCII)
_Value = TypeVar("_Value")


class Inputs:
    """The variables and properties of one step.

    Attributes:
        problems: what is wrong, each naming the variable, its value and what is valid.
    """

    def __init__(self, env: Environment, variables: Iterable[VariableInfo]) -> None:
        """Read from an environment what a table lists."""
        self._env = env
        self._table = {each.name.lower(): each for each in variables}
        self.problems: list[str] = []

    def finish(self) -> None:
        """Fail when anything was wrong.

        Raises:
            InvalidRequest: with every problem; values that are secret are not in it.
        """
        if self.problems:
            raise InvalidRequest(self._env.mask("; ".join(dict.fromkeys(self.problems))))

    def text(self, name: str, element: int | None = None) -> str | None:
        """Return a value with its ``%NAME%`` replaced, its default, or None; lengths and choices are checked."""
        info = self._table[name.lower()]
        shown = name if element is None else name.replace(ELEMENT, str(element))
        value = self._env.properties.get(shown) if info.is_property else self._env.text(shown)
        if not value:
            if info.needs is Needs.REQUIRED and info.default is None:
                self.problems.append(f"{shown} is missing; valid: {info.valid}")
            return None if info.default is None else self._env.expand(info.default)
        if info.max_length is not None and utf16_units(value) > info.max_length:
            self.problems.append(
                f"{shown} has {utf16_units(value)} characters; valid are 1 to {info.max_length} characters"
                f"{self._unset(shown, value)}"
            )
            return None
        if info.choices:
            for choice in info.choices:
                if choice.lower() == value.lower():
                    return choice
            self._wrong(shown, value, info.valid)
            return None
        return value

    def boolean(self, name: str, element: int | None = None) -> bool | None:
        """Return whether a variable is ``true``, or None; the table says that it is true or false."""
        text = self.text(name, element)
        return None if text is None else text.lower() == "true"

    def number(self, name: str, element: int | None = None) -> int | None:
        """Return a number within the limits of the table, or None."""
        info = self._table[name.lower()]
        least, most = info.numbers or (0, 0xFFFFFFFF)

        def read(text: str) -> int:
            number = int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else -1
            if not least <= number <= most:
                raise ValueError
            return number

        return self.parsed(name, read, element)

    def parsed(self, name: str, read: Callable[[str], _Value], element: int | None = None) -> _Value | None:
        """Return what a function makes of a value, or None.

        A ValueError of the function means that the value is wrong; what is valid says the table, or the text of an
        InvalidRequest.
        """
        text = self.text(name, element)
        if text is None:
            return None
        shown = name if element is None else name.replace(ELEMENT, str(element))
        try:
            return read(text)
        except InvalidRequest as error:
            self.problems.append(f"{shown}: {error}")
        except ValueError:
            info = self._table[name.lower()]
            between = "" if info.numbers is None else f"; a whole number from {info.numbers[0]} to {info.numbers[1]}"
            self._wrong(shown, text, info.valid + between)
        return None

    def _wrong(self, shown: str, value: str, valid: str) -> None:
        clear = MASK if self._env.is_secret(shown) else value if len(value) <= 64 else f"{value[:64]}..."
        self.problems.append(f"{shown}={clear}: valid: {valid}{self._unset(shown, value)}")

    def _unset(self, shown: str, value: str) -> str:
        """Say which variables the value is made of and are not set: mostly that is what is wrong with it."""
        if self._env.is_secret(shown):
            return ""
        names = dict.fromkeys(name for name in _NAMED.findall(value) if name not in self._env)
        return "".join(f"; %{name}% is not set" for name in names)


def comma_list(text: str) -> tuple[str, ...]:
    """Return the items of a comma-delimited list."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def addresses(text: str) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses of a comma-delimited list; ValueError when one is none, or there is none."""
    found = tuple(IPv4Address(item) for item in comma_list(text))
    if not found:
        raise ValueError
    return found


def dns_suffix(text: str) -> str:
    """Read a suffix of DNS; ValueError when it is none."""
    if _SUFFIX.fullmatch(text) is None:
        raise ValueError
    return text


def numbers(most: int) -> Callable[[str], tuple[int, ...]]:
    """Return a function that reads a comma-delimited list of numbers from 0 to a largest one."""

    def read(text: str) -> tuple[int, ...]:
        items = comma_list(text)
        if not items or any(not (item.isascii() and item.isdigit() and len(item) <= 9) for item in items):
            raise ValueError
        found = tuple(map(int, items))
        if max(found) > most:
            raise ValueError
        return found

    return read


# Rows of the tables, so that they can be read as tables.


def required(name: str, valid: str, **more: object) -> VariableInfo:
    """Return the row of a variable that must be there."""
    return VariableInfo(name, Needs.REQUIRED, valid, **more)  # type: ignore[arg-type]


def optional(name: str, valid: str, **more: object) -> VariableInfo:
    """Return the row of a variable that may be missing."""
    return VariableInfo(name, Needs.OPTIONAL, valid, **more)  # type: ignore[arg-type]


def output(name: str, valid: str, **more: object) -> VariableInfo:
    """Return the row of a variable that is set."""
    return VariableInfo(name, Needs.OUTPUT, valid, **more)  # type: ignore[arg-type]


def boolean(name: str, valid: str, *, default: bool | None = None, **more: object) -> VariableInfo:
    """Return the row of a variable that is true or false."""
    needs = more.pop("needs", Needs.OPTIONAL)
    text = None if default is None else str(default).lower()
    return VariableInfo(name, needs, f"true or false: {valid}", text, ("true", "false"), **more)  # type: ignore[arg-type]


def variable_table(variables: Iterable[VariableInfo]) -> str:
    """Return the table of an action's variables for its documentation, in Markdown."""
    rows = [("Variable", "Needed", "Default", "Valid", "Source"), ("---",) * 5]
    for each in variables:
        name = f"`{each.name}`" + (" (property)" if each.is_property else "")
        default = "" if each.default is None else f"`{each.default}`"
        limit = "" if each.max_length is None else f"; at most {each.max_length} characters"
        between = "" if each.numbers is None else f"; {each.numbers[0]} to {each.numbers[1]}"
        rows.append((name, each.needs.value, default, each.valid + limit + between, each.source))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)

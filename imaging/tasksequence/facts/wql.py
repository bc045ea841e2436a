r"""WQL, the query language of WMI: the part of it that conditions use.

``SELECT (*|names) FROM class [WHERE expression]``, with ``= <> != < <= > >= LIKE IS [NOT] NULL``, AND, OR, NOT and
parentheses.  All else (ISA, ASSOCIATORS OF, ``__CLASS``) is not understood here.

Sources: "WQL Operators", "WHERE Clause", "LIKE Operator" and "WQL (SQL for WMI)" of the WMI documentation: NOT stands
before the property; OR comes after AND; a query has at most 16,384 characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from osdimage.imaging.tasksequence.facts.computer import Scalar
from osdimage.imaging.tasksequence.facts.like import check_pattern

LONGEST_QUERY = 16384
DEEPEST = 50

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[+-]?(?:0x[0-9a-f]{1,16}|\d{1,40}(?:\.\d{1,20})?)(?![A-Za-z0-9_.]))
    | (?P<text>"(?:[^"\\]|\\["'\\])*"|'(?:[^'\\]|\\["'\\])*')
    | (?P<sign><=|>=|<>|!=|[=<>(),*])
    )""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_FLIPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_KEYWORDS = frozenset({"and", "or", "not", "like", "is", "null", "true", "false", "isa", "where", "select", "from"})


class NotUnderstoodError(ValueError):
    """A query that is not one of those that are understood here."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a property with a constant.

    Attributes:
        prop: the name of the property.
        operator: ``=``, ``<>``, ``<``, ``<=``, ``>``, ``>=`` or ``like``.
        value: the constant; None is NULL.
    """

    prop: str
    operator: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class Junction:
    """Expressions that are joined.

    Attributes:
        joint: ``and``, ``or`` or ``not``; the last has one part.
        parts: them.
    """

    joint: str
    parts: tuple[Expression, ...]


Expression = Comparison | Junction


@dataclass(frozen=True, slots=True)
class Query:
    """A query.

    Attributes:
        class_name: which instances are looked for.
        where: what must hold for one of them, or None.
    """

    class_name: str
    where: Expression | None


@lru_cache(maxsize=512)
def parse_query(text: str) -> Query:
    """Read a query.

    Raises:
        NotUnderstoodError: when it is none, or says more than is understood here.
    """
    if len(text) > LONGEST_QUERY:
        raise NotUnderstoodError(f"it has {len(text)} characters; a query has at most {LONGEST_QUERY}")
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._kind, self._token = "", ""
        self._next()

    def query(self) -> Query:
        self._keyword("select")
        if not self._take("*"):
            self._name()
            while self._take(","):
                self._name()
        self._keyword("from")
        class_name = self._name()
        if not self._kind:
            return Query(class_name, None)
        self._keyword("where")
        where = self._either(0)
        if self._kind:
            raise self._unexpected("the end")
        return Query(class_name, where)

    # Tokens

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            if self._text[self._at :].strip():
                raise NotUnderstoodError(f"at character {self._at + 1}")
            self._kind, self._token = "", ""
            return
        self._at = match.end()
        self._kind = match.lastgroup or ""
        self._token = match[self._kind]

    def _take(self, token: str) -> bool:
        if self._kind == "text" or self._token.lower() != token:
            return False
        self._next()
        return True

    def _keyword(self, word: str) -> None:
        if not self._take(word):
            raise self._unexpected(word.upper())

    def _name(self) -> str:
        name = self._token
        if self._kind != "word" or name.lower() in _KEYWORDS:
            raise self._unexpected("a name")
        if name.startswith("__"):
            raise NotUnderstoodError(f"{name[:60]} is no property of the computer")
        self._next()
        return name

    def _unexpected(self, expected: str) -> NotUnderstoodError:
        found = self._token if self._kind else "the end"
        return NotUnderstoodError(f"{found[:60]} where {expected} is expected")

    # Expressions

    def _either(self, depth: int) -> Expression:
        parts = [self._both(depth)]
        while self._take("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Junction("or", tuple(parts))

    def _both(self, depth: int) -> Expression:
        parts = [self._negated(depth)]
        while self._take("and"):
            parts.append(self._negated(depth))
        return parts[0] if len(parts) == 1 else Junction("and", tuple(parts))

    def _negated(self, depth: int) -> Expression:
        if depth > DEEPEST:
            raise NotUnderstoodError(f"it is nested more than {DEEPEST} deep")
        if self._take("not"):
            return Junction("not", (self._negated(depth + 1),))
        if self._take("("):
            inner = self._either(depth + 1)
            if not self._take(")"):
                raise self._unexpected(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Expression:
        if self._is_constant:
            value = self._constant()
            operator = self._operator()
            if operator not in _FLIPPED:
                raise NotUnderstoodError(f"a constant before {operator.upper()}")
            return Comparison(self._name(), _FLIPPED[operator], value)
        prop = self._name()
        if self._take("is"):
            found = Comparison(prop, "<>" if self._take("not") else "=", None)
            self._keyword("null")
            return found
        operator = self._operator()
        value = self._constant()
        if operator == "like" and not isinstance(value, str):
            raise NotUnderstoodError("LIKE compares with text")
        if operator == "like":
            _refuse_pattern(str(value))
        return Comparison(prop, operator, value)

    def _operator(self) -> str:
        found = self._token.lower()
        if self._kind != "text" and (found in _FLIPPED or found in {"!=", "like"}):
            self._next()
            return "<>" if found == "!=" else found
        raise self._unexpected("an operator")

    @property
    def _is_constant(self) -> bool:
        is_word = self._kind == "word" and self._token.lower() in {"true", "false", "null"}
        return is_word or self._kind in {"number", "text"}

    def _constant(self) -> Scalar:
        kind, token = self._kind, self._token
        if not self._is_constant:
            raise self._unexpected("a constant")
        self._next()
        if kind == "text":
            return _ESCAPED.sub(r"\1", token[1:-1])
        if kind == "number":
            return number_of(token)
        return {"true": True, "false": False, "null": None}[token.lower()]


def _refuse_pattern(text: str) -> None:
    try:
        check_pattern(text)
    except ValueError as error:
        raise NotUnderstoodError(str(error)) from error


def number_of(text: str) -> int | float:
    """Return the number of a token."""
    if "x" in text.lower():
        return int(text, 16)
    return float(text) if "." in text else int(text)

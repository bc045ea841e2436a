r"""The part of WQL, the query language of WMI, that conditions use, answered from what is known of a computer.

``SELECT (*|names) FROM class [WHERE expression]``, with ``= <> != < <= > >= LIKE IS [NOT] NULL``, AND, OR, NOT and
parentheses; a query holds when there is at least one instance.  It has three answers: what asks for a class or a
property that is not known, or says what is not understood here (ISA, ASSOCIATORS OF, ``__CLASS``), is unknown, never
false.

Sources: "WQL Operators", "WHERE Clause", "LIKE Operator" and "WQL (SQL for WMI)" of the WMI documentation: comparisons
are without case; TRUE and FALSE are 1 and 0 and only compared with ``=``, ``!=`` and ``<>``; NOT stands before the
property; OR comes after AND; a query has at most 16,384 characters.  Chosen here, since no source says it: a number
and a text that reads as one are compared as numbers; two texts that read as numbers have an order only where that of
the numbers and that of the texts are the same; a list equals a value when one of its elements does; nothing but
``IS NULL`` is known of ``NULL`` where something else than equality would hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from osdimage.imaging.tasksequence.facts.computer import CIMV2, ComputerFacts, Fact, Instance, Scalar

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
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,20})?", re.ASCII)
_FLIPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_NEGATED = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "like": "not like"}
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
_Ordered = TypeVar("_Ordered", str, float)


@dataclass(frozen=True, slots=True)
class Query:
    """A query.

    Attributes:
        class_name: which instances are looked for.
        where: what must hold for one of them, or None.
    """

    class_name: str
    where: Expression | None


def ask(text: str, facts: ComputerFacts, namespace: str = CIMV2) -> bool | str:
    """Answer a query: whether there is an instance, or why that is not known."""
    try:
        query = parse_query(text)
    except NotUnderstoodError as error:
        return f"the query is not understood: {error}"
    known = facts.known(query.class_name, namespace)
    if known is None:
        return f"{query.class_name} of the computer"
    unknown: dict[str, None] = {}
    answers = [_holds(query.where, each, unknown) for each in known.instances]
    maybe = [_holds(query.where, each, unknown) for each in known.others]
    if True in answers:
        return True
    if None in answers:
        return f"{', '.join(f'{known.name}.{each}' for each in unknown)} of the computer"
    if any(each is not False for each in maybe):
        return f"which other {known.name} the computer has"
    return False


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
            _parts_of(str(value).lower())
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
            return _number_of(token)
        return {"true": True, "false": False, "null": None}[token.lower()]


def _number_of(text: str) -> int | float:
    if "x" in text.lower():
        return int(text, 16)
    return float(text) if "." in text else int(text)


# Answers


def _holds(
    where: Expression | None, instance: Instance, unknown: dict[str, None], *, negated: bool = False
) -> bool | None:
    """Tell whether an expression, or its contrary, holds for an instance; None when that is not known."""
    if where is None:
        return True
    if isinstance(where, Comparison):
        answer = _compare(where, instance, negated=negated)
        if answer is None:
            unknown[where.prop] = None
        return answer
    if where.joint == "not":
        return _holds(where.parts[0], instance, unknown, negated=not negated)
    # What is not known of one part does not matter where another decides.
    lacking: dict[str, None] = {}
    answers = [_holds(each, instance, lacking, negated=negated) for each in where.parts]
    decides = (where.joint == "or") is not negated
    if decides in answers:
        return decides
    unknown.update(lacking)
    return None if None in answers else not decides


def _compare(wish: Comparison, instance: Instance, *, negated: bool) -> bool | None:
    if wish.prop not in instance:
        return None
    value = instance[wish.prop]
    operator = _NEGATED[wish.operator] if negated else wish.operator
    if wish.value is None:
        return _compare_null(operator, value)
    if value is None:
        return False if operator not in {"<>", "not like"} else None
    if isinstance(value, tuple):
        return _compare_list(operator, value, wish.value)
    return _compare_one(operator, value, wish.value)


def _compare_null(operator: str, value: Fact) -> bool | None:
    return (value is None) is (operator == "=") if operator in {"=", "<>"} else None


def _compare_list(operator: str, values: Iterable[Scalar], wanted: Scalar) -> bool | None:
    some = tuple(values)
    negated = {"<>": "=", "not like": "like"}.get(operator)
    if negated is None and operator not in {"=", "like"} and len(some) != 1:
        return None
    answers = [False if each is None else _compare_one(negated or operator, each, wanted) for each in some]
    found = True if True in answers else None if None in answers else False
    return found if negated is None or found is None else not found


def _compare_one(operator: str, value: Scalar, wanted: Scalar) -> bool | None:
    if operator in {"like", "not like"}:
        return None if isinstance(value, bool) else _is_like(str(value), str(wanted)) is (operator == "like")
    if isinstance(value, bool) or isinstance(wanted, bool):
        truth, other = _truth(value), _truth(wanted)
        if truth is None or other is None or operator not in {"=", "<>"}:
            return None
        return (truth is other) is (operator == "=")
    if isinstance(value, str) and isinstance(wanted, str):
        return _compare_texts(operator, value.lower(), wanted.lower())
    left, right = _as_number(value), _as_number(wanted)
    return None if left is None or right is None else _ordered(operator, left, right)


def _compare_texts(operator: str, left: str, right: str) -> bool | None:
    as_texts = _ordered(operator, left, right)
    if operator in {"=", "<>"} or _NUMBER.fullmatch(left) is None or _NUMBER.fullmatch(right) is None:
        return as_texts
    as_numbers = _ordered(operator, float(left), float(right))
    return as_texts if as_texts is as_numbers else None


_ORDERS: dict[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "<>": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def _ordered(operator: str, left: _Ordered, right: _Ordered) -> bool:
    return _ORDERS[operator]((left > right) - (left < right))


def _as_number(value: Scalar) -> float | None:
    if isinstance(value, str):
        return _number_of(value) if _NUMBER.fullmatch(value) is not None else None
    return value


def _truth(value: Scalar) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False, "1": True, "0": False}.get(value.lower())
    return {0: False, 1: True}.get(value) if isinstance(value, int) else None


# Patterns


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands between the ``%`` of a pattern: it matches texts of one length."""

    pattern: re.Pattern[str]
    length: int


def _is_like(value: str, pattern: str) -> bool:
    """Match a pattern in a time that goes with the length of the text and of the pattern."""
    text, parts = value.lower(), _parts_of(pattern.lower())
    if len(parts) == 1:
        return parts[0].pattern.fullmatch(text) is not None
    last = len(text) - parts[-1].length
    if last < parts[0].length or parts[0].pattern.match(text) is None:
        return False
    at = parts[0].length
    for part in parts[1:-1]:
        found = part.pattern.search(text, at, last)
        if found is None:
            return False
        at = found.end()
    return parts[-1].pattern.fullmatch(text, last) is not None


@lru_cache(maxsize=512)
def _parts_of(pattern: str) -> tuple[_Part, ...]:
    parts: list[list[str]] = [[]]
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "%":
            parts.append([])
        elif character == "[":
            end = pattern.find("]", at + 1)
            if end < 0:
                raise NotUnderstoodError("a [ without ] in a pattern")
            parts[-1].append(_set_of(pattern[at + 1 : end]))
            at = end
        else:
            parts[-1].append("." if character == "_" else re.escape(character))
        at += 1
    return tuple(_Part(re.compile("".join(each), re.DOTALL), len(each)) for each in parts)


def _set_of(text: str) -> str:
    is_negated = text.startswith("^")
    members = text[is_negated:]
    if not members:
        raise NotUnderstoodError("an empty [] in a pattern")
    pieces = []
    at = 0
    while at < len(members):
        if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
            low, high = members[at], members[at + 2]
            if low > high:
                raise NotUnderstoodError("a range in a pattern that ends before it begins")
            pieces.append(f"{re.escape(low)}-{re.escape(high)}")
            at += 3
        else:
            pieces.append(re.escape(members[at]))
            at += 1
    return f"[{'^' if is_negated else ''}{''.join(pieces)}]"

r"""Queries of WQL (``wql.py``), answered from what is known of a computer.

A query holds when there is at least one instance.  It has three answers: what asks for a class or a property that is
not known, or says what is not understood, is unknown, never false.

Sources: "WQL Operators" of the WMI documentation: comparisons are without case; TRUE and FALSE are 1 and 0 and only
compared with ``=``, ``!=`` and ``<>``.  Chosen here, since no source says it: a number and a text that reads as one are
compared as numbers; two texts that read as numbers have an order only where that of the numbers and that of the texts
are the same; a list equals a value when one of its elements does; nothing but ``IS NULL`` is known of ``NULL`` where
something else than equality would hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from osdimage.imaging.tasksequence.facts.computer import CIMV2, ComputerFacts, Fact, Instance, Scalar
from osdimage.imaging.tasksequence.facts.like import is_like
from osdimage.imaging.tasksequence.facts.wql import Comparison, Expression, NotUnderstoodError, number_of, parse_query

_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,20})?", re.ASCII)
_NEGATED = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "like": "not like"}
_Ordered = TypeVar("_Ordered", str, float)


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
        return None if isinstance(value, bool) else is_like(str(value), str(wanted)) is (operator == "like")
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
        return number_of(value) if _NUMBER.fullmatch(value) is not None else None
    return value


def _truth(value: Scalar) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False, "1": True, "0": False}.get(value.lower())
    return {0: False, 1: True}.get(value) if isinstance(value, int) else None

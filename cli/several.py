"""What commands say of several targets: a result for each, and one exit code for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import click
from osdimage.cli import invocation, params, values
from osdimage.cli.documents import document, failure_members
from osdimage.cli.failures import FAILED, Failure, describe, tell
from osdimage.cli.render import Reporter
from osdimage.cli.streams import line

if TYPE_CHECKING:
    from osdimage.imaging.apply.together import TargetResult

SOME_FAILED = 5

_Result = TypeVar("_Result")


def also(metavar: str) -> params.Decorator:
    """Return the option that names more targets; ``metavar`` is what the command calls them."""
    text = f"Another {metavar} for the same image, which is read and decompressed once for all.  Repeatable."
    return click.option("--also", type=values.ANY_PATH, multiple=True, metavar=metavar, help=text)


def code_of(results: Sequence[TargetResult[_Result]]) -> int:
    """Return the exit code: 0 when all is done, 1 when nothing is, and 5 between these."""
    failed = sum(each.error is not None for each in results)
    if failed == len(results):
        return FAILED
    return SOME_FAILED if failed else 0


def report(
    results: Sequence[TargetResult[_Result]],
    reporter: Reporter,
    lines: Callable[[_Result], Sequence[str]],
    members: Mapping[str, object],
    *,
    kind: str,
    plain: Callable[[_Result], object] = lambda result: result,
) -> int:
    """Tell what has become of each target, and return the exit code.

    Args:
        results: of each target.
        reporter: says whether for people or programs.
        lines: what people are told of a result.
        members: of the document, beside ``targets``.
        kind: of the document.
        plain: makes of a result what the document has of it.
    """
    if reporter.as_json:
        document({**members, "targets": [_members(each, plain) for each in results]}, kind=kind)
    elif not reporter.quiet:
        for each in results:
            for text in () if each.result is None else lines(each.result):
                line(text)
    problems = tuple(_problem(each) for each in results if each.error is not None)
    if not problems:
        return 0
    head = f"{len(problems)} of {len(results)} targets failed"
    failure = Failure(code_of(results), "targets-failed", ": ".join((head, *problems)), problems=problems)
    return tell(failure, invocation.current())


def _members(each: TargetResult[_Result], plain: Callable[[_Result], object]) -> dict[str, object]:
    failure = None if each.error is None else describe(each.error)
    return {
        "target": each.target,
        "code": 0 if failure is None else failure.code,
        "error": None if failure is None else failure_members(failure),
        "result": None if each.result is None else plain(each.result),
    }


def _problem(each: TargetResult[_Result]) -> str:
    """Say of a target why it failed, and what would help."""
    if each.error is None:
        return ""
    failure = describe(each.error)
    named = failure.message if failure.message.startswith(str(each.target)) else f"{each.target}: {failure.message}"
    return named if failure.remedy is None else f"{named}; {failure.remedy}"

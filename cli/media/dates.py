"""Dates of media, as options take them."""

from __future__ import annotations

from datetime import UTC, datetime, time

import click


class MomentType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """A day such as ``2027-01-31``, or a time in UTC such as ``2027-01-31T12:00:00Z``.

    Attributes:
        of_day: which time of a day is meant.
    """

    name = "date"

    def __init__(self, of_day: time) -> None:
        """Take the time that a day stands for."""
        self.of_day = of_day

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the text."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        form = "%Y-%m-%dT%H:%M:%SZ" if "T" in text else "%Y-%m-%d"
        try:
            found = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            valid = "a day such as 2027-01-31, or a time in UTC such as 2027-01-31T12:00:00Z"
            self.fail(f"{text!r} is no date; valid is {valid}", param, ctx)
        return found if "T" in text else datetime.combine(found.date(), self.of_day, UTC)


BEGINNING = MomentType(time(0, 0, 0))
"""A day stands for its beginning, UTC."""
END = MomentType(time(23, 59, 59))
"""A day stands for its end, UTC."""

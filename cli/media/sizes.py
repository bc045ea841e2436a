"""How large discs may be, as options take it."""

from __future__ import annotations

import click
from osdimage.imaging.errors import InvalidRequest


class DiscSizeType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """The size of a disc: a name such as ``dvd``, a size, or ``unlimited``, which is None."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Parse the text."""
        from osdimage.imaging.media.discs.sizes import parse_disc_size  # noqa: PLC0415 - start-up stays cheap

        if isinstance(value, int):
            return value
        try:
            return parse_disc_size(str(value))
        except InvalidRequest as error:
            self.fail(str(error), param, ctx)


DISC_SIZE = DiscSizeType()

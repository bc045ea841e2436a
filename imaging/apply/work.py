"""An apply that pauses where it needs the contents of an image, so that several targets can be given them at once.

Whoever applies to a target is a generator, which checks, prepares, yields a :class:`Pour` when all is ready for the
contents of the image, is resumed once its sink has them, and ends.  What went wrong with the contents is raised where
it waits.  :func:`alone` gives one of them what it asks for; ``together.py`` gives it to several.  Work that reads
contents by itself asks for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

if TYPE_CHECKING:
    from osdimage.imaging.wim.feed import ImageFeed
    from osdimage.native.slices.sources import Source

_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")


@dataclass(frozen=True, slots=True)
class Pour:
    """What a target waits for: all contents of an image.

    Attributes:
        feed: the image.
        sink: a pointer to the ``struct osd_sink`` that takes them, which stays until the work goes on.
        step: is told how many bytes are done with.
        source: where they are to be on the medium before the work goes on; None where nobody waits for that.
    """

    feed: ImageFeed
    sink: Any
    step: Callable[[int], None]
    source: Source | None = None


Work: TypeAlias = Generator[Pour, None, _Result]
"""What applies to one target; it returns the result."""


def alone(work: Work[_Result]) -> _Result:
    """Do the work for one target, and return its result.

    Raises:
        OsdImageError: what the work raises; it has learnt of what was wrong with the contents before.
    """
    try:
        pour = next(work)
        while True:
            failure: BaseException | None
            try:
                (failure,) = pour.feed.run([pour.sink], pour.step)
            except BaseException as error:  # noqa: BLE001 - the work says what has become of its target
                failure = error
            pour = work.send(None) if failure is None else work.throw(failure)
    except StopIteration as end:
        result: _Result = end.value
        return result


def at_once(
    function: Callable[_Arguments, _Result], *arguments: _Arguments.args, **options: _Arguments.kwargs
) -> Work[_Result]:
    """Return work that asks for nothing: a function that is called when it begins."""
    yield from ()
    return function(*arguments, **options)

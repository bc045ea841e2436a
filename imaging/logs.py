"""What a program hears of the work through :mod:`logging`, from loggers below ``osdimage``.

At INFO each piece of work tells what it begins, and how it ended after how long; at DEBUG the programs that are run; at
WARNING what else goes to the progress and into results.  No message has a value of the registry or of a variable.  A
program that has not imported :mod:`logging` listens to nothing, and pays nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from logging import Logger

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_ROOT = "osdimage"
_INFO = 20


def logger(name: str) -> Logger | None:
    """Return the logger of a module, or None when nobody can be listening."""
    logging = sys.modules.get("logging")
    if logging is None:
        return None
    root = logging.getLogger(_ROOT)
    if not root.handlers:
        # Without it Python prints warnings of a library on stderr when the program has set up nothing.
        root.addHandler(logging.NullHandler())
    found: Logger = logging.getLogger(name)
    return found


def warned(name: str, text: str) -> None:
    """Log a warning that is told by other ways, too."""
    log = logger(name)
    if log is not None:
        log.warning("%s", _writable(text))


def ran(name: str, command: Sequence[str], code: int) -> None:
    """Log that a program was run, and its exit code."""
    log = logger(name)
    if log is not None:
        log.debug("ran %s: exit code %d", _writable(" ".join(command)), code)


def logged(text: str) -> Callable[[Callable[_Arguments, _Result]], Callable[_Arguments, _Result]]:
    """Return a decorator that logs what a function does.

    ``{name}`` in the text stands for one of its arguments, and ``{name.attribute}`` for what one has.
    """

    def decorate(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
        @wraps(function)
        def run(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
            log = logger(function.__module__)
            if log is None or not log.isEnabledFor(_INFO):
                return function(*arguments, **options)
            values = signature(function).bind(*arguments, **options).arguments
            what = _writable(_filled(text, values))
            log.info("%s", what)
            begin = time.monotonic()
            try:
                result = function(*arguments, **options)
            except BaseException as error:
                lasted, name = time.monotonic() - begin, type(error).__name__
                log.info("%s: ended after %.1f s by %s: %s", what, lasted, name, _writable(str(error)))
                raise
            log.info("%s: done in %.1f s", what, time.monotonic() - begin)
            return result

        return run

    return decorate


def _filled(text: str, values: Mapping[str, object]) -> str:
    """Return a text with values at its fields, shown as messages call them."""
    import string  # noqa: PLC0415 - logging has imported it when this runs

    formatter = string.Formatter()
    found = []
    for literal, name, _, _ in formatter.parse(text):
        found.append(literal)
        if name is not None:
            found.append(_shown(formatter.get_field(name, (), values)[0]))
    return "".join(found)


def _writable(text: str) -> str:
    """Escape the halves of surrogate pairs that names may have; a log file in UTF-8 cannot hold them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _shown(value: object) -> str:
    """Return what messages call an argument: a source has a title, a disk and a volume have names."""
    names = ["called", "title"]
    if type(value).__repr__ is object.__repr__:
        names.append("name")
    found = (getattr(value, name, None) for name in names)
    return next((each for each in found if isinstance(each, str)), str(value))

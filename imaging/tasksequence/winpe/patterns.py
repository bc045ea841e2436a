r"""Names that stand for several: what ``*`` and ``?`` are to Windows.

``?`` stands for a character, or for nothing before a period and at the end of a name; the period before ``*`` or ``?``
may be missing at the end of a name, so that ``*.*`` is all of them; ``*`` before a period does not take the last one.
Short names, such as ``PROGRA~1``, are not compared.

Sources: "FsRtlIsNameInExpression function", learn.microsoft.com/windows-hardware/drivers/ddi/ntifs (DOS_STAR, DOS_QM,
DOS_DOT); FileSystemNameTests.cs of dotnet/runtime (which of them a sign of a pattern is).
"""

from __future__ import annotations

import re

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.volume.windows_names import fault_of

_WILD = re.compile(r"[*?]")
_ANY, _NOT_THE_LAST_PERIOD = ".", r"(?:[^.]|\.(?=.*\.))"


def is_wild(name: str) -> bool:
    """Tell whether a name stands for several."""
    return _WILD.search(name) is not None


def checked_name(name: str, text: str) -> str:
    """Return a name, or a pattern of names, that Windows opens as it is.

    Args:
        name: it.
        text: what messages say of it, such as the path that it is in.

    Raises:
        InvalidRequest: when Windows does not open one like it.
    """
    fault = "holds a \\ or a /" if re.search(r"[\\/]", name) else fault_of(_WILD.sub("x", name))
    if fault is not None:
        raise InvalidRequest(f"the name {quoted(name)} in {quoted(text)} {fault}, and Windows would not open it")
    return name


def pattern_of(text: str) -> re.Pattern[str]:
    """Return what the names match wholly that a pattern stands for.

    The time that a match takes goes with the square of the length of the name, whatever the pattern.
    """
    first, *others = text.split("*")
    body = _between(first, ends=not others)
    for number, each in enumerate(others, 1):
        star = _NOT_THE_LAST_PERIOD if each.startswith(".") else _ANY
        is_last = number == len(others)
        found = _between(each, ends=is_last)
        # The first place where what follows a star fits is as good as any other: none of them is tried again.
        body += f"{star}*{found}" if is_last else f"(?>{star}*?{found})"
    return re.compile(body, re.IGNORECASE | re.DOTALL)


def _between(text: str, *, ends: bool) -> str:
    """Return the expression for what stands between two stars, or behind the last one."""
    pieces = []
    for at, sign in enumerate(text):
        following = text[at + 1 : at + 2] or ("" if ends else "*")
        if sign == "?":
            pieces.append("[^.]?+")
        elif sign == "." and following in {"*", "?"}:
            pieces.append(r"(?:\.|\Z)")
        else:
            pieces.append(re.escape(sign))
    return "".join(pieces)

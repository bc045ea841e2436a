"""The files of the first start, as bytes: in the code page that its shell reads, with the ends of lines of Windows."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.firststart.steps import LONGEST_LINE, MOST_STEPS, FirstStep, signed

FOLDER = r"ProgramData\osdimage\FirstStart"
"""Where it is on the volume of a Windows."""
RUN = "run.cmd"
PLAN = "plan.json"
FORMAT = "osdimage-first-start"
VERSION = 1
_END = "\r\n"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,255}", re.ASCII)


def first_start_files(
    steps: Sequence[FirstStep], code_page: str, variables: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    r"""Return the files below :data:`FOLDER` by their paths, separated by ``\``; ``run.cmd`` is the last.

    Args:
        steps: in their order, from 1.
        code_page: what Python calls the OEM code page of the Windows, such as ``cp850``.
        variables: what the steps find in their environment.

    Raises:
        InvalidRequest: when there is no step, one is not valid, or a text has a character that is not in the code page.
    """
    if not 0 < len(steps) <= MOST_STEPS:
        raise InvalidRequest(f"a first start has 1 to {MOST_STEPS} steps, not {len(steps)}")
    made: dict[str, bytes] = {}
    for number, step in enumerate(steps, 1):
        step.check(number)
        called = f"step {number} of the first start ({quoted(step.name)})"
        made[rf"{number}\step.cmd"] = _text(step.commands, code_page, called)
        made[rf"{number}\step.txt"] = _text((step.facts_line(),), code_page, called)
        if step.condition:
            made[rf"{number}\when.cmd"] = _text(step.condition, code_page, f"the condition of {called}")
    if variables:
        made["vars.txt"] = _text(_variable_lines(variables), code_page, "the variables of the first start")
    made[PLAN] = _document(steps)
    # Last: what starts without the rest would be taken for done.
    made[RUN] = run_text().encode("ascii")
    return made


def run_text() -> str:
    """Return the script, the same on every disk, with the ends of lines of Windows."""
    text = files("osdimage.imaging.firststart").joinpath(RUN).read_text(encoding="ascii")
    return _END.join((*text.splitlines(), ""))


def _text(lines: Sequence[str], code_page: str, called: str) -> bytes:
    text = _END.join((*lines, ""))
    try:
        return codecs.encode(text, code_page)
    except UnicodeEncodeError as error:
        lost = text[error.start]
        raise InvalidRequest(
            f"{called} has {quoted(lost)} (U+{ord(lost):04X}), which is not in {code_page}, the code page of Windows"
        ) from None


def _variable_lines(variables: Mapping[str, str]) -> list[str]:
    lines = []
    for name, value in variables.items():
        if _NAME.fullmatch(name) is None:
            raise InvalidRequest(f"{quoted(name[:60])} is no name that the first start takes: letters, digits, _ and -")
        if any(each < " " or each in '"\x7f' for each in value) or value.startswith("=") or not value:
            raise InvalidRequest(
                f"{name}: its value cannot be given to the first start; valid is a text without quotes and control "
                "characters that does not begin with ="
            )
        if len(name) + len(value) >= LONGEST_LINE:
            raise InvalidRequest(f"{name} has {len(value)} characters; the first start takes {LONGEST_LINE}")
        lines.append(f"{name}={value}")
    return lines


def _document(steps: Sequence[FirstStep]) -> bytes:
    facts = [
        {
            "number": number,
            "name": step.name,
            "may_fail": step.on_failure is not None,
            "success_codes": [signed(code) for code in step.success_codes],
            "has_condition": bool(step.condition),
        }
        for number, step in enumerate(steps, 1)
    ]
    return (json.dumps({"format": FORMAT, "version": VERSION, "steps": facts}, indent=1) + "\n").encode("ascii")

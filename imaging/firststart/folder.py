"""The files of the first start, as bytes: in the code page that its shell reads, with the ends of lines of Windows."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.firststart.steps import LONGEST_LINE, MOST_STEPS, NAME, FirstStep, signed, takes_value

FOLDER = r"ProgramData\osdimage\FirstStart"
"""Where it is on the volume of a Windows."""
RUN, TIMED, OUTPUT = "run.cmd", "timed.ps1", "output.ps1"
"""The scripts, which are the same on every disk."""
HIDDEN = "secret.cmd"
"""The commands of a step with secrets, and what says that the step has some."""
PLAN = "plan.json"
FORMAT = "osdimage-first-start"
VERSION = 1
_END = "\r\n"


def first_start_files(
    steps: Sequence[FirstStep], code_page: str, variables: Mapping[str, str] | None = None, *, root: str = "Windows"
) -> dict[str, bytes]:
    r"""Return the files below :data:`FOLDER` by their paths, separated by ``\``; ``run.cmd`` is the last.

    Args:
        steps: in their order, from 1.
        code_page: what Python calls the OEM code page of the Windows, such as ``cp850``.
        variables: what the steps find in their environment.
        root: the directory of Windows, for those who read the results.

    Raises:
        InvalidRequest: when there is no step, one is not valid, or a text has a character that is not in the code page.
    """
    if not 0 < len(steps) <= MOST_STEPS:
        raise InvalidRequest(f"a first start has 1 to {MOST_STEPS} steps, not {len(steps)}")
    made: dict[str, bytes] = {}
    for number, step in enumerate(steps, 1):
        step.check(number)
        made |= {rf"{number}\{name}": data for name, data in _of_step(step, number, code_page)}
    if variables:
        made["vars.txt"] = _text(_variable_lines(variables), code_page, "the variables of the first start")
    secret = tuple(dict.fromkeys(name for step in steps for name in step.secret_variables))
    if secret:
        made["secrets.txt"] = _text(secret, code_page, "the variables of the first start")
    made[PLAN] = _document(steps, code_page, root)
    for script, is_needed in (
        (TIMED, any(step.timeout_seconds is not None for step in steps)),
        (OUTPUT, any(step.output_variable is not None for step in steps)),
    ):
        if is_needed:
            made[script] = script_text(script).encode("ascii")
    # Last: what starts without the rest would be taken for done.
    made[RUN] = script_text(RUN).encode("ascii")
    return made


def script_text(name: str) -> str:
    """Return a script that is the same on every disk, with the ends of lines of Windows."""
    text = files("osdimage.imaging.firststart").joinpath(name).read_text(encoding="ascii")
    return _END.join((*text.splitlines(), ""))


def _of_step(step: FirstStep, number: int, code_page: str) -> Iterator[tuple[str, bytes]]:
    called = step.called(number)
    if step.is_secret:
        # Passed on to, not called: its exit code is that of the step.
        yield "step.cmd", _text((rf'@"%~dp0{HIDDEN}"',), code_page, called)
    yield HIDDEN if step.is_secret else "step.cmd", _text(step.commands, code_page, called)
    yield "step.txt", _text((step.facts_line(),), code_page, called)
    if step.condition:
        yield "when.cmd", _text(step.condition, code_page, f"the condition of {called}")
    for each in step.files:
        lines = each.text.removesuffix("\n").split("\n")
        if each.is_unicode:
            yield each.name, codecs.BOM_UTF8 + _END.join((*lines, "")).encode("utf-8")
        else:
            yield each.name, _text(lines, code_page, f"{quoted(each.name)} of {called}")


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
        if NAME.fullmatch(name) is None:
            raise InvalidRequest(f"{quoted(name[:60])} is no name that the first start takes: letters, digits, _ and -")
        if not takes_value(value):
            raise InvalidRequest(
                f"{name}: its value cannot be given to the first start; valid is a text without quotes and control "
                "characters that does not begin with ="
            )
        if len(name) + len(value) >= LONGEST_LINE:
            raise InvalidRequest(f"{name} has {len(value)} characters; the first start takes {LONGEST_LINE}")
        lines.append(f"{name}={value}")
    return lines


def _document(steps: Sequence[FirstStep], code_page: str, root: str) -> bytes:
    facts = [
        {
            "number": number,
            "label": step.label,
            "name": step.name,
            "may_fail": step.on_failure is not None,
            "success_codes": [signed(code) for code in step.success_codes],
            "has_condition": bool(step.condition),
            "is_secret": step.is_secret,
        }
        for number, step in enumerate(steps, 1)
    ]
    document = {"format": FORMAT, "version": VERSION, "code_page": code_page, "windows": root, "steps": facts}
    return (json.dumps(document, indent=1) + "\n").encode("ascii")

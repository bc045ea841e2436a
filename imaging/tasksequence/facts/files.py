r"""Conditions on files and folders, asked of the disks.

Drive letters are those that Windows PE gives, or in the old Windows that of its own volume; others are not known, as
``X:`` of Windows PE is not.  Sources: SMS_TaskSequence_FileConditionExpression and ...FolderConditionExpression of the
SDK: the path holds variables of the sequence and of the system, such as ``%windir%``, and times are UTC.  They name the
time of creation, and the editor a "timestamp": compared is that of the last change.  In a 64-bit Windows the engine may
look into ``SysWOW64`` for ``System32`` (``wow64.py``): where the two differ and nobody tells, the answer is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.files import FileFacts, FileSource, split_path
from osdimage.imaging.tasksequence.computer.machine import Machine, NotThere
from osdimage.imaging.tasksequence.computer.volumes import Place
from osdimage.imaging.tasksequence.conditions import Operator, Question, Subject, operator_of, ordered
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.file_version import fixed_version
from osdimage.imaging.tasksequence.facts.windows_there import NotKnownError, RunningWindows, opened_place
from osdimage.imaging.tasksequence.facts.wow64 import WOW64, chosen_views, redirected_path
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.units import MIB

_LARGEST_PROGRAM = 64 * MIB
_PATH = re.compile(r"([A-Za-z]):(\\[^\0]*)?", re.ASCII)
_SYSTEM_VARIABLE = re.compile(r"%(windir|SystemRoot|SystemDrive)%", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\.\d{6}([+-]\d{3})", re.ASCII)
_VERSION = re.compile(r"\d{1,5}(?:\.\d{1,5}){0,3}", re.ASCII)


def ask_file(question: Question, env: Environment, machine: Machine, windows: Callable[[], RunningWindows]) -> bool:
    """Tell whether a condition on a file or a folder holds.

    Args:
        question: it.
        env: the variables.
        machine: the computer, in Windows PE or in the old Windows.
        windows: returns the Windows that runs.

    Raises:
        NotKnownError: when that is not known here.
        OsdImageError: when a disk cannot be read.
    """
    path = env.expand(question.facts.get("Path", "")).strip().replace("/", "\\")
    if machine.phase is Phase.PE:
        if "%" in path:
            raise NotKnownError(f"{path}: of Windows PE")
        place, inner = _in_pe(machine, path)
        return _asked(question, machine, place, inner)
    running = windows()
    inner = _in_windows(path, running)
    answers = {_asked(question, machine, running.place, each) for each in _views(inner, running, env)}
    if len(answers) > 1:
        raise NotKnownError(f"{path}: whether System32 is meant or SysWOW64, which {WOW64} tells")
    return answers.pop()


def _in_pe(machine: Machine, path: str) -> tuple[Place, str]:
    match = _PATH.fullmatch(path)
    if match is None:
        raise NotKnownError(f"{path}: no path with a drive")
    if match[1].upper() == "X":
        raise NotKnownError(f"{path}: of Windows PE")
    try:
        return machine.located(path)
    except NotThere as error:
        raise NotKnownError(f"{path}: whether there is a drive {match[1].upper()}:") from error


def _in_windows(path: str, running: RunningWindows) -> str:
    """Return the path on the volume of the Windows that runs."""
    drive = f"{running.letter}:"
    folder = rf"{drive}\{running.offline.folder}"
    known = {"windir": folder, "systemroot": folder, "systemdrive": drive}
    path = _SYSTEM_VARIABLE.sub(lambda match: known[match[1].lower()], path)
    match = _PATH.fullmatch(path)
    if match is None or "%" in path:
        raise NotKnownError(f"{path}: no path with a drive")
    if match[1].upper() != running.letter:
        raise NotKnownError(f"{path}: which volume has a letter in the old Windows besides {drive}")
    return match[2] or ""


def _views(inner: str, running: RunningWindows, env: Environment) -> tuple[str, ...]:
    """Return where a 64-bit and a 32-bit engine would look."""
    names = [each for each in inner.split("\\") if each]
    if not running.is_64bit or [each.lower() for each in names[:1]] != [running.offline.folder.lower()]:
        return (inner,)
    if [each.lower() for each in names[1:2]] == ["sysnative"]:
        raise NotKnownError(f"{inner}: what a 32-bit program sees")
    redirected = redirected_path("\\".join(names[1:]))
    return chosen_views(env, inner, None if redirected is None else rf"{names[0]}\{redirected}")


def _asked(question: Question, machine: Machine, place: Place, inner: str) -> bool:
    if any(sign in inner for sign in '*?"<>|'):
        raise NotKnownError(f"{inner}: which files are meant")
    if machine.is_rehearsal and place.disk in machine.planned and place not in machine.used:
        # A step formats it, and nothing puts files there until then.
        return question.subject is Subject.FOLDER and not inner.strip("\\") and _has_no_more(question)
    with opened_place(machine, place) as files:
        try:
            split_path(inner)
        except InvalidRequest as error:
            raise NotKnownError(f"{inner}: no path of Windows") from error
        found = _find(files, inner)
        if found is None or found.is_directory is not (question.subject is Subject.FOLDER):
            return False
        return _is_of_time(question, found) and _is_of_version(question, files, found)


def _has_no_more(question: Question) -> bool:
    if question.facts.get("DateTimeOperator"):
        raise NotKnownError("when a step formats a volume")
    return True


def _find(files: FileSource, path: str) -> FileFacts | None:
    names, above = split_path(path), ""
    found = files.find("")
    for name in names:
        above = f"{above}\\{name}" if above else name
        found = files.find(above)
        if found is None:
            return None
        if found.is_link:
            raise NotKnownError(f"{path}: where its link leads")
    return found


def _is_of_time(question: Question, found: FileFacts) -> bool:
    wanted, operator = question.facts.get("DateTime", ""), _operator(question, "DateTimeOperator")
    if operator is None or not wanted:
        return True
    match = _TIME.fullmatch(wanted.strip())
    if match is None or found.modified_ns is None:
        raise NotKnownError(f"{found.path}: when it was changed")
    try:
        told = datetime(*(int(match[at]) for at in range(1, 7)), tzinfo=UTC) - timedelta(minutes=int(match[7]))  # type: ignore[arg-type,misc] # six numbers
    except (ValueError, OverflowError) as error:
        raise NotKnownError(f"{wanted} is no time") from error
    return ordered(operator, found.modified_ns // 10**9, int(told.timestamp()))


def _is_of_version(question: Question, files: FileSource, found: FileFacts) -> bool:
    wanted, operator = question.facts.get("Version", ""), _operator(question, "VersionOperator")
    if operator is None or not wanted:
        return True
    if _VERSION.fullmatch(wanted.strip()) is None:
        raise NotKnownError(f"{wanted} is no version")
    try:
        version = fixed_version(files.read(found.path, limit=_LARGEST_PROGRAM))
    except InvalidInput as error:
        raise NotKnownError(error.said) from error
    if version is None:
        raise NotKnownError(f"{found.path}: its version")
    return ordered(operator, version, version_of(wanted))


def version_of(text: str) -> tuple[int, ...]:
    """Return a version such as ``10.0.19041`` as four numbers; ValueError when it is none."""
    if _VERSION.fullmatch(text.strip()) is None:
        raise ValueError(f"{text} is no version")
    parts = [int(each) for each in text.strip().split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


def _operator(question: Question, name: str) -> Operator | None:
    text = question.facts.get(name, "").strip()
    if not text:
        return None
    found = operator_of(text)
    if found is None or not found.takes_value:
        raise NotKnownError(f"operator {text}")
    return found

r"""Conditions on the registry and on installed software, asked of the hives of the Windows that runs.

Sources: SMS_TaskSequence_RegistryConditionExpression and ...SoftwareConditionExpression of the SDK: the type of a value
counts only where its existence is asked for; a product is asked for by its code, a family of products by its upgrade
code.  Windows Installer keeps both below ``SOFTWARE\Classes\Installer``, packed: the first three parts of a GUID
backwards, of the others each pair of digits.  In a 64-bit Windows the engine may look into ``WOW6432Node`` of SOFTWARE
(``wow64.py``): where the two differ and nobody tells, the answer is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.registry.values import Value, ValueType
from osdimage.imaging.tasksequence.conditions import Operator, Question, compare_texts, operator_of
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.windows_there import NotKnownError, RunningWindows
from osdimage.imaging.tasksequence.facts.wow64 import WOW64, chosen_views, redirected_key

_ROOTS = {
    "hkey_local_machine": "",
    "hklm": "",
    "hkey_classes_root": "software\\classes\\",
    "hkcr": "software\\classes\\",
}
_CURRENT = "currentcontrolset"
_GUID = re.compile(r"\{?([0-9A-F]{8})-([0-9A-F]{4})-([0-9A-F]{4})-([0-9A-F]{4})-([0-9A-F]{12})\}?", re.IGNORECASE)
_INSTALLER = r"Classes\Installer"
_WHOLE = re.compile(r"(0x[0-9a-f]{1,16})|\d{1,20}", re.ASCII | re.IGNORECASE)


def ask_registry(question: Question, env: Environment, windows: Callable[[], RunningWindows]) -> bool:
    """Tell whether a condition on the registry holds.

    Args:
        question: it.
        env: the variables.
        windows: returns the Windows that runs.

    Raises:
        NotKnownError: when that is not known here.
        OsdImageError: when a disk cannot be read.
    """
    path = env.expand(question.facts.get("KeyPath", "")).strip().strip("\\")
    operator = operator_of(question.facts.get("Operator", ""))
    if operator is None:
        raise NotKnownError(f"operator {question.facts.get('Operator', '')} of the registry")
    running = windows()
    answers = {_asked(question, operator, env, key) for key in _keys(path, running, env)}
    if len(answers) > 1:
        raise NotKnownError(f"{path}: whether WOW6432Node is meant, which {WOW64} tells")
    return answers.pop()


def _keys(path: str, running: RunningWindows, env: Environment) -> list[Key | None]:
    """Return the key of a path, as a 64-bit and as a 32-bit engine would find it."""
    root, _, below = path.partition("\\")
    if root.lower() not in _ROOTS:
        raise NotKnownError(f"{path}: which is not in the hives SYSTEM and SOFTWARE")
    hive, _, inner = (_ROOTS[root.lower()] + below).partition("\\")
    if hive.lower() == "system":
        return [_in_system(running, inner)]
    software = running.offline.software
    if hive.lower() != "software" or software is None:
        raise NotKnownError(f"{path}: which is not in the hives SYSTEM and SOFTWARE")
    redirected = redirected_key(inner) if running.is_64bit else None
    return [_find(software, each) for each in chosen_views(env, inner, redirected)]


def _in_system(running: RunningWindows, inner: str) -> Key | None:
    first, separator, rest = inner.partition("\\")
    if first.lower() == _CURRENT:
        inner = running.offline.control_set + separator + rest
    return _find(running.offline.system, inner)


def _find(hive: Hive, path: str) -> Key | None:
    return hive.root.find(path) if path else hive.root


def _asked(question: Question, operator: Operator, env: Environment, key: Key | None) -> bool:
    name = env.expand(question.facts.get("Value", ""))
    is_of_key = not name and not question.facts.get("Data")
    value = None if key is None else key.value(name)
    if operator in {Operator.EXISTS, Operator.NOT_EXISTS}:
        there = key is not None if is_of_key else value is not None and _is_of_type(question, value)
        return there is (operator is Operator.EXISTS)
    if value is None:
        if operator is Operator.NOT_EQUALS:
            raise NotKnownError("whether a value that is not there differs from another")
        return False
    return compare_texts(operator, _text_of(value), _as_text(env.expand(question.facts.get("Data", "")), value))


def _is_of_type(question: Question, value: Value) -> bool:
    wanted = question.facts.get("Type", "").strip().upper().removeprefix("REG_")
    if not wanted:
        return True
    try:
        return value.type == ValueType[wanted]
    except KeyError:
        raise NotKnownError(f"the type {question.facts.get('Type', '')} of a value") from None


def _text_of(value: Value) -> str:
    try:
        if value.type in {ValueType.DWORD, ValueType.QWORD, ValueType.DWORD_BIG_ENDIAN}:
            return str(value.as_integer())
        if value.type in {ValueType.SZ, ValueType.EXPAND_SZ}:
            return value.as_string()
    except InvalidInput as error:
        raise NotKnownError(error.said) from error
    raise NotKnownError("how a value is compared that is neither text nor a number")


def _as_text(data: str, value: Value) -> str:
    """Return what a value is compared with: of a number, as the value itself is written."""
    is_number = value.type in {ValueType.DWORD, ValueType.QWORD, ValueType.DWORD_BIG_ENDIAN}
    number = whole_number(data) if is_number else None
    return data if number is None else str(number)


def whole_number(text: str) -> int | None:
    """Return the number that a condition compares one of the registry with, decimal or as ``0x1A``; None for none."""
    match = _WHOLE.fullmatch(text.strip())
    return None if match is None else int(match[0], 16 if match[1] else 10)


def ask_software(question: Question, windows: Callable[[], RunningWindows]) -> bool:
    """Tell whether software is installed for all users.

    Raises:
        NotKnownError: when that is not known here.
        OsdImageError: when a disk cannot be read.
    """
    is_any = question.facts.get("Operator", "").strip().lower() == "anyversion"
    upgrade = question.facts.get("UpgradeCode", "").strip()
    code = upgrade if is_any and upgrade else question.facts.get("ProductCode", "")
    packed = packed_guid(code)
    if packed is None:
        raise NotKnownError(f"the software of the code {code}")
    software = windows().offline.software
    if software is None:
        raise NotKnownError("the hive SOFTWARE")
    folder = "UpgradeCodes" if is_any and upgrade else "Products"
    return software.root.find(rf"{_INSTALLER}\{folder}\{packed}") is not None


def packed_guid(text: str) -> str | None:
    """Return a GUID as Windows Installer writes it in the registry, or None when it is none."""
    match = _GUID.fullmatch(text.strip())
    if match is None:
        return None
    tail = match[4] + match[5]
    pairs = "".join(tail[at + 1] + tail[at] for at in range(0, len(tail), 2))
    return (match[1][::-1] + match[2][::-1] + match[3][::-1] + pairs).upper()

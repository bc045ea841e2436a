r"""Conditions as batch files: what only the new Windows can tell is asked by it, at its first start.

Model: what is known now is put in as it is, so that a batch file asks nothing else.  Each part ends with a jump to
where the answer leads.  A file ends with 0 when the condition holds and with 1 when it does not; where it cannot be
told (a query that fails, two views of a 64-bit Windows that differ) it sets ``_fs_open`` and ends with 1, and the step
fails.

Variables are compared as ``conditions.py`` does, and are never read as commands: a value with a quotation mark, which
the shell would not read as a text, equals nothing that a sequence can hold here, and is less and greater than nothing,
as a value is that is no number, where a number is asked for.  Files are asked for by their attributes, the registry by
``reg query``, WMI by PowerShell.  In a 64-bit Windows, where the engine may look into ``SysWOW64`` and ``WOW6432Node``
(``facts/wow64.py``), both are asked, unless the sequence tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.firststart.starting import POWERSHELL
from osdimage.imaging.firststart.steps import LONGEST_LINE
from osdimage.imaging.tasksequence.conditions import (
    CERTAIN,
    NOBODY,
    Ask,
    Compare,
    Condition,
    Doubt,
    Joined,
    Joint,
    Operator,
    Question,
    Subject,
    evaluate,
    operator_of,
)
from osdimage.imaging.tasksequence.environment import Environment, names_in
from osdimage.imaging.tasksequence.facts.computer import CIMV2
from osdimage.imaging.tasksequence.facts.registry import packed_guid, whole_number
from osdimage.imaging.tasksequence.facts.wow64 import redirected_key, redirected_path
from osdimage.imaging.tasksequence.staging.batch import OPEN, BatchLines, Put, if_quoted

_NAMED = re.compile(r"%([A-Za-z0-9_()-]{1,256})%", re.ASCII)
_OF_WINDOWS = frozenset({"allusersprofile", "programdata", "public", "systemdrive", "systemroot", "windir"})
_PATH = re.compile(r"(?:[A-Za-z]:|%[A-Za-z0-9_-]+%)(?:\\[^\\/:*?\"<>|]+)*\\?", re.ASCII)
_IN_WINDOWS = re.compile(
    r"(%(?:windir|SystemRoot)%|(?:[A-Za-z]:|%SystemDrive%)\\Windows)\\(.+)", re.ASCII | re.IGNORECASE
)
_ROOTS = {
    "hkey_local_machine": "HKLM",
    "hklm": "HKLM",
    "hkey_classes_root": r"HKLM\SOFTWARE\Classes",
    "hkcr": r"HKLM\SOFTWARE\Classes",
    "hkey_users": "HKU",
    "hku": "HKU",
}
_SOFTWARE = re.compile(r"HKLM\\SOFTWARE\\(.+)", re.ASCII | re.IGNORECASE)
_ORDERS = {
    Operator.LESS: "lss",
    Operator.LESS_EQUAL: "leq",
    Operator.GREATER: "gtr",
    Operator.GREATER_EQUAL: "geq",
}
_TYPE = re.compile(r"REG_[A-Z_]{2,40}", re.ASCII)
_REG = r'"%SystemRoot%\System32\reg.exe" query'
_POWERSHELL = rf"%SystemRoot%\{POWERSHELL}"
_PATH_OF = "the path that its condition asks for"


def compiled(
    condition: Condition | None,
    env: Environment,
    doubt: Doubt,
    ask: Ask,
    *,
    label: str,
    unsure: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the lines of a batch file that ends with 0 when a condition holds, and with 1 when it does not.

    Args:
        condition: what is asked.
        env: the variables, as they are known now.
        doubt: of which of them nobody knows the value now.
        ask: answers questions to the computer, where that is possible now.
        label: what the names of its labels begin with; no other condition of the step has the same.
        unsure: the variables, in lower case, that are set where the file runs.

    Raises:
        InvalidRequest: when a part of it can be asked neither here nor there.
    """
    maker = _Maker(env, label, frozenset(unsure), doubt=doubt, ask=ask)
    yes, no = maker.new_label(), maker.new_label()
    maker.put(condition, yes, no)
    lines = (*maker.lines, f":{yes}", "exit /b 0", f":{no}", "exit /b 1")
    if maker.may_be_open:
        lines = (*lines, f":{maker.open_label}", f"set {OPEN}=1", "exit /b 1")
    longest = max(map(len, lines))
    if longest > LONGEST_LINE:
        raise InvalidRequest(f"its condition has a line of {longest} characters; a batch file has {LONGEST_LINE}")
    return lines


@dataclass(slots=True)
class _Maker(BatchLines):
    """Puts the lines of one condition together."""

    doubt: Doubt = CERTAIN
    ask: Ask = NOBODY

    def put(self, condition: Condition | None, yes: str, no: str) -> None:
        """Add the lines that jump to one label when a condition holds, and to another when it does not."""
        verdict = evaluate(condition, self.env, self.doubt, self.ask)
        if condition is None or verdict.is_known:
            self.lines.append(f"goto {yes if verdict.holds else no}")
        elif isinstance(condition, Joined):
            self._put_joined(condition, yes, no)
        elif isinstance(condition, Compare):
            self._put_comparison(condition, yes, no)
        elif isinstance(condition, Question):
            self._put_question(condition, yes, no)
        else:
            _refuse_unknown(condition)

    def _put_joined(self, condition: Joined, yes: str, no: str) -> None:
        if condition.joint is Joint.NONE:
            yes, no = no, yes
        decides = condition.joint is not Joint.ALL
        verdicts = (evaluate(each, self.env, self.doubt, self.ask) for each in condition.parts)
        # What is known now and does not decide needs no line.
        open_parts = [each for each, found in zip(condition.parts, verdicts, strict=True) if not found.is_known]
        for part in open_parts[:-1]:
            following = self.new_label()
            self.put(part, yes if decides else following, following if decides else no)
            self.lines.append(f":{following}")
        self.put(open_parts[-1], yes, no)

    # Variables

    def _put_comparison(self, wish: Compare, yes: str, no: str) -> None:
        name = wish.variable
        if name.lower() not in self.unsure:
            raise InvalidRequest(f"its condition asks for {name}, which the first start does not know either")
        if any(each.lower() in self.unsure for each in names_in(wish.value)):
            raise InvalidRequest(f"its condition compares {name} with another variable that the first start sets")
        value = self.env.expand(wish.value)
        if wish.operator in {Operator.NOT_EXISTS, Operator.NOT_EQUALS}:
            yes, no = no, yes
        if wish.operator in {Operator.EXISTS, Operator.NOT_EXISTS}:
            self.lines += [f"if defined {name} goto {yes}", f"goto {no}"]
        elif wish.operator in _ORDERS:
            self.put_number(name, value, _ORDERS[wish.operator], yes, no)
        else:
            self.put_equal(name, value, yes, no)

    # The new Windows

    def _put_question(self, question: Question, yes: str, no: str) -> None:
        later = next((each for each in question.named if each.lower() in self.unsure), None)
        if later is not None and question.subject not in {Subject.FILE, Subject.FOLDER}:
            raise InvalidRequest(f"its condition has %{later}%, which the first start sets, in what it asks Windows")
        if question.subject is Subject.WMI:
            self._put_query(question, yes, no)
        elif question.subject is Subject.REGISTRY:
            self._put_registry(question, yes, no)
        elif question.subject is Subject.SOFTWARE:
            self._put_software(question, yes, no)
        elif question.subject is Subject.COMPUTER:
            _refuse_unknown(question)
        else:
            self._put_file(question, yes, no)

    def _put_file(self, question: Question, yes: str, no: str) -> None:
        if question.facts.get("DateTimeOperator") or question.facts.get("VersionOperator"):
            raise InvalidRequest("its condition asks for the time or the version of a file, which no batch file can")
        path = self._path(question.facts.get("Path", ""), no)
        is_folder = question.subject is Subject.FOLDER
        match = _IN_WINDOWS.fullmatch(path)
        redirected = None if match is None else redirected_path(match[2])

        def put(path: str) -> Put:
            return lambda yes, no: self.lines.extend(_exists(path, yes, no, is_folder=is_folder))

        half = None if match is None or redirected is None else put(rf"{match[1]}\{redirected}")
        self.put_views(put(path), half, yes, no)

    def _path(self, text: str, no: str) -> str:
        """Return a path as a batch file has it, and add lines that go on where a variable in it is no part of one."""
        pieces: list[str] = []
        rest = 0
        for match in _NAMED.finditer(text):
            name = match[1].lower()
            known = self.env.get(match[1])
            pieces.append(self.text(text[rest : match.start()], _PATH_OF))
            rest = match.end()
            if name in self.unsure:
                self.lines += [f"if not defined {match[1]} goto {no}", if_quoted(match[1], no)]
                pieces.append(match[0])
            elif known is not None:
                pieces.append(self.text(known, _PATH_OF))
            else:
                pieces.append(match[0] if name in _OF_WINDOWS else self.text(match[0], _PATH_OF))
        path = "".join((*pieces, self.text(text[rest:], _PATH_OF))).strip().replace("/", "\\").rstrip("\\")
        if _PATH.fullmatch(path) is None:
            raise InvalidRequest(f"its condition asks for {quoted(text)}, which is no path of a file or folder")
        return path

    def _put_registry(self, question: Question, yes: str, no: str) -> None:
        facts = question.facts
        operator = operator_of(facts.get("Operator", ""))
        if operator is None:
            raise InvalidRequest(f"its condition has an operator that is not known: {facts.get('Operator', '')}")
        root, _, below = self.env.expand(facts.get("KeyPath", "")).strip().strip("\\").partition("\\")
        short = _ROOTS.get(root.lower())
        if short is None or not below:
            raise InvalidRequest(f"its condition asks for a key of {quoted(root)}, which is not that of the computer")
        key = self.text(rf"{short}\{below}", "the key that its condition asks for")
        name = self.text(self.env.expand(facts.get("Value", "")), "the value that its condition asks for")
        if not name and (facts.get("Data") or operator not in {Operator.EXISTS, Operator.NOT_EXISTS}):
            raise InvalidRequest("its condition asks for the value of a key without a name, which no batch file can")
        if operator is Operator.NOT_EXISTS:
            yes, no, operator = no, yes, Operator.EXISTS
        self._put_key(key, lambda key: self._value_put(key, name, operator, question), yes, no)

    def _put_key(self, key: str, put: Callable[[str], Put], yes: str, no: str) -> None:
        match = _SOFTWARE.fullmatch(key)
        redirected = None if match is None else redirected_key(match[1])
        half = None if redirected is None else put(rf"HKLM\SOFTWARE\{redirected}")
        self.put_views(put(key), half, yes, no)

    def _value_put(self, key: str, name: str, operator: Operator, question: Question) -> Put:
        if not name:
            return self._key_put(key)
        if operator is Operator.EXISTS:
            return lambda yes, no: self._put_value_of_type(key, name, question.facts.get("Type", ""), yes, no)
        data = self.env.expand(question.facts.get("Data", ""))
        return lambda yes, no: self._put_data(_read_value(key, name), operator, data, yes, no)

    def _key_put(self, key: str) -> Put:
        asks = f'{_REG} "{key}" >nul 2>&1'
        return lambda yes, no: self.lines.extend((asks, f"if not errorlevel 1 goto {yes}", f"goto {no}"))

    def _put_value_of_type(self, key: str, name: str, kind: str, yes: str, no: str) -> None:
        wanted = kind.strip().upper()
        if wanted and _TYPE.fullmatch(wanted) is None:
            raise InvalidRequest(f"its condition asks for a value of type {quoted(kind)}; valid is one such as REG_SZ")
        is_it = f'if "%_fs_type%"=="{wanted}" goto {yes}' if wanted else f"if defined _fs_type goto {yes}"
        self.lines += [*_read_value(key, name), is_it, f"goto {no}"]

    def _put_data(self, reading: Sequence[str], operator: Operator, data: str, yes: str, no: str) -> None:
        number, as_text, is_there = self.new_label(), self.new_label(), self.new_label()
        self.lines += [*reading, f"if defined _fs_type goto {is_there}"]
        # Nobody says whether a value that is not there differs from another.
        self.lines += [self.go_open() if operator is Operator.NOT_EQUALS else f"goto {no}", f":{is_there}"]
        if operator is Operator.NOT_EQUALS:
            yes, no, operator = no, yes, Operator.EQUALS
        self.lines += [f'if "%_fs_type%"=="{each}" goto {number}' for each in ("REG_DWORD", "REG_QWORD")]
        self.lines += [f'if "%_fs_type%"=="{each}" goto {as_text}' for each in ("REG_SZ", "REG_EXPAND_SZ")]
        self.lines += [self.go_open(), f":{number}"]
        wanted = whole_number(data)
        if operator is Operator.EQUALS:
            written = "no number" if wanted is None else f"0x{wanted:x}"
            self.lines += [f'if /i "%_fs_data%"=="{written}" goto {yes}', f"goto {no}", f":{as_text}"]
            self.put_equal("_fs_data", data, yes, no)
            return
        # The shell reckons with 31 bits.
        self.lines += [
            f'if not "%_fs_data:~0,9%"=="%_fs_data%" {self.go_open()}',
            "set /a _fs_data=%_fs_data%",
            f":{as_text}",
        ]
        self.put_number("_fs_data", data, _ORDERS[operator], yes, no)

    def _put_software(self, question: Question, yes: str, no: str) -> None:
        upgrade = question.facts.get("UpgradeCode", "").strip()
        is_family = question.facts.get("Operator", "").strip().lower() == "anyversion" and bool(upgrade)
        code = upgrade if is_family else question.facts.get("ProductCode", "")
        packed = packed_guid(code)
        if packed is None:
            raise InvalidRequest(f"its condition asks for the software {quoted(code)}, which is no code of a product")
        folder = "UpgradeCodes" if is_family else "Products"
        self._key_put(rf"HKLM\SOFTWARE\Classes\Installer\{folder}\{packed}")(yes, no)

    def _put_query(self, question: Question, yes: str, no: str) -> None:
        query = self.power_text(self.env.expand(question.facts.get("Query", "")), "the query of its condition")
        space = self.power_text(question.facts.get("Namespace") or CIMV2, "the namespace of its condition")
        self.lines += [
            f'if not exist "{_POWERSHELL}" {self.go_open()}',
            f'"{_POWERSHELL}" -NoProfile -NonInteractive -ExecutionPolicy Bypass -Command "{_script(space, query)}"',
            f'if "%errorlevel%"=="10" goto {yes}',
            f'if "%errorlevel%"=="11" goto {no}',
            self.go_open(),
        ]


def _exists(path: str, yes: str, no: str, *, is_folder: bool) -> tuple[str, ...]:
    """Return the lines that ask for a file, or for a folder: the attributes of what is there begin with ``d``."""
    place = path if "\\" in path else f"{path}\\"
    return (
        "set _fs_attributes=",
        f'for %%a in ("{place}") do set "_fs_attributes=%%~aa"',
        f"if not defined _fs_attributes goto {no}",
        f'if "%_fs_attributes:~0,1%"=="d" goto {yes if is_folder else no}',
        f"goto {no if is_folder else yes}",
    )


def _refuse_unknown(condition: Condition) -> None:
    raise InvalidRequest(f"no batch file can ask for {condition.describe()}")


def _script(space: str, query: str) -> str:
    """Return what PowerShell does; that of Windows 7 has no Get-CimInstance."""
    return (
        f"$n='{space}'; $q='{query}'; try {{ if ($PSVersionTable.PSVersion.Major -ge 3) "
        "{ $r=@(Get-CimInstance -Namespace $n -Query $q -ErrorAction Stop) } else "
        "{ $r=@(Get-WmiObject -Namespace $n -Query $q -ErrorAction Stop) }; "
        "if ($r.Count) { exit 10 } else { exit 11 } } catch { exit 12 }"
    )


def _read_value(key: str, name: str) -> tuple[str, ...]:
    """Return the lines that read the type and the data of a value."""
    if "%" in key + name:
        raise InvalidRequest(f"its condition asks for {quoted(name)} of {quoted(key)}; a shell would replace its %")
    words = len(name.split())
    command = f'%SystemRoot%\\System32\\reg.exe query "{key}" /v "{name}" 2^>nul'
    return (
        "set _fs_type=",
        "set _fs_data=",
        f"for /f \"skip=2 tokens={words + 1}*\" %%a in ('{command}') do (",
        '    set "_fs_type=%%a"',
        '    set "_fs_data=%%b"',
        ")",
    )

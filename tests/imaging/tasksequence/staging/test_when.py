"""Conditions as batch files: Wine's shell gives the answers that the conditions have here."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Mapping

import pytest
from judges.batch import faults
from judges.wine import Wine
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.conditions import (
    NOBODY,
    Compare,
    Condition,
    Joined,
    Joint,
    Operator,
    Question,
    Subject,
    Unknown,
    evaluate,
)
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.layers import Properties
from osdimage.imaging.tasksequence.staging.batch import OPEN
from osdimage.imaging.tasksequence.staging.first_start import first_steps
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedCondition, StagedStep
from osdimage.imaging.tasksequence.staging.when import compiled

NAMES = ("Out", "Other_1", "A-B")
UNSURE = frozenset(name.lower() for name in NAMES)


def doubt(name: str) -> str | None:
    return f"{name}, which the first start of Windows sets" if name in UNSURE else None


def lines_of(condition: Condition, env: Environment | None = None, label: str = "s_0") -> tuple[str, ...]:
    return compiled(condition, env or Environment(), doubt, NOBODY, label=label, unsure=UNSURE)


def question(subject: Subject, **facts: str) -> Question:
    return Question(subject, Properties(facts))


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    yield made
    made.stop()
    shutil.rmtree(made.prefix)


def answers(wine: Wine, asked: list[tuple[tuple[str, ...], Mapping[str, str]]]) -> list[str]:
    """Run batch files that ask, each with its variables; ``0`` is yes, ``1`` no, and ``?`` what cannot be told."""
    script, into = wine.drive / "ask.cmd", wine.drive / "told.txt"
    lines = ["@echo off"]
    for number, (_, variables) in enumerate(asked):
        lines += [f'set "{name}={variables.get(name, "").replace("%", "%%")}"' for name in NAMES]
        lines += [f"set {OPEN}=", f"call :ask{number}", "set _fs_told=%errorlevel%"]
        lines += [f"if defined {OPEN} set _fs_told=?", r">>C:\told.txt echo %_fs_told%"]
    lines.append("exit /b 0")
    for number, (each, _) in enumerate(asked):
        lines += [f":ask{number}", *each]
    # In all values is what would confuse a lint; the conditions are looked at without them.
    conditions = "".join(f"{line}\r\n" for each, _ in asked for line in each)
    assert faults(conditions.encode("cp437"), NAMES) == []
    script.write_bytes("".join(f"{line}\r\n" for line in lines).encode("cp437"))
    into.unlink(missing_ok=True)
    wine.run("cmd", "/d", "/c", r"C:\ask.cmd")
    return into.read_text().split()


VALUES = (
    "", "x", "X", "x y", "10", "9", "010", "-5", "0", "99999999999", "-99999999999", "a&b", "a|b>c<d", "100%", "%Out%",
    "^", "!x!", "(x)", 'a"b', '"', "é", "10x", " 10 ", "-", "it's",
)  # fmt: skip


ORDERS = frozenset({Operator.LESS, Operator.LESS_EQUAL, Operator.GREATER, Operator.GREATER_EQUAL})


def has_order(condition: Condition) -> bool:
    if isinstance(condition, Joined):
        return any(map(has_order, condition.parts))
    return isinstance(condition, Compare) and condition.operator in ORDERS


def model(condition: Condition, env: Environment) -> bool:
    """Answer as ``conditions.py`` does; but of those that the first start sets only numbers have an order."""
    if isinstance(condition, Compare) and condition.operator in ORDERS and condition.variable in NAMES:
        value = (env.get(condition.variable) or "").strip()
        if not value.removeprefix("-").isdigit():
            return False
    if isinstance(condition, Joined):
        found = [model(each, env) for each in condition.parts]
        return {Joint.ALL: all(found), Joint.ANY: any(found), Joint.NONE: not any(found)}[condition.joint]
    return evaluate(condition, env).holds


def made_up(rng: random.Random, depth: int = 0) -> Condition:
    if depth < 3 and rng.random() < 0.5:
        parts = tuple(made_up(rng, depth + 1) for _ in range(rng.randint(1, 4)))
        return Joined(rng.choice(list(Joint)), parts)
    operator = rng.choice(list(Operator))
    name = rng.choice((*NAMES, "Known"))
    safe = (
        ("10", "0", "-5", "9")
        if operator in ORDERS
        else tuple(each for each in VALUES if '"' not in each and "%Out" not in each)
    )
    return Compare(name, operator, rng.choice(safe))


def agree(wine: Wine, seed: int, count: int) -> None:
    rng = random.Random(seed)
    asked, expected = [], []
    while len(asked) < count:
        number, condition = len(asked), made_up(rng)
        # Where a part of a value is replaced, Wine loses its percent signs.
        values = [each for each in VALUES if "%" not in each or not has_order(condition)]
        variables = {name: rng.choice(values) for name in NAMES}
        env = Environment(computer={"Known": rng.choice(VALUES) or "x"})
        if evaluate(condition, env, doubt).is_known:
            continue
        asked.append((lines_of(condition, env, label=f"n{number}"), variables))
        env.update({name: value for name, value in variables.items() if value})
        expected.append("01"[not model(condition, env)])
    found = answers(wine, asked)
    wrong = [
        (lines, known, one) for (lines, known), one, other in zip(asked, found, expected, strict=True) if one != other
    ]
    assert not wrong


@pytest.mark.foreign
def test_variables_are_compared_as_here_whatever_they_hold(wine: Wine) -> None:
    agree(wine, 1, 25)


@pytest.mark.foreign
@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(2, 17))
def test_random_conditions_have_the_same_answer(wine: Wine, seed: int) -> None:
    agree(wine, seed, 60)


FILE, FOLDER, REGISTRY, SOFTWARE, WMI = Subject.FILE, Subject.FOLDER, Subject.REGISTRY, Subject.SOFTWARE, Subject.WMI
KEY = r"HKEY_LOCAL_MACHINE\SYSTEM\Own Key"
PRODUCT = "{90160000-008C-0000-1000-0000000FF1CE}"


@pytest.fixture(scope="module")
def filled(wine: Wine) -> Wine:
    """A Windows with something to ask for, and a 32-bit half."""
    for path in ("windows/plain.txt", "windows/system32/native.dll", "windows/system32/both.dll", "Tool (x)/a.txt",
                 "windows/system32/drivers/etc/own"):  # fmt: skip
        (wine.drive / path).parent.mkdir(exist_ok=True, parents=True)
        (wine.drive / path).touch()
    half = wine.drive / "windows" / "syswow64"
    half.mkdir(exist_ok=True)
    for name in ("cmd.exe", "both.dll"):
        (half / name).touch()
    adds = (
        r'"HKLM\SYSTEM\Own Key" /v Number /t REG_DWORD /d 26 /f',
        r'"HKLM\SYSTEM\Own Key" /v "A Text" /t REG_SZ /d "one & two" /f',
        r'"HKLM\SYSTEM\Own Key" /v Digits /t REG_SZ /d 10 /f',
        r'"HKLM\SYSTEM\Own Key" /v Bytes /t REG_BINARY /d 0102 /f',
        r"HKLM\SOFTWARE\Own\Native /v A /t REG_SZ /d 1 /f",
        r"HKLM\SOFTWARE\Own\Both /v A /t REG_SZ /d 1 /f",
        r"HKLM\SOFTWARE\WOW6432Node\Own\Both /v A /t REG_SZ /d 1 /f",
        r"HKLM\SOFTWARE\Policies\Own /v A /t REG_SZ /d 1 /f",
        r"HKLM\SOFTWARE\Classes\Installer\Products\00006109C80000000100000000F01FEC /f",
    )
    script = "".join(f"reg add {each} >nul 2>&1\r\n" for each in ("@echo off", *adds)[1:])
    (wine.drive / "add.cmd").write_bytes(b"@echo off\r\n" + script.encode())
    wine.run("cmd", "/d", "/c", r"C:\add.cmd")
    return wine


ASKED = [
    (FILE, {"Path": r"%windir%\plain.txt"}, "0"),
    (FILE, {"Path": r"C:\Tool (x)\A.TXT"}, "0"),
    (FILE, {"Path": r"C:\Tool (x)"}, "1"),
    (FILE, {"Path": r"C:\100%\x"}, "1"),
    (FOLDER, {"Path": "C:\\Tool (x)\\"}, "0"),
    (FOLDER, {"Path": r"C:\Tool (x)\a.txt"}, "1"),
    (FOLDER, {"Path": r"%SystemDrive%\%Out%"}, "0"),
    (FOLDER, {"Path": r"%SystemDrive%\%A-B%"}, "1"),
    (FILE, {"Path": r"%windir%\System32\both.dll"}, "0"),
    (FILE, {"Path": r"%windir%\System32\neither.dll"}, "1"),
    (FILE, {"Path": r"%windir%\System32\native.dll"}, "?"),
    (FILE, {"Path": r"%SystemDrive%\Windows\System32\native.dll"}, "?"),
    (FILE, {"Path": r"%windir%\System32\drivers\etc\own"}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "exists"}, "0"),
    (REGISTRY, {"KeyPath": KEY + r"\None", "Operator": "exists"}, "1"),
    (REGISTRY, {"KeyPath": KEY + r"\None", "Operator": "nonExists"}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "exists", "Value": "number"}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "exists", "Value": "none"}, "1"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "exists", "Value": "Number", "Type": "REG_DWORD"}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "exists", "Value": "Number", "Type": "REG_SZ"}, "1"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "equals", "Value": "Number", "Data": "26"}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "equals", "Value": "Number", "Data": "0x1A"}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "equals", "Value": "Number", "Data": " 026 "}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "notEquals", "Value": "Number", "Data": "27"}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "less", "Value": "Number", "Data": "100"}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "greater", "Value": "Number", "Data": "26"}, "1"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "greaterEqual", "Value": "Digits", "Data": "9"}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "equals", "Value": "A Text", "Data": "ONE & two"}, "0"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "equals", "Value": "A Text", "Data": "one"}, "1"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "equals", "Value": "Bytes", "Data": "0102"}, "?"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "equals", "Value": "None", "Data": "1"}, "1"),
    (REGISTRY, {"KeyPath": KEY, "Operator": "notEquals", "Value": "None", "Data": "1"}, "?"),
    (REGISTRY, {"KeyPath": r"HKLM\SOFTWARE\Own\Both", "Operator": "equals", "Value": "A", "Data": "1"}, "0"),
    (REGISTRY, {"KeyPath": r"HKLM\SOFTWARE\Own\None", "Operator": "exists"}, "1"),
    (REGISTRY, {"KeyPath": r"HKLM\SOFTWARE\Own\Native", "Operator": "exists"}, "?"),
    (REGISTRY, {"KeyPath": r"HKLM\SOFTWARE\Policies\Own", "Operator": "exists", "Value": "A"}, "0"),
    (REGISTRY, {"KeyPath": r"HKCR\Installer\Products", "Operator": "exists"}, "0"),
    (SOFTWARE, {"Operator": "ThisVersion", "ProductCode": PRODUCT}, "0"),
    (SOFTWARE, {"Operator": "AnyVersion", "ProductCode": PRODUCT, "UpgradeCode": PRODUCT}, "1"),
    # Wine has no PowerShell.
    (WMI, {"Query": "SELECT * FROM Win32_BIOS"}, "?"),
]


@pytest.mark.foreign
@pytest.mark.slow
def test_the_new_windows_is_asked_for_files_the_registry_and_software(filled: Wine) -> None:
    variables = {"Out": "Tool (x)", "A-B": '"x'}
    asked = [
        (lines_of(question(subject, **facts), label=f"q{number}"), variables)
        for number, (subject, facts, _) in enumerate(ASKED)
    ]
    found = answers(filled, asked)
    assert [(ASKED[number][1], each) for number, each in enumerate(found)] == [
        (facts, told) for _, facts, told in ASKED
    ]


@pytest.mark.foreign
@pytest.mark.parametrize(("told", "expected"), [("true", ["0", "0"]), ("false", ["1", "1"])])
def test_a_variable_says_which_half_of_a_64_bit_windows_is_asked(filled: Wine, told: str, expected: list[str]) -> None:
    env = Environment(computer={"SMSTSDisableWow64Redirection": told})
    asked = (
        question(FILE, Path=r"C:\Windows\System32\native.dll"),
        question(REGISTRY, KeyPath=r"HKLM\SOFTWARE\Own\Native", Operator="exists"),
    )
    assert answers(filled, [(lines_of(each, env, f"v{number}"), {}) for number, each in enumerate(asked)]) == expected


def test_what_is_known_now_is_not_asked_again() -> None:
    env = Environment(computer={"Known": "1"})
    known = Compare("Known", Operator.EQUALS, "1")
    asked = Compare("Out", Operator.EXISTS)
    alone = lines_of(asked)
    assert lines_of(Joined(Joint.ALL, (known, asked)), env) == alone
    assert lines_of(Joined(Joint.ANY, (asked, Compare("Known", Operator.NOT_EXISTS))), env) == alone
    assert alone == ("if defined Out goto s_0_1", "goto s_0_2", ":s_0_1", "exit /b 0", ":s_0_2", "exit /b 1")


def test_a_query_is_one_line_of_powershell_that_no_shell_reads() -> None:
    query = 'SELECT * FROM Win32_BIOS WHERE Name LIKE "%it\'s | x & y%"'
    (line,) = [each for each in lines_of(question(WMI, Query=query, Namespace=r"root\x")) if "Get-CimInstance" in each]
    text = "$q='SELECT * FROM Win32_BIOS WHERE Name LIKE '+[char]34+'%%it''s | x & y%%'+[char]34+''; try {"
    assert f"-Command \"$n='root\\x'; {text} if ($PSVersionTable" in line
    assert line.count('"') == 4


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (Unknown("expression of type X"), "no batch file can ask for expression of type X"),
        (Compare("Nowhere", Operator.EXISTS), "asks for Nowhere, which the first start does not know either"),
        (Compare("Out", Operator.EQUALS, 'a"b'), "a quotation mark or a control character"),
        (Compare("Out", Operator.EQUALS, "%Other_1%"), "another variable that the first start sets"),
        (Compare("Out", Operator.LESS, "x"), "only whole numbers of up to nine digits"),
        (Compare("Out", Operator.LESS, "1234567890"), "only whole numbers of up to nine digits"),
        (question(FILE, Path=r"C:\x", Version="1", VersionOperator="less"), "the time or the version of a file"),
        (question(FILE, Path="x"), "which is no path of a file or folder"),
        (question(FOLDER, Path=r"C:\a*"), "which is no path of a file or folder"),
        (question(FILE, Path='C:\\a"b'), "a quotation mark"),
        (question(REGISTRY, KeyPath=r"HKCU\x", Operator="exists"), "a key of 'HKCU', which is not that of the comp"),
        (question(REGISTRY, KeyPath=r"HKLM\x", Operator="like"), "an operator that is not known: like"),
        (question(REGISTRY, KeyPath=r"HKLM\x", Operator="equals"), "a value of a key without a name|without a name"),
        (question(REGISTRY, KeyPath=r"HKLM\x", Operator="exists", Value="a", Type="x"), "a value of type 'x'"),
        (question(REGISTRY, KeyPath=r"HKLM\x", Operator="exists", Value="a%b%"), "a shell would replace its %"),
        (question(REGISTRY, KeyPath=r"HKLM\x\%Out%", Operator="exists"), "has %Out%, which the first start sets"),
        (question(WMI, Query="SELECT * FROM Win32_BIOS WHERE Name = '%OUT%'"), "has %OUT%, which the first start sets"),
        (question(SOFTWARE, ProductCode="x"), "the software 'x', which is no code of a product"),
        (question(WMI, Query="SELECT\n*"), "a quotation mark or a control character"),
        (question(WMI, Query="x" * 9000), "a line of 9... characters; a batch file has 8000"),
    ],
)
def test_what_no_batch_file_can_ask_is_refused(condition: Condition, said: str) -> None:
    def asking(name: str) -> str | None:
        return doubt(name) or (f"{name} of the computer" if name == "nowhere" else None)

    with pytest.raises(InvalidRequest, match=said):
        compiled(condition, Environment(), asking, NOBODY, label="s", unsure=UNSURE)


def test_a_secret_is_never_written_so_that_nobody_sees_it() -> None:
    env = Environment(computer={"Key": "it's%"}, hidden=("Key",))
    for condition in (Compare("Out", Operator.EQUALS, "%Key%"), question(WMI, Query="SELECT '%Key%'")):
        with pytest.raises(InvalidRequest, match="a secret with a character that a batch file cannot have"):
            lines_of(condition, env)


@pytest.mark.foreign
def test_conditions_of_a_step_hold_together_and_what_cannot_be_told_is_no_answer(filled: Wine) -> None:
    def staged(*conditions: Condition) -> StagedStep:
        asked = tuple(
            StagedCondition((number,) if number else None, lines_of(each, label=f"c{number}"))
            for number, each in enumerate(conditions)
        )
        return StagedStep(1, (0, 0), "a", StagedCommand("work", ("ver",)), conditions=asked)

    yes, no = question(FOLDER, Path=r"C:\Windows"), question(FOLDER, Path=r"C:\None")
    nobody = question(WMI, Query="SELECT * FROM Win32_BIOS")
    codes = []
    for number, conditions in enumerate(((yes, yes), (no, yes), (nobody, yes), (yes, nobody))):
        (step,) = first_steps([staged(*conditions)], Environment())
        data = "".join(f"{line}\r\n" for line in step.condition).encode()
        assert faults(data, {OPEN}) == []
        folder = filled.drive / f"group{number}"
        folder.mkdir(exist_ok=True)
        (folder / "when.cmd").write_bytes(data)
        run = f"@echo off\r\ncd /d C:\\group{number}\r\ncmd /d /c when.cmd\r\n>code.txt echo %errorlevel%\r\n"
        (folder / "run.cmd").write_bytes(run.encode())
        filled.run("cmd", "/d", "/c", rf"C:\group{number}\run.cmd")
        codes.append((folder / "code.txt").read_text().strip())
    assert codes == ["0", "1", "2", "2"]

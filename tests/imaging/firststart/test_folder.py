"""The files of a first start: their texts, by a lint that shares nothing with what makes them, and what is refused."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files

import pytest
from judges import powershell
from judges.batch import faults
from judges.wim import require
from osdimage.imaging import InvalidRequest
from osdimage.imaging.firststart.folder import first_start_files, script_text
from osdimage.imaging.firststart.steps import FirstFile, FirstStep

ONE = FirstStep("one", ("@exit /b 0",))


def test_the_script_is_without_fault_and_the_same_whatever_the_plan() -> None:
    plain = first_start_files([ONE], "cp437")["run.cmd"]
    other = first_start_files([FirstStep("Größe", ("@echo Größe",), retries=3)], "cp850", {"A": "ö"})["run.cmd"]
    assert plain == other
    assert faults(plain) == []
    stored = files("osdimage.imaging.firststart").joinpath("run.cmd").read_bytes()
    assert stored.replace(b"\n", b"\r\n") == plain


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("goto nowhere", "label nowhere is not there", id="label"),
        pytest.param(":unused", "nothing goes to label unused", id="unused"),
        pytest.param("echo %NEVER%", "%never% is set nowhere", id="variable"),
        pytest.param('echo "x', "line 1 has a quote that does not end", id="quote"),
        pytest.param("if a==a (\r\nset x=1\r\necho %x%\r\n)", "line 3: %x% was set in the same block", id="block"),
        pytest.param("if a==a (", "a block does not end", id="open"),
        pytest.param("setlocal EnableDelayedExpansion", "delayed expansion", id="delayed"),
        pytest.param("echo 1>x", "a digit before > is a handle", id="handle"),
        pytest.param("a\nb", "CR LF", id="ends"),
    ],
)
def test_the_lint_finds_what_it_is_for(text: str, fault: str) -> None:
    assert any(fault in each for each in faults(f"{text}\r\n".encode()))


def test_a_step_has_its_commands_its_facts_and_its_condition() -> None:
    steps = [
        FirstStep("copy", ("@echo off", "copy a b"), (0, 0x80070005, 3010), on_failure=3, retries=2, is_wow=True),
        FirstStep("restart", ("@rem",), (0,), restarts=True, condition=("@exit /b 1",)),
    ]
    made = first_start_files(steps, "cp850", {"OSDName": "a b"})
    assert made[r"1\step.cmd"] == b"@echo off\r\ncopy a b\r\n"
    # -2147024891 is 0x80070005 as a signed number, as %ERRORLEVEL% has it.
    assert made[r"1\step.txt"] == b"3|0 -2147024891 3010|2|1|0|0|-\r\n"
    assert made[r"2\step.txt"] == b"0|0|0|0|1|0|-\r\n"
    assert made[r"2\when.cmd"] == b"@exit /b 1\r\n"
    assert made["vars.txt"] == b"OSDName=a b\r\n"
    assert [each["name"] for each in json.loads(made["plan.json"])["steps"]] == ["copy", "restart"]
    # What starts the others is written when they are there.
    assert list(made)[-1] == "run.cmd"


def test_a_step_with_secrets_passes_on_to_a_file_that_is_deleted() -> None:
    step = FirstStep(
        "join", ("@echo off", "net use x: /user:y z"), files=(FirstFile("note", "one\ntwo\n"),), is_secret=True
    )
    made = first_start_files([step], "cp850")
    assert made[r"1\step.cmd"] == b'@"%~dp0secret.cmd"\r\n'
    assert made[r"1\secret.cmd"] == b"@echo off\r\nnet use x: /user:y z\r\n"
    assert made[r"1\note"] == b"one\r\ntwo\r\n"
    assert json.loads(made["plan.json"])["steps"][0]["is_secret"]


def test_what_powershell_does_has_its_scripts_and_its_files_a_mark() -> None:
    script = FirstFile("script.ps1", "'ö€'", is_unicode=True)
    step = FirstStep("x", ("@rem",), files=(script,), timeout_seconds=900, output_variable="Told", label="7")
    made = first_start_files([step], "cp850")
    assert made[r"1\step.txt"] == b"0|0 3010|0|0|0|900|Told\r\n"
    assert made[r"1\script.ps1"] == b"\xef\xbb\xbf'\xc3\xb6\xe2\x82\xac'\r\n"
    assert {"timed.ps1", "output.ps1"} <= made.keys()
    assert json.loads(made["plan.json"])["steps"][0]["label"] == "7"


@pytest.mark.foreign
@pytest.mark.parametrize("name", ["timed.ps1", "output.ps1"])
def test_the_scripts_of_powershell_are_some(name: str) -> None:
    assert powershell.faults(script_text(name)) == []


@pytest.mark.foreign
def test_a_script_that_is_none_is_found() -> None:
    assert powershell.faults("$a = 1\nif ($a { 'x'\n") != []


# $ printf 'ö€' | iconv -f UTF-8 -t CP850   ->  cannot convert (the euro sign is in CP858)
@pytest.mark.foreign
def test_texts_are_in_the_code_page_of_the_shell() -> None:
    made = first_start_files([FirstStep("x", ("@echo öÄß",))], "cp850")[r"1\step.cmd"]
    judged = subprocess.run(
        [require("iconv"), "-f", "UTF-8", "-t", "CP850"],
        input="@echo öÄß\r\n".encode(),
        capture_output=True,
        check=True,
    )
    assert made == judged.stdout
    with pytest.raises(InvalidRequest, match=r"'€' \(U\+20AC\), which is not in cp850, the code page of Windows"):
        first_start_files([FirstStep("x", ("@echo €",))], "cp850")


def with_file(name: str, text: str, *others: str) -> FirstStep:
    return FirstStep("x", ("a",), files=tuple(FirstFile(each, text) for each in (name, *others)))


@pytest.mark.parametrize(
    ("steps", "variables", "reason"),
    [
        pytest.param([], {}, "1 to 9999 steps, not 0", id="no step"),
        pytest.param([FirstStep("x", ())], {}, "has no command", id="no command"),
        pytest.param([FirstStep("x", ("a\nb",))], {}, "control character", id="line end"),
        pytest.param([FirstStep("x\0", ("a",))], {}, "control character", id="NUL in the name"),
        pytest.param([FirstStep("x", ("a" * 8001,))], {}, "a line of 8001 characters; valid are 8000", id="long"),
        pytest.param([FirstStep("x", ("a",), retries=6)], {}, "valid are 0 to 5", id="retries"),
        pytest.param([FirstStep("x", ("a",), on_failure=1)], {}, "goes on with step 1", id="backwards"),
        pytest.param([FirstStep("x", ("a",), ())], {}, "no exit code that is success", id="no code"),
        pytest.param([FirstStep("x", ("a",), (1 << 32,))], {}, "exit codes have 32 bits", id="code"),
        pytest.param([FirstStep("x", ("a",), label="12.3", retries=9)], {}, r"step 12\.3 \('x'\)", id="label"),
        pytest.param([FirstStep("x", ("a",), timeout_seconds=0)], {}, "after 0 seconds", id="no time"),
        pytest.param([FirstStep("x", ("a",), timeout_seconds=1 << 31)], {}, "1 to 2147482", id="too much time"),
        pytest.param([FirstStep("x", ("a",), output_variable="a b")], {}, "'a b', which is no name", id="output"),
        pytest.param([with_file("End", "x")], {}, "'End', which is a name of the first start", id="own file"),
        pytest.param([with_file("a", "x\0")], {}, "control character", id="NUL in a file"),
        pytest.param([with_file("..\\a", "x")], {}, "holds a separator", id="file elsewhere"),
        pytest.param([with_file("nul.txt", "x")], {}, "is that of a device", id="device"),
        pytest.param([with_file("a", "x", "A")], {}, "two files 'a'", id="two files"),
        pytest.param([ONE], {"a b": "c"}, "'a b' is no name", id="name"),
        pytest.param([ONE], {"a": 'c"d'}, "without quotes", id="quote"),
        pytest.param([ONE], {"a": "=d"}, "does not begin with =", id="equals"),
        pytest.param([ONE], {"a": "d" * 8000}, "has 8000 characters", id="long value"),
    ],
)
def test_what_the_script_could_not_carry_out_is_refused(
    steps: list[FirstStep], variables: dict[str, str], reason: str
) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        first_start_files(steps, "cp850", variables)

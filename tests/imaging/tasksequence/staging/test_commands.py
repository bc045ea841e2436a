"""Command lines as lines of a batch file: by their text, and by what a program gets of them in Wine's shell."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator, Sequence

import pytest
from cases.telling_program import telling_program
from hypothesis import given, settings
from hypothesis import strategies as st
from judges.wine import Wine
from osdimage.imaging import InvalidRequest
from osdimage.imaging.tasksequence.staging.commands import command_line, folder_lines, read_later, unescaped

PROGRAM = r"C:\told.exe"
QUOTED = f'"{PROGRAM}"'


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    (made.drive / "told.exe").write_bytes(telling_program())
    blank = made.drive / "Program Files" / "A & B (100%)"
    blank.mkdir(parents=True)
    (blank / "told.exe").write_bytes(telling_program())
    yield made
    made.stop()
    shutil.rmtree(made.prefix)


def told(wine: Wine, lines: Sequence[str]) -> list[str]:
    """Return the command lines with which a batch file starts programs."""
    script, into = wine.drive / "lines.cmd", wine.drive / "told.txt"
    script.write_bytes("".join(f"{line}\r\n" for line in ("@echo off", *lines)).encode("ascii"))
    into.unlink(missing_ok=True)
    wine.run("cmd", "/d", "/c", r"C:\lines.cmd > C:\told.txt")
    return into.read_bytes().decode("utf-16-le").split("\0")[:-1]


# What a shell would read for itself, and what people write: the program gets all of it as it is written.
WRITTEN = [
    "/quiet /norestart",
    "a  b",
    "a & b && c | d || e",
    "in < out > both 2>&1 >> more",
    "a ^ b ^^ c ^& d",
    "(a) (b",
    '"a & b" c & d "e ^ f"',
    r'"a \"b & c\" d" & e',
    'a "b & c',
    "100% %windir% %NoSuch% %% %1 %* %~dp0",
    '"%windir%" %a%b% %',
    "!windir! !! !",
    "a,b;c=d @e 'f' `g` [h] {i} ~j $k #l +m",
    r"\\server\share\ C:\ C:\a b\ ",
    "^",
    "a^",
]


@pytest.mark.foreign
def test_a_program_gets_its_command_line_as_it_was_written(wine: Wine) -> None:
    commands = [f"{PROGRAM} {each}".strip() for each in WRITTEN]
    assert told(wine, [command_line(each) for each in commands]) == commands


# CreateProcessW takes the first words of a path with blanks together; in quotation marks it is the same program.
@pytest.mark.foreign
def test_a_program_in_a_path_with_blanks_is_found_with_and_without_quotation_marks(wine: Wine) -> None:
    path = r"C:\Program Files\A & B (100%)\told.exe"
    commands = [f"{path} /a & b", f'"{path}" /a & b', f'"{path}"/a & b', path]
    quoted = f'"{path}"'
    assert told(wine, [command_line(each) for each in commands]) == [f"{quoted} /a & b"] * 3 + [quoted]


@pytest.mark.foreign
def test_variables_of_the_first_start_are_read_there_and_others_are_left_as_they_are(wine: Wine) -> None:
    lines = ['set "OUT=x y"', command_line(rf'{PROGRAM} %OUT% "%out%" %a%OUT% %OTHER%', {"out"})]
    assert told(wine, lines) == [rf'{PROGRAM} x y "x y" %ax y %OTHER%']


@pytest.mark.foreign
def test_a_program_that_is_named_by_a_variable_of_windows_is_found(wine: Wine) -> None:
    assert told(wine, [command_line(r"%SystemDrive%\told.exe %SystemDrive%")]) == [
        rf'"{PROGRAM}" %SystemDrive%',
    ]


@pytest.mark.foreign
def test_a_step_works_in_its_folder_and_ends_with_3_when_that_is_not_there(wine: Wine) -> None:
    (wine.drive / "100% (a) & b").mkdir()
    for folder, code in ((r"C:\100% (a) & b", "7"), (r"%SystemDrive%\100% (a) & b", "7"), (r"C:\none", "3")):
        (wine.drive / "here.txt").unlink(missing_ok=True)
        script = "".join(f"{line}\r\n" for line in (*folder_lines(folder), r"cd > C:\here.txt", "exit /b 7"))
        (wine.drive / "step.cmd").write_bytes(script.encode("ascii"))
        runs = "@echo off\r\ncmd /d /c C:\\step.cmd > nul 2>&1\r\n> C:\\code.txt echo %ERRORLEVEL%\r\n"
        (wine.drive / "runs.cmd").write_bytes(runs.encode("ascii"))
        wine.run("cmd", "/d", "/c", r"C:\runs.cmd")
        assert (wine.drive / "code.txt").read_text().strip() == code
        if code == "7":
            assert (wine.drive / "here.txt").read_text().strip() == r"C:\100% (a) & b"


def random_command(rng: random.Random) -> str:
    pieces = [*'&|<>^%!"()', *"ab \\/:;,=@'~*?", "%windir%", "%a%", "  ", '""', r"\"", "^^", "2>&1", "%%"]
    rest = "".join(rng.choices(pieces, k=rng.randint(0, 40)))
    # Wine's shell, unlike that of Windows, may go on with a quoted text behind its end where no blank follows.
    rest = re.sub(r'"([^"]*)"', r'"\1" ', rest)
    program = rng.choice([PROGRAM, QUOTED])
    return f"{program} {rest}".strip(" \t")


def judge_random(wine: Wine, seed: int, count: int) -> None:
    rng = random.Random(seed)
    commands = [random_command(rng) for _ in range(count)]
    lines = [command_line(each) for each in commands]
    found = told(wine, lines)
    # On a busy computer Wine has lost the start of a program, once in thousands.
    assert commands == (found if len(found) == count else told(wine, lines))


@pytest.mark.foreign
def test_a_program_gets_any_command_line_as_it_was_written(wine: Wine) -> None:
    judge_random(wine, seed=18, count=60)


@pytest.mark.matrix
@pytest.mark.foreign
@pytest.mark.parametrize("seed", range(10))
def test_a_program_gets_every_command_line_as_it_was_written(wine: Wine, seed: int) -> None:
    judge_random(wine, seed, count=300)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        pytest.param("", "it has no command line", id="empty"),
        pytest.param(" \r\n", "it has no command line", id="blanks"),
        pytest.param("copy a b", "begins with 'copy', a command of the shell", id="command of the shell"),
        pytest.param("ECHO", "valid is cmd.exe /c ECHO", id="command of the shell alone"),
        pytest.param("a.exe\nb.exe", "a line break", id="line break"),
        pytest.param("a.exe \x1a", "control character", id="end of file"),
        pytest.param('"a.exe', "that ends no name of a program", id="open quotation mark"),
        pytest.param('"" a', "that ends no name of a program", id="program without a name"),
        pytest.param('a"b.exe', "inside the name of its program", id="quotation mark in the name"),
        pytest.param("a.exe " + "b" * 8000, "has 8006 characters in a batch file; valid are 8000", id="too long"),
        pytest.param("a.exe " + "%" * 4000, "has 8006 characters", id="too long when written"),
    ],
)
def test_what_no_line_of_a_batch_file_can_be_is_refused(command: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        command_line(command)
    assert says in str(caught.value)


# By a reading of the line that is no part of what writes it: what is neither quoted nor behind a caret.
@settings(deadline=None)
@given(st.text(st.sampled_from('ab.\\/ \t"&|<>^()%!\n\x1a\u3000é;,=@') | st.characters(codec="utf-16"), max_size=60))
def test_no_line_lets_the_shell_read_an_operator(text: str) -> None:
    try:
        line = command_line(text)
    except InvalidRequest:
        return
    plain = re.sub(r'"[^"]*(?:"|$)|\^.', "", line)
    assert not set(plain) & set("&|<>\n")
    assert "%" not in line.replace("%%", "")


def test_a_huge_command_line_is_refused_at_once() -> None:
    for command in ("a " + '"' * 10**6, "a " + "%a" * 10**6, "C:\\" + "a " * 10**6, "%" * 10**6, "C:\\a\\" * 10**5):
        with pytest.raises(InvalidRequest):
            command_line(command)


@pytest.mark.parametrize("folder", ["", '""', 'C:\\a"b', "C:\\a\nb"])
def test_what_is_no_folder_is_refused(folder: str) -> None:
    with pytest.raises(InvalidRequest):
        folder_lines(folder)


@pytest.mark.parametrize("seed", range(3))
def test_what_a_line_says_is_its_command_line(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        command = random_command(rng)
        assert unescaped(command_line(command)) == command


def test_the_variables_that_are_read_later_are_told_as_they_are_written() -> None:
    assert read_later("%A% %b% %A% %c-d% %e", {"a", "c-d", "e"}) == ("A", "c-d")

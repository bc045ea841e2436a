"""What every command has in common: progress, warnings, one-line errors, escaping, the terminal, the locale."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cases import trees
from judges import wim as judges
from osdimage.cli.render import counted
from runs.commands import osdimage
from runs.terminal import PROGRAM, on_a_terminal

EVENT_KEYS = {"phase", "done", "total", "unit", "percent", "eta_s", "warning", "excluded", "target"}

# {pair}: a WIM of two images with an integrity table; {new}: a path where nothing is; {tree}: a folder.
LONG_COMMANDS = {
    "capture": "capture {tree} {new} --check --compress xpress",
    "capture solid": "capture {tree} {new}.esd --solid --compress lzx",
    "append": "capture {tree} {copy} --append --name third",
    "apply": "apply {pair} {new} --index 1",
    "apply with check": "apply {pair} {new} --index 1 --check",
    "export": "export {pair} {new} --all --compress xpress",
    "export with check": "export {pair} {new} --index 2 --check",
    "extract": "extract {pair} /sub /text.log --to {new} --index 1",
    "extract with check": "extract {pair} / --to {new} --index 1 --check",
    "verify": "verify {pair}",
    "verify three": "verify {pair} {pair} {single}",
    "delete": "delete {copy} --index 2",
}


@pytest.fixture
def places(pair: Path, copy: Path, single: Path, tree: Path, tmp_path: Path) -> dict[str, Path]:
    return {"pair": pair, "copy": copy, "single": single, "tree": tree, "new": tmp_path / "new"}


def words(command: str, places: dict[str, Path]) -> list[str]:
    return [word.format(**places) for word in command.split()]


def assert_sound_progress(events: list[dict[str, Any]]) -> None:
    assert events
    for event in events:
        assert set(event) == EVENT_KEYS
        assert 0 <= event["percent"] <= 100
        assert event["unit"] in {"bytes", "files"}
        assert event["total"] is None or event["done"] <= event["total"]
        assert event["eta_s"] is None or event["eta_s"] >= 0
    percentages = [event["percent"] for event in events]
    assert percentages == sorted(percentages)
    assert percentages[0] < 100
    assert percentages[-1] == 100


@pytest.mark.parametrize("command", LONG_COMMANDS.values(), ids=LONG_COMMANDS.keys())
def test_events_run_from_0_to_100_percent_and_never_back(command: str, places: dict[str, Path], tmp_path: Path) -> None:
    outcome = osdimage(*words(command, places), "--events", tmp_path / "events", "--quiet")
    assert (outcome.out, outcome.err) == ("", "")
    assert_sound_progress([json.loads(line) for line in (tmp_path / "events").read_text().splitlines()])


def test_events_on_stdout_are_json_lines_and_json_beside_an_events_file_one_document(
    places: dict[str, Path], tmp_path: Path
) -> None:
    outcome = osdimage(*words(LONG_COMMANDS["capture"], places), "--events", "-", "--quiet")
    assert_sound_progress([json.loads(line) for line in outcome.out.splitlines()])
    other = osdimage("verify", places["new"], "--json", "--events", tmp_path / "events")
    assert other.document["is_sound"]
    assert (tmp_path / "events").read_text().endswith("}\n")


def test_phases_come_in_their_order(places: dict[str, Path]) -> None:
    events = osdimage(*words(LONG_COMMANDS["capture"], places), "--events", "-", "--quiet").events
    phases = [phase for phase, _ in itertools.groupby(event["phase"] for event in events)]
    assert phases == ["scan", "write-data", "write-metadata", "calculate-integrity"]


def test_a_warning_is_an_event_a_line_and_part_of_the_document(tree: Path, tmp_path: Path) -> None:
    arguments = ("--solid", "--compress", "lzx")
    events = osdimage("capture", tree, tmp_path / "a.wim", *arguments, "--events", "-").events
    (warning,) = [event["warning"] for event in events if event["warning"] is not None]
    outcome = osdimage("capture", tree, tmp_path / "b.wim", *arguments, "--json")
    assert outcome.warnings == [warning]
    assert outcome.document["images"][0]["warnings"] == [warning]


@pytest.mark.parametrize("command", LONG_COMMANDS.values(), ids=LONG_COMMANDS.keys())
def test_json_prints_one_document_and_nothing_else(command: str, places: dict[str, Path]) -> None:
    outcome = osdimage(*words(command, places), "--json")
    assert isinstance(outcome.document, dict | list)
    assert outcome.out.endswith("\n")


@pytest.mark.parametrize("command", LONG_COMMANDS.values(), ids=LONG_COMMANDS.keys())
def test_no_control_characters_without_a_terminal(command: str, places: dict[str, Path]) -> None:
    outcome = osdimage(*words(command, places))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", outcome.out + outcome.err)


def test_a_terminal_shows_a_bar_that_goes_away(places: dict[str, Path]) -> None:
    code, out, shown = on_a_terminal(words(LONG_COMMANDS["capture"], places))
    assert code == 0
    # The bar is drawn ten times a second, so what else is seen depends on the machine.
    assert "100%" in shown
    assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" in shown
    assert "\x1b[" in shown
    # The bar is taken away, so that only the result stays.
    assert shown.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))
    assert "\x1b" not in out
    assert "image 1 'tree'" in out


@pytest.mark.parametrize(
    ("options", "environment"),
    [(["--quiet"], {}), ([], {"TERM": "dumb"})],
    ids=["quiet", "dumb terminal"],
)
def test_no_bar_where_nobody_wants_one(
    places: dict[str, Path], options: list[str], environment: dict[str, str]
) -> None:
    code, _, shown = on_a_terminal(words(LONG_COMMANDS["capture"], places) + options, **environment)
    assert (code, shown) == (0, "")


def test_a_warning_is_readable_beside_the_bar(tree: Path, tmp_path: Path) -> None:
    _, _, shown = on_a_terminal(["capture", str(tree), str(tmp_path / "a.wim"), "--solid", "--compress", "lzx"])
    assert "warning: a solid WIM is an ESD to Windows" in shown


# ---- names


EVIL = "\x1b[2Jevil\nosdimage- all is well\r\x07.txt"


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """Return a WIM with names that hold control characters."""
    source = tmp_path / "evil"
    source.mkdir()
    (source / EVIL).write_bytes(b"1")
    osdimage("capture", source, tmp_path / "evil.wim")
    return tmp_path / "evil.wim"


def test_control_characters_of_names_are_escaped_for_people_and_kept_for_programs(evil: Path, tmp_path: Path) -> None:
    for options in ((), ("--long",), ("--columns",)):
        out = osdimage("list", evil, *options).out
        # The long form has several lines for each of the two, and no other.
        rows = [line for line in out.splitlines() if not options or options[0] != "--long" or "Full Path" in line]
        assert len(rows) == 2
        assert r"\x1b[2Jevil\nosdimage- all is well\r\x07.txt" in out
        assert "\x1b" not in out
    assert osdimage("list", evil, "--json").document["entries"][1]["name"] == EVIL
    out = osdimage("extract", evil, "/*.txt", "--to", tmp_path / "to").out
    assert "\x1b" not in out
    assert (tmp_path / "to" / EVIL).read_bytes() == b"1"


def test_an_error_about_an_evil_name_is_one_line(evil: Path, tmp_path: Path) -> None:
    for arguments in (
        ("extract", evil, f"/{EVIL}.no", "--to", tmp_path / "to"),
        ("list", evil, f"/{EVIL}.no"),
        ("info", evil, "--name", EVIL),
        ("info", evil, "--set", EVIL),
    ):
        err = osdimage(*arguments, code=2).err
        assert err.splitlines()[0].startswith("osdimage: ")
        assert "\x1b" not in err
        assert "\nosdimage- all is well" not in err


def test_a_name_that_is_not_utf_8_is_refused_by_name(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (Path(os.fsdecode(os.fsencode(source) + b"/caf\xe9.txt"))).write_bytes(b"1")
    outcome = osdimage("capture", source, tmp_path / "new.wim", code=3)
    (line,) = outcome.err.splitlines()
    assert "not valid UTF-8" in line
    assert "caf" in line
    assert not (tmp_path / "new.wim").exists()


def test_paths_of_this_machine_need_not_be_utf_8(small: Path, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wim"))
    outcome = osdimage("capture", small, path)
    assert r"caf\udce9.wim: image 1" in outcome.out
    assert osdimage("info", path, "--json").document["path"] == str(path)
    again = osdimage("capture", small, path, code=4)
    assert r"caf\udce9.wim" in again.err


def test_lone_surrogates_are_listed_applied_and_captured(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    # WTF-8: how libwim writes a name that NTFS allows and Unicode does not.
    raw = b"half \xed\xa0\xbd of a pair.txt"
    Path(os.fsdecode(os.fsencode(source) + b"/" + raw)).write_bytes(b"1")
    osdimage("capture", source, tmp_path / "x.wim")
    assert r"half \ud83d of a pair.txt" in osdimage("list", tmp_path / "x.wim").out
    assert osdimage("list", tmp_path / "x.wim", "--json").document["entries"][1]["name"] == "half \ud83d of a pair.txt"
    osdimage("apply", tmp_path / "x.wim", tmp_path / "target")
    assert [os.fsencode(item.name) for item in (tmp_path / "target").iterdir()] == [raw]


# ---- the locale


LOCALES = {
    "C, which Python turns into UTF-8": {"LC_ALL": "C"},
    "C, and Python must use ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "POSIX": {"LC_ALL": "POSIX"},
    "Latin-1 output": {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"},
}


@pytest.mark.parametrize("environment", LOCALES.values(), ids=LOCALES.keys())
def test_no_locale_stops_a_command(pair: Path, tree: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    def run(*arguments: str | Path, code: int = 0) -> str:
        done = subprocess.run(
            [*PROGRAM, *arguments], capture_output=True, env={**os.environ, **environment}, timeout=60, check=False
        )
        assert done.returncode == code, done.stderr.decode("utf-8", "replace")
        assert b"Traceback" not in done.stderr
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    assert "text.log" in run("list", pair, "--index", "1")
    entries = json.loads(run("list", pair, "--index", "1", "--json"))["entries"]
    assert {entry["path"] for entry in entries} == {"/", *trees.read_tree(tree)}
    run("apply", pair, tmp_path / "target", "--index", "1")
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(tree))
    # Where Python must take arguments for ASCII, they cannot say anything else.
    name = "plain" if environment.get("PYTHONUTF8") == "0" else "Grüße"
    run("capture", tree, tmp_path / "new.wim", "--name", name)
    assert "osdimage: " in run("extract", pair, "/日本", "--index", "1", "--to", tmp_path / "to", code=2)
    assert osdimage("info", tmp_path / "new.wim", "--json").document["images"][0]["name"] == name


# ---- errors


def test_an_error_says_a_thing_once(tmp_path: Path) -> None:
    # libwim: "The file did not begin with the magic characters that identify a WIM file", which says no more.
    other = tmp_path / "other.wim"
    other.write_bytes(bytes(4096))
    assert osdimage("info", other, code=3).err == f"osdimage: {other}: not a WIM (nor an ESD or SWM)\n"


def test_debug_shows_the_traceback_and_its_absence_hides_it(single: Path) -> None:
    assert "Traceback" in osdimage("apply", single, single, "--debug", code=4).err
    assert "Traceback" not in osdimage("apply", single, single, code=4).err


EMPTY_PATHS = {
    "source of a capture": ("capture", "", "{new}"),
    "destination of a capture": ("capture", "{tree}", ""),
    "target of an apply": ("apply", "{single}", ""),
    "WIM of an apply": ("apply", "", "{new}"),
    "target of an extract": ("extract", "{single}", "/", "--to", ""),
    "target of a comparison": ("compare", "{single}", ""),
    "destination of an export": ("export", "{single}", ""),
    "disk": ("disk", "show", ""),
    "hive": ("registry", "get", "", "x"),
}


@pytest.mark.parametrize("arguments", EMPTY_PATHS.values(), ids=EMPTY_PATHS.keys())
def test_an_empty_path_does_not_stand_for_the_working_directory(
    arguments: tuple[str, ...], places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    outcome = osdimage(*(word.format(**places) for word in arguments), code=2)
    (line,) = outcome.err.splitlines()
    assert "the path is empty" in line
    assert list(tmp_path.glob("here/*")) == []
    assert not places["new"].exists()


def test_no_command_and_unknown_commands() -> None:
    assert "Commands:" in osdimage("--help").out
    assert "frobnicate" in osdimage("frobnicate", code=2).err
    for command in ("capture", "apply", "export", "info", "list", "extract", "verify", "delete"):
        assert f"osdimage {command} " in osdimage(command, "--help").out


def test_a_reader_that_leaves_early_is_no_error_message(pair: Path) -> None:
    # list WIM | head -1
    with subprocess.Popen(
        [*PROGRAM, "list", str(pair), "--index", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(timeout=30)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 directories"), (1, "1 directory"), (2, "2 directories"), (2000, "2,000 directories")]
)
def test_a_number_and_its_noun_agree(number: int, said: str) -> None:
    assert counted(number, "directory", "directories") == said
    assert counted(number, "file") == said.replace("directories", "files").replace("directory", "file")


def redirected(shell: str, places: dict[str, Path]) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in which ``$0 -c "$1"`` is written as OSDIMAGE."""
    program, option, code = PROGRAM
    command = shell.format(**places).replace("OSDIMAGE", f'"$0" {option} "$1"')
    return subprocess.run(
        ["bash", "-c", command, program, code], capture_output=True, text=True, check=False, timeout=30
    )


FULL = {
    "a list": "OSDIMAGE list {single}",
    "a report": "OSDIMAGE doctor",
    "help of a command": "OSDIMAGE info --help",
    "help of a group": "OSDIMAGE disk --help",
    "a table": "OSDIMAGE run --actions",
    "a picture": "OSDIMAGE disk plan --preset uefi --size 64GB",
    "the result": "OSDIMAGE verify {single}",
    "an error for programs": "OSDIMAGE verify {single} --json",
    "a list as JSON": "OSDIMAGE list {single} --json",
    "facts": "OSDIMAGE info {single}",
    "XML": "OSDIMAGE info {single} --xml",
    "events": "OSDIMAGE verify {single} --events -",
    "version": "OSDIMAGE --version",
    "help": "OSDIMAGE --help",
}


@pytest.mark.parametrize("command", FULL.values(), ids=FULL.keys())
def test_an_output_that_takes_no_more_is_named(command: str, places: dict[str, Path]) -> None:
    done = redirected(command + " >/dev/full", places)
    assert (done.returncode, done.stderr) == (1, "osdimage: standard output: No space left on device\n")


@pytest.mark.parametrize("command", ["info {single}", "list {single} --json", "disk --help", "doctor"])
def test_a_reader_that_left_ends_a_command_as_the_signal_would(command: str, places: dict[str, Path]) -> None:
    done = redirected(f"(sleep 0.2; OSDIMAGE {command}) | true; echo ${{{{PIPESTATUS[0]}}}}", places)
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_help_for_a_reader_that_left_is_no_error_message(places: dict[str, Path]) -> None:
    done = redirected("(sleep 0.2; OSDIMAGE --help) | true; echo ${{PIPESTATUS[0]}}", places)
    # As of git and ls, which the signal ends.
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_events_that_cannot_be_written_stop_the_command_and_are_named(places: dict[str, Path]) -> None:
    done = redirected("OSDIMAGE capture {tree} {new} --events /dev/full", places)
    assert done.returncode == 1
    assert done.stderr == "osdimage: --events /dev/full: No space left on device; the command was stopped\n"
    assert not places["new"].exists()


def test_a_reader_of_events_that_left_is_told_of(places: dict[str, Path], tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    done = redirected(f"head -c 1 {fifo} >/dev/null & OSDIMAGE capture {{tree}} {{new}} --events {fifo}", places)
    assert done.returncode == 1
    assert done.stderr == f"osdimage: --events {fifo}: Broken pipe; the command was stopped\n"
    assert not places["new"].exists()


@pytest.mark.parametrize("name", ["copy", "linked", "document"])
def test_events_never_empty_what_holds_something_else(name: str, copy: Path, tmp_path: Path) -> None:
    before = copy.read_bytes()
    (tmp_path / "linked").symlink_to(copy)
    (tmp_path / "document").write_text('{"format": "osdimage"}', encoding="utf-8")
    file = copy if name == "copy" else tmp_path / name
    refused = osdimage("verify", copy, "--events", file, code=2)
    assert f"--events {file}: exists and holds something else than events; valid is a new file" in refused.err
    assert copy.read_bytes() == before
    assert (tmp_path / "document").stat().st_size > 0


def test_events_replace_those_of_another_command(single: Path, tmp_path: Path) -> None:
    file = tmp_path / "events"
    for _ in range(2):
        osdimage("verify", single, "--events", file)
        events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert [event["percent"] for event in events].count(100) == 1


@pytest.mark.parametrize("where", ["/dev/null", "/dev/stdout", "/dev/stdout | cat", "/dev/stdout >{new}"])
def test_events_go_to_what_cannot_be_emptied(where: str, places: dict[str, Path]) -> None:
    done = redirected(f"OSDIMAGE verify {{single}} -q --events {where}", places)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith('{"phase"') == (where in {"/dev/stdout", "/dev/stdout | cat"})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_while_an_error_is_told_ends_the_command_quietly(number: signal.Signals, tmp_path: Path) -> None:
    # Nobody reads its stderr, which is full: the command waits in its message.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    with subprocess.Popen([*PROGRAM, "verify", tmp_path / "missing.wim"], stderr=writer) as process:
        try:
            wait_until_it_writes(process.pid)
            process.send_signal(number)
            assert process.wait(timeout=10) == -number
        finally:
            process.kill()
    os.set_blocking(reader, False)
    told = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            told += os.read(reader, 1 << 16)
    os.close(reader)
    os.close(writer)
    assert set(told) == set(b"x")


def wait_until_it_writes(process: int) -> None:
    """Wait until a process sleeps in a write to a pipe."""
    deadline = time.monotonic() + 30
    while "pipe_w" not in Path(f"/proc/{process}/wchan").read_text(encoding="ascii"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.foreign
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_do_no_harm(closed: str, places: dict[str, Path]) -> None:
    done = redirected(f"OSDIMAGE capture {{tree}} {{new}} --exclude nothing --threads 1 {closed}", places)
    assert (done.returncode, done.stderr) == (0, "")
    judges.wimlib("verify", places["new"])
    # A question that nobody can answer.
    done = redirected(f"OSDIMAGE apply {{single}} {{new}} --wipe {closed}", places)
    assert done.returncode == 2
    assert done.stderr.count("\n") == (0 if "2>" in closed else 1)

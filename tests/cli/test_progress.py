"""What people see of work that goes on: a bar on a terminal, lines elsewhere; and how the result follows it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from osdimage.cli.progress import Lines
from osdimage.imaging.progress import Phase, ProgressEvent
from runs.commands import osdimage
from runs.terminal import PROGRAM, on_a_terminal

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def step(percent: float, eta_s: float | None = None) -> ProgressEvent:
    return ProgressEvent(Phase.WRITE_DATA, int(percent) << 20, 100 << 20, "bytes", percent, eta_s)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(clock: Clock) -> Lines:
    return Lines(clock)


def test_work_that_is_soon_done_has_no_lines(lines: Lines, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    for percent in range(0, 101, 10):
        lines.move(step(percent))
        clock.now += 0.9
    assert capsys.readouterr().err == ""


def test_long_work_has_a_line_for_each_tenth_and_none_more_often_than_every_ten_seconds(
    lines: Lines, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for second in range(400):
        lines.move(step(second / 4, 400 - second))
        clock.now += 1
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "2 %: Writing files (2.0 MB of 100 MB), 6:30 left"
    assert [line.partition(" %")[0] for line in told] == ["2", "12", "22", "32", "42", "52", "62", "72", "82", "92"]


def test_work_that_hardly_moves_still_has_a_line_a_minute(
    lines: Lines, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(300):
        lines.move(step(40, 3700))
        clock.now += 1
    assert capsys.readouterr().err.splitlines() == ["40 %: Writing files (40.0 MB of 100 MB), 1:01:40 left"] * 5


def test_the_bar_is_gone_before_the_result_comes(single: Path, tmp_path: Path) -> None:
    arguments = ["deploy", str(single), str(tmp_path / "d.img"), "--preset", "data-gpt", "--size", "100MB", "--no-boot"]
    code, _, shown = on_a_terminal(arguments, whole=True)
    assert code == 0
    # The line of the bar was emptied, and the result begins in it.
    before, _, after = shown.partition(str(tmp_path))
    assert ESCAPES.sub("", before.rpartition("\r")[2]) == ""
    assert "\r" in before
    assert "\N{BOX DRAWINGS LIGHT DOWN AND RIGHT}" in after
    assert "%" not in ESCAPES.sub("", after)


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_no_line_of_a_disk_is_wider_than_the_terminal(columns: int, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    osdimage("disk", "init", disk, "--preset", "uefi", "--size", "64GB", "-q")
    _, _, shown = on_a_terminal(["disk", "show", str(disk), "-v"], whole=True, COLUMNS=str(columns))
    lines = ESCAPES.sub("", shown).splitlines()
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= columns
    assert ("(not shown, for want of room: Sectors, Start" in shown) == (columns < 100)
    assert "required" in osdimage("disk", "show", disk).out


@pytest.mark.parametrize(("encoding", "corner"), [("utf-8", "┌"), ("cp437", "┌"), ("latin-1", "+"), ("ascii", "+")])
def test_boxes_are_drawn_wherever_the_encoding_has_them(encoding: str, corner: str) -> None:
    words = [*PROGRAM, "disk", "plan", "--preset", "uefi", "--size", "64GB"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(words, capture_output=True, check=True, env=environment)
    assert done.stdout.decode(encoding).splitlines()[1][0] == corner

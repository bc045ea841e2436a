"""``osdimage facts``: what it prints is what ``run --facts`` reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from osdimage.imaging.tasksequence.facts.given import given_facts
from runs.commands import osdimage


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_is_printed_is_a_file_of_facts(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "facts.json"
    path.write_text(osdimage("facts", "hyper-v", *options).out, encoding="utf-8")
    assert given_facts([str(path)]) == given_facts(["hyper-v"])
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == "osdimage-facts"


def test_without_a_source_it_is_this_computer() -> None:
    assert osdimage("facts").out == osdimage("facts", "host").out


def test_windows_gets_one_line_for_powershell() -> None:
    line = osdimage("facts", "--for-windows").out
    assert line.count("\n") == 1
    assert "format='osdimage-facts';version=1" in line
    assert "no SOURCE" in osdimage("facts", "--for-windows", "qemu", code=2).err


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [(None, 2, "there is no 'x.txt' to read facts"), ("hello", 3, "holds no facts of a computer; valid are JSON")],
)
def test_what_is_no_source_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("x.txt").write_text(text)
    assert said in osdimage("facts", "x.txt", code=code).err

"""The log in the form of smsts.log.

The pattern is that of the viewers: the one that CMTrace-compatible readers use, with the bias as Windows counts it
(in lines of real logs ``-060`` stands in Central Europe and ``+300`` on the east coast of the USA).
"""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import StorageError
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.log import SequenceLog, cmtrace_line
from osdimage.imaging.tasksequence.result import LogType

VIEWER = re.compile(
    r'<!\[LOG\[(?P<text>.*?)\]LOG\]!><time="(?P<time>\d\d:\d\d:\d\d\.\d{3})(?P<bias>[+-]\d{1,3})" '
    r'date="(?P<date>\d\d-\d\d-\d{4})" component="(?P<component>[^"]*)" context="" type="(?P<type>[123])" '
    r'thread="(?P<thread>\d+)" file="(?P<file>[^"]*)">',
    re.DOTALL,
)
WHEN = datetime(2007, 7, 17, 18, 21, 22, 609_999, tzinfo=UTC)


def line(text: str, when: datetime = WHEN) -> str:
    return cmtrace_line(text, when=when, component="TSManager", kind=LogType.INFO, thread=1234)


def test_a_line_is_as_configmgr_writes_it() -> None:
    assert line("Start executing an instruction.", WHEN.astimezone(timezone(timedelta(hours=-5)))) == (
        '<![LOG[Start executing an instruction.]LOG]!><time="13:21:22.609+300" date="07-17-2007" '
        'component="TSManager" context="" type="1" thread="1234" file="">'
    )


@pytest.mark.parametrize(
    ("hours", "bias"), [(0.0, "+000"), (1.0, "-060"), (2.0, "-120"), (-5.0, "+300"), (5.75, "-345"), (-9.5, "+570")]
)
def test_the_bias_is_what_is_added_to_get_utc(hours: float, bias: str) -> None:
    found = VIEWER.fullmatch(line("x", WHEN.astimezone(timezone(timedelta(hours=hours)))))
    assert found is not None
    assert found["bias"] == bias
    local = datetime.strptime(f"{found['date']} {found['time']}", "%m-%d-%Y %H:%M:%S.%f").replace(tzinfo=UTC)
    assert local + timedelta(minutes=int(bias)) == WHEN.replace(microsecond=609_000)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\r\nlines", "two lines"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ('end]LOG]!><time="x', 'end]LOG]! ><time="x'),
        ("<![LOG[begin", "<![LOG[begin"),
        ("Größe 日本", "Größe 日本"),
    ],
)
def test_no_text_can_end_a_line_early(text: str, shown: str) -> None:
    found = VIEWER.fullmatch(line(text))
    assert found is not None
    assert found["text"] == shown


@given(st.text())
def test_any_text_makes_exactly_one_line(text: str) -> None:
    written = line(text)
    assert len(written.splitlines()) == 1
    assert len(VIEWER.findall(written)) == 1
    assert VIEWER.fullmatch(written)


def test_the_file_is_continued_masked_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "smsts.log"
    env = Environment(computer={"OSDJoinPassword": "swordfish"})
    for text in ("first swordfish", "second \ud800"):
        with SequenceLog(path, mask=env.mask, clock=lambda: WHEN) as log:
            log.write(text, component='Apply "OS"', kind=LogType.ERROR)
    lines = path.read_bytes().split(b"\r\n")
    assert lines[2:] == [b""]
    found = [VIEWER.fullmatch(each.decode()) for each in lines[:2]]
    assert [each and (each["text"], each["type"], each["component"]) for each in found] == [
        ("first ***", "3", "Apply OS"),
        ("second \\ud800", "3", "Apply OS"),
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Is a directory"):
        SequenceLog(tmp_path)
    with SequenceLog(Path("/dev/full")) as log, pytest.raises(StorageError, match="No space left"):
        log.write("x")

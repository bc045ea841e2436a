"""What became of a first start, read from what a computer left: whole, torn, or made by somebody else."""

from __future__ import annotations

import pytest
from cases.offline_windows import HeldFiles
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging import InvalidRequest, OsdImageError
from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.firststart import FirstStep, StepEnd, read_results
from osdimage.imaging.firststart.folder import first_start_files
from osdimage.imaging.firststart.results import read_variables

FOLDER = "ProgramData/osdimage/FirstStart"
STEPS = [FirstStep(f"step {number}", ("@rem",), on_failure=3 if number == 2 else None) for number in range(1, 5)]


def left(**more: bytes) -> HeldFiles:
    """Return a volume with the first start of the tests, and what ``run.cmd`` wrote; ``__`` stands for a dot."""
    made = {path.replace("\\", "/"): data for path, data in first_start_files(STEPS, "cp437").items()}
    made |= {name.replace("__", "."): data for name, data in more.items()}
    return HeldFiles({f"{FOLDER}/{path}": data for path, data in made.items()})


def test_each_step_of_the_plan_is_told_with_how_it_ended() -> None:
    results = b"1 done 0\r\n2 failed -2147024891\r\n3 interrupted 0\r\n"
    found = read_results(left(results__txt=results, starts__txt=b"2 \r\n", failed=b"3 0\r\n"))
    assert [(each.number, each.name, each.end, each.code) for each in found.steps] == [
        (1, "step 1", StepEnd.DONE, 0),
        (2, "step 2", StepEnd.FAILED, -2147024891),
        (3, "step 3", StepEnd.INTERRUPTED, None),
        (4, "step 4", StepEnd.NOT_REACHED, None),
    ]
    assert [each.may_fail for each in found.steps] == [False, True, False, False]
    assert (found.starts, found.is_done, found.has_failed) == (2, False, True)


def test_one_that_was_never_started_has_reached_no_step() -> None:
    found = read_results(left())
    assert {each.end for each in found.steps} == {StepEnd.NOT_REACHED}
    assert (found.starts, found.is_done, found.has_failed) == (0, False, False)


def test_the_last_end_of_a_step_counts_and_torn_lines_do_not() -> None:
    results = b"1 interrupted 0\r\n1 done 0\r\n2 do\r\n\0\0\0\0\r\n99999 done 0\r\n0 done 0\r\n3 done 9 9\r\n4 done"
    found = read_results(left(results__txt=results, done=b""))
    assert [each.end for each in found.steps] == [StepEnd.DONE, *[StepEnd.NOT_REACHED] * 3]
    assert found.is_done


# In code page 437 0x94 is an o with two dots (Microsoft, "cp437 to Unicode table").
def test_of_variables_the_last_line_counts_and_what_is_no_line_does_not() -> None:
    lines = b'A=1\r\nB=\x94=x\r\na=2\r\nno name=1\r\nC=1\r\nC=\r\n=\r\nD\r\nE="\r\nF=tor'
    assert read_variables(left(vars__txt=lines)) == {"a": "2", "B": "ö=x", "C": "", "D": "", "F": "tor"}
    assert read_variables(left()) == {}


def test_a_volume_without_one_is_told() -> None:
    with pytest.raises(InvalidRequest, match="there is no first start on it"):
        read_results(HeldFiles({"x": b""}))


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        pytest.param(b"{", "is damaged", id="no JSON"),
        pytest.param(b"\xff", "is damaged", id="no UTF-8"),
        pytest.param(b"{}", "is not the plan of a first start", id="another document"),
        pytest.param(b'{"format": "osdimage-first-start", "version": 2}', "version", id="another version"),
        pytest.param(b'{"format": "osdimage-first-start", "version": 1}', "is damaged", id="no steps"),
        pytest.param(
            b'{"format": "osdimage-first-start", "version": 1, "steps": [{"name": 1}]}', "is damaged", id="step"
        ),
    ],
)
def test_a_plan_that_is_none_is_refused(plan: bytes, reason: str) -> None:
    with pytest.raises(InvalidDocument, match=reason):
        read_results(left(plan__json=plan))


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_whatever_is_there_is_no_traceback(results: bytes, starts: bytes) -> None:
    assert len(read_results(left(results__txt=results, starts__txt=starts)).steps) == len(STEPS)


@given(st.binary(max_size=300))
def test_whatever_the_plan_holds_is_no_traceback(plan: bytes) -> None:
    with pytest.raises(OsdImageError):
        read_results(left(plan__json=plan))

"""Task sequences in XML and YAML, their conditions, and the list of operating systems of a deployment share."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from osdimage.imaging.element import read_element, write_element
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine, Place
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.conditions import evaluate, read_condition, write_condition
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.answers import GRAMMAR as ANSWERS
from osdimage.imaging.tasksequence.forms.answers import Answers, read_answers
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.forms.xml import read_sequence, write_sequence
from osdimage.imaging.tasksequence.forms.yaml import GRAMMAR, read_yaml
from osdimage.imaging.tasksequence.mdt.operating_systems import find_system
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.sequence import Sequence
from osdimage.imaging.tasksequence.winpe.recognized import recognize

from fuzz.target import Target

_FIXTURES = Path(__file__).parents[3] / "fixtures" / "tasksequence"
_STEPS = sequence("S", *(step(f"step {number}", "Own") for number in range(1, 20)))
_GUID = "{6e7b1b6e-1b6e-4d3b-8f5e-000000000001}"


def _use(sequence: Sequence) -> None:
    written = write_sequence(sequence)
    again = read_sequence(written, source="y")
    assert write_sequence(again) == written
    assert [place for place, _ in again.walk()] == [place for place, _ in sequence.walk()]
    env = Environment(sequence=sequence.variables)
    env.expand(sequence.description)
    plan_sequence(sequence, env, Machine())


def _xml(data: bytes) -> None:
    _use(read_sequence(data, source="x"))


def _yaml(data: bytes) -> None:
    _use(read_yaml(data, source="x"))


def _condition(data: bytes) -> None:
    condition = read_condition((read_element(data, source="x"),))
    env = Environment(computer={"Model": "x", "Number": "10", "Version": "10.0.1"})
    verdict = evaluate(condition, env)
    repr((verdict, condition.describe()))
    element = write_condition(condition)
    assert read_condition((element,)) == read_condition((read_element(write_element(element), source="y"),))


def _systems(data: bytes) -> None:
    share = _share()
    (share / "Control" / "OperatingSystems.xml").write_bytes(data)
    find_system(Machine(shares={"Z": share}), _GUID)


def _command_line(data: bytes) -> None:
    machine = Machine(shares={"\\\\srv\\share": _share()}, letters={"C": Place(0, 1), "S": Place(0, 2)})
    line = recognize(data.decode("utf-8", "replace"), machine, _share())
    repr(line.needless(machine))
    line.foretell(machine)


@cache
def _share() -> Path:
    folder = tempfile.mkdtemp(prefix="osdimage-fuzz-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (Path(folder) / "Control").mkdir()
    (Path(folder) / "a.wim").touch()
    return Path(folder)


def _xml_seeds() -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted(_FIXTURES.glob("*.xml")))


_YAML = GRAMMAR.partition("\nA condition")[0].encode()
_EXPRESSION = (
    b'<expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Operator">%s</variable>'
    b'<variable name="Value">%%Number%%</variable><variable name="Variable">Version</variable></expression>'
)
_CONDITION = b'<condition><operator type="or">%s%s</operator></condition>'
_LIST = (
    f'<oss><os guid="{_GUID}" enable="True"><Name>W</Name><ImageFile>.\\A.wim</ImageFile><ImageIndex>1</ImageIndex>'
    "</os></oss>"
).encode()


_PATHS = re.compile(r"^(?:deployment-share|rules|updates):.*\n", re.MULTILINE)
_ANSWERS = _PATHS.sub("", ANSWERS.partition("\nAll may")[0]).encode()


def _answers(data: bytes) -> None:
    given = read_answers(data, source="x", folder=_share())
    with suppress(InvalidRequest):
        given.over(Supplies(), _STEPS)
    assert Answers().and_also(given) == given


_LINES = (
    rb"cmd /c mkdir X:\a & rd/s/q C:\b >nul 2>&1 || exit 3",
    rb'xcopy "\\srv\share\Control" C:\t\ /s /e /i /y',
    rb"robocopy Control C:\t *.xml /mir /xd x /copy:DAT",
    rb"reg add HKLM\OFF\Key /v Name /t REG_MULTI_SZ /s ; /d a;b /f",
    rb"dism /Image:C:\ /Add-Driver /Driver:\\srv\share /Recurse",
    rb"dism /Apply-Image /ImageFile:a.wim /Index:1 /ApplyDir:C:",
    rb"bcdboot C:\Windows /s S: /f ALL /l en-us",
)

TARGETS = (
    Target("command-line", _command_line, lambda: _LINES, (InvalidRequest,), largest=512),
    Target("sequence-xml", _xml, _xml_seeds, (InvalidInput, InvalidRequest), largest=12 << 10),
    Target("sequence-yaml", _yaml, lambda: (_YAML,), (InvalidInput, InvalidRequest), largest=4096),
    Target(
        "condition",
        _condition,
        lambda: (_CONDITION % (_EXPRESSION % b"equals", _EXPRESSION % b"greater"),),
        (InvalidInput, InvalidRequest),
        largest=4096,
    ),
    Target(
        "run-answers",
        _answers,
        lambda: (_ANSWERS,),
        (InvalidInput, InvalidRequest),
        largest=2048,
    ),
    Target("operating-systems", _systems, lambda: (_LIST,), (InvalidInput, InvalidRequest), largest=2048),
)

"""Actions that only note that they ran, for tests of what the runner and its plan make of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from osdimage.imaging.errors import ActionFailed
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, Volume
from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.judging.kinds import ActionTable, action_table
from osdimage.imaging.tasksequence.judging.leave_out import LeaveOut
from osdimage.imaging.tasksequence.report import RunReport, StepState
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, StepClass
from osdimage.imaging.tasksequence.runner import run_sequence
from osdimage.imaging.tasksequence.sequence import Sequence
from osdimage.imaging.tasksequence.winpe import run_command_line

S, F, T, K, N, L = (
    StepState.SUCCEEDED, StepState.FAILED, StepState.TOLERATED, StepState.SKIPPED, StepState.NOT_RUN,
    StepState.LEFT_OUT,
)  # fmt: skip
EVERYTHING = LeaveOut(frozenset(StepClass))
"""Leaves out what cannot be run."""


Body = Callable[[Environment, Machine, Events], ActionResult]


class Formatted(Machine):
    """A machine with one formatted volume."""

    def volumes(self) -> Iterator[Volume]:
        yield Volume(Place(0, 1), 1, "ntfs", "C", is_efi=False, is_hidden=False, is_active=True, size=1 << 30)


class Bench:
    """Actions that note that they ran; steps of type Work fail when the variable Fail names them."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.bodies: dict[str, Body] = {}

    def work(self, env: Environment, machine: Machine, events: Events) -> ActionResult:
        name = env["_SMSTSCurrentActionName"]
        self.ran.append(name)
        if name in self.bodies:
            return self.bodies[name](env, machine, events)
        if name in (env.get("Fail") or "").split():
            raise ActionFailed(HResult.DISK_FULL, f"{name} has failed")
        return ActionResult(HResult.S_OK, f"{name} is done")

    @property
    def actions(self) -> ActionTable:
        work = ActionInfo("SMS_TaskSequence_WorkAction", "Work", self.work, other_types=("BDD_Work",))
        return action_table((work, run_command_line.INFO, *ELSEWHERE))

    def run(self, wanted: Sequence, env: Environment | None = None, **options: object) -> RunReport:
        machine = options.pop("machine", None) or Formatted()
        return run_sequence(wanted, env if env is not None else Environment(), machine, self.actions, **options)  # type: ignore[arg-type] # passed through


def states(report: RunReport) -> list[StepState]:
    return [each.state for each in report.steps]


# The example of the documentation: "Continue on error" is selected for group 1 and for step 1.
EXAMPLE = sequence(
    "Example",
    group(
        "Task Sequence Group 1",
        step("1", "Work", continue_on_error=True),
        step("2", "Work"),
        step("3", "Work"),
        continue_on_error=True,
    ),
    group("Task Sequence Group 2", step("4", "Work"), step("5", "Work"), step("6", "Work")),
)


def foreseeing(forecast: Callable[[Environment, Machine], Forecast]) -> ActionTable:
    def never(*_: object) -> ActionResult:
        raise AssertionError("planning runs nothing")

    info = ActionInfo(
        "SMS_TaskSequence_WorkAction", "Work", never, forecast=forecast, package_properties=("ImagePackageID",)
    )
    return action_table([info])

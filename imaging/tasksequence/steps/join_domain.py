"""Join Domain or Workgroup.

In ConfigMgr the step runs in the new Windows.  Here it writes the answer file of the Windows that was applied, so that
Setup joins the domain or the workgroup when it starts; ``OSDJoinSkipReboot`` has then no effect, since Setup restarts
anyway.  Behind steps that wait for the first start of that Windows it waits with them.
"""

from __future__ import annotations

from collections.abc import Callable

from osdimage.imaging.answers.settings import Membership
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional, required
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, RunIn, VariableInfo
from osdimage.imaging.tasksequence.staging.joining import join_command
from osdimage.imaging.tasksequence.staging.staged import StagedCommand
from osdimage.imaging.tasksequence.steps.answer_files import AnswerFile, change_answer_file, rehearse_change
from osdimage.imaging.tasksequence.steps.membership import Names, described, read_membership

VARIABLES: tuple[VariableInfo, ...] = (
    required("OSDJoinType", "0 for a domain, 1 for a workgroup", choices=("0", "1")),
    optional("OSDJoinDomainName", "the domain; needed when OSDJoinType is 0", max_length=255),
    optional("OSDJoinDomainOUName", "the full path of the unit, such as LDAP://OU=A,DC=B", max_length=32767),
    optional("OSDJoinAccount", "who may join the domain; needed when OSDJoinType is 0", source="CM07, CB"),
    optional("OSDJoinPassword", "of the account; needed when OSDJoinType is 0"),
    optional("OSDJoinWorkgroupName", "the workgroup; needed when OSDJoinType is 1", max_length=32),
    boolean("OSDJoinSkipReboot", "no restart behind it; no effect where Setup joins, which restarts by itself"),
)
_NAMES = Names("OSDJoinType", "OSDJoinDomainName", "OSDJoinDomainOUName", "OSDJoinWorkgroupName", needs_password=True)


@action(VARIABLES)
def join_domain_or_workgroup(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Write into the answer file which domain or workgroup Setup joins.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong or no Windows was applied, or another code when the volume
            cannot be read or written.
    """
    membership = _membership(env)
    path, unplaced = change_answer_file(env, machine, events, _setter(membership))
    return ActionResult(HResult.S_OK, f"{described(membership)}: wrote to {path}", warnings=unplaced)


@forecast
def forecast_join_domain_or_workgroup(env: Environment, machine: Machine) -> Forecast:
    """Tell whether the membership can be written."""
    membership = _membership(env)
    rehearse_change(machine, _setter(membership))
    return Forecast(f"write {described(membership)} to the answer file")


def stage_join(env: Environment, machine: Machine) -> StagedCommand:
    """Return what joins the domain or the workgroup at the first start, behind the steps before it.

    Raises:
        InvalidRequest: when a variable is wrong, or the new Windows has no PowerShell.
        OsdImageError: when its image or its volume cannot be read.
    """
    membership = _membership(env)
    inputs = Inputs(env, VARIABLES)
    restarts = not inputs.boolean("OSDJoinSkipReboot")
    return join_command(env, machine, membership, does=f"join {described(membership)}", restarts=restarts)


def _setter(membership: Membership) -> Callable[[AnswerFile], list[str]]:
    def change(answers: AnswerFile) -> list[str]:
        answers.set_membership(membership)
        return []

    return change


def _membership(env: Environment) -> Membership:
    inputs = Inputs(env, VARIABLES)
    inputs.boolean("OSDJoinSkipReboot")
    membership = read_membership(inputs, _NAMES)
    inputs.finish()
    return membership or Membership()


INFO = ActionInfo(
    type_name="SMS_TaskSequence_JoinDomainWorkgroupAction",
    title="Join Domain or Workgroup",
    run=join_domain_or_workgroup,
    forecast=forecast_join_domain_or_workgroup,
    variables=VARIABLES,
    runs_in=RunIn.BOTH,
    phases=frozenset({Phase.PE, Phase.NEW}),
    keeps_order=True,
    stage=stage_join,
)

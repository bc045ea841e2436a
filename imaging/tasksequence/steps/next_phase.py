"""Next Phase: the phase of a deployment becomes the one after it, as MDT's ZTINextPhase sets it.

The groups of MDT's templates ask for the phase: without this step all but the first would be passed over.
"""

from __future__ import annotations

from osdimage.imaging.errors import ActionFailed
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import optional
from osdimage.imaging.tasksequence.judging.facts import PHASES
from osdimage.imaging.tasksequence.phases import EVERYWHERE
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, VariableInfo

VARIABLES: tuple[VariableInfo, ...] = (
    optional("PHASE", f"the phase that ends; one of {', '.join(PHASES)}", default=PHASES[0], source="MDT"),
)


@action(VARIABLES)
def next_phase(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Set ``PHASE`` to the next phase.

    Raises:
        ActionFailed: E_INVALIDARG when it is none of MDT's phases, or the last one.
    """
    del machine, events
    return ActionResult(HResult.S_OK, _advance(env), outputs=("PHASE",))


@forecast
def forecast_next_phase(env: Environment, machine: Machine) -> Forecast:
    """Set it in the copy of the environment that forecasts are made with."""
    del machine
    return Forecast(_advance(env))


def _advance(env: Environment) -> str:
    phase = (env.text("PHASE") or PHASES[0]).upper()
    if phase not in PHASES[:-1]:
        raise ActionFailed(HResult.E_INVALIDARG, f"PHASE={phase}: no phase follows; valid: {', '.join(PHASES[:-1])}")
    env["PHASE"] = PHASES[PHASES.index(phase) + 1]
    return f"phase {env['PHASE']} follows {phase}"


INFO = ActionInfo(
    type_name="ZTINextPhase",
    title="Next Phase",
    run=next_phase,
    forecast=forecast_next_phase,
    other_types=("PSDNextPhase",),
    variables=VARIABLES,
    phases=EVERYWHERE,
)

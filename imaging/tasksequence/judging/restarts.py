"""Where a restart takes a sequence, and what is so in the system that runs then."""

from __future__ import annotations

from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.judging.facts import PHASES
from osdimage.imaging.tasksequence.phases import Phase, RestartTarget


def after_restart(machine: Machine, env: Environment, target: RestartTarget) -> Phase:
    """Return in which system the sequence is after a restart."""
    has_windows = machine.system is not None
    if machine.phase is Phase.PE and has_windows and means_new_windows(env) and not machine.has_started:
        return Phase.NEW
    if target is RestartTarget.WINPE:
        return Phase.PE
    if machine.phase is Phase.PE and has_windows:
        return Phase.NEW if machine.is_set_up else Phase.LOST
    return machine.phase


def means_new_windows(env: Environment) -> bool:
    """Tell whether MDT means the Windows that it has installed where a restart goes into Windows PE.

    It writes that for every restart; behind its phase POSTINSTALL the computer starts from its disk.
    """
    return (env.get("PHASE") or "").upper() == PHASES[-1]


def enter(machine: Machine, env: Environment, phase: Phase) -> None:
    """Go on in a system, and tell the steps that follow whether it is Windows PE."""
    machine.phase = phase
    env.set_read_only("_SMSTSInWinPE", str(phase is Phase.PE).lower())

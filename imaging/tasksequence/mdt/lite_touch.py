"""What MDT's Lite Touch does before the first step of a sequence: it gathers, and its rules count.

The steps Gather of its templates gather facts alone, since the rules have counted by then.  Nobody is asked anything
here: what its wizard would ask is left as the rules have it.

Source: that ZTIGather processes ``CustomSettings.ini`` before the wizard and the sequence, "MDT Deployment Process" of
the help of MDT 2012; "Gather" of its task sequence steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment, set_all
from osdimage.imaging.tasksequence.judging.facts import NEW_COMPUTER, PHASES, REFRESH, set_missing
from osdimage.imaging.tasksequence.judging.kinds import is_lite_touch, is_of_mdt
from osdimage.imaging.tasksequence.mdt import local
from osdimage.imaging.tasksequence.mdt.ini import read_ini
from osdimage.imaging.tasksequence.mdt.rules import Outcome, work_out
from osdimage.imaging.tasksequence.mdt.share import enter_share, share_of
from osdimage.imaging.tasksequence.phases import Phase

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.sequence import Sequence

_DEFAULT = "CustomSettings.ini"


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that were worked out.

    Attributes:
        path: their file.
        outcome: what they come to.
    """

    path: Path
    outcome: Outcome


def begin_gathered(env: Environment, machine: Machine, sequence: Sequence) -> None:
    """Set what is known before the first step, and in a sequence of MDT what it gathers; what was set before stays.

    Raises:
        InvalidRequest: when the deployment share is no folder, or its rules ask what cannot be answered here.
        InvalidInput, StorageError: when the share, the rules, or what tells the facts, cannot be read.
    """
    set_missing(env, local.running(machine))
    if is_of_mdt(sequence):
        # What Lite Touch takes a computer for where Windows PE was started from elsewhere, and where Windows starts it.
        kind = REFRESH if machine.phase is Phase.OLD else NEW_COMPUTER
        started = {"PHASE": PHASES[0], "DEPLOYMENTTYPE": kind}
        set_missing(env, started | local.hardware(machine))
    enter_share(env, machine)
    path = rules_file(machine, "") if is_lite_touch(sequence) else None
    if path is not None:
        follow(env, machine, work_out_rules(env, path))


def rules_file(machine: Machine, name: str) -> Path | None:
    """Return the file of rules that a step means; None when it is not there.

    Args:
        machine: whose caller may have given one in place of ``CustomSettings.ini``.
        name: as the step has it; empty for that.
    """
    plain = name.strip().replace("/", "\\").rpartition("\\")[2] or _DEFAULT
    if machine.supplies.rules is not None and plain.lower() == _DEFAULT.lower():
        return machine.supplies.rules
    share = share_of(machine)
    found = None if share is None else share.find(f"Control\\{plain}")
    return found if found is not None and found.is_file() else None


def needed_rules(machine: Machine, name: str) -> Path:
    """Return the file of rules that a step means.

    Raises:
        InvalidRequest: when it is not there.
    """
    found = rules_file(machine, name)
    if found is not None:
        return found
    share = machine.supplies.deployment_share
    missing = "none was given" if share is None else f"not in {share}"
    raise InvalidRequest(
        f"the file of rules {quoted(name or _DEFAULT)} is in a deployment share, and {missing}",
        remedy=Remedy("give {} or {}", (Means.DEPLOYMENT_SHARE, Means.RULES)),
    )


def work_out_rules(env: Environment, path: Path) -> Rules:
    """Find out what a file of rules sets; nothing is changed.

    Raises:
        InvalidRequest, InvalidInput: as :func:`~osdimage.imaging.tasksequence.mdt.rules.work_out`.
        StorageError: when it cannot be read.
    """
    return Rules(path, work_out(read_ini(path), env))


def follow(env: Environment, machine: Machine, rules: Rules) -> tuple[str, ...]:
    """Set what rules come to; return the names of the variables.

    Raises:
        InvalidRequest: when a value is none that a variable can have.
    """
    set_all(env, rules.outcome.variables)
    # They may call the share by another address.
    enter_share(env, machine)
    return tuple(rules.outcome.variables)

"""The variables that the engine sets, and the requests that a step makes by variables.

Source: "Task Sequence Built-in Variables" of Operating System Deployment in Configuration Manager 2007.  Left unset, as
there, are those that need a site, a client or an advertisement.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.disk.layouts.variables import MAX_VALUE
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.layers import Origin
from osdimage.imaging.tasksequence.phases import Phase, RestartTarget
from osdimage.imaging.tasksequence.sequence import Sequence

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.computer.machine import Machine

_LONGEST_NAME = MAX_VALUE // 2
"""A name may be longer than a value; each of its characters may count twice."""

_OSD_SEQUENCE = "2"
"""``_SMSTSType`` of a sequence that deploys an operating system."""


def begin(env: Environment, machine: Machine, sequence: Sequence, log_folder: Path | None) -> None:
    """Set what is known before the first step; what was set before, such as a media type, stays.

    Raises:
        InvalidRequest: when the deployment share is no folder, or rules ask what cannot be answered here.
        InvalidInput, StorageError: when the share, rules, or what tells facts of the computer, cannot be read.
    """
    from osdimage.imaging.tasksequence.computer.machine import Firmware  # noqa: PLC0415 - keeps this module light
    from osdimage.imaging.tasksequence.mdt.lite_touch import begin_gathered  # noqa: PLC0415

    facts = {
        "_SMSTSInWinPE": str(machine.phase is Phase.PE).lower(),
        "_SMSTSType": _OSD_SEQUENCE,
        "_SMSTSMediaType": "FullMedia" if env.is_from_media else "BootMedia",
        "_SMSTSBootUEFI": "true" if machine.firmware is Firmware.UEFI else "false",
        "_SMSTSPackageName": sequence.name[:_LONGEST_NAME],
        "_SMSTSPackageID": sequence.package_id or "",
        "_SMSTSLogPath": "" if log_folder is None else str(log_folder),
    }
    if env.is_from_media:
        facts["_SMSTSLaunchMode"] = "CD"
    for name, value in facts.items():
        if value and name not in env:
            env.set_read_only(name, value)
    begin_gathered(env, machine, sequence)


def before_step(env: Environment, name: str) -> None:
    """Tell the name of the step that is about to run."""
    env.set_read_only("_SMSTSCurrentActionName", name[:_LONGEST_NAME])


def after_action(env: Environment, code: int, *, succeeded: bool) -> None:
    """Tell how the last action ended; for a step that is skipped this is not called, and the old values stay."""
    signed = (code & 0xFFFFFFFF) - (1 << 32 if code & 0x80000000 else 0)
    env.set_read_only("_SMSTSLastActionRetCode", str(signed))
    env.set_read_only("_SMSTSLastActionSucceeded", "true" if succeeded else "false")


@dataclass(frozen=True, slots=True)
class RestartWish:
    """What a step asked for.

    Attributes:
        target: into what to restart, or None.
        again: whether the step is to be run again after it.
        ignored: a sentence about a request that cannot be met, or None.
    """

    target: RestartTarget | None
    again: bool = False
    ignored: str | None = None


def take_restart(env: Environment, asked: RestartTarget | None) -> RestartWish:
    """Read ``SMSTSRebootRequested`` and ``SMSTSRetryRequested``, and delete them.

    Args:
        env: the variables.
        asked: the restart that the action's result asks for.
    """
    reboot = (env.get("SMSTSRebootRequested") or "").lower()
    retry = (env.get("SMSTSRetryRequested") or "").lower() == "true"
    for name in ("SMSTSRebootRequested", "SMSTSRetryRequested"):
        if env.origin(name) is not None and env.origin(name) is not Origin.STEP:
            env[name] = ""
    # Later versions of ConfigMgr say here into what to restart.
    targets = {
        "true": RestartTarget.WINPE,
        RestartTarget.WINPE.value.lower(): RestartTarget.WINPE,
        RestartTarget.HARD_DISK.value.lower(): RestartTarget.HARD_DISK,
    }
    target = asked or targets.get(reboot)
    if retry and target is None:
        return RestartWish(None, ignored="SMSTSRetryRequested is set without SMSTSRebootRequested, and has no effect")
    return RestartWish(target, again=retry)

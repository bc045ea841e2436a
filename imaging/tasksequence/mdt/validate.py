"""Validate (ZTIValidate): whether the computer is one that the sequence may deploy to.

Memory and the speed of the processor are facts of the computer; the image must fit the disk.  Which Windows runs counts
only where it is refreshed.

Source: "Validate" of the task sequence steps of MDT; PSDValidate.ps1 of FriendsOfMDT/PSD (e2bde47) for ``VerifyOS`` and
``OSInstall``.
"""

from __future__ import annotations

from osdimage.imaging.errors import ActionFailed, InvalidRequest, InvalidTable, Means, Remedy
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, optional
from osdimage.imaging.tasksequence.phases import EVERYWHERE
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, Refusal, VariableInfo
from osdimage.imaging.units import MIB

_MOST = 0x7FFFFFFF
_LEAST = (("ImageMemory", "Memory", "MB"), ("ImageProcessorSpeed", "ProcessorSpeed", "MHz"))
"""The variable with the least value, the fact that is compared with it, and its unit."""

VARIABLES: tuple[VariableInfo, ...] = (
    optional("ImageMemory", "the least memory in MB, or 0", numbers=(0, _MOST), source="MDT"),
    optional(
        "ImageProcessorSpeed",
        "the least speed of the processor in MHz; 0 is not checked",
        numbers=(0, _MOST),
        source="MDT",
    ),
    optional(
        "ImageSize", "what the disk must have room for, in MB; 0 is not checked", numbers=(0, _MOST), source="MDT"
    ),
    optional(
        "VerifyOS",
        "CLIENT or SERVER: the kind of Windows that may be refreshed",
        choices=("CLIENT", "SERVER", "UNKNOWN", "FALSE"),
        source="MDT",
    ),
    optional("OSInstall", "whether the computer may be deployed to: Y, YES or not set", source="MDT"),
    optional("DestinationDisk", "the number of the disk", default="0", numbers=(0, 99), source="MDT"),
)


@action(VARIABLES)
def validate_computer(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Find out whether the computer has what the step asks for.

    Raises:
        ActionFailed: E_FAIL when it has not, E_INVALIDARG when a variable is wrong.
    """
    del events
    checked, failed = _check(env, machine)
    if failed:
        raise ActionFailed(HResult.E_FAIL, "; ".join(failed))
    return ActionResult(HResult.S_OK, f"the computer is valid: {', '.join(checked) or 'nothing was asked'}")


@forecast
def forecast_validate(env: Environment, machine: Machine) -> Forecast:
    """Tell whether the computer has what the step asks for."""
    checked, failed = _check(env, machine)
    return Forecast(f"check the computer: {', '.join(checked) or 'nothing is asked'}", problems=tuple(failed))


def _check(env: Environment, machine: Machine) -> tuple[list[str], list[str]]:
    """Return what was found right, and what was not."""
    inputs = Inputs(env, VARIABLES)
    least = {name: inputs.number(name) or 0 for name, _, _ in _LEAST}
    size, verify, disk = inputs.number("ImageSize") or 0, inputs.text("VerifyOS"), inputs.number("DestinationDisk") or 0
    inputs.finish()
    right, wrong = [], []
    for name, fact, unit in _LEAST:
        if least[name]:
            found, text = _number(env, fact), f"{fact} is {env.text(fact)} {unit}"
            if found >= least[name]:
                right.append(text)
            else:
                wrong.append(f"{text}; {name} is {least[name]}")
    allowed = (env.text("OSInstall") or "").upper()
    if allowed not in {"", "Y", "YES"}:
        wrong.append(f"OSInstall={allowed}: the computer is not to be deployed to; valid is Y, YES, or not set")
    if size:
        there = _disk_mb(machine, disk)
        if there is None or there < size:
            wrong.append(f"disk {disk} has {there or 'no known'} MB; ImageSize is {size}")
        else:
            right.append(f"disk {disk} has {there} MB")
    if (env.text("DeploymentType") or "").upper() == "REFRESH" and verify in {"CLIENT", "SERVER"}:
        is_server = (env.text("IsServerOS") or "").lower() == "true"
        text = f"a Windows {'Server' if is_server else 'client'} is refreshed"
        (right if is_server == (verify == "SERVER") else wrong).append(text)
    return right, wrong


def _number(env: Environment, fact: str) -> int:
    text = env.text(fact) or ""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise InvalidRequest(f"{fact}={text}: valid is a whole number")
    return int(text)


def _disk_mb(machine: Machine, index: int) -> int | None:
    """Return the size of a disk in MB; None when it has no table that tells it yet."""
    path = machine.disk(index)
    try:
        return machine.table(index).geometry.size_bytes // MIB
    except InvalidTable:
        if not path.exists():
            return None
    with machine.opened(index) as disk:
        return disk.geometry.size_bytes // MIB


def refuse_without_facts(env: Environment, machine: Machine) -> Refusal | None:
    """Return why the computer cannot be checked; None when all facts that are asked for are known."""
    del machine
    asked = [(name, fact) for name, fact, _ in _LEAST if (env.text(name) or "0").strip("0 ") and fact not in env]
    if (env.text("DeploymentType") or "").upper() == "REFRESH" and env.text("VerifyOS") and "IsServerOS" not in env:
        asked.append(("VerifyOS", "IsServerOS"))
    if not asked:
        return None
    text = " and ".join(f"{name} asks for {fact}" for name, fact in asked)
    return Refusal(
        f"{text} of the computer, which nobody has told",
        Remedy(
            f"tell it: {{}}, or {' '.join(['{}'] * len(asked))}",
            (Means.FACTS, *(Means.VARIABLE for _ in asked)),
            tuple(fact for _, fact in asked),
        ),
    )


INFO = ActionInfo(
    type_name="BDD_Validate",
    title="Validate",
    run=validate_computer,
    forecast=forecast_validate,
    other_types=("ZTIValidate", "PSDValidate"),
    variables=VARIABLES,
    phases=EVERYWHERE,
    refuses=refuse_without_facts,
)

"""Steps of MDT behind the installation: the recovery environment, BitLocker, and whether the domain was joined.

Each does something only where a variable asks for it.  Windows registers its recovery environment by itself, and that
is done again at the first start; a domain is joined by Setup, and the first start tells whether it was.

Source: the properties ``PrepareWinRE``, ``BDEInstall``, ``BDEInstallSuppress`` and ``DomainErrorRecovery`` in the
property reference of MDT; "Recover From Domain Join Failure" of its task sequence steps.
"""

from __future__ import annotations

from osdimage.imaging.firststart.starting import POWERSHELL
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import optional
from osdimage.imaging.tasksequence.phases import FROM_PE
from osdimage.imaging.tasksequence.result import ActionInfo, Already, RunIn, StepClass
from osdimage.imaging.tasksequence.staging.needs import require_powershell
from osdimage.imaging.tasksequence.staging.staged import StagedCommand

_YES = "YES"
_NOT_JOINED = 1355
"""ERROR_NO_SUCH_DOMAIN, with which the check ends when the computer is in no domain."""


def holds_recovery(env: Environment, machine: Machine) -> Already | None:
    """Tell that no recovery environment is asked for."""
    del machine
    if _is_yes(env, "PrepareWinRE"):
        return None
    return Already("PrepareWinRE is not YES: Windows registers its recovery environment by itself")


def stage_recovery(env: Environment, machine: Machine) -> StagedCommand:
    """Return what registers the recovery environment."""
    del env, machine
    return StagedCommand(
        "register the recovery environment", (r'"%SystemRoot%\System32\reagentc.exe" /enable',), success_codes=(0,)
    )


def holds_bitlocker(env: Environment, machine: Machine) -> Already | None:
    """Tell that no encryption is asked for."""
    del machine
    if _is_yes(env, "BDEInstallSuppress"):
        return Already("BDEInstallSuppress=YES: nothing is encrypted")
    if env.text("BDEInstall") or env.text("OSDBitLockerMode"):
        return None
    return Already("BDEInstall is not set: nothing is encrypted")


def holds_membership(env: Environment, machine: Machine) -> Already | None:
    """Tell that no domain is to be joined."""
    del machine
    return None if env.text("JoinDomain") else Already("JoinDomain is not set: no domain is joined")


def stage_membership(env: Environment, machine: Machine) -> StagedCommand:
    """Return what fails when the computer is in no domain.

    Raises:
        InvalidRequest: when the new Windows has no PowerShell.
        OsdImageError: when its image or its volume cannot be read.
    """
    require_powershell(machine)
    recovers = (env.text("DomainErrorRecovery") or "AUTO").upper() == "AUTO"
    again = ("the domain is not joined once more when Setup could not join it: its account is not kept",)
    ask = f"if ((Get-WmiObject Win32_ComputerSystem).PartOfDomain) {{ exit 0 }}; exit {_NOT_JOINED}"
    return StagedCommand(
        "check that the computer is in a domain",
        (rf'"%SystemRoot%\{POWERSHELL}" -NoProfile -NonInteractive -Command "{ask}"',),
        success_codes=(0,),
        warnings=again if recovers else (),
    )


def _is_yes(env: Environment, name: str) -> bool:
    return (env.text(name) or "").upper() == _YES


INFOS: tuple[ActionInfo, ...] = (
    ActionInfo(
        type_name="ZTIWinRE",
        title="Add Windows Recovery (WinRE)",
        run=None,
        why_not="it runs in the installed Windows",
        holds=holds_recovery,
        stage=stage_recovery,
        stages_in=FROM_PE,
        variables=(optional("PrepareWinRE", "YES: the recovery environment is registered", source="MDT"),),
        step_class=StepClass.WINDOWS,
    ),
    ActionInfo(
        type_name="ZTIBDE",
        title="Enable BitLocker (MDT)",
        run=None,
        why_not="it encrypts with the TPM of the computer",
        holds=holds_bitlocker,
        variables=(
            optional("BDEInstall", "TPM, TPMKey, TPMPin or Key: how it is unlocked; not set: nothing", source="MDT"),
            optional("OSDBitLockerMode", "the same", source="MDT"),
            optional("BDEInstallSuppress", "YES: nothing is encrypted", source="MDT"),
        ),
        step_class=StepClass.WINDOWS,
    ),
    ActionInfo(
        type_name="BDD_RecoverDomainJoin",
        title="Recover From Domain Join Failure",
        run=None,
        why_not="the installed Windows knows whether it has joined a domain",
        holds=holds_membership,
        stage=stage_membership,
        other_types=("ZTIDomainJoin",),
        variables=(
            optional("JoinDomain", "the domain that Setup joins", source="MDT"),
            optional("DomainErrorRecovery", "what is done when it did not", default="AUTO", source="MDT"),
        ),
        runs_in=RunIn.FULL_OS,
        step_class=StepClass.WINDOWS,
    ),
)

"""Steps of MDT for what users have left on a computer: needless where nothing of it is to be kept.

In the scenario New Computer "there is no user data or profile to preserve"; a computer that started Windows PE from
elsewhere is one, unless ``DeploymentType`` says otherwise.  In the other scenarios they are needless where the
variables say so that MDT has for them.

Source: "MDT Deployment Process" and the properties ``DeploymentType``, ``UserDataLocation``, ``CaptureGroups``,
``ComputerBackupLocation`` and ``ApplyGPOPack`` in the property reference of MDT.
"""

from __future__ import annotations

from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import optional
from osdimage.imaging.tasksequence.judging.facts import NEW_COMPUTER
from osdimage.imaging.tasksequence.mdt.share import share_of
from osdimage.imaging.tasksequence.result import ActionInfo, Already, Holds, StepClass, VariableInfo

_NONE, _NO = "NONE", "NO"
_KIND = optional("DeploymentType", "NEWCOMPUTER: nothing of the computer is kept", source="MDT")
_PACKS = r"Templates\GPOPacks"


def is_new(env: Environment) -> bool:
    """Tell whether nothing that is on the computer is to be kept."""
    return _is(env, "DeploymentType", NEW_COMPUTER)


def holds_user_state(env: Environment, machine: Machine) -> Already | None:
    """Tell that no state of users is to be captured or restored; None where a place for it is named."""
    del machine
    if _is(env, "UserDataLocation", _NONE):
        return Already("UserDataLocation=NONE: no state of users is kept")
    is_named = any(env.text(name) for name in ("UserDataLocation", "UDShare", "StatePath", "USMTOfflineMigration"))
    return None if is_named or not is_new(env) else Already("a new computer has no state of users")


def holds_groups(env: Environment, machine: Machine) -> Already | None:
    """Tell that no members of local groups are to be kept."""
    del machine
    if _is(env, "CaptureGroups", _NO):
        return Already("CaptureGroups=NO: no members of local groups are kept")
    return Already("a new computer has no members of local groups that are kept") if is_new(env) else None


def holds_protectors(env: Environment, machine: Machine) -> Already | None:
    """Tell that no protectors of BitLocker are in the way."""
    del machine
    return Already("a new computer has no protectors of BitLocker that are in the way") if is_new(env) else None


def holds_policies(env: Environment, machine: Machine) -> Already | None:
    """Tell that there are no packs of local policies."""
    if _is(env, "ApplyGPOPack", _NO):
        return Already("ApplyGPOPack=NO: no local policies are applied")
    share = share_of(machine)
    if share is None or env.text("GPOPackPath"):
        return None
    found = share.find(_PACKS)
    if found is not None and found.is_dir() and any(found.iterdir()):
        return None
    return Already(f"the deployment share has no packs of local policies ({_PACKS})")


def _is(env: Environment, name: str, value: str) -> bool:
    return (env.text(name) or "").upper() == value


def _info(title: str, scripts: tuple[str, ...], holds: Holds, why: str, *variables: VariableInfo) -> ActionInfo:
    return ActionInfo(
        type_name=scripts[0],
        title=title,
        run=None,
        why_not=why,
        holds=holds,
        other_types=scripts[1:],
        variables=variables,
        step_class=StepClass.WINDOWS,
    )


_USMT = "user state is captured and restored by Microsoft's USMT"
_LOCATION = optional("UserDataLocation", "NONE: no state of users is kept", source="MDT")

INFOS: tuple[ActionInfo, ...] = (
    _info("Capture or Restore User State", ("ZTIUserState", "PSDUserState"), holds_user_state, _USMT, _KIND, _LOCATION),
    _info("Generate Application Migration File", ("ZTIAppXmlGen",), holds_user_state, _USMT, _KIND, _LOCATION),
    _info(
        "Capture or Restore Groups",
        ("ZTIGroups",),
        holds_groups,
        "members of local groups are read and set by the Windows that has them",
        _KIND,
        optional("CaptureGroups", "NO: no members of local groups are kept", source="MDT"),
    ),
    _info(
        "Disable BDE Protectors",
        ("ZTIDisableBDEProtectors",),
        holds_protectors,
        "protectors of BitLocker are disabled by the Windows that has them",
        _KIND,
    ),
    _info(
        "Apply Local GPO Package",
        ("ZTIApplyGPOPack",),
        holds_policies,
        "local policies are applied by a program of Microsoft's",
        optional("ApplyGPOPack", "NO: no local policies are applied", source="MDT"),
        optional("GPOPackPath", "the folder of a pack", source="MDT"),
    ),
)

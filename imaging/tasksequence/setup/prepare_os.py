r"""Prepare Windows for Capture: Sysprep, which only the Windows itself can run.

Nothing is left to do in a Windows that is generalized and in no domain.  The new Windows is that only after it was
started: the run pauses here, and goes on when Sysprep has been run in it (``/generalize /oobe /shutdown``).  After the
step, a sequence is in Windows PE, where the disk is captured.

Sources: "Prepare Windows for Capture" in CM07 and "Task sequence steps" of ConfigMgr current branch (it fails in a
domain, and restarts into Windows PE); ``ImageState``: Microsoft, "Windows Setup States".  That the default value of
``SECURITY\Policy\PolPrDmS`` is the SID of the domain, and empty in a workgroup, was seen in hives of Windows 7 and 10.
"""

from __future__ import annotations

from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.beside import read_beside
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import boolean, output
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.result import ActionInfo, Already, Refusal, RunIn, VariableInfo
from osdimage.imaging.tasksequence.setup.present import place_of_windows, present_windows

VARIABLES: tuple[VariableInfo, ...] = (
    boolean("OSDKeepActivation", "not used here: who runs Sysprep says whether it keeps the activation", default=False),
    boolean("OSDBuildStorageDriverList", "not used here: it is of Windows XP and Server 2003", default=False),
    boolean("OSDShutdownPreparedOs", "not used here: no Windows runs", default=False, source="CB"),
    output("OSDTargetSystemRoot", "the directory of Windows, such as C:\\Windows", source="CB"),
)
_DOMAIN = r"Policy\PolPrDmS"
_HOW = "run Sysprep in it: sysprep.exe /generalize /oobe /shutdown"


def is_prepared(env: Environment, machine: Machine) -> Already | None:
    """Tell that the Windows is generalized and in no domain, or return None.

    Raises:
        OsdImageError: when there is no Windows, or it cannot be read.
    """
    if _will_start(machine):
        return None
    with present_windows(env, machine) as (files, windows):
        if _why_unprepared(files, windows) is not None:
            return None
        letter = machine.assign_letter(place_of_windows(env, machine))
        if letter is None:
            raise InvalidRequest("OSDTargetSystemRoot: all drive letters are taken")
        return Already("Windows is generalized", {"OSDTargetSystemRoot": f"{letter}:\\{windows.folder}"})


def why_unprepared(env: Environment, machine: Machine) -> Refusal | None:
    """Tell what keeps the Windows from being captured, or return None.

    Raises:
        OsdImageError: when there is no Windows, or it cannot be read.
    """
    with present_windows(env, machine) as (files, windows):
        reason = _why_unprepared(files, windows)
    return None if reason is None else Refusal(reason)


def _will_start(machine: Machine) -> bool:
    """Tell whether the new Windows is still to be started, and to be changed by that."""
    is_new = machine.phase is Phase.NEW and not machine.has_started
    return is_new and (bool(machine.staged) or machine.installs_drivers)


def _why_unprepared(files: FileSource, windows: OfflineWindows) -> str | None:
    if not windows.is_generalized:
        return f"the Windows is not generalized; {_HOW}"
    return f"the Windows is in a domain; take it out, and {_HOW}" if _is_in_domain(files, windows) else None


def _is_in_domain(files: FileSource, windows: OfflineWindows) -> bool:
    path = windows.hive_path("SECURITY")
    if not files.exists(path):
        # Of an image that was cut down; Sysprep does not leave one in a domain.
        return False
    hive = read_beside(files, path, limit=MAX_HIVE_BYTES, name=f"{files.name}: {path}")
    key = hive.root.find(_DOMAIN)
    value = None if key is None else key.value("")
    return value is not None and bool(value.data)


def _always(env: Environment) -> bool:
    del env
    return True


INFO = ActionInfo(
    type_name="SMS_TaskSequence_PrepareOSAction",
    title="Prepare Windows for Capture",
    run=None,
    why_not="it runs Sysprep in the installed Windows",
    other_types=("LTISysprep",),
    holds=is_prepared,
    refuses=why_unprepared,
    variables=VARIABLES,
    runs_in=RunIn.FULL_OS,
    pauses=_always,
    enters=Phase.PE,
)

r"""Prepare ConfigMgr Client for Capture: no client goes into the image.

It is true of a Windows without one: without the service ``CcmExec`` and the folder ``\Windows\CCM``, when no step
before it installs the client.  In the new Windows it is removed at the first start, as ConfigMgr current branch does;
in a Windows that was there before, nothing can remove it from its disk.

Sources: "Prepare ConfigMgr Client for Capture" in "Task sequence steps" (the client is removed whole, and not only its
keys); "About client installation parameters and properties" (``/uninstall``).
"""

from __future__ import annotations

from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import optional
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.result import ActionInfo, Already, RunIn, VariableInfo
from osdimage.imaging.tasksequence.setup.client import SERVICE_GONE, SERVICE_KEY
from osdimage.imaging.tasksequence.setup.present import present_windows
from osdimage.imaging.tasksequence.staging.staged import StagedCommand

VARIABLES: tuple[VariableInfo, ...] = (
    optional("SMSTSUninstallCCMClient", "not used here: the client is always removed", source="CB"),
)
_FOLDER = "CCM"


def has_no_client(env: Environment, machine: Machine) -> Already | None:
    """Tell that the Windows has no ConfigMgr client, or return None.

    Raises:
        OsdImageError: when there is no Windows, or it cannot be read.
    """
    if _installs(machine):
        return None
    with present_windows(env, machine) as (files, windows):
        service = windows.system.root.find(rf"{windows.control_set}\{SERVICE_KEY}")
        if service is not None or files.exists(windows.path(_FOLDER)):
            return None
    return Already("the Windows has no ConfigMgr client")


def _installs(machine: Machine) -> bool:
    """Tell whether Setup Windows and ConfigMgr lets the first start install the client, which is still to come."""
    waits = machine.phase is Phase.NEW and not machine.has_started
    return waits and machine.is_set_up and not machine.supplies.without_client


def stage_removal(env: Environment, machine: Machine) -> StagedCommand:
    """Return what removes the client at the first start."""
    del env, machine
    setup = r"%SystemRoot%\ccmsetup\ccmsetup.exe"
    return StagedCommand(
        "remove the ConfigMgr client: ccmsetup.exe /uninstall",
        (
            "@echo off",
            f'if not exist "{setup}" exit /b 2',
            f'"{setup}" /noservice /uninstall',
            'if not "%ERRORLEVEL%"=="0" exit /b %ERRORLEVEL%',
            *SERVICE_GONE,
            r'"%SystemRoot%\System32\sc.exe" query CcmExec >nul 2>&1',
            "if not errorlevel 1 exit /b 1",
            "exit /b 0",
        ),
        success_codes=(0,),
    )


INFO = ActionInfo(
    type_name="SMS_TaskSequence_PrepareSMSClientAction",
    title="Prepare ConfigMgr Client for Capture",
    run=None,
    why_not="the Windows has a ConfigMgr client, which only that Windows itself can remove: ccmsetup.exe /uninstall",
    holds=has_no_client,
    stage=stage_removal,
    variables=VARIABLES,
    runs_in=RunIn.FULL_OS,
)

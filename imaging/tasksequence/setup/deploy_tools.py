"""Install Deployment Tools: Sysprep is in Windows since Vista; before, its files come from a package."""

from __future__ import annotations

from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import optional
from osdimage.imaging.tasksequence.result import ActionInfo, Already, RunIn, VariableInfo
from osdimage.imaging.tasksequence.setup.present import present_windows

VARIABLES: tuple[VariableInfo, ...] = (
    optional("SysprepPackageID", "not used here: Sysprep is in Windows", is_property=True, source="SDK"),
)
_VISTA = (6, 0)


def has_deployment_tools(env: Environment, machine: Machine) -> Already | None:
    """Tell that Sysprep is in the Windows, or return None.

    Raises:
        OsdImageError: when there is no Windows, or it cannot be read.
    """
    with present_windows(env, machine) as (_, windows):
        return None if windows.os.version < _VISTA else Already("Sysprep is a part of Windows Vista and later")


INFO = ActionInfo(
    type_name="SMS_TaskSequence_InstallDeployToolsAction",
    title="Install Deployment Tools",
    run=None,
    why_not="before Windows Vista, Sysprep is copied into the Windows that runs",
    holds=has_deployment_tools,
    variables=VARIABLES,
    runs_in=RunIn.FULL_OS,
)

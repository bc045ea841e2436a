"""The actions that only the new Windows can carry out, each with what is known of it."""

from __future__ import annotations

from osdimage.imaging.tasksequence.result import ActionInfo
from osdimage.imaging.tasksequence.staging import (
    install_application,
    install_software,
    install_updates,
    run_command_line,
    run_powershell,
)

STAGED: tuple[ActionInfo, ...] = (
    run_command_line.INFO,
    *run_powershell.INFOS,
    install_software.INFO,
    install_application.INFO,
    install_updates.INFO,
)

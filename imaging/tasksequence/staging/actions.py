"""The actions that the new Windows carries out at its first start, each with what is known of it."""

from __future__ import annotations

from osdimage.imaging.tasksequence.result import ActionInfo
from osdimage.imaging.tasksequence.staging import (
    bitlocker,
    connect_folder,
    download_content,
    install_application,
    install_software,
    install_updates,
    run_powershell,
)
from osdimage.imaging.tasksequence.winpe import run_command_line

STAGED: tuple[ActionInfo, ...] = (
    run_command_line.INFO,
    *run_powershell.INFOS,
    install_software.INFO,
    install_application.INFO,
    install_updates.INFO,
    connect_folder.INFO,
    download_content.INFO,
    *bitlocker.INFOS,
)

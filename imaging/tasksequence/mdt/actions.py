"""The actions that only sequences of MDT have, each with what is known of it."""

from __future__ import annotations

from osdimage.imaging.tasksequence.mdt import (
    already,
    applications,
    backup,
    configure,
    finishing,
    gather,
    new_computer,
    nic_config,
    packages,
    roles,
    validate,
)
from osdimage.imaging.tasksequence.result import ActionInfo

OF_MDT: tuple[ActionInfo, ...] = (
    gather.INFO,
    validate.INFO,
    *configure.INFOS,
    nic_config.INFO,
    backup.INFO,
    applications.INFO,
    *roles.INFOS,
    *packages.INFOS,
    *finishing.INFOS,
    *new_computer.INFOS,
    *already.INFOS,
)

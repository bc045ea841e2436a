"""The actions that only sequences of MDT have, each with what is known of it."""

from __future__ import annotations

from osdimage.imaging.tasksequence.mdt import already, configure, gather, validate
from osdimage.imaging.tasksequence.result import ActionInfo

OF_MDT: tuple[ActionInfo, ...] = (
    gather.INFO,
    validate.INFO,
    configure.INFO,
    *already.INFOS,
)

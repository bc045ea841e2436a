"""In which system a task sequence is, and where a restart takes it.

A sequence begins in Windows PE, or in the Windows that is on the disk; it ends in Windows PE, or in the Windows that it
deploys.  Neither Windows is started here: what is to run in the new one is put on its disk, for its first start.

Sources: "Restart Computer" and "Setup Windows and ConfigMgr" of Operating System Deployment in Configuration Manager
2007; that MDT restarts into the new Windows after its phase POSTINSTALL, by the groups of its templates.
"""

from __future__ import annotations

from enum import StrEnum


class RestartTarget(StrEnum):
    """Into what a restart goes; the values are those of ``/target:`` of the Restart Computer step."""

    WINPE = "WinPE"
    HARD_DISK = "HD"


class Phase(StrEnum):
    """In which system a sequence is.

    OLD: the Windows that was on the disk before.  PE: Windows PE.  NEW: the Windows that it deploys.  LOST: a Windows
    that was applied and that was not prepared to go on with the sequence: nothing does.
    """

    OLD = "old"
    PE = "pe"
    NEW = "new"
    LOST = "lost"

    @property
    def called(self) -> str:
        """What people call it."""
        return {"old": "the old Windows", "pe": "Windows PE", "new": "the new Windows"}.get(self.value, "no system")


IN_PE = frozenset({Phase.PE})
IN_NEW = frozenset({Phase.NEW})
FROM_PE = frozenset({Phase.PE, Phase.NEW})
BEFORE_NEW = frozenset({Phase.OLD, Phase.PE})
EVERYWHERE = frozenset({Phase.OLD, Phase.PE, Phase.NEW})

"""Steps that are known by name and cannot be run here, each with the reason and the class of what it would take.

Types are those of the SDK's SMS_TaskSequence_* classes (ConfigMgr 2007 to current branch), and the BDD_* types and the
scripts of MDT's templates and of PSD, which takes MDT's place.  Classes are chosen here: ``site`` is what asks a site
or has its contents from there, ``windows`` is all else.
"""

from __future__ import annotations

from osdimage.imaging.tasksequence.forms.children import RUN_TASK_SEQUENCE
from osdimage.imaging.tasksequence.result import ActionInfo, RunIn, StepClass

_UPGRADE = "its Setup runs in the Windows that is upgraded, which is not started here; a new one is applied"
_SITE = "it needs a ConfigMgr site"
_MDT = "it is a script of MDT for Windows"
_USMT = "user state is captured and restored by Microsoft's USMT"

_BY_SITE = frozenset({
    "ReleaseStateStore", "RequestStateStore",
})  # fmt: skip
_KNOWN: tuple[tuple[str, str, str, RunIn], ...] = (
    ("RequestStateStore", "Request State Store", _SITE, RunIn.BOTH),
    ("ReleaseStateStore", "Release State Store", _SITE, RunIn.BOTH),
    ("CaptureUserState", "Capture User State", _USMT, RunIn.BOTH),
    ("RestoreUserState", "Restore User State", _USMT, RunIn.FULL_OS),
    ("UpgradeOperatingSystem", "Upgrade Operating System", _UPGRADE, RunIn.FULL_OS),
)
# The titles are those of MDT's workbench.
_OF_MDT: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("BDD_AuthorizeDHCP", "Authorize DHCP", _MDT, ("ZTIAuthorizeDHCP",)),
    ("BDD_ConfigureADDS", "Configure ADDS", _MDT, ("ZTIConfigureADDS",)),
    ("BDD_ConfigureDHCP", "Configure DHCP", _MDT, ("ZTIConfigureDHCP",)),
    ("BDD_ConfigureDNS", "Configure DNS", _MDT, ("ZTIConfigureDNS",)),
    ("BDD_ExecuteRunbook", "Execute Runbook", _MDT, ("ZTIExecuteRunbook",)),
)
# Steps without a type in MDT's templates, and those of PSD; their title is the name of the script.
_SCRIPTS = (
    "LTIOEM", "LTIRestoreBoot", "LTISuspend", "PSDBackup",
    "PSDPartition", "PSDPrestart", "PSDSetVariable", "PSDStart", "PSDTBA", "PSDTemplate", "PSDWindowsUpdate",
    "ZTIBCDUtility", "ZTICopyLogs",
    "ZTIModifyVol", "ZTIMoveStateStore", "ZTIOptIn", "ZTIPSUtility", "ZTISetVariable", "ZTITatoo",
    "ZTIVHDCreate", "ZTIWindowsUpdate",
)  # fmt: skip


ELSEWHERE: tuple[ActionInfo, ...] = (
    *(
        ActionInfo(
            type_name=f"SMS_TaskSequence_{name}Action",
            title=title,
            run=None,
            why_not=why,
            runs_in=where,
            step_class=StepClass.SITE if name in _BY_SITE else StepClass.WINDOWS,
        )
        for name, title, why, where in _KNOWN
    ),
    RUN_TASK_SEQUENCE,
    *(
        ActionInfo(name, title, None, why, other_types=scripts, step_class=StepClass.WINDOWS)
        for name, title, why, scripts in _OF_MDT
    ),
    *(ActionInfo(name, name, None, _MDT, step_class=StepClass.WINDOWS) for name in _SCRIPTS),
)

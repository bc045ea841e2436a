"""Steps that only Windows, or ConfigMgr's and MDT's own programs, can do: known by name, and left out with a reason.

Types are those of the SDK's SMS_TaskSequence_* classes and of MDT's templates.
"""

from __future__ import annotations

from osdimage.imaging.tasksequence.result import ActionInfo, RunIn

_WINDOWS = "only the installed Windows can do it, and it is not started here"
_CLIENT = "it needs the ConfigMgr client"
_SITE = "it needs a ConfigMgr site"
_PROGRAM = "it runs a program of Windows"
_MDT = "it is a script of MDT for Windows"
_DRIVERS = "drivers are not injected; add them to the image"
_USMT = "user state is captured and restored by Microsoft's USMT"

_KNOWN: tuple[tuple[str, str, str, RunIn], ...] = (
    ("RunCommandLine", "Run Command Line", _PROGRAM, RunIn.BOTH),
    ("RunPowerShellScript", "Run PowerShell Script", _PROGRAM, RunIn.BOTH),
    ("SetDynamicVariables", "Set Dynamic Variables", "its rules ask Windows about the hardware", RunIn.BOTH),
    ("PrestartCheck", "Check Readiness", "it asks Windows about the hardware", RunIn.BOTH),
    ("ConnectNetworkFolder", "Connect to Network Folder", "shares are mapped to folders here", RunIn.BOTH),
    ("DownloadPackageContent", "Download Package Content", "packages are mapped to paths here", RunIn.BOTH),
    ("InstallApplication", "Install Application", _CLIENT, RunIn.FULL_OS),
    ("InstallSoftware", "Install Software", _CLIENT, RunIn.FULL_OS),
    ("InstallUpdate", "Install Software Updates", _CLIENT, RunIn.FULL_OS),
    ("SubTasksequence", "Run Task Sequence", _SITE, RunIn.BOTH),
    ("EnableBitLocker", "Enable BitLocker", _WINDOWS, RunIn.FULL_OS),
    ("DisableBitLocker", "Disable BitLocker", _WINDOWS, RunIn.FULL_OS),
    ("OfflineEnableBitLocker", "Pre-provision BitLocker", "it encrypts with the TPM of the computer", RunIn.WINPE),
    ("RequestStateStore", "Request State Store", _SITE, RunIn.BOTH),
    ("ReleaseStateStore", "Release State Store", _SITE, RunIn.BOTH),
    ("CaptureUserState", "Capture User State", _USMT, RunIn.BOTH),
    ("RestoreUserState", "Restore User State", _USMT, RunIn.FULL_OS),
    ("CaptureNetworkSettings", "Capture Network Settings", _WINDOWS, RunIn.FULL_OS),
    ("CaptureWindowsSettings", "Capture Windows Settings", _WINDOWS, RunIn.FULL_OS),
    ("SetupWindowsAndSMS", "Setup Windows and ConfigMgr", _WINDOWS, RunIn.BOTH),
    ("UpgradeOperatingSystem", "Upgrade Operating System", _WINDOWS, RunIn.FULL_OS),
    ("InstallDeployTools", "Install Deployment Tools", _WINDOWS, RunIn.FULL_OS),
    ("PrepareSMSClient", "Prepare ConfigMgr Client for Capture", _CLIENT, RunIn.FULL_OS),
    ("PrepareOS", "Prepare Windows for Capture", "it runs Sysprep in the installed Windows", RunIn.FULL_OS),
    ("AutoApply", "Auto Apply Drivers", _DRIVERS, RunIn.WINPE),
    ("ApplyDriverPackage", "Apply Driver Package", _DRIVERS, RunIn.WINPE),
)
_KNOWN_MDT = (
    "BDD_ConfigureADDS", "BDD_ConfigureDHCP", "BDD_ConfigureDNS", "BDD_ExecuteRunbook", "BDD_Gather",
    "BDD_InjectDrivers", "BDD_InstallApplication", "BDD_InstallLanguagePacksOffline",
    "BDD_InstallLanguagePacksOnline", "BDD_InstallOS", "BDD_InstallRoles", "BDD_InstallUpdatesOffline",
    "BDD_RunPowerShellAction", "BDD_UninstallRoles", "BDD_UsePackage", "BDD_Validate",
)  # fmt: skip


def _class_of(name: str) -> str:
    # The one class that is not named ...Action.
    return f"SMS_TaskSequence_{name}" + ("" if name == "SubTasksequence" else "Action")


ELSEWHERE: tuple[ActionInfo, ...] = (
    *(
        ActionInfo(type_name=_class_of(name), title=title, run=None, why_not=why, runs_in=where)
        for name, title, why, where in _KNOWN
    ),
    *(ActionInfo(type_name=name, title=name, run=None, why_not=_MDT) for name in _KNOWN_MDT),
)

r"""Enable, Disable and Pre-provision BitLocker: by ``manage-bde`` at the first start of the new Windows.

What it writes is not kept: the recovery password is in it.  The password goes to the directory before anything is
encrypted, so that nothing is which nobody could open.  A volume is never encrypted from here: there is no TPM.

Sources: "Enable BitLocker", "Disable BitLocker" and "Pre-provision BitLocker" of the task sequence steps of
Configuration Manager, and their variables; exports of MDT for what its steps carry; Microsoft, "manage-bde": that
``-usedspaceonly`` and ``-rebootcount`` are of Windows 8 and later, and what ``-protectionaserrorlevel`` ends with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from osdimage.imaging.errors import InvalidRequest, OsdImageError
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.old_windows import DETECTED_DRIVE, find_old_windows
from osdimage.imaging.tasksequence.conditions import TELLING_FACTS
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.computer import TPM_NAMESPACE
from osdimage.imaging.tasksequence.facts.known import facts_of
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.result import ActionInfo, Already, Refusal, RunIn, VariableInfo
from osdimage.imaging.tasksequence.staging.staged import StagedCommand

_MODES = ("TPM", "TPMPin", "TPMKey", "TPMPinKey", "Key")
_KEPT_IN = ("AD", "None")


def _both(name: str, valid: str, **more: object) -> tuple[VariableInfo, VariableInfo]:
    """Return the rows of a setting that ConfigMgr tells its step alone, and MDT sets as a variable."""
    own = optional(name.removeprefix("OSDBitLocker"), f"the same: {valid}", is_property=True, source="SDK", **more)
    return optional(name, valid, source="CB, MDT", **more), own


_DRIVE = _both("OSDBitLockerTargetDrive", "the drive; only that of Windows can be encrypted with the TPM alone")
_FULL = (
    boolean("OSDBitLockerEncryptFullDisk", "whether free space is encrypted, too", source="CB"),
    boolean("EncryptFullDisk", "the same", is_property=True, source="SDK"),
)
_SKIP = (
    boolean("OSDBitLockerSkipWhenTPMInvalid", "whether a computer without a TPM is passed over", source="CB"),
    boolean("SkipWhenTPMInvalid", "the same", is_property=True, source="SDK"),
)
ENABLE_VARIABLES: tuple[VariableInfo, ...] = (
    *_both("OSDBitLockerMode", f"one of {', '.join(_MODES)}", choices=_MODES),
    *_both("OSDBitLockerCreateRecoveryPassword", "AD or None", choices=_KEPT_IN),
    boolean("OSDBitLockerWaitForEncryption", "whether the step ends when all is encrypted", source="CB, MDT"),
    boolean("WaitForEncryption", "the same", is_property=True, source="SDK"),
    *_DRIVE,
    *_FULL,
    *_SKIP,
    optional("OSDBitLockerRecoveryPassword", "eight groups of six digits, with - between them", source="CB"),
)
DISABLE_VARIABLES: tuple[VariableInfo, ...] = (
    optional("OSDBitLockerRebootCount", "restarts until it protects again", default="1", numbers=(1, 15), source="CB"),
    optional("OSDBitLockerRebootCountOverride", "the same, which wins", numbers=(0, 15), source="CB"),
    *_DRIVE,
)
OFFLINE_VARIABLES: tuple[VariableInfo, ...] = (*_FULL, *_SKIP)

_MANAGE = r'"%SystemRoot%\System32\manage-bde.exe"'
_WITH_TPM = "it encrypts with the TPM of the computer"
_SYSTEM_DRIVES = frozenset({"c:", "%systemdrive%"})
_LETTER = re.compile(r"[A-Za-z]:", re.ASCII)
_PASSWORD = re.compile(r"\d{6}(-\d{6}){7}", re.ASCII)


def stage_enable(env: Environment, machine: Machine) -> StagedCommand:
    """Return what encrypts the drive of the new Windows at its first start.

    Raises:
        InvalidRequest: when a setting is wrong, or asks for more than the TPM to open the drive, or the Windows is
            Windows Vista.
    """
    inputs = Inputs(env, ENABLE_VARIABLES)
    mode = _text(inputs, "Mode") or "TPM"
    kept_in = _text(inputs, "CreateRecoveryPassword") or "AD"
    waits, is_full = _truth(inputs, "WaitForEncryption"), _truth(inputs, "EncryptFullDisk")
    skips = _truth(inputs, "SkipWhenTPMInvalid")
    drive, password = _text(inputs, "TargetDrive"), inputs.text("OSDBitLockerRecoveryPassword")
    inputs.finish()
    if mode != "TPM":
        raise InvalidRequest(
            f"its mode {mode} needs a PIN or a key on a drive that only people have; valid here is TPM"
        )
    if drive is not None and drive.rstrip("\\").lower() not in _SYSTEM_DRIVES:
        raise InvalidRequest(f"it encrypts {drive}; with the TPM alone only the drive of Windows can be")
    if password is not None and _PASSWORD.fullmatch(password) is None:
        raise InvalidRequest("OSDBitLockerRecoveryPassword is none; valid are eight groups of six digits")
    _require_manage_bde(machine)
    used = "" if is_full or not _is_windows_8(machine) else " -usedspaceonly"
    return StagedCommand(
        "encrypt the drive of Windows with BitLocker, by its TPM",
        tuple(_enabling(kept_in, password, used, skips=skips)),
        warnings=("the step does not wait until all is encrypted",) if waits else (),
    )


def _enabling(kept_in: str, password: str | None, used: str, *, skips: bool) -> Iterator[str]:
    drive = "%SystemDrive%"
    yield "@echo off"
    yield f"{_MANAGE} -protectors -add {drive} -tpm >nul 2>&1"
    yield f'if not "%ERRORLEVEL%"=="0" exit /b {0 if skips else "%ERRORLEVEL%"}'
    if kept_in == "AD" or password is not None:
        given = "" if password is None else f" {password}"
        yield f"{_MANAGE} -protectors -add {drive} -recoverypassword{given} >nul 2>&1"
        yield 'if not "%ERRORLEVEL%"=="0" exit /b %ERRORLEVEL%'
    if kept_in == "AD":
        # The words around the id are of the language of Windows; the braces are of all.
        asked = rf"%SystemRoot%\System32\manage-bde.exe -protectors -get {drive} -type recoverypassword"
        yield 'set "result=1"'
        yield f"for /f \"tokens=2 delims={{}}\" %%i in ('{asked}') do call :backup %%i"
        yield 'if not "%result%"=="0" exit /b %result%'
    yield f"{_MANAGE} -on {drive}{used} -skiphardwaretest >nul 2>&1"
    yield "exit /b %ERRORLEVEL%"
    if kept_in == "AD":
        yield ":backup"
        yield 'if "%~1"=="" exit /b 0'
        yield f"{_MANAGE} -protectors -adbackup {drive} -id {{%~1}} >nul 2>&1"
        yield 'set "result=%ERRORLEVEL%"'
        yield "exit /b 0"


def holds_disabled(env: Environment, machine: Machine) -> Already | None:
    """Tell that the Windows that is on the disk can be read, so that nothing protects it."""
    if machine.phase is not Phase.OLD:
        return None
    try:
        find_old_windows(machine, env.get(DETECTED_DRIVE))
    except OsdImageError:
        return None
    return Already("the drive of the old Windows is not encrypted")


def stage_disable(env: Environment, machine: Machine) -> StagedCommand:
    """Return what suspends the protection at the first start; a drive that has none stays as it is.

    Raises:
        InvalidRequest: when a setting is wrong, or the Windows is Windows Vista.
    """
    inputs = Inputs(env, DISABLE_VARIABLES)
    count, override = inputs.number("OSDBitLockerRebootCount"), inputs.number("OSDBitLockerRebootCountOverride")
    drive = (_text(inputs, "TargetDrive") or "C:").rstrip("\\")
    inputs.finish()
    if drive.lower() in _SYSTEM_DRIVES:
        drive = "%SystemDrive%"
    elif _LETTER.fullmatch(drive) is None:
        raise InvalidRequest(f"OSDBitLockerTargetDrive={drive} is no drive; valid is a letter with a colon, such as C:")
    _require_manage_bde(machine)
    restarts = count if override is None else override
    counts = f" -rebootcount {restarts}" if _is_windows_8(machine) else ""
    lines = (
        "@echo off",
        f"{_MANAGE} -status {drive} -protectionaserrorlevel >nul 2>&1",
        'if not "%ERRORLEVEL%"=="0" exit /b 0',
        f"{_MANAGE} -protectors -disable {drive}{counts} >nul 2>&1",
        "exit /b %ERRORLEVEL%",
    )
    told = () if counts else ("Windows 7 knows no number of restarts: the protection stays suspended",)
    return StagedCommand("suspend the protection of BitLocker", lines, warnings=told)


def holds_without_tpm(env: Environment, machine: Machine) -> Already | None:
    """Tell that the computer has no TPM, which passes the step over where it says so."""
    inputs = Inputs(env, OFFLINE_VARIABLES)
    skips = _truth(inputs, "SkipWhenTPMInvalid", default=True)
    inputs.finish()
    if not skips or not machine.supplies.facts or facts_of(machine).instances("Win32_Tpm", TPM_NAMESPACE) != ():
        return None
    return Already("the computer has no TPM, and the step passes over such a one")


def refuses_with_tpm(env: Environment, machine: Machine) -> Refusal:
    """Tell that there is a TPM, or that nobody knows of one."""
    del env
    known = facts_of(machine).instances("Win32_Tpm", TPM_NAMESPACE) if machine.supplies.facts else None
    if known:
        return Refusal(f"{_WITH_TPM}; Enable BitLocker does that at the first start")
    return Refusal(f"{_WITH_TPM}, and whether that has one is not known", TELLING_FACTS)


def _text(inputs: Inputs, name: str) -> str | None:
    return inputs.text(f"OSDBitLocker{name}") or inputs.text(name)


def _truth(inputs: Inputs, name: str, *, default: bool = False) -> bool:
    found = inputs.boolean(f"OSDBitLocker{name}")
    own = inputs.boolean(name) if found is None else found
    return default if own is None else own


def _is_windows_8(machine: Machine) -> bool:
    system = machine.system
    return system is None or (system.windows.major, system.windows.minor) >= (6, 2)


def _require_manage_bde(machine: Machine) -> None:
    system = machine.system
    if system is not None and (system.windows.major, system.windows.minor) < (6, 1):
        raise InvalidRequest(f"{system.windows} has no manage-bde.exe; Windows 7 and later have")


INFOS: tuple[ActionInfo, ...] = (
    ActionInfo(
        type_name="SMS_TaskSequence_EnableBitLockerAction",
        title="Enable BitLocker",
        run=None,
        why_not="it runs in the new Windows",
        variables=ENABLE_VARIABLES,
        runs_in=RunIn.FULL_OS,
        stage=stage_enable,
    ),
    ActionInfo(
        type_name="SMS_TaskSequence_DisableBitLockerAction",
        title="Disable BitLocker",
        run=None,
        why_not="it runs in Windows, and nobody knows whether its drive is encrypted",
        variables=DISABLE_VARIABLES,
        runs_in=RunIn.FULL_OS,
        holds=holds_disabled,
        stage=stage_disable,
    ),
    ActionInfo(
        type_name="SMS_TaskSequence_OfflineEnableBitLockerAction",
        title="Pre-provision BitLocker",
        run=None,
        why_not=_WITH_TPM,
        variables=OFFLINE_VARIABLES,
        runs_in=RunIn.WINPE,
        holds=holds_without_tpm,
        refuses=refuses_with_tpm,
    ),
)

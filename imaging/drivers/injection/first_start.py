r"""What makes a Windows install the drivers that are staged in it, when it starts first.

Which that is depends on its version, and on whether its next start goes through the pass specialize (Mini-Setup before
Vista), as that of a generalized image does:

* Windows 10 1607 and later: a command of the pass specialize, ``pnputil /add-driver``.
* Windows 8 to 10 1511: the same with ``pnpunattend AuditSystem /L``, which reads the key ``PnPUnattend``; and
  ``DevicePath``, where Windows looks for a device that has no driver.
* Vista and 7: the same with ``pnputil -i -a``; and ``DevicePath``.
* 2000, XP and Server 2003: ``OemPnPDriversPath`` of sysprep.inf; and ``DevicePath``.
* One that is not generalized: ``DevicePath`` alone.  No pass runs there.

Where the caller has a step of the first start (the room ``firststart``) run the script, that is in place of the pass,
and in one that is not generalized, too; before Windows 10 1607 by ``pnputil -i -a``.

Sources: the pages of Microsoft about pnpunattend, pnputil, ``DevicePath`` and Windows Setup's passes; virt-v2v
(``convert_windows.ml``), which says that ``DevicePath`` alone is not reliable.  The pass offlineServicing is never
used: only Setup.exe and DISM carry it out.
"""

from __future__ import annotations

import ntpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from osdimage.imaging.answers.document import MAX_BYTES
from osdimage.imaging.answers.sysprep_inf import LARGEST, SysprepInf
from osdimage.imaging.answers.unattend import Unattend
from osdimage.imaging.drivers.injection.changes import NewFile
from osdimage.imaging.drivers.injection.script import (
    SCRIPT,
    Cleaning,
    Installer,
    install_command,
    install_script,
)
from osdimage.imaging.drivers.injection.staging import (
    FOLDER,
    StagedDriver,
    device_path,
    staged_paths,
    without_staged,
)
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.lookup import text_of
from osdimage.imaging.registry.planned import HiveDraft
from osdimage.imaging.registry.values import Value, ValueType

DESCRIPTION = "Install the drivers that osdimage has staged"
"""What the command is called in the answer file; by that it is found again."""
_VISTA, _WINDOWS_8, _WINDOWS_10 = (6, 0), (6, 2), (10, 0)
# Windows 10 1607, whose pnputil has /add-driver ("PnPUtil Command Syntax").
_BUILD_1607 = 14393
_CURRENT_VERSION = r"Microsoft\Windows\CurrentVersion"
_NT_CURRENT_VERSION = r"Microsoft\Windows NT\CurrentVersion"
_PATHS = rf"{_NT_CURRENT_VERSION}\UnattendSettings\PnPUnattend\DriverPaths"
_DRIVE = re.compile("[A-Za-z]:")
_USUAL_DRIVE = "C:"
_SYSPREP = "sysprep/sysprep.inf"
_UNATTENDED, _OEM_PATH, _MASS_STORAGE = "Unattended", "OemPnPDriversPath", "SysprepMassStorage"
_LONGEST_OEM_PATH = 4096
"""Characters; "OemPnPDriversPath" in ref.chm."""
# What stands for itself between the quotation marks of reg.exe, but for percent signs, which the script doubles.
_PLAIN_PATHS = re.compile(r"[A-Za-z0-9%:;._ ()\\-]*[A-Za-z0-9%._()-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class FirstStart:
    """How the staged drivers come into use.

    Attributes:
        installer: what is run; None when nothing runs.
        how: that in a sentence.
        answer_file: the path of the answer file with the command or the folders, or None.
        command: the command line in it, or None.
        files: that are written for it.
        warnings: sentences for people.
    """

    installer: Installer | None
    how: str
    answer_file: str | None = None
    command: str | None = None
    files: tuple[NewFile, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_first_start(
    windows: OfflineWindows,
    files: FileSource,
    drivers: Sequence[StagedDriver],
    software: HiveDraft,
    *,
    keeps_drivers: bool = False,
    at_first_start: bool = False,
    mass_storage: Sequence[tuple[str, str]] = (),
) -> FirstStart:
    r"""Decide what installs staged drivers; nothing is written.

    Args:
        windows: it.
        files: of the volume or image that it is in.
        drivers: in their folders.
        software: takes the edits of its hive SOFTWARE.
        keeps_drivers: leave the folders when the drivers are installed.
        at_first_start: a step of its first start runs the script; no answer file does.
        mass_storage: before Vista: hardware ids of disk controllers, and the INF that has a driver for them, below the
            folder of staged drivers.

    Raises:
        InvalidInput: when it has an answer file that it would refuse.
        InvalidRequest: when the answer file has no room left, or no step can run before Vista.
        OsdImageError: when it cannot be read.
    """
    work = _Work(windows, files, tuple(drivers), software, drive_of(windows))
    if windows.os.version < _VISTA:
        if at_first_start:
            raise InvalidRequest(f"{windows.name}: Windows before Vista installs drivers by its Mini-Setup alone")
        return work.by_mini_setup(mass_storage)
    if at_first_start:
        return work.by_step(keeps_drivers=keeps_drivers)
    if not windows.is_generalized and windows.image_state is not None:
        return work.by_device_path()
    return work.by_command(keeps_drivers=keeps_drivers)


def drive_of(windows: OfflineWindows) -> str:
    """Return the drive that a Windows has for itself, such as ``C:``."""
    key = None if windows.software is None else windows.software.root.find(_NT_CURRENT_VERSION)
    drive = ntpath.splitdrive(text_of(key, "SystemRoot") or "")[0]
    return drive.upper() if _DRIVE.fullmatch(drive) else _USUAL_DRIVE


def installer_for(windows: OfflineWindows) -> Installer:
    """Return what installs drivers in the pass specialize of a Windows."""
    if (*windows.os.version, windows.os.build) >= (*_WINDOWS_10, _BUILD_1607):
        return Installer.PNPUTIL
    return Installer.PNP_UNATTEND if windows.os.version >= _WINDOWS_8 else Installer.PNPUTIL_OF_VISTA


@dataclass(frozen=True, slots=True)
class _Work:
    windows: OfflineWindows
    files: FileSource
    drivers: tuple[StagedDriver, ...]
    software: HiveDraft
    drive: str

    def by_device_path(self) -> FirstStart:
        self._append_device_path()
        how = (
            "the image is not generalized, so that no pass of its setup runs: Windows looks into DevicePath when it "
            "finds a device without a driver, and only then"
        )
        return FirstStart(None, how)

    def by_command(self, *, keeps_drivers: bool) -> FirstStart:
        installer = installer_for(self.windows)
        warnings = []
        key, old_path = None, None
        if installer is not Installer.PNPUTIL:
            old_path = self._append_device_path()
        if installer is Installer.PNP_UNATTEND:
            key = rf"HKLM\SOFTWARE\{self._name_folder()}"
            others = self._others()
            if others:
                warnings.append(rf"pnpunattend installs all that is in \{FOLDER}: {', '.join(others)}, too")
        if not self.windows.is_generalized:
            warnings.append(
                f"{self.windows.name}: does not say whether it is generalized; if it is not, the answer file is not "
                "read, and the drivers stay in their folders"
            )
            self._append_device_path()
        cleaning = Cleaning(keeps_drivers=keeps_drivers, key=key, device_path=None if keeps_drivers else old_path)
        script = NewFile(f"{FOLDER}/{SCRIPT}", install_script(self.drivers, installer, cleaning))
        command = install_command(f"\\{FOLDER}")
        answers = self._answer_file(command)
        how = f"{installer} in the pass specialize, before the commands of the answer file"
        return FirstStart(installer, how, answers.path, command, (script, answers), tuple(warnings))

    def by_step(self, *, keeps_drivers: bool) -> FirstStart:
        # What pnpunattend does outside of a pass, nobody says.
        found = installer_for(self.windows)
        installer = Installer.PNPUTIL_OF_VISTA if found is Installer.PNP_UNATTEND else found
        old_path = None if installer is Installer.PNPUTIL else self._append_device_path()
        cleaning = Cleaning(keeps_drivers=keeps_drivers, device_path=None if keeps_drivers else old_path)
        script = NewFile(f"{FOLDER}/{SCRIPT}", install_script(self.drivers, installer, cleaning))
        return FirstStart(installer, f"{installer} in a step of its first start", files=(script,))

    def by_mini_setup(self, mass_storage: Sequence[tuple[str, str]]) -> FirstStart:
        self._append_device_path()
        found = self._read(_SYSPREP, LARGEST)
        if found is None and not self.windows.is_generalized:
            return FirstStart(None, "no Mini-Setup runs: Windows looks into DevicePath for a device without a driver")
        is_2000 = self.windows.os.version == (5, 0)
        answers = SysprepInf(windows_2000=is_2000)
        if found is not None:
            answers = SysprepInf.from_bytes(found, source=f"{self.windows.name}: {_SYSPREP}", windows_2000=is_2000)
        old = answers.get(_UNATTENDED, _OEM_PATH) or ""
        parts = [each for each in old.split(";") if each]
        known = {each.strip("\\").lower() for each in parts}
        new = [rf"{FOLDER}\{each.folder}" for each in self.drivers]
        value = ";".join((*parts, *(each for each in new if each.lower() not in known)))
        if len(value) > _LONGEST_OEM_PATH:
            raise InvalidRequest(
                f"{_OEM_PATH} of {_SYSPREP} would have {len(value)} characters, and Windows reads "
                f"{_LONGEST_OEM_PATH}: valid are fewer drivers"
            )
        if value != old:
            answers.set(_UNATTENDED, _OEM_PATH, value)
        for hardware_id, inf in mass_storage if found is not None else ():
            path = rf"\{FOLDER}\{inf}"
            if answers.get(_MASS_STORAGE, hardware_id) != path:
                answers.set(_MASS_STORAGE, hardware_id, path)
        made = NewFile(_SYSPREP, answers.to_bytes(), old=found)
        how = f"Mini-Setup, from the folders that {_OEM_PATH} of {_SYSPREP} names"
        return FirstStart(None, how, _SYSPREP, None, (made,))

    # ---- the parts

    def _append_device_path(self) -> str | None:
        """Name the folders in ``DevicePath``; return what the script makes it again, or None."""
        old = self.software.value(_CURRENT_VERSION, "DevicePath")
        if old is not None and old.type not in {ValueType.SZ, ValueType.EXPAND_SZ}:
            raise InvalidInput(f"{self.windows.name}: DevicePath in its hive SOFTWARE is no text, but {old.type_name}")
        text = "" if old is None else old.as_string()
        new = device_path(text, [each.folder for each in self.drivers], self.drive)
        make = Value.string if old is not None and old.type == ValueType.SZ else Value.expand_string
        if new != text:
            self.software.set(_CURRENT_VERSION, make("DevicePath", new))
        base = without_staged(new, self.drive)
        is_safe = make is Value.expand_string and _PLAIN_PATHS.fullmatch(base) is not None
        return base if is_safe else None

    def _name_folder(self) -> str:
        """Name the folder for pnpunattend; return the key that does, below SOFTWARE."""
        wanted = rf"{self.drive}\{FOLDER}"
        number = 1
        while self.software.has_key(key := rf"{_PATHS}\{number}"):
            value = self.software.value(key, "Path")
            if value is not None and value.type == ValueType.SZ and value.as_string().lower() == wanted.lower():
                return key
            number += 1
        self.software.set(key, Value.string("Path", wanted))
        return key

    def _others(self) -> list[str]:
        """Return what else than these drivers is in the folder."""
        facts = self.files.find(FOLDER)
        if facts is None or not facts.is_directory or facts.is_link:
            return []
        mine = {SCRIPT, *(each.folder.lower() for each in self.drivers)}
        return [each.name for each in self.files.list(FOLDER) if each.name.lower() not in mine]

    def _answer_file(self, command: str) -> NewFile:
        path, found = self._found_answers()
        architecture = str(self.windows.os.architecture)
        answers = Unattend.empty(architecture)
        if found is not None:
            answers = Unattend.from_bytes(found, architecture, source=f"{self.windows.name}: {path}")
        answers.run_first(DESCRIPTION, command)
        return NewFile(path, answers.to_bytes(), old=found)

    def _found_answers(self) -> tuple[str, bytes | None]:
        """Return the answer file that Windows reads first ("Windows Setup Automation"), or the one to make."""
        named = text_of(self.windows.system.root.child("Setup"), "UnattendFile") or ""
        drive, below = ntpath.splitdrive(named)
        candidates = [below.strip("\\")] if drive.upper() == self.drive and below.strip("\\") else []
        candidates += [self.windows.path(rf"Panther\Unattend\{name}.xml") for name in ("Unattend", "Autounattend")]
        made = self.windows.path("Panther/unattend.xml")
        candidates += [made, self.windows.path("System32/Sysprep/unattend.xml"), "unattend.xml"]
        for each in candidates:
            data = self._read(each, MAX_BYTES)
            if data is not None:
                return each.replace("\\", "/"), data
        return made, None

    def _read(self, path: str, limit: int) -> bytes | None:
        facts = self.files.find(path)
        if facts is None or facts.is_directory or facts.is_link:
            return None
        return self.files.read(path, limit)


def named_paths(drivers: Sequence[StagedDriver], windows: OfflineWindows) -> tuple[str, ...]:
    """Return the folders of drivers as that Windows will name them."""
    return staged_paths([each.folder for each in drivers], drive_of(windows))

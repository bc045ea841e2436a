"""What commands of the first start need: files of this machine, and programs that the new Windows has or has not."""

from __future__ import annotations

import re

from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.target_files import files_of
from osdimage.imaging.tasksequence.staging.commands import PACKAGES, quoted
from osdimage.imaging.tasksequence.staging.staged import StagedPackage
from osdimage.imaging.volume.windows_names import fault_of
from osdimage.imaging.wim.placed.place import is_there

POWERSHELL = r"System32\WindowsPowerShell\v1.0\powershell.exe"
"""PowerShell, below the folder of Windows."""
# What a batch file has no other meaning for, inside of quotation marks.
_PLAIN_ID = re.compile(r"[A-Za-z0-9_{}()., -]{1,64}", re.ASCII)


def needed_package(machine: Machine, package_id: str) -> StagedPackage:
    """Return the files of a package, for the disk.

    Raises:
        InvalidRequest: when it was not mapped, is not there, or has an ID that no folder can have.
    """
    if _PLAIN_ID.fullmatch(package_id) is None or fault_of(package_id) is not None:
        raise InvalidRequest(
            f"package {quoted(package_id[:64])} cannot be put on the disk: its ID is no name of a folder there; valid "
            "are up to 64 letters, digits, and _ - . , ( ) { }"
        )
    try:
        path = machine.package(package_id)
    except InvalidRequest as error:
        raise InvalidRequest(error.said, remedy=Remedy("give {}", (Means.PACKAGES,), (package_id,))) from None
    if not is_there(path):
        raise InvalidRequest(f"package {package_id}: {path} does not exist")
    return StagedPackage(package_id.upper(), path)


def folder_of(package: StagedPackage) -> str:
    """Return the folder of a package as the batch file of a step finds it."""
    return rf"{PACKAGES}\{package.name}"


def has_powershell(machine: Machine) -> bool:
    """Tell whether the Windows that the sequence has applied has PowerShell; looked up once for each that it applies.

    Where no Windows was applied, others tell that.

    Raises:
        OsdImageError: when its image or its volume cannot be read.
    """
    system = machine.system
    if system is None:
        return True
    if machine.looked_for is None or machine.looked_for[0] is not system:
        with files_of(machine, system) as files:
            machine.looked_for = system, files.find(rf"{system.windows.root}\{POWERSHELL}") is not None
    return machine.looked_for[1]

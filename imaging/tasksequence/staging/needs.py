"""What commands of the first start need: files of this machine, and programs that the new Windows has or has not."""

from __future__ import annotations

import re

from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.firststart.starting import POWERSHELL
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Application
from osdimage.imaging.tasksequence.computer.target_files import files_of
from osdimage.imaging.tasksequence.staging.commands import PACKAGES, quoted
from osdimage.imaging.tasksequence.staging.staged import StagedPackage
from osdimage.imaging.volume.windows_names import fault_of
from osdimage.imaging.wim.placed.place import is_there

# What a batch file has no other meaning for, inside of quotation marks.
_PLAIN_ID = re.compile(r"[A-Za-z0-9_{}()., -]{1,64}", re.ASCII)


def needed_package(machine: Machine, package_id: str) -> StagedPackage:
    """Return the files of a package, for the disk.

    Raises:
        InvalidRequest: when it was not mapped, is not there, or has an ID that no folder can have.
    """
    fault = fault_of(package_id)
    if fault is not None or _PLAIN_ID.fullmatch(package_id) is None:
        why = "is no name of a folder there" if fault is None else fault
        raise InvalidRequest(
            f"package {quoted(package_id[:64])} cannot be put on the disk: its ID {why}; valid are up to 64 letters, "
            "digits, and _ - . , ( ) { }, as Windows names a folder"
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


def require_powershell(machine: Machine) -> None:
    """Refuse what needs PowerShell, where the Windows that the sequence has applied has none.

    It is looked up once for each Windows that is applied.  Where none was, others tell that.

    Raises:
        InvalidRequest: when it has none.
        OsdImageError: when its image or its volume cannot be read.
    """
    system = machine.system
    if system is None:
        return
    if machine.has_powershell is None or machine.has_powershell[0] is not system:
        with files_of(machine, system) as files:
            machine.has_powershell = system, files.find(rf"{system.windows.root}\{POWERSHELL}") is not None
    if not machine.has_powershell[1]:
        raise InvalidRequest(f"it needs PowerShell, and the Windows that was applied has none ({POWERSHELL})")


def given_program(machine: Machine, name: str) -> str | None:
    """Return the command line that was given for a program, ``ID:Program``, or None."""
    machine.asked.add(name)
    return machine.supplies.programs.get(name)


def given_application(machine: Machine, name: str) -> Application | None:
    """Return how the application of this name or id is installed, in whatever case it was written, or None."""
    for given, application in machine.supplies.applications.items():
        if given.lower() == name.lower():
            machine.asked.add(given)
            return application
    return None

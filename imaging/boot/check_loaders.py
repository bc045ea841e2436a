r"""The programs on an EFI system partition: the boot manager of Windows, and what firmware starts by itself."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.boot import remedies
from osdimage.imaging.boot.files import fallback_path, shown
from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.files import FileSource
from osdimage.imaging.finding import Finding, error, warning
from osdimage.imaging.pe import MACHINES, read_pe
from osdimage.imaging.units import MIB

LARGEST_LOADER = 64 * MIB
_MANAGER = "EFI/Microsoft/Boot/bootmgfw.efi"
_OF_WINDOWS = b"bootmgfw.pdb"
"""What Microsoft's linker leaves in its boot manager: the name of its symbols."""


def architecture_of(files: FileSource, path: str) -> tuple[str | None, list[Finding]]:
    """Return for which architecture a program is, or None, and what is wrong with it."""
    try:
        data = files.read(path, limit=LARGEST_LOADER)
    except OsdImageError as problem:
        text = f"{problem.said}; whether it starts is not known"
        return None, [warning("loader-unread", text, remedies.CANNOT_TELL)]
    try:
        return read_pe(data, name=f"{files.name}: {shown(path)}").architecture, []
    except OsdImageError as problem:
        return None, [error("loader-damaged", problem.said, remedies.install("{} writes it anew"))]


def manager_architecture(files: FileSource) -> str | None:
    """Return for which architecture the boot manager is, or None when there is none that says so."""
    return architecture_of(files, _MANAGER)[0] if files.exists(_MANAGER) else None


def loader_findings(files: FileSource, architecture: str | None) -> Iterator[Finding]:
    """Yield what is wrong with the programs on an EFI system partition.

    Args:
        files: the partition.
        architecture: of its boot manager, or None.
    """
    if not files.exists(_MANAGER):
        text = f"{files.name}: {shown(_MANAGER)} is missing"
        yield error("manager-missing", text, remedies.WRITES_IT)
    elif architecture is None:
        yield from architecture_of(files, _MANAGER)[1]
    if architecture == "x86":
        text = f"{files.name}: the boot manager is for x86, which only machines with a 32-bit UEFI start"
        yield warning("machine-32-bit", text, "none is needed for such a machine; others need an image for x64")
    wanted = {fallback_path(architecture)} if architecture is not None else set(map(fallback_path, MACHINES.values()))
    present = [path for path in map(fallback_path, MACHINES.values()) if files.exists(path)]
    if not wanted & set(present):
        text = (
            f"{files.name}: \\EFI\\Boot has no loader ({shown(fallback_path(architecture or 'x64'))}); "
            "firmware that remembers no boot entry, as of another machine, finds nothing"
        )
        yield error("loader-missing", text, remedies.WRITES_IT)
    for path in present:
        yield from _fallback(files, path, is_started=path in wanted)


def _fallback(files: FileSource, path: str, *, is_started: bool) -> Iterator[Finding]:
    found, findings = architecture_of(files, path)
    yield from findings
    if found is not None and fallback_path(found) != path:
        text = f"{files.name}: {shown(path)} is a program for {found}; firmware will not start it"
        yield error("loader-architecture", text, remedies.install("{} gives it the name that fits"))
    elif found is not None and is_started and files.exists(_MANAGER) and not _is_manager(files, path):
        text = (
            f"{files.name}: {shown(path)} is not the boot manager of Windows: firmware that remembers no boot entry "
            "starts it, and whether it comes to Windows is not known"
        )
        remedy = remedies.install("none is needed where it is wanted, as GRUB's is; {} replaces it")
        yield warning("loader-other", text, remedy)


def _is_manager(files: FileSource, path: str) -> bool:
    """Tell whether a program is the boot manager beside it, or another version of it."""
    data = files.read(path, limit=LARGEST_LOADER)
    try:
        return _OF_WINDOWS in data or data == files.read(_MANAGER, limit=LARGEST_LOADER)
    except OsdImageError:
        return False

r"""A Windows that NTLDR starts, and what its registry says of that.

Such a Windows has a kernel and no ``\Windows\Boot``: 2000 (NT 5.0, in ``\WINNT``), XP (5.1), Server 2003
and XP x64 (5.2).

Sources: Microsoft, KB 875352 "A detailed description of the Data Execution Prevention (DEP) feature" (which of them
have ``/noexecute``: OptIn on XP, OptOut on Server 2003), KB 324103 "Advanced troubleshooting for Stop 0x0000007B" (the
drivers of disks start at 0), "CSDVersion" in the registry reference of the Windows 2000 Resource Kit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileSource
from osdimage.imaging.pe import read_pe
from osdimage.imaging.registry.beside import logs_in, read_with_logs
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.registry.lookup import number_of, text_of
from osdimage.imaging.units import MIB

ROOTS = ("Windows", "WINNT")
"""Where Windows is; Windows 2000 is in WINNT."""
KERNEL, HIVE, BOOT = "system32/ntoskrnl.exe", "system32/config/system", "Boot"
"""In the folder of Windows: its kernel, its settings, and what later ones have for their boot manager."""
_LARGEST_PROGRAM, _LARGEST_HIVE = 64 * MIB, 512 * MIB
_ARCHITECTURES = frozenset({"x86", "x64"})
_BEGINS_AT_BOOT = 0
"""``Start`` of a service: the loader itself reads the driver."""
# Of Windows' own drivers of IDE controllers; all others of disks are in the group of miniports.
_OWN_DRIVERS, _GROUP = frozenset({"atapi", "intelide"}), "scsi miniport"


@dataclass(frozen=True, slots=True)
class NtWindows:
    """A Windows that NTLDR starts.

    Attributes:
        folder: its folder as it is stored, such as ``WINDOWS``.
        version: of its kernel, such as 5 and 1 for XP; None when that does not say so.
    """

    folder: str
    version: tuple[int, int] | None

    @property
    def hive(self) -> str:
        """The path of its hive SYSTEM."""
        return f"{self.folder}/{HIVE}"


@dataclass(frozen=True, slots=True)
class NtSettings:
    """What its registry says, as far as it can be read.

    Attributes:
        service_pack: its number; 0 without one.
        is_server: whether it is a server; None when that is not known.
        drivers: of disks, that the loader reads; None when that is not known.
    """

    service_pack: int = 0
    is_server: bool | None = None
    drivers: tuple[str, ...] | None = None


def find_nt_windows(files: FileSource) -> NtWindows | None:
    """Return the Windows of a volume or an image that NTLDR starts, or None when it holds none, or a later one.

    Raises:
        InvalidInput, StorageError: when it cannot be read.
    """
    for root in ROOTS:
        kernel = files.find(f"{root}/{KERNEL}")
        if kernel is None or kernel.is_directory or kernel.is_link or kernel.size > _LARGEST_PROGRAM:
            continue
        if files.exists(f"{root}/{BOOT}"):
            continue
        program = files.read(kernel.path, limit=_LARGEST_PROGRAM)
        try:
            facts = read_pe(program, name=files.name)
        except InvalidInput:
            continue
        version = None if facts.os_version in {None, (0, 0)} else facts.os_version
        if facts.architecture not in _ARCHITECTURES or (version is not None and version[0] != 5):
            continue
        if version is None and not files.exists("ntldr"):
            continue
        return NtWindows(_stored_name(files, root), version)
    return None


def _stored_name(files: FileSource, name: str) -> str:
    """Return a name of the root directory in the case in which it is stored, which the menu shows."""
    return next((each.name for each in files.list() if each.name.lower() == name.lower()), name)


def settings_of(files: FileSource, windows: NtWindows) -> NtSettings:
    """Return what the registry of a Windows says; nothing of one that is missing or damaged.

    Raises:
        InvalidInput, StorageError: when it cannot be read.
    """
    facts = files.find(windows.hive)
    if facts is None or facts.is_directory or facts.is_link or facts.size > _LARGEST_HIVE:
        return NtSettings()
    data = files.read(windows.hive, limit=_LARGEST_HIVE)
    try:
        logs = partial(logs_in, files, windows.hive)
        return _settings(read_with_logs(data, logs, name=f"{files.name}: {windows.hive}"))
    except InvalidInput:
        return NtSettings()


def _settings(hive: Hive) -> NtSettings:
    control_set = _control_set(hive)
    if control_set is None:
        return NtSettings()
    level = number_of(control_set.find(r"Control\Windows"), "CSDVersion")
    product = text_of(control_set.find(r"Control\ProductOptions"), "ProductType")
    services = control_set.find("Services")
    return NtSettings(
        0 if level is None else level >> 8,
        None if product is None else product.lower() != "winnt",
        None if services is None else tuple(sorted(_drivers(services))),
    )


def _control_set(hive: Hive) -> Key | None:
    current = number_of(hive.root.find("Select"), "Current")
    return None if current is None else hive.root.find(f"ControlSet{current:03}")


def _drivers(services: Key) -> Iterator[str]:
    """Yield the drivers of disks that the loader reads."""
    for each in services.subkeys:
        if number_of(each, "Start") != _BEGINS_AT_BOOT:
            continue
        group = text_of(each, "Group")
        if each.name.lower() in _OWN_DRIVERS or (group is not None and group.lower() == _GROUP):
            yield each.name


def usual_options(windows: NtWindows, settings: NtSettings) -> str:
    """Return the options that Windows' own setup writes for it."""
    version, level = windows.version or (0, 0), settings.service_pack
    if (version == (5, 1) and level >= 2) or (version == (5, 2) and level >= 1):
        return f"/noexecute={'optout' if settings.is_server else 'optin'} /fastdetect"
    return "/fastdetect"


def usual_name(windows: NtWindows, settings: NtSettings) -> str:
    """Return what the menu calls it unless somebody says otherwise."""
    match windows.version:
        case (5, 0):
            return "Windows 2000"
        case (5, 1):
            return "Windows XP"
        case (5, 2):
            return "Windows XP x64" if settings.is_server is False else "Windows Server 2003"
    return "Windows"


def driver_warning(files: FileSource, settings: NtSettings) -> str | None:
    """Return a sentence when no driver of disks is read by the loader, so that the start ends in Stop 0x7B."""
    if settings.drivers is None or settings.drivers:
        return None
    return (
        f"{files.name}: no driver of disks starts with the loader (atapi, intelide or another of the group SCSI "
        "miniport with Start=0 in the registry): Windows stops with 0x0000007B on a machine whose controller needs one"
    )

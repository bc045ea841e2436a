r"""Which files of a Windows go where, so that firmware finds its loader: a plan, and carrying it out.

UEFI, on the EFI system partition:

==========================================  ======================================================
``\Windows\Boot\EFI\**``                    ``\EFI\Microsoft\Boot\**``
``\Windows\Boot\Fonts\**``                  ``\EFI\Microsoft\Boot\Fonts\**``
``\Windows\Boot\Resources\**``              ``\EFI\Microsoft\Boot\Resources\**``
``\Windows\Boot\EFI\bootmgfw.efi``          ``\EFI\Boot\bootx64.efi``, bootia32.efi or bootaa64.efi
==========================================  ======================================================

BIOS, on the active partition:

==========================================  ======================================================
``\Windows\Boot\PCAT\bootmgr``              ``\bootmgr`` (read-only, hidden, system)
``\Windows\Boot\PCAT\bootnxt``              ``\BOOTNXT`` (hidden, system), Windows 8 and later
the rest of ``\Windows\Boot\PCAT\**``       ``\Boot\**`` (the directory hidden, system)
``\Windows\Boot\Fonts``, ``Resources``      ``\Boot\Fonts``, ``\Boot\Resources``
==========================================  ======================================================

The trees are copied whole, so that nothing is assumed about languages.  With ``signed_2023`` the files of ``EFI_EX``
and ``Fonts_EX`` (``bootmgfw_EX.efi``), signed with "Windows UEFI CA 2023", take the places of those without ``_EX``.

Sources: what Microsoft's bcdboot leaves on such partitions, as published listings and BCD-SYS (``copy_bootmgr``) show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.pe import read_pe
from osdimage.imaging.units import MIB, format_size
from osdimage.imaging.volume.files import VolumeFiles

BOOT_FOLDER = "Windows/Boot"
_FALLBACK_NAMES = {"x64": "bootx64.efi", "x86": "bootia32.efi", "arm": "bootarm.efi", "arm64": "bootaa64.efi"}
# UEFI Specification 2.10, 3.5.1.1 "Removable Media Boot Behavior".
_HIDDEN = int(FileAttribute.HIDDEN | FileAttribute.SYSTEM)
_BOOTMGR = _HIDDEN | int(FileAttribute.READONLY)
# bcdboot copies some 40 MB; what is more than this is no boot environment.
LARGEST_FILE, LARGEST_ALL = 64 * MIB, 512 * MIB


STORES = {Firmware.UEFI: "EFI/Microsoft/Boot/BCD", Firmware.BIOS: "Boot/BCD"}
"""Where the BCD store is on the system partition."""
LOADERS = {Firmware.UEFI: f"{BOOT_FOLDER}/EFI/bootmgfw.efi", Firmware.BIOS: f"{BOOT_FOLDER}/PCAT/bootmgr"}
"""The file without which nothing starts, where Windows keeps it."""
OS_LOADERS = {Firmware.UEFI: "Windows/System32/winload.efi", Firmware.BIOS: "Windows/System32/winload.exe"}
"""What the boot manager starts, on the volume of Windows."""


@dataclass(frozen=True, slots=True)
class BootFile:
    """A file to copy.  ``attributes`` None: those of any file (ARCHIVE)."""

    source: str
    target: str
    size: int
    modified_ns: int | None
    attributes: int | None = None


@dataclass(frozen=True, slots=True)
class BootFilePlan:
    """What is copied to a system partition.

    Attributes:
        firmware: for which kind.
        architecture: of the loader: ``x86``, ``x64``, ``arm`` or ``arm64``; None for a BIOS, which has but one.
        directories: to be made first, with their attributes; None: none.
        files: in the order of their targets.
    """

    firmware: Firmware
    architecture: str | None
    directories: tuple[tuple[str, int | None], ...]
    files: tuple[BootFile, ...]

    @property
    def size(self) -> int:
        """The size of all contents in bytes."""
        return sum(each.size for each in self.files)

    @property
    def fallback(self) -> str | None:
        """Where firmware looks when it remembers no boot entry; None for a BIOS."""
        return None if self.architecture is None else fallback_path(self.architecture)


def fallback_path(architecture: str) -> str:
    """Return the path at which firmware of an architecture looks for a loader by itself."""
    return f"EFI/Boot/{_FALLBACK_NAMES[architecture]}"


def missing_file(source: FileSource, firmware: Firmware, *, signed_2023: bool = False) -> str | None:
    """Return the path of the first file that is missing for this disk to start, or None when all are there."""
    needed = [LOADERS[firmware]]
    if signed_2023 and firmware is Firmware.UEFI:
        needed.append(f"{BOOT_FOLDER}/EFI_EX/bootmgfw_EX.efi")
    return next((path for path in needed if not source.exists(path)), None)


def plan_boot_files(source: FileSource, firmware: Firmware, *, signed_2023: bool = False) -> BootFilePlan:
    """Decide what is copied.  Nothing is written.

    Args:
        source: the files of a Windows.
        firmware: what is to start it.
        signed_2023: take the loaders that are signed with "Windows UEFI CA 2023"; only UEFI has them.

    Raises:
        InvalidInput: when a file that is needed is missing, or is not what it must be; the message names it.
    """
    missing = missing_file(source, firmware, signed_2023=signed_2023)
    if missing is not None:
        raise InvalidInput(f"{source.name}: {shown(missing)} is missing, so that nothing there can be started")
    if firmware is Firmware.BIOS:
        files = {each.target.upper(): each for each in _bios_files(source)}
        plan = BootFilePlan(firmware, None, (("Boot", _HIDDEN),), _in_order(files))
    else:
        files = {each.target.upper(): each for each in _uefi_files(source, signed_2023=signed_2023)}
        loader = files["EFI/MICROSOFT/BOOT/BOOTMGFW.EFI"]
        head = source.read(loader.source, limit=LARGEST_FILE)
        architecture = read_pe(head, name=f"{source.name}: {shown(loader.source)}").architecture
        target = fallback_path(architecture)
        files[target.upper()] = BootFile(loader.source, target, loader.size, loader.modified_ns)
        plan = BootFilePlan(firmware, architecture, (), _in_order(files))
    if plan.size > LARGEST_ALL:
        raise InvalidInput(
            f"{source.name}: the boot files in {shown(BOOT_FOLDER)} have {format_size(plan.size)}; at most "
            f"{format_size(LARGEST_ALL)} are copied"
        )
    return plan


def read_boot_files(source: FileSource, plan: BootFilePlan) -> Iterator[tuple[BootFile, bytes]]:
    """Yield the files of a plan with their contents.

    Raises:
        OsdImageError: as :meth:`FileSource.read`.
    """
    held: dict[str, bytes] = {}
    for each in plan.files:
        # The loader goes to two places.
        if each.source not in held:
            held = {each.source: source.read(each.source, limit=LARGEST_FILE)}
        yield each, held[each.source]


def write_boot_files(target: VolumeFiles, plan: BootFilePlan, contents: list[tuple[BootFile, bytes]]) -> None:
    """Write the files of a plan; what is there under the same names is replaced.

    Raises:
        OsdImageError: as :meth:`VolumeFiles.write`.
    """
    for path, attributes in plan.directories:
        target.make_directory(path, attributes=attributes)
    for each, data in contents:
        target.write(each.target, data, attributes=each.attributes, modified_ns=each.modified_ns)


def _in_order(files: dict[str, BootFile]) -> tuple[BootFile, ...]:
    # One source after the other, so that the loader is read once.
    return tuple(sorted(files.values(), key=lambda each: (each.source, each.target)))


def _uefi_files(source: FileSource, *, signed_2023: bool) -> Iterator[BootFile]:
    to = "EFI/Microsoft/Boot"
    yield from _tree(source, f"{BOOT_FOLDER}/EFI", to)
    yield from _tree(source, f"{BOOT_FOLDER}/Fonts", f"{to}/Fonts")
    yield from _tree(source, f"{BOOT_FOLDER}/Resources", f"{to}/Resources")
    if signed_2023:
        yield from _tree(source, f"{BOOT_FOLDER}/EFI_EX", to, without_suffix=True)
        yield from _tree(source, f"{BOOT_FOLDER}/Fonts_EX", f"{to}/Fonts", without_suffix=True)


def _bios_files(source: FileSource) -> Iterator[BootFile]:
    for each in _tree(source, f"{BOOT_FOLDER}/PCAT", ""):
        match each.target.lower():
            case "bootmgr":
                yield BootFile(each.source, "bootmgr", each.size, each.modified_ns, _BOOTMGR)
            case "bootnxt":
                yield BootFile(each.source, "BOOTNXT", each.size, each.modified_ns, _HIDDEN)
            case _:
                yield BootFile(each.source, f"Boot/{each.target}", each.size, each.modified_ns)
    yield from _tree(source, f"{BOOT_FOLDER}/Fonts", "Boot/Fonts")
    yield from _tree(source, f"{BOOT_FOLDER}/Resources", "Boot/Resources")


def _tree(source: FileSource, path: str, to: str, *, without_suffix: bool = False) -> Iterator[BootFile]:
    """Yield all files below a directory; one that is not there has none."""
    if not source.exists(path):
        return
    for each in source.walk(path):
        if each.is_directory:
            continue
        _refuse_odd(source, each)
        target = each.path[len(path) + 1 :]
        if without_suffix:
            target = _without_suffix(target)
        yield BootFile(each.path, f"{to}/{target}" if to else target, each.size, each.modified_ns)


def _refuse_odd(source: FileSource, each: FileFacts) -> None:
    if each.is_link:
        raise InvalidInput(f"{source.name}: {shown(each.path)} is a link or encrypted; it cannot be copied")
    if each.size > LARGEST_FILE:
        raise InvalidInput(f"{source.name}: {shown(each.path)} has {format_size(each.size)}; that is no boot file")


def _without_suffix(path: str) -> str:
    """Return ``de-DE/bootmgfw.efi.mui`` for ``de-DE/bootmgfw_EX.efi.mui``."""
    folder, slash, name = path.rpartition("/")
    base, dot, extension = name.partition(".")
    if base.upper().endswith("_EX"):
        base = base[: -len("_EX")]
    return f"{folder}{slash}{base}{dot}{extension}"


def shown(path: str) -> str:
    """Return a path as Windows writes it."""
    return "\\" + path.replace("/", "\\").lstrip("\\")

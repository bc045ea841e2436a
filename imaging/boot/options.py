"""How a disk is made to start, and what was done for that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.boot.code.bios import BiosLoader, BootCodeReport
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.language import LocaleSource
from osdimage.imaging.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class BootOptions:
    r"""How a disk is made to start.

    Attributes:
        signed_2023: take the loaders that are signed with "Windows UEFI CA 2023" (``Windows\Boot\EFI_EX``).
        locale: the language of the boot menu; None: that of Windows, as ``language.py`` finds it.
        image_language: the language that the XML of the image says, of which Windows was applied, or None.
        description: what the menu calls this Windows; None: as a store that was restored calls it, or else Windows.
        timeout_s: how long the menu waits, in seconds; None: as long as a store that is there says, or else 30.
        bios_loader: where the boot sector of an NTFS system volume comes from.
        recovery: copy the recovery environment of Windows to the recovery partition; one that is there already becomes
            part of the store also without.
        new_store: make the BCD store anew, without the entries that it has.
        force: write also to volumes that are marked dirty.
        sync: wait until everything is on the medium.
        rehearse: write nothing, and tell what would be done.
    """

    signed_2023: bool = False
    locale: str | None = None
    image_language: str | None = None
    description: str | None = None
    timeout_s: int | None = None
    bios_loader: BiosLoader = BiosLoader.AUTO
    recovery: bool = False
    new_store: bool = False
    force: bool = False
    sync: bool = True
    rehearse: bool = False

    def __post_init__(self) -> None:
        """Refuse what the menu could not show."""
        if self.description is not None and not self.description.strip():
            raise InvalidRequest("the boot menu cannot call a Windows by an empty name; valid is one such as Windows")


@dataclass(frozen=True, slots=True)
class BootResult:
    """What was done so that a disk starts.

    Attributes:
        disk: the disk image or device with Windows.
        system_disk: the one with the boot manager, which firmware must start; None: the same.
        firmware: what starts it.
        architecture: of the loader; None for a BIOS.
        system_partition: the number of the partition with the boot manager.
        os_partition: the number of the partition with Windows.
        files: how many boot files were written.
        size: of their contents in bytes.
        image: the WIM and the image that they are from, or None: the volume of Windows.
        store: the path of the menu on the system partition: the BCD store, or ``boot.ini``.
        loader: the path at which the firmware finds the loader.
        locale: the language of the boot menu; None where it has none of its own, as that of NTLDR.
        locale_source: who says so, or None.
        replaced_store: whether there was a store before whose entries are gone.
        kept_entries: what the menu calls the other systems that it had and has.
        removed_entries: what it called those that started what is not on this disk any more.
        default_entry: what it calls the other system that starts by itself, as in a menu that was restored; None where
            that is this Windows.
        recovery_partition: the number of the partition of the recovery environment, or None.
        boot_code: what was written for a BIOS, or None.
        lost_code: whose boot code was overwritten, in sentences, unless it was Windows' own or osdimage's.
        warnings: sentences about what is still to be done, or was left as it was.
    """

    disk: Path
    system_disk: Path | None
    firmware: Firmware
    architecture: str | None
    system_partition: int
    os_partition: int
    files: int
    size: int
    image: str | None
    store: str
    loader: str
    locale: str | None
    locale_source: LocaleSource | None
    replaced_store: bool
    kept_entries: tuple[str, ...]
    removed_entries: tuple[str, ...]
    default_entry: str | None
    recovery_partition: int | None
    boot_code: BootCodeReport | None
    lost_code: tuple[str, ...]
    warnings: tuple[str, ...]

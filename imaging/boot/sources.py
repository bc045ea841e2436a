"""Boot files from an image of a WIM, for a Windows that was applied from it or from another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from osdimage.imaging.boot.code.ntfs import CANDIDATES
from osdimage.imaging.boot.drives import SYSTEM_HIVE
from osdimage.imaging.boot.files import BOOT_FOLDER, LARGEST_ALL, LARGEST_FILE, OS_LOADERS, BootFilePlan
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.windows import KERNEL, TEMPLATE
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.pe import read_pe

if TYPE_CHECKING:
    from osdimage.imaging.wim.image import WimImage


def image_source(image: WimImage) -> FileSource:
    """Return the files of an image; of a solid one, those that starting a disk takes were read in one pass.

    Raises:
        InvalidInput: when the WIM is damaged, or contents are in another file.
        StorageError: when it cannot be read.
    """
    files = image.files()
    files.prefetch(_wanted(files))
    return files


def refuse_other_architecture(plan: BootFilePlan, source: FileSource, windows: FileSource) -> None:
    r"""Refuse boot files that do not start a Windows: UEFI's boot manager starts one of its own architecture.

    That of a BIOS starts x86 and x64 alike.  A Windows without ``winload.efi`` does not say what it is.

    Raises:
        InvalidRequest: which names both.
        InvalidInput: when ``winload.efi`` is no program.
    """
    path = OS_LOADERS[Firmware.UEFI]
    if plan.architecture is None or not windows.exists(path):
        return
    found = read_pe(windows.read(path, limit=LARGEST_FILE), name=f"{windows.name}: {path}").architecture
    if found != plan.architecture:
        raise InvalidRequest(
            f"{source.name}: its boot files are for {plan.architecture}, and the Windows of {windows.name} is for "
            f"{found}; choose an image for {found}"
        )


def _wanted(files: FileSource) -> Iterator[str]:
    """Yield what is read of an image, as far as it is there, and not more than is ever copied."""
    left = LARGEST_ALL
    folder = files.find(BOOT_FOLDER)
    has_folder = folder is not None and folder.is_directory and not folder.is_link
    listed = files.walk(BOOT_FOLDER) if has_folder else iter(())
    for facts in (*listed, *map(files.find, (TEMPLATE, KERNEL, SYSTEM_HIVE, *CANDIDATES))):
        if facts is not None and not facts.is_directory and facts.size <= min(left, LARGEST_FILE):
            left -= facts.size
            yield facts.path

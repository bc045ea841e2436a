r"""Which files of a Windows go into the root directory of the system partition, so that NTLDR starts it.

============================  =====================================================================================
``ntldr``, ``ntdetect.com``   needed: the loader, and what looks at the hardware for it
``bootfont.bin``              where the menu is in a language with letters of its own
``ntbootdd.sys``              the driver of a controller, for lines of the menu that begin ``scsi`` or ``signature``
``boot.ini``                  the menu (``menu.py``)
============================  =====================================================================================

They are in the root directory of an image that was captured from such a partition; else the first two are in
``\WINDOWS\ServicePackFiles\i386``, which are of the Windows as it is, or in a copy of the setup's ``\I386``.

Source: Microsoft, KB 305595 "How to create a boot disk for an NTFS or FAT partition in Windows XP"; the last two
folders hold what Windows' own recovery console copies from (KB 320397).
"""

from __future__ import annotations

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.boot.files import BootFile, BootFilePlan, shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.ntldr.windows import NtWindows
from osdimage.imaging.errors import InvalidInput, Remedy, TargetRefused
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.units import MIB, format_size

NTLDR, DETECT, MENU, DRIVER = "ntldr", "ntdetect.com", "boot.ini", "ntbootdd.sys"
NEEDED, USEFUL = (NTLDR, DETECT), ("bootfont.bin", DRIVER)
ATTRIBUTES = int(FileAttribute.READONLY | FileAttribute.HIDDEN | FileAttribute.SYSTEM)
"""Of all these files, as Windows' own setup leaves them."""
_LARGEST = 4 * MIB


def folders_of(windows: NtWindows) -> tuple[str, ...]:
    """Return where the files may be, the best place first; empty is the root directory."""
    return "", f"{windows.folder}/ServicePackFiles/i386", "I386"


def missing_files(source: FileSource, windows: NtWindows) -> list[str]:
    """Return which of the needed files a source has nowhere."""
    return [name for name in NEEDED if _find(source, windows, name) is None]


def plan_nt_files(source: FileSource, windows: NtWindows, present: FileSource) -> BootFilePlan:
    """Decide what is copied.  Nothing is written.

    Args:
        source: the files of the Windows, or those of an image.
        windows: that Windows.
        present: those of the system partition, which keeps what the source has not.

    Raises:
        InvalidInput: when a needed file is nowhere, or is not what it must be; the message names both.
        StorageError: when a volume cannot be read.
    """
    missing = [name for name in missing_files(source, windows) if _plain(present, name) is None]
    if missing:
        names, places = " and ".join(map(shown, missing)), " and ".join(map(shown, folders_of(windows)[1:]))
        word = "is" if len(missing) == 1 else "are"
        raise InvalidInput(
            f"{source.name}: {names} {word} missing, also in {places}, so that {shown(windows.folder)} cannot be "
            f"started: {' and '.join(map(shown, NEEDED))} are needed"
        )
    found = [(name, _find(source, windows, name)) for name in (*NEEDED, *USEFUL)]
    files = tuple(
        BootFile(each.path, name, each.size, each.modified_ns, ATTRIBUTES) for name, each in found if each is not None
    )
    for each in files:
        if each.size > _LARGEST:
            raise InvalidInput(
                f"{source.name}: {shown(each.source)} has {format_size(each.size)}; that is no boot file"
            )
    return BootFilePlan(Firmware.BIOS, None, (), files)


def _find(source: FileSource, windows: NtWindows, name: str) -> FileFacts | None:
    found = (_plain(source, f"{folder}/{name}" if folder else name) for folder in folders_of(windows))
    return next((each for each in found if each is not None), None)


def _plain(source: FileSource, path: str) -> FileFacts | None:
    """Return a file that can be read, or None."""
    facts = source.find(path)
    return None if facts is None or facts.is_directory or facts.is_link else facts


def is_compressed(files: FileSource) -> bool:
    """Tell whether NTLDR is there and compressed by NTFS: no boot sector reads it then."""
    facts = files.find(NTLDR)
    return facts is not None and bool(facts.attributes & FileAttribute.COMPRESSED)


def refuse_compressed(files: FileSource) -> None:
    """Refuse a system partition whose NTLDR is compressed, which it would stay.

    Raises:
        TargetRefused: which says so.
    """
    if is_compressed(files):
        raise TargetRefused(
            f"{files.name}: {shown(NTLDR)} is compressed by NTFS, and no boot sector reads it like that",
            remedy=Remedy("delete it there, or take its compression away: compact /u in Windows"),
        )

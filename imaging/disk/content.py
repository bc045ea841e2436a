"""What a path or a window of a disk holds: one vocabulary for all rooms."""

from __future__ import annotations

from enum import StrEnum


class Content(StrEnum):
    """What a path or a window of a disk holds; the values are those of documents."""

    NTFS = "ntfs"
    FAT32 = "fat32"
    FAT16 = "fat16"
    FAT12 = "fat12"
    EXFAT = "exfat"
    REFS = "refs"
    BITLOCKER = "bitlocker"
    EXT = "ext"
    XFS = "xfs"
    BTRFS = "btrfs"
    F2FS = "f2fs"
    BCACHEFS = "bcachefs"
    ZFS = "zfs"
    APFS = "apfs"
    HFS_PLUS = "hfs+"
    SQUASHFS = "squashfs"
    ISO9660 = "iso9660"
    SWAP = "swap"
    LUKS = "luks"
    LVM2 = "lvm2"
    RAID = "md"
    DYNAMIC = "ldm"
    STORAGE_SPACES = "storage-spaces"
    TABLE = "partition-table"
    UNFINISHED = "unfinished"
    WIM = "wim"
    CONTAINER = "container"
    MISSING = "missing"
    DIRECTORY = "directory"
    SPECIAL = "special"

    @property
    def called(self) -> str:
        """Its name, as people write it."""
        return _CALLED.get(self, self.value)

    @property
    def described(self) -> str:
        """What it is, with an article."""
        return _DESCRIBED.get(self, f"a volume of type {self.called}")

    @property
    def explained(self) -> str:
        """What it is, with what gets at its files where osdimage does not: for whoever is refused."""
        hint = _READ_BY.get(self)
        return self.described if hint is None else f"{self.described} ({hint})"


_CALLED = {
    Content.NTFS: "NTFS",
    Content.FAT32: "FAT32",
    Content.FAT16: "FAT16",
    Content.FAT12: "FAT12",
    Content.EXFAT: "exFAT",
    Content.REFS: "ReFS",
}
_DESCRIBED = {
    Content.NTFS: "an NTFS volume",
    Content.FAT32: "a FAT32 volume",
    Content.FAT16: "a FAT16 volume",
    Content.FAT12: "a FAT12 volume",
    Content.EXFAT: "an exFAT volume",
    Content.REFS: "a ReFS volume",
    Content.BITLOCKER: "a BitLocker volume",
    Content.EXT: "an ext2, ext3 or ext4 volume",
    Content.LUKS: "a LUKS volume",
    Content.LVM2: "an LVM physical volume",
    Content.RAID: "a member of a RAID",
    Content.XFS: "an XFS volume",
    Content.BTRFS: "a Btrfs volume",
    Content.F2FS: "an F2FS volume",
    Content.BCACHEFS: "a bcachefs volume",
    Content.ZFS: "a member of a ZFS pool",
    Content.APFS: "an APFS container",
    Content.HFS_PLUS: "an HFS+ volume",
    Content.STORAGE_SPACES: "a member of a Storage Spaces pool",
    Content.SWAP: "swap space",
    Content.DYNAMIC: "a part of a dynamic disk",
    Content.TABLE: "a disk with a partition table",
    Content.UNFINISHED: "a volume whose making was interrupted",
    Content.WIM: "a WIM",
    Content.CONTAINER: "the file of a virtual machine's disk",
    Content.MISSING: "nothing",
    Content.DIRECTORY: "a directory",
    Content.SPECIAL: "neither a file, a directory nor a block device",
}
FATS = frozenset({Content.FAT12, Content.FAT16, Content.FAT32})
"""The three widths of one file system."""
_ON_LINUX = "mount it on Linux, and copy its files from there"
_ON_A_MAC = "macOS reads it"
_READ_BY = {
    Content.EXFAT: "Windows does not start from it; mount -t exfat shows its files",
    Content.REFS: "Windows alone reads it",
    Content.EXT: _ON_LINUX,
    Content.XFS: _ON_LINUX,
    Content.BTRFS: _ON_LINUX,
    Content.F2FS: _ON_LINUX,
    Content.BCACHEFS: _ON_LINUX,
    Content.ZFS: "zpool import shows the file systems of the pool",
    Content.LUKS: "cryptsetup open shows what is in it",
    Content.LVM2: "vgchange -ay shows its logical volumes, each of which is taken as a disk or a volume",
    Content.RAID: "mdadm assembles the array, which is taken as a disk or a volume",
    Content.APFS: _ON_A_MAC,
    Content.HFS_PLUS: _ON_A_MAC,
    Content.STORAGE_SPACES: "Windows alone shows the disks in it",
}
UNKNOWN = "no file system known here"
"""What messages say of a window that holds none of these."""


def described(content: Content | None) -> str:
    """Say what a window holds, for the end of a sentence with "holds"; None is what is not known."""
    return UNKNOWN if content is None else content.explained


def _upper(character: str) -> str:
    upper = character.upper()
    # One character for one: ß stays, and so does what would become ASCII, the dotless i.
    return upper if len(upper) == 1 and (character.isascii() or not upper.isascii()) else character


class FileSystem(StrEnum):
    """The file systems that osdimage makes; each is the :class:`Content` of the same value.

    Layouts have NTFS and FAT32, which Windows makes.  FAT16 and FAT12 are made again where they were.
    """

    NTFS = Content.NTFS.value
    FAT32 = Content.FAT32.value
    FAT16 = Content.FAT16.value
    FAT12 = Content.FAT12.value

    @property
    def is_fat(self) -> bool:
        """Whether it is FAT, of whichever width."""
        return self.content in FATS

    @property
    def content(self) -> Content:
        """What a window holds that has it."""
        return Content(self.value)

    @property
    def called(self) -> str:
        """Its name, as people and ConfigMgr write it."""
        return self.content.called

    def label_for(self, wish: str) -> str:
        """Return a label as Windows stores it where somebody asks for it: in upper case on FAT."""
        return wish if self is FileSystem.NTFS else "".join(map(_upper, wish))

    @classmethod
    def for_layouts(cls) -> tuple[FileSystem, ...]:
        """Return those that a layout can have."""
        return cls.NTFS, cls.FAT32

    @classmethod
    def _missing_(cls, value: object) -> FileSystem | None:
        # Plans have the spelling of ConfigMgr.
        return next((each for each in cls if isinstance(value, str) and value.lower() == each.value), None)

"""What a partition is for, and how the two schemes say so.

One table, :data:`TYPES`, maps roles to MBR type bytes and GPT type GUIDs; every row names its source.  Short names of
sources: CPP = learn.microsoft.com "create partition primary"; VDS = "ns-vds-create_partition_parameters";
GPTINFO = "PARTITION_INFORMATION_GPT"; MS-VDS = openspecs [MS-VDS]; UEFI = UEFI Specification 2.10, section 5.3;
DPS = uapi-group.org Discoverable Partitions Specification; FDISK = util-linux,
include/pt-gpt-partnames.h; GPTFDISK = gptfdisk, parttypes.cc; TYPES = win.tue.nl/~aeb/partitions "Partition types".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag, StrEnum
from functools import cache
from uuid import UUID

from osdimage.imaging.disk.content import Content, FileSystem


class Scheme(StrEnum):
    """The kind of partition table."""

    MBR = "mbr"
    GPT = "gpt"


class Role(StrEnum):
    """What a partition is for.  The values are the words of ``OSDPartitions<N>Type``, where there is one."""

    PRIMARY = "Primary"
    EXTENDED = "Extended"
    LOGICAL = "Logical"
    HIDDEN = "Hidden"
    EFI = "EFI"
    MSR = "MSR"
    RECOVERY = "Recovery"


class GptAttributes(IntFlag):
    """Attribute bits of a GPT entry: bits 0-2 UEFI table 5.8, bits 60-63 MS-VDS (basic data partitions only)."""

    REQUIRED = 1 << 0
    NO_BLOCK_IO = 1 << 1
    LEGACY_BOOT = 1 << 2
    READ_ONLY = 1 << 60
    SHADOW_COPY = 1 << 61
    HIDDEN = 1 << 62
    NO_DRIVE_LETTER = 1 << 63


NO_ATTRIBUTES = GptAttributes(0)
ATTRIBUTE_WORDS = {
    GptAttributes.REQUIRED: "required",
    GptAttributes.NO_BLOCK_IO: "no-block-io",
    GptAttributes.LEGACY_BOOT: "legacy-boot",
    GptAttributes.READ_ONLY: "read-only",
    GptAttributes.SHADOW_COPY: "shadow-copy",
    GptAttributes.HIDDEN: "hidden",
    GptAttributes.NO_DRIVE_LETTER: "no-drive-letter",
}


def attribute_words(attributes: int) -> tuple[str, ...]:
    """Name the attribute bits that are set; a bit without a name appears as ``bit-N``."""
    bits = [bit for bit in range(64) if attributes >> bit & 1]
    return tuple(ATTRIBUTE_WORDS.get(GptAttributes(1 << bit), f"bit-{bit}") for bit in bits)


BASIC_DATA = UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7")
EFI_SYSTEM = UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
MICROSOFT_RESERVED = UUID("e3c9e316-0b5c-4db8-817d-f92df00215ae")
WINDOWS_RECOVERY = UUID("de94bba4-06d1-4d40-a16a-bfd50179d6ac")
LDM_METADATA = UUID("5808c8aa-7e8f-42e0-85d2-e1e90434cfb3")
LDM_DATA = UUID("af9b60a0-1431-4f62-bc68-3311714a69ad")
STORAGE_SPACES = UUID("e75caf8f-f680-4cee-afa3-b001e56efc2d")

RECOVERY_ATTRIBUTES = GptAttributes.REQUIRED | GptAttributes.NO_DRIVE_LETTER
"""0x8000000000000001: MS-uefigpt, "configure UEFI/GPT-based hard drive partitions"."""
HIDDEN_ATTRIBUTES = GptAttributes.HIDDEN | GptAttributes.NO_DRIVE_LETTER
"""What ``Hidden`` means on GPT, where no type says it: inferred, no source states it."""

MBR_EMPTY = 0x00
MBR_EXTENDED_CHS = 0x05
MBR_EXTENDED_LBA = 0x0F
MBR_EXTENDED_LINUX = 0x85
MBR_EXTENDED = frozenset({MBR_EXTENDED_CHS, MBR_EXTENDED_LBA, MBR_EXTENDED_LINUX})
MBR_PROTECTIVE = 0xEE
MBR_LDM = 0x42
MBR_HIDDEN_BIT = 0x10
MBR_EFI = 0xEF
EFI_TYPES = frozenset({EFI_SYSTEM, MBR_EFI})


@dataclass(frozen=True, slots=True)
class PartitionType:
    """A row of the type table.

    Attributes:
        type_id: the byte of an MBR entry, or the GUID of a GPT entry.
        label: what people call it.
        role: what osdimage uses it for, or None for types that it only recognises.
        holds: what belongs in it; empty when anything may.
        source: where the meaning is documented.
    """

    type_id: int | UUID
    label: str
    role: Role | None
    holds: frozenset[Content]
    source: str


def _row(type_id: int | UUID, label: str, source: str, *, role: Role | None = None, holds: str = "") -> PartitionType:
    return PartitionType(type_id, label, role, frozenset(map(Content, holds.split())), source)


_NTFS = "ntfs exfat refs bitlocker"
_FAT = "fat12 fat16 fat32"

TYPES: tuple[PartitionType, ...] = (
    _row(0x01, "FAT12", "CPP", holds=_FAT),
    _row(0x04, "FAT16 below 32 MB", "CPP", holds=_FAT),
    _row(0x05, "Extended", "VDS", role=Role.EXTENDED),
    _row(0x06, "FAT16, or not formatted", "CPP", role=Role.PRIMARY, holds=_FAT),
    _row(0x07, "NTFS", "VDS", role=Role.PRIMARY, holds=_NTFS),
    _row(0x0B, "FAT32", "VDS", role=Role.PRIMARY, holds=_FAT),
    _row(0x0C, "FAT32 (LBA)", "MSFT_Disk.CreatePartition", role=Role.PRIMARY, holds=_FAT),
    _row(0x0E, "FAT16 (LBA)", "VDS", holds=_FAT),
    _row(0x0F, "Extended (LBA)", "VDS", role=Role.EXTENDED),
    _row(0x11, "Hidden FAT12", "TYPES", role=Role.HIDDEN, holds=_FAT),
    _row(0x12, "OEM", "CPP"),
    _row(0x14, "Hidden FAT16 below 32 MB", "TYPES", role=Role.HIDDEN, holds=_FAT),
    _row(0x16, "Hidden FAT16", "TYPES", role=Role.HIDDEN, holds=_FAT),
    _row(0x17, "Hidden NTFS", "TYPES", role=Role.HIDDEN, holds=_NTFS),
    _row(0x1B, "Hidden FAT32", "TYPES", role=Role.HIDDEN, holds=_FAT),
    _row(0x1C, "Hidden FAT32 (LBA)", "TYPES", role=Role.HIDDEN, holds=_FAT),
    _row(0x1E, "Hidden FAT16 (LBA)", "TYPES", role=Role.HIDDEN, holds=_FAT),
    _row(0x27, "Windows recovery", "CPP", role=Role.RECOVERY, holds=_NTFS),
    _row(0x42, "Dynamic disk (LDM)", "CPP"),
    _row(0x82, "Linux swap", "TYPES", holds="swap"),
    _row(0x83, "Linux", "TYPES"),
    _row(0x84, "OEM hibernation", "CPP"),
    _row(0x85, "Linux extended", "TYPES", role=Role.EXTENDED),
    _row(0x8E, "Linux LVM", "TYPES", holds="lvm2"),
    _row(0xA0, "OEM diagnostics", "CPP"),
    _row(0xA8, "Apple UFS", "TYPES"),
    _row(0xAB, "Apple boot", "TYPES"),
    _row(0xAF, "Apple HFS/HFS+", "TYPES", holds="hfs+"),
    _row(0xBF, "Solaris", "TYPES", holds="zfs"),
    _row(0xDE, "Dell OEM", "CPP"),
    _row(0xEE, "GPT protective", "UEFI"),
    _row(0xEF, "EFI system", "UEFI", holds=_FAT),
    _row(0xFD, "Linux RAID", "TYPES", holds="md"),
    _row(0xFE, "IBM OEM", "CPP"),
    _row(BASIC_DATA, "Basic data", "GPTINFO", role=Role.PRIMARY, holds=_NTFS + " " + _FAT),
    _row(EFI_SYSTEM, "EFI system", "GPTINFO", role=Role.EFI, holds=_FAT),
    _row(MICROSOFT_RESERVED, "Microsoft reserved", "GPTINFO", role=Role.MSR),
    _row(WINDOWS_RECOVERY, "Windows recovery", "GPTINFO", role=Role.RECOVERY, holds=_NTFS),
    _row(LDM_METADATA, "LDM metadata", "GPTINFO"),
    _row(LDM_DATA, "LDM data", "GPTINFO"),
    _row(STORAGE_SPACES, "Storage Spaces", "GPTINFO", holds="storage-spaces"),
    _row(UUID("21686148-6449-6e6f-744e-656564454649"), "BIOS boot", "DPS"),
    _row(UUID("0fc63daf-8483-4772-8e79-3d69d8477de4"), "Linux", "DPS"),
    _row(UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709"), "Linux root (x86-64)", "DPS"),
    _row(UUID("933ac7e1-2eb4-4f13-b844-0e14e2aef915"), "Linux home", "DPS"),
    _row(UUID("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"), "Linux swap", "DPS", holds="swap"),
    _row(UUID("bc13c2ff-59e6-4262-a352-b275fd6f7172"), "Linux extended boot", "DPS"),
    _row(UUID("e6d6d379-f507-44c2-a23c-238f2a3df928"), "Linux LVM", "DPS", holds="lvm2"),
    _row(UUID("a19d880f-05fc-4d3b-a006-743f0f84911e"), "Linux RAID", "DPS", holds="md"),
    *(
        _row(UUID(guid), f"Linux {what}", "DPS")
        for guid, what in {
            "44479540-f297-41b2-9af7-d131d5f0458a": "root (x86)",
            "b921b045-1df0-41c3-af44-4c6f280d3fae": "root (ARM-64)",
            "69dad710-2ce4-4e3c-b16c-21a1d49abed3": "root (ARM)",
            "8484680c-9521-48c6-9c11-b0720656f69e": "/usr (x86-64)",
            "4d21b016-b534-45c2-a9fb-5c16e091fd2d": "variable data",
            "7ec6f557-3bc5-4aca-b293-16ef5df639d1": "temporary data",
            "3b8f8425-20e0-4f3b-907f-1a25a76f98e8": "server data",
            "8da63339-0007-60c0-c436-083ac8230908": "reserved",
        }.items()
    ),
    _row(UUID("7ffec5c9-2d00-49b7-8941-3ea10a5586b7"), "Linux dm-crypt", "GPTFDISK"),
    _row(UUID("ca7d7ccb-63ed-4c53-861c-1742536059cc"), "Linux LUKS", "GPTFDISK", holds="luks"),
    _row(UUID("48465300-0000-11aa-aa11-00306543ecac"), "Apple HFS/HFS+", "FDISK", holds="hfs+"),
    _row(UUID("7c3457ef-0000-11aa-aa11-00306543ecac"), "Apple APFS", "FDISK", holds="apfs"),
    _row(UUID("426f6f74-0000-11aa-aa11-00306543ecac"), "Apple boot", "FDISK"),
    _row(UUID("52414944-0000-11aa-aa11-00306543ecac"), "Apple RAID", "FDISK"),
    _row(UUID("53746f72-6167-11aa-aa11-00306543ecac"), "Apple Core storage", "FDISK"),
    _row(UUID("6a898cc3-1dd2-11b2-99a6-080020736631"), "Solaris /usr & Apple ZFS", "FDISK", holds="zfs"),
    _row(UUID("516e7cba-6ecf-11d6-8ff8-00022d09712b"), "FreeBSD ZFS", "FDISK", holds="zfs"),
)
_SEEN_BY_TYPE: dict[int | UUID, Content] = {
    STORAGE_SPACES: Content.STORAGE_SPACES,
    LDM_DATA: Content.DYNAMIC,
    MBR_LDM: Content.DYNAMIC,
}


def told_by_type(type_id: int | UUID) -> Content | None:
    """Return what a partition is by its type alone, where nothing is known of what it holds, or None."""
    return _SEEN_BY_TYPE.get(type_id)


GPT_NAMES = {
    Role.PRIMARY: "Basic data partition",
    Role.HIDDEN: "Basic data partition",
    Role.RECOVERY: "Basic data partition",
    Role.EFI: "EFI system partition",
    Role.MSR: "Microsoft reserved partition",
}
"""The names that Windows gives; diskpart calls a recovery partition what it was created as, a basic data partition."""


@cache
def _by_id() -> dict[int | UUID, PartitionType]:
    return {row.type_id: row for row in TYPES}


def type_of(type_id: int | UUID) -> PartitionType | None:
    """Return the row of a type byte or GUID, or None when the table has none."""
    return _by_id().get(type_id)


def format_type(type_id: int | UUID) -> str:
    """Write a type as people write it: ``0x07`` or the GUID in lower case."""
    return f"0x{type_id:02x}" if isinstance(type_id, int) else str(type_id)


def parse_type(text: str) -> int | UUID:
    """Read what :func:`format_type` writes.

    Raises:
        ValueError: when the text is neither a byte nor a GUID.
    """
    if len(text) == 4 and text.startswith("0x"):
        return int(text, 16)
    return UUID(text)


def mbr_type(role: Role, filesystem: FileSystem | None, *, below_chs_limit: bool) -> int:
    """Choose the MBR type byte.

    ``below_chs_limit`` says that the partition ends where a cylinder number still fits and that the types of that age
    are wanted (compatibility mode; always for the extended partition): FAT32 is 0x0B rather than 0x0C, an extended
    partition 0x05 rather than 0x0F.  A hidden partition has the visible type with bit 4 set; a hidden one without a
    file system counts as NTFS (inferred: which byte ConfigMgr writes is not documented).
    """
    if role is Role.EXTENDED:
        return MBR_EXTENDED_CHS if below_chs_limit else MBR_EXTENDED_LBA
    if role is Role.RECOVERY:
        return 0x27
    if filesystem is FileSystem.FAT32:
        visible = 0x0B if below_chs_limit else 0x0C
    elif filesystem is FileSystem.NTFS or role is Role.HIDDEN:
        visible = 0x07
    else:
        visible = 0x06
    return visible | MBR_HIDDEN_BIT if role is Role.HIDDEN else visible


def gpt_type(role: Role) -> tuple[UUID, GptAttributes]:
    """Return the GPT type GUID and the attributes of a role."""
    return {
        Role.PRIMARY: (BASIC_DATA, NO_ATTRIBUTES),
        Role.HIDDEN: (BASIC_DATA, HIDDEN_ATTRIBUTES),
        Role.EFI: (EFI_SYSTEM, NO_ATTRIBUTES),
        Role.MSR: (MICROSOFT_RESERVED, NO_ATTRIBUTES),
        Role.RECOVERY: (WINDOWS_RECOVERY, RECOVERY_ATTRIBUTES),
    }[role]

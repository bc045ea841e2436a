"""The rules that a layout must follow whatever the disk measures; every violation is found, not only the first.

Sources: the property tables of Format and Partition Disk (SDK-partset, CM07-partprops), MBR's four entries, GPT's 128.
What the sources leave open is marked "inferred" beside the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec, PercentOfFree
from osdimage.imaging.disk.roles import NO_ATTRIBUTES, Role, Scheme

MAX_MBR_ENTRIES = 4
MAX_GPT_PARTITIONS = 128
MAX_NAME_UNITS = 36
LABEL_LIMITS = {each: 11 if each.is_fat else 32 for each in FileSystem}
_FAT_FORBIDDEN = frozenset('"*+,./:;<=>?[\\]|')

_MBR_ONLY = frozenset({Role.EXTENDED, Role.LOGICAL})
_GPT_ONLY = frozenset({Role.EFI, Role.MSR})
_MBR_ROLES = "Primary, Extended, Logical, Hidden, Recovery"
_GPT_ROLES = "Primary, Hidden, EFI, MSR, Recovery"


def problems(layout: DiskLayout) -> list[str]:
    """List what is wrong with a layout; empty when it can be placed on a large enough disk."""
    found = [text for number, spec in enumerate(layout.partitions) for text in element_problems(spec, number)]
    found += scheme_problems(layout.scheme, layout.partitions)
    found += order_problems(layout.scheme, layout.partitions)
    return found


def where(spec: PartitionSpec, number: int, prop: str, value: object) -> str:
    """Name a property of a partition the way the user gave it: as a variable, or in Python."""
    if spec.origin is not None:
        return f"{spec.origin}{prop}={value}"
    return f"partition {number + 1} ({spec.role}): {prop} {value}"


def element_problems(spec: PartitionSpec, number: int) -> Iterator[str]:
    """Yield what is wrong with a partition by itself."""
    yield from _filesystem_problems(spec, number)
    if spec.role in {Role.EXTENDED, Role.HIDDEN} and spec.letter_variable is not None:
        # CM07-partprops: not available for these two.
        at = where(spec, number, "VolumeLetterVariable", spec.letter_variable)
        yield f"{at}: {spec.role} partitions get no drive letter; leave the variable out"
    if isinstance(spec.size, FixedSize) and spec.size.size_bytes <= 0:
        yield f"{where(spec, number, 'Size', spec.size.size_bytes)}: a size must be more than 0"
    if isinstance(spec.size, PercentOfFree) and not 1 <= spec.size.percent <= 100:
        yield f"{where(spec, number, 'Size', spec.size.percent)}: a percentage must be 1 to 100"
    if spec.name is not None and (
        len(spec.name.encode("utf-16-le", "surrogatepass")) > 2 * MAX_NAME_UNITS or not spec.name.isprintable()
    ):
        at = where(spec, number, "Name", repr(spec.name))
        yield f"{at}: a GPT name is at most {MAX_NAME_UNITS} printable UTF-16 units"


def _filesystem_problems(spec: PartitionSpec, number: int) -> Iterator[str]:
    at = where(spec, number, "FileSystem", None if spec.filesystem is None else spec.filesystem.called)
    if spec.role is Role.EXTENDED and spec.filesystem is not None:
        yield f"{at}: an Extended partition is never formatted; leave FileSystem out"
    if spec.filesystem is not None and spec.filesystem not in FileSystem.for_layouts():
        valid = " and ".join(each.called for each in FileSystem.for_layouts())
        yield f"{at}: is made again where it was, and by no layout; valid are {valid}"
    if spec.role is Role.EFI and spec.filesystem is FileSystem.NTFS:
        yield f"{at}: firmware starts from FAT only; valid for EFI is FAT32"
    if spec.label is None:
        return
    at = where(spec, number, "VolumeName", spec.label)
    if not spec.label.isprintable():
        yield f"{where(spec, number, 'VolumeName', repr(spec.label))}: a label holds printable characters only"
    if spec.filesystem is None:
        return
    limit = LABEL_LIMITS[spec.filesystem]
    if len(spec.label.encode("utf-16-le", "surrogatepass")) > 2 * limit:
        yield f"{at}: a label on {spec.filesystem.called} has at most {limit} characters"
    if spec.filesystem.is_fat and (bad := sorted(_FAT_FORBIDDEN & set(spec.label))):
        yield f"{at}: a label on {spec.filesystem.called} cannot hold {' '.join(bad)}"


def scheme_problems(scheme: Scheme, specs: Sequence[PartitionSpec]) -> Iterator[str]:
    """Yield partitions that the scheme does not have, and too many of them."""
    if not specs:
        yield "the layout has no partitions; give at least one (OSDPartitions0Type=Primary)"
    for number, spec in enumerate(specs):
        at = where(spec, number, "Type", spec.role)
        if scheme is Scheme.GPT and spec.role in _MBR_ONLY:
            # CB-steps: the editor removes both when a disk is switched to GPT.
            yield f"{at}: not possible on a GPT disk; valid are {_GPT_ROLES}"
        if scheme is Scheme.MBR and spec.role in _GPT_ONLY:
            yield f"{at}: not possible on an MBR disk; valid are {_MBR_ROLES}"
        if scheme is Scheme.MBR and spec.attributes != NO_ATTRIBUTES:
            yield f"{where(spec, number, 'Attributes', hex(spec.attributes))}: an MBR disk has no attributes"
        if scheme is Scheme.MBR and spec.name is not None:
            yield f"{where(spec, number, 'Name', spec.name)}: an MBR disk has no partition names"
        if scheme is Scheme.MBR and spec.active and spec.role in {Role.EXTENDED, Role.LOGICAL, Role.HIDDEN}:
            # CM07-partprops for Extended and Hidden.  Logical is inferred: the flag is never set in an EBR.
            yield f"{where(spec, number, 'Bootable', 'true')}: {spec.role} partitions cannot be active; valid is false"
    if scheme is Scheme.GPT and len(specs) > MAX_GPT_PARTITIONS:
        yield f"{len(specs)} partitions: a GPT disk has at most {MAX_GPT_PARTITIONS}"
    if scheme is Scheme.MBR:
        yield from _mbr_counts(specs)


def _mbr_counts(specs: Sequence[PartitionSpec]) -> Iterator[str]:
    entries = [number for number, spec in enumerate(specs) if spec.role is not Role.LOGICAL]
    if len(entries) > MAX_MBR_ENTRIES:
        at = where(specs[entries[MAX_MBR_ENTRIES]], entries[MAX_MBR_ENTRIES], "Type", specs[entries[4]].role)
        yield f"{at}: an MBR disk has at most 4 partitions that are not Logical; use Extended and Logical, or GPT"
    active = [number for number, spec in enumerate(specs) if spec.active]
    if len(active) > 1:
        # Inferred: no source says what happens; only one flag can be followed.
        names = ", ".join(where(specs[number], number, "Bootable", "true") for number in active)
        yield f"{names}: only one partition of an MBR disk can be active"


def order_problems(scheme: Scheme, specs: Sequence[PartitionSpec]) -> Iterator[str]:
    """Yield what is wrong with the order: one Extended at most, and its Logicals after it; one MSR; one EFI."""
    extended: int | None = None
    seen: dict[Role, int] = {}
    for number, spec in enumerate(specs):
        at = where(spec, number, "Type", spec.role)
        if spec.role is Role.EXTENDED:
            if extended is not None:
                yield f"{at}: a disk has at most one Extended partition; {_name(specs, extended)} is the first"
            else:
                extended = number
        if spec.role is Role.LOGICAL and extended is None and scheme is Scheme.MBR:
            yield f"{at}: a Logical partition needs an Extended partition before it in the order"
        if spec.role is Role.MSR and Role.MSR in seen:
            # create-partition-msr: one on each GPT disk.
            yield f"{at}: a disk has one MSR; {_name(specs, seen[Role.MSR])} is the first"
        seen.setdefault(spec.role, number)


def _name(specs: Sequence[PartitionSpec], number: int) -> str:
    origin = specs[number].origin
    return origin if origin is not None else f"partition {number + 1}"

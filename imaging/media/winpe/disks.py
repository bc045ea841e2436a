r"""Disks as ``diskpart`` partitions them, and the letters of their volumes.

What a layout wishes for is given to diskpart as commands, as in Microsoft's "UEFI/GPT-based hard drive partitions" and
"BIOS/MBR-based hard drive partitions".  How large the disk is, nobody knows when they are written: a size is so many
megabytes, or all that is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disk import roles
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec, PercentOfFree, Remaining
from osdimage.imaging.disk.layouts.place import with_reserved
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.units import GIB, MIB, Bytes, Geometry

LETTERS = "CDEFGHIJKLMNOPQRSTUVWYZ"
"""What Windows PE gives to volumes: X: is its own, A: and B: are for floppy disks."""
_WITHOUT_LETTER = frozenset({Role.EFI, Role.MSR, Role.HIDDEN, Role.RECOVERY, Role.EXTENDED})
# Only the size of the partitions that are added hangs on the disk: 4096-byte sectors want the larger EFI partition.
_SUPPOSED = Geometry(4096, 256 * GIB // 4096)
_EFI_MB = 260
_HIDDEN_NTFS = "17"
_RECOVERY_MBR = "27"


@dataclass(frozen=True, slots=True)
class NewVolume:
    """A volume that diskpart makes.

    Attributes:
        disk: the number of its disk.
        number: of its partition, as Windows counts.
        filesystem: that it gets.
        letter: its drive letter, or None.
        is_ordinary: whether "next available partition" means it too.
        is_system: whether the firmware of the computer starts from it.
    """

    disk: int
    number: int
    filesystem: FileSystem
    letter: str | None
    is_ordinary: bool
    is_system: bool

    @property
    def name(self) -> str:
        """What messages call it."""
        letter = "" if self.letter is None else f" ({self.letter}:)"
        return f"disk {self.disk} partition {self.number}{letter}"


@dataclass(slots=True)
class NewDisks:
    """The disks that a sequence has partitioned so far.

    Attributes:
        schemes: of their tables.
        volumes: of all of them, in the order of the disks.
        filled: those that an image was applied to.
    """

    schemes: dict[int, Scheme] = field(default_factory=dict)
    volumes: list[NewVolume] = field(default_factory=list)
    filled: set[tuple[int, int]] = field(default_factory=set)

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters that are taken."""
        return tuple(each.letter for each in self.volumes if each.letter is not None)

    def add(self, disk: int, layout: DiskLayout) -> dict[str, str]:
        """Partition a disk anew; return the variables that receive letters.

        Raises:
            InvalidRequest: when all letters are taken.
        """
        self.volumes = [each for each in self.volumes if each.disk != disk]
        self.filled = {place for place in self.filled if place[0] != disk}
        self.schemes[disk] = layout.scheme
        outputs: dict[str, str] = {}
        systems: list[int] = []
        specs = wished(layout)
        for at, number in _numbers(specs).items():
            spec = specs[at]
            if spec.filesystem is None:
                continue
            is_ordinary = spec.role not in _WITHOUT_LETTER
            letter = None
            if spec.assign_letter and (spec.letter_variable is not None or is_ordinary):
                letter = self._next_letter(spec)
            is_system = spec.role is Role.EFI or spec.active
            self.volumes.append(NewVolume(disk, number, spec.filesystem, letter, is_ordinary, is_system))
            if is_system and letter is None:
                systems.append(len(self.volumes) - 1)
            if spec.letter_variable is not None and letter is not None:
                outputs[spec.letter_variable] = f"{letter}:"
        for at in systems:
            # For bcdboot alone, and only while Windows PE runs; behind those that the sequence gives.
            self.volumes[at] = replace(self.volumes[at], letter=self._system_letter())
        self.volumes.sort(key=lambda each: (each.disk, each.number))
        return outputs

    def _next_letter(self, spec: PartitionSpec) -> str:
        for each in LETTERS:
            if each not in self.letters:
                return each
        raise InvalidRequest(f"{spec.origin}: all drive letters are taken")

    def _system_letter(self) -> str:
        for each in f"S{LETTERS[::-1]}":
            if each not in self.letters:
                return each
        raise InvalidRequest("all drive letters are taken, and the system partition needs one")

    def next_volume(self) -> NewVolume:
        """Return the next volume that no image was applied to.

        Raises:
            InvalidRequest: when there is none.
        """
        for each in self.volumes:
            if each.is_ordinary and (each.disk, each.number) not in self.filled:
                return each
        raise InvalidRequest(f"no volume that this sequence has made is left to apply an image to{self._known()}")

    def numbered(self, disk: int, number: int) -> NewVolume:
        """Return the volume of a partition, as Windows counts them.

        Raises:
            InvalidRequest: when the sequence has not made it.
        """
        for each in self.volumes:
            if (each.disk, each.number) == (disk, number):
                return each
        raise InvalidRequest(f"this sequence has made no volume in disk {disk} partition {number}{self._known()}")

    def lettered(self, drive: str) -> NewVolume:
        r"""Return the volume of a drive such as ``C:`` or ``C:\``.

        Raises:
            InvalidRequest: when the sequence has not made it.
        """
        plain = drive.strip().rstrip("\\").upper()
        for each in self.volumes:
            if each.letter is not None and plain == f"{each.letter}:":
                return each
        raise InvalidRequest(f"this sequence has made no volume {quoted(drive)}{self._known()}")

    def system_of(self, disk: int) -> NewVolume | None:
        """Return the volume that firmware starts a disk from, or None."""
        return next((each for each in self.volumes if each.disk == disk and each.is_system), None)

    def firmware_of(self, disk: int) -> Firmware:
        """Return what starts a disk."""
        return Firmware.UEFI if self.schemes[disk] is Scheme.GPT else Firmware.BIOS

    def _known(self) -> str:
        return f"; it has made: {', '.join(each.name for each in self.volumes) or 'none'}"


def wished(layout: DiskLayout) -> tuple[PartitionSpec, ...]:
    """Return the partitions of a layout with those that Windows adds, whose sizes serve any disk."""
    if layout.scheme is not Scheme.GPT:
        return layout.partitions
    return tuple(
        replace(spec, size=FixedSize(Bytes(_EFI_MB * MIB)))
        if spec.role is Role.EFI and spec not in layout.partitions
        else spec
        for spec in with_reserved(layout, _SUPPOSED)
    )


def diskpart_lines(disk: int, layout: DiskLayout, volumes: NewDisks) -> tuple[str, ...]:
    """Return the commands for diskpart that make a disk so.  Everything on it is lost.

    Args:
        disk: its number.
        layout: what it is to be.
        volumes: which have its letters already.

    Raises:
        InvalidRequest: when diskpart cannot be told, without the size of the disk or at all.
    """
    if layout.bios_compatibility:
        raise InvalidRequest(
            "OSDDiskpartBiosCompatibilityMode=true: diskpart of today aligns partitions; valid is false"
        )
    lines = [f"select disk {disk}", "clean"]
    if layout.scheme is Scheme.GPT:
        lines.append("convert gpt")
    specs = wished(layout)
    numbers = _numbers(specs)
    letters = {each.number: each.letter for each in volumes.volumes if each.disk == disk}
    for at, spec in enumerate(specs):
        _require_room(spec, specs[at + 1 :])
        lines.append(_partition(spec))
        lines += _volume(spec, letters.get(numbers.get(at, 0)))
        lines += _marks(spec, layout.scheme)
    return tuple(lines)


def _numbers(specs: tuple[PartitionSpec, ...]) -> dict[int, int]:
    """Return the numbers of partitions in Windows, by their places; an extended one has none."""
    entries = [at for at, spec in enumerate(specs) if spec.role not in {Role.EXTENDED, Role.LOGICAL}]
    logical = [at for at, spec in enumerate(specs) if spec.role is Role.LOGICAL]
    return {at: number for number, at in enumerate((*entries, *logical), 1)}


def _require_room(spec: PartitionSpec, others: tuple[PartitionSpec, ...]) -> None:
    """Refuse a size that diskpart cannot be told without that of the disk."""
    size, called = spec.size, spec.origin or spec.role.value
    if isinstance(size, FixedSize):
        return
    if isinstance(size, PercentOfFree) and size.percent != 100:
        raise InvalidRequest(
            f"{called}Size is {size.percent} percent of a disk whose size is not known when the medium is made; valid "
            "are sizes in MB or GB, and 100 percent or no size for all that is left"
        )
    if isinstance(size, Remaining) and size.leave_bytes:
        raise InvalidRequest(f"{called}Size is {size}, which diskpart is not told; valid is all that is left")
    inside = {Role.LOGICAL: {Role.LOGICAL}, Role.EXTENDED: set(Role) - {Role.LOGICAL}}.get(spec.role, set(Role))
    if any(each.role in inside for each in others):
        raise InvalidRequest(f"{called} takes all that is left, and others come after it; valid is a size in MB or GB")


def _partition(spec: PartitionSpec) -> str:
    kind = spec.role.value.lower() if spec.role not in {Role.HIDDEN, Role.RECOVERY} else "primary"
    size = f" size={-(-spec.size.size_bytes // MIB)}" if isinstance(spec.size, FixedSize) else ""
    return f"create partition {kind}{size}"


def _volume(spec: PartitionSpec, letter: str | None) -> Iterator[str]:
    if spec.filesystem is None:
        return
    label = ""
    if spec.label:
        if not spec.label.isascii() or '"' in spec.label:
            raise InvalidRequest(
                f"{spec.origin or spec.role.value}VolumeName={spec.label}: valid in a script of diskpart are ASCII "
                "characters but the quotation mark"
            )
        label = f' label="{spec.filesystem.label_for(spec.label)}"'
    quick = " quick" if spec.quick_format else ""
    unit = "" if spec.cluster_size is None else f" unit={spec.cluster_size}"
    yield f"format{quick} fs={spec.filesystem.value.lower()}{label}{unit}"
    if letter is not None:
        yield f"assign letter={letter}"


def _marks(spec: PartitionSpec, scheme: Scheme) -> Iterator[str]:
    """Yield what is set when the volume is there: as long as it is an ordinary one, diskpart formats it."""
    if scheme is Scheme.MBR:
        if spec.active:
            yield "active"
        if spec.role is Role.RECOVERY:
            yield f"set id={_RECOVERY_MBR}"
        if spec.role is Role.HIDDEN:
            yield f"set id={_HIDDEN_NTFS if spec.filesystem is not FileSystem.FAT32 else '1c'}"
        return
    if spec.role is Role.RECOVERY:
        yield f'set id="{roles.WINDOWS_RECOVERY}"'
    attributes = int(roles.gpt_type(spec.role)[1] | spec.attributes)
    if attributes and spec.role not in {Role.EFI, Role.MSR}:
        yield f"gpt attributes=0x{attributes:016x}"

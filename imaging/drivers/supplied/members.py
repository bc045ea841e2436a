"""What an archive says to hold, judged before any of it is taken out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from osdimage.imaging.errors import InvalidInput, Remedy, quoted
from osdimage.imaging.units import GIB, MIB, format_size

# Below this a ratio tells nothing: a log file of a driver may well shrink to a thousandth.
_RATIO_COUNTS_FROM = 64 * MIB
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 4096
_DEEPEST = 64
_MEANT = Remedy("where that is meant, extract it yourself and give the folder")


@dataclass(frozen=True, slots=True)
class SupplyLimits:
    """What an archive may become; the driver packs of whole series of computers stay far below.

    Who means an archive that is beyond them passes others, or gives a folder, which has none.

    Attributes:
        total_bytes: of all files together, those of archives within counted, too.
        members: how many files and folders there may be, those of archives within counted, too.
        ratio: how many times larger the files may be than the archive, once they are above 64 MiB.
    """

    total_bytes: int = 64 * GIB
    members: int = 200_000
    ratio: int = 300

    def without(self, used_bytes: int, used_members: int) -> SupplyLimits:
        """Return what is left once so much was taken out."""
        return replace(
            self,
            total_bytes=max(0, self.total_bytes - used_bytes),
            members=max(0, self.members - used_members),
        )


@dataclass(frozen=True, slots=True)
class Member:
    r"""A file or folder of an archive.

    Attributes:
        name: as it is recorded, with ``/`` or ``\``.
        size: that it will have, as the archive says; 0 where it does not say.
        is_directory: whether it is a folder.
        is_plain: it is a folder or a plain file, and not a link or a device.
        is_encrypted: a password is needed to read it.
    """

    name: str
    size: int
    is_directory: bool = False
    is_plain: bool = True
    is_encrypted: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its path; those that mean the same folder again are left out."""
        return tuple(part for part in self.name.replace("\\", "/").split("/") if part not in {"", "."})


def refuse_unsafe(archive: str, members: Sequence[Member]) -> None:
    """Refuse an archive with a member that could be written elsewhere, or that holds two of one path, in whatever case.

    Raises:
        InvalidInput: naming the member.
    """
    files: set[tuple[str, ...]] = set()
    folders: set[tuple[str, ...]] = set()
    for each in members:
        fault = _fault(each)
        if fault is not None:
            raise InvalidInput(
                f"{archive}: {quoted(_printable(each.name))} {fault}; valid are plain files with paths below the "
                "archive, such as amd64/x.sys"
            )
        folded = tuple(part.casefold() for part in each.parts)
        if folded in files:
            raise InvalidInput(f"{archive}: holds {quoted('/'.join(each.parts))} twice")
        (folders if each.is_directory else files).add(folded)
        folders.update(folded[:count] for count in range(1, len(folded)))
    if both := files & folders:
        raise InvalidInput(f"{archive}: holds {quoted('/'.join(min(both)))} as a file and as a folder")


def refuse_bomb(archive: str, members: Sequence[Member], archive_bytes: int, limits: SupplyLimits) -> int:
    """Return how many bytes all members have together, when that is within the limits.

    Raises:
        InvalidInput: when they are too many, too large, or too much larger than the archive.
    """
    if len(members) > limits.members:
        raise too_many(archive, limits)
    total = sum(each.size for each in members)
    if total > limits.total_bytes:
        raise too_large(archive, total, limits)
    if total > max(_RATIO_COUNTS_FROM, limits.ratio * archive_bytes):
        raise InvalidInput(
            f"{archive}: would become {format_size(total)}, more than {limits.ratio} times its size",
            remedy=_MEANT,
        )
    return total


def too_many(archive: str, limits: SupplyLimits) -> InvalidInput:
    """Return the error of an archive that holds too many files."""
    return InvalidInput(
        f"{archive}: holds more than {limits.members} files and folders",
        remedy=_MEANT,
    )


def too_large(archive: str, total: int, limits: SupplyLimits) -> InvalidInput:
    """Return the error of an archive that becomes too much."""
    return InvalidInput(
        f"{archive}: becomes {format_size(total)} or more, above the limit of {format_size(limits.total_bytes)}",
        remedy=_MEANT,
    )


def _fault(member: Member) -> str | None:
    """Return what is wrong with a member."""
    name = member.name
    if _CONTROL.search(name):
        return "has a control character in its name"
    if len(name) > _LONGEST:
        return f"has a path of {len(name)} characters"
    if name.startswith(("/", "\\")):
        return "has an absolute path"
    if ":" in name:
        return "has a ':' in its path: that of a drive, or of a stream"
    if ".." in member.parts:
        return "leads out of the archive with '..'"
    if len(member.parts) > _DEEPEST:
        return f"is more than {_DEEPEST} folders deep"
    if not member.is_directory and not member.parts:
        return "has no name"
    if not member.is_plain:
        return "is a link or a device"
    if member.is_encrypted:
        return "is encrypted"
    return None


def _printable(name: str) -> str:
    shown = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", name).encode("utf-8", "backslashreplace").decode()
    return shown if len(shown) <= 200 else f"{shown[:200]}..."

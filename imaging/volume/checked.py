"""What a check of a volume found, in the terms of all file systems: findings, each with its severity and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import OsdImageError, Remedy, StorageError
from osdimage.imaging.finding import Finding, Severity, warning
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.volume.fat.check import check_fat
from osdimage.imaging.volume.hazards import PENDING, is_pending
from osdimage.imaging.volume.ntfs.check.faults import NtfsReport
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind
from osdimage.imaging.volume.ntfs.check.volume import NtfsCheckOptions, check_ntfs

REPAIR = Remedy("let Windows mend it with chkdsk /f, a copy of the volume first")
_PENDING = "any command that writes to the volume finishes it"
_BOOT = Remedy("save a copy of the volume; its last sector may hold a good copy of the boot sector")
_NOT_ALL = Remedy("what hangs on it was not judged; mend that first, and check again")


@dataclass(frozen=True, slots=True)
class VolumeCheck:
    """What a check of a volume found.

    Attributes:
        content: the file system.
        findings: what is wrong, the worst first; on NTFS one for each kind of fault.
        ntfs: every fault and what was counted, of an NTFS volume; else None.
    """

    content: Content
    findings: tuple[Finding, ...]
    ntfs: NtfsReport | None = None

    @property
    def is_sound(self) -> bool:
        """Whether there is no error; there may be warnings."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


def judge_fat(volume: OpenVolume) -> VolumeCheck:
    """Check a FAT volume.

    Raises:
        StorageError: when it cannot be read.
    """
    return VolumeCheck(volume.content or Content.FAT32, _sorted(check_fat(volume.window())))


def judge_ntfs(volume: OpenVolume, most: int, progress: ProgressCallback | None) -> VolumeCheck:
    """Check an NTFS volume, and whether Windows has it in use.

    Raises:
        StorageError: when it cannot be read.
    """
    report = check_ntfs(volume.window(), NtfsCheckOptions(most=most), progress=progress)
    findings = [
        Finding(kind.severity, kind.code, f"{kind.title}{_times(count)}: {kind.meaning}", _remedy(kind))
        for kind, count in report.counts.items()
    ]
    if not report.is_complete:
        findings.append(warning("not-complete", "a part of the volume could not be looked at", _NOT_ALL))
    if is_pending(volume):
        findings.append(warning("volume-state", f"{volume.name}: {PENDING}", _PENDING))
    elif report.is_sound:
        # libntfs-3g is asked, which is given no volume that is damaged.
        findings += _in_use(volume)
    return VolumeCheck(Content.NTFS, _sorted(findings), report)


def _remedy(kind: FaultKind) -> Remedy:
    return _BOOT if kind is FaultKind.BOOT else REPAIR


def _times(count: int) -> str:
    return "" if count == 1 else f", {count:,} times"


def _sorted(findings: list[Finding] | tuple[Finding, ...]) -> tuple[Finding, ...]:
    ranks = list(Severity)
    return tuple(sorted(findings, key=lambda finding: ranks.index(finding.severity)))


def _in_use(volume: OpenVolume) -> Iterator[Finding]:
    """Yield what a sound volume lacks: what Windows has of it in its hibernation file or its journal."""
    from osdimage.imaging.volume.ntfs import state  # noqa: PLC0415 - libntfs-3g comes with it

    try:
        with volume.sliced(read_only=True) as piece:
            # That it is marked dirty was found.
            facts = replace(state.read_facts(volume, piece), is_dirty=False)
    except StorageError:
        raise
    except OsdImageError as error:
        yield warning("volume-state", str(error), REPAIR)
        return
    for text in state.hazards(volume, facts):
        yield warning("volume-state", text, "shut Windows down fully, or let chkdsk finish what its journal holds")

"""What the default entry of a store starts, as far as that is on this disk and can be read."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.boot import remedies
from osdimage.imaging.boot.bcd.check import StoreFacts
from osdimage.imaging.boot.bcd.store import LOADER_TYPE
from osdimage.imaging.boot.check_loaders import architecture_of
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.holdings import Holdings
from osdimage.imaging.disk.bitlocker.facts import Condition
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.finding import Finding, error, warning
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, open_files
from osdimage.imaging.volume.ntfs import state

# Which machine a BIOS starts.
_BIOS_ARCHITECTURES = frozenset({"x86", "x64"})
# What the boot manager of Windows reads, and osdimage does not look into.
_CLOSED = frozenset({Content.REFS, Content.DYNAMIC, Content.EXFAT})


def default_findings(
    disk: Disk, facts: StoreFacts, firmware: Firmware, holdings: Holdings, *, manager: str | None
) -> tuple[Partition | None, list[Finding]]:
    """Look at what the default entry starts.

    Args:
        disk: the disk.
        facts: its store.
        firmware: what starts it.
        holdings: what its volumes hold.
        manager: for which architecture the boot manager is, or None.

    Returns:
        The partition with that Windows, or None when it is not known, and what is to be said of it.
    """
    work = _Windows(disk, facts, firmware, holdings, manager)
    return work.look(), work.found


class _Windows:
    def __init__(
        self, disk: Disk, facts: StoreFacts, firmware: Firmware, holdings: Holdings, manager: str | None
    ) -> None:
        self._disk = disk
        self._facts = facts
        self._firmware = firmware
        self._holdings = holdings
        self._manager = manager
        self.found: list[Finding] = []

    def look(self) -> Partition | None:
        facts = self._facts
        if facts.default is None:
            return None
        if facts.default.type != LOADER_TYPE:
            text = f"the default entry starts {facts.default.kind}, which is no Windows; where that leads is not known"
            self.found.append(warning("os-other", text, remedies.CANNOT_TELL))
            return None
        if facts.container is not None:
            self._inside(facts.container)
            return facts.windows
        if facts.is_located:
            return self._located()
        for each in dict.fromkeys((facts.loader, facts.windows)):
            if each is not None:
                self._windows(each, is_loader=each == facts.loader, is_windows=each == facts.windows)
        return facts.windows

    def _inside(self, container: str) -> None:
        """Say of a Windows inside a file, of which no more is known than whether the file is there."""
        where, path = self._facts.windows, self._facts.container_path
        if where is not None and path is not None and self._holdings.holds(where, path) is False:
            text = f"{self._disk.name} partition {where.number}: {path} is missing, which the default entry starts"
            self.found.append(error("os-loader-missing", text, "copy the file there, or install a Windows"))
            return
        text = f"the default entry starts what is inside {container}, which osdimage does not look into"
        self.found.append(warning("os-inside", text, remedies.CANNOT_TELL))

    def _located(self) -> Partition | None:
        """Find the Windows of an entry that names no partition, but a file to look for."""
        path = self._facts.loader_path
        if path is None:
            return None
        places = [each for each in self._facts.refs.values() if self._holdings.holds(each, path)]
        if len(places) == 1:
            self._windows(places[0], is_loader=True, is_windows=True)
            return places[0]
        if places:
            numbers = ", ".join(str(each.number) for each in places)
            text = f"the default entry starts {path} wherever it is, and partitions {numbers} hold it"
            remedy = remedies.install("{} names the partition in its place")
            self.found.append(warning("bcd-device-unknown", text, remedy))
        elif any(self._holdings.is_closed(each) for each in self._facts.refs.values()):
            text = f"the default entry starts {path} wherever it is; partitions that may hold it cannot be read"
            self.found.append(warning("os-unread", text, remedies.CANNOT_TELL))
        else:
            text = f"the default entry starts {path} wherever it is, and no partition here holds it"
            self.found.append(error("os-loader-missing", text, remedies.APPLY))
        return None

    def _windows(self, partition: Partition, *, is_loader: bool, is_windows: bool) -> None:
        """Look at a volume with the loader of the default entry, with its Windows, or with both."""
        try:
            volume = self._disk.volume_in(partition)
        except OsdImageError as problem:
            self.found.append(error("os-off-disk", problem.said, remedies.WHOLE))
            return
        self.found += _of_other_machines(volume)
        if volume.content not in FILE_SYSTEMS:
            self.found.append(_closed(volume))
            return
        try:
            with open_files(volume) as files:
                missing = self._missing(files, is_loader=is_loader, is_windows=is_windows)
                if missing is not None:
                    remedy = remedies.fix("apply an image there, or bind the store to the partition with Windows: {}")
                    self.found.append(error("os-loader-missing", missing, remedy))
                    return
                if is_loader:
                    self._os_loader(files)
            if volume.content is Content.NTFS:
                self.found += volume_state(volume, is_told=any(each.code == "os-hibernated" for each in self.found))
        except OsdImageError as problem:
            text = f"{problem.said}; whether the Windows there starts is not known"
            self.found.append(warning("os-unread", text, remedies.CHECK_VOLUME))

    def _missing(self, files: VolumeFiles, *, is_loader: bool, is_windows: bool) -> str | None:
        """Return what the default entry needs on a volume and does not find there, in words."""
        path, root = self._facts.loader_path, self._facts.system_root
        if is_loader and path is not None and not files.exists(path):
            return f"{files.name}: {path} is missing, which the default entry starts"
        if is_windows and root is not None and not files.exists(root):
            return f"{files.name}: {root} is missing, where the default entry says that Windows is"
        return None

    def _os_loader(self, files: VolumeFiles) -> None:
        path = self._facts.loader_path
        if path is None:
            return
        architecture, findings = architecture_of(files, path)
        self.found += findings
        if architecture is None:
            return
        if self._firmware is Firmware.BIOS and architecture not in _BIOS_ARCHITECTURES:
            text = f"{files.name}: Windows is for {architecture}, which starts under UEFI from GPT disks only"
            self.found.append(error("architecture", text, "deploy it with the preset uefi"))
        elif self._manager is not None and architecture != self._manager:
            text = f"the boot manager is for {self._manager}, Windows on {files.name} for {architecture}"
            self.found.append(
                error("architecture", text, remedies.install("{} takes the boot manager of that Windows"))
            )


def volume_state(volume: OpenVolume, *, is_told: bool = False) -> Iterator[Finding]:
    """Yield what a Windows finds when it starts from an NTFS volume that was not left in order.

    Args:
        volume: that of Windows.
        is_told: whether it was said already that a Windows is hibernated.
    """
    with volume.sliced(read_only=True) as piece:
        facts = state.read_facts(volume, piece)
    for text in state.hazards(volume, facts):
        if facts.is_hibernated and not is_told:
            is_told = True
            told = f"{text}.  The loader goes on with what hiberfil.sys holds, which osdimage does not look into"
            yield warning("os-hibernated", told, "start it where it was, and shut it down fully")
        else:
            yield warning("os-volume", text, "Windows checks it when it starts")


def _closed(volume: OpenVolume) -> Finding:
    """Return what is to be said of a partition of Windows that osdimage does not look into."""
    if volume.content is Content.BITLOCKER:
        text = f"{volume.name} holds {volume.described}"
        return warning("os-encrypted", text, "none is needed where Windows can be unlocked")
    window = volume.window()
    is_blank = not any(window.read_at(0, min(MIB, window.geometry.size_bytes)))
    if volume.content in _CLOSED or (volume.content is None and not is_blank):
        text = f"{volume.name} holds {volume.described}, which osdimage does not look into"
        return warning("os-unread", text, remedies.CANNOT_TELL)
    held = "nothing" if is_blank else volume.described
    return error(
        "os-format", f"{volume.name} holds {held}, and the default entry starts a Windows there", remedies.APPLY
    )


def _of_other_machines(volume: OpenVolume) -> Iterator[Finding]:
    """Yield what is to be said of a Windows that one machine alone unlocks by itself."""
    encryption = volume.encryption
    if encryption is not None and encryption.has_tpm and encryption.condition is Condition.ENCRYPTED:
        text = f"{volume.name} is unlocked by the TPM of its machine; another one asks for the recovery password"
        yield warning("os-tpm", text, "none is needed where that password is at hand")

"""A stick by itself: its table, its volumes, and what a BIOS needs of both.

What prints "Missing operating system" is the code of an MBR that finds nothing in the partition which it is to start.
Five things lead there: no partition is active; the active one lies farther out than the BIOS reaches; its type is one
that the BIOS or the code does not start; the disk has no signature, by which some tell a disk from a floppy; and there
is no table at all, which some BIOSes want and others do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from osdimage.imaging.boot.check_bios import active_partition, boot_sector_findings, record_findings
from osdimage.imaging.boot.holdings import Holdings
from osdimage.imaging.disk.content import FATS
from osdimage.imaging.disk.roles import EFI_SYSTEM, Scheme
from osdimage.imaging.disk.tables.check import check_disk
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.errors import InvalidInput, Remedy
from osdimage.imaging.finding import Finding, Severity, error, note, warning
from osdimage.imaging.media.checked.discs import Counted
from osdimage.imaging.media.checked.places import Place
from osdimage.imaging.media.checked.stores import ANEW
from osdimage.imaging.volume.filesystems import check_volume

_REACHED_SECTORS = 1023 * 255 * 63
"""What a BIOS without LBA reaches of a disk, with the largest geometry."""
_STARTABLE = {0x07: "NTFS", 0x0C: "FAT32 (LBA)"}
_MOST = 5
_MOST_NAMES = 1 << 20


def stick_findings(place: Place, counted: Counted) -> Iterator[Finding]:
    """Look at the table and at every volume of a stick.

    Raises:
        StorageError: when it cannot be read.
    """
    assert place.disk is not None  # noqa: S101 - who calls has looked
    reading = check_disk(place.disk.target)
    if reading.table is None:
        text = f"{place.path}: has no partition table: some machines start such a stick as a floppy, others do not"
        yield warning("no-table", text, ANEW)
    else:
        yield from reading.findings
    yield from (error("volume-unread", each.said, ANEW) for each in place.unread)
    for volume in place.volumes:
        found = check_volume(volume.volume, most=_MOST).findings
        yield from (replace(each, text=f"{volume.volume.name}: {each.text}") for each in found)
        names = 0
        try:
            for facts in volume.files.walk():
                names += 1
                if names > _MOST_NAMES:
                    text = f"{volume.volume.name}: has more than {_MOST_NAMES} names, or a directory in itself"
                    yield error("volume-damaged", text, ANEW)
                    break
                if not facts.is_directory:
                    counted.files += 1
                    counted.contents_bytes += facts.size
        except InvalidInput as problem:
            yield error("volume-damaged", f"{problem.said}; what is behind it was not looked at", ANEW)


def bios_findings(place: Place) -> Iterator[Finding]:
    """Yield what keeps a BIOS from starting a stick, before it comes to its files.

    Raises:
        StorageError: when it cannot be read.
    """
    disk = place.disk
    assert disk is not None  # noqa: S101 - who calls has looked
    table = disk.read().table
    if table is None:
        return
    if table.scheme is Scheme.GPT:
        yield note("gpt-no-bios", f"{place.path}: has a GPT, from which no BIOS starts", "none is needed for UEFI")
        return
    with Holdings(disk) as holdings:
        active, found = active_partition(table, holdings)
    yield from (_worded(each) for each in (*found, *record_findings(disk, table)))
    if active is None:
        return
    yield from _partition_findings(place, active)
    yield from (_worded(each) for each in boot_sector_findings(disk, active))


def _partition_findings(place: Place, active: Partition) -> Iterator[Finding]:
    if active.type_id not in _STARTABLE:
        known = ", ".join(f"{number:#04x} ({name})" for number, name in _STARTABLE.items())
        text = f"{place.path}: the active partition is of type {active.type_label}; BIOSes start {known}"
        yield warning("active-type", text, ANEW)
    if active.extent.first > _REACHED_SECTORS:
        text = (
            f"{place.path}: the active partition begins at sector {active.extent.first}; a BIOS without LBA reaches "
            f"{_REACHED_SECTORS}"
        )
        yield warning("active-far", text, ANEW)


def uefi_findings(place: Place) -> Iterator[Finding]:
    """Yield what keeps UEFI from finding the volume of a stick from which it would start."""
    volume = next((each for each in place.volumes if each.files is place.files), None)
    if volume is None:
        return
    if volume.volume.content not in FATS:
        text = f"{volume.volume.name}: is {volume.volume.described}; firmware reads FAT"
        yield error("efi-format", text, ANEW)
    if volume.partition is not None and place.disk is not None:
        table = place.disk.read().table
        if table is not None and table.scheme is Scheme.GPT and volume.partition.type_id != EFI_SYSTEM:
            text = f"{volume.volume.name}: is of type {volume.partition.type_label}; some firmware starts EFI system"
            yield warning("efi-type", f"{text} partitions alone", ANEW)


def _worded(finding: Finding) -> Finding:
    """Return what is said of disks with what helps a stick: it is made anew."""
    return finding if finding.severity is Severity.NOTE else replace(finding, remedy=Remedy(ANEW))

"""Which firmware a computer must have for a sequence, where nobody told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.places import firmware_of
from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.tasksequence.judging.leave_out import NOTHING, LeaveOut
from osdimage.imaging.tasksequence.plan import rehearse

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.computer.machine import Machine
    from osdimage.imaging.tasksequence.environment import Environment
    from osdimage.imaging.tasksequence.sequence import Sequence


def fitting_firmware(
    sequence: Sequence, env: Environment, machine: Machine, *, leave_out: LeaveOut = NOTHING
) -> Firmware:
    """Return the firmware that starts the disk which a sequence would give to Windows.

    Sequences ask for the firmware to choose a layout, so both are rehearsed: UEFI, unless the disk of Windows is MBR
    then, and with a BIOS too.  A disk that the sequence does not partition is what it is.

    Args:
        sequence: the task sequence.
        env: its variables before the first step; a copy is used.
        machine: the computer; its firmware does not matter.
        leave_out: which steps may be left out.
    """
    given = machine.firmware
    try:
        for firmware in (Firmware.UEFI, Firmware.BIOS):
            machine.firmware = firmware
            if _starts(sequence, env, machine, leave_out) is not Firmware.BIOS:
                return Firmware.UEFI
    finally:
        machine.firmware = given
    return Firmware.BIOS


def _starts(sequence: Sequence, env: Environment, machine: Machine, leave_out: LeaveOut) -> Firmware | None:
    """Return what starts the disk of Windows after a run, or None when that is not known."""
    after = rehearse(sequence, env, machine, leave_out=leave_out)[1]
    disk = after.system.place.disk if after.system is not None else min(after.disks, default=None)
    if disk is None:
        return None
    try:
        return firmware_of(after.table(disk))
    except (OsdImageError, OSError):
        # No table, or no disk yet.
        return None

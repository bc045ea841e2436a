"""What a run from stand-alone media would do on an empty computer: the plan of a run, before there are media."""

from __future__ import annotations

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.media.sequence.given import StandaloneGiven
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.tasksequence.computer.firmware import fitting_firmware
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import FirstBoot
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.planned import RunPlan
from osdimage.imaging.units import GIB

DISK_BYTES = 256 * GIB
"""The size of the one disk of that computer, which is empty; on the disk of this machine it takes nothing."""


def rehearse_on_empty_computer(given: StandaloneGiven, env: Environment) -> RunPlan:
    """Plan a run on a computer with one empty disk, that starts as the media do.

    Raises:
        OsdImageError: when the sequence cannot even be planned: rules or facts that it asks cannot be read.
    """
    with scratch_folder() as folder:
        disk = folder / "disk.img"
        create_image(str(disk), DISK_BYTES).close()
        machine = Machine.start({0: disk}, packages=given.packages)
        machine.supplies = given.supplies
        machine.at_first_start = given.supplies.first_boot is FirstBoot.SETUP
        if given.firmware == frozenset(Firmware):
            machine.firmware = fitting_firmware(given.sequence, env, machine)
        else:
            machine.firmware = next(iter(given.firmware), Firmware.UEFI)
        return plan_sequence(given.sequence, env, machine)

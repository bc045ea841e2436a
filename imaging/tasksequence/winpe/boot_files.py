r"""Making a disk start: ``bcdboot C:\Windows``.

Source: "BCDBoot command-line options", learn.microsoft.com/windows-hardware/manufacture/desktop.  Which firmware starts
a disk is told by its partition table, and not by the firmware that has started Windows PE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.install import BootOptions, install_boot
from osdimage.imaging.boot.places import choose_places, firmware_of
from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.volumes import Place
from osdimage.imaging.tasksequence.result import Events, Forecast
from osdimage.imaging.tasksequence.winpe.command import Command, Outcome
from osdimage.imaging.tasksequence.winpe.places import DrivePath, drive_path
from osdimage.imaging.tasksequence.winpe.switches import Switches

_LOCALE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,2}", re.IGNORECASE | re.ASCII)
_FIRMWARE = {"UEFI": Firmware.UEFI, "BIOS": Firmware.BIOS, "ALL": None}
_WITH_WORD = frozenset({"l", "s", "f", "m"})


@dataclass(frozen=True, slots=True)
class InstallBoot(Command):
    """``bcdboot``.

    Attributes:
        windows: the folder of Windows.
        system: the drive with the boot manager, or None for the system partition of the disk.
        firmware: for which alone boot files are asked, or None.
        is_for_all: whether they are asked for every firmware.
        locale: the language of the boot menu, or None for that of Windows.
        new_store: whether the store is made anew.
    """

    windows: DrivePath
    system: DrivePath | None
    firmware: Firmware | None
    is_for_all: bool
    locale: str | None
    new_store: bool

    @classmethod
    def read(cls, words: tuple[str, ...]) -> InstallBoot:
        """Read the words of the command.

        Raises:
            InvalidRequest: when they are not those of one that is known here.
        """
        switches = Switches.apart(_joined(words), signs="/-")
        if len(switches.words) != 1:
            raise InvalidRequest("bcdboot is told no folder of Windows; valid is one such as bcdboot C:\\Windows")
        system, firmware, locale = switches.value("s"), switches.value("f"), switches.value("l")
        if firmware is not None and firmware.upper() not in _FIRMWARE:
            raise InvalidRequest(f"bcdboot /f {quoted(firmware)}; valid are UEFI, BIOS and ALL")
        if locale is not None and _LOCALE.fullmatch(locale) is None:
            raise InvalidRequest(f"bcdboot /l {quoted(locale)}; valid is a language such as en-us")
        new_store = switches.take("c", "bcdclean")
        switches.pass_over("v", "nofirmwaresync", "p", "offline")
        switches.finish("bcdboot")
        return cls(
            drive_path(switches.words[0]),
            None if system is None else drive_path(system),
            None if firmware is None else _FIRMWARE[firmware.upper()],
            firmware is not None and firmware.upper() == "ALL",
            locale,
            new_store,
        )

    def foretell(self, machine: Machine) -> Forecast:
        """Tell which disk would start."""
        place = self._windows(machine)
        table, system = machine.table(place.disk), self._system(machine, place)
        places = choose_places(table, place.partition, system)
        self._refuse_other(places.firmware, place)
        told = f"make disk {place.disk} start {self.windows} under {places.firmware.value.upper()}"
        return Forecast(told, warnings=self._warnings(machine, place, places.firmware))

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Write the boot files, the store and, for a BIOS, boot code."""
        place = self._windows(machine)
        system = self._system(machine, place)
        self._refuse_other(firmware_of(machine.table(place.disk)), place)
        options = BootOptions(locale=self.locale, new_store=self.new_store, force=events.is_repeated)
        with machine.opened(place.disk, write=True) as disk:
            done = install_boot(
                disk, place.partition, system, options=options, rng=machine.rng, progress=events.progress
            )
        warnings = (*done.warnings, *self._warnings(machine, place, done.firmware))
        told = f"disk {place.disk} starts {self.windows} under {done.firmware.value.upper()}: {done.files} boot files"
        return Outcome(0, told, warnings)

    def _windows(self, machine: Machine) -> Place:
        if self.windows.is_in_ram or not self.windows.inner:
            raise InvalidRequest(f"bcdboot {self.windows}: valid is the folder of a Windows, such as C:\\Windows")
        return self.windows.volume(machine)

    def _system(self, machine: Machine, windows: Place) -> int | None:
        if self.system is None:
            return None
        place = self.system.volume(machine)
        if place.disk != windows.disk:
            raise InvalidRequest(
                f"bcdboot /s {self.system}: it is on disk {place.disk}, and {self.windows} on disk {windows.disk}; "
                "valid is a drive of the same disk"
            )
        return place.partition

    def _refuse_other(self, firmware: Firmware, place: Place) -> None:
        if self.firmware not in {None, firmware}:
            raise InvalidRequest(
                f"bcdboot /f: disk {place.disk} is started by {firmware.value.upper()} alone, for that is what its "
                "partition table is for"
            )

    def _warnings(self, machine: Machine, place: Place, firmware: Firmware) -> tuple[str, ...]:
        found = []
        if firmware is not machine.firmware:
            has = machine.firmware.value.upper()
            found.append(f"disk {place.disk} starts under {firmware.value.upper()}, but the computer has {has}")
        if self.is_for_all:
            found.append(f"bcdboot /f ALL: only the boot files for {firmware.value.upper()} are written")
        return tuple(found)


def _joined(words: tuple[str, ...]) -> tuple[str, ...]:
    """Join each switch that has a word of its own with that: ``/s S:`` becomes ``/s:S:``."""
    found: list[str] = []
    for word in words:
        before = found[-1].lower() if found else ""
        if before[:1] in {"/", "-"} and before[1:] in _WITH_WORD and not word.startswith(("/", "-")):
            found[-1] += f":{word}"
        else:
            found.append(word)
    return tuple(found)

r"""Images and drivers by ``dism``: ``/Apply-Image`` and ``/Image:C:\ /Add-Driver``.

Sources: "DISM image management command-line options" and "DISM driver servicing command-line options",
learn.microsoft.com/windows-hardware/manufacture/desktop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.drivers.packages import DriverPackage, packages_in
from osdimage.imaging.drivers.supplied.folder import FolderFiles
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.files import FileSource
from osdimage.imaging.tasksequence.computer.machine import Machine, NotThere
from osdimage.imaging.tasksequence.computer.paths import insensitive
from osdimage.imaging.tasksequence.computer.system import ImagePlace, TargetSystem
from osdimage.imaging.tasksequence.computer.volumes import Volume
from osdimage.imaging.tasksequence.computer.windows import in_image
from osdimage.imaging.tasksequence.result import Events, Forecast
from osdimage.imaging.tasksequence.steps.applying import apply_options, log_applied, refuse_large
from osdimage.imaging.tasksequence.steps.driver_choice import Choice, choose_all
from osdimage.imaging.tasksequence.steps.driver_injection import Chooser, bring_in, devices_of, foretell
from osdimage.imaging.tasksequence.winpe.command import IN_RAM, Command, Outcome
from osdimage.imaging.tasksequence.winpe.places import (
    DrivePath,
    OutsidePath,
    SourcePath,
    drive_path,
    refuse_absent,
    source_path,
)
from osdimage.imaging.tasksequence.winpe.switches import Switches
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.select import ImageSelector

_EVERYWHERE = ("english", "format", "logpath", "loglevel", "norestart", "quiet", "scratchdir")


@dataclass(frozen=True, slots=True)
class AddDrivers(Command):
    """``dism /image:C: /add-driver``.

    Attributes:
        windows: the drive with Windows.
        drivers: the folder with the drivers, or one INF.
        is_deep: whether they are looked for in folders below it, too.
        allows_unsigned: whether drivers without signatures are taken without a word.
    """

    windows: DrivePath
    drivers: SourcePath
    is_deep: bool
    allows_unsigned: bool

    @classmethod
    def read(cls, switches: Switches, machine: Machine, here: Path | None) -> AddDrivers:
        """Read the switches of the command.

        Raises:
            InvalidRequest: when they are not those of one that is known here.
        """
        windows, drivers = switches.value("image"), switches.value("driver")
        if windows is None or drivers is None:
            raise InvalidRequest("valid is dism /image:DRIVE /add-driver /driver:FOLDER")
        found = cls(
            drive_path(windows),
            source_path(drivers, machine, here),
            switches.take("recurse"),
            switches.take("forceunsigned"),
        )
        switches.finish("dism /add-driver")
        return found

    def needless(self, machine: Machine) -> str | None:
        """Return that the drivers are for Windows PE, or None."""
        del machine
        return IN_RAM if self.windows.is_in_ram else None

    def foretell(self, machine: Machine) -> Forecast:
        """Tell which drivers it would bring in; those in a volume are known when a step has put them there."""
        self._require_windows(machine)
        if isinstance(self.drivers, DrivePath):
            self.drivers.volume(machine)
            told = f"bring in the drivers in {self.drivers}"
            return Forecast(told, unknown=f"which drivers are in {self.drivers} when the step runs")
        refuse_absent(self.drivers)
        return foretell(machine, self._chooser(machine))

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Bring the drivers in; they are installed when Windows starts first."""
        self._require_windows(machine)
        done = bring_in(machine, events, self._chooser(machine))
        return Outcome(done.code, done.message, done.warnings)

    def _require_windows(self, machine: Machine) -> None:
        place = self.windows.volume(machine)
        if machine.system is None or machine.system.place != place:
            raise NotThere(f"no step has applied a Windows to {self.windows}")

    def _chooser(self, machine: Machine) -> Chooser:
        def choose(stack: ExitStack, windows: OfflineWindows) -> Choice:
            files, inner = stack.enter_context(self._files(machine))
            known = devices_of(machine, windows.os)
            choice = choose_all(self._packages(files, inner), known.devices, windows.os)
            return replace(choice, warnings=(*known.warnings, *choice.warnings), allows_unsigned=self.allows_unsigned)

        return choose

    def _packages(self, files: FileSource, inner: str) -> Sequence[DriverPackage]:
        facts = files.find(inner)
        found = packages_in(files, inner)
        if facts is not None and facts.is_directory and not self.is_deep:
            found = [each for each in found if each.path.rpartition("/")[0].lower() == facts.path.lower()]
        if not found:
            raise InvalidInput(f"{self.drivers}: holds no driver: no INF of one is in it")
        return found

    @contextmanager
    def _files(self, machine: Machine) -> Iterator[tuple[FileSource, str]]:
        if isinstance(self.drivers, OutsidePath):
            yield FolderFiles(self.drivers.folder), self.drivers.inner
            return
        place = self.drivers.volume(machine)
        with machine.opened(place.disk) as disk, open_files(disk.volume(place.partition)) as files:
            yield files, self.drivers.inner


@dataclass(frozen=True, slots=True)
class ApplyImage(Command):
    """``dism /apply-image``.

    Attributes:
        wim: the file of the image.
        image: the one that is meant.
        target: the drive that it goes to.
    """

    wim: OutsidePath
    image: ImageSelector
    target: DrivePath

    @classmethod
    def read(cls, switches: Switches, machine: Machine, here: Path | None) -> ApplyImage:
        """Read the switches of the command.

        Raises:
            InvalidRequest: when they are not those of one that is known here.
        """
        file, index, name = switches.value("imagefile"), switches.value("index"), switches.value("name")
        folder = switches.value("applydir")
        if file is None or folder is None or (index is None) == (name is None):
            raise InvalidRequest("valid is dism /apply-image /imagefile:FILE /index:NUMBER /applydir:DRIVE")
        if index is not None and not (index.isascii() and index.isdigit() and 0 < len(index) < 6):
            raise InvalidRequest(f"dism /index:{quoted(index)}; valid is the number of an image, from 1")
        switches.pass_over("verify", "checkintegrity", "norpfix", "ea")
        switches.finish("dism /apply-image")
        wim, target = source_path(file, machine, here), drive_path(folder)
        if isinstance(wim, DrivePath):
            raise InvalidRequest(f"{wim}: a WIM in a volume of the computer is not read; valid is one of a share")
        if target.inner:
            raise InvalidRequest(f"dism /applydir:{target}; valid here is the root of a drive, such as C:\\")
        image = ImageSelector(name=name) if index is None else ImageSelector(index=int(index))
        return cls(wim, image, target)

    def foretell(self, machine: Machine) -> Forecast:
        """Tell which image would go to which volume."""
        with self._planned(machine) as (image, volume):
            self._remember(machine, image, volume)
            return Forecast(
                f"apply image {image.index} {quoted(image.name)} to {volume.name}",
                destroys=(f"files on {volume.name} that the image has, too",),
            )

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Apply the image; files that it has are replaced, and all others stay."""
        with self._planned(machine) as (image, volume), machine.opened(volume.place.disk, write=True) as disk:
            target = disk.volume(volume.place.partition)
            options = apply_options(machine, target, wipe=False, keep=(), force=events.is_repeated)
            done = apply_image(image, target, options, progress=events.progress)
            self._remember(machine, image, volume)
            told = f"applied image {image.index} {quoted(image.name)} to {volume.name}"
        return Outcome(0, told, log_applied(events, done))

    @contextmanager
    def _planned(self, machine: Machine) -> Iterator[tuple[WimImage, Volume]]:
        file = insensitive(self.wim.folder, self.wim.inner)
        if file is None:
            raise InvalidRequest(f"{self.wim}: there is nothing of this name in {self.wim.folder}")
        volume = machine.volume(self.target.volume(machine))
        machine.writable_disk(volume.place.disk)
        with WimFile.open(file) as wim:
            image = wim.select(self.image)
            refuse_large(image, machine, volume)
            yield image, volume

    def _remember(self, machine: Machine, image: WimImage, volume: Volume) -> None:
        machine.mark_used(volume.place)
        windows = in_image(image)
        if windows is not None and windows.is_supported:
            rehearsed = ImagePlace(image.path, image.index) if machine.is_rehearsal else None
            machine.system = TargetSystem(volume.place, windows, rehearsed)


def read_dism(words: tuple[str, ...], machine: Machine, here: Path | None) -> Command:
    """Read the words of ``dism``.

    Raises:
        InvalidRequest: when it is asked for something else than what is known here.
    """
    switches = Switches.apart(words, signs="/-")
    switches.pass_over(*_EVERYWHERE)
    if switches.words:
        raise InvalidRequest(f"dism {quoted(switches.words[0])} is not known here")
    if switches.take("add-driver"):
        return AddDrivers.read(switches, machine, here)
    if switches.take("apply-image"):
        return ApplyImage.read(switches, machine, here)
    raise InvalidRequest("of dism, /add-driver with /image and /apply-image are known here")

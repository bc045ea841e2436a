r"""What Apply Operating System and Install Operating System (of MDT) have in common: a Windows goes to a volume.

All files of the volume are deleted first, but those of the task sequence.  Then the answer file is put in place, and
last, the disk is made to start this Windows: the boot files of the image go to the EFI system partition or to the
active one, with a BCD store and, for a BIOS, boot code (Windows 7 and later); for Windows 2000, XP and Server 2003 they
are NTLDR and boot.ini, on an MBR disk.  Of an image without such files, and of Vista, nothing of this is done, and a
warning says so, in the plan already.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.apply.volumes import apply_volumes
from osdimage.imaging.boot.firmware import Firmware as BootFirmware
from osdimage.imaging.boot.install import BootOptions, install_boot
from osdimage.imaging.boot.ntldr.files import missing_files
from osdimage.imaging.boot.ntldr.windows import NtWindows
from osdimage.imaging.boot.places import choose_places, firmware_of
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.errors import ActionFailed, InvalidRequest, quoted
from osdimage.imaging.files import FileSource
from osdimage.imaging.progress import Meter, Phase, portion
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Firmware, Machine, TargetSystem, Volume
from osdimage.imaging.tasksequence.computer.system import ImagePlace
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts, in_image
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.result import ActionResult, Events, Forecast, LogType
from osdimage.imaging.tasksequence.setup.oem_files import OemFiles, find_oem_files
from osdimage.imaging.tasksequence.setup.source import InstallSource
from osdimage.imaging.tasksequence.steps.answer_files import MadeAnswerFile, make_answer_file
from osdimage.imaging.tasksequence.steps.applying import apply_options, kept_paths, log_applied, refuse_large
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage

# How far the progress is when the images are applied, in percent: the boot files take a second.
_APPLIED = 97.0


@dataclass(frozen=True, slots=True)
class WindowsPlan:
    """What will be done, found out without writing anything.

    Attributes:
        pairs: each image with its volume.
        system: the image with Windows, and its volume.
        windows: what it is.
        answers: the answer file.
        is_all: whether all images go to all volumes.
        oem: what is put beside the image, from the files of a Windows Setup; None: the image alone.
    """

    pairs: tuple[tuple[WimImage, Volume], ...]
    system: tuple[WimImage, Volume]
    windows: WindowsFacts
    answers: MadeAnswerFile
    is_all: bool
    oem: OemFiles | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is left out, or ignored by Windows."""
        return (*self.answers.warnings, *(() if self.oem is None else self.oem.warnings))


def plan_windows(
    machine: Machine,
    pairs: tuple[tuple[WimImage, Volume], ...],
    answers: Path | None,
    source: InstallSource | None = None,
) -> WindowsPlan:
    """Decide how images go to volumes, one of which is Windows.

    Args:
        machine: the computer.
        pairs: each image with its volume.
        answers: the user's answer file, or None.
        source: the files of the Windows Setup that the image is a part of, which is open as long as the plan is used;
            or None.

    Raises:
        ActionFailed: INVALID_DATA when none of the images holds a Windows that is known.
        OsdImageError: when an image is too large, damaged or not safe, or the answer file is not valid.
    """
    for image, volume in pairs:
        refuse_large(image, machine, volume)
    system, windows = _windows(pairs)
    if source is None:
        return WindowsPlan(pairs, system, windows, make_answer_file(windows, answers), is_all=len(pairs) > 1)
    made = make_answer_file(windows, answers, of_setup=True, product_key=source.product_key)
    oem = find_oem_files(source.files, system[0].files(), windows)
    return WindowsPlan(pairs, system, windows, made, is_all=False, oem=oem)


def carry_out(env: Environment, machine: Machine, plan: WindowsPlan, events: Events) -> ActionResult:
    """Apply the images, put the answer file in place, and make the disk start."""
    volume, windows = plan.system[1], plan.windows
    with ExitStack() as stack:
        disk = stack.enter_context(machine.opened(volume.place.disk, write=True))
        for text in plan.warnings:
            events.log(LogType.WARNING, text)
        warnings = plan.warnings + _apply(env, machine, disk, plan, events)
        with open_files(disk.volume(volume.place.partition), write=True, force=events.is_repeated) as files:
            files.write(windows.answer_file, plan.answers.data)
            if plan.oem is not None:
                plan.oem.write(files)
            has_boot_files = _has_boot_files(files, windows)
        warnings += _set_up_boot(machine, disk, plan, events, has_boot_files=has_boot_files)
        message = "; ".join(
            f"image {image.index} {quoted(image.name)} to {target.name}" for image, target in plan.pairs
        )
    events.log(LogType.INFO, f"wrote the answer file {windows.answer_file} to {volume.name}")
    outputs = _remember(env, machine, plan)
    return ActionResult(HResult.S_OK, f"applied {message}: {windows}", outputs=outputs, warnings=warnings)


def foretell(env: Environment, machine: Machine, plan: WindowsPlan) -> Forecast:
    """Tell what :func:`carry_out` would do, and what would be lost."""
    pairs = [f"image {image.index} {quoted(image.name)} to {volume.name}" for image, volume in plan.pairs]
    warnings, problems = _foretell_boot(machine, plan)
    _remember(env, machine, plan)
    beside = f" and {plan.oem}" if plan.oem is not None and plan.oem.files else ""
    return Forecast(
        f"apply {'; '.join(pairs)}: {plan.windows}, with {plan.windows.answer_file}{beside}",
        destroys=tuple(f"everything on {volume.name} but the task sequence's folders" for _, volume in plan.pairs),
        warnings=(*plan.warnings, *warnings),
        problems=problems,
    )


def _foretell_boot(machine: Machine, plan: WindowsPlan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what will not be done so that the disk starts, and what would make that fail."""
    (image, volume), windows = plan.system, plan.windows
    table = machine.table(volume.place.disk)
    why = _why_no_boot(windows, firmware_of(table), has_boot_files=_has_boot_files(image.files(), windows))
    if why is not None:
        return (why,), ()
    try:
        firmware = choose_places(table, volume.place.partition).firmware
    except InvalidRequest as error:
        return (), (f"disk {volume.place.disk} cannot be made to start {windows}: {error.said}",)
    return _misfit(machine, volume, firmware), ()


def _why_no_boot(windows: WindowsFacts, firmware: BootFirmware, *, has_boot_files: bool) -> str | None:
    if windows.is_started_by_ntldr:
        if firmware is BootFirmware.UEFI:
            return f"{windows} is not made to start: it starts from MBR disks under a BIOS only"
        why = "it has no \\ntldr and \\ntdetect.com"
    else:
        why = "it is older than Windows 7" if not windows.has_boot_files else f"it has no \\{windows.root}\\Boot"
    if has_boot_files and (windows.is_started_by_ntldr or windows.has_boot_files):
        return None
    return f"{windows} is not made to start: {why}"


def _older(windows: WindowsFacts) -> NtWindows:
    return NtWindows(windows.root, (windows.major, windows.minor))


def _has_boot_files(files: FileSource, windows: WindowsFacts) -> bool:
    if windows.is_started_by_ntldr:
        return not missing_files(files, _older(windows))
    return files.exists(f"{windows.root}/Boot")


def _misfit(machine: Machine, volume: Volume, firmware: Firmware) -> tuple[str, ...]:
    """Return the warning about a disk that the computer does not start."""
    if firmware is machine.firmware:
        return ()
    needed, there = firmware.value.upper(), machine.firmware.value.upper()
    return (f"disk {volume.place.disk} starts under {needed}, but the computer has {there}",)


def _windows(pairs: tuple[tuple[WimImage, Volume], ...]) -> tuple[tuple[WimImage, Volume], WindowsFacts]:
    for image, volume in pairs:
        found = in_image(image)
        if found is not None and found.is_supported:
            return (image, volume), found
    numbers = ", ".join(str(image.index) for image, _ in pairs)
    raise ActionFailed(
        HResult.INVALID_DATA,
        f"{pairs[0][0].path}: image {numbers} holds no Windows 2000 or later: neither the WIM's XML nor a kernel "
        r"(\Windows\System32\ntoskrnl.exe) tells of one; other images are applied by Apply Data Image",
    )


def _apply(env: Environment, machine: Machine, disk: Disk, plan: WindowsPlan, events: Events) -> tuple[str, ...]:
    first = plan.pairs[0][1].place
    # What an attempt before has left half done was begun by this step itself, and is wiped.
    force, progress = events.is_repeated, portion(events.progress, 0, _APPLIED)
    if plan.is_all:
        keep = tuple(path for _, volume in plan.pairs for path in kept_paths(env, machine, volume.place))
        with WimFile.open(plan.pairs[0][0].path) as wim:
            options = ApplyOptions(wipe=True, keep=keep, force=force, compact=machine.compact)
            applied = apply_volumes(wim, disk, options, progress=progress)
            done = [each.result for each in applied]
    else:
        keep = kept_paths(env, machine, first)
        image = plan.pairs[0][0]
        target = disk.volume(first.partition)
        options = apply_options(machine, target, wipe=True, keep=keep, force=force)
        done = [apply_image(image, target, options, progress=progress)]
    return tuple(text for each in done for text in log_applied(events, each))


def _set_up_boot(
    machine: Machine, disk: Disk, plan: WindowsPlan, events: Events, *, has_boot_files: bool
) -> tuple[str, ...]:
    """Make the disk start the Windows that was applied; return sentences about what was not done."""
    volume, windows = plan.system[1], plan.windows
    progress = portion(events.progress, _APPLIED, 100)
    why = _why_no_boot(windows, firmware_of(disk.table), has_boot_files=has_boot_files)
    if why is not None:
        warnings: tuple[str, ...] = (why,)
        Meter(progress, {Phase.WRITE_DATA: 1.0}).finish()
    else:
        options = BootOptions(force=events.is_repeated)
        done = install_boot(
            disk,
            volume.place.partition,
            options=options,
            rng=machine.rng,
            progress=progress,
        )
        events.log(
            LogType.INFO,
            f"disk {volume.place.disk} starts {windows} under {done.firmware.value.upper()}: {done.files} boot files "
            f"in partition {done.system_partition}, {done.store}",
        )
        warnings = (*done.warnings, *_misfit(machine, volume, done.firmware))
    for text in warnings:
        events.log(LogType.WARNING, text)
    return warnings


def _remember(env: Environment, machine: Machine, plan: WindowsPlan) -> tuple[str, ...]:
    """Keep in mind which volumes are filled and where Windows is; set the outputs and return their names."""
    for _, volume in plan.pairs:
        machine.mark_used(volume.place)
    place = plan.system[1].place
    image = plan.system[0]
    machine.system = TargetSystem(place, plan.windows)
    if machine.is_rehearsal:
        rehearsed = ImagePlace(image.path, image.index)
        machine.system = TargetSystem(place, plan.windows, rehearsed, plan.answers.data)
    letter = machine.assign_letter(place)
    if letter is None:
        raise InvalidRequest("OSDTargetSystemDrive: all drive letters are taken")
    env["OSDTargetSystemDrive"] = f"{letter}:"
    env["OSDTargetSystemRoot"] = f"{letter}:\\{plan.windows.root}"
    return ("OSDTargetSystemDrive", "OSDTargetSystemRoot")

r"""What Windows PE does for each step that it can carry out: the lines of ``step-N.cmd``, and files beside it.

* Format and Partition Disk: ``diskpart /s``.
* Apply Operating System Image: ``dism /Apply-Image``, the answer file, ``bcdboot``.  The volume is one that the
  sequence has formatted, so that there is nothing to delete in it.
* Apply Data Image: ``dism /Apply-Image``.
* Run Command Line: the command line, as the first start of Windows has it (``tasksequence/staging/commands.py``).

``diskpart`` ends with another code than 0 when a command of its script fails ("diskpart", scripts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.disk.layouts.variables import layout_from_variables
from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.media.winpe.disks import NewDisks, NewVolume, diskpart_lines
from osdimage.imaging.media.winpe.text import script
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts, in_image
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs
from osdimage.imaging.tasksequence.sequence import Step
from osdimage.imaging.tasksequence.staging.commands import checked_path, command_line, entering, folder_lines
from osdimage.imaging.tasksequence.staging.run_command_line import read_command_step, warned
from osdimage.imaging.tasksequence.steps import apply_data, apply_os, partition_disk
from osdimage.imaging.tasksequence.steps.answer_files import make_answer_file
from osdimage.imaging.tasksequence.winpe import run_command_line
from osdimage.imaging.volume.windows_names import fault_of
from osdimage.imaging.wim.file import WimFile

_PARTITION = ("osdpartition", "osddiskindex", "osddiskpart", "osdgptbootdisk")
_DESTINATIONS = ("DestinationDisk", "DestinationLogicalDrive", "DestinationVariable")
_AT = "%_pe_at%"


@dataclass(frozen=True, slots=True)
class Carried:
    """What a step becomes.

    Attributes:
        does: a sentence.
        lines: of its script.
        files: beside it, by their names.
        destroys: what is lost.
        warnings: what is done in another way than a task sequence would.
        success_codes: the exit codes that are success.
    """

    does: str
    lines: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    destroys: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    success_codes: tuple[int, ...] = (0,)


@dataclass(slots=True)
class Planning:
    """What is known while a sequence is planned.

    Attributes:
        env: the variables, with the defaults of the step.
        machine: which has the packages, and nothing else.
        disks: that the sequence has partitioned.
        unsure: names of variables, in lower case, whose values only Windows PE will know.
    """

    env: Environment
    machine: Machine
    disks: NewDisks
    unsure: set[str]


Carry = Callable[[Planning, Step, str], Carried]
"""Tells what a step becomes, by its number; InvalidRequest when Windows PE cannot do it."""


def carry_partition(now: Planning, step: Step, label: str) -> Carried:
    """Partition and format a disk with diskpart.  Everything on it is lost."""
    del step
    env = now.env
    values = {name: env.text(name) or "" for name in env if name.lower().startswith(_PARTITION)}
    named = env.properties.get("DiskIndexVariable")
    if named:
        values = {name: value for name, value in values.items() if name.lower() != "osddiskindex"}
        values["OSDDiskIndex"] = env.text(named) or ""
    layout = layout_from_variables(values)
    index = layout.disk_index
    if index is None:
        raise InvalidRequest("OSDDiskIndex is missing")
    outputs = now.disks.add(index, layout)
    commands = diskpart_lines(index, layout, now.disks)
    for name, value in outputs.items():
        env[name] = value
    text = f"disk-{label}.txt"
    made = ", ".join(each.name for each in now.disks.volumes if each.disk == index) or "no volume"
    lines = ("@echo off", f'call diskpart /s "%_pe_here%{text}"', "exit /b %ERRORLEVEL%")
    return Carried(
        f"partition disk {index} as {layout.scheme.upper()}: {made}",
        lines,
        {text: script(commands)},
        destroys=(f"everything on disk {index}",),
    )


def carry_system(now: Planning, step: Step, label: str) -> Carried:
    """Apply an image of Windows, put its answer file in place, and make the disk start."""
    del step
    inputs = Inputs(now.env, apply_os.VARIABLES)
    package, index = inputs.text("ImagePackageID"), inputs.number("OSDImageIndex")
    config, name = inputs.text("ConfigFilePackage"), inputs.text("OSDConfigFileName")
    if inputs.text("InstallPackageID") is not None and package is None:
        inputs.problems.append("InstallPackageID: Windows PE applies images; valid is ImagePackageID")
    elif package is None:
        inputs.problems.append("ImagePackageID is missing; valid: the ID of the package with the WIM")
    if index is None:
        inputs.problems.append("OSDImageIndex is missing; valid: the number of one image of the WIM")
    if config is not None and name is None:
        inputs.problems.append("OSDConfigFileName is missing; valid: the name of a file in ConfigFilePackage")
    inputs.finish()
    volume = _destination(now, inputs)
    answers = None if config is None else now.machine.package_file(config, name or "")
    wim = now.machine.image_file(package or "")
    with WimFile.open(wim) as opened:
        image = opened.image(index or 1)
        windows = in_image(image)
        if windows is None or not windows.has_unattend:
            raise InvalidRequest(
                f"{wim}: image {index} holds no Windows Vista or later; valid for other images is Apply Data Image"
            )
        has_boot = image.files().exists(f"{windows.root}/Boot")
        called = quoted(image.name)
    made = make_answer_file(windows, answers)
    drive = f"{volume.letter}:"
    lines = [
        "@echo off",
        *_apply(now, package or "", wim, index or 1, drive),
        # An HRESULT, which dism ends with, is negative.
        'if not "%ERRORLEVEL%"=="0" exit /b %ERRORLEVEL%',
        *_answer(windows, drive, f"unattend-{label}.xml"),
    ]
    boot, warnings = _boot_lines(now, volume, windows, has_boot=has_boot)
    now.disks.filled.add((volume.disk, volume.number))
    for output, value in (("OSDTargetSystemDrive", drive), ("OSDTargetSystemRoot", f"{drive}\\{windows.root}")):
        now.env[output] = value
    return Carried(
        f"apply image {index} {called} to {volume.name}: {windows}",
        (*lines, *boot),
        {f"unattend-{label}.xml": made.data},
        warnings=(*made.warnings, *warnings),
    )


def carry_data(now: Planning, step: Step, label: str) -> Carried:
    """Apply an image of data to a volume."""
    del step, label
    inputs = Inputs(now.env, apply_data.VARIABLES)
    package, index = inputs.text("ImagePackageID"), inputs.number("OSDDataImageIndex")
    wipes = inputs.boolean("OSDWipeDestinationPartition") is not False
    inputs.finish()
    volume = _destination(now, inputs)
    if wipes and (volume.disk, volume.number) in now.disks.filled:
        raise InvalidRequest(
            f"it deletes what a step before it has put on {volume.name}, which Windows PE is not told to; valid is "
            "OSDWipeDestinationPartition=false, or another volume"
        )
    wim = now.machine.image_file(package or "")
    with WimFile.open(wim) as opened:
        called = quoted(opened.image(index or 1).name)
    now.disks.filled.add((volume.disk, volume.number))
    lines = ("@echo off", *_apply(now, package or "", wim, index or 1, f"{volume.letter}:"), "exit /b %ERRORLEVEL%")
    return Carried(f"apply image {index} {called} to {volume.name}", lines)


def carry_command(now: Planning, step: Step, label: str) -> Carried:
    """Run a command line."""
    del label
    told = read_command_step(now.env)
    if told.runs_as is not None:
        raise InvalidRequest(f"it runs as another user ({told.runs_as}), which fails in Windows PE")
    if told.output is not None:
        raise InvalidRequest(f"its output is to become {quoted(told.output)}, which a script of cmd does not keep")
    warnings = list(warned(told.command, now.machine))
    found = () if told.package_id is None else _find(now, told.package_id)
    folder = _folder(told.folder, _AT if found else None, now)
    line = command_line(told.command, now.unsure)
    if step.timeout_seconds is not None:
        warnings.append(f"its time limit of {step.timeout_seconds} seconds is not kept in Windows PE")
    command = "a command line that is not to be shown" if told.is_hidden else now.env.mask(told.command)
    return Carried(
        f"run {command}",
        ("@echo off", *found, *(each for each in folder if each != "@echo off"), line, "exit /b %ERRORLEVEL%"),
        warnings=tuple(warnings),
        success_codes=told.success_codes or step.success_codes,
    )


def _folder(folder: str | None, base: str | None, now: Planning) -> tuple[str, ...]:
    if folder is None:
        return entering(base or r"%SystemRoot%\System32")
    inner = folder.strip().strip('"')
    if base is None or inner[:1] in {"%", "\\", "/"} or inner[1:2] == ":":
        return folder_lines(inner, now.unsure)
    return folder_lines(inner.replace("/", "\\").strip("\\"), now.unsure, below=base)


def _find(now: Planning, package: str) -> tuple[str, ...]:
    """Return the lines that find a package of the medium."""
    now.machine.package(package)
    fault = fault_of(package)
    if fault is not None or not package.isascii() or set(package) & set(' %"&^!'):
        raise InvalidRequest(
            f"package {quoted(package[:64])}: its ID is no name of a folder that a script can name; valid are letters, "
            "digits, - and _"
        )
    return (f'call "%_pe_root%find.cmd" {package.upper()}', "if errorlevel 1 exit /b 2")


def _apply(now: Planning, package: str, wim: Path, index: int, drive: str) -> tuple[str, ...]:
    """Return the lines that apply an image; a WIM that was split for the medium has its parts beside the first."""
    folder = now.machine.package(package)
    inner = wim.name if wim == folder else wim.relative_to(folder).as_posix()
    path = checked_path(inner)
    stem = path.rpartition(".")[0] or path
    return (
        *_find(now, package),
        f'set "_pe_image={_AT}\\{path}"',
        "set _pe_parts=",
        f'if not exist "%_pe_image%" set "_pe_parts=/SWMFile:"{_AT}\\{stem}*.swm""',
        f'if not exist "%_pe_image%" set "_pe_image={_AT}\\{stem}.swm"',
        f'call dism /Apply-Image /ImageFile:"%_pe_image%" %_pe_parts% /Index:{index} /ApplyDir:{drive}\\',
    )


def _answer(windows: WindowsFacts, drive: str, name: str) -> tuple[str, ...]:
    target = f"{drive}\\{windows.answer_file}"
    folder = target.rpartition("\\")[0]
    return (
        f'if not exist "{folder}" mkdir "{folder}"',
        f'copy /y "%_pe_here%{name}" "{target}" >nul',
        "if errorlevel 1 exit /b 1",
    )


def _boot_lines(
    now: Planning, volume: NewVolume, windows: WindowsFacts, *, has_boot: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines that make a disk start Windows, and why there are none."""
    if not has_boot or not windows.has_boot_files:
        why = "it is older than Windows 7" if not windows.has_boot_files else f"it has no \\{windows.root}\\Boot"
        return ("exit /b 0",), (f"{windows} is not made to start: {why}",)
    firmware = now.disks.firmware_of(volume.disk)
    computer = "true" if firmware.value == "uefi" else "false"
    if now.env.get("_SMSTSBootUEFI") != computer:
        raise InvalidRequest(
            f"disk {volume.disk} would start by {firmware.value.upper()} alone, by its partition table; valid is one "
            "for this computer"
        )
    system = now.disks.system_of(volume.disk)
    if system is None:
        raise InvalidRequest(
            f"disk {volume.disk} has no system partition; valid is a partition of type EFI on a GPT disk, and one "
            "with Bootable=true on an MBR disk"
        )
    line = f"call bcdboot {volume.letter}:\\{windows.root} /s {system.letter}: /f {firmware.value.upper()}"
    return (line, "exit /b %ERRORLEVEL%"), ()


def _destination(now: Planning, inputs: Inputs) -> NewVolume:
    """Return the volume that an image goes to; all of them are made by the sequence itself.

    Raises:
        InvalidRequest: when the step names two destinations, or one that the sequence has not made.
    """
    env = now.env
    given = [name for name in _DESTINATIONS if env.properties.get(name)]
    if len(given) > 1:
        raise InvalidRequest(f"{' and '.join(given)} are two destinations; valid is one of them, or none")
    if env.properties.get("DestinationPartition") and given != ["DestinationDisk"]:
        raise InvalidRequest("DestinationPartition goes with DestinationDisk alone; valid: both of them, or neither")
    if not given:
        volume = now.disks.next_volume()
    elif given[0] == "DestinationDisk":
        disk, partition = inputs.number("DestinationDisk"), inputs.number("DestinationPartition")
        inputs.finish()
        volume = now.disks.numbered(disk or 0, partition or 0)
    elif given[0] == "DestinationLogicalDrive":
        volume = now.disks.lettered(env.properties["DestinationLogicalDrive"])
    else:
        volume = _of_variable(now, env.properties["DestinationVariable"])
    if volume.letter is None:
        raise InvalidRequest(
            f"{volume.name} gets no drive letter, and dism needs one; valid is AssignVolumeLetter=true"
        )
    return volume


def _of_variable(now: Planning, name: str) -> NewVolume:
    value = now.env.text(name)
    if value is None:
        raise InvalidRequest(f"DestinationVariable={name}: there is no such variable")
    disk, comma, partition = (each.strip() for each in value.partition(","))
    if comma and disk.isascii() and disk.isdigit() and partition.isascii() and partition.isdigit():
        return now.disks.numbered(int(disk[:5]), int(partition[:5]))
    return now.disks.lettered(value)


CARRIED: Mapping[str, Carry] = {
    partition_disk.INFO.type_name: carry_partition,
    apply_os.INFO.type_name: carry_system,
    apply_data.INFO.type_name: carry_data,
    run_command_line.INFO.type_name: carry_command,
}
"""What Windows PE can do, by the class of the step; setting a variable is done by the script of the sequence."""

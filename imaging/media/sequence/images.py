"""Whether the images that steps apply are in their packages, and fit what the media start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from osdimage.imaging import finding
from osdimage.imaging.errors import ImageNotFound, InvalidRequest, OsdImageError
from osdimage.imaging.finding import Finding
from osdimage.imaging.media.sequence.given import StandaloneGiven
from osdimage.imaging.media.sequence.needed import MediaStep
from osdimage.imaging.pe import HEAD_BYTES, read_pe
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.result import RunIn
from osdimage.imaging.wim.file import WimFile

_OF_IMAGES = frozenset({"applyoperatingsystem", "applydataimage"})
_OF_COMMANDS = "runcommandline"
_PC = frozenset({"x86", "x64"})


def image_findings(given: StandaloneGiven, steps: Iterable[MediaStep], env: Environment) -> Iterator[Finding]:
    """Yield what is wrong with images and programs of packages that were given; others are told elsewhere."""
    machine = Machine(packages=dict(given.packages))
    for each in steps:
        kind = "" if each.info is None else each.info.short.lower()
        try:
            with env.step_defaults(each.step.defaults, each.step.told):
                if kind in _OF_IMAGES:
                    yield from _of_image(given, machine, each, env)
                elif kind == _OF_COMMANDS and each.step.run_in is RunIn.WINPE and given.architecture == "x64":
                    yield from _of_program(machine, each, env)
        except InvalidRequest:
            # A setting that no variable can have: the rehearsal tells.
            continue


def _of_image(given: StandaloneGiven, machine: Machine, each: MediaStep, env: Environment) -> Iterator[Finding]:
    package, index = env.properties.get("ImagePackageID") or "", env.text("OSDImageIndex") or ""
    if not machine.has_package(package) or "%" in index:
        return
    try:
        with WimFile.open(machine.image_file(package)) as wim:
            image = wim.image(int(index)) if index.isascii() and index.isdigit() and len(index) < 10 else None
            windows = None if image is None else image.info.windows
            architecture = None if windows is None else windows.architecture
    except ImageNotFound as error:
        # Which images there are would be on lines of their own.
        told = error.said.partition("\n")[0].rstrip(":")
        yield finding.error("image-missing", f"{each.label}: {told}", "change the step, or give another image")
        return
    except (OsdImageError, OSError) as error:
        said = error.said if isinstance(error, OsdImageError) else f"{error.filename}: {error.strerror}"
        yield finding.error("image-unreadable", f"{each.label}: {said}", "give an image that can be read")
        return
    if architecture is None or architecture == given.architecture:
        return
    told = f"{each.label}: its image is for {architecture}, and the boot image for {given.architecture}"
    if not {architecture, given.architecture} <= _PC:
        text = f"{told}: no computer starts both"
        yield finding.error("architecture", text, f"give a boot image for {architecture}")
    elif architecture == "x86":
        text = f"{told}, in which programs for x86 do not start"
        yield finding.warning("architecture", text, "where a step runs such a program in Windows PE, give an x86 image")


def _of_program(machine: Machine, each: MediaStep, env: Environment) -> Iterator[Finding]:
    package, command = env.properties.get("PackageID") or "", (env.properties.get("CommandLine") or "").strip()
    name = command[1:].partition('"')[0] if command.startswith('"') else command.partition(" ")[0]
    if not machine.has_package(package) or not name.lower().endswith(".exe") or ":" in name:
        return
    try:
        path = machine.package_file(package, name)
        with path.open("rb") as file:
            architecture = read_pe(file.read(HEAD_BYTES), name=str(path)).architecture
    except (OsdImageError, OSError):
        # Not there, or no program of this kind: the step may mean another one, of the boot image.
        return
    if architecture == "x86":
        text = f"{each.label}: {name} of package {package} is for x86, and does not start in Windows PE for x64"
        yield finding.warning("architecture", text, "give the program for x64, or a boot image for x86")

"""All files that make a boot image carry out task sequences."""

from __future__ import annotations

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidRequest, UnsupportedSteps
from osdimage.imaging.media.winpe.flow import run_files
from osdimage.imaging.media.winpe.model import PeFile, PeRun, PeScript, PeWish
from osdimage.imaging.media.winpe.planning import plan_under
from osdimage.imaging.media.winpe.start import prestart_files, start_files, startnet_files
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.sequence import Sequence


def plan_pe_run(wish: PeWish) -> PeRun:
    """Decide what Windows PE does for each sequence, and write the scripts for it.

    A sequence that runs under one firmware alone says so at the computer.  The scripts hold no time and no path of this
    machine: for the same wish they are the same again.

    Raises:
        UnsupportedSteps: naming each step that Windows PE cannot carry out, and why, where a sequence runs nowhere.
        InvalidRequest: when there is no sequence, there are more than 9, or a text cannot stand in a script.
    """
    if not wish.sequences:
        raise InvalidRequest("there is no task sequence for Windows PE to run; valid are 1 to 9")
    files: list[PeFile] = []
    scripts: list[PeScript] = []
    folders: list[str] = []
    for number, sequence in enumerate(wish.sequences, 1):
        for script, more in _of_sequence(number, sequence, wish):
            scripts.append(script)
            folders.append(_folder(number, script.firmware))
            files += more
    files += (*start_files(scripts, folders, wish), *prestart_files(wish.prestart), *startnet_files())
    return PeRun(tuple(sorted(files, key=lambda each: each.path)), tuple(scripts))


def _folder(number: int, firmware: Firmware) -> str:
    return f"{number}-{firmware.value}"


def _of_sequence(number: int, sequence: Sequence, wish: PeWish) -> list[tuple[PeScript, tuple[PeFile, ...]]]:
    found: list[tuple[PeScript, tuple[PeFile, ...]]] = []
    refused: dict[Firmware, UnsupportedSteps] = {}
    for firmware in sorted(wish.firmware):
        try:
            planned = plan_under(sequence, wish, firmware)
        except UnsupportedSteps as error:
            refused[firmware] = error
            found.append((PeScript(sequence.name, firmware, (), refused="; ".join(error.problems)), ()))
            continue
        files = run_files(_folder(number, firmware), sequence.name, planned, asks=not wish.is_unattended)
        letters = tuple(each.letter for each in planned.disks.volumes if each.letter is not None)
        holds = any(_holds_secret(planned.env, each) for each in files)
        found.append((PeScript(sequence.name, firmware, planned.steps, letters=letters, holds_secrets=holds), files))
    if len(refused) == len(found):
        raise _joined(refused)
    return found


def _holds_secret(env: Environment, file: PeFile) -> bool:
    text = file.data.decode("latin-1")
    return env.mask(text) != text


def _joined(refused: dict[Firmware, UnsupportedSteps]) -> UnsupportedSteps:
    """Return one error of those under each firmware; what is wrong under all of them is told once."""
    told = [dict.fromkeys(error.problems) for error in refused.values()]
    everywhere = [text for text in told[0] if all(text in each for each in told)]
    apart = [
        f"on computers that start by {firmware.value.upper()}, {text}"
        for firmware, error in refused.items()
        for text in error.problems
        if text not in everywhere
    ]
    return UnsupportedSteps([*everywhere, *apart])

"""The facts that the caller gives: presets, and files whose contents decide what they are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.documents import as_text, read_limited
from osdimage.imaging.errors import InvalidDocument, InvalidRequest, quoted
from osdimage.imaging.tasksequence.facts.computer import ComputerFacts
from osdimage.imaging.tasksequence.facts.document import MAX_FACTS_BYTES, read_facts
from osdimage.imaging.tasksequence.facts.presets import PRESETS, preset_facts


def given_facts(sources: Iterable[str], firmware: Firmware = Firmware.UEFI) -> ComputerFacts:
    """Return what files and presets tell of a computer; of what several tell, the later one's counts.

    Args:
        sources: names of presets, and paths; ``./qemu`` is a file of that name.
        firmware: how the computer starts, which decides what some presets tell.

    Raises:
        InvalidRequest: when there is neither a preset nor a file of a name.
        InvalidDocument: when a file holds no facts.
        StorageError: when one cannot be read.
    """
    facts = ComputerFacts()
    for source in sources:
        facts = facts.joined(_of(source, firmware))
    return facts


def _of(source: str, firmware: Firmware) -> ComputerFacts:
    if source.lower() in PRESETS:
        return preset_facts(source.lower(), firmware)
    path = Path(source)
    if not source or not path.exists():
        raise InvalidRequest(
            f"there is no {quoted(source)} to read facts of the computer from; valid are a file, {', '.join(PRESETS)}"
        )
    return facts_of_text(as_text(read_limited(path, MAX_FACTS_BYTES, kind="facts"), source=source), source=source)


def facts_of_text(text: str, *, source: str) -> ComputerFacts:
    """Return what a text tells of a computer.

    Raises:
        InvalidDocument: when it tells nothing, or is not valid.
    """
    if text.lstrip()[:1] in {"{", "["}:
        return read_facts(text, source=source)
    raise InvalidDocument(f"{source} holds no facts of a computer; valid is JSON that osdimage wrote")

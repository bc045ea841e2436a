"""The facts that the caller gives: presets, and files whose contents decide what they are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.documents import as_text, parse_json, read_limited, reason_of
from osdimage.imaging.errors import InvalidDocument, InvalidRequest, quoted
from osdimage.imaging.tasksequence.facts.computer import ComputerFacts
from osdimage.imaging.tasksequence.facts.document import MAX_FACTS_BYTES, facts_of_document, is_facts
from osdimage.imaging.tasksequence.facts.host import host_facts
from osdimage.imaging.tasksequence.facts.listing import facts_of_json, facts_of_list, is_listing
from osdimage.imaging.tasksequence.facts.presets import PRESETS, preset_facts
from osdimage.imaging.tasksequence.facts.smbios import dmidecode_facts, is_dmidecode

HOST = "host"
"""The name of this computer."""
VALID = (
    "valid are JSON that osdimage wrote, the text of dmidecode, and what PowerShell shows of Get-CimInstance with "
    "Format-List * or ConvertTo-Json"
)


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
    if source == HOST:
        return host_facts()
    if source.lower() in PRESETS:
        return preset_facts(source.lower(), firmware)
    path = Path(source)
    if not source or not path.exists():
        raise InvalidRequest(
            f"there is no {quoted(source)} to read facts of the computer from; valid are a file, {HOST}, "
            f"{', '.join(PRESETS)}"
        )
    return facts_of_text(as_text(read_limited(path, MAX_FACTS_BYTES, kind="facts"), source=source), source=source)


def facts_of_text(text: str, *, source: str) -> ComputerFacts:
    """Return what a text tells of a computer.

    Raises:
        InvalidDocument: when it tells nothing, or is not valid.
    """
    if text.lstrip()[:1] in {"{", "["}:
        try:
            document = parse_json(text)
        except ValueError as error:
            raise InvalidDocument(f"{source} is not valid: {reason_of(error)}") from error
        is_other = not is_facts(document) and (isinstance(document, list) or _says_class(document))
        return facts_of_json(document, source=source) if is_other else facts_of_document(document, source=source)
    if is_dmidecode(text):
        return dmidecode_facts(text, source=source)
    if is_listing(text):
        return facts_of_list(text, source=source)
    raise InvalidDocument(f"{source} holds no facts of a computer; {VALID}")


def _says_class(document: object) -> bool:
    return isinstance(document, dict) and ("CimClass" in document or "__CLASS" in document)

"""Reading and writing the files of task sequences.

Read are the ``sequence`` element alone (ConfigMgr's ``ts.xml``, MDT's ``ts.xml``), the wrapper of ConfigMgr 2007's
export (``SmsTaskSequencePackage/SequenceData/sequence``), and WMI's own form (``INSTANCE
CLASSNAME="SMS_TaskSequencePackage"``, with the sequence as text in the property ``Sequence``).
"""

from __future__ import annotations

import os
from pathlib import Path

from osdimage.imaging.element import MAX_BYTES, Element, read_element, write_element
from osdimage.imaging.errors import InvalidInput, StorageError
from osdimage.imaging.tasksequence.sequence import Sequence, check_sequence


def load_sequence(path: str | os.PathLike[str]) -> Sequence:
    """Read the sequence of a file: XML, or the short form in YAML where the name ends in .yaml or .yml.

    Raises:
        StorageError: when it cannot be read.
        InvalidInput: when it holds no sequence, or one that is not valid.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    if path.suffix.lower() in {".yaml", ".yml"}:
        from osdimage.imaging.tasksequence.forms.yaml import read_yaml  # noqa: PLC0415 - only this form needs PyYAML

        return read_yaml(data, source=str(path))
    return read_sequence(data, source=str(path))


def read_sequence(data: bytes, *, source: str) -> Sequence:
    """Read a sequence from XML.

    Raises:
        InvalidInput: when it is not well-formed, holds no sequence, or one that is not valid.
    """
    document = read_element(data, source=source)
    element = _find(document, source)
    sequence = Sequence(
        element,
        document,
        package_id=_fact(document, "PackageID") if document is not element else None,
        package_name=_fact(document, "Name") if document is not element else None,
        is_off=document is not element and (_fact(document, "TsEnabled") or "").lower() == "false",
    )
    check_sequence(sequence, source=source)
    return sequence


def write_sequence(sequence: Sequence, *, wrapped: bool = False) -> bytes:
    """Write a sequence as XML in UTF-8; ``wrapped`` writes the whole document that it came in.

    Raises:
        InvalidRequest: when a text holds a character that XML has no way to write.
    """
    return write_element(sequence.document if wrapped else sequence.element)


def _find(document: Element, source: str) -> Element:
    if document.tag == "sequence":
        return document
    found = [element for element in document.walk() if element.tag == "sequence"]
    texts = [_property_text(each, "Sequence") for each in document.walk() if each.tag == "PROPERTY"]
    found += [read_element(text.encode("utf-8"), source=source) for text in texts if text]
    if len(found) != 1 or found[0].tag != "sequence":
        raise InvalidInput(
            f"{source} holds {len(found) or 'no'} task sequence{'s' if len(found) > 1 else ''}; the root is "
            f"<{document.tag}>, expected is <sequence>, or the export of one task sequence"
        )
    return found[0]


def _property_text(element: Element, name: str) -> str | None:
    value = element.child("VALUE")
    return value.text.strip() or None if element.get("NAME") == name and value is not None else None


def _fact(document: Element, name: str) -> str | None:
    """Return a fact about the package, from either wrapper."""
    plain = document.child(name)
    if plain is not None:
        return plain.text.strip() or None
    for element in document.walk():
        if element.tag == "PROPERTY" and (text := _property_text(element, name)) is not None:
            return text
    return None

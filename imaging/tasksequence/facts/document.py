r"""Facts files: what is known of a computer, as JSON.

::

    {"format": "osdimage-facts", "version": 1,
     "classes": {"root\\cimv2": {"Win32_ComputerSystem": [{"Manufacturer": "HP"}], "Win32_Battery": []}},
     "tpm": {"present": false}}

A class that is listed is known completely, an empty one too; a property that is not there is not known; ``null`` has no
value.  ``tpm`` is short for the class ``Win32_Tpm``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum

from osdimage.imaging.documents import Fields, checked_text, parse_json, reason_of, require_version
from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.tasksequence.facts.computer import (
    CIMV2,
    TPM_NAMESPACE,
    ComputerFacts,
    Fact,
    Instance,
    KnownClass,
    Scalar,
    plain_namespace,
)


class Format(StrEnum):
    """What a document says that it is."""

    FACTS = "osdimage-facts"


VERSION = 1
MAX_FACTS_BYTES = 1 << 20
"""The largest facts that are read: all classes of a computer that conditions ask for have a tenth of it."""
_DEEPEST = 6
_LONGEST_TEXT = 8192
_KNOWN = ("format", "version", "kind", "classes", "tpm")


def is_facts(document: object) -> bool:
    """Tell whether a document says that it is one of facts."""
    return isinstance(document, dict) and document.get("format") == Format.FACTS


def read_facts(text: str, *, source: str) -> ComputerFacts:
    """Read the text of a facts file.

    Raises:
        InvalidDocument: when it is none, or something in it is not valid.
    """
    try:
        return facts_of_document(parse_json(text), source=source)
    except ValueError as error:
        raise InvalidDocument(f"{source} is no facts file: {reason_of(error)}") from error


def facts_of_document(document: object, *, source: str) -> ComputerFacts:
    """Return the facts of a document of JSON.

    Raises:
        InvalidDocument: when it is none of facts, or something in it is not valid.
    """
    try:
        fields = Fields.of(document)
        fields.parsed("format", Format, f"{Format.FACTS}")
        require_version(fields, VERSION, source=source)
        _refuse_others(fields, *_KNOWN)
        classes = dict(_classes(fields.fields("classes")))
        if "tpm" in fields.values:
            classes[TPM_NAMESPACE, "win32_tpm"] = _tpm(fields.fields("tpm"))
    except ValueError as error:
        raise InvalidDocument(f"{source} is not valid: {reason_of(error)}") from error
    return ComputerFacts(classes)


def _classes(document: Fields) -> Iterator[tuple[tuple[str, str], KnownClass]]:
    for space in document.values:
        held = document.fields(space)
        for name in held.values:
            instances = tuple(_instance(each) for each in held.each(name))
            yield (plain_namespace(space), name.lower()), KnownClass(checked_text(name, held.at(name)), instances)


def _instance(document: Fields) -> Instance:
    return Instance({name: checked_fact(value, document.at(name)) for name, value in document.values.items()})


def checked_fact(value: object, place: str) -> Fact:
    """Return a value of a document as that of a property; ValueError when no property has such a value."""
    if isinstance(value, list):
        return tuple(_scalar(each, f"{place}[{index}]") for index, each in enumerate(value))
    return _scalar(value, place)


def _scalar(value: object, place: str) -> Scalar:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = checked_text(value, place, "text, a number, true, false, null or a list of them")
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"{place} has {len(text)} characters; valid are at most {_LONGEST_TEXT}")
    return text


_TPM = {"enabled": "IsEnabled_InitialValue", "activated": "IsActivated_InitialValue", "version": "SpecVersion"}


def _tpm(document: Fields) -> KnownClass:
    known = {_TPM[name]: _tpm_fact(document, name) for name in _TPM if name in document.values}
    present = document.truth("present")
    _refuse_others(document, "present", *_TPM)
    return KnownClass("Win32_Tpm", (Instance(known),) if present else ())


def _tpm_fact(document: Fields, name: str) -> Fact:
    return document.text(name) if name == "version" else document.truth(name)


def _refuse_others(document: Fields, *known: str) -> None:
    unknown = next((document.at(name) for name in document.values if name not in known), None)
    if unknown is not None:
        raise ValueError(f"{unknown!r} is not known; valid are {', '.join(sorted(known))}")


def document_of(facts: ComputerFacts) -> dict[str, object]:
    """Return facts as plain values for JSON; :func:`facts_of_document` reads the same facts from them."""
    classes: dict[str, dict[str, list[Mapping[str, Fact]]]] = {CIMV2: {}}
    for (space, _), known in sorted(facts.classes.items()):
        classes.setdefault(space, {})[known.name] = [dict(each) for each in known.instances]
    return {"format": Format.FACTS.value, "version": VERSION, "classes": classes}


def write_facts(facts: ComputerFacts) -> str:
    """Return the text of a facts file; :func:`read_facts` reads the same facts from it."""
    return json.dumps(document_of(facts), indent=2, ensure_ascii=False) + "\n"

"""The document of a manifest: JSON that is made of one, and that one is read from.

A manifest is somebody else's, and the paths in it are opened: none leads out of the medium, or is there twice.  What
this version does not know of is kept at the top of the document, and passed over elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import TypeVar
from uuid import UUID

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.documents import Fields, as_text, checked_text, parse_json, reason_of, require_version
from osdimage.imaging.errors import InvalidDocument, InvalidRequest, quoted
from osdimage.imaging.media.parts.medium import SignedBy
from osdimage.imaging.media.sequence.manifest import (
    MOST_VOLUMES,
    UNLISTED,
    DiscOfSet,
    ManifestFile,
    ManifestImage,
    ManifestPackage,
    ManifestSequence,
    ManifestVariables,
    MediaKind,
    MediaManifest,
    Runner,
    fault_of_path,
    moment_text,
)
from osdimage.imaging.units import MIB, format_size
from osdimage.imaging.volume import windows_names

FORMAT = "osdimage-media"
VERSION = 1
LARGEST_MANIFEST = 64 * MIB
"""Bytes of the largest manifest that is read or made: that of 300,000 files."""
MOST_ENTRIES = 1 << 20

_MOST_IMAGES = 0x7FFFFFFF
_LONGEST_ID = 64
_DEEPEST = 32
_HASH_DIGITS = 64
_HASH = re.compile(f"[0-9a-f]{{{_HASH_DIGITS}}}")
_ARCHITECTURES = frozenset({"x86", "x64", "arm", "arm64"})
_Word = TypeVar("_Word", bound=StrEnum)


def manifest_to_json(manifest: MediaManifest) -> bytes:
    """Return the bytes of a manifest, which are the same for the same one.

    Raises:
        InvalidRequest: when :func:`manifest_from_json` would refuse it.
    """
    try:
        _require_sound(manifest)
    except ValueError as error:
        raise InvalidRequest(f"the manifest of the medium cannot be made: {error}") from error
    data = (json.dumps(_document(manifest), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8")
    if len(data) > LARGEST_MANIFEST:
        raise InvalidRequest(
            f"the manifest of {len(manifest.files)} files is larger than {format_size(LARGEST_MANIFEST)}; valid are "
            "fewer files"
        )
    return data


def manifest_from_json(data: bytes, *, source: str) -> MediaManifest:
    """Read a manifest.

    Args:
        data: the bytes of its file.
        source: what messages call that.

    Raises:
        InvalidDocument: when it is none, is damaged or of another version, or has a path that leads out of the medium
            or is there twice.
    """
    if len(data) > LARGEST_MANIFEST:
        raise InvalidDocument(f"{source} is larger than {format_size(LARGEST_MANIFEST)}; manifests of media are not")
    text = as_text(data, source=source)
    try:
        document = Fields.of(parse_json(text))
        if document.values.get("format") != FORMAT:
            raise InvalidDocument(f"{source} is no manifest of a medium of osdimage: its format is not {FORMAT}")
        require_version(document, VERSION, source=source)
        manifest = _manifest(document)
        _require_sound(manifest)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise InvalidDocument(f"{source} is a damaged manifest of a medium: {reason_of(error)}") from error
    return manifest


def package_entry_bytes(package: ManifestPackage) -> int:
    """Return how many bytes a manifest grows by a package that is not the first, which takes one more."""
    return _entry_bytes(_package_document(package))


def file_entry_bytes(path: str, size: int, volume: int) -> int:
    """The same of a file."""
    # Not by writing each of a hundred thousand as JSON.
    return _bare_file_bytes() + len(json.dumps(path, ensure_ascii=False).encode("utf-8")) + len(f"{size}{volume}")


@cache
def _bare_file_bytes() -> int:
    return _entry_bytes(_file_document(ManifestFile("", 0, "0" * _HASH_DIGITS, 0))) - len('""00')


def _entry_bytes(document: Mapping[str, object]) -> int:
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
    # A comma and the end of the line before it, and two blanks before each of its lines.
    return 2 + len(text.encode("utf-8")) + 2 * (text.count("\n") + 1)


def _document(manifest: MediaManifest) -> dict[str, object]:
    image, variables = manifest.boot_image, manifest.variables
    started = None if image is None else manifest.find(image.path)
    return {
        **{name: parse_json(text) for name, text in manifest.others},
        "format": FORMAT,
        "version": VERSION,
        "kind": manifest.kind,
        "label": manifest.label,
        "created": moment_text(manifest.created),
        "valid_from": None if manifest.valid_from is None else moment_text(manifest.valid_from),
        "expires": None if manifest.expires is None else moment_text(manifest.expires),
        "tool": manifest.tool,
        "set": None if manifest.of_set is None else _set_document(manifest.of_set),
        "architecture": manifest.architecture,
        "firmware": sorted(manifest.firmware),
        "signed": manifest.signed,
        "boot_image": None
        if image is None
        else {
            "path": image.path,
            "index": image.index,
            "name": image.name,
            "sha256": None if started is None else started.sha256,
        },
        "runner": manifest.runner,
        "sequences": [
            {"id": each.identifier, "name": each.name, "path": each.path, "encrypted": each.is_encrypted}
            for each in manifest.sequences
        ],
        "variables": None if variables is None else {"path": variables.path, "encrypted": variables.is_encrypted},
        "packages": [_package_document(each) for each in manifest.packages],
        "files": [_file_document(each) for each in manifest.files],
    }


def _package_document(package: ManifestPackage) -> dict[str, object]:
    return {
        "id": package.identifier,
        "name": package.name,
        "path": package.path,
        "bytes": package.size,
        "volumes": list(package.volumes),
    }


def _file_document(file: ManifestFile) -> dict[str, object]:
    return {"path": file.path, "bytes": file.size, "sha256": file.sha256, "volume": file.volume}


def _set_document(disc: DiscOfSet) -> dict[str, object]:
    return {
        "id": str(disc.identifier),
        "volume": disc.volume,
        "volumes": disc.volumes,
        "name": disc.name,
        "first": disc.first,
    }


def _moment(text: str) -> datetime:
    made = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if moment_text(made) != text:
        raise ValueError(text)
    return made


_A_TIME = "a time in UTC such as 2026-01-31T12:00:00Z"
_KNOWN = frozenset(
    {"format", "version", "kind", "label", "created", "valid_from", "expires", "tool", "set", "architecture"}
    | {"firmware", "signed", "boot_image", "runner", "sequences", "variables", "packages", "files"}
)


def _manifest(document: Fields) -> MediaManifest:
    given = document.fields_or_none
    found_set, image, variables = given("set"), given("boot_image"), given("variables")
    manifest = MediaManifest(
        kind=_word(document, "kind", MediaKind),
        label=document.text("label"),
        created=document.parsed("created", _moment, _A_TIME),
        tool=document.text("tool"),
        files=tuple(
            ManifestFile(each.text("path"), each.number("bytes"), each.text("sha256"), each.number("volume"))
            for each in _bounded(document, "files")
        ),
        valid_from=document.parsed_or_none("valid_from", _moment, _A_TIME),
        expires=document.parsed_or_none("expires", _moment, _A_TIME),
        of_set=None if found_set is None else _set(found_set),
        architecture=document.text_or_none("architecture"),
        firmware=frozenset(_words(document, "firmware", Firmware)),
        signed=_word(document, "signed", SignedBy),
        boot_image=None
        if image is None
        else ManifestImage(image.text("path"), image.number("index", 1, _MOST_IMAGES), image.text("name")),
        runner=_word(document, "runner", Runner) if document.is_given("runner") else None,
        sequences=tuple(
            ManifestSequence(each.text("id"), each.text("name"), each.text("path"), each.truth("encrypted"))
            for each in _bounded(document, "sequences")
        ),
        variables=None
        if variables is None
        else ManifestVariables(variables.text("path"), variables.truth("encrypted")),
        packages=tuple(_package(each) for each in _bounded(document, "packages")),
        others=_others(document.values),
    )
    if image is not None:
        started = manifest.find(manifest.boot_image.path) if manifest.boot_image is not None else None
        if image.text_or_none("sha256") != (None if started is None else started.sha256):
            raise ValueError("boot_image.sha256 is not that of the file, which 'files' has")
    return manifest


def _bounded(document: Fields, name: str) -> Iterator[Fields]:
    entries = document.items(name)
    if len(entries) > MOST_ENTRIES:
        raise ValueError(f"{name} has {len(entries)} entries; valid are up to {MOST_ENTRIES}")
    return (Fields.of(value, place) for place, value in entries)


def _set(fields: Fields) -> DiscOfSet:
    return DiscOfSet(
        identifier=fields.parsed("id", _identifier, "a UUID"),
        volume=fields.number("volume", 1, MOST_VOLUMES),
        volumes=fields.number("volumes", 2, MOST_VOLUMES),
        name=fields.text("name"),
        first=fields.text_or_none("first"),
    )


def _identifier(text: str) -> UUID:
    made = UUID(text)
    if str(made) != text:
        raise ValueError(text)
    return made


def _package(fields: Fields) -> ManifestPackage:
    volumes = fields.given("volumes")
    if not isinstance(volumes, list) or not volumes:
        raise ValueError(f"{fields.at('volumes')} is no list of the numbers of discs")
    numbered = Fields({str(place): value for place, value in enumerate(volumes)}, fields.at("volumes"))
    return ManifestPackage(
        identifier=fields.text("id"),
        name=fields.text("name"),
        path=fields.text("path"),
        size=fields.number("bytes"),
        volumes=tuple(numbered.number(each, 1, MOST_VOLUMES) for each in numbered.values),
    )


def _word(fields: Fields, name: str, words: type[_Word]) -> _Word:
    return fields.parsed(name, words, f"one of {', '.join(words)}")


def _words(fields: Fields, name: str, words: type[_Word]) -> Iterator[_Word]:
    for each in fields.texts(name):
        if each not in set(words):
            raise ValueError(f"{fields.at(name)} is not valid; expected are some of {', '.join(words)}")
        yield words(each)


def _others(values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    others = sorted(set(values) - _KNOWN)
    for name in others:
        _require_shallow(values[name])
    return tuple((name, json.dumps(values[name], sort_keys=True, ensure_ascii=False)) for name in others)


def _require_shallow(value: object, left: int = _DEEPEST) -> None:
    """Raise ValueError where it is nested deeper than json.dumps() with an indent goes on any stack."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not left and inner:
        raise ValueError("it is nested too deeply")
    for each in inner:
        _require_shallow(each, left - 1)


def _require_sound(manifest: MediaManifest) -> None:
    """Raise ValueError, with the place in the document, where a manifest contradicts itself or leads out of it."""
    for name, text in (("label", manifest.label), ("tool", manifest.tool)):
        checked_text(text, name)
    if manifest.architecture is not None and manifest.architecture not in _ARCHITECTURES:
        raise ValueError(f"architecture is not valid; expected is one of {', '.join(sorted(_ARCHITECTURES))}")
    if manifest.boot_image is not None:
        checked_text(manifest.boot_image.name, "boot_image.name")
    if manifest.of_set is not None:
        _require_sound_set(manifest.of_set)
    _require_sound_files(manifest)
    named = (
        *((f"sequences[{number}]", each.path) for number, each in enumerate(manifest.sequences)),
        *(() if manifest.variables is None else (("variables", manifest.variables.path),)),
        *(() if manifest.boot_image is None else (("boot_image", manifest.boot_image.path),)),
        *((f"packages[{number}]", each.path) for number, each in enumerate(manifest.packages)),
    )
    for place, path in named:
        _require_path(f"{place}.path", path)
    _require_named("sequences", manifest.sequences)
    _require_named("packages", manifest.packages)
    for number, package in enumerate(manifest.packages):
        volumes = package.volumes
        if (
            not volumes
            or list(volumes) != sorted(set(volumes))
            or not 1 <= volumes[0] <= volumes[-1] <= manifest.volumes
        ):
            raise ValueError(f"packages[{number}].volumes is not valid; expected are discs of the set in their order")


def _require_sound_set(disc: DiscOfSet) -> None:
    if not (disc.volume <= disc.volumes and 2 <= disc.volumes <= MOST_VOLUMES and disc.volume >= 1):
        raise ValueError(f"set.volume is {disc.volume} of {disc.volumes}; valid are 1 to {MOST_VOLUMES}, of 2 or more")
    checked_text(disc.name, "set.name")
    if (disc.first is None) is not (disc.volume == 1):
        raise ValueError("set.first is for every disc but the first: the SHA-256 of the first one's manifest")
    if disc.first is not None and not _is_hash(disc.first):
        raise ValueError("set.first is no SHA-256: 64 digits of 0-9 and a-f")


def _require_sound_files(manifest: MediaManifest) -> None:
    if len(manifest.files) > MOST_ENTRIES:
        raise ValueError(f"files has {len(manifest.files)} entries; valid are up to {MOST_ENTRIES}")
    seen: set[tuple[int, str]] = set()
    valid = range(1, manifest.volumes + 1) if manifest.volume == 1 else (manifest.volume,)
    for number, each in enumerate(manifest.files):
        place = f"files[{number}]"
        _require_path(f"{place}.path", each.path)
        if not _is_hash(each.sha256):
            raise ValueError(f"{place}.sha256 is no SHA-256: 64 digits of 0-9 and a-f")
        if each.size < 0 or each.volume not in valid:
            raise ValueError(f"{place}.volume is {each.volume}, which this manifest tells nothing of")
        key = each.volume, each.path.lower()
        if key[1] in UNLISTED:
            raise ValueError(f"{place}.path is {quoted(each.path)}, of which a manifest does not tell")
        if key in seen:
            raise ValueError(f"{place}.path is there twice: {quoted(each.path)}")
        seen.add(key)


def _require_path(place: str, path: str) -> None:
    fault = fault_of_path(path)
    if fault is not None:
        shown = path if path.isprintable() else ascii(path)
        raise ValueError(f"{place}, {quoted(shown[:80])}, {fault}")


def _require_named(what: str, entries: Sequence[ManifestSequence | ManifestPackage]) -> None:
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        each = entry.identifier
        checked_text(entry.name, f"{what}[{number}].name")
        if not 1 <= len(each) <= _LONGEST_ID or "/" in each or "\\" in each or windows_names.fault_of(each) is not None:
            raise ValueError(
                f"{what}[{number}].id is not valid; expected is one name of up to {_LONGEST_ID} characters"
            )
        if each.lower() in seen:
            raise ValueError(f"{what}[{number}].id is there twice")
        seen.add(each.lower())


def _is_hash(text: str) -> bool:
    return _HASH.fullmatch(text) is not None

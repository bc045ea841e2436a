"""What a task sequence brings to its media, before it is known which disc has what.

A package that is a folder, or a folder of a disc, is on the media with all that is below it; one that is a file, such
as a WIM, is alone in the folder of its ID.  Contents stay where they are until the media are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.disc.written.contents import BytesContents, contents_of_file
from osdimage.imaging.disk.wim_mark import is_wim
from osdimage.imaging.drivers.store.addresses import is_address
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.media.parts.medium import MediumFile
from osdimage.imaging.media.parts.source import open_source
from osdimage.imaging.media.sequence.manifest import FOLDER, ManifestSequence, ManifestVariables
from osdimage.imaging.media.sequence.sealed import SUFFIX
from osdimage.imaging.media.sequence.sets.described import MADE, PackageContent
from osdimage.imaging.media.sequence.settings import MediaSettings, settings_to_json
from osdimage.imaging.volume.windows_names import fault_of
from osdimage.imaging.wim.checks.parts import find_parts, part_of
from osdimage.imaging.wim.placed.on_disc import DiscPath, disc_path

VARIABLES = f"{FOLDER}/variables.json"
_LONGEST_ID = 64
_WIMS = frozenset({".wim", ".esd", ".swm"})

Seal = Callable[[bytes], bytes]
"""Hides bytes by a password."""


@dataclass(frozen=True, slots=True)
class GivenSequence:
    """A task sequence that media are to have.

    Attributes:
        identifier: by which it is chosen.
        name: for people.
        data: its document, as it was exported or written.
    """

    identifier: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SequenceContent:
    """What a task sequence brings to its media.

    Attributes:
        files: of the sequences and the variables.
        sequences: what the manifest tells of the sequences, the one that runs first.
        variables: likewise of the variables.
        packages: their content.
    """

    files: tuple[MediumFile, ...]
    sequences: tuple[ManifestSequence, ...]
    variables: ManifestVariables
    packages: tuple[PackageContent, ...]


def content_of(
    sequences: Iterable[GivenSequence],
    packages: Mapping[str, Path],
    settings: MediaSettings,
    *,
    seal: Seal | None,
    modified_ns: int,
) -> SequenceContent:
    """Collect what the media are to have; the contents of packages are not read.

    Args:
        sequences: the task sequences; the first runs where none is chosen.
        packages: files or folders, by their IDs.
        settings: what the media tell a run.
        seal: hides the sequences and the settings; None leaves them readable.
        modified_ns: the time of what is made.

    Raises:
        InvalidInput: when a package holds what no medium takes, such as links.
        InvalidRequest: when an ID is no name of a folder, or stands for two things, or a package is an address in the
            catalog of drivers.
        StorageError: when something cannot be read.
    """

    def made(path: str, data: bytes, origin: str) -> MediumFile:
        whole = data if seal is None else seal(data)
        return MediumFile(path if seal is None else f"{path}{SUFFIX}", BytesContents(whole), modified_ns, origin)

    given = tuple(sequences)
    _require_ids("sequence", [each.identifier for each in given])
    _require_ids("package", list(packages))
    documents = [
        made(f"{FOLDER}/sequence{'' if number == 1 else f'-{number}'}.xml", each.data, each.name)
        for number, each in enumerate(given, 1)
    ]
    told = made(VARIABLES, settings_to_json(settings), MADE)
    is_sealed = seal is not None
    return SequenceContent(
        files=(*documents, told),
        sequences=tuple(
            ManifestSequence(each.identifier, each.name, file.path, is_sealed)
            for each, file in zip(given, documents, strict=True)
        ),
        variables=ManifestVariables(told.path, is_sealed),
        packages=tuple(
            PackageContent(identifier, path.name, tuple(_package(identifier, path)))
            for identifier, path in packages.items()
        ),
    )


def _require_ids(what: str, identifiers: list[str]) -> None:
    seen: set[str] = set()
    for each in identifiers:
        fault = fault_of(each)
        if fault is None and len(each) > _LONGEST_ID:
            fault = f"is longer than {_LONGEST_ID} characters"
        if fault is not None or "/" in each or "\\" in each:
            raise InvalidRequest(f"the ID of {what} {quoted(each[:80])} {fault or 'is more than one name'}")
        if each.lower() in seen:
            raise InvalidRequest(f"{what} {each} is there twice; IDs are compared without case")
        seen.add(each.lower())


def _package(identifier: str, path: Path) -> Iterator[MediumFile]:
    if is_address(str(path)):
        raise InvalidRequest(
            f"package {identifier} is {path}, of the catalog of drivers, which stays on this machine; valid is a folder"
        )
    place = disc_path(path)
    if place is not None:
        yield from _of_disc(place)
    elif path.is_dir():
        files = open_source(path).files
        if not files:
            raise InvalidInput(f"package {identifier}: {path} has no files; a medium has no empty folders")
        yield from files
    else:
        yield from _of_file(path)


def _of_file(path: Path) -> Iterator[MediumFile]:
    """Yield a file, and the other parts of a split WIM; a WIM is called so, for a run to know it."""
    part = part_of(path)
    others = () if part is None else tuple(find_parts(part).found.values())
    for each in (path, *(other.path for other in others if other is not part)):
        # A link that was given by name is meant; those in a folder are not followed.
        contents = contents_of_file(each.resolve())
        is_called = each.suffix.lower() in _WIMS or not is_wim(each)
        name = each.name if is_called else f"{each.name}{'.wim' if part is None else '.swm'}"
        yield MediumFile(name, contents, contents.modified_ns, str(each))


def _of_disc(place: DiscPath) -> Iterator[MediumFile]:
    """Yield the file of a disc, or all files below a folder of it."""
    files = open_source(place.disc)
    file = files.file(place.inside)
    if file is not None:
        yield replace(file, path=file.path.rpartition("/")[2])
        return
    prefix = f"{place.inside.lower()}/"
    found = [each for each in files.files if each.path.lower().startswith(prefix)]
    if not found:
        raise InvalidRequest(f"{place}: there is nothing of this name on the disc, or no file in it")
    yield from (replace(each, path=each.path[len(prefix) :]) for each in found)

"""What a catalog takes of the INFs in a folder, an archive or a disc: what they say, and the files that they name.

An INF is for all its platforms at once here, so its files are those of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from osdimage.imaging.drivers.inf.closure import FileClosure, read_closure
from osdimage.imaging.drivers.inf.decoding import MAX_BYTES
from osdimage.imaging.drivers.inf.decorations import Decoration
from osdimage.imaging.drivers.inf.inf_file import DEFAULT_INSTALL, InfFile, read_inf
from osdimage.imaging.drivers.inf.install import Install
from osdimage.imaging.drivers.inf.models import Model, models_by_section
from osdimage.imaging.drivers.offline.txtsetup import FILE_NAME as TXTSETUP
from osdimage.imaging.drivers.store.adding import Offered, OfferedFile
from osdimage.imaging.drivers.store.records import InfFacts, InstallFacts, ModelFacts, SectionFacts
from osdimage.imaging.drivers.supplied.folder import FolderFiles
from osdimage.imaging.drivers.supplied.opened import Supply
from osdimage.imaging.drivers.target_os import Architecture
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.files import FileSource
from osdimage.imaging.units import MIB

_INF = ".inf"
_LARGEST_FILE = 1024 * MIB
# The rest of them says the same again.
_MOST_WARNINGS = 100


def inf_paths(supply: Supply) -> list[str]:
    """Return the paths of all INFs in driver files.

    Raises:
        InvalidInput: when a directory is damaged.
        StorageError: when it cannot be read.
    """
    if supply.is_inf:
        return [supply.folder]
    found = supply.files.walk(supply.folder)
    return sorted(
        each.path for each in found if not each.is_directory and not each.is_link and each.path.lower().endswith(_INF)
    )


def offer(supply: Supply, path: str, *, codepage: str = "cp1252") -> Offered:
    """Return what a catalog takes of an INF, or why it takes nothing.

    Args:
        supply: with the INF.
        path: of the INF in it.
        codepage: of a file that does not tell its encoding, and is not UTF-8.

    Raises:
        InvalidRequest: when there is no such code page.
        StorageError: when it cannot be read.
    """
    source = _place(supply, path)
    try:
        source.encode()
        data = supply.files.read(path, MAX_BYTES)
        inf = read_inf(data, name=path.rpartition("/")[2], codepage=codepage)
        if not inf.is_driver:
            return Offered(source, None, reason="is no INF of a driver: its Signature is not that of Windows")
        if inf.placeholder is not None:
            said = f"is not a finished INF: line {inf.placeholder.line} has {quoted(inf.placeholder.text)}"
            return Offered(source, None, reason=said)
        return _offered(supply.files, path, source, inf, data)
    except UnicodeEncodeError:
        return Offered(source.encode("utf-8", "replace").decode(), None, reason="has a name that is not UTF-8")
    except InvalidInput as error:
        return Offered(source, None, reason=error.said.removeprefix(f"{path.rpartition('/')[2]}: "))


def _place(supply: Supply, path: str) -> str:
    """Return what messages call a file of driver files."""
    if isinstance(supply.files, FolderFiles):
        return f"{supply.files.name.rstrip('/')}/{path}"
    return f"{supply.files.name}!{path}"


def _offered(source: FileSource, path: str, place: str, inf: InfFile, data: bytes) -> Offered:
    folder, _, name = path.rpartition("/")
    warnings = [str(each) for each in inf.warnings]
    sections = _sections(inf)
    installs = _installs(inf, sections)
    closures = [_closure(inf, installs, each) for each in _architectures(inf)]
    warnings += (str(each) for closure in closures for each in closure.warnings)
    files: dict[str, OfferedFile] = {}
    for each in (*inf.version.catalogs.values(), *(file.path for closure in closures for file in closure.files)):
        found = None if each.casefold() in files else _found(source, folder, each)
        if found is not None:
            files[each.casefold()] = found
    # What no install section copies may be one of Windows.
    needed = (file.path for closure in closures for file in closure.needed)
    warnings += (f"{each} is missing" for each in needed if each.casefold() not in files)
    catalogs = ((each, inf.version.catalog_for(each)) for each in Architecture)
    signed = tuple(each for each, catalog in catalogs if catalog is not None and catalog.casefold() in files)
    if not signed:
        warnings.append("there is no catalog file (.cat): it is not signed")
    oem = _found(source, folder, TXTSETUP)
    if oem is not None:
        files.setdefault(TXTSETUP, oem)
    files[name.casefold()] = OfferedFile(name, lambda: data)
    facts = _facts(inf, name, _told(sections, installs), dict.fromkeys(warnings), signed)
    return Offered(place, facts, tuple(files.values()), folder=folder)


def _architectures(inf: InfFile) -> list[Architecture]:
    """Return the architectures that an INF is for; one without a platform is for x86."""
    return list(dict.fromkeys(each.runs_on for each in inf.platforms)) or [Architecture.X86]


@dataclass(frozen=True, slots=True)
class _Section:
    """A Models section of an INF, which may be empty."""

    entry: int
    decoration: Decoration
    models: tuple[Model, ...]


def _sections(inf: InfFile) -> list[_Section]:
    """Return the Models sections that an INF names, in the order of their entries; each is read once.

    Raises:
        InvalidInput: when together they come to more lines than any driver has.
    """
    return [
        _Section(entry, decoration, tuple(models))
        for entry, decoration, models in models_by_section(inf.text, inf.manufacturers)
    ]


_Installs = dict[tuple[Architecture, str], Install]


def _installs(inf: InfFile, sections: Iterable[_Section]) -> _Installs:
    """Return each install section that a model names, by its architecture.

    Raises:
        InvalidInput: when those of an architecture come to more lines than any driver has.
    """
    found: _Installs = {}
    readers = {each: inf.install_reader(each) for each in Architecture}
    named = dict.fromkeys((each.decoration.runs_on, model.section) for each in sections for model in each.models)
    if inf.is_primitive:
        named = dict.fromkeys((each, DEFAULT_INSTALL) for each in _architectures(inf))
    for architecture, name in named:
        key = architecture, name.casefold()
        if key not in found:
            found[key] = readers[architecture].read(name)
    return found


def _closure(inf: InfFile, installs: _Installs, architecture: Architecture) -> FileClosure:
    """Return the files that an INF names for all Windows of an architecture."""
    of_it = (install for (each, _), install in installs.items() if each is architecture)
    copied = dict.fromkeys(file for install in of_it for file in install.copy_files)
    return read_closure(inf.text, inf.version, architecture, tuple(copied))


def _found(source: FileSource, folder: str, name: str) -> OfferedFile | None:
    """Return a file of a driver when it is there; one that is compressed as ``x.sy_`` may stand in its place."""
    for each in (name, f"{name[:-1]}_"):
        path = f"{folder}/{each}" if folder else each
        try:
            facts = source.find(path)
        except InvalidRequest:
            # No name of a file.
            return None
        if facts is not None and not facts.is_directory and not facts.is_link:
            return OfferedFile(each.replace("\\", "/"), partial(source.read, path, _LARGEST_FILE))
    return None


def _facts(
    inf: InfFile,
    name: str,
    sections: tuple[SectionFacts, ...],
    warnings: Iterable[str],
    signed: tuple[Architecture, ...],
) -> InfFacts:
    return InfFacts(
        inf=name,
        class_name=inf.version.class_name or None,
        class_guid=inf.version.class_guid,
        provider=inf.version.provider or None,
        version=inf.version.driver_version,
        sections=sections,
        signed_for=signed,
        extension_id=inf.version.extension_id,
        is_primitive=inf.is_primitive,
        warnings=tuple(warnings)[:_MOST_WARNINGS],
    )


def _install_facts(install: Install) -> InstallFacts:
    return InstallFacts(
        install.section,
        install.feature_score,
        is_nt=install.is_nt,
        version=install.driver_version,
        components=install.component_ids,
    )


def _told(sections: Iterable[_Section], installs: _Installs) -> tuple[SectionFacts, ...]:
    """Return what a catalog keeps of Models sections."""
    facts = {key: _install_facts(each) for key, each in installs.items()}
    return tuple(
        SectionFacts(
            each.entry,
            each.decoration.text,
            tuple(
                ModelFacts(
                    facts[each.decoration.runs_on, model.section.casefold()],
                    model.description,
                    tuple(model.placed_ids()),
                )
                for model in each.models
            ),
        )
        for each in sections
    )

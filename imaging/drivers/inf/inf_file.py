"""An INF as a whole: whom it is for, and what it does there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from osdimage.imaging.drivers.inf.closure import FileClosure, read_closure
from osdimage.imaging.drivers.inf.decoding import decode
from osdimage.imaging.drivers.inf.decorations import Decoration
from osdimage.imaging.drivers.inf.inf_text import ENGLISH, InfText, InfTopic, InfWarning
from osdimage.imaging.drivers.inf.install import Install, InstallReader, copied_files, read_install, read_installs
from osdimage.imaging.drivers.inf.lines import parse
from osdimage.imaging.drivers.inf.models import Manufacturer, Model, all_models, models_for, read_manufacturers
from osdimage.imaging.drivers.inf.places import Folders
from osdimage.imaging.drivers.inf.version import InfVersion, read_version
from osdimage.imaging.drivers.target_os import Architecture, TargetOs

_PLACEHOLDER = re.compile(r"\$[A-Z][A-Z0-9_]*\$|@[A-Z][A-Z0-9_]*@|(?<![A-Za-z0-9])_?INX_[A-Z][A-Z0-9_]*")
DEFAULT_INSTALL = "DefaultInstall"
"""The install section of a primitive driver."""
_PRIMITIVE = re.compile(r"defaultinstall(?:\.(nt[^.]*))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What a build puts something in the place of, and did not: ``$ARCH$``, ``@INF_DATE@``, ``INX_COMPANY``.

    Attributes:
        text: as it stands there.
        line: where the first one is.
    """

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class InfFile:
    """An INF that was read.

    Attributes:
        name: of the file, as messages call it.
        version: what ``[Version]`` says.
        text: its sections.
        manufacturers: the lines of ``[Manufacturer]``.
        placeholder: the first one that was not replaced; with one the INF is not finished; None without.
        warnings: what is unusual about it, by line; what is so of an install section is in :class:`Install`.
    """

    name: str
    version: InfVersion
    text: InfText
    manufacturers: tuple[Manufacturer, ...]
    placeholder: Placeholder | None
    warnings: tuple[InfWarning, ...]

    @property
    def is_driver(self) -> bool:
        """Whether Windows installs from it; an ``autorun.inf`` or what EDK2 calls an INF is none."""
        return self.version.is_driver

    @property
    def is_primitive(self) -> bool:
        """Whether it is for no device: it names no models, and is installed by itself."""
        return not self.manufacturers and any(map(_PRIMITIVE.fullmatch, self.text.parsed.sections))

    @property
    def platforms(self) -> tuple[Decoration, ...]:
        """The platforms that it names, each once; those of its install sections for a primitive driver."""
        if self.manufacturers:
            named = [each for manufacturer in self.manufacturers for each in manufacturer.decorations]
        else:
            names = [each.name for each in self.text.parsed.sections.values()]
            suffixes = [found[1] for found in map(_PRIMITIVE.fullmatch, names) if found]
            named = [made for each in suffixes if (made := Decoration.parse(each) if each else Decoration())]
        return tuple(dict.fromkeys(named))

    def models(self, os: TargetOs) -> tuple[Model, ...]:
        """Return the models for a Windows.

        Raises:
            InvalidInput: when a value becomes too long, or sections name each other without an end.
        """
        return tuple(models_for(self.text, self.manufacturers, os))

    def all_models(self) -> tuple[Model, ...]:
        """Return the models of every platform, with it.

        Raises:
            InvalidInput: as :meth:`models`.
        """
        return tuple(all_models(self.text, self.manufacturers))

    def install(self, section: str, os: TargetOs, folders: Folders | None = None) -> Install:
        """Return what an install section does on a Windows.

        Args:
            section: as a model names it; ``DefaultInstall`` for a primitive driver.
            os: the Windows.
            folders: where it has its folders, for the texts that name them.

        Raises:
            InvalidInput: as :meth:`models`.
        """
        return self.install_on(section, os.architecture, folders)

    def install_on(self, section: str, architecture: Architecture, folders: Folders | None = None) -> Install:
        """Return what an install section does on an architecture, which is all that it asks of a Windows.

        Raises:
            InvalidInput: as :meth:`models`.
        """
        return read_install(self.text, section, architecture, folders or Folders())

    def installs_on(self, sections: Iterable[str], architecture: Architecture) -> tuple[Install, ...]:
        """Return what several install sections do on an architecture, with one bound for all of them together.

        Raises:
            InvalidInput: as :meth:`models`.
        """
        return read_installs(self.text, sections, architecture)

    def install_reader(self, architecture: Architecture) -> InstallReader:
        """Return what reads install sections on an architecture one by one, with one bound for all of them together."""
        return InstallReader(self.text, architecture)

    def installs(self, os: TargetOs) -> tuple[Install, ...]:
        """Return what each install section does that a model for a Windows names, each once.

        Raises:
            InvalidInput: as :meth:`models`.
        """
        return read_installs(self.text, self._sections(os), os.architecture)

    def files(self, os: TargetOs) -> FileClosure:
        """Return the files that it needs on a Windows.

        Raises:
            InvalidInput: as :meth:`models`.
        """
        return self.files_on(self._sections(os), os.architecture)

    def files_on(self, sections: Iterable[str], architecture: Architecture) -> FileClosure:
        """Return the files that it needs on an architecture, of which only some install sections are carried out.

        Raises:
            InvalidInput: as :meth:`models`.
        """
        return read_closure(self.text, self.version, architecture, copied_files(self.text, sections, architecture))

    def _sections(self, os: TargetOs) -> tuple[str, ...]:
        if self.is_primitive:
            return (DEFAULT_INSTALL,)
        return tuple(dict.fromkeys(each.section for each in self.models(os)))


def read_inf(data: bytes, *, name: str, codepage: str = "cp1252", language: int = ENGLISH) -> InfFile:
    """Return what an INF says.

    Args:
        data: the whole file.
        name: what messages call it.
        codepage: of a file that does not tell its encoding, and is not UTF-8.
        language: a ``LANGID``; of the texts, where the file has several.

    Raises:
        InvalidInput: when it cannot be read; names the line.
        InvalidRequest: when there is no such code page.
    """
    decoded = decode(data, name=name, codepage=codepage)
    parsed = parse(decoded.text, name=name)
    text = InfText(name, parsed, decoded.encoding, language)
    warnings = [InfWarning(*each) for each in parsed.warnings]
    if decoded.warning is not None:
        warnings.append(InfWarning(0, decoded.warning))
    version = read_version(text, warnings)
    if version.is_driver and "driverver" not in version.lines:
        warnings.append(InfWarning(0, "has no DriverVer", InfTopic.DRIVER_VERSION))
    manufacturers = read_manufacturers(text, warnings)
    undefined: dict[str, int] = {}
    for line, token in text.tokens():
        undefined.setdefault(token, line)
    warnings += [
        InfWarning(line, f"the token %{each[:40]}% has no text", InfTopic.UNDEFINED) for each, line in undefined.items()
    ]
    return InfFile(name, version, text, manufacturers, _placeholder(text), tuple(sorted(warnings)))


def _placeholder(text: InfText) -> Placeholder | None:
    """Return the first placeholder outside of comments."""
    found: list[tuple[int, str]] = []
    for folded, section in text.parsed.sections.items():
        if match := _PLACEHOLDER.search(section.name):
            found.append((section.number, match[0]))
        for number, key, fields in section.lines:
            if folded == "version" and key is not None and key.casefold() == "signature":
                continue
            for each in fields if key is None else (key, *fields):
                # Few values have one of these; only those are looked through.
                match = _PLACEHOLDER.search(each) if "$" in each or "@" in each or "INX_" in each else None
                if match:
                    found.append((number, match[0]))
    return Placeholder(min(found)[1], min(found)[0]) if found else None

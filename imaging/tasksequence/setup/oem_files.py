r"""``sources\$OEM$``: files that Windows Setup copies beside those of the image.

``$$`` goes to the directory of Windows, ``$1`` and ``C`` to the root of its volume, ``$Progs`` to ``Program Files`` and
``$Docs`` to the folder of the profiles.  Setup would put them over files of Windows, which its documentation warns of:
here such a file is left out.  What is for other drives is left out too, since their letters are those of the new
Windows.

Source: Microsoft, "Distribution Shares and Configuration Sets Overview" ($OEM$ Folders).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidInput, quoted
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.units import MIB, counted, format_size
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.windows_names import fault_of

FOLDER = "sources/$OEM$"
_FOR_WINDOWS_PE = "$WinpeDriver$"
_LARGEST = 512 * MIB
_MOST = 20_000
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class OemFile:
    r"""A file that is put into the volume of Windows.

    Attributes:
        source: its path among the files of Setup.
        path: its path in the volume, separated by ``\``.
        size: in bytes.
        modified_ns: when it was changed last, or None.
    """

    source: str
    path: str
    size: int
    modified_ns: int | None


@dataclass(frozen=True, slots=True)
class OemFiles:
    """All that is put into the volume of Windows beside its image.

    Attributes:
        source: the files of Setup.
        files: those that are put there.
        warnings: sentences about what is left out.
    """

    source: FileSource
    files: tuple[OemFile, ...]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        """Say it for people."""
        size = format_size(sum(each.size for each in self.files))
        return f"{counted(len(self.files), 'file')} of $OEM$ ({size})"

    def write(self, volume: VolumeFiles) -> None:
        """Put the files into the volume, to which the image was applied.

        Raises:
            InvalidInput: when a file is not any more as it was.
            StorageError: when one cannot be read, or writing failed.
        """
        for each in self.files:
            data = self.source.read(each.source, each.size)
            volume.write(each.path, data, modified_ns=each.modified_ns)


def find_oem_files(source: FileSource, image: FileSource, windows: WindowsFacts) -> OemFiles:
    """Find what Setup would copy beside the image; nothing is written.

    Args:
        source: the files of Setup.
        image: those of the image that is applied.
        windows: what it is.

    Raises:
        InvalidInput: when there are more files, or larger ones, than are taken, or a name that Windows does not open.
        StorageError: when the folder cannot be read.
    """
    warnings = []
    if source.exists(_FOR_WINDOWS_PE):
        warnings.append(f"{_FOR_WINDOWS_PE} is left out: its drivers are for Windows PE and for the Setup in it")
    top = source.find(FOLDER)
    if top is None or not top.is_directory:
        return OemFiles(source, (), tuple(warnings))
    files: list[OemFile] = []
    left, there, links = [], [], []
    for each in source.list(FOLDER):
        into = _destination(each.name, windows)
        if into is None or not each.is_directory:
            left.append(f"$OEM$/{each.name}")
            continue
        for found in _below(source, each.path, len(files)):
            path = "\\".join(filter(None, (into, *found.path[len(each.path) + 1 :].split("/"))))
            if found.is_link:
                links.append(path)
            elif image.exists(path):
                there.append(path)
            else:
                files.append(OemFile(found.path, path, found.size, found.modified_ns))
    warnings += _told("of $OEM$ it is not known where it goes", left)
    warnings += _told("links of $OEM$ are not followed", links)
    warnings += _told("files of Windows are not replaced by those of $OEM$", there)
    return OemFiles(source, tuple(files), tuple(warnings))


def _destination(name: str, windows: WindowsFacts) -> str | None:
    """Return the folder of the volume that a folder of ``$OEM$`` goes to; None when that is not known."""
    known = {"$$": windows.root, "$1": "", "c": "", "$progs": "Program Files", "$docs": "Users"}
    return known.get(name.lower())


def _below(source: FileSource, folder: str, count: int) -> Iterator[FileFacts]:
    for number, each in enumerate(source.walk(folder), count):
        if number >= _MOST:
            raise InvalidInput(f"{source.name}: {FOLDER} has more than {_MOST} files and folders")
        fault = fault_of(each.name)
        if fault is not None:
            raise InvalidInput(f"{source.name}: {quoted(each.path)}: the name {fault}, and Windows would not open it")
        if each.size > _LARGEST and not each.is_directory:
            raise InvalidInput(f"{source.name}: {quoted(each.path)} is larger than {format_size(_LARGEST)}")
        if each.is_link or not each.is_directory:
            yield each


def _told(what: str, paths: list[str]) -> list[str]:
    if not paths:
        return []
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return [f"{what}: {', '.join(paths[:_SHOWN])}{more}"]

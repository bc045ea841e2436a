r"""What is set in a boot image: scratch space, picture, prestart command, what it starts, answer file, more files.

Sources: those of ``places.py``; "DISM Windows PE Servicing Command-Line Options" for the sizes of the scratch space,
whose value in the registry is the one that DISM sets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.answers.unattend import check_boot_answer_file
from osdimage.imaging.documents import read_limited
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.media.bootimage import hives, pictures, places, startnet, winpeshl
from osdimage.imaging.media.bootimage.facts import BootKind
from osdimage.imaging.media.bootimage.ini import LARGEST, IniText
from osdimage.imaging.media.bootimage.plan import PlacedValue
from osdimage.imaging.media.bootimage.reading import architecture_of, background_path, setup_of
from osdimage.imaging.media.bootimage.work import BootWork
from osdimage.imaging.registry.lookup import number_of, text_of
from osdimage.imaging.registry.values import Value, ValueType
from osdimage.imaging.volume.windows_names import checked_path

SCRATCH_MB = (32, 64, 128, 256, 512)
"""What DISM sets."""
_ANSWERS_BYTES = 1 << 25
_HOOK, _COMMAND = "CustomHook", "CommandLine"


@dataclass(frozen=True, slots=True)
class AddedFile:
    """A file of this machine, and the path that it gets in the image, names separated by slashes."""

    source: Path
    path: str


@dataclass(frozen=True, slots=True)
class BootSettings:
    """What is wished for; None leaves a thing as it is.

    Attributes:
        scratch_mb: megabytes that can be written to X:, one of ``SCRATCH_MB``.
        background: the picture, a JPEG (a BMP where the image shows one).
        prestart: the command that Configuration Manager runs first, in ``TSConfig.ini``.
        prestart_files: a folder whose files that command needs; they go into the root of the image.
        startnet: the script that is run at the start; a block of lines of osdimage in the old one stays.
        winpeshl: the file with programs that are run in its place.
        unattend: the answer file for Windows PE, or for the Setup in the image.
        files: more files.
    """

    scratch_mb: int | None = None
    background: Path | None = None
    prestart: str | None = None
    prestart_files: Path | None = None
    startnet: Path | None = None
    winpeshl: Path | None = None
    unattend: Path | None = None
    files: tuple[AddedFile, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is wished for."""
        return self == BootSettings()

    @property
    def sources(self) -> tuple[Path, ...]:
        """What is read: files, and a folder."""
        named = (self.background, self.prestart_files, self.startnet, self.winpeshl, self.unattend)
        return (*(each for each in named if each is not None), *(each.source for each in self.files))


def plan_settings(work: BootWork, settings: BootSettings) -> None:
    """Plan what is changed in an image so that it is as it is wished for; nothing is written.

    Raises:
        InvalidRequest: when a wish cannot be: a size that Windows PE does not take, a command of several lines.
        InvalidInput: when a file is not what it is to be, or the image lacks what is set.
        StorageError: when something cannot be read.
    """
    if settings.scratch_mb is not None:
        _plan_scratch(work, settings.scratch_mb)
    if settings.background is not None:
        _plan_background(work, settings.background)
    if settings.prestart is not None:
        _plan_prestart(work, settings.prestart)
    if settings.startnet is not None:
        _plan_startnet(work, settings.startnet, settings.winpeshl)
    if settings.winpeshl is not None:
        _plan_winpeshl(work, settings.winpeshl)
    if settings.unattend is not None:
        _plan_unattend(work, settings.unattend)
    added = [*settings.files]
    if settings.prestart_files is not None:
        added += _files_below(settings.prestart_files)
    _plan_files(work, added)


def script_of(file: Path) -> bytes:
    """Return a script as Windows PE runs it, its lines ended as ``cmd`` wants them.

    Raises:
        InvalidInput: when it is in Unicode, or larger than a script is.
        StorageError: when it cannot be read.
    """
    data = read_limited(file, LARGEST, kind="scripts")
    startnet.check_script(data, str(file))
    return startnet.with_windows_ends(data)


def shell_of(file: Path) -> IniText:
    """Return a winpeshl.ini.

    Raises:
        InvalidInput: when Windows PE would not carry it out as it says.
        StorageError: when it cannot be read.
    """
    ini = winpeshl.read_winpeshl(read_limited(file, LARGEST, kind="files of this kind"), str(file))
    winpeshl.refuse_faults(ini, str(file))
    return ini


# ---- each of them


def _plan_scratch(work: BootWork, megabytes: int) -> None:
    if megabytes not in SCRATCH_MB:
        raise InvalidRequest(f"a scratch space of {megabytes} MB is none; valid are {', '.join(map(str, SCRATCH_MB))}")
    system = work.hive(places.SYSTEM_HIVE)
    key = hives.filter_key(system)
    if key is None:
        raise InvalidInput(
            f"{work.files.name}: has no service FBWF, the write filter whose scratch space it is; it is no Windows PE "
            "that runs from memory"
        )
    old = number_of(key, places.THRESHOLD)
    if old != megabytes:
        path = f"{hives.control_set(system)}\\{places.FBWF}"
        told = None if old is None else str(old)
        value = Value.dword(places.THRESHOLD, megabytes)
        work.values.append(PlacedValue("SYSTEM", path, value, told, str(megabytes)))


def _plan_background(work: BootWork, file: Path) -> None:
    data = read_limited(file, pictures.LARGEST, kind="pictures")
    path = background_path(work.kind)
    if not work.has(path) and work.has(places.OLD_BACKGROUND):
        path = places.OLD_BACKGROUND
    check = pictures.read_bitmap if path == places.OLD_BACKGROUND else pictures.read_jpeg
    check(data, str(file))
    work.put(path, file)
    if not work.has(places.SOFTWARE_HIVE):
        return
    # Windows PE shows the file of this name; only where a value names another is there one to be set.
    software = work.hive(places.SOFTWARE_HIVE)
    key = software.root.find(places.WINPE_KEY)
    there = text_of(key, places.CUSTOM_BACKGROUND)
    named = "X:\\" + path.replace("/", "\\")
    if key is not None and there is not None and _expanded(there) != _expanded(named):
        old = key.value(places.CUSTOM_BACKGROUND)
        is_plain = old is not None and old.type == ValueType.SZ
        value = (Value.string if is_plain else Value.expand_string)(places.CUSTOM_BACKGROUND, named)
        work.values.append(PlacedValue("SOFTWARE", places.WINPE_KEY, value, there, named))


def _expanded(path: str) -> str:
    """Return a path of the registry as it compares with others."""
    lowered = path.lower()
    for name, meant in (("%systemroot%", "x:\\windows"), ("%windir%", "x:\\windows"), ("%systemdrive%", "x:")):
        lowered = lowered.replace(name, meant)
    return lowered


def _plan_prestart(work: BootWork, command: str) -> None:
    if not command.strip() or not command.isascii() or not command.isprintable():
        raise InvalidRequest(f"the prestart command {quoted(command)} is none; valid is one line of ASCII text")
    data = work.read(places.TSCONFIG)
    ini = IniText() if data is None else IniText.parse(data, name=f"{work.files.name}: {places.TSCONFIG}")
    if ini.get(_HOOK, _COMMAND) != command:
        ini.set(_HOOK, _COMMAND, f'"{command}"')
        work.put(places.TSCONFIG, ini.to_bytes())
    if command.split(maxsplit=1)[0].lower() not in {"cmd", "cmd.exe"}:
        work.warnings.append(
            f"the prestart command {quoted(command)} does not begin with cmd /c, as the documentation of "
            "Configuration Manager has it"
        )


def _plan_startnet(work: BootWork, file: Path, shell: Path | None) -> None:
    data = script_of(file)
    old = work.read(places.STARTNET)
    if old is not None and startnet.has_block(old):
        data = startnet.with_block(data)
    work.put(places.STARTNET, data)
    if shell is not None and winpeshl.line_with(shell_of(shell), "startnet.cmd") is not None:
        return
    if shell is not None or work.has(places.WINPESHL_INI):
        work.warnings.append("startnet.cmd is not run where there is a winpeshl.ini, unless that names it")
    elif (setup := setup_of(work.files)) is not None:
        work.warnings.append(
            f"startnet.cmd is not run where there is a Setup ({setup}), unless a winpeshl.ini names it"
        )


def _plan_winpeshl(work: BootWork, file: Path) -> None:
    ini = shell_of(file)
    old = work.read(places.WINPESHL_INI)
    there = IniText() if old is None else IniText.parse(old, name=f"{work.files.name}: {places.WINPESHL_INI}")
    line = winpeshl.line_with(there, places.SCRIPT_NAME)
    if line is not None and winpeshl.line_with(ini, places.SCRIPT_NAME) is None:
        winpeshl.put_first(ini, line, str(file))
    work.put(places.WINPESHL_INI, ini.to_bytes())


def _plan_unattend(work: BootWork, file: Path) -> None:
    data = read_limited(file, _ANSWERS_BYTES, kind="answer files")
    is_setup = work.kind is BootKind.SETUP
    architecture = architecture_of(work.image, work.files)
    work.warnings += check_boot_answer_file(data, architecture, source=str(file), by_setup=is_setup)
    if work.kind is BootKind.RECOVERY:
        work.warnings.append(f"{file}: Windows RE starts no wpeinit by itself, which would read it")
    work.put(places.SETUP_ANSWERS if is_setup else places.PE_ANSWERS, file)


def _plan_files(work: BootWork, files: list[AddedFile]) -> None:
    names = set[str]()
    for each in files:
        if not each.source.is_file():
            raise InvalidRequest(f"{each.source}: is no file, and only files are added so")
        path = checked_path(each.path)
        if path.lower() in names or work.is_planned(path):
            raise InvalidRequest(f"{each.source}: two files would be {quoted(path)} in the image")
        names.add(path.lower())
        work.put(path, each.source)


def _files_below(folder: Path) -> Iterator[AddedFile]:
    """Yield the files of a folder with their paths in it.

    Raises:
        InvalidRequest: when it is none, or holds a link.
    """
    if not folder.is_dir():
        raise InvalidRequest(f"{folder}: is no folder; valid is one with the files that the prestart command needs")
    for above, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted([*names, *(each for each in folders if (Path(above) / each).is_symlink())]):
            found = Path(above) / name
            if found.is_symlink():
                raise InvalidRequest(f"{found}: is a symbolic link; valid are files and folders")
            yield AddedFile(found, found.relative_to(folder).as_posix())

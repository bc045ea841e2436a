"""Telling what is in the images of a WIM that computers start from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from osdimage.imaging.boot.windows import KERNEL
from osdimage.imaging.errors import ImageNotFound, InvalidInput, OsdImageError
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.media.bootimage import places, startnet, winpeshl
from osdimage.imaging.media.bootimage.facts import Background, BootDriver, BootImage, BootKind, DriverWay
from osdimage.imaging.media.bootimage.hives import HiveFacts, read_hives
from osdimage.imaging.media.bootimage.ini import LARGEST, IniText
from osdimage.imaging.media.bootimage.winpeshl import Launched
from osdimage.imaging.pe import read_pe
from osdimage.imaging.units import MIB
from osdimage.imaging.wim.compression import Compression
from osdimage.imaging.wim.described.info import WimHeader
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.select import ImageSelector

_LARGEST_KERNEL = 64 * MIB
_PE_EDITION = "windowspe"
# What it reads: wimboot 2.9.0, wim.c, which takes no other either.
_READ = {Compression.NONE, Compression.XPRESS, Compression.LZX}
_CHUNK_BYTES = 32768
_PUBLISHED = re.compile(r"oem\d+\.inf", re.IGNORECASE)


def read_boot_images(wim: WimFile) -> tuple[BootImage, ...]:
    """Return what is in each image of a WIM.

    Raises:
        UnsafeName, CorruptWim, MissingParts: when an image cannot be read.
        StorageError: when the WIM cannot be read.
    """
    return tuple(read_boot_image(wim, image) for image in wim)


def boot_image_of(wim: WimFile, selector: ImageSelector) -> WimImage:
    """Return the image that is meant: what was chosen, or else the one that starts, or the only one.

    Raises:
        ImageNotFound: when none fits, several do, or none is marked as the one that starts and there are several.
    """
    if selector != ImageSelector() or wim.header.boot_index is None:
        return wim.select(selector)
    try:
        return wim.image(wim.header.boot_index)
    except ImageNotFound:
        # It is the number of none.
        return wim.select(selector)


def unread_compression(header: WimHeader) -> str | None:
    """Return how a WIM is compressed, as the end of a sentence, when the boot manager does not read that; else None."""
    if header.is_solid or header.compression not in _READ:
        return "is compressed in a way that the boot manager does not read"
    if header.compression is not Compression.NONE and header.chunk_size != _CHUNK_BYTES:
        return f"is compressed in chunks of {header.chunk_size} bytes, and the boot manager reads {_CHUNK_BYTES}"
    return None


def read_boot_image(wim: WimFile, image: WimImage) -> BootImage:
    """Return what is in an image; raise as :func:`read_boot_images`."""
    files = image.files()
    hives = read_hives(files)
    warnings = list(hives.warnings)
    told = image.info.windows
    script = _read(files, places.STARTNET, warnings)
    shell = _ini(files, places.WINPESHL_INI, warnings)
    hook = _ini(files, places.TSCONFIG, warnings)
    kind = kind_of(image, files, hives)
    programs = None if shell is None else winpeshl.launched(shell)
    if shell is not None:
        warnings += [f"{files.name}: {places.WINPESHL_INI}: {text}" for text in winpeshl.faults(shell)]
    audit = image.audit()
    return BootImage(
        index=image.index,
        name=image.name,
        is_boot=wim.header.boot_index == image.index,
        kind=kind,
        architecture=architecture_of(image, files),
        version=hives.version or (told.version if told is not None else None),
        languages=() if told is None else told.languages,
        size=audit.size + audit.named_stream_size,
        startnet=None if script is None else as_shown(script),
        launched=programs,
        setup=setup_of(files),
        calls_drivers=_calls_drivers(script, programs),
        prestart=None if hook is None else hook.get("CustomHook", "CommandLine"),
        scratch_mb=hives.scratch_mb,
        background=_background(files, kind, hives.custom_background),
        answer_files=tuple(path for path in (places.PE_ANSWERS, places.SETUP_ANSWERS) if is_file(files, path)),
        drivers=tuple(_drivers(files)),
        components=hives.components,
        warnings=tuple(warnings),
    )


def kind_of(image: WimImage, files: FileSource, hives: HiveFacts | None = None) -> BootKind:
    """Return what an image starts.

    What Windows PE alone has tells it: the edition, ``winpeshl.exe`` and ``wpeinit.exe``.
    """
    told = image.info.windows
    editions = [told.edition, told.installation_type] if told is not None else []
    editions += [hives.edition] if hives is not None else []
    is_pe = any(each is not None and each.lower() == _PE_EDITION for each in editions) or any(
        is_file(files, path) for path in (places.WINPESHL, places.WPEINIT)
    )
    if not is_pe:
        has_windows = is_file(files, KERNEL) or is_file(files, places.SOFTWARE_HIVE)
        return BootKind.WINDOWS if has_windows else BootKind.OTHER
    if is_file(files, places.RECOVERY):
        return BootKind.RECOVERY
    return BootKind.PE if setup_of(files) is None else BootKind.SETUP


def background_path(kind: BootKind) -> str:
    """Return where the picture is that an image shows."""
    return places.RECOVERY_BACKGROUND if kind is BootKind.RECOVERY else places.PE_BACKGROUND


def is_file(files: FileSource, path: str) -> bool:
    """Tell whether there is a file at a path."""
    found = files.find(path)
    return found is not None and not found.is_directory


def as_shown(data: bytes) -> str:
    """Return a script as people read it, with the line ends of Linux; what is no UTF-8 is taken for Windows-1252."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.replace("\r\n", "\n")


def setup_of(files: FileSource) -> str | None:
    """Return the path of the Setup of an image, or None."""
    return next((path for path in places.SETUPS if is_file(files, path)), None)


def architecture_of(image: WimImage, files: FileSource) -> str | None:
    """Return the architecture that the WIM tells, or else the kernel; None when neither does."""
    told = None if image.info.windows is None else image.info.windows.architecture
    return told or _kernel_of(files)


def _kernel_of(files: FileSource) -> str | None:
    """Return the architecture of the kernel; None without one that tells."""
    if not is_file(files, KERNEL):
        return None
    try:
        return read_pe(files.read(KERNEL, limit=_LARGEST_KERNEL), name=f"{files.name}: {KERNEL}").architecture
    except InvalidInput as error:
        if type(error) is InvalidInput:
            return None
        raise


def _read(files: FileSource, path: str, warnings: list[str]) -> bytes | None:
    """Return a small file; None without one, or when it is none, which is told."""
    if not is_file(files, path):
        return None
    try:
        return files.read(path, limit=LARGEST)
    except OsdImageError as error:
        if not isinstance(error, InvalidInput):
            raise
        warnings.append(f"{files.name}: {path}: {error}")
        return None


def _ini(files: FileSource, path: str, warnings: list[str]) -> IniText | None:
    data = _read(files, path, warnings)
    if data is None:
        return None
    try:
        return IniText.parse(data, name=f"{files.name}: {path}")
    except InvalidInput as error:
        warnings.append(str(error))
        return None


def _calls_drivers(script: bytes | None, programs: tuple[Launched, ...] | None) -> bool:
    """Tell whether the script with our drivers is run: with a winpeshl.ini that says so, else by startnet.cmd."""
    if programs is not None:
        name = places.SCRIPT_NAME
        return any(name in each.options.lower() or name in each.program.lower() for each in programs)
    return script is not None and startnet.has_block(script)


def _background(files: FileSource, kind: BootKind, registered: str | None) -> Background:
    for path in (background_path(kind), places.PE_BACKGROUND, places.OLD_BACKGROUND):
        if is_file(files, path):
            found = files.find(path)
            return Background(path, 0 if found is None else found.size, registered)
    return Background(None, 0, registered)


def _drivers(files: FileSource) -> Iterator[BootDriver]:
    for way, folder in ((DriverWay.LOADED, places.DRIVERS), (DriverWay.SETUP, places.WINPE_DRIVER)):
        for each in _folders(files, folder):
            inside = [one for one in files.walk(each.path) if not one.is_directory]
            size = sum(one.size for one in inside)
            for one in inside:
                if one.name.lower().endswith(".inf") and one.path.rpartition("/")[0] == each.path:
                    yield BootDriver(way, one.path, size)
    for each in _listed(files, places.PUBLISHED):
        if not each.is_directory and _PUBLISHED.fullmatch(each.name):
            yield BootDriver(DriverWay.PUBLISHED, each.path, None)


def _folders(files: FileSource, path: str) -> list[FileFacts]:
    return [each for each in _listed(files, path) if each.is_directory and not each.is_link]


def _listed(files: FileSource, path: str) -> list[FileFacts]:
    found = files.find(path)
    return files.list(path) if found is not None and found.is_directory and not found.is_link else []

r"""Which Windows an image or a volume holds.

An image says so in the XML of its WIM, where Windows' own tools and libwim write it.  Where nothing is said, and for a
volume, the kernel tells: the headers of ``System32\ntoskrnl.exe`` hold its processor, and the version of Windows that
it is a part of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from osdimage.imaging.documents import Fields
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.pe import read_pe
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.wim.extracted.options import ExtractOptions
from osdimage.imaging.wim.image import WimImage

KERNEL = r"System32\ntoskrnl.exe"
HIVES = (r"System32\config\SYSTEM", r"System32\config\SOFTWARE")
_ROOTS = ("Windows", "WINNT")
"""Windows 2000 lives in WINNT."""
_LARGEST_KERNEL = 64 * MIB

UNATTEND, SYSPREP = r"Panther\unattend.xml", r"sysprep\sysprep.inf"


@dataclass(frozen=True, slots=True)
class WindowsFacts:
    """A Windows.

    Attributes:
        major, minor: of its version, such as 6 and 1 for Windows 7.
        architecture: ``x86``, ``x64``, ``arm``, ``arm64`` or ``ia64``.
        root: its directory in the volume, such as ``Windows``.
    """

    major: int
    minor: int
    architecture: str
    root: str

    @property
    def has_unattend(self) -> bool:
        """Whether its answer file is unattend.xml (Vista and later), not sysprep.inf."""
        return self.major >= 6

    @property
    def answer_file(self) -> str:
        r"""The path of its answer file in the volume, separated by ``\``."""
        return f"{self.root}\\{UNATTEND}" if self.has_unattend else SYSPREP

    @property
    def has_boot_files(self) -> bool:
        r"""Whether the files that start it are made from its ``Boot`` directory: Windows 7 and later."""
        return (self.major, self.minor) >= (6, 1)

    @property
    def is_started_by_ntldr(self) -> bool:
        """Whether NTLDR starts it: Windows 2000, XP and Server 2003 on a PC."""
        return self.major == 5 and self.architecture in {"x86", "x64"}

    @property
    def is_supported(self) -> bool:
        """Whether it can be captured and deployed: Windows 2000 and later."""
        return self.major >= 5

    def __str__(self) -> str:
        """Say it for people."""
        return f"Windows {self.major}.{self.minor} for {self.architecture}"

    def to_document(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {"major": self.major, "minor": self.minor, "architecture": self.architecture, "root": self.root}

    @classmethod
    def from_fields(cls, document: Fields) -> WindowsFacts:
        """Read what :meth:`to_document` returned; ValueError when it is not that."""
        return cls(
            document.number("major", 0, 0xFFFF),
            document.number("minor", 0, 0xFFFF),
            document.text("architecture"),
            document.text("root"),
        )


def in_image(image: WimImage) -> WindowsFacts | None:
    """Return the Windows of an image, or None when it holds none.

    Raises:
        InvalidInput: when there is a kernel that cannot be one of Windows.
        CorruptWim: when the WIM is damaged.
    """
    told = image.info.windows
    if told is not None and told.version is not None and told.architecture is not None:
        major, _, rest = told.version.partition(".")
        minor = rest.partition(".")[0] or "0"
        root = (told.system_root or "").strip("\\/") or "Windows"
        return WindowsFacts(int(major), int(minor), told.architecture, root)

    def kernel(path: str) -> bytes | None:
        try:
            image.entries("/" + path.replace("\\", "/"), recursive=False)
        except InvalidRequest:
            return None
        with scratch_folder() as folder:
            image.extract([path], folder, ExtractOptions(limit_bytes=_LARGEST_KERNEL))
            return next(folder.iterdir()).read_bytes()

    return _first(kernel, f"{image.path}: image {image.index}")


def in_volume(files: VolumeFiles, root: str | None = None) -> WindowsFacts | None:
    """Return the Windows of a volume, or None when it holds none: its kernel and its registry must be there.

    Args:
        files: of the volume.
        root: its directory, or None to look where Windows usually is.

    Raises:
        InvalidInput: when there is a kernel that cannot be one of Windows.
        StorageError: when the volume cannot be read.
    """

    def kernel(path: str) -> bytes | None:
        above = path.removesuffix(KERNEL)
        if not all(files.exists(above + each) for each in (KERNEL, *HIVES)):
            return None
        return files.read(path, limit=_LARGEST_KERNEL)

    return _first(kernel, files.name, *((root,) if root is not None else ()))


def _first(kernel: Callable[[str], bytes | None], where: str, *roots: str) -> WindowsFacts | None:
    for root in roots or _ROOTS:
        data = kernel(f"{root}\\{KERNEL}")
        if data is not None:
            return _of_kernel(data, root, f"{where}: {root}\\{KERNEL}")
    return None


def _of_kernel(data: bytes, root: str, where: str) -> WindowsFacts:
    found = read_pe(data, name=where)
    if found.os_version is None:
        raise InvalidInput(f"{where}: is no kernel of Windows: it does not say for which version it is")
    return WindowsFacts(*found.os_version, found.architecture, root)

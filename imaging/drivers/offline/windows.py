r"""What a Windows that does not run is: its folder, version, processor and product, and the state it was left in.

Sources: Microsoft, "Windows Setup States" (``ImageState``: which passes an image has gone through, and goes through
next); "OSVERSIONINFOEX" (the bits of suites) and, in the Windows 2000 Resource Kit's registry reference, "ProductType"
and "ProductSuite"; "INF Manufacturer Section" for what an INF asks of all that.  That Windows PE is told by its
edition, by the key ``WinPE`` of SOFTWARE and by what starts it, is common knowledge and in no document.  The key
``MiniNT`` of the control set is no such sign: people make it in a whole Windows, which lets it format ReFS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from osdimage.imaging.drivers.target_os import Architecture, ProductType, TargetOs
from osdimage.imaging.errors import InvalidInput, InvalidRequest, TargetRefused
from osdimage.imaging.files import FileSource
from osdimage.imaging.pe import PeFacts, read_pe
from osdimage.imaging.registry.beside import log_paths, read_beside
from osdimage.imaging.registry.edits import control_set
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.registry.lookup import number_of, text_of, texts_of
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.units import MIB

ROOTS = ("Windows", "WINNT")
"""Where Windows is; Windows 2000 is in WINNT."""
_LARGEST_KERNEL = 64 * MIB
_KERNEL, _PENDING = "System32/ntoskrnl.exe", "WinSxS/pending.xml"
_CURRENT_VERSION = r"Microsoft\Windows NT\CurrentVersion"
_SETUP_STATE = r"Microsoft\Windows\CurrentVersion\Setup\State"
_PE_EDITION, _PE_SHELL = "windowspe", "winpeshl"
_GENERALIZED = "IMAGE_STATE_GENERALIZE_"
_VISTA = (6, 0)
# Sysprep of Windows XP leaves the command of Mini-Setup behind.
_MINI_SETUP = "-mini"
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})")
_BUILD = re.compile(r"\d{1,6}")
_PRODUCTS = {
    "winnt": ProductType.WORKSTATION,
    "lanmannt": ProductType.DOMAIN_CONTROLLER,
    "servernt": ProductType.SERVER,
}
# VER_SUITE_* of winnt.h by what ProductSuite calls them.
_SUITES = {
    "small business": 0x0001,
    "enterprise": 0x0002,
    "backoffice": 0x0004,
    "communicationserver": 0x0008,
    "terminal server": 0x0010,
    "small business(restricted)": 0x0020,
    "embeddednt": 0x0040,
    "datacenter": 0x0080,
    "personal": 0x0200,
    "blade": 0x0400,
    "storage server": 0x2000,
    "compute server": 0x4000,
}


@dataclass(frozen=True, slots=True)
class OfflineWindows:
    r"""A Windows that does not run, and its hives, with the changes of their logs, as they were when it was looked at.

    Attributes:
        name: what messages call the volume, image or folder with it.
        folder: its folder as it is stored, such as ``Windows``.
        os: what drivers ask of it.
        control_set: with which it starts, such as ``ControlSet001``.
        is_pe: it is Windows PE, which runs from memory: a boot image.
        image_state: ``ImageState`` of its setup, such as ``IMAGE_STATE_COMPLETE``; None before Vista, and where it is
            not said.
        setup_type: ``SetupType``: 0 when it starts as usual, otherwise its setup goes on; None where it is not said.
        setup_command: ``CmdLine``: what runs then.
        has_pending: updates that were begun are finished at its next start (``pending.xml``).
        system, software, drivers: its hives; those that it does not have are None.
        warnings: sentences about what it does not say of itself.
    """

    name: str
    folder: str
    os: TargetOs
    control_set: str
    is_pe: bool
    image_state: str | None
    setup_type: int | None
    setup_command: str | None
    has_pending: bool
    system: Hive = field(repr=False, compare=False)
    software: Hive | None = field(repr=False, compare=False)
    drivers: Hive | None = field(repr=False, compare=False)
    warnings: tuple[str, ...] = ()

    @property
    def is_generalized(self) -> bool:
        """Whether its next start goes through the pass specialize, or through Mini-Setup before Vista."""
        if self.os.version < _VISTA:
            return self.setup_type not in {None, 0} and _MINI_SETUP in (self.setup_command or "").lower()
        return (self.image_state or "").upper().startswith(_GENERALIZED)

    @property
    def has_driver_database(self) -> bool:
        r"""Whether it finds drivers in ``SYSTEM\DriverDatabase``, as Windows 8 and later do."""
        return self.system.root.child("DriverDatabase") is not None

    @property
    def hives(self) -> dict[str, Hive]:
        """Its hives by their names."""
        named = {"SYSTEM": self.system, "SOFTWARE": self.software, "DRIVERS": self.drivers}
        return {name: hive for name, hive in named.items() if hive is not None}

    def path(self, below: str) -> str:
        """Return the path in the volume or image of what is in its folder."""
        return f"{self.folder}/{below}"

    def hive_path(self, name: str) -> str:
        """Return the path of a hive, such as ``Windows/System32/config/SYSTEM``."""
        return self.path(f"System32/config/{name.upper()}")

    def refuse_unclosed(self) -> None:
        """Refuse a Windows of whose settings the last changes are missing.

        Raises:
            TargetRefused: when a hive was not closed and its logs do not help.
        """
        dirty = [name for name, hive in self.hives.items() if hive.is_dirty]
        if dirty:
            raise TargetRefused(
                f"{self.name}: Windows did not close its hive {dirty[0]}, and its logs do not complete it; start "
                "Windows once and shut it down"
            )

    def refuse_unready(self) -> None:
        """Refuse a Windows into which nothing can be put as it is.

        Raises:
            TargetRefused: when a hive was not closed and its logs do not help, or when updates are pending.
        """
        self.refuse_unclosed()
        if self.has_pending:
            raise TargetRefused(
                f"{self.name}: updates are pending ({self.path(_PENDING)}); start Windows once, so that it ends them, "
                "and shut it down"
            )


def offline_windows(files: FileSource) -> OfflineWindows:
    r"""Return what the Windows of a volume, an image or a folder is.

    Raises:
        InvalidInput: when there is none, or it is damaged so that it cannot be told which it is.
        StorageError: when it cannot be read.
    """
    folder = windows_folder(files)
    if folder is None:
        raise InvalidInput(rf"{files.name}: holds no Windows: there is no \Windows\System32\config\SYSTEM")
    paths = {name: f"{folder}/System32/config/{name}" for name in ("SYSTEM", "SOFTWARE", "DRIVERS")}
    kernel_path = f"{folder}/{_KERNEL}"
    files.prefetch((kernel_path, *(each for path in paths.values() for each in (path, *log_paths(path)))))
    found = {name: _hive(files, path) for name, path in paths.items()}
    system, software = found["SYSTEM"], found["SOFTWARE"]
    if system is None:
        raise InvalidInput(f"{files.name}: {paths['SYSTEM']} is no file")
    current, control = _control(files, system, paths["SYSTEM"])
    version_key = None if software is None else software.root.find(_CURRENT_VERSION)
    warnings: list[str] = []
    target = _Reading(files.name, version_key, control, _kernel(files, kernel_path, warnings), warnings).target_os()
    setup = system.root.child("Setup")
    return OfflineWindows(
        files.name,
        folder,
        target,
        current,
        _is_pe(version_key, setup),
        text_of(None if software is None else software.root.find(_SETUP_STATE), "ImageState"),
        number_of(setup, "SetupType"),
        text_of(setup, "CmdLine"),
        _is_file(files, f"{folder}/{_PENDING}"),
        system,
        software,
        found["DRIVERS"],
        tuple(warnings),
    )


def windows_folder(files: FileSource) -> str | None:
    """Return the folder of a Windows as it is stored, or None when there is none.

    Raises:
        InvalidInput, StorageError: when it cannot be read.
    """
    root = next((each for each in ROOTS if _is_file(files, f"{each}/System32/config/SYSTEM")), None)
    if root is None:
        return None
    return next((each.name for each in files.list() if each.name.lower() == root.lower()), root)


def _is_file(files: FileSource, path: str) -> bool:
    facts = files.find(path)
    return facts is not None and not facts.is_directory and not facts.is_link


def _hive(files: FileSource, path: str) -> Hive | None:
    if not _is_file(files, path):
        return None
    return read_beside(files, path, limit=MAX_HIVE_BYTES, name=f"{files.name}: {path}")


def _control(files: FileSource, system: Hive, path: str) -> tuple[str, Key]:
    try:
        name = control_set(system)
    except InvalidRequest as error:
        raise InvalidInput(f"{files.name}: {path}: {error}") from error
    key = system.root.child(name)
    if key is None:
        raise InvalidInput(f"{files.name}: {path}: has no key {name}, with which it says that Windows starts")
    return name, key


def _is_pe(version_key: Key | None, setup: Key | None) -> bool:
    if version_key is not None and version_key.child("WinPE") is not None:
        return True
    if (text_of(version_key, "EditionID") or "").lower() == _PE_EDITION:
        return True
    return _PE_SHELL in (text_of(setup, "CmdLine") or "").lower()


def _kernel(files: FileSource, path: str, warnings: list[str]) -> PeFacts | None:
    if not _is_file(files, path):
        warnings.append(f"{files.name}: there is no {path}")
        return None
    try:
        return read_pe(files.read(path, limit=_LARGEST_KERNEL), name=f"{files.name}: {path}")
    except InvalidInput as error:
        warnings.append(error.said)
        return None


@dataclass(slots=True)
class _Reading:
    """What tells which Windows it is: a key of SOFTWARE, the control set, and the kernel."""

    name: str
    software: Key | None
    control: Key
    kernel: PeFacts | None
    warnings: list[str]

    def target_os(self) -> TargetOs:
        """Return which Windows it is.

        Raises:
            InvalidInput: when its version or its processor cannot be told.
        """
        major, minor = self._version()
        return TargetOs(major, minor, self._build(), self._architecture(), self._product(), self._suites())

    def _version(self) -> tuple[int, int]:
        told = self._told_version()
        built = None if self.kernel is None or self.kernel.os_version == (0, 0) else self.kernel.os_version
        if told is None and built is None:
            raise InvalidInput(f"{self.name}: neither its hive SOFTWARE nor its kernel tells its version")
        if told is None or built is None or told == built:
            return told or built or (0, 0)
        self.warnings.append(
            f"{self.name}: is Windows NT {told[0]}.{told[1]} by its registry, with a kernel for {built[0]}.{built[1]}"
        )
        return told

    def _told_version(self) -> tuple[int, int] | None:
        # CurrentVersion stays 6.3 on Windows 10 and later, which have two numbers beside it.
        major, minor = (number_of(self.software, f"Current{each}VersionNumber") for each in ("Major", "Minor"))
        if major is not None and minor is not None:
            return major, minor
        found = _VERSION.fullmatch(text_of(self.software, "CurrentVersion") or "")
        return None if found is None else (int(found[1]), int(found[2]))

    def _build(self) -> int:
        # In this order: CurrentBuild of Windows XP is a sentence.
        for name in ("CurrentBuildNumber", "CurrentBuild"):
            found = _BUILD.fullmatch(text_of(self.software, name) or "")
            if found is not None:
                return int(found[0])
        self.warnings.append(f"{self.name}: its hive SOFTWARE does not tell its build")
        return 0

    def _architecture(self) -> Architecture:
        told = self.kernel.architecture if self.kernel is not None else None
        if told is None:
            environment = self.control.find(r"Control\Session Manager\Environment")
            told = text_of(environment, "PROCESSOR_ARCHITECTURE")
        if told is None:
            raise InvalidInput(f"{self.name}: neither its kernel nor its registry tells for which processor it is")
        try:
            return Architecture.parse(told)
        except InvalidRequest as error:
            raise InvalidInput(f"{self.name}: {error}") from error

    def _product(self) -> ProductType:
        told = text_of(self.control.find(r"Control\ProductOptions"), "ProductType")
        found = _PRODUCTS.get((told or "").lower())
        if found is None:
            said = "does not say" if told is None else f"says {told!r} of"
            self.warnings.append(
                f"{self.name}: its registry {said} what kind of product it is (ProductType); taken for a workstation"
            )
        return found or ProductType.WORKSTATION

    def _suites(self) -> int:
        bits = 0
        for each in texts_of(self.control.find(r"Control\ProductOptions"), "ProductSuite"):
            bits |= _SUITES.get(each.lower(), 0)
        return bits

r"""Enabling a driver of disks for booting: what is written into the hive SYSTEM, and which files are copied.

The loader reads the services that start at 0, and finds which of them drives the controller of the disk:

* Windows 8 and later in ``SYSTEM\DriverDatabase``.  The driver gets a private INF name there, which is that of no file,
  and claims to be no published package; Windows installs the real one later, under its own name.  That this is enough
  virt-v2v has shown in production (libguestfs-common ``mlcustomize/inject_virtio_win.ml``, ``ddb_regedits``);
* Windows before that in ``Control\CriticalDeviceDatabase`` (the same file, ``cdb_regedits``).

Which of the two is told by whether there is a ``DriverDatabase``, as virt-v2v does it.  Unlike there, the service gets
what its INF adds to it (``AddReg``), without which some do not start, all ids of the INF, and the driver's version.
``Tag``, a place in an order that only one Windows has, is never written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from osdimage.imaging.drivers.inf.models import Model
from osdimage.imaging.drivers.inf.settings import RegAction, RegRoot, RegSetting
from osdimage.imaging.drivers.offline.boot_driver import BootDriver, boot_driver
from osdimage.imaging.drivers.offline.filters import missing_filters
from osdimage.imaging.drivers.offline.version_value import MOST_COMPATIBLE, device_id_value
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.drivers.packages import DriverPackage
from osdimage.imaging.drivers.target_os import Architecture
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileSource
from osdimage.imaging.pe import read_pe
from osdimage.imaging.registry.lookup import number_of
from osdimage.imaging.registry.planned import HiveDraft, PlannedEdit
from osdimage.imaging.registry.values import Value
from osdimage.imaging.units import MIB

CAT_ROOT = "System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}"
"""Where Windows keeps the catalogs of drivers."""
PRIVATE = "osdimage-"
"""What the names begin with that nobody but osdimage gives."""
_BOOT = 0
_LARGEST_DRIVER = 64 * MIB
_DATABASE = "DriverDatabase"
_FROM_64_BIT_ON = frozenset({Architecture.AMD64, Architecture.ARM64})
_VISTA = (6, 0)


@dataclass(frozen=True, slots=True)
class BootFile:
    """A file that is copied: its path in the source of the driver, and in the volume or image."""

    source_path: str
    target_path: str


@dataclass(frozen=True, slots=True)
class BootEnabling:
    """What enables a driver for booting; nothing is written yet.

    Attributes:
        driver: what is enabled.
        edits: of the hive SYSTEM, those that change something.
        files: that are copied.
        is_signed: whether the driver has a signature in itself, whatever that is worth.
        warnings: sentences.
    """

    driver: BootDriver
    edits: tuple[PlannedEdit, ...]
    files: tuple[BootFile, ...]
    is_signed: bool
    warnings: tuple[str, ...] = field(default=())

    @property
    def source(self) -> FileSource:
        """Where the files are read."""
        return self.driver.source


def plan_boot_enabling(
    package: DriverPackage, model: Model, windows: OfflineWindows, *, force: bool = False
) -> BootEnabling:
    """Plan that a Windows starts from a disk whose controller a driver is for.

    Args:
        package: the driver.
        model: the device; all others of the INF with the same service are enabled, too.
        windows: the Windows, which is not changed.
        force: overwrite the values of a service of that name; otherwise it keeps them, and starts with the loader.

    Raises:
        InvalidRequest: when the driver is none that the loader reads.
        InvalidInput: when the INF is damaged, or the driver is missing, no program, or for another processor.
    """
    return plan_driver(boot_driver(package, model, windows.os), windows, force=force)


def plan_driver(driver: BootDriver, windows: OfflineWindows, *, force: bool = False) -> BootEnabling:
    """Plan the same for a driver that was described by an INF or a ``txtsetup.oem``.

    Raises:
        InvalidInput: when the driver is missing, no program, or for another processor.
    """
    is_signed = _refuse_other(driver, windows)
    planner = _Planner(driver, windows, HiveDraft(windows.system, "SYSTEM"), force=force)
    planner.plan()
    files = [BootFile(driver.file, windows.path(f"System32/drivers/{driver.file_name}"))]
    if driver.catalog is not None:
        files.append(BootFile(driver.catalog, windows.path(f"{CAT_ROOT}/{PRIVATE}{driver.service}.cat")))
    warnings = (*planner.warnings, *_signature_warning(driver, windows, is_signed), *missing_filters(windows))
    return BootEnabling(driver, planner.draft.edits, tuple(files), is_signed, tuple(warnings))


def _refuse_other(driver: BootDriver, windows: OfflineWindows) -> bool:
    """Refuse a driver for another processor; return whether it has a signature in itself."""
    where = f"{driver.source.name}: {driver.file}"
    facts = read_pe(driver.source.read(driver.file, limit=_LARGEST_DRIVER), name=where)
    found = Architecture.parse(facts.architecture)
    if found is not windows.os.architecture:
        raise InvalidInput(
            f"{where}: is for {found}, and the Windows of {windows.name} is for {windows.os.architecture}"
        )
    return facts.is_signed


def _signature_warning(driver: BootDriver, windows: OfflineWindows, is_signed: bool) -> Iterator[str]:  # noqa: FBT001
    if is_signed or windows.os.version < _VISTA or windows.os.architecture not in _FROM_64_BIT_ON:
        return
    rest = "no catalog either" if driver.catalog is None else "only its catalog, which not every loader looks for"
    yield f"{driver.file}: has no signature in itself, and {rest}: 64-bit Windows may refuse to start it"


class _Planner:
    def __init__(self, driver: BootDriver, windows: OfflineWindows, draft: HiveDraft, *, force: bool) -> None:
        self.draft = draft
        self.warnings: list[str] = []
        self._driver = driver
        self._windows = windows
        self._key = rf"{windows.control_set}\Services\{driver.service}"
        self._keeps = not force and draft.has_key(self._key)

    def plan(self) -> None:
        self._service()
        if self._windows.has_driver_database:
            self._database()
        else:
            self._critical_devices()

    def _service(self) -> None:
        driver = self._driver
        self._set(self._key, Value.dword("Type", driver.type))
        self.draft.set(self._key, Value.dword("Start", _BOOT))
        self._set(self._key, Value.dword("ErrorControl", driver.error_control))
        if driver.group:
            self._set(self._key, Value.string("Group", driver.group))
        self._set(self._key, Value.expand_string("ImagePath", rf"System32\drivers\{driver.file_name}"))
        for each in driver.settings:
            self._setting(each)
        self._start_override()

    def _set(self, key: str, value: Value) -> None:
        old = self.draft.value(key, value.name)
        if self._keeps and old is not None and (old.type, old.data) != (value.type, value.data):
            place = key[len(self._key) :].lstrip("\\")
            name = f"{place}\\{value.name}" if place else value.name
            self.warnings.append(
                f"{self._windows.name}: the service {self._driver.service} is there, and keeps its own {name}"
            )
        self.draft.set(key, value, keeps_existing=self._keeps)

    def _setting(self, setting: RegSetting) -> None:
        if setting.root is not RegRoot.HKR:
            self.warnings.append(
                f"{self._driver.name}: line {setting.line}: is not of the service, and not written ({setting.root})"
            )
            return
        key = rf"{self._key}\{setting.key}" if setting.key else self._key
        old = self.draft.value(key, setting.name)
        match setting.action:
            case RegAction.MAKE_KEY:
                self.draft.make_key(key)
            case RegAction.SET if setting.value is not None:
                if (setting.keeps_existing and old is not None) or (setting.only_existing and old is None):
                    return
                self._set(key, setting.value)
            case RegAction.APPEND if setting.value is not None:
                self.draft.append(key, setting.name, setting.value.as_strings())
            case RegAction.DELETE_VALUE if not self._keeps:
                self.draft.delete_value(key, setting.name)
            case RegAction.DELETE_KEY if not self._keeps and setting.key:
                self.draft.delete_key(key)

    def _start_override(self) -> None:
        """Let no number beside ``Start`` take its place, as Windows 8 and later keep for drivers of their own."""
        key = rf"{self._key}\StartOverride"
        found = self._windows.system.root.find(key)
        for each in () if found is None else found.values:
            if number_of(found, each.name):
                self.draft.set(key, Value.dword(each.name, _BOOT))

    def _database(self) -> None:
        driver, draft = self._driver, self.draft
        inf = f"{PRIVATE}{driver.service}.inf".lower()
        package = f"{inf}_{self._windows.os.architecture}_{0:016x}"
        infs, packages = rf"{_DATABASE}\DriverInfFiles\{inf}", rf"{_DATABASE}\DriverPackages\{package}"
        draft.set(infs, Value.multi_string("", (package,)))
        draft.set(infs, Value.string("Active", package))
        sections = dict.fromkeys(each.section for each in driver.configurations)
        draft.set(infs, Value.multi_string("Configurations", sections))
        draft.set(packages, Value.binary("Version", driver.version.to_bytes()))
        for each in driver.configurations:
            key = rf"{packages}\Configurations\{each.section}"
            draft.set(key, Value.dword("ConfigFlags", 0))
            draft.set(key, Value.string("Service", driver.service))
            for text, compatible in each.ids:
                number = None if compatible is None else min(compatible, MOST_COMPATIBLE)
                value = device_id_value(number, each.feature_score)
                draft.set(rf"{_DATABASE}\DeviceIds\{text}", Value.binary(inf, value))
                draft.set(rf"{packages}\Descriptors\{text}", Value.string("Configuration", each.section))

    def _critical_devices(self) -> None:
        for text in self._driver.ids:
            name = text.replace("\\", "#")
            key = rf"{self._windows.control_set}\Control\CriticalDeviceDatabase\{name}"
            self.draft.set(key, Value.string("Service", self._driver.service))
            self.draft.set(key, Value.string("ClassGUID", self._driver.class_guid))

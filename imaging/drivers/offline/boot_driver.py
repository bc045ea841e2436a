"""Drivers that the loader of Windows has to read, since no disk can be read without them: which those are.

Such a driver is of the class of disk controllers, and its service says itself that it starts with the loader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from osdimage.imaging.drivers.inf.inf_file import InfFile
from osdimage.imaging.drivers.inf.install import Install
from osdimage.imaging.drivers.inf.models import Model
from osdimage.imaging.drivers.inf.services import Service, ServiceStart
from osdimage.imaging.drivers.inf.settings import RegAction, RegRoot, RegSetting
from osdimage.imaging.drivers.offline.txtsetup import OemComponent, TxtSetup
from osdimage.imaging.drivers.offline.version_value import NO_FEATURE_SCORE, VersionValue
from osdimage.imaging.drivers.packages import DriverPackage
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.files import FileSource

SCSI_ADAPTER = "{4D36E97B-E325-11CE-BFC1-08002BE10318}"
HDC = "{4D36E96A-E325-11CE-BFC1-08002BE10318}"
BOOT_CLASSES = {SCSI_ADAPTER: "SCSIAdapter", HDC: "HDC"}
"""Classes of controllers of disks (Microsoft, "System-Defined Device Setup Classes Available to Vendors")."""
_KERNEL_DRIVER, _NORMAL = 1, 1
_MINIPORT = "SCSI miniport"
# What a name of a service, a file, or an id may be: each is a name of a key or of a file.
_NAME = re.compile(r"[^\\/:*?\"<>|\x00-\x1f]{1,200}(?<![. ])")
_ID = re.compile(r"[^\x00-\x1f]{1,200}")


@dataclass(frozen=True, slots=True)
class BootConfiguration:
    """An install section, and the ids of the models that it is for.

    Attributes:
        section: its name, as it was chosen for the Windows.
        feature_score: 255 where it has none.
        ids: pairs of an id, each once, and which of the compatible ids of its line it is, from 0, or None: it is the
            hardware id.
    """

    section: str
    feature_score: int
    ids: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class BootDriver:
    r"""A driver that is read by the loader, wherever it was described.

    Attributes:
        name: of the INF or ``txtsetup.oem``, for messages.
        service: its name.
        type, error_control: of the service.
        group: its load order group; empty for none.
        file: the path of the driver in its source.
        file_name: what it is called in ``System32\drivers``.
        catalog: the path of the catalog in its source, or None.
        settings: what the service needs; ``HKR`` in them is its key.
        configurations: which devices it is for; the first one with the model that was asked for.
        class_guid: of the class, in braces and upper case.
        version: of the driver.
        source: where the files are.
    """

    name: str
    service: str
    type: int
    error_control: int
    group: str
    file: str
    file_name: str
    catalog: str | None
    settings: tuple[RegSetting, ...]
    configurations: tuple[BootConfiguration, ...]
    class_guid: str
    version: VersionValue
    source: FileSource = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse names that are none.

        Raises:
            InvalidInput: naming the first.
        """
        for called, name in (("service", self.service), ("driver", self.file_name)):
            if not _NAME.fullmatch(name):
                raise InvalidInput(f"{self.name}: {quoted(name[:40])} is no name of a {called}")
        for each in self.ids:
            if not _ID.fullmatch(each) or "" in each.split("\\"):
                raise InvalidInput(f"{self.name}: {quoted(each[:40])} is no id of a device")

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all devices that it is for."""
        return tuple(each for configuration in self.configurations for each, _ in configuration.ids)


def class_of(inf: InfFile) -> str | None:
    """Return the GUID of the class of an INF when it is one of controllers of disks, or None."""
    guid = inf.version.class_guid
    if guid is not None:
        return guid if guid in BOOT_CLASSES else None
    name = inf.version.class_name.strip().lower()
    return next((each for each, known in BOOT_CLASSES.items() if known.lower() == name), None)


def boot_service(install: Install) -> Service | None:
    """Return the service of an install section that the loader reads, or None."""
    return next(
        (
            each
            for each in install.services
            if each.is_function_driver
            and each.type == _KERNEL_DRIVER
            and each.start == ServiceStart.BOOT
            and each.binary is not None
        ),
        None,
    )


def why_not_boot(inf: InfFile, model: Model, os: TargetOs) -> str | None:
    """Return why a driver is none that the loader reads, or None when it is one.

    Raises:
        InvalidInput: when the INF is damaged.
    """
    if class_of(inf) is None:
        return f"its class is {inf.version.class_name or 'not said'}, not {' or '.join(BOOT_CLASSES.values())}"
    if not model.ids:
        return "it names no device"
    if boot_service(inf.install(model.section, os)) is None:
        return f"[{model.section}] has no service that starts with the loader (StartType 0)"
    return None


def boot_models(inf: InfFile, os: TargetOs) -> tuple[Model, ...]:
    """Return the models of an INF for a Windows whose driver the loader has to read.

    Raises:
        InvalidInput: when the INF is damaged.
    """
    return tuple(model for model, _ in boot_services(inf, os))


def boot_services(inf: InfFile, os: TargetOs) -> Iterator[tuple[Model, Service]]:
    """Yield the models of :func:`boot_models`, each with the service that the loader reads.

    Raises:
        InvalidInput: when the INF is damaged.
    """
    installs = inf.install_reader(os.architecture)
    for model in inf.models(os) if class_of(inf) is not None else ():
        service = boot_service(installs.read(model.section)) if model.ids else None
        if service is not None:
            yield model, service


def boot_driver(package: DriverPackage, model: Model, os: TargetOs) -> BootDriver:
    """Return the driver of a model, with all models of the INF that have the same service.

    Raises:
        InvalidRequest: when it is none that the loader reads.
        InvalidInput: when the INF is damaged, or a file of the driver is missing.
    """
    inf = package.inf
    reason = why_not_boot(inf, model, os)
    if reason is not None:
        raise InvalidRequest(f"{inf.name}: cannot be enabled for booting: {reason}")
    install = inf.install(model.section, os)
    service, class_guid = boot_service(install), class_of(inf)
    if service is None or service.binary is None or class_guid is None:
        raise AssertionError(reason)
    stamp = install.driver_version or inf.version.driver_version
    date, numbers = (None, (0, 0, 0, 0)) if stamp is None else (stamp.date, stamp.numbers)
    return BootDriver(
        inf.name,
        service.name,
        _KERNEL_DRIVER,
        _NORMAL if service.error_control is None else service.error_control,
        service.load_order_group,
        _driver_file(package, install, service.binary.name, os),
        service.binary.name,
        _catalog(package, os),
        service.settings,
        tuple(_configurations(inf, model, service.name, os)),
        class_guid,
        VersionValue(os.architecture, class_guid, date, numbers),
        package.source,
    )


def _configurations(inf: InfFile, model: Model, service: str, os: TargetOs) -> Iterator[BootConfiguration]:
    """Yield the install sections with a service, that of the model first."""
    installs = inf.install_reader(os.architecture)
    by_section: dict[str, list[Model]] = {model.section: []}
    for each in inf.models(os):
        by_section.setdefault(each.section, []).append(each)
    seen: set[str] = set()
    for section, models in by_section.items():
        install = installs.read(section)
        found = boot_service(install)
        if found is None or not _same(found.name, service):
            continue
        ids: list[tuple[str, int | None]] = []
        for each in models:
            named = [] if each.hardware_id is None else [(each.hardware_id, None)]
            for text, number in (*named, *((one, at) for at, one in enumerate(each.compatible_ids))):
                if text.lower() not in seen:
                    seen.add(text.lower())
                    ids.append((text, number))
        if ids:
            yield BootConfiguration(install.chosen or section, install.feature_score, tuple(ids))


def _driver_file(package: DriverPackage, install: Install, name: str, os: TargetOs) -> str:
    """Return the path of the driver in the source: it may be called otherwise there."""
    copied = (each.source for each in install.copy_files if each.to is not None and _same(each.to.name, name))
    wanted = next(copied, name)
    listed = (each.path for each in package.inf.files(os).files if _same(each.name, wanted))
    path = _below(package.folder, next(listed, wanted))
    if not _is_file(package.source, path):
        raise InvalidInput(f"{package.inf.name}: names the driver {quoted(path)}, which is not there")
    return path


def _catalog(package: DriverPackage, os: TargetOs) -> str | None:
    name = package.inf.version.catalog_for(os.architecture)
    path = None if name is None else _below(package.folder, name)
    return path if path is not None and _is_file(package.source, path) else None


def _is_file(source: FileSource, path: str) -> bool:
    try:
        facts = source.find(path)
    except InvalidRequest:
        # Such as one with .. in it: there is no such file.
        return False
    return facts is not None and not facts.is_directory and not facts.is_link


def oem_boot_driver(
    setup: TxtSetup, component: OemComponent, os: TargetOs, source: FileSource, folder: str = ""
) -> BootDriver:
    """Return the driver of a component of a ``txtsetup.oem``.

    Setup itself wrote the service's type, start and group, which the file does not name: as for every miniport.

    Args:
        setup: the file.
        component: one of its components.
        os: the Windows.
        source: where its files are.
        folder: of the ``txtsetup.oem`` there.

    Raises:
        InvalidInput: when it has no driver with a device, or that is not there.
    """
    driver = next(iter(component.drivers), None)
    if driver is None or driver.service is None:
        raise InvalidInput(f"{source.name}: the component {quoted(component.id)} of txtsetup.oem has no driver")
    ids = tuple(dict.fromkeys(each for each, service in component.hardware_ids if _same(service, driver.service)))
    if not ids:
        raise InvalidInput(
            f"{source.name}: the component {quoted(component.id)} of txtsetup.oem has no device "
            f"([HardwareIds.scsi.{component.id}])"
        )
    path = _below(folder, driver.path)
    if not _is_file(source, path):
        raise InvalidInput(f"{source.name}: txtsetup.oem names the driver {quoted(path)}, which is not there")
    catalogs = (_below(folder, each.path) for each in component.catalogs)
    settings = (
        RegSetting(RegAction.SET, RegRoot.HKR, each.key, each.value.name, each.value, 0)
        for each in setup.settings_of(driver.service)
    )
    return BootDriver(
        "txtsetup.oem",
        driver.service,
        _KERNEL_DRIVER,
        _NORMAL,
        _MINIPORT,
        path,
        path.rpartition("/")[2],
        next((each for each in catalogs if _is_file(source, each)), None),
        tuple(settings),
        (BootConfiguration(component.id, NO_FEATURE_SCORE, tuple((each, None) for each in ids)),),
        SCSI_ADAPTER,
        VersionValue(os.architecture, SCSI_ADAPTER),
        source,
    )


def _below(folder: str, path: str) -> str:
    return f"{folder}/{path}" if folder else path


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()

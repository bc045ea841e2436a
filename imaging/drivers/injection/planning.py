"""Deciding what bringing drivers into a Windows takes, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from osdimage.imaging.drivers.injection.changes import Changes, NewFile, differing, refuse_places
from osdimage.imaging.drivers.injection.document import to_document, to_json
from osdimage.imaging.drivers.injection.first_start import plan_first_start
from osdimage.imaging.drivers.injection.plan import InjectionOptions, InjectionPlan, Method, WantedDriver
from osdimage.imaging.drivers.injection.staging import (
    FOLDER,
    DriverFiles,
    StagedDriver,
    StagedFile,
    stage,
    staged_before,
)
from osdimage.imaging.drivers.offline.boot_driver import BootDriver
from osdimage.imaging.drivers.offline.boot_enable import BootEnabling, plan_boot_enabling, plan_driver
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.drivers.packages import DriverPackage
from osdimage.imaging.drivers.signed.package import require_vouched
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, TargetRefused
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.planned import HiveDraft, PlannedEdit
from osdimage.imaging.units import MIB, counted, format_size

REPORT = "Temp/osdimage-drivers.json"
"""Where the report is, below the folder of Windows."""
_MUCH = 1024 * MIB
_SHOWN = 10


def plan_driver_injection(
    windows: OfflineWindows,
    files: FileSource,
    wanted: Sequence[WantedDriver],
    options: InjectionOptions = InjectionOptions(),  # noqa: B008 - it is frozen
    *,
    loaders: Sequence[BootDriver] = (),
) -> InjectionPlan:
    """Decide how drivers are brought into a Windows.  Nothing is written.

    Args:
        windows: it.
        files: of the volume, image or folder that it is in.
        wanted: the drivers, which fit it.
        options: how.
        loaders: drivers of disks that the loader must have and that nobody stages, such as those of a ``txtsetup.oem``.

    Raises:
        TargetRefused: when it is Windows PE, or cannot be changed as it is.
        InvalidInput: when files of drivers are missing or not as they were signed, all of which are named, or it has a
            damaged answer file.
        InvalidRequest: when nothing is wanted, or there is no room for it.
        OsdImageError: when something cannot be read.
    """
    refuse_windows(windows)
    if not wanted and not loaders:
        raise InvalidRequest(f"{windows.name}: there is no driver to bring in")
    stages, enables = options.method is not Method.BOOT, options.method is not Method.STAGE
    packed = driver_files([each.package for each in wanted], windows.os)
    signed = require_vouched(
        [each.package for each in wanted],
        windows.os,
        allows_modified=options.allows_modified,
        allows_unsigned=options.allows_unsigned,
    )
    drivers = stage(packed, files) if stages else ()
    enabled = tuple(
        plan_boot_enabling(each.package, each.boot_model, windows, force=options.force)
        for each in wanted
        if enables and each.boot_model is not None
    ) + tuple(plan_driver(each, windows, force=options.force) for each in loaders)
    edits: list[PlannedEdit] = [edit for each in enabled for edit in each.edits]
    written = [*_staged(drivers), *_copied(enabled)]
    warnings = [*windows.warnings, *signed, *(text for each in enabled for text in each.warnings), *_much(drivers)]
    first_start = None
    if drivers:
        if windows.software is None:
            raise InvalidInput(f"{windows.name}: has no hive SOFTWARE; {windows.hive_path('SOFTWARE')} is missing")
        software = HiveDraft(windows.software, "SOFTWARE")
        # The script that is there already is replaced, and must go on installing what that did.
        all_staged = sorted((*drivers, *staged_before(files, drivers)), key=lambda each: each.folder)
        first_start = plan_first_start(
            windows,
            files,
            all_staged,
            software,
            keeps_drivers=options.keeps_drivers,
            at_first_start=options.at_first_start,
            mass_storage=tuple(_mass_storage(wanted, drivers, enabled)),
        )
        edits += software.edits
        written += first_start.files
        warnings += first_start.warnings
    # The report comes in any case.
    refuse_places((*written, NewFile(windows.path(REPORT), b"")), files)
    changes = Changes(windows, differing(written, files), tuple(edits))
    plan = InjectionPlan(
        windows, options, tuple(wanted), drivers, enabled, first_start, changes, tuple(dict.fromkeys(warnings))
    )
    # One that was interrupted may lack nothing but its report.
    return plan if plan.is_empty and files.exists(windows.path(REPORT)) else _with_report(plan, files)


def refuse_windows(windows: OfflineWindows) -> None:
    """Refuse a Windows that drivers are not brought into.

    Raises:
        TargetRefused: saying why.
    """
    if windows.is_pe:
        remedy = Remedy("{} adds drivers to a boot image", (Means.ADD_TO_BOOT_IMAGE,))
        raise TargetRefused(f"{windows.name}: is Windows PE, which runs from memory", remedy=remedy)
    windows.refuse_unready()


def driver_files(packages: Iterable[DriverPackage], os: TargetOs) -> tuple[DriverFiles, ...]:
    """Return the files of drivers for a Windows.

    Raises:
        InvalidInput: when some are missing; names them.
        OsdImageError: when something cannot be read.
    """
    missing: list[str] = []
    found = [_files_of(each, os, missing) for each in packages]
    if missing:
        shown = "; ".join(missing[:_SHOWN]) + (f"; and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "")
        raise InvalidInput(f"{counted(len(missing), 'file')} of drivers missing: {shown}")
    return tuple(found)


def _files_of(package: DriverPackage, os: TargetOs, missing: list[str]) -> DriverFiles:
    closure = package.inf.files(os)
    staged: dict[str, StagedFile] = {}

    def take(path: str) -> bool:
        facts = package.find(path)
        if facts is None:
            return False
        staged.setdefault(path.lower(), StagedFile(path, facts.size, package.source, facts.path))
        return True

    take(package.name)
    if closure.catalog is not None:
        take(closure.catalog)
    # What no section copies may be a file of Windows itself.
    lacking = [each for each in closure.files if not take(each.path) and each.is_copied]
    missing += (f"{package.inf.name}: line {each.line}: {each.path}" for each in lacking)
    return DriverFiles(package.name, tuple(staged.values()))


def _staged(drivers: Iterable[StagedDriver]) -> Iterator[NewFile]:
    for driver in drivers:
        for file in () if driver.is_there else driver.files:
            yield NewFile(f"{FOLDER}/{driver.folder}/{file.path}", file)


def _copied(enabled: Iterable[BootEnabling]) -> Iterator[NewFile]:
    for each in enabled:
        for file in each.files:
            facts = each.source.find(file.source_path)
            size = 0 if facts is None else facts.size
            yield NewFile(file.target_path, StagedFile(file.target_path, size, each.source, file.source_path))


def _mass_storage(
    wanted: Sequence[WantedDriver], drivers: Sequence[StagedDriver], enabled: Sequence[BootEnabling]
) -> Iterator[tuple[str, str]]:
    """Yield the ids of enabled disk controllers, and the staged INF that has their driver."""
    by_inf = {each.driver.name: each for each in enabled}
    for want, staged in zip(wanted, drivers, strict=True):
        found = by_inf.get(want.package.inf.name)
        for each in () if found is None or want.boot_model is None else found.driver.ids:
            yield each, rf"{staged.folder}\{staged.inf}"


def _much(drivers: Sequence[StagedDriver]) -> Iterator[str]:
    size = sum(each.size for each in drivers)
    if size > _MUCH:
        yield (
            f"{counted(len(drivers), 'driver')} take {format_size(size)}: each INF gets a copy of its own of what "
            "several share"
        )


def _with_report(plan: InjectionPlan, files: FileSource) -> InjectionPlan:
    report = NewFile(plan.windows.path(REPORT), to_json(to_document(plan)).encode())
    changes = plan.changes
    return replace(plan, changes=replace(changes, files=(*changes.files, *differing((report,), files))))

"""What is written into a Windows so that commands run at its first start: decided first, then carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.files import FileSource
from osdimage.imaging.firststart.folder import FOLDER, first_start_files
from osdimage.imaging.firststart.packages import PACKAGES, Package
from osdimage.imaging.firststart.starting import StartedWindows, StartsBy, way_of
from osdimage.imaging.firststart.steps import FirstStep
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.registry.beside import read_beside, write_beside
from osdimage.imaging.registry.edits import import_edits, registry_prefix
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.registry.reg_file import Edit
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import open_files

_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class FirstStartPlan:
    r"""What is written into a Windows.

    Attributes:
        starts_by: what starts it.
        files: the contents by their paths on the volume, separated by ``\\``, in the order in which they are written:
            what starts the rest is the last.
        packages: that the steps need, written before the files.
        edits: of hives, by their names.
        removes: files of an earlier first start, which would be taken for this one's.
        warnings: sentences about what may keep it from running.
    """

    starts_by: StartsBy
    files: Mapping[str, bytes]
    packages: tuple[Package, ...] = ()
    edits: Mapping[str, tuple[Edit, ...]] = field(default_factory=dict)
    removes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many bytes it writes."""
        return sum(map(len, self.files.values())) + sum(each.size for each in self.packages)


def plan_first_start(
    files: FileSource,
    windows: StartedWindows,
    steps: Sequence[FirstStep],
    variables: Mapping[str, str] | None = None,
    *,
    packages: tuple[Package, ...] = (),
    at_logon: bool = False,
) -> FirstStartPlan:
    """Decide what is written into a Windows; nothing is.

    Args:
        files: of its volume.
        windows: what is known of it.
        steps: what is to run, in this order.
        variables: what the steps find in their environment.
        packages: what they find below ``packages``.
        at_logon: whether the first logon of an administrator starts it where Setup does not.

    Raises:
        InvalidRequest: when a step is not valid, or Setup would not start it in this Windows.
        InvalidInput: when the Windows has a ``SetupComplete.cmd`` that cannot be changed.
        TargetRefused: when a Windows that is not generalized runs something else at its next start.
    """
    needing = next((step for step in steps if step.output_variable is not None and not windows.has_powershell), None)
    if needing is not None:
        raise InvalidRequest(
            f"the output of {quoted(needing.name)} cannot become {needing.output_variable}: this takes PowerShell, "
            "which the Windows does not have"
        )
    made = {
        rf"{FOLDER}\{path}": data
        for path, data in first_start_files(steps, windows.code_page, variables, root=windows.root).items()
    }
    way = way_of(windows, at_logon=at_logon)
    made |= way.files
    kept = {path.lower() for path in made}
    removes = tuple(path for path in _there(files) if path.lower() not in kept)
    return FirstStartPlan(
        way.starts_by, made, packages, way.edits, removes, (*way.warnings, *_unenforced(windows, steps))
    )


def _unenforced(windows: StartedWindows, steps: Sequence[FirstStep]) -> Iterator[str]:
    """Yield what is lost without PowerShell, in sentences."""
    timed = [step.label or str(number) for number, step in enumerate(steps, 1) if step.timeout_seconds is not None]
    if timed and not windows.has_powershell:
        numbers = ", ".join(timed[:_MOST_TOLD])
        yield f"time-outs are not enforced, of steps {numbers}: this takes PowerShell, which the Windows does not have"


def carry_out(
    plan: FirstStartPlan,
    volume: OpenVolume,
    *,
    root: str,
    now: datetime | None = None,
    force: bool = False,
    progress: ProgressCallback | None = None,
) -> None:
    """Write a first start into a volume: an NTFS volume gets all of it at one moment, or nothing.

    What an earlier one has left is taken away before, at a moment of its own, where this one has packages: the room of
    what is deleted at the same moment is not free yet.

    Args:
        plan: decided for this volume as it is now.
        volume: open for writing.
        root: the directory of Windows.
        now: the time of what is changed; None: now.
        force: write to a volume that is marked dirty, too.
        progress: receives events while packages are written, of their bytes.

    Raises:
        InvalidInput: when a package has changed since it was counted.
        TargetRefused: when the volume is not to be written to; nothing was written.
        StorageError: when writing failed, or a package cannot be read.
    """
    now = now or datetime.now(UTC)
    now_ns = int(now.timestamp()) * 10**9
    if plan.packages and plan.removes:
        with open_files(volume, write=True, force=force) as files:
            _remove(files, plan)
    with open_files(volume, write=True, force=force) as files:
        _remove(files, plan)
        tell = _telling(progress, sum(each.size for each in plan.packages))
        for package in plan.packages:
            _write_package(files, package, now_ns, tell)
        for each, data in plan.files.items():
            files.write(each, data, modified_ns=now_ns)
        for name, edits in plan.edits.items():
            edit_hive(files, hive_path(root, name), name, edits, now)


def _remove(files: VolumeFiles, plan: FirstStartPlan) -> None:
    for each in plan.removes:
        if files.exists(each):
            files.delete(each)


def _telling(progress: ProgressCallback | None, total: int) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    """Return what passes pieces on, and tells how many bytes of all have been written."""
    meter = Meter(progress, {Phase.CREATE_FILES: 1.0})
    done = 0

    def told(pieces: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal done
        for each in pieces:
            yield each
            done += len(each)
            meter.step(Phase.CREATE_FILES, done, total)

    return told


def _write_package(
    files: VolumeFiles, package: Package, now_ns: int, tell: Callable[[Iterator[bytes]], Iterator[bytes]]
) -> None:
    place = rf"{FOLDER}\{PACKAGES}\{package.name}"
    files.make_directory(place, modified_ns=now_ns)
    for folder in package.folders:
        files.make_directory(rf"{place}\{folder}", modified_ns=now_ns)
    for each in package.files:
        files.write_pieces(rf"{place}\{each.path}", tell(each.pieces()), each.size, modified_ns=each.modified_ns)


def hive_path(root: str, name: str) -> str:
    """Return the path of a hive; ``root`` is the directory of Windows."""
    return rf"{root}\System32\config\{name}"


def edit_hive(files: VolumeFiles, path: str, name: str, edits: Sequence[Edit], now: datetime) -> None:
    """Change a hive of a volume.

    Args:
        files: of the volume, open for writing.
        path: of the hive.
        name: of the hive, such as ``SYSTEM``.
        edits: what is changed.
        now: the time of what is changed.

    Raises:
        InvalidInput: when it is damaged.
        StorageError: when writing failed.
    """
    hive = read_beside(files, path, limit=MAX_HIVE_BYTES, name=f"{files.name}: {path}")
    import_edits(hive, edits, registry_prefix(name))
    if hive.is_changed:
        write_beside(files, path, write_hive(hive, now=now), empties_logs=hive.is_unclosed)


def _there(files: FileSource) -> list[str]:
    """Return the files of an earlier first start, below :data:`FOLDER`."""
    facts = files.find(FOLDER)
    if facts is None or not facts.is_directory:
        return []
    return [each.path.replace("/", "\\") for each in files.walk(FOLDER) if not each.is_directory]

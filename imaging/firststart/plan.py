"""What is written into a Windows so that commands run at its first start: decided first, then carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.files import FileSource
from osdimage.imaging.firststart.folder import FOLDER, first_start_files
from osdimage.imaging.firststart.starting import StartedWindows, StartsBy, called_script, key_warnings, setup_edits
from osdimage.imaging.firststart.steps import FirstStep
from osdimage.imaging.registry.beside import read_beside, write_beside
from osdimage.imaging.registry.edits import import_edits, registry_prefix
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.registry.reg_file import Edit
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.volume.filesystems import open_files

_HIVE = "SYSTEM"


@dataclass(frozen=True, slots=True)
class FirstStartPlan:
    r"""What is written into a Windows.

    Attributes:
        starts_by: what starts it.
        files: the contents by their paths on the volume, separated by ``\\``, in the order in which they are written:
            what starts the rest is the last.
        edits: of the hive SYSTEM.
        removes: files of an earlier first start, which would be taken for this one's.
        warnings: sentences about what may keep it from running.
    """

    starts_by: StartsBy
    files: Mapping[str, bytes]
    edits: tuple[Edit, ...] = ()
    removes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many bytes it writes."""
        return sum(map(len, self.files.values()))


def plan_first_start(
    files: FileSource, windows: StartedWindows, steps: Sequence[FirstStep], variables: Mapping[str, str] | None = None
) -> FirstStartPlan:
    """Decide what is written into a Windows; nothing is.

    Args:
        files: of its volume.
        windows: what is known of it.
        steps: what is to run, in this order.
        variables: what the steps find in their environment.

    Raises:
        InvalidRequest: when a step is not valid, or Setup would not start it in this Windows.
        InvalidInput: when the Windows has a ``SetupComplete.cmd`` that cannot be changed.
        TargetRefused: when a Windows that is not generalized runs something else at its next start.
    """
    made = {rf"{FOLDER}\{path}": data for path, data in first_start_files(steps, windows.code_page, variables).items()}
    removes = tuple(path for path in _there(files) if path not in made)
    warnings = key_warnings(windows)
    if windows.starts_by is StartsBy.SETUP_VALUES:
        return FirstStartPlan(windows.starts_by, made, setup_edits(windows), removes, warnings)
    made[windows.script_path] = called_script(windows)
    return FirstStartPlan(windows.starts_by, made, (), removes, warnings)


def carry_out(plan: FirstStartPlan, volume: OpenVolume, *, root: str, now: datetime, force: bool = False) -> None:
    """Write a first start into a volume: an NTFS volume gets all of it at one moment, or nothing.

    Args:
        plan: decided for this volume as it is now.
        volume: open for writing.
        root: the directory of Windows.
        now: the time of what is changed.
        force: write to a volume that is marked dirty, too.

    Raises:
        TargetRefused: when the volume is not to be written to; nothing was written.
        StorageError: when writing failed.
    """
    with open_files(volume, write=True, force=force) as files:
        for each in plan.removes:
            files.delete(each)
        for each, data in plan.files.items():
            files.write(each, data, modified_ns=int(now.timestamp()) * 10**9)
        if plan.edits:
            path = rf"{root}\System32\config\{_HIVE}"
            hive = read_beside(files, path, limit=MAX_HIVE_BYTES, name=f"{files.name}: {path}")
            import_edits(hive, plan.edits, registry_prefix(_HIVE))
            if hive.is_changed:
                write_beside(files, path, write_hive(hive, now=now), empties_logs=hive.is_unclosed)


def _there(files: FileSource) -> list[str]:
    """Return the files of an earlier first start, below :data:`FOLDER`."""
    facts = files.find(FOLDER)
    if facts is None or not facts.is_directory:
        return []
    return [each.path.replace("/", "\\") for each in files.walk(FOLDER) if not each.is_directory]

"""Changes of a Windows in an image of a WIM: one update, of which the WIM has all or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from osdimage.imaging.drivers.injection.changes import Changes, NewFile, edit_hive
from osdimage.imaging.drivers.injection.target import InjectionTarget
from osdimage.imaging.errors import StorageError
from osdimage.imaging.files import DEFAULT_LIMIT, FileSource
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.registry.beside import log_paths, logs_of, read_with_logs, with_empty_logs
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.registry.planned import PlannedEdit
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.service.update import UpdateOptions, update_image
from osdimage.imaging.wim.edited.commands import AddTree, Command, Contents, EditFile, EditFiles
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.opening import refuse_impossible_header, refuse_unchangeable
from osdimage.imaging.wim.placed.on_disc import refuse_on_disc
from osdimage.imaging.wim.select import ImageSelector


@dataclass
class ImageTarget(InjectionTarget):
    """An image of a WIM.

    Attributes:
        path: the WIM.
        selector: which image.
        refs: files or glob patterns of files with contents: the base of a delta.
        options: how the WIM is written.
        progress: receives the progress of writing.
    """

    path: Path
    selector: ImageSelector
    refs: tuple[str, ...] = ()
    options: UpdateOptions = field(default_factory=UpdateOptions)
    progress: ProgressCallback | None = None

    def __post_init__(self) -> None:
        """Name it."""
        self.name: str = str(self.path)

    @contextmanager
    def opened(self) -> Iterator[FileSource]:
        """Open the files of the image; see :meth:`InjectionTarget.opened`."""
        with WimFile.open(self.path, refs=self.refs) as wim:
            yield wim.select(self.selector).files()

    def refuse_unwritable(self, *, force: bool) -> None:
        """Refuse a WIM that is not changed; see :meth:`InjectionTarget.refuse_unwritable`."""
        del force
        refuse_on_disc(self.path)
        header = refuse_impossible_header(self.path)
        if header is not None:
            refuse_unchangeable(self.path, header)

    def carry_out(self, changes: Changes, *, now: datetime, force: bool) -> None:
        """Make the changes; see :meth:`InjectionTarget.carry_out`."""
        del force
        with scratch_folder() as folder:
            commands = [_command(each, folder / str(number)) for number, each in enumerate(changes.files)]
            for name, edits in changes.edits_by_hive().items():
                commands.append(_hive_command(changes.windows.hive_path(name), name, edits, now))
            update_image(self.path, self.selector, commands, self.options, refs=self.refs, progress=self.progress)


def _command(file: NewFile, scratch: Path) -> Command:
    if file.old_size is not None:
        return EditFile(file.path, partial(_replaced, file), max(DEFAULT_LIMIT, file.old_size))
    try:
        scratch.write_bytes(file.read())
    except OSError as error:
        raise StorageError(f"{scratch}: {error.strerror}", path=scratch, errno=error.errno) from error
    return AddTree(scratch, file.path, replaces=False)


def _replaced(file: NewFile, old: bytes) -> bytes:
    file.refuse_changed(old, "the image")
    return file.read()


def _hive_command(path: str, name: str, edits: Sequence[PlannedEdit], now: datetime) -> EditFiles:
    def change(old: Contents) -> Contents:
        hive = read_with_logs(old[path], lambda: logs_of(path, old), name=path)
        edit_hive(hive, name, edits)
        return with_empty_logs(path, old, write_hive(hive, now=now), hive) if hive.is_changed else {}

    return EditFiles((path, *log_paths(path)), change, MAX_HIVE_BYTES)

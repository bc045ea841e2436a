"""The arguments that name a Windows which is read, and opening it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys, refuse_for_images
from osdimage.cli.render import Reporter
from osdimage.cli.source import holds_volume, refuse_of_images

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.drivers.offline.windows import OfflineWindows
    from osdimage.imaging.files import FileSource
    from osdimage.imaging.wim.select import ImageSelector

_TARGET = values.WimPathType(exists=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class WindowsPlace:
    """Where a Windows is: a folder, a volume, a partition of a disk, or an image of a WIM."""

    target: Path
    partition: int | None
    selector: ImageSelector
    opening: Opening
    refs: tuple[str, ...]

    def facts(self) -> dict[str, object]:
        """Return what a document says of the place."""
        return {"path": self.target, "partition": self.partition}


def windows_place(command: params.Command) -> params.Command:
    """Add the argument and options that name a Windows which is read, and pass a ``WindowsPlace`` as ``place``."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        target: Path,
        partition: int | None,
        selector: ImageSelector,
        opening: Opening,
        refs: tuple[str, ...],
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        if target.is_dir() or holds_volume(target, partition):
            refuse_of_images(selector, ref=bool(refs))
        else:
            refuse_for_images()
        return command(*args, place=WindowsPlace(target, partition, selector, opening, refs), **kwargs)

    return params.add(
        click.argument("target", type=_TARGET),
        click.option("--partition", type=click.IntRange(min=1), metavar="N", help="The partition of a disk."),
        disk_params.opening,
        keys,
        params.selector,
        params.references,
    )(run)


@contextmanager
def open_windows(place: WindowsPlace, reporter: Reporter) -> Iterator[tuple[FileSource, OfflineWindows]]:
    """Open the files of the Windows, and show what it does not say of itself."""
    from osdimage.imaging.drivers.offline.places import open_windows_files  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.offline.windows import offline_windows  # noqa: PLC0415
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415

    leave_memory()
    with open_windows_files(
        place.target, partition=place.partition, selector=place.selector, opening=place.opening, refs=place.refs
    ) as files:
        windows = offline_windows(files)
        for text in windows.warnings:
            reporter.warn(text)
        yield files, windows
        for hive in windows.hives.values():
            for text in hive.warnings:
                reporter.warn(f"{windows.name}: {text}")


def windows_facts(windows: OfflineWindows) -> dict[str, object]:
    """Return what a document says of a Windows."""
    os = windows.os
    return {
        "name": windows.name,
        "folder": windows.folder,
        "version": f"{os.major}.{os.minor}.{os.build}",
        "architecture": os.architecture,
        "product": os.product,
        "is_generalized": windows.is_generalized,
        "is_pe": windows.is_pe,
    }

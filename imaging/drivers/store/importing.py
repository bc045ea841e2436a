"""Taking in all drivers of folders, INFs, archives and discs."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import closing

from osdimage.imaging.drivers.store.adding import ImportedInf, ImportWish, Offered, Outcome, add_drivers
from osdimage.imaging.drivers.store.catalog import DriverCatalog
from osdimage.imaging.drivers.store.offering import inf_paths, offer
from osdimage.imaging.drivers.supplied.opened import is_archive, open_supply
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.progress import Meter, Phase, ProgressCallback

_SHARES = {Phase.READ: 9.0, Phase.WRITE_DATA: 1.0}


def import_drivers(
    catalog: DriverCatalog,
    paths: Sequence[str | os.PathLike[str]],
    wish: ImportWish | None = None,
    *,
    codepage: str = "cp1252",
    archives: bool = True,
    progress: ProgressCallback | None = None,
) -> tuple[ImportedInf, ...]:
    """Take in all drivers that are found; return what became of each INF.

    Either all that can be taken is in the catalog, or nothing was changed.

    Args:
        catalog: opened to be written.
        paths: what :func:`~osdimage.imaging.drivers.supplied.opened.open_supply` opens.
        wish: how they are taken in.
        codepage: of INFs that do not tell their encoding, and are not UTF-8.
        archives: whether those are opened, or passed over.
        progress: receives progress.

    Raises:
        InvalidRequest: when the wish cannot be fulfilled, or a path does not lead to anything.
        InvalidInput: when there is no INF, or something is damaged; nothing was changed.
        StorageError: when something cannot be read or written; nothing was changed.
        TargetRefused: when another process does not let go of the catalog in time; nothing was changed.
    """
    meter = Meter(progress, _SHARES)
    with closing(_offered(paths, codepage, meter, archives=archives)) as offered:
        infs = add_drivers(catalog, offered, wish)
    for each in infs:
        if each.outcome is Outcome.LEFT_OUT:
            meter.warn(f"{each.source}: left out: {each.reason}")
        for text in each.warnings:
            meter.warn(f"{each.source}: {text}")
    meter.finish()
    return infs


def _offered(
    paths: Sequence[str | os.PathLike[str]], codepage: str, meter: Meter, *, archives: bool
) -> Generator[Offered, None, None]:
    done = total = 0
    for path in paths:
        if not archives and is_archive(path):
            yield Offered(os.fspath(path), None, reason="is an archive")
            continue
        with open_supply(path) as supply:
            found = inf_paths(supply)
            if not found:
                raise InvalidInput(f"{supply.name}: holds no INF")
            total += len(found)
            for each in found:
                yield offer(supply, each, codepage=codepage)
                done += 1
                meter.step(Phase.READ, done, total, unit="files")

"""Writing what was changed in a mounted image into its WIM.

The daemon of libwim writes: it alone knows which file is which, so that what was renamed keeps its security descriptor,
its attributes and its short name, which a comparison of the mounted tree with the image could not tell.  It appends, as
:func:`~osdimage.imaging.service.update_image` does, and this process watches over the file in the same way: the header
that was there before is taken back until all else is on the medium, and when the daemon dies while it writes, the WIM
is cut back to what it was.  When the daemon cannot write, the image stays mounted, with all that was changed.

Writing the WIM anew is left to :func:`~osdimage.imaging.wim.optimize_wim`, once that is done.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.errors import Means, OsdImageError, Remedy, StorageError, TargetRefused, explain
from osdimage.imaging.output import write_at
from osdimage.imaging.progress import Meter
from osdimage.imaging.service.mounts.results import UnmountOptions, UnmountResult, names_told
from osdimage.imaging.service.mounts.table import Mount, row_at
from osdimage.imaging.service.mounts.waiting import wait_until
from osdimage.imaging.units import format_size
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.copied.optimize import OptimizeOptions, optimize_wim
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.edited.edit import set_properties
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.fuse import ServerGone, UnmountSettings, stop_serving
from osdimage.imaging.wim.steps import listener
from osdimage.imaging.wim.stored.format import HEADER_SIZE, PIPABLE_MAGIC, Header
from osdimage.imaging.wim.stored.in_place import InPlace, opened_in_place
from osdimage.imaging.wim.stored.newer_form import put_trees_into_newer_form
from osdimage.imaging.wim.write import append_spec

LET_GO = Remedy("let go of it, or use {}", (Means.FORCE,))


@dataclass(frozen=True, slots=True)
class _Before:
    """What the WIM is before the commit.

    Attributes:
        spec: its compression.
        names: of its images, in order.
        is_pipable: whether libwim writes it anew beside the old one, whatever it is asked.
    """

    spec: CompressionSpec
    names: tuple[str, ...]
    is_pipable: bool


def commit(mount: Mount, options: UnmountOptions, meter: Meter) -> UnmountResult:
    """Have the daemon write what was changed and unmount; see :func:`finish` for what is left to do.

    Raises:
        TargetRefused, StorageError, OsdImageError: as :func:`~osdimage.imaging.service.unmount_image`.
    """
    wim = mount.wim
    if wim is None:
        raise OsdImageError(f"{mount.directory}: what serves it does not tell the WIM")
    with WimFile.open(wim, with_parts=False) as opened:
        before = _Before(
            append_spec(wim, None, opened.header.compression),
            tuple(image.name for image in opened.images),
            opened.header.is_pipable,
        )
    if options.new_image and before.is_pipable:
        raise TargetRefused(
            f"{wim}: is pipable, and no image is added to such a one; {mount.directory} stays mounted: commit to the "
            "image that is mounted"
        )
    # A commit to a new image that failed leaves that behind, and another one would be made of it.
    is_new = options.new_image or (mount.index or 0) > len(before.names)
    settings = UnmountSettings(
        commit=True,
        new_image=options.new_image and (mount.index or 0) <= len(before.names),
        integrity=options.integrity is True,
    )
    with opened_in_place(wim) as place:
        try:
            _write(mount, settings, place, options, meter)
        except OsdImageError:
            raise
        except BaseException as stop:
            # A signal is heard when the daemon has answered: what it has written is not left half done.
            _settle(place, before)
            if row_at(mount.directory) is None:
                explain(stop, "what was changed is in the WIM")
            raise
        warnings = _settle(place, before)
    index = len(before.names) + 1 if is_new else mount.index
    name = None if is_new or index is None else before.names[index - 1]
    if is_new and not options.new_image:
        warnings += (f"{wim}: an earlier commit to a new image had failed; the changes are in the new image now",)
    if is_new:
        name = options.new_name or _free_name(before.names, mount)
    return UnmountResult(
        mount, committed=True, index=index, name=name, old_size=place.size, new_size=place.size, warnings=warnings
    )


def _write(mount: Mount, settings: UnmountSettings, place: InPlace, options: UnmountOptions, meter: Meter) -> None:
    """Let the daemon write, and say of every failure what is left."""
    where, wim = str(mount.directory), place.path
    watch = place.watch(listener(meter))

    def listen(message: object) -> None:
        # The daemon goes on whatever is raised here.
        with suppress(Exception):
            watch(message)  # type: ignore[arg-type]

    try:
        try:
            stop_serving(mount.directory, wim, settings, listen)
        except TargetRefused as error:
            if not options.force or not _is_room_for(mount, place):
                error.remedy = LET_GO
                raise
            # It closes what is open, and unmounts also when it cannot write.
            stop_serving(mount.directory, wim, replace(settings, force=True), listen)
    except ServerGone as error:
        # Its lock goes with the last of its threads.
        wait_until(place.lock)
        place.look()
        place.put_back(error)
        explain(error, _what_is_left(mount))
        raise
    except StorageError as error:
        explain(error, _why(place))
        where = f"{where} stays mounted with all that was changed in it{_in_staging(mount)}"
        explain(error, f"{wim} is as it was, and {where}" if place.is_as_it_was else where)
        raise


def _is_room_for(mount: Mount, place: InPlace) -> bool:
    """Tell whether what was changed fits on the medium, even if it cannot be compressed."""
    if mount.staging is None:
        return True
    needed = sum(each.stat().st_size for each in mount.staging.rglob("*") if not each.is_dir())
    facts = os.fstatvfs(place.descriptor)
    if needed > facts.f_bavail * facts.f_frsize:
        raise StorageError(
            f"{place.path}: there may not be room for what was changed ({format_size(needed)}), and files are open, "
            "so that it would be lost; nothing was written",
            path=place.path,
        )
    return True


def _why(place: InPlace) -> str:
    facts = os.fstatvfs(place.descriptor)
    return f"{format_size(facts.f_bavail * facts.f_frsize)} are free there"


def _in_staging(mount: Mount) -> str:
    return "" if mount.staging is None else f" (contents of changed files: {mount.staging})"


def _what_is_left(mount: Mount) -> str:
    told = "the process that served the image has ended while it wrote"
    if mount.staging is None or not mount.staging.exists():
        return told
    return f"{told}; the contents of changed files are in {mount.staging}, under names of chance"


def _settle(place: InPlace, before: _Before) -> tuple[str, ...]:
    """Bring what the daemon has written to the medium in the right order, in the form that DISM takes."""
    place.look()
    changed: list[Header] = []
    warnings: list[str] = []
    written = os.pread(place.descriptor, HEADER_SIZE, 0)

    def mend(header: Header) -> None:
        changed.append(header)
        if not _is_room_to_mend(place, header):
            warnings.append(f"{place.path}: there is no room for its trees in the form that DISM takes; optimize it")
            return
        put_trees_into_newer_form(place.descriptor, header, before.spec, written_from=place.size)

    try:
        place.settle(mend)
    except StorageError as error:
        # The daemon is gone: what it wrote is all that there is of the changes.
        with suppress(OSError):
            write_at(place.descriptor, changed[0].build() if changed else written, 0)
        explain(error, "what was changed is in the WIM, but the medium did not confirm it")
        raise
    return tuple(warnings)


def _is_room_to_mend(place: InPlace, header: Header) -> bool:
    """Take room for the trees and tables behind the end; they are written over, and nothing else has them."""
    end = os.fstat(place.descriptor).st_size
    try:
        os.posix_fallocate(place.descriptor, end, max(1, end - header.blob_table.offset) + 2 * HEADER_SIZE)
        os.ftruncate(place.descriptor, end)
    except OSError:
        with suppress(OSError):
            os.ftruncate(place.descriptor, end)
        return False
    return True


def _free_name(names: tuple[str, ...], mount: Mount) -> str | None:
    """Return a name for a new image, by that of the one that was mounted; None when that has none."""
    index = mount.index or 0
    old = mount.name or (names[index - 1] if 0 < index <= len(names) else "")
    if not old:
        return None
    return next(name for number in range(2, len(names) + 3) if (name := f"{old} ({number})") not in names)


def finish(result: UnmountResult, options: UnmountOptions) -> UnmountResult:
    """Do what is left when the daemon has ended: name a new image, and write the WIM anew if that is wanted.

    Raises:
        OsdImageError: when it fails; the message says that the changes are in the WIM.
    """
    wim = result.mount.wim
    if wim is None or result.index is None:
        return result
    try:
        if result.name and result.index != result.mount.index:
            set_properties(wim, {result.index: ImageProperties(name=result.name)})
        if options.rebuild or options.recompress or options.integrity is False:
            _write_anew(wim, options)
    except OsdImageError as error:
        explain(error, "what was changed is in the WIM")
        raise
    return replace(result, new_size=wim.stat().st_size, warnings=result.warnings + _names_in(wim, result.index))


def _names_in(wim: Path, index: int) -> tuple[str, ...]:
    """Say of names that were made in the mount, where Linux takes more than Windows."""
    with WimFile.open(wim, with_parts=False) as opened:
        audit = opened.image(index).audit()
        return names_told(wim, index, audit.refused_names, audit.refused_path)


def _write_anew(wim: Path, options: UnmountOptions) -> None:
    with wim.open("rb") as file:
        is_pipable = Header.parse(file.read(HEADER_SIZE)).magic == PIPABLE_MAGIC
    # libwim has written that anew already.
    if not is_pipable:
        optimize_wim(wim, OptimizeOptions(recompress=options.recompress, integrity=options.integrity))

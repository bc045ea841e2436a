"""``osdimage capture``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, standard, suffix, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys
from osdimage.cli.render import Reporter, contents, counted, replaced_lines
from osdimage.cli.standard import Standard
from osdimage.cli.wim import delta
from osdimage.cli.wim.properties import properties_of, setting

if TYPE_CHECKING:
    from osdimage.imaging.capture.config import CaptureConfig
    from osdimage.imaging.capture.image import CaptureOptions
    from osdimage.imaging.capture.source_list import SourceTree
    from osdimage.imaging.capture.template import UpdateOf
    from osdimage.imaging.capture.volumes import CapturedVolumes
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.wim.described.properties import ImageProperties
    from osdimage.imaging.wim.settings import Descriptors


@click.command("capture")
@click.argument("sources", type=values.PRESENT_OR_STREAM, nargs=-1, required=True, metavar="SOURCE...")
@click.argument("wim", type=values.ANY_OR_STREAM)
@click.option("--partition", type=click.IntRange(min=1), metavar="N", help="The partition of the disk SOURCE.")
@disk_params.opening
@keys
@click.option(
    "--all-volumes",
    is_flag=True,
    help="Capture each NTFS and FAT volume of the disk SOURCE, or of several disks, as an image.",
)
@click.option(
    "--keep-raw", is_flag=True, help="With --all-volumes: keep the other partitions byte for byte, as images too."
)
@click.option(
    "--source-list",
    is_flag=True,
    help="SOURCE (or - for standard input) lists files and directories, and what each is in the image.",
)
@click.option("--name", type=values.IMAGE_NAME, help="Name of the image.  Default: the source's.")
@click.option("--description", help="Description of the image (1-255 characters, as OSDImageDescription).")
@click.option("--creator", help="Who made it (1-255 characters, as OSDImageCreator).")
@click.option("--image-version", help="Its version (1-32 characters, as OSDImageVersion).")
@setting(of="an image")
@click.option("--append", is_flag=True, help="Add the image to a WIM that is there.")
@click.option("--create", is_flag=True, help="Add the image to a WIM, which is made if it is missing.")
@click.option("--overwrite", is_flag=True, help="Replace a WIM that is there, once the new one is complete.")
@delta.bases
@delta.update_of
@params.compression
@params.pipable
@params.exclusions
@click.option("--boot", is_flag=True, help="Mark the image as the one that boots.")
@params.integrity("none; with --append as it was", old="--check")
@click.option(
    "--unix-data",
    is_flag=True,
    help="Also store what is of Unix, which Windows ignores: owner, group, mode, extended attributes, FIFOs and so on.",
)
@click.option("--dereference", is_flag=True, help="Store what symbolic links lead to, not the links.")
@click.option(
    "--decompact",
    is_flag=True,
    help="Store files that Windows has compressed as a whole (CompactOS) plain, not as they are in the NTFS volume.",
)
@params.descriptors(at="Store")
@params.rpfix
@click.option("--strict", is_flag=True, help="Fail when a file could not be stored, or could not be applied again.")
@params.names(
    ("refuse", "keep", "replace"),
    "refuse",
    "What becomes of names that apply refuses, such as a:b or a\\b: keep stores them, replace stores others.",
)
@params.threads
@params.output(more="each file that is left out", sends="wim")
def capture_command(
    sources: tuple[Path | Standard, ...],
    wim: Path | Standard,
    partition: int | None,
    opening: Opening,
    all_volumes: bool,
    keep_raw: bool,
    source_list: bool,
    name: str | None,
    description: str | None,
    creator: str | None,
    image_version: str | None,
    changes: tuple[str, ...],
    append: bool,
    create: bool,
    overwrite: bool,
    bases: tuple[str, ...],
    update_of: UpdateOf | None,
    wish: params.CompressionWish,
    pipable: bool,
    exclusions: Callable[[], CaptureConfig],
    boot: bool,
    integrity: bool | None,
    unix_data: bool,
    dereference: bool,
    decompact: bool,
    descriptors: Descriptors,
    fixes_links: bool | None,
    strict: bool,
    names: str,
    threads: int,
    reporter: Reporter,
) -> None:
    """Capture a directory, an NTFS or FAT volume, or with --partition one on a disk, into a WIM.

    A volume or a disk is a file or a device; it is only read.  The WIM appears when it is complete.  Page files,
    hibernation files, recycle bins and the working folders of Windows and of task sequences are left out, unless
    --config says otherwise.

    With --base a delta is made: contents that the base holds are not stored again.  Commands that need them take the
    base with --ref; it may get more images, and must not lose any.  What --update-of trusts are path, size and times: a
    file that was changed and given its old time and size is stored as it was.

    With - in the place of WIM it goes to stdout as it is made, in the form that apply, deploy and wimlib-imagex take
    from a pipe; its contents are read twice.  All that is printed is on stderr then.

    The times of a FAT volume, which are local times without a zone, are taken for UTC.

    With --source-list the image is made of several files and directories: a line of the list has one and the path that
    it gets in the image (/ for its root; without it, its own); a path with blanks is quoted, and what comes later lies
    over what is there.

    With --all-volumes each NTFS and FAT volume of a disk becomes an image, in the order of the partitions, and the
    layout of the disk is kept with each: `osdimage deploy --layout-from-wim --all-volumes` makes the disk again.
    Partitions that hold something else come back empty, unless --keep-raw keeps their bytes: each becomes one more
    image, with one file.  Several disks are those of one machine: their order numbers them from 0, and
    `osdimage deploy --layout-from-wim --disk 0=DISK --disk 1=DISK` makes them again.
    """
    from osdimage.imaging.capture.image import CaptureOptions, CaptureSource, capture_image  # noqa: PLC0415
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.checks.names import Names  # noqa: PLC0415
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415
    from osdimage.imaging.wim.settings import Descriptors  # noqa: PLC0415
    from osdimage.imaging.wim.write import WriteMode  # noqa: PLC0415

    if len(sources) > 1 and not all_volumes:
        raise click.BadParameter(
            f"{counted(len(sources), 'source')} are given; --all-volumes takes several disks, --source-list a list of "
            "files and directories, and all else one source",
            click.get_current_context(),
            param_hint="SOURCE",
        )
    is_stdin = any(isinstance(each, Standard) for each in sources)
    source, *others = (Path("-") if isinstance(each, Standard) else each for each in sources)
    _refuse_mixed(is_stdin=is_stdin, source_list=source_list, is_of_disk=all_volumes or partition is not None)
    if keep_raw and not all_volumes:
        raise click.UsageError("--keep-raw goes with --all-volumes")
    _refuse_wish(wim, append=append, create=create, overwrite=overwrite, pipable=pipable, all_volumes=all_volumes)
    leave_memory()
    properties = properties_of(
        changes, reporter, name=name, description=description, creator=creator, image_version=image_version
    )
    target = Path("-") if isinstance(wim, Standard) else wim
    adds = target.exists() if create else append
    # What is begun by the first of several captures, all of which are given in the same way.
    is_first = create and not adds and not bases and update_of is not None and update_of.wim is None
    options = CaptureOptions(
        mode=WriteMode.APPEND if adds else WriteMode.OVERWRITE if overwrite else WriteMode.NEW,
        compression=wish.for_file(target, is_new=not adds),
        boot=boot,
        integrity=integrity,
        threads=threads,
        strict=strict,
        pipable=pipable,
        bases=bases,
        update_of=None if is_first else update_of,
        names=Names(names),
    )
    if all_volumes:
        chosen = partition is not None or append or create or boot or unix_data or dereference or update_of is not None
        if chosen or fixes_links is not None or descriptors is not Descriptors.KEPT:
            raise click.UsageError(
                "--all-volumes does not go with --partition, --append, --create, --boot, --unix-data, --dereference, "
                "--update-of, --no-acls, --strict-acls, --rpfix and --no-rpfix"
            )
        _capture_volumes(
            (source, *others),
            target,
            options,
            exclusions(),
            properties,
            reporter,
            opening=opening,
            keep_raw=keep_raw,
            decompact=decompact,
        )
        return
    began = time.monotonic()
    trees = _listed(None if is_stdin else source) if source_list else ()
    result = capture_image(
        CaptureSource(
            source,
            exclusions(),
            unix_data,
            partition,
            opening,
            fixes_links=fixes_links,
            descriptors=descriptors,
            dereference=dereference,
            decompacts=decompact,
            trees=trees,
        ),
        reporter.sent or target,
        options,
        properties=_named(properties, target, is_stdin=is_stdin),
        progress=reporter.callback,
    )
    seconds = time.monotonic() - began
    passed = None if reporter.sent is None else reporter.sent.passed
    where, medium = (target, "the file has") if reporter.sent is None else (reporter.sent.name, "the stream has")
    summary = (
        f"{where}: image {result.index} {result.name!r}: {contents(result.files, result.directories)}, "
        f"{format_size(result.size)}; {medium} {format_size(result.file_size)} ({seconds:.1f} s)"
    )
    lines = [summary, *delta.needs_lines(result.needs), *standard.line(passed, "sent:")]
    if is_first:
        lines.append("  an update of no image: this is the first of a new WIM")
    if result.excluded:
        lines.append(f"  left out by the exclusions: {result.excluded:,}")
    if result.decompacted:
        lines.append(f"  plain, and compressed by Windows before: {counted(result.decompacted, 'file')}")
    if reporter.verbose:
        lines += [f"  left out, of a kind that a WIM cannot hold: {path}" for path in result.unsupported]
        lines += [f"  left out, in a cloud only: {path}" for path in result.in_cloud]
        lines += [f"  {text}" for text in replaced_lines(result)]
    # As a capture of all volumes tells it.
    of_disk: dict[str, list[object]] = {name: [] for name in ("skipped", "raw", "unkept", "warnings", "disks")}
    facts = {"path": target, "images": [result], "partitions": [partition]} | of_disk
    reporter.result(standard.with_stream(facts, passed), *lines)


def _refuse_mixed(*, is_stdin: bool, source_list: bool, is_of_disk: bool) -> None:
    if is_stdin and not source_list:
        raise click.UsageError(values.NO_DASH)
    if source_list and is_of_disk:
        raise click.UsageError("--source-list is for files and directories; it goes with no --partition, --all-volumes")


def _named(properties: ImageProperties, wim: Path, *, is_stdin: bool) -> ImageProperties:
    """Return the properties, with the name of the WIM where neither they nor the source, standard input, have one."""
    return replace(properties, name=wim.stem) if is_stdin and properties.name is None else properties


def _listed(path: Path | None) -> tuple[SourceTree, ...]:
    """Read a list of sources; None for that on standard input."""
    from osdimage.imaging.capture import source_list  # noqa: PLC0415 - start-up stays cheap

    if path is None:
        return source_list.decode_sources(sys.stdin.buffer.read(source_list.MAX_BYTES + 1), "standard input")
    return source_list.read_sources(path)


def _refuse_wish(
    wim: Path | Standard, *, append: bool, create: bool, overwrite: bool, pipable: bool, all_volumes: bool
) -> None:
    """Refuse options that contradict each other, or what the WIM is.

    Raises:
        click.UsageError: naming them.
    """
    if isinstance(wim, Standard):
        if append or create or overwrite or all_volumes:
            raise click.UsageError(
                "- goes with no --append, --create, --overwrite and --all-volumes; these need a file"
            )
    else:
        suffix.refuse_split(wim)
    if pipable and (append or create or all_volumes):
        raise click.UsageError(
            "a pipable WIM is written in one go; --pipable goes with no --append, --create and --all-volumes"
        )
    if (append or create) and overwrite:
        raise click.UsageError(f"choose {'--append' if append else '--create'} or --overwrite")


def _capture_volumes(
    sources: Sequence[Path],
    wim: Path,
    options: CaptureOptions,
    config: CaptureConfig,
    properties: ImageProperties,
    reporter: Reporter,
    *,
    opening: Opening,
    keep_raw: bool,
    decompact: bool,
) -> None:
    """Capture each volume of a disk, or of several, as an image."""
    from osdimage.imaging.capture.volumes import capture_disks  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.disk.several import open_disks  # noqa: PLC0415

    with open_disks(sources, opening=opening, share=True) as disks:
        captured = capture_disks(
            disks,
            wim,
            options,
            config=config,
            properties=properties,
            keep_raw=keep_raw,
            decompacts=decompact,
            progress=reporter.callback,
        )
    reporter.result(standard.with_stream(captured, None), *_lines_of_disks(captured, reporter))


def _lines_of_disks(captured: CapturedVolumes, reporter: Reporter) -> Iterator[str]:
    """Say what was captured of each disk."""
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    is_set = len(captured.disks) > 1
    of = f" of {counted(len(captured.disks), 'disk')}" if is_set else ""
    yield f"{captured.path}: {counted(len(captured.images), 'image')}{of}"
    images = {each.index: each for each in captured.images}
    for disk in captured.disks:
        if is_set:
            yield f"  disk {disk.index} ({disk.disk}): {counted(len(disk.images), 'image')}"
        for index, number in zip(disk.images, disk.partitions, strict=True):
            each = images[index]
            how = ", byte for byte" if number in disk.raw else ""
            yield f"  image {each.index} {each.name!r}: {format_size(each.size)}{how}"
            yield from (f"  {line}" for line in delta.needs_lines(each.needs))
            if each.decompacted:
                yield f"    plain, and compressed by Windows before: {counted(each.decompacted, 'file')}"
            if reporter.verbose:
                yield from (f"    left out, in a cloud only: {path}" for path in each.in_cloud)
                yield from (f"    {text}" for text in replaced_lines(each))
        yield from (f"  skipped: {each}" for each in disk.skipped)
        if disk.unkept:
            where = f" of disk {disk.index}" if is_set else ""
            yield f"  --keep-raw keeps the contents of partition {', '.join(map(str, disk.unkept))}{where}, too"

"""``osdimage update``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.pairs import image_path, source_and_path
from osdimage.cli.render import Reporter, contents, counted, table
from osdimage.cli.standard import Standard
from osdimage.imaging.errors import InvalidInput

if TYPE_CHECKING:
    from osdimage.imaging.capture.config import CaptureConfig
    from osdimage.imaging.service.command_file import CommandDefaults
    from osdimage.imaging.service.update import UpdateResult
    from osdimage.imaging.wim.edited.commands import Change, Command
    from osdimage.imaging.wim.select import ImageSelector

_IN_ORDER = ("adds", "deletes", "renames", "command_texts", "files", "unattends", "reg_files")
_KEY = "osdimage.update.order"


class _InOrder(click.Command):
    """A command that also knows the order in which options of different names were given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and remember which option came when."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[_KEY] = [each.name for each in order if each.name in _IN_ORDER]
        return super().parse_args(ctx, args)


@dataclass(frozen=True, slots=True)
class CommandsWish:
    """What the options that say what is changed hold, each in the order in which it was given."""

    adds: tuple[str, ...]
    deletes: tuple[str, ...]
    renames: tuple[str, ...]
    command_texts: tuple[str, ...]
    files: tuple[Path | Standard, ...]
    unattends: tuple[Path, ...]
    reg_files: tuple[Path, ...]
    hive: str | None
    no_replace: bool
    dereference: bool
    unix_data: bool
    recursive: bool
    force: bool


_commands = params.gathered(
    "wish",
    CommandsWish,
    click.option("--add", "adds", multiple=True, metavar="SRC=DST", help="Add a file or folder as DST.  Repeatable."),
    click.option(
        "--delete", "deletes", multiple=True, metavar="PATH", help="Delete what is at PATH, or fits it.  Repeatable."
    ),
    click.option("--rename", "renames", multiple=True, metavar="A=B", help="Give A the path B.  Repeatable."),
    click.option(
        "--command",
        "command_texts",
        multiple=True,
        metavar="TEXT",
        help="A command as in a file of --from, such as \"add 'a=b' '/c d'\".  Repeatable.",
    ),
    click.option(
        "--from",
        "files",
        type=values.EXISTING_OR_STREAM,
        multiple=True,
        metavar="FILE|-",
        help="Commands, one a line, as wimlib-imagex update takes them.  Repeatable.",
    ),
    click.option(
        "--unattend",
        "unattends",
        type=values.EXISTING,
        multiple=True,
        metavar="FILE",
        help=r"Place an answer file as \Windows\Panther\unattend.xml.",
    ),
    click.option(
        "--reg",
        "reg_files",
        type=values.EXISTING,
        multiple=True,
        metavar="FILE",
        help="Import a .reg file into the hives that its keys name.  Repeatable.",
    ),
    click.option("--hive", metavar="NAME|PATH", help="The one hive that --reg changes, such as Users/x/NTUSER.DAT."),
    click.option("--recursive", is_flag=True, help="Delete directories, too, with all in them."),
    click.option("--force", is_flag=True, help="Go on where there is nothing to delete."),
    click.option("--no-replace", is_flag=True, help="Refuse to replace files that are there by what is added."),
    click.option("--dereference", is_flag=True, help="Add what symbolic links lead to, not the links."),
    click.option("--unix-data", is_flag=True, help="Also add owners, modes and what else is of Unix, as capture does."),
)


@click.command("update", cls=_InOrder)
@click.argument("wim", type=values.WIM)
@params.selector
@_commands
@params.exclusions
@params.references
@click.option("--rebuild", is_flag=True, help="Write the WIM anew, without what no image needs.  Default: append.")
@params.check
@params.integrity("as it was")
@params.threads
@click.option("--dry-run", is_flag=True, help="Show what would be changed, and write nothing.")
@params.output(more="each path that is changed")
@click.pass_context
def update_command(
    ctx: click.Context,
    wim: Path,
    selector: ImageSelector,
    wish: CommandsWish,
    exclusions: Callable[[], CaptureConfig],
    refs: tuple[str, ...],
    rebuild: bool,
    check: bool,
    integrity: bool | None,
    threads: int,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    r"""Change the files of an image: add, delete and rename them, all of it or nothing.

    What is to be done is done in the order in which it is given, and written at last: the WIM holds the old image or
    the new one, at every moment.  What the old one alone needed stays in the file, unless --rebuild writes it anew.

    PATH, DST, A and B are paths in the image, separated by / or \ and compared without case; in PATH, *, ? and [...]
    stand for characters within a name.  A folder that is added is joined with one that is there, and a file gets the
    security descriptor of its folder when it is applied.  --add is divided at the = before which a file is there; paths
    with any character, in quotes, are taken by --command and --from.
    """
    from osdimage.imaging.service.update import UpdateOptions, update_image  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415

    if wish.hive is not None and not wish.reg_files:
        raise click.UsageError("--hive goes with --reg")
    if not ctx.meta[_KEY]:
        raise click.UsageError(
            "say what to change, with --add, --delete, --rename, --command, --from, --unattend or --reg"
        )
    commands = tuple(_in_order(ctx.meta[_KEY], wish, reporter))
    if wish.unattends:
        _check_unattend(wim, selector, refs, wish.unattends, reporter)
    leave_memory()
    result = update_image(
        wim,
        selector,
        commands,
        UpdateOptions(exclusions(), rebuild, check, integrity, threads, dry_run),
        refs=refs,
        progress=reporter.callback,
    )
    _report(result, reporter)


# ---- what is asked for


def _in_order(order: Sequence[str], wish: CommandsWish, reporter: Reporter) -> Iterator[Command]:
    """Yield the commands as they were given."""
    from osdimage.imaging.service.command_file import CommandDefaults  # noqa: PLC0415 - start-up stays cheap

    defaults = CommandDefaults(
        not wish.no_replace, wish.dereference, wish.unix_data, recursive=wish.recursive, force=wish.force
    )
    values = {name: iter(getattr(wish, name)) for name in _IN_ORDER}
    for name in order:
        yield from _commands_of(name, next(values[name]), wish, defaults, reporter)


def _commands_of(
    name: str, value: str | Path | Standard, wish: CommandsWish, defaults: CommandDefaults, reporter: Reporter
) -> Iterator[Command]:
    from osdimage.imaging.service import command_file  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.edited.commands import RenamePath  # noqa: PLC0415

    match name, value:
        case "adds", str():
            instead = "--command \"add 'SRC' 'DST'\" says which"
            yield defaults.add(*source_and_path("--add", value, instead=instead))
        case "deletes", str():
            yield defaults.delete(image_path(value))
        case "renames", str():
            yield RenamePath(*_two_paths(value))
        case "command_texts", str():
            try:
                yield command_file.parse_command(image_path(value), "--command", defaults)
            except InvalidInput as error:
                # What was written on the command line is usage, not input.
                raise click.UsageError(str(error)) from error
        case "files", Standard():
            data = sys.stdin.buffer.read(command_file.MAX_BYTES + 1)
            yield from command_file.decode_commands(data, "standard input", defaults)
        case "files", Path():
            yield from command_file.read_commands(value, defaults)
        case "unattends", Path():
            from osdimage.imaging.deploy.answer_file import UNATTEND_PATH  # noqa: PLC0415

            yield defaults.add(value, UNATTEND_PATH)
        case "reg_files", Path():
            from osdimage.cli.registry.params import now  # noqa: PLC0415
            from osdimage.imaging.registry.in_image import reg_commands  # noqa: PLC0415

            yield from reg_commands(value, hive=wish.hive, now=now(), on_warning=reporter.warn)


def _two_paths(text: str) -> tuple[str, str]:
    old, _, new = text.partition("=")
    if not old or not new:
        raise click.UsageError(f"--rename {text!r}: takes A=B, two paths in the image")
    if "=" in new:
        raise click.UsageError(
            f"--rename {text!r}: has more than one =; --command \"rename 'A' 'B'\" says which divides it"
        )
    return image_path(old), image_path(new)


def _check_unattend(
    wim: Path, selector: ImageSelector, refs: tuple[str, ...], files: Sequence[Path], reporter: Reporter
) -> None:
    """Refuse an answer file that Windows Setup would refuse, and warn of what it would ignore."""
    from osdimage.imaging.deploy.answer_file import check_unattend  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415

    with WimFile.open(wim, refs=refs) as opened:
        image = opened.select(selector)
        for file in files:
            for text in check_unattend(str(file), image):
                reporter.warn(text)


# ---- what was done


def _report(result: UpdateResult, reporter: Reporter) -> None:
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    if reporter.as_json:
        reporter.result(result)
        return
    if result.dry_run or (reporter.verbose and not reporter.quiet):
        rows = [(each.kind.value, format_size(each.size), str(each.files), _described(each)) for each in result.changes]
        if rows:
            table(("change", "size", "files", "path"), rows, right=(1, 2))
    where = f"{result.path}: image {result.index} {result.name!r}"
    if not result.changes:
        reporter.result(result, f"{where}: nothing to change")
        return
    if result.dry_run:
        reporter.answer(result, f"{where}: would change: {_counts(result.changes)}; nothing was written")
        return
    less = result.old_size - result.new_size
    than = f"{format_size(abs(less))} {'less' if less > 0 else 'more'}"
    lines = [f"{where}: {_counts(result.changes)}; the file has {format_size(result.new_size)}, {than}"]
    if result.unused:
        lines.append(f"  {format_size(result.unused)} of it are of no image any more; --rebuild leaves them out")
    reporter.result(result, *lines)


def _described(change: Change) -> str:
    source = "" if change.source is None else f" <- {change.source}"
    replaced = f" (replaces {counted(len(change.replaced), 'file')})" if change.replaced else ""
    excluded = f" ({change.excluded:,} left out)" if change.excluded else ""
    return f"{change.path}{source}{replaced}{excluded}"


def _counts(changes: Sequence[Change]) -> str:
    """Say how much was added, deleted and so on, in one line."""
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.edited.commands import ChangeKind  # noqa: PLC0415

    words = {
        ChangeKind.ADD: "added",
        ChangeKind.DELETE: "deleted",
        ChangeKind.RENAME: "renamed",
        ChangeKind.EDIT: "edited",
    }
    parts = []
    for kind, word in words.items():
        of_kind = [each for each in changes if each.kind is kind]
        if of_kind:
            files, folders = sum(each.files for each in of_kind), sum(each.directories for each in of_kind)
            what = contents(files, folders) if folders else counted(files, "file")
            parts.append(f"{word} {what} ({format_size(sum(each.size for each in of_kind))})")
    return ", ".join(parts)

"""What is extracted of an image, a volume or a disc, and where to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.render import Reporter, replaced_lines
from osdimage.cli.standard import Standard
from osdimage.cli.streams import out

if TYPE_CHECKING:
    from osdimage.imaging.browse.tree import VolumeTree
    from osdimage.imaging.wim.extracted.extract import ExtractResult


@dataclass(frozen=True, slots=True)
class PathsWish:
    """Which paths are meant, as PATH and the options say."""

    paths: tuple[str, ...]
    lists: tuple[Path | Standard, ...]
    keep_directories: bool | None
    no_globs: bool
    nullglob: bool

    @property
    def keeps_directories(self) -> bool:
        """Whether the directories above each path are made: by default those of lists, as wimlib-imagex does."""
        return bool(self.lists) if self.keep_directories is None else self.keep_directories

    def read(self) -> tuple[str, ...]:
        """Return the paths, those of lists last."""
        from osdimage.imaging.wim.extracted import path_list  # noqa: PLC0415 - start-up stays cheap

        if sum(isinstance(each, Standard) for each in self.lists) > 1:
            raise click.UsageError("--list - reads standard input, which can be read once")
        found = list(self.paths)
        for each in self.lists:
            if isinstance(each, Standard):
                data = sys.stdin.buffer.read(path_list.MAX_BYTES + 1)
                found += path_list.decode_paths(data, "standard input")
            else:
                found += path_list.read_paths(each)
        return tuple(found)

    def require(self, everything: str) -> None:
        """Refuse to extract nothing.

        Args:
            everything: what ``/`` is.

        Raises:
            click.UsageError: when no path was given, nor a list.
        """
        if not (self.paths or self.lists):
            raise click.UsageError(f"name a PATH, or paths with --list; / is all of the {everything}")


paths = params.gathered(
    "which",
    PathsWish,
    click.argument("paths", nargs=-1, metavar="[PATH]..."),
    click.option(
        "--list",
        "lists",
        type=values.EXISTING_OR_STREAM,
        multiple=True,
        metavar="FILE|-",
        help="Also extract the paths in a file, one a line; their directories are kept.  Repeatable.",
    ),
    click.option(
        "--keep-directories/--no-keep-directories",
        default=None,
        help="Recreate the directories above each path.  Default: only with --list.",
    ),
    click.option("--no-globs", is_flag=True, help="Take *, ? and [...] for characters of a name."),
    click.option("--nullglob", is_flag=True, help="Warn of a PATH that fits nothing, and extract the others."),
)


@dataclass(frozen=True, slots=True)
class TargetWish:
    """Where files go, as the options say."""

    to: Path | Standard | None
    to_stdout: bool

    def directory(self, reporter: Reporter, **of_directories: bool) -> Path | None:
        """Return the directory, or None for stdout.

        Args:
            reporter: of the command.
            of_directories: whether options were given that say something of what is in a directory, by their names.

        Raises:
            click.UsageError: when it is not said, or said twice, or when options do not go with stdout.
        """
        if self.to_stdout and self.to is not None:
            raise click.UsageError("choose --to or --to-stdout")
        if self.to is None and not self.to_stdout:
            raise click.UsageError("say where to, with --to")
        if isinstance(self.to, Path):
            return self.to
        if reporter.as_json or reporter.writes_events_to_stdout or any(of_directories.values()):
            names = [f"--{each.replace('_', '-')}" for each in of_directories]
            others = ", ".join(["--json", "--events -", *names[:-1]])
            raise click.UsageError(
                f"stdout gets the contents of files alone; that goes with no {others} and {names[-1]}"
            )
        return None


target = params.gathered(
    "target",
    TargetWish,
    click.option(
        "--to",
        "to",
        type=values.ANY_OR_STREAM,
        metavar="DIR|-",
        help="The directory to extract to; - writes the contents of files to stdout, one after the other.",
    ),
    click.option("--to-stdout", is_flag=True, help="The same as --to -."),
)


def listed(which: PathsWish, reporter: Reporter) -> tuple[str, ...]:
    """Return the paths that are meant; that there are none is told.

    Raises:
        click.UsageError, InvalidInput, StorageError: when a list cannot be read.
    """
    wanted = which.read()
    if not wanted:
        # As a script may have made it; wimlib-imagex says nothing at all.
        reporter.warn("no path is listed, so nothing is extracted")
    return wanted


def extract_tree(
    tree: VolumeTree,
    wanted: tuple[str, ...],
    which: PathsWish,
    to: Path | None,
    limit_bytes: int | None,
    reporter: Reporter,
    *,
    damaged: Callable[[], dict[str, object]] = lambda: {"damaged": (), "damaged_files": 0},
) -> None:
    """Extract from a volume or a disc; without a directory, the contents of files to stdout.

    Args:
        tree: its files.
        wanted: paths and patterns.
        which: how they are meant.
        to: the directory, or None.
        limit_bytes: the most that is written, or None.
        reporter: of the command.
        damaged: gives the members of the result that tell of what could not be read, when all else was.

    Raises:
        click.UsageError: when a directory or a link is to go to stdout.
        InvalidRequest, InvalidInput, TargetRefused, StorageError: as :func:`extract_from_volume`.
    """
    from osdimage.imaging.browse.extract import choose, contents_of, extract_from_volume  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.extracted.options import ExtractOptions  # noqa: PLC0415

    options = ExtractOptions(
        keep_directories=which.keeps_directories,
        globs=not which.no_globs,
        may_be_absent=which.nullglob or not wanted,
        limit_bytes=limit_bytes,
    )
    if to is None:
        tops, absent = choose(tree, wanted, options)
        for text in absent:
            reporter.warn(text)
        for each in tops:
            if not each.has_contents:
                raise not_a_file(each.entry.path)
        for piece in contents_of(tree, tops, limit_bytes):
            out(piece, end="")
        return
    result = extract_from_volume(tree, wanted, to, options, progress=reporter.callback)
    told_result(result, to, damaged(), reporter)


def told_result(result: ExtractResult, to: Path, damaged: dict[str, object], reporter: Reporter) -> None:
    """Show what was extracted; the damaged ones are members of the document."""
    for text in result.warnings:
        reporter.warn(text)
    lines = [f"{to}: extracted {path}" for path in result.paths]
    if reporter.verbose:
        lines += [f"  {text}" for text in replaced_lines(result)]
    names_told = {"replaced": result.replaced, "replaced_names": result.replaced_names}
    reporter.result({"paths": result.paths, "warnings": result.warnings} | damaged | names_told, *lines)


def not_a_file(path: str) -> click.UsageError:
    """Return the error that says that something is not to go to stdout."""
    return click.UsageError(f"{path} is a directory or a link; to stdout go files, and with --to DIR directories, too")

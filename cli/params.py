"""Options that several commands share; the types of their values are in ``values.py``.

A decorator here adds a group of options and hands their values over as one: ``@selector`` adds five options and passes
an :class:`~osdimage.imaging.ImageSelector`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import invocation, values
from osdimage.cli.render import Reporter
from osdimage.cli.standard import STREAM

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from osdimage.imaging.capture.config import CaptureConfig
    from osdimage.imaging.wim.compression import CompressionSpec
    from osdimage.imaging.wof import Algorithm

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]


class OldSpelling(click.Option):
    """An option of which the help shows the first spelling alone; the others are taken for those who know them."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return what the help shows, without the old spellings."""
        spellings = self.opts, self.secondary_opts
        self.opts, self.secondary_opts = self.opts[:1], self.secondary_opts[:1]
        try:
            return super().get_help_record(ctx)
        finally:
            self.opts, self.secondary_opts = spellings


@dataclass(frozen=True, slots=True)
class CompressionWish:
    """What the options of ``compression`` say, which are passed as ``wish``."""

    compress: CompressionSpec | None
    solid: bool
    chunk_size: int | None

    def for_file(self, destination: Path, *, is_new: bool) -> CompressionSpec | None:
        """Return the compression for a destination, or None where the options leave it open.

        A new file named ``.esd`` is solid LZMS unless the options say otherwise: that is what an ESD is.
        """
        from osdimage.imaging.wim.compression import Compression, CompressionSpec  # noqa: PLC0415 - start-up stays cheap

        base = self.compress
        if base is None and not self.solid and self.chunk_size is None:
            is_new_esd = is_new and destination.suffix.lower() == ".esd"
            return CompressionSpec(Compression.LZMS, solid=True) if is_new_esd else None
        if base is None:
            base = CompressionSpec(Compression.LZMS if self.solid else Compression.LZX)
        return replace(base, solid=self.solid, chunk_size=self.chunk_size)


@dataclass(frozen=True, slots=True)
class PlainCompressionWish:
    """What the options of ``plain_compression`` say: of what is never solid, as parts are."""

    compress: CompressionSpec | None
    chunk_size: int | None

    def for_parts(self) -> CompressionSpec | None:
        """Return the compression, or None where the options leave it open."""
        return CompressionWish(self.compress, solid=False, chunk_size=self.chunk_size).for_file(Path(), is_new=False)


def add(*decorators: Decorator) -> Decorator:
    """Return a decorator that adds options in the order in which the help is to list them."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def gathered(name: str, wish: type[DataclassInstance], *decorators: Decorator) -> Decorator:
    """Return a decorator that adds options, and passes what they say as one value.

    Args:
        name: of the argument that the command gets.
        wish: what it gets: a dataclass with a field for each option.
        decorators: the options, in the order in which the help is to list them.
    """
    names = [each.name for each in fields(wish)]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
            said = wish(**{each: kwargs.pop(each) for each in names})
            return command(*args, **{name: said}, **kwargs)

        return add(*decorators)(run)

    return decorate


PROGRESS_KEYS = "phase, done, total, percent, eta_s, warning, excluded, target"


def output(
    *, events: bool = True, keys: str = PROGRESS_KEYS, more: str | None = None, sends: str | None = None
) -> Decorator:
    """Add the options about output, and pass an open :class:`~osdimage.cli.render.Reporter` as ``reporter``.

    Args:
        events: whether there is progress.
        keys: those of the JSON lines of events, for the help.
        more: what ``--verbose`` shows, for the help; None where there is nothing more to show, and no such option.
        sends: the argument that can be the standard output in the place of a WIM; None where there is none.
    """
    options: list[Decorator] = [
        invocation.flag("--json", "as_json", "Print one JSON document on stdout; an error, too."),
        click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors, and what was asked for."),
        invocation.flag("--debug", "debug", "Show the log, and the traceback of an error."),
    ]
    if more is not None:
        options.insert(2, click.option("--verbose", "-v", is_flag=True, help=f"Also show {more}."))
    if events:
        options.insert(
            0,
            click.option(
                "--events",
                metavar="FILE|-",
                help=f"Write progress as JSON lines ({keys}) to a file or stdout.",
            ),
        )

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(
            *args: Any,  # noqa: ANN401 - passed through
            quiet: bool,
            debug: bool,
            as_json: bool,
            verbose: bool = False,
            events: str | None = None,
            **kwargs: Any,  # noqa: ANN401
        ) -> Any:  # noqa: ANN401
            # The invocation has it: an error may come before this.
            del debug
            is_sent = sends is not None and kwargs[sends] is STREAM
            with Reporter(events=events, quiet=quiet, verbose=verbose, as_json=as_json, sends=is_sent) as reporter:
                return command(*args, reporter=reporter, **kwargs)

        return add(*options)(run)

    return decorate


def selector(command: Command) -> Command:
    """Add the options that choose one image, and pass an :class:`~osdimage.imaging.ImageSelector` as ``selector``."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        index: int | None,
        image_name: str | None,
        edition: str | None,
        arch: str | None,
        language: str | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        from osdimage.imaging.wim.select import ImageSelector  # noqa: PLC0415 - start-up stays cheap

        return command(*args, selector=ImageSelector(index, image_name, edition, arch, language), **kwargs)

    return add(
        click.option("--index", type=values.IMAGE_INDEX, metavar="N", help="The image's index, from 1; -1: the last."),
        click.option("--name", "image_name", help="The image's name."),
        *_query,
    )(run)


_query = (
    click.option("--edition", help="Its Windows edition, such as Professional."),
    click.option("--arch", help="Its architecture: x64 (amd64), x86, arm64."),
    click.option("--language", help="One of its languages, such as en-US."),
)
query = add(*_query)


def several_images(command: Command) -> Command:
    """Add the options that choose several images, and pass selectors as ``selectors``: None stands for all images."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        indexes: tuple[int, ...],
        image_name: str | None,
        edition: str | None,
        arch: str | None,
        language: str | None,
        every: bool,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        from osdimage.imaging.wim.select import ImageSelector  # noqa: PLC0415 - start-up stays cheap

        query = ImageSelector(None, image_name, edition, arch, language)
        if sum([bool(indexes), query != ImageSelector(), every]) > 1:
            raise click.UsageError("choose images by --index, by what they are, or with --all")
        chosen = [ImageSelector(index=index) for index in dict.fromkeys(indexes)] or [query]
        return command(*args, selectors=None if every else tuple(chosen), **kwargs)

    return add(
        click.option(
            "--index",
            "indexes",
            type=values.IMAGE_INDEX,
            metavar="N",
            multiple=True,
            help="An index, from 1; -1: the last.  Repeatable.",
        ),
        # It was --image-name while --name was the new name.
        click.option("--name", "--image-name", "image_name", cls=OldSpelling, help="The image's name."),
        *_query,
        click.option("--all", "every", is_flag=True, help="All images."),
    )(run)


_compress = click.option(
    "--compress", type=values.CompressionType(), help="Compression, such as lzx:20 (the default) or lzms."
)
_chunk_size = click.option("--chunk-size", type=values.SIZE, metavar="SIZE", help="Bytes that are compressed together.")
compression = gathered(
    "wish",
    CompressionWish,
    _compress,
    click.option("--solid", is_flag=True, help="Compress all files together, as in an ESD (default then: lzms)."),
    _chunk_size,
)
plain_compression = gathered("wish", PlainCompressionWish, _compress, _chunk_size)
references = click.option(
    "--ref",
    "refs",
    multiple=True,
    metavar="GLOB",
    help="Other files with contents: the parts of a split WIM, or the base of a delta; quote a pattern.  Repeatable.",
)


def exclusions(command: Command) -> Command:
    """Add the options about what a capture leaves out, and pass a maker of a ``CaptureConfig`` as ``exclusions``."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        config: Path | None,
        exclude: tuple[str, ...],
        match_case: bool,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        def make() -> CaptureConfig:
            from osdimage.imaging.capture.config import DEFAULT_CONFIG, read_config  # noqa: PLC0415 - as above

            made = (DEFAULT_CONFIG if config is None else read_config(config)).excluding(*exclude)
            return replace(made, match_case=match_case)

        return command(*args, exclusions=make, **kwargs)

    return add(
        click.option(
            "--config",
            type=values.EXISTING,
            metavar="FILE",
            help="Exclusions in the form of WimScript.ini, in place of the default.",
        ),
        click.option(
            "--exclude", multiple=True, metavar="PATTERN", help=r"Leave out more: \path or *.name.  Repeatable."
        ),
        click.option("--match-case", is_flag=True, help="Tell case apart in what is left out; Windows does not."),
    )(run)


def integrity(default: str, *, old: str | None = None) -> Decorator:
    """Return the option about the table that ``--check`` compares with; ``old`` is what it was called before."""
    names = ("--integrity/--no-integrity", *(() if old is None else (old,)), "integrity")
    return click.option(*names, cls=OldSpelling, default=None, help=f"Write an integrity table.  Default: {default}.")


def descriptors(*, at: str) -> Decorator:
    """Return the options about security descriptors, which pass a :class:`Descriptors` as ``descriptors``.

    Args:
        at: what is done with them, for the help: "Store" or "Set".
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(*args: Any, no_acls: bool, strict_acls: bool, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
            from osdimage.imaging.wim.settings import Descriptors  # noqa: PLC0415 - start-up stays cheap

            if no_acls and strict_acls:
                raise click.UsageError("choose --no-acls or --strict-acls")
            wished = Descriptors.NONE if no_acls else Descriptors.ALL if strict_acls else Descriptors.KEPT
            return command(*args, descriptors=wished, **kwargs)

        return add(
            click.option("--no-acls", is_flag=True, help=f"{at} no security descriptors of NTFS."),
            click.option(
                "--strict-acls", is_flag=True, help="Refuse to begin when not every security descriptor can be kept."
            ),
        )(run)

    return decorate


rpfix = click.option(
    "--rpfix/--no-rpfix",
    "fixes_links",
    default=None,
    help="Make absolute links relative to the image's root, or lead to what is applied.  Default: as the WIM says, and "
    "--rpfix for a new one; volumes keep theirs.",
)
pipable = click.option(
    "--pipable",
    is_flag=True,
    help="Write a WIM that can be sent through a pipe, for osdimage and wimlib; implied by -.",
)
recompress = click.option(
    "--recompress", is_flag=True, help="Compress again what is in this format already, as for another level."
)
allow_larger = click.option(
    "--allow-larger", is_flag=True, help="Let a file that is larger than a part make its part larger."
)
dry_run = click.option("--dry-run", "-n", is_flag=True, help="Show what would be done and change nothing.")
check = click.option("--check", is_flag=True, help="Compare the WIM with its integrity table first.")
# Far more than any machine has use for; each takes memory.
_MOST_THREADS = 1024
threads = click.option(
    "--threads",
    type=click.IntRange(0, _MOST_THREADS),
    metavar="N",
    default=0,
    help="Compressor threads, at most 1,024; 0 (default): one a processor.",
)
reading_threads = click.option(
    "--threads",
    type=click.IntRange(0, _MOST_THREADS),
    metavar="N",
    callback=lambda _ctx, _param, value: value or None,
    help="Threads, at most 1,024; 0 (default): one a processor.",
)
reading_memory = click.option(
    "--memory",
    type=values.MEMORY_SIZE,
    metavar="SIZE",
    help="Bytes that chunks may take together, such as 400MB: with more, several of a solid WIM are expanded at once.",
)


def _algorithm(name: str) -> Algorithm:
    from osdimage.imaging.wof import Algorithm  # noqa: PLC0415 - start-up stays cheap

    return Algorithm[name.upper()]


volume_engine = click.option(
    "--engine",
    type=click.Choice(["auto", "bulk", "libntfs"]),
    default="auto",
    help="What fills an NTFS volume: bulk (one that was just formatted, or is made anew), libntfs (any), or auto: bulk "
    "where it can; --verbose says why not.",
)
compact = click.option(
    "--compact",
    "compact_with",
    type=click.Choice(["xpress4k", "xpress8k", "xpress16k", "lzx"], case_sensitive=False),
    callback=lambda _ctx, _param, value: None if value is None else _algorithm(value),
    help="Compress files in new NTFS volumes as a whole (CompactOS): all that shrink, but what the boot loader reads.",
)
engine = click.option(
    "--engine",
    type=click.Choice(["auto", "bulk", "libntfs", "libwim"]),
    default="auto",
    help="What fills an NTFS volume or a directory: bulk (a volume that was just formatted or is made anew, an empty "
    "directory), libwim or libntfs (any directory, and any volume through libntfs-3g), or auto: bulk where it can; "
    "--verbose says why not.",
)


def names(choices: Sequence[str], default: str, text: str) -> Decorator:
    """Return the option about names that are refused unless it says what becomes of them."""
    return click.option("--names", type=click.Choice(choices), default=default, show_default=True, help=text)


limit = click.option(
    "--limit-bytes",
    type=values.SIZE,
    metavar="SIZE",
    help="Refuse what expands to more than this, such as 20GB.",
)

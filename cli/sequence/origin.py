"""Where the sequence of a run comes from: a file, or task-sequence media with all that it needs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.media import password
from osdimage.cli.sequence import supplies as supplies_params
from osdimage.cli.sequence.supplies import SuppliesWish

if TYPE_CHECKING:
    from osdimage.cli.render import Reporter
    from osdimage.imaging.media.sequence.running import MediaRun
    from osdimage.imaging.media.sequence.signature import Trusted
    from osdimage.imaging.progress import ProgressEvent
    from osdimage.imaging.tasksequence.forms.answers import Answers
    from osdimage.imaging.tasksequence.sequence import Sequence


@dataclass(frozen=True, slots=True)
class MediaWish:
    """What the options of ``media`` say, which are passed as ``from_media``."""

    media: tuple[str, ...]
    secret: password.KnownPassword
    allowed_signers: Path | None
    identity: str | None
    ignore_dates: bool

    @property
    def paths(self) -> tuple[Path, ...]:
        """The media; commas are between several, unless a file has such a name."""
        found: list[str] = []
        for text in self.media:
            found += [text] if os.path.lexists(text) else [each for each in text.split(",") if each]
        return tuple(map(Path, found))

    @property
    def words(self) -> tuple[str, ...]:
        """What said on the command line which media they are, as it has to be said again to go on."""
        signers = () if self.allowed_signers is None else ("--allowed-signers", str(self.allowed_signers))
        identity = () if self.identity is None else ("--identity", self.identity)
        dates = ("--ignore-dates",) if self.ignore_dates else ()
        media = (word for each in self.media for word in ("--medium", each))
        return (*media, *self.secret.words, *signers, *identity, *dates)

    def trusted(self) -> Trusted | None:
        """Return who is trusted to have signed, or None.

        Raises:
            click.UsageError: when somebody is named, and no file.
        """
        if self.allowed_signers is None:
            if self.identity is not None:
                raise click.UsageError("--identity goes with --allowed-signers, the file that has the keys")
            return None
        from osdimage.imaging.media.sequence.signature import Trusted  # noqa: PLC0415 - start-up stays cheap

        return Trusted(self.allowed_signers, self.identity)

    def refuse_alone(self) -> None:
        """Refuse options about media where there are none.

        Raises:
            click.UsageError: naming them.
        """
        given = {
            "--password-file": self.secret.password_file,
            "--password-env": self.secret.password_variable,
            "--allowed-signers": self.allowed_signers,
            "--identity": self.identity,
            "--ignore-dates": self.ignore_dates,
        }
        names = [name for name, value in given.items() if value]
        if names:
            raise click.UsageError(f"{', '.join(names)}: goes with --medium")


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """What is run.

    Attributes:
        path: the file of the sequence, or the first medium: what it is called when it has no name.
        sequence: with the children that its steps run.
        answers: what is given in place of a site, of a share and of a Windows that runs.
        words: what said on the command line which sequence it was, as it has to be said again to go on.
        files: that are read.
        taken: what media gave, or None.
    """

    path: Path
    sequence: Sequence
    answers: Answers
    words: tuple[str, ...]
    files: tuple[Path | None, ...]
    taken: MediaRun | None = None

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names of variables of which the media say that their values are secret."""
        return () if self.taken is None else self.taken.settings.hidden


def origin_of(named: Path | None, from_media: MediaWish, supplied: SuppliesWish, reporter: Reporter) -> RunOrigin:
    """Read the sequence that is to run, and what is given with it; media stay open until the command ends.

    Args:
        named: the file, or the ID or name of one of the sequences of media.
        from_media: the media.
        supplied: what is given in place of a site.
        reporter: is told of the progress.

    Raises:
        click.UsageError: when there is no such file, or options are for media alone.
        OsdImageError: when something cannot be read; see
            :func:`~osdimage.imaging.media.sequence.running.open_media_run`.
    """
    if from_media.media:
        return _of_media(named, from_media, supplied, reporter)
    from osdimage.imaging.tasksequence.forms.xml import load_sequence  # noqa: PLC0415 - start-up stays cheap

    from_media.refuse_alone()
    path, answers = _existing(named), supplied.answers()
    sequence = supplies_params.family(load_sequence(path), answers)
    return RunOrigin(path, sequence, answers, (str(path), *supplied.words), (path, *supplied.files(answers)))


def _existing(named: Path | None) -> Path:
    context = click.get_current_context()
    argument = next(each for each in context.command.params if each.name == "sequence_file")
    return Path(os.fsdecode(values.EXISTING.convert(named or "", argument, context)))


def _of_media(named: Path | None, from_media: MediaWish, supplied: SuppliesWish, reporter: Reporter) -> RunOrigin:
    from osdimage.imaging.media.sequence.running import MediaUse, open_media_run  # noqa: PLC0415 - as above
    from osdimage.imaging.tasksequence.forms.answers import Answers  # noqa: PLC0415
    from osdimage.imaging.tasksequence.report import RunEvent  # noqa: PLC0415

    use = MediaUse(
        password=lambda: from_media.secret.asked(reporter),
        sequence=None if named is None else str(named),
        trusted=from_media.trusted(),
        ignores_dates=from_media.ignore_dates,
    )

    def told(event: ProgressEvent) -> None:
        reporter.event(RunEvent(None, progress=event))
        reporter.move(event)

    media = from_media.paths
    try:
        taken = click.get_current_context().with_resource(open_media_run(media, use, progress=told))
    finally:
        reporter.settle()
    for text in taken.warnings:
        reporter.warn(text)
    packages = Answers(packages={identifier: str(path) for identifier, path in taken.packages.items()})
    answers = taken.settings.answers.and_also(packages).and_also(supplied.answers())
    sequence = supplies_params.family(taken.sequence, answers)
    words = (*(() if named is None else (str(named),)), *from_media.words, *supplied.words)
    return RunOrigin(media[0], sequence, answers, words, (*media, *supplied.files(answers)), taken)


media = params.gathered(
    "from_media",
    MediaWish,
    click.option(
        "--medium",
        "media",
        multiple=True,
        metavar="MEDIUM[,MEDIUM...]",
        help="Run the sequence of stand-alone media, with their packages and variables: an ISO, a stick, the image of "
        "one, or a folder with what is on it; of a set, all of its discs.  SEQUENCE is then the ID or the name of a "
        "sequence on them, needed where there are several.  Repeatable.",
    ),
    password.known,
    click.option(
        "--allowed-signers",
        type=values.EXISTING,
        metavar="FILE",
        help="With --medium: refuse media that nobody of this file of ssh-keygen has signed.",
    ),
    click.option("--identity", metavar="NAME", help="With --allowed-signers: whose signature it has to be."),
    click.option(
        "--ignore-dates", is_flag=True, help="With --medium: run it before it is valid, or after it has expired."
    ),
)

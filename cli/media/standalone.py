"""``osdimage media standalone``."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.media import boot_params, dates, for_pe, password, view
from osdimage.cli.media import content as content_params
from osdimage.cli.media import stick as stick_options
from osdimage.cli.media.boot_params import BootGiven
from osdimage.cli.media.content import ContentWish
from osdimage.cli.media.discs import Discs, sign_key
from osdimage.cli.media.for_pe import PeMedia
from osdimage.cli.media.password import NewPassword
from osdimage.cli.media.sizes import DISC_SIZE
from osdimage.cli.media.stick import StickWish
from osdimage.cli.numbered import present
from osdimage.cli.render import Reporter
from osdimage.cli.sequence import supplies as supplies_params
from osdimage.cli.sequence.supplies import SiteWish

if TYPE_CHECKING:
    from osdimage.cli.media.boot_params import OpenedBoot
    from osdimage.imaging.finding import Finding
    from osdimage.imaging.media.sequence.content import GivenSequence, SequenceContent
    from osdimage.imaging.media.sequence.families import MediaSequence
    from osdimage.imaging.media.sequence.sets.described import SetPlan
    from osdimage.imaging.media.sequence.settings import MediaSettings
    from osdimage.imaging.tasksequence.forms.answers import Answers

_LABEL = "OSDIMAGE"


@dataclass(frozen=True, slots=True)
class MediaWish:
    """What the options of ``media`` say, which are passed as ``wish``: how the media are made.

    Attributes:
        label: of the media; None for one of the boot image.
        limit_bytes: how much a disc may hold; None for any size.
        sign_key: the key that signs the manifest, or None.
        valid_from: before then a run refuses the media; None for always.
        expires: after then likewise.
        plaintext_secrets: whether secrets may be readable.
        strict: whether warnings of the validation are errors.
        seed: what identifiers are drawn from; None for the system.
        runner: who carries the sequences out, ``linux`` or ``winpe``.
        is_unattended: whether Windows PE asks nobody before it writes disks.
    """

    label: str | None
    limit_bytes: int | None
    sign_key: Path | None
    valid_from: datetime | None
    expires: datetime | None
    plaintext_secrets: bool
    strict: bool
    seed: str | None
    runner: str
    is_unattended: bool


_media = params.gathered(
    "wish",
    MediaWish,
    click.option("--label", help="The label of the media; those of a set get a number behind it.  [default: OSDIMAGE]"),
    click.option(
        "--media-size",
        "limit_bytes",
        type=DISC_SIZE,
        metavar="cd|dvd|dvd-dl|bd|bd-dl|SIZE",
        help="Make as many discs as are needed, none larger: NAME-1.iso, NAME-2.iso ...  Default: unlimited.",
    ),
    sign_key,
    click.option(
        "--valid-from", type=dates.BEGINNING, metavar="DATE", help="Let a run refuse the media before then (UTC)."
    ),
    click.option("--expires", type=dates.END, metavar="DATE", help="Let a run refuse the media after then (UTC)."),
    click.option(
        "--plaintext-secrets", is_flag=True, help="Without a password: allow secrets, WHICH ANYBODY CAN READ THEN."
    ),
    click.option("--strict", is_flag=True, help="Refuse a sequence of which the validation only warns."),
    click.option("--seed", metavar="TEXT", help="Draw identifiers from this text: the same media again."),
    click.option(
        "--runner",
        type=click.Choice(["linux", "winpe"]),
        default="linux",
        show_default=True,
        help="Who carries it out: osdimage on Linux, or scripts in Windows PE, for which few kinds of steps will do.",
    ),
    click.option(
        "--unattended",
        "is_unattended",
        is_flag=True,
        help="Windows PE: WRITE DISKS WITHOUT ASKING ANYBODY at the computer.",
    ),
)


@click.command("standalone")
@click.argument("medium", type=values.NEW_FILE)
@content_params.content
@supplies_params.site
@password.new
@boot_params.options
@_media
@click.option("--overwrite", is_flag=True, help="Replace ISO files that are there.")
@stick_options.optional
@params.dry_run
@params.output(more="each file, and where it comes from")
def standalone_command(
    medium: Path,
    content: ContentWish,
    supplied: SiteWish,
    secret: NewPassword,
    given: BootGiven,
    wish: MediaWish,
    overwrite: bool,
    stick: StickWish | None,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    """Make MEDIUM, an ISO file or with --usb a stick, with a task sequence and all that it needs.

    The sequence is checked before anything is written: packages that are missing are told with the steps that need
    them, and so is what needs a site, an image that is not there, and secrets that would be readable.  `osdimage run
    --medium` runs it.  A PASSWORD HIDES THE SEQUENCE AND THE VARIABLES ALONE: packages, images and names of files stay
    readable, and who has the media may guess it for as long as they like.
    """
    from osdimage.imaging.media.sequence.content import content_of  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.sequence.settings import MediaSettings  # noqa: PLC0415
    from osdimage.imaging.media.sequence.signature import require_signer  # noqa: PLC0415
    from osdimage.imaging.scratch import scratch_folder  # noqa: PLC0415

    job = None
    if stick is not None:
        stick_options.refuse_disc_options(overwrite=overwrite, media_size=wish.limit_bytes is not None)
        job = stick.job(medium, wish.seed, reporter, firmware=given.firmware, dry_run=dry_run)
    answers = supplied.answers()
    settings = MediaSettings.of_answers(answers, content.values(), content.hidden)
    asked = _Asked.of(content, answers, settings)
    key = secret.password()
    identifier = UUID(int=disk_params.random_bits(wish.seed).getrandbits(128), version=4)
    pe = _for_pe(asked, content, given, wish, identifier, is_encrypted=key is not None, is_disc=job is None)
    if wish.sign_key is not None:
        require_signer(wish.sign_key)
    made_at = disk_params.made_at(wish.seed)
    with ExitStack() as stack:
        # What is made bears the time of the boot image: a stick that is made of the disc has the same stores.
        boot = stack.enter_context(pe.settled(given, stack).opened(reporter, is_disc=job is None))
        if job is not None:
            boot = replace(boot, parts=job.starting(boot.parts))
        validation = _validated(asked, boot, wish, is_encrypted=key is not None)
        found = content_of(
            [each.given for each in asked.sequences],
            asked.packages,
            settings,
            seal=None if key is None else partial(_sealed, key),
            modified_ns=int(made_at.timestamp()) * 1_000_000_000,
        )
        scratch = stack.enter_context(scratch_folder())
        plan = _planned(
            boot, found, wish, pe, made_at=made_at, identifier=identifier, findings=validation, scratch=scratch
        )
        named = (content.vars_file, supplied.answers_file, secret.file, wish.sign_key)
        sources = (*given.sources, *asked.sources, *(each for each in named if each is not None))
        told = None
        if job is not None:
            stick_options.refuse_read(medium, sources)
            only, told = stick_options.made_of_set(job, plan, wish.sign_key, given.rest(reporter))
            made = [only]
        else:
            discs = Discs(plan, medium, made_at, wish.seed, wish.sign_key, overwrite, wish.limit_bytes)
            discs.refuse_targets(sources)
            made = discs.planned() if dry_run else discs.write(given.rest(reporter))
        view.report(
            made,
            reporter,
            images=(boot.image, *boot.others),
            dry_run=dry_run,
            more={
                "sequences": [{"id": each.identifier, "name": each.name} for each in found.sequences],
                "packages": [{"id": each.identifier, "name": each.name} for each in found.packages],
                "is_encrypted": key is not None,
                "is_signed": wish.sign_key is not None,
                "findings": validation,
                "stick": told,
            },
        )


def _for_pe(
    asked: _Asked,
    content: ContentWish,
    given: BootGiven,
    wish: MediaWish,
    identifier: UUID,
    *,
    is_encrypted: bool,
    is_disc: bool,
) -> PeMedia:
    """Make the scripts of media for Windows PE, in whose menu are the sequences that the command names."""
    from osdimage.imaging.media.sequence.families import with_family  # noqa: PLC0415 - start-up stays cheap

    if wish.runner != "winpe":
        if wish.is_unattended:
            raise click.UsageError("--unattended is for --runner winpe")
        return for_pe.LINUX
    for_pe.refuse_password(is_encrypted=is_encrypted)
    sequences = [each.sequence for each in asked.sequences]
    return PeMedia.of(
        [with_family(each, sequences) for each in sequences[: len(content.sequences)]],
        asked.packages,
        asked.settings.variables,
        asked.settings.hidden,
        given,
        identifier=identifier,
        is_unattended=wish.is_unattended,
        is_disc=is_disc,
    )


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A sequence that was read: for the media, and for its validation."""

    given: GivenSequence
    sequence: MediaSequence


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the media are to have.

    Attributes:
        sequences: with the one first that was named first.
        packages: by their IDs.
        settings: what the media tell a run.
        answers: what is given in place of a site.
        files: of the sequences.
    """

    sequences: tuple[_Loaded, ...]
    packages: dict[str, Path]
    settings: MediaSettings
    answers: Answers
    files: tuple[Path, ...]

    @property
    def sources(self) -> tuple[Path, ...]:
        """What is read: files and folders."""
        return (*self.files, *self.packages.values())

    @classmethod
    def of(cls, content: ContentWish, answers: Answers, settings: MediaSettings) -> _Asked:
        """Read the sequences, and look for the packages.

        Raises:
            click.UsageError: when a package is not there.
            StorageError, InvalidInput: when a sequence cannot be read, or is none.
        """
        named = (*content.sequences, *((name, Path(path)) for name, path in answers.sequences.items()))
        packages = {**answers.packages, **dict(content.packages)}
        return cls(
            tuple(_loaded(identifier, path) for identifier, path in named),
            {name: _package(name, path) for name, path in packages.items()},
            settings,
            answers,
            tuple(path for _, path in named),
        )


def _package(identifier: str, path: str) -> Path:
    from osdimage.imaging.drivers.store.addresses import is_address  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.placed.place import is_there  # noqa: PLC0415

    # Whoever takes it for a medium says what is wrong with an address of the catalog of drivers.
    if is_address(path) or is_there(Path(path)):
        return Path(path)
    return present("--package", identifier, path)


def _loaded(identifier: str | None, path: Path) -> _Loaded:
    from osdimage.imaging.media.sequence.content import GivenSequence  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.sequence.families import MediaSequence  # noqa: PLC0415
    from osdimage.imaging.tasksequence.forms.xml import load_sequence, write_sequence  # noqa: PLC0415

    read = load_sequence(path)
    called = identifier or read.package_id or path.stem
    name = read.name or path.stem
    return _Loaded(GivenSequence(called, name, write_sequence(read, wrapped=True)), MediaSequence(called, name, read))


def _validated(asked: _Asked, boot: OpenedBoot, wish: MediaWish, *, is_encrypted: bool) -> tuple[Finding, ...]:
    """Refuse sequences that cannot run from the media; return what else was found of them.

    Raises:
        NotForMedia: with all that is wrong.
    """
    from osdimage.imaging.media.sequence.families import with_family  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.sequence.given import StandaloneGiven  # noqa: PLC0415
    from osdimage.imaging.media.sequence.validation import together, validate_standalone  # noqa: PLC0415
    from osdimage.imaging.tasksequence.computer.supplies import Supplies  # noqa: PLC0415

    sequences = [each.sequence for each in asked.sequences]
    found = []
    for each in sequences:
        whole = with_family(each, sequences)
        given = StandaloneGiven(
            whole,
            asked.packages,
            asked.settings.variables,
            frozenset(asked.settings.hidden),
            asked.answers.over(Supplies(), whole),
            boot.image.architecture,
            boot.parts.firmware,
            is_encrypted=is_encrypted,
            allows_plaintext_secrets=wish.plaintext_secrets,
            is_rehearsed=wish.runner == "linux",
        )
        found.append(validate_standalone(given))
    validation = together(found)
    validation.require(strict=wish.strict)
    return validation.findings


def _sealed(key: bytes, data: bytes) -> bytes:
    from osdimage.imaging.media.sequence.sealed import seal  # noqa: PLC0415 - few media have a password

    return seal(data, key)


def _planned(
    boot: OpenedBoot,
    found: SequenceContent,
    wish: MediaWish,
    pe: PeMedia,
    *,
    made_at: datetime,
    identifier: UUID,
    findings: tuple[Finding, ...],
    scratch: Path,
) -> SetPlan:
    """Give everything its disc."""
    from osdimage.imaging.media.parts.medium import require_apart  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.sequence.manifest import Runner  # noqa: PLC0415
    from osdimage.imaging.media.sequence.standalone import StandaloneWish, plan_standalone  # noqa: PLC0415

    warnings = tuple(each.text for each in findings if each.severity == "warning")
    scripts = pe.files(int(made_at.timestamp()) * 1_000_000_000)
    require_apart(boot.files, scripts)
    return plan_standalone(
        (*boot.files, *scripts),
        boot.parts,
        (boot.image, *boot.others),
        found,
        StandaloneWish(
            wish.label or _LABEL,
            made_at,
            identifier,
            wish.limit_bytes,
            valid_from=wish.valid_from,
            expires=wish.expires,
            is_signed=wish.sign_key is not None,
            warnings=(*boot.warnings, *warnings, *pe.warnings(boot.parts)),
            runner=Runner(wish.runner),
        ),
        scratch=scratch,
    )

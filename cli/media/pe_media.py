"""What the commands share that make media without content: ``media boot`` and ``media capture``."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click
from osdimage.cli import params
from osdimage.cli.disk import params as disk_params
from osdimage.cli.media import stick as stick_options
from osdimage.cli.media import view
from osdimage.cli.media.boot_params import BootGiven
from osdimage.cli.media.discs import Discs, sign_key
from osdimage.cli.media.stick import StickWish
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.media.sequence.manifest import MediaKind, Runner
    from osdimage.imaging.media.winpe.model import PeFile


@dataclass(frozen=True, slots=True)
class DiscWish:
    """What the options of ``disc`` say, which are passed as ``wish``.

    Attributes:
        label: of it; None for one by what it is for.
        sign_key: the key that signs its manifest, or None.
        seed: what identifiers are drawn from; None for the system.
        overwrite: whether a file that is there is replaced.
    """

    label: str | None
    sign_key: Path | None
    seed: str | None
    overwrite: bool


disc = params.gathered(
    "wish",
    DiscWish,
    click.option("--label", help="The label of the medium."),
    sign_key,
    click.option("--seed", metavar="TEXT", help="Draw identifiers from this text: the same medium again."),
    click.option("--overwrite", is_flag=True, help="Replace an ISO file that is there."),
)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a medium is for.

    Attributes:
        kind: as its manifest says.
        runner: who does it.
        address: the server, or the WIM that becomes.
        label: that a disc has unless another one is wished for.
        stick_label: likewise of a stick, whose FAT32 takes 11 characters.
        scripts: what goes into the boot image; nothing where its own client does all.
    """

    kind: MediaKind
    runner: Runner
    address: str
    label: str
    stick_label: str
    scripts: tuple[PeFile, ...] = ()


def make(
    path: Path,
    purpose: Purpose,
    given: BootGiven,
    wish: DiscWish,
    reporter: Reporter,
    *,
    stick: StickWish | None,
    dry_run: bool,
) -> None:
    """Make the disc or stick, or tell what it would be.

    Raises:
        click.UsageError: when no boot image is given.
        OsdImageError: as what it calls.
    """
    from osdimage.imaging.media.discs.write import refuse_iso_target  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.sequence.signature import require_signer  # noqa: PLC0415
    from osdimage.imaging.media.sequence.started import StartedWish, plan_started  # noqa: PLC0415
    from osdimage.imaging.media.winpe.placed import scripts_on_medium, settings_with  # noqa: PLC0415
    from osdimage.imaging.scratch import scratch_folder  # noqa: PLC0415

    key = () if wish.sign_key is None else (wish.sign_key,)
    job = None
    if stick is None:
        refuse_iso_target(path, replace=wish.overwrite, sources=(*given.sources, *key))
    else:
        stick_options.refuse_disc_options(overwrite=wish.overwrite)
        stick_options.refuse_read(path, (*given.sources, *key))
        job = stick.job(path, wish.seed, reporter, firmware=given.firmware, dry_run=dry_run)
    if wish.sign_key is not None:
        require_signer(wish.sign_key)
    made_at = disk_params.made_at(wish.seed)
    with ExitStack() as stack:
        if purpose.scripts:
            folder = stack.enter_context(scratch_folder())
            given = replace(given, settings=settings_with(given.settings, purpose.scripts, folder))
        boot = stack.enter_context(given.opened(reporter, is_disc=job is None, now=made_at))
        images = (boot.image, *boot.others)
        plan = plan_started(
            boot.files,
            boot.parts if job is None else job.starting(boot.parts),
            images,
            scripts_on_medium(purpose.scripts, int(made_at.timestamp()) * 1_000_000_000),
            StartedWish(
                purpose.kind,
                purpose.runner,
                purpose.address,
                wish.label or (purpose.label if job is None else purpose.stick_label),
                made_at,
                UUID(int=disk_params.random_bits(wish.seed).getrandbits(128), version=4),
                is_signed=wish.sign_key is not None,
            ),
            scratch=stack.enter_context(scratch_folder()),
            warnings=boot.warnings,
        )
        more = {"runner": purpose.runner, "address": purpose.address, "is_signed": wish.sign_key is not None}
        told = None
        if job is not None:
            only, told = stick_options.made_of_set(job, plan, wish.sign_key, given.rest(reporter))
            made = [only]
        else:
            discs = Discs(plan, path, made_at, wish.seed, wish.sign_key, wish.overwrite)
            made = discs.planned() if dry_run else discs.write(given.rest(reporter))
        view.report(made, reporter, images=images, dry_run=dry_run, more=more | {"stick": told})

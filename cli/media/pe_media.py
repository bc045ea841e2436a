"""What the commands share that make media without content: ``media boot`` and ``media capture``."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.media import view
from osdimage.cli.media.boot_params import BootGiven
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from datetime import datetime

    from osdimage.imaging.media.sequence.manifest import MediaKind, Runner
    from osdimage.imaging.media.sequence.sets.described import SetPlan
    from osdimage.imaging.media.winpe.model import PeFile
    from osdimage.imaging.progress import ProgressCallback

_HASHED = 40.0
"""Per cent of the work that reading everything for the manifest is; the rest is writing the disc."""


@dataclass(frozen=True, slots=True)
class DiscWish:
    """What the options of ``disc`` say, which are passed as ``wish``.

    Attributes:
        label: of the disc; None for one by what it is for.
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
    click.option("--label", help="The label of the disc."),
    click.option(
        "--sign-key",
        type=values.EXISTING,
        metavar="KEY",
        help="Sign the manifest with a key of ssh-keygen: a private one, or the public one of a key that an agent has.",
    ),
    click.option("--seed", metavar="TEXT", help="Draw identifiers from this text: the same medium again."),
    click.option("--overwrite", is_flag=True, help="Replace a file that is there."),
)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a medium is for.

    Attributes:
        kind: as its manifest says.
        runner: who does it.
        address: the server, or the WIM that becomes.
        label: that it has unless another one is wished for.
        scripts: what goes into the boot image; nothing where its own client does all.
    """

    kind: MediaKind
    runner: Runner
    address: str
    label: str
    scripts: tuple[PeFile, ...] = ()


def make(iso: Path, purpose: Purpose, given: BootGiven, wish: DiscWish, reporter: Reporter, *, dry_run: bool) -> None:
    """Make the disc, or tell what it would be.

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
    refuse_iso_target(iso, replace=wish.overwrite, sources=(*given.sources, *key))
    if wish.sign_key is not None:
        require_signer(wish.sign_key)
    made_at = disk_params.made_at(wish.seed)
    with ExitStack() as stack:
        if purpose.scripts:
            folder = stack.enter_context(scratch_folder())
            given = replace(given, settings=settings_with(given.settings, purpose.scripts, folder))
        boot = stack.enter_context(given.opened(reporter, now=made_at))
        images = (boot.image, *boot.others)
        plan = plan_started(
            boot.files,
            boot.parts,
            images,
            scripts_on_medium(purpose.scripts, int(made_at.timestamp()) * 1_000_000_000),
            StartedWish(
                purpose.kind,
                purpose.runner,
                purpose.address,
                wish.label or purpose.label,
                made_at,
                UUID(int=disk_params.random_bits(wish.seed).getrandbits(128), version=4),
                is_signed=wish.sign_key is not None,
            ),
            scratch=stack.enter_context(scratch_folder()),
            warnings=boot.warnings,
        )
        made = view.Made(iso, plan.medium, plan.discs[0].size)
        if not dry_run:
            made = _written(plan, iso, wish, made_at, given.rest(reporter))
        more = {"runner": purpose.runner, "address": purpose.address, "is_signed": wish.sign_key is not None}
        view.report([made], reporter, images=images, dry_run=dry_run, more=more)


def _written(
    plan: SetPlan, iso: Path, wish: DiscWish, made_at: datetime, progress: ProgressCallback | None
) -> view.Made:
    """Read everything once for the manifest, and write the disc."""
    from osdimage.imaging import filetime  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.discs.plan import IsoOptions, new_set_id, plan_iso  # noqa: PLC0415
    from osdimage.imaging.media.discs.write import write_iso  # noqa: PLC0415
    from osdimage.imaging.media.sequence.sets.plan import pack  # noqa: PLC0415
    from osdimage.imaging.progress import portion  # noqa: PLC0415

    (medium,) = pack(plan, key=wish.sign_key, progress=portion(progress, 0, _HASHED))
    created_ns = filetime.to_ns(filetime.from_datetime(made_at))
    disc = plan_iso(medium, IsoOptions(created_ns, new_set_id(created_ns, disk_params.random_bits(wish.seed))))
    write_iso(disc, iso, replace=wish.overwrite, progress=portion(progress, _HASHED, 100))
    return view.Made(iso, medium, disc.size)

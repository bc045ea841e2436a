"""The discs of a plan, which all commands write whose media have a manifest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.media import view

if TYPE_CHECKING:
    from osdimage.imaging.media.sequence.sets.described import SetPlan
    from osdimage.imaging.progress import ProgressCallback

_HASHED = 40.0
"""Per cent of the work that reading everything for the manifest is; the rest is writing the discs."""

sign_key = click.option(
    "--sign-key",
    type=values.EXISTING,
    metavar="KEY",
    help="Sign the manifest with a key of ssh-keygen: a private one, or the public one of a key that an agent has.",
)


@dataclass(frozen=True, slots=True)
class Discs:
    """A disc, or those of a set.

    Attributes:
        plan: what is on each of them.
        iso: the path of the disc, or of the set.
        made_at: when they are made.
        seed: what identifiers are drawn from; None for the system.
        sign_key: the key that signs their manifests, or None.
        limit_bytes: how much a disc may hold; None for any size.
        overwrite: whether files that are there are replaced.
    """

    plan: SetPlan
    iso: Path
    made_at: datetime
    seed: str | None
    sign_key: Path | None
    overwrite: bool
    limit_bytes: int | None = None

    def _path(self, number: int) -> Path:
        from osdimage.imaging.media.sequence.sets.described import disc_path  # noqa: PLC0415 - start-up stays cheap

        return disc_path(self.iso, number, len(self.plan.discs))

    def refuse_targets(self, sources: Iterable[Path]) -> None:
        """Refuse places where no disc belongs.

        Raises:
            TargetRefused, InvalidRequest: as :func:`~osdimage.imaging.media.discs.write.refuse_iso_target`.
        """
        from osdimage.imaging.media.discs.write import refuse_iso_target  # noqa: PLC0415 - start-up stays cheap

        read = tuple(sources)
        for each in self.plan.discs:
            refuse_iso_target(self._path(each.number), replace=self.overwrite, sources=read)

    def planned(self) -> list[view.Made]:
        """Return the discs as they would be."""
        from osdimage.imaging.media.parts.medium import Medium  # noqa: PLC0415 - start-up stays cheap

        first = self.plan.medium
        return [
            view.Made(
                self._path(each.number),
                Medium(each.label, each.files, first.boot, first.warnings)
                if each.number == 1
                else Medium(each.label, each.files, None),
                each.size,
                each.number,
            )
            for each in self.plan.discs
        ]

    def write(self, progress: ProgressCallback | None) -> list[view.Made]:
        """Read everything once for the manifests, and write the discs.

        Raises:
            OsdImageError: as :func:`~osdimage.imaging.media.sequence.sets.plan.pack` and
                :func:`~osdimage.imaging.media.discs.write.write_iso`.
        """
        from osdimage.imaging import filetime  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.media.discs.plan import IsoOptions, new_set_id, plan_iso  # noqa: PLC0415
        from osdimage.imaging.media.discs.write import write_iso  # noqa: PLC0415
        from osdimage.imaging.media.sequence.sets.plan import pack  # noqa: PLC0415
        from osdimage.imaging.progress import portion  # noqa: PLC0415

        media = pack(self.plan, key=self.sign_key, progress=portion(progress, 0, _HASHED))
        created_ns = filetime.to_ns(filetime.from_datetime(self.made_at))
        options = IsoOptions(
            created_ns,
            new_set_id(created_ns, disk_params.random_bits(self.seed)),
            discs=len(media),
            limit_bytes=self.limit_bytes,
        )
        plans = [plan_iso(each, replace(options, number=number)) for number, each in enumerate(media, 1)]
        made = []
        share = (100 - _HASHED) / len(media)
        for number, (medium, disc) in enumerate(zip(media, plans, strict=True), 1):
            path = self._path(number)
            done = portion(progress, _HASHED + (number - 1) * share, _HASHED + number * share)
            write_iso(disc, path, replace=self.overwrite, progress=done)
            made.append(view.Made(path, medium, disc.size, number))
        return made

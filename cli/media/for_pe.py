"""Task sequences that Windows PE carries out from stand-alone media, by scripts in their boot image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click
from osdimage.cli.media.boot_params import BootGiven, wanted_firmware

if TYPE_CHECKING:
    from osdimage.imaging.media.parts.medium import BootParts, MediumFile
    from osdimage.imaging.media.winpe.model import PeRun
    from osdimage.imaging.tasksequence.sequence import Sequence as TaskSequence


@dataclass(frozen=True, slots=True)
class PeMedia:
    """What media for Windows PE have besides.

    Attributes:
        run: the scripts; None of media that osdimage carries out on Linux.
    """

    run: PeRun | None

    @classmethod
    def of(
        cls,
        sequences: Sequence[TaskSequence],
        packages: Mapping[str, Path],
        variables: Mapping[str, str],
        hidden: Iterable[str],
        given: BootGiven,
        *,
        identifier: UUID,
        is_unattended: bool,
        is_disc: bool,
    ) -> PeMedia:
        """Make the scripts.

        Raises:
            UnsupportedSteps: naming the steps that Windows PE cannot carry out.
            InvalidRequest: when a text cannot stand in a script.
        """
        from osdimage.imaging.boot.firmware import Firmware  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.media.winpe.model import PeWish  # noqa: PLC0415
        from osdimage.imaging.media.winpe.run import plan_pe_run  # noqa: PLC0415

        wish = PeWish(
            tuple(sequences),
            packages,
            variables,
            hidden,
            wanted_firmware(given.firmware) or frozenset(Firmware),
            launch_mode="CD" if is_disc else "UFD",
            medium_id=identifier,
            is_unattended=is_unattended,
            prestart=given.settings.prestart,
        )
        return cls(plan_pe_run(wish))

    def settled(self, given: BootGiven, stack: ExitStack) -> BootGiven:
        """Return what is given for the boot image, with the scripts in it."""
        from osdimage.imaging.media.winpe.placed import settings_with  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.scratch import scratch_folder  # noqa: PLC0415

        if self.run is None:
            return given
        folder = stack.enter_context(scratch_folder())
        return replace(given, settings=settings_with(given.settings, self.run.files, folder))

    def files(self, modified_ns: int) -> tuple[MediumFile, ...]:
        """Return the scripts as they are on the media, for reading."""
        from osdimage.imaging.media.winpe.placed import scripts_on_medium  # noqa: PLC0415 - start-up stays cheap

        return () if self.run is None else scripts_on_medium(self.run.files, modified_ns)

    def warnings(self, boot: BootParts) -> tuple[str, ...]:
        """Return what is to be said of the scripts, of the firmware that starts the media alone.

        Raises:
            UnsupportedSteps: when a sequence runs under none of it.
        """
        from osdimage.imaging.errors import UnsupportedSteps  # noqa: PLC0415 - start-up stays cheap

        if self.run is None:
            return ()
        run = self.run.started_by(boot.firmware)
        for name in dict.fromkeys(each.name for each in run.scripts):
            refused = [each.refused for each in run.scripts if each.name == name]
            if None not in refused:
                raise UnsupportedSteps([each for each in refused if each is not None])
        return run.warnings


LINUX = PeMedia(None)
"""What osdimage carries out on Linux."""


def refuse_password(*, is_encrypted: bool) -> None:
    """Refuse a password: nothing in Windows PE opens what it hides.

    Raises:
        click.UsageError: with one.
    """
    if is_encrypted:
        raise click.UsageError(
            "--runner winpe: nothing in Windows PE opens what a password hides; valid are media without one"
        )

"""Stand-alone media: what starts a computer, and a task sequence with all that it needs, on one disc or several."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from osdimage import __version__
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.media.parts.medium import BOOT_WIM, BootParts, Medium, MediumFile, PreparedImage, require_apart
from osdimage.imaging.media.sequence.content import SequenceContent
from osdimage.imaging.media.sequence.manifest import ManifestImage, MediaKind, MediaManifest, Runner, moment_text
from osdimage.imaging.media.sequence.sets.described import SetOptions, SetPlan
from osdimage.imaging.media.sequence.sets.plan import plan_set


@dataclass(frozen=True, slots=True)
class StandaloneWish:
    """How stand-alone media are made.

    Attributes:
        label: of the volume; those of a set have a number behind it.
        created: when they are made.
        identifier: of the set, if it becomes one.
        capacity: bytes of a disc; None when all is on one.
        largest_file: bytes of the largest file, as on FAT32; None when there is no such limit.
        valid_from: before then a run refuses them; None for always.
        expires: after then likewise.
        is_signed: whether room for signatures is kept.
        warnings: sentences for people.
        runner: who carries the task sequences out.
    """

    label: str
    created: datetime
    identifier: UUID
    capacity: int | None = None
    largest_file: int | None = None
    valid_from: datetime | None = None
    expires: datetime | None = None
    is_signed: bool = False
    warnings: tuple[str, ...] = ()
    runner: Runner = Runner.LINUX


def plan_standalone(
    boot_files: Iterable[MediumFile],
    boot: BootParts,
    images: tuple[PreparedImage, ...],
    content: SequenceContent,
    wish: StandaloneWish,
    *,
    scratch: str | os.PathLike[str],
) -> SetPlan:
    """Give everything its disc; :func:`~osdimage.imaging.media.sequence.sets.plan.pack` makes the media of the plan.

    Args:
        boot_files: what starts, with the boot images, and what else is to be on the first disc.
        boot: what of them starts.
        images: the boot images, the one that starts by itself first.
        content: the task sequences and their packages.
        wish: how they are made.
        scratch: an empty folder, for the parts of WIMs that are larger than a disc.

    Raises:
        InvalidInput, InvalidRequest, TooSmall, StorageError: as
            :func:`~osdimage.imaging.media.sequence.sets.plan.plan_set`; InvalidRequest also when they would expire
            before they are valid.
    """
    if wish.valid_from is not None and wish.expires is not None and wish.expires < wish.valid_from:
        raise InvalidRequest(
            f"the media would expire at {moment_text(wish.expires)}, and be valid from {moment_text(wish.valid_from)}: "
            "no run would ever take them; valid is a later end"
        )
    started = tuple(boot_files)
    require_apart(started, content.files)
    image = images[0]
    manifest = MediaManifest(
        MediaKind.STANDALONE,
        wish.label,
        wish.created.replace(microsecond=0),
        f"osdimage {__version__}",
        valid_from=wish.valid_from,
        expires=wish.expires,
        architecture=boot.architecture,
        firmware=boot.firmware,
        signed=boot.signed,
        boot_image=ManifestImage(BOOT_WIM, image.index, image.name) if len(images) == 1 else None,
        runner=wish.runner,
        sequences=content.sequences,
        variables=content.variables,
        # By which scripts in Windows PE tell the discs of this set from others in the computer.
        others=(("id", json.dumps(str(wish.identifier))),) if wish.runner is Runner.WINPE else (),
    )
    files = tuple(sorted((*started, *content.files), key=lambda each: each.path))
    options = SetOptions(manifest, wish.identifier, wish.capacity, wish.largest_file, wish.is_signed)
    plan = plan_set(
        Medium(wish.label, files, boot, (*boot.warnings, *wish.warnings)),
        content.packages,
        options,
        scratch=Path(scratch),
    )
    if wish.runner is Runner.WINPE:
        _refuse_scattered(plan)
    return plan


def _refuse_scattered(plan: SetPlan) -> None:
    """Refuse a WIM in parts on several discs, of which Windows PE sees one: dism asks for no other."""
    for wim in plan.split:
        paths = {each.path for each in wim.parts}
        discs = [each.number for each in plan.discs if any(file.path in paths for file in each.files)]
        if len(discs) > 1:
            raise InvalidRequest(
                f"package {wim.identifier}: {wim.source.name} would be in parts on {len(discs)} discs, and Windows PE "
                "applies an image from one; valid are larger discs, or media for Linux"
            )

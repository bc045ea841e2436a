"""Media without content of their own: what starts a computer, and what it then does, by scripts or its own client."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from osdimage import __version__
from osdimage.imaging.media.parts.medium import BOOT_WIM, BootParts, Medium, MediumFile, PreparedImage, require_apart
from osdimage.imaging.media.sequence.manifest import ManifestImage, MediaKind, MediaManifest, Runner
from osdimage.imaging.media.sequence.sets.described import SetOptions, SetPlan
from osdimage.imaging.media.sequence.sets.plan import plan_set


@dataclass(frozen=True, slots=True)
class StartedWish:
    """What a medium of this kind is.

    Attributes:
        kind: ``boot`` or ``capture``.
        runner: who does what it is for.
        address: of the server, or of the WIM that becomes: the manifest tells it as ``server`` or ``destination``.
        label: of the volume.
        created: when it is made.
        identifier: drawn for it.
        is_signed: whether room for a signature is kept.
    """

    kind: MediaKind
    runner: Runner
    address: str
    label: str
    created: datetime
    identifier: UUID
    is_signed: bool = False


def plan_started(
    boot_files: Iterable[MediumFile],
    boot: BootParts,
    images: tuple[PreparedImage, ...],
    scripts: tuple[MediumFile, ...],
    wish: StartedWish,
    *,
    scratch: Path,
    warnings: tuple[str, ...] = (),
) -> SetPlan:
    """Say what is on a medium; :func:`~osdimage.imaging.media.sequence.sets.plan.pack` makes it of the plan.

    Args:
        boot_files: what starts, with the boot images, and what else is to be on it.
        boot: what of them starts.
        images: the boot images, the one that starts by itself first.
        scripts: that the boot image has, for reading.
        wish: what it is.
        scratch: an empty folder.
        warnings: what is to be said besides.

    Raises:
        InvalidInput, InvalidRequest, StorageError: as :func:`~osdimage.imaging.media.sequence.sets.plan.plan_set`.
    """
    started = tuple(boot_files)
    require_apart(started, scripts)
    image = images[0]
    told = "server" if wish.kind is MediaKind.BOOT else "destination"
    manifest = MediaManifest(
        wish.kind,
        wish.label,
        wish.created.replace(microsecond=0),
        f"osdimage {__version__}",
        architecture=boot.architecture,
        firmware=boot.firmware,
        signed=boot.signed,
        boot_image=ManifestImage(BOOT_WIM, image.index, image.name) if len(images) == 1 else None,
        runner=wish.runner,
        others=((told, json.dumps(wish.address)),),
    )
    files = tuple(sorted((*started, *scripts), key=lambda each: each.path))
    options = SetOptions(manifest, wish.identifier, is_signed=wish.is_signed)
    return plan_set(Medium(wish.label, files, boot, (*boot.warnings, *warnings)), (), options, scratch=scratch)

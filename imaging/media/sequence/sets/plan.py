"""Giving every file its disc, and making what each disc is to hold."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from osdimage.imaging.disc.written.contents import BytesContents
from osdimage.imaging.errors import InvalidInput, InvalidRequest, OsdImageError, quoted
from osdimage.imaging.media.discs.plan import IsoOptions, plan_iso
from osdimage.imaging.media.parts.medium import Medium, MediumFile, joined, require_apart
from osdimage.imaging.media.sequence.manifest import (
    MANIFEST,
    MOST_VOLUMES,
    SIGNATURE,
    SUMS,
    UNLISTED,
    ManifestFile,
    ManifestPackage,
    MediaManifest,
    fault_of_path,
)
from osdimage.imaging.media.sequence.manifest_json import manifest_to_json
from osdimage.imaging.media.sequence.sets.described import (
    MADE,
    PACKAGES,
    SIGNATURE_ROOM,
    PackageContent,
    PlannedDisc,
    SetOptions,
    SetPlan,
    SplitWim,
    of_disc,
    placed,
)
from osdimage.imaging.media.sequence.sets.packing import Item, Packing
from osdimage.imaging.media.sequence.sets.splitting import items_of, split_all
from osdimage.imaging.media.sequence.signature import sign
from osdimage.imaging.media.sequence.sums import hashes_of, listed, sums_to_text
from osdimage.imaging.progress import ProgressCallback, portion

_SPLIT = 60.0
_SHOWN = 20
_NO_SET = "0" * 16


def plan_set(
    medium: Medium, packages: Sequence[PackageContent], options: SetOptions, *, scratch: str | os.PathLike[str]
) -> SetPlan:
    """Give every file its disc; nothing is written.

    Args:
        medium: what the first disc has besides packages: what starts, the sequences, the variables.
        packages: the content.
        options: how they are laid out.
        scratch: an empty folder, in which :func:`pack` will write the parts of WIMs.

    Raises:
        InvalidInput: when two files have one place, or a manifest cannot tell of a name.
        InvalidRequest: when a WIM cannot be split, there are more than 999 discs, or their label is too long.
        TooSmall: when a disc is too small for what starts, or for a package, or a file is larger than one may be; both
            sizes are told.
        StorageError, CorruptWim: when a WIM that is to be split cannot be read.
    """
    for package in packages:
        if not package.files:
            raise InvalidInput(f"the package {quoted(package.identifier)} holds no file")
    require_apart(medium.files, *map(placed, packages))
    _require_listed([*medium.files, *(each for package in packages for each in placed(package))])
    items: list[Item] = []
    split: list[SplitWim] = []
    for number, package in enumerate(packages):
        found, cut = items_of(package, options, Path(scratch) / str(number))
        items += found
        split += cut
    items.sort(key=lambda each: (-each.blocks, each.package.identifier.lower(), each.files[0].path))
    assumed = 1
    while True:
        discs = Packing(medium, packages, items, options, assumed).discs()
        if len(discs) <= assumed:
            break
        # What the first disc tells of the others takes room, too.
        assumed = len(discs)
        if assumed > MOST_VOLUMES:
            raise InvalidRequest(f"the set would have {assumed} discs; valid are up to {MOST_VOLUMES}, so larger ones")
    label = options.manifest.label
    if len(discs) > 1:
        # Whoever writes the discs refuses a label that is too long, when all of them were read.
        plan_iso(Medium(f"{label}_{len(discs)}", (), None), IsoOptions(0, _NO_SET, len(discs), len(discs)))
    made = tuple(
        PlannedDisc(
            each.number,
            label if len(discs) == 1 else f"{label}_{each.number}",
            tuple(sorted(each.files, key=lambda file: file.path)),
            tuple(sorted(each.packages)),
            each.size,
        )
        for each in discs
    )
    return SetPlan(medium, tuple(packages), options, made, tuple(split))


def pack(
    plan: SetPlan,
    *,
    key: str | os.PathLike[str] | None = None,
    threads: int = 0,
    progress: ProgressCallback | None = None,
) -> tuple[Medium, ...]:
    """Make what each disc is to hold: WIMs are split, all files are read and hashed once, and manifests are signed.

    Args:
        plan: the set; the parts of its WIMs are written into its scratch folder, and are needed until the discs are.
        key: that signs the manifests; see :func:`~osdimage.imaging.media.sequence.signature.sign`.
        threads: how many files are hashed at once; 0 for one a processor.
        progress: receives the progress.

    Raises:
        StorageError: when a file cannot be read, or has changed since the plan.
        TargetRefused: when there is no room for the parts.
        InvalidRequest: when a manifest cannot be made of the names.
        OsdImageError: when signing fails.
    """
    share = _SPLIT if plan.split else 0.0
    parts = split_all(plan, portion(progress, 0, share))
    discs = [replace(each, files=tuple(parts.get(file.path, file) for file in each.files)) for each in plan.discs]
    everything = [file for disc in discs for file in disc.files]
    hashes = hashes_of(everything, threads=threads, progress=portion(progress, share, 100))
    found: dict[int, tuple[ManifestFile, ...]] = {}
    for disc in discs:
        own, hashes = hashes[: len(disc.files)], hashes[len(disc.files) :]
        found[disc.number] = listed(disc.files, own, disc.number)
    sizes = _sizes(discs)
    made: list[Medium] = []
    first: str | None = None
    for disc in discs:
        data = manifest_to_json(_manifest(plan, disc, found, sizes, first))
        if disc.number == 1:
            first = sha256(data).hexdigest()
        about = {MANIFEST: data, SUMS: sums_to_text(found[disc.number])}
        if key is not None:
            about[SIGNATURE] = _signed(data, key, plan.options)
        boot = plan.medium.boot if disc.number == 1 else None
        warnings = plan.medium.warnings if disc.number == 1 else ()
        made.append(Medium(disc.label, joined(disc.files, _made(about, plan.options)), boot, warnings))
    return tuple(made)


def _require_listed(files: Sequence[MediumFile]) -> None:
    """Require that a manifest can tell of files.

    Raises:
        InvalidInput: which names all of which it cannot, up to 20.
    """
    faults = []
    for each in files:
        fault = "is made for the medium" if each.path.lower() in UNLISTED else fault_of_path(each.path)
        if fault is not None:
            faults.append(f"{quoted(each.path)} (of {each.origin}) {fault}")
    if faults:
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise InvalidInput(f"the medium cannot have: {'; '.join(faults[:_SHOWN])}{more}")


def _signed(data: bytes, key: str | os.PathLike[str], options: SetOptions) -> bytes:
    signature = sign(data, key)
    room = SIGNATURE_ROOM if options.is_signed else 0
    if len(signature) > room:
        raise OsdImageError(
            f"{os.fspath(key)}: its signature has {len(signature)} bytes; the discs have room for {room}"
        )
    return signature


def _manifest(
    plan: SetPlan,
    disc: PlannedDisc,
    found: Mapping[int, tuple[ManifestFile, ...]],
    sizes: Mapping[str, int],
    first: str | None,
) -> MediaManifest:
    """Return the manifest of a disc; ``first`` is the hash of that of the first one."""
    count = len(plan.discs)
    files = found[disc.number]
    if disc.number == 1:
        files = tuple(
            sorted((file for each in found.values() for file in each), key=lambda file: (file.path, file.volume))
        )
    packages = tuple(
        ManifestPackage(each.identifier, each.name, each.path, sizes[each.path], _volumes(plan, each))
        for each in sorted(plan.packages, key=lambda each: each.identifier)
        if disc.number == 1 or each.identifier in disc.packages
    )
    return replace(of_disc(plan.options, disc.number, count, first), files=files, packages=packages)


def _sizes(discs: Sequence[PlannedDisc]) -> Counter[str]:
    """Return the size of each package, its parts together, by its folder on the media."""
    sizes: Counter[str] = Counter()
    for disc in discs:
        for file in disc.files:
            if file.path.startswith(f"{PACKAGES}/"):
                sizes["/".join(file.path.split("/", PACKAGES.count("/") + 2)[:-1])] += file.size
    return sizes


def _volumes(plan: SetPlan, package: PackageContent) -> tuple[int, ...]:
    return tuple(each.number for each in plan.discs if package.identifier in each.packages)


def _made(about: dict[str, bytes], options: SetOptions) -> list[MediumFile]:
    return [MediumFile(path, BytesContents(data), options.modified_ns, MADE) for path, data in about.items()]

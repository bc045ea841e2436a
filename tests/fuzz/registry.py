"""Every target by its name."""

from __future__ import annotations

from fuzz.target import Target
from fuzz.targets import (
    answers,
    bitlocker,
    blobs,
    boot,
    captured,
    catalogs,
    checked_media,
    containers,
    devices,
    discs,
    disks,
    documents,
    facts,
    fat,
    fills,
    hives,
    links,
    mdt,
    nbd,
    ntfs,
    offline,
    pending,
    sequences,
    signatures,
    staging,
    supplies,
    text,
    wims,
)

TARGETS: dict[str, Target] = {
    each.name: each
    for module in (
        answers,
        bitlocker,
        blobs,
        boot,
        captured,
        catalogs,
        checked_media,
        containers,
        devices,
        discs,
        disks,
        documents,
        facts,
        fat,
        fills,
        hives,
        links,
        mdt,
        nbd,
        ntfs,
        offline,
        pending,
        sequences,
        signatures,
        staging,
        supplies,
        text,
        wims,
    )
    for each in module.TARGETS
}

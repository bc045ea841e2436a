"""Ranks in the words of people."""

from __future__ import annotations

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.ranking.match import Ranked
from osdimage.imaging.drivers.ranking.rank import MatchKind

_NO_PREFERENCE = 0xFF


def why_ranked(ranked: Ranked, device: Device) -> str:
    """Say which ids match, and which feature score counts beside them, in half a sentence."""
    is_hardware = ranked.kind in {MatchKind.HARDWARE, MatchKind.COMPATIBLE_OF_INF}
    ids = device.hardware_ids if is_hardware else device.compatible_ids
    own = "its id" if ranked.candidate.position == 0 else f"its compatible id {ranked.candidate.position}"
    of_device = f"{'hardware' if is_hardware else 'compatible'} id {ranked.device_position + 1} of {len(ids)}"
    parts = [f"{own} is the device's {of_device}"]
    if ranked.rank.feature != _NO_PREFERENCE:
        parts.append(f"feature score {ranked.rank.feature:02X}")
    return ", ".join(parts)


def why_behind(ranked: Ranked, better: Ranked) -> str:
    """Say why a driver comes after another one."""
    if ranked.rank != better.rank:
        return "a worse rank"
    if ranked.version.date != better.version.date:
        return "as good, but older"
    if ranked.version.numbers != better.version.numbers:
        return "as good and of the same date, but a lower version"
    return "as good, and of the same date and version: Windows may take either"

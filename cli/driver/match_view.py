"""How ``osdimage driver match`` tells people and programs which driver serves which device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.listing import Devices
from osdimage.imaging.drivers.ranking.match import DeviceMatch, Matching, Ranked
from osdimage.imaging.drivers.ranking.rank import Signature
from osdimage.imaging.drivers.ranking.wording import why_behind, why_ranked
from osdimage.imaging.units import counted

INBOX = "Windows has drivers of its own, which are not known here and may match better."
_VISTA = (6, 0)
_SIGNERS = (
    "Windows Vista and Server 2008 prefer drivers that Microsoft signed, whatever their rank; who signed is not known."
)


def document(matching: Matching, devices: Devices) -> dict[str, Any]:
    """Return what programs are told."""
    os = matching.os
    return {
        "os": {
            "version": f"{os.major}.{os.minor}.{os.build}",
            "architecture": os.architecture,
            "product": os.product.name.lower(),
        },
        "source": {"path": devices.source, "kind": devices.kind.name.lower()},
        "devices": [_device(each) for each in matching.devices],
        "drivers": [each.name for each in matching.taken],
        "unused": [
            {"path": each.driver.name, "why": each.why.name.lower(), "reason": each.reason} for each in matching.unused
        ],
        "warnings": list(devices.warnings),
    }


def _device(match: DeviceMatch) -> dict[str, Any]:
    device = match.device
    lists = {
        "candidates": match.candidates,
        "extensions": match.extensions,
        "older_extensions": match.older_extensions,
        "misfits": match.misfits,
    }
    return {
        "name": device.name,
        "hardware_ids": list(device.hardware_ids),
        "compatible_ids": list(device.compatible_ids),
        "class_guid": device.class_guid,
        "chosen": None if match.chosen is None else _ranked(match.chosen, device),
        **{name: [_ranked(each, device) for each in found] for name, found in lists.items()},
        "components": [_ranked(each, Device(each.id, (each.id,))) for each in match.components],
    }


def _ranked(ranked: Ranked, device: Device) -> dict[str, Any]:
    driver = ranked.driver
    date = ranked.version.date
    return {
        "path": driver.name,
        "provider": driver.provider,
        "class_name": driver.class_name,
        "date": None if date is None else date.isoformat(),
        "driver_version": ranked.version.number_text,
        "description": ranked.candidate.description,
        "id": ranked.id,
        "section": ranked.candidate.section,
        "platform": ranked.candidate.decoration,
        "rank": str(ranked.rank) if ranked.candidate.fits else None,
        "reason": why_ranked(ranked, device),
        "signature": driver.signature.name.lower(),
    }


def lines(matching: Matching, devices: Devices, *, shows_all: bool) -> Iterator[str]:
    """Tell people: each device with its driver, then those without, then what is not known."""
    served = [each for each in matching.devices if each.chosen is not None]
    yield f"{counted(len(matching.devices), 'device')} ({devices.kind.value}), for Windows {matching.os}"
    for match in served:
        yield ""
        yield from _served(match, shows_all=shows_all)
    if matching.without_driver:
        yield ""
        yield f"no driver for {len(matching.without_driver)} of {counted(len(matching.devices), 'device')}:"
        for match in matching.without_driver:
            yield from _unserved(match, shows_all=shows_all)
    if shows_all and matching.unused:
        yield ""
        yield f"{counted(len(matching.unused), 'driver')} not taken:"
        for each in matching.unused:
            yield f"  {each.driver.name}"
            yield f"      {each.reason}"
    yield ""
    yield INBOX
    if matching.os.version == _VISTA:
        yield _SIGNERS


def _served(match: DeviceMatch, *, shows_all: bool) -> Iterator[str]:
    yield from _head(match.device)
    best, *others = match.candidates
    yield f"  -> {_driver(best)}"
    yield f"     {_why(best, match.device)}"
    for each in match.extensions:
        yield f"   + {_driver(each)}, an extension"
        yield f"     {_why(each, match.device)}"
    for each in match.components:
        yield f"   + {_driver(each)}, for the component {each.id}"
    if shows_all:
        before = best
        for each in others:
            yield f"     {_driver(each)}"
            yield f"         {why_behind(each, before)}"
            yield f"         {_why(each, match.device)}"
            before = each
        for each in match.older_extensions:
            yield f"     {_driver(each)}"
            yield "         an extension with a newer one of the same ExtensionId"
        yield from _misfits(match)


def _unserved(match: DeviceMatch, *, shows_all: bool) -> Iterator[str]:
    yield from (f"  {each}" for each in _head(match.device))
    for each in match.extensions:
        yield f"     {_driver(each)}"
        yield "         is an extension: it needs a driver of the device beside it"
    if shows_all or match.misfits:
        yield from _misfits(match)


def _misfits(match: DeviceMatch) -> Iterator[str]:
    for each in match.misfits:
        yield f"     {_driver(each)}"
        yield f"         is not for this Windows: {', '.join(map(_platform, each.driver.platforms)) or 'no platform'}"


def _head(device: Device) -> Iterator[str]:
    """Yield what a device is called, and its best id where that is another name."""
    best = (*device.hardware_ids, *device.compatible_ids)[0]
    yield device.name
    if device.name != best:
        yield f"  {best}"


def _driver(ranked: Ranked) -> str:
    date = ranked.version.date
    told = [ranked.driver.name, "no date" if date is None else date.isoformat(), ranked.version.number_text]
    return ", ".join([*told, *(["not signed"] if ranked.driver.signature is Signature.NONE else [])])


def _why(ranked: Ranked, device: Device) -> str:
    return f"{ranked.rank}: {why_ranked(ranked, device)}"


def _platform(text: str) -> str:
    return text or "any x86"

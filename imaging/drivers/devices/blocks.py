r"""Text in which each device is a block: ``pnputil /enum-devices /ids`` in any language, and ``devcon hwids``.

The labels of pnputil are in the language of Windows, and in its code page.  So a block is told by its first line, whose
value is the id of an instance; the labels of the hardware ids and the compatible ids are those of the first two values
that are ids in blocks that have both, whatever they say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.instances import (
    CLASS_GUID,
    INSTANCE,
    NO_IDS,
    instance_device,
    is_instance,
)
from osdimage.imaging.drivers.devices.listing import Collected, distinct
from osdimage.imaging.drivers.target_os import TargetOs

_LABELLED = re.compile(r"(\S[^:\uff1a]{0,80})[:\uff1a]\s+(\S.{0,400})")
_FOLLOWING = re.compile(r"\s+(\S{1,200})\s*")
_CLEAR = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,40}\\[^\\\s]{1,200}", re.ASCII)
"""What is an id and nothing else: a bus and a device on it."""
_HARDWARE, _COMPATIBLE, _NAME = "Hardware ID's:", "Compatible ID's:", "Name:"
"""What devcon prints; it is in English alone."""


@dataclass(slots=True)
class _Block:
    """A device: values by their labels, in their order, the instance first."""

    instance: str
    values: dict[str, list[str]] = field(default_factory=dict)


def is_pnputil(lines: list[str]) -> bool:
    """Tell whether lines are those of pnputil."""
    return any((found := _LABELLED.fullmatch(line)) and INSTANCE.fullmatch(found[2].strip()) for line in lines)


def is_devcon(lines: list[str]) -> bool:
    """Tell whether lines are those of devcon."""
    return any(line.strip() in {_HARDWARE, _COMPATIBLE} for line in lines)


def collect_pnputil(lines: list[str], collected: Collected, os: TargetOs | None) -> None:
    """Take in the devices of a text of pnputil."""
    blocks = list(_blocks(lines))
    hardware, compatible = _labels(blocks)
    for block in blocks:
        hardware_ids = distinct(block.values.get(hardware or "", ()))
        compatible_ids = distinct(block.values.get(compatible or "", ()))
        name = next((values[0] for label, values in block.values.items() if label not in {hardware, compatible}), "")
        guid = next((each for values in block.values.values() for each in values if CLASS_GUID.fullmatch(each)), None)
        if hardware_ids or compatible_ids:
            collected.add(Device(name, hardware_ids, compatible_ids, guid.upper() if guid else None))
        elif hardware is None and is_instance(block.instance):
            collected.add(instance_device(block.instance, os, name))
            collected.warn(NO_IDS)


def _blocks(lines: list[str]) -> Iterator[_Block]:
    block: _Block | None = None
    first: str | None = None
    label = ""
    for line in lines:
        if (found := _LABELLED.fullmatch(line)) is not None:
            label, value = found[1].strip(), found[2].strip()
            if first in {None, label} and INSTANCE.fullmatch(value):
                # The label of the first instance is that of all: other values may be instances, too, as parents are.
                first = label
                if block is not None:
                    yield block
                block = _Block(value)
            elif block is not None:
                block.values.setdefault(label, []).append(value)
        elif block is not None and (following := _FOLLOWING.fullmatch(line)) is not None:
            block.values.setdefault(label, []).append(following[1])
        elif not line.strip():
            label = ""
    if block is not None:
        yield block


def _labels(blocks: list[_Block]) -> tuple[str | None, str | None]:
    """Return the labels of hardware ids and of compatible ids; None where there are none."""
    pairs: Counter[tuple[str, str]] = Counter()
    alone: Counter[str] = Counter()
    for block in blocks:
        clear = [label for label, values in block.values.items() if all(map(_CLEAR.fullmatch, values))]
        if len(clear) > 1:
            pairs[clear[0], clear[1]] += 1
        alone.update(clear[:1])
    if pairs:
        return pairs.most_common(1)[0][0]
    return (alone.most_common(1)[0][0] if alone else None), None


def collect_devcon(lines: list[str], collected: Collected, os: TargetOs | None) -> None:
    """Take in the devices of a text of devcon, which has the ids of the Windows that it ran on."""
    del os
    name, into = "", ""
    ids: dict[str, list[str]] = {_HARDWARE: [], _COMPATIBLE: []}
    for line in [*lines, ""]:
        text = line.strip()
        if line == text and (not text or INSTANCE.fullmatch(text)):
            collected.add(Device(name, distinct(ids[_HARDWARE]), distinct(ids[_COMPATIBLE])))
            name, into, ids = "", "", {_HARDWARE: [], _COMPATIBLE: []}
        elif text in ids:
            into = text
        elif text.startswith(_NAME):
            name = text.removeprefix(_NAME).strip()
        elif into and " " not in text:
            ids[into].append(text)

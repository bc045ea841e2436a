"""A device of a computer, by the ids under which Windows looks for its driver."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    r"""A device and its ids, each list best first, as Windows orders them.

    Attributes:
        name: what people call it; the best id where nothing better is known.
        hardware_ids: such as ``PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01``.
        compatible_ids: such as ``PCI\CC_0100``.
        class_guid: of its class, as the source told it, in braces and upper case; None when it did not.
    """

    name: str
    hardware_ids: tuple[str, ...]
    compatible_ids: tuple[str, ...] = ()
    class_guid: str | None = None

"""What is to be put on stand-alone media, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.sequence import Sequence


@dataclass(frozen=True, slots=True)
class StandaloneGiven:
    """A task sequence, and all that it is to find on its media.

    Attributes:
        sequence: with the children that its steps run in the place of these.
        packages: files or folders, by the IDs of packages.
        variables: of the media.
        hidden: names of variables whose values are secret, besides those whose names say so.
        supplies: command lines of programs and applications.
        architecture: of the boot image.
        firmware: what starts the media.
        is_encrypted: whether a password hides the sequence and the variables.
        allows_plaintext_secrets: whether secrets may be on the media without one.
        is_rehearsed: whether a run by osdimage is rehearsed; what scripts in Windows PE do, who makes these finds out.
    """

    sequence: Sequence
    packages: Mapping[str, Path]
    variables: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    supplies: Supplies = field(default_factory=Supplies)
    architecture: str = "x64"
    firmware: frozenset[Firmware] = frozenset(Firmware)
    is_encrypted: bool = False
    allows_plaintext_secrets: bool = False
    is_rehearsed: bool = True

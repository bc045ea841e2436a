"""What is wished for of a folder for network boot, and what its parts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from osdimage.imaging.disc.written.contents import BytesContents
from osdimage.imaging.errors import quoted
from osdimage.imaging.media.netboot.known import KnownComputer
from osdimage.imaging.media.netboot.network import Leases
from osdimage.imaging.media.netboot.scripts import UnknownComputers
from osdimage.imaging.media.netboot.wimboot import Wimboot
from osdimage.imaging.media.parts.find import PartsWish
from osdimage.imaging.media.parts.medium import MediumFile, PreparedImage

_ANY_PARTS = PartsWish()
_MADE = "made"
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class NamedImage:
    """A boot image, and what it is called in the folder: lower-case letters, digits and hyphens."""

    name: str
    prepared: PreparedImage


@dataclass(frozen=True, slots=True)
class ServerWish:
    """What the configurations of servers are to say.

    Attributes:
        root: the folder, as the server sees it.
        url: where it is handed out by HTTP, with ``/`` at its end; None: all goes by TFTP.
        leases: addresses that dnsmasq gives away, or None.
        proxy: a network in which another server does that, or None.
        interface: of the server, or None: all.
        delay_s: how long dnsmasq waits with an answer, in seconds.
    """

    root: str
    url: str | None = None
    leases: Leases | None = None
    proxy: IPv4Network | None = None
    interface: str | None = None
    delay_s: int = 0


@dataclass(frozen=True, slots=True)
class NetbootWish:
    """What is wished for of the folder.

    Attributes:
        servers: what configurations say.
        parts: what starts the boot images; that it is no disc need not be said.
        wimboot: its files.
        ipxe: the folder with iPXE; None: where distributions have it.
        is_native: whether computers start without both.
        known: the computers that are known; None: nobody asks.
        unknown: what others do; None: they start the default, or nothing where computers are known.
        is_mandatory: whether computers start without a person who presses F12.
    """

    servers: ServerWish
    parts: PartsWish = _ANY_PARTS
    wimboot: tuple[Wimboot, ...] = ()
    ipxe: Path | None = None
    is_native: bool = False
    known: tuple[KnownComputer, ...] | None = None
    unknown: UnknownComputers | None = None
    is_mandatory: bool = False

    @property
    def others_do(self) -> UnknownComputers:
        """What computers do that are not known."""
        if self.unknown is not None:
            return self.unknown
        return UnknownComputers.BOOT if self.known is None else UnknownComputers.REFUSE


def text_file(path: str, text: str, made_ns: int) -> MediumFile:
    """Return a file of text that is made for the folder."""
    return MediumFile(path, BytesContents(text.encode("utf-8")), made_ns, _MADE)


def listed(names: Sequence[str]) -> str:
    """Return names for a message, the first 20 of them."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(quoted, names[:_SHOWN])) + more

r"""Configurations of dnsmasq, which tells computers what to load, and hands it out by TFTP.

Either it gives addresses away itself, or it stands beside a server that does, and says only what to start ("proxy
DHCP").  It serves no names (``port=0``).  What is loaded first goes by DHCP option 93; iPXE, which the first file is,
asks again and is told the script: without its tag it would load itself for ever.

Sources: the manual page of dnsmasq 2.90; ``pxe-service`` takes numbers of RFC 5970.  ``\`` in the names that the boot
manager asks for is ``/`` to dnsmasq, and ``tftp-lowercase`` makes them what they are in the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from osdimage.imaging.inventory.computers import Computer
from osdimage.imaging.media.netboot.clients import NetClient
from osdimage.imaging.media.netboot.network import Leases
from osdimage.imaging.media.netboot.scripts import ENTRY

LEASES_FILE = "dnsmasq.conf"
PROXY_FILE = "dnsmasq-proxy.conf"
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_LEASE_TIME = "12h"
_TITLE = "osdimage"


@dataclass(frozen=True, slots=True)
class NetOffer:
    """What a kind of computer loads first.

    Attributes:
        client: the kind.
        path: of the file in the folder.
    """

    client: NetClient
    path: str


@dataclass(frozen=True, slots=True)
class DnsmasqSettings:
    """What dnsmasq is told.

    Attributes:
        root: the folder, as the server sees it.
        offers: what is loaded first.
        has_ipxe: whether that is iPXE, which is told the script.
        computers: that are known; None: nobody asks.
        known_only: whether nothing is offered to others.
        url: where the folder is handed out, with ``/`` at its end, or None.
        interface: of the server, or None: all.
        delay_s: how long an answer waits for those of other servers, in seconds.
    """

    root: str
    offers: tuple[NetOffer, ...]
    has_ipxe: bool
    computers: tuple[Computer, ...] = ()
    known_only: bool = False
    url: str | None = None
    interface: str | None = None
    delay_s: int = 0


def leases_configuration(settings: DnsmasqSettings, leases: Leases) -> str:
    """Return the configuration of a dnsmasq that gives addresses away."""
    mask = leases.network.netmask
    lines = [
        "# The DHCP server of this network, and what its computers start from.  There must be no other one.",
        *_common(settings),
        f"dhcp-range={leases.first},{leases.last},{mask},{_LEASE_TIME}",
        *_hosts(settings.computers),
        *_kinds(settings.offers),
    ]
    for tags, offer in _tagged(settings):
        lines.append(f"dhcp-boot={tags},{offer.path}")
        lines += _http(settings, offer)
    if settings.has_ipxe:
        lines.append(f"dhcp-boot=tag:ipxe,{ENTRY}")
    return _text(lines)


def proxy_configuration(settings: DnsmasqSettings, network: IPv4Network) -> str:
    """Return the configuration of a dnsmasq beside another DHCP server, which may not be on the same host."""
    lines = [
        "# Beside another DHCP server, on another host: tells computers what to start, and gives no addresses away.",
        *_common(settings),
        f"dhcp-range={network.network_address},proxy,{network.netmask}",
        *_hosts(settings.computers),
        *_kinds(settings.offers),
    ]
    for tags, offer in _tagged(settings):
        lines += [f'pxe-service={tags},{number},"{_TITLE}",{offer.path}' for number in offer.client.numbers]
    if settings.has_ipxe:
        for offer in settings.offers:
            lines += [f'pxe-service=tag:ipxe,{number},"{_TITLE}",{ENTRY}' for number in offer.client.numbers]
        lines.append(f"dhcp-boot=tag:ipxe,{ENTRY}")
    return _text(lines)


def _common(settings: DnsmasqSettings) -> list[str]:
    lines = ["port=0", "log-dhcp"]
    if settings.interface is not None:
        lines += [f"interface={settings.interface}", "bind-dynamic"]
    lines += ["enable-tftp", f"tftp-root={settings.root}", "tftp-lowercase"]
    if settings.delay_s:
        lines.append(f"dhcp-reply-delay={settings.delay_s}")
    if settings.has_ipxe:
        lines.append("dhcp-userclass=set:ipxe,iPXE")
    return lines


def _hosts(computers: Iterable[Computer]) -> list[str]:
    lines = []
    for each in computers:
        if each.mac_addresses:
            name = [each.name] if _HOST_NAME.fullmatch(each.name) else []
            lines.append(f"dhcp-host={','.join((*map(str.lower, each.mac_addresses), 'set:computer', *name))}")
    return lines


def _kinds(offers: Iterable[NetOffer]) -> list[str]:
    lines = []
    for offer in offers:
        client = offer.client
        lines.append(f"# {client.called}")
        lines += [f"dhcp-match=set:{client.tag},option:client-arch,{each}" for each in client.numbers]
        lines += [f"dhcp-match=set:{client.tag}-http,option:client-arch,{each}" for each in client.http_numbers]
    return lines


def _tagged(settings: DnsmasqSettings) -> list[tuple[str, NetOffer]]:
    """Return what is offered first, with the tags that a computer must have."""
    before = ["tag:!ipxe"] if settings.has_ipxe else []
    known = ["tag:computer"] if settings.known_only else []
    return [(",".join((*before, *known, f"tag:{each.client.tag}")), each) for each in settings.offers]


def _http(settings: DnsmasqSettings, offer: NetOffer) -> list[str]:
    """Return what UEFI is told that starts by HTTP: it takes no address without the class of such servers."""
    if settings.url is None or not settings.url.startswith("http") or not offer.client.http_numbers:
        return []
    tag = f"tag:{offer.client.tag}-http"
    known = ",tag:computer" if settings.known_only else ""
    return [f"dhcp-option-force={tag},60,HTTPClient", f"dhcp-boot={tag}{known},{settings.url}{offer.path}"]


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)

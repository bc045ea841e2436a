"""Addresses of the network that a folder is for, as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from urllib.parse import quote, urlsplit

from osdimage.imaging.errors import InvalidRequest, quoted

_SCHEMES = {"http", "https", "tftp"}
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}")
_ROOT = re.compile(r"/[A-Za-z0-9._@+/-]*")
_LONGEST_PREFIX = 30


@dataclass(frozen=True, slots=True)
class Leases:
    """Addresses that a DHCP server gives away.

    Attributes:
        first: the first of them.
        last: the last.
        network: that both are in.
    """

    first: IPv4Address
    last: IPv4Address
    network: IPv4Network


def parse_leases(text: str) -> Leases:
    """Read addresses such as ``192.168.50.100-192.168.50.200/24``.

    Raises:
        InvalidRequest: when they are none, or not in one network.
    """
    found = re.fullmatch(r"\s*([0-9.]+)\s*-\s*([0-9.]+)/([0-9]{1,2})\s*", text)
    try:
        if found is not None:
            first, last = IPv4Address(found[1]), IPv4Address(found[2])
            network = IPv4Network(f"{first}/{found[3]}", strict=False)
            ends = (network.network_address, network.broadcast_address)
            if first <= last and last in network and first not in ends and last not in ends:
                return Leases(first, last, network)
    except (AddressValueError, NetmaskValueError):
        pass
    raise InvalidRequest(
        f"{quoted(text)}: are no addresses of one network; valid are two and the length of its prefix, as in "
        "192.168.50.100-192.168.50.200/24"
    )


def parse_network(text: str) -> IPv4Network:
    """Read a network such as ``192.168.50.0/24``.

    Raises:
        InvalidRequest: when it is none.
    """
    found = re.fullmatch(r"[0-9.]+/[0-9]{1,2}", text.strip())
    try:
        if found is not None:
            network = IPv4Network(found[0])
            if network.prefixlen <= _LONGEST_PREFIX:
                return network
    except ValueError:
        pass
    raise InvalidRequest(
        f"{quoted(text)}: is no network; valid is its address and the length of its prefix, as in 192.168.50.0/24"
    )


def parse_url(text: str) -> str:
    """Return the address at which a folder is handed out, with ``/`` at its end; it is written into scripts.

    Raises:
        InvalidRequest: when it is none that iPXE takes: it has a name or password of a user, a query, or characters
            that an address has escaped.
    """
    try:
        parts = urlsplit(text.strip())
        is_valid = parts.scheme in _SCHEMES and bool(parts.hostname) and not (parts.query or parts.fragment)
        is_valid = is_valid and parts.username is None and (parts.port is None or parts.port > 0)
        # Nobody asks for such a path: it is resolved before.
        is_valid = is_valid and not {".", ".."} & set(parts.path.split("/"))
    except ValueError:
        is_valid = False
    if not is_valid or quote(text.strip(), safe="/:[]%-._~") != text.strip():
        # With a user there may be a password, which is not shown.
        shown = "the address with a user" if "@" in text else quoted(text)
        raise InvalidRequest(
            f"{shown}: is no address of a folder on a server; valid is one of http, https or tftp without a "
            "user, as in http://192.168.50.1/boot"
        )
    return text.strip().rstrip("/") + "/"


def parse_interface(text: str) -> str:
    """Return the name of a network interface of the server.

    Raises:
        InvalidRequest: when none is called so.
    """
    if _INTERFACE.fullmatch(text) is None:
        raise InvalidRequest(f"{quoted(text)}: is no name of a network interface; valid is one such as eth0")
    return text


def parse_root(text: str) -> str:
    """Return the path of a folder, as the server sees it; it is written into configurations, which quote nothing.

    Raises:
        InvalidRequest: when it is not absolute, or holds what a configuration would divide it at.
    """
    if _ROOT.fullmatch(text) is None or ".." in text.split("/"):
        raise InvalidRequest(
            f"{quoted(text)}: is no folder that configurations of servers can name; valid is an absolute path of "
            "letters, digits and ._@+-, as in /srv/netboot"
        )
    return text.rstrip("/") or "/"

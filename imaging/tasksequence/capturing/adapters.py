r"""The network adapters of a Windows that does not run, and what is set of them.

Model: an adapter is an interface of TCP/IP (``Services\Tcpip\Parameters\Interfaces\{GUID}``) that has values, and whose
connection (``Control\Network\{4D36E972-...}\{GUID}\Connection``) names a device on a bus of hardware; what the software
of Windows makes up has others, such as ``SWD`` and ``ROOT``.  Values whose names begin with ``Dhcp`` are leases, which
nobody has set.

Sources: Microsoft, "TCP/IP and NBT configuration parameters for Windows XP" (KB314053) for the names, and for lists of
ports and protocols that begin with 0 where all are let through; hives of a Windows 7, an 8.1 and two of 10
(github.com/mkorman90/regipy) for what is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from osdimage.imaging.answers.settings import Adapter
from osdimage.imaging.registry.hive import Key
from osdimage.imaging.registry.lookup import number_of, text_of, texts_of
from osdimage.imaging.tasksequence.capturing.mac_addresses import MacAddress, mac_address
from osdimage.imaging.tasksequence.inputs import dns_suffix

_TCPIP, _NETBT = r"Services\Tcpip\Parameters", r"Services\NetBT\Parameters"
_CONNECTIONS = r"Control\Network\{4D36E972-E325-11CE-BFC1-08002BE10318}"
_BINDINGS = r"Services\Tcpip\Linkage"
_DEVICE = "\\Device\\"
_HARDWARE = ("PCI\\", "USB\\", "VMBUS\\", "XENVIF\\", "ACPI\\", "SD\\", "PCMCIA\\")
_NOTHING = IPv4Address(0)
_MOST_METRIC = 9999


class _Unusable(Exception):
    """Why an adapter cannot be captured, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Interface:
    """Where the settings of an adapter are.

    Attributes:
        guid: of the interface, in braces.
        name: of its connection; empty when it has none.
        instance: the id of its device.
        tcpip: its key of TCP/IP.
        netbt: its key of NetBIOS, or None.
    """

    guid: str
    name: str
    instance: str
    tcpip: Key
    netbt: Key | None

    @property
    def called(self) -> str:
        """What messages call it."""
        return f"adapter {self.name!a}" if self.name else f"adapter {self.instance}"


@dataclass(frozen=True, slots=True)
class CapturedAdapter:
    """An adapter of hardware.

    Attributes:
        called: what messages call it.
        settings: what is set of it, or None where that cannot be used.
        mac: its MAC address, or None.
        fault: why it cannot be used, as a sentence; or None.
    """

    called: str
    settings: Adapter | None
    mac: MacAddress | None = None
    fault: str | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether it is set up as an adapter is of which nobody says anything: it gets all by DHCP."""
        found = self.settings
        return (
            found is not None
            and found.dhcp
            and not (found.dns_servers or found.dns_domain or found.wins_servers or found.register_full)
            and found.register_dns is not False
            and found.lmhosts is not False
            and not found.netbios
            and (found.tcp_ports, found.udp_ports, found.protocols) == (None, None, None)
        )


MacsTold = Callable[[tuple["Interface", ...]], Mapping[str, str]]
"""Tells the MAC addresses of interfaces by their GUIDs in lower case, as far as somebody has told them."""


def nobody(interfaces: tuple[Interface, ...]) -> Mapping[str, str]:
    """Know no MAC address."""
    del interfaces
    return {}


def adapters_of(control: Key, *, has_filters: bool = False, told: MacsTold = nobody) -> tuple[CapturedAdapter, ...]:
    """Return the adapters of hardware, in the order in which TCP/IP is bound to them.

    Args:
        control: the control set of the Windows.
        has_filters: whether TCP/IP filtering of Windows before Vista is on.
        told: tells their MAC addresses, and counts more than the registry does.
    """
    netbt = control.find(_NETBT)
    lmhosts = number_of(netbt, "EnableLMHOSTS")
    found = interfaces_of(control)
    known = told(found)
    return tuple(_captured(control, each, lmhosts, known, has_filters=has_filters) for each in found)


def interfaces_of(control: Key) -> tuple[Interface, ...]:
    """Return the interfaces of hardware, in the order in which TCP/IP is bound to them."""
    found = list(_interfaces(control))
    bound = texts_of(control.find(_BINDINGS), "Bind")
    order = {each.removeprefix(_DEVICE).lower(): place for place, each in enumerate(bound)}
    return tuple(sorted(found, key=lambda each: (order.get(each.guid.lower(), len(order)), each.guid.lower())))


def _interfaces(control: Key) -> Iterator[Interface]:
    above, connections = control.find(rf"{_TCPIP}\Interfaces"), control.find(_CONNECTIONS)
    if above is None or connections is None:
        return
    for key in above.subkeys:
        connection = connections.find(rf"{key.name}\Connection")
        instance = text_of(connection, "PnpInstanceID") or ""
        if key.values and instance.upper().startswith(_HARDWARE):
            netbt = control.find(rf"{_NETBT}\Interfaces\Tcpip_{key.name}")
            yield Interface(key.name, text_of(connection, "Name") or "", instance, key, netbt)


def _captured(
    control: Key, interface: Interface, lmhosts: int | None, known: Mapping[str, str], *, has_filters: bool
) -> CapturedAdapter:
    digits = known.get(interface.guid.lower())
    mac = MacAddress(digits) if digits is not None else mac_address(control, interface.guid, interface.instance)
    try:
        settings = _settings(interface, mac, lmhosts, has_filters=has_filters)
    except _Unusable as error:
        return CapturedAdapter(interface.called, None, mac, f"{interface.called} is not captured: {error}")
    return CapturedAdapter(interface.called, settings, mac)


def _settings(interface: Interface, mac: MacAddress | None, lmhosts: int | None, *, has_filters: bool) -> Adapter:
    key, netbt = interface.tcpip, interface.netbt
    dhcp = number_of(key, "EnableDHCP")
    if dhcp is None:
        raise _Unusable("it does not say whether it gets its addresses by DHCP")
    gateways, metric = ((), None) if dhcp else _gateways(key)
    netbios = number_of(netbt, "NetbiosOptions")
    return Adapter(
        mac=None if mac is None else mac.digits,
        name=interface.name or None,
        dhcp=bool(dhcp),
        addresses=() if dhcp else _addresses(key),
        gateways=gateways,
        gateway_metric=metric,
        dns_servers=_list(_items(text_of(key, "NameServer") or ""), "NameServer"),
        dns_domain=_suffix(key, "Domain"),
        register_dns=_truth(key, "RegistrationEnabled"),
        register_full=_truth(key, "RegisterAdapterName"),
        netbios=netbios if netbios in {0, 1, 2} else None,
        wins_servers=_list(texts_of(netbt, "NameServerList"), "NameServerList"),
        # Windows looks names up in LMHOSTS unless it is told not to.
        lmhosts=False if lmhosts == 0 else None,
        tcp_ports=_allowed(key, "TCPAllowedPorts", 0xFFFF) if has_filters else None,
        udp_ports=_allowed(key, "UDPAllowedPorts", 0xFFFF) if has_filters else None,
        protocols=_allowed(key, "RawIPAllowedProtocols", 0xFF) if has_filters else None,
    )


def _truth(key: Key, name: str) -> bool | None:
    number = number_of(key, name)
    return None if number is None else bool(number)


def _items(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _list(texts: Iterable[str], name: str) -> tuple[IPv4Address, ...]:
    """Return addresses; 0.0.0.0 stands for none."""
    return tuple(each for text in texts if (each := _address(text, name)) != _NOTHING)


def _address(text: str, name: str) -> IPv4Address:
    try:
        return IPv4Address(text.strip())
    except AddressValueError as error:
        raise _Unusable(f"{name} holds {text[:40]!a}, which is no IPv4 address") from error


def _addresses(key: Key) -> tuple[tuple[IPv4Address, int], ...]:
    addresses, masks = texts_of(key, "IPAddress"), texts_of(key, "SubnetMask")
    if len(addresses) != len(masks):
        raise _Unusable(f"it has {len(addresses)} addresses (IPAddress) and {len(masks)} masks (SubnetMask)")
    found = tuple(
        (address, _bits(mask))
        for text, mask in zip(addresses, masks, strict=True)
        if (address := _address(text, "IPAddress")) != _NOTHING
    )
    if not found:
        raise _Unusable("it gets no addresses by DHCP, and has none of its own")
    return found


def _bits(text: str) -> int:
    number = int(_address(text, "SubnetMask"))
    bits = number.bit_count()
    if number != (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF:
        raise _Unusable(f"SubnetMask holds {text}, which has holes")
    return bits


def _gateways(key: Key) -> tuple[tuple[IPv4Address, ...], int | None]:
    """Return the gateways, and the metric of the first, or None where Windows finds one."""
    gateways = _list(texts_of(key, "DefaultGateway"), "DefaultGateway")
    first = next(iter(texts_of(key, "DefaultGatewayMetric")), "0")
    metric = int(first) if first.isascii() and first.isdigit() and len(first) <= 5 else 0
    return gateways, metric if gateways and 1 <= metric <= _MOST_METRIC else None


def _suffix(key: Key, name: str) -> str | None:
    text = text_of(key, name) or ""
    try:
        return dns_suffix(text) if text else None
    except ValueError as error:
        raise _Unusable(f"{name} holds {text[:40]!a}, which is no suffix of DNS") from error


def _allowed(key: Key, name: str, most: int) -> tuple[int, ...] | None:
    """Return what a filter lets through, of numbers up to a largest one, or None when it lets all through."""
    value = key.value(name)
    texts = texts_of(key, name)
    if value is None or texts[:1] == ("0",):
        return None
    if not all(each.isascii() and each.isdigit() and len(each) <= 5 and int(each) <= most for each in texts):
        raise _Unusable(f"{name} holds {' '.join(texts)[:40]!a}, which are no numbers up to {most}")
    return tuple(map(int, texts))

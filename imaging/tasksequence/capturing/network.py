r"""The network settings of a Windows that is on a disk, as those of the step Apply Network Settings.

An adapter that gets all by DHCP, and of which nobody has set anything, need not be known again: without a word of it
the next Windows does the same.  It is captured where its MAC address is known, and passed over where it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from osdimage.imaging.answers.settings import Adapter, Membership, NetworkSettings
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry.lookup import number_of, text_of
from osdimage.imaging.tasksequence.capturing.adapters import CapturedAdapter, MacsTold, adapters_of, nobody
from osdimage.imaging.tasksequence.inputs import dns_suffix

_PARAMETERS = r"Services\Tcpip\Parameters"
_VISTA = (6, 0)
_SEPARATORS = re.compile(r"[,\s]+")
MOST_ADAPTERS = 64


@dataclass(frozen=True, slots=True)
class CapturedNetwork:
    """What was captured of the network.

    Attributes:
        settings: for the next Windows; its membership is not in it.
        warnings: sentences about what is lost, or may not be so.
        notes: sentences about what need not be captured.
    """

    settings: NetworkSettings
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def network_of(windows: OfflineWindows, *, told: MacsTold = nobody) -> CapturedNetwork:
    """Return the settings of the adapters of a Windows, and those of all of them.

    Args:
        windows: it.
        told: tells MAC addresses of its adapters, and counts more than its registry does.

    Raises:
        InvalidInput: when it has no settings of TCP/IP.
    """
    control = windows.system.root.child(windows.control_set)
    parameters = None if control is None else control.find(_PARAMETERS)
    if control is None or parameters is None:
        raise InvalidInput(rf"{windows.name}: its registry has no {_PARAMETERS}")
    filtering = windows.os.version < _VISTA and number_of(parameters, "EnableSecurityFilters") == 1
    found = adapters_of(control, has_filters=filtering, told=told)
    taken = [each for each in found if each.settings is not None and not (each.says_nothing and each.mac is None)]
    domain, lost_domain = _suffixes([text_of(parameters, "NV Domain") or text_of(parameters, "Domain") or ""])
    suffixes, lost = _suffixes(_SEPARATORS.split(text_of(parameters, "SearchList") or ""))
    settings = NetworkSettings(
        dns_domain=next(iter(domain), None),
        dns_suffixes=suffixes,
        filtering=filtering,
        adapters=tuple(each.settings for each in taken[:MOST_ADAPTERS] if each.settings is not None),
    )
    notes = tuple(
        f"{each.called} gets all by DHCP, and so it will without being captured"
        for each in found
        if each.says_nothing and each.mac is None
    )
    return CapturedNetwork(settings, (*lost_domain, *lost, *_warnings(found, taken)), notes)


def _suffixes(texts: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return those of texts that are suffixes of DNS, and a sentence about each other that is not empty."""
    found, lost = [], []
    for each in filter(None, texts):
        try:
            found.append(dns_suffix(each))
        except ValueError:
            lost.append(f"the suffix of DNS {each[:40]!a} is not captured: it is none")
    return tuple(found), tuple(lost)


def _warnings(found: tuple[CapturedAdapter, ...], taken: list[CapturedAdapter]) -> Iterator[str]:
    for each in found:
        if each.fault is not None:
            yield each.fault
    for each in taken[:MOST_ADAPTERS]:
        if each.mac is None:
            yield (
                f"{each.called}: its registry does not tell its MAC address, so that the next Windows knows it by the "
                "name of its connection alone, if it has one of that name"
            )
        elif not each.mac.is_sure:
            yield (
                f"{each.called}: the MAC address {each.mac.digits} is the one by which Windows once made its own name "
                "for DHCP (Dhcpv6DUID); where the adapter was replaced or the disk copied since, it is another's"
            )
    if len(taken) > MOST_ADAPTERS:
        yield f"{len(taken) - MOST_ADAPTERS} adapters are not captured: a task sequence knows {MOST_ADAPTERS} at most"


def membership_variables(membership: Membership) -> dict[str, str]:
    """Return the variables that tell Apply Network Settings of a domain or a workgroup."""
    if membership.workgroup is not None:
        return {"OSDNetworkJoinType": "1", "OSDWorkgroupName": membership.workgroup}
    return {"OSDNetworkJoinType": "0", "OSDDomainName": membership.domain or ""}


def network_variables(settings: NetworkSettings) -> dict[str, str]:
    """Return the variables that tell Apply Network Settings of adapters and of what all of them have."""
    found = {
        "OSDDNSDomain": settings.dns_domain or "",
        "OSDDNSSuffixSearchOrder": ",".join(settings.dns_suffixes),
        "OSDEnableTCPIPFiltering": "true" if settings.filtering else "",
        "OSDAdapterCount": str(len(settings.adapters)),
    }
    for number, adapter in enumerate(settings.adapters):
        found |= {f"OSDAdapter{number}{name}": value for name, value in _adapter_variables(adapter).items()}
    return {name: value for name, value in found.items() if value}


def _adapter_variables(adapter: Adapter) -> dict[str, str]:
    def listed(items: tuple[object, ...]) -> str:
        return ",".join(map(str, items))

    filters = {
        "TCPFiltering": ("TCPFilterPortList", adapter.tcp_ports),
        "UDPFiltering": ("UDPFilterPortList", adapter.udp_ports),
        "IPProtocolFiltering": ("IPProtocolFilterList", adapter.protocols),
    }
    told = {
        "EnableDHCP": _word(adapter.dhcp),
        "IPAddressList": listed(tuple(address for address, _ in adapter.addresses)),
        "SubnetMask": listed(tuple(IPv4Network((0, bits)).netmask for _, bits in adapter.addresses)),
        "Gateways": listed(adapter.gateways),
        "GatewayCostMetric": "" if adapter.gateway_metric is None else str(adapter.gateway_metric),
        "DNSServerList": listed(adapter.dns_servers),
        "DNSDomain": adapter.dns_domain or "",
        "EnableDNSRegistration": _word(adapter.register_dns),
        "EnableFullDNSRegistration": _word(adapter.register_full),
        "TcpipNetbiosOptions": "" if adapter.netbios is None else str(adapter.netbios),
        "EnableWINS": _word(bool(adapter.wins_servers) or None),
        "WINSServerList": listed(adapter.wins_servers),
        "EnableLMHOSTS": _word(adapter.lmhosts),
        "MacAddress": adapter.mac or "",
        "Name": adapter.name or "",
    }
    for name, (items, allowed) in filters.items():
        told |= {f"Enable{name}": _word(None if allowed is None else True), items: listed(allowed or ())}
    return told


def _word(value: bool | None) -> str:  # noqa: FBT001 - one value to one word
    return "" if value is None else str(value).lower()

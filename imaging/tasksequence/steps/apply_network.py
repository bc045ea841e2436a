"""Apply Network Settings.

The settings are written into the answer file that Apply Operating System put into the volume, and replace what it says.
Without ``OSDAdapterCount`` the variables of adapters are ignored, and every adapter gets its addresses by DHCP.
Settings that Windows of that age does not know are left out, with a warning.  ``OSDDNSDomain``, the search order of
suffixes and ``OSDEnableTCPIPFiltering`` remain set for all later steps.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network

from osdimage.imaging.answers.settings import Adapter, NetworkSettings
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import (
    Inputs,
    addresses,
    boolean,
    comma_list,
    dns_suffix,
    numbers,
    optional,
    required,
)
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, Needs, RunIn, VariableInfo
from osdimage.imaging.tasksequence.steps.answer_files import change_answer_file, rehearse_change
from osdimage.imaging.tasksequence.steps.membership import Names, described, read_membership
from osdimage.imaging.units import counted

_A = "OSDAdapter<N>"
MOST_ADAPTERS = 64

VARIABLES: tuple[VariableInfo, ...] = (
    required("OSDNetworkJoinType", "0 for a domain, 1 for a workgroup", choices=("0", "1")),
    optional(
        "OSDDomainName",
        "the domain; needed when OSDNetworkJoinType is 0",
        max_length=255,
        source="SDK (CM07 has 32 characters)",
    ),
    optional("OSDDomainOUName", "the full path of the unit, such as LDAP://OU=A,DC=B", max_length=32767, source="SDK"),
    optional("OSDJoinAccount", "who may join the domain; needed when OSDNetworkJoinType is 0", source="CM07, CB"),
    optional("OSDJoinPassword", "of the account; blank when it is missing", source="CM07, CB"),
    optional("OSDWorkgroupName", "the workgroup; needed when OSDNetworkJoinType is 1", max_length=32),
    optional("OSDDNSDomain", "the primary DNS suffix of the computer"),
    optional("OSDDNSSuffixSearchOrder", "DNS suffixes in their order, with commas between", source="CB"),
    optional("OSDSuffixSearchOrder", "the same, as CM07 writes it"),
    boolean("OSDEnableTCPIPFiltering", "filter what the adapters list (before Windows Vista)", default=False),
    optional("OSDAdapterCount", "how many adapters follow", numbers=(0, MOST_ADAPTERS), source="CM07, CB"),
    boolean(_A + "EnableDHCP", "get addresses by itself", needs=Needs.REQUIRED, source="CB"),
    optional(_A + "IPAddressList", "IPv4 addresses; needed without DHCP", source="CB"),
    optional(_A + "SubnetMask", "as many masks; needed without DHCP", source="CB"),
    optional(_A + "Gateways", "IPv4 addresses; ignored with DHCP", source="CB"),
    optional(_A + "GatewayCostMetric", "of the gateways", numbers=(1, 9999), source="SDK"),
    optional(_A + "DNSServerList", "IPv4 addresses", source="CB"),
    optional(_A + "DNSDomain", "the DNS suffix of the connection", max_length=255, source="CB"),
    optional(_A + "DNSSuffix", "the same, as an example in CB writes it", max_length=255, source="CB"),
    boolean(_A + "EnableDNSRegistration", "register the addresses in DNS", source="CB"),
    boolean(_A + "EnableFullDNSRegistration", "register them under the suffix of the connection too", source="CB"),
    boolean(_A + "EnableIPProtocolFiltering", "let only the listed protocols through", default=False, source="CB"),
    optional(_A + "IPProtocolFilterList", "numbers of protocols, 0 to 255", source="CB"),
    boolean(_A + "EnableTCPFiltering", "let only the listed ports through", default=False, source="CB"),
    optional(_A + "TCPFilterPortList", "ports, 0 to 65535", source="CB"),
    boolean(_A + "EnableUDPFiltering", "let only the listed ports through", default=False, source="SDK"),
    optional(_A + "UDPFilterPortList", "ports, 0 to 65535", source="SDK"),
    optional(
        _A + "TcpipNetbiosOptions",
        "0 as DHCP says, 1 NetBIOS over TCP/IP, 2 without",
        choices=("0", "1", "2"),
        source="CB",
    ),
    boolean(_A + "EnableWINS", "use WINS", default=False, source="SDK"),
    optional(_A + "WINSServerList", "IPv4 addresses", source="SDK"),
    boolean(_A + "EnableLMHOSTS", "look names up in LMHOSTS", source="SDK"),
    optional(
        _A + "MacAddress", "12 hexadecimal digits; needed when there are several adapters, or no Name", source="CB"
    ),
    optional(_A + "Name", "of the connection, such as Ethernet", max_length=255, source="CB"),
    optional(_A + "Index", "not used: the number of the element counts", source="CB"),
)
ADAPTERS = tuple(each for each in VARIABLES if each.name.startswith("OSDAdapter"))
"""The variables of adapters alone."""
_NAMES = Names("OSDNetworkJoinType", "OSDDomainName", "OSDDomainOUName", "OSDWorkgroupName", needs_password=False)
# "This value is set by the Apply Network Settings action, but it remains in the environment and is available to all
# subsequent task sequence actions" (Task Sequence Action Variables, and so of CB's name of the second).
_REMAIN = ("OSDDNSDomain", "OSDSuffixSearchOrder", "OSDDNSSuffixSearchOrder", "OSDEnableTCPIPFiltering")
_HEX = re.compile(r"[0-9A-Fa-f]{12}", re.ASCII)


@action(VARIABLES)
def apply_network_settings(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Write network settings into the answer file of the Windows that was applied.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong or no Windows was applied, or another code when the volume
            cannot be read or written.
    """
    settings = _settings(env)
    path, unplaced = change_answer_file(env, machine, events, lambda answers: answers.set_network(settings))
    outputs = _remember(env)
    return ActionResult(HResult.S_OK, f"{_described(settings)}: wrote to {path}", outputs=outputs, warnings=unplaced)


@forecast
def forecast_apply_network_settings(env: Environment, machine: Machine) -> Forecast:
    """Tell whether the settings can be written."""
    settings = _settings(env)
    rehearse_change(machine, lambda answers: answers.set_network(settings))
    _remember(env)
    return Forecast(f"write {_described(settings)} to the answer file")


def _remember(env: Environment) -> tuple[str, ...]:
    """Make what the step had as its defaults known to all later steps; return the names."""
    values = {name: value for name in _REMAIN if (value := env.get(name))}
    for name, value in values.items():
        env[name] = value
    return tuple(values)


def _described(settings: NetworkSettings) -> str:
    joined = "" if settings.membership is None else described(settings.membership)
    return f"{joined}, {described_adapters(settings)}" if settings.adapters else joined


def described_adapters(settings: NetworkSettings) -> str:
    """Say for people how many adapters are set up."""
    return counted(len(settings.adapters), "adapter")


def adapter_settings(env: Environment) -> NetworkSettings:
    """Return the settings of adapters alone.

    Raises:
        InvalidRequest: when a variable is wrong.
    """
    inputs = Inputs(env, ADAPTERS)
    count = inputs.number("OSDAdapterCount") or 0
    settings = NetworkSettings(adapters=tuple(_adapter(inputs, each, is_only=count == 1) for each in range(count)))
    inputs.finish()
    return settings


def _settings(env: Environment) -> NetworkSettings:
    inputs = Inputs(env, VARIABLES)
    membership = read_membership(inputs, _NAMES)
    suffixes = inputs.parsed("OSDDNSSuffixSearchOrder", _suffixes) or inputs.parsed("OSDSuffixSearchOrder", _suffixes)
    count = inputs.number("OSDAdapterCount") or 0
    settings = NetworkSettings(
        membership=membership,
        dns_domain=inputs.parsed("OSDDNSDomain", dns_suffix),
        dns_suffixes=suffixes or (),
        filtering=inputs.boolean("OSDEnableTCPIPFiltering") is True,
        adapters=tuple(_adapter(inputs, number, is_only=count == 1) for number in range(count)),
    )
    inputs.finish()
    return settings


def _adapter(inputs: Inputs, number: int, *, is_only: bool) -> Adapter:
    def allowed(switch: str, name: str, most: int) -> tuple[int, ...] | None:
        found = inputs.parsed(_A + name, numbers(most), number)
        return found or () if inputs.boolean(_A + switch, number) else None

    dhcp = inputs.boolean(_A + "EnableDHCP", number)
    mac, name = inputs.parsed(_A + "MacAddress", _mac, number), inputs.text(_A + "Name", number)
    if mac is None and (name is None or not is_only):
        inputs.problems.append(
            f"OSDAdapter{number}MacAddress is missing; by it Windows knows the adapter "
            f"(an only adapter may have OSDAdapter{number}Name instead)"
        )
    own = () if dhcp is not False else _own_addresses(inputs, number)
    gateways = inputs.parsed(_A + "Gateways", addresses, number)
    wins = inputs.parsed(_A + "WINSServerList", addresses, number)
    netbios = inputs.text(_A + "TcpipNetbiosOptions", number)
    domain = inputs.parsed(_A + "DNSDomain", dns_suffix, number) or inputs.parsed(_A + "DNSSuffix", dns_suffix, number)
    return Adapter(
        mac=mac,
        name=name,
        dhcp=dhcp is not False,
        addresses=own,
        gateways=() if dhcp is not False else gateways or (),
        gateway_metric=inputs.number(_A + "GatewayCostMetric", number),
        dns_servers=inputs.parsed(_A + "DNSServerList", addresses, number) or (),
        dns_domain=domain,
        register_dns=inputs.boolean(_A + "EnableDNSRegistration", number),
        register_full=inputs.boolean(_A + "EnableFullDNSRegistration", number),
        netbios=None if netbios is None else int(netbios),
        wins_servers=(wins or ()) if inputs.boolean(_A + "EnableWINS", number) else (),
        lmhosts=inputs.boolean(_A + "EnableLMHOSTS", number),
        tcp_ports=allowed("EnableTCPFiltering", "TCPFilterPortList", 65535),
        udp_ports=allowed("EnableUDPFiltering", "UDPFilterPortList", 65535),
        protocols=allowed("EnableIPProtocolFiltering", "IPProtocolFilterList", 255),
    )


def _own_addresses(inputs: Inputs, number: int) -> tuple[tuple[IPv4Address, int], ...]:
    found = inputs.parsed(_A + "IPAddressList", addresses, number)
    masks = inputs.parsed(_A + "SubnetMask", _masks, number)
    base = f"OSDAdapter{number}"
    for name, values in (("IPAddressList", found), ("SubnetMask", masks)):
        if values is None and not any(each.startswith(base + name) for each in inputs.problems):
            inputs.problems.append(f"{base}{name} is missing; {base}EnableDHCP=false needs it")
    if found is None or masks is None:
        return ()
    if len(found) != len(masks):
        inputs.problems.append(
            f"{base}SubnetMask has {len(masks)} masks for {len(found)} addresses; valid: one for each address"
        )
    return tuple(zip(found, masks, strict=False))


def _masks(text: str) -> tuple[int, ...]:
    """Read masks such as ``255.255.255.0`` and return the bits of each; ValueError when one has holes."""
    return tuple(IPv4Network(f"0.0.0.0/{IPv4Address(item)}").prefixlen for item in comma_list(text))


def _mac(text: str) -> str:
    plain = re.sub(r"[:.-]", "", text)
    if _HEX.fullmatch(plain) is None:
        raise ValueError
    return plain.upper()


def _suffixes(text: str) -> tuple[str, ...]:
    return tuple(map(dns_suffix, comma_list(text)))


INFO = ActionInfo(
    type_name="SMS_TaskSequence_ApplyNetworkSettingsAction",
    title="Apply Network Settings",
    run=apply_network_settings,
    forecast=forecast_apply_network_settings,
    variables=VARIABLES,
    runs_in=RunIn.WINPE,
)

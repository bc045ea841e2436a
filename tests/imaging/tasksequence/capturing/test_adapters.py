"""The adapters of a Windows: which are of hardware, what is set of them, and by which address they are known."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

import pytest
from cases import settings_of_windows as made
from cases.offline_windows import HeldFiles
from cases.settings_of_windows import CARD, LEASED, ONE, SEVEN, TCPIP, TCPIP6, TEN, TWO, Keys, fixed, interface, tree_of
from hypothesis import given, settings
from hypothesis import strategies as st
from osdimage.imaging.drivers import offline_windows
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry import Key, Value
from osdimage.imaging.registry.write import new_hive
from osdimage.imaging.tasksequence.capturing.adapters import adapters_of
from osdimage.imaging.tasksequence.capturing.mac_addresses import MacAddress, mac_address
from osdimage.imaging.tasksequence.capturing.network import CapturedNetwork, network_of, network_variables

STATIC = fixed("10.3.58.5", "10.3.58.1", "10.3.58.4")


def captured(keys: Keys, kind: str = "10") -> CapturedNetwork:
    return network_of(offline_windows(HeldFiles(tree_of({**made.GENERAL, **keys}, made=kind))))


def variables(keys: Keys, kind: str = "10") -> dict[str, str]:
    return network_variables(captured(keys, kind).settings)


# What hivexget prints of the hive SYSTEM of regipy, whose shape SEVEN has (it knows no more of its second adapter):
# hivexget SYSTEM 'ControlSet001\services\Tcpip\Parameters\Interfaces\{698E50A9-...}' IPAddress (and so on).
def test_what_windows_7_has_of_two_adapters_is_captured() -> None:
    found = captured(SEVEN, "7")
    assert network_variables(found.settings) == {
        "OSDDNSDomain": "shieldbase.local",
        "OSDDNSSuffixSearchOrder": "shieldbase.local,corp.example",
        "OSDAdapterCount": "2",
        "OSDAdapter0EnableDHCP": "false",
        "OSDAdapter0IPAddressList": "10.3.58.5",
        "OSDAdapter0SubnetMask": "255.255.255.0",
        "OSDAdapter0Gateways": "10.3.58.1",
        "OSDAdapter0DNSServerList": "10.3.58.4",
        "OSDAdapter0EnableDNSRegistration": "true",
        "OSDAdapter0EnableFullDNSRegistration": "false",
        "OSDAdapter0TcpipNetbiosOptions": "0",
        "OSDAdapter0Name": "Local Area Connection 2",
        "OSDAdapter1EnableDHCP": "false",
        "OSDAdapter1IPAddressList": "192.168.1.123",
        "OSDAdapter1SubnetMask": "255.255.255.0",
        "OSDAdapter1Gateways": "192.168.1.1",
        "OSDAdapter1DNSServerList": "192.168.1.112",
        "OSDAdapter1EnableDNSRegistration": "true",
        "OSDAdapter1EnableFullDNSRegistration": "false",
        "OSDAdapter1TcpipNetbiosOptions": "0",
        "OSDAdapter1MacAddress": "000C297E7ED3",
        "OSDAdapter1Name": "Local Area Connection",
    }
    unknown, unsure = found.warnings
    assert "'Local Area Connection 2': its registry does not tell its MAC address" in unknown
    assert "'Local Area Connection': the MAC address 000C297E7ED3 is the one" in unsure


def test_what_software_makes_up_is_no_adapter_and_one_that_gets_all_by_dhcp_is_passed_over() -> None:
    found = captured(TEN)
    assert [(each.name, each.mac) for each in found.settings.adapters] == [("Ethernet0", "000C29F3FFDE")]
    (adapter,) = found.settings.adapters
    assert adapter.addresses == ((IPv4Address("192.168.146.9"), 22),)
    assert (adapter.gateway_metric, adapter.netbios, adapter.dns_domain) == (25, 2, "lab.example")
    assert adapter.wins_servers == (IPv4Address("192.168.146.5"),)
    assert found.warnings == ()
    assert found.notes == ("adapter 'Wi-Fi' gets all by DHCP, and so it will without being captured",)


def test_leases_are_never_captured() -> None:
    kernel = {rf"Control\NetworkSetup2\Interfaces\{ONE}\Kernel": {"PermanentAddress": made.raw(b"\0\x0c)\xf3\xff\xde")}}
    found = variables({**interface(ONE, "Ethernet", CARD, LEASED), **kernel})
    assert {name: value for name, value in found.items() if "Adapter" in name} == {
        "OSDAdapterCount": "1",
        "OSDAdapter0EnableDHCP": "true",
        "OSDAdapter0TcpipNetbiosOptions": "0",
        "OSDAdapter0MacAddress": "000C29F3FFDE",
        "OSDAdapter0Name": "Ethernet",
    }


# KB314053: of TCPAllowedPorts and the like "0" alone lets all through.
def test_filters_of_windows_xp_count_where_they_are_on() -> None:
    found = variables(made.XP, "xp")
    assert found["OSDEnableTCPIPFiltering"] == "true"
    assert (found["OSDAdapter0EnableTCPFiltering"], found["OSDAdapter0TCPFilterPortList"]) == ("true", "80,443")
    assert not [name for name in found if "UDP" in name or "IPProtocol" in name]
    off = variables({**made.XP, TCPIP: {"EnableSecurityFilters": made.number(0)}}, "xp")
    later = variables(made.XP, "7")
    assert not [name for name in (*off, *later) if "Filter" in name]


FAULTS = {
    "no word of DHCP": ({"EnableDHCP": ""}, "it does not say whether it gets its addresses by DHCP"),
    "an address in words": ({"IPAddress": made.texts("ten")}, "IPAddress holds 'ten', which is no IPv4 address"),
    "a mask with holes": ({"SubnetMask": made.texts("255.0.255.0")}, "SubnetMask holds 255.0.255.0, which has holes"),
    "a mask upside down": ({"SubnetMask": made.texts("0.0.0.255")}, "SubnetMask holds 0.0.0.255, which has holes"),
    "two masks": ({"SubnetMask": made.texts("255.0.0.0", "255.0.0.0")}, "1 addresses (IPAddress) and 2 masks"),
    "no address": ({"IPAddress": made.texts(made.NO_ADDRESS)}, "it gets no addresses by DHCP, and has none of its own"),
    "a suffix that is none": (
        {"Domain": made.text("lab example")},
        "Domain holds 'lab example', which is no suffix of",
    ),
    "a server in words": ({"NameServer": made.text("dns 10.0.0.1")}, "NameServer holds 'dns'"),
}


@pytest.mark.parametrize(("changed", "said"), FAULTS.values(), ids=FAULTS)
def test_an_adapter_that_cannot_be_used_is_named_and_the_others_are_captured(
    changed: Mapping[str, str], said: str
) -> None:
    values = {name: value for name, value in {**STATIC, **changed}.items() if value}
    found = captured({**interface(ONE, "A", CARD, values), **interface(TWO, "B", made.SERIAL_CARD, STATIC)})
    assert [each.name for each in found.settings.adapters] == ["B"]
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("adapter 'A' is not captured: ")
    assert said in found.warnings[0]


def test_a_filter_that_windows_could_not_have_is_a_fault_of_its_adapter() -> None:
    keys = {**made.XP, rf"{TCPIP}\Interfaces\{ONE}": {**STATIC, "RawIPAllowedProtocols": made.texts("6", "256")}}
    found = captured(keys, "xp")
    assert found.settings.adapters == ()
    assert "RawIPAllowedProtocols holds '6 256', which are no numbers up to 255" in found.warnings[0]


def test_a_suffix_of_dns_that_is_none_is_lost_alone() -> None:
    parameters = {"NV Domain": made.text("corp"), "SearchList": made.text("a.example,\u00e4.example b.example")}
    found = captured({TCPIP: parameters})
    assert (found.settings.dns_domain, found.settings.dns_suffixes) == ("corp", ("a.example", "b.example"))
    assert found.warnings == (r"the suffix of DNS '\xe4.example' is not captured: it is none",)
    wrong = captured({TCPIP: {"NV Domain": made.text("corp example")}})
    assert (wrong.settings.dns_domain, len(wrong.warnings)) == (None, 1)


def test_0_0_0_0_is_no_address_beside_others() -> None:
    values = STATIC | {
        "IPAddress": made.texts("10.0.0.1", made.NO_ADDRESS),
        "SubnetMask": made.texts("255.0.0.0", made.NO_ADDRESS),
        "DefaultGateway": made.texts(made.NO_ADDRESS),
    }
    found = variables(interface(ONE, "A", made.SERIAL_CARD, values))
    assert (found["OSDAdapter0IPAddressList"], found["OSDAdapter0SubnetMask"]) == ("10.0.0.1", "255.0.0.0")
    assert "OSDAdapter0Gateways" not in found


def test_more_adapters_than_a_sequence_knows_are_said() -> None:
    keys: dict[str, Mapping[str, str]] = {}
    for number in range(66):
        keys |= interface(f"{{{number:08x}-0000-0000-0000-000000000000}}", f"A{number}", CARD, STATIC)
    found = captured(keys)
    assert len(found.settings.adapters) == 64
    assert found.warnings[-1] == "2 adapters are not captured: a task sequence knows 64 at most"


def test_a_windows_without_tcp_ip_has_nothing_to_capture() -> None:
    with pytest.raises(InvalidInput, match=r"its registry has no Services\\Tcpip\\Parameters"):
        network_of(offline_windows(HeldFiles(tree_of({}))))


# MAC addresses


def control_with(*, kept: str = "", duid: str = "", iaids: Mapping[str, int] | None = None) -> Key:
    control = new_hive("SYSTEM").root.ensure("ControlSet001")
    if kept:
        kernel = control.ensure(rf"Control\NetworkSetup2\Interfaces\{ONE}\Kernel")
        kernel.set(Value.binary("PermanentAddress", bytes.fromhex(kept)))
    if duid:
        control.ensure(TCPIP6).set(Value.binary("Dhcpv6DUID", bytes.fromhex(duid)))
    for guid, number in (iaids or {}).items():
        control.ensure(rf"{TCPIP6}\Interfaces\{guid.lower()}").set(Value.dword("Dhcpv6Iaid", number))
    return control


DUID = "00010001 20f81231 000c29f3ffde"
# Hives of regipy: SYSTEM_WIN_10_1709 has all three, SYSTEM_B the first, SYSTEM_2 (Windows 8.1) the last.
FOUND = {
    "kept by Windows 10": ({"kept": "ecf4bb487fed"}, CARD, MacAddress("ECF4BB487FED")),
    "the serial number": ({}, made.SERIAL_CARD, MacAddress("000C29F3FFDE")),
    "all three": (
        {"kept": "000c29f3ffde", "duid": DUID, "iaids": {ONE: 0x03000C29}},
        made.SERIAL_CARD,
        MacAddress("000C29F3FFDE"),
    ),
    "DHCPv6": (
        {"duid": "00010001 1dfd3c74 080027499716", "iaids": {ONE: 0x03080027, TWO: 0}},
        CARD,
        MacAddress("080027499716", is_sure=False),
    ),
    "DHCPv6 of another adapter": ({"duid": DUID, "iaids": {ONE: 0x11005056, TWO: 0x0E000C29}}, CARD, None),
    "DHCPv6 of one of two of a vendor": ({"duid": DUID, "iaids": {ONE: 0x03000C29, TWO: 0x04000C29}}, CARD, None),
    "DHCPv6 against the serial number": (
        {"duid": "00010001 20f81231 000c29000001", "iaids": {ONE: 0x03000C29}},
        made.SERIAL_CARD,
        None,
    ),
    "another kind of DUID": ({"duid": "00030001000c29f3ffde", "iaids": {ONE: 0x03000C29}}, CARD, None),
    "the second function of a card": ({}, made.SERIAL_CARD[:-1] + "1", None),
    "an EUI-64 that is no MAC address": ({}, made.SERIAL_CARD.replace("FFFF", "FFFE"), None),
    "a serial number of USB": ({}, r"USB\VID_0BDA&PID_8153\000C29FFFFF3FFDE00", None),
    "nothing but zeros": ({"kept": "000000000000"}, CARD, None),
    "an address of a group": ({"kept": "010000000000"}, CARD, None),
    "that of a tunnel": ({"kept": "00000000000000e0"}, CARD, None),
    "nothing": ({}, CARD, None),
}


@pytest.mark.parametrize(("told", "instance", "expected"), FOUND.values(), ids=FOUND)
def test_a_mac_address_is_found_or_not_known(
    told: dict[str, object], instance: str, expected: MacAddress | None
) -> None:
    assert mac_address(control_with(**told), ONE, instance) == expected  # type: ignore[arg-type]


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(["EnableDHCP", "IPAddress", "SubnetMask", "DefaultGateway", "NameServer", "TCPAllowedPorts"]),
        st.tuples(st.sampled_from([1, 3, 4, 7]), st.binary(max_size=40)),
    )
)
def test_any_values_are_settings_or_a_fault(values: dict[str, tuple[int, bytes]]) -> None:
    control = new_hive("SYSTEM").root.ensure("ControlSet001")
    for name, (kind, data) in values.items():
        control.ensure(rf"{TCPIP}\Interfaces\{ONE}").set(Value(name, kind, data))
    control.ensure(rf"{made.NETWORK}\{ONE}\Connection").set(Value.string("PnPInstanceId", CARD))
    found = adapters_of(control, has_filters=True)
    assert len(found) == bool(values)
    for each in found:
        assert (each.settings is None) != (each.fault is None)

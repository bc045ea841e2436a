"""What people set in a Windows, as its hives hold it: shaped as hives of real ones are, and merged into made-up trees.

The shapes of Windows 7 and 10 are those of the hives of github.com/mkorman90/regipy; that of Windows XP is known from
"TCP/IP and NBT configuration parameters for Windows XP" (Microsoft, KB314053) and the time zones that it comes with.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from judges.wim import output
from osdimage.imaging.registry.edits import import_edits
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.reg_file import parse_reg
from osdimage.imaging.registry.write import new_hive, write_hive

from cases.offline_windows import WINDOWS_7, WINDOWS_10, WINDOWS_XP, Tree, make_tree

Keys = Mapping[str, Mapping[str, str]]
"""Values as a registration file writes them, by name and by the path of their key."""

NETWORK = r"Control\Network\{4D36E972-E325-11CE-BFC1-08002BE10318}"
TCPIP, TCPIP6, NETBT = (rf"Services\{name}\Parameters" for name in ("Tcpip", "Tcpip6", "NetBT"))
VERSION = r"Microsoft\Windows NT\CurrentVersion"
ONE, TWO = "{698E50A9-4F58-4D86-B61D-F42E58DCACF6}", "{6AAFC9A9-0542-4DB2-8760-CCFFA953737C}"
DEBUGGER, LOOPBACK = "{BA46CEEE-2C68-4162-822D-C9EF268D2390}", "{e29ac6c2-7037-11de-816d-806e6f6e6963}"
CARD = r"PCI\VEN_8086&DEV_100F&SUBSYS_075015AD&REV_01\4&B70F118&0&1888"
CARD_TWO = r"PCI\VEN_8086&DEV_100F&SUBSYS_075015AD&REV_01\4&B70F118&0&0888"
SERIAL_CARD = r"PCI\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00\000C29FFFFF3FFDE00"
NO_ADDRESS = "0.0.0.0"  # noqa: S104 - what Windows XP writes where there is none
SID = "010400000000000515000000010000000200000003000000"


def text(value: str) -> str:
    if not value.isascii():
        # hivexregedit knows no other characters in quotation marks.
        return raw(f"{value}\0".encode("utf-16-le"), 1)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def number(value: int) -> str:
    return f"dword:{value & 0xFFFFFFFF:08x}"


def raw(data: bytes, kind: int = 3) -> str:
    return f"hex({kind}):" + data.hex(",")


def texts(*values: str) -> str:
    return raw("".join(f"{each}\0" for each in (*values, "")).encode("utf-16-le"), 7)


def interface(
    guid: str, name: str, instance: str, values: Mapping[str, str], **netbt: str
) -> dict[str, dict[str, str]]:
    """Return the keys of an adapter, below the control set."""
    return {
        rf"{TCPIP}\Interfaces\{guid}": dict(values),
        rf"{NETBT}\Interfaces\Tcpip_{guid}": netbt or {"NameServerList": texts(), "NetbiosOptions": number(0)},
        rf"{NETWORK}\{guid}\Connection": {"Name": text(name), "PnpInstanceID": text(instance)},
    }


def fixed(address: str, gateway: str, servers: str, mask: str = "255.255.255.0") -> dict[str, str]:
    """Return the values of an interface with an address of its own."""
    return {
        "EnableDHCP": number(0),
        "NameServer": text(servers),
        "Domain": text(""),
        "RegistrationEnabled": number(1),
        "RegisterAdapterName": number(0),
        "IPAddress": texts(address),
        "SubnetMask": texts(mask),
        "DefaultGateway": texts(gateway),
        "DefaultGatewayMetric": texts("0"),
        "DhcpServer": text("255.255.255.255"),
    }


LEASED = {
    "EnableDHCP": number(1),
    "Domain": text(""),
    "NameServer": text(""),
    "DhcpIPAddress": text("192.168.146.128"),
    "DhcpNameServer": text("192.168.146.2"),
    "DhcpDefaultGateway": texts("192.168.146.2"),
}

GENERAL: Keys = {
    r"Control\ComputerName\ComputerName": {"@": text("mnmsrvc"), "ComputerName": text("WKS-WIN732BITA")},
    TCPIP: {
        "NV Hostname": text("WKS-WIN732BITA"),
        "NV Domain": text("shieldbase.local"),
        "SearchList": text("shieldbase.local,corp.example"),
        "SyncDomainWithMembership": number(1),
    },
    NETBT: {"EnableLMHOSTS": number(1)},
    # As Windows 7 has it: a buffer of 256 bytes with garbage behind the text.
    r"Control\TimeZoneInformation": {
        "TimeZoneKeyName": raw(
            ("Eastern Standard Time\0".encode("utf-16-le") + b"\x19ctv\x14\x06").ljust(256, b"\1"), 1
        ),
        "StandardName": text("@tzres.dll,-112"),
    },
    rf"{TCPIP}\Interfaces\{LOOPBACK}": {},
}
SEVEN: Keys = {
    **GENERAL,
    r"Services\Tcpip\Linkage": {"Bind": texts(rf"\Device\{ONE}", rf"\Device\{TWO}")},
    **interface(ONE, "Local Area Connection 2", CARD, fixed("10.3.58.5", "10.3.58.1", "10.3.58.4")),
    **interface(TWO, "Local Area Connection", CARD_TWO, fixed("192.168.1.123", "192.168.1.1", "192.168.1.112")),
    TCPIP6: {"Dhcpv6DUID": raw(bytes.fromhex("00010001146c9b4a000c297e7ed3"))},
    rf"{TCPIP6}\Interfaces\{ONE.lower()}": {"Dhcpv6Iaid": number(0x11005056)},
    rf"{TCPIP6}\Interfaces\{TWO.lower()}": {"Dhcpv6Iaid": number(0x0E000C29)},
}
TEN: Keys = {
    **GENERAL,
    r"Control\TimeZoneInformation": {"TimeZoneKeyName": text("Pacific Standard Time")},
    r"Services\Tcpip\Linkage": {"Bind": texts(rf"\Device\{DEBUGGER}", rf"\Device\{TWO}")},
    **interface(ONE, "Wi-Fi", r"PCI\VEN_14E4&DEV_4727&SUBSYS_00151028&REV_01\4&752ea02&0&00E1", LEASED),
    **interface(DEBUGGER, "Ethernet (Kernel Debugger)", r"ROOT\KDNIC\0000", LEASED),
    **interface(
        TWO,
        "Ethernet0",
        SERIAL_CARD,
        fixed("192.168.146.9", "192.168.146.2", "192.168.146.2 192.168.146.3", "255.255.252.0")
        | {"Domain": text("lab.example"), "DefaultGatewayMetric": texts("25")},
        NameServerList=texts("192.168.146.5"),
        NetbiosOptions=number(2),
    ),
    rf"Control\NetworkSetup2\Interfaces\{TWO}\Kernel": {"PermanentAddress": raw(bytes.fromhex("000c29f3ffde"))},
}
XP: Keys = {
    **GENERAL,
    TCPIP: {"NV Hostname": text("KASSE"), "NV Domain": text(""), "EnableSecurityFilters": number(1)},
    r"Control\ComputerName\ComputerName": {"ComputerName": text("KASSE")},
    r"Control\TimeZoneInformation": {
        "Bias": number(-60),
        "StandardBias": number(0),
        "DaylightBias": number(-60),
        "StandardName": text("Westeuropäische Normalzeit"),
        "StandardStart": raw(struct.pack("<8H", 0, 10, 5, 3, 0, 0, 0, 0)),
        "DaylightStart": raw(struct.pack("<8H", 0, 3, 5, 2, 0, 0, 0, 0)),
    },
    **interface(
        ONE,
        "LAN-Verbindung",
        CARD,
        fixed("192.168.5.20", "192.168.5.1", "192.168.5.2,192.168.5.3")
        | {
            "TCPAllowedPorts": texts("80", "443"),
            "UDPAllowedPorts": texts("0"),
            "RawIPAllowedProtocols": texts("0"),
        },
    ),
    **interface(
        TWO,
        "LAN-Verbindung 2",
        CARD_TWO,
        {
            "EnableDHCP": number(1),
            "IPAddress": texts(NO_ADDRESS),
            "SubnetMask": texts(NO_ADDRESS),
            "NameServer": text(""),
        }
        | dict.fromkeys(("TCPAllowedPorts", "UDPAllowedPorts", "RawIPAllowedProtocols"), texts("0")),
    ),
}
OWNER: Keys = {VERSION: {"RegisteredOwner": text("Jörg Ä."), "RegisteredOrganization": text("")}}


def zone(name: str, standard: str, index: int, bias: int, **more: str) -> dict[str, dict[str, str]]:
    """Return the key of a time zone of central Europe."""
    rules = struct.pack("<iii8H8H", bias, 0, -60, 0, 10, 0, 5, 3, 0, 0, 0, 0, 3, 0, 5, 2, 0, 0, 0)
    return {rf"{VERSION}\Time Zones\{name}": {"Std": text(standard), "Index": number(index), "TZI": raw(rules)} | more}


ZONES_XP: Keys = {
    **zone("W. Europe Standard Time", "Westeuropäische Normalzeit", 110, -60),
    **zone("Romance Standard Time", "Romanische Normalzeit", 105, -60),
    **zone("GMT Standard Time", "Westeuropäische Zeit", 85, 0),
}


def named(value: str) -> str:
    """Return a text as the local security authority keeps it: lengths, where it begins, and the text."""
    data = value.encode("utf-16-le")
    return raw(struct.pack("<HHI", len(data), len(data) + 2, 8) + data + b"\0\0", 0)


def security(name: str, *, sid: str = "", dns: str = "") -> Keys:
    """Return what a hive SECURITY tells of a workgroup, or of a domain."""
    return {
        r"Policy\PolPrDmN": {"@": named(name)},
        r"Policy\PolPrDmS": {"@": raw(bytes.fromhex(sid), 0)},
        r"Policy\PolDnDDN": {"@": named(dns) if dns else raw(b"", 0)},
    }


WORKGROUP = security("WORKGROUP")
DOMAIN = security("SHIELDBASE", sid=SID, dns="shieldbase.local")


def registration(name: str, keys: Keys, below: str = "") -> str:
    """Return a registration file; every key above another comes before it, since hivexregedit makes none."""
    root = rf"HKEY_LOCAL_MACHINE\{name}"
    lines = ["Windows Registry Editor Version 5.00", ""]
    for path, values in keys.items():
        parts = [root, *filter(None, below.split("\\")), *path.split("\\")]
        lines += [f"[{each}]\n" for each in map("\\".join, (parts[:count] for count in range(2, len(parts))))]
        lines.append("[" + "\\".join(parts) + "]")
        lines += [f"{each if each == '@' else text(each)}={value}" for each, value in values.items()]
        lines.append("")
    return "\n".join(lines)


def merged(hive: bytes, name: str, keys: Keys, below: str = "") -> bytes:
    """Return a hive with keys more, by osdimage itself: quick."""
    found = read_hive(hive)
    import_edits(found, parse_reg(registration(name, keys, below).encode("utf-16")), rf"HKEY_LOCAL_MACHINE\{name}")
    return write_hive(found)


def merged_by_hivex(hive: bytes, name: str, keys: Keys, folder: Path, below: str = "") -> bytes:
    """Return a hive with keys more, by hivexregedit."""
    path, file = folder / name, folder / f"{name}.reg"
    path.write_bytes(hive)
    file.write_text(registration(name, keys, below), encoding="utf-8")
    output("hivexregedit", "--merge", "--encoding", "UTF-16LE", "--prefix", rf"HKEY_LOCAL_MACHINE\{name}", path, file)
    return path.read_bytes()


def tree_of(system: Keys, software: Keys = OWNER, membership: Keys = WORKGROUP, made: str = "10") -> Tree:
    """Return the files of a Windows with these settings."""
    kind = {"xp": WINDOWS_XP, "7": WINDOWS_7, "10": WINDOWS_10}[made]
    tree = make_tree(kind)
    config = f"{kind.folder}/System32/config"
    tree[f"{config}/SYSTEM"] = merged(tree[f"{config}/SYSTEM"], "SYSTEM", system, "ControlSet001")
    tree[f"{config}/SOFTWARE"] = merged(tree[f"{config}/SOFTWARE"], "SOFTWARE", software)
    tree[f"{config}/SECURITY"] = merged(write_hive(new_hive("SECURITY")), "SECURITY", membership)
    return tree

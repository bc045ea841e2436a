"""What an answer file tells Windows Setup, in no file's format; ``unattend.py`` and ``sysprep_inf.py`` write it down.

Every value may be None: then the answer file says nothing about it, and what it says already stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address

MAX_COMPUTER_NAME = 15
"""Characters of the name of a computer (NetBIOS)."""
VALID_COMPUTER_NAMES = f"at most {MAX_COMPUTER_NAME} letters, digits and hyphens, not digits alone"
"""What a computer can be called, for messages."""
# Microsoft, "Naming conventions in Active Directory for computers, domains, sites, and OUs": NetBIOS computer names.
_COMPUTER = re.compile(r"[^\\/:*?\"<>|.,~!@#$%^&'(){}\s_=+;\[\]`]+")


def is_computer_name(text: str) -> bool:
    """Tell whether a computer can be called so."""
    return len(text) <= MAX_COMPUTER_NAME and not text.isdigit() and _COMPUTER.fullmatch(text) is not None


class LicenseMode(StrEnum):
    """How a Windows Server before 2008 counts client licenses."""

    PER_SEAT = "PerSeat"
    PER_SERVER = "PerServer"


@dataclass(frozen=True, slots=True)
class Locales:
    """The languages and the region that Windows begins with, as its answer file writes them.

    Attributes:
        input_locale: languages with keyboards, such as ``en-US`` or ``0409:00010409``, with ``;`` between.
        system_locale: the language of programs that know no Unicode.
        ui_language: that of the user interface.
        ui_language_fallback: that of what is not translated into it.
        user_locale: how dates, times, currency and numbers are written.
    """

    input_locale: str | None = None
    system_locale: str | None = None
    ui_language: str | None = None
    ui_language_fallback: str | None = None
    user_locale: str | None = None


@dataclass(frozen=True, slots=True)
class WindowsSettings:
    """What Apply Windows Settings tells.

    Attributes:
        computer_name: at most 15 characters, or ``*``: Windows makes one up.
        product_key: as people write it.
        registered_user: the owner that Windows shows.
        registered_organization: the owner's organisation.
        time_zone: the name of Windows for a time zone, such as ``W. Europe Standard Time``.
        license_mode: Windows 2000 Server and Server 2003 only.
        license_connections: connections at the same time, with ``PerServer``.
        admin_password: of the local Administrator.
        admin_enabled: whether the local Administrator may log on.
        locales: languages and region.
    """

    computer_name: str | None = None
    product_key: str | None = field(default=None, repr=False)
    registered_user: str | None = None
    registered_organization: str | None = None
    time_zone: str | None = None
    license_mode: LicenseMode | None = None
    license_connections: int | None = None
    admin_password: str | None = field(default=None, repr=False)
    admin_enabled: bool | None = None
    locales: Locales = field(default_factory=Locales)


@dataclass(frozen=True, slots=True)
class Membership:
    r"""The domain or the workgroup that the computer joins; exactly one of the two is given.

    Attributes:
        domain: its DNS or NetBIOS name.
        workgroup: its name.
        organizational_unit: the distinguished name of the unit in the domain, without ``LDAP://``, or None.
        account: the user who may join computers: ``DOMAIN\user``, ``user@domain`` or ``user``; or None.
        password: of the account.
    """

    domain: str | None = None
    workgroup: str | None = None
    organizational_unit: str | None = None
    account: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def account_domain(self) -> str:
        """The domain of the account, which is that to join unless the account names another."""
        above, separator, _ = (self.account or "").partition("\\")
        return above if separator else self.domain or ""

    @property
    def account_user(self) -> str:
        """The account without its domain."""
        return (self.account or "").rpartition("\\")[2]


@dataclass(frozen=True, slots=True)
class Adapter:
    """The settings of one network adapter.

    Attributes:
        mac: twelve hexadecimal digits by which the adapter is known, or None for the only one.
        name: of the connection, or None.
        dhcp: whether it gets its addresses by itself; then the next three are empty.
        addresses: each with the number of bits of its network.
        gateways: default gateways.
        gateway_metric: what a gateway costs, or None for the automatic one.
        dns_servers: in the order in which they are asked.
        dns_domain: the DNS suffix of this connection.
        register_dns: whether its addresses are registered in DNS.
        register_full: whether they are also registered under the suffix of the connection.
        netbios: 0 as DHCP says, 1 on, 2 off; or None.
        wins_servers: empty without WINS.
        lmhosts: whether names are looked up in LMHOSTS; or None.
        tcp_ports, udp_ports, protocols: what TCP/IP filtering lets through; None when it is off for the kind.
    """

    mac: str | None = None
    name: str | None = None
    dhcp: bool = True
    addresses: tuple[tuple[IPv4Address, int], ...] = ()
    gateways: tuple[IPv4Address, ...] = ()
    gateway_metric: int | None = None
    dns_servers: tuple[IPv4Address, ...] = ()
    dns_domain: str | None = None
    register_dns: bool | None = None
    register_full: bool | None = None
    netbios: int | None = None
    wins_servers: tuple[IPv4Address, ...] = ()
    lmhosts: bool | None = None
    tcp_ports: tuple[int, ...] | None = None
    udp_ports: tuple[int, ...] | None = None
    protocols: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """What Apply Network Settings tells.

    Attributes:
        membership: the domain or workgroup, or None.
        dns_domain: the primary DNS suffix of the computer.
        dns_suffixes: in the order in which they are tried.
        filtering: whether TCP/IP filtering is on.
        adapters: as many as are to be set up; without any, all get their addresses by DHCP.
    """

    membership: Membership | None = None
    dns_domain: str | None = None
    dns_suffixes: tuple[str, ...] = ()
    filtering: bool = False
    adapters: tuple[Adapter, ...] = ()

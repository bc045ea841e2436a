"""Configurations of dnsmasq and nginx, as these programs judge them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from judges.servers import dnsmasq_judges, nginx_judges
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.inventory import Computer
from osdimage.imaging.media.netboot.clients import BIOS, CLIENTS, UEFI_X64
from osdimage.imaging.media.netboot.dnsmasq import (
    DnsmasqSettings,
    NetOffer,
    leases_configuration,
    proxy_configuration,
)
from osdimage.imaging.media.netboot.network import (
    Leases,
    parse_interface,
    parse_leases,
    parse_network,
    parse_root,
    parse_url,
)
from osdimage.imaging.media.netboot.nginx import nginx_configuration

LEASES = Leases(IPv4Address("192.168.50.100"), IPv4Address("192.168.50.200"), IPv4Network("192.168.50.0/24"))
OFFERS = tuple(NetOffer(each, each.loaded) for each in CLIENTS)
PLAIN = DnsmasqSettings("/srv/netboot", OFFERS, has_ipxe=True)
COMPUTERS = (
    Computer("PC1", 1, None, ("00:15:5D:01:02:03", "00:15:5D:01:02:04")),
    Computer("BÜRO", 2, None, ("00:15:5D:01:02:05",)),
    Computer("PC3", 3),
)
FULL = dataclasses.replace(
    PLAIN, computers=COMPUTERS, url="http://192.168.50.1/", interface="eth0", delay_s=2, known_only=True
)
NATIVE = dataclasses.replace(
    PLAIN, offers=(NetOffer(UEFI_X64, "bootmgfw.efi"),), has_ipxe=False, computers=COMPUTERS, known_only=True
)


@pytest.mark.foreign
@pytest.mark.parametrize(
    "settings", [pytest.param(PLAIN, id="plain"), pytest.param(FULL, id="full"), pytest.param(NATIVE, id="native")]
)
def test_dnsmasq_takes_both_configurations(settings: DnsmasqSettings, tmp_path: Path) -> None:
    for name, text in (
        ("leases", leases_configuration(settings, LEASES)),
        ("proxy", proxy_configuration(settings, LEASES.network)),
    ):
        (tmp_path / name).write_text(text)
        assert dnsmasq_judges(tmp_path / name) == "0: dnsmasq: syntax check OK."


def test_a_computer_is_told_what_its_firmware_starts_and_ipxe_the_script() -> None:
    lines = leases_configuration(PLAIN, LEASES).splitlines()
    assert "dhcp-range=192.168.50.100,192.168.50.200,255.255.255.0,12h" in lines
    assert {"port=0", "enable-tftp", "tftp-root=/srv/netboot", "tftp-lowercase"} <= set(lines)
    assert [each for each in lines if each.startswith("dhcp-boot")] == [
        "dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe",
        "dhcp-boot=tag:!ipxe,tag:efi64,snponly.efi",
        "dhcp-boot=tag:!ipxe,tag:arm64,snponly-arm64.efi",
        "dhcp-boot=tag:ipxe,boot.ipxe",
    ]
    matched = [each for each in lines if each.startswith("dhcp-match")]
    assert "dhcp-match=set:efi64,option:client-arch,7" in matched
    assert "dhcp-match=set:efi64,option:client-arch,9" in matched
    assert not [each for each in lines if "HTTPClient" in each]


def test_known_computers_uefi_by_http_and_a_delay_are_configured() -> None:
    lines = leases_configuration(FULL, LEASES).splitlines()
    assert "dhcp-host=00:15:5d:01:02:03,00:15:5d:01:02:04,set:computer,PC1" in lines
    # No host of a network is called so.
    assert "dhcp-host=00:15:5d:01:02:05,set:computer" in lines
    assert {"dhcp-option-force=tag:efi64-http,60,HTTPClient", "interface=eth0", "dhcp-reply-delay=2"} <= set(lines)
    assert "dhcp-boot=tag:efi64-http,tag:computer,http://192.168.50.1/snponly.efi" in lines
    assert "dhcp-boot=tag:!ipxe,tag:computer,tag:bios,undionly.kpxe" in lines


def test_beside_another_server_no_address_is_given_away() -> None:
    lines = proxy_configuration(PLAIN, LEASES.network).splitlines()
    assert "dhcp-range=192.168.50.0,proxy,255.255.255.0" in lines
    assert 'pxe-service=tag:!ipxe,tag:bios,0,"osdimage",undionly.kpxe' in lines
    assert 'pxe-service=tag:ipxe,0,"osdimage",boot.ipxe' in lines
    assert BIOS.numbers == (0,)


@pytest.mark.foreign
def test_nginx_takes_its_server(tmp_path: Path) -> None:
    (tmp_path / "server.conf").write_text(nginx_configuration(str(tmp_path), port=8080, path="/boot/"))
    assert nginx_judges(tmp_path / "server.conf", tmp_path) == "0:"


@pytest.mark.parametrize(
    ("parse", "text", "valid"),
    [
        pytest.param(parse_leases, "192.168.50.100-192.168.50.200/24", LEASES, id="leases"),
        pytest.param(parse_network, "192.168.50.0/24", LEASES.network, id="network"),
        pytest.param(parse_url, "http://192.168.50.1:8080/boot", "http://192.168.50.1:8080/boot/", id="url"),
        pytest.param(parse_url, "tftp://[fd00::1]/", "tftp://[fd00::1]/", id="url-of-ipv6"),
        pytest.param(parse_interface, "br-lan.10", "br-lan.10", id="interface"),
        pytest.param(parse_root, "/srv/netboot/", "/srv/netboot", id="root"),
    ],
)
def test_what_people_write_is_read(parse: Callable[[str], object], text: str, valid: object) -> None:
    assert parse(text) == valid


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        pytest.param(parse_leases, "192.168.50.100", id="one-address"),
        pytest.param(parse_leases, "192.168.50.200-192.168.50.100/24", id="backwards"),
        pytest.param(parse_leases, "192.168.50.100-192.168.51.100/24", id="two-networks"),
        pytest.param(parse_leases, "192.168.50.0-192.168.50.100/24", id="the-network-itself"),
        pytest.param(parse_leases, "192.168.50.1-192.168.50.300/24", id="no-address"),
        pytest.param(parse_network, "192.168.50.7/24", id="an-address-in-it"),
        pytest.param(parse_network, "192.168.50.0", id="no-prefix"),
        pytest.param(parse_url, "192.168.50.1", id="no-scheme"),
        pytest.param(parse_url, "ftp://server/", id="another-scheme"),
        pytest.param(parse_url, "http://user:secret@server/", id="a-password"),
        pytest.param(parse_url, "http://server/?a=1", id="a-query"),
        pytest.param(parse_url, "http://server/../boot", id="up"),
        pytest.param(parse_url, "http://server/${mac}/ || x", id="what-ipxe-expands"),
        pytest.param(parse_url, "http://server:99999/", id="no-port"),
        pytest.param(parse_interface, "eth0,eth1", id="two-interfaces"),
        pytest.param(parse_root, "srv/netboot", id="relative"),
        pytest.param(parse_root, "/srv/net boot", id="blank"),
        pytest.param(parse_root, "/srv/a;}", id="what-nginx-ends-at"),
        pytest.param(parse_root, "/srv/../etc", id="dots"),
    ],
)
def test_what_no_configuration_can_have_is_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"valid (is|are) ") as refused:
        parse(text)
    assert "secret" not in str(refused.value)

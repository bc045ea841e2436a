"""Computers in a network of their own, with the servers that a folder tells what to do.

The network is a namespace of Linux with a bridge, which needs root: dnsmasq and a server of HTTP are at its one end, a
machine in QEMU at the other.  OVMF has no iPXE of its own here: it is told by DHCP which one to load.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.media import boot_files, boot_image
from cases.netboot import wimboot_file
from cases.windows import grub_loader
from judges.boot import boot_in_network, nasm
from judges.servers import network
from osdimage.imaging.media.netboot.clients import BIOS, UEFI_X64, find_ipxe
from runs.commands import osdimage

PROGRAM = Path(__file__).parents[3] / "cases" / "netprogram.asm"
KNOWN = "52:54:00:00:00:01"
PORT = 8088
SERVERS = ("--url", f"http://192.168.50.1:{PORT}/", "--interface=br0", "--mandatory")
pytestmark = [pytest.mark.root, pytest.mark.foreign, pytest.mark.slow, pytest.mark.matrix]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for each in (BIOS, UEFI_X64):
        if find_ipxe(each) is None:
            pytest.fail(f"no iPXE for {each.called}")
    boot_image(tmp_path / "pe.wim", boot_files())
    wimboot_file(tmp_path / "wimboot")
    (tmp_path / "known.csv").write_text(f"PC1,,{KNOWN}\n")
    return tmp_path / "out"


def make(folder: Path, *options: str) -> None:
    given = ("--boot-image", f"pe={folder.parent}/pe.wim", "--wimboot", folder.parent / "wimboot", "--quiet")
    osdimage("media", "netboot", folder, *given, *SERVERS, *options)


def test_a_bios_starts_by_addresses_of_dnsmasq_and_loads_the_rest_by_http(folder: Path) -> None:
    make(folder, "--leases=192.168.50.100-192.168.50.200/24", f"--known={folder.parent}/known.csv")
    nasm(PROGRAM, folder / "wimboot")
    with network(folder, "dnsmasq.conf", PORT) as namespace:
        booted = boot_in_network(namespace, KNOWN)
    assert booted.reached
    assert f"http://192.168.50.1:{PORT}/by-mac/52-54-00-00-00-01.ipxe... ok" in booted.printed
    assert "PC1 starts Image 1" in booted.printed


@pytest.mark.parametrize(
    ("configuration", "options"),
    [
        pytest.param("dnsmasq.conf", ("--leases=192.168.50.100-192.168.50.200/24",), id="leases"),
        pytest.param("dnsmasq-proxy.conf", ("--proxy=192.168.50.0/24",), id="beside-another-server"),
    ],
)
def test_uefi_is_told_which_ipxe_to_load(configuration: str, options: tuple[str, ...], folder: Path) -> None:
    make(folder, *options)
    grub_loader(folder / "wimboot")
    with network(folder, configuration, PORT) as namespace:
        booted = boot_in_network(namespace, KNOWN, variables=folder.parent / "variables", until="LOADER started")
    assert "snponly.efi" in booted.printed or "iPXE initialising devices" in booted.printed
    assert "../sources/pe.wim... ok" in booted.printed
    assert "LOADER started" in booted.printed

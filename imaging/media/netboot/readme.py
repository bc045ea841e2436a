"""What people read in the folder."""

from __future__ import annotations

from collections.abc import Sequence

from osdimage.imaging.media.netboot.dnsmasq import LEASES_FILE, PROXY_FILE
from osdimage.imaging.media.netboot.nginx import FILE as NGINX_FILE
from osdimage.imaging.media.parts.medium import PreparedImage
from osdimage.imaging.units import MIB, format_size

FILE = "readme.txt"
_PE_BYTES = 512 * MIB
_SECURITY = """\
Nobody proves who he is when a computer starts from the network: whoever is in
the same network can answer in the place of this server, or read all that it
hands out. Use it in networks that you trust, and put no secrets into boot
images: what is to be secret belongs into encrypted variables of task-sequence
media.
"""


def readme_text(
    images: Sequence[tuple[str, PreparedImage, int]], written: Sequence[str], *, is_native: bool, url: str | None
) -> str:
    """Return the text.

    Args:
        images: the name of each boot image, what it is, and the bytes of its WIM.
        written: the configurations of servers in the folder.
        is_native: whether computers start without iPXE.
        url: where the folder is handed out by HTTP, or None.
    """
    lines = ["What computers start from the network, made by osdimage.", "", "Boot images"]
    for name, image, size in images:
        needs = format_size(size + _PE_BYTES)
        lines += [f"  {name}: {image.name or 'Windows PE'}, {image.architecture}; computers need {needs} of memory"]
    lines += ["", "Servers", "  TFTP hands out this folder: UDP port 69, and 67 and 4011 for DHCP and PXE."]
    if url is not None:
        lines.append(f"  {url} hands out this folder, too.")
    said = {
        LEASES_FILE: "for dnsmasq, which gives addresses away: there must be no other DHCP server",
        PROXY_FILE: "for dnsmasq beside another DHCP server, which is on another host",
        NGINX_FILE: "a server for nginx, to be put into /etc/nginx/conf.d",
    }
    lines += [f"  {name}: {text}" for name, text in said.items() if name in written]
    lines += ["", "Secure Boot"]
    lines += (
        ["  Computers load the boot manager of Windows, as Microsoft has signed it."]
        if is_native
        else ["  Firmware with Secure Boot starts no iPXE that is not signed, as that of distributions is not."]
    )
    return "\n".join([*lines, "", "Security", *(f"  {each}" for each in _SECURITY.splitlines()), ""])

"""What is in a folder that computers start from by the network.

With iPXE (``by_ipxe.py``) each boot image has a script, a WIM, and what wimboot starts that with; those for several
processors can be in one folder, and each computer is given the one for its own.  Without iPXE (``by_manager.py``)
there is one boot manager with a menu.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.files import FileSource
from osdimage.imaging.logs import logged
from osdimage.imaging.media.netboot import dnsmasq, nginx, readme
from osdimage.imaging.media.netboot.by_ipxe import ByIpxe
from osdimage.imaging.media.netboot.by_manager import ByBootManager
from osdimage.imaging.media.netboot.dnsmasq import DnsmasqSettings, NetOffer
from osdimage.imaging.media.netboot.known import LOCAL
from osdimage.imaging.media.netboot.scripts import UnknownComputers
from osdimage.imaging.media.netboot.wishes import NamedImage, NetbootWish, listed, text_file
from osdimage.imaging.media.parts.medium import BootParts, MediumFile, joined, require_apart
from osdimage.imaging.media.parts.prepared import boot_wim_file

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class NetbootPlan:
    """A folder that was planned.

    Attributes:
        files: in the order of their paths.
        images: the boot images; the first one is the default.
        parts: what starts each of them; without iPXE one for all.
        offers: what each kind of computer loads first.
        wish: what was wished for.
        warnings: sentences for people.
    """

    files: tuple[MediumFile, ...] = field(repr=False)
    images: tuple[NamedImage, ...]
    parts: tuple[BootParts, ...]
    offers: tuple[NetOffer, ...]
    wish: NetbootWish
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """What all files hold together, in bytes."""
        return sum(each.size for each in self.files)

    @property
    def firmware(self) -> frozenset[Firmware]:
        """What starts something of it."""
        return frozenset(each.client.firmware for each in self.offers)


@logged("plan a folder for network boot")
def plan_netboot(
    images: Sequence[NamedImage], wish: NetbootWish, *, boot_files_from: FileSource | None = None
) -> NetbootPlan:
    """Plan a folder; nothing is written.

    Args:
        images: the boot images; the first one is the default.
        wish: what is wished for.
        boot_files_from: files of a Windows, which has what boot images lack.

    Raises:
        InvalidRequest: when names are none or there twice, wimboot is missing, or a wish cannot be without iPXE.
        InvalidInput: when what starts a boot image, or iPXE, is missing.
        OsdImageError: when something cannot be read.
    """
    _check_names(images)
    warnings = [text for each in images for text in each.prepared.warnings]
    made_ns = boot_wim_file(images[0].prepared).modified_ns
    made = (ByBootManager if wish.is_native else ByIpxe)(tuple(images), wish, boot_files_from, made_ns)
    files = made.files()
    offers = tuple(made.offers)
    settings = _settings(wish, offers)
    configurations = [text_file(path, text, made_ns) for path, text in _configurations(wish, settings)]
    told = [(each.name, each.prepared, made.wim_bytes(each)) for each in images]
    text = readme.readme_text(
        told, [each.path for each in configurations], is_native=wish.is_native, url=wish.servers.url
    )
    own = [*configurations, text_file(readme.FILE, text, made_ns)]
    require_apart(files, own)
    warnings += [text for each in made.parts for text in each.warnings]
    return NetbootPlan(
        joined(files, own),
        tuple(images),
        tuple(made.parts),
        offers,
        wish,
        tuple(dict.fromkeys((*warnings, *made.warnings, *_warnings(wish)))),
    )


def _check_names(images: Sequence[NamedImage]) -> None:
    if not images:
        raise InvalidRequest("a folder for network boot needs at least one boot image")
    wrong = [each.name for each in images if _NAME.fullmatch(each.name) is None or each.name == LOCAL]
    if wrong:
        raise InvalidRequest(
            f"{listed(wrong)}: no names of boot images; valid are up to 31 lower-case letters, digits and hyphens, "
            f"and not {quoted(LOCAL)}"
        )
    names = [each.name for each in images]
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise InvalidRequest(f"{listed(twice)}: two boot images have this name; valid is one each")


def _settings(wish: NetbootWish, offers: tuple[NetOffer, ...]) -> DnsmasqSettings:
    return DnsmasqSettings(
        wish.servers.root,
        offers,
        has_ipxe=not wish.is_native,
        computers=tuple(each.computer for each in wish.known or ()),
        known_only=wish.is_native and wish.others_do is UnknownComputers.REFUSE,
        url=wish.servers.url,
        interface=wish.servers.interface,
        delay_s=wish.servers.delay_s,
    )


def _configurations(wish: NetbootWish, settings: DnsmasqSettings) -> Iterable[tuple[str, str]]:
    servers = wish.servers
    if servers.leases is not None:
        yield dnsmasq.LEASES_FILE, dnsmasq.leases_configuration(settings, servers.leases)
    if servers.proxy is not None:
        yield dnsmasq.PROXY_FILE, dnsmasq.proxy_configuration(settings, servers.proxy)
    parts = urlsplit(servers.url or "")
    if parts.scheme == "http":
        yield nginx.FILE, nginx.nginx_configuration(servers.root, port=parts.port or 80, path=parts.path)


def _warnings(wish: NetbootWish) -> Iterable[str]:
    url = wish.servers.url
    if url is not None and wish.is_native:
        yield f"{url}: is not used: the boot manager of Windows asks for all by TFTP"
    elif url is not None and url.startswith("https:"):
        yield f"{url}: the iPXE of distributions knows no HTTPS; one that does has to be built"
    elif url is None and not wish.is_native:
        yield "boot images come by TFTP, which is slow; an address of HTTP is many times faster"
    if wish.unknown is UnknownComputers.REFUSE and wish.known is None:
        yield "no computer is known, and so each one is refused"

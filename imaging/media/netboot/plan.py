"""What is in a folder that computers start from by the network.

With iPXE each boot image has a script, a WIM, and beside it what wimboot starts that with; boot images for several
processors can be in one folder, and each computer is given the one for its own.  Without iPXE (``native.py``) there is
one boot manager with a menu.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import urlsplit

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.sources import image_source
from osdimage.imaging.disc.written.contents import BytesContents, contents_of_file
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.files import FileSource
from osdimage.imaging.logs import logged
from osdimage.imaging.media.bootimage.reading import is_file
from osdimage.imaging.media.netboot import dnsmasq, native, nginx, readme, scripts
from osdimage.imaging.media.netboot.clients import CLIENTS, NetClient, find_ipxe, lacking_ipxe
from osdimage.imaging.media.netboot.dnsmasq import DnsmasqSettings, NetOffer
from osdimage.imaging.media.netboot.known import LOCAL, KnownComputer
from osdimage.imaging.media.netboot.network import Leases
from osdimage.imaging.media.netboot.scripts import LoadedFile, NetImage, UnknownComputers
from osdimage.imaging.media.netboot.wimboot import Wimboot
from osdimage.imaging.media.parts.find import PartsWish, find_parts
from osdimage.imaging.media.parts.medium import BootParts, MediumFile, PreparedImage, joined, require_apart
from osdimage.imaging.media.parts.places import Place
from osdimage.imaging.media.parts.prepared import boot_wim_file
from osdimage.imaging.wim.file import WimFile

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_LOADER_IN_IMAGE = "Windows/Boot/EFI/bootmgfw.efi"
_MADE = "made"
_ANY_PARTS = PartsWish()
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class NamedImage:
    """A boot image, and what it is called in the folder: lower-case letters, digits and hyphens."""

    name: str
    prepared: PreparedImage


@dataclass(frozen=True, slots=True)
class ServerWish:
    """What the configurations of servers are to say.

    Attributes:
        root: the folder, as the server sees it.
        url: where it is handed out by HTTP, with ``/`` at its end; None: all goes by TFTP.
        leases: addresses that dnsmasq gives away, or None.
        proxy: a network in which another server does that, or None.
        interface: of the server, or None: all.
        delay_s: how long dnsmasq waits with an answer, in seconds.
    """

    root: str
    url: str | None = None
    leases: Leases | None = None
    proxy: IPv4Network | None = None
    interface: str | None = None
    delay_s: int = 0


@dataclass(frozen=True, slots=True)
class NetbootWish:
    """What is wished for of the folder.

    Attributes:
        servers: what configurations say.
        parts: what starts the boot images; that it is no disc need not be said.
        wimboot: its files.
        ipxe: the folder with iPXE; None: where distributions have it.
        is_native: whether computers start without both.
        known: the computers that are known; None: nobody asks.
        unknown: what others do; None: they start the default, or nothing where computers are known.
        is_mandatory: whether computers start without a person who presses F12.
    """

    servers: ServerWish
    parts: PartsWish = _ANY_PARTS
    wimboot: tuple[Wimboot, ...] = ()
    ipxe: Path | None = None
    is_native: bool = False
    known: tuple[KnownComputer, ...] | None = None
    unknown: UnknownComputers | None = None
    is_mandatory: bool = False

    @property
    def others_do(self) -> UnknownComputers:
        """What computers do that are not known."""
        if self.unknown is not None:
            return self.unknown
        return UnknownComputers.BOOT if self.known is None else UnknownComputers.REFUSE


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
    made = (_Native if wish.is_native else _ByIpxe)(tuple(images), wish, boot_files_from, made_ns)
    files = made.files()
    offers = tuple(made.offers)
    settings = _settings(wish, offers)
    configurations = [_text(path, text, made_ns) for path, text in _configurations(wish, settings)]
    told = [(each.name, each.prepared, made.wim_bytes(each)) for each in images]
    text = readme.readme_text(
        told, [each.path for each in configurations], is_native=wish.is_native, url=wish.servers.url
    )
    own = [*configurations, _text(readme.FILE, text, made_ns)]
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


class _ByIpxe:
    """The files with which iPXE and wimboot start boot images."""

    def __init__(
        self, images: tuple[NamedImage, ...], wish: NetbootWish, boot_files_from: FileSource | None, made_ns: int
    ) -> None:
        self.warnings: list[str] = []
        self._images = images
        self._wish = wish
        self._made_ns = made_ns
        self._wimboot = {each.architecture: each for each in wish.wimboot}
        parts_wish = replace(wish.parts, is_disc=False)
        self.parts = [find_parts(each.prepared, parts_wish, boot_files_from=boot_files_from) for each in images]
        self._wims = {each.name: moved_wim(each) for each in images}
        self.offers = [NetOffer(each, each.loaded) for each in CLIENTS if self._is_startable(each) and self._ipxe(each)]
        if not self.offers:
            raise lacking_ipxe(next((each for each in CLIENTS if self._is_startable(each)), CLIENTS[1]), wish.ipxe)

    def wim_bytes(self, image: NamedImage) -> int:
        """Return the size of the WIM of a boot image."""
        return self._wims[image.name].size

    def files(self) -> list[MediumFile]:
        """Return all files but configurations."""
        found: list[MediumFile] = [*self._wims.values(), *self._loaded_first(), *self._wimboots()]
        images = []
        for image, parts in zip(self._images, self.parts, strict=True):
            made, files = self._image(image, parts)
            images.append(made)
            found += files
        return [*found, *self._scripts(images)]

    def _is_startable(self, client: NetClient) -> bool:
        return any(client.firmware in parts.firmware and parts.architecture in client.images for parts in self.parts)

    def _ipxe(self, client: NetClient) -> bool:
        """Tell whether there is the iPXE of a kind of computer; it must be where that kind was asked for."""
        if find_ipxe(client, self._wish.ipxe) is not None:
            return True
        wanted = self._wish.parts.firmware
        if wanted is not None and client.firmware in wanted:
            raise lacking_ipxe(client, self._wish.ipxe)
        self.warnings.append(f"{lacking_ipxe(client, self._wish.ipxe).said}; these start nothing here")
        return False

    def _loaded_first(self) -> Iterable[MediumFile]:
        for offer in self.offers:
            found = find_ipxe(offer.client, self._wish.ipxe)
            if found is None:
                continue
            if offer.client.firmware is Firmware.UEFI and not found.is_signed:
                self.warnings.append(f"{found.path}: is not signed: firmware with Secure Boot refuses it")
            contents = contents_of_file(found.path)
            yield MediumFile(offer.path, contents, contents.modified_ns, str(found.path))

    def _wimboots(self) -> Iterable[MediumFile]:
        for architecture in sorted({_wimboot_of(each.architecture) for each in self.parts}):
            found = self._wimboot.get(architecture)
            if found is None:
                raise InvalidRequest(
                    f"computers for {architecture} start no WIM without wimboot, which is in no distribution: it comes "
                    "from ipxe.org/wimboot",
                    remedy=Remedy("{} takes its file", (Means.WIMBOOT,)),
                )
            contents = contents_of_file(found.path.resolve())
            self.warnings += found.warnings
            yield MediumFile(found.name, contents, contents.modified_ns, str(found.path))

    def _image(self, image: NamedImage, parts: BootParts) -> tuple[NetImage, list[MediumFile]]:
        by_path = {each.path.lower(): each for each in parts.files}
        folder = f"boot/{image.name}"
        wim = LoadedFile("boot.wim", self._wims[image.name].path)
        files: dict[str, MediumFile] = {}
        loaded: dict[Firmware, tuple[LoadedFile, ...]] = {}
        for firmware in parts.firmware:
            if firmware is Firmware.UEFI and parts.architecture == "x86":
                # Its firmware is of 32 bits, and iPXE for that is in no distribution.
                continue
            found = [each for each in self._for_wimboot(image, parts, firmware) if each[0] in by_path]
            for path, name in found:
                target = _target(folder, path, name)
                files[target] = native.moved(by_path[path], target)
            loaded[firmware] = (*(LoadedFile(name, _target(folder, path, name)) for path, name in found), wim)
        made = NetImage(
            image.name,
            image.prepared.name or "Windows PE",
            parts.architecture,
            self._wimboot_name(parts.architecture),
            loaded.get(Firmware.BIOS, ()),
            loaded.get(Firmware.UEFI, ()),
        )
        return made, list(files.values())

    def _for_wimboot(self, image: NamedImage, parts: BootParts, firmware: Firmware) -> list[tuple[str, str]]:
        """Return the paths of parts that wimboot is given, and the names by which it knows them.

        The loader of UEFI, of each generation, it takes out of the WIM where that has one: it knows what the firmware
        trusts.
        """
        if firmware is Firmware.BIOS:
            return [("bootmgr", "bootmgr"), ("boot/bcd", "BCD"), ("boot/boot.sdi", "boot.sdi")]
        found = [("efi/microsoft/boot/bcd", "BCD"), ("boot/boot.sdi", "boot.sdi")]
        found.append(("efi/microsoft/boot/boot.stl", "boot.stl"))
        if self._wish.parts.signed_2023 or not _has_loader(image.prepared):
            loaders = (each.path.lower() for each in parts.files if each.path.lower().startswith("efi/boot/"))
            found += [(path, path.rpartition("/")[2]) for path in loaders]
        return found

    def _wimboot_name(self, architecture: str) -> str:
        found = self._wimboot.get(_wimboot_of(architecture))
        return "wimboot" if found is None else found.name

    def _scripts(self, images: Sequence[NetImage]) -> Iterable[MediumFile]:
        wish = self._wish
        texts = {
            scripts.ENTRY: scripts.entry_script(wish.servers.url),
            scripts.DEFAULT: scripts.default_script(images),
            scripts.UNKNOWN: scripts.unknown_script(wish.others_do, images, is_mandatory=wish.is_mandatory),
        }
        texts |= {each.script: scripts.image_script(each) for each in images}
        by_name = {each.identifier: each.script for each in images}
        for each in wish.known or ():
            target = by_name.get(each.image or "", None if each.image == LOCAL else scripts.DEFAULT)
            text = scripts.computer_script(each.computer.name, target, is_mandatory=wish.is_mandatory)
            texts |= dict.fromkeys(each.paths, text if each.script is None else each.script)
        return [_text(path, text, self._made_ns) for path, text in texts.items()]


class _Native:
    """The files with which the boot manager of Windows starts boot images by itself."""

    def __init__(
        self, images: tuple[NamedImage, ...], wish: NetbootWish, boot_files_from: FileSource | None, made_ns: int
    ) -> None:
        self.warnings: list[str] = []
        self._wish = wish
        self._made_ns = made_ns
        self._boot_files_from = boot_files_from
        self._first = images[0].prepared
        firmware = self._firmware()
        self._check_known()
        parts_wish = replace(wish.parts, is_disc=False, firmware=frozenset({firmware}), tftp=native.TFTP)
        others = [each.prepared for each in images[1:]]
        self.parts = [find_parts(self._first, parts_wish, others=others, boot_files_from=boot_files_from)]
        self._wims = {each.name: boot_wim_file(each.prepared, number) for number, each in enumerate(images, 1)}
        self.offers: list[NetOffer] = []
        if firmware is Firmware.UEFI and not wish.is_mandatory:
            self.warnings.append("UEFI starts what is offered without asking for F12: only its own menu can refuse it")

    def wim_bytes(self, image: NamedImage) -> int:
        """Return the size of the WIM of a boot image."""
        return self._wims[image.name].size

    def files(self) -> list[MediumFile]:
        """Return all files but configurations, and note what is loaded first."""
        (parts,) = self.parts
        client = native.native_client(parts)
        if client.firmware is Firmware.UEFI:
            found, loaded = native.uefi_files(parts), native.UEFI_LOADER
        else:
            with WimFile.open(self._first.path) as wim:
                places = [Place(image_source(wim.image(self._first.index)), str(self._first.source))]
                if self._boot_files_from is not None:
                    places.append(Place(self._boot_files_from, self._boot_files_from.name))
                loaded, found = native.bios_files(parts, places, self._made_ns, is_mandatory=self._wish.is_mandatory)
        self.offers.append(NetOffer(client, loaded))
        return [*found, *self._wims.values()]

    def _firmware(self) -> Firmware:
        wanted = self._wish.parts.firmware
        if wanted is None:
            return Firmware.BIOS if self._first.architecture == "x86" else Firmware.UEFI
        if len(wanted) > 1:
            raise InvalidRequest(
                "without iPXE one folder serves one firmware: the boot managers of both ask for \\Boot\\BCD; valid are "
                "two folders"
            )
        (firmware,) = wanted
        return firmware

    def _check_known(self) -> None:
        """Refuse what only iPXE can tell apart."""
        known = self._wish.known or ()
        wrong = [each.computer.name for each in known if each.image is not None or each.script is not None]
        if wrong:
            raise InvalidRequest(
                f"{_listed(wrong)}: start boot images or scripts of their own, which only iPXE gives them; valid are "
                "inventories without these columns"
            )
        if self._wish.others_do is UnknownComputers.MENU:
            raise InvalidRequest(
                "computers that are not known get no menu of their own without iPXE; the boot manager "
                "has one where there are several boot images"
            )
        without = [each.computer.name for each in known if not each.computer.mac_addresses]
        if without and self._wish.others_do is UnknownComputers.REFUSE:
            raise InvalidRequest(
                f"{_listed(without)}: have no MAC address, by which alone dnsmasq knows computers without iPXE"
            )


def moved_wim(image: NamedImage) -> MediumFile:
    """Return the WIM of a boot image at its place in the folder."""
    return native.moved(boot_wim_file(image.prepared), f"sources/{image.name}.wim")


def _target(folder: str, path: str, name: str) -> str:
    """Return where a part is in the folder: both firmwares have a store, and all else once."""
    return f"{folder}/efi-bcd" if path == "efi/microsoft/boot/bcd" else f"{folder}/{name.lower()}"


def _wimboot_of(architecture: str) -> str:
    return "arm64" if architecture == "arm64" else "x64"


def _has_loader(image: PreparedImage) -> bool:
    with WimFile.open(image.path) as wim:
        return is_file(wim.image(image.index).files(), _LOADER_IN_IMAGE)


def _check_names(images: Sequence[NamedImage]) -> None:
    if not images:
        raise InvalidRequest("a folder for network boot needs at least one boot image")
    wrong = [each.name for each in images if _NAME.fullmatch(each.name) is None or each.name == LOCAL]
    if wrong:
        raise InvalidRequest(
            f"{_listed(wrong)}: no names of boot images; valid are up to 31 lower-case letters, digits and hyphens, "
            f"and not {quoted(LOCAL)}"
        )
    names = [each.name for each in images]
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise InvalidRequest(f"{_listed(twice)}: two boot images have this name; valid is one each")


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


def _text(path: str, text: str, made_ns: int) -> MediumFile:
    return MediumFile(path, BytesContents(text.encode("utf-8")), made_ns, _MADE)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(quoted, names[:_SHOWN])) + more

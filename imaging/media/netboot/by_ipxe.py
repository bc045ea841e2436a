"""Starting with iPXE and wimboot: each boot image has a script, a WIM, and what wimboot starts that with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc.written.contents import contents_of_file
from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.files import FileSource
from osdimage.imaging.media.bootimage.reading import is_file
from osdimage.imaging.media.netboot import native, scripts
from osdimage.imaging.media.netboot.clients import CLIENTS, NetClient, find_ipxe, lacking_ipxe
from osdimage.imaging.media.netboot.dnsmasq import NetOffer
from osdimage.imaging.media.netboot.known import LOCAL
from osdimage.imaging.media.netboot.scripts import LoadedFile, NetImage
from osdimage.imaging.media.netboot.wishes import NamedImage, NetbootWish, text_file
from osdimage.imaging.media.parts.find import find_parts
from osdimage.imaging.media.parts.medium import BootParts, MediumFile, PreparedImage
from osdimage.imaging.media.parts.prepared import boot_wim_file
from osdimage.imaging.wim.file import WimFile

_LOADER_IN_IMAGE = "Windows/Boot/EFI/bootmgfw.efi"


class ByIpxe:
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
        self._wims = {each.name: _moved_wim(each) for each in images}
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
        return [text_file(path, text, self._made_ns) for path, text in texts.items()]


def _moved_wim(image: NamedImage) -> MediumFile:
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

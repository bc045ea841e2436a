"""Starting without iPXE: which firmware a folder serves then, and what its computers cannot have."""

from __future__ import annotations

from dataclasses import replace

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.sources import image_source
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.media.netboot import native
from osdimage.imaging.media.netboot.dnsmasq import NetOffer
from osdimage.imaging.media.netboot.scripts import UnknownComputers
from osdimage.imaging.media.netboot.wishes import NamedImage, NetbootWish, listed
from osdimage.imaging.media.parts.find import find_parts
from osdimage.imaging.media.parts.medium import MediumFile
from osdimage.imaging.media.parts.places import Place
from osdimage.imaging.media.parts.prepared import boot_wim_file
from osdimage.imaging.wim.file import WimFile


class ByBootManager:
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
                f"{listed(wrong)}: start boot images or scripts of their own, which only iPXE gives them; valid are "
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
                f"{listed(without)}: have no MAC address, by which alone dnsmasq knows computers without iPXE"
            )

"""A store of a medium: whether what its entries name is on the medium.

An entry of a medium starts a WIM as a RAM disk.  It names the WIM, on the volume that the boot manager was started
from; an object with options names ``boot.sdi``, which makes a disk of it; the path of the loader is one in the WIM.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from osdimage.imaging.boot.bcd.check import default_entry
from osdimage.imaging.boot.bcd.devices import BootDevice, DeviceElement, LocateDevice, RamdiskDevice, describe
from osdimage.imaging.boot.bcd.elements import Id
from osdimage.imaging.boot.bcd.store import BOOTMGR, LOADER_TYPE, BcdObject, BcdStore
from osdimage.imaging.boot.files import shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileSource
from osdimage.imaging.finding import Finding, error, warning
from osdimage.imaging.media.parts.sdi import LARGEST_SDI, read_sdi
from osdimage.imaging.units import MIB

_LARGEST_STORE = 16 * MIB
_MOST_ENTRIES = 64
ANEW = "make the medium anew"


@dataclass(frozen=True, slots=True)
class StartedWim:
    """A WIM that an entry of a store starts.

    Attributes:
        path: of it on the medium.
        loader: the path of the program in it that starts, or None when the entry names none.
        called: what messages call the entry.
        is_default: whether the entry starts by itself.
    """

    path: str
    loader: str | None
    called: str
    is_default: bool


def check_store(files: FileSource, path: str, firmware: Firmware) -> tuple[tuple[StartedWim, ...], tuple[Finding, ...]]:
    """Return what a store starts, and what is wrong with it.

    Raises:
        InvalidVolume: when it cannot be read.
        StorageError: when the medium cannot be read.
    """
    name = f"{files.name}: {shown(path)}"
    if not files.exists(path):
        return (), (error("bcd-missing", f"{name} is missing: the boot manager knows of nothing to start", ANEW),)
    try:
        store = BcdStore.parse(files.read(path, limit=_LARGEST_STORE), name=f"{name}: the BCD store")
    except InvalidInput as problem:
        return (), (error("bcd-damaged", problem.said, ANEW),)
    default = default_entry(store)
    if default is None:
        return (), (error("bcd-no-entry", f"{name} has no entry that starts anything", ANEW),)
    wims: list[StartedWim] = []
    found: list[Finding] = []
    for each in _entries(store, default):
        entry = _Entry(files, store, each, name, is_default=each.guid == default.guid)
        found += entry.findings(firmware)
        if entry.wim is not None:
            wims.append(entry.wim)
    return tuple(wims), tuple(found)


def _entries(store: BcdStore, default: BcdObject) -> list[BcdObject]:
    """Return what the menu shows, the default first."""
    manager = store.object(BOOTMGR)
    order = None if manager is None else manager.content(Id.DISPLAY_ORDER)
    listed = [store.object(each) for each in order if isinstance(each, UUID)] if isinstance(order, tuple) else []
    found = {each.guid: each for each in (default, *listed) if each is not None}
    return [each for each in found.values() if each.type == LOADER_TYPE][:_MOST_ENTRIES]


class _Entry:
    def __init__(self, files: FileSource, store: BcdStore, entry: BcdObject, name: str, *, is_default: bool) -> None:
        description = entry.content(Id.DESCRIPTION)
        self.called = f"{name}: the {'default ' if is_default else ''}entry {str(description or entry.guid)!r}"
        self.wim: StartedWim | None = None
        self._files = files
        self._store = store
        self._entry = entry
        self._is_default = is_default

    def findings(self, firmware: Firmware) -> Iterator[Finding]:
        """Yield what is wrong with the entry; ``wim`` is known when all was asked for."""
        device = self._entry.content(Id.DEVICE)
        if not isinstance(device, DeviceElement):
            yield error("bcd-no-device", f"{self.called} does not say what it starts", ANEW)
            return
        if not isinstance(device.device, RamdiskDevice):
            text = f"{self.called} starts {describe(device.device)}, and no WIM: whether it starts is not known"
            yield warning("bcd-device-unknown", text, "none is needed where that is what is meant")
            return
        if self._entry.content(Id.OS_DEVICE) != device:
            text = f"{self.called} names another device for Windows than for its loader"
            yield error("bcd-devices-differ", text, ANEW)
        loader = self._entry.content(Id.PATH)
        yield from self._loader_findings(loader, firmware)
        yield from self._ramdisk_findings(device, device.device)
        path = device.device.path.replace("\\", "/").strip("/")
        found = self._files.find(path)
        if found is None or found.is_directory:
            yield error("wim-missing", f"{self.called} starts {shown(path)}, which is not on the medium", ANEW)
        else:
            started = loader if isinstance(loader, str) and loader else None
            self.wim = StartedWim(path, started, self.called, self._is_default)

    def _loader_findings(self, loader: object, firmware: Firmware) -> Iterator[Finding]:
        suffix = ".efi" if firmware is Firmware.UEFI else ".exe"
        if not isinstance(loader, str) or not loader:
            yield error("bcd-no-path", f"{self.called} does not say which program of the WIM it starts", ANEW)
        elif not loader.lower().endswith(suffix):
            yield error("bcd-firmware", f"{self.called} starts {loader}, which is not for {firmware.upper()}", ANEW)
        if self._entry.content(Id.WINPE) is not True:
            text = f"{self.called} does not say that it starts a Windows PE: that restarts as a Windows would"
            yield warning("bcd-no-winpe", text, ANEW)

    def _ramdisk_findings(self, device: DeviceElement, ramdisk: RamdiskDevice) -> Iterator[Finding]:
        if not isinstance(ramdisk.parent, BootDevice | LocateDevice):
            text = f"{self.called} looks for its WIM on {describe(ramdisk.parent)}, which is not the medium"
            yield error("bcd-elsewhere", text, ANEW)
        options = None if device.options is None else self._store.object(device.options)
        if options is None:
            text = f"{self.called} has no options for its RAM disk, which name boot.sdi"
            yield error("bcd-no-options", text, ANEW)
            return
        place = options.content(Id.SDI_DEVICE)
        if not isinstance(place, DeviceElement) or not isinstance(place.device, BootDevice | LocateDevice):
            yield error("bcd-sdi-elsewhere", f"{self.called} does not look for boot.sdi on the medium", ANEW)
        path = options.content(Id.SDI_PATH)
        if not isinstance(path, str) or not path:
            yield error("bcd-no-sdi", f"{self.called} does not say where boot.sdi is", ANEW)
            return
        yield from self._sdi_findings(path.replace("\\", "/").strip("/"))

    def _sdi_findings(self, path: str) -> Iterator[Finding]:
        name = f"{self._files.name}: {shown(path)}"
        found = self._files.find(path)
        if found is None or found.is_directory:
            yield error("sdi-missing", f"{self.called} needs {shown(path)}, which is not on the medium", ANEW)
            return
        try:
            facts = read_sdi(self._files.read(path, limit=LARGEST_SDI), name=name, deep=False)
        except InvalidInput as problem:
            yield error("sdi-damaged", problem.said, ANEW)
            return
        if facts.faults:
            yield error("sdi-damaged", f"{name}: {'; '.join(facts.faults)}", ANEW)

"""What a source of devices is, by its contents, and reading it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.drivers.devices import blocks, lspci, modalias, tables
from osdimage.imaging.drivers.devices.enumerated import collect_enumerated
from osdimage.imaging.drivers.devices.libvirt import DOMAIN, collect_domain
from osdimage.imaging.drivers.devices.listing import Collected, Devices, DeviceSource
from osdimage.imaging.drivers.devices.lspci import collect_lspci
from osdimage.imaging.drivers.devices.modalias import collect_lines
from osdimage.imaging.drivers.devices.msinfo import collect_msinfo, is_msinfo
from osdimage.imaging.drivers.devices.qemu import collect_preset
from osdimage.imaging.drivers.devices.stored import HIVE_MAGIC, stored_hive
from osdimage.imaging.drivers.devices.sysfs import collect_sysfs
from osdimage.imaging.drivers.devices.text import decoded, is_text, lines_of
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.element import Element, read_element
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError, explain, quoted
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.units import MIB, format_size

HOST = "host"
"""The name of this computer's own devices."""
QEMU = "qemu"
"""The name of what virtual machines of QEMU have."""
MAX_LISTING_BYTES = 32 * MIB
"""The largest listing that is read: a report of everything that MSInfo32 knows has a tenth of it."""
_SYS = Path("/sys")
_HEAD_BYTES = 4096
_LOOKED_AT = 400
"""How many lines tell what a text is."""

VALID = (
    "valid are 'host', 'qemu', a folder copied from /sys, lines of /sys/bus/*/devices/*/modalias, the text of "
    "'lspci -nnvmm', of 'pnputil /enum-devices /ids' or of 'devcon hwids', JSON or CSV of Win32_PnPEntity, a report of "
    "MSInfo32, the hive SYSTEM of a Windows or a disk or WIM that holds it, or the XML of 'virsh dumpxml'"
)

_Collect = Callable[[list[str], Collected, TargetOs | None], None]


@dataclass(frozen=True, slots=True)
class _Text:
    """A kind of text: how its lines are recognised, and who reads them."""

    kind: DeviceSource
    is_it: Callable[[list[str]], bool]
    collect: _Collect


def _is_lspci(lines: list[str]) -> bool:
    return any(lspci.HEAD.match(line) for line in lines)


def _is_modalias(lines: list[str]) -> bool:
    found = [line.strip() for line in lines if line.strip()]
    return bool(found) and all(modalias.LINE.fullmatch(line) for line in found)


def _collect_modalias(lines: list[str], collected: Collected, os: TargetOs | None) -> None:
    collect_lines((line.strip() for line in lines), collected, os)


_TEXTS = (
    _Text(DeviceSource.JSON, tables.is_json, tables.collect_json),
    _Text(DeviceSource.LSPCI, _is_lspci, collect_lspci),
    _Text(DeviceSource.MODALIAS, _is_modalias, _collect_modalias),
    _Text(DeviceSource.CSV, tables.is_csv, tables.collect_csv),
    _Text(DeviceSource.DEVCON, blocks.is_devcon, blocks.collect_devcon),
    _Text(DeviceSource.PNPUTIL, blocks.is_pnputil, blocks.collect_pnputil),
)


def read_devices(source: str, os: TargetOs | None = None, *, sysfs: Path = _SYS) -> Devices:
    """Read the devices of a computer from what tells them; its contents decide what it is.

    Args:
        source: ``host``, ``qemu``, or the path of a folder or file; ``./host`` is a file of that name.
        os: the Windows that drivers are for, whose version decides which ids a device has; None is Windows 10 and
            later.  A listing that Windows made has the ids of that Windows.
        sysfs: the ``/sys`` of this computer.

    Raises:
        InvalidRequest: when there is nothing of that name.
        InvalidInput: when it is nothing that tells devices, or tells none.
        StorageError: when it cannot be read.
    """
    if source == HOST:
        return _of_sysfs(sysfs, HOST, DeviceSource.HOST, os)
    if source == QEMU:
        collected = Collected(QEMU)
        collect_preset(collected, os)
        return collected.done(DeviceSource.QEMU)
    path = Path(source)
    if not source or not path.exists():
        raise InvalidRequest(f"there is no {quoted(source)} to read devices from; {VALID}")
    if path.is_dir():
        return _of_sysfs(path, source, DeviceSource.SYSFS, os)
    data = _text_or_head(path)
    if not is_text(data[:_HEAD_BYTES]):
        if not path.is_file() and not path.is_block_device():
            raise InvalidInput(f"{source} is no listing of devices; {VALID}")
        try:
            return _of_hive(stored_hive(path, data), source)
        except InvalidInput as error:
            explain(error, VALID)
            raise
    return devices_of_listing(data, os, name=source)


def _text_or_head(path: Path) -> bytes:
    """Return a text as a whole, and of what is none, a disk perhaps, the first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            data = head + file.read(MAX_LISTING_BYTES + 1 - len(head)) if is_text(head) else head
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    if len(data) > MAX_LISTING_BYTES:
        raise InvalidInput(f"{path} is larger than {format_size(MAX_LISTING_BYTES)}; no listing of devices is")
    return data


def devices_of_listing(data: bytes, os: TargetOs | None = None, *, name: str) -> Devices:
    """Read a listing of devices, whatever wrote it; also the hive SYSTEM of a Windows.

    Args:
        data: the file.
        os: as for :func:`read_devices`.
        name: what messages call it.

    Raises:
        InvalidInput: when it is no listing of devices, or lists none.
    """
    if data.startswith(HIVE_MAGIC):
        return _of_hive(read_hive(data, name=name), name)
    text = decoded(data, name)
    if text.lstrip()[:1] == "<":
        return _of_xml(read_element(data, source=name), os, name)
    lines = lines_of(text)
    looked_at = lines[:_LOOKED_AT]
    for each in _TEXTS:
        if each.is_it(looked_at):
            collected = Collected(name)
            each.collect(lines, collected, os)
            return collected.done(each.kind)
    raise InvalidInput(f"{name} is no listing of devices; {VALID}")


def _of_hive(hive: Hive, name: str) -> Devices:
    collected = Collected(name)
    collect_enumerated(hive, collected)
    return collected.done(DeviceSource.HIVE)


def _of_xml(root: Element, os: TargetOs | None, name: str) -> Devices:
    collected = Collected(name)
    if any(each.tag == DOMAIN for each in root.walk()):
        collect_domain(root, collected, os)
        return collected.done(DeviceSource.LIBVIRT)
    if is_msinfo(root):
        collect_msinfo(root, collected, os)
        return collected.done(DeviceSource.MSINFO)
    raise InvalidInput(f"{name} is XML, but neither a domain of libvirt nor a report of MSInfo32; {VALID}")


def _of_sysfs(root: Path, name: str, kind: DeviceSource, os: TargetOs | None) -> Devices:
    collected = Collected(name)
    collect_sysfs(root, collected, os)
    return collected.done(kind)

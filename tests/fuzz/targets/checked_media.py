"""Media that are looked at: discs with all that starts from them, and the head of a boot image alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cases import started_media as cases
from cases.windows_trees import write_tree
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.media.checked.stores import check_store
from osdimage.imaging.media.checked.verify import verify_medium
from osdimage.imaging.media.checked.wims import read_boot_wim
from osdimage.imaging.units import KIB, Geometry

from fuzz.places import as_disk, as_file, from_disk
from fuzz.target import Target

_SIZE = 4096 * KIB
_WIM, _STORE = "sources/boot.wim", "boot/bcd"


class _Given(FileSource):
    """A medium whose boot image or store is what is given, and which has boot.sdi."""

    def __init__(self, path: str, data: bytes) -> None:
        super().__init__("medium")
        self._held = {"boot/boot.sdi": cases.sdi(), _WIM: b"", path: data}

    def find(self, path: str) -> FileFacts | None:
        data = self._held.get(path.lower())
        if data is None:
            return None
        return FileFacts(path, is_directory=False, size=len(data), attributes=0, modified_ns=None)

    def list(self, path: str = "") -> list[FileFacts]:
        raise InvalidRequest(f"{path}: is not listed")

    def _read(self, facts: FileFacts) -> bytes:
        return self._held[facts.path.lower()]

    def _pieces(self, facts: FileFacts) -> Iterator[bytes]:
        data = self._read(facts)
        yield from (data[at : at + KIB] for at in range(0, len(data), KIB))


def _disc(data: bytes) -> None:
    disk = as_disk(data)
    report = verify_medium(as_file(disk.read_at(0, min(_SIZE, disk.geometry.size_bytes))))
    assert all("\n" not in each.text for each in report.findings)


def _wim(data: bytes) -> None:
    found = read_boot_wim(_Given(_WIM, data), _WIM)
    assert found.index is not None or found.findings
    if found.index is None:
        raise InvalidInput(found.findings[0].text)


def _store(data: bytes) -> None:
    wims, findings = check_store(_Given(_STORE, data), _STORE, Firmware.BIOS)
    if not wims:
        raise InvalidInput(findings[0].text)


def _wims() -> list[bytes]:
    with TemporaryDirectory() as folder:
        tree, wim = write_tree(Path(folder) / "tree", cases.boot_files()), Path(folder) / "boot.wim"
        # Targets are prepared by threads, of which only the first runs commands in itself.
        made = [sys.executable, "-m", "osdimage.cli", "capture", tree, wim, "--name", "PE", "--boot", "--quiet"]
        subprocess.run(made, check=True)
        return [wim.read_bytes()]


def _stores() -> list[bytes]:
    return [cases.store("exe"), cases.store_of_many("exe", (_WIM, "other.wim"))]


def _discs() -> list[bytes]:
    with TemporaryDirectory() as folder:
        files = cases.medium_files(b"none", efisys=cases.efi_volume(Path(folder)))
        data = cases.make_disc(Path(folder) / "disc.iso", files).read_bytes()
    disk = MemoryTarget(Geometry.of_size(-(-len(data) // 4096) * 4096, 512))
    disk.write_at(0, data)
    return [from_disk(disk)]


TARGETS = (
    Target("medium", _disc, _discs, (InvalidInput,), largest=256 << 10),
    Target("boot-wim", _wim, _wims, (InvalidInput,), largest=64 << 10),
    Target("medium-store", _store, _stores, (InvalidInput,), largest=32 << 10),
)

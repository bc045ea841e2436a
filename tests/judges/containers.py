"""Programs of others that make, change and judge the files of virtual machines' disks."""

from __future__ import annotations

import errno
import importlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from judges import wim as judges

DRIVERS = {"qcow2": "qcow2", "vhdx": "vhdx", "vhd": "vpc", "vmdk": "vmdk", "vdi": "vdi"}
"""What QEMU calls the formats."""
PIECE = 1 << 20


def qemu_img(*arguments: str | Path, code: int = 0) -> str:
    """Run qemu-img, which must end with this code; return what it printed."""
    run = [judges.require("qemu-img"), *arguments]
    done = subprocess.run(run, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout


def create(path: Path, form: str, size: str, *options: str) -> Path:
    """Make an empty disk; options are those of qemu-img create -o."""
    given = ("-o", ",".join(options)) if options else ()
    qemu_img("create", "-q", "-f", DRIVERS[form], *given, path, size)
    return path


def convert(source: Path, to: Path, form: str, *options: str, compress: bool = False) -> Path:
    """Make a disk of the contents of a plain image."""
    given = ("-o", ",".join(options)) if options else ()
    qemu_img("convert", *(("-c",) if compress else ()), "-f", "raw", "-O", DRIVERS[form], *given, source, to)
    return to


def plain(source: Path, form: str, to: Path) -> Path:
    """Make a plain image of the contents of a disk."""
    qemu_img("convert", "-f", DRIVERS[form], "-O", "raw", source, to)
    return to


def info(path: Path, form: str) -> dict[str, Any]:
    """Return what qemu-img says of a disk, without following what it names."""
    found: dict[str, Any] = json.loads(qemu_img("info", "--output=json", "-f", DRIVERS[form], path))
    return found


def check(path: Path, form: str) -> None:
    """Refuse a disk whose structure has faults; QEMU checks all formats but VHD and those of VMware that are plain."""
    qemu_img("check", "-q", "-f", DRIVERS[form], path)


def snapshot(path: Path, names: Sequence[str]) -> None:
    """Make snapshots inside of a qcow2 file."""
    for name in names:
        qemu_img("snapshot", "-c", name, path)


def dissect_size(path: Path) -> int:
    """Return the size of a disk by dissect.hypervisor, which shares no code with QEMU."""
    from dissect.hypervisor.disk import qcow2, vdi, vhd, vhdx, vmdk  # noqa: PLC0415 - it is no part of what is needed

    readers = {".qcow2": qcow2.QCow2, ".vhdx": vhdx.VHDX, ".vhd": vhd.VHD, ".vmdk": vmdk.VMDK, ".vdi": vdi.VDI}
    with path.open("rb") as file:
        size: int = readers[path.suffix](file).size
    return size


def refuse_other_contents(path: Path, raw: Path) -> None:
    """Compare a disk, as libyal's library for its format reads it, with a plain image; for a VDI it is dissect's.

    Of each hole in the image only the begin is compared.
    """
    with _opened_by_libyal(path) as read, raw.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        at = 0
        while at < end:
            data = _next_data(file, at, end)
            if at < data:
                assert read(at, min(PIECE, data - at)).strip(b"\0") == b"", f"no zeros at {at}"
                at = data
            hole = end if at == end else file.seek(at, os.SEEK_HOLE)
            while at < hole:
                file.seek(at)
                piece = file.read(min(PIECE, hole - at))
                assert read(at, len(piece)) == piece, f"other bytes at {at}"
                at += len(piece)


def _next_data(file: BinaryIO, at: int, end: int) -> int:
    try:
        return file.seek(at, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return end


@contextmanager
def _opened_by_libyal(path: Path) -> Iterator[Callable[[int, int], bytes]]:
    kind = path.suffix
    if kind == ".vdi":
        from dissect.hypervisor.disk import vdi  # noqa: PLC0415 - as above

        with path.open("rb") as file:
            stream = vdi.VDI(file).open()

            def read(at: int, size: int) -> bytes:
                stream.seek(at)
                data: bytes = stream.read(size)
                return data

            yield read
        return
    library = importlib.import_module({".qcow2": "pyqcow", ".vmdk": "pyvmdk"}.get(kind, "pyvhdi"))
    opened = library.handle() if kind == ".vmdk" else library.file()
    opened.open(str(path))
    if kind == ".vmdk":
        opened.open_extent_data_files()
    try:
        yield lambda at, size: opened.read_buffer_at_offset(size, at)
    finally:
        opened.close()

"""Programs of others that judge NTFS volumes and the WIMs captured from them.  A missing one is as in ``disk.py``."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from judges.disk import missing, run

_PIECE = 1 << 20


def outside(disk: Path, offset: int, size: int) -> str:
    """Hash everything of a file but one part."""
    digest = hashlib.sha256()
    with disk.open("rb") as file:
        whole = os.fstat(file.fileno()).st_size
        for begin, end in ((0, offset), (offset + size, whole)):
            for at in range(begin, end, _PIECE):
                digest.update(os.pread(file.fileno(), min(_PIECE, end - at), at))
    return digest.hexdigest()


def ntfsfix(volume: Path) -> str:
    """Return what ``ntfsfix -n VOLUME`` says; it must find nothing to repair."""
    text = run(["ntfsfix", "-n", volume])
    assert "was processed successfully" in text, text
    assert not re.search("corrupt|differ|mismatch|failed", text, re.IGNORECASE), text
    return text


def ntfsinfo(volume: Path) -> dict[str, str]:
    """Return what ``ntfsinfo -m VOLUME`` lists."""
    # --force: also of a dirty volume.
    text = run(["ntfsinfo", "--mft", "--force", volume])
    pairs = [line.partition(":") for line in text.splitlines() if ":" in line]
    return {name.strip(): value.strip() for name, _, value in pairs}


def is_consistent(volume: Path) -> bool:
    """Tell whether libntfs-3g opens the volume: the first records of the MFT and their mirror agree."""
    return "Volume Flags" in run(["ntfsinfo", "--mft", "--force", volume], check=False)


def is_dirty(volume: Path) -> bool:
    """Tell whether ntfsinfo sees the dirty flag."""
    return bool(int(ntfsinfo(volume)["Volume Flags"].split()[0], 16) & 1)


def ntfscat(volume: Path, path: str) -> str:
    """Return a text file of the volume."""
    return run(["ntfscat", "--force", volume, path])


def ntfsls(volume: Path, path: str = "/") -> set[str]:
    """Return the names in a directory of the volume."""
    return set(run(["ntfsls", "--force", "--all", "--path", path, volume]).splitlines()) - {".", ".."}


def dissect(stream: BinaryIO) -> Any:
    """Open a volume with dissect.ntfs."""
    try:
        from dissect.ntfs import NTFS  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        missing("dissect.ntfs is not installed")
    return NTFS(stream)


def contents(volume: Path) -> dict[str, str]:
    """Return path and SHA-1 of every file, and ``"directory"`` for each directory, as dissect.ntfs reads them."""
    with volume.open("rb") as stream:
        return dict(_walk(dissect(stream).mft.get(5), ""))


def name_times(volume: Path, path: str) -> set[int]:
    """Return the times that the names of a file bear ($FILE_NAME), in nanoseconds since 1970, as dissect.ntfs tells."""
    with volume.open("rb") as stream:
        names = dissect(stream).mft.get(path).attributes.FILE_NAME
        return {
            time
            for each in names
            for time in (
                each.attribute.creation_time_ns,
                each.attribute.last_modification_time_ns,
                each.attribute.last_change_time_ns,
                each.attribute.last_access_time_ns,
            )
        }


def plain_contents(volume: Path, path: str) -> bytes:
    """Return what a file holds, as libfsntfs reads it, which expands what Windows has compressed as a whole."""
    try:
        import pyfsntfs  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        missing("libfsntfs-python is not installed")
    opened = pyfsntfs.volume()
    opened.open(str(volume))
    try:
        entry = opened.get_file_entry_by_path("\\" + path.strip("/").replace("/", "\\"))
        return b"".join(iter(lambda: entry.read_buffer(1 << 20), b""))
    finally:
        opened.close()


def _walk(folder: Any, path: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir(ignore_dos=True):
        name, record = entry.attribute.file_name, entry.dereference()
        if record.segment < 24 or name == ".":
            continue
        if record.is_dir() and not record.is_reparse_point():
            yield f"{path}/{name}", "directory"
            yield from _walk(record, f"{path}/{name}")
        elif record.is_reparse_point():
            yield f"{path}/{name}", "link"
        else:
            digest = hashlib.sha1(usedforsecurity=False)
            stream = record.open()
            while data := stream.read(_PIECE):
                digest.update(data)
            yield f"{path}/{name}", digest.hexdigest()


def blobs(wim: Path) -> set[str]:
    """Return the SHA-1 of every blob of a WIM but the trees, as wimlib-imagex lists them."""
    run(["wimlib-imagex", "verify", wim])
    text = run(["wimlib-imagex", "info", wim, "--blobs"])
    found = set()
    for block in text.split("\n\n"):
        match = re.search(r"Hash\s*= 0x([0-9a-f]{40})", block)
        if match and not re.search(r"Flags\s*=.*METADATA", block):
            found.add(match[1])
    assert found
    return found

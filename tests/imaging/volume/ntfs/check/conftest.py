"""One volume with everything that the checker has a rule for, made by mkntfs and the ntfs-3g driver."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from cases import ntfs_items, ntfs_volumes
from cases.ntfs_patient import CLUSTER, Patient
from judges import wim as judges
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.volume.ntfs.read import NtfsVolume

MIB = 1 << 20


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Patient:
    """Return the volume; a test changes a copy of it."""
    folder = tmp_path_factory.mktemp("check")
    path = judges.make_ntfs(folder / "volume.ntfs", 6 * MIB, "-c", str(CLUSTER))
    with judges.mounted_ntfs(path, folder / "mount") as mount:
        _fill(mount)
    with open_target(str(path)) as target:
        records = {entry.path: entry.record for entry in NtfsVolume(target).entries()}
    return Patient.read(path, records)


def _fill(mount: Path) -> None:
    (mount / "folder").mkdir()
    for number in range(60):
        (mount / "folder" / f"a file with a name of some length {number}").write_bytes(b"%d" % number)
    (mount / "shrunk").mkdir()
    for number in range(120):
        (mount / "shrunk" / f"a file {number:03}").touch()
    for number in range(120):
        if number % 12:
            (mount / "shrunk" / f"a file {number:03}").unlink()
    (mount / "few").mkdir()
    (mount / "few" / "plain").write_bytes(b"resident")
    (mount / "few" / "empty").touch()
    (mount / "few" / "twin").touch()
    (mount / "few" / "Twin").touch()
    (mount / "few" / "linked").write_bytes(b"1")
    os.link(mount / "few" / "linked", mount / "few" / "second")
    (mount / "few" / "upper" / "lower").mkdir(parents=True)
    for name in ("large", "other"):
        (mount / name).write_bytes(bytes(range(256)) * 256)
    (mount / "streams").write_bytes(b"main")
    for name in "abc":
        Path(f"{mount / 'streams'}:{name}").write_bytes(name.encode())
    (mount / "big streams").write_bytes(b"main")
    Path(f"{mount / 'big streams'}:large").write_bytes(bytes(range(256)) * 64)
    (mount / "one").write_bytes(b"one")
    for number in range(40):
        (mount / "folder" / f"another name, number {number}, of the file called one").hardlink_to(mount / "one")
    with (mount / "islands").open("wb") as file:
        for number in range(150):
            file.seek(number * 4 * CLUSTER)
            file.write(b"island %d" % number)
    (mount / "packed").mkdir()
    os.setxattr(mount / "packed", "system.ntfs_attrib_be", struct.pack(">I", ntfs_volumes.COMPRESSED))
    (mount / "packed" / "text").write_bytes(b"the same line again\n" * 10_000)
    (mount / "dos").mkdir()
    for name in (
        "A long file name.text", "tracked", "relative link", "denied", "everything.data", "third party", "nobody",
    ):  # fmt: skip
        item = ntfs_items.ITEMS[name]
        (mount / "dos" / name).write_bytes(item.contents or b"")
        ntfs_items.adorn(mount, mount / "dos" / name, item)

"""Files that claim more than their clusters hold are refused at once, and never read as zeros or looped over.

The volume is made by mkntfs, ntfscp and wimlib-imagex; single numbers of a record are changed (ATTR_RECORD of
``<ntfs-3g/layout.h>``).
"""

from __future__ import annotations

import os
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from judges import wim as judges
from judges.disk import copy_of
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.volume.ntfs.read import NtfsVolume
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
MIB = 1 << 20
CLUSTER, RECORD = 4096, 1024
DATA = 0x80
CONTENTS = random.Random(8).randbytes(100_000)
# Of ATTR_RECORD: what a resident one has, and of the others lowest_vcn, highest_vcn and the three sizes.
VALUE_LENGTH, HIGHEST_VCN, ALLOCATED, SIZE, INITIALIZED = 16, 24, 40, 48, 56


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claims")
    judges.make_ntfs(folder / "volume.ntfs", 24 * MIB, "-c", str(CLUSTER))
    (folder / "source").write_bytes(CONTENTS)
    judges.run("ntfscp", "-f", folder / "volume.ntfs", folder / "source", "big.bin")
    (folder / "source").write_bytes(b"resident")
    judges.run("ntfscp", "-f", folder / "volume.ntfs", folder / "source", "small.bin")
    return folder / "volume.ntfs"


def attribute_of(data: bytes, name: str) -> int:
    """Return the byte at which the $DATA of a file begins."""
    (mft,) = struct.unpack_from("<Q", data, 48)
    encoded = name.encode("utf-16-le")
    for at in range(mft * CLUSTER + 24 * RECORD, mft * CLUSTER + 200 * RECORD, RECORD):
        if data[at : at + 4] == b"FILE" and encoded in data[at : at + RECORD]:
            here = at + struct.unpack_from("<H", data, at + 20)[0]
            while struct.unpack_from("<I", data, here)[0] != DATA:
                here += struct.unpack_from("<I", data, here + 4)[0]
            return here
    raise AssertionError(f"{name} was not found")


def put(*numbers: tuple[int, str, int]) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        for offset, code, value in numbers:
            struct.pack_into(code, data, attribute_of(data, "big.bin") + offset, value)

    return change


def run_length(data: bytearray) -> None:
    at = attribute_of(data, "big.bin")
    data[at + struct.unpack_from("<H", data, at + 32)[0] + 1] += 100


def run_beyond_the_volume(data: bytearray) -> None:
    at = attribute_of(data, "big.bin")
    runs = at + struct.unpack_from("<H", data, at + 32)[0]
    count = data[runs] & 0x0F
    data[runs + 1 + count] = 0xFF
    data[runs + count + (data[runs] >> 4)] = 0x7F


def value_longer_than_its_record(data: bytearray) -> None:
    struct.pack_into("<I", data, attribute_of(data, "small.bin") + VALUE_LENGTH, 5000)


LIES = {
    "8 GB": put((SIZE, "<q", 1 << 33), (INITIALIZED, "<q", 1 << 33)),
    "more than its runs": put((ALLOCATED, "<q", MIB), (SIZE, "<q", MIB), (INITIALIZED, "<q", MIB)),
    "zeros behind its runs": put((ALLOCATED, "<q", MIB), (SIZE, "<q", MIB)),
    "2 TB of zeros behind its runs": put((ALLOCATED, "<q", 1 << 41), (SIZE, "<q", 1 << 41)),
    "more clusters than its runs": put(
        (HIGHEST_VCN, "<q", 1000), (ALLOCATED, "<q", 1001 * CLUSTER), (SIZE, "<q", 1001 * CLUSTER)
    ),
    "fewer clusters than bytes": put((ALLOCATED, "<q", CLUSTER)),
    "less than nothing": put((SIZE, "<q", -5)),
    "a run that is too long": run_length,
    "a run beyond the volume": run_beyond_the_volume,
    "a value that leaves its record": value_longer_than_its_record,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_capture_refuses_the_volume_and_names_the_file(
    volume: Path, tmp_path: Path, lie: Callable[[bytearray], None]
) -> None:
    copied = copy_of(volume, tmp_path / "volume.ntfs")
    data = bytearray(copied.read_bytes())
    lie(data)
    copied.write_bytes(data)
    refused = osdimage("capture", copied, tmp_path / "out.wim", code=3)
    assert refused.err.startswith(f"osdimage: {copied}: ")
    assert "claims more than its clusters hold, or clusters that it cannot have" in refused.err
    assert refused.err.endswith("check it with chkdsk, a copy of it first\n")
    # Where the record can be read at all, by its name.
    assert "'big.bin'" in refused.err or "MFT record 6" in refused.err
    assert not (tmp_path / "out.wim").exists()
    with open_volume(copied) as place, open_files(place) as files:
        name = "small.bin" if lie is value_longer_than_its_record else "big.bin"
        with pytest.raises(InvalidVolume, match=f"'{name}'"):
            files.read(name, limit=1 << 42)
    if lie is not LIES["fewer clusters than bytes"]:
        # There the runs are right, which alone count for whoever compares.
        with open_image(str(copied)) as target, pytest.raises(InvalidVolume):
            read_everything(target)


def read_everything(target: BlockTarget) -> None:
    reader = NtfsVolume(target)
    for entry in reader.entries():
        for stream in entry.streams:
            for _ in reader.pieces(stream):
                pass


def test_what_is_sparse_compressed_or_not_written_is_no_lie(volume: Path, tmp_path: Path) -> None:
    # wimlib-imagex writes a sparse file; the bytes behind the last that was written are zeros by right.
    (tmp_path / "tree").mkdir()
    with (tmp_path / "tree/sparse.bin").open("wb") as file:
        file.truncate(8 * MIB)
        file.seek(4 * MIB)
        file.write(b"in the middle")
    judges.wimlib("capture", tmp_path / "tree", tmp_path / "tree.wim")
    copied = copy_of(volume, tmp_path / "volume.ntfs")
    subprocess.run(["wimlib-imagex", "apply", tmp_path / "tree.wim", copied], check=True, capture_output=True)
    data = bytearray(copied.read_bytes())
    put((INITIALIZED, "<q", 50_000))(data)
    copied.write_bytes(data)
    osdimage("capture", copied, tmp_path / "out.wim")
    judges.wimlib("apply", tmp_path / "out.wim", "1", tmp_path / "applied")
    assert (tmp_path / "applied/big.bin").read_bytes() == CONTENTS[:50_000] + bytes(50_000)


def extended(*names: str, size: int = 4) -> bytes:
    """Return extended attributes as the driver takes them: FILE_FULL_EA_INFORMATION, [MS-FSCC] 2.4.16."""
    found = b""
    for name in names:
        body = struct.pack("<BBH", 0, len(name), size) + name.encode("ascii") + bytes(1 + size)
        length = 4 + len(body) + -len(body) % 4
        found += (struct.pack("<I", length) + body).ljust(length, b"\0")
    return found


def test_extended_attributes_are_told_of_but_for_caches_of_the_kernel(tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs", 24 * MIB)
    assert "$EA" not in osdimage("capture", volume, tmp_path / "none.wim").err
    cache = "$KERNEL.PURGE.ESBCACHE"
    contents = {
        "cached": extended(cache),
        "linux": extended("LXUID"),
        "both": extended(cache, "LXUID"),
        "in-clusters": extended("LARGE", size=3000),
    }
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        for name, value in contents.items():
            (mount / name).touch()
            os.setxattr(mount / name, "system.ntfs_ea", value)
    told = osdimage("capture", volume, tmp_path / "some.wim", "--json")
    text = f"{volume}: 3 files have extended attributes ($EA), which are not captured"
    assert told.err == f"warning: {text}\n"
    assert told.document["images"][0]["warnings"] == [text]


def test_a_directory_of_which_libwim_does_not_read_what_is_in_it_is_told(tmp_path: Path) -> None:
    """As ProjFS makes them; wimlib-imagex captures the volume without a word and without the files."""
    volume = judges.make_ntfs(tmp_path / "volume.ntfs", 24 * MIB)
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        for name, files in (("Empty", 0), ("Desktop", 1), ("Pictures", 40)):
            (mount / name).mkdir()
            for number in range(files):
                (mount / name / f"a file with a long name {number}").write_bytes(b"x")
            # IO_REPARSE_TAG_PROJFS of ntifs.h
            os.setxattr(mount / name, "system.ntfs_reparse_data", struct.pack("<IHHI", 0x9000001C, 4, 0, 1))
    judges.wimlib("capture", volume, tmp_path / "theirs.wim")
    told = osdimage("capture", volume, tmp_path / "ours.wim").err
    assert "2 directories have a reparse point that is no cloud's, and what is in there is not captured" in told
    assert judges.wimlib_paths(tmp_path / "theirs.wim") == ["/", "/Desktop", "/Empty", "/Pictures"]

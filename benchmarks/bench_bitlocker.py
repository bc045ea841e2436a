"""Read volumes that BitLocker encrypted: osdimage's window against libbde, each in a process of its own.

The volumes are suspended, so that no time goes into keys, and hold noise: what that decrypts to costs the same.  The
speed is of all of a process, with its start.
"""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from cases import bitlocker as maker
from harness import Pair, run_pairs, workspace, write_report
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.units import MIB

SIZE, PIECE = 512 * MIB, MIB
WISH = maker.Wish((0x40000, 0x80000, 0xC0000), 0x60000)
KINDS = {
    "XTS-AES 128": maker.XTS_128,
    "XTS-AES 256": maker.XTS_256,
    "AES 128": maker.CBC_128,
    "AES 256 with the diffuser": maker.DIFFUSER_256,
}


def make(path: Path, method: int) -> Path:
    """Write a volume of which the begin and the metadata are right."""
    wish = replace(WISH, method=method, used_only=True)
    # What libbde asks of an NTFS: sectors, clusters, and where the MFT is.
    plain = b"\xeb\x52\x90NTFS    \0\x02\x08".ljust(40, b"\0") + (SIZE // 512 - 1).to_bytes(8, "little")
    plain += (4).to_bytes(8, "little") + (8).to_bytes(8, "little") + b"\xf6\0\0\0\x01"
    begin = maker.make(plain.ljust(MIB, b"\0"), wish)
    with path.open("wb") as file:
        file.write(begin)
        for _ in range(SIZE // MIB - 1):
            file.write(os.urandom(MIB))
        for place in wish.places:
            file.seek(place)
            file.write(maker.block(wish, SIZE))
    return path


def read_ours(path: Path) -> None:
    """Read all of a volume."""
    with open_volume(path) as volume:
        source = volume.target.source
        for at in range(0, SIZE, PIECE):
            source.read(at, PIECE)


def read_theirs(path: Path) -> None:
    """Read all of a volume with libbde."""
    import pybde  # noqa: PLC0415 - the other process has no need of it

    volume = pybde.volume()
    volume.open(str(path))
    for at in range(0, SIZE, PIECE):
        volume.read_buffer_at_offset(PIECE, at)
    volume.close()


def main() -> None:
    """Measure and report."""
    with workspace() as folder:
        pairs = []
        for number, (name, method) in enumerate(KINDS.items()):
            path = make(folder / f"{number}.img", method)
            command = [sys.executable, __file__]
            pairs.append(Pair(name, [*command, "ours", str(path)], [*command, "theirs", str(path)]))
        results = run_pairs(pairs, runs=3)
    write_report(results, "bitlocker")
    for each in results:
        ours, theirs = (SIZE / 1e6 / statistics.median(run.wall_s for run in runs) for runs in (each.ours, each.theirs))
        print(f"{each.pair.name}: {ours:.0f} MB/s, libbde {theirs:.0f} MB/s")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        {"ours": read_ours, "theirs": read_theirs}[sys.argv[1]](Path(sys.argv[2]))
    else:
        main()

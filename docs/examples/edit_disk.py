"""Change files and the registry of a Windows on a disk, without starting it: python edit_disk.py disk.img 3 PC-0042"""

import sys
from pathlib import Path

from osdimage.imaging import open_disk
from osdimage.imaging.registry import Hive, HiveAddress, Value, change_hive
from osdimage.imaging.volume import check_volume, open_files


def set_owner(hive: Hive, owner: str) -> None:
    """Set a value, with the keys above it."""
    key = hive.root.ensure(r"Microsoft\Windows NT\CurrentVersion")
    key.set(Value.string("RegisteredOwner", owner))


def edit(disk_path: str, partition: int, owner: str) -> int:
    """Write a script and a value, and return how many faults the volume has then."""
    with open_disk(disk_path, write=True) as disk, open_files(disk.volume(partition), write=True) as files:
        files.write("Windows/Setup/Scripts/SetupComplete.cmd", b"rem runs once\r\n")
    change_hive(HiveAddress(Path(disk_path), "SOFTWARE", partition), lambda hive: set_owner(hive, owner))
    with open_disk(disk_path) as disk:
        return len(check_volume(disk.volume(partition)).findings)


if __name__ == "__main__":
    sys.exit(edit(sys.argv[1], int(sys.argv[2]), sys.argv[3]) != 0)

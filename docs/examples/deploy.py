"""Make a disk for a virtual machine from an image of a WIM: python deploy.py install.wim 1 disk.img 64GB"""

import sys

from osdimage.imaging import Preset, WimFile, check_boot, execute, make_plan, open_disk, preset_layout
from osdimage.imaging.units import parse_size


def deploy(wim_path: str, index: int, disk_path: str, size: str, preset: Preset = Preset.UEFI) -> bool | None:
    """Create the disk, and tell whether it starts; None when that cannot be known."""
    with WimFile.open(wim_path) as wim, open_disk(disk_path, create=parse_size(size)) as disk:
        image = wim.image(index)
        # Nothing is written here.  With random.Random("a seed") in place of the system's numbers, the GUIDs are the
        # same in every run.
        plan = make_plan(image, preset_layout(preset), disk.geometry)
        for line in plan.describe():
            print(line)
        result = execute(plan, disk, image, progress=lambda event: print(f"\r{event.percent:3.0f} %", end=""))
        print(f"\n{result.applied.files} files")
        for warning in result.warnings:
            print(f"warning: {warning}")
        return check_boot(disk).starts


if __name__ == "__main__":
    sys.exit(not deploy(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))

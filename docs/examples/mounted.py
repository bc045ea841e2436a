"""Change an image as a directory, and put the changes into the WIM: python mounted.py boot.wim 2 FOLDER"""

import sys

from osdimage.imaging import ImageSelector
from osdimage.imaging.service import MountOptions, UnmountOptions, mount_image


def change(wim_path: str, index: int, folder: str) -> None:
    """Delete a file; without the unmount that commits, the WIM stays as it was."""
    with mount_image(wim_path, folder, ImageSelector(index=index), MountOptions(read_write=True)) as mounted:
        (mounted.directory / "Windows/System32/winpeshl.ini").unlink()
        mounted.unmount(UnmountOptions(commit=True))


if __name__ == "__main__":
    change(sys.argv[1], int(sys.argv[2]), sys.argv[3])

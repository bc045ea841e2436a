"""Change the files of an image, all of the changes or none: python update_wim.py boot.wim 2 startnet.cmd"""

import sys
from pathlib import Path

from osdimage.imaging import ImageSelector
from osdimage.imaging.service import update_image
from osdimage.imaging.wim import AddTree, Command, DeletePath


def update(wim_path: str, index: int, script: str) -> int:
    """Put a script in its place and empty a folder, and return the number of changes."""
    commands: list[Command] = [
        AddTree(Path(script), "/Windows/System32/startnet.cmd"),
        DeletePath("/Windows/Temp/*", recursive=True),
    ]
    result = update_image(wim_path, ImageSelector(index=index), commands)
    for change in result.changes:
        print(change)
    return len(result.changes)


if __name__ == "__main__":
    update(sys.argv[1], int(sys.argv[2]), sys.argv[3])

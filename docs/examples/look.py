"""Tell what is in a WIM, and take files out: python look.py install.wim '/Windows/*.log' FOLDER"""

import sys

from osdimage.imaging import WimFile
from osdimage.imaging.units import format_size


def look(wim_path: str, pattern: str, to: str) -> int:
    """Print the images, extract from each, and return the number of files."""
    files = 0
    with WimFile.open(wim_path) as wim:
        print(f"{wim.path}: {wim.header.compression}, {len(wim)} images")
        for image in wim:
            windows = image.info.windows
            print(f"{image.index} {image.name}: {'no Windows' if windows is None else windows.product_name}")
            entries = [entry for entry in image.entries() if not entry.is_directory]
            print(f"  {len(entries)} files, {format_size(sum(entry.size for entry in entries))}")
            files += len(image.extract([pattern], f"{to}/{image.index}").paths)
    return files


if __name__ == "__main__":
    print(look(*sys.argv[1:4]), "files")

"""Capture a folder into a WIM, compare the two, and copy the image: python capture.py FOLDER install.wim copy.esd"""

import sys

from osdimage.imaging import (
    CaptureOptions,
    Compression,
    CompressionSpec,
    ExportOptions,
    ImageProperties,
    ImageSelector,
    WimFile,
    capture_image,
    compare_image,
    export_images,
)
from osdimage.imaging.progress import ProgressEvent


def show(event: ProgressEvent) -> None:
    """Print how far it is; a warning is an event of its own."""
    if event.warning is not None:
        print(f"warning: {event.warning}")
    else:
        print(f"{event.percent:5.1f} %  {event.phase}")


def capture(folder: str, wim_path: str, copy: str) -> int:
    """Capture and compare, and return the number of differences."""
    options = CaptureOptions(compression=CompressionSpec(Compression.XPRESS), integrity=True)
    properties = ImageProperties(name="Reference 1.0", creator="Build team")
    result = capture_image(folder, wim_path, options, properties=properties, progress=show)
    for loss in result.losses:
        print(f"not in the WIM: {loss}")
    with WimFile.open(wim_path) as wim:
        image = wim.select(ImageSelector(name="Reference 1.0"))
        differences = compare_image(image, folder).differences
        smaller = CompressionSpec(Compression.LZMS, solid=True)
        export_images(wim, copy, ExportOptions(compression=smaller), images=[image])
    return len(differences)


if __name__ == "__main__":
    sys.exit(capture(*sys.argv[1:4]) != 0)

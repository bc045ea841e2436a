"""Capturing: a tree from a directory or a volume into a WIM.

``source.py`` is what is captured, ``source_list.py`` a list of what makes one image, ``config.py`` what is left out.
``image.py`` opens source and destination; ``scan.py`` adds what a source holds to the WIM, with the back ends
``ntfs.py`` and ``fat.py``.  ``volumes.py`` captures all volumes of a disk, and keeps the layout of the disk beside each
image.

A source is only read.  A new WIM appears complete or not at all.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "config": ("CaptureConfig", "DEFAULT_CONFIG", "read_config"),
        "image": ("CaptureOptions", "CaptureResult", "capture_image"),
        "source": ("CaptureSource",),
        "source_list": ("SourceTree", "read_sources"),
        "template": ("UpdateOf",),
        "chosen": ("CapturedOfDisk",),
        "volumes": ("CapturedVolumes", "capture_disks", "capture_volumes"),
    },
)

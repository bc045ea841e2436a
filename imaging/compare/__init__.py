"""Comparing an image with what it was applied to, by code that wrote none of it.

``target.py`` is what an image is compared with; ``directory.py``, ``ntfs.py`` and ``fat.py`` read one each, and
``places.py`` opens the right one.  ``image.py`` compares file by file, ``hashes.py`` the contents.  ``fidelity.py`` is
what is found: a count for each class of facts (stored, restored, dropped, different), and the differences by name.
``volumes.py`` compares all images of a WIM with the volumes of a disk.

``images.py`` compares two images: ``tree_facts.py`` reads their trees as they are stored, ``facts.py`` puts what they
say of a file side by side, and ``renames.py`` finds what has another path.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "fidelity": ("ClassCount", "CompareReport", "Difference", "Fidelity"),
        "images": ("Change", "ComparedImage", "ImageDiff", "LoneFile", "Renamed", "diff_images"),
        "image": ("compare_image",),
        "naming": ("named_as_applied",),
        "volumes": ("HowCompared", "compare_disks", "compare_volumes"),
    },
)

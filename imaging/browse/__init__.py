"""Looking into a volume or a disc without mounting it: its files are listed and taken out as those of an image are.

``tree.py`` is what a volume is to who looks: names, and what an image would know of them.  ``ntfs.py``, ``fat.py``
and ``disc.py`` read one each, ``places.py`` opens the right one, and ``extract.py`` takes files out; of a
damaged volume ``recovering.py`` gives it what can be read.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "extract": ("extract_from_volume",),
        "places": ("open_disc_tree", "open_tree"),
        "recovering": ("RecoveringTree",),
        "tree": ("Found", "Unreadable", "VolumeTree"),
    },
)

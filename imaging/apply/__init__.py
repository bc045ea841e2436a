"""Applying an image: a tree from a WIM into a directory, or a volume.

``image.py`` checks all that the image alone tells and chooses the back end; ``directory.py``, ``ntfs.py`` and
``fat.py`` have the same names in ``capture/`` and ``compare/``.  ``job.py`` is what they have in common; ``engine.py``
names what fills an NTFS volume, and ``bulk.py`` is the fast one of these.
``several.py`` applies one image to several targets: an apply is work (``work.py``) that asks for the contents of the
image, so that ``together.py`` can give them to all targets in one pass.
``volumes.py`` applies all images to the volumes of a disk, or of the disks of a machine, which ``pairs.py`` finds for
them, and ``folders.py`` to folders of a directory; all are checked before the first is written.  ``stream.py`` applies
an image of a WIM that comes through a pipe, which ``pipe.py`` is for the back ends.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "bytes": ("WrittenBytes",),
        "compacting": ("Compacted",),
        "engine": ("Engine", "Fallback", "Reason"),
        "fat_source": ("from_image",),
        "folders": ("apply_to_folders",),
        "image": ("apply_image",),
        "job": ("ApplyOptions", "ApplyResult"),
        "several": ("apply_to_all",),
        "stream": ("StreamApplied", "apply_stream"),
        "together": ("TargetResult",),
        "volumes": ("AppliedVolume", "apply_to_disks", "apply_volumes"),
    },
)

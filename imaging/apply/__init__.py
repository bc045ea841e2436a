"""Applying an image: a tree from a WIM into a directory, or a volume.

``image.py`` checks all that the image alone tells and chooses the back end; ``directory.py``, ``ntfs.py`` and
``fat.py`` have the same names in ``capture/`` and ``compare/``.  ``volumes.py`` applies all images to those of a disk.
"""

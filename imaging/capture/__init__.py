"""Capturing: a tree from a directory or a volume into a WIM.

``image.py`` opens source and destination; ``scan.py`` adds what a source holds to the WIM, with the back ends
``ntfs.py`` and ``fat.py``.  ``volumes.py`` captures all volumes of a disk.
"""

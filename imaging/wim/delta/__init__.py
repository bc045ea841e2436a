"""Deltas: WIMs that leave contents to others, their bases.

``bases.py`` is what a delta is made with, ``needs.py`` what is found in which file, ``export.py`` makes one of images.
"""

"""FAT12, FAT16 and FAT32 volumes: made in one pass, read, checked, and edited in place.

Begin with ``read.py``, the noun (an open ``FatVolume``), and ``layout.py`` and ``packing.py``, its bytes, of which the
three widths have most in common: ``disk/fat_width.py`` tells them apart.  The verbs are ``make.py``
(format and fill), ``check.py`` and ``edit.py``.
"""

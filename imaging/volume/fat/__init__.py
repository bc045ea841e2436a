"""FAT32 volumes: made in one pass, read, checked, and edited in place.

Begin with ``read.py``, the noun (an open ``FatVolume``), and ``layout.py``, its bytes.  The verbs are ``make.py``
(format and fill), ``check.py`` and ``edit.py``.
"""

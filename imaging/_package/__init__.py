"""Windows images and disks on Linux.  What a program uses is in :mod:`osdimage.imaging`.

This file is installed as ``osdimage/__init__.py``.  In the source tree it has a folder of its own: at the top it would
make a checkout the package in place of the installed one, and without it any folder named ``osdimage`` would do so.
"""

__version__ = "0.1.0"

"""Where the bytes of a WIM are: in a file of its own, or at a place in another, such as on a disc.

``place.py`` opens both alike: a descriptor, where the WIM begins in it, and how long it is.  All that code of osdimage
reads is read there, and nothing beyond the end of the WIM, whatever it claims.  ``on_disc.py`` knows the paths of files
on discs (``DISC.iso!sources/install.wim``).  libwim, which opens nothing but names, gets a file that stands in for the
WIM (``stand_in.py``), and in it what it reads.
"""

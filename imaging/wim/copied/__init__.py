"""WIMs of the images of others.

``export.py`` copies images to one, ``split.py`` cuts one into parts, which ``join.py`` joins, and ``optimize.py``
writes one anew.  ``large.py`` finds the files that no part can hold, ``room.py`` whether the medium has room.  What can
be done without compressing anything again, ``raw/`` does.
"""

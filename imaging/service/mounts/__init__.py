"""Images that are mounted: ``mount.py`` begins it, ``unmount.py`` ends it, and ``table.py`` tells what there is.

``keeper.py`` is a program of its own: the processes that serve a mounted image.  ``needs.py`` tells what a machine and
a place must have for it, ``records.py`` is what is kept of a mount while it lasts, ``commit.py`` writes what was
changed, and ``leftovers.py`` clears away what a server leaves that was killed.
"""

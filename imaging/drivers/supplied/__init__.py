"""Where driver files come from, each as files that can be read: a folder, an INF, a disc, an archive.

``folder.py``, ``disc.py`` and ``zipped.py`` read one kind each where it is; ``extracted.py`` has an archive taken apart
by one of the programs in ``programs.py``, once ``members.py`` found what it says to hold safe.  ``nested.py`` is for
archives in archives, and ``opened.py`` opens the right one.
"""

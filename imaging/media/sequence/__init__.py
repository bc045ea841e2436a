"""Media that carry task sequences: what is on them, sealed with a password, signed, and laid out over several discs.

``manifest.py`` tells of every file of a medium, with its hash.  ``sums.py`` makes these hashes, ``sealed.py`` hides the
variables and sequences, ``signature.py`` says who made the manifest, and ``sets/`` gives every file its disc.
``opened.py`` reads such a medium, wherever it is, and ``checking.py`` compares it with its manifest.

What goes onto stand-alone media is in ``given.py``, and ``validation.py`` says whether a sequence can run from it.
"""

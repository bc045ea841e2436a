"""NTFS volumes: guarded, made, read by code of our own, and their files changed.

Begin with ``state.py``: what is asked before a volume is written to, and its dirty flag while it is.  ``format.py``
makes one and ``files.py`` changes its files, both by ntfs-3g; ``read.py`` is the noun of our own reader.
``check/`` looks for everything that can be wrong, and shares nothing with the others.
"""

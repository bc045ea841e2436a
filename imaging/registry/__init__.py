"""Registry hives: a tree in memory, what edits it, and where it is.

``hive.py`` is the tree of keys and values; ``read.py`` makes one of a file and ``write.py`` a file of one, by the
declarations in ``cells.py``.  ``reg_file.py`` reads and writes .reg texts, ``edits.py`` carries their changes out, and
``places.py`` finds hives where they are: in a file, in a volume, or in an image of a WIM.
"""

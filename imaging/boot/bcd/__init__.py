"""Boot configuration data (BCD): the store that tells Windows' boot manager what to start.

A store is a registry hive (``store.py``) of objects with elements (``elements.py``), some of which name devices
(``devices.py``) and by them partitions (``partition.py``).  ``create.py`` makes a store for a disk, ``add.py`` adds an
installation to one that is there, ``check.py`` finds out what one would start.
"""

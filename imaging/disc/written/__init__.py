"""Making a disc: UDF 1.02 with all files, ISO 9660 with a README alone, and El Torito for what starts from it.

A disc is planned before anything is written: ``tree.py`` has what it is to hold, ``plan.py`` says where everything will
be and how large the disc is, to the byte.  ``udf.py`` and ``bridge.py`` make the bytes of both descriptions, and
``write.py`` writes them with the contents (``contents.py``), which are copied by the system and keep their holes.

Windows' own discs are made in this way.  ISO 9660 with files of 4 GiB and more would need several extents for one file,
which Windows and many others do not read: so no file of the disc is in it.

Sources: ECMA-167, third edition; OSTA Universal Disk Format 1.02; ECMA-119; El Torito 1.0.
"""

"""An independent checker of NTFS: whether a volume is what its format promises, as chkdsk would look for it.

Begin with ``volume.py``, which tells the order: the boot sector and the files of the system (``system.py``), every
record of the MFT once from the first to the last (``records.py``, ``decode.py``), the attributes of each file
(``files.py``, ``lists.py``), every index (``index.py``) against the names of the files (``directories.py``), the
stores that have indexes (``secure.py``, ``extend.py``), and last who owns which cluster (``clusters.py``).
``kinds.py`` is the table of what can be found, ``faults.py`` what is told of it.

It shares no line with what writes volumes here, nor with the reader in ``ntfs/``, which stops at the first
contradiction, where a checker goes on: a fault that both had would hide itself.  The format is that of the Linux-NTFS
documentation (flatcap.github.io/linux-ntfs/ntfs), of [MS-FSCC], [MS-DTYP] and of ``<ntfs-3g/layout.h>``, whose names
the comments use.

A volume may be hostile: what a length claims is compared with what there is before it is believed, memory is bounded
by the MFT, and no cluster is read more often than a sound volume would make necessary.
"""

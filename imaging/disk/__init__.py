"""Disk layouts: from ConfigMgr's variables to bytes on a disk, and back.

``variables`` and ``presets`` make a :class:`~osdimage.imaging.disk.layout.DiskLayout`, the wish.  ``place`` turns it,
for one geometry, into a :class:`~osdimage.imaging.disk.table.PartitionTable`, the facts; both are pure.  ``mbr`` and
``gpt`` know the bytes.  ``target`` is what bytes are read from and written to; ``read``, ``check``, ``write`` and
``backup`` work on a target.
"""

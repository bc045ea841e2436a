"""Disk layouts: from ConfigMgr's variables to bytes on a disk, and back.

Begin with ``opened``, the noun (an open ``Disk``), and the verbs ``place`` and ``init``, which put a table on it.

``variables`` and ``presets`` make a :class:`~osdimage.imaging.disk.layout.DiskLayout`, the wish.  ``place`` turns it,
for one geometry, into a :class:`~osdimage.imaging.disk.table.PartitionTable`, the facts; both are pure.  ``mbr`` and
``gpt`` know the bytes.  ``target`` is what bytes are read from and written to; ``read``, ``check``, ``write`` and
``backup`` work on a target.

``opened`` is a disk that is open, locked from the first look to the last, and handed down open; ``volume`` is a window
of it, and ``content`` what a window holds.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "backup": ("TableBackup", "TableSaving", "load_backup", "save_backup", "take_backup"),
        "check": ("check_disk",),
        "content": ("Content", "FileSystem"),
        "device": ("check_expected",),
        "init": ("WriteReport", "initialize", "repaired", "restore", "rewrite"),
        "layout": ("DiskLayout", "FixedSize", "PartitionSpec", "PercentOfFree", "Remaining"),
        "opened": ("Disk", "open_disk", "open_volume"),
        "place": ("advice",),
        "plan": ("DiskPlan",),
        "presets": ("Preset", "RecoveryPlace", "preset_layout"),
        "read": ("DiskReading", "read_table"),
        "roles": ("GptAttributes", "Role", "Scheme"),
        "table": ("Partition", "PartitionTable"),
        "target": ("BlockTarget", "FileTarget", "MemoryTarget", "create_image"),
        "volume": ("OpenVolume",),
        "variables": ("layout_from_variables", "parse_variables"),
    },
)

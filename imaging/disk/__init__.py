"""Disk layouts: from ConfigMgr's variables to bytes on a disk, and back.

Begin with ``opened``, the noun (an open ``Disk``), and the verb ``init``, which puts a table on it.

``layouts/`` has the wish, a :class:`~osdimage.imaging.disk.layouts.layout.DiskLayout`, and turns it, for one geometry,
into the facts, a :class:`~osdimage.imaging.disk.tables.table.PartitionTable`.  ``tables/`` knows the bytes,
and reads, checks, writes and saves tables on a ``target``, which is what bytes are read from and written to.

``opened`` is a disk that is open, locked from the first look to the last, and handed down open; ``volume`` is a window
of it, and ``content`` what a window holds.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "bitlocker.keys": ("KeyKind", "KeyRing", "UnlockKey", "read_keys"),
        "bitlocker.secret": ("Secret",),
        "containers.facts": ("ContainerFacts", "ContainerFormat", "Link", "LinkRole", "Snapshot"),
        "content": ("Content", "FileSystem"),
        "device": ("check_expected",),
        "fat_width": ("FatWidth",),
        "image": ("FileTarget", "create_image"),
        "init": ("WriteReport", "initialize", "repaired", "restore", "rewrite"),
        "layouts.fit": ("Resized",),
        "layouts.layout": ("DiskLayout", "FixedSize", "PartitionSpec", "PercentOfFree", "Remaining"),
        "layouts.place": ("advice",),
        "layouts.presets": ("Preset", "RecoveryPlace", "preset_layout"),
        "layouts.variables": ("layout_from_variables", "parse_variables"),
        "opened": ("Disk", "open_disk"),
        "opening": ("Opening",),
        "places": ("open_volume",),
        "plan": ("DiskIdentity", "DiskPlan"),
        "roles": ("GptAttributes", "Role", "Scheme"),
        "several": ("open_disks",),
        "tables.backup": ("Piece", "TableBackup", "TableSaving", "load_backup", "save_backup", "take_backup"),
        "tables.check": ("check_disk",),
        "tables.gpt": ("GptEntry", "GptHeader"),
        "tables.read": ("DiskReading", "GptCopy", "GptState", "read_table"),
        "tables.table": ("Partition", "PartitionTable", "Space", "SpaceKind"),
        "target": ("BlockTarget", "Data", "DiskTarget", "MemoryTarget", "Window"),
        "volume": ("OpenVolume",),
    },
)

"""Registry hives: a tree of keys, what edits it, and where it is.

``hive.py`` is the tree of keys and values; ``read.py`` makes it of a file, ``hive_file.py``, of which they are read
when they are asked for, by the declarations in ``cells.py``, and which leaves out what is damaged.  ``beside.py``
finds the logs of a hive that was not closed (``hive_log.py``), and ``replay.py`` carries them out.  ``write.py``
makes a new file (``bins.py``), or one in which only what was changed is other: ``patch.py`` decides what that is,
``overlay.py`` where it goes, and ``descriptors.py`` counts who uses which security descriptor.  ``reg_file.py`` reads
and writes .reg texts, ``edits.py`` carries their changes out, and ``places.py`` finds hives where they are: in a
file, in a volume, or in an image of a WIM.  ``in_image.py`` makes such a text part of an update of an image.
``planned.py`` plans edits before anything is changed, and ``lookup.py`` asks for values that may be anything.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "edits": ("ImportReport", "clear_mounted_devices", "import_edits"),
        "hive": ("Hive", "Key"),
        "hive_log": ("LogFile",),
        "in_image": ("edit_command", "reg_commands"),
        "places": ("HiveAddress", "change_hive", "load_hive"),
        "planned": ("HiveDraft", "PlannedEdit"),
        "read": ("read_hive",),
        "reg_file": ("Edit", "LeftOut", "format_reg", "parse_reg", "read_reg", "reg_lines"),
        "replay": ("Replay", "Replayed"),
        "values": ("Value", "ValueType"),
        "write": ("new_hive", "write_hive"),
    },
)

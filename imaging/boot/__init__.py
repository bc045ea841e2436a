"""What makes a disk start: boot files, the BCD store and boot code.

``install.py`` makes a disk start (``menu.py`` its store); ``check.py`` and its neighbours find out whether one would
(``verdict.py``); ``fix.py`` binds one again that was cloned or moved, of which ``rebind.py`` says which partition is
which; ``show.py`` explains one.  They agree in ``places.py`` on which partitions take part.

``elsewhere.py`` is about a system partition on another disk; ``ntldr/`` about Windows 2000, XP and Server 2003.

``files.py`` knows which files of a Windows go where; ``sources.py`` takes them from an image instead of the applied
Windows, ``recovery.py`` adds the recovery environment.  ``bcd/`` is the store, ``code/`` what a BIOS executes.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "bcd.create": ("BcdSettings", "OsEntry", "RecoveryEntry", "create_store"),
        "bcd.elements": ("Element",),
        "bcd.media": ("MediaEntry", "MediaStoreSettings", "TftpOptions", "create_media_store"),
        "bcd.partition": ("PartitionRef",),
        "bcd.store": ("BcdObject", "BcdReport", "BcdStore", "ElementReport", "ObjectReport", "read_store"),
        "check": ("check_boot",),
        "code.bios": ("BiosLoader", "BootCodeReport"),
        "firmware": ("Firmware", "Generation"),
        "fix": ("FixResult", "FixWish", "fix_boot"),
        "install": ("BootOptions", "BootResult", "install_boot"),
        "language": ("LocaleSource",),
        "show": ("BootView", "MenuLine", "NamedPartition", "view_boot"),
        "verdict": ("BootReport", "Verdict"),
    },
)

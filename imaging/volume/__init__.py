"""File systems inside a disk image or device: format, fill, read, check and wipe them where they lie.

A volume is a window of an open disk (``disk/volume.py``).  ``eligible.py`` tells which partitions of a disk are volumes
that images go to and come from.  ``filesystems.py`` is the table of the file systems: how each is made and checked, and
how single files in it are read and written in one manner (``files.py``).  What NTFS and FAT have of their own is in
``ntfs/`` and ``fat/``.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "checked": ("VolumeCheck",),
        "fat.check": ("check_fat",),
        "fat.layout": ("FatLayout",),
        "fat.make": ("FillResult", "fill_fat", "format_fat"),
        "fat.packing": ("EntryKind",),
        "fat.source": ("from_directory",),
        "fat.write": ("FatOptions",),
        "files": ("VolumeFiles",),
        "filesystems": ("FormatWish", "check_volume", "format_volume", "open_files"),
        "ntfs.check.faults": ("NtfsFault", "NtfsReport"),
        "ntfs.check.kinds": ("FaultKind",),
        "ntfs.check.volume": ("NtfsCheckOptions", "check_ntfs"),
        "ntfs.format": ("NtfsFormat", "format_ntfs"),
    },
)

"""Changing what is inside an image, with everything else of the image and of its WIM kept.

``replace.py`` puts new contents into one file; its attributes, times and security descriptor stay.  ``update.py``
carries out many commands as one transaction, and ``command_file.py`` reads them from text.  The image is opened as the
WIM has it, changed and appended, so that the WIM is valid at every moment.  ``mounts/`` shows an image as a directory,
whose changes are committed in the same way.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "command_file": ("CommandDefaults", "parse_command", "read_commands"),
        "mounts.mount": ("MountOptions", "Mounted", "StreamInterface", "mount_image"),
        "mounts.results": ("UnmountOptions", "UnmountResult"),
        "mounts.table": ("Mount", "MountState", "list_mounts"),
        "mounts.unmount": ("unmount_image",),
        "replace": ("replace_file", "replace_files"),
        "update": ("UpdateOptions", "UpdateResult", "update_image"),
    },
)

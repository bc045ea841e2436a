# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.service.command_file import (
    CommandDefaults as CommandDefaults,
    parse_command as parse_command,
    read_commands as read_commands,
)
from osdimage.imaging.service.mounts.mount import (
    MountOptions as MountOptions,
    Mounted as Mounted,
    StreamInterface as StreamInterface,
    mount_image as mount_image,
)
from osdimage.imaging.service.mounts.results import UnmountOptions as UnmountOptions, UnmountResult as UnmountResult
from osdimage.imaging.service.mounts.table import Mount as Mount, MountState as MountState, list_mounts as list_mounts
from osdimage.imaging.service.mounts.unmount import unmount_image as unmount_image
from osdimage.imaging.service.replace import replace_file as replace_file, replace_files as replace_files
from osdimage.imaging.service.update import (
    UpdateOptions as UpdateOptions,
    UpdateResult as UpdateResult,
    update_image as update_image,
)

# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.service.command_file import (
    CommandDefaults as CommandDefaults,
    parse_command as parse_command,
    read_commands as read_commands,
)
from osdimage.imaging.service.replace import replace_file as replace_file
from osdimage.imaging.service.update import (
    UpdateOptions as UpdateOptions,
    UpdateResult as UpdateResult,
    update_image as update_image,
)

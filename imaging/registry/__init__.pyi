# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.registry.edits import (
    ImportReport as ImportReport,
    clear_mounted_devices as clear_mounted_devices,
    import_edits as import_edits,
)
from osdimage.imaging.registry.hive import Hive as Hive, Key as Key
from osdimage.imaging.registry.hive_log import LogFile as LogFile
from osdimage.imaging.registry.in_image import edit_command as edit_command, reg_commands as reg_commands
from osdimage.imaging.registry.places import (
    HiveAddress as HiveAddress,
    change_hive as change_hive,
    load_hive as load_hive,
)
from osdimage.imaging.registry.planned import HiveDraft as HiveDraft, PlannedEdit as PlannedEdit
from osdimage.imaging.registry.read import read_hive as read_hive
from osdimage.imaging.registry.reg_file import (
    Edit as Edit,
    LeftOut as LeftOut,
    format_reg as format_reg,
    parse_reg as parse_reg,
    read_reg as read_reg,
    reg_lines as reg_lines,
)
from osdimage.imaging.registry.replay import Replay as Replay, Replayed as Replayed
from osdimage.imaging.registry.values import Value as Value, ValueType as ValueType
from osdimage.imaging.registry.write import new_hive as new_hive, write_hive as write_hive

# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.disk.bitlocker.keys import (
    KeyKind as KeyKind,
    KeyRing as KeyRing,
    UnlockKey as UnlockKey,
    read_keys as read_keys,
)
from osdimage.imaging.disk.bitlocker.secret import Secret as Secret
from osdimage.imaging.disk.containers.facts import (
    ContainerFacts as ContainerFacts,
    ContainerFormat as ContainerFormat,
    Link as Link,
    LinkRole as LinkRole,
    Snapshot as Snapshot,
)
from osdimage.imaging.disk.content import Content as Content, FileSystem as FileSystem
from osdimage.imaging.disk.device import check_expected as check_expected
from osdimage.imaging.disk.fat_width import FatWidth as FatWidth
from osdimage.imaging.disk.image import FileTarget as FileTarget, create_image as create_image
from osdimage.imaging.disk.init import (
    WriteReport as WriteReport,
    initialize as initialize,
    repaired as repaired,
    restore as restore,
    rewrite as rewrite,
)
from osdimage.imaging.disk.layouts.fit import Resized as Resized
from osdimage.imaging.disk.layouts.layout import (
    DiskLayout as DiskLayout,
    FixedSize as FixedSize,
    PartitionSpec as PartitionSpec,
    PercentOfFree as PercentOfFree,
    Remaining as Remaining,
)
from osdimage.imaging.disk.layouts.place import advice as advice
from osdimage.imaging.disk.layouts.presets import (
    Preset as Preset,
    RecoveryPlace as RecoveryPlace,
    preset_layout as preset_layout,
)
from osdimage.imaging.disk.layouts.variables import (
    layout_from_variables as layout_from_variables,
    parse_variables as parse_variables,
)
from osdimage.imaging.disk.opened import Disk as Disk, open_disk as open_disk
from osdimage.imaging.disk.opening import Opening as Opening
from osdimage.imaging.disk.places import open_volume as open_volume
from osdimage.imaging.disk.plan import DiskIdentity as DiskIdentity, DiskPlan as DiskPlan
from osdimage.imaging.disk.roles import GptAttributes as GptAttributes, Role as Role, Scheme as Scheme
from osdimage.imaging.disk.several import open_disks as open_disks
from osdimage.imaging.disk.tables.backup import (
    Piece as Piece,
    TableBackup as TableBackup,
    TableSaving as TableSaving,
    load_backup as load_backup,
    save_backup as save_backup,
    take_backup as take_backup,
)
from osdimage.imaging.disk.tables.check import check_disk as check_disk
from osdimage.imaging.disk.tables.gpt import GptEntry as GptEntry, GptHeader as GptHeader
from osdimage.imaging.disk.tables.read import (
    DiskReading as DiskReading,
    GptCopy as GptCopy,
    GptState as GptState,
    read_table as read_table,
)
from osdimage.imaging.disk.tables.table import (
    Partition as Partition,
    PartitionTable as PartitionTable,
    Space as Space,
    SpaceKind as SpaceKind,
)
from osdimage.imaging.disk.target import (
    BlockTarget as BlockTarget,
    Data as Data,
    DiskTarget as DiskTarget,
    MemoryTarget as MemoryTarget,
    Window as Window,
)
from osdimage.imaging.disk.volume import OpenVolume as OpenVolume

# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.apply.image import apply_image as apply_image
from osdimage.imaging.apply.job import ApplyOptions as ApplyOptions
from osdimage.imaging.boot.check import check_boot as check_boot
from osdimage.imaging.boot.fix import fix_boot as fix_boot
from osdimage.imaging.boot.install import BootOptions as BootOptions, install_boot as install_boot
from osdimage.imaging.cancel import (
    CancellationToken as CancellationToken,
    Cancelled as Cancelled,
    in_thread as in_thread,
)
from osdimage.imaging.capture.config import CaptureConfig as CaptureConfig
from osdimage.imaging.capture.image import CaptureOptions as CaptureOptions, capture_image as capture_image
from osdimage.imaging.capture.source import CaptureSource as CaptureSource
from osdimage.imaging.compare.image import compare_image as compare_image
from osdimage.imaging.deploy.execute import execute as execute
from osdimage.imaging.deploy.plan import DeployPlan as DeployPlan, make_plan as make_plan
from osdimage.imaging.disk.content import FileSystem as FileSystem
from osdimage.imaging.disk.init import initialize as initialize
from osdimage.imaging.disk.layouts.layout import DiskLayout as DiskLayout, PartitionSpec as PartitionSpec
from osdimage.imaging.disk.layouts.place import place as place
from osdimage.imaging.disk.layouts.presets import Preset as Preset, preset_layout as preset_layout
from osdimage.imaging.disk.layouts.variables import layout_from_variables as layout_from_variables
from osdimage.imaging.disk.opened import Disk as Disk, open_disk as open_disk
from osdimage.imaging.disk.plan import DiskPlan as DiskPlan
from osdimage.imaging.disk.tables.table import PartitionTable as PartitionTable
from osdimage.imaging.errors import (
    ActionFailed as ActionFailed,
    CorruptWim as CorruptWim,
    DoesNotFit as DoesNotFit,
    ImageNotFound as ImageNotFound,
    Incomplete as Incomplete,
    InvalidDocument as InvalidDocument,
    InvalidInput as InvalidInput,
    InvalidLayout as InvalidLayout,
    InvalidRequest as InvalidRequest,
    InvalidTable as InvalidTable,
    InvalidVolume as InvalidVolume,
    MissingParts as MissingParts,
    NotAWim as NotAWim,
    NotReady as NotReady,
    OsdImageError as OsdImageError,
    ReadOnlyVariable as ReadOnlyVariable,
    StorageError as StorageError,
    TargetRefused as TargetRefused,
    TooSmall as TooSmall,
    UnsafeName as UnsafeName,
)
from osdimage.imaging.finding import Finding as Finding, Severity as Severity
from osdimage.imaging.progress import ProgressEvent as ProgressEvent
from osdimage.imaging.tasksequence.computer.machine import Machine as Machine
from osdimage.imaging.tasksequence.environment import Environment as Environment
from osdimage.imaging.tasksequence.forms.xml import load_sequence as load_sequence
from osdimage.imaging.tasksequence.plan import plan_sequence as plan_sequence
from osdimage.imaging.tasksequence.runner import run_sequence as run_sequence
from osdimage.imaging.units import Geometry as Geometry
from osdimage.imaging.volume.filesystems import FormatWish as FormatWish, format_volume as format_volume
from osdimage.imaging.wim.checks.verify_file import verify_file as verify_file
from osdimage.imaging.wim.compression import Compression as Compression, CompressionSpec as CompressionSpec
from osdimage.imaging.wim.copied.export import ExportOptions as ExportOptions, export_images as export_images
from osdimage.imaging.wim.described.properties import ImageProperties as ImageProperties
from osdimage.imaging.wim.edited.edit import delete_images as delete_images, set_properties as set_properties
from osdimage.imaging.wim.file import WimFile as WimFile
from osdimage.imaging.wim.image import WimImage as WimImage
from osdimage.imaging.wim.select import ImageSelector as ImageSelector
from osdimage.imaging.wim.write import WriteMode as WriteMode

# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.apply.image import apply_image as apply_image
from osdimage.imaging.apply.job import ApplyOptions as ApplyOptions, ApplyResult as ApplyResult
from osdimage.imaging.apply.volumes import AppliedVolume as AppliedVolume, apply_volumes as apply_volumes
from osdimage.imaging.attributes import FileAttribute as FileAttribute
from osdimage.imaging.boot.bcd.create import (
    BcdSettings as BcdSettings,
    OsEntry as OsEntry,
    RecoveryEntry as RecoveryEntry,
    create_store as create_store,
)
from osdimage.imaging.boot.bcd.partition import PartitionRef as PartitionRef
from osdimage.imaging.boot.bcd.store import BcdStore as BcdStore, read_store as read_store
from osdimage.imaging.boot.check import BootReport as BootReport, check_boot as check_boot
from osdimage.imaging.boot.code.bios import BiosLoader as BiosLoader
from osdimage.imaging.boot.firmware import Generation as Generation
from osdimage.imaging.boot.fix import FixResult as FixResult, fix_boot as fix_boot
from osdimage.imaging.boot.install import (
    BootOptions as BootOptions,
    BootResult as BootResult,
    install_boot as install_boot,
)
from osdimage.imaging.boot.show import BootView as BootView, view_boot as view_boot
from osdimage.imaging.capture.config import (
    CaptureConfig as CaptureConfig,
    DEFAULT_CONFIG as DEFAULT_CONFIG,
    read_config as read_config,
)
from osdimage.imaging.capture.image import (
    CaptureOptions as CaptureOptions,
    CaptureResult as CaptureResult,
    capture_image as capture_image,
)
from osdimage.imaging.capture.source import CaptureSource as CaptureSource
from osdimage.imaging.capture.volumes import CapturedVolumes as CapturedVolumes, capture_volumes as capture_volumes
from osdimage.imaging.compare.fidelity import (
    ClassCount as ClassCount,
    CompareReport as CompareReport,
    Difference as Difference,
    Fidelity as Fidelity,
)
from osdimage.imaging.compare.image import compare_image as compare_image
from osdimage.imaging.compare.volumes import compare_volumes as compare_volumes
from osdimage.imaging.deploy.relayout import (
    layout_from_captured as layout_from_captured,
    plan_from_wim as plan_from_wim,
)
from osdimage.imaging.disk.backup import (
    TableBackup as TableBackup,
    load_backup as load_backup,
    save_backup as save_backup,
    take_backup as take_backup,
)
from osdimage.imaging.disk.check import check_disk as check_disk
from osdimage.imaging.disk.content import FileSystem as FileSystem
from osdimage.imaging.disk.device import open_target as open_target
from osdimage.imaging.disk.finding import Finding as Finding, Severity as Severity
from osdimage.imaging.disk.init import WriteReport as WriteReport, initialize as initialize, restore as restore
from osdimage.imaging.disk.layout import (
    DiskLayout as DiskLayout,
    FixedSize as FixedSize,
    PartitionSpec as PartitionSpec,
    PercentOfFree as PercentOfFree,
    Remaining as Remaining,
)
from osdimage.imaging.disk.opened import open_volume as open_volume
from osdimage.imaging.disk.place import advice as advice, place as place
from osdimage.imaging.disk.plan import DiskPlan as DiskPlan
from osdimage.imaging.disk.presets import (
    Preset as Preset,
    RecoveryPlace as RecoveryPlace,
    preset_layout as preset_layout,
)
from osdimage.imaging.disk.read import DiskReading as DiskReading, read_table as read_table
from osdimage.imaging.disk.roles import GptAttributes as GptAttributes, Role as Role, Scheme as Scheme
from osdimage.imaging.disk.table import Partition as Partition, PartitionTable as PartitionTable
from osdimage.imaging.disk.target import (
    BlockTarget as BlockTarget,
    MemoryTarget as MemoryTarget,
    create_image as create_image,
)
from osdimage.imaging.disk.variables import layout_from_variables as layout_from_variables
from osdimage.imaging.disk.volume import OpenVolume as OpenVolume
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
from osdimage.imaging.files import FileFacts as FileFacts, FileSource as FileSource
from osdimage.imaging.loss import Loss as Loss
from osdimage.imaging.progress import (
    Phase as Phase,
    ProgressCallback as ProgressCallback,
    ProgressEvent as ProgressEvent,
)
from osdimage.imaging.registry.edits import clear_mounted_devices as clear_mounted_devices
from osdimage.imaging.registry.hive import Hive as Hive, Key as Key
from osdimage.imaging.registry.places import (
    HiveAddress as HiveAddress,
    change_hive as change_hive,
    load_hive as load_hive,
)
from osdimage.imaging.registry.read import read_hive as read_hive
from osdimage.imaging.registry.values import Value as Value, ValueType as ValueType
from osdimage.imaging.registry.write import new_hive as new_hive, write_hive as write_hive
from osdimage.imaging.tasksequence.codes import HResult as HResult
from osdimage.imaging.tasksequence.environment import Environment as Environment
from osdimage.imaging.tasksequence.forms.xml import (
    load_sequence as load_sequence,
    read_sequence as read_sequence,
    write_sequence as write_sequence,
)
from osdimage.imaging.tasksequence.layers import CollectionVariables as CollectionVariables
from osdimage.imaging.tasksequence.machine import Firmware as Firmware, Machine as Machine
from osdimage.imaging.tasksequence.plan import action_table as action_table, plan_sequence as plan_sequence
from osdimage.imaging.tasksequence.report import RunReport as RunReport
from osdimage.imaging.tasksequence.result import ActionResult as ActionResult, Events as Events
from osdimage.imaging.tasksequence.runner import run_sequence as run_sequence
from osdimage.imaging.tasksequence.runstate import RunState as RunState
from osdimage.imaging.tasksequence.steps.apply_data import apply_data_image as apply_data_image
from osdimage.imaging.tasksequence.steps.apply_network import apply_network_settings as apply_network_settings
from osdimage.imaging.tasksequence.steps.apply_os import apply_operating_system as apply_operating_system
from osdimage.imaging.tasksequence.steps.apply_windows import apply_windows_settings as apply_windows_settings
from osdimage.imaging.tasksequence.steps.capture_os import (
    capture_operating_system_image as capture_operating_system_image,
)
from osdimage.imaging.tasksequence.steps.convert_disk import convert_disk as convert_disk
from osdimage.imaging.tasksequence.steps.join_domain import join_domain_or_workgroup as join_domain_or_workgroup
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk as partition_disk
from osdimage.imaging.tasksequence.steps.restart import restart_computer as restart_computer
from osdimage.imaging.tasksequence.steps.set_variable import set_variable as set_variable
from osdimage.imaging.units import (
    Extent as Extent,
    Geometry as Geometry,
    format_size as format_size,
    parse_size as parse_size,
)
from osdimage.imaging.version import VERSION as VERSION
from osdimage.imaging.volume.files import VolumeFiles as VolumeFiles
from osdimage.imaging.volume.filesystems import open_files as open_files
from osdimage.imaging.wim.captured import CapturedDisk as CapturedDisk, CapturedPartition as CapturedPartition
from osdimage.imaging.wim.compression import Compression as Compression, CompressionSpec as CompressionSpec
from osdimage.imaging.wim.edit import (
    DeleteResult as DeleteResult,
    delete_images as delete_images,
    set_properties as set_properties,
)
from osdimage.imaging.wim.entries import Entry as Entry, Stream as Stream
from osdimage.imaging.wim.export import (
    ExportOptions as ExportOptions,
    ExportResult as ExportResult,
    export_images as export_images,
)
from osdimage.imaging.wim.extract import ExtractResult as ExtractResult
from osdimage.imaging.wim.file import WimFile as WimFile
from osdimage.imaging.wim.files import ImageFiles as ImageFiles
from osdimage.imaging.wim.image import WimImage as WimImage
from osdimage.imaging.wim.info import ImageInfo as ImageInfo, WimHeader as WimHeader, WindowsInfo as WindowsInfo
from osdimage.imaging.wim.properties import ImageProperties as ImageProperties
from osdimage.imaging.wim.select import ImageSelector as ImageSelector
from osdimage.imaging.wim.verify import Problem as Problem, ProblemKind as ProblemKind, VerifyReport as VerifyReport
from osdimage.imaging.wim.verify_file import verify_file as verify_file
from osdimage.imaging.wim.write import WriteMode as WriteMode

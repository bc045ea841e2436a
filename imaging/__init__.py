"""WIM images and disk layouts on Linux: the library behind the ``osdimage`` command.

::

    from osdimage.imaging import ImageSelector, WimFile

    with WimFile.open("install.wim") as wim:
        image = wim.select(ImageSelector(edition="Professional", language="en-US"))
        image.apply_to("/mnt/target")

    import random
    from datetime import UTC, datetime
    from osdimage.imaging import Preset, open_target, initialize, place, preset_layout

    with open_target("/dev/sdz", write=True) as disk:
        table = place(preset_layout(Preset.UEFI), disk.geometry, random.SystemRandom())
        initialize(disk, table, now=datetime.now(UTC))

Names are imported when they are first used: ``import osdimage.imaging`` alone loads no C library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osdimage.imaging.boot.bcd import (
        BcdStore,
        read_store,
    )
    from osdimage.imaging.boot.bcd_create import (
        BcdSettings,
        Generation,
        OsEntry,
        RecoveryEntry,
    )
    from osdimage.imaging.boot.bcd_partition import (
        PartitionRef,
    )
    from osdimage.imaging.boot.bios import (
        BiosLoader,
    )
    from osdimage.imaging.boot.check import (
        BootReport,
        check_boot,
    )
    from osdimage.imaging.boot.fix import (
        FixResult,
        fix_boot,
    )
    from osdimage.imaging.boot.hive import (
        Hive,
        Key,
    )
    from osdimage.imaging.boot.hive_files import (
        HiveAddress,
        change_hive,
        load_hive,
    )
    from osdimage.imaging.boot.hive_values import (
        Value,
        ValueType,
    )
    from osdimage.imaging.boot.install import (
        BootOptions,
        BootResult,
        install_boot,
    )
    from osdimage.imaging.boot.registry import (
        clear_mounted_devices,
    )
    from osdimage.imaging.boot.show import (
        BootView,
        view_boot,
    )
    from osdimage.imaging.deploy.relayout import (
        layout_from_captured,
        plan_from_wim,
    )
    from osdimage.imaging.disk.backup import (
        TableBackup,
        load_backup,
        save_backup,
        take_backup,
    )
    from osdimage.imaging.disk.captured import (
        CapturedDisk,
        CapturedPartition,
    )
    from osdimage.imaging.disk.check import (
        check_disk,
    )
    from osdimage.imaging.disk.device import (
        open_target,
    )
    from osdimage.imaging.disk.finding import (
        Finding,
        Severity,
    )
    from osdimage.imaging.disk.init import (
        WriteReport,
        initialize,
        restore,
    )
    from osdimage.imaging.disk.layout import (
        DiskLayout,
        FixedSize,
        PartitionSpec,
        PercentOfFree,
        Remaining,
    )
    from osdimage.imaging.disk.place import (
        advice,
        place,
    )
    from osdimage.imaging.disk.plan import (
        DiskPlan,
    )
    from osdimage.imaging.disk.presets import (
        Preset,
        RecoveryPlace,
        preset_layout,
    )
    from osdimage.imaging.disk.read import (
        DiskReading,
        read_table,
    )
    from osdimage.imaging.disk.roles import (
        FileSystem,
        GptAttributes,
        Role,
        Scheme,
    )
    from osdimage.imaging.disk.table import (
        Partition,
        PartitionTable,
    )
    from osdimage.imaging.disk.target import (
        BlockTarget,
        MemoryTarget,
        create_image,
    )
    from osdimage.imaging.disk.variables import (
        layout_from_variables,
    )
    from osdimage.imaging.errors import (
        ActionFailed,
        CorruptWim,
        DoesNotFit,
        ImageNotFound,
        Incomplete,
        InvalidDocument,
        InvalidInput,
        InvalidLayout,
        InvalidRequest,
        InvalidTable,
        InvalidVolume,
        MissingParts,
        NotAWim,
        NotReady,
        OsdImageError,
        ReadOnlyVariable,
        StorageError,
        TargetRefused,
        TooSmall,
        UnsafeName,
    )
    from osdimage.imaging.loss import (
        Loss,
    )
    from osdimage.imaging.progress import (
        Phase,
        ProgressCallback,
        ProgressEvent,
    )
    from osdimage.imaging.tasksequence.apply_data import (
        apply_data_image,
    )
    from osdimage.imaging.tasksequence.apply_network import (
        apply_network_settings,
    )
    from osdimage.imaging.tasksequence.apply_os import (
        apply_operating_system,
    )
    from osdimage.imaging.tasksequence.apply_windows import (
        apply_windows_settings,
    )
    from osdimage.imaging.tasksequence.capture_os import (
        capture_operating_system_image,
    )
    from osdimage.imaging.tasksequence.convert_disk import (
        convert_disk,
    )
    from osdimage.imaging.tasksequence.environment import (
        Environment,
    )
    from osdimage.imaging.tasksequence.join_domain import (
        join_domain_or_workgroup,
    )
    from osdimage.imaging.tasksequence.layers import (
        CollectionVariables,
    )
    from osdimage.imaging.tasksequence.machine import (
        Firmware,
        Machine,
    )
    from osdimage.imaging.tasksequence.partition_disk import (
        partition_disk,
    )
    from osdimage.imaging.tasksequence.plan import (
        action_table,
        plan_sequence,
    )
    from osdimage.imaging.tasksequence.report import (
        RunReport,
    )
    from osdimage.imaging.tasksequence.restart import (
        restart_computer,
    )
    from osdimage.imaging.tasksequence.result import (
        ActionResult,
        Events,
        HResult,
    )
    from osdimage.imaging.tasksequence.runner import (
        run_sequence,
    )
    from osdimage.imaging.tasksequence.runstate import (
        RunState,
    )
    from osdimage.imaging.tasksequence.set_variable import (
        set_variable,
    )
    from osdimage.imaging.tasksequence.xml import (
        load_sequence,
        read_sequence,
        write_sequence,
    )
    from osdimage.imaging.units import (
        Extent,
        Geometry,
        format_size,
        parse_size,
    )
    from osdimage.imaging.version import (
        VERSION,
    )
    from osdimage.imaging.volume.files import (
        FileFacts,
        FileSource,
        VolumeFiles,
        open_files,
    )
    from osdimage.imaging.volume.opened import (
        OpenVolume,
        open_volume,
    )
    from osdimage.imaging.wim.apply_job import (
        ApplyResult,
    )
    from osdimage.imaging.wim.apply_volumes import (
        AppliedVolume,
        apply_volumes,
    )
    from osdimage.imaging.wim.attributes import (
        FileAttribute,
    )
    from osdimage.imaging.wim.capture import (
        CaptureResult,
        capture,
    )
    from osdimage.imaging.wim.capture_volumes import (
        CapturedVolumes,
        capture_volumes,
    )
    from osdimage.imaging.wim.compare_volumes import (
        compare_volumes,
    )
    from osdimage.imaging.wim.compression import (
        Compression,
        CompressionSpec,
    )
    from osdimage.imaging.wim.config import (
        DEFAULT_CONFIG,
        CaptureConfig,
        read_config,
    )
    from osdimage.imaging.wim.edit import (
        DeleteResult,
        delete_images,
        set_properties,
    )
    from osdimage.imaging.wim.entries import (
        Entry,
        Stream,
    )
    from osdimage.imaging.wim.export import (
        ExportResult,
        export_images,
    )
    from osdimage.imaging.wim.extract import (
        ExtractResult,
    )
    from osdimage.imaging.wim.fidelity import (
        ClassCount,
        CompareReport,
        Difference,
        Fidelity,
    )
    from osdimage.imaging.wim.file import (
        WimFile,
    )
    from osdimage.imaging.wim.files import (
        ImageFiles,
    )
    from osdimage.imaging.wim.image import (
        WimImage,
    )
    from osdimage.imaging.wim.info import (
        ImageInfo,
        WimHeader,
        WindowsInfo,
    )
    from osdimage.imaging.wim.properties import (
        ImageProperties,
    )
    from osdimage.imaging.wim.select import (
        ImageSelector,
    )
    from osdimage.imaging.wim.source import (
        CaptureSource,
    )
    from osdimage.imaging.wim.verify import (
        Problem,
        ProblemKind,
        VerifyReport,
        verify_file,
    )
    from osdimage.imaging.wim.write import (
        WriteMode,
    )

_HOME = {
    "ActionFailed": "errors",
    "ActionResult": "tasksequence.result",
    "AppliedVolume": "wim.apply_volumes",
    "ApplyResult": "wim.apply_job",
    "BcdSettings": "boot.bcd_create",
    "BcdStore": "boot.bcd",
    "BiosLoader": "boot.bios",
    "BlockTarget": "disk.target",
    "BootOptions": "boot.install",
    "BootReport": "boot.check",
    "BootResult": "boot.install",
    "BootView": "boot.show",
    "CaptureConfig": "wim.config",
    "CaptureResult": "wim.capture",
    "CaptureSource": "wim.source",
    "CapturedDisk": "disk.captured",
    "CapturedPartition": "disk.captured",
    "CapturedVolumes": "wim.capture_volumes",
    "ClassCount": "wim.fidelity",
    "CollectionVariables": "tasksequence.layers",
    "CompareReport": "wim.fidelity",
    "Compression": "wim.compression",
    "CompressionSpec": "wim.compression",
    "CorruptWim": "errors",
    "DEFAULT_CONFIG": "wim.config",
    "DeleteResult": "wim.edit",
    "Difference": "wim.fidelity",
    "DiskLayout": "disk.layout",
    "DiskPlan": "disk.plan",
    "DiskReading": "disk.read",
    "DoesNotFit": "errors",
    "Entry": "wim.entries",
    "Environment": "tasksequence.environment",
    "Events": "tasksequence.result",
    "ExportResult": "wim.export",
    "Extent": "units",
    "ExtractResult": "wim.extract",
    "Fidelity": "wim.fidelity",
    "FileAttribute": "wim.attributes",
    "FileFacts": "volume.files",
    "FileSource": "volume.files",
    "FileSystem": "disk.roles",
    "Finding": "disk.finding",
    "Firmware": "tasksequence.machine",
    "FixResult": "boot.fix",
    "FixedSize": "disk.layout",
    "Generation": "boot.bcd_create",
    "Geometry": "units",
    "GptAttributes": "disk.roles",
    "HResult": "tasksequence.result",
    "Hive": "boot.hive",
    "HiveAddress": "boot.hive_files",
    "ImageFiles": "wim.files",
    "ImageInfo": "wim.info",
    "ImageNotFound": "errors",
    "ImageProperties": "wim.properties",
    "ImageSelector": "wim.select",
    "Incomplete": "errors",
    "InvalidDocument": "errors",
    "InvalidInput": "errors",
    "InvalidLayout": "errors",
    "InvalidRequest": "errors",
    "InvalidTable": "errors",
    "InvalidVolume": "errors",
    "Key": "boot.hive",
    "Loss": "loss",
    "Machine": "tasksequence.machine",
    "MemoryTarget": "disk.target",
    "MissingParts": "errors",
    "NotAWim": "errors",
    "NotReady": "errors",
    "OpenVolume": "volume.opened",
    "OsEntry": "boot.bcd_create",
    "OsdImageError": "errors",
    "Partition": "disk.table",
    "PartitionRef": "boot.bcd_partition",
    "PartitionSpec": "disk.layout",
    "PartitionTable": "disk.table",
    "PercentOfFree": "disk.layout",
    "Phase": "progress",
    "Preset": "disk.presets",
    "Problem": "wim.verify",
    "ProblemKind": "wim.verify",
    "ProgressCallback": "progress",
    "ProgressEvent": "progress",
    "ReadOnlyVariable": "errors",
    "RecoveryEntry": "boot.bcd_create",
    "RecoveryPlace": "disk.presets",
    "Remaining": "disk.layout",
    "Role": "disk.roles",
    "RunReport": "tasksequence.report",
    "RunState": "tasksequence.runstate",
    "Scheme": "disk.roles",
    "Severity": "disk.finding",
    "StorageError": "errors",
    "Stream": "wim.entries",
    "TableBackup": "disk.backup",
    "TargetRefused": "errors",
    "TooSmall": "errors",
    "UnsafeName": "errors",
    "VERSION": "version",
    "Value": "boot.hive_values",
    "ValueType": "boot.hive_values",
    "VerifyReport": "wim.verify",
    "VolumeFiles": "volume.files",
    "WimFile": "wim.file",
    "WimHeader": "wim.info",
    "WimImage": "wim.image",
    "WindowsInfo": "wim.info",
    "WriteMode": "wim.write",
    "WriteReport": "disk.init",
    "action_table": "tasksequence.plan",
    "advice": "disk.place",
    "apply_data_image": "tasksequence.apply_data",
    "apply_network_settings": "tasksequence.apply_network",
    "apply_operating_system": "tasksequence.apply_os",
    "apply_volumes": "wim.apply_volumes",
    "apply_windows_settings": "tasksequence.apply_windows",
    "capture": "wim.capture",
    "capture_operating_system_image": "tasksequence.capture_os",
    "capture_volumes": "wim.capture_volumes",
    "change_hive": "boot.hive_files",
    "check_boot": "boot.check",
    "check_disk": "disk.check",
    "clear_mounted_devices": "boot.registry",
    "compare_volumes": "wim.compare_volumes",
    "convert_disk": "tasksequence.convert_disk",
    "create_image": "disk.target",
    "delete_images": "wim.edit",
    "export_images": "wim.export",
    "fix_boot": "boot.fix",
    "format_size": "units",
    "initialize": "disk.init",
    "install_boot": "boot.install",
    "join_domain_or_workgroup": "tasksequence.join_domain",
    "layout_from_captured": "deploy.relayout",
    "layout_from_variables": "disk.variables",
    "load_backup": "disk.backup",
    "load_hive": "boot.hive_files",
    "load_sequence": "tasksequence.xml",
    "open_files": "volume.files",
    "open_target": "disk.device",
    "open_volume": "volume.opened",
    "parse_size": "units",
    "partition_disk": "tasksequence.partition_disk",
    "place": "disk.place",
    "plan_from_wim": "deploy.relayout",
    "plan_sequence": "tasksequence.plan",
    "preset_layout": "disk.presets",
    "read_config": "wim.config",
    "read_sequence": "tasksequence.xml",
    "read_store": "boot.bcd",
    "read_table": "disk.read",
    "restart_computer": "tasksequence.restart",
    "restore": "disk.init",
    "run_sequence": "tasksequence.runner",
    "save_backup": "disk.backup",
    "set_properties": "wim.edit",
    "set_variable": "tasksequence.set_variable",
    "take_backup": "disk.backup",
    "verify_file": "wim.verify",
    "view_boot": "boot.show",
    "write_sequence": "tasksequence.xml",
}

__all__ = [
    "DEFAULT_CONFIG",
    "VERSION",
    "ActionFailed",
    "ActionResult",
    "AppliedVolume",
    "ApplyResult",
    "BcdSettings",
    "BcdStore",
    "BiosLoader",
    "BlockTarget",
    "BootOptions",
    "BootReport",
    "BootResult",
    "BootView",
    "CaptureConfig",
    "CaptureResult",
    "CaptureSource",
    "CapturedDisk",
    "CapturedPartition",
    "CapturedVolumes",
    "ClassCount",
    "CollectionVariables",
    "CompareReport",
    "Compression",
    "CompressionSpec",
    "CorruptWim",
    "DeleteResult",
    "Difference",
    "DiskLayout",
    "DiskPlan",
    "DiskReading",
    "DoesNotFit",
    "Entry",
    "Environment",
    "Events",
    "ExportResult",
    "Extent",
    "ExtractResult",
    "Fidelity",
    "FileAttribute",
    "FileFacts",
    "FileSource",
    "FileSystem",
    "Finding",
    "Firmware",
    "FixResult",
    "FixedSize",
    "Generation",
    "Geometry",
    "GptAttributes",
    "HResult",
    "Hive",
    "HiveAddress",
    "ImageFiles",
    "ImageInfo",
    "ImageNotFound",
    "ImageProperties",
    "ImageSelector",
    "Incomplete",
    "InvalidDocument",
    "InvalidInput",
    "InvalidLayout",
    "InvalidRequest",
    "InvalidTable",
    "InvalidVolume",
    "Key",
    "Loss",
    "Machine",
    "MemoryTarget",
    "MissingParts",
    "NotAWim",
    "NotReady",
    "OpenVolume",
    "OsEntry",
    "OsdImageError",
    "Partition",
    "PartitionRef",
    "PartitionSpec",
    "PartitionTable",
    "PercentOfFree",
    "Phase",
    "Preset",
    "Problem",
    "ProblemKind",
    "ProgressCallback",
    "ProgressEvent",
    "ReadOnlyVariable",
    "RecoveryEntry",
    "RecoveryPlace",
    "Remaining",
    "Role",
    "RunReport",
    "RunState",
    "Scheme",
    "Severity",
    "StorageError",
    "Stream",
    "TableBackup",
    "TargetRefused",
    "TooSmall",
    "UnsafeName",
    "Value",
    "ValueType",
    "VerifyReport",
    "VolumeFiles",
    "WimFile",
    "WimHeader",
    "WimImage",
    "WindowsInfo",
    "WriteMode",
    "WriteReport",
    "action_table",
    "advice",
    "apply_data_image",
    "apply_network_settings",
    "apply_operating_system",
    "apply_volumes",
    "apply_windows_settings",
    "capture",
    "capture_operating_system_image",
    "capture_volumes",
    "change_hive",
    "check_boot",
    "check_disk",
    "clear_mounted_devices",
    "compare_volumes",
    "convert_disk",
    "create_image",
    "delete_images",
    "export_images",
    "fix_boot",
    "format_size",
    "initialize",
    "install_boot",
    "join_domain_or_workgroup",
    "layout_from_captured",
    "layout_from_variables",
    "load_backup",
    "load_hive",
    "load_sequence",
    "open_files",
    "open_target",
    "open_volume",
    "parse_size",
    "partition_disk",
    "place",
    "plan_from_wim",
    "plan_sequence",
    "preset_layout",
    "read_config",
    "read_sequence",
    "read_store",
    "read_table",
    "restart_computer",
    "restore",
    "run_sequence",
    "save_backup",
    "set_properties",
    "set_variable",
    "take_backup",
    "verify_file",
    "view_boot",
    "write_sequence",
]


def __getattr__(name: str) -> object:
    """Import a public name from the module that defines it."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - start-up of the command stays cheap

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(_HOME)

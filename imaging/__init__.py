"""WIM images and disk layouts on Linux: the library behind the ``osdimage`` command.

::

    from osdimage.imaging import ImageSelector, WimFile, apply_image

    with WimFile.open("install.wim") as wim:
        image = wim.select(ImageSelector(edition="Professional", language="en-US"))
        apply_image(image, "/mnt/target")

    import random
    from datetime import UTC, datetime
    from osdimage.imaging import Preset, open_target, initialize, place, preset_layout

    with open_target("/dev/sdz", write=True) as disk:
        table = place(preset_layout(Preset.UEFI), disk.geometry, random.SystemRandom())
        initialize(disk, table, now=datetime.now(UTC))

Names are imported when they are first used: ``import osdimage.imaging`` alone loads no C library.
"""

# Where each public name is defined; ``__init__.pyi`` tells type checkers the same.
_NAMES = {
    "apply.image": ("apply_image",),
    "apply.job": ("ApplyOptions", "ApplyResult"),
    "apply.volumes": ("AppliedVolume", "apply_volumes"),
    "attributes": ("FileAttribute",),
    "boot.bcd.create": ("BcdSettings", "OsEntry", "RecoveryEntry", "create_store"),
    "boot.bcd.partition": ("PartitionRef",),
    "boot.bcd.store": ("BcdStore", "read_store"),
    "boot.check": ("BootReport", "check_boot"),
    "boot.code.bios": ("BiosLoader",),
    "boot.firmware": ("Generation",),
    "boot.fix": ("FixResult", "fix_boot"),
    "boot.install": ("BootOptions", "BootResult", "install_boot"),
    "boot.show": ("BootView", "view_boot"),
    "capture.config": ("CaptureConfig", "DEFAULT_CONFIG", "read_config"),
    "capture.image": ("CaptureOptions", "CaptureResult", "capture_image"),
    "capture.source": ("CaptureSource",),
    "capture.volumes": ("CapturedVolumes", "capture_volumes"),
    "compare.fidelity": ("ClassCount", "CompareReport", "Difference", "Fidelity"),
    "compare.image": ("compare_image",),
    "compare.volumes": ("compare_volumes",),
    "deploy.relayout": ("layout_from_captured", "plan_from_wim"),
    "disk.backup": ("TableBackup", "load_backup", "save_backup", "take_backup"),
    "disk.check": ("check_disk",),
    "disk.content": ("FileSystem",),
    "disk.device": ("open_target",),
    "disk.finding": ("Finding", "Severity"),
    "disk.init": ("WriteReport", "initialize", "restore"),
    "disk.layout": ("DiskLayout", "FixedSize", "PartitionSpec", "PercentOfFree", "Remaining"),
    "disk.opened": ("open_volume",),
    "disk.place": ("advice", "place"),
    "disk.plan": ("DiskPlan",),
    "disk.presets": ("Preset", "RecoveryPlace", "preset_layout"),
    "disk.read": ("DiskReading", "read_table"),
    "disk.roles": ("GptAttributes", "Role", "Scheme"),
    "disk.table": ("Partition", "PartitionTable"),
    "disk.target": ("BlockTarget", "MemoryTarget", "create_image"),
    "disk.variables": ("layout_from_variables",),
    "disk.volume": ("OpenVolume",),
    "errors": (
        "ActionFailed",
        "CorruptWim",
        "DoesNotFit",
        "ImageNotFound",
        "Incomplete",
        "InvalidDocument",
        "InvalidInput",
        "InvalidLayout",
        "InvalidRequest",
        "InvalidTable",
        "InvalidVolume",
        "MissingParts",
        "NotAWim",
        "NotReady",
        "OsdImageError",
        "ReadOnlyVariable",
        "StorageError",
        "TargetRefused",
        "TooSmall",
        "UnsafeName",
    ),
    "files": ("FileFacts", "FileSource"),
    "loss": ("Loss",),
    "progress": ("Phase", "ProgressCallback", "ProgressEvent"),
    "registry.edits": ("clear_mounted_devices",),
    "registry.hive": ("Hive", "Key"),
    "registry.places": ("HiveAddress", "change_hive", "load_hive"),
    "registry.read": ("read_hive",),
    "registry.values": ("Value", "ValueType"),
    "registry.write": ("new_hive", "write_hive"),
    "tasksequence.codes": ("HResult",),
    "tasksequence.environment": ("Environment",),
    "tasksequence.forms.xml": ("load_sequence", "read_sequence", "write_sequence"),
    "tasksequence.layers": ("CollectionVariables",),
    "tasksequence.machine": ("Firmware", "Machine"),
    "tasksequence.plan": ("action_table", "plan_sequence"),
    "tasksequence.report": ("RunReport",),
    "tasksequence.result": ("ActionResult", "Events"),
    "tasksequence.runner": ("run_sequence",),
    "tasksequence.runstate": ("RunState",),
    "tasksequence.steps.apply_data": ("apply_data_image",),
    "tasksequence.steps.apply_network": ("apply_network_settings",),
    "tasksequence.steps.apply_os": ("apply_operating_system",),
    "tasksequence.steps.apply_windows": ("apply_windows_settings",),
    "tasksequence.steps.capture_os": ("capture_operating_system_image",),
    "tasksequence.steps.convert_disk": ("convert_disk",),
    "tasksequence.steps.join_domain": ("join_domain_or_workgroup",),
    "tasksequence.steps.partition_disk": ("partition_disk",),
    "tasksequence.steps.restart": ("restart_computer",),
    "tasksequence.steps.set_variable": ("set_variable",),
    "units": ("Extent", "Geometry", "format_size", "parse_size"),
    "version": ("VERSION",),
    "volume.files": ("VolumeFiles",),
    "volume.filesystems": ("open_files",),
    "wim.captured": ("CapturedDisk", "CapturedPartition"),
    "wim.compression": ("Compression", "CompressionSpec"),
    "wim.edit": ("DeleteResult", "delete_images", "set_properties"),
    "wim.entries": ("Entry", "Stream"),
    "wim.export": ("ExportOptions", "ExportResult", "export_images"),
    "wim.extract": ("ExtractResult",),
    "wim.file": ("WimFile",),
    "wim.files": ("ImageFiles",),
    "wim.image": ("WimImage",),
    "wim.info": ("ImageInfo", "WimHeader", "WindowsInfo"),
    "wim.properties": ("ImageProperties",),
    "wim.select": ("ImageSelector",),
    "wim.verify": ("Problem", "ProblemKind", "VerifyReport"),
    "wim.verify_file": ("verify_file",),
    "wim.write": ("WriteMode",),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = list(_HOME)


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
    return sorted(__all__)

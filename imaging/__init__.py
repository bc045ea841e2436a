"""WIM images and disk layouts on Linux: the library behind the ``osdimage`` command.

::

    from osdimage.imaging import ImageSelector, WimFile, apply_image

    with WimFile.open("install.wim") as wim:
        image = wim.select(ImageSelector(edition="Professional", language="en-US"))
        apply_image(image, "/mnt/target")

    from osdimage.imaging import Preset, execute, make_plan, open_disk, preset_layout

    with WimFile.open("install.wim") as wim, open_disk("disk.img", create=64 << 30) as disk:
        plan = make_plan(wim.image(1), preset_layout(Preset.UEFI), disk.geometry)
        execute(plan, disk, wim.image(1))

Names are imported when they are first used: ``import osdimage.imaging`` alone loads no C library.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "apply.image": ("apply_image",),
        "apply.job": ("ApplyOptions",),
        "boot.check": ("check_boot",),
        "boot.fix": ("fix_boot",),
        "boot.install": ("BootOptions", "install_boot"),
        "cancel": ("CancellationToken", "Cancelled", "in_thread"),
        "capture.config": ("CaptureConfig",),
        "capture.image": ("CaptureOptions", "capture_image"),
        "capture.source": ("CaptureSource",),
        "compare.image": ("compare_image",),
        "deploy.execute": ("execute",),
        "deploy.plan": ("DeployPlan", "make_plan"),
        "disk.content": ("FileSystem",),
        "disk.init": ("initialize",),
        "disk.layouts.layout": ("DiskLayout", "PartitionSpec"),
        "disk.layouts.place": ("place",),
        "disk.layouts.presets": ("Preset", "preset_layout"),
        "disk.layouts.variables": ("layout_from_variables",),
        "disk.opened": ("Disk", "open_disk"),
        "disk.plan": ("DiskPlan",),
        "disk.tables.table": ("PartitionTable",),
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
        "finding": ("Finding", "Severity"),
        "progress": ("ProgressEvent",),
        "tasksequence.environment": ("Environment",),
        "tasksequence.forms.xml": ("load_sequence",),
        "tasksequence.computer.machine": ("Machine",),
        "tasksequence.plan": ("plan_sequence",),
        "tasksequence.runner": ("run_sequence",),
        "units": ("Geometry",),
        "volume.filesystems": ("FormatWish", "format_volume"),
        "wim.checks.verify_file": ("verify_file",),
        "wim.compression": ("Compression", "CompressionSpec"),
        "wim.copied.export": ("ExportOptions", "export_images"),
        "wim.described.properties": ("ImageProperties",),
        "wim.edited.edit": ("delete_images", "set_properties"),
        "wim.file": ("WimFile",),
        "wim.image": ("WimImage",),
        "wim.select": ("ImageSelector",),
        "wim.write": ("WriteMode",),
    },
)

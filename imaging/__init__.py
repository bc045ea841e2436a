"""WIM images and disk layouts on Linux: the library behind the ``osdimage`` command.

::

    from osdimage.imaging import ImageSelector, WimFile

    with WimFile.open("install.wim") as wim:
        image = wim.select(ImageSelector(edition="Professional", language="en-US"))
        image.apply_to("/mnt/target")

Names are imported when they are first used: ``import osdimage.imaging`` alone loads no C library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osdimage.imaging.errors import (
        CorruptWim,
        ImageNotFound,
        Incomplete,
        InvalidInput,
        InvalidRequest,
        MissingParts,
        NotAWim,
        OsdImageError,
        StorageError,
        TargetRefused,
        UnsafeName,
    )
    from osdimage.imaging.progress import (
        Phase,
        ProgressCallback,
        ProgressEvent,
    )
    from osdimage.imaging.units import (
        format_size,
        parse_size,
    )
    from osdimage.imaging.version import (
        VERSION,
    )
    from osdimage.imaging.wim.apply import (
        ApplyResult,
    )
    from osdimage.imaging.wim.attributes import (
        FileAttribute,
    )
    from osdimage.imaging.wim.audit import (
        Loss,
    )
    from osdimage.imaging.wim.capture import (
        CaptureResult,
        CaptureSource,
        capture,
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
    from osdimage.imaging.wim.export import (
        ExportResult,
        export_images,
    )
    from osdimage.imaging.wim.extract import (
        ExtractResult,
    )
    from osdimage.imaging.wim.file import (
        WimFile,
    )
    from osdimage.imaging.wim.image import (
        Entry,
        Stream,
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
    "ApplyResult": "wim.apply",
    "CaptureConfig": "wim.config",
    "CaptureResult": "wim.capture",
    "CaptureSource": "wim.capture",
    "Compression": "wim.compression",
    "CompressionSpec": "wim.compression",
    "CorruptWim": "errors",
    "DEFAULT_CONFIG": "wim.config",
    "DeleteResult": "wim.edit",
    "Entry": "wim.image",
    "ExportResult": "wim.export",
    "ExtractResult": "wim.extract",
    "FileAttribute": "wim.attributes",
    "ImageInfo": "wim.info",
    "ImageNotFound": "errors",
    "ImageProperties": "wim.properties",
    "ImageSelector": "wim.select",
    "Incomplete": "errors",
    "InvalidInput": "errors",
    "InvalidRequest": "errors",
    "Loss": "wim.audit",
    "MissingParts": "errors",
    "NotAWim": "errors",
    "OsdImageError": "errors",
    "Phase": "progress",
    "Problem": "wim.verify",
    "ProblemKind": "wim.verify",
    "ProgressCallback": "progress",
    "ProgressEvent": "progress",
    "StorageError": "errors",
    "Stream": "wim.image",
    "TargetRefused": "errors",
    "UnsafeName": "errors",
    "VERSION": "version",
    "VerifyReport": "wim.verify",
    "WimFile": "wim.file",
    "WimHeader": "wim.info",
    "WimImage": "wim.image",
    "WindowsInfo": "wim.info",
    "WriteMode": "wim.write",
    "capture": "wim.capture",
    "delete_images": "wim.edit",
    "export_images": "wim.export",
    "format_size": "units",
    "parse_size": "units",
    "read_config": "wim.config",
    "set_properties": "wim.edit",
    "verify_file": "wim.verify",
}

__all__ = [
    "DEFAULT_CONFIG",
    "VERSION",
    "ApplyResult",
    "CaptureConfig",
    "CaptureResult",
    "CaptureSource",
    "Compression",
    "CompressionSpec",
    "CorruptWim",
    "DeleteResult",
    "Entry",
    "ExportResult",
    "ExtractResult",
    "FileAttribute",
    "ImageInfo",
    "ImageNotFound",
    "ImageProperties",
    "ImageSelector",
    "Incomplete",
    "InvalidInput",
    "InvalidRequest",
    "Loss",
    "MissingParts",
    "NotAWim",
    "OsdImageError",
    "Phase",
    "Problem",
    "ProblemKind",
    "ProgressCallback",
    "ProgressEvent",
    "StorageError",
    "Stream",
    "TargetRefused",
    "UnsafeName",
    "VerifyReport",
    "WimFile",
    "WimHeader",
    "WimImage",
    "WindowsInfo",
    "WriteMode",
    "capture",
    "delete_images",
    "export_images",
    "format_size",
    "parse_size",
    "read_config",
    "set_properties",
    "verify_file",
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

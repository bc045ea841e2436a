# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.capture.chosen import CapturedOfDisk as CapturedOfDisk
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
from osdimage.imaging.capture.source_list import SourceTree as SourceTree, read_sources as read_sources
from osdimage.imaging.capture.template import UpdateOf as UpdateOf
from osdimage.imaging.capture.volumes import (
    CapturedVolumes as CapturedVolumes,
    capture_disks as capture_disks,
    capture_volumes as capture_volumes,
)

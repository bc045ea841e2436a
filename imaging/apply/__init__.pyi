# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.apply.bytes import WrittenBytes as WrittenBytes
from osdimage.imaging.apply.compacting import Compacted as Compacted
from osdimage.imaging.apply.engine import Engine as Engine, Fallback as Fallback, Reason as Reason
from osdimage.imaging.apply.fat_source import from_image as from_image
from osdimage.imaging.apply.folders import apply_to_folders as apply_to_folders
from osdimage.imaging.apply.image import apply_image as apply_image
from osdimage.imaging.apply.job import ApplyOptions as ApplyOptions, ApplyResult as ApplyResult
from osdimage.imaging.apply.several import apply_to_all as apply_to_all
from osdimage.imaging.apply.stream import StreamApplied as StreamApplied, apply_stream as apply_stream
from osdimage.imaging.apply.together import TargetResult as TargetResult
from osdimage.imaging.apply.volumes import (
    AppliedVolume as AppliedVolume,
    apply_to_disks as apply_to_disks,
    apply_volumes as apply_volumes,
)

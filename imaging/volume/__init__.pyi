# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.volume.checked import VolumeCheck as VolumeCheck
from osdimage.imaging.volume.fat.check import check_fat as check_fat
from osdimage.imaging.volume.fat.layout import FatLayout as FatLayout
from osdimage.imaging.volume.fat.make import FillResult as FillResult, fill_fat as fill_fat, format_fat as format_fat
from osdimage.imaging.volume.fat.packing import EntryKind as EntryKind
from osdimage.imaging.volume.fat.source import from_directory as from_directory
from osdimage.imaging.volume.fat.write import FatOptions as FatOptions
from osdimage.imaging.volume.files import VolumeFiles as VolumeFiles
from osdimage.imaging.volume.filesystems import (
    FormatWish as FormatWish,
    check_volume as check_volume,
    format_volume as format_volume,
    open_files as open_files,
)
from osdimage.imaging.volume.ntfs.check.faults import NtfsFault as NtfsFault, NtfsReport as NtfsReport
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind as FaultKind
from osdimage.imaging.volume.ntfs.check.volume import NtfsCheckOptions as NtfsCheckOptions, check_ntfs as check_ntfs
from osdimage.imaging.volume.ntfs.format import NtfsFormat as NtfsFormat, format_ntfs as format_ntfs

# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.wim.checks.names import Names as Names
from osdimage.imaging.wim.checks.verify import (
    Problem as Problem,
    ProblemKind as ProblemKind,
    VerifyReport as VerifyReport,
)
from osdimage.imaging.wim.compression import Compression as Compression, CompressionSpec as CompressionSpec
from osdimage.imaging.wim.copied.export import (
    ExportOptions as ExportOptions,
    ExportResult as ExportResult,
    export_images as export_images,
)
from osdimage.imaging.wim.copied.join import JoinResult as JoinResult, join_wim as join_wim
from osdimage.imaging.wim.copied.optimize import (
    OptimizeOptions as OptimizeOptions,
    OptimizeResult as OptimizeResult,
    optimize_wim as optimize_wim,
)
from osdimage.imaging.wim.copied.split import (
    SplitResult as SplitResult,
    split_images as split_images,
    split_wim as split_wim,
)
from osdimage.imaging.wim.delta.export import export_delta as export_delta
from osdimage.imaging.wim.delta.needs import Needs as Needs, Share as Share, needs_of as needs_of
from osdimage.imaging.wim.described.base import NotedBase as NotedBase
from osdimage.imaging.wim.described.blobs import StoredBlob as StoredBlob
from osdimage.imaging.wim.described.captured import (
    CapturedDisk as CapturedDisk,
    CapturedPartition as CapturedPartition,
    Kept as Kept,
)
from osdimage.imaging.wim.described.info import (
    ImageInfo as ImageInfo,
    WimHeader as WimHeader,
    WindowsInfo as WindowsInfo,
)
from osdimage.imaging.wim.described.properties import ImageProperties as ImageProperties
from osdimage.imaging.wim.edited.commands import (
    AddTree as AddTree,
    Change as Change,
    ChangeKind as ChangeKind,
    Command as Command,
    DeletePath as DeletePath,
    EditFile as EditFile,
    EditFiles as EditFiles,
    RenamePath as RenamePath,
)
from osdimage.imaging.wim.edited.edit import (
    DeleteResult as DeleteResult,
    delete_images as delete_images,
    set_properties as set_properties,
)
from osdimage.imaging.wim.entries import (
    Entry as Entry,
    EntryDetails as EntryDetails,
    Stream as Stream,
    StreamPlace as StreamPlace,
)
from osdimage.imaging.wim.extracted.extract import ExtractResult as ExtractResult
from osdimage.imaging.wim.extracted.options import ExtractOptions as ExtractOptions
from osdimage.imaging.wim.extracted.path_list import read_paths as read_paths
from osdimage.imaging.wim.extracted.recover import DamagedFile as DamagedFile, recovered as recovered
from osdimage.imaging.wim.file import WimFile as WimFile
from osdimage.imaging.wim.files import ImageFiles as ImageFiles
from osdimage.imaging.wim.image import WimImage as WimImage
from osdimage.imaging.wim.piped.spool import spooled as spooled
from osdimage.imaging.wim.piped.streams import (
    InputStream as InputStream,
    OutputStream as OutputStream,
    Passed as Passed,
)
from osdimage.imaging.wim.renamed.replacing import NamePart as NamePart, ReplacedName as ReplacedName
from osdimage.imaging.wim.select import ImageSelector as ImageSelector
from osdimage.imaging.wim.settings import Descriptors as Descriptors
from osdimage.imaging.wim.write import WriteMode as WriteMode

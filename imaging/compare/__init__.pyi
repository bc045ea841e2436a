# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.compare.fidelity import (
    ClassCount as ClassCount,
    CompareReport as CompareReport,
    Difference as Difference,
    Fidelity as Fidelity,
)
from osdimage.imaging.compare.image import compare_image as compare_image
from osdimage.imaging.compare.images import (
    Change as Change,
    ComparedImage as ComparedImage,
    ImageDiff as ImageDiff,
    LoneFile as LoneFile,
    Renamed as Renamed,
    diff_images as diff_images,
)
from osdimage.imaging.compare.naming import named_as_applied as named_as_applied
from osdimage.imaging.compare.volumes import (
    HowCompared as HowCompared,
    compare_disks as compare_disks,
    compare_volumes as compare_volumes,
)

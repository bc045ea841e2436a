# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.compare.fidelity import (
    ClassCount as ClassCount,
    CompareReport as CompareReport,
    Difference as Difference,
    Fidelity as Fidelity,
)
from osdimage.imaging.compare.image import compare_image as compare_image
from osdimage.imaging.compare.volumes import compare_volumes as compare_volumes

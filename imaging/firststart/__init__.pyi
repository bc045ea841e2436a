# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.firststart.finding import find_results as find_results, open_first_start as open_first_start
from osdimage.imaging.firststart.folder import FOLDER as FOLDER, first_start_files as first_start_files
from osdimage.imaging.firststart.packages import (
    Package as Package,
    PackageFile as PackageFile,
    count_package as count_package,
    count_packages as count_packages,
)
from osdimage.imaging.firststart.plan import (
    FirstStartPlan as FirstStartPlan,
    carry_out as carry_out,
    plan_first_start as plan_first_start,
)
from osdimage.imaging.firststart.removing import remove_first_start as remove_first_start
from osdimage.imaging.firststart.results import (
    FirstStartResults as FirstStartResults,
    NoFirstStart as NoFirstStart,
    StepEnd as StepEnd,
    StepResult as StepResult,
    read_output as read_output,
    read_results as read_results,
)
from osdimage.imaging.firststart.starting import (
    StartedWindows as StartedWindows,
    StartsBy as StartsBy,
    read_windows as read_windows,
)
from osdimage.imaging.firststart.steps import FirstFile as FirstFile, FirstStep as FirstStep

"""From a WIM to a disk: a plan that can be read, and the one function that carries it out.

``plan.py`` decides everything before anything is touched: the table, the formats, which image goes where, what is lost;
``boot_plan.py`` adds what makes the disk start.  ``relayout.py`` plans a disk like the one that a WIM was captured
from.  ``execute.py`` is the only code that orders destructive steps; ``several.py`` has it do so on several disks at
once.  ``convert.py`` makes the formats of virtual machines.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "convert": ("DiskFormat", "raw_beside"),
        "elsewhere": ("start_elsewhere",),
        "execute": ("DeployOptions", "DeployResult"),
        "plan": ("DeployPlan", "make_plan"),
        "relayout": ("plan_from_wim",),
        "resize": ("SizeWish",),
        "several": ("Deployment", "execute_on_all"),
    },
)

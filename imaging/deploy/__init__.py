"""From a WIM to a disk: a plan that can be read, and the one function that carries it out.

``plan.py`` decides everything before anything is touched: the table, the formats, which image goes where, what is lost;
``boot_plan.py`` adds what makes the disk start.  ``relayout.py`` plans a disk like the one that a WIM was captured
from, ``sets.py`` all disks of a machine.  ``execute.py`` is the only code that orders destructive steps, which are in
``steps.py``; ``several.py`` has one image go to several disks.  ``formats.py`` makes those of virtual machines.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "document": ("images_of", "plan_from_json", "plan_to_document"),
        "driver_plan": ("PlannedDrivers",),
        "elsewhere": ("start_elsewhere",),
        "execute": ("execute_set",),
        "formats": ("DiskFormat", "new_disk"),
        "job": ("DeployOptions", "DeployResult"),
        "plan": ("DeployPlan", "DeployStep", "make_plan"),
        "relayout": ("plan_from_wim",),
        "resize": ("SizeWish",),
        "sets": ("SetPlan", "TargetFacts", "plan_set"),
        "several": ("Deployment", "execute_on_all"),
    },
)

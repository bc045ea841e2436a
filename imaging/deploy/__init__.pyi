# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.deploy.document import (
    images_of as images_of,
    plan_from_json as plan_from_json,
    plan_to_document as plan_to_document,
)
from osdimage.imaging.deploy.driver_plan import PlannedDrivers as PlannedDrivers
from osdimage.imaging.deploy.elsewhere import start_elsewhere as start_elsewhere
from osdimage.imaging.deploy.execute import execute_set as execute_set
from osdimage.imaging.deploy.formats import DiskFormat as DiskFormat, new_disk as new_disk
from osdimage.imaging.deploy.job import DeployOptions as DeployOptions, DeployResult as DeployResult
from osdimage.imaging.deploy.plan import DeployPlan as DeployPlan, DeployStep as DeployStep, make_plan as make_plan
from osdimage.imaging.deploy.relayout import plan_from_wim as plan_from_wim
from osdimage.imaging.deploy.resize import SizeWish as SizeWish
from osdimage.imaging.deploy.sets import SetPlan as SetPlan, TargetFacts as TargetFacts, plan_set as plan_set
from osdimage.imaging.deploy.several import Deployment as Deployment, execute_on_all as execute_on_all

"""Steps of MDT that need nothing here: what they do, or prepare, is true of every run of osdimage.

They bring Windows PE and MDT's own scripts to the disk, and take them away again.  Here the sequence is run from
outside, so that neither is ever on the disk.
"""

from __future__ import annotations

from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import optional
from osdimage.imaging.tasksequence.result import ActionInfo, Already, Holds, RunIn, StepClass


def _always(why: str) -> Holds:
    def holds(env: Environment, machine: Machine) -> Already:
        del env, machine
        return Already(why)

    return holds


def holds_package(env: Environment, machine: Machine) -> Already | None:
    """Tell that the files of MDT that the step fetches are there: their package has a path, or none is named."""
    package = env.properties.get("PackageID") or env.text("PackageID")
    if not package:
        return Already("it names no package, and no script of MDT runs here")
    path = next((each for name, each in machine.packages.items() if name.lower() == package.lower()), None)
    return None if path is None else Already(f"package {package} is mapped to {path}")


_ROWS: tuple[tuple[str, str, str], ...] = (
    ("LTIApply /PE", "Apply Windows PE", "the sequence is run from outside of the disk, as from Windows PE"),
    ("LTIApply /POST", "Clean up after Windows PE", "no Windows PE was put on the disk"),
    ("LTICopyScripts", "Copy Scripts", "no script of MDT runs from the disk"),
    ("LTICleanup", "Lite Touch Cleanup", "no script of MDT was put on the disk"),
    ("ZTIBIOSCheck", "Check BIOS", "what it looks for are models of the days of Windows Vista"),
)

INFOS: tuple[ActionInfo, ...] = (
    *(
        ActionInfo(name, title, None, f"{why}", holds=_always(why), step_class=StepClass.WINDOWS)
        for name, title, why in _ROWS
    ),
    ActionInfo(
        type_name="BDD_UsePackage",
        title="Use Toolkit Package",
        run=None,
        why_not="its package is in a ConfigMgr site",
        other_types=("ZTISCCM",),
        holds=holds_package,
        package_properties=("PackageID",),
        variables=(optional("PackageID", "the package with the files of MDT", is_property=True, source="MDT"),),
        runs_in=RunIn.BOTH,
        step_class=StepClass.SITE,
    ),
)

r"""Download Package Content: packages that have a path are there; the new Windows finds them on its disk.

Sources: "Download Package Content" of the task sequence steps of Configuration Manager current branch: the variables
``DESTINATION01`` and those after it are the folders, in the order of the list; with a path of one's own the folder of a
package is below it, called as its ID.
"""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.firststart.folder import FOLDER
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, comma_list, optional, required
from osdimage.imaging.tasksequence.layers import check_settable
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.result import ActionInfo, Already, Refusal, StepClass, VariableInfo
from osdimage.imaging.tasksequence.staging.commands import WINDOWS_NAMES, quoted_argument, setting_lines
from osdimage.imaging.tasksequence.staging.needs import folder_of, needed_package
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedPackage

VARIABLES: tuple[VariableInfo, ...] = (
    required("OSDDownloadDownloadPackages", "IDs of packages, with commas between them", source="CB"),
    optional(
        "OSDDownloadDestinationLocationType",
        "where they are put",
        default="TSCache",
        choices=("TSCache", "CCMCache", "Custom"),
        source="CB",
    ),
    optional("OSDDownloadDestinationPath", "the folder, when that is Custom", max_length=255, source="CB"),
    optional("OSDDownloadDestinationVariable", "what the variables with the folders begin with", source="CB"),
    boolean("OSDDownloadContinueDownloadOnError", "no effect: nothing is downloaded", source="CB"),
)
_MOST = 99


def holds_content(env: Environment, machine: Machine) -> Already | None:
    """Tell that all packages have a path, which the variables of the step then name; the new Windows gets them itself.

    Raises:
        InvalidRequest: when a setting is wrong.
    """
    if machine.phase is Phase.NEW:
        return None
    ids, custom, variable = _read(env)
    try:
        paths = [needed_package(machine, each).path for each in ids]
    except InvalidRequest:
        return None
    told = () if custom is None else (f"they are not put into {custom}: the variables name where they are here",)
    sets = {} if variable is None else {f"{variable}{number:02}": str(path) for number, path in enumerate(paths, 1)}
    return Already(f"{', '.join(ids)}: mapped to {', '.join(map(str, paths))}", sets=sets, warnings=told)


def refuses_unmapped(env: Environment, machine: Machine) -> Refusal | None:
    """Tell which of its packages have no path, or why one cannot be put on a disk."""
    for each in _read(env)[0]:
        try:
            needed_package(machine, each)
        except InvalidRequest as error:
            return Refusal(error.said, error.remedy)
    return None


def stage_content(env: Environment, machine: Machine) -> StagedCommand:
    """Return what makes the packages known at the first start, which finds them on its disk.

    Raises:
        InvalidRequest: when a setting is wrong, or a package is not there.
    """
    ids, custom, variable = _read(env)
    packages = tuple(needed_package(machine, each) for each in ids)
    sets = () if variable is None else tuple(f"{variable}{number:02}" for number in range(1, len(ids) + 1))
    return StagedCommand(
        f"have the files of {', '.join(ids)}",
        tuple(_lines(packages, custom, sets, machine)),
        packages=packages,
        sets=sets,
    )


def _lines(
    packages: tuple[StagedPackage, ...], custom: str | None, sets: tuple[str, ...], machine: Machine
) -> Iterator[str]:
    names = {*machine.unsure, *WINDOWS_NAMES}
    yield "@echo off"
    for number, package in enumerate(packages):
        folder = rf"%SystemDrive%\{FOLDER}\packages\{package.name}"
        if custom is not None:
            folder = rf"{custom}\{package.name}"
            into = quoted_argument(folder, names)
            yield rf'"%SystemRoot%\System32\xcopy.exe" "{folder_of(package)}" {into} /e /i /h /k /y /q'
            yield "if errorlevel 1 exit /b %ERRORLEVEL%"
        if sets:
            yield from setting_lines(sets[number], folder, names)[1:]
    yield "exit /b 0"


def _read(env: Environment) -> tuple[tuple[str, ...], str | None, str | None]:
    inputs = Inputs(env, VARIABLES)
    ids = comma_list(inputs.text("OSDDownloadDownloadPackages") or "")
    place, custom = inputs.text("OSDDownloadDestinationLocationType"), inputs.text("OSDDownloadDestinationPath")
    variable = inputs.text("OSDDownloadDestinationVariable")
    inputs.finish()
    if not 0 < len(ids) <= _MOST:
        raise InvalidRequest(f"OSDDownloadDownloadPackages names {len(ids)} packages; valid are 1 to {_MOST}")
    if place != "Custom":
        custom = None
    elif custom is None:
        raise InvalidRequest("OSDDownloadDestinationPath is missing; valid: a folder, since the location is Custom")
    if variable is not None:
        check_settable(f"{variable}01")
    return ids, None if custom is None else custom.replace("/", "\\").rstrip("\\"), variable


INFO = ActionInfo(
    type_name="SMS_TaskSequence_DownloadPackageContentAction",
    title="Download Package Content",
    run=None,
    why_not="its packages are in a site; those that have a path are there",
    variables=VARIABLES,
    step_class=StepClass.SITE,
    holds=holds_content,
    refuses=refuses_unmapped,
    stage=stage_content,
)

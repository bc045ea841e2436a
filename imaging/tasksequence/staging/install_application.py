"""Install Application: at the first start of the new Windows.

How an application is installed, and how it is found out that it is there already, a site knows and the sequence does
not: the caller gives the command line, which is run whatever is there.

Sources: "Install Application" of the task sequence steps, and the variables of task sequences, of Configuration Manager
current branch: ``BASE01`` and those after it are names; ``_TSAppInstallStatus``.  ``OSDApp<N>Name`` and
``OSDApp<N>DisplayName`` are in exports.
"""

from __future__ import annotations

from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Application
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, comma_list, optional
from osdimage.imaging.tasksequence.mdt.share_files import read_there, without_shares
from osdimage.imaging.tasksequence.result import ActionInfo, Already, RunIn, StepClass, VariableInfo
from osdimage.imaging.tasksequence.staging.commands import SYSTEM_FOLDER, command_line, entering, quoted
from osdimage.imaging.tasksequence.staging.install_software import listed
from osdimage.imaging.tasksequence.staging.needs import folder_of, given_application, needed_package
from osdimage.imaging.tasksequence.staging.several import Part, retries_of, several
from osdimage.imaging.tasksequence.staging.staged import SUCCESS, StagedCommand, StagedPackage

VARIABLES: tuple[VariableInfo, ...] = (
    optional("ApplicationName", "ids of applications, with commas between them", is_property=True, source="SDK"),
    optional("BaseVariableName", "BASE of the list BASE01, BASE02 ...", is_property=True, source="SDK"),
    boolean(
        "ContinueOnInstallError",
        "whether the applications after one that failed are installed",
        default=False,
        is_property=True,
        source="SDK",
    ),
    optional("OSDApp<N>Name", "the id of an application", source="SDK"),
    optional("OSDApp<N>DisplayName", "what people call it", source="SDK"),
)
STATUS = "_TSAppInstallStatus"
_NOT_FOUND_OUT = "an application is installed whether it is there or not: its detection rules are in the site"


def holds_no_application(env: Environment, machine: Machine) -> Already | None:
    """Tell that the list of the step is empty."""
    base = env.properties.get("BaseVariableName")
    if not base or env.properties.get("ApplicationName") or next(listed(env, machine, base, 2), None) is not None:
        return None
    return Already(f"the list {base} is empty: there is no {base}01", sets={STATUS: "Undefined"})


def stage_applications(env: Environment, machine: Machine) -> StagedCommand:
    """Return what the step becomes at the first start.

    Raises:
        InvalidRequest: when a setting is wrong, the command line of an application was not given, which names all of
            them, or a package is not there.
    """
    inputs = Inputs(env, VARIABLES)
    ids = comma_list(inputs.text("ApplicationName") or "")
    base, goes_on = inputs.text("BaseVariableName"), bool(inputs.boolean("ContinueOnInstallError"))
    inputs.finish()
    called = {each["Name"].lower(): each.get("DisplayName", "") for each in env.array("OSDApp") if "Name" in each}
    wanted = [(each, called.get(each.lower(), "")) for each in ids]
    if base is not None:
        wanted += [(each, "") for each in listed(env, machine, base, 2)]
    if not wanted:
        raise InvalidRequest("it names no application; valid are ApplicationName or BaseVariableName")
    found = [given_application(machine, each) or given_application(machine, name or each) for each, name in wanted]
    missing = tuple(dict.fromkeys(name or each for (each, name), one in zip(wanted, found, strict=True) if one is None))
    if missing:
        text = " and ".join(["{}"] * len(missing))
        raise InvalidRequest(
            f"how {', '.join(map(quoted, missing))} is installed, a site knows, and the sequence does not",
            remedy=Remedy(f"give {text}", (Means.APPLICATION,) * len(missing), missing),
        )
    names = [name or each for each, name in wanted]
    return _installing(env, machine, names, [each for each in found if each], goes_on=goes_on)


def _installing(
    env: Environment, machine: Machine, names: list[str], found: list[Application], *, goes_on: bool
) -> StagedCommand:
    commands = [without_shares(env, machine, each.command) for each in found]
    ids = dict.fromkeys(each.package for each in found if each.package is not None)
    packages: dict[str, StagedPackage] = {each: needed_package(machine, each) for each in ids}
    parts = [
        Part(
            (
                *entering(SYSTEM_FOLDER if each.package is None else folder_of(packages[each.package])),
                command_line(command.text, read_there(machine)),
            )
        )
        for each, command in zip(found, commands, strict=True)
    ]
    lines, files = several(parts, goes_on=goes_on, status=STATUS)
    return StagedCommand(
        f"install {', '.join(names)}",
        lines,
        SUCCESS,
        retries_of(parts),
        sets=(STATUS,),
        packages=tuple(
            dict.fromkeys((*packages.values(), *(each for command in commands for each in command.packages)))
        ),
        files=files,
        warnings=(_NOT_FOUND_OUT,),
    )


INFO = ActionInfo(
    type_name="SMS_TaskSequence_InstallApplicationAction",
    title="Install Application",
    run=None,
    why_not="it runs in the new Windows",
    variables=VARIABLES,
    runs_in=RunIn.FULL_OS,
    step_class=StepClass.SITE,
    holds=holds_no_application,
    stage=stage_applications,
)

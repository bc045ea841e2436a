"""Install Software (Install Package): programs of packages, at the first start of the new Windows.

Which command line a program is, a site knows and the sequence does not: the caller gives it.  So nobody knows here
whether a program wants another one to be run before it.

Sources: "Install Software" and the variables of its list in Operating System Deployment in Configuration Manager 2007:
``BASE001`` and those after it are ``PACKAGE:PROGRAM``, without a gap; that the ID is in capitals and case counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional
from osdimage.imaging.tasksequence.mdt.share_files import read_there, without_shares
from osdimage.imaging.tasksequence.result import ActionInfo, Already, RunIn, StepClass, VariableInfo
from osdimage.imaging.tasksequence.staging.commands import command_line, entering, quoted
from osdimage.imaging.tasksequence.staging.needs import folder_of, given_program, needed_package
from osdimage.imaging.tasksequence.staging.several import Part, retries_of, several
from osdimage.imaging.tasksequence.staging.staged import SUCCESS, StagedCommand, StagedPackage

VARIABLES: tuple[VariableInfo, ...] = (
    optional("PackageID", "the package", is_property=True, source="SDK"),
    optional("ProgramName", "its program", is_property=True, source="SDK"),
    optional("BaseVariableName", "BASE of the list BASE001, BASE002 ...", is_property=True, source="SDK"),
    boolean(
        "ContinueOnInstallError",
        "whether the programs after one that failed are run",
        default=False,
        is_property=True,
        source="SDK",
    ),
    boolean("OSDDoNotLogCommand", "whether programs are kept out of logs", default=False, source="CB"),
)
MOST_ITEMS = 999
_ITEM = re.compile(r"([A-Z0-9]{1,64}):(.+)", re.DOTALL)
_UNKNOWN_FIRST = "whether a site would run another program before it, the sequence does not tell"


def listed(env: Environment, machine: Machine, base: str, digits: int) -> Iterator[str]:
    """Yield the values of a list of variables, ``BASE001`` and those after it, without a gap.

    Raises:
        InvalidRequest: when the first start sets one of them.
    """
    for number in range(1, MOST_ITEMS + 1):
        name = f"{base}{number:0{digits}}"
        if name.lower() in machine.unsure:
            raise InvalidRequest(
                f"{name} is set at the first start, and what it names has to be put on the disk before"
            )
        value = env.text(name)
        if value is None:
            return
        yield value


def holds_no_software(env: Environment, machine: Machine) -> Already | None:
    """Tell that the list of the step is empty: ConfigMgr then installs nothing, and that is success."""
    base = env.properties.get("BaseVariableName")
    if not base or next(listed(env, machine, base, 3), None) is not None:
        return None
    return Already(f"the list {base} is empty: there is no {base}001")


def stage_software(env: Environment, machine: Machine) -> StagedCommand:
    """Return what the step becomes at the first start.

    Raises:
        InvalidRequest: when a setting is wrong, the command line of a program was not given, which names all of them,
            or a package is not there.
    """
    inputs = Inputs(env, VARIABLES)
    package_id, program = inputs.text("PackageID"), inputs.text("ProgramName")
    base, goes_on = inputs.text("BaseVariableName"), bool(inputs.boolean("ContinueOnInstallError"))
    is_hidden = inputs.boolean("OSDDoNotLogCommand")
    inputs.finish()
    if base is not None:
        wanted = [_item(value) for value in listed(env, machine, base, 3)]
    elif package_id is not None and program is not None:
        wanted = [(package_id.upper(), program)]
    else:
        raise InvalidRequest("it names no program; valid are PackageID and ProgramName, or BaseVariableName")
    commands = [without_shares(env, machine, command) for command in _commands(wanted, machine)]
    packages: dict[str, StagedPackage] = {each: needed_package(machine, each) for each, _ in wanted}
    parts = [
        Part((*entering(folder_of(packages[each])), command_line(command.text, read_there(machine))))
        for (each, _), command in zip(wanted, commands, strict=True)
    ]
    names = ", ".join(f"{each}:{name}" for each, name in wanted)
    does = f"install {len(wanted)} programs" if is_hidden and len(wanted) > 1 else f"install {names}"
    needed = tuple(dict.fromkeys((*packages.values(), *(each for command in commands for each in command.packages))))
    told = (_UNKNOWN_FIRST,)
    if len(parts) == 1 and not goes_on:
        return StagedCommand(does, parts[0].lines, SUCCESS, packages=needed, warnings=told)
    lines, files = several(parts, goes_on=goes_on)
    return StagedCommand(does, lines, SUCCESS, retries_of(parts), packages=needed, files=files, warnings=told)


def _item(value: str) -> tuple[str, str]:
    match = _ITEM.fullmatch(value)
    if match is None:
        raise InvalidRequest(f"{quoted(value)} is no program; valid is PACKAGE:PROGRAM, the package in capitals")
    return match[1], match[2]


def _commands(wanted: list[tuple[str, str]], machine: Machine) -> list[str]:
    named = [f"{each}:{name}" for each, name in wanted]
    commands = [given_program(machine, each) for each in named]
    missing = tuple(dict.fromkeys(each for each, command in zip(named, commands, strict=True) if command is None))
    if missing:
        text = " and ".join(["{}"] * len(missing))
        raise InvalidRequest(
            f"which command line is {', '.join(missing)}, a site knows, and the sequence does not",
            remedy=Remedy(f"give {text}", (Means.PROGRAM,) * len(missing), missing),
        )
    return [each for each in commands if each is not None]


INFO = ActionInfo(
    type_name="SMS_TaskSequence_InstallSoftwareAction",
    title="Install Software",
    run=None,
    why_not="it runs in the new Windows",
    variables=VARIABLES,
    runs_in=RunIn.FULL_OS,
    package_properties=("PackageID",),
    step_class=StepClass.SITE,
    holds=holds_no_software,
    stage=stage_software,
)

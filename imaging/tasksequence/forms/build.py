"""Making task sequences in Python; :func:`~osdimage.imaging.tasksequence.forms.xml.write_sequence` writes them.

::

    sequence(
        "Deploy",
        group(
            "Install Operating System",
            step("Partition Disk 0", "PartitionDisk", {"OSDDiskIndex": "0", "OSDPartitionStyle": "GPT"}),
            step("Apply Operating System", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "ABC00001"}),
            condition=Compare("_SMSTSInWinPE", Operator.EQUALS, "true"),
        ),
    )
"""  # noqa: E501 - an example reads best as it is written

from __future__ import annotations

from collections.abc import Iterable, Mapping

from osdimage.imaging.element import Element, make
from osdimage.imaging.tasksequence.conditions import Condition, write_condition
from osdimage.imaging.tasksequence.result import RunIn
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step, check_sequence

VERSION = "3.10"
"""That of ConfigMgr's exports."""

_CODES = {
    "sms_tasksequence_runcommandlineaction": (0, 3010),
    "sms_tasksequence_runpowershellscriptaction": (0, 3010),
}
_PREFIX, _SUFFIX = "SMS_TaskSequence_", "Action"


def sequence(
    name: str,
    *members: Group | Step,
    description: str = "",
    variables: Mapping[str, str] | None = None,
    packages: Iterable[str] | None = None,
) -> Sequence:
    """Make a sequence.

    Args:
        name: its name.
        members: its groups and steps.
        description: its description.
        variables: those of the whole sequence.
        packages: the packages that it refers to.  Default: those of its steps.

    Raises:
        InvalidInput: when a part is not valid.
    """
    listed = tuple(packages) if packages is not None else _packages_of(members)
    content: list[Element] = []
    if listed:
        content.append(make("referenceList", None, *(make("reference", {"package": each}) for each in listed)))
    if variables:
        content.append(make("globalVarList", None, *(_variable(each, value) for each, value in variables.items())))
    attributes = {"version": VERSION, "name": name, "description": description or None}
    element = make("sequence", attributes, *content, *(each.element for each in members))
    made = Sequence(element, element)
    check_sequence(made, source=f"sequence {name!r}")
    return made


def group(
    name: str,
    *members: Group | Step,
    description: str = "",
    condition: Condition | None = None,
    disable: bool = False,
    continue_on_error: bool = False,
) -> Group:
    """Make a group."""
    attributes = {
        "name": name,
        "description": description,
        "disable": _true(disable),
        "continueOnError": _true(continue_on_error),
    }
    conditions = () if condition is None else (write_condition(condition),)
    return Group(make("group", attributes, *conditions, *(each.element for each in members)))


def step(
    name: str,
    type_name: str,
    variables: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
    *,
    command: str = "",
    description: str = "",
    condition: Condition | None = None,
    disable: bool = False,
    continue_on_error: bool = False,
    run_in: RunIn = RunIn.BOTH,
    success_codes: Iterable[int] | None = None,
    retry_count: int = 0,
) -> Step:
    """Make a step.

    Args:
        name: what the editor shows.
        type_name: the WMI class, or its short form: ``PartitionDisk`` for ``SMS_TaskSequence_PartitionDiskAction``.
        variables: names and values that become variables while it runs.
        properties: settings that do not, such as ``ImagePackageID``.
        command: the command line.
        description: for people.
        condition: what must hold for it to run.
        disable: leave it out.
        continue_on_error: go on after it has failed.
        run_in: where it runs.
        success_codes: the codes that count as success; None for those that the editor of ConfigMgr offers: 0, and for
            command lines and scripts 3010, too, with which they ask for a restart.
        retry_count: how often it is tried again.
    """
    kind = full_type(type_name)
    codes = _CODES.get(kind.lower(), (0,)) if success_codes is None else success_codes
    attributes = {
        "type": kind,
        "name": name,
        "description": description,
        "disable": _true(disable),
        "continueOnError": _true(continue_on_error),
        "runIn": run_in.value,
        "successCodeList": " ".join(map(str, codes)),
        "retryCount": str(retry_count),
    }
    conditions = () if condition is None else (write_condition(condition),)
    entries = [_variable(each, value) for each, value in (variables or {}).items()]
    entries += [_variable(each, value, hidden=True) for each, value in (properties or {}).items()]
    return Step(
        make(
            "step",
            attributes,
            make("action", None, command),
            *conditions,
            make("defaultVarList", None, *entries),
        )
    )


def full_type(name: str) -> str:
    """Return the WMI class of a short form; names that are whole already stay as they are, and scripts of MDT too."""
    is_whole = "_" in name or name.lower().startswith(("zti", "lti", "psd"))
    return name if is_whole else f"{_PREFIX}{name}{_SUFFIX}"


def _variable(name: str, value: str, *, hidden: bool = False) -> Element:
    # ConfigMgr names the property like the variable, without the prefix OSD.
    shown = name if hidden else name.removeprefix("OSD") or name
    return make("variable", {"name": name, "property": shown, "hidden": _true(hidden)}, value)


def _true(value: bool) -> str | None:  # noqa: FBT001 - the one value there is
    return "true" if value else None


def _packages_of(members: Iterable[Group | Step]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for member in members:
        if isinstance(member, Group):
            found.update(dict.fromkeys(_packages_of(member.members)))
        else:
            named = (value for name, value in member.properties.items() if name.lower().endswith("packageid"))
            found.update(dict.fromkeys(value for value in named if value and "%" not in value))
    return tuple(found)

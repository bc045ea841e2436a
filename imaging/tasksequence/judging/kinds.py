r"""What kind of step a step is, by its type or by the script of MDT that it runs; and finding a kind by a name.

MDT's templates have steps without a type: a command line that runs one of its scripts, such as
``cscript.exe "%SCRIPTROOT%\ZTINextPhase.wsf"``.  The script is their kind; any other command line is one to run.
ConfigMgr's sequences with MDT's steps have the same as Run Command Line.  LTIApply does several things; its first
switch belongs to the kind.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from osdimage.imaging.tasksequence.result import ActionInfo, short_type
from osdimage.imaging.tasksequence.sequence import Sequence, Step

ActionTable = Mapping[str, ActionInfo]
"""Actions by the type of step, or by the script that it runs, in lower case."""

_SCRIPT = re.compile(r"([A-Za-z0-9_-]{1,80})\.(?:wsf|vbs|ps1)\b\"?\s*(/[A-Za-z]{1,20})?", re.ASCII | re.IGNORECASE)
_LONGEST_NAME = 80
_WITH_SWITCH = frozenset({"ltiapply"})
_RUN_COMMAND = "sms_tasksequence_runcommandlineaction"
_SUBSEQUENCE = "SMS_TaskSequence_SubTasksequence"
_OF_MDT = ("bdd_", "zti", "lti", "psd")
_VERSION_OF_MDT = "3.00"


def action_table(infos: Iterable[ActionInfo]) -> ActionTable:
    """Return the actions by each type and script that they serve."""
    return {name.lower(): info for info in infos for name in (info.type_name, *info.other_types)}


def script_of(step: Step) -> str | None:
    """Return the script that the command line of a step runs, with its switch where that decides; or None."""
    scripts = list(_SCRIPT.finditer(step.command))
    if not scripts:
        return None
    found = scripts[-1]
    switch = (found[2] or "").upper() if found[1].lower() in _WITH_SWITCH else ""
    return f"{found[1]} {switch}".rstrip()


def kind_of(step: Step) -> str | None:
    """Return the type of a step, or the script where there is no type; None when there is neither."""
    if step.type is None and step.element.tag != "step":
        return _SUBSEQUENCE
    return step.type or script_of(step)


def names_of(step: Step) -> tuple[str, ...]:
    """Return all names by which a step may be meant, in lower case."""
    kinds = [each for each in (kind_of(step), script_of(step)) if each is not None]
    return tuple(dict.fromkeys(name.lower() for kind in kinds for name in (kind, short_type(kind))))


def find_action(step: Step, actions: ActionTable) -> ActionInfo | None:
    """Return what is known of a step, or None."""
    if (step.type or "").lower() in {"", _RUN_COMMAND}:
        script = script_of(step)
        found = None if script is None else actions.get(script.lower())
        if found is not None:
            return found
    found = actions.get((kind_of(step) or "").lower())
    if found is None and step.type is None and step.element.tag == "step" and step.command:
        # What an administrator of MDT has added: a command line, be it a script of theirs.
        is_mdts = (script_of(step) or "").lower().startswith(_OF_MDT)
        return None if is_mdts else actions.get(_RUN_COMMAND)
    return found


def is_lite_touch(sequence: Sequence) -> bool:
    """Tell whether a sequence is one that MDT's Lite Touch starts itself, without ConfigMgr."""
    return sequence.version == _VERSION_OF_MDT


def is_of_mdt(sequence: Sequence) -> bool:
    """Tell whether MDT gathers facts before, or in, a sequence: one of its own, or one that has its steps."""
    if is_lite_touch(sequence):
        return True
    return any(name.startswith(_OF_MDT) for step in sequence.steps for name in names_of(step))


def named(name: str, actions: ActionTable) -> ActionInfo | None:
    """Return the action that a person calls by a name: its title, its type, or the short form; or None."""
    wanted = name.strip().lower()
    return next((info for info in dict.fromkeys(actions.values()) if wanted in info.names), None)


def near_names(name: str, words: Iterable[str]) -> tuple[str, ...]:
    """Return the words that may have been meant, the nearest first; at most three, and none for what is very long."""
    if len(name) > _LONGEST_NAME:
        return ()
    by_lower = {each.lower(): each for each in words}
    return tuple(by_lower[each] for each in difflib.get_close_matches(name.strip().lower(), by_lower, 3, 0.7))


def meant(name: str, words: Iterable[str]) -> str:
    """Return the end of a sentence that offers what may have been meant; empty when nothing is near."""
    near = near_names(name, words)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def words_of(actions: ActionTable) -> list[str]:
    """Return the short types and titles of actions: what people write."""
    infos = dict.fromkeys(actions.values())
    return [word for info in infos for word in (info.short, info.title, *map(short_type, info.other_types))]

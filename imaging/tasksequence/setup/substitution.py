r"""``%NAME%`` in an answer file: Setup Windows and ConfigMgr puts the values of variables in their place.

It does that in Windows PE, whose own environment counts there too: ``%WINDIR%`` becomes ``X:\Windows``, which nobody
means.  Such names are refused here.  Other names that are no variables stay as they are.

Sources: CM07 and ConfigMgr current branch, "Setup Windows and ConfigMgr".
"""

from __future__ import annotations

import re

from osdimage.imaging.drivers.injection.script import SCRIPT
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.steps.answer_files import AnswerFile

# What every Windows PE has in its environment.
_OF_WINDOWS_PE = frozenset({
    "allusersprofile", "appdata", "commonprogramfiles", "computername", "comspec", "driverdata", "homedrive",
    "homepath", "localappdata", "os", "path", "pathext", "processor_architecture", "programdata", "programfiles",
    "prompt", "psmodulepath", "public", "systemdrive", "systemroot", "temp", "tmp", "userdomain", "username",
    "userprofile", "windir",
})  # fmt: skip
_NAMED = re.compile(r"%([A-Za-z_][A-Za-z0-9_()-]*)%", re.ASCII)


def substitute(answers: AnswerFile, env: Environment) -> None:
    """Put the values of variables in the place of their names.

    Raises:
        InvalidRequest: when the file names what Windows PE would replace, or has no way to hold a value.
    """
    wrong: dict[str, None] = {}

    def change(text: str) -> str:
        if SCRIPT in text:
            # Of a step before this one that brings in drivers: Windows itself reads what it names.
            return text
        found = (each[1] for each in _NAMED.finditer(text))
        wrong.update(dict.fromkeys(each for each in found if each.lower() in _OF_WINDOWS_PE and each not in env))
        return env.expand(text)

    answers.replace_texts(change)
    if wrong:
        names = ", ".join(f"%{each}%" for each in wrong)
        raise InvalidRequest(
            f"the answer file has {names}, which Windows PE would replace by a value of its own; valid are variables "
            "of the sequence, and the paths themselves"
        )

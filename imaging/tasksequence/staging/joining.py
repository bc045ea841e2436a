"""Joining a domain or a workgroup at the first start, behind steps that wait for it: by PowerShell.

Sources: "Join Domain or Workgroup" of Operating System Deployment in Configuration Manager 2007; Microsoft,
"Add-Computer" of Windows PowerShell 2.0 to 5.1 (``-Force`` is of 3.0 and later), "about_Quoting_Rules"; "Windows
PowerShell Language Specification", 2.3.5.2: typographic quotation marks count as plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from osdimage.imaging.answers.settings import Membership
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.staging.commands import SYSTEM_FOLDER, entering
from osdimage.imaging.tasksequence.staging.run_powershell import script_lines
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedFile

_SCRIPT = "join.ps1"
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")


def join_command(
    env: Environment, machine: Machine, membership: Membership, *, does: str, restarts: bool
) -> StagedCommand:
    """Return what joins a domain or a workgroup at the first start.

    Args:
        env: what tells secrets: the password of a domain is one of them.
        machine: what tells the new Windows.
        membership: what is joined.
        does: one sentence.
        restarts: whether the computer restarts then.

    Raises:
        InvalidRequest: when the new Windows has no PowerShell.
        OsdImageError: when its image or its volume cannot be read.
    """
    text = "".join(f"{line}\n" for line in _script(membership))
    if membership.password is not None:
        # With its quotation marks doubled it is the same secret.
        env.keep_secret(literal(membership.password)[1:-1])
    return StagedCommand(
        does,
        script_lines(entering(SYSTEM_FOLDER), rf"%~dp0{_SCRIPT}", "", machine),
        success_codes=(0,),
        restarts=restarts,
        files=(StagedFile(_SCRIPT, text, is_unicode=True),),
    )


def literal(text: str) -> str:
    """Return a text as PowerShell has it, between plain quotation marks, in which nothing else has a meaning."""
    doubled = _QUOTES.sub(lambda match: match[0] * 2, text)
    return f"'{doubled}'"


def _script(membership: Membership) -> Iterator[str]:
    yield "$ErrorActionPreference = 'Stop'"
    yield "$how = @{}"
    yield "if ($PSVersionTable.PSVersion.Major -ge 3) { $how['Force'] = $true }"
    if membership.workgroup is not None:
        yield f"$how['WorkgroupName'] = {literal(membership.workgroup)}"
    else:
        yield f"$how['DomainName'] = {literal(membership.domain or '')}"
    if membership.organizational_unit is not None:
        yield f"$how['OUPath'] = {literal(membership.organizational_unit)}"
    if membership.account is not None:
        yield f"$password = ConvertTo-SecureString {literal(membership.password or '')} -AsPlainText -Force"
        account = literal(membership.account)
        yield f"$how['Credential'] = New-Object System.Management.Automation.PSCredential({account}, $password)"
    yield "try { Add-Computer @how } catch { Write-Output $_; exit 1 }"
    yield "exit 0"

r"""The two views of a 64-bit Windows: where its 32-bit programs find files and keys in place of those of 64 bits.

The engine of a task sequence may be one of them: the variable ``SMSTSDisableWow64Redirection`` tells, where it is set.

Sources: "Task Sequence Built-in Variables" of Configuration Manager; Microsoft, "File System Redirector" and "Registry
Keys Affected by Windows Installations That Include Windows on Windows (WOW) Support", of Windows 7 and later: keys
inherit what their parents are, and ``WOW6432Node\Classes`` is a link to ``Classes\WOW6432Node``.
"""

from __future__ import annotations

from typing import TypeVar

from osdimage.imaging.tasksequence.environment import Environment

WOW64 = "SMSTSDisableWow64Redirection"
_View = TypeVar("_View")

_OWN_NODE = "wow6432node"
_EXEMPT = ("catroot", "catroot2", "driverstore", r"drivers\etc", "logfiles", "spool")
"""Below System32, what is not redirected."""
_SHARED = frozenset(
    name.strip().lower()
    for name in r"""
    Classes
    Clients
    Microsoft\COM3
    Microsoft\Cryptography\Calais\Current
    Microsoft\Cryptography\Calais\Readers
    Microsoft\Cryptography\Services
    Microsoft\CTF\SystemShared
    Microsoft\CTF\TIP
    Microsoft\DFS
    Microsoft\Driver Signing
    Microsoft\EnterpriseCertificates
    Microsoft\EventSystem
    Microsoft\MSMQ
    Microsoft\Non-Driver Signing
    Microsoft\Notepad\DefaultFonts
    Microsoft\OLE
    Microsoft\RAS
    Microsoft\RPC
    Microsoft\Shared Tools\MSInfo
    Microsoft\SystemCertificates
    Microsoft\TermServLicensing
    Microsoft\TransactionServer
    Microsoft\Windows\CurrentVersion\App Paths
    Microsoft\Windows\CurrentVersion\Control Panel\Cursors\Schemes
    Microsoft\Windows\CurrentVersion\Explorer\AutoplayHandlers
    Microsoft\Windows\CurrentVersion\Explorer\DriveIcons
    Microsoft\Windows\CurrentVersion\Explorer\KindMap
    Microsoft\Windows\CurrentVersion\Group Policy
    Microsoft\Windows\CurrentVersion\Policies
    Microsoft\Windows\CurrentVersion\PreviewHandlers
    Microsoft\Windows\CurrentVersion\Setup
    Microsoft\Windows\CurrentVersion\Telephony\Locations
    Microsoft\Windows NT\CurrentVersion\Console
    Microsoft\Windows NT\CurrentVersion\FontDpi
    Microsoft\Windows NT\CurrentVersion\FontLink
    Microsoft\Windows NT\CurrentVersion\FontMapper
    Microsoft\Windows NT\CurrentVersion\Fonts
    Microsoft\Windows NT\CurrentVersion\FontSubstitutes
    Microsoft\Windows NT\CurrentVersion\Gre_Initialize
    Microsoft\Windows NT\CurrentVersion\Image File Execution Options
    Microsoft\Windows NT\CurrentVersion\Language Pack
    Microsoft\Windows NT\CurrentVersion\NetworkCards
    Microsoft\Windows NT\CurrentVersion\Perflib
    Microsoft\Windows NT\CurrentVersion\Ports
    Microsoft\Windows NT\CurrentVersion\Print
    Microsoft\Windows NT\CurrentVersion\ProfileList
    Microsoft\Windows NT\CurrentVersion\Time Zones
    Policies
    RegisteredApplications
    """.strip().splitlines()
)
"""Below SOFTWARE, in lower case: the keys that both views have; all others are redirected."""
_CLASSES = "classes"
_OWN_CLASSES = frozenset({"clsid", "directshow", "interface", "media type", "mediafoundation"})
"""Below Classes, what is redirected all the same."""


def chosen_views(env: Environment, native: _View, redirected: _View | None) -> tuple[_View, ...]:
    """Return where the engine looks: both views where nobody tells which it is.

    Args:
        env: the variables.
        native: what 64-bit programs see.
        redirected: what 32-bit programs see, or None where it is the same.
    """
    if redirected is None:
        return (native,)
    told = (env.get(WOW64) or "").lower()
    return {"true": (native,), "false": (redirected,)}.get(told, (native, redirected))


def redirected_path(below: str) -> str | None:
    r"""Return where 32-bit programs find what is at a path below the folder of Windows, or None when it is there.

    ``System32\x.dll`` is ``SysWOW64\x.dll``.
    """
    names = [each for each in below.split("\\") if each]
    lower = [each.lower() for each in names]
    if lower == ["regedit.exe"]:
        return rf"SysWOW64\{names[0]}"
    before = 1 if lower[:2] == ["lastgood", "system32"] else 0
    if lower[before : before + 1] != ["system32"]:
        return None
    inside = "\\".join(lower[1:])
    if not before and any(inside == each or inside.startswith(f"{each}\\") for each in _EXEMPT):
        return None
    return "\\".join((*names[:before], "SysWOW64", *names[before + 1 :]))


def redirected_key(below: str) -> str | None:
    r"""Return where 32-bit programs find the key at a path below ``SOFTWARE``, or None when it is there.

    ``Vendor`` is ``WOW6432Node\Vendor``; a path that leads into the view of 32-bit programs stays.
    """
    names = [each for each in below.split("\\") if each]
    lower = [each.lower() for each in names]
    if _OWN_NODE in lower[:2]:
        return None
    if lower[:1] == [_CLASSES] and lower[1:2] and lower[1] in _OWN_CLASSES:
        return "\\".join((names[0], "WOW6432Node", *names[1:]))
    if any("\\".join(lower[:depth]) in _SHARED for depth in range(1, min(len(lower), 6) + 1)):
        return None
    return "\\".join(("WOW6432Node", *names))

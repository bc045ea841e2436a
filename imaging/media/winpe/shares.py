r"""Folders of the network that scripts in Windows PE reach: ``\\SERVER\SHARE\FOLDER``.

Windows PE has the client for such shares (SMB); who may read one is asked at the computer, and nothing of that is on
the medium.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.tasksequence.staging.batch import if_quoted
from osdimage.imaging.volume.windows_names import fault_of

_UNC = re.compile(r"\\\\([A-Za-z0-9._:-]{1,255})\\([^\\]+)((?:\\[^\\]+)*)\\?")
_URL = re.compile(r"smb://([A-Za-z0-9._-]{1,255})/([^/]+)((?:/[^/]+)*)/?")
_WEB = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}(?:/[!-~]*)?")
_PLAIN = re.compile(r"[A-Za-z0-9 ._$()+,@#~{}\[\]-]+")
_VALID = r"valid is \\SERVER\SHARE\FOLDER, or smb://SERVER/SHARE/FOLDER"


@dataclass(frozen=True, slots=True)
class SharePath:
    r"""A place in a share.

    Attributes:
        server: its name or address.
        share: the name of the share.
        inner: the path in it, names separated by ``\``; empty for the share itself.
    """

    server: str
    share: str
    inner: str

    @property
    def root(self) -> str:
        r"""The share, ``\\SERVER\SHARE``."""
        return rf"\\{self.server}\{self.share}"

    def __str__(self) -> str:
        """Return the whole path, as Windows writes it."""
        return f"{self.root}\\{self.inner}" if self.inner else self.root


def share_path(text: str) -> SharePath:
    r"""Read a path of a share.

    Raises:
        InvalidRequest: when it is none, or a script of Windows PE cannot name it.
    """
    match = _UNC.fullmatch(text) or _URL.fullmatch(text)
    if match is None:
        raise InvalidRequest(f"{quoted(text[:120])} is no path of a share; {_VALID}")
    inner = match[3].replace("/", "\\").strip("\\")
    for name in (match[2], *(inner.split("\\") if inner else ())):
        fault = fault_of(name)
        if fault is None and _PLAIN.fullmatch(name) is None:
            fault = "holds a character that a script of cmd cannot be given"
        if fault is not None:
            raise InvalidRequest(f"{quoted(text[:120])}: the name {quoted(name[:60])} {fault}; {_VALID}")
    return SharePath(match[1], match[2], inner)


def connecting(path: SharePath) -> tuple[str, ...]:
    """Return the lines that connect to a share, up to three times; ``no_share`` is where they go when that fails.

    A person types the account, and ``net`` asks for its password, which no file ever has.
    """
    return (
        "set _pe_tries=0",
        ":connect",
        "set _pe_user=",
        f'set /p "_pe_user=Account for {path.root} (DOMAIN\\NAME; empty for none): "',
        f'if not defined _pe_user call net use "{path.root}"',
        "if not defined _pe_user goto asked",
        if_quoted("_pe_user", "connect"),
        f'call net use "{path.root}" /user:"%_pe_user%" *',
        ":asked",
        "if not errorlevel 1 goto connected",
        "set /a _pe_tries=_pe_tries+1",
        "if %_pe_tries% lss 3 goto connect",
        "goto no_share",
        ":connected",
    )


def no_share(path: SharePath) -> tuple[str, ...]:
    """Return the block ``no_share``."""
    return (f'call :say "There is no connection to {path.root}; nothing was done."', "exit /b 1")


def web_address(text: str) -> str | None:
    """Return the address of a web server as it was written, or None when it is none: http or https, and a host."""
    return text if _WEB.fullmatch(text) is not None else None

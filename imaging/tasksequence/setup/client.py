r"""The ConfigMgr client: its package goes along to the first start of the new Windows, where ``ccmsetup.exe`` runs.

``/noservice`` lets it do its work itself and end with its exit code: 0, or 7 when the computer must restart.  A service
that it starts all the same is waited for, for an hour; then the service of the client must be there.

What needs a site comes after that and is not seen here: that the client registers, gets its GUID and its policy.

Sources: "About client installation parameters and properties" of ConfigMgr current branch (``/noservice``,
``/source``, ``SMSSITECODE``, ``SMSMP``); CM07, "Setup Windows and ConfigMgr" (what it installs, and when); exit codes:
"Ugh: CCMSETUP error codes" (a list of the field).  Chosen here: what is waited for, and for how long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from osdimage.imaging.errors import InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import FirstBoot
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.result import Refusal
from osdimage.imaging.tasksequence.staging.commands import arguments
from osdimage.imaging.tasksequence.staging.secrets import holds_secret, secrets_in
from osdimage.imaging.tasksequence.staging.staged import SUCCESS, StagedCommand, StagedPackage

PACKAGE = "_SMSClientPackageID"
PROPERTIES = "SMSClientInstallProperties"
_SETUP = "ccmsetup.exe"
# A word of the properties: blanks part them outside of quotation marks (as CommandLineToArgvW reads them).
_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_OPTION = re.compile(r"/[A-Za-z]+(?::.*)?", re.ASCII | re.DOTALL)
_PROPERTY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*=.*", re.ASCII | re.DOTALL)
_PACKAGE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_CONTROL = re.compile(r"[\0-\x1f\x7f]")
_POLLS = 360
"""Of the service, ten seconds apart: an hour."""
SERVICE_KEY = r"Services\CcmExec"
"""The service of the client, in a control set."""
SERVICE_GONE = (
    f"set _client_polls={_POLLS}",
    ":poll",
    r'"%SystemRoot%\System32\sc.exe" query ccmsetup >nul 2>&1',
    "if errorlevel 1 goto gone",
    "set /a _client_polls=_client_polls-1",
    r'if %_client_polls% gtr 0 "%SystemRoot%\System32\ping.exe" -n 11 127.0.0.1 >nul',
    "if %_client_polls% gtr 0 goto poll",
    "echo the service ccmsetup has not ended within an hour",
    "exit /b 1460",
    ":gone",
)
"""Lines of a batch file that wait until ccmsetup.exe has left nothing at work."""


def client_package(env: Environment) -> str | None:
    """Return the ID of the package with the client, or None when the step names none."""
    return env.properties.get("ClientPackageID") or env.text(PACKAGE)


def refuse_client(env: Environment, machine: Machine) -> Refusal | None:
    """Tell why the client cannot wait for the first start, or None when it can, or none is wanted.

    Raises:
        InvalidRequest: when a variable is wrong.
    """
    supplies = machine.supplies
    if supplies.without_client:
        return None
    package = client_package(env)
    if package is None:
        remedy = Remedy("give {} and its path, or {}", (Means.VARIABLE, Means.WITHOUT_CLIENT), (PACKAGE,))
        return Refusal("it names no package with the ConfigMgr client", remedy)
    try:
        machine.package(package)
    except InvalidRequest as error:
        means = (Means.PACKAGES, Means.WITHOUT_CLIENT)
        return Refusal(f"the ConfigMgr client: {error.said}", Remedy("give {}, or {}", means, (package,)))
    if supplies.first_boot is FirstBoot.NONE:
        means = (Means.FIRST_BOOT, Means.WITHOUT_CLIENT)
        remedy = Remedy("let the first start carry it out: {}, or give {}", means, ("setup",))
        return Refusal("the ConfigMgr client would wait for the first start", remedy)
    command = stage_client(env, machine)
    if command is None or supplies.secrets_on_disk or not holds_secret(env, command):
        return None
    reason = f"it would put {secrets_in(env, command)} on the disk in clear text"
    return Refusal(reason, Remedy("{} allows it", (Means.SECRETS_ON_DISK,)))


def stage_client(env: Environment, machine: Machine) -> StagedCommand | None:
    """Return what installs the client at the first start, or None when none is wanted.

    Raises:
        InvalidRequest: when the package was not mapped, holds no ``ccmsetup.exe``, or a property is none.
    """
    package = client_package(env)
    if machine.supplies.without_client or package is None:
        return None
    if _PACKAGE.fullmatch(package) is None:
        raise InvalidRequest(f"{quoted(package)} is no ID of a package; valid are letters, digits, _ and -")
    machine.package_file(package, _SETUP)
    words = list(_words(env))
    command = f"{_SETUP} {' '.join(words)}"
    return StagedCommand(
        f"install the ConfigMgr client of package {package}: {command}",
        (
            "@echo off",
            rf'set "_client=%OSDImageFirstStart%\packages\{package}"',
            arguments(rf'"%_client%\{_SETUP}" /source:"%_client%"', " ".join(words)),
            'set "_client_code=%ERRORLEVEL%"',
            'if not "%_client_code%"=="0" if not "%_client_code%"=="7" exit /b %_client_code%',
            *SERVICE_GONE,
            r'"%SystemRoot%\System32\sc.exe" query CcmExec',
            "if errorlevel 1 exit /b 1060",
            'if "%_client_code%"=="7" exit /b 3010',
            "exit /b 0",
        ),
        success_codes=SUCCESS,
        packages=(StagedPackage(package, machine.package(package)),),
    )


def _words(env: Environment) -> Iterator[str]:
    """Yield the words of the command line behind the source."""
    given = tuple(_given(env))
    names = {re.split("[=:]", word, maxsplit=1)[0].lower() for word in given}
    if not names & {"/service", "/noservice"}:
        yield "/noservice"
    if "smssitecode" not in names:
        yield f"SMSSITECODE={env.text('_SMSTSSiteCode') or 'AUTO'}"
    if "smsmp" not in names and (point := env.text("_SMSTSMP")):
        yield f"SMSMP={point}"
    yield from given


def _given(env: Environment) -> Iterator[str]:
    text = env.text(PROPERTIES) or ""
    if _CONTROL.search(text) is not None:
        raise InvalidRequest(f"{PROPERTIES} has a control character; a command line has none")
    rest = _WORD.sub("", text)
    if rest.strip():
        raise InvalidRequest(f"{PROPERTIES} has a quotation mark without its second one")
    for word in _WORD.findall(text):
        if _OPTION.fullmatch(word) is None and _PROPERTY.fullmatch(word) is None:
            raise InvalidRequest(
                f"{PROPERTIES}: {quoted(env.mask(word))} is no property of the client; valid are NAME=VALUE and /option"
            )
        yield word

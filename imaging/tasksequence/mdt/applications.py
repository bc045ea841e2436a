r"""Install Applications, of MDT: the applications of the deployment share that a step, or the rules, name.

One step installs several: the one of ``ApplicationGUID``, or all of ``MandatoryApplications001`` and so on, and then of
``Applications001`` and so on.  What an application depends on comes before it, and each is installed once.  An
application without a command line is a bundle of such.  Its files are those of its working directory, which are put on
the disk.

Source: ``Install-PSDApplication`` of PSDApplications.ps1 in FriendsOfMDT/PSD (order, facts, bundles); "Install
Application" of the task sequence steps of MDT.  Chosen here: a restart that one of several asks for comes when all are
installed, and whether an application is there already (``UninstallKey``) is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, optional
from osdimage.imaging.tasksequence.mdt.packages import checking, files_of
from osdimage.imaging.tasksequence.mdt.share import DeploymentShare, Listed, needed_item, needed_share, shown
from osdimage.imaging.tasksequence.mdt.share_files import read_there, without_shares
from osdimage.imaging.tasksequence.result import ActionInfo, Already, RunIn, StepClass, VariableInfo
from osdimage.imaging.tasksequence.sequence import codes_of
from osdimage.imaging.tasksequence.staging.commands import command_line
from osdimage.imaging.tasksequence.staging.needs import given_application, needed_package
from osdimage.imaging.tasksequence.staging.run_command_line import start_lines, warned
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedFile, StagedPackage
from osdimage.imaging.units import counted

_LIST, _WHAT = "Applications.xml", "the application"
_MOST, _DEEPEST = 999, 100
_RESTART = 3010

VARIABLES: tuple[VariableInfo, ...] = (
    optional("ApplicationGUID", "the GUID of the application; without it those of the lists", source="MDT"),
    optional("MandatoryApplications001", "a GUID, and so on with MandatoryApplications002", source="MDT"),
    optional("Applications001", "a GUID, and so on with Applications002", source="MDT"),
    optional("ApplicationSuccessCodes", "exit codes with blanks between them", default="0 3010", source="MDT"),
)


@dataclass(frozen=True, slots=True)
class _Part:
    """How one application is installed.

    Attributes:
        name: what people call it.
        lines: of the batch file that installs it.
        packages: the files that it needs.
        wants_restart: whether the computer is to restart when it is installed.
    """

    name: str
    lines: tuple[str, ...]
    packages: tuple[StagedPackage, ...]
    wants_restart: bool = False


def holds_applications(env: Environment, machine: Machine) -> Already | None:
    """Tell that no application is named."""
    del machine
    return None if _wanted(env) else Already("no application is named by the step or by Applications001 and so on")


def stage_applications(env: Environment, machine: Machine) -> StagedCommand:
    """Return what the step becomes at the first start.

    Raises:
        InvalidRequest: when an application is not known or depends on itself, or no batch file can hold its command.
        InvalidInput, StorageError: when the list of applications cannot be read.
    """
    inputs = Inputs(env, VARIABLES)
    codes = inputs.parsed("ApplicationSuccessCodes", codes_of) or (0, _RESTART)
    inputs.finish()
    parts = _Collected(env, machine).all(_wanted(env))
    packages = tuple(dict.fromkeys(package for part in parts for package in part.packages))
    files = tuple(StagedFile(f"app-{number}.cmd", "\n".join(part.lines) + "\n") for number, part in enumerate(parts, 1))
    names = ", ".join(part.name for part in parts[:5]) + (" and more" if len(parts) > 5 else "")
    return StagedCommand(
        f"install {counted(len(parts), 'application')}: {names}" if parts else "install bundles that are empty",
        tuple(_lines(parts, codes)),
        success_codes=tuple(dict.fromkeys((*codes, _RESTART))),
        packages=packages,
        files=files,
        warnings=tuple(dict.fromkeys(text for part in parts for text in warned("\n".join(part.lines), machine))),
    )


def _lines(parts: tuple[_Part, ...], codes: tuple[int, ...]) -> Iterator[str]:
    yield from ("@echo off", "set restart=0")
    for number, part in enumerate(parts, 1):
        # Each runs in a shell of its own: one that is a batch file itself would not come back.
        yield f'cmd /d /c "%~dp0app-{number}.cmd"'
        yield from checking(_RESTART, tuple(code for code in codes if code not in {0, _RESTART}))
        if part.wants_restart:
            yield f"set restart={_RESTART}"
    yield "exit /b %restart%"


def _wanted(env: Environment) -> tuple[str, ...]:
    """Return the GUIDs of the applications that are to be installed, in their order."""
    single = env.text("ApplicationGUID")
    if single:
        return (single.strip(),)
    found: list[str] = []
    for base in ("MandatoryApplications", "Applications"):
        for number in range(1, _MOST + 1):
            guid = env.text(f"{base}{number:03}") or env.text(f"{base}{number}")
            if guid is None:
                break
            found.append(guid.strip())
    return tuple(dict.fromkeys(found))


class _Collected:
    """Applications, each behind those that it depends on."""

    def __init__(self, env: Environment, machine: Machine) -> None:
        self._env, self._machine = env, machine
        self._parts: dict[str, _Part | None] = {}
        self._items: dict[str, Listed] | None = None

    def all(self, guids: tuple[str, ...]) -> tuple[_Part, ...]:
        for guid in guids:
            self._add(guid, ())
        return tuple(part for part in self._parts.values() if part is not None)

    def _add(self, guid: str, way: tuple[str, ...]) -> None:
        key = guid.lower()
        if key in way:
            ring = " needs ".join(map(shown, (*way, key)[-10:]))
            raise InvalidInput(f"the application {shown(guid)} depends on itself: {ring}")
        if key in self._parts:
            return
        if len(way) > _DEEPEST:
            raise InvalidInput(f"the application {shown(way[0])} depends on others more than {_DEEPEST} deep")
        given = given_application(self._machine, key)
        if given is not None:
            package = None if given.package is None else needed_package(self._machine, given.package)
            self._parts[key] = self._part(shown(guid), given.command, None, package)
            return
        share, item = self._item(guid)
        for needed in item.facts("Dependency"):
            self._add(needed, (*way, key))
        self._parts[key] = self._listed(share, item)

    def _item(self, guid: str) -> tuple[DeploymentShare, Listed]:
        share = needed_share(self._machine, f"{_WHAT} {shown(guid)}")
        if self._items is None:
            self._items = {each.guid.lower(): each for each in share.items(_LIST) if each.is_enabled}
        found = self._items.get(guid.lower())
        # Who is not there is told with those that are.
        return needed_item(self._machine, _LIST, guid, _WHAT) if found is None else (share, found)

    def _listed(self, share: DeploymentShare, item: Listed) -> _Part | None:
        command = item.fact("CommandLine")
        if not command:
            return None
        folder, package = item.fact("WorkingDirectory"), None
        if folder.startswith((".\\", "./")):
            path = share.path(folder, of=f"{item.source}: {_WHAT} {item.called}")
            package, folder = files_of(item, path), ""
        part = self._part(item.called, command, self._env.expand(folder) if folder not in {"", "."} else None, package)
        return _Part(part.name, part.lines, part.packages, item.fact("Reboot").lower() == "true")

    def _part(self, name: str, command: str, folder: str | None, package: StagedPackage | None) -> _Part:
        try:
            local = without_shares(self._env, self._machine, self._env.expand(command))
            line = command_line(local.text, read_there(self._machine))
            files = tuple(dict.fromkeys((*(() if package is None else (package,)), *local.packages)))
            return _Part(name, (*start_lines(folder, package, self._machine), line), files)
        except InvalidRequest as error:
            raise InvalidRequest(f"{_WHAT} {name}: {error.said}", remedy=error.remedy) from error


INFO = ActionInfo(
    type_name="BDD_InstallApplication",
    title="Install MDT Application",
    run=None,
    why_not="applications are installed in the installed Windows",
    holds=holds_applications,
    stage=stage_applications,
    other_types=("ZTIApplications", "PSDApplications"),
    variables=VARIABLES,
    runs_in=RunIn.FULL_OS,
    step_class=StepClass.WINDOWS,
)

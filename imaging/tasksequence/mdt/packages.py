r"""Packages of the deployment share: updates of Windows, and its languages, which the first start installs.

MDT puts them into the Windows before it starts; that is a work of Windows' own servicing, which here the new Windows
does itself at its first start, before all that waits after it.  Taken are the packages of a selection profile, without
those of languages, which ``LanguagePacks001`` and so on name, or ``PackageID`` of the step.  A package for another
processor than that of the Windows is left out, and one that does not apply to it is no failure.

Sources: "Install Updates Offline" and "Install Language Packs" of the task sequence steps of MDT, and its properties
``PackageSelectionProfile`` and ``LanguagePacks``; "DISM Operating System Package (.cab or .msu) Servicing Command-Line
Options"; CBS_E_NOT_APPLICABLE of cbscore.h.  Chosen here, since the public lists are empty: ``PackageType`` of a
language begins with ``Language``; an item in a group of ``PackageGroups.xml`` is a ``<Member>``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from osdimage.imaging.element import read_element
from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import optional
from osdimage.imaging.tasksequence.mdt.share import (
    DeploymentShare,
    Listed,
    damaged,
    needed_item,
    needed_share,
    share_of,
)
from osdimage.imaging.tasksequence.phases import FROM_PE
from osdimage.imaging.tasksequence.result import ActionInfo, Already, RunIn, StepClass, VariableInfo
from osdimage.imaging.tasksequence.staging.needs import folder_of
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedPackage
from osdimage.imaging.units import counted

_LIST, _GROUPS, _PROFILES = "Packages.xml", "PackageGroups.xml", "SelectionProfiles.xml"
_ALL = frozenset({"everything", "all packages", "all drivers and packages"})
_NOTHING = "nothing"
_FOLDER = "packages"
_MOST_LANGUAGES = 999
_RESTART = 3010
_NOT_APPLICABLE = -2146498530
"""CBS_E_NOT_APPLICABLE, 0x800F081E: the package is not for this Windows."""
_DISM = r'"%SystemRoot%\System32\dism.exe"'
_UNPLAIN = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)
_ARCHITECTURES = {"amd64": "x64", "x64": "x64", "x86": "x86", "arm64": "arm64"}

UPDATES: tuple[VariableInfo, ...] = (
    optional("PackageSelectionProfile", "a selection profile of the share", default="All Packages", source="MDT"),
)
LANGUAGES: tuple[VariableInfo, ...] = (
    optional("PackageID", "the package of a language", source="MDT"),
    optional("LanguagePacks001", "another, and so on with LanguagePacks002", source="MDT"),
)

_Choose = Callable[[Environment, Machine], tuple[StagedPackage, ...]]


def chosen_updates(env: Environment, machine: Machine) -> tuple[StagedPackage, ...]:
    """Return the packages of the selection profile, without those of languages.

    Raises:
        InvalidRequest: when there is no share, or no such profile in it, or a file is not there.
        InvalidInput, StorageError: when a list cannot be read.
    """
    profile = (env.text("PackageSelectionProfile") or "All Packages").strip()
    share = needed_share(machine, f"the selection profile {quoted(profile)}")
    items = [
        each for each in _of_profile(share, profile) if not each.fact("PackageType").lower().startswith("language")
    ]
    return tuple(_staged(share, each) for each in items if _fits(each, machine))


def chosen_languages(env: Environment, machine: Machine) -> tuple[StagedPackage, ...]:
    """Return the packages of languages that the step, or the rules, name.

    Raises:
        InvalidRequest: when there is no share, or one of them is not in it.
        InvalidInput, StorageError: when a list cannot be read.
    """
    names = (env.text(f"LanguagePacks{number:03}") for number in range(1, _MOST_LANGUAGES + 1))
    wanted = [env.text("PackageID"), *_until_none(names)]
    found = [needed_item(machine, _LIST, guid, "the package") for guid in wanted if guid]
    return tuple(_staged(share, each) for share, each in found if _fits(each, machine))


def _until_none(values: Iterator[str | None]) -> Iterator[str]:
    for value in values:
        if value is None:
            return
        yield value


def _of_profile(share: DeploymentShare, profile: str) -> Iterator[Listed]:
    if profile.lower() == _NOTHING:
        return
    included: Callable[[str], bool] | None = None
    if profile.lower() not in _ALL:
        included = _included(share, profile)
    members = {} if included is None else _members(share)
    for each in share.items(_LIST):
        if each.is_enabled and (included is None or any(map(included, members.get(each.guid.lower(), (_FOLDER,))))):
            yield each


def _included(share: DeploymentShare, profile: str) -> Callable[[str], bool]:
    """Return what tells whether a folder is in a selection profile: the longest path that it begins with decides."""
    found = next((each for each in share.items(_PROFILES) if each.fact("Name").lower() == profile.lower()), None)
    if found is None:
        known = ", ".join(each.fact("Name") for each in share.items(_PROFILES)) or "none"
        raise InvalidRequest(f"the deployment share has no selection profile {quoted(profile)}; there are: {known}")
    definition = read_element(found.fact("Definition").encode("utf-8"), source=f"{found.source}: {found.called}")
    paths = {(each.get("path") or "").lower().strip("\\"): each.tag == "Include" for each in definition.children}

    def included(folder: str) -> bool:
        parts = folder.lower().split("\\")
        ways = ("\\".join(parts[:depth]) for depth in range(len(parts), 0, -1))
        return next((paths[way] for way in ways if way in paths), False)

    return included


def _members(share: DeploymentShare) -> dict[str, list[str]]:
    r"""Return the folders that each package is in, such as ``packages\x64``, by its GUID in lower case."""
    folders: dict[str, list[str]] = {}
    for group in share.items(_GROUPS):
        name = group.fact("Name")
        folder = _FOLDER if name.lower() == "default" else f"{_FOLDER}\\{name}"
        for guid in group.facts("Member"):
            folders.setdefault(guid.lower(), []).append(folder)
    return folders


def _fits(package: Listed, machine: Machine) -> bool:
    architecture = _ARCHITECTURES.get(package.fact("Architecture").lower())
    system = machine.system
    return architecture is None or system is None or system.windows.architecture == architecture


def _staged(share: DeploymentShare, package: Listed) -> StagedPackage:
    source = package.fact("Source")
    if not source:
        raise damaged(package, "the package", "it has no Source")
    return files_of(package, share.path(source, of=f"{package.source}: the package {package.called}"))


def files_of(item: Listed, path: Path) -> StagedPackage:
    """Return the files of an item of a list as the first start has them: in a folder that tells whose they are."""
    stem = path.stem if path.is_file() else path.name
    # Two of one name are told apart by their GUIDs.
    name = f"{stem[:40]}-{item.guid.strip('{}')[:8]}"
    return StagedPackage(_UNPLAIN.sub("-", name).strip("-."), path)


def _left(packages: tuple[StagedPackage, ...], machine: Machine) -> tuple[StagedPackage, ...]:
    """Return the packages that no step before has staged."""
    staged = {each for step in machine.staged for each in step.command.packages}
    return tuple(each for each in packages if each not in staged)


def _holds(choose: _Choose) -> Callable[[Environment, Machine], Already | None]:
    def holds(env: Environment, machine: Machine) -> Already | None:
        if share_of(machine) is None:
            return None if choose is chosen_updates or _names_any(env) else Already("no package is named")
        packages = choose(env, machine)
        if not packages:
            return Already("the deployment share has no such package")
        return None if _left(packages, machine) else Already("a step before it has all these packages installed")

    return holds


def _names_any(env: Environment) -> bool:
    return bool(env.text("PackageID") or env.text("LanguagePacks001"))


def _stage(choose: _Choose) -> Callable[[Environment, Machine], StagedCommand]:
    def stage(env: Environment, machine: Machine) -> StagedCommand:
        packages = _left(choose(env, machine), machine)
        return StagedCommand(
            f"install {counted(len(packages), 'package')} of the deployment share: {_named(packages)}",
            adding_lines(packages),
            success_codes=(0, _RESTART),
            packages=packages,
        )

    return stage


def _named(packages: tuple[StagedPackage, ...]) -> str:
    shown = ", ".join(each.path.name for each in packages[:5])
    return shown if len(packages) <= 5 else f"{shown} and more"


def adding_lines(packages: tuple[StagedPackage, ...]) -> tuple[str, ...]:
    """Return the lines of a batch file that install packages of Windows, and end with 3010 when one wants a restart."""
    lines = ["@echo off", "set restart=0"]
    for each in packages:
        name = each.path.name.replace("%", "%%")
        file = rf"{folder_of(each)}\{name}"
        lines += [rf'{_DISM} /online /quiet /norestart /add-package /packagepath:"{file}"']
        lines += checking(_RESTART, (_NOT_APPLICABLE,))
    return (*lines, "exit /b %restart%")


def checking(restart: int, ignored: tuple[int, ...] = ()) -> tuple[str, ...]:
    """Return the lines behind a command of several: they end with its exit code when it failed.

    Args:
        restart: the exit code with which it succeeded and wants a restart, which is kept for the end.
        ignored: exit codes that are success, besides 0.
    """
    fine = " ".join(f'if not "%errorlevel%"=="{code}"' for code in (0, restart, *ignored))
    return (f'if "%errorlevel%"=="{restart}" set restart={restart}', f"{fine} exit /b %errorlevel%")


def _info(
    type_name: str, title: str, scripts: tuple[str, ...], choose: _Choose, variables: tuple[VariableInfo, ...]
) -> ActionInfo:
    return ActionInfo(
        type_name=type_name,
        title=title,
        run=None,
        why_not="Windows installs its packages itself",
        holds=_holds(choose),
        stage=_stage(choose),
        stages_in=FROM_PE,
        other_types=scripts,
        variables=variables,
        runs_in=RunIn.BOTH,
        step_class=StepClass.WINDOWS,
    )


INFOS: tuple[ActionInfo, ...] = (
    _info("BDD_InstallUpdatesOffline", "Install Updates Offline", ("ZTIPatches",), chosen_updates, UPDATES),
    _info("BDD_InstallLanguagePacksOffline", "Install Language Packs Offline", (), chosen_languages, LANGUAGES),
    _info(
        "BDD_InstallLanguagePacksOnline",
        "Install Language Packs Online",
        ("ZTILangPacksOnline",),
        chosen_languages,
        LANGUAGES,
    ),
)

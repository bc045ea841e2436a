r"""Files of the deployment share that command lines of the first start name: they are put on the disk.

There is no share at the first start.  A path below its address, such as ``%SCRIPTROOT%\Tool\run.cmd``, becomes one of a
package, which holds the folder that the file is in, with all beside it: at most two below the share, since what a tool
needs is around it (``Scripts\Tool``), and that of the file where it is directly in one of the share's own folders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.mdt.share import DeploymentShare, share_of, shown
from osdimage.imaging.tasksequence.staging.staged import StagedPackage

FIRST_START = "OSDImageFirstStart"
"""The variable with the folder of the first start, which a batch file of a step reads."""

_UNKNOWN = re.compile(r"%(deployroot|scriptroot)%", re.IGNORECASE)
_UNPLAIN = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)
_DEEPEST = 2


@dataclass(frozen=True, slots=True)
class LocalText:
    """A command line without the share.

    Attributes:
        text: with paths of the disk in place of those of the share.
        packages: with the files that it names.
    """

    text: str
    packages: tuple[StagedPackage, ...] = ()


def without_share(env: Environment, machine: Machine, text: str) -> LocalText:
    """Return a command line, or a folder, whose files of the deployment share are on the disk.

    Args:
        env: the variables.
        machine: whose caller has given the share.
        text: with its variables replaced.

    Raises:
        InvalidRequest: when there is no share, or the file is not in it.
    """
    share = share_of(machine)
    if share is None:
        match = _UNKNOWN.search(text)
        if match is None:
            return LocalText(text)
        raise InvalidRequest(
            f"it names {match[0]}, and no deployment share was given",
            remedy=Remedy("give {}", (Means.DEPLOYMENT_SHARE,)),
        )
    address = env.text("DeployRoot")
    if not address:
        return LocalText(text)
    packages: dict[str, StagedPackage] = {}

    def local(match: re.Match[str]) -> str:
        package, inner = _package(share, match["quoted"] or match["bare"])
        packages[package.name] = package
        return f"%{FIRST_START}%\\packages\\{package.name}{inner}"

    root = re.escape(address.rstrip("\\/"))
    paths = re.compile(rf"(?:(?<=\"){root}\\(?P<quoted>[^\"]+)|{root}\\(?P<bare>[^\s\"&|<>]+))", re.IGNORECASE)
    return LocalText(paths.sub(local, text), tuple(packages.values()))


def _package(share: DeploymentShare, path: str) -> tuple[StagedPackage, str]:
    """Return the package with a file or folder of the share, and the rest of the path in it."""
    found = share.find(path.rstrip("\\"))
    if found is None:
        raise InvalidRequest(f"{quoted(shown(path))} is not in the deployment share {share.root}")
    names = found.relative_to(share.root).parts
    above = names if found.is_dir() else names[:-1]
    folder = above[:_DEEPEST]
    if not folder:
        raise InvalidRequest(f"{quoted(shown(path))} is no file in a folder of the deployment share {share.root}")
    name = _UNPLAIN.sub("-", "share-" + "-".join(folder))[:60].strip("-.")
    inner = "".join(f"\\{each}" for each in names[len(folder) :])
    return StagedPackage(name, Path(share.root, *folder)), inner

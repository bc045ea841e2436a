r"""The deployment share of MDT: a folder with what its sequences install, and the lists that tell of it.

``Control`` has a list of each kind of thing: ``OperatingSystems.xml``, ``Applications.xml``, ``Packages.xml``.  An item
has a ``guid``, and facts as elements of one text: ``<Name>``, ``<CommandLine>``; paths in it are below the share, such
as ``.\Applications\7-Zip``.  Sequences call the share by the address that it has in the network, ``DeployRoot``.

Sources: the share of ArthurJDurand/MDT-TS-and-Scripts (b3d91fd); ``Install-PSDApplication`` of PSDApplications.ps1 in
FriendsOfMDT/PSD (facts of an application).  What is disabled (``enable="False"``) is not taken; that is chosen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.documents import read_limited
from osdimage.imaging.element import Element, read_element
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.paths import insensitive
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.units import MIB

_LARGEST = 16 * MIB
_LONGEST_SHOWN = 100
_ROOT, _SCRIPTS = "DeployRoot", "SCRIPTROOT"
_NAMELESS = r"\\osdimage\DeploymentShare$"
"""What a share is called that does not tell its address in the network."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One item of a list.

    Attributes:
        source: what messages call the list.
        guid: by which sequences call it, as written.
        element: it.
    """

    source: str
    guid: str
    element: Element

    def fact(self, name: str) -> str:
        """Return the text of a fact, ``""`` when it has none."""
        return next(iter(self.facts(name)), "")

    def facts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a fact that may be there several times, but those that are empty."""
        return tuple(each.text.strip() for each in self.element.children if each.tag == name and each.text.strip())

    @property
    def is_enabled(self) -> bool:
        """Whether it may be taken."""
        return (self.element.get("enable") or "true").strip().lower() != "false"

    @property
    def called(self) -> str:
        """What people call it: its name, where it has one that makes no second line of a message."""
        name, guid = self.fact("Name"), shown(self.guid)
        return f"{quoted(name)} ({guid})" if name and name.isprintable() else guid


@dataclass(frozen=True, slots=True)
class DeploymentShare:
    """A deployment share.

    Attributes:
        root: its folder.
    """

    root: Path

    @property
    def address(self) -> str:
        r"""Its address in the network, such as ``\\SERVER\DeploymentShare$``: what its ``Settings.xml`` says.

        Raises:
            InvalidInput: when that is no XML.
            StorageError: when it cannot be read.
        """
        path = insensitive(self.root, r"Control\Settings.xml")
        if path is None or not path.is_file():
            return _NAMELESS
        found = _root_of(path).child("UNCPath")
        address = "" if found is None else found.text.strip().rstrip("\\")
        return address if address.startswith("\\\\") and address.isprintable() else _NAMELESS

    def items(self, name: str) -> Iterator[Listed]:
        """Yield the items of a list of ``Control``, such as ``Applications.xml``; none when there is no such list.

        Raises:
            InvalidInput: when it is no XML.
            StorageError: when it cannot be read.
        """
        return items_of(self.root, name)

    def item(self, name: str, guid: str) -> Listed | None:
        """Return the item of a GUID that is enabled, or None.

        Raises:
            InvalidInput: when the list is no XML.
            StorageError: when it cannot be read.
        """
        wanted = guid.strip().lower()
        return next((each for each in self.items(name) if each.guid.lower() == wanted and each.is_enabled), None)

    def find(self, text: str) -> Path | None:
        r"""Return the file or folder of a path below the share, such as ``.\Packages\x.cab``; None when none is there.

        A link that leads out of the share is not followed.
        """
        found = insensitive(self.root, text.removeprefix(".\\").removeprefix("./"))
        return found if found is not None and found.resolve().is_relative_to(self.root.resolve()) else None

    def path(self, text: str, *, of: str) -> Path:
        """Return what :meth:`find` finds.

        Args:
            text: the path.
            of: what it is the path of, for messages.

        Raises:
            InvalidRequest: when nothing is there.
        """
        found = self.find(text)
        if found is None:
            raise InvalidRequest(f"{of}: {shown(text)} is not in the deployment share {self.root}")
        return found


def items_of(root: Path, name: str) -> Iterator[Listed]:
    """Yield the items of a list in the folder ``Control`` below a folder; see :meth:`DeploymentShare.items`."""
    path = insensitive(root, f"Control\\{name}") if root.is_dir() else None
    if path is None or not path.is_file():
        return
    for each in _root_of(path).children:
        guid = each.get("guid")
        if guid is not None:
            yield Listed(str(path), guid.strip(), each)


def _root_of(path: Path) -> Element:
    return read_element(read_limited(path, _LARGEST, kind="lists of a deployment share"), source=str(path))


def shown(text: str) -> str:
    """Return a text of a list for a message: it may hold line ends, which would make two lines of it, or be long."""
    clear = text if text.isprintable() else ascii(text)
    return clear if len(clear) <= _LONGEST_SHOWN else f"{clear[:_LONGEST_SHOWN]}..."


def share_of(machine: Machine) -> DeploymentShare | None:
    """Return the deployment share that the caller gave, or None.

    Raises:
        InvalidRequest: when it is no folder with a folder ``Control``.
    """
    folder = machine.supplies.deployment_share
    if folder is None:
        return None
    if not folder.is_dir():
        raise InvalidRequest(f"{folder} is no deployment share: it is no folder")
    if insensitive(folder, "Control") is None:
        raise InvalidRequest(f"{folder} is no deployment share: it has no folder Control")
    return DeploymentShare(folder)


def enter_share(env: Environment, machine: Machine) -> None:
    r"""Set the variables that tell of the deployment share, where there is one, and let its address stand for it.

    What the caller, or a rule, has set stays; ``DeployRoot`` then is another address of the share.

    Raises:
        InvalidRequest: when it is no folder.
        InvalidInput, StorageError: when it cannot be read.
    """
    share = share_of(machine)
    if share is None:
        return
    address = (env.text(_ROOT) or share.address).rstrip("\\/")
    env[_ROOT] = address
    if _SCRIPTS not in env:
        env[_SCRIPTS] = f"{address}\\Scripts"
    if address.startswith("\\\\"):
        machine.shares.setdefault(address, share.root)


def needed_share(machine: Machine, what: str) -> DeploymentShare:
    """Return the deployment share, for something that is only there.

    Args:
        machine: whose caller gave it.
        what: is looked for there, in the words of the message.

    Raises:
        InvalidRequest: when nobody gave one.
    """
    share = share_of(machine)
    if share is None:
        raise InvalidRequest(
            f"{what} is in a deployment share, and none was given",
            remedy=Remedy("give {}", (Means.DEPLOYMENT_SHARE,)),
        )
    return share


def needed_item(machine: Machine, name: str, guid: str, what: str) -> tuple[DeploymentShare, Listed]:
    """Return the deployment share, and the item of a GUID in a list of it.

    Raises:
        InvalidRequest: when there is no share, or no such item in it.
        InvalidInput: when the list is no XML.
        StorageError: when it cannot be read.
    """
    share = needed_share(machine, f"{what} {shown(guid)}")
    found = share.item(name, guid)
    if found is None:
        there = [each for each in share.items(name) if each.is_enabled]
        known = ", ".join(each.called for each in there[:10]) or "none"
        raise InvalidRequest(f"{what} {quoted(shown(guid))} is not in {name} of {share.root}; there are: {known}")
    return share, found


def damaged(item: Listed, what: str, why: str) -> InvalidInput:
    """Return the error about an item of a list that is not as one can be."""
    return InvalidInput(f"{item.source}: {what} {item.called}: {why}")

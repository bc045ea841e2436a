"""Commands that Windows Setup runs in a pass: ``RunSynchronous`` of the component Microsoft-Windows-Deployment.

Setup runs them by their ``Order``, one after the other.  Source: Microsoft, "Unattended Windows Setup Reference",
RunSynchronousCommand: ``Order`` is a number from 1 to 500, and ``Path`` has at most 259 characters.
"""

from __future__ import annotations

from osdimage.imaging.answers.document import Name, Node
from osdimage.imaging.answers.unattend_checks import NAMESPACE, WCM
from osdimage.imaging.errors import InvalidRequest

LONGEST_PATH = 259
"""Characters of the longest command."""
_LAST_ORDER = 500
_ORDER_DIGITS = 9
_COMMAND = "RunSynchronousCommand"


def last_order(commands: Node) -> int:
    """Return the highest number of the commands of a list; 0 when none has a number."""
    return max((number for number, _ in _numbered(commands)), default=0)


def remove_command(commands: Node, description: str) -> None:
    """Remove the commands of a description."""
    for each in commands.children:
        if _text_of(each, "Description") == description:
            commands.remove(each)


def add_command(commands: Node, description: str, order: int, path: str) -> None:
    """Add a command to a list."""
    made = commands.add(_name(_COMMAND), {Name(WCM, "action"): "add"}, prefer={WCM: "wcm"})
    for name, text in (("Description", description), ("Order", str(order)), ("Path", path)):
        made.add(_name(name)).set_text(text)


def put_first(commands: Node, description: str, path: str) -> None:
    """Let a command run before all others of a list, which keep their order among themselves.

    Another one of the same description is replaced; when it is this one, and runs first, nothing changes.

    Raises:
        InvalidRequest: when the command is too long, or there is no number left for it.
    """
    if len(path) > LONGEST_PATH:
        raise InvalidRequest(f"the command {path[:40]!r}... has {len(path)} characters; valid are {LONGEST_PATH}")
    first = min(_numbered(commands), key=lambda pair: pair[0], default=None)
    if first is not None and (_text_of(first[1], "Description"), _text_of(first[1], "Path")) == (description, path):
        return
    remove_command(commands, description)
    numbered = _numbered(commands)
    taken = {number for number, _ in numbered}
    free = next(number for number in range(1, len(taken) + 2) if number not in taken)
    if free > _LAST_ORDER:
        raise InvalidRequest(f"the answer file has {_LAST_ORDER} commands already, and Setup takes no more")
    for number, node in numbered:
        if 1 <= number < free:
            _set_order(node, number + 1)
    add_command(commands, description, 1, path)


def _numbered(commands: Node) -> list[tuple[int, Node]]:
    """Return the commands that have a number, with it."""
    found = []
    for each in commands.children:
        text = _text_of(each, "Order").strip()
        # No machine has so many commands; more digits are no number of one.
        if text.isascii() and text.isdigit() and len(text) < _ORDER_DIGITS:
            found.append((int(text), each))
    return found


def _set_order(command: Node, number: int) -> None:
    order = command.child(_name("Order"))
    if order is not None:
        order.set_text(str(number))


def _text_of(above: Node, name: str) -> str:
    found = above.child(_name(name))
    return "" if found is None else found.text


def _name(name: str) -> Name:
    return Name(NAMESPACE, name)

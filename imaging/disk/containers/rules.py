"""What is refused of a disk in a container, and what is told of it: a table, a row for each fact that matters.

A row is asked of every file of the disk.  The first is read or written; the others are only read, whatever is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from osdimage.imaging.disk.containers import vmdk
from osdimage.imaging.disk.containers.facts import ContainerFacts, ContainerFormat, LinkRole, shown
from osdimage.imaging.disk.containers.graph import Node
from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, TargetRefused, quoted
from osdimage.imaging.units import counted

_ALLOW: Final = Remedy("{} if you made it", (Means.ALLOW_LINKED,))
_REPLAY: Final = Remedy("{} writes them to their places", (Means.REPLAY_LOG,))


class _Kind(Enum):
    REFUSE = auto()
    TELL = auto()
    GO_ON = auto()


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is done about a fact.

    Attributes:
        kind: whether it is refused, told, or passed over.
        text: what is said behind the name of the file.
        remedy: what would help against a refusal.
    """

    kind: _Kind
    text: str = ""
    remedy: Remedy | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table.

    Attributes:
        name: of the row, for tests.
        applies: whether a file has the fact.
        reading: what is done about a file that is only read.
        writing: what is done about one that is written.
    """

    name: str
    applies: Callable[[ContainerFacts], bool]
    reading: Ruling
    writing: Ruling


_GO_ON: Final = Ruling(_Kind.GO_ON)


def _refuse(text: str, remedy: Remedy | None = None) -> Ruling:
    return Ruling(_Kind.REFUSE, text, remedy)


def _tell(text: str) -> Ruling:
    return Ruling(_Kind.TELL, text)


def _both(name: str, applies: Callable[[ContainerFacts], bool], ruling: Ruling) -> Rule:
    return Rule(name, applies, ruling, ruling)


def _is(form: ContainerFormat, variant: str | None = None) -> Callable[[ContainerFacts], bool]:
    return lambda facts: facts.form is form and (variant is None or facts.variant == variant)


RULES: Final = (
    _both(
        "unknown",
        lambda facts: bool(facts.unknown),
        _refuse("has features that are not known here: {unknown}; valid is a file without them"),
    ),
    _both(
        "encrypted",
        lambda facts: facts.encryption is not None,
        _refuse("is encrypted ({encryption}); valid is one that is not, which qemu-img convert makes with its key"),
    ),
    _both(
        "differencing",
        lambda facts: facts.parent is not None,
        _refuse(
            "holds only what differs from another disk{parent}, which is not read; valid is a disk that stands alone: "
            "merge it into its parent"
        ),
    ),
    _both(
        "sectors",
        lambda facts: facts.sector_size != 512,
        _refuse("is a {called} disk with sectors of {sector_size} bytes; valid are sectors of 512 bytes"),
    ),
    Rule(
        "corrupt",
        lambda facts: facts.is_corrupt,
        _tell("is marked as damaged; what is read may be wrong"),
        _refuse("is marked as damaged; qemu-img check -r all repairs it"),
    ),
    Rule(
        "dirty",
        lambda facts: facts.is_dirty and facts.form is ContainerFormat.QCOW2,
        _tell("was not closed; its reference counts are put right in memory alone"),
        _tell("was not closed; QEMU repairs its reference counts"),
    ),
    _both(
        "unclean",
        lambda facts: facts.is_dirty and facts.form is ContainerFormat.VMDK,
        _tell("was not closed; what was written last may be missing"),
    ),
    Rule(
        "log",
        lambda facts: facts.has_log,
        _refuse("was not closed: its log has changes that are not in their places", _REPLAY),
        _tell("was not closed; QEMU writes the changes in its log to their places"),
    ),
    Rule("data file", lambda facts: facts.link(LinkRole.DATA) is not None, _GO_ON, _refuse("refers to {data}", _ALLOW)),
    Rule(
        "stream-optimized",
        _is(ContainerFormat.VMDK, vmdk.STREAM_OPTIMIZED),
        _GO_ON,
        _refuse("is a stream-optimized VMDK, which is only read; qemu-img convert makes one that is written"),
    ),
    Rule(
        "seSparse",
        _is(ContainerFormat.VMDK, vmdk.SE_SPARSE_DISK),
        _GO_ON,
        _refuse("is a seSparse VMDK, which is only read; qemu-img convert makes one that is written"),
    ),
    Rule(
        "compressed",
        lambda facts: facts.is_compressed and facts.form is ContainerFormat.QCOW2,
        _GO_ON,
        _tell("is compressed, and what is written is not: the file grows"),
    ),
    Rule(
        "snapshots",
        lambda facts: bool(facts.snapshots),
        _tell("holds {snapshots}; its newest state is read"),
        _tell("holds {snapshots}; its newest state is written, and nothing else"),
    ),
    _both(
        "two sizes",
        lambda facts: facts.other_size_bytes is not None,
        _tell("is a disk of {size} bytes as its creator ({creator}) counts; its footer also says {other_size}"),
    ),
)
"""Those that refuse come before those that tell: nothing is told of what is refused."""


def refusal_or_notes(name: str, node: Node, *, write: bool, opening: Opening) -> tuple[str, ...]:
    """Return what is to be told of the files of a disk, in sentences.

    Args:
        name: what messages call the disk.
        node: its files.
        write: whether the first is written.
        opening: what is allowed that is not always, and the snapshot that is asked for.

    Raises:
        TargetRefused: for writing, when one of the files is not taken.
        InvalidInput: for reading, the same.
        InvalidRequest: when a snapshot is asked for that there is not, or that would be written.
    """
    notes: list[str] = []
    for each in node.all():
        if each.facts is not None:
            # What is kept inside of a file below is nobody's question.
            called = name if each is node else shown(str(each.path))
            facts = each.facts if each is node else replace(each.facts, snapshots=())
            notes += _ruled(called, facts, write=write and each is node, is_target=write, opening=opening)
        if each.is_changing:
            notes.append(
                f"{shown(str(each.path))}, which is below {name}, is written by QEMU at this time: a machine runs, and "
                "what is read may not fit together"
            )
        if each.link is not None and each.link.form is None:
            kind = "a plain disk" if each.facts is None else f"a {each.facts.form.called} file"
            notes.append(f"{name} does not say what {shown(str(each.path))} is; it is taken as {kind}")
    if opening.vm_snapshot is not None:
        _require_snapshot(name, node.facts, opening.vm_snapshot, write=write)
    return tuple(notes)


def _ruled(name: str, facts: ContainerFacts, *, write: bool, is_target: bool, opening: Opening) -> Iterator[str]:
    for rule in RULES:
        if not rule.applies(facts) or _is_allowed(rule, opening, write=write):
            continue
        ruling = rule.writing if write else rule.reading
        text = f"{name} {_filled(ruling.text, facts)}"
        if ruling.kind is _Kind.REFUSE:
            raise (TargetRefused if is_target else InvalidInput)(text, remedy=ruling.remedy)
        if ruling.kind is _Kind.TELL:
            yield text


def _is_allowed(rule: Rule, opening: Opening, *, write: bool) -> bool:
    if rule.name == "data file":
        return opening.allow_linked
    if rule.name == "log":
        return opening.replay_log and not write
    return rule.name == "snapshots" and opening.vm_snapshot is not None and not write


def _filled(text: str, facts: ContainerFacts) -> str:
    data = facts.link(LinkRole.DATA)
    return text.format(
        called=facts.form.called,
        unknown=", ".join(facts.unknown),
        encryption=facts.encryption,
        parent=f", {quoted(facts.parent)}" if facts.parent else "",
        sector_size=facts.sector_size,
        data="" if data is None else quoted(shown(data.name)),
        snapshots=counted(len(facts.snapshots), "snapshot"),
        size=facts.size_bytes,
        creator=facts.creator,
        other_size=facts.other_size_bytes,
    )


def _require_snapshot(name: str, facts: ContainerFacts | None, wanted: str, *, write: bool) -> None:
    """Refuse a snapshot that there is not, or that would be written.

    Raises:
        InvalidRequest: which lists those that there are.
    """
    if write:
        raise InvalidRequest(f"{name}: a snapshot is only read, and this writes; valid is the newest state")
    snapshot_number(name, facts, wanted)


def snapshot_number(name: str, facts: ContainerFacts | None, wanted: str) -> str:
    """Return the number of the one snapshot that has this number or name.

    Raises:
        InvalidRequest: when there is none, or more than one; the message lists them.
    """
    held = () if facts is None else facts.snapshots
    found = [each for each in held if wanted in {each.name, each.identifier}]
    if len(found) > 1:
        # Names need not differ, and one can be the number of another; QEMU would take the first that fits.
        listed = ", ".join(f"{shown(each.identifier)} ({quoted(shown(each.name))})" for each in found)
        raise InvalidRequest(
            f"{name} holds {len(found)} snapshots that {quoted(wanted)} is the number or name of: {listed}; valid is "
            "what only one has"
        )
    if not found:
        names = ", ".join(quoted(shown(each.name)) for each in held)
        raise InvalidRequest(
            f"{name} holds no snapshot {quoted(wanted)}; {'there are: ' + names if names else 'it holds none'}"
        )
    return found[0].identifier

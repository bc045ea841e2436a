"""What is known of the computer of a sequence, and the answers to what conditions ask."""

from __future__ import annotations

from osdimage.imaging.errors import InvalidRequest, OsdImageError
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.old_windows import DETECTED_DRIVE
from osdimage.imaging.tasksequence.conditions import Ask, Question, Subject
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.answers import ask
from osdimage.imaging.tasksequence.facts.computer import CIMV2, ComputerFacts
from osdimage.imaging.tasksequence.facts.files import ask_file
from osdimage.imaging.tasksequence.facts.from_disk import DISK_CLASSES, WINDOWS_CLASS, disk_facts, windows_facts
from osdimage.imaging.tasksequence.facts.given import given_facts
from osdimage.imaging.tasksequence.facts.identity import is_computer
from osdimage.imaging.tasksequence.facts.registry import ask_registry, ask_software
from osdimage.imaging.tasksequence.facts.windows_there import NotKnownError, RunningWindows, running_windows
from osdimage.imaging.tasksequence.facts.wql import NotUnderstoodError, parse_query
from osdimage.imaging.tasksequence.phases import Phase


def facts_of(machine: Machine) -> ComputerFacts:
    """Return what is known of a computer: what the caller gives, and what its disks tell in the phase that it is in.

    Raises:
        InvalidRequest: when there is neither a preset nor a file of a name that was given.
        InvalidDocument: when a file holds no facts.
        StorageError: when a file, or a disk, cannot be read.
    """
    return _Known(machine).all()


def ask_of(machine: Machine) -> Ask:
    """Return what answers questions to a computer, as it is when they are asked.

    Raises:
        InvalidRequest: when there is neither a preset nor a file of a name that was given.
        InvalidDocument: when a file holds no facts.
        StorageError: when a file cannot be read.
    """
    return _Known(machine).answer


class _Known:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._given = given_facts(machine.supplies.facts, machine.firmware)
        self._windows: tuple[object, RunningWindows] | None = None

    def all(self) -> ComputerFacts:
        found = self._given.joined(disk_facts(self._machine))
        try:
            return self._with_windows(found, None)
        except (NotKnownError, InvalidRequest):
            return found

    def answer(self, question: Question, env: Environment) -> bool | str:
        """Answer a question, or tell why nobody here can."""
        drive = env.get(DETECTED_DRIVE)
        try:
            if question.subject is Subject.WMI:
                return self._query(question, env)
            if question.subject is Subject.COMPUTER:
                return is_computer(self._given, question, env)
            if self._machine.phase in {Phase.NEW, Phase.LOST}:
                return f"{question.describe()}, which the new Windows changes until then"
            if question.subject in {Subject.FILE, Subject.FOLDER}:
                return ask_file(question, env, self._machine, lambda: self._running(drive))
            if question.subject is Subject.REGISTRY:
                return ask_registry(question, env, lambda: self._running(drive))
            return ask_software(question, lambda: self._running(drive))
        except NotKnownError as error:
            return str(error)
        except OsdImageError as error:
            return error.said

    def _running(self, drive: str | None) -> RunningWindows:
        """Return the Windows that runs; read once, as long as it is the same."""
        machine = self._machine
        now = (machine.phase, drive, machine.system, tuple(machine.used), tuple(machine.planned))
        if self._windows is None or self._windows[0] != now:
            self._windows = now, running_windows(machine, drive)
        return self._windows[1]

    def _query(self, question: Question, env: Environment) -> bool | str:
        text = env.expand(question.facts.get("Query", ""))
        try:
            name = parse_query(text).class_name.lower()
        except NotUnderstoodError as error:
            return f"the query is not understood: {error}"
        facts = self._given
        if name in DISK_CLASSES and self._machine.phase in {Phase.OLD, Phase.PE}:
            facts = facts.joined(disk_facts(self._machine))
        elif name in DISK_CLASSES:
            return "the volumes of the new Windows"
        elif name == WINDOWS_CLASS:
            facts = self._with_windows(facts, env.get(DETECTED_DRIVE))
        return ask(text, facts, question.facts.get("Namespace") or CIMV2)

    def _with_windows(self, facts: ComputerFacts, drive: str | None) -> ComputerFacts:
        if self._machine.phase is Phase.PE:
            return facts
        told = windows_facts(self._running(drive).offline)
        if self._machine.phase is Phase.OLD:
            return facts.joined(told)
        # What was given is of the Windows before.
        return ComputerFacts({**facts.classes, **told.classes})

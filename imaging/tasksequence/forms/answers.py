"""What a person gives to a run in place of a site, of a share and of a Windows that runs; the same in a file of YAML.

It is given over what a run that is resumed was given before: what is not given anew stays.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from osdimage.imaging.drivers.store.addresses import is_address
from osdimage.imaging.errors import InvalidRequest, StorageError, quoted
from osdimage.imaging.tasksequence.computer.supplies import Application, FirstBoot, Supplies
from osdimage.imaging.tasksequence.forms.plain import MAX_BYTES, PlainReader, load_plain
from osdimage.imaging.tasksequence.judging.kinds import meant
from osdimage.imaging.tasksequence.judging.leave_out import steps_called
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step

GRAMMAR = """\
first-boot: setup                           # or logon, or none
from-windows: false                         # true begins in the Windows that is on the disk
facts: [computer.json]                      # files, or names of presets
deployment-share: DeploymentShare
rules: CustomSettings.ini
package: {ABC00001: install.wim, ABC00002: "catalog:Model X"}
share: {'\\\\server\\captures': captures}
program: {"ABC00003:Install": setup.exe /quiet}
application:
  Viewer: viewer.exe /s                     # a command line
  Office: {command: setup.exe, package: ABC00004}   # and the package whose files it needs
updates: updates
sequence: {ABC00009: child.xml}             # task sequences that steps run
replace: {7: cmd /c install.cmd, "Tell the site": cmd /c exit 0}
leave-out: [Restore User State, 12]         # steps, types or classes
without-client: false
secrets-on-disk: false

All may be left out.  Paths are below the folder of this file, or absolute.
"""
_KNOWN = (
    "first-boot", "from-windows", "facts", "deployment-share", "rules", "package", "share", "program", "application",
    "updates", "sequence", "replace", "leave-out", "without-client", "secrets-on-disk",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answers:
    """What is given.

    Attributes:
        first_boot: what starts what waits for the first start, or None.
        from_windows: whether the run begins in the Windows that is on the disk.
        facts: what tells the computer: files, or names of presets.
        rules: the file of rules, or None.
        deployment_share: the folder of a deployment share of MDT, or None.
        programs: command lines by ``ID:Program``.
        applications: by their names or ids.
        application_packages: the IDs of the packages whose files the commands of applications need, by their names.
        updates: a folder with updates of Windows, or None.
        packages: paths, or addresses in the catalog of drivers, by the IDs of packages.
        shares: folders, by the shares that they stand for.
        sequences: files of task sequences that steps run, by their IDs.
        leave_out: words that say which steps are left out.
        replaced: a step, by its number or name, and the command line that takes its place.
        without_client: whether no client of ConfigMgr is installed.
        secrets_on_disk: whether secrets may be put on the disk in clear text.
    """

    first_boot: FirstBoot | None = None
    from_windows: bool = False
    facts: tuple[str, ...] = ()
    rules: Path | None = None
    deployment_share: Path | None = None
    programs: Mapping[str, str] = field(default_factory=dict)
    applications: Mapping[str, str] = field(default_factory=dict)
    application_packages: Mapping[str, str] = field(default_factory=dict)
    updates: Path | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    shares: Mapping[str, str] = field(default_factory=dict)
    sequences: Mapping[str, str] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    replaced: tuple[tuple[str, str], ...] = ()
    without_client: bool = False
    secrets_on_disk: bool = False

    def and_also(self, more: Answers) -> Answers:
        """Return what both give; where both give one thing, that of ``more`` counts."""
        return Answers(
            first_boot=more.first_boot or self.first_boot,
            from_windows=more.from_windows or self.from_windows,
            facts=more.facts or self.facts,
            rules=more.rules or self.rules,
            deployment_share=more.deployment_share or self.deployment_share,
            programs={**self.programs, **more.programs},
            applications={**self.applications, **more.applications},
            application_packages={**self.application_packages, **more.application_packages},
            updates=more.updates or self.updates,
            packages={**self.packages, **more.packages},
            shares={**self.shares, **more.shares},
            sequences={**self.sequences, **more.sequences},
            leave_out=(*self.leave_out, *more.leave_out),
            replaced=(*self.replaced, *more.replaced),
            without_client=more.without_client or self.without_client,
            secrets_on_disk=more.secrets_on_disk or self.secrets_on_disk,
        )

    def over(self, before: Supplies, sequence: Sequence) -> Supplies:
        """Return what was given before, with what is given now in its place.

        Args:
            before: of a run that is resumed; of a new one nothing.
            sequence: whose steps are named.

        Raises:
            InvalidRequest: when a step is named that it does not have, or twice; a package is given to an
                application that has no command; or a program is not named by its package.
        """
        for name in self.programs:
            package, colon, program = name.partition(":")
            if not (package and colon and program):
                raise InvalidRequest(
                    f"program {quoted(name)} has no package; valid is ID:NAME, such as ABC00001:Install"
                )
        return replace(
            before,
            first_boot=self.first_boot or before.first_boot,
            facts=self.facts or before.facts,
            rules=self.rules or before.rules,
            deployment_share=self.deployment_share or before.deployment_share,
            programs={**before.programs, **self.programs},
            applications=self._applications(before.applications),
            updates=self.updates or before.updates,
            replaced={**before.replaced, **_replaced(self.replaced, sequence)},
            without_client=before.without_client or self.without_client,
            secrets_on_disk=before.secrets_on_disk or self.secrets_on_disk,
        )

    def _applications(self, before: Mapping[str, Application]) -> dict[str, Application]:
        found = {**before, **{name: Application(command) for name, command in self.applications.items()}}
        for name, package in self.application_packages.items():
            if name not in found:
                known = ", ".join(map(quoted, found)) or "none"
                raise InvalidRequest(f"application {quoted(name)} has no command; applications with one: {known}")
            found[name] = replace(found[name], package=package)
        return found


def load_answers(path: str | os.PathLike[str]) -> Answers:
    """Read a file of YAML; :data:`GRAMMAR` describes it.

    Raises:
        StorageError: when it cannot be read.
        InvalidInput: as :func:`read_answers`.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    return read_answers(data, source=str(path), folder=path.parent)


def read_answers(data: bytes, *, source: str, folder: Path) -> Answers:
    """Read what a file of YAML says; paths in it are below a folder.

    Raises:
        InvalidInput: when it is not YAML, or not such answers; names the place in it.
    """
    reader = _Reader(source, folder)
    given = load_plain(data, source)
    return reader.answers({} if given is None or given == "" else given)


class _Reader(PlainReader):
    def __init__(self, source: str, folder: Path) -> None:
        super().__init__(source)
        self._folder = folder

    def answers(self, given: object) -> Answers:
        values = self.mapping(given, "the answers", _KNOWN)
        commands, packages = self._applications(values.get("application"))
        return Answers(
            first_boot=self._first_boot(values),
            from_windows=self.boolean(values, "from-windows", "the answers"),
            facts=tuple(map(self._fact, self.texts(values.get("facts"), "facts"))),
            rules=self._path(values, "rules"),
            deployment_share=self._path(values, "deployment-share"),
            programs=self.values(values.get("program"), "program"),
            applications=commands,
            application_packages=packages,
            updates=self._path(values, "updates"),
            packages=self._paths(values, "package"),
            shares=self._paths(values, "share"),
            sequences=self._paths(values, "sequence"),
            leave_out=self.texts(values.get("leave-out"), "leave-out"),
            replaced=tuple(self.values(values.get("replace"), "replace").items()),
            without_client=self.boolean(values, "without-client", "the answers"),
            secrets_on_disk=self.boolean(values, "secrets-on-disk", "the answers"),
        )

    def _first_boot(self, values: Mapping[str, object]) -> FirstBoot | None:
        text = self.text(values, "first-boot", "the answers")
        if text is not None and text not in set(FirstBoot):
            raise self.fail("first-boot", f"{text}; valid are {', '.join(FirstBoot)}")
        return None if text is None else FirstBoot(text)

    def _path(self, values: Mapping[str, object], key: str) -> Path | None:
        """Return a path that is there."""
        text = self.text(values, key, "the answers")
        if not text:
            return None
        path = Path(self._below(text))
        if "\0" in text or not path.exists():
            raise self.fail(key, f"{str(path)!r} does not exist")
        return path

    def _paths(self, values: Mapping[str, object], key: str) -> dict[str, str]:
        found = self.values(values.get(key), key)
        return {name: text if is_address(text) else self._below(text) for name, text in found.items()}

    def _below(self, text: str) -> str:
        return str(self._folder / text)

    def _fact(self, text: str) -> str:
        """Return the file of this name where there is one; else it is the name of a preset."""
        path = self._below(text)
        return path if "\0" not in path and Path(path).is_file() else text

    def _applications(self, value: object) -> tuple[dict[str, str], dict[str, str]]:
        commands: dict[str, str] = {}
        packages: dict[str, str] = {}
        if value is None or value == "":
            return commands, packages
        if not isinstance(value, dict):
            raise self.fail("application", "expected are names and command lines, NAME: COMMAND")
        for name, entry in value.items():
            where = f"application {quoted(name)}"
            facts = {"command": entry} if isinstance(entry, str) else self.mapping(entry, where, ("command", "package"))
            command, package = self.text(facts, "command", where), self.text(facts, "package", where)
            if not command:
                raise self.fail(where, "command is missing")
            commands[name] = command
            if package:
                packages[name] = package
        return commands, packages


def _replaced(pairs: tuple[tuple[str, str], ...], sequence: Sequence) -> dict[int, str]:
    found: dict[int, str] = {}
    entries = tuple(sequence.labelled()) if pairs else ()
    labels = [label for label, member in entries if isinstance(member, Step)]
    children = {
        each.casefold() for label, member in entries if isinstance(member, Group) for each in (label, member.name)
    }
    for word, command in pairs:
        numbers = steps_called(word, sequence)
        if not numbers:
            last = entries[-1][0].partition(".")[0] if entries else "0"
            near = meant(word, (member.name for _, member in entries))
            raise InvalidRequest(
                f"there is no step {quoted(word)}{near}; valid is its name, or a number from 1 to {last}"
            )
        first = labels[numbers[0] - 1]
        if word.strip().casefold() in children:
            raise InvalidRequest(
                f"step {quoted(word)} runs a task sequence; valid is one step of that, such as {first}"
            )
        for number in numbers:
            if number in found:
                raise InvalidRequest(f"step {labels[number - 1]} is to be replaced twice")
            found[number] = command
    return found

"""What a person gives to a run in place of a site, of a share and of a Windows that runs.

It is given over what a run that is resumed was given before: what is not given anew stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.tasksequence.computer.supplies import Application, FirstBoot, Supplies
from osdimage.imaging.tasksequence.judging.leave_out import steps_called
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step


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
    replaced: tuple[tuple[str, str], ...] = ()
    without_client: bool = False
    secrets_on_disk: bool = False

    def over(self, before: Supplies, sequence: Sequence) -> Supplies:
        """Return what was given before, with what is given now in its place.

        Args:
            before: of a run that is resumed; of a new one nothing.
            sequence: whose steps are named.

        Raises:
            InvalidRequest: when a step is named that it does not have, or twice; or a package is given to an
                application that has no command.
        """
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
            raise InvalidRequest(f"there is no step {quoted(word)}; valid is its name, or a number from 1 to {last}")
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

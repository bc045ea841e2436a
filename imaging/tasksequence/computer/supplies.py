"""What the caller gives in place of a site, of a share, and of a Windows that runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from osdimage.imaging.documents import Fields


class FirstBoot(StrEnum):
    """What starts the steps that wait for the first start of the new Windows.

    SETUP: its setup, before anybody logs on.  LOGON: the first logon of an administrator.  NONE: nothing, so that steps
    which only the new Windows can carry out are refused.
    """

    SETUP = "setup"
    LOGON = "logon"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Application:
    """How an application is installed.

    Attributes:
        command: its command line.
        package: the ID of the package whose files the command needs, or None.
    """

    command: str
    package: str | None = None


@dataclass(frozen=True, slots=True)
class Supplies:
    """What the caller gives.

    Attributes:
        programs: command lines by ``ID:Program``, the package and the name of its program.
        applications: by their names or ids.
        updates: a folder with updates of Windows, or None.
        deployment_share: the folder of a deployment share of MDT, or None.
        rules: the file of rules that takes the place of its ``CustomSettings.ini``, or None.
        facts: what tells the computer: files, or names of presets.
        replaced: command lines for the first start, by the numbers of the steps whose place they take.
        first_boot: what starts what waits for the first start.
        without_client: whether Setup Windows and ConfigMgr installs no client of ConfigMgr.
        secrets_on_disk: whether secrets may be put on the disk in clear text, for the first start.
    """

    programs: Mapping[str, str] = field(default_factory=dict)
    applications: Mapping[str, Application] = field(default_factory=dict)
    updates: Path | None = None
    deployment_share: Path | None = None
    rules: Path | None = None
    facts: tuple[str, ...] = ()
    replaced: Mapping[int, str] = field(default_factory=dict)
    first_boot: FirstBoot = FirstBoot.SETUP
    without_client: bool = False
    secrets_on_disk: bool = False

    def unasked(self, asked: Collection[str]) -> tuple[str, ...]:
        """Return the names of the programs and applications that are not among those that steps asked for."""
        return tuple(each for each in (*self.programs, *self.applications) if each not in asked)

    def to_document(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            "programs": dict(self.programs),
            "applications": {name: [each.command, each.package] for name, each in self.applications.items()},
            "updates": _text(self.updates),
            "deployment_share": _text(self.deployment_share),
            "rules": _text(self.rules),
            "facts": list(self.facts),
            "replaced": {str(number): command for number, command in self.replaced.items()},
            "first_boot": self.first_boot.value,
            "without_client": self.without_client,
            "secrets_on_disk": self.secrets_on_disk,
        }

    @classmethod
    def from_fields(cls, document: Fields) -> Supplies:
        """Read what :meth:`to_document` returned; ValueError when it is not that."""
        applications = document.fields("applications")
        return cls(
            programs=document.named_texts("programs"),
            applications={name: _application(applications, name) for name in applications.values},
            updates=_path(document, "updates"),
            deployment_share=_path(document, "deployment_share"),
            rules=_path(document, "rules"),
            facts=document.texts("facts"),
            replaced={_number(each): command for each, command in document.named_texts("replaced").items()},
            first_boot=document.parsed("first_boot", FirstBoot, f"one of {', '.join(FirstBoot)}"),
            without_client=document.truth("without_client"),
            secrets_on_disk=document.truth("secrets_on_disk"),
        )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _path(document: Fields, name: str) -> Path | None:
    text = document.text_or_none(name)
    return None if text is None else Path(text)


def _application(document: Fields, name: str) -> Application:
    value = document.given(name)
    if isinstance(value, list) and len(value) == 2:
        command, package = value
        if isinstance(command, str) and (package is None or isinstance(package, str)):
            return Application(command, package)
    raise ValueError(f"{document.at(name)} is not valid; expected are a command and a package or nothing")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ValueError("a command takes the place of a step that has no number")
    return int(text)

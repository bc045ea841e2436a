r"""``\osdimage\variables.json``: the variables of the media, and what a site would tell a run besides.

With a password it is hidden with the sequences.  Names that are hidden stay so at the run, and the answers (programs,
applications, steps that are left out or replaced) are those of ``osdimage run``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from osdimage.imaging.disk.layouts.variables import MAX_BYTES
from osdimage.imaging.documents import Fields, as_text, parse_json, reason_of, require_version
from osdimage.imaging.errors import InvalidDocument, InvalidRequest
from osdimage.imaging.tasksequence.computer.supplies import FirstBoot
from osdimage.imaging.tasksequence.forms.answers import Answers
from osdimage.imaging.units import format_size

FORMAT = "osdimage-media-variables"
VERSION = 1
LARGEST = MAX_BYTES
"""Bytes of the largest such document."""
# What media do not carry: it is of the computer or of the network that they are used in.
_GIVEN_TO_A_RUN = {
    "facts": "facts",
    "rules": "rules",
    "deployment_share": "deployment-share",
    "updates": "updates",
    "shares": "share",
    "from_windows": "from-windows",
    "secrets_on_disk": "secrets-on-disk",
}


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """What media tell a run.

    Attributes:
        variables: of the media.
        hidden: names of variables whose values are secret, besides those whose names say so.
        programs: command lines by ``ID:Program``.
        applications: command lines by their names or ids.
        application_packages: the IDs of the packages whose files applications need, by the names of these.
        leave_out: words that say which steps are left out.
        replaced: a step, by its number or name, and the command line that takes its place.
        first_boot: what starts what waits for the first start, or None.
        without_client: whether no client of ConfigMgr is installed.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    programs: Mapping[str, str] = field(default_factory=dict)
    applications: Mapping[str, str] = field(default_factory=dict)
    application_packages: Mapping[str, str] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    replaced: tuple[tuple[str, str], ...] = ()
    first_boot: FirstBoot | None = None
    without_client: bool = False

    @classmethod
    def of_answers(cls, answers: Answers, variables: Mapping[str, str], hidden: tuple[str, ...] = ()) -> MediaSettings:
        """Take what media carry of answers; packages and sequences of these are files of the media.

        Raises:
            InvalidRequest: when something else is among the answers; names all of it.
        """
        others = [name for each, name in _GIVEN_TO_A_RUN.items() if getattr(answers, each)]
        if others:
            raise InvalidRequest(f"media do not carry {', '.join(others)}: give it to the run")
        return cls(
            dict(variables),
            hidden,
            dict(answers.programs),
            dict(answers.applications),
            dict(answers.application_packages),
            answers.leave_out,
            answers.replaced,
            answers.first_boot,
            answers.without_client,
        )

    @property
    def answers(self) -> Answers:
        """The answers that a run begins with."""
        return Answers(
            first_boot=self.first_boot,
            programs=self.programs,
            applications=self.applications,
            application_packages=self.application_packages,
            leave_out=self.leave_out,
            replaced=self.replaced,
            without_client=self.without_client,
        )


def settings_to_json(settings: MediaSettings) -> bytes:
    """Return the bytes of the document, which are the same for the same settings.

    Raises:
        InvalidRequest: when it would be larger than one that is read.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "variables": dict(settings.variables),
        "hidden": list(settings.hidden),
        "programs": dict(settings.programs),
        "applications": dict(settings.applications),
        "application_packages": dict(settings.application_packages),
        "leave_out": list(settings.leave_out),
        "replaced": [list(each) for each in settings.replaced],
        "first_boot": settings.first_boot,
        "without_client": settings.without_client,
    }
    data = (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8")
    if len(data) > LARGEST:
        raise InvalidRequest(f"the variables of the media have {len(data):,} bytes; valid is up to {LARGEST:,}")
    return data


def settings_from_json(data: bytes, *, source: str) -> MediaSettings:
    """Read the document.

    Raises:
        InvalidDocument: when it is none, is damaged or of another version; no value is in the message.
    """
    if len(data) > LARGEST:
        raise InvalidDocument(f"{source} is larger than {format_size(LARGEST)}; variables of media are not")
    text = as_text(data, source=source)
    try:
        document = Fields.of(parse_json(text))
        if document.values.get("format") != FORMAT:
            raise InvalidDocument(f"{source} holds no variables of media of osdimage: its format is not {FORMAT}")
        require_version(document, VERSION, source=source)
        return MediaSettings(
            document.named_texts("variables"),
            document.texts("hidden"),
            document.named_texts("programs"),
            document.named_texts("applications"),
            document.named_texts("application_packages"),
            document.texts("leave_out"),
            tuple(_pair(each, place) for place, each in document.items("replaced")),
            document.parsed_or_none("first_boot", FirstBoot, f"one of {', '.join(FirstBoot)}"),
            document.truth("without_client"),
        )
    except ValueError as error:
        if isinstance(error, InvalidDocument):
            raise
        raise InvalidDocument(f"{source} is damaged: {reason_of(error)}") from None


def _pair(value: object, place: str) -> tuple[str, str]:
    if isinstance(value, list) and len(value) == 2:
        step, command = value
        if isinstance(step, str) and isinstance(command, str):
            return step, command
    raise ValueError(f"{place} is not valid; expected are a step and a command line")

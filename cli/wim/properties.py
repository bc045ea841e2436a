"""``--set PATH=TEXT``: what the XML of a WIM says of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from osdimage.cli.params import Decorator
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.wim.described.properties import ImageProperties

# What has a word of its own, and the element that it stands for.
_FIELDS = {
    "name": "name",
    "description": "description",
    "creator": "creator",
    "version": "image_version",
    "osdimage/creator": "creator",
    "osdimage/version": "image_version",
}


def setting(*, of: str = "the image") -> Decorator:
    """Return the option, which passes what it was given as ``changes``."""
    return click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="PATH=TEXT",
        help=f"Set name, description, creator, version or any element that the XML has of {of}, such as FLAGS or "
        "WINDOWS/INSTALLATIONTYPE; without TEXT all but the name are removed.  Repeatable.",
    )


def properties_of(changes: tuple[str, ...], reporter: Reporter, **options: str | None) -> ImageProperties:
    """Return what is set by ``--set``, and by options of their own.

    Args:
        changes: each as ``PATH=TEXT``.
        reporter: shows a warning about what may be a slip.
        options: by their names in ``ImageProperties``.

    Raises:
        click.UsageError: when a change is written otherwise, or an option says the same.
        InvalidRequest: when an element cannot have the text.
    """
    from osdimage.imaging.wim.described.elements import check_element, is_known, known_path  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.described.properties import ImageProperties  # noqa: PLC0415

    fields: dict[str, str] = {name: text for name, text in options.items() if text is not None}
    elements: dict[str, str] = {}
    for change in changes:
        path, equals, text = change.partition("=")
        path = path.strip()
        if not path or not equals:
            raise click.UsageError(
                f"--set {change!r}: write PATH=TEXT, where PATH is name, description, creator, version or an element, "
                "such as FLAGS or WINDOWS/INSTALLATIONTYPE"
            )
        field = _FIELDS.get(path.lower())
        if field is None:
            known = known_path(path)
            elements[known] = text
            check_element(known, text)
            if text and not is_known(known):
                reporter.warn(f"--set {change!r}: Windows knows no element {path}; it is set all the same")
            continue
        if options.get(field) is not None:
            raise click.UsageError(f"--set {change!r}: an option says that, too; leave one of them out")
        if field == "name" and not text.strip():
            raise click.UsageError(f"--set {change!r}: an image's name is not empty")
        fields[field] = text
    return ImageProperties(**fields, elements=tuple(elements.items()))

"""The plan of the disks of a machine as a JSON document: the plan of each, and which is which."""

from __future__ import annotations

from typing import Any

from osdimage.imaging.deploy.document import FORMAT_OF_SETS, images_of, plan_of_fields, plan_to_document, refuse_order
from osdimage.imaging.deploy.sets import SetPlan
from osdimage.imaging.disk import plan as disk_plans
from osdimage.imaging.documents import Fields, parse_json, reason_of, require_version
from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.wim.described.captured import MOST_DISKS
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage

VERSION = 1


def to_set_document(plan: SetPlan) -> dict[str, Any]:
    """Return a plan as what :func:`json.dumps` takes; each disk has the document of its own plan, without the head."""
    disks = []
    for number, each in plan.plans.items():
        members = {name: value for name, value in plan_to_document(each).items() if name not in {"format", "version"}}
        disks.append({"number": number, "plan": members})
    return {"format": FORMAT_OF_SETS, "version": VERSION, "disks": disks}


def set_from_json(text: str, *, source: str) -> SetPlan:
    """Read a document and verify that its tables can be written.

    Raises:
        InvalidDocument: when it is not the plan of a machine, is damaged, or contradicts itself.
    """
    try:
        document = Fields.of(parse_json(text))
        if document.values.get("format") != FORMAT_OF_SETS:
            raise InvalidDocument(f"{source} is not the plan of the disks of a machine")
        require_version(document, VERSION, source=source)
        entries = document.each("disks")
        numbers = [each.number("number") for each in entries]
        if not 1 <= len(numbers) <= MOST_DISKS or sorted(set(numbers)) != numbers:
            raise InvalidDocument(
                f"{source} cannot be used: valid are 1 to {MOST_DISKS} disks in their order, each once"
            )
        fields = [each.fields("plan") for each in entries]
        tables = [disk_plans.from_fields(each.fields("disk"), source=source) for each in fields]
        machine = dict(zip(numbers, tables, strict=True))
        plans = {
            number: plan_of_fields(each, machine[number], machine) for number, each in zip(numbers, fields, strict=True)
        }
        made = SetPlan(plans)
        made.refuse_alike()
    except ValueError as error:
        raise InvalidDocument(f"{source} cannot be used: {reason_of(error)}") from error
    for each in plans.values():
        refuse_order(each, source)
    return made


def images_of_set(plan: SetPlan, wim: WimFile) -> tuple[WimImage, ...]:
    """Return the images that a plan applies; they must be those that it was made for.

    Raises:
        ImageNotFound: as :func:`~osdimage.imaging.deploy.document.images_of`.
    """
    return tuple(image for each in plan.plans.values() for image in images_of(each, wim))

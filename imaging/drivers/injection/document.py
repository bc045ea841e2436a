"""The plan of an injection as JSON: what is shown, and what is kept in the Windows as a report."""

from __future__ import annotations

import json
from typing import Any

from osdimage.imaging.drivers.injection.changes import NewFile
from osdimage.imaging.drivers.injection.first_start import named_paths
from osdimage.imaging.drivers.injection.plan import InjectionPlan, WantedDriver
from osdimage.imaging.drivers.injection.staging import StagedDriver
from osdimage.imaging.drivers.offline.boot_enable import BootEnabling
from osdimage.imaging.registry.edits import data_text
from osdimage.imaging.registry.planned import PlannedEdit
from osdimage.imaging.registry.values import Value

FORMAT = "osdimage-drivers"
VERSION = 1
NOT_KNOWN = (
    "whether Windows will use a driver: it checks its signature, and takes the one that it ranks best",
    "whether it has a better one of its own, which no list of ours holds",
)
"""What no plan can say."""


def to_document(plan: InjectionPlan) -> dict[str, Any]:
    """Return a plan as what :func:`json.dumps` takes."""
    first_start = plan.first_start
    staged: tuple[StagedDriver | None, ...] = plan.drivers or (None,) * len(plan.wanted)
    return {
        "format": FORMAT,
        "version": VERSION,
        "windows": {
            "name": plan.windows.name,
            "os": str(plan.windows.os),
            "folder": plan.windows.folder,
            "generalized": plan.windows.is_generalized,
            "image_state": plan.windows.image_state,
        },
        "method": str(plan.options.method),
        "drivers": [_driver_document(want, each, plan) for want, each in zip(plan.wanted, staged, strict=True)],
        "boot_enabled": [_enabled_document(each) for each in plan.enabled],
        "first_start": None
        if first_start is None
        else {
            "installer": None if first_start.installer is None else str(first_start.installer),
            "how": first_start.how,
            "answer_file": first_start.answer_file,
            "command": first_start.command,
            "keeps_drivers": plan.options.keeps_drivers,
        },
        "files": [_file_document(each) for each in plan.changes.files],
        "registry": [_edit_document(each) for each in plan.changes.edits],
        "bytes": plan.changes.size,
        "not_known": list(NOT_KNOWN),
        "warnings": list(plan.warnings),
    }


def to_json(document: dict[str, Any]) -> str:
    """Return a document as text."""
    return json.dumps(document, indent=2) + "\n"


def _driver_document(want: WantedDriver, staged: StagedDriver | None, plan: InjectionPlan) -> dict[str, Any]:
    version = want.package.inf.version
    stamp = version.driver_version
    return {
        "inf": want.package.name,
        "class": version.class_name,
        "provider": version.provider,
        "driver_version": None if stamp is None else str(stamp),
        "devices": list(want.devices),
        "boot_enabled": any(each.driver.name == want.package.inf.name for each in plan.enabled),
        "folder": None if staged is None else named_paths([staged], plan.windows)[0],
        "files": 0 if staged is None else len(staged.files),
        "bytes": 0 if staged is None else staged.size,
        "was_there": staged is not None and staged.is_there,
    }


def _enabled_document(each: BootEnabling) -> dict[str, Any]:
    return {
        "inf": each.driver.name,
        "service": each.driver.service,
        "ids": list(each.driver.ids),
        "embedded_signature": each.is_signed,
        "files": [file.target_path for file in each.files],
    }


def _file_document(file: NewFile) -> dict[str, Any]:
    return {"path": file.path, "bytes": file.size, "old_bytes": file.old_size}


def _edit_document(planned: PlannedEdit) -> dict[str, Any]:
    edit = planned.edit
    does = "set" if edit.value is not None else "make"
    if edit.deletes_key or edit.deletes_value is not None:
        does = "delete"
    name = edit.value.name if edit.value is not None else edit.deletes_value
    return {
        "hive": planned.hive,
        "does": does,
        "key": edit.key,
        "value": name,
        "old": _value_document(planned.old),
        "new": _value_document(edit.value),
    }


def _value_document(value: Value | None) -> dict[str, str] | None:
    return None if value is None else {"type": value.type_name, "data": data_text(value)}

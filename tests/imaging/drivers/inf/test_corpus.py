"""INFs of other projects, which are no part of this repository, against tables written by hand of their text.

    OSDIMAGE_INF_CORPUS=FOLDER pytest tests/imaging/drivers/inf/test_corpus.py

``tests/cases/inf_tables`` names them.  They are, with the commit in which they were read: vioscsi.inx and
qemupciserial.inf of virtio-win/kvm-guest-drivers-windows (fbcc19d), btrfs-vol.inf of maharmstone/btrfs (9250ae5),
xenvbd.inf of xcp-ng/win-xenvbd (583bd7f), dokan.inf of dokan-dev/dokany (767da4b), ViGEmBus.inf of nefarius/ViGEmBus
(d986e1d), and the others of microsoft/Windows-driver-samples (26a27df).  A table says what the build puts in the
place of what it calls ``stamped``.  ``sections`` and ``settings`` may be the first ones alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from osdimage.imaging.drivers import Architecture, InfFile, ProductType, RegAction, RegSetting, TargetOs, read_inf
from osdimage.imaging.registry import ValueType

CORPUS = Path(os.environ.get("OSDIMAGE_INF_CORPUS", "/nonexistent"))
TABLES = Path(__file__).parents[3] / "cases" / "inf_tables"
pytestmark = [] if CORPUS.is_dir() else [pytest.mark.skip(reason="OSDIMAGE_INF_CORPUS names no folder")]
NAMES = sorted(path.name.removesuffix(".json") for path in TABLES.glob("*.json"))
Table = dict[str, Any]


def table(name: str) -> Table:
    found: Table = json.loads((TABLES / f"{name}.json").read_text())
    return found


def stamped(name: str, replaced: dict[str, str]) -> InfFile:
    """Return an INF as the build would leave it; what was longer is replaced first."""
    data = (CORPUS / name).read_bytes()
    encoding = "utf-16-le" if data.startswith(b"\xff\xfe") else "ascii"
    for mark in sorted(replaced, key=len, reverse=True):
        data = data.replace(mark.encode(encoding), replaced[mark].encode(encoding))
    return read_inf(data, name=name)


def windows(text: str) -> TargetOs:
    version, architecture, *product = text.split()
    return TargetOs.parse(
        version, Architecture(architecture), product=ProductType[(product or ["workstation"])[0].upper()]
    )


def told(settings: Iterable[RegSetting]) -> list[str]:
    return [" ".join((each.root, each.key, each.name, _value(each))) for each in settings]


def _value(setting: RegSetting) -> str:
    value = setting.value
    if value is None or setting.action is not RegAction.SET:
        return setting.action.value
    if value.type == ValueType.DWORD:
        return f"REG_DWORD {value.as_integer()}"
    if value.type == ValueType.MULTI_SZ:
        return f"REG_MULTI_SZ {'|'.join(value.as_strings())}"
    if value.type in {ValueType.SZ, ValueType.EXPAND_SZ}:
        return f"{value.type_name} {value.as_string()}"
    return f"{value.type_name} {value.data.hex()}"


@pytest.mark.parametrize("name", NAMES)
def test_the_version_of_a_real_inf(name: str) -> None:
    expected = table(name)
    inf = stamped(name, expected["stamped"])
    version = inf.version
    driver = version.driver_version
    assert inf.is_driver
    assert inf.text.encoding == expected["encoding"]
    assert (version.class_name, version.class_guid) == (expected["class"], expected["guid"])
    assert (version.provider, version.pnp_lockdown) == (expected["provider"], expected["lockdown"])
    assert version.extension_id == expected["extension"]
    assert version.catalog_for(windows(expected["windows"]).architecture) == expected["catalog"]
    date = None if driver is None or driver.date is None else driver.date.isoformat()
    assert (date, None if driver is None else driver.number_text) == (expected["date"], expected["version"])
    sections = [section.name for section in inf.text.parsed.sections.values()]
    assert sections[: len(expected["sections"])] == expected["sections"]
    assert [str(each) for each in inf.warnings] == expected["warnings"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_stamped_is_found(name: str) -> None:
    expected = table(name)
    mark = stamped(name, {}).placeholder
    assert (None if mark is None else [mark.text, mark.line]) == expected["placeholder"]
    assert stamped(name, expected["stamped"]).placeholder is None


@pytest.mark.parametrize("name", NAMES)
def test_the_models_and_files_of_a_real_inf(name: str) -> None:
    expected = table(name)
    inf = stamped(name, expected["stamped"])
    target = windows(expected["windows"])
    assert [str(each) for each in inf.platforms] == expected["platforms"]
    models = [[each.description, each.manufacturer, each.section, *each.ids] for each in inf.models(target)]
    assert models == expected["models"]
    files = inf.files(target)
    assert [each.path for each in files.needed] == expected["needed"]
    assert [each.path for each in files.perhaps_inbox] == expected["inbox"]
    assert not files.warnings


@pytest.mark.parametrize("name", NAMES)
def test_an_install_section_of_a_real_inf(name: str) -> None:
    expected = table(name)
    wanted = expected["install"]
    made = stamped(name, expected["stamped"]).install(wanted["section"], windows(expected["windows"]))
    assert (made.chosen, made.feature_score) == (wanted["chosen"], wanted["score"])
    assert [[each.source, str(each.to), each.flags] for each in made.copy_files] == wanted["copies"]
    services = [
        {
            "name": each.name,
            "flags": each.flags,
            "type": each.type,
            "start": each.start,
            "error": each.error_control,
            "binary": str(each.binary),
            "group": each.load_order_group,
            "display": each.display_name,
            "settings": told(each.settings),
            "events": None if each.event_log is None else told(each.event_log.settings),
        }
        for each in made.services
    ]
    assert services == wanted["services"]
    assert told(made.settings)[: len(wanted["settings"])] == wanted["settings"]
    assert told(made.hardware_settings) == wanted["hardware"]
    assert list(made.includes) == wanted["includes"]
    assert list(made.needs) == wanted["needs"]
    assert [[each.name, *each.ids] for each in made.components] == wanted["components"]
    assert list(made.co_installers) == wanted["co_installers"]

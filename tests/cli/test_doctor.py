from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from osdimage.cli.doctor import doctor_command
from osdimage.imaging import doctor
from osdimage.imaging.distribution import Distribution, Family
from osdimage.imaging.doctor import Component, Remark, Report, Severity
from osdimage.imaging.errors import OsdImageError

HERE = Distribution(name="Debian GNU/Linux 12 (bookworm)", family=Family.DEBIAN, codename="bookworm")
LIBWIM = Component(
    name="libwim",
    needed_for="reading and writing WIM files",
    required=True,
    present=True,
    version="1.13.6",
    remarks=(Remark(Severity.NOTE, "old"),),
)
NO_QEMU = Component(
    name="qemu-img",
    needed_for="disk images",
    present=False,
    install="sudo apt-get install qemu-utils",
)
NO_CLICK = Component(
    name="click", needed_for="the command line", required=True, present=False, install="pip install click"
)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Component]:
    components = [LIBWIM, NO_QEMU]
    monkeypatch.setattr(doctor, "examine", lambda: Report(distribution=HERE, components=tuple(components)))
    return components


@pytest.mark.usefixtures("found")
def test_text_shows_versions_remarks_and_install_commands() -> None:
    result = CliRunner().invoke(doctor_command)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "On Debian GNU/Linux 12 (bookworm):",
        "",
        "ok      libwim    1.13.6  reading and writing WIM files",
        "          note: old",
        "missing qemu-img          disk images",
        "          install: sudo apt-get install qemu-utils",
    ]


def test_json_is_one_document_with_every_fact(found: list[Component]) -> None:
    result = CliRunner().invoke(doctor_command, ["--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["complete"] is True
    assert document["distribution"] == HERE.name
    assert [one["name"] for one in document["components"]] == [one.name for one in found]
    assert document["components"][0] == {
        "name": "libwim",
        "present": True,
        "version": "1.13.6",
        "required": True,
        "needed_for": "reading and writing WIM files",
        "install": None,
        "remarks": [{"severity": "note", "text": "old"}],
    }
    assert document["components"][1]["version"] is None


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_something_required_that_is_missing_fails_after_the_report(found: list[Component], options: list[str]) -> None:
    found.append(NO_CLICK)
    result = CliRunner().invoke(doctor_command, options)
    assert isinstance(result.exception, OsdImageError)
    assert str(result.exception) == "required and missing: click"
    if options:
        assert json.loads(result.stdout)["complete"] is False
    else:
        assert "MISSING click             the command line" in result.stdout.splitlines()

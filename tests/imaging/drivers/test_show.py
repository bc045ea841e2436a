"""``osdimage driver show``: every expectation is of the INFs in ``cases/infs.py``, read by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import infs
from runs.commands import osdimage


@pytest.fixture(scope="module")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return infs.write_drivers(tmp_path_factory.mktemp("drivers"))


STORAGE = """\
labdisk.inf: SCSIAdapter, Lab, 2025-01-31, 100.1.2.3
  platforms:  NTamd64.10.0...16299, NTarm64
  catalog:    labdisk.cat
  model:      Lab Disk Controller
                PCI\\VEN_1234&DEV_0D15&SUBSYS_00081234&REV_00
                PCI\\VEN_1234&DEV_0D15
  service:    labdisk, boot start, \\Windows\\System32\\drivers\\labdisk.sys, group SCSI miniport
  file:       labdisk.sys
  file:       tools/labtool.exe
"""
NETWORK = """\
net/labnet.inf: Net, Lab, no version
  platforms:  NTx86.6.0, NTamd64.6.0
  catalog:    labnet.cat, is missing
  model:      Lab Network Adapter (NTamd64.6.0)
                PCI\\VEN_1234&DEV_0E00
                PCI\\VEN_1234&DEV_0E01
  model:      Lab Network Adapter, by hand (NTamd64.6.0)
                chosen by hand, for it has no id
  service:    labnet, demand start, %13%\\labnet.sys
  file:       labnet.sys, is missing
  file:       serial.sys, not here, and perhaps of Windows
  needs:      netvwifibus.inf of Windows
"""


def test_one_driver_is_shown(drivers: Path) -> None:
    outcome = osdimage("driver", "show", str(drivers / "storage" / "labdisk.inf"))
    assert outcome.out == STORAGE
    assert not outcome.err


def test_all_drivers_below_a_folder_are_shown_and_warned_of(drivers: Path) -> None:
    outcome = osdimage("driver", "show", str(drivers))
    assert outcome.out == NETWORK + "\n" + STORAGE.replace("labdisk.inf", "storage/labdisk.inf", 1)
    assert outcome.err == "warning: net/labnet.inf: line 7: DriverVer is empty\n"


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--os", "10.0.22631"], {"labdisk.inf": 2, "labnet.inf": 2}),
        (["--os", "10.0.15063", "--arch", "x64"], {"labdisk.inf": 0, "labnet.inf": 2}),
        (["--os", "10.0.22631", "--arch", "arm64"], {"labdisk.inf": 2, "labnet.inf": 0}),
        (["--os", "6.1", "--arch", "x86", "--product", "server"], {"labdisk.inf": 0, "labnet.inf": 0}),
        (["--arch", "aarch64"], {"labdisk.inf": 2, "labnet.inf": 0}),
        ([], {"labdisk.inf": 2, "labnet.inf": 2}),
    ],
)
def test_what_is_for_a_windows_is_shown(drivers: Path, options: list[str], ids: dict[str, int]) -> None:
    document = osdimage("driver", "show", str(drivers), *options, "--json").document
    shown = {each["path"].rpartition("/")[2]: each for each in document["drivers"]}
    assert {name: sum(len(model["ids"]) for model in each["models"]) for name, each in shown.items()} == ids
    # Without a model for it nothing is installed there.
    assert {name: bool(each["services"]) for name, each in shown.items()} == {
        name: bool(count) for name, count in ids.items()
    }


def test_the_document_tells_all(drivers: Path) -> None:
    document = osdimage("driver", "show", str(drivers / "storage"), "--json").document
    (driver,) = document["drivers"]
    assert document["faults"] == []
    assert driver["class_guid"] == "{4D36E97B-E325-11CE-BFC1-08002BE10318}"
    assert (driver["date"], driver["driver_version"], driver["kind"]) == ("2025-01-31", "100.1.2.3", "device")
    (model,) = driver["models"]
    assert model["platforms"] == ["NTamd64.10.0...16299", "NTarm64"]
    assert (model["feature_score"], model["line"]) == (0xF0, 25)
    (service,) = driver["services"]
    assert service == {
        "name": "labdisk",
        "start": "boot",
        "type": 1,
        "binary": "\\Windows\\System32\\drivers\\labdisk.sys",
        "group": "SCSI miniport",
        "display_name": "Lab Disk Controller",
        "is_function_driver": True,
        "architectures": ["amd64", "arm64"],
    }


def test_an_inf_that_cannot_be_read_is_warned_of_beside_others(tmp_path: Path) -> None:
    folder = infs.write_drivers(tmp_path)
    (folder / "broken.inf").write_text("[Version]\n[Manufacturer\n")
    outcome = osdimage("driver", "show", str(folder), "--json")
    assert "broken.inf: line 2: the section '[Manufacturer' has no ']' behind its name" in outcome.err
    assert [each["path"] for each in outcome.document["faults"]] == ["broken.inf"]
    assert len(outcome.document["drivers"]) == 2


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("broken.inf", "[Version]\n[x\n", "line 2: the section '[x' has no ']' behind its name"),
        ("autorun.inf", infs.AUTORUN, "is no INF of a driver; one says Signature="),
    ],
)
def test_one_inf_that_is_none_is_invalid(tmp_path: Path, name: str, data: str, said: str) -> None:
    (tmp_path / name).write_text(data)
    outcome = osdimage("driver", "show", str(tmp_path / name), code=3)
    assert said in outcome.err


def test_a_folder_without_drivers_is_invalid(tmp_path: Path) -> None:
    (tmp_path / "autorun.inf").write_text(infs.AUTORUN)
    assert f"{tmp_path}: holds no INF of a driver" in osdimage("driver", "show", str(tmp_path), code=3).err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--os", "eleven"], "'eleven' is no version of Windows"),
        (["--arch", "mips"], "'mips' is no architecture; valid are x86, amd64"),
        (["--product", "server"], "--product says of which product --os is; give --os, too"),
        (["--codepage", "cp0"], "there is no code page 'cp0'"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: list[str], said: str) -> None:
    folder = infs.write_drivers(tmp_path)
    (folder / "net" / "labnet.inf").write_bytes(infs.NETWORK.replace("Adapter", "Ger\xe4t").encode("cp1252"))
    assert said in osdimage("driver", "show", str(folder), *options, code=2).err


@pytest.mark.parametrize("path", ["none", "none.iso!drivers", "net/labnet.inf/none"])
def test_a_path_that_is_not_there_is_refused(drivers: Path, path: str) -> None:
    assert f"{path}: No such file or directory" in osdimage("driver", "show", str(drivers / path), code=2).err


def test_a_template_and_other_kinds_are_told(tmp_path: Path) -> None:
    # Windows goes by the GUID of the class, as it does when it chooses.
    template = infs.STORAGE.replace("NTarm64", "NT$ARCH$").replace(
        "{4D36E97B-E325-11CE-BFC1-08002BE10318}", "{e2f84ce7-8efa-411c-aa69-97454ca4cb57}"
    )
    (tmp_path / "a.inf").write_text(template)
    out = osdimage("driver", "show", str(tmp_path)).out
    assert "  kind:       an extension: it adds to the driver of its devices\n" in out
    assert "  unfinished: a build has to replace $ARCH$\n" in out

"""``osdimage driver match``: what is expected is of the INFs in ``cases/infs.py`` and the devices here, read by eye."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import infs
from cases.driver_files import inf_text, write_driver
from cases.offline_windows import WINDOWS_7, make_tree
from cases.volume import make_wim
from cases.windows_trees import write_tree
from runs.commands import osdimage

# What "lspci -nnmm" prints of the disk controller and the second network card of the INFs, and of what has no driver.
DEVICES = """\
00:02.0 "SCSI storage controller [0100]" "Lab [1234]" "Disk [0d15]" "Lab [1234]" "Disk [0008]"
00:03.0 "Ethernet controller [0200]" "Lab [1234]" "Card [0e01]" -r02 "Lab [1234]" "Card [0001]"
00:1f.2 "SATA controller [0106]" "Intel [8086]" "ICH9 [2922]" -r02 -p01 "Red Hat [1af4]" "QEMU [1100]"
"""
INBOX = "Windows has drivers of its own, which are not known here and may match better.\n"
ON_11 = f"""\
3 devices (text of lspci), for Windows 10.0.22631 amd64 workstation

Lab Disk
  PCI\\VEN_1234&DEV_0D15&SUBSYS_00081234&REV_00
  -> storage/labdisk.inf, 2025-01-31, 100.1.2.3
     0x00F00000: its id is the device's hardware id 1 of 4, feature score F0

Lab Card
  PCI\\VEN_1234&DEV_0E01&SUBSYS_00011234&REV_02
  -> net/labnet.inf, no date, 0.0.0.0, not signed
     0x80FF3001: its compatible id 1 is the device's compatible id 2 of 7

no driver for 1 of 3 devices:
  Intel ICH9
    PCI\\VEN_8086&DEV_2922&SUBSYS_11001AF4&REV_02

{INBOX}"""
ON_7 = f"""\
3 devices (text of lspci), for Windows 6.1.7601 amd64 workstation

Lab Card
  PCI\\VEN_1234&DEV_0E01&SUBSYS_00011234&REV_02
  -> net/labnet.inf, no date, 0.0.0.0, not signed
     0x80FF3001: its compatible id 1 is the device's compatible id 2 of 7

no driver for 2 of 3 devices:
  Lab Disk
    PCI\\VEN_1234&DEV_0D15&SUBSYS_00081234&REV_00
     storage/labdisk.inf, 2025-01-31, 100.1.2.3
         is not for this Windows: NTamd64.10.0...16299, NTarm64
  Intel ICH9
    PCI\\VEN_8086&DEV_2922&SUBSYS_11001AF4&REV_02

1 driver not taken:
  storage/labdisk.inf
      it has no models for this Windows, but for NTamd64.10.0...16299, NTarm64

{INBOX}"""
_EXTENSION = """\
[Version]
Signature="$Windows NT$"
Class=Extension
ClassGuid={e2f84ce7-8efa-411c-aa69-97454ca4cb57}
ExtensionId={aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa}
CatalogFile=x.cat
DriverVer=05/16/2017,VERSION
[Manufacturer]
Lab=Models,NTamd64.10.0
[Models.NTamd64.10.0]
"Lab Disk"=Install,PCI\\VEN_1234&DEV_0D15&SUBSYS_00081234
[Install.NT]
[Install.NT.Components]
AddComponent=tool,,Tool
[Tool]
ComponentIDs=LAB_TOOL
"""
_COMPONENT = """\
[Version]
Signature="$Windows NT$"
Class=SoftwareComponent
ClassGuid={5c4c3332-344d-483c-8739-259e934c9cc8}
CatalogFile=x.cat
DriverVer=05/16/2017,1.0.0.0
[Manufacturer]
Lab=Models,NTamd64.10.0
[Models.NTamd64.10.0]
"Lab Tool"=Install,SWC\\LAB_TOOL
[Install.NT]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with drivers, an extension and a component beside them, and a listing of devices."""
    folder = tmp_path_factory.mktemp("match")
    infs.write_drivers(folder / "drivers")
    (folder / "devices.txt").write_text(DEVICES)
    (folder / "more").mkdir()
    for name, text in {
        "new.inf": _EXTENSION.replace("VERSION", "2.0.0.0"),
        "old.inf": _EXTENSION.replace("VERSION", "1.0.0.0"),
        "tool.inf": _COMPONENT,
        "x.cat": "",
    }.items():
        (folder / "more" / name).write_text(text)
    return folder


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


@pytest.mark.usefixtures("here")
def test_each_device_is_shown_with_its_driver_and_those_without_last() -> None:
    outcome = osdimage("driver", "match", "drivers", "--for", "devices.txt", "--os", "10.0.22631")
    assert outcome.out == ON_11
    assert outcome.err == ""
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_the_windows_may_be_one_that_is_there_and_all_may_be_shown(here: Path, tmp_path: Path) -> None:
    wim = make_wim(write_tree(tmp_path / "tree", make_tree(WINDOWS_7)), tmp_path / "seven.wim")
    given = ("driver", "match", "drivers", "--for", "devices.txt", "--all")
    assert osdimage(*given, "--os-of", str(wim)).out == ON_7
    assert osdimage(*given, "--os-of", str(tmp_path / "tree")).out == ON_7
    assert osdimage(*given, "--os", "6.1.7601").out == ON_7
    assert (here / "devices.txt").read_text() == DEVICES


@pytest.mark.usefixtures("here")
def test_extensions_and_components_are_shown_beside_the_driver() -> None:
    given = ("driver", "match", "drivers", "more", "--for", "devices.txt", "--os", "10.0.22631", "--all")
    outcome = osdimage(*given)
    assert (
        f"""\
  -> drivers: storage/labdisk.inf, 2025-01-31, 100.1.2.3
     0x00F00000: its id is the device's hardware id 1 of 4, feature score F0
   + more: new.inf, 2017-05-16, 2.0.0.0, an extension
     0x00FF0001: its id is the device's hardware id 2 of 4
   + more: tool.inf, 2017-05-16, 1.0.0.0, for the component SWC{chr(92)}LAB_TOOL
     more: old.inf, 2017-05-16, 1.0.0.0
         an extension with a newer one of the same ExtensionId
"""
        in outcome.out
    )
    document = osdimage(*given, "--json").document
    assert document["drivers"] == [
        "drivers: net/labnet.inf",
        "drivers: storage/labdisk.inf",
        "more: new.inf",
        "more: tool.inf",
    ]
    assert document["unused"] == [
        {"path": "more: old.inf", "why": "outranked", "reason": "another driver is better for the device"}
    ]


@pytest.mark.usefixtures("here")
def test_programs_are_told_ids_and_ranks() -> None:
    document = osdimage("driver", "match", "drivers", "--for", "devices.txt", "--os", "6.1", "--json").document
    assert document["os"] == {"version": "6.1.0", "architecture": "amd64", "product": "workstation"}
    assert document["source"] == {"path": "devices.txt", "kind": "lspci"}
    disk, card, controller = document["devices"]
    assert (disk["chosen"], disk["misfits"][0]["rank"]) == (None, None)
    assert card["chosen"]["rank"] == "0x80FF3001"
    assert card["chosen"]["id"] == r"PCI\VEN_1234&DEV_0E01"
    assert card["candidates"] == [card["chosen"]]
    assert controller["candidates"] == controller["misfits"] == []


@pytest.mark.usefixtures("here")
def test_of_two_drivers_the_worse_says_why() -> None:
    given = ("--for", "devices.txt", "--os", "10.0.22631", "--all")
    outcome = osdimage("driver", "match", "drivers/storage", "drivers", *given)
    worse = """\
     drivers: storage/labdisk.inf, 2025-01-31, 100.1.2.3
         as good, and of the same date and version: Windows may take either
         0x00F00000: its id is the device's hardware id 1 of 4, feature score F0
"""
    assert worse in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80


@pytest.mark.usefixtures("here")
def test_a_driver_whose_catalog_is_none_is_not_signed_when_that_is_looked_at() -> None:
    # What is beside the driver of disks as its catalog is the word "catalog".
    given = ("driver", "match", "drivers", "--for", "devices.txt", "--os", "10.0.22631", "--json")
    before, after = osdimage(*given).document, osdimage(*given, "--check").document
    found = [
        (each["devices"][0]["chosen"]["signature"], each["devices"][0]["chosen"]["rank"]) for each in (before, after)
    ]
    # Its install section, disk_inst, has no .nt.
    assert found == [("present", "0x00F00000"), ("none", "0xC0F00000")]


@pytest.fixture(scope="module")
def catalog(place: Path) -> Path:
    """Return a catalog with the drivers, and of these a package with one."""
    made = place / "catalog.db"
    osdimage("driver", "import", str(place / "drivers"), "--catalog", str(made))
    osdimage("driver", "package", "create", "Lab PC", "--catalog", str(made))
    osdimage("driver", "package", "add", "Lab PC", "Lab Network Adapter", "--catalog", str(made))
    return made


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("path", ["catalog:", "catalog:Lab Disk Controller"])
def test_drivers_of_a_catalog_are_looked_at_when_that_is_asked_for(catalog: Path, path: str) -> None:
    given = ("driver", "match", path, "--for", "devices.txt", "--os", "10.0.22631", "--catalog", str(catalog), "--json")
    chosen = [osdimage(*given, *more).document["devices"][0]["chosen"] for more in ((), ("--check",))]
    # As of the folder that it was imported from.
    assert [each["rank"] for each in chosen] == ["0x00F00000", "0xC0F00000"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Catalog:", ["catalog:Lab Network Adapter", "catalog:Lab Disk Controller"]),
        ("catalog:", ["catalog:Lab Network Adapter", "catalog:Lab Disk Controller"]),
        ("catalog:Lab Disk Controller", ["catalog:Lab Disk Controller"]),
        ("catalog:package:Lab PC", ["catalog:Lab Network Adapter"]),
    ],
)
def test_drivers_of_a_catalog_are_matched(catalog: Path, path: str, expected: list[str]) -> None:
    given = ("--for", "devices.txt", "--os", "10.0.22631")
    document = osdimage("driver", "match", path, *given, "--catalog", str(catalog), "--json").document
    assert document["drivers"] == expected
    whole = osdimage("driver", "match", "drivers", *given, "--json").document
    ranks = {each["chosen"]["id"]: each["chosen"]["rank"] for each in whole["devices"] if each["chosen"]}
    chosen = [each["chosen"] for each in document["devices"] if each["chosen"]]
    assert [each["rank"] for each in chosen] == [ranks[each["id"]] for each in chosen]


@pytest.mark.parametrize("path", ["catalog:", "catalog:Whole", "virtio-win"])
def test_of_a_whole_collection_the_driver_of_the_nearest_windows_matches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OSDIMAGE_CATALOG", str(tmp_path / "lab.db"))
    for system in ("2k22", "w10", "w11"):
        text = inf_text("viostor", ("PCI\\VEN_1AF4&DEV_1001",), device=f"Disk for {system}", decorations=("NTamd64",))
        write_driver(tmp_path / "virtio-win" / "viostor" / system / "amd64", text, stem="viostor")
    osdimage("driver", "import", "virtio-win", "--package", "Whole")
    (tmp_path / "devices.txt").write_text("pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00\n")
    for server, expected in (((), "w11"), (("--product", "server"), "2k22")):
        given = ("--for", "devices.txt", "--os", "10.0.22631", *server, "--json")
        (device,) = osdimage("driver", "match", path, *given).document["devices"]
        assert device["chosen"]["description"] == f"Disk for {expected}"


@pytest.mark.usefixtures("here")
def test_what_is_in_no_catalog_yet_is_compared_with_it(catalog: Path) -> None:
    given = ("--for", "devices.txt", "--os", "10.0.22631", "--catalog", str(catalog))
    document = osdimage("driver", "match", "drivers", "catalog:", *given, "--json").document
    assert [each["path"] for each in document["devices"][0]["candidates"]] == [
        "catalog:Lab Disk Controller",
        "drivers: storage/labdisk.inf",
    ]


def test_of_a_folder_for_each_windows_the_nearest_counts_alone(here: Path, tmp_path: Path) -> None:
    # As virtio-win.iso has them: the same INF in folders for Windows 10 and 11, of which the first also fits.
    for name in ("w10", "w11", "2k25"):
        infs.write_drivers(tmp_path / "all")
        (tmp_path / "disc" / "labdisk" / name).mkdir(parents=True)
        (tmp_path / "all" / "storage").rename(tmp_path / "disc" / "labdisk" / name / "amd64")
        (tmp_path / "disc" / "labdisk" / name / "amd64" / "LABDISK.SYS").write_text(name)
    given = ("driver", "match", str(tmp_path / "disc"), "--for", str(here / "devices.txt"), "--os", "10.0.22631")
    document = osdimage(*given, "--json").document
    assert document["drivers"] == ["labdisk/w11/amd64/labdisk.inf"]
    assert [each["path"] for each in document["devices"][0]["candidates"]] == ["labdisk/w11/amd64/labdisk.inf"]
    assert [(each["path"], each["why"]) for each in document["unused"]] == [
        ("labdisk/2k25/amd64/labdisk.inf", "passed_over"),
        ("labdisk/w10/amd64/labdisk.inf", "passed_over"),
    ]
    assert "labdisk/w11/amd64 is nearer to 10.0.22631" in document["unused"][1]["reason"]


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (["--for", "devices.txt"], 2, "which Windows are the drivers for?"),
        (["--for", "devices.txt", "--os", "10.0", "--index", "1"], 2, "give --os-of, too"),
        (["--for", "devices.txt", "--os", "10.0", "--os-of", "drivers"], 2, "give one of them"),
        (["--for", "devices.txt", "--os-of", "drivers"], 3, "holds no Windows"),
        (["--for", "devices.txt", "--os", "10.0", "--catalog", "x.db"], 2, "--catalog says where catalog: is"),
        (["--for", "nothing", "--os", "10.0"], 2, "there is no 'nothing' to read devices from; valid are 'host'"),
        (["--for", "drivers/autorun.inf", "--os", "10.0"], 3, "is no listing of devices"),
        (["--os", "10.0"], 2, "--for"),
    ],
)
def test_what_cannot_be_is_refused(here: Path, options: list[str], code: int, expected: str) -> None:
    assert (here / "drivers").is_dir()
    outcome = osdimage("driver", "match", "drivers", *options, code=code)
    assert expected in outcome.err
    assert outcome.out == ""


@pytest.mark.usefixtures("here")
def test_a_folder_without_an_inf_is_refused() -> None:
    outcome = osdimage("driver", "match", "drivers/storage/Tools", "--for", "qemu", "--os", "10.0", code=3)
    assert "holds no INF of a driver that can be read" in outcome.err


def test_an_inf_that_cannot_be_read_is_warned_of(here: Path, tmp_path: Path) -> None:
    infs.write_drivers(tmp_path / "drivers")
    (tmp_path / "drivers" / "bad.inf").write_bytes(b"[Version\nSignature=x\n")
    given = ("driver", "match", str(tmp_path / "drivers"), "--for", str(here / "devices.txt"))
    outcome = osdimage(*given, "--os", "10.0.22631")
    assert outcome.out == ON_11
    assert "bad.inf" in outcome.err
    assert outcome.err.rstrip().endswith("it is left out")

"""Deployed disks start, as far as that can be told without Windows; what does not start says so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from cases.hive_logs import unclosed, with_numbers
from cases.windows_trees import windows_files, write_tree
from judges import wim as judges
from judges.disk import head, run, sfdisk
from osdimage.imaging.registry.values import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from runs.commands import osdimage

pytestmark = pytest.mark.foreign


def make_wim(folder: Path, files: dict[str, bytes]) -> Path:
    wim = folder / "install.wim"
    judges.wimlib("capture", write_tree(folder / "tree", files), wim, "Windows")
    return wim


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wim(tmp_path_factory.mktemp("deploy-boot"), windows_files())


def names_on(disk: Path, number: int) -> str:
    first = next(each.first for each in sfdisk(disk)[1] if each.number == number)
    return run(["mdir", "-/", "-b", "-i", f"{disk}@@{first * 512}", "::"])


def cut(disk: Path, number: int, to: Path) -> Path:
    row = next(each for each in sfdisk(disk)[1] if each.number == number)
    run(["dd", f"if={disk}", f"of={to}", "bs=1M", f"skip={row.first * 512}", f"count={(row.sectors or 0) * 512}",
         "iflag=skip_bytes,count_bytes", "conv=sparse"])  # fmt: skip
    return to


def test_a_deployed_gpt_disk_starts(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    done = osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "3GB", "--events", "-")
    events = done.events
    assert [each["percent"] for each in events] == sorted(each["percent"] for each in events)
    assert "set up for UEFI (x64) to start the Windows in partition 3" in done.err
    assert not done.warnings
    assert {"::/EFI/Boot/bootx64.efi", "::/EFI/Microsoft/Boot/BCD"} <= set(names_on(disk, 1).split())
    osdimage("boot", "check", disk)
    # The image is what was captured: starting it took nothing away.
    osdimage("compare", wim, disk, "--partition", "3")


def test_a_deployed_mbr_disk_starts_also_where_a_gpt_was(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "3GB", "--quiet")
    facts = osdimage("deploy", wim, disk, "--preset", "bios", "--yes", "--json").document
    assert facts["boot"]["boot_code"] == {"mbr": True, "boot_sector": "osdimage", "warnings": []}
    assert facts["boot"]["system_partition"] == 1
    osdimage("boot", "check", disk)
    assert "No problems" not in run(["sgdisk", "-v", disk], check=False).split("\n")[0]
    assert len(re.findall("bootable", run(["sfdisk", "--dump", disk]))) == 1
    judges.assert_ntfs_clean(cut(disk, 1, tmp_path / "system.ntfs"))


def test_the_active_flag_that_starting_needs_is_in_the_plan(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    words = ("deploy", wim, disk, "--preset", "data-mbr", "--size", "3GB")
    assert [each["active"] for each in osdimage(*words, "--dry-run", "--json").document["disk"]["partitions"]] == [True]
    assert [
        each["active"] for each in osdimage(*words, "--dry-run", "--json", "--no-boot").document["disk"]["partitions"]
    ] == [False]
    done = osdimage(*words, "--json").document
    assert done["boot"]["system_partition"] == 1
    assert len(re.findall("bootable", run(["sfdisk", "--dump", disk]))) == 1
    osdimage("deploy", wim, disk, "--preset", "data-mbr", "--yes", "--quiet")


def test_a_disk_of_4k_sectors_is_deployed_to_start(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "3GB", "--sector-size", "4096", "--quiet")
    assert "nothing was found that keeps it from starting" in osdimage("boot", "check", disk).out


def test_an_mbr_image_of_4k_sectors_is_refused_before_it_is_made(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    words = ("deploy", wim, disk, "--preset", "bios", "--size", "3GB", "--sector-size", "4096")
    told = osdimage(*words, code=4).err
    assert f"{disk}: a disk image with an MBR cannot tell that its sectors have 4096 bytes" in told
    assert not disk.exists()
    planned = osdimage(*words, "--dry-run", code=4)
    assert planned.out == ""
    assert "cannot tell that its sectors have 4096 bytes" in planned.err


def test_the_plan_tells_of_it_and_no_boot_leaves_it_out(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    words = ("deploy", wim, disk, "--preset", "bios", "--size", "3GB")
    step = "make BIOS start partition 2: boot files, BCD store and boot code on partition 1"
    assert step in osdimage(*words, "--dry-run").out
    assert step in [each["does"] for each in osdimage(*words, "--dry-run", "--json").document["steps"]]
    assert step not in osdimage(*words, "--dry-run", "--no-boot").out
    facts = osdimage(*words, "--no-boot", "--json").document
    assert facts["boot"] is None
    told = osdimage("boot", "check", disk, code=1).out
    assert "[loader-missing]" in told
    assert head(disk, 440) == bytes(440)
    done = osdimage("boot", "install", disk, "--partition", "2", "--bios-loader", "none", "--json").document
    assert (done["boot_code"]["mbr"], done["boot_code"]["boot_sector"]) == (False, None)


def test_options_reach_the_store(wim: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "3GB", "--quiet", "--locale", "fr-FR", "--menu-name",
             "Windows 11", "--timeout", "7")  # fmt: skip
    shown = osdimage("boot", "show", disk).out
    assert re.search(r"locale +fr-FR\n", shown)
    assert re.search(r"description +Windows 11\n", shown)
    assert re.search(r"timeout +7\n", shown)


@pytest.mark.parametrize(
    ("preset", "text"),
    [
        ("uefi", r"does not hold \Windows\Boot\EFI\bootmgfw.efi, which UEFI needs"),
        ("bios", r"does not hold \Windows\Boot\PCAT\bootmgr, which BIOS needs"),
        ("data-gpt", "the disk has no EFI system partition"),
    ],
)
def test_an_image_of_data_is_deployed_with_a_word_about_it(tmp_path: Path, preset: str, text: str) -> None:
    wim = make_wim(tmp_path, {"docs/a.txt": b"a"})
    done = osdimage("deploy", wim, tmp_path / "disk.img", "--preset", preset, "--size", "3GB")
    assert any("will not start" in each and text in each for each in done.warnings), done.warnings


def test_the_recovery_environment_goes_where_it_belongs_when_asked_for(wim: Path, tmp_path: Path) -> None:
    where = ("--preset", "uefi", "--size", "3GB", "--winre")
    none = osdimage("deploy", wim, tmp_path / "no.img", *where, code=2)
    assert r"does not hold \Windows\System32\Recovery\Winre.wim" in none.err
    recovery = {"Windows/System32/Recovery/Winre.wim": b"wim" * 99, "Windows/Boot/DVD/EFI/boot.sdi": b"sdi" * 99}
    (tmp_path / "more").mkdir()
    whole = make_wim(tmp_path / "more", windows_files() | recovery)
    assert "has no recovery partition" in osdimage(
        "deploy", whole, tmp_path / "no.img", *where, "--recovery", "none", code=2
    ).err  # fmt: skip
    disk = tmp_path / "disk.img"
    osdimage("deploy", whole, disk, *where)
    copied = cut(disk, 4, tmp_path / "recovery.ntfs")
    judges.assert_ntfs_clean(copied)
    out = judges.output("ntfscat", copied, "/Recovery/WindowsRE/Winre.wim")
    assert out == "wim" * 99
    assert osdimage("boot", "check", disk).code == 0


def test_a_layout_without_a_volume_for_the_boot_manager_says_so(wim: Path, tmp_path: Path) -> None:
    done = osdimage(
        "deploy", wim, tmp_path / "disk.img", "--size", "3GB", "--dry-run",
        "--var", "OSDPartitionStyle=GPT", "--var", "OSDPartitions0Type=EFI", "--var", "OSDPartitions0Size=200",
        "--var", "OSDPartitions0SizeUnits=MB", "--var", "OSDPartitions0FileSystem=NTFS",
        "--var", "OSDPartitions1Type=Primary", "--var", "OSDPartitions1FileSystem=NTFS",
        "--var", "OSDPartitions1Size=100", "--var", "OSDPartitions1SizeUnits=Percent",
        code=2,
    )  # fmt: skip
    # The variables refuse it already: an EFI partition is FAT32.
    assert "FAT32" in done.err


def system_hive(*, dirty: bool = False) -> bytes:
    hive = new_hive("ROOT")
    hive.root.ensure("Select").set(Value.dword("Default", 1))
    devices = hive.root.ensure("MountedDevices")
    devices.set(Value.binary("\\DosDevices\\C:", b"\x12\x34\x56\x78" + bytes(8)))
    devices.set(Value.binary("\\??\\Volume{x}", b"\1" * 12))
    hive.root.ensure("ControlSet001\\Services\\Disk").set(Value.dword("Start", 0))
    data = bytearray(write_hive(hive))
    if dirty:
        # Sequence numbers that differ, and the sum of the header that goes with them.
        data[4] ^= 1
        total = 0
        for at in range(0, 508, 4):
            total ^= int.from_bytes(data[at : at + 4], "little")
        data[508:512] = total.to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("dirty", [False, True])
def test_the_drive_letters_of_the_captured_machine_are_forgotten(tmp_path: Path, dirty: bool) -> None:
    config = {"Windows/System32/config/SYSTEM": system_hive(dirty=dirty)}
    wim = make_wim(tmp_path, windows_files() | config)
    disk = tmp_path / "disk.img"
    done = osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "3GB")
    assert any("did not close this hive" in each for each in done.warnings) is dirty
    volume = cut(disk, 3, tmp_path / "windows.ntfs")
    judges.assert_ntfs_clean(volume)
    hive = tmp_path / "SYSTEM"
    hive.write_bytes(subprocess.run(
        [judges.require("ntfscat"), volume, "/Windows/System32/config/SYSTEM"], check=True, capture_output=True
    ).stdout)  # fmt: skip
    if dirty:
        assert hive.read_bytes() == config["Windows/System32/config/SYSTEM"]
        return
    exported = run(["reged", "-x", hive, "X", "\\", tmp_path / "out.reg"], check=False)
    text = (tmp_path / "out.reg").read_text(encoding="utf-8", errors="replace") + exported
    assert "MountedDevices" in text
    assert "DosDevices" not in text
    assert '"Start"=dword:00000000' in text


def test_a_hive_that_is_written_with_what_was_in_its_logs_is_told(tmp_path: Path) -> None:
    states = []
    for letter in "CD":
        hive = new_hive("ROOT")
        hive.root.ensure("Select").set(Value.dword("Default", 1))
        hive.root.ensure("MountedDevices").set(Value.binary(f"\\DosDevices\\{letter}:", bytes(12)))
        states.append(with_numbers(write_hive(hive), 1, 1))
    path = "Windows/System32/config/SYSTEM"
    wim = make_wim(tmp_path, {**windows_files(), **unclosed(states).files(path)})
    words = ("deploy", wim, tmp_path / "disk.img", "--preset", "data-gpt", "--size", "200MB")
    said = "was written with the last changes from SYSTEM.LOG1 (entry 1)"
    assert [text for text in osdimage(*words, "--json").document["replayed"] if said in text]
    done = osdimage(*words, "--yes")
    assert f"partition 2: {path} {said}" in done.err + done.out
    assert not [text for text in done.warnings if "SYSTEM" in text]

"""``osdimage disk ...`` as its users and their scripts see it: output, exit codes, JSON, questions."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from judges import disk as disk_judges
from runs import commands
from runs.commands import Outcome
from runs.formats import of_plain_files

GB = 1 << 30


Osdimage = Callable[..., Outcome]


@pytest.fixture
def osdimage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Osdimage:
    """Run ``osdimage disk`` in a folder of its own, whatever its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str | Path) -> Outcome:
        done = commands.osdimage("disk", *arguments, code=None)
        assert "Traceback" not in done.err
        return done

    return run


def on_a_terminal(folder: Path, *arguments: str, keys: str = "", **environment: str) -> tuple[int, str]:
    """Run ``osdimage disk`` on a terminal of 100 columns, press keys, and return exit code and screen."""
    command = [sys.executable, "-c", "from osdimage.cli.main import main; main()", "disk", *arguments]
    master, slave = pty.openpty()
    try:
        given = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment}
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=given)
        os.close(slave)
        os.write(master, keys.encode())
        screen = bytearray()
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # EIO: the other end is closed
                break
            if not part:
                break
            screen += part
        return process.wait(timeout=30), screen.decode().replace("\r\n", "\n")
    finally:
        os.close(master)


# ---- plan ----

UEFI_PICTURE = """\
┌─────────┬────────┬───────────────────────────────────────────────┬───────────┐
│1 SYSTEM │2 MSR   │3 Windows                                      │4 Recovery │
│FAT32    │        │NTFS                                           │NTFS       │
│260 MB   │16.0 MB │62.7 GB                                        │1.0 GB     │
└─────────┴────────┴───────────────────────────────────────────────┴───────────┘
"""


def test_plan_shows_a_picture_and_a_table_and_touches_nothing(osdimage: Osdimage, tmp_path: Path) -> None:
    done = osdimage("plan", "--preset", "uefi", "--size", "64GB", "--seed", "x")
    assert done.code == 0
    assert UEFI_PICTURE in done.out
    assert "\x1b" not in done.out
    assert "4  132118528    2097152   1.0 GB  Windows recovery    NTFS         Recovery  required, no-drive" in done.out
    assert not list(tmp_path.iterdir())


def test_plan_with_the_same_seed_is_the_same_plan(osdimage: Osdimage) -> None:
    arguments = ("plan", "--preset", "uefi", "--size", "64GB", "--json", "--seed")
    first, second, other = osdimage(*arguments, "1"), osdimage(*arguments, "1"), osdimage(*arguments, "2")
    assert first.out == second.out != other.out
    document = first.document
    assert (document["format"], document["version"], document["scheme"]) == ("osdimage-disk-plan", 1, "gpt")
    assert [each["role"] for each in document["partitions"]] == ["EFI", "MSR", "Primary", "Recovery"]
    assert document["partitions"][2]["format"]["filesystem"] == "NTFS"


def test_plan_draws_what_holds_the_logical_partitions(osdimage: Osdimage, tmp_path: Path) -> None:
    (tmp_path / "x.vars").write_text(
        "OSDDiskIndex=0\nOSDPartitionStyle=MBR\nOSDPartitions0Type=Primary\nOSDPartitions0Size=20\n"
        "OSDPartitions0SizeUnits=GB\nOSDPartitions1Type=Extended\nOSDPartitions1Size=10\n"
        "OSDPartitions1SizeUnits=GB\nOSDPartitions2Type=Logical\nOSDPartitions3Type=Hidden\nOSDPartitions3Size=1\n"
        "OSDPartitions2Size=4\nOSDPartitions2SizeUnits=GB\nOSDPartitions3SizeUnits=GB\n",
        encoding="utf-8",
    )
    done = osdimage("plan", "--vars", "x.vars", "--size", "40GB")
    lines = done.out.splitlines()
    assert "free" in lines[2]
    assert "─ extended ─" in lines[6]
    # Under the logical partition and the free space beside it, and nothing else.
    left, right = lines[6].index("└"), lines[6].rindex("┘")
    assert lines[5][left] == "┴"
    assert lines[2][left + 1] == "5"
    assert lines[5][right] == "┴"
    assert lines[2][right + 1] == "3"


@pytest.mark.parametrize("width", ["20", "40", "200"])
def test_the_picture_fits_the_width(osdimage: Osdimage, monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    done = osdimage("plan", "--preset", "uefi", "--size", "64GB")
    picture = [line for line in done.out.splitlines() if line[:1] in "┌│└"]
    assert {len(line) for line in picture} == {min(int(width), 120)}


def test_where_boxes_cannot_be_encoded_the_picture_is_ascii(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from osdimage.cli.main import main; main()", "disk", "plan"]
    command += ["--preset", "uefi", "--size", "64GB"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path, env=environment)
    assert b"+---------+--------+" in done.stdout
    assert done.stdout.isascii()


def test_one_hundred_partitions_are_drawn_in_rows(osdimage: Osdimage) -> None:
    given = ["--var", "OSDDiskIndex=0", "--var", "OSDPartitionStyle=GPT"]
    for index in range(100):
        given += ["--var", f"OSDPartitions{index}Type=Primary", "--var", f"OSDPartitions{index}Size=10"]
    done = osdimage("plan", *given, "--size", "8GB")
    assert done.code == 0
    assert {len(line) for line in done.out.splitlines() if line[:1] in "┌│"} == {80}


def test_all_errors_of_variables_are_listed_with_exit_code_2(osdimage: Osdimage) -> None:
    done = osdimage("plan", "--var", "OSDDiskIndex=x", "--var", "OSDPartitions0Type=Big", "--size", "64GB")
    assert done.code == 2
    assert done.err.splitlines() == [
        "osdimage: the disk layout has 3 errors:",
        "  OSDDiskIndex=x: valid are whole numbers from 0 to 10000",
        "  OSDPartitionStyle is missing; valid: MBR or GPT",
        "  OSDPartitions0Type=Big: valid are Primary, Extended, Logical, Hidden, EFI, MSR and Recovery",
    ]


USAGE = [
    pytest.param(["plan", "--size", "1GB"], "say what to lay out: --preset, --vars or --var", id="no-layout"),
    pytest.param(["init", "n.img", "--size", "1GB"], "lay out: --preset, --vars, --plan or --var", id="init-no-layout"),
    pytest.param(["plan", "--preset", "uefi"], "plan for a DISK, or for a disk of --size", id="no-disk"),
    pytest.param(["plan", "/dev/null", "--size", "1GB", "--preset", "uefi"], "plan for a DISK, or for a", id="both"),
    pytest.param(["plan", "--size", "1GB", "--preset", "uefi", "--var", "A=1"], "a whole layout", id="preset-and-var"),
    pytest.param(["plan", "--size", "1GB", "--var", "A=1", "--recovery", "none"], "goes with --preset", id="recovery"),
    pytest.param(["plan", "--size", "1GB", "--var", "A"], "is not NAME=VALUE", id="var"),
    pytest.param(["plan", "--size", "1GB", "--preset", "uefi"], "larger than the remaining", id="does-not-fit"),
    pytest.param(["plan", "--size", "big", "--preset", "uefi"], "is not a size", id="size"),
    pytest.param(["plan", "--size", "20", "--preset", "uefi"], "did you mean 20GB?", id="size-without-unit"),
    pytest.param(["plan", "--size", "1GB", "--preset", "x"], "is not one of", id="preset"),
    pytest.param(["plan", "--size", "1GB", "--preset", "uefi", "--sector-size", "520"], "not one of", id="sector-size"),
    pytest.param(["init", "new.img", "--preset", "uefi"], "does not exist; give --size", id="init-without-size"),
    pytest.param(["init", "d", "--preset", "uefi", "--backup", "b", "--no-backup"], "contradict", id="backup"),
    pytest.param(["init", "d", "--size", "1000B", "--preset", "uefi"], "whole number of sectors", id="odd-size"),
    pytest.param(["check", "/dev/null", "--yes"], "go with --repair", id="check-yes"),
    pytest.param(["restore", "d", "b"], "does not exist", id="restore-missing"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_a_wrong_request_leaves_with_2_and_one_line(
    osdimage: Osdimage, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = osdimage(*arguments)
    assert done.code == 2
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert done.out == ""
    assert not list(tmp_path.iterdir())


# ---- init ----


def test_init_creates_a_sparse_image_and_judges_agree(osdimage: Osdimage, tmp_path: Path) -> None:
    done = osdimage("init", "disk.img", "--preset", "uefi", "--size", "64GB", "--seed", "x")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "disk.img: 4 partitions written and verified; none is formatted"
    image = tmp_path / "disk.img"
    assert image.stat().st_size == 64 * GB
    assert image.stat().st_blocks * 512 < 1 << 20
    assert [path.name for path in tmp_path.iterdir()] == ["disk.img"]
    shown = osdimage("show", "disk.img", "--json").document
    assert shown["scheme"] == "gpt"
    _, seen = disk_judges.sfdisk(image)
    assert [(s.number, s.first, s.sectors, s.guid) for s in seen] == [
        (p["number"], p["first_lba"], p["sectors"], p["guid"]) for p in shown["partitions"]
    ]


def test_a_saved_plan_is_carried_out_to_the_letter(osdimage: Osdimage, tmp_path: Path) -> None:
    plan = osdimage("plan", "--preset", "bios", "--size", "64GB", "--sector-size", "512", "--json")
    (tmp_path / "plan.json").write_text(plan.out, encoding="utf-8")
    assert osdimage("init", "one.img", "--plan", "plan.json").code == 0
    assert osdimage("init", "two.img", "--plan", "plan.json", "--size", "64GB", "--quiet").out == ""
    shown = [osdimage("show", name, "--json").document for name in ("one.img", "two.img")]
    for document in shown:
        assert document["disk_signature"] == plan.document["disk_signature"]
        for wanted, found in zip(plan.document["partitions"], document["partitions"], strict=True):
            assert {key: wanted[key] for key in ("number", "first_lba", "sectors", "type", "active")} == {
                key: found[key] for key in ("number", "first_lba", "sectors", "type", "active")
            }


def test_a_plan_for_a_disk_is_refused_with_4_when_the_disk_has_changed(osdimage: Osdimage, tmp_path: Path) -> None:
    osdimage("init", "disk.img", "--preset", "data-mbr", "--size", "8GB")
    plan = osdimage("plan", "disk.img", "--preset", "data-gpt", "--json")
    (tmp_path / "plan.json").write_text(plan.out, encoding="utf-8")
    assert osdimage("init", "disk.img", "--preset", "data-mbr", "--yes").code == 0
    done = osdimage("init", "disk.img", "--plan", "plan.json", "--yes")
    assert (done.code, "is not the one that the plan was made for" in done.err) == (4, True)
    assert osdimage("show", "disk.img", "--json").document["scheme"] == "mbr"
    again = osdimage("plan", "disk.img", "--preset", "data-gpt", "--json")
    (tmp_path / "plan.json").write_text(again.out, encoding="utf-8")
    assert osdimage("init", "disk.img", "--plan", "plan.json", "--yes").code == 0
    assert osdimage("show", "disk.img", "--json").document["disk_guid"] == again.document["disk_guid"]


def test_a_plan_that_is_damaged_leaves_with_3(osdimage: Osdimage, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}", encoding="utf-8")
    done = osdimage("init", "disk.img", "--plan", "plan.json", "--yes")
    assert (done.code, "plan.json is not a plan of osdimage" in done.err) == (3, True)
    done = osdimage("init", "disk.img", "--plan", "plan.json", "--preset", "uefi", "--yes")
    assert (done.code, "it does not go with" in done.err) == (2, True)


def test_with_nobody_to_ask_init_wants_yes(osdimage: Osdimage) -> None:
    osdimage("init", "disk.img", "--preset", "data-mbr", "--size", "8GB")
    done = osdimage("init", "disk.img", "--preset", "data-gpt")
    assert (done.code, "give --yes when nobody is there to be asked" in done.err) == (2, True)
    assert osdimage("show", "disk.img", "--json").document["scheme"] == "mbr"


def first_megabyte(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1 << 20)


def test_a_refused_disk_leaves_with_4_and_is_left_alone(osdimage: Osdimage, tmp_path: Path) -> None:
    osdimage("init", "disk.img", "--preset", "data-mbr", "--size", "8GB")
    before = first_megabyte(tmp_path / "disk.img")
    for options, message in (
        (["--expect-size", "9GB"], "expected were 9663676416"),
        (["--expect-serial", "X"], "has no serial number, expected was X"),
        (["--size", "9GB"], "exists and has 8589934592 bytes"),
    ):
        done = osdimage("init", "disk.img", "--preset", "data-gpt", "--yes", *options)
        assert done.code == 4
        assert message in done.err
    assert first_megabyte(tmp_path / "disk.img") == before


def test_an_image_that_could_not_be_laid_out_is_removed(osdimage: Osdimage, tmp_path: Path) -> None:
    assert osdimage("init", "disk.img", "--preset", "uefi", "--size", "512MB").code == 2
    assert not list(tmp_path.iterdir())


@of_plain_files
def test_init_json_tells_where_the_old_table_is_and_restore_brings_it_back(osdimage: Osdimage) -> None:
    osdimage("init", "disk.img", "--preset", "bios", "--size", "64GB")
    before = osdimage("show", "disk.img", "--json").document
    done = osdimage("init", "disk.img", "--preset", "uefi", "--yes", "--json", "--backup", "old.json")
    assert done.document["saved"] == "old.json"
    assert done.document["wiped"] == []
    restored = osdimage("restore", "disk.img", "old.json", "--yes")
    assert restored.code == 0
    assert "pieces of old.json are back on the disk and verified" in restored.out
    # The volumes are as they were, and the table shows them.
    assert osdimage("show", "disk.img").out in restored.out
    assert osdimage("show", "disk.img", "--json").document == before
    assert osdimage("restore", "disk.img", "old.json", "--yes", "--no-backup", "--json").document["saved"] is None
    assert osdimage("check", "disk.img").out == "disk.img: no faults found\n"


def test_verbose_init_lists_what_it_cleared(osdimage: Osdimage) -> None:
    osdimage("init", "disk.img", "--preset", "uefi", "--size", "64GB")
    done = osdimage("init", "disk.img", "--preset", "bios", "--yes", "--verbose")
    assert done.out.count("cleared: old GPT header") == 2
    assert "to put it back: osdimage disk restore disk.img disk.img.table-" in done.out


def test_advice_is_given_on_stderr(osdimage: Osdimage) -> None:
    done = osdimage("init", "disk.img", "--preset", "bios", "--size", "64GB", "--sector-size", "4096")
    assert done.code == 0
    assert "warning: Windows does not start in BIOS mode from an MBR disk with 4096-byte sectors" in done.err


# ---- show and check ----


def test_show_names_file_systems_and_labels(osdimage: Osdimage, tmp_path: Path) -> None:
    osdimage("init", "disk.img", "--preset", "data-mbr", "--size", "64MB", "--quiet")
    volume = tmp_path / "volume"
    with volume.open("wb") as file:
        file.truncate(60 << 20)
    disk_judges.run(["mkntfs", "-F", "-Q", "-L", "Fotos", volume])
    first = osdimage("show", "disk.img", "--json").document["partitions"][0]["offset_bytes"]
    with (tmp_path / "disk.img").open("r+b") as file:
        file.seek(first)
        file.write(volume.read_bytes())
    shown = osdimage("show", "disk.img")
    assert "│1 Fotos " in shown.out
    (partition,) = osdimage("show", "disk.img", "--json").document["partitions"]
    assert (partition["filesystem"], partition["label"]) == ("NTFS", "Fotos")


def test_show_verbose_adds_identifiers(osdimage: Osdimage) -> None:
    osdimage("init", "disk.img", "--preset", "uefi", "--size", "64GB", "--quiet")
    done = osdimage("show", "disk.img", "-v")
    assert "c12a7328-f81f-11d2-ba4b-00a0c93ec93b  EFI system partition" in done.out


def test_show_says_that_the_backup_was_read(osdimage: Osdimage, tmp_path: Path) -> None:
    osdimage("init", "disk.img", "--preset", "uefi", "--size", "64GB", "--quiet")
    with (tmp_path / "disk.img").open("r+b") as file:
        file.seek(512)
        file.write(bytes(8))
    done = osdimage("show", "disk.img")
    assert done.code == 0
    assert "the backup GPT was read, because the primary one cannot be: no GPT header at sector 1" in done.err
    assert osdimage("show", "disk.img", "--json").document["gpt_copy"] == "backup"
    checked = osdimage("check", "disk.img")
    assert checked.code == 3
    assert "[gpt-primary-invalid]\n  osdimage disk check DISK --repair writes" in checked.out
    quiet = osdimage("check", "disk.img", "--quiet")
    assert (quiet.code, quiet.out) == (3, checked.out)
    assert osdimage("check", "disk.img", "--repair").code == 2
    repaired = osdimage("check", "disk.img", "--repair", "--yes", "--backup", "old.json")
    assert repaired.code == 0
    assert repaired.out.endswith("the old table is saved in old.json\ndisk.img: no faults found\n")
    again = osdimage("check", "disk.img", "--repair")
    assert (again.code, again.out) == (
        0,
        "disk.img: both copies of the GPT are whole: nothing was changed\ndisk.img: no faults found\n",
    )
    assert osdimage("check", "disk.img", "--json").facts == {
        "disk": "disk.img",
        "scheme": "gpt",
        "partition": None,
        "findings": [],
        "saved": None,
        "volume": None,
    }


def test_a_disk_without_a_table_leaves_with_3(osdimage: Osdimage, tmp_path: Path) -> None:
    with (tmp_path / "blank.img").open("wb") as file:
        file.truncate(GB)
    done = osdimage("show", "blank.img")
    assert (done.code, done.out, done.err) == (3, "", "osdimage: blank.img has no partition table\n")
    (tmp_path / "blank.vhdx").write_bytes(bytes(1 << 20))
    assert "blank.vhdx has no partition table, and is no VHDX file, whatever" in osdimage("show", "blank.vhdx").err
    assert osdimage("show", "blank.img", "--json").code == 3
    blank, wim = tmp_path / "blank.img", tmp_path / "new.wim"
    for option in (("--partition", "1"), ("--all-volumes",)):
        said = commands.osdimage("capture", blank, wim, *option, code=3).err
        assert said == f"osdimage: {blank} has no partition table\n"
    checked = osdimage("check", "blank.img")
    assert checked.code == 3
    assert "osdimage disk init DISK makes one" in checked.out


def test_a_hostile_name_cannot_move_the_cursor(osdimage: Osdimage, tmp_path: Path) -> None:
    document = osdimage("plan", "--preset", "data-gpt", "--size", "8GB", "--json").document
    document["partitions"][1]["name"] = "\x1b[2J\x1b]0;x\x07"
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    assert osdimage("init", "disk.img", "--plan", "plan.json").code == 0
    done = osdimage("show", "disk.img", "--verbose")
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert "\\x1b[2J" in done.out


# ---- backup ----


def test_backup_keeps_what_is_there_unless_told(osdimage: Osdimage) -> None:
    osdimage("init", "disk.img", "--preset", "uefi", "--size", "64GB", "--quiet")
    done = osdimage("backup", "disk.img", "table.json")
    assert done.out == "table.json: GPT table of disk.img, 5 pieces, 34304 bytes\n"
    assert osdimage("backup", "disk.img", "table.json").code == 4
    assert osdimage("backup", "disk.img", "table.json", "--overwrite", "--json").document["pieces"] == 5


@of_plain_files
@pytest.mark.parametrize("name", ["disk.img", "linked.img", "hard.img"])
def test_a_backup_does_not_take_the_place_of_its_disk(name: str, osdimage: Osdimage, tmp_path: Path) -> None:
    osdimage("init", "disk.img", "--preset", "uefi", "--size", "64GB", "--quiet")
    (tmp_path / "linked.img").symlink_to("disk.img")
    (tmp_path / "hard.img").hardlink_to(tmp_path / "disk.img")
    done = osdimage("backup", "disk.img", name, "--overwrite")
    assert (done.code, done.err) == (2, f"osdimage: {name}: is the disk itself; valid is another file\n")
    assert all((tmp_path / each).stat().st_size == 64 << 30 for each in ("disk.img", "linked.img", "hard.img"))


def test_a_backup_takes_the_place_of_files_alone(osdimage: Osdimage, tmp_path: Path) -> None:
    osdimage("init", "disk.img", "--preset", "uefi", "--size", "64GB", "--quiet")
    os.mkfifo(tmp_path / "pipe")
    done = osdimage("backup", "disk.img", "pipe", "--overwrite")
    assert (done.code, "pipe: is not a regular file" in done.err) == (4, True)
    assert (tmp_path / "pipe").is_fifo()


def test_a_damaged_backup_is_not_restored(osdimage: Osdimage, tmp_path: Path) -> None:
    osdimage("init", "disk.img", "--preset", "uefi", "--size", "64GB", "--quiet")
    osdimage("backup", "disk.img", "table.json")
    text = (tmp_path / "table.json").read_text(encoding="utf-8")
    (tmp_path / "table.json").write_text(text.replace("AAAA", "AAAB", 1), encoding="utf-8")
    done = osdimage("restore", "disk.img", "table.json", "--yes")
    assert (done.code, "checksum differs" in done.err) == (3, True)
    assert osdimage("restore", "disk.img", "disk.img", "--yes").code == 3


def test_restore_wants_yes_when_nobody_is_there(osdimage: Osdimage) -> None:
    osdimage("init", "disk.img", "--preset", "uefi", "--size", "64GB", "--quiet")
    osdimage("backup", "disk.img", "table.json")
    assert osdimage("restore", "disk.img", "table.json").code == 2


# ---- with somebody at the keyboard ----


def test_on_a_terminal_the_plan_is_shown_in_colour_and_asked_for(osdimage: Osdimage, tmp_path: Path) -> None:
    osdimage("init", "disk.img", "--preset", "data-mbr", "--size", "64GB", "--quiet")
    code, screen = on_a_terminal(tmp_path, "init", "disk.img", "--preset", "uefi", keys="n\n")
    assert code == 1
    assert "osdimage: not confirmed: nothing was changed" in screen
    assert "\x1b[37m\x1b[44m\x1b[1m3 Windows" in screen
    assert "This will be lost:\n  partition 1: NTFS, 64.0 GB\nWrite this table? [y/N]: " in screen
    assert osdimage("show", "disk.img", "--json").document["scheme"] == "mbr"
    code, screen = on_a_terminal(tmp_path, "init", "disk.img", "--preset", "uefi", keys="y\n")
    assert code == 0
    assert "4 partitions written and verified" in screen
    code, screen = on_a_terminal(tmp_path, "show", "disk.img", NO_COLOR="1")
    assert (code, "\x1b" in screen, "3 Basic data" in screen) == (0, False, True)
    saved = next(tmp_path.glob("*.json")).name
    code, screen = on_a_terminal(tmp_path, "restore", "disk.img", saved, keys="y\n")
    assert code == 0
    assert "will be lost: partition 1: EFI system, 260 MB" in screen


def test_on_a_terminal_a_repair_is_asked_for(osdimage: Osdimage, tmp_path: Path) -> None:
    osdimage("init", "disk.img", "--preset", "uefi", "--size", "64GB", "--quiet")
    with (tmp_path / "disk.img").open("r+b") as file:
        file.write(bytes(512))
    code, screen = on_a_terminal(tmp_path, "check", "disk.img", "--repair", keys="y\n")
    assert code == 0
    assert "[protective-mbr-missing]" in screen
    assert "the GPT was written again" in screen


def test_help_lists_the_verbs_and_imports_nothing_of_disks(osdimage: Osdimage) -> None:
    script = (
        "import sys\nfrom osdimage.cli.main import main\nsys.argv = ['osdimage', 'disk', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nprint(*sys.modules, sep='\\n', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert all(f"  {verb}" in done.stdout for verb in ("plan", "init", "show", "check", "backup", "restore"))
    assert not {"construct", "rich", "osdimage.imaging.disk"} & set(done.stderr.split())
    assert osdimage("format").code == 2


@pytest.mark.parametrize("verb", ["plan", "init", "show", "check", "backup", "restore"])
def test_every_verb_explains_itself(osdimage: Osdimage, verb: str) -> None:
    done = osdimage(verb, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: osdimage disk {verb} ")

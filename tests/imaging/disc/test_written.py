"""Discs that osdimage makes, as programs of others read them."""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pycdlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import disc as judges
from judges.disk import run
from judges.wim import output
from osdimage.imaging.disc import (
    BytesContents,
    DiscPlan,
    DiscSettings,
    FileContents,
    NewFile,
    NewFolder,
    contents_of_file,
    open_disc,
    plan_disc,
    write_disc,
)
from osdimage.imaging.disc.facts import DiscExtent
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError, TargetRefused, TooSmall
from osdimage.imaging.progress import ProgressEvent
from osdimage.imaging.units import GIB

# 2020-02-03 04:05:06.07 UTC.
TIME_NS = 1_580_702_706_070_000_000
BIOS, UEFI = random.Random(1).randbytes(4096), random.Random(2).randbytes(1_474_560)
CONTENTS = {
    "boot/etfsboot.com": BIOS,
    "efi/microsoft/boot/efisys.bin": UEFI,
    "Grüße/日本語.txt": b"wide",
    "empty": b"",
    "L" * 254: b"the longest name of one byte a character",
    # Linux has no name of more than 255 bytes, to which 7zz would extract it.
    "日" * 85: b"of two",
    "a/b/c/d/deep": bytes(2049),
    "one block": bytes(2048),
}
MANY = {f"many/file-{number:04}.txt": b"%d" % number for number in range(1200)}
SETTINGS = DiscSettings(
    "WIN11_Ü", TIME_NS, "0123456789abcdef", bios_image="boot/etfsboot.com", uefi_image="EFI/microsoft/boot/efisys.bin"
)


def files(contents: dict[str, bytes]) -> list[NewFile]:
    return [NewFile(path, BytesContents(data), TIME_NS) for path, data in contents.items()]


def hashes(contents: dict[str, bytes]) -> dict[str, str]:
    return {f"/{path}": hashlib.sha256(data).hexdigest() for path, data in contents.items()}


@pytest.fixture(scope="module")
def plan() -> DiscPlan:
    return plan_disc(files(CONTENTS | MANY), SETTINGS, folders=[NewFolder("void", TIME_NS), NewFolder("a/b", TIME_NS)])


@pytest.fixture(scope="module")
def disc(plan: DiscPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("written") / "disc.iso"
    write_disc(plan, path)
    return path


@pytest.mark.foreign
def test_7zz_reads_every_file_and_finds_no_fault(disc: Path, plan: DiscPlan, tmp_path: Path) -> None:
    told = output("7zz", "l", "-slt", "--", disc)
    assert re.search(r"^Type = Udf$", told, re.MULTILINE)
    assert not re.search(r"^(ERROR|WARNING|Errors|Warnings|Tail Size)", told, re.MULTILINE)
    assert f"Physical Size = {plan.size}\n" in told
    assert disc.stat().st_size == plan.size
    assert judges.seven_zip_hashes(disc, "udf", tmp_path) == hashes(CONTENTS | MANY)
    listed = judges.seven_zip(disc, "udf")
    assert listed["/void"].is_directory
    assert {each.modified_ns for each in listed.values()} == {TIME_NS}


# udfinfo disc.iso
@pytest.mark.foreign
def test_udfinfo_finds_a_closed_volume_of_revision_1_02(disc: Path, plan: DiscPlan) -> None:
    facts = dict(line.split("=", 1) for line in output("udfinfo", disc).splitlines() if not line.startswith("start="))
    blocks = plan.size // 2048
    assert (
        facts
        | {
            "label": "WIN11_Ü",
            "fullvsid": "0123456789abcdef",
            "blocks": str(blocks),
            "usedblocks": str(blocks - 273),
            "behindblocks": "0",
            "numfiles": str(len(CONTENTS) + len(MANY)),
            # boot, efi, microsoft, boot, Grüße, a, b, c, d, many, void, and the root.
            "numdirs": "12",
            "udfrev": "1.02",
            "integrity": "closed",
            "accesstype": "readonly",
        }
        == facts
    )


@pytest.mark.foreign
def test_firmware_finds_both_boot_images(disc: Path) -> None:
    found = judges.boot_images(disc)
    assert [(each.platform, each.is_bootable, each.emulation, each.sectors) for each in found] == [
        ("BIOS", True, "none", 8),
        ("UEFI", True, "none", 2880),
    ]
    data = disc.read_bytes()
    assert [data[each.block * 2048 :][: len(image)] for each, image in zip(found, (BIOS, UEFI), strict=True)] == [
        BIOS,
        UEFI,
    ]


@pytest.mark.foreign
def test_iso_9660_has_a_readme_alone(disc: Path) -> None:
    assert re.findall(r"\] +(\S+) *$", output("isoinfo", "-l", "-i", disc), re.MULTILINE) == [".", "..", "README.TXT;1"]
    told = output("isoinfo", "-x", "/README.TXT;1", "-i", disc)
    assert "UDF" in told
    facts = output("isoinfo", "-d", "-i", disc)
    assert "Volume id: WIN11__\n" in facts
    assert "catalog is in sector 26" in facts


@pytest.mark.foreign
def test_pycdlib_opens_it(disc: Path) -> None:
    with pycdlib_opened(disc) as opened:
        assert opened.has_udf()
        assert opened.get_record(udf_path="/Grüße/日本語.txt").get_data_length() == 4


@pytest.mark.foreign
def test_a_large_file_keeps_its_holes_and_is_read_whole(tmp_path: Path) -> None:
    large = tmp_path / "install.wim"
    with large.open("wb") as file:
        file.truncate(5_000_000_007)
        file.seek(3 * GIB - 5)
        file.write(b"in the middle")
    wanted = [*files(CONTENTS), NewFile("sources/install.wim", contents_of_file(large), TIME_NS, rank=2)]
    disc = tmp_path / "large.iso"
    write_disc(plan_disc(wanted, SETTINGS), disc)
    assert disc.stat().st_blocks * 512 < 64 << 20
    assert judges.is_same_to_grub(disc, "/sources/install.wim", large)
    assert judges.seven_zip(disc, "udf")["/sources/install.wim"].size == 5_000_000_007
    # The last file of the disc is the one of the highest rank; behind it are a block to spare and the second anchor.
    with open_disc(disc) as opened:
        found = opened.find("/sources/install.wim")
        assert found is not None
        (extent,) = opened.extents(found)
    assert extent.offset is not None
    assert extent.offset + 5_000_000_007 > disc.stat().st_size - 3 * 2048


def test_large_files_begin_at_pages_that_file_systems_share_and_small_ones_lie_close() -> None:
    sizes = {"a": 1, "b": 64 << 10, "c": 1, "d": (64 << 10) + 1, "e": (64 << 10) - 1, "f": 1}
    plan = plan_disc(files({name: bytes(size) for name, size in sizes.items()}), DiscSettings("PAGES", TIME_NS))
    starts = {name: plan.block_of(name) for name in sizes}
    assert starts["b"] % 2 == starts["d"] % 2 == 0
    # A block lies unused in front of each of both; behind them it does where they would begin at a page by themselves.
    assert [starts[each] - starts["a"] for each in "abcdef"] == [0, 2, 34, 36, 69, 101]
    assert plan.size == (starts["f"] + 2) * 2048
    behind = plan_disc(files({name: bytes(size) for name, size in sizes.items() if name != "a"}), plan.settings)
    assert behind.block_of("b") % 2 == 0
    # Without "a" its block is gone, and its file entry.
    assert behind.size == plan.size - 2 * 2048


# oscdimg -o writes equal files once, too.
@pytest.mark.foreign
def test_what_files_share_of_a_file_is_on_the_disc_once(tmp_path: Path) -> None:
    source = tmp_path / "font"
    source.write_bytes(random.Random(3).randbytes(100_000))
    whole = contents_of_file(source)
    part = FileContents(source, (DiscExtent(0, 50_000),), whole.file_bytes, whole.modified_ns)
    wanted = {"boot/fonts/a": whole, "efi/fonts/a": contents_of_file(source), "part": part, "none": BytesContents(b"")}
    plan = plan_disc([NewFile(path, each, TIME_NS) for path, each in wanted.items()], DiscSettings("A", TIME_NS))
    told: list[ProgressEvent] = []
    write_disc(plan, tmp_path / "disc.iso", progress=told.append)
    assert (told[-1].done, told[-1].total, told[-1].percent) == (150_000, 150_000, 100)
    data = source.read_bytes()
    assert judges.seven_zip_hashes(tmp_path / "disc.iso", "udf", tmp_path / "out") == hashes(
        {"boot/fonts/a": data, "efi/fonts/a": data, "part": data[:50_000], "none": b""}
    )
    assert (tmp_path / "disc.iso").read_bytes().count(data) == 1
    assert "Everything is Ok" in output("7zz", "t", tmp_path / "disc.iso")
    assert judges.is_same_to_grub(tmp_path / "disc.iso", "/efi/fonts/a", source)
    with pycdlib_opened(tmp_path / "disc.iso") as opened:
        assert opened.get_record(udf_path="/efi/fonts/a").get_data_length() == 100_000


@contextmanager
def pycdlib_opened(disc: Path) -> Iterator[pycdlib.PyCdlib]:
    opened = pycdlib.PyCdlib()
    opened.open(str(disc))
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.foreign
def test_a_disc_of_a_set_says_which_it_is(tmp_path: Path) -> None:
    disc = tmp_path / "second.iso"
    write_disc(plan_disc(files({"data": b"2"}), DiscSettings("SET_2", TIME_NS, number=2, discs=3)), disc)
    facts = output("isoinfo", "-d", "-i", disc)
    assert "Volume set size is: 3\n" in facts
    assert "Volume set sequence number is: 2\n" in facts
    assert output("7zz", "x", "-so", "-tudf", "--", disc, "data") == "2"


@pytest.mark.foreign
def test_a_disc_for_uefi_alone_has_one_boot_image(tmp_path: Path) -> None:
    disc = tmp_path / "uefi.iso"
    write_disc(plan_disc(files({"efisys.bin": UEFI}), DiscSettings("U", TIME_NS, uefi_image="efisys.bin")), disc)
    assert [each.platform for each in judges.boot_images(disc)] == ["UEFI"]


def test_the_same_files_make_the_same_bytes(disc: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.iso"
    write_disc(
        plan_disc(
            reversed(files(CONTENTS | MANY)), SETTINGS, folders=[NewFolder("a/b", TIME_NS), NewFolder("void", TIME_NS)]
        ),
        again,
    )
    assert again.read_bytes() == disc.read_bytes()


def test_zone_and_umask_of_a_machine_change_no_byte(
    disc: Path, plan: DiscPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Apia")
    time.tzset()
    mask = os.umask(0o077)
    try:
        write_disc(plan, tmp_path / "again.iso")
    finally:
        os.umask(mask)
        monkeypatch.undo()
        time.tzset()
    assert (tmp_path / "again.iso").read_bytes() == disc.read_bytes()


# Without letters that have a case, and with the directories of one depth below one of their own: all can be on a disc.
NAMES = st.text(
    st.characters(categories=["Lo", "N", "S", "P", "Cc", "Co"], exclude_characters="/\0"), min_size=1, max_size=20
)
PATHS = st.lists(NAMES.filter(lambda each: each not in {".", ".."}), min_size=1, max_size=4).map(
    lambda names: "/".join([str(len(names)), *names])
)


@given(st.dictionaries(PATHS, st.binary(max_size=5000), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_what_was_made_is_read_again(tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]) -> None:
    disc = tmp_path_factory.mktemp("any") / "any.iso"
    plan = plan_disc(files(contents), DiscSettings("ANY", TIME_NS))
    write_disc(plan, disc)
    with open_disc(disc) as opened:
        found = {each.path: b"".join(opened.pieces(each)) for each in opened.walk() if not each.is_directory}
    assert found == {f"/{path}": data for path, data in contents.items()}
    assert disc.stat().st_size == plan.size


@pytest.mark.foreign
def test_the_longest_name_of_two_bytes_a_character_is_listed(tmp_path: Path) -> None:
    disc = tmp_path / "long.iso"
    write_disc(plan_disc(files({"日" * 127: b"1"}), DiscSettings("LONG", TIME_NS)), disc)
    assert set(judges.seven_zip(disc, "udf")) == {"/" + "日" * 127}


@pytest.mark.parametrize(
    ("paths", "fault"),
    [
        pytest.param(["a/B", "A/c"], "'a' and 'A', which differ in case alone", id="case"),
        pytest.param(["a", "a/b"], "'a' twice, or as a file and a directory", id="file and directory"),
        pytest.param(["a/b", "a"], "'a' twice, or as a file and a directory", id="directory and file"),
        pytest.param(["a", "a"], "'a' twice, or as a file and a directory", id="twice"),
        pytest.param(["a//b"], "'a//b': the name '' is empty", id="empty"),
        pytest.param(["../b"], "the name '..' is that of a directory above or here", id="above"),
        pytest.param(["a\0"], "holds a zero", id="zero"),
        pytest.param(["x" * 255], "is too long for UDF", id="long"),
        pytest.param(["語" * 128], "is too long for UDF", id="long and wide"),
        pytest.param(["/".join(["x" * 200] * 6)], "is longer than 1023 bytes", id="long path"),
        pytest.param(["aux", "b"], "the name 'aux' is bad", id="by the caller"),
    ],
)
def test_what_a_disc_cannot_hold_is_told(paths: list[str], fault: str) -> None:
    wanted = [NewFile(path, BytesContents(b"1"), TIME_NS) for path in paths]
    with pytest.raises(InvalidInput) as caught:
        plan_disc(wanted, DiscSettings("A", TIME_NS), name_fault=lambda name: "is bad" if name == "aux" else None)
    assert fault in str(caught.value)


def test_all_faults_are_told_at_once() -> None:
    wanted = [NewFile(f"{number}{'x' * 255}/a", BytesContents(b""), TIME_NS) for number in range(30)]
    with pytest.raises(InvalidInput, match=r"; and 11 more$") as caught:
        plan_disc([*wanted, NewFile("old", BytesContents(b""), -1)], DiscSettings("A", TIME_NS))
    assert str(caught.value).count("too long") == 20
    assert len(str(caught.value)) < 4000


@pytest.mark.parametrize("moment", [-1, 253_402_300_800 * 10**9])
def test_a_time_that_udf_does_not_have_is_told(moment: int) -> None:
    with pytest.raises(InvalidInput, match="1970 to 9999"):
        plan_disc([NewFile("a", BytesContents(b""), moment)], DiscSettings("A", TIME_NS))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param({"label": ""}, "1 to 31 characters", id="no label"),
        pytest.param({"label": "x" * 32}, "1 to 31 characters", id="long label"),
        pytest.param({"number": 2}, "no disc 2 in a set of 1", id="number"),
        pytest.param({"set_id": "xyz"}, "16 digits of 0-9 and a-f", id="set"),
        pytest.param({"created_ns": -1}, "1970 to 9999", id="time"),
        pytest.param({"readme": "ü"}, "ASCII", id="readme"),
        pytest.param({"bios_image": "none"}, "is not among the files", id="boot image"),
        pytest.param({"bios_image": "small"}, "has 5 bytes; 4096 are valid", id="BIOS"),
        pytest.param({"uefi_image": "empty"}, "has 0 bytes; 1 to 33553920 are valid", id="UEFI"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object], said: str) -> None:
    facts: dict[str, object] = {"label": "A", "created_ns": TIME_NS} | wrong
    with pytest.raises(InvalidRequest, match=said):
        plan_disc(files({"small": b"12345", "empty": b""}), DiscSettings(**facts))  # type: ignore[arg-type]


def test_the_largest_boot_image_of_uefi_is_below_32_mib(tmp_path: Path) -> None:
    image = tmp_path / "image"
    wanted = DiscSettings("A", TIME_NS, uefi_image="image")
    for size, is_valid in ((0xFFFF * 512, True), (0xFFFF * 512 + 1, False)):
        with image.open("wb") as file:
            file.truncate(size)
        made = [NewFile("image", contents_of_file(image), TIME_NS)]
        if is_valid:
            assert plan_disc(made, wanted).size > size
        else:
            with pytest.raises(InvalidRequest, match="16 bits"):
                plan_disc(made, wanted)


def test_a_file_that_changes_meanwhile_leaves_no_disc(tmp_path: Path) -> None:
    source, disc = tmp_path / "source", tmp_path / "disc.iso"
    for change in (b"12345", b"123"):
        source.write_bytes(b"1234")
        plan = plan_disc([NewFile("file", contents_of_file(source), TIME_NS)], DiscSettings("A", TIME_NS))
        source.write_bytes(change)
        with pytest.raises(StorageError, match="changed while the medium was made"):
            write_disc(plan, disc)
        assert list(tmp_path.iterdir()) == [source]


def test_a_file_that_changes_while_it_is_copied_leaves_no_disc(tmp_path: Path) -> None:
    source, disc = tmp_path / "source", tmp_path / "disc.iso"
    source.write_bytes(random.Random(1).randbytes(8 << 20))
    plan = plan_disc([NewFile("file", contents_of_file(source), TIME_NS)], DiscSettings("A", TIME_NS))

    def change(event: ProgressEvent) -> None:
        if event.percent < 100:
            return
        with source.open("r+b") as file:
            file.truncate(1)

    with pytest.raises(StorageError, match="changed while the medium was made"):
        write_disc(plan, disc, progress=change)
    assert not disc.exists()


_KILLED = """
import os, signal, sys
from osdimage.imaging.disc import DiscSettings, NewFile, contents_of_file, plan_disc, write_disc
source, disc, percent, replace = sys.argv[1:]
def killed(event):
    if event.percent >= float(percent):
        os.kill(os.getpid(), signal.SIGKILL)
plan = plan_disc([NewFile("file", contents_of_file(source), 0)], DiscSettings("A", 0))
write_disc(plan, disc, replace=bool(replace), progress=killed)
"""


@pytest.mark.parametrize(("percent", "replace"), [("0", ""), ("50", "1"), ("99", ""), ("99", "1")])
def test_a_write_that_is_killed_leaves_what_was_there_and_no_other_file(
    tmp_path: Path, percent: str, replace: str
) -> None:
    source, disc = tmp_path / "source", tmp_path / "out" / "disc.iso"
    source.write_bytes(random.Random(1).randbytes(32 << 20))
    disc.parent.mkdir()
    if replace:
        disc.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", _KILLED, source, disc, percent, replace], check=False)
    assert done.returncode == -signal.SIGKILL
    assert {each.name: each.read_bytes() for each in disc.parent.iterdir()} == ({"disc.iso": b"old"} if replace else {})


@pytest.mark.root
def test_a_file_system_that_fills_up_meanwhile_leaves_no_disc(tmp_path: Path) -> None:
    source, place = tmp_path / "source", tmp_path / "small"
    source.write_bytes(random.Random(1).randbytes(48 << 20))
    plan = plan_disc([NewFile("file", contents_of_file(source), TIME_NS)], DiscSettings("A", TIME_NS))
    place.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=60m", "none", place])

    def fill(_: ProgressEvent) -> None:
        (place / "other").write_bytes(bytes(20 << 20))

    try:
        with pytest.raises(StorageError, match=r"disc\.iso: No space left on device"):
            write_disc(plan, place / "disc.iso", progress=fill)
        assert [each.name for each in place.iterdir()] == ["other"]
    finally:
        run(["umount", place])


def test_links_and_special_files_are_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("nowhere")
    with pytest.raises(InvalidInput, match="a symbolic link, which is not followed"):
        contents_of_file(link)
    with pytest.raises(InvalidInput, match="no regular file"):
        contents_of_file(tmp_path)
    with pytest.raises(StorageError, match="No such file"):
        contents_of_file(tmp_path / "none")


def test_a_disc_that_is_there_is_replaced_only_when_that_is_asked(tmp_path: Path) -> None:
    disc = tmp_path / "disc.iso"
    disc.write_bytes(b"old")
    plan = plan_disc(files({"a": b"1"}), DiscSettings("A", TIME_NS))
    with pytest.raises(TargetRefused):
        write_disc(plan, disc)
    assert disc.read_bytes() == b"old"
    write_disc(plan, disc, replace=True)
    assert disc.stat().st_size == plan.size


def test_a_disc_that_has_no_room_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(200 * GIB)
    plan = plan_disc([NewFile("large", contents_of_file(large), TIME_NS)], DiscSettings("A", TIME_NS))
    with pytest.raises(TooSmall, match=r"the disc needs 200 GB, there is room for"):
        write_disc(plan, tmp_path / "disc.iso")
    assert list(tmp_path.iterdir()) == [large]


def test_who_listens_can_stop_the_work(plan: DiscPlan, tmp_path: Path) -> None:
    def stop(event: ProgressEvent) -> None:
        raise InterruptedError(event.percent)  # one of the system's own errors

    with pytest.raises(InterruptedError):
        write_disc(plan, tmp_path / "disc.iso", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_parts_of_a_file_with_zeros_between_are_one_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"abcdef")
    facts = source.stat()
    parts = (DiscExtent(4, 2), DiscExtent(None, 3000), DiscExtent(0, 1))
    made = FileContents(source, parts, facts.st_size, facts.st_mtime_ns)
    disc = tmp_path / "disc.iso"
    write_disc(plan_disc([NewFile("file", made, TIME_NS)], DiscSettings("A", TIME_NS)), disc)
    with open_disc(disc) as opened:
        found = opened.find("/file")
        assert found is not None
        assert b"".join(opened.pieces(found)) == b"ef" + bytes(3000) + b"a"


def links_of(disc: Path, plan: DiscPlan, path: str) -> int:
    """Return the links of a file entry: 48 bytes into it (ECMA-167, 4/14.9)."""
    number = next(number for number, node in enumerate(plan.nodes) if node.path == path)
    with disc.open("rb") as file:
        file.seek((272 + 2 + number) * 2048 + 48)
        return int(struct.unpack("<H", file.read(2))[0])


# ECMA-167, 4/14.9.6: the names that lead to a directory: its own, and ".." of each directory in it.
@pytest.mark.parametrize(("path", "links"), [("", 7), ("void", 1), ("a", 2), ("a/b/c/d", 1), ("empty", 1)])
def test_links_count_the_names_that_lead_to_it(disc: Path, plan: DiscPlan, path: str, links: int) -> None:
    assert links_of(disc, plan, path) == links


@pytest.mark.foreign
def test_blkid_knows_it(disc: Path) -> None:
    assert "udf" in run(["blkid", "-p", "-o", "value", "-s", "TYPE", disc])


def test_pieces_are_the_contents_with_their_zeros(tmp_path: Path) -> None:
    source = tmp_path / "source"
    data = random.Random(3).randbytes(3 << 20)
    source.write_bytes(data)
    facts = source.stat()
    parts = (DiscExtent(5, 1_500_000), DiscExtent(None, 1_100_000), DiscExtent(0, 3))
    contents = FileContents(source, parts, facts.st_size, facts.st_mtime_ns)
    pieces = list(contents.pieces())
    assert b"".join(pieces) == data[5:1_500_005] + bytes(1_100_000) + data[:3]
    assert max(map(len, pieces)) <= 1 << 20
    assert list(BytesContents(b"abc").pieces()) == [b"abc"]
    assert list(BytesContents(b"").pieces()) == []
    with source.open("r+b") as file:
        file.truncate(9)
    with pytest.raises(StorageError, match="changed while the medium was made"):
        list(contents.pieces())

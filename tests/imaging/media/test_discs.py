"""A medium on a disc: where its files lie, what the disc says of itself, and where no disc is written to."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from judges.wim import output
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc import BytesContents, FileContents, NewFolder, contents_of_file, open_disc
from osdimage.imaging.errors import InvalidInput, InvalidRequest, TargetRefused, TooSmall
from osdimage.imaging.media import (
    DISC_SIZES,
    BootParts,
    IsoOptions,
    Medium,
    MediumFile,
    SignedBy,
    new_set_id,
    parse_disc_size,
    plan_iso,
    write_iso,
)
from osdimage.imaging.media.discs.write import refuse_iso_target
from osdimage.imaging.media.parts.medium import joined

# 2020-02-03 04:05:06 UTC.
TIME_NS = 1_580_702_706_000_000_000
OPTIONS = IsoOptions(TIME_NS, "5e379bf200000000")
# As a disc is filled, from its front: section 3.5 of the order files that people give oscdimg.
IN_ORDER = [
    "bootmgr",
    "boot/bcd",
    "boot/etfsboot.com",
    "bootmgr.efi",
    "efi/boot/bootx64.efi",
    "efi/microsoft/boot/efisys.bin",
    "sources/boot.wim",
    "sources/boot2.wim",
    "osdimage/media.json",
    "osdimage/media.json.sig",
    "sources/second.wim",
    "autounattend.xml",
    "setup.exe",
    "sources/install.wim",
]
OF_BOOT = set(IN_ORDER[:6]) | {"sources/second.wim"}


def file(path: str, data: bytes = b"1") -> MediumFile:
    return MediumFile(path, BytesContents(data), TIME_NS, "here")


def large(folder: Path, size: int) -> FileContents:
    with (folder / "large").open("wb") as opened:
        opened.truncate(size)
    return contents_of_file(folder / "large")


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Medium:
    data = {"boot/etfsboot.com": random.Random(1).randbytes(4096), "efi/microsoft/boot/efisys.bin": bytes(1024)}
    files = [file(path, data.get(path, path.encode())) for path in IN_ORDER[:-1]]
    contents = large(tmp_path_factory.mktemp("large"), 16 << 20)
    files.append(MediumFile("sources/install.wim", contents, TIME_NS, "install.wim"))
    boot = BootParts(
        tuple(each for each in files if each.path in OF_BOOT),
        frozenset(Firmware),
        "x64",
        SignedBy.UNKNOWN,
        "boot/etfsboot.com",
        "efi/microsoft/boot/efisys.bin",
    )
    return Medium("WINPE", joined(files), boot)


def order_of(path: Path) -> list[str]:
    """Return the files of a disc by where their contents begin."""
    with open_disc(path) as disc:
        found = {each.path[1:]: disc.extents(each)[0].offset or 0 for each in disc.walk() if not each.is_directory}
    return sorted(found, key=found.__getitem__)


def test_what_starts_lies_in_front_and_what_is_large_behind(medium: Medium, tmp_path: Path) -> None:
    plan = plan_iso(medium, OPTIONS)
    write_iso(plan, tmp_path / "disc.iso")
    assert order_of(tmp_path / "disc.iso") == IN_ORDER
    assert (tmp_path / "disc.iso").stat().st_size == plan.size


def test_an_order_that_is_given_wins_and_other_files_lie_behind_it(medium: Medium, tmp_path: Path) -> None:
    given = ("sources/install.wim", "SETUP.EXE", "bootmgr")
    write_iso(plan_iso(medium, replace(OPTIONS, order=given)), tmp_path / "disc.iso")
    wanted = [each for each in IN_ORDER if each not in {"sources/install.wim", "setup.exe", "bootmgr"}]
    assert order_of(tmp_path / "disc.iso") == ["sources/install.wim", "setup.exe", "bootmgr", *wanted]


# isoinfo -d -i disc.iso; udfinfo disc.iso
@pytest.mark.foreign
def test_others_read_what_a_disc_of_a_set_says_of_itself(medium: Medium, tmp_path: Path) -> None:
    disc = tmp_path / "disc.iso"
    options = replace(OPTIONS, number=2, discs=3, readme="Disc 2 of 3 of WINPE.\r\n")
    write_iso(plan_iso(replace(medium, label="Käse_2"), options, folders=[NewFolder("empty", TIME_NS)]), disc)
    told = output("isoinfo", "-d", "-i", disc)
    assert "Volume id: K_SE_2\n" in told
    assert "Volume set id: 5E379BF200000000\n" in told
    assert "Volume set size is: 3\nVolume set sequence number is: 2\n" in told
    assert output("isoinfo", "-x", "/README.TXT;1", "-i", disc) == "Disc 2 of 3 of WINPE.\n"
    facts = output("udfinfo", disc)
    assert re.search(r"^label=Käse_2\nuuid=5e379bf200000000$", facts, re.MULTILINE)
    # boot, efi/boot, efi/microsoft/boot, sources, osdimage, empty, and the root.
    assert re.search(r"^numdirs=9$", facts, re.MULTILINE)


def test_a_set_has_the_time_of_its_making_in_its_id() -> None:
    # printf %x $(date -u -d "2020-02-03 04:05:06" +%s)
    assert new_set_id(TIME_NS, random.Random("a")).startswith("5e379bf2")
    assert new_set_id(TIME_NS, random.Random("a")) == new_set_id(TIME_NS, random.Random("a"))
    assert len(new_set_id(TIME_NS, random.Random("b"))) == 16


@pytest.mark.parametrize("label", ["L" * 30, "é" * 30, "語" * 15, "Windows 11"])
def test_the_longest_labels_are_recorded_whole(label: str, medium: Medium, tmp_path: Path) -> None:
    write_iso(plan_iso(replace(medium, label=label), OPTIONS), tmp_path / "disc.iso")
    with open_disc(tmp_path / "disc.iso") as disc:
        assert disc.label == label
    # Both sequences of descriptors have the label in three of theirs, and the file set has it twice; none is cut off.
    recorded = b"\x10" + label.encode("utf-16-be") if label[0] == "語" else b"\x08" + label.encode("latin-1")
    assert (tmp_path / "disc.iso").read_bytes().count(recorded) == 2 * 3 + 2


@pytest.mark.parametrize("label", ["", "L" * 31, "語" * 16, "a\nb"])
def test_labels_that_do_not_fit_are_refused(label: str, medium: Medium) -> None:
    with pytest.raises(
        InvalidRequest, match="valid are 1 to 30 characters, or 15 where some are not of Western Europe"
    ):
        plan_iso(replace(medium, label=label), OPTIONS)


def test_names_that_windows_does_not_open_are_refused_all_at_once(medium: Medium) -> None:
    wrong = replace(medium, files=joined(medium.files, [file("a:b"), file("docs/aux.txt"), file("end.")]))
    with pytest.raises(InvalidInput) as caught:
        plan_iso(wrong, OPTIONS)
    assert "'a:b': the name 'a:b' holds one of" in str(caught.value)
    assert "the name 'aux.txt' is that of a device" in str(caught.value)
    assert "the name 'end.' ends in a dot" in str(caught.value)


def test_a_disc_is_as_large_as_it_may_be_and_no_block_larger(medium: Medium) -> None:
    size = plan_iso(medium, OPTIONS).size
    assert plan_iso(medium, replace(OPTIONS, limit_bytes=size)).size == size
    with pytest.raises(TooSmall, match=rf"would have {size:,} bytes, 1 byte more than the {size - 1:,} that it may"):
        plan_iso(medium, replace(OPTIONS, limit_bytes=size - 1))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("cd", 360_000 * 2048, id="cd"),
        pytest.param("DVD", 2_295_104 * 2048, id="dvd"),
        pytest.param("dvd-dl", 4_171_712 * 2048, id="dvd-dl"),
        pytest.param("bd", 12_219_392 * 2048, id="bd"),
        pytest.param("bd-dl", 24_438_784 * 2048, id="bd-dl"),
        pytest.param("4GB", 4 << 30, id="size"),
        pytest.param("unlimited", None, id="unlimited"),
    ],
)
def test_sizes_of_discs_have_names(text: str, size: int | None) -> None:
    assert parse_disc_size(text) == size


def test_a_size_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_disc_size("floppy")
    assert all(name in str(caught.value) for name in DISC_SIZES)


def test_a_device_is_no_place_for_an_iso(medium: Medium) -> None:
    with pytest.raises(TargetRefused, match="is a device, and an ISO is a file"):
        write_iso(plan_iso(medium, OPTIONS), "/dev/null", replace=True)


def test_a_disc_is_not_written_into_what_it_is_made_of(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to("source")
    old = tmp_path / "old.iso"
    old.write_bytes(b"1")
    for target in (source / "new.iso", tmp_path / "link" / "sub" / "new.iso"):
        with pytest.raises(InvalidRequest, match=r"lies within .*/source, of which it is to be made"):
            refuse_iso_target(target, sources=[source])
    with pytest.raises(InvalidRequest, match="is what the disc is to be made of itself"):
        refuse_iso_target(old, replace=True, sources=[source, old])
    with pytest.raises(TargetRefused, match="exists already"):
        refuse_iso_target(old, sources=[source])
    refuse_iso_target(old, replace=True, sources=[source])
    refuse_iso_target(tmp_path / "new.iso", sources=[source, old])

"""``osdimage info``, and the changes it makes with --set and --boot."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from cases import trees
from judges import wim as judges
from runs.commands import osdimage

HEADER_KEYS = {
    "guid",
    "version",
    "compression",
    "is_solid",
    "chunk_size",
    "part_number",
    "total_parts",
    "boot_index",
    "has_integrity_table",
    "is_pipable",
    "is_read_only",
    "write_in_progress",
    "rewrites_links",
    "file_size",
}
IMAGE_KEYS = {
    "disk",
    "disk_fault",
    "bases",
    "index",
    "name",
    "description",
    "display_name",
    "display_description",
    "flags",
    "creator",
    "image_version",
    "directories",
    "files",
    "size",
    "hard_link_size",
    "created",
    "modified",
    "is_wimboot",
    "windows",
}


def test_boot_marks_an_image_and_no_takes_the_mark_away(copy: Path) -> None:
    def boots() -> int | None:
        index: int | None = osdimage("info", copy, "--json").document["header"]["boot_index"]
        return index

    for options, expected in ((("--boot",), 1), (("--boot", "no"), None), (("--boot", "yes"), 1)):
        osdimage("info", copy, "--index", "1", *options)
        assert boots() == expected


def test_that_none_boots_needs_no_choice_of_an_image(pair: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(pair, tmp_path / "two.wim"))
    osdimage("info", copy, "--boot-index", "2")
    osdimage("info", copy, "--boot", "no")
    assert osdimage("info", copy, "--json").document["header"]["boot_index"] is None
    assert "choose one of 2 images" in osdimage("info", copy, "--boot", "no", "--set", "creator=x", code=2).err


def test_a_name_is_not_emptied_and_other_texts_are(copy: Path) -> None:
    refused = osdimage("info", copy, "--index", "1", "--set", "name= ", code=2)
    assert "an image's name is not empty" in refused.err
    osdimage("info", copy, "--index", "1", "--set", "description=")
    assert osdimage("info", copy, "--json").document["images"][0]["description"] is None


def test_the_json_document_has_every_field(pair: Path) -> None:
    document = osdimage("info", pair, "--json").facts
    assert set(document) == {"path", "header", "images", "needs"}
    assert set(document["header"]) == HEADER_KEYS
    assert [set(image) for image in document["images"]] == [IMAGE_KEYS] * 2
    header = document["header"]
    assert (header["compression"], header["chunk_size"], header["boot_index"]) == ("lzx", 32768, 2)
    assert (header["part_number"], header["total_parts"]) == (1, 1)
    assert (header["has_integrity_table"], header["is_solid"], header["is_pipable"]) == (True, False, False)
    assert header["file_size"] == pair.stat().st_size
    assert [image["name"] for image in document["images"]] == ["first", "second"]
    assert document["images"][0]["windows"] is None


@pytest.mark.foreign
def test_it_agrees_with_wimlib(pair: Path) -> None:
    document = osdimage("info", pair, "--json").document
    for image, theirs in zip(document["images"], judges.wimlib_info(pair).images, strict=True):
        judges.assert_image_agrees(image, theirs)


def test_people_see_the_header_and_each_image(pair: Path) -> None:
    outcome = osdimage("info", pair)
    first = outcome.out.splitlines()[0]
    assert first.startswith(f"{pair}: 2 images, ")
    for text in ("lzx, chunks of 32.0 KB", "image 2 boots", "integrity table"):
        assert text in first
    for text in ("Image 1: first", "Image 2: second", "Description:      The first one"):
        assert text in outcome.out


def test_one_image_is_shown_alone(pair: Path) -> None:
    document = osdimage("info", pair, "--name", "second", "--json").document
    assert [image["index"] for image in document["images"]] == [2]
    outcome = osdimage("info", pair, "--index", "3", code=2)
    assert "1: first" in outcome.err


def test_the_xml_is_printed_as_it_stands(pair: Path) -> None:
    out = osdimage("info", pair, "--xml").out
    assert out.startswith("<WIM>")
    assert "<NAME>first</NAME>" in out


SETS = {
    "name": ("name=Grüße \N{GRINNING FACE}", "Name", "Grüße \N{GRINNING FACE}"),
    "name in capitals": ("NAME=new", "Name", "new"),
    "description": ("description=a = b & <c>", "Description", "a = b & <c>"),
    "spaces of other scripts": (
        "description=10\u00a0Go \u65e5\u672c\u3000x",
        "Description",
        "10\u00a0Go \u65e5\u672c\u3000x",
    ),
    "a joiner": ("name=\U0001f469\u200d\U0001f4bb", "Name", "\U0001f469\u200d\U0001f4bb"),
    "no description": ("description=", "Description", ""),
}


@pytest.mark.foreign
@pytest.mark.parametrize("case", SETS.values(), ids=SETS.keys())
def test_a_change_is_seen_by_other_tools_and_leaves_the_rest(
    copy: Path, tree: Path, tmp_path: Path, case: tuple[str, str, str]
) -> None:
    change, label, value = case
    before = judges.wimlib_info(copy)
    osdimage("info", copy, "--index", "1", "--set", change, "--quiet")
    after = judges.wimlib_info(copy)
    assert after.images[0].pop(label, "") == value
    before.images[0].pop(label, "")
    assert after.images == before.images
    assert after.wim["GUID"] == before.wim["GUID"]
    assert "Integrity info" in after.wim["Attributes"]
    judges.wimlib("verify", copy)
    judges.seven_zip_test(copy)
    judges.wimlib("apply", copy, "1", tmp_path / "target")
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(tree))


@pytest.mark.foreign
def test_an_image_that_was_chosen_by_its_name_is_renamed_and_shown(copy: Path) -> None:
    document = osdimage("info", copy, "--name", "second", "--set", "name=other", "--json").document
    assert [image["name"] for image in document["images"]] == ["other"]
    assert [image["Name"] for image in judges.wimlib_info(copy).images] == ["first", "other"]


def test_creator_and_version_are_set_together(copy: Path) -> None:
    changes = ("--set", "creator=Jörg", "--set", "version=2.0")
    document = osdimage("info", copy, "--index", "2", *changes, "--json").document
    (image,) = document["images"]
    assert (image["creator"], image["image_version"], image["name"]) == ("Jörg", "2.0", "second")


@pytest.mark.foreign
def test_the_boot_index_is_set_and_cleared(copy: Path) -> None:
    osdimage("info", copy, "--index", "1", "--boot", "yes")
    assert judges.wimlib_info(copy).wim["Boot Index"] == "1"
    assert osdimage("verify", copy).code == 0
    osdimage("info", copy, "--index", "1", "--boot", "no")
    assert judges.wimlib_info(copy).wim["Boot Index"] == "0"
    judges.wimlib("verify", copy)


def test_many_changes_leave_a_wim_that_can_still_be_appended_to(copy: Path, small: Path) -> None:
    for number in range(20):
        osdimage("info", copy, "--index", "1", "--set", f"description=change {number}", "--quiet")
    osdimage("capture", small, copy, "--append", "--name", "third")
    assert osdimage("verify", copy, "--json").document["is_sound"]
    document = osdimage("info", copy, "--json").document
    assert document["images"][0]["description"] == "change 19"
    assert [image["name"] for image in document["images"]] == ["first", "second", "third"]


BAD_SETS = {
    "no value": ("name", "write PATH=TEXT, where PATH is name, description, creator, version or an element"),
    "too long": ("version=" + "1" * 33, "at most 32"),
    "a name that is there": ("name=second", "already there"),
    "control characters": ("name=a\x07b", "control characters"),
    "two lines": ("name=a\nb", "control characters"),
    "two lines to Unicode": ("name=a\u2028b", "control characters"),
    "bytes that are no text": ("name=a\udcffb", "parts of characters"),
    "no character of XML": ("name=a\ufffeb", "only text"),
}


@pytest.mark.parametrize(("change", "says"), BAD_SETS.values(), ids=BAD_SETS.keys())
def test_a_change_that_cannot_be_leaves_the_file_as_it_was(copy: Path, change: str, says: str) -> None:
    before = copy.read_bytes()
    outcome = osdimage("info", copy, "--index", "1", "--set", change, code=2)
    (line,) = outcome.err.splitlines()
    assert says in line
    assert copy.read_bytes() == before


@pytest.mark.foreign
def test_a_wim_that_is_marked_read_only_is_not_changed(copy: Path) -> None:
    judges.wimlib("optimize", copy)
    contents = bytearray(copy.read_bytes())
    contents[16] |= 0x04  # FLAG_HEADER_READONLY in the header's flags
    copy.write_bytes(contents)
    before = copy.read_bytes()
    outcome = osdimage("info", copy, "--index", "1", "--set", "name=x", code=4)
    assert "read-only" in outcome.err
    assert copy.read_bytes() == before
    assert osdimage("info", copy, "--json").document["header"]["is_read_only"]


@pytest.mark.foreign
def test_a_part_of_a_split_wim_is_not_changed(pair: Path, tmp_path: Path) -> None:
    judges.wimlib("split", pair, tmp_path / "part.swm", "0.1")
    part = tmp_path / "part.swm"
    remedy = f"join its parts first, with osdimage join NEW.wim {part}"
    said = f"osdimage: {part}: is a part of a split WIM, which cannot be changed; {remedy}\n"
    assert osdimage("info", part, "--index", "1", "--set", "name=x", code=4).err == said
    assert osdimage("delete", part, "--index", "1", code=4).err == said
    osdimage("export", part, tmp_path / "NEW.wim", "--all")
    judges.wimlib("verify", tmp_path / "NEW.wim")
    (tmp_path / "part2.swm").rename(tmp_path / "away")
    missing = osdimage("export", part, tmp_path / "other.wim", "--all", code=3).err
    assert "part 2 of" in missing
    assert f"is missing: there is no {tmp_path / 'part2.swm'}; --ref says where it is" in missing
    out = osdimage("info", tmp_path / "part.swm").out
    assert "part 1 of" in out


def test_check_comes_before_a_change(copy: Path) -> None:
    data = bytearray(copy.read_bytes())
    data[300] ^= 1
    copy.write_bytes(data)
    osdimage("info", copy, "--index", "1", "--check", "--set", "name=other", code=3)
    assert copy.read_bytes() == bytes(data)


def test_check_finds_damage(copy: Path) -> None:
    osdimage("info", copy, "--check")
    contents = bytearray(copy.read_bytes())
    contents[300] ^= 0xFF
    copy.write_bytes(contents)
    osdimage("info", copy, "--check", code=3)


NOT_WIMS = {
    "empty": (b"", "not a WIM (nor an ESD or SWM)"),
    "shorter than a header": (b"127.0.0.1 localhost\n", "not a WIM (nor an ESD or SWM)"),
    "text": (b"this is not a WIM\n" * 100, "not a WIM"),
    "magic alone": (b"MSWIM\0\0\0", "osdimage: "),
    "zeros": (bytes(5000), "not a WIM"),
}


@pytest.mark.parametrize(("contents", "says"), NOT_WIMS.values(), ids=NOT_WIMS.keys())
@pytest.mark.parametrize("command", ["info", "list", "verify", "delete", "apply", "extract", "export"])
def test_what_is_not_a_wim_is_invalid_input_of_every_command(
    tmp_path: Path, command: str, contents: bytes, says: str
) -> None:
    path = tmp_path / "no.wim"
    path.write_bytes(contents)
    more: dict[str, tuple[str, ...]] = {
        "delete": ("--index", "1"),
        "apply": (str(tmp_path / "target"),),
        "extract": ("/x", "--to", str(tmp_path / "target")),
        "export": (str(tmp_path / "new.wim"), "--all"),
    }
    outcome = osdimage(command, path, *more.get(command, ()), code=3)
    text = outcome.err + outcome.out
    assert str(path) in text
    assert command == "verify" or says in outcome.err
    assert path.read_bytes() == contents
    assert [item.name for item in tmp_path.iterdir()] == ["no.wim"]


# What wimlib-imagex takes for --image-property, and sets the same.
ELEMENTS = {
    "a flag": ("FLAGS=Professional",),
    "below another": ("WINDOWS/INSTALLATIONTYPE=Server Core", "WINDOWS/ARCH=9"),
    "several of a name": ("WINDOWS/LANGUAGES/LANGUAGE=de-DE", "WINDOWS/LANGUAGES/LANGUAGE[2]=en-US"),
    "of another program": ("MY.TOOL/Batch-7=a = b & <c>",),
}


def element_tree(path: Path) -> list[tuple[str, str]]:
    """Return the elements of the images as wimlib-imagex takes them out, by their order."""
    xml = subprocess.run(["wimlib-imagex", "info", path, "--xml"], capture_output=True, check=True).stdout
    root = ET.fromstring(xml.decode("utf-16"))  # noqa: S314 - our own
    return [(each.tag, each.text or "") for image in root.iter("IMAGE") for each in image.iter()]


@pytest.mark.foreign
@pytest.mark.parametrize("changes", ELEMENTS.values(), ids=ELEMENTS.keys())
def test_any_element_is_set_as_wimlib_sets_it(copy: Path, tmp_path: Path, changes: tuple[str, ...]) -> None:
    theirs = tmp_path / "theirs.wim"
    shutil.copyfile(copy, theirs)
    judges.wimlib("info", theirs, "1", *(f"--image-property={change}" for change in changes))
    osdimage("info", copy, "--index", "1", *(word for change in changes for word in ("--set", change)))
    assert element_tree(copy) == element_tree(theirs)
    # And taken away again.
    gone = [change.partition("=")[0] + "=" for change in reversed(changes)]
    judges.wimlib("info", theirs, "1", *(f"--image-property={change}" for change in gone))
    osdimage("info", copy, "--index", "1", *(word for change in gone for word in ("--set", change)))
    assert element_tree(copy) == element_tree(theirs)


def test_an_element_of_windows_is_known_in_any_case(copy: Path) -> None:
    document = osdimage("info", copy, "--index", "1", "--set", "windows/Editionid=Pro", "--json").document
    assert document["images"][0]["windows"]["edition"] == "Pro"
    assert "Windows knows no element myTag" in osdimage("info", copy, "--index", "1", "--set", "myTag=Pro").err
    assert "<myTag>Pro</myTag>" in osdimage("info", copy, "--xml").out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param("WINDOWS=x", "WINDOWS holds other elements and no text; name one of them", id="not text"),
        pytest.param("WINDOWS/ARCH=amd64", "a number: 0 for x86, 5 arm, 6 ia64, 9 x64", id="not a number"),
        pytest.param("CREATIONTIME/HIGHPART=12", "such as 0x01D0A7B3", id="half a time"),
        pytest.param("A//B=x", "'A//B' is no path of an element", id="no path"),
        pytest.param("A[0]=x", "'A[0]' is no path of an element", id="no such number"),
        pytest.param("FLAGS[2]=x", "there is no FLAGS[1]; the next one is FLAGS[1]", id="a gap"),
        pytest.param("OSDIMAGE/DISK=x", "the layout of the disk that was captured", id="our own"),
        pytest.param("FLAGS=a\x07", "holds control characters", id="no text"),
        pytest.param("FLAGS", "write PATH=TEXT", id="no value"),
    ],
)
def test_an_element_that_cannot_be_so_is_refused(copy: Path, change: str, told: str) -> None:
    before = copy.read_bytes()
    assert told in osdimage("info", copy, "--index", "1", "--set", change, code=2).err
    assert copy.read_bytes() == before


@pytest.mark.foreign
def test_elements_are_set_at_a_capture_and_at_an_export(small: Path, tmp_path: Path) -> None:
    image, more, solid = tmp_path / "a.wim", tmp_path / "b.wim", tmp_path / "c.esd"
    osdimage("capture", small, image, "--name", "one", "--set", "FLAGS=Core", "--set", "WINDOWS/ARCH=12")
    osdimage("export", image, more, "--set", "FLAGS=Pro", "--set", "creator=Me", "--new-name", "two")
    osdimage("export", image, more, "--set", "DISPLAYNAME=Third", "--new-name", "three")
    osdimage("export", more, solid, "--all", "--set", "WINDOWS/LANGUAGES/DEFAULT=de-DE")
    facts = [(each["Name"], each["Flags"], each["Architecture"]) for each in judges.wimlib_info(solid).images]
    assert facts == [("two", "Pro", "ARM64"), ("three", "Core", "ARM64")]
    told = osdimage("info", solid, "--json").document["images"]
    assert [(each["creator"], each["display_name"]) for each in told] == [("Me", None), (None, "Third")]
    assert [each["windows"]["default_language"] for each in told] == ["de-DE"] * 2


def test_what_a_capture_or_an_export_cannot_set_is_refused_before_it(small: Path, pair: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.wim"
    refused = osdimage("capture", small, new, "--set", "FILECOUNT=5", code=2)
    assert "FILECOUNT is what is counted of the files in the image" in refused.err
    refused = osdimage("capture", small, new, "--set", "LASTMODIFICATIONTIME/LOWPART=0x1", code=2)
    assert "told by the files that are captured" in refused.err
    assert "an option says that" in osdimage("capture", small, new, "--name", "a", "--set", "name=b", code=2).err
    assert "there is no B[1]" in osdimage("capture", small, new, "--set", "A/B[2]=b", code=2).err
    osdimage("export", pair, new, "--all", "--set", "B[3]=x", "--compress", "none", code=2)
    osdimage("export", pair, new, "--all", "--set", "TotalBytes=1", code=2)
    assert not new.exists()


@pytest.mark.parametrize("change", ["TOTALBYTES=1", "filecount=1", "DIRCOUNT=", "HARDLINKBYTES=0"])
def test_what_is_counted_is_not_set(single: Path, change: str) -> None:
    before = single.read_bytes()
    refused = osdimage("info", single, "--set", change, code=2)
    assert "is what is counted of the files in the image, and is not set" in refused.err
    assert single.read_bytes() == before


def test_a_refused_change_is_not_warned_of(single: Path) -> None:
    (line,) = osdimage("info", single, "--set", "WINDOWS=x", code=2).err.splitlines()
    assert "WINDOWS holds other elements and no text" in line


@pytest.mark.foreign
def test_the_image_that_boots_is_chosen_by_its_index(copy: Path) -> None:
    assert "2 images" in osdimage("info", copy, "--boot-index", "1").out
    assert judges.wimlib_info(copy).wim["Boot Index"] == "1"
    osdimage("info", copy, "--boot-index", "0", "--quiet")
    assert judges.wimlib_info(copy).wim["Boot Index"] == "0"
    assert "there is no image 3; it has 2" in osdimage("info", copy, "--boot-index", "3", code=2).err
    osdimage("info", copy, "--index", "1", "--boot", "--boot-index", "1", code=2)

"""WIMs that others made: osdimage reads from them what wimlib-imagex and 7-Zip read."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import trees
from judges import wim as judges
from osdimage.imaging import WimFile
from osdimage.imaging.apply.image import apply_image
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

# What libwim and 7-Zip call the compressions.
COMPRESSIONS = {"None": "none", "XPRESS": "xpress", "LZX": "lzx", "LZMS": "lzms"}


@dataclass(frozen=True, slots=True)
class Foreign:
    """A WIM of the corpus."""

    file: str
    refs: str | None = None


FOREIGN = {
    "Microsoft, LZX": Foreign("mwl_LZX.wim"),
    "Microsoft, XPRESS": Foreign("mwl_XPRESS.wim"),
    "LZMS": Foreign("mwl_LZMS.wim"),
    "boot index": Foreign("mwl_BootLZX.wim"),
    "integrity table": Foreign("mwl_VerifySuccess.wim"),
    "split set": Foreign("mwl_Split.swm", refs="mwl_Split*.swm"),
    "empty DACL": Foreign("wimlib_empty_dacl.wim"),
    "long paths": Foreign("wimlib_longpaths.wim"),
    "written by 7-Zip": Foreign("discutils_TestData.wim"),
}


@pytest.fixture(params=FOREIGN.values(), ids=list(FOREIGN))
def foreign(request: pytest.FixtureRequest) -> Foreign:
    case: Foreign = request.param
    return case


def _open(case: Foreign) -> WimFile:
    folder = judges.corpus() / "wim"
    return WimFile.open(folder / case.file, refs=[str(folder / case.refs)] if case.refs else [])


def _foreign_apply(case: Foreign, image: int, target: Path) -> dict[str, trees.Node]:
    folder = judges.corpus() / "wim"
    refs = [f"--ref={folder / case.refs}"] if case.refs else []
    judges.wimlib("apply", folder / case.file, str(image), target, *refs)
    return trees.read_tree(target)


def test_apply_gives_what_wimlib_applies(foreign: Foreign, tmp_path: Path) -> None:
    with _open(foreign) as wim:
        for image in wim:
            expected = _foreign_apply(foreign, image.index, tmp_path / f"theirs {image.index}")
            apply_image(image, tmp_path / f"ours {image.index}")
            result = trees.read_tree(tmp_path / f"ours {image.index}")
            assert trees.contents(result) == trees.contents(expected)
            assert trees.link_groups(result) == trees.link_groups(expected)


def test_extract_gives_what_wimlib_applies(foreign: Foreign, tmp_path: Path) -> None:
    with _open(foreign) as wim:
        for image in wim:
            expected = _foreign_apply(foreign, image.index, tmp_path / f"theirs {image.index}")
            top = [name for name in expected if name.count("/") == 1]
            image.extract(top, tmp_path / f"ours {image.index}")
            assert trees.contents(trees.read_tree(tmp_path / f"ours {image.index}")) == trees.contents(expected)


def test_entries_have_the_hashes_that_7zip_lists(foreign: Foreign) -> None:
    path = judges.corpus() / "wim" / foreign.file
    with _open(foreign) as wim:
        listed = judges.seven_zip_files(path, images=len(wim))
        for image in wim:
            theirs = {name: item for name, item in listed[image.index].items() if not item.is_stream}
            ours = {entry.path: entry for entry in image.entries() if entry.path != "/"}
            assert set(ours) == set(theirs)
            for name, item in theirs.items():
                entry = ours[name]
                assert bool(entry.attributes & 0x10) == item.is_directory
                if item.sha1 is not None:
                    assert entry.streams[0].sha1 == bytes.fromhex(item.sha1)
                    assert entry.streams[0].size == item.size


def test_info_agrees_with_wimlib(foreign: Foreign) -> None:
    path = judges.corpus() / "wim" / foreign.file
    facts = judges.wimlib_info(path)
    document = osdimage("info", path, "--json").document
    header = document["header"]
    assert header["compression"] == COMPRESSIONS[facts.wim["Compression"]]
    if "Chunk Size" in facts.wim and facts.wim["Compression"] != "None":
        assert f"{header['chunk_size']} bytes" == facts.wim["Chunk Size"]
    assert f"{header['part_number']}/{header['total_parts']}" == facts.wim["Part Number"]
    assert (header["boot_index"] or 0) == int(facts.wim["Boot Index"])
    assert str(header["version"]) == facts.wim["Version"]
    # wimlib prints the bytes of the GUID as they stand, Windows and osdimage as a GUID is written.
    guid = bytes.fromhex(facts.wim["GUID"].removeprefix("0x"))
    assert header["guid"] == str(judges.guid_of(guid))
    assert header["has_integrity_table"] == ("Integrity info" in facts.wim.get("Attributes", ""))
    assert len(document["images"]) == int(facts.wim["Image Count"])
    for image, theirs in zip(document["images"], facts.images, strict=True):
        judges.assert_image_agrees(image, theirs)


def test_the_xml_is_the_one_that_wimlib_shows(foreign: Foreign, tmp_path: Path) -> None:
    path = judges.corpus() / "wim" / foreign.file
    judges.wimlib("info", path, f"--extract-xml={tmp_path / 'theirs.xml'}")
    theirs = (tmp_path / "theirs.xml").read_bytes().decode("utf-16")
    assert osdimage("info", path, "--xml").out.rstrip("\n") == theirs.rstrip("\n")


def test_verify_finds_it_sound(foreign: Foreign) -> None:
    folder = judges.corpus() / "wim"
    refs = ["--ref", str(folder / foreign.refs)] if foreign.refs else []
    (document,) = osdimage("verify", folder / foreign.file, *refs, "--json").document["wims"]
    assert document["problems"] == []
    assert document["images"] == 1


@dataclass(frozen=True, slots=True)
class Hostile:
    """A WIM that is broken, the exit codes of commands, and a word that the error must hold."""

    file: str
    verify: int
    apply: int
    word: str


# wimlib-imagex exits 0 for the last two and drops the entries; 7zz refuses all four.
HOSTILE = {
    "integrity table": Hostile("mwl_VerifyFail.wim", 3, 3, "damaged"),
    "wrong SHA-1": Hostile("wimlib_corrupted_file_1.wim", 3, 3, "SHA-1"),
    "name ..": Hostile("wimlib_dotdot.wim", 3, 3, "not allowed"),
    "two equal names": Hostile("wimlib_duplicate_names.wim", 3, 0, "same"),
}


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE.keys())
def test_broken_wims_are_never_sound_and_never_applied_in_silence(case: Hostile, tmp_path: Path) -> None:
    path = judges.corpus() / "wim-hostile" / case.file
    judges.run("7zz", "t", "-y", "--", path, code=2)
    assert osdimage("verify", path, "--json", code=case.verify).document["wims"][0]["problems"]
    outcome = osdimage("apply", path, tmp_path / "target", code=case.apply)
    assert case.word in outcome.err
    osdimage("apply", path, tmp_path / "strict", "--strict", code=case.apply or 1)


def test_a_part_alone_of_a_split_set_says_what_is_missing(tmp_path: Path) -> None:
    folder = judges.corpus() / "wim"
    shutil.copy(folder / "mwl_Split.swm", tmp_path)
    outcome = osdimage("apply", tmp_path / "mwl_Split.swm", tmp_path / "target", code=3)
    assert f"part 2 of 2 is missing: there is no {tmp_path / 'mwl_Split2.swm'}; --ref says where it is" in outcome.err
    assert not (tmp_path / "target").exists()
    outcome = osdimage("list", folder / "mwl_Split2.swm", code=3)
    assert "first part" in outcome.err


@dataclass(frozen=True, slots=True)
class Medium:
    """What ``wiminfo`` printed for a real Windows medium, and a query that fits one of its images."""

    file: str
    query: tuple[str, ...]
    index: int
    images: int


MEDIA = {
    "Windows 7": Medium("w7_install_wim_info.txt", ("--edition", "Professional"), 4, 5),
    "Windows 8": Medium("w8_install_wim_info.txt", ("--arch", "amd64"), 1, 1),
    "Windows 10": Medium("w10_install_wim_info.txt", ("--edition", "professional", "--language", "en-us"), 6, 11),
    "Windows 10 setup": Medium("w10_boot_wim_info.txt", ("--index", "2"), 2, 2),
    "Windows PE": Medium("winpe_boot_wim_info.txt", ("--edition", "WindowsPE"), 1, 1),
    "Server 2012 R2": Medium("2k12r2_install_wim_info.txt", ("--arch", "x86_64"), 1, 1),
    "Server 2019": Medium("2k19_install_wim_info.txt", ("--name", "Windows Server 2019 SERVERDATACENTER"), 4, 4),
}
# The XML element behind each line of wiminfo (wimlib src/xml.c and xml_windows.c).
ELEMENTS = {
    "Display Name": "DISPLAYNAME",
    "Display Description": "DISPLAYDESCRIPTION",
    "Architecture": "WINDOWS/ARCH",
    "Product Name": "WINDOWS/PRODUCTNAME",
    "Edition ID": "WINDOWS/EDITIONID",
    "Installation Type": "WINDOWS/INSTALLATIONTYPE",
    "HAL": "WINDOWS/HAL",
    "Product Type": "WINDOWS/PRODUCTTYPE",
    "Product Suite": "WINDOWS/PRODUCTSUITE",
    "Languages": "WINDOWS/LANGUAGES/LANGUAGE",
    "Default Language": "WINDOWS/LANGUAGES/DEFAULT",
    "System Root": "WINDOWS/SYSTEMROOT",
    "Major Version": "WINDOWS/VERSION/MAJOR",
    "Minor Version": "WINDOWS/VERSION/MINOR",
    "Build": "WINDOWS/VERSION/BUILD",
    "Service Pack Build": "WINDOWS/VERSION/SPBUILD",
    "Service Pack Level": "WINDOWS/VERSION/SPLEVEL",
    "Flags": "FLAGS",
    "Directory Count": "DIRCOUNT",
    "File Count": "FILECOUNT",
    "Total Bytes": "TOTALBYTES",
    "Hard Link Bytes": "HARDLINKBYTES",
}
ARCHITECTURE_NUMBERS = {"x86": "0", "x86_64": "9", "ARM64": "12"}


def medium(images: list[dict[str, str]], folder: Path) -> Path:
    """Let wimlib-imagex write a WIM of empty images that say of themselves what real ones say."""
    path = folder / "install.wim"
    empty = folder / "empty"
    empty.mkdir()
    for number, facts in enumerate(images, start=1):
        properties = []
        for label, element in ELEMENTS.items():
            if label not in facts:
                continue
            value = ARCHITECTURE_NUMBERS[facts[label]] if label == "Architecture" else facts[label]
            properties.append(f"--image-property={element}={value}")
        verb = "capture" if number == 1 else "append"
        judges.wimlib(verb, empty, path, facts["Name"], facts.get("Description", ""))
        judges.wimlib("info", path, str(number), *properties)
    return path


@pytest.mark.parametrize("case", MEDIA.values(), ids=MEDIA.keys())
def test_images_of_real_media_are_told_apart(case: Medium, tmp_path: Path) -> None:
    text = (judges.corpus() / "wiminfo-text" / case.file).read_text(encoding="utf-8")
    facts = judges.parse_wimlib_info(text)
    assert len(facts.images) == case.images
    path = medium(facts.images, tmp_path)
    again = judges.wimlib_info(path)
    document = osdimage("info", path, "--json").document
    for image, theirs in zip(document["images"], again.images, strict=True):
        judges.assert_image_agrees(image, theirs)
    chosen = osdimage("info", path, *case.query, "--json").document["images"]
    assert [image["index"] for image in chosen] == [case.index]
    osdimage("apply", path, tmp_path / "target", *case.query)
    if case.images > 1:
        outcome = osdimage("apply", path, tmp_path / "other", code=2)
        listed = [line for line in outcome.err.splitlines() if line.startswith("  ")]
        assert len(listed) == case.images
        for line, theirs in zip(listed, facts.images, strict=True):
            assert theirs["Name"] in line
            assert theirs.get("Edition ID", "") in line

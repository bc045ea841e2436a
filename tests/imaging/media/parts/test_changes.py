"""Files that a medium gets besides, has in the place of others, or loses."""

from __future__ import annotations

from pathlib import Path

import pytest
from osdimage.imaging.disc import BytesContents
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError
from osdimage.imaging.media import Medium, MediumChanges, MediumFile, PlacedSource, changed_files
from osdimage.imaging.media.parts.changes import changed_medium, check_setup_answers

FILES = [
    MediumFile(path, BytesContents(b"old"), 0, "disc") for path in ("Sources/install.wim", "sources/x/y", "setup.exe")
]
ANSWERS = """\
<unattend xmlns="urn:schemas-microsoft-com:unattend">
  <settings pass="{name}">
    <component name="Microsoft-Windows-{component}" processorArchitecture="amd64"
      publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS"/>
  </settings>
</unattend>
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "b").write_bytes(b"bb")
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "link").symlink_to("one")
    return tmp_path


def told(changes: MediumChanges) -> list[tuple[str, int, str]]:
    return [(each.path, each.size, each.origin) for each in changed_files(FILES, changes)]


@pytest.mark.usefixtures("here")
def test_files_go_are_replaced_and_come_in_this_order() -> None:
    changes = MediumChanges(
        removed=(r"\SOURCES\X",),
        replaced=(PlacedSource(Path("one"), "/sources/INSTALL.wim"),),
        added=(PlacedSource(Path("tree"), "/"), PlacedSource(Path("link"), "sources/x/y")),
        answers=Path("one"),
    )
    assert told(changes) == [
        ("Sources/install.wim", 1, "one"),
        ("Sources/x/y", 1, "link"),
        ("autounattend.xml", 1, "one"),
        ("setup.exe", 3, "disc"),
        ("sub/b", 2, "tree/sub/b"),
    ]


@pytest.mark.usefixtures("here")
def test_a_folder_is_added_with_all_that_is_in_it_and_not_its_name() -> None:
    changes = MediumChanges(added=(PlacedSource(Path("tree"), "docs/here/"),))
    assert ("docs/here/sub/b", 2, "tree/sub/b") in told(changes)


@pytest.mark.usefixtures("here")
def test_what_cannot_be_is_told_all_at_once() -> None:
    changes = MediumChanges(
        removed=("nothing", "/"),
        replaced=(PlacedSource(Path("one"), "new.exe"), PlacedSource(Path("tree"), "setup.exe")),
        added=(PlacedSource(Path("one"), "SETUP.EXE"), PlacedSource(Path("one"), "a"), PlacedSource(Path("link"), "A")),
    )
    with pytest.raises(InvalidRequest) as caught:
        told(changes)
    assert str(caught.value).split("; ") == [
        "'nothing' cannot be removed: the medium has no such file or folder",
        "'/' cannot be removed: the medium has no such file or folder",
        "'new.exe' cannot be replaced: the medium has no such file",
        "'setup.exe' cannot be replaced by tree, which is a folder",
        "'SETUP.EXE' cannot be added: the medium has one already, of disc",
        "'A' cannot be added: the medium has one already, of one",
    ]


def test_sources_that_are_no_files_are_refused(here: Path) -> None:
    (here / "tree" / "link").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInput, match=r"'link' \(a symbolic link\)"):
        told(MediumChanges(added=(PlacedSource(Path("tree"), "x"),)))
    with pytest.raises(StorageError, match="No such file"):
        told(MediumChanges(added=(PlacedSource(Path("missing"), "x"),)))
    with pytest.raises(InvalidRequest, match="is that of a device"):
        told(MediumChanges(added=(PlacedSource(Path("one"), "nul.txt"),)))


def test_an_answer_file_is_judged_as_windows_setup_reads_it(tmp_path: Path) -> None:
    answers = tmp_path / "answers.xml"
    answers.write_text(ANSWERS.format(name="windowsPE", component="Setup"), encoding="ascii")
    assert check_setup_answers(answers, FILES, "x64") == ()
    (ignored,) = check_setup_answers(answers, FILES, "x86")
    assert ignored.startswith(f"{answers}: ")
    assert "amd64" in ignored
    assert check_setup_answers(answers, FILES[:1], "x64") == (
        f"{answers}: Windows Setup alone reads autounattend.xml, and the medium has no sources/setup.exe",
    )
    answers.write_text("<unattend", encoding="ascii")
    with pytest.raises(InvalidInput, match=str(answers)):
        check_setup_answers(answers, FILES, "x64")


def test_it_is_told_when_what_starts_a_medium_is_left_out() -> None:
    names = [
        "BOOTMGR",
        "boot/bcd",
        "boot/fonts/a.ttf",
        "EFI/Microsoft/Boot/BCD",
        "efi/boot/bootx64.efi",
        "sources/boot2.wim",
    ]
    medium = Medium("X", tuple(MediumFile(each, BytesContents(b""), 0, "made") for each in names), None, ("before",))
    changed = changed_medium(medium, MediumChanges(removed=("bootmgr", "boot", "efi", "sources")))
    told = "without 'BOOTMGR', 'boot/bcd', 'EFI/Microsoft/Boot/BCD', 'efi/boot/bootx64.efi', 'sources/boot2.wim', which"
    assert changed.files == ()
    assert changed.warnings[0] == "before"
    assert changed.warnings[1].startswith(told)
    assert changed_medium(medium, MediumChanges(removed=("boot/fonts",))).warnings == ("before",)

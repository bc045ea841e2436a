"""What a task sequence brings to its media."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import udf
from judges import wim as wim_judges
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.media.sequence.content import GivenSequence, SequenceContent, content_of
from osdimage.imaging.media.sequence.settings import MediaSettings, settings_to_json

ONE = (GivenSequence("ABC00010", "Deploy", b"<sequence/>"),)
SETTINGS = MediaSettings({"A": "1"})


def content(packages: dict[str, Path] | None = None, *sequences: GivenSequence, **more: object) -> SequenceContent:
    options = {"seal": None, "modified_ns": 7, **more}
    return content_of(sequences or ONE, packages or {}, SETTINGS, **options)  # type: ignore[arg-type]


def contents(found: SequenceContent) -> dict[str, bytes]:
    files = {each.path: each for each in found.files}
    files |= {f"{package.path}/{each.path}": each for package in found.packages for each in package.files}
    return {path: b"".join(each.contents.pieces()) for path, each in files.items()}


def test_files_and_folders_are_packages_below_their_ids(tmp_path: Path) -> None:
    folder = tmp_path / "drivers"
    (folder / "Net").mkdir(parents=True)
    (folder / "Net" / "a.inf").write_bytes(b"inf")
    wim = tmp_path / "install.wim"
    wim.write_bytes(b"wim of 16 bytes.")
    link = tmp_path / "current.wim"
    link.symlink_to("install.wim")
    found = content({"P1": wim, "P2": folder, "P3": link})
    assert contents(found) == {
        "osdimage/sequence.xml": b"<sequence/>",
        "osdimage/variables.json": settings_to_json(SETTINGS),
        "osdimage/packages/P1/install.wim": b"wim of 16 bytes.",
        "osdimage/packages/P2/Net/a.inf": b"inf",
        "osdimage/packages/P3/current.wim": b"wim of 16 bytes.",
    }
    assert [(each.identifier, each.name) for each in found.packages] == [
        ("P1", "install.wim"),
        ("P2", "drivers"),
        ("P3", "current.wim"),
    ]
    assert [(each.identifier, each.path) for each in found.sequences] == [("ABC00010", "osdimage/sequence.xml")]


@pytest.mark.foreign
def test_a_wim_is_called_so_and_comes_with_its_parts(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for number in range(3):
        (tmp_path / "tree" / str(number)).write_bytes(bytes([number]) * 700_000)
    wim_judges.wimlib("capture", tmp_path / "tree", tmp_path / "image", "Image", "--compress=none")
    wim_judges.wimlib("split", tmp_path / "image", tmp_path / "parts.swm", "1")
    found = content({"P1": tmp_path / "image", "P2": tmp_path / "parts.swm"})
    assert [[each.path for each in package.files] for package in found.packages] == [
        ["image.wim"],
        ["parts.swm", "parts2.swm", "parts3.swm"],
    ]


def test_files_and_folders_of_discs_stay_where_they_are(tmp_path: Path) -> None:
    files = [udf.Node("Boot.wim", b"boot"), udf.Node("Install.wim", b"install")]
    disc = tmp_path / "windows.iso"
    disc.write_bytes(udf.build(udf.Node(children=[udf.Node("Sources", children=files)])).data)
    found = content({"P1": Path(f"{disc}!sources/install.wim"), "P2": Path(f"{disc}!sources")})
    assert {path: data for path, data in contents(found).items() if "packages" in path} == {
        "osdimage/packages/P1/Install.wim": b"install",
        "osdimage/packages/P2/Boot.wim": b"boot",
        "osdimage/packages/P2/Install.wim": b"install",
    }
    with pytest.raises(InvalidRequest, match="nothing of this name"):
        content({"P1": Path(f"{disc}!other")})


def test_several_sequences_have_files_of_their_own() -> None:
    found = content({}, *ONE, GivenSequence("ABC00011", "Repair", b"<repair/>"))
    assert [(each.identifier, each.name, each.path) for each in found.sequences] == [
        ("ABC00010", "Deploy", "osdimage/sequence.xml"),
        ("ABC00011", "Repair", "osdimage/sequence-2.xml"),
    ]


def test_a_password_hides_the_sequences_and_the_variables_alone(tmp_path: Path) -> None:
    wim = tmp_path / "install.wim"
    wim.write_bytes(b"readable")
    found = content({"P1": wim}, seal=lambda data: data[::-1])
    assert contents(found) == {
        "osdimage/sequence.xml.enc": b">/ecneuqes<",
        "osdimage/variables.json.enc": settings_to_json(SETTINGS)[::-1],
        "osdimage/packages/P1/install.wim": b"readable",
    }
    assert found.variables.is_encrypted
    assert found.sequences[0].is_encrypted


@pytest.mark.parametrize(
    ("identifier", "told"),
    [
        pytest.param("CON", "CON", id="a device"),
        pytest.param("a/b", "a/b", id="two names"),
        pytest.param("x" * 65, "longer than 64", id="too long"),
        pytest.param("P1.", "P1.", id="a dot at the end"),
    ],
)
def test_an_id_has_to_be_the_name_of_a_folder(tmp_path: Path, identifier: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        content({identifier: tmp_path})


def test_ids_are_compared_without_case(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(InvalidRequest, match="p1 is there twice"):
        content({"P1": tmp_path, "p1": tmp_path})


def test_what_no_medium_takes_is_refused(tmp_path: Path) -> None:
    empty, links = tmp_path / "empty", tmp_path / "links"
    empty.mkdir()
    links.mkdir()
    (links / "link").symlink_to("elsewhere")
    with pytest.raises(InvalidInput, match="has no files"):
        content({"P1": empty})
    with pytest.raises(InvalidInput, match="a symbolic link"):
        content({"P1": links})
    with pytest.raises(InvalidRequest, match="catalog of drivers"):
        content({"P1": Path("catalog:Model X")})

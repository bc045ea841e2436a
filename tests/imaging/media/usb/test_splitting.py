"""WIMs that FAT32 cannot hold, cut into parts; wimlib reads the parts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cases import sticks
from judges import disk as disk_judges
from judges import wim as judges
from osdimage.imaging.disc import BytesContents, FileContents, contents_of_file, open_disc
from osdimage.imaging.errors import InvalidInput, InvalidRequest, TargetRefused
from osdimage.imaging.media import Medium, MediumFile
from osdimage.imaging.media.usb.layout import StickLayout
from osdimage.imaging.media.usb.splitting import Fitted, fitted
from osdimage.imaging.units import KIB, MIB

SIZES = (700_000, 400_000, 300_001, 5)
PART = MIB


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("split")
    (where / "tree").mkdir()
    for number, size in enumerate(SIZES):
        (where / "tree" / f"{number}.bin").write_bytes(random.Random(number).randbytes(size))
    return where


@pytest.fixture(scope="module")
def wim(folder: Path) -> Path:
    judges.run("wimlib-imagex", "capture", folder / "tree", folder / "install.wim", "Windows", "--check")
    return folder / "install.wim"


@pytest.fixture(scope="module")
def esd(folder: Path) -> Path:
    judges.run("wimlib-imagex", "capture", folder / "tree", folder / "install.esd", "Windows", "--solid")
    return folder / "install.esd"


def taken(path: Path, name: str = "sources/install.wim") -> MediumFile:
    return MediumFile(name, contents_of_file(path), sticks.MODIFIED_NS, path.name)


def written(medium: Medium, folder: Path) -> list[Path]:
    """Write the parts of a medium to a folder."""
    folder.mkdir()
    paths = [folder / Path(each.path).name for each in medium.files if each.path.endswith(".swm")]
    for path, each in zip(paths, (each for each in medium.files if each.path.endswith(".swm")), strict=True):
        with path.open("wb") as file:
            each.contents.copy_to(file.fileno(), 0, lambda _: None)
        assert path.read_bytes() == b"".join(each.contents.pieces())
    return paths


def require_whole(parts: list[Path], tree: Path, to: Path) -> None:
    """Let wimlib verify the parts and apply them, and compare what comes of it."""
    first = next(each for each in parts if each.name == "install.swm")
    refs = f"--ref={first.with_name('install*.swm')}"
    judges.run("wimlib-imagex", "verify", first, refs)
    judges.run("wimlib-imagex", "apply", first, "1", to, refs)
    assert {each.name: each.read_bytes() for each in to.iterdir()} == {
        each.name: each.read_bytes() for each in tree.iterdir()
    }


@pytest.mark.foreign
def test_a_wim_is_cut_into_parts_without_a_copy_of_it(wim: Path, folder: Path, tmp_path: Path) -> None:
    medium = sticks.medium([taken(wim), sticks.file("sources/lang.ini", b"x")])
    with fitted(medium, StickLayout.FAT32, part_bytes=PART) as found:
        assert [each.path for each in found.medium.files] == [
            *("sources/install.swm", "sources/install2.swm", "sources/lang.ini")
        ]
        assert (found.split, found.exported) == ((("sources/install.wim", 2),), ())
        assert found.medium.files[1].origin == "install.wim, part 2 of 2"
        assert all(each.size <= PART for each in found.medium.files)
        # In memory are the tables alone: what is copied is read from the WIM.
        in_memory = [
            part.size
            for each in found.medium.files[:2]
            for part in each.contents.parts  # type: ignore[union-attr]
            if isinstance(part, BytesContents)
        ]
        assert sum(in_memory) < 16 * KIB
        require_whole(written(found.medium, tmp_path / "parts"), folder / "tree", tmp_path / "out")


@pytest.mark.foreign
def test_parts_are_the_same_each_time(wim: Path) -> None:
    def parts() -> list[bytes]:
        with fitted(sticks.medium([taken(wim)]), StickLayout.FAT32, part_bytes=PART) as found:
            return [b"".join(each.contents.pieces()) for each in found.medium.files]

    assert parts() == parts()


@pytest.mark.foreign
def test_what_is_compressed_together_is_compressed_again_first(esd: Path, folder: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    medium = sticks.medium([taken(esd, "sources/install.esd")])
    with fitted(medium, StickLayout.FAT32, part_bytes=PART, scratch=scratch) as found:
        assert found.exported == ("sources/install.esd",)
        (warning,) = found.medium.warnings
        assert warning.startswith("'sources/install.esd' is compressed again for it")
        require_whole(written(found.medium, tmp_path / "parts"), folder / "tree", tmp_path / "out")
        assert list(scratch.iterdir())
    assert not list(scratch.iterdir())


@pytest.mark.foreign
def test_a_wim_on_a_disc_is_cut_where_it_is(wim: Path, folder: Path, tmp_path: Path) -> None:
    iso = folder / "setup.iso"
    (folder / "disc" / "sources").mkdir(parents=True)
    (folder / "disc" / "sources" / "install.wim").write_bytes(wim.read_bytes())
    disk_judges.run(["genisoimage", "-quiet", "-udf", "-o", iso, folder / "disc"])
    with open_disc(iso) as disc:
        file = disc.find("sources/install.wim")
        assert file is not None
        facts = iso.stat()
        contents = FileContents(iso, tuple(disc.extents(file)), facts.st_size, facts.st_mtime_ns)
    medium = sticks.medium([MediumFile("sources/install.wim", contents, 0, "setup.iso")])
    with fitted(medium, StickLayout.FAT32, part_bytes=PART) as found:
        require_whole(written(found.medium, tmp_path / "parts"), folder / "tree", tmp_path / "out")


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("name", "layout"),
    [
        pytest.param("sources/install.wim", StickLayout.FAT32_NTFS, id="what goes to NTFS"),
        pytest.param("sources/boot.wim", StickLayout.FAT32, id="the boot image"),
        pytest.param("sources/boot2.wim", StickLayout.FAT32, id="a second boot image"),
        pytest.param("osdimage/packages/A.wim", StickLayout.FAT32, id="what belongs to a sequence"),
    ],
)
def test_what_stays_whole(wim: Path, name: str, layout: StickLayout) -> None:
    medium = sticks.medium([taken(wim, name)])
    with fitted(medium, layout, part_bytes=PART) as found:
        assert found == Fitted(medium)


def test_what_is_no_wim_stays_whole() -> None:
    medium = sticks.medium([sticks.file("a.bin", bytes(2 * MIB))])
    with fitted(medium, StickLayout.FAT32, part_bytes=PART) as found:
        assert found == Fitted(medium)


@pytest.mark.foreign
def test_what_cannot_be_cut_is_refused(wim: Path) -> None:
    in_memory = MediumFile("sources/install.wim", BytesContents(wim.read_bytes()), 0, "made")
    with (
        pytest.raises(TargetRefused, match=r"where it is \(made\) it cannot be cut into parts"),
        fitted(sticks.medium([in_memory]), StickLayout.FAT32, part_bytes=PART),
    ):
        pass
    twice = [taken(wim), sticks.file("sources/INSTALL2.SWM", b"x")]
    with (
        pytest.raises(InvalidInput, match="would have one place"),
        fitted(sticks.medium(twice), StickLayout.FAT32, part_bytes=PART),
    ):
        pass


@pytest.mark.parametrize("size", [pytest.param(1024, id="too small"), pytest.param(1 << 32, id="4 GiB")])
def test_parts_that_fat32_cannot_hold_are_refused(size: int) -> None:
    with (
        pytest.raises(InvalidRequest, match="are not possible on FAT32; valid are 4096 to 4294967295"),
        fitted(sticks.medium([]), StickLayout.FAT32, part_bytes=size),
    ):
        pass


@pytest.mark.foreign
def test_a_file_that_is_larger_than_a_part_makes_its_part_larger(wim: Path, folder: Path, tmp_path: Path) -> None:
    with fitted(sticks.medium([taken(wim)]), StickLayout.FAT32, part_bytes=600_000) as found:
        assert max(each.size for each in found.medium.files) > 700_000
        require_whole(written(found.medium, tmp_path / "parts"), folder / "tree", tmp_path / "out")

"""WIMs at a place in another file: what is read, what stands in for them, and what hostile ones claim."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from cases import discs
from cases.discs import WimDisc
from hypothesis import given
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging import CorruptWim, InvalidInput, TargetRefused, WimFile, WimImage, apply_image
from osdimage.imaging.apply import ApplyOptions, Engine
from osdimage.imaging.disc import Disc, DiscExtent, DiscFile, open_disc
from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.wim.copied import export
from osdimage.imaging.wim.opening import open_wim
from osdimage.imaging.wim.placed import on_disc, place, stand_in
from osdimage.imaging.wim.placed.stand_in import StandIn
from osdimage.imaging.wim.stored import integrity
from osdimage.imaging.wim.stored.format import BLOB_STRUCT, HEADER_SIZE, INTEGRITY_STRUCT, Header
from osdimage.native.status import WimlibCode, WimlibError


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> WimDisc:
    return discs.make_wim_disc(tmp_path_factory.mktemp("placed"))


def extent_of(iso: Path, name: str) -> DiscExtent:
    with open_disc(iso) as opened:
        file = opened.find(name)
        assert file is not None
        (extent,) = opened.extents(file)
    return extent


# ---- where the bytes are


@pytest.mark.foreign
def test_a_file_of_a_disc_is_read_where_it_lies_and_no_further(disc: WimDisc) -> None:
    # 7zz takes the same bytes out of the disc.
    expected = Path(disc.plain("install.wim")).read_bytes()
    with place.opened_file(Path(disc.on_disc("install.wim"))) as file:
        assert file.size == len(expected)
        assert file.read(len(expected) + 100_000, 0) == expected
        assert file.read(100, len(expected) - 10) == expected[-10:]
        assert file.read(100, len(expected)) == b""
        assert os.pread(file.descriptor, 10, file.begin) == expected[:10]
    theirs = disc.iso.with_name("theirs")
    judges.run("7zz", "e", "-tudf", f"-o{theirs}", "-y", disc.iso, "sources/install.wim")
    assert (theirs / "install.wim").read_bytes() == expected


@pytest.mark.foreign
def test_patterns_fit_files_of_discs(disc: WimDisc, tmp_path: Path) -> None:
    shutil.copy(disc.iso, tmp_path / "a[1].iso")
    lead = f"{tmp_path}/a[[]1].iso!"
    found = on_disc.paths_fitting(f"{lead}sources/parts*.SWM")
    assert found == [f"{tmp_path}/a[1].iso!sources/{name}" for name in discs.PARTS]
    assert on_disc.paths_fitting(f"{lead}/*/install.*") == [
        f"{tmp_path}/a[1].iso!/sources/install.esd",
        f"{tmp_path}/a[1].iso!/sources/install.wim",
    ]
    assert on_disc.paths_fitting(f"{lead}readme.txt/*") == []
    assert on_disc.paths_fitting(f"{tmp_path}/*.udf!sources/*") == []


@pytest.mark.foreign
def test_two_names_of_a_file_on_a_disc_are_one(disc: WimDisc, tmp_path: Path) -> None:
    (tmp_path / "link.iso").symlink_to(disc.iso)
    names = (
        disc.on_disc("install.wim"),
        f"{tmp_path}/link.iso!SOURCES/Install.wim",
        f"{disc.iso}!/sources/install.wim",
    )
    assert len({place.identity(Path(each)) for each in names}) == 1
    assert place.identity(Path(names[0])) != place.identity(Path(disc.on_disc("install.esd")))


@pytest.mark.foreign
def test_a_file_in_several_pieces_is_refused(disc: WimDisc, monkeypatch: pytest.MonkeyPatch) -> None:
    extents = Disc.extents

    def cut(self: Disc, file: DiscFile) -> tuple[DiscExtent, ...]:
        (one,) = extents(self, file)
        assert one.offset is not None
        return DiscExtent(one.offset, 2048), DiscExtent(one.offset + 4096, one.size - 2048)

    monkeypatch.setattr(Disc, "extents", cut)
    with pytest.raises(InvalidInput, match=r"lies in 2 pieces on the disc.*take it out of there first"):
        WimFile.open(f"{disc.iso}!SOURCES/checked.wim")


@pytest.mark.parametrize("name", ["!", "x!", "!x", "nothing!x", "nothing!a/b!c", "x" * 300 + "!y", "a\0!b"])
def test_what_is_no_path_of_a_disc_is_one_of_this_machine(name: str, tmp_path: Path) -> None:
    assert on_disc.disc_path(f"{tmp_path}/{name}") is None
    assert on_disc.disc_path(f"{tmp_path}!{name}") is None
    assert on_disc.file_of(tmp_path / "x!y") == tmp_path / "x!y"
    on_disc.refuse_on_disc(tmp_path / "x!y")


def test_the_first_mark_behind_a_file_divides(tmp_path: Path) -> None:
    (tmp_path / "a!b.iso").touch()
    found = on_disc.disc_path(f"{tmp_path}/a!b.iso!c!d/e.wim")
    assert found == on_disc.DiscPath(tmp_path / "a!b.iso", "c!d/e.wim")
    # What is no disc may stand before the mark of a new file.
    (tmp_path / "x").write_bytes(bytes(100_000))
    on_disc.refuse_on_disc(tmp_path / "x!new.wim")


# ---- what stands in for a WIM


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8),
    st.integers(0, 5),
)
def test_ranges_are_those_of_sets(ranges: list[tuple[int, int]], taken: list[tuple[int, int]], gap: int) -> None:
    def points(each: list[tuple[int, int]]) -> set[int]:
        return {point for begin, end in each for point in range(begin, end)}

    united = stand_in._united(ranges)
    assert points(united) == points(ranges)
    assert all(a[1] < b[0] for a, b in pairwise(united))
    assert points(stand_in._united(ranges, gap=gap)) >= points(ranges)
    left = list(stand_in._without(united, stand_in._united(taken)))
    assert points(left) == points(ranges) - points(taken)
    assert left == stand_in._united(left)


@pytest.mark.foreign
def test_what_stands_in_for_a_wim_is_for_the_owner_and_leaves_nothing(
    disc: WimDisc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made: list[tuple[int, int]] = []
    begin = StandIn._begin

    def looked_at(self: StandIn) -> None:
        facts = self.path.stat()
        made.append((facts.st_mode & 0o7777, self.path.parent.stat().st_mode & 0o7777))
        begin(self)

    monkeypatch.setattr(StandIn, "_begin", looked_at)
    with WimFile.open(disc.on_disc("install.wim")) as wim:
        assert made == [(0o600, 0o700)]
        assert list(tmp_path.iterdir()) == []
        assert wim.image(2).entries()
    assert list(tmp_path.iterdir()) == []


def carry_out(verb: str, image: WimImage, wim: WimFile, where: Path) -> None:
    if verb == "apply":
        apply_image(image, where / "to", ApplyOptions(engine=Engine.LIBWIM))
    elif verb == "extract":
        image.extract(["/noise.bin"], where / "to")
    else:
        options = export.ExportOptions(recompress=verb == "export again")
        export.export_images(wim, where / "x.wim", options, images=[image])


@contextmanager
def nothing_provided(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave out what every use of libwim for contents goes through."""
    with monkeypatch.context() as patched:
        patched.setattr(StandIn, "provide_contents", lambda *_: None)
        yield


@pytest.mark.foreign
@pytest.mark.parametrize("name", ["install.wim", "none.wim", "install.esd"])
@pytest.mark.parametrize("verb", ["apply", "extract", "export", "export again"])
def test_contents_that_were_not_copied_are_an_error_and_no_zeros(
    name: str, verb: str, disc: WimDisc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "as_stored", lambda *_, **__: None)
    with WimFile.open(disc.on_disc(name)) as wim, nothing_provided(monkeypatch), pytest.raises(CorruptWim):
        carry_out(verb, wim.image(2), wim, tmp_path)


@pytest.mark.foreign
def test_a_wim_is_not_opened_for_writing_on_a_disc(disc: WimDisc) -> None:
    with pytest.raises(TargetRefused, match="is on a disc, which is not written"):
        open_wim(Path(disc.on_disc("install.wim")), write=True)


# ---- what others made


@pytest.fixture
def lying(disc: WimDisc, tmp_path: Path) -> Path:
    """Return a disc with a WIM whose table says of the largest contents that they are in the file behind it."""
    folder, iso = tmp_path / "lying", tmp_path / "lying.iso"
    folder.mkdir()
    shutil.copy(disc.plain("none.wim"), folder / "a.wim")
    shutil.copy(disc.trees["second"] / "noise.bin", folder / "b.bin")
    discs.make_iso(folder, iso)
    wim, noise = extent_of(iso, "a.wim"), extent_of(iso, "b.bin")
    assert wim.offset is not None
    assert noise.offset is not None
    assert noise.offset > wim.offset
    data = bytearray((folder / "a.wim").read_bytes())
    table = Header.parse(bytes(data[:HEADER_SIZE])).blob_table
    for at in range(table.offset, table.offset + table.stored_size, BLOB_STRUCT.size):
        packed, offset, size, *more = BLOB_STRUCT.unpack_from(data, at)
        if size == discs.NOISE:
            # What it had is gone, so that only the other file has it.
            data[offset : offset + size] = bytes(size)
            BLOB_STRUCT.pack_into(data, at, packed, noise.offset - wim.offset, size, *more)
    with iso.open("r+b") as file:
        file.seek(wim.offset)
        file.write(data)
    (tmp_path / "plain.wim").write_bytes(data)
    return iso


@pytest.mark.foreign
@pytest.mark.parametrize("engine", [Engine.AUTO, Engine.LIBWIM])
def test_what_a_wim_claims_beyond_its_end_is_not_read_of_the_disc(engine: Engine, lying: Path, tmp_path: Path) -> None:
    said = []
    for name in (f"{lying}!a.wim", str(tmp_path / "plain.wim")):
        with WimFile.open(name) as wim, pytest.raises(CorruptWim) as caught:
            apply_image(wim.image(2), tmp_path / "to", ApplyOptions(engine=engine))
        said.append(str(caught.value).replace(name, "WIM"))
        assert not (tmp_path / "to" / "noise.bin").exists() or not any((tmp_path / "to" / "noise.bin").read_bytes())
        shutil.rmtree(tmp_path / "to", ignore_errors=True)
    assert said[0] == said[1]
    for name in (f"{lying}!a.wim", str(tmp_path / "plain.wim")):
        with WimFile.open(name) as wim:
            (problem,) = wim.verify().problems
            assert "lies beyond the end of the file" in str(problem)
            with pytest.raises(OsdImageError):
                wim.image(2).files().read("noise.bin")
            with pytest.raises(CorruptWim):
                wim.image(2).extract(["/noise.bin"], tmp_path / "to")


@pytest.mark.foreign
def test_a_disc_that_is_cut_off_is_damaged(disc: WimDisc, tmp_path: Path) -> None:
    extent = extent_of(disc.iso, "sources/install.wim")
    assert extent.offset is not None
    cut = tmp_path / "cut.iso"
    cut.write_bytes(disc.iso.read_bytes()[: extent.offset + extent.size // 2])
    with pytest.raises(InvalidInput, match=r"cut\.iso"):
        WimFile.open(f"{cut}!sources/install.wim")


@pytest.mark.foreign
@pytest.mark.parametrize("at", [0, 24, 48, 56, 72, 80])
def test_a_header_that_claims_too_much_is_refused_as_that_of_a_file(at: int, disc: WimDisc, tmp_path: Path) -> None:
    iso, plain = tmp_path / "x.iso", tmp_path / "x.wim"
    shutil.copy(disc.iso, iso)
    shutil.copy(disc.plain("install.wim"), plain)
    extent = extent_of(iso, "sources/install.wim")
    assert extent.offset is not None
    for path, begin in ((iso, extent.offset), (plain, 0)):
        with path.open("r+b") as file:
            file.seek(begin + at)
            file.write(struct.pack("<Q", 1 << 40))
    said = []
    for name in (f"{iso}!sources/install.wim", str(plain)):
        try:
            with WimFile.open(name) as wim:
                said.append(f"{len(wim)} images")
        except OsdImageError as error:
            said.append(f"{type(error).__name__}: {error}".replace(name, "WIM"))
    assert said[0] == said[1]


def test_a_table_of_a_wim_that_ends_in_its_header_is_none(tmp_path: Path) -> None:
    # As libwim has it (wimlib 1.14.4, src/integrity.c, check_wim_integrity()).
    (tmp_path / "table").write_bytes(INTEGRITY_STRUCT.pack(INTEGRITY_STRUCT.size, 0, 1 << 20).rjust(220, b"\0"))
    header = Header.parse(bytes(HEADER_SIZE))
    header = replace(header, integrity=replace(header.integrity, offset=208, stored_size=12, size=12))
    with place.opened_file(tmp_path / "table") as file, pytest.raises(WimlibError) as caught:
        integrity.compare(file, header, None)
    assert caught.value.code is WimlibCode.INVALID_INTEGRITY_TABLE

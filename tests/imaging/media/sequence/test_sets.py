"""Files laid out over the discs of a set: to the byte, never above the capacity, nothing lost, always the same."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges.schemas import judge
from osdimage.imaging.disc import (
    BytesContents,
    DiscExtent,
    DiscSettings,
    FileContents,
    NewFile,
    contents_of_file,
    plan_disc,
)
from osdimage.imaging.errors import InvalidInput, InvalidRequest, OsdImageError, StorageError, TooSmall
from osdimage.imaging.media import (
    DISC_SIZES,
    IsoOptions,
    ManifestImage,
    MediaKind,
    MediaManifest,
    Medium,
    MediumFile,
    PackageContent,
    Runner,
    SetOptions,
    disc_path,
    manifest_from_json,
    pack,
    plan_iso,
    plan_set,
    write_iso,
)
from osdimage.imaging.media.sequence.manifest import MANIFEST, SIGNATURE, SUMS
from osdimage.imaging.media.sequence.sets.room import DiscRoom

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ABOUT = MediaManifest(
    MediaKind.STANDALONE,
    "WINDOWS",
    NOW,
    "osdimage 0.1",
    boot_image=ManifestImage("sources/boot.wim", 1, "Windows PE"),
    architecture="x64",
    runner=Runner.LINUX,
)


def of_size(path: str, size: int) -> MediumFile:
    """Return a file of which nothing is but its size; it shares its contents with none."""
    return MediumFile(path, FileContents(Path("/", path), (DiscExtent(0, size),) if size else (), size, 0), 0, "here")


def holding(path: str, data: bytes) -> MediumFile:
    return MediumFile(path, BytesContents(data), 0, "here")


def options(capacity: int | None = None, **more: object) -> SetOptions:
    return replace(SetOptions(ABOUT, UUID(int=7), capacity), **more)  # type: ignore[arg-type]


def base(size: int = 100_000) -> Medium:
    return Medium("", (holding("bootmgr", b"b" * 1000), holding("sources/boot.wim", b"w" * size)), None, ("beware",))


def sizes_of(media: Sequence[Medium], capacity: int | None = None) -> list[int]:
    """Return how large the discs are, by what lays them out."""
    return [
        plan_iso(each, IsoOptions(0, "0" * 16, number, len(media), capacity)).size
        for number, each in enumerate(media, 1)
    ]


def manifest_of(medium: Medium) -> MediaManifest:
    (found,) = (each for each in medium.files if each.path == MANIFEST)
    assert isinstance(found.contents, BytesContents)
    judge(json.loads(found.contents.data), "media-manifest")
    return manifest_from_json(found.contents.data, source="x")


NAMES = st.text(st.sampled_from("abcü日 "), min_size=1, max_size=12).map(lambda text: f"{text.strip()}x")
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(PATHS.map(lambda path: f"{path}.f"), st.integers(0, 20_000), max_size=30), st.data())
def test_room_is_counted_as_discs_are_laid_out_and_can_be_taken_back(
    files: dict[str, int], data: st.DataObject
) -> None:
    room = DiscRoom()
    for path, size in files.items():
        if data.draw(st.booleans()):
            before = room.size
            taken = room.add([("more/" + path, size), ("other.f", 5000)])
            assert room.size > before
            taken.back()
            assert room.size == before
        room.add([(path, size)])
    laid_out = plan_disc(
        [NewFile(path, of_size(path, size).contents, 0) for path, size in files.items()], DiscSettings("X", 0)
    )
    assert room.size == laid_out.size


def test_large_files_take_what_they_take_on_a_disc() -> None:
    files = [(f"{number}", 100_000 + number * 2000) for number in range(20)]
    room = DiscRoom()
    room.add(files)
    laid_out = plan_disc([NewFile(path, of_size(path, size).contents, 0) for path, size in files], DiscSettings("X", 0))
    assert room.size == laid_out.size


def test_many_names_in_a_directory_take_more_blocks() -> None:
    files = [(f"folder/{number:05}", number) for number in range(300)]
    room = DiscRoom()
    room.add(files)
    laid_out = plan_disc([NewFile(path, of_size(path, size).contents, 0) for path, size in files], DiscSettings("X", 0))
    assert room.size == laid_out.size


PACKAGES = st.lists(st.lists(st.integers(0, 90_000), min_size=1, max_size=5), max_size=14)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PACKAGES, st.integers(1_050_000, 1_400_000), st.booleans())
def test_no_disc_is_above_its_capacity_and_nothing_is_lost(
    sizes: list[list[int]], capacity: int, is_signed: bool
) -> None:
    packages = [
        PackageContent(
            f"PS{number:03}",
            f"Paket {number}",
            tuple(holding(f"a/{i}.bin", bytes(size)) for i, size in enumerate(each)),
        )
        for number, each in enumerate(sizes)
    ]
    chosen = options(capacity, is_signed=is_signed)
    plan = plan_set(base(), packages, chosen, scratch=Path("/nowhere"))
    # In whatever order they are given.
    assert plan.discs == plan_set(base(), packages[::-1], chosen, scratch=Path("/nowhere")).discs
    media = pack(plan)
    measured = sizes_of(media, capacity)
    # Without a signature, all is known to the byte, but for the digits of the numbers of discs.
    if not is_signed and len(media) < 10:
        assert measured == [each.size for each in plan.discs]
    assert all(real <= each.size <= capacity for real, each in zip(measured, plan.discs, strict=True))
    first = manifest_of(media[0])
    assert [manifest_of(each).volumes for each in media] == [len(media)] * len(media)
    everything = {(file.path, number) for number, each in enumerate(media, 1) for file in each.files}
    made = {(path, number) for number in range(1, len(media) + 1) for path in (MANIFEST, SUMS)}
    assert {(each.path, each.volume) for each in first.files} == everything - made
    given_files = {f"{each.path}/{file.path}" for each in packages for file in each.files}
    assert {path for path, _ in everything if path.startswith("osdimage/packages/")} == given_files
    for package in first.packages:
        (volume,) = package.volumes
        own = {each.volume for each in first.files if each.path.startswith(f"{package.path}/")}
        assert own == {volume}


def test_a_set_tells_of_its_discs() -> None:
    packages = [PackageContent(f"PS{n}", f"Package {n}", (holding("x", bytes([n]) * 300_000),)) for n in range(5)]
    plan = plan_set(base(), packages, options(1_300_000), scratch=Path("/nowhere"))
    media = pack(plan)
    assert [each.label for each in media] == ["WINDOWS_1", "WINDOWS_2", "WINDOWS_3"]
    assert [each.packages for each in plan.discs] == [("PS0",), ("PS1", "PS2"), ("PS3", "PS4")]
    first, second, _ = (manifest_of(each) for each in media)
    assert [(each.identifier, each.volumes, each.size) for each in first.packages] == [
        ("PS0", (1,), 300_000),
        ("PS1", (2,), 300_000),
        ("PS2", (2,), 300_000),
        ("PS3", (3,), 300_000),
        ("PS4", (3,), 300_000),
    ]
    (found,) = (each.contents for each in media[0].files if each.path == MANIFEST)
    assert isinstance(found, BytesContents)
    assert second.of_set is not None
    assert (second.of_set.first, second.of_set.volume) == (sha256(found.data).hexdigest(), 2)
    assert (second.boot_image, second.sequences, second.variables, second.architecture) == (None, (), None, None)
    assert [each.identifier for each in second.packages] == ["PS1", "PS2"]
    (readme,) = (each.contents for each in media[1].files if each.path == "readme.txt")
    assert isinstance(readme, BytesContents)
    assert readme.data.startswith(b"Disc 2 of 3 of WINDOWS.\r\n")
    assert (media[0].warnings, media[1].warnings) == (("beware",), ())


def test_one_disc_is_no_set() -> None:
    media = pack(plan_set(base(), [], options(None), scratch=Path("/nowhere")))
    (medium,) = media
    manifest = manifest_of(medium)
    assert (medium.label, manifest.label, manifest.of_set) == ("WINDOWS", "WINDOWS", None)
    assert [each.path for each in medium.files] == ["bootmgr", SUMS, MANIFEST, "sources/boot.wim"]
    started = manifest.find("sources/boot.wim")
    assert started is not None
    # python3 -c 'print("w" * 100000, end="")' | sha256sum
    assert started.sha256 == "0af6d7a00b4c067cea9f902fe29603150d22434d95c503525e2db5bb625e81d2"


def test_a_package_that_fits_to_the_byte_is_on_the_disc_and_a_block_less_makes_a_set() -> None:
    packages = [PackageContent("PS1", "One", (of_size("x", 500_000),))]
    whole = plan_set(base(), packages, options(None), scratch=Path("/nowhere")).discs[0].size
    assert len(plan_set(base(), packages, options(whole), scratch=Path("/nowhere")).discs) == 1
    assert len(plan_set(base(), packages, options(whole - 1), scratch=Path("/nowhere")).discs) == 2


def test_a_set_of_ten_discs_and_more_is_laid_out_too() -> None:
    packages = [PackageContent(f"PS{n:02}", "x", (of_size("x", 400_000),)) for n in range(24)]
    plan = plan_set(base(), packages, options(1_050_000), scratch=Path("/nowhere"))
    assert len(plan.discs) == 25
    assert all(each.size <= 1_050_000 for each in plan.discs)


def test_packages_of_gigabytes_are_laid_out_on_dvds() -> None:
    dvd = DISC_SIZES["dvd"]
    packages = [PackageContent(f"PS{n}", "x", (of_size("data.bin", 2_000_000_000),)) for n in range(5)]
    plan = plan_set(base(), packages, options(dvd), scratch=Path("/nowhere"))
    assert [each.packages for each in plan.discs] == [("PS0", "PS1"), ("PS2", "PS3"), ("PS4",)]
    # What is left of a disc is less than another package, and 5 GB are no file of a DVD.
    assert all(dvd - 2_000_000_000 < each.size <= dvd for each in plan.discs[:2])
    large = PackageContent("PS9", "x", (of_size("data.iso", 5_000_000_007), of_size("readme", 1)))
    with pytest.raises(TooSmall, match=r"'osdimage/packages/PS9/data\.iso' with 5,000,000,007 bytes"):
        plan_set(base(), [large], options(dvd), scratch=Path("/nowhere"))


def test_a_disc_that_is_too_small_is_refused_with_both_sizes() -> None:
    with pytest.raises(
        TooSmall, match=r"a disc of 586 KB \(600,000 bytes\) is too small for what starts from it, which takes 6"
    ):
        plan_set(base(), [], options(600_000), scratch=Path("/nowhere"))
    packages = [PackageContent("PS1", "One", (of_size("small", 10), of_size("large.iso", 1 << 20)))]
    with pytest.raises(
        TooSmall, match=r"the package 'PS1' of 2 files, which stay together,: .*'.*/large.iso' with 1,048,576"
    ):
        plan_set(base(), packages, options(1_000_000), scratch=Path("/nowhere"))


def test_a_file_that_is_no_wim_is_not_torn_apart(tmp_path: Path) -> None:
    data = tmp_path / "data.bin"
    data.write_bytes(bytes(1 << 20))
    packages = [PackageContent("PS1", "One", (MediumFile("data.bin", contents_of_file(data), 0, "here"),))]
    with pytest.raises(
        TooSmall, match=r"'osdimage/packages/PS1/data.bin' with 1,048,576 bytes, and only a package that is one"
    ):
        plan_set(base(), packages, options(1_000_000), scratch=tmp_path)
    with pytest.raises(
        TooSmall, match=r"has 1,048,576 bytes, and the medium takes files of 1,000,000 bytes; only a WIM is"
    ):
        plan_set(base(), packages, options(largest_file=1_000_000), scratch=tmp_path)


def test_what_has_one_place_or_none_is_refused() -> None:
    one = PackageContent("PS1", "One", (holding("x", b""),))
    with pytest.raises(InvalidInput, match="two files of the medium would have one place"):
        plan_set(base(), [one, replace(one, identifier="ps1")], options(), scratch=Path("/nowhere"))
    with pytest.raises(InvalidInput, match=r"'OSDIMAGE/media\.json' \(of here\) is made for the medium"):
        plan_set(Medium("", (holding("OSDIMAGE/media.json", b""),), None), [], options(), scratch=Path("/nowhere"))
    with pytest.raises(InvalidInput, match="the package 'PS1' holds no file"):
        plan_set(base(), [replace(one, files=())], options(), scratch=Path("/nowhere"))
    # The last one is u with a diaeresis that combines with it.
    bad = replace(one, files=(holding("a:b", b""), holding("ok", b""), holding("u\u0308", b"")))
    with pytest.raises(
        InvalidInput, match=r"cannot have: 'osd.*/a:b' \(of here\) has a name that .*; .* is not in the comp"
    ):
        plan_set(base(), [bad], options(), scratch=Path("/nowhere"))
    long = replace(options(1_300_000), manifest=replace(ABOUT, label="x" * 29))
    more = [replace(one, identifier=f"PS{n}", files=(of_size("x", 500_000),)) for n in range(3)]
    with pytest.raises(InvalidRequest, match=r"the label '.*_3' is not valid; valid are 1 to 30 characters"):
        plan_set(base(), more, long, scratch=Path("/nowhere"))


def wim_of(folder: Path, files: int, size: int, *more: str) -> Path:
    tree, wim = folder / "tree", folder / "install.wim"
    tree.mkdir()
    for number in range(files):
        (tree / f"{number}.bin").write_bytes(os.urandom(size))
    # wimlib-imagex 1.13.6
    subprocess.run(
        ["wimlib-imagex", "capture", tree, wim, "Windows", *(more or ("--compress=none",))],
        check=True,
        capture_output=True,
    )
    return wim


@pytest.mark.foreign
def test_a_wim_that_is_larger_than_a_disc_is_split_and_is_whole_again(tmp_path: Path) -> None:
    wim = wim_of(tmp_path, 20, 100_000)
    packages = [
        PackageContent("PS1", "Windows", (MediumFile("install.wim", contents_of_file(wim), 0, str(wim)),)),
        PackageContent("PS2", "Drivers", (holding("x.inf", b"x" * 200_000),)),
    ]
    capacity = 1_500_000
    scratch = tmp_path / "scratch"
    plan = plan_set(base(), packages, options(capacity), scratch=scratch)
    assert not scratch.exists()
    media = pack(plan)
    assert all(real <= each.size <= capacity for real, each in zip(sizes_of(media, capacity), plan.discs, strict=True))
    (split,) = (each for each in manifest_of(media[0]).packages if each.identifier == "PS1")
    assert split.volumes == (1, 2, 3)
    together, isos = tmp_path / "together", [tmp_path / f"{number}.iso" for number in range(1, len(media) + 1)]
    for number, (medium, iso) in enumerate(zip(media, isos, strict=True), start=1):
        write_iso(plan_iso(medium, IsoOptions(0, "0" * 16, number, len(media))), iso)
        disc = tmp_path / iso.stem
        # 7-Zip 22.01
        subprocess.run(["7zz", "x", "-tudf", f"-o{disc}", iso], check=True, capture_output=True)
        done = subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=disc, check=True, capture_output=True)
        assert b"FAILED" not in done.stdout
        subprocess.run(["cp", "-r", f"{disc}/.", together], check=True)
    parts = sorted((together / "osdimage/packages/PS1").iterdir())
    assert [each.name for each in parts] == ["install.swm", "install2.swm", "install3.swm"]
    out = tmp_path / "out"
    subprocess.run(
        ["wimlib-imagex", "apply", parts[0], "1", out, f"--ref={parts[0].parent}/install*.swm"],
        check=True,
        capture_output=True,
    )
    subprocess.run(["diff", "-r", tmp_path / "tree", out], check=True)


@pytest.mark.foreign
def test_large_wims_of_a_package_are_split_in_place_where_files_are_limited(tmp_path: Path) -> None:
    wim = wim_of(tmp_path, 6, 100_000)
    files = (MediumFile("images/install.wim", contents_of_file(wim), 5, str(wim)), holding("setup.exe", b"s"))
    plan = plan_set(base(), [PackageContent("PS1", "W", files)], options(largest_file=400_000), scratch=tmp_path / "s")
    (medium,) = pack(plan)
    own = {each.path.removeprefix("osdimage/packages/PS1/"): each for each in medium.files if "packages" in each.path}
    assert sorted(own) == ["images/install.swm", "images/install2.swm", "setup.exe"]
    assert all(each.size <= 400_000 for each in own.values())
    assert own["images/install.swm"].modified_ns == 5
    assert own["images/install2.swm"].origin == f"{wim}, part 2"


@pytest.mark.foreign
def test_a_wim_that_changes_after_the_plan_is_an_error(tmp_path: Path) -> None:
    wim = wim_of(tmp_path, 6, 100_000)
    files = (MediumFile("install.wim", contents_of_file(wim), 0, str(wim)),)
    plan = plan_set(base(), [PackageContent("PS1", "W", files)], options(largest_file=400_000), scratch=tmp_path / "s")
    (tmp_path / "tree" / "more").write_bytes(os.urandom(50_000))
    subprocess.run(["wimlib-imagex", "append", tmp_path / "tree", wim, "More"], check=True, capture_output=True)
    with pytest.raises(StorageError, match=r"install\.wim: changed while the medium was made"):
        pack(plan)


@pytest.mark.foreign
def test_a_solid_wim_is_refused_with_the_way_out(tmp_path: Path) -> None:
    wim = wim_of(tmp_path, 6, 100_000, "--solid")
    files = (MediumFile("install.esd", contents_of_file(wim), 0, str(wim)),)
    with pytest.raises(
        InvalidRequest, match="this WIM is solid, and cannot be split as it is; compress it otherwise first"
    ):
        plan_set(base(), [PackageContent("PS1", "W", files)], options(largest_file=400_000), scratch=tmp_path / "s")


@pytest.mark.foreign
def test_every_manifest_of_a_signed_set_has_its_signature(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    packages = [PackageContent(f"PS{n}", "x", (holding("x", bytes(300_000)),)) for n in range(3)]
    plan = plan_set(base(), packages, options(1_300_000, is_signed=True), scratch=tmp_path)
    media = pack(plan, key=key)
    assert len(media) == 2
    for each in media:
        held = {file.path: file.contents for file in each.files}
        data, signature = held[MANIFEST], held[SIGNATURE]
        assert isinstance(data, BytesContents)
        assert isinstance(signature, BytesContents)
        (tmp_path / "sig").write_bytes(signature.data)
        subprocess.run(
            ["ssh-keygen", "-Y", "check-novalidate", "-n", "osdimage-media", "-s", tmp_path / "sig"],
            input=data.data,
            check=True,
            capture_output=True,
        )
    unplanned = plan_set(base(), packages, options(1_300_000), scratch=tmp_path)
    with pytest.raises(OsdImageError, match=r"its signature has .* bytes; the discs have room for 0"):
        pack(unplanned, key=key)


def test_discs_of_a_set_have_their_numbers_in_their_names() -> None:
    assert disc_path(Path("a/win.iso"), 1, 1) == Path("a/win.iso")
    assert disc_path(Path("a/win.iso"), 2, 3) == Path("a/win-2.iso")

"""What a run takes from stand-alone media, and which media it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cases import sequence_media as media
from judges import wim as judges
from osdimage.imaging.errors import InvalidInput, InvalidRequest, TargetRefused
from osdimage.imaging.media.parts.medium import Medium, MediumFile
from osdimage.imaging.media.sequence.content import GivenSequence
from osdimage.imaging.media.sequence.manifest import MediaKind
from osdimage.imaging.media.sequence.running import MediaRun, MediaUse, open_media_run
from osdimage.imaging.media.sequence.settings import MediaSettings
from osdimage.imaging.media.usb.plan import StickOptions
from osdimage.imaging.media.usb.target import planned_stick
from osdimage.imaging.media.usb.write import write_stick
from osdimage.imaging.progress import ProgressEvent
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.forms.xml import write_sequence
from osdimage.imaging.wim.file import WimFile

SETTINGS = MediaSettings({"OSDComputerName": "PC-1"}, ("License",))
OPENING = "correct horse"


def given(identifier: str, name: str) -> GivenSequence:
    made = sequence(name, step(f"{name} it", "SetVariable", properties={"VariableName": "A"}))
    return GivenSequence(identifier, name, write_sequence(made))


def nobody() -> bytes:
    raise AssertionError("media without a password ask for none")


def use(**more: object) -> MediaUse:
    return replace(MediaUse(nobody, now=media.MOMENT), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make an image, a folder, and an image in two parts."""
    folder = tmp_path_factory.mktemp("packages")
    tree = folder / "tree"
    (tree / "Windows").mkdir(parents=True)
    for number in range(3):
        (tree / "Windows" / f"{number}.bin").write_bytes(bytes([number]) * 700_000)
    judges.wimlib("capture", tree, folder / "install.wim", "Windows", "--compress=none")
    drivers = folder / "drivers"
    (drivers / "Net").mkdir(parents=True)
    (drivers / "Net" / "a.inf").write_text("[Version]\n")
    (drivers / "readme.txt").write_text("read me\n")
    parts = folder / "parts"
    parts.mkdir()
    judges.wimlib("split", folder / "install.wim", parts / "install.swm", "1")
    return {"P1": folder / "install.wim", "P2": drivers, "P3": parts}


@pytest.fixture(scope="module")
def whole(packages: dict[str, Path]) -> media.WholeMedium:
    return media.whole_medium((given("TS1", "Deploy"),), packages, SETTINGS)


def disc(path: Path, files: list[MediumFile]) -> Path:
    return media.write_disc(path / "medium.iso", files)


def stick(path: Path, files: list[MediumFile]) -> Path:
    image = path / "stick.img"
    with planned_stick(image, Medium("OSDIMAGE", tuple(files), None), StickOptions()) as (plan, disk):
        write_stick(plan, disk)
    return image


def folder(path: Path, files: list[MediumFile]) -> Path:
    return media.write_folder(path / "medium", files)


def check_taken(taken: MediaRun) -> None:
    assert (taken.sequence.name, taken.settings) == ("Deploy", SETTINGS)
    with WimFile.open(taken.packages["P1"]) as wim:
        assert wim.images[0].name == "Windows"
    assert (taken.packages["P2"] / "Net" / "a.inf").read_text() == "[Version]\n"
    assert (taken.packages["P2"] / "readme.txt").read_text() == "read me\n"
    # The other parts are found beside the first.
    judges.wimlib("verify", taken.packages["P3"], f"--ref={taken.packages['P3'].parent}/install*.swm")


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("write", "mode"),
    [
        pytest.param(disc, "CD", id="disc"),
        pytest.param(stick, "UFD", id="stick"),
        pytest.param(folder, "UFD", id="folder"),
    ],
)
def test_sequence_variables_and_packages_come_from_any_medium(
    whole: media.WholeMedium, tmp_path: Path, write: Callable[[Path, list[MediumFile]], Path], mode: str
) -> None:
    path = write(tmp_path, media.files_of(whole))
    events: list[ProgressEvent] = []
    with open_media_run([path], use(), progress=events.append) as taken:
        check_taken(taken)
        assert (taken.launch_mode, taken.warnings) == (mode, ())
        copied = [each for each in taken.packages.values() if not str(each).startswith(str(path))]
    assert [each.exists() for each in copied] == [False] * len(copied)
    percents = [each.percent for each in events]
    assert percents == sorted(percents)
    assert percents[-1] >= 60


@pytest.mark.foreign
def test_an_image_is_read_where_it_lies_on_a_disc(whole: media.WholeMedium, tmp_path: Path) -> None:
    path = disc(tmp_path, media.files_of(whole))
    with open_media_run([path], use()) as taken:
        assert taken.packages["P1"] == Path(f"{path}!osdimage/packages/P1/install.wim")


@pytest.mark.foreign
def test_a_set_of_discs_is_taken_whole_in_any_order(whole: media.WholeMedium, tmp_path: Path) -> None:
    second = frozenset({"osdimage/packages/P2", "osdimage/packages/P3/install2.swm"})
    first_manifest, second_manifest = media.as_set(whole.manifest, second)
    assert [each.volumes for each in first_manifest.packages] == [(1,), (2,), (1, 2)]
    discs = [
        media.write_disc(tmp_path / f"{number}.iso", media.files_of(whole, each))
        for number, each in ((1, first_manifest), (2, second_manifest))
    ]
    with open_media_run(reversed(discs), use()) as taken:
        check_taken(taken)


@pytest.mark.foreign
def test_a_password_opens_the_media_and_another_does_not(packages: dict[str, Path], tmp_path: Path) -> None:
    found = media.whole_medium((given("TS1", "Deploy"),), packages, SETTINGS, OPENING)
    path = folder(tmp_path, media.files_of(found))
    assert b"PC-1" not in b"".join(each.read_bytes() for each in (path / "osdimage").glob("*.enc"))
    with open_media_run([path], use(password=OPENING.encode)) as taken:
        check_taken(taken)
    with (
        pytest.raises(InvalidInput, match="does not open: wrong password, or the file was changed"),
        open_media_run([path], use(password=lambda: b"another one")),
    ):
        raise AssertionError


def small(path: Path, *sequences: GivenSequence, **more: object) -> Path:
    """Write a medium without packages as a folder."""
    found = media.whole_medium(sequences or (given("TS1", "Deploy"),), {}, SETTINGS, **more)
    return media.write_folder(path, media.files_of(found))


def refusal(*paths: Path, **more: object) -> InvalidInput | InvalidRequest | TargetRefused:
    with (
        pytest.raises((InvalidInput, InvalidRequest, TargetRefused)) as caught,
        open_media_run(paths, use(**more)),
    ):
        raise AssertionError
    return caught.value


def test_one_of_several_sequences_is_chosen(tmp_path: Path) -> None:
    path = small(tmp_path, given("TS1", "Deploy"), given("TS2", "Repair"))
    with open_media_run([path], use(sequence="repair")) as taken:
        assert taken.sequence.name == "Repair"
    assert "say which sequence of the media runs" in str(refusal(path))


YEAR = timedelta(days=365)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        pytest.param(media.MOMENT - YEAR, "is not valid before 2026-11-30T12:00:00Z", id="too early"),
        pytest.param(media.MOMENT + YEAR, "has expired at 2027-01-01T00:00:00Z", id="too late"),
    ],
)
def test_dates_refuse_media_unless_they_are_ignored(tmp_path: Path, now: datetime, told: str) -> None:
    path = small(tmp_path, valid_from=media.MOMENT, expires=datetime(2027, 1, 1, tzinfo=media.MOMENT.tzinfo))
    error = refusal(path, now=now)
    assert isinstance(error, TargetRefused)
    assert told in str(error)
    with open_media_run([path], use(now=now, ignores_dates=True)) as taken:
        assert len(taken.warnings) == 1
        assert told in taken.warnings[0]
    with open_media_run([path], use()) as taken:
        assert taken.warnings == ()


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_changed_and_missing_files_are_told_before_anything_is_taken(tmp_path: Path) -> None:
    path = small(tmp_path, given("TS1", "Deploy"), given("TS2", "Repair"))
    change(path / "osdimage" / "variables.json")
    (path / "osdimage" / "sequence.xml").unlink()
    with (path / "osdimage" / "sequence-2.xml").open("ab") as file:
        file.write(b"\n")
    told = str(refusal(path))
    assert "files missing: 'osdimage/sequence.xml'" in told
    assert "files changed: 'osdimage/sequence-2.xml', 'osdimage/variables.json'" in told


def test_what_no_hash_vouches_for_is_not_taken(tmp_path: Path) -> None:
    found = media.whole_medium((given("TS1", "Deploy"),), {}, SETTINGS)
    whole = found.manifest
    for path in ("osdimage/sequence.xml", "osdimage/variables.json"):
        rest = replace(whole, files=tuple(each for each in whole.files if each.path != path))
        told = str(refusal(media.write_folder(tmp_path / Path(path).stem, media.files_of(found, rest))))
        assert f"'{path}' is none of the files that the manifest tells of" in told


def test_other_media_are_refused(tmp_path: Path) -> None:
    plain, configmgr = tmp_path / "plain", tmp_path / "configmgr"
    (configmgr / "sms" / "data").mkdir(parents=True)
    (configmgr / "sms" / "data" / "variables.dat").touch()
    plain.mkdir()
    assert "has no osdimage/media.json" in str(refusal(plain))
    assert "is a medium of Configuration Manager" in str(refusal(configmgr))
    assert "kind boot" in str(refusal(small(tmp_path / "boot", kind=MediaKind.BOOT)))
    wim = tmp_path / "x.wim"
    wim.write_bytes(b"MSWIM\0\0\0".ljust(208, b"\0"))
    assert "is a WIM; valid is a disc, a stick" in str(refusal(wim))


@pytest.fixture
def discs(tmp_path: Path) -> tuple[Path, Path]:
    """Write a set of two discs as folders."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.txt").write_text("a")
    found = media.whole_medium((given("TS1", "Deploy"),), {"P1": tmp_path / "p"}, SETTINGS)
    manifests = media.as_set(found.manifest, frozenset({"osdimage/packages/P1"}))
    first, second = (
        media.write_folder(tmp_path / str(number), media.files_of(found, each))
        for number, each in enumerate(manifests, 1)
    )
    return first, second


def test_a_set_that_is_not_whole_is_refused(discs: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = discs
    assert "has 2 discs, of which 2 is missing" in str(refusal(first))
    assert "has 2 discs, of which 1 is missing" in str(refusal(second))
    assert "are both disc 2 of 2" in str(refusal(first, second, second))
    assert "are both disc 1 of 2" in str(refusal(first, first, second))
    assert "not of the set 'Set'" in str(refusal(first, second, small(tmp_path / "alone")))
    # A disc of the same set, made with another first disc.
    manifest = first / "osdimage" / "media.json"
    manifest.write_text(manifest.read_text().replace('"label": "OSDIMAGE"', '"label": "OTHER"'))
    assert "made together with another disc 1" in str(refusal(first, second))

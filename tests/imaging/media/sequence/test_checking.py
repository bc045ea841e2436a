"""Media compared with their manifests, and discs of a set with each other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from osdimage.imaging.disc import BytesContents
from osdimage.imaging.errors import InvalidDocument, StorageError
from osdimage.imaging.finding import Severity
from osdimage.imaging.media import (
    IsoOptions,
    MediaKind,
    MediaManifest,
    Medium,
    MediumFile,
    PackageContent,
    SetOptions,
    StickLayout,
    StickOptions,
    pack,
    plan_iso,
    plan_set,
    planned_stick,
    write_iso,
    write_stick,
)
from osdimage.imaging.media.sequence.checking import CheckedManifest, check_manifest, check_set, read_manifest
from osdimage.imaging.media.sequence.opened import open_medium
from osdimage.imaging.media.sequence.signature import SignatureState, Trusted, sign

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ABOUT = MediaManifest(MediaKind.STANDALONE, "WINDOWS", NOW, "osdimage 0.1", expires=datetime(2027, 1, 1, tzinfo=UTC))


def holding(path: str, data: bytes) -> MediumFile:
    return MediumFile(path, BytesContents(data), 0, "here")


def media(
    packages: int = 1, capacity: int | None = None, identifier: int = 7, letter: bytes = b"w"
) -> tuple[Medium, ...]:
    base = Medium("", (holding("bootmgr", b"b"), holding("sources/boot.wim", letter * 5000)), None)
    content = [PackageContent(f"PS{n}", "x", (holding("x.bin", bytes([n]) * 300_000),)) for n in range(packages)]
    return pack(plan_set(base, content, SetOptions(ABOUT, UUID(int=identifier), capacity), scratch=Path("/nowhere")))


def written(medium: Medium, folder: Path) -> Path:
    for each in medium.files:
        path = folder / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(each.contents.pieces()))
    return folder


def checked(path: Path, trusted: Trusted | None = None, now: datetime = NOW) -> CheckedManifest:
    with open_medium(path) as medium:
        return check_manifest(medium, trusted=trusted, now=now)


def told(found: CheckedManifest) -> dict[str, str]:
    """Return what is more than a note, by its code."""
    return {each.code: each.text for each in found.findings if each.severity is not Severity.NOTE}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(media()[0], tmp_path / "medium")


def test_a_folder_and_a_disc_that_are_as_they_were_have_no_fault(folder: Path, tmp_path: Path) -> None:
    iso = tmp_path / "medium.iso"
    write_iso(plan_iso(media()[0], IsoOptions(0, "0" * 16)), iso)
    events: list[float] = []
    for path in (folder, iso):
        with open_medium(path) as medium:
            found = check_manifest(medium, now=NOW, progress=lambda event: events.append(event.percent))
        assert told(found) == {}
        assert found.signature is not None
        assert found.signature.state is SignatureState.UNSIGNED
        assert [each.code for each in found.findings] == ["signature-missing"]
        assert found.manifest is not None
        assert found.manifest.label == "WINDOWS"
    assert events[-1] == 100


@pytest.mark.foreign
def test_a_stick_of_two_volumes_is_one_medium(tmp_path: Path) -> None:
    stick = tmp_path / "stick.img"
    # mkntfs of ntfs-3g 2022.10.3 makes the second one.
    with planned_stick(stick, media()[0], StickOptions(StickLayout.FAT32_NTFS)) as (plan, disk):
        write_stick(plan, disk)
    assert len(plan.volumes) == 2
    assert all(each.files for each in plan.volumes)
    assert told(checked(stick)) == {}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


CHANGES: dict[str, tuple[Callable[[Path], object], dict[str, str]]] = {
    "a byte": (lambda top: flip(top / "sources/boot.wim"), {"files-changed": "files changed: 'sources/boot.wim'"}),
    "size": (lambda top: (top / "bootmgr").write_bytes(b"bb"), {"files-changed": "files changed: 'bootmgr'"}),
    "gone": (lambda top: (top / "bootmgr").unlink(), {"files-missing": "files missing: 'bootmgr'"}),
    "link": (
        lambda top: ((top / "bootmgr").unlink(), (top / "bootmgr").symlink_to("sources/boot.wim")),
        {"files-changed": "files changed: 'bootmgr'"},
    ),
    "more": (
        lambda top: (top / "autorun.inf").write_bytes(b"x"),
        {"files-unknown": "1 file of which the manifest does not tell: 'autorun.inf'"},
    ),
    "no list": (lambda top: (top / "osdimage/SHA256SUMS").unlink(), {"sums-missing": "osdimage/SHA256SUMS is missing"}),
    "damaged list": (
        lambda top: (top / "osdimage/SHA256SUMS").write_bytes(b"x\n"),
        {"sums-damaged": "osdimage/SHA256SUMS:1: is no SHA-256 with a path"},
    ),
    "other list": (
        lambda top: (top / "osdimage/SHA256SUMS").write_bytes(b"0" * 64 + b"  bootmgr\n"),
        {"sums-differ": "says otherwise than the manifest of 'bootmgr', 'osdimage/packages/ps0/x.bin'"},
    ),
    "damaged manifest": (
        lambda top: (top / "osdimage/media.json").write_bytes(b"{"),
        {"manifest-damaged": "osdimage/media.json is a damaged manifest of a medium: not JSON"},
    ),
    "what windows makes": (
        lambda top: ((top / "System Volume Information").mkdir(), (top / "System Volume Information/x").touch()),
        {},
    ),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_each_change_is_told_with_the_files(
    change: Callable[[Path], object], expected: dict[str, str], folder: Path
) -> None:
    change(folder)
    found = told(checked(folder))
    assert found.keys() == expected.keys()
    for code, text in expected.items():
        assert found[code].startswith(f"{folder}: ")
        assert text in found[code]


def test_many_files_are_not_all_named(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}").touch()
    written(media()[0], tmp_path)
    text = told(checked(tmp_path))["files-unknown"]
    assert "30 files of which the manifest does not tell: '00', '01'," in text
    assert text.endswith("; and 10 more")


def test_a_date_that_has_passed_is_a_warning(folder: Path) -> None:
    assert (
        "has expired at 2027-01-01T00:00:00Z"
        in told(checked(folder, now=datetime(2028, 1, 1, tzinfo=UTC)))["manifest-dates"]
    )


def test_a_medium_without_a_manifest_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "bootmgr").touch()
    found = checked(tmp_path)
    assert (found.manifest, found.signature) == (None, None)
    assert [(each.code, each.severity) for each in found.findings] == [("manifest-none", Severity.NOTE)]
    with open_medium(tmp_path) as medium:
        assert read_manifest(medium) is None


def test_a_manifest_may_be_in_the_root(tmp_path: Path) -> None:
    top = written(media()[0], tmp_path / "netboot")
    for each in list((top / "osdimage").iterdir()):
        if each.is_file():
            each.rename(top / each.name)
    with open_medium(top) as medium:
        found = check_manifest(medium, folder="", now=NOW)
        assert read_manifest(medium, "") == found.manifest
    assert told(found) == {}


def test_a_manifest_alone_is_read_without_looking_at_files(folder: Path) -> None:
    (folder / "bootmgr").unlink()
    with open_medium(folder) as medium:
        manifest = read_manifest(medium)
    assert manifest is not None
    assert manifest.find("bootmgr") is not None
    (folder / "osdimage/media.json").write_text(json.dumps({"format": "osdimage-media", "version": 2}))
    with open_medium(folder) as medium, pytest.raises(InvalidDocument, match=r"media\.json is of version 2"):
        read_manifest(medium)


@pytest.mark.foreign
def test_signatures_are_told_and_what_was_signed_cannot_be_changed(folder: Path, tmp_path: Path) -> None:
    key, allowed = tmp_path / "key", tmp_path / "allowed"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed.write_text(f"deploy@example.com {key.with_suffix('.pub').read_text()}")
    trusted = Trusted(allowed)
    assert "unsigned" in told(checked(folder, trusted))["signature-missing"]
    manifest, signature = folder / "osdimage/media.json", folder / "osdimage/media.json.sig"
    signature.write_bytes(sign(manifest.read_bytes(), key))
    found = checked(folder, trusted)
    assert told(found) == {}
    assert found.signature is not None
    assert found.signature.signer == "deploy@example.com"
    assert [each.code for each in checked(folder).findings] == ["signature-not-judged"]
    nobody = told(checked(folder, Trusted(allowed, "boss@example.com")))
    assert "signed, but not by who is trusted" in nobody["signature-not-trusted"]
    manifest.write_bytes(manifest.read_bytes().replace(b"WINDOWS", b"LINUXES"))
    assert "signature invalid" in told(checked(folder, trusted))["signature-invalid"]
    with pytest.raises(StorageError):
        checked(folder, Trusted(tmp_path / "nowhere"))


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Sequence[CheckedManifest]:
    """Return a set of three discs, and a disc 2 of another set, and one of the same set made anew."""
    made = media(5, 1_300_000)
    assert len(made) == 3
    others = (media(5, 1_300_000, identifier=8)[1], media(5, 1_300_000, letter=b"v")[1])
    top = tmp_path_factory.mktemp("set")
    return [checked(written(each, top / str(number))) for number, each in enumerate((*made, *others), start=1)]


@pytest.mark.parametrize(
    ("chosen", "faults"),
    [
        pytest.param([1, 2, 3], [], id="all"),
        pytest.param([3, 1, 2], [], id="any-order"),
        pytest.param(
            [1, 3], ["set-incomplete: the set 'WINDOWS' has 3 discs, of which 2 is missing"], id="one-missing"
        ),
        pytest.param(
            [2], ["set-incomplete: the set 'WINDOWS' has 3 discs, of which 1, 3 are missing"], id="only-a-later"
        ),
        pytest.param([1, 2, 2, 3], ["set-doubled: 2 and 2: are both disc 2 of 3"], id="doubled"),
        pytest.param(
            [1, 4, 3],
            [
                "set-mixed: 4: is not of the set 'WINDOWS' (00000000-0000-0000-0000-000000000007), of which 1 is",
                "set-incomplete: the set 'WINDOWS' has 3 discs, of which 2 is missing",
            ],
            id="another-set",
        ),
    ],
)
def test_a_set_wants_each_disc_once(chosen: list[int], faults: list[str], discs: Sequence[CheckedManifest]) -> None:
    found = check_set([discs[number - 1] for number in chosen])
    top = str(Path(discs[0].name).parent) + "/"
    assert [f"{each.code}: {each.text.replace(top, '')}" for each in found] == faults


def test_discs_that_were_made_at_two_times_are_not_one_set(discs: Sequence[CheckedManifest]) -> None:
    (found,) = check_set([discs[0], discs[4], discs[2]])
    assert found.code == "set-mixed"
    assert found.text == f"{discs[4].name}: was made together with another disc 1 than {discs[0].name}"


def test_media_that_are_alone_are_no_set(folder: Path, tmp_path: Path, discs: Sequence[CheckedManifest]) -> None:
    alone = checked(folder)
    assert check_set([alone]) == ()
    assert check_set([]) == ()
    other = checked(written(media()[0], tmp_path / "other"))
    assert [each.code for each in check_set([alone, other])] == ["set-mixed"]
    assert [each.code for each in check_set([discs[0], discs[1], discs[2], alone])] == ["set-mixed"]

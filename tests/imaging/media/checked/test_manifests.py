"""Media with a manifest: what vouches for their files, and the discs of a set together."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from cases import started_media as cases
from cases.windows_trees import write_tree
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc import BytesContents
from osdimage.imaging.media import (
    BootParts,
    IsoOptions,
    MediaKind,
    MediaManifest,
    Medium,
    MediumFile,
    PackageContent,
    SetOptions,
    SignedBy,
    VerifyOptions,
    pack,
    plan_iso,
    plan_set,
    verify_media,
    verify_medium,
    write_iso,
)
from osdimage.imaging.media.sequence.manifest import MANIFEST, SIGNATURE
from osdimage.imaging.media.sequence.signature import SignatureState, Trusted, sign
from osdimage.imaging.progress import ProgressEvent
from runs.commands import osdimage

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ABOUT = MediaManifest(MediaKind.STANDALONE, "WINDOWS", NOW, "osdimage 0.1")

STARTS = BootParts((), frozenset({Firmware.BIOS}), "x64", SignedBy.UNKNOWN, cases.ETFSBOOT, None)


def media(wim: bytes, packages: int = 1, capacity: int | None = None) -> tuple[Medium, ...]:
    """Return the discs of a medium that starts, with packages of 300,000 bytes."""
    files = (MediumFile(path, BytesContents(data), 0, "here") for path, data in cases.medium_files(wim).items())
    base = Medium("", tuple(sorted(files, key=lambda each: each.path)), STARTS)
    contents = [bytes([number]) * 300_000 for number in range(packages)]
    content = [
        PackageContent(f"PS{number}", "x", (MediumFile("x.bin", BytesContents(data), 0, "here"),))
        for number, data in enumerate(contents)
    ]
    return pack(plan_set(base, content, SetOptions(ABOUT, UUID(int=7), capacity), scratch=Path("/nowhere")))


@pytest.fixture
def medium(tmp_path: Path, wim: bytes) -> Path:
    files = {each.path: b"".join(each.contents.pieces()) for each in media(wim)[0].files}
    return write_tree(tmp_path / "medium", files)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    public = path.with_suffix(".pub").read_text().split()
    path.with_name("signers").write_text(f"lab@example.org {public[0]} {public[1]}\n")
    return path


def test_the_files_of_a_medium_are_compared_with_its_manifest(medium: Path) -> None:
    events: list[ProgressEvent] = []
    report = verify_medium(medium, VerifyOptions(now=NOW), progress=events.append)
    assert [(each.severity, each.code) for each in report.findings] == [("note", "signature-missing")]
    assert report.manifest is not None
    assert report.manifest.manifest is not None
    assert report.manifest.manifest.kind is MediaKind.STANDALONE
    assert events[-1].percent == 100
    (medium / "sources/install.wim").write_bytes(b"nine")
    report = verify_medium(medium, VerifyOptions(now=NOW))
    assert ("files-changed", False) in {(each.code, report.is_sound) for each in report.findings}
    # Nothing of it is looked at where only what starts is.
    assert verify_medium(medium, VerifyOptions(boot_only=True)).manifest is None


@pytest.mark.foreign
def test_who_signed_is_told_and_who_did_not_is_refused(medium: Path, key: Path) -> None:
    trusted = VerifyOptions(trusted=Trusted(key.with_name("signers")), now=NOW)
    assert [each.code for each in verify_medium(medium, trusted).findings] == ["signature-missing"]
    assert not verify_medium(medium, trusted).is_sound
    (medium / SIGNATURE).write_bytes(sign((medium / MANIFEST).read_bytes(), key))
    report = verify_medium(medium, trusted)
    assert report.is_sound
    assert report.manifest is not None
    assert report.manifest.signature is not None
    assert report.manifest.signature.signer == "lab@example.org"
    told = osdimage("media", "verify", medium, "--allowed-signers", key.with_name("signers"))
    assert "signed by lab@example.org" in told.out
    (found,) = osdimage("media", "verify", medium, "--json").document["media"]
    assert found["manifest"]["signature"] == SignatureState.NOT_JUDGED
    other = osdimage(
        "media", "verify", medium, "--allowed-signers", key.with_name("signers"), "--identity", "other", code=3
    )
    assert "[signature-not-trusted]" in other.out
    (medium / MANIFEST).write_bytes((medium / MANIFEST).read_bytes() + b"\n")
    assert "signature-invalid" in {each.code for each in verify_medium(medium, trusted).findings}


@pytest.mark.foreign
def test_a_medium_without_a_manifest_is_not_signed(tmp_path: Path, wim: bytes, key: Path) -> None:
    disc = cases.make_disc(tmp_path / "disc.iso", cases.medium_files(wim), uefi=None)
    report = verify_medium(disc, VerifyOptions(trusted=Trusted(key.with_name("signers"))))
    assert [each.code for each in report.findings if each.severity == "error"] == ["signature-missing"]


def test_discs_of_a_set_are_wanted_each_once(tmp_path: Path, wim: bytes) -> None:
    discs = []
    for number, each in enumerate(media(wim, packages=4, capacity=1_500_000), start=1):
        discs.append(tmp_path / f"set-{number}.iso")
        options = IsoOptions(0, "0" * 16, number=number, discs=2)
        write_iso(plan_iso(each, options), discs[-1])
    assert len(discs) == 2
    whole = verify_media(discs, VerifyOptions(now=NOW))
    assert (whole.findings, whole.is_sound) == ((), True)
    for given, code in ((discs[:1], "set-incomplete"), ([*discs, discs[1]], "set-doubled")):
        report = verify_media(given, VerifyOptions(now=NOW))
        assert [each.code for each in report.findings] == [code]
        assert not report.is_sound
    document = osdimage("media", "verify", discs[1], "--json", code=3).document
    assert [each["code"] for each in document["findings"]] == ["set-incomplete"]
    assert document["media"][0]["manifest"]["set"]["volume"] == 2


def test_media_that_are_no_set_are_judged_each_by_itself(tmp_path: Path, wim: bytes, medium: Path) -> None:
    other = write_tree(tmp_path / "other", cases.medium_files(wim))
    assert verify_media([medium, other, medium], VerifyOptions(now=NOW)).is_sound


def test_an_identity_without_signers_is_a_mistake_of_usage(medium: Path) -> None:
    assert (
        "--identity goes with --allowed-signers" in osdimage("media", "verify", medium, "--identity", "x", code=2).err
    )
    told = osdimage("media", "verify", medium, "--boot-only", "--allowed-signers", medium / "bootmgr", code=2)
    assert "--boot-only looks at no signature" in told.err


def test_the_names_of_network_boot_in_a_folder_do_not_hide_its_manifest(medium: Path) -> None:
    (medium / "boot.ipxe").write_text("#!ipxe\n")
    (medium / "bootmgr").write_bytes(b"another")
    told = osdimage("media", "verify", medium, code=3).out
    assert "files changed: 'bootmgr'" in told
    assert "of which the manifest does not tell: 'boot.ipxe'" in told


@pytest.mark.parametrize("path", [MANIFEST, SIGNATURE])
def test_a_directory_in_the_place_of_a_manifest_or_its_signature_is_told(path: str, medium: Path) -> None:
    (medium / path).unlink(missing_ok=True)
    (medium / path).mkdir()
    assert f"'{path}' is a directory" in osdimage("media", "verify", medium, code=3).out

"""``osdimage media standalone``, and ``osdimage run --medium`` of what it makes: a computer is installed from media."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from cases import boot as boot_cases
from cases import media, sequence_packages
from cases import windows as windows_cases
from cases.sequence import MBR
from cases.windows_trees import write_tree
from judges import boot as boot_judges
from judges import disc as judges
from judges import disk as disk_judges
from judges import ntfs as ntfs_judges
from judges import wim as wim_judges
from judges.wim import output
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.forms.xml import write_sequence
from runs.commands import Outcome, osdimage
from runs.terminal import on_a_terminal

SAMPLE = Path(__file__).parents[2] / "fixtures" / "tasksequence" / "standalone-media.xml"
OF_ADMINISTRATOR = "Sample-Pa55"
"""What the sample sets for the administrator."""
LEFT_OUT = ("--leave-out", "windows", "--leave-out", "site")

YAML = """\
name: Two
steps:
  - step: Set B
    type: SetVariable
    properties: {VariableName: B}
"""

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a boot image, the packages of the sample, a password and a key."""
    made = tmp_path_factory.mktemp("standalone")
    media.boot_image(made / "pe.wim")
    for name, path in sequence_packages.packages(made).items():
        (made / name).symlink_to(path)
    (made / "password").write_text("correct horse battery\n")
    (made / "wrong").write_text("another password\n")
    output("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab@example.com", "-f", made / "key")
    (made / "signers").write_text(f"lab@example.com {(made / 'key.pub').read_text()}")
    two = sequence("Set one", step("Set A", "SetVariable", properties={"VariableName": "A", "VariableValue": "1"}))
    (made / "one.xml").write_bytes(write_sequence(two))
    return made


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in a folder of the test's own, with links to what is there."""
    for each in folder.iterdir():
        (tmp_path / each.name).symlink_to(each)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OSDIMAGE_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def standalone(*more: str | Path, code: int = 0, boot_image: str = "pe.wim") -> Outcome:
    return osdimage("media", "standalone", "out.iso", "--boot-image", boot_image, *more, code=code)


def sample(*more: str | Path, code: int = 0, data: str | Path = "ABC00002") -> Outcome:
    """Make a medium of the sample with its packages."""
    packages = {"ABC00001": "ABC00001", "ABC00002": data, "ABC00003": "ABC00003"}
    words = [word for name, path in packages.items() for word in ("--package", f"{name}={path}")]
    return standalone("--sequence", SAMPLE, "--without-client", *words, *more, code=code)


def run(medium: str, *more: str, code: int = 0) -> Outcome:
    words = ("--disk", "0=disk.img", "--size", "700MB", "--firmware", "bios", "--yes", *LEFT_OUT)
    return osdimage("run", "--medium", medium, *words, *more, code=code)


def answers(text: str) -> dict[str, str]:
    """Return the settings of an answer file that hold text, by their names."""
    root = ET.fromstring(text)  # noqa: S314 - written by us
    return {each.tag.rpartition("}")[2]: each.text for each in root.iter() if each.text and each.text.strip()}


def extracted(disc: Path, to: Path) -> Path:
    """Take all files of a disc out with 7-Zip."""
    output("7zz", "x", "-tudf", f"-o{to}", disc)
    return to


@pytest.mark.usefixtures("here")
def test_a_computer_is_installed_from_a_medium_with_a_password(here: Path) -> None:
    variables = ("--var", "OSDRegisteredOrgName=Of the media", "--var", "_unused=x")
    assert standalone("--sequence", SAMPLE, *variables[2:], code=3).err.count("_unused is read-only") == 1
    made = sample("--password-file", "password", *variables[:2])
    assert "out.iso: wrote" in made.out
    assert "starts: BIOS and UEFI (x64)" in made.out

    # What programs of others find on it: two boot images, every file as the list says, and nothing of what is secret.
    assert {each.platform for each in judges.boot_images(here / "out.iso")} == {"BIOS", "UEFI"}
    files = extracted(here / "out.iso", here / "files")
    with contextlib.chdir(files):
        output("sha256sum", "--check", "--strict", "--quiet", "osdimage/SHA256SUMS")
    listed = {line.partition("  ")[2] for line in (files / "osdimage" / "SHA256SUMS").read_text().splitlines()}
    there = {str(each.relative_to(files)) for each in files.rglob("*") if each.is_file()}
    assert there - listed == {"osdimage/SHA256SUMS", "osdimage/media.json"}
    assert {"bootmgr", "sources/boot.wim", "osdimage/packages/ABC00001/ABC00001.wim"} <= there
    whole = (here / "out.iso").read_bytes()
    assert not any(text.encode() in whole for text in (OF_ADMINISTRATOR, "Of the media", "Sample User"))

    told = osdimage("run", "--medium", "out.iso", "--disk", "0=disk.img", "--size", "700MB", code=2).err
    assert "--password-file FILE" in told
    assert "does not open: wrong password" in run("out.iso", "--password-file", "wrong", code=3).err
    assert not Path("disk.img").exists()

    done = run("out.iso", "--password-file", "password", "--computer-vars", _written("OSDComputerName=FROM-SITE"))
    assert "Stand-alone media: succeeded" in done.out
    assert OF_ADMINISTRATOR not in done.out + done.err
    facts, partitions = disk_judges.sfdisk(here / "disk.img")
    assert facts["label"] == "dos"
    assert [each.active for each in partitions] == [True, False, False]
    windows, data = (disk_judges.partition_of(here / "disk.img", number, here / f"{number}.img") for number in (2, 3))
    assert ntfs_judges.ntfscat(windows, "/Users/Public/readme.txt") == "of the image\n"
    assert ntfs_judges.plain_contents(data, "Docs/data.txt") == b"data\n" * 1000
    # "media variables replace per-computer and per-collection variables": those of the step are weaker, too.
    settings = answers(ntfs_judges.ntfscat(windows, "/Windows/Panther/unattend.xml"))
    assert settings["RegisteredOrganization"] == "Of the media"
    assert settings["RegisteredOwner"] == "Sample User"
    assert settings.get("ComputerName") != "FROM-SITE"


def _written(line: str) -> str:
    Path("variables.txt").write_text(f"{line}\n")
    return "variables.txt"


@pytest.mark.usefixtures("here")
def test_missing_packages_and_readable_secrets_are_told_together_and_nothing_is_written() -> None:
    refused = standalone("--sequence", SAMPLE, "--package", "ABC00001=ABC00001", "--json", code=3)
    error = refused.document["error"]
    assert error["kind"] == "not-for-media"
    assert error["problems"] == [
        "step 9 'Apply Windows Settings': OSDLocalAdminPassword would be on the media in clear text",
        "package ABC00003 is not given; it is needed by step 7 'Apply Operating System'",
        "package ABC00002 is not given; it is needed by step 8 'Apply Data Image'",
    ]
    assert "--password-file FILE" in error["remedy"]
    assert "--plaintext-secrets" in error["remedy"]
    assert "--package ABC00002=PATH" in error["remedy"]
    assert not Path("out.iso").exists()


@pytest.mark.usefixtures("here")
def test_a_dry_run_shows_every_file_and_writes_none() -> None:
    document = sample("--plaintext-secrets", "--dry-run", "--json").document
    (disc,) = document["media"]
    origins = {each["path"]: each["origin"] for each in disc["files"]}
    assert origins["osdimage/packages/ABC00002/ABC00002.wim"] == "ABC00002"
    assert origins["osdimage/sequence.xml"] == "Stand-alone media"
    assert (document["is_encrypted"], document["is_signed"], document["dry_run"]) == (False, False, True)
    assert document["sequences"] == [{"id": "standalone-media", "name": "Stand-alone media"}]
    assert not Path("out.iso").exists()
    made = sample("--plaintext-secrets", "--json").document
    assert made["media"][0]["size_bytes"] == Path("out.iso").stat().st_size == disc["size_bytes"]


@pytest.mark.usefixtures("here")
def test_strict_refuses_what_is_warned_of() -> None:
    packages = ("--plaintext-secrets", "--package", "ABC00005=ABC00005")
    assert "warning: package ABC00005 is given, and no step is seen to need it" in sample(*packages).err
    refused = sample(*packages, "--strict", "--overwrite", code=3)
    assert "package ABC00005 is given, and no step is seen to need it" in refused.err


@pytest.mark.usefixtures("here")
def test_a_stick_that_is_made_of_the_disc_is_run_from_too() -> None:
    standalone("--sequence", "one.xml", "--package", "P1=ABC00003")
    osdimage("media", "usb", "stick.img", "--source", "out.iso")
    assert "Set one: succeeded" in run("stick.img").out


# The packages together are larger than a disc: each goes to one, and Windows' image is split where it must be.
@pytest.mark.usefixtures("here")
def test_a_set_of_discs_is_made_to_the_size_and_run_whole(here: Path) -> None:
    tree = {f"{number}.bin": os.urandom(700_000) for number in range(4)}
    write_tree(here / "large", {f"Docs/{name}": data for name, data in tree.items()})
    wim_judges.wimlib("capture", here / "large", here / "large.wim", "Large", "--compress=none")
    size = 1_900_000
    made = sample("--plaintext-secrets", "--media-size", str(size), data="large.wim")
    discs = sorted(here.glob("out-*.iso"))
    count = len(discs)
    assert count >= 3
    assert [each.name for each in discs] == [f"out-{number}.iso" for number in range(1, count + 1)]
    assert made.out.count(": wrote ") == count
    assert all(each.stat().st_size <= size for each in discs)
    assert [output("blkid", "-p", "-s", "LABEL", "-o", "value", each).strip() for each in discs] == [
        f"OSDIMAGE_{number}" for number in range(1, count + 1)
    ]
    told = [json.loads((extracted(each, here / each.stem) / "osdimage" / "media.json").read_text()) for each in discs]
    assert [each["set"]["volume"] for each in told] == list(range(1, count + 1))
    assert "of which 2, 3" in run("out-1.iso", code=3).err
    done = run("out-3.iso,out-1.iso", *(word for each in (discs[1], *discs[3:]) for word in ("--medium", each.name)))
    assert "Stand-alone media: succeeded" in done.out
    data = disk_judges.partition_of(here / "disk.img", 3, here / "3.img")
    for name, contents in tree.items():
        assert ntfs_judges.plain_contents(data, f"Docs/{name}") == contents


@pytest.mark.usefixtures("here")
def test_a_signed_medium_is_run_by_those_who_trust_its_signer(here: Path) -> None:
    made = standalone("--sequence", "one.xml", "--sign-key", "key", "--json").document
    assert made["is_signed"]
    files = extracted(here / "out.iso", here / "files") / "osdimage"
    signed = subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", here / "signers", "-I", "lab@example.com", "-n", "osdimage-media",
         "-s", files / "media.json.sig"],
        input=(files / "media.json").read_bytes(), capture_output=True, check=False,
    )  # fmt: skip
    assert signed.returncode == 0, signed.stderr
    trusting = ("--allowed-signers", "signers", "--identity")
    assert run("out.iso", *trusting, "lab@example.com").out.count("succeeded") == 1
    assert run("out.iso", *trusting, "else@example.com", code=3).err
    standalone("--sequence", "one.xml", "--overwrite")
    assert "out.iso: unsigned" in run("out.iso", *trusting, "lab@example.com", code=3).err


@pytest.mark.usefixtures("here")
def test_media_that_have_expired_are_refused_unless_dates_are_ignored() -> None:
    standalone("--sequence", "one.xml", "--valid-from", "2020-01-01", "--expires", "2021-12-31")
    refused = run("out.iso", code=4)
    assert "out.iso: has expired at 2021-12-31T23:59:59Z; --ignore-dates uses it all the same" in refused.err
    assert not Path("disk.img").exists()
    done = run("out.iso", "--ignore-dates")
    assert "warning: out.iso: has expired at 2021-12-31T23:59:59Z" in done.err
    assert "--expires" in standalone("--sequence", "one.xml", "--expires", "soon", code=2).err
    never = standalone("--sequence", "one.xml", "--valid-from", "2027-01-02", "--expires", "2027-01-01", code=2)
    assert "would expire at 2027-01-01T23:59:59Z, and be valid from 2027-01-02T00:00:00Z" in never.err


@pytest.mark.usefixtures("here")
def test_one_of_several_sequences_runs_and_the_same_seed_makes_the_same_medium(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    words = ("--sequence", "FIRST=one.xml", "--sequence", "two.yaml", "--seed", "lab")
    Path("two.yaml").write_text(YAML, encoding="utf-8")
    standalone(*words)
    first = Path("out.iso").read_bytes()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    standalone(*words, "--overwrite")
    assert Path("out.iso").read_bytes() == first
    assert "say which sequence of the media runs" in run("out.iso", code=2).err
    done = osdimage("run", "first", "--medium", "out.iso", "--disk", "0=disk.img", "--size", "64MB", "--yes", "--json")
    assert done.document["name"] == "Set one"


@pytest.mark.usefixtures("here")
def test_a_run_that_failed_goes_on_from_its_medium(here: Path) -> None:
    broken = here / "broken.wim"
    wim_judges.wimlib("export", "ABC00002", "1", broken, "--compress=none")
    content = bytearray(broken.read_bytes())
    content[300:310] = bytes(10)
    broken.write_bytes(content)
    sample("--plaintext-secrets", data=broken)
    failed = run("out.iso", code=1)
    (state,) = (here / "state").iterdir()
    assert f"to go on: osdimage run --medium out.iso --resume {state}" in failed.err
    before = disk_judges.sfdisk(here / "disk.img")
    resumed = osdimage(
        "run", "--medium", "out.iso", "--resume", state, "--package", "ABC00002=ABC00002", "--yes", *LEFT_OUT
    )
    assert "Stand-alone media: succeeded" in resumed.out
    assert disk_judges.sfdisk(here / "disk.img") == before


# Capacity of a DVD+R: 2,295,104 sectors of 2048 bytes.
@pytest.mark.matrix
@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_large_packages_go_to_dvds_each_full_to_the_sector_at_most(here: Path) -> None:
    words = []
    for number in range(3):
        (here / f"p{number}").mkdir()
        with (here / f"p{number}" / "sparse.bin").open("wb") as file:
            file.write(b"begins")
            file.truncate(3 << 30)
        words += ["--package", f"P{number}=p{number}"]
    standalone("--sequence", "one.xml", *words, "--media-size", "dvd")
    discs = sorted(here.glob("out-*.iso"))
    assert len(discs) == 3
    assert all(each.stat().st_size <= 2_295_104 * 2048 for each in discs)
    # What is not there takes no room.
    assert all(each.stat().st_blocks * 512 < 64 << 20 for each in discs)
    media_of_set = [word for each in reversed(discs) for word in ("--medium", each.name)]
    told = osdimage("run", *media_of_set, "--disk", "0=disk.img", "--size", "64MB", "--dry-run", "--json").document
    assert told["name"] == "Set one"
    assert "are both disc 2 of 3" in run("out-1.iso,out-2.iso,out-3.iso,out-2.iso", code=3).err


@pytest.mark.usefixtures("here")
def test_the_computer_starts_what_was_installed_from_the_medium(here: Path) -> None:
    standin = boot_cases.standin(here, 100_000)
    windows_cases.bootable_tree(here / "tree", bootmgr=standin.data)
    osdimage("capture", "tree", "install.wim", "--compress", "none")
    made = sequence(
        "Install",
        step("Partition", "PartitionDisk", MBR),
        step("Apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "P1"}),
    )
    Path("install.xml").write_bytes(write_sequence(made))
    standalone("--sequence", "install.xml", "--package", "P1=install.wim")
    assert "Install: succeeded" in run("out.iso").out
    booted = boot_judges.boot_bios(here / "disk.img")
    assert booted.reached, booted.printed
    first = disk_judges.sfdisk(here / "disk.img")[1][0].first
    assert booted.printed.endswith(standin.report(hidden=first, oem="NTFS"))


def test_a_medium_that_a_run_reads_is_none_of_its_disks(here: Path) -> None:
    (here / "install.xml").write_bytes(write_sequence(sequence("Install", step("Partition", "PartitionDisk", MBR))))
    standalone("--sequence", "install.xml")
    extracted(here / "out.iso", here / "files")
    with (here / "out.iso").open("ab") as file:
        file.truncate(64 << 20)
    before = (here / "out.iso").read_bytes()
    (here / "link.img").symlink_to("out.iso")
    for medium, disk, told in (
        ("out.iso", "out.iso", "out.iso is read by this command"),
        ("out.iso", "link.img", "link.img is read by this command"),
        ("files", "files/sources/boot.wim", "files/sources/boot.wim is a file of files, which is read"),
    ):
        assert told in osdimage("run", "--medium", medium, "--disk", f"0={disk}", "--yes", code=2).err
    assert (here / "out.iso").read_bytes() == before
    osdimage("run", "install.xml", "--disk", "0=out.iso", "--package", "P1=out.iso", "--yes", code=2)


ON = ("--disk", "0=d.img")
MEDIUM = ("--medium", "out.iso", *ON)
WRONG = {
    "options without a medium": ((SAMPLE, *ON, "--ignore-dates"), 2, "--ignore-dates: goes with --medium"),
    "variables of other media": ((*MEDIUM, "--media-vars", "password"), 2, "--media-vars: the media of --medium"),
    "no medium": (("--medium", "password", *ON), 3, "password: is"),
    "no such medium": (("--medium", "gone.iso", *ON), 2, "gone.iso: there is no such file"),
    "no such sequence": (("other", *MEDIUM), 2, "no sequence 'other'"),
    "an identity alone": ((*MEDIUM, "--identity", "x"), 2, "goes with --allowed-sign"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.usefixtures("here")
def test_what_cannot_be_run_from_media_is_told(name: str) -> None:
    words, code, told = WRONG[name]
    standalone("--sequence", "one.xml")
    assert told in osdimage("run", *words, code=code).err


@pytest.mark.usefixtures("here")
def test_reading_the_media_is_told_as_a_part_of_the_run() -> None:
    standalone("--sequence", "one.xml", "--package", "P1=ABC00001")
    words = ["run", "--medium", "out.iso", "--disk", "0=disk.img", "--size", "64MB", "--yes"]
    events = osdimage(*words, "--events", "-").events
    read = [each["progress"]["percent"] for each in events if each["step"] is None and each["progress"] is not None]
    assert read == sorted(read)
    assert {each["progress"]["phase"] for each in events if each["progress"] is not None} >= {"verify-data"}
    code, _, shown = on_a_terminal(words)
    assert (code, "Traceback" in shown) == (0, False)


@pytest.mark.usefixtures("here")
def test_passwords_come_from_files_and_variables_and_are_not_weak(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("short").write_text("swordfi\n")
    weak = standalone("--sequence", "one.xml", "--password-file", "short", code=2)
    assert "the password has 7 characters" in weak.err
    assert "swordfi" not in weak.err
    both = standalone("--sequence", "one.xml", "--password-file", "short", "--password-env", "WORD", code=2)
    assert "two places for one password" in both.err
    assert "no such variable" in standalone("--sequence", "one.xml", "--password-env", "WORD", code=2).err
    monkeypatch.setenv("WORD", "swordfi")
    standalone("--sequence", "one.xml", "--password-env", "WORD", "--allow-weak-password")
    assert "succeeded" in run("out.iso", "--password-env", "WORD").out
    told = standalone("--sequence", "one.xml", "--password-file", "swordfish", code=2).err
    assert "there is no such file" in told
    assert "swordfish" not in told


def test_no_file_that_a_medium_is_made_of_is_replaced_by_it(here: Path) -> None:
    (here / "package").mkdir()
    (here / "package" / "only.bin").write_bytes(b"the only copy")
    (here / "vars").write_text("A=1\n")
    given = ("--sequence", "one.xml", "--package", "P1=package", "--vars", "vars", "--overwrite")
    for name in ("package/only.bin", "package/new.iso", "vars", "password", "one.xml", "key"):
        more = ("--password-file", "password", "--sign-key", "key")
        told = osdimage("media", "standalone", name, "--boot-image", "pe.wim", *given, *more, code=2).err
        assert re.search(rf"{name}: (is what the disc is to be made of|lies within package, of which it is)", told)
    assert (here / "package" / "only.bin").read_bytes() == b"the only copy"
    assert not (here / "package" / "new.iso").exists()
    assert (here / "vars").read_text() == "A=1\n"

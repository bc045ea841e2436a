"""``osdimage media iso``: a disc of a boot image, or of another disc, as programs of others read and start it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cases import disc_loaders, media, started_media
from cases.boot_images import boot_wim, pe_files
from cases.windows_trees import write_tree
from judges import boot as boot_judges
from judges import disc as judges
from judges.wim import output
from runs.commands import osdimage

DVD = "Windows/Boot/DVD"
EFISYS = f"{DVD}/EFI/en-US/efisys.bin"
ETFSBOOT = f"{DVD}/PCAT/etfsboot.com"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a boot image and a medium of Windows Setup."""
    made = tmp_path_factory.mktemp("iso")
    media.boot_image(made / "pe.wim")
    boot_wim(made / "two.wim", pe_files(), pe_files())
    write_tree(made / "setup", {**media.medium_files(), "sources/install.wim": b"not looked at"})
    write_tree(made / "configmgr", {"SMS/data/Variables.dat": b"not looked at", "sources/boot.wim": b"likewise"})
    (made / "answers.xml").write_text('<unattend xmlns="urn:schemas-microsoft-com:unattend"/>', encoding="ascii")
    return made


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in a folder of the test's own, with links to what is there."""
    for each in folder.iterdir():
        (tmp_path / each.name).symlink_to(each)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_a_dry_run_tells_all_and_writes_nothing() -> None:
    told = osdimage("media", "iso", "pe.iso", "--boot-image", "pe.wim", "--dry-run").out
    assert re.match(
        r"pe\.iso: would write \d+ files, .* KB, label WINPE_X64\n"
        r"  boot image: pe\.wim: 'Image 1', x64, Windows 10\.0\.22621\.1\n"
        r"  starts: BIOS and UEFI \(x64\); it is not known who signed its loader\n\n",
        told,
    )
    assert re.search(
        r"^boot/etfsboot\.com +4,096  pe\.wim: \\Windows\\Boot\\DVD\\PCAT\\etfsboot\.com$", told, re.MULTILINE
    )
    assert re.search(r"^efi/microsoft/boot/bcd +[\d,]+  made$", told, re.MULTILINE)
    assert not Path("pe.iso").exists()


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_others_read_all_of_a_disc_and_find_both_boot_images(tmp_path: Path) -> None:
    more = ("--unattend", "answers.xml", "--add", "answers.xml=/docs/answers.xml", "--label", "LAB", "--json")
    shown = osdimage("media", "iso", "pe.iso", "--boot-image", "pe.wim", "--source", "setup", *more).document
    (disc,) = shown["media"]
    assert (disc["path"], disc["label"], disc["number"]) == ("pe.iso", "LAB", 1)
    assert disc["size_bytes"] == Path("pe.iso").stat().st_size
    hashes = judges.seven_zip_hashes(Path("pe.iso"), "udf", tmp_path / "out")
    assert {each["path"] for each in disc["files"]} == {path[1:] for path in hashes}
    assert hashes["/autounattend.xml"] == hashes["/docs/answers.xml"] == digest(Path("answers.xml"))
    assert hashes["/sources/boot.wim"] == digest(Path("pe.wim"))
    assert hashes["/Boot/etfsboot.com"] == digest(Path("setup/Boot/etfsboot.com"))
    assert judges.is_same_to_grub(Path("pe.iso"), "/sources/boot.wim", Path("pe.wim"))
    assert [each.platform for each in judges.boot_images(Path("pe.iso"))] == ["BIOS", "UEFI"]
    told = output("7zz", "t", "pe.iso")
    assert "Everything is Ok" in told
    assert re.search(r"^label=LAB$", output("udfinfo", "pe.iso"), re.MULTILINE)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_a_disc_of_another_one_has_its_label_and_boot_images_and_the_file_that_was_added(tmp_path: Path) -> None:
    osdimage("media", "iso", "old.iso", "--boot-image", "pe.wim", "--label", "OLD")
    shown = osdimage("media", "iso", "new.iso", "--from", "old.iso", "--unattend", "answers.xml",
                     "--replace", "answers.xml=bootmgr", "--remove", r"efi\microsoft\boot\fonts")  # fmt: skip
    assert "label OLD\n  starts: BIOS and UEFI (x64); " in shown.out
    assert "Windows Setup alone reads autounattend.xml" in shown.err
    before = judges.seven_zip_hashes(Path("old.iso"), "udf", tmp_path / "1")
    after = judges.seven_zip_hashes(Path("new.iso"), "udf", tmp_path / "2")
    fonts = {path for path in before if path.startswith("/efi/microsoft/boot/fonts/")}
    assert fonts
    assert after == {path: each for path, each in before.items() if path not in fonts} | {
        "/autounattend.xml": digest(Path("answers.xml")),
        "/bootmgr": digest(Path("answers.xml")),
    }
    assert [each.platform for each in judges.boot_images(Path("new.iso"))] == ["BIOS", "UEFI"]


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_an_empty_folder_of_another_disc_stays_unless_it_is_removed() -> None:
    for name in ("kept", "gone/below", "Gone2"):
        Path("tree", name).mkdir(parents=True)
    Path("tree/file").write_bytes(b"1")
    output("genisoimage", "-quiet", "-udf", "-o", "old.iso", "tree")
    osdimage("media", "iso", "new.iso", "--from", "old.iso", "--remove", r"\GONE", "--remove", "gone2/")
    told = output("7zz", "l", "-slt", "-tudf", "new.iso")
    assert re.findall(r"^Path = (?!new\.iso)(.*)$", told, re.MULTILINE) == ["file", "kept"]
    refused = osdimage("media", "iso", "2.iso", "--from", "old.iso", "--remove", "kep", code=2)
    assert "'kep' cannot be removed: the medium has no such file or folder" in refused.err


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_settings_and_drivers_get_into_the_boot_image_on_the_way() -> None:
    Path("start.cmd").write_bytes(b"wpeinit\r\ncall X:\\menu.cmd\r\n")
    before = digest(Path("pe.wim"))
    osdimage("media", "iso", "pe.iso", "--boot-image", "pe.wim", "--startnet", "start.cmd", "--scratch", "256")
    assert digest(Path("pe.wim")) == before
    Path("boot.wim").write_bytes(output_bytes("7zz", "x", "-so", "-tudf", "pe.iso", "sources/boot.wim"))
    told = output("wimlib-imagex", "extract", "boot.wim", "1", "/Windows/System32/startnet.cmd", "--to-stdout")
    assert "menu.cmd" in told
    assert "Boot Index:     1\n" in output("wimlib-imagex", "info", "boot.wim")


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_an_image_of_5_gb_is_on_the_disc_with_its_holes() -> None:
    with Path("install.wim").open("wb") as file:
        file.truncate(5_000_000_007)
    line = ("--boot-image", "pe.wim", "--add", "install.wim=/sources/install.wim")
    osdimage("media", "iso", "pe.iso", *line, "--media-size", "dvd-dl")
    assert Path("pe.iso").stat().st_blocks * 512 < 4 << 20
    assert judges.seven_zip(Path("pe.iso"), "udf")["/sources/install.wim"].size == 5_000_000_007
    refused = osdimage("media", "iso", "cd.iso", *line, "--media-size", "dvd", code=4)
    assert "more than the 4,700,372,992 that it may have; take a larger disc" in refused.err


@pytest.mark.usefixtures("here")
def test_several_boot_images_are_on_the_disc_and_in_its_menu() -> None:
    shown = osdimage("media", "iso", "pe.iso", "--boot-image", "pe.wim", "--boot-image", "pe.wim:1", "--json").document
    assert [each["index"] for each in shown["boot_images"]] == [1, 1]
    assert {"sources/boot.wim", "sources/boot2.wim"} <= {each["path"] for each in shown["media"][0]["files"]}


def output_bytes(*words: str) -> bytes:
    return subprocess.run(words, check=True, capture_output=True).stdout


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int], None]]:
    """Return a function that sets the time zone, and what new files may not."""
    umask = os.umask(0o022)

    def go(zone: str, mask: int) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        os.umask(mask)

    yield go
    os.umask(umask)
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("here")
def test_the_same_seed_and_time_make_the_same_bytes_elsewhere_too(
    elsewhere: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    line = ("media", "iso", "--boot-image", "pe.wim", "--source", "setup", "--seed", "lab")
    osdimage(*line, "1.iso")
    elsewhere("Asia/Kolkata", 0o077)
    osdimage(*line, "2.iso")
    osdimage(*line[:-1], "other", "3.iso")
    assert Path("1.iso").read_bytes() == Path("2.iso").read_bytes()
    assert Path("1.iso").read_bytes() != Path("3.iso").read_bytes()


@pytest.mark.parametrize("form", ["as it is", "solid"])
@pytest.mark.usefixtures("here")
def test_they_do_so_too_where_the_boot_image_is_made_on_the_way(
    form: str, elsewhere: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    line = ["media", "iso", "--boot-image", "pe.wim", "--seed", "lab"]
    if form == "solid":
        osdimage("export", "pe.wim", "boot.esd", "--all")
        line[3] = "boot.esd"
    else:
        Path("start.cmd").write_bytes(b"wpeinit\r\nmenu\r\n")
        line += ["--scratch", "256", "--startnet", "start.cmd", "--add-file", "answers.xml=/new/folder/answers.xml"]
    osdimage(*line, "1.iso")
    elsewhere("Asia/Kolkata", 0o077)
    answers = Path("answers.xml")
    # As it is after somebody has read it.
    os.utime(answers, ns=(time.time_ns(), answers.stat().st_mtime_ns))
    osdimage(*line, "2.iso")
    assert Path("1.iso").read_bytes() == Path("2.iso").read_bytes()


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_a_volume_has_the_identifier_that_was_given() -> None:
    osdimage("media", "iso", "pe.iso", "--boot-image", "pe.wim", "--volume-id", "0123456789ABCDEF")
    assert re.search(r"^uuid=0123456789abcdef$", output("udfinfo", "pe.iso"), re.MULTILINE)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        pytest.param("pe.iso", 2, "say what starts, with --boot-image WIM", id="nothing"),
        pytest.param("pe.iso --boot-image two.wim", 2, "choose one with --boot-image two.wim:N:\n  1: ", id="which"),
        pytest.param("setup/pe.iso --source setup --boot-image pe.wim", 2, "lies within setup", id="within"),
        pytest.param("/dev/null --boot-image pe.wim --overwrite", 4, "osdimage media usb DISK", id="device"),
        pytest.param("pe.wim --boot-image pe.wim --overwrite", 2, "made of itself", id="itself"),
        pytest.param("/dev/no-such-stick --boot-image pe.wim", 2, "is no device that is there", id="device"),
        pytest.param("answers.xml --boot-image pe.wim", 4, "--overwrite", id="exists"),
        pytest.param("pe.iso --boot-image pe.wim --media-size 100KB", 4, "more than the 102,400", id="too large"),
        pytest.param("pe.iso --boot-image pe.wim --media-size floppy", 2, "valid are cd, dvd", id="size"),
        pytest.param("pe.iso --boot-image pe.wim --volume-id 12", 2, "16 digits", id="volume id"),
        pytest.param(f"pe.iso --boot-image pe.wim --label {'L' * 31}", 2, "1 to 30 characters", id="label"),
        pytest.param("pe.iso --boot-image pe.wim --add answers.xml=a:b", 2, "holds one of", id="name"),
        pytest.param("pe.iso --boot-image pe.wim --remove x", 2, "no such file or folder", id="remove"),
        pytest.param("pe.iso --boot-image pe.wim --unattend pe.wim", 3, "pe.wim", id="answers"),
        pytest.param("pe.iso --from setup", 3, "setup: is neither a file nor a drive", id="folder"),
        pytest.param("pe.iso --from answers.xml", 3, "answers.xml", id="no disc"),
        pytest.param("pe.iso --from answers.xml --no-prompt", 2, "--source answers.xml", id="both"),
        pytest.param("pe.iso --boot-image pe.wim --signed-2023 --firmware bios", 2, "valid is UEFI", id="signature"),
        pytest.param("pe.iso --source configmgr", 3, "a medium of Configuration Manager", id="ConfigMgr"),
        pytest.param("pe.iso --boot-image pe.wim --hybrid", 2, "osdimage media usb", id="hybrid"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(line: str, code: int, said: str) -> None:
    refused = osdimage("media", "iso", *line.split(), code=code)
    assert said in refused.err
    assert not Path("pe.iso").exists()
    assert Path("answers.xml").stat().st_size < 100


@pytest.mark.usefixtures("here")
def test_progress_goes_on_to_the_end() -> None:
    osdimage("media", "iso", "pe.iso", "--boot-image", "pe.wim", "--scratch", "64", "--events", "events", "--quiet")
    percents = [json.loads(each)["percent"] for each in Path("events").read_text(encoding="ascii").splitlines()]
    assert percents == sorted(percents)
    assert percents[-1] == 100


@pytest.fixture(scope="module")
def startable(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a disc whose loaders are stand-ins that say what they find, made of one without them."""
    work = tmp_path_factory.mktemp("loaders")
    files = media.boot_files()
    loaders = {ETFSBOOT: disc_loaders.etfsboot(work), EFISYS: disc_loaders.efisys(work)}
    image = media.boot_image(work / "pe.wim", {**files, **loaders, f"{DVD}/PCAT/boot.sdi": started_media.sdi()})
    osdimage("media", "iso", work / "old.iso", "--boot-image", image, "--add", f"{folder / 'setup'}=/setup")
    osdimage("media", "iso", work / "pe.iso", "--from", work / "old.iso", "--remove", "setup/bootmgr")
    return work / "pe.iso"


@pytest.mark.foreign
def test_nothing_is_found_that_keeps_a_disc_of_a_disc_from_starting(startable: Path) -> None:
    (found,) = osdimage("media", "verify", startable, "--json").document["media"]
    assert (found["findings"], sorted(found["firmware"])) == ([], ["bios", "uefi"])


@pytest.mark.foreign
def test_a_bios_loads_all_sectors_of_what_it_starts(startable: Path) -> None:
    booted = boot_judges.boot_bios_disc(startable)
    assert booted.reached, booted.printed
    assert booted.printed.endswith("ALL8")


@pytest.mark.foreign
@pytest.mark.slow
def test_uefi_starts_a_loader_that_reads_the_boot_image_in_udf(startable: Path, tmp_path: Path) -> None:
    booted = boot_judges.boot_uefi_disc(startable, tmp_path / "variables.fd")
    assert booted.reached, booted.printed
    assert "EFISYS found it on udf\n" in booted.printed
    wim = output_bytes("7zz", "x", "-so", "-tudf", str(startable), "sources/boot.wim")
    assert hashlib.sha256(wim).hexdigest() in booted.printed


@pytest.mark.parametrize(
    ("target", "more"),
    [
        pytest.param("answers.xml", ("--boot-image", "pe.wim", "--pe-unattend", "answers.xml"), id="answers"),
        pytest.param("answers.xml", ("--boot-image", "pe.wim", "--add-file", "answers.xml=/a.xml"), id="added"),
        pytest.param("setup/drivers/disc.iso", ("--boot-image", "pe.wim", "--driver", "setup"), id="drivers"),
        pytest.param("own.iso", ("--boot-image", "own.iso!sources/boot.wim"), id="image-on-disc"),
    ],
)
def test_no_file_that_the_disc_is_made_of_is_replaced_by_it(target: str, more: tuple[str, ...], here: Path) -> None:
    osdimage("media", "iso", "own.iso", "--boot-image", "pe.wim")
    before = {each: each.read_bytes() for each in here.iterdir() if each.is_file()}
    told = osdimage("media", "iso", target, *more, "--overwrite", code=2).err
    assert "is what the disc is to be made of itself" in told or "lies within setup, of which it is to be made" in told
    assert {each: each.read_bytes() for each in here.iterdir() if each.is_file()} == before


@pytest.mark.usefixtures("here")
def test_the_log_names_what_starts_a_disc() -> None:
    told = osdimage("media", "iso", "pe.iso", "--boot-image", "pe.wim", "--dry-run", "--debug").err
    assert "INFO osdimage.imaging.media.parts.find: find what starts pe.wim\n" in told

"""Commands on disks with BitLocker volumes: what reads them, what refuses them, and that no key is ever shown."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cases import bitlocker as maker
from cases.volume import make_files
from judges.disk import copy_of, partition_of
from judges.ntfs import ntfsfix
from judges.wim import make_ntfs, require, wimlib_paths
from osdimage.imaging.registry import new_hive, write_hive
from runs.commands import osdimage
from runs.ordinary_user import folder_for_all, osdimage_as_nobody

SIZE = 3 << 20
WISH = maker.Wish((0x280000, 0x2A0000, 0x2C0000), 0x2E0000, protectors=maker.ALL_PROTECTORS)
LOCKED, SUSPENDED = "1", "2"
STARTS = {LOCKED: 1 << 20, SUSPENDED: 4 << 20}
PASSWORD_ID, RECOVERY_ID = (str(each.identifier).upper() for each in maker.ALL_PROTECTORS[1:3])
OPENED_BY = f"password {PASSWORD_ID}, recovery password {RECOVERY_ID}, startup key "


@dataclass(frozen=True)
class Sample:
    """A disk with an encrypted volume and a suspended one, the keys of the first, and what is in both."""

    disk: Path
    plain: Path
    tree: Path
    password: Path
    recovery: Path
    bek: Path

    @property
    def secrets(self) -> tuple[str, ...]:
        return (maker.PASSWORD, maker.RECOVERY, maker.RECOVERY[7:20], maker.EXTERNAL_KEY.hex())


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("bitlocker")
    tree = make_files(folder / "tree", {"Windows/a.txt": "a\n" * 3000, "Users/b.txt": "b\n"})
    hive = new_hive("ROOT")
    (tree / "Windows/config").write_bytes(write_hive(hive))
    volume = make_ntfs(folder / "plain.img", SIZE, "-L", "Windows")
    osdimage("capture", tree, folder / "tree.wim", "--compress", "none")
    osdimage("apply", folder / "tree.wim", volume)
    disk = folder / "disk.img"
    with disk.open("wb") as file:
        file.truncate(8 << 20)
    layout = "label: gpt\nstart=2048, size=6144, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n"
    layout += "start=8192, size=6144, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n"
    subprocess.run([require("sfdisk"), "-q", disk], input=layout, text=True, check=True)
    plain = volume.read_bytes()
    with disk.open("r+b") as file:
        encrypted = maker.make(plain, WISH)
        for number, protectors in ((LOCKED, maker.ALL_PROTECTORS), (SUSPENDED, (maker.CLEAR_PROTECTOR,))):
            file.seek(STARTS[number])
            file.write(maker.with_metadata(encrypted, replace(WISH, protectors=protectors)))
    keys = [folder / name for name in ("password", "recovery.txt", "key.BEK")]
    for path, data in zip(keys, (maker.PASSWORD.encode(), maker.RECOVERY.encode(), maker.startup_key()), strict=True):
        path.write_bytes(data)
    return Sample(disk, volume, tree, *keys)


@pytest.fixture(autouse=True)
def unattended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OSDIMAGE_BITLOCKER_KEY", raising=False)


def test_files_of_an_encrypted_volume_are_looked_at_and_taken_out(sample: Sample, tmp_path: Path) -> None:
    chosen = (sample.disk, "--partition", LOCKED, "--bitlocker-key", sample.password)
    assert "/Windows/a.txt" in osdimage("list", *chosen).out.splitlines()
    osdimage("extract", sample.disk, "/Windows", *chosen[1:], "--to", tmp_path / "out")
    assert (tmp_path / "out/Windows/a.txt").read_text() == "a\n" * 3000


def test_a_capture_of_an_encrypted_volume_is_that_of_the_plain_one(sample: Sample, tmp_path: Path) -> None:
    wim = tmp_path / "a.wim"
    osdimage("capture", sample.disk, wim, "--partition", LOCKED, "--bitlocker-key", sample.bek)
    osdimage("compare", wim, sample.plain)
    osdimage("compare", wim, sample.disk, "--partition", LOCKED, "--bitlocker-key", sample.bek)
    assert "/Windows/a.txt" in wimlib_paths(wim)


@pytest.mark.parametrize("name", ["password", "bek"])
def test_each_kind_of_key_opens_it(name: str, sample: Sample) -> None:
    key = getattr(sample, name)
    osdimage("disk", "check", sample.disk, "--partition", LOCKED, "--bitlocker-key", key)


def test_a_key_may_be_for_one_partition(sample: Sample) -> None:
    osdimage("disk", "check", sample.disk, "--partition", LOCKED, "--bitlocker-key", f"{LOCKED}={sample.bek}")
    done = osdimage("disk", "check", sample.disk, "--partition", LOCKED, "--bitlocker-key", f"7={sample.bek}", code=3)
    assert "needs a key" in done.err


def test_the_environment_may_hold_the_key_and_no_program_gets_it(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSDIMAGE_BITLOCKER_KEY", maker.RECOVERY)
    osdimage("disk", "check", sample.disk, "--partition", LOCKED)
    assert "OSDIMAGE_BITLOCKER_KEY" not in os.environ


def test_no_command_hands_the_key_of_the_environment_to_a_program(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that take no key, such as this one, which may run mkntfs."""
    program = tmp_path / "mkntfs"
    program.write_text(f'#!/bin/sh\nenv > "{tmp_path}/env"\nexec "{require("mkntfs")}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("OSDIMAGE_BITLOCKER_KEY", maker.RECOVERY)
    osdimage("disk", "format", copy_of(sample.disk, tmp_path / "d.img"), "--partition", LOCKED, "--fs", "ntfs", "--yes")
    assert maker.RECOVERY not in (tmp_path / "env").read_text()


@pytest.mark.parametrize("key", [maker.RECOVERY, f"1={maker.RECOVERY}", maker.PASSWORD])
def test_a_key_in_the_place_of_its_file_is_not_shown(key: str, sample: Sample) -> None:
    words = ("list", sample.disk, "--partition", LOCKED, "--bitlocker-key", key)
    for done in (osdimage(*words, code=2), osdimage(*words, "--json", code=2)):
        assert "there is no such file" in done.err
        assert key.removeprefix("1=") not in done.out + done.err


@pytest.mark.parametrize("value", ["", "1="])
def test_a_key_of_no_name_is_refused(value: str, sample: Sample) -> None:
    """As a variable of a script that is not set."""
    assert "names no file" in osdimage("list", sample.disk, "--bitlocker-key", value, code=2).err


def test_standard_input_may_hold_the_key(sample: Sample) -> None:
    words = ["disk", "check", sample.disk, "--partition", LOCKED, "--bitlocker-key", "-"]
    program = [sys.executable, "-c", "from osdimage.cli.main import main; main()"]
    subprocess.run([*program, *words], input=maker.RECOVERY.encode(), check=True, capture_output=True)


def test_two_keys_from_standard_input_are_refused(sample: Sample) -> None:
    words = ("--bitlocker-key", "-", "--bitlocker-key", "1=-")
    assert "standard input holds one key" in osdimage("boot", "check", sample.disk, *words, code=2).err


def test_a_registry_behind_bitlocker_is_read(sample: Sample) -> None:
    place = ("--partition", LOCKED, "--hive", "Windows/config", "--bitlocker-key", sample.bek)
    osdimage("registry", "get", sample.disk, "", *place)


@pytest.mark.parametrize("words", [("set", "K"), ("import", "{edits}")])
def test_a_registry_behind_bitlocker_takes_no_key_to_write_to_it_and_says_so(
    words: tuple[str, ...], sample: Sample, tmp_path: Path
) -> None:
    edits = tmp_path / "a.reg"
    edits.write_text("REGEDIT4\n\n")
    verb, what = (each.format(edits=edits) for each in words)
    place = ("registry", verb, sample.disk, what, "--partition", LOCKED, "--hive", "SYSTEM")
    assert "No such option '--bitlocker-key'" in osdimage(*place, "--bitlocker-key", sample.bek, code=2).err
    assert "can be captured, compared and read, and not be written to" in osdimage(*place, code=4).err


@pytest.mark.parametrize("words", [("list",), ("extract", "--to", "out")])
def test_a_key_for_a_wim_is_refused(words: tuple[str, ...], sample: Sample, tmp_path: Path) -> None:
    wim = sample.disk.parent / "tree.wim"
    verb, *rest = (str(tmp_path / each) if each == "out" else each for each in words)
    said = osdimage(verb, wim, "/", *rest, "--bitlocker-key", sample.bek, code=2).err
    assert "--bitlocker-key: for volumes, not for images of WIMs" in said
    assert not (tmp_path / "out").exists()


def test_a_suspended_volume_opens_unasked_and_says_so(sample: Sample, tmp_path: Path) -> None:
    done = osdimage("capture", sample.disk, tmp_path / "a.wim", "--partition", SUSPENDED)
    assert f"{sample.disk} partition 2: BitLocker is suspended; it is read without a key" in done.err
    osdimage("compare", tmp_path / "a.wim", sample.plain)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("capture", "DISK", "new.wim", "--partition", LOCKED), id="capture"),
        pytest.param(("compare", "tree.wim", "DISK", "--partition", LOCKED), id="compare"),
        pytest.param(("disk", "check", "DISK", "--partition", LOCKED), id="disk check"),
        pytest.param(("list", "DISK", "--partition", LOCKED), id="list"),
        pytest.param(("registry", "get", "DISK", "", "--partition", LOCKED, "--hive", "SYSTEM"), id="registry get"),
    ],
)
def test_what_reads_says_what_opens_it_and_how_to_give_that(words: tuple[str, ...], sample: Sample) -> None:
    folder = sample.disk.parent
    given = [str(sample.disk) if each == "DISK" else str(folder / each) if "wim" in each else each for each in words]
    said = osdimage(*given, code=3).err
    assert f"partition 1: holds a BitLocker volume that needs a key; what opens it: {OPENED_BY}" in said
    assert "TPM (not here); give its key with --bitlocker-key FILE" in said


@pytest.mark.parametrize("words", [("disk", "check"), ("list",)], ids=" ".join)
def test_so_it_is_with_one_that_is_alone_in_a_file(words: tuple[str, ...], sample: Sample, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    start = STARTS[LOCKED]
    alone.write_bytes(sample.disk.read_bytes()[start : start + SIZE])
    said = osdimage(*words, alone, code=3)
    assert said.out == ""
    assert said.err.endswith("TPM (not here); give its key with --bitlocker-key FILE\n")


def test_a_wrong_key_is_said_to_be_one_and_is_not_shown(sample: Sample, tmp_path: Path) -> None:
    key = tmp_path / "wrong"
    key.write_text("swordfish and chips\n")
    done = osdimage("disk", "check", sample.disk, "--partition", LOCKED, "--bitlocker-key", key, "--json", code=3)
    assert "that the password that was given does not open; what opens it: password" in done.out
    assert "swordfish" not in done.out + done.err


def test_a_mistyped_recovery_password_is_an_error_of_usage_that_names_the_group(sample: Sample, tmp_path: Path) -> None:
    key = tmp_path / "wrong"
    key.write_text(maker.RECOVERY.replace("135795", "135796"))
    done = osdimage("boot", "check", sample.disk, "--bitlocker-key", key, code=2)
    assert f"{key}: group 4 of the recovery password is wrong" in done.err
    assert "135796" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("apply", "tree.wim", "DISK", "--partition", "N"), id="apply"),
        pytest.param(("apply", "tree.wim", "DISK", "--partition", "N", "--wipe", "--keep", "a", "--yes"), id="keep"),
        pytest.param(("registry", "set", "DISK", "K", "--partition", "N", "--hive", "Windows/config"), id="set"),
    ],
)
@pytest.mark.parametrize("number", [LOCKED, SUSPENDED])
def test_what_writes_refuses_it_and_leaves_it_as_it_was(words: tuple[str, ...], number: str, sample: Sample) -> None:
    before = sample.disk.read_bytes()
    places = {"DISK": str(sample.disk), "tree.wim": str(sample.disk.parent / "tree.wim"), "N": number}
    said = osdimage(*(places.get(each, each) for each in words), code=4).err
    told = "nothing on it can be kept" if "--keep" in words else "which can be captured, compared and read, and not be"
    assert told in said
    assert ("; --wipe puts an NTFS volume in its place" in said) == (words[-1] == "N")
    assert sample.disk.read_bytes() == before


@pytest.mark.parametrize("number", [LOCKED, SUSPENDED])
def test_a_wipe_replaces_it_and_says_what_is_lost(number: str, sample: Sample, tmp_path: Path) -> None:
    disk, wim = copy_of(sample.disk, tmp_path / "disk.img"), sample.disk.parent / "tree.wim"
    words = ("apply", wim, disk, "--partition", number, "--wipe")
    lost = f"{disk} partition {number}, encrypted by BitLocker" + (f"; what opens it: {OPENED_BY}" * (number == LOCKED))
    assert f"{disk} partition {number} would be wiped; {lost}" in osdimage(*words, code=2).err
    assert disk.read_bytes() == sample.disk.read_bytes()
    said = osdimage(*words, "--yes").err
    assert f"{disk} partition {number}: the BitLocker volume that is there is lost" in said
    volume = partition_of(disk, int(number), tmp_path / "volume.ntfs")
    ntfsfix(volume)
    osdimage("compare", wim, volume)


def test_a_wipe_of_what_is_too_small_leaves_it_as_it_was(sample: Sample, tmp_path: Path) -> None:
    disk = copy_of(sample.disk, tmp_path / "disk.img")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "large").write_bytes(os.urandom(SIZE))
    osdimage("capture", tmp_path / "tree", tmp_path / "a.wim", "--compress", "none")
    osdimage("apply", tmp_path / "a.wim", disk, "--partition", LOCKED, "--wipe", "--yes", code=4)
    assert disk.read_bytes() == sample.disk.read_bytes()


def test_a_volume_that_is_being_encrypted_is_refused_with_the_reason(sample: Sample, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    # The boot sector alone says so.
    made = maker.make(bytes(SIZE), replace(WISH, identifier=maker.CHANGING, used_only=True))
    volume.write_bytes(made)
    said = osdimage("capture", volume, tmp_path / "a.wim", "--bitlocker-key", sample.bek, code=3).err
    assert "that is being encrypted or decrypted; let Windows finish that first" in said


def test_metadata_that_are_all_broken_are_invalid_input(sample: Sample, tmp_path: Path) -> None:
    volume = copy_of(sample.disk, tmp_path / "disk")
    with volume.open("r+b") as file:
        for place in WISH.places:
            file.seek(STARTS[LOCKED] + place + 100)
            file.write(b"?")
    said = osdimage("capture", volume, tmp_path / "a.wim", "--partition", LOCKED, code=3).err
    assert "none of its three blocks of BitLocker metadata can be used" in said
    shown = osdimage("disk", "show", volume, "--json").document["partitions"][int(LOCKED) - 1]["bitlocker"]
    assert (shown["condition"], shown["method"], shown["description"]) == ("unreadable", None, None)


def test_a_disk_is_shown_with_what_opens_its_volumes(sample: Sample) -> None:
    shown = osdimage("disk", "show", sample.disk).out
    assert f"partition 1: BitLocker (XTS-AES 128) needs a key; what opens it: {OPENED_BY}" in shown
    assert "partition 2: BitLocker (XTS-AES 128) is suspended; it is read without a key" in shown
    document = json.loads(osdimage("disk", "show", sample.disk, "--json").out)
    first, second = (each["bitlocker"] for each in document["partitions"])
    assert (first["condition"], first["method"]) == ("encrypted", "XTS-AES 128")
    assert [each["kind"] for each in first["protectors"]] == ["tpm", "password", "recovery-password", "startup-key"]
    assert first["protectors"][1]["id"].upper() == PASSWORD_ID
    assert (second["condition"], second["protectors"][0]["kind"]) == ("suspended", "clear-key")


def test_a_capture_of_all_volumes_keeps_no_encryption_and_says_so(sample: Sample, tmp_path: Path) -> None:
    wim = tmp_path / "a.wim"
    done = osdimage("capture", sample.disk, wim, "--all-volumes", "--bitlocker-key", sample.bek)
    for number in (LOCKED, SUSPENDED):
        assert f"partition {number} is encrypted by BitLocker: the WIM holds its files as they read" in done.err
    for index in (1, 2):
        osdimage("compare", wim, sample.plain, "--index", str(index))
    xml = subprocess.run([require("wimlib-imagex"), "info", wim, "--xml"], check=True, capture_output=True).stdout
    assert xml.decode("utf-16").count('ENCRYPTED="BitLocker"') == 4


def test_without_its_key_a_capture_of_all_volumes_says_what_it_leaves_out(sample: Sample, tmp_path: Path) -> None:
    done = osdimage("capture", sample.disk, tmp_path / "a.wim", "--all-volumes")
    assert "holds a BitLocker volume that is not captured, encrypted by BitLocker; what opens it: password" in done.err


def test_a_format_names_what_is_lost_and_replaces_it(sample: Sample, tmp_path: Path) -> None:
    disk = copy_of(sample.disk, tmp_path / "disk")
    osdimage("disk", "format", disk, "--partition", LOCKED, "--fs", "ntfs", "--yes")
    assert json.loads(osdimage("disk", "show", disk, "--json").out)["partitions"][0]["bitlocker"] is None


def test_what_is_lost_is_named_with_its_protectors(sample: Sample) -> None:
    from osdimage.imaging.disk.init import losses  # noqa: PLC0415 - construct comes with it
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415

    with open_disk(sample.disk) as disk:
        first, _ = losses(disk.target, disk.read())
    assert f"encrypted by BitLocker; what opens it: {OPENED_BY}" in first


def test_no_output_of_a_command_has_a_key(sample: Sample, tmp_path: Path) -> None:
    for number, key in enumerate((sample.password, sample.recovery, sample.bek)):
        events, wim = tmp_path / f"{number}.jsonl", tmp_path / f"{number}.wim"
        words = ("capture", sample.disk, wim, "--partition", LOCKED, "--bitlocker-key", key, "--json", "--debug")
        done = osdimage(*words, "--events", events)
        failed = osdimage(*words, code=None)
        assert failed.code != 0
        told = done.out + done.err + failed.out + failed.err + events.read_text()
        assert not [each for each in sample.secrets if each in told]


def test_a_typed_key_opens_it_after_one_that_does_not(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    from osdimage.cli.disk import keys  # noqa: PLC0415 - a module of commands

    said, typed = [], [b"wrong", b"\xff", maker.RECOVERY.encode()]

    def ask(text: str) -> bytearray:
        said.append(text)
        return bytearray(typed[len(said) - 1])

    monkeypatch.setattr(keys, "_is_attended", lambda: True)
    monkeypatch.setattr(keys, "_ask", ask)
    osdimage("disk", "check", sample.disk, "--partition", LOCKED)
    assert OPENED_BY in said[0]
    assert said[1:] == [
        "that does not open it",
        "what was typed: is neither a startup key nor text in UTF-8 or UTF-16",
    ]


def test_nobody_is_asked_for_ever(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    from osdimage.cli.disk import keys  # noqa: PLC0415 - a module of commands

    monkeypatch.setattr(keys, "_is_attended", lambda: True)
    monkeypatch.setattr(keys, "_ask", lambda _said: bytearray(b"000000-000000"))
    assert "needs a key" in osdimage("disk", "check", sample.disk, "--partition", LOCKED, code=3).err


def test_a_user_without_rights_may_hold_a_key_and_write_a_wim(sample: Sample) -> None:
    with folder_for_all() as folder:
        shutil.copy(sample.bek, folder / "key.BEK")
        copy_of(sample.disk, folder / "disk.img")
        place = ("--partition", LOCKED, "--bitlocker-key", "key.BEK")
        # Its files below /proc are root's meanwhile.
        osdimage_as_nobody(folder, "capture", "disk.img", "a.wim", *place)
        osdimage_as_nobody(folder, "compare", "a.wim", "disk.img", *place)

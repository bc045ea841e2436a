"""Folders for network boot, as the command makes them: what is in them, what stays, and what is refused."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cases.media import boot_files, boot_image
from cases.netboot import PXE, net_material, wimboot_file
from dissect.regf import RegistryHive
from judges.boot import boot_network_bios, nasm
from judges.servers import dnsmasq_judges, nginx_judges
from osdimage.imaging.media.netboot import folder as folder_module
from runs.commands import Outcome, osdimage

PROGRAM = Path(__file__).parents[3] / "cases" / "netprogram.asm"
KNOWN = """\
Name,SMBIOS GUID,MAC Address,boot-image,script
PC1,,52:54:00:00:00:01,,
PC2,00000000-0000-4000-8000-525400000002,,Other,
PC3,,52:54:00:00:00:03,local,
PC4,,52:54:00:00:00:04,,mine.ipxe
"""
MINE = "#!ipxe\necho mine\nexit 0\n"
SERVERS = (
    "--leases",
    "192.168.50.100-192.168.50.200/24",
    "--proxy",
    "192.168.50.0/24",
    "--url",
    "http://192.168.50.1/",
)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("net")
    net_material(folder)
    boot_image(folder / "arm.wim", boot_files("arm64", bios=False))
    boot_image(folder / "bare.wim", boot_files(uefi=False))
    wimboot_file(folder / "wimboot.arm64", "arm64")
    (folder / "known.csv").write_text(KNOWN)
    (folder / "mine.ipxe").write_text(MINE)
    return folder


def made(
    material: Path, to: Path, *options: object, images: tuple[str, ...] = ("pe=pe.wim",), code: int = 0
) -> Outcome:
    given = [f"--boot-image={each.replace('=', f'={material}/')}" for each in images]
    if "--native" not in options:
        given += [f"--wimboot={material}/wimboot", f"--ipxe={material}/ipxe"]
    return osdimage("media", "netboot", to, *given, *options, code=code)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_all_that_the_scripts_name_is_there_and_is_what_the_sums_say(material: Path, tmp_path: Path) -> None:
    images = ("pe=pe.wim", "other=other.wim", "arm=arm.wim")
    made(material, tmp_path / "out", f"--wimboot={material}/wimboot.arm64", "--firmware=auto", images=images)
    found = contents(tmp_path / "out")
    for path, data in found.items():
        if path.endswith(".ipxe"):
            for named in re.findall(r"(?:chain --autofree|kernel|initrd --name \S+) (\S+)", data.decode()):
                if "$" not in named:
                    assert (tmp_path / "out" / path).parent.joinpath(named).resolve().is_file()
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "out", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.count(": OK") == len(found) - 2
    assert {path for path in found if path != path.lower()} == {"SHA256SUMS"}
    assert found["sources/pe.wim"] == (material / "pe.wim").read_bytes()
    assert found["wimboot.arm64"] == (material / "wimboot.arm64").read_bytes()
    manifest = json.loads(found["media.json"])
    assert (manifest["kind"], manifest["architecture"], manifest["firmware"]) == ("netboot", None, ["bios", "uefi"])


def test_each_known_computer_has_its_script_and_others_are_refused(material: Path, tmp_path: Path) -> None:
    options = ("--known", material / "known.csv")
    outcome = made(material, tmp_path / "out", *options, "--json", images=("pe=pe.wim", "other=other.wim"))
    assert (outcome.document["known"], outcome.document["unknown"]) == (4, "refuse")
    found = {path: data.decode() for path, data in contents(tmp_path / "out").items() if path.endswith(".ipxe")}
    assert "chain --autofree ../default.ipxe" in found["by-mac/52-54-00-00-00-01.ipxe"]
    assert "chain --autofree ../images/other.ipxe" in found["by-uuid/00000000-0000-4000-8000-525400000002.ipxe"]
    assert found["by-mac/52-54-00-00-00-03.ipxe"] == "#!ipxe\nset computer PC3\nexit 0\n"
    assert found["by-mac/52-54-00-00-00-04.ipxe"] == MINE
    assert "not known here" in found["unknown.ipxe"]
    assert sum("prompt --key" in text for text in found.values()) == 2
    made(material, tmp_path / "out", *options, "--mandatory", "--unknown=menu", images=("pe=pe.wim", "other=other.wim"))
    found = {path: data.decode() for path, data in contents(tmp_path / "out").items() if path.endswith(".ipxe")}
    assert not any("prompt --key" in text for text in found.values())
    assert "item image-other" in found["unknown.ipxe"]


@pytest.mark.foreign
def test_servers_take_the_configurations_of_the_folder(material: Path, tmp_path: Path) -> None:
    options = (*SERVERS, "--known", material / "known.csv", "--interface=eth0", "--delay=2")
    made(material, tmp_path / "out", *options, images=("pe=pe.wim", "other=other.wim"))
    for name in ("dnsmasq.conf", "dnsmasq-proxy.conf"):
        assert dnsmasq_judges(tmp_path / "out" / name) == "0: dnsmasq: syntax check OK."
        assert f"tftp-root={tmp_path}/out\n" in (tmp_path / "out" / name).read_text()
    assert nginx_judges(tmp_path / "out" / "nginx.conf", tmp_path) == "0:"
    made(material, tmp_path / "out", *SERVERS, "--root=/srv/boot")
    for each in (tmp_path / "out").glob("*.conf"):
        assert str(tmp_path) not in each.read_text()
        assert "/srv/boot" in each.read_text()


def test_the_same_again_changes_nothing(material: Path, tmp_path: Path) -> None:
    made(material, tmp_path / "out", *SERVERS)
    before = {path: path.stat() for path in (tmp_path / "out").rglob("*")}
    again = made(material, tmp_path / "out", *SERVERS, "--json").document
    assert (again["written"], again["removed"]) == ([], [])
    after = {path: path.stat() for path in (tmp_path / "out").rglob("*")}
    kept = ("st_ino", "st_mtime_ns", "st_size", "st_mode")
    assert {path: [getattr(facts, each) for each in kept] for path, facts in after.items() if path.is_file()} == {
        path: [getattr(facts, each) for each in kept] for path, facts in before.items() if path.is_file()
    }


def test_what_is_new_is_written_what_is_old_goes_and_what_is_of_others_stays(material: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(material, out, "--known", material / "known.csv", images=("pe=pe.wim", "other=other.wim"))
    (out / "pxelinux.cfg").write_text("of another")
    (out / "by-mac" / "52-54-00-00-00-99.ipxe").write_text("#!ipxe\n")
    done = made(material, out, "--json", images=("pe=other.wim",)).document
    assert "sources/pe.wim" in done["written"]
    assert "wimboot" not in done["written"]
    assert set(done["removed"]) > {"sources/other.wim", "by-mac/52-54-00-00-00-01.ipxe", "images/other.ipxe"}
    assert (out / "sources" / "pe.wim").read_bytes() == (material / "other.wim").read_bytes()
    assert not (out / "by-uuid").exists()
    assert not (out / "boot" / "other").exists()
    assert (out / "pxelinux.cfg").exists()
    assert [each.name for each in (out / "by-mac").iterdir()] == ["52-54-00-00-00-99.ipxe"]


def test_everybody_may_read_it_whatever_the_mask_is(material: Path, tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        made(material, tmp_path / "out")
    finally:
        os.umask(old)
    modes = {each.is_dir(): each.stat().st_mode & 0o777 for each in (tmp_path / "out").rglob("*")}
    assert modes == {True: 0o755, False: 0o644}
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("moves", [0, 1, 5, 9, 14])
def test_stopped_between_two_files_each_is_whole_and_the_same_command_ends_the_work(
    moves: int, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    made(material, out, images=("pe=other.wim", "old=pe.wim"))
    before = contents(out)
    real = folder_module._Target._place
    left = [moves]

    def place(target: folder_module._Target, path: str) -> Path:
        if not left[0]:
            raise OSError(5, "Input/output error")
        left[0] -= 1
        return real(target, path)

    with monkeypatch.context() as patch:
        patch.setattr(folder_module._Target, "_place", place)
        stopped = made(
            material, out, "--known", material / "known.csv", images=("pe=pe.wim", "other=other.wim"), code=1
        )
    assert "each of them whole; the same command again ends the work" in stopped.err
    wanted = tmp_path / "wanted"
    made(material, wanted, "--known", material / "known.csv", images=("pe=pe.wim", "other=other.wim"))
    new = contents(wanted)
    found = contents(out)
    for path, data in found.items():
        if path.startswith(".osdimage-new/"):
            continue
        assert data in (before.get(path), new.get(path)), path
        if path.endswith(".ipxe") and data != before.get(path):
            for named in re.findall(r"(?:chain --autofree|kernel|initrd --name \S+) (\S+)", data.decode()):
                assert "$" in named or (out / path).parent.joinpath(named).is_file(), (path, named)
    made(material, out, "--known", material / "known.csv", images=("pe=pe.wim", "other=other.wim"))
    found = contents(out)
    assert found.keys() == new.keys()
    assert all(found[path] == new[path] for path in new if path != "media.json")


def test_what_a_killed_command_has_left_beside_the_rest_is_no_obstacle(material: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(material, out)
    (out / ".osdimage-new").mkdir()
    (out / ".osdimage-new" / "media.json").write_bytes(b"")
    made(material, out)
    assert not (out / ".osdimage-new").exists()


def test_what_fails_while_it_is_copied_leaves_the_folder_as_it_was(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    made(material, out)
    before = contents(out)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    failed = made(material, out, images=("pe=other.wim",), code=1)
    assert "No space left on device" in failed.err
    assert contents(out) == before
    made(material, tmp_path / "new", code=1)
    assert not (tmp_path / "new").exists()


def _file(out: Path) -> None:
    out.write_text("a file")


def _others(out: Path) -> None:
    out.mkdir()
    (out / "boot.ipxe").write_text("#!ipxe\n")


def _link(out: Path) -> None:
    out.mkdir()
    (out / "images").symlink_to(out.parent)


def _another_kind(out: Path) -> None:
    out.mkdir()
    manifest = {"format": "osdimage-media", "version": 1, "kind": "install"}
    given = {
        "label": "A",
        "created": "2026-01-01T00:00:00Z",
        "tool": "x",
        "files": [],
        "firmware": [],
        "signed": "unknown",
    }
    empty = dict.fromkeys(("valid_from", "expires", "set", "architecture", "boot_image", "runner", "variables"))
    lists = {"sequences": [], "packages": []}
    (out / "media.json").write_text(json.dumps(manifest | given | empty | lists))


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        pytest.param(_file, "is no folder", id="a-file"),
        pytest.param(
            _others,
            "files that osdimage has not written, or that were changed since, would be replaced: 'boot.ipxe'; --over",
            id="files",
        ),
        pytest.param(_link, "images: is no folder, and files of the new or", id="a-link"),
        pytest.param(_another_kind, "holds a medium of another kind (install)", id="another-kind"),
    ],
)
def test_a_target_that_is_not_ours_is_refused_and_stays(
    prepare: Callable[[Path], None], told: str, material: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    prepare(out)
    before = contents(tmp_path)
    assert told in made(material, out, "--dry-run", code=4).err
    assert told in made(material, out, code=4).err
    assert contents(tmp_path) == before


def test_files_of_others_are_replaced_when_that_is_asked_for(material: Path, tmp_path: Path) -> None:
    _others(tmp_path / "out")
    made(material, tmp_path / "out", "--overwrite")
    assert "by-mac" in (tmp_path / "out" / "boot.ipxe").read_text()


@pytest.mark.parametrize(
    ("edited", "images"), [("boot.ipxe", ("pe=pe.wim",)), ("images/old.ipxe", ("pe=other.wim",))], ids=["new", "gone"]
)
def test_what_a_person_has_edited_is_not_lost(
    edited: str, images: tuple[str, ...], material: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    made(material, out, images=("pe=pe.wim", "old=other.wim"))
    with (out / edited).open("a") as file:
        file.write("echo mine\n")
    before = contents(out)
    refused = made(material, out, images=images, code=4).err
    assert f"were changed since, would be replaced: '{edited}'; --overwrite" in refused
    assert contents(out) == before
    made(material, out, "--overwrite", images=images)
    assert not (out / edited).exists() or b"mine" not in (out / edited).read_bytes()


def test_a_manifest_that_names_files_behind_a_link_removes_nothing_there(material: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(material, out)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept.txt").write_text("kept")
    (out / "more").symlink_to(tmp_path / "elsewhere")
    manifest = json.loads((out / "media.json").read_text())
    manifest["files"].append(
        {**manifest["files"][0], "path": "more/kept.txt", "size": 4, "sha256": hashlib.sha256(b"kept").hexdigest()}
    )
    manifest["files"].sort(key=lambda each: each["path"])
    (out / "media.json").write_text(json.dumps(manifest))
    assert "more: is no folder" in made(material, out, code=4).err
    assert (tmp_path / "elsewhere" / "kept.txt").read_text() == "kept"


def test_two_at_once_are_refused(material: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    descriptor = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert "another process writes it" in made(material, out, code=4).err
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("options", "images", "code", "told"),
    [
        pytest.param(("--firmware=uefi",), ("pe=bare.wim",), 3, "there is no", id="no-loader"),
        pytest.param((), ("PE=pe.wim",), 2, "'PE': no names of boot images", id="name"),
        pytest.param((), ("local=pe.wim",), 2, "no names of boot images", id="reserved"),
        pytest.param((), ("a=pe.wim", "a=other.wim"), 2, "'a': two boot images have this name", id="twice"),
        pytest.param(
            (), ("pe=pe.wim", "arm=arm.wim"), 2, "computers for arm64 start no WIM without wimboot", id="wimboot"
        ),
        pytest.param(("--url=http://u:p@x/",), ("pe=pe.wim",), 2, "without a user", id="url"),
        pytest.param(("--delay=3",), ("pe=pe.wim",), 2, "give --leases or --proxy, too", id="no-dnsmasq"),
        pytest.param(("--columns=name",), ("pe=pe.wim",), 2, "--columns is about the table", id="no-table"),
        pytest.param(
            ("--native", "--firmware=both"), ("pe=pe.wim",), 2, "one folder serves one firmware", id="native-both"
        ),
        pytest.param(("--native", "--unknown=menu"), ("pe=pe.wim",), 2, "get no menu of their own", id="native-menu"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_anything_is_written(  # noqa: PLR0917 - a table of cases
    options: tuple[str, ...], images: tuple[str, ...], code: int, told: str, material: Path, tmp_path: Path
) -> None:
    assert told in made(material, tmp_path / "out", *options, images=images, code=code).err
    assert not (tmp_path / "out").exists()


def test_faults_of_the_list_of_computers_are_told_at_once(material: Path, tmp_path: Path) -> None:
    rows = ["PC1,52:54:00:00:00:01,nothing,", "PC2,52:54:00:00:00:02,pe,a.ipxe", "PC3,52:54:00:00:00:03,,none.ipxe"]
    (tmp_path / "bad.csv").write_text("\n".join(["name,mac,boot-image,script", *rows]) + "\n")
    told = made(material, tmp_path / "out", "--known", tmp_path / "bad.csv", code=3).err
    assert "line 2: there is no boot image 'nothing'; valid are pe, local" in told
    assert "line 3: has a boot image and a script" in told
    assert "line 4: " in told
    assert "none.ipxe: No such file" in told


def test_missing_ipxe_is_told_with_the_way_out(material: Path, tmp_path: Path) -> None:
    (tmp_path / "ipxe").mkdir()
    wishes = (f"--boot-image=pe={material}/pe.wim", f"--wimboot={material}/wimboot", f"--ipxe={tmp_path}/ipxe")
    told = osdimage("media", "netboot", tmp_path / "out", *wishes, code=3).err
    assert "has no undionly.kpxe" in told
    assert "--ipxe DIR" in told
    (tmp_path / "ipxe" / "undionly.kpxe").write_bytes(b"1")
    outcome = osdimage("media", "netboot", tmp_path / "out", *wishes, "--json")
    assert [each["kind"] for each in outcome.document["computers"]] == ["bios"]
    assert "has no snponly.efi" in outcome.err
    assert "snponly.efi" in osdimage("media", "netboot", tmp_path / "b", *wishes, "--firmware=uefi", code=3).err


def test_a_dry_run_shows_the_files_and_writes_nothing(material: Path, tmp_path: Path) -> None:
    outcome = made(material, tmp_path / "out", "--dry-run")
    assert "would hold" in outcome.out
    assert "boot/pe/bootmgr" in outcome.out
    assert not (tmp_path / "out").exists()


def options_of(store: Path) -> dict[str, bytes]:
    """Return the elements of the options of RAM disks, as dissect.regf reads them."""
    with store.open("rb") as stream:
        key = RegistryHive(stream).root().subkey("Objects").subkey("{7619dcc8-fafe-11d9-b411-000476eba25f}")
        return {each.name: each.value("Element").value for each in key.subkey("Elements").subkeys()}


def test_without_ipxe_uefi_is_served_the_boot_manager_and_its_store_tells_of_tftp(
    material: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known.csv"
    known.write_text("PC1,,52:54:00:00:00:01\n")
    options = ("--native", "--mandatory", "--leases=192.168.50.100-192.168.50.200/24", "--known", known)
    made(material, tmp_path / "out", *options, images=("pe=pe.wim", "other=other.wim"))
    found = contents(tmp_path / "out")
    assert {"bootmgfw.efi", "boot/bcd", "boot/boot.sdi", "sources/boot.wim", "sources/boot2.wim"} <= set(found)
    assert {"boot/fonts/wgl4_boot.ttf", "efi/microsoft/boot/memtest.efi"} <= set(found)
    assert found["bootmgfw.efi"] == boot_files()["Windows/Boot/EFI/bootmgfw.efi"]
    elements = options_of(tmp_path / "out" / "boot" / "bcd")
    assert (elements["35000007"], elements["35000008"]) == ((1456).to_bytes(8, "little"), (16).to_bytes(8, "little"))
    lines = found["dnsmasq.conf"].decode().splitlines()
    assert "dhcp-boot=tag:computer,tag:efi64,bootmgfw.efi" in lines
    assert "dhcp-host=52:54:00:00:00:01,set:computer,PC1" in lines
    assert not [each for each in lines if "ipxe" in each and not each.startswith("tftp-root=")]


@pytest.mark.parametrize(
    ("options", "first"),
    [pytest.param(("--mandatory",), "pxeboot.n12", id="at-once"), pytest.param((), "pxeboot.com", id="f12")],
)
def test_without_ipxe_a_bios_is_served_what_loads_the_boot_manager(
    options: tuple[str, ...], first: str, material: Path, tmp_path: Path
) -> None:
    outcome = made(material, tmp_path / "out", "--native", "--firmware=bios", *options, "--json")
    assert outcome.document["computers"] == [{"kind": "bios", "loads": first}]
    found = contents(tmp_path / "out")
    assert found[first] == PXE[f"Windows/Boot/PXE/{first}"]
    assert {"bootmgr.exe", "boot/bcd", "boot/boot.sdi", "sources/boot.wim"} <= set(found)
    told = made(material, tmp_path / "b", "--native", "--firmware=bios", images=("pe=other.wim",), code=3).err
    assert f"\\Windows\\Boot\\PXE\\{'pxeboot.com'}, which a BIOS loads first" in told
    assert "--boot-files-from WIM" in told
    made(
        material,
        tmp_path / "b",
        "--native",
        "--firmware=bios",
        f"--boot-files-from={material}/pe.wim",
        images=("pe=other.wim",),
    )


@pytest.mark.foreign
@pytest.mark.matrix
def test_a_known_computer_starts_from_the_folder(material: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(material, out, "--known", material / "known.csv", "--mandatory", images=("pe=pe.wim", "other=other.wim"))
    nasm(PROGRAM, out / "wimboot")
    booted = boot_network_bios(out, mac="52:54:00:00:00:02")
    assert booted.reached
    assert "PC2 starts Image 1" in booted.printed
    assert "../sources/other.wim... ok" in booted.printed

"""What is refused of the file of a virtual machine, and what is told of it, when it is read and when it is written."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import bitlocker as maker
from cases import vhdx_logs
from judges import containers as judges
from judges import wim as wim_judges
from osdimage.imaging.disk.containers.server import Server
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import StorageError, TargetRefused
from runs.commands import osdimage
from runs.formats import of_plain_files

pytestmark = [pytest.mark.foreign, of_plain_files]

INIT = ("--preset", "data-mbr", "--yes", "--no-backup")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("raw") / "disk.img"
    osdimage("disk", "init", path, "--size", "60MB", "--preset", "data-gpt", "--yes", "--seed", "x")
    return path


def patched(path: Path, at: int, new: bytes) -> Path:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(new)
    return path


def _qcow2(raw: Path, folder: Path) -> Path:
    return judges.convert(raw, folder / "disk.qcow2", "qcow2")


def _bit(number: int) -> Callable[[Path, Path], Path]:
    return lambda raw, folder: patched(_qcow2(raw, folder), 72, struct.pack(">Q", 1 << number))


def _snapshot(raw: Path, folder: Path) -> Path:
    path = _qcow2(raw, folder)
    judges.snapshot(path, ["clean"])
    return path


def _differencing(raw: Path, folder: Path) -> Path:
    path = judges.convert(raw, folder / "disk.vhd", "vhd", "force_size=on")
    data = bytearray(path.read_bytes())
    for at in (0, len(data) - 512):
        data[at + 60 : at + 68] = struct.pack(">II", 4, 0)
        data[at + 64 : at + 68] = (~sum(data[at : at + 512]) & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(data)
    return path


def _large_sectors(raw: Path, folder: Path) -> Path:
    path = judges.convert(raw, folder / "disk.vhdx", "vhdx")
    data = path.read_bytes()
    item = data.index(bytes.fromhex("1dbf41816fa90947ba47f233a8faab5f"))
    table = data.index(b"metadata")
    return patched(path, table + int.from_bytes(data[item + 16 : item + 20], "little"), struct.pack("<I", 4096))


def _stream(raw: Path, folder: Path) -> Path:
    return judges.convert(raw, folder / "disk.vmdk", "vmdk", "subformat=streamOptimized")


def _data(raw: Path, folder: Path) -> Path:
    options = (f"data_file={folder / 'data.img'}", "data_file_raw=on")
    return judges.convert(raw, folder / "disk.qcow2", "qcow2", *options)


@pytest.mark.parametrize(
    ("make", "reading", "writing"),
    [
        pytest.param(_bit(0), "was not closed; its reference counts are put right in memory alone", None, id="dirty"),
        pytest.param(_bit(1), "is marked as damaged; what is read may be wrong", "is marked as damaged", id="corrupt"),
        pytest.param(_snapshot, "holds 1 snapshot; its newest state is read", None, id="snapshots"),
        pytest.param(_stream, "", "is a stream-optimized VMDK, which is only read", id="stream-optimized"),
        pytest.param(_data, "", "data.img'; --allow-linked if you made it", id="data-file"),
    ],
)
def test_what_is_read_is_told_and_what_is_not_written_is_refused(
    make: Callable[[Path, Path], Path], reading: str, writing: str | None, raw: Path, tmp_path: Path
) -> None:
    path = make(raw, tmp_path)
    before = wim_judges.sha1_of(path)
    shown = osdimage("disk", "show", path)
    assert "Basic data" in shown.out
    assert shown.err == (f"{path} {reading}\n" if reading else "")
    assert osdimage("disk", "show", path, "--quiet").err == ""
    assert wim_judges.sha1_of(path) == before
    done = osdimage("disk", "init", path, *INIT, code=None)
    assert done.code == (0 if writing is None else 4), done.err
    if writing is None:
        assert osdimage("disk", "show", path, "--json").facts["scheme"] == "mbr"
    else:
        assert writing in done.err
        assert wim_judges.sha1_of(path) == before


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(_bit(9), "has features that are not known here: bit 9", id="unknown"),
        pytest.param(
            lambda raw, folder: patched(_qcow2(raw, folder), 32, bytes((0, 0, 0, 2))), "is encrypted (LUKS)", id="luks"
        ),
        pytest.param(_differencing, "holds only what differs from another disk, which is not read", id="differencing"),
        pytest.param(_large_sectors, "is a VHDX disk with sectors of 4096 bytes", id="4096"),
    ],
)
def test_what_cannot_be_read_is_refused_before_qemu_sees_it(
    make: Callable[[Path, Path], Path], said: str, raw: Path, tmp_path: Path
) -> None:
    path = make(raw, tmp_path)
    before = wim_judges.sha1_of(path)
    assert said in osdimage("disk", "show", path, code=3).err
    assert said in osdimage("disk", "init", path, *INIT, code=4).err
    assert wim_judges.sha1_of(path) == before


def test_a_snapshot_is_read_by_its_name_or_number_and_never_written(raw: Path, tmp_path: Path) -> None:
    path = _snapshot(raw, tmp_path)
    osdimage("disk", "init", path, *INIT)
    assert osdimage("disk", "show", path, "--json").facts["scheme"] == "mbr"
    for name in ("clean", "1"):
        shown = osdimage("disk", "show", path, "--vm-snapshot", name, "--json")
        assert shown.facts["scheme"] == "gpt"
        assert shown.err == ""
    missing = osdimage("disk", "show", path, "--vm-snapshot", "2", code=2).err
    assert f"{path} holds no snapshot '2'; there are: 'clean'" in missing
    repair = osdimage("disk", "check", path, "--repair", "--yes", "--vm-snapshot", "clean", code=2).err
    assert "a snapshot is only read, and this writes" in repair
    for each in (raw, tmp_path):
        assert "valid is a qcow2 file" in osdimage("capture", each, tmp_path / "w", "--vm-snapshot", "1", code=2).err


def test_a_snapshot_is_never_guessed(raw: Path, tmp_path: Path) -> None:
    path = _snapshot(raw, tmp_path)
    osdimage("disk", "init", path, "--preset", "data-mbr", "--yes", "--no-backup")
    # Number 2 has the name of the first, number 3 its number, and number 4 what qemu-nbd takes for an option.
    judges.snapshot(path, ["clean", "1", "snapshot.id=1"])
    for wanted, said in (("clean", "1 ('clean'), 2 ('clean')"), ("1", "1 ('clean'), 3 ('1')")):
        refused = osdimage("disk", "show", path, "--vm-snapshot", wanted, code=2).err
        assert f"{path} holds 2 snapshots that '{wanted}' is the number or name of: {said}" in refused
    for wanted in ("2", "3", "4", "snapshot.id=1"):
        assert osdimage("disk", "show", path, "--vm-snapshot", wanted, "--json").facts["scheme"] == "mbr"


@pytest.fixture
def unclosed(raw: Path, tmp_path: Path) -> Path:
    """Return a VHDX in whose log the first sector of the disk is another one: without the mark of a table."""
    path = judges.convert(raw, tmp_path / "disk.vhdx", "vhdx")
    data = path.read_bytes()
    at = data.index(raw.read_bytes()[: 512 * 8])
    assert at % 4096 == 0
    vhdx_logs.with_log(path, at, b"from the log".ljust(512, b"\0") + data[at + 512 : at + 4096])
    return path


def first_sector(path: Path, to: Path) -> bytes:
    return judges.plain(path, "vhdx", to).read_bytes()[:12]


def test_a_log_is_replayed_only_when_that_is_asked_for(unclosed: Path, tmp_path: Path) -> None:
    before = wim_judges.sha1_of(unclosed)
    refused = osdimage("disk", "check", unclosed, code=3).err
    assert "was not closed: its log has changes that are not in their places; --replay-log writes them" in refused
    assert wim_judges.sha1_of(unclosed) == before
    # The table is a GPT without its protective MBR then.
    replayed = osdimage("disk", "check", unclosed, "--replay-log", code=3)
    assert "protective-mbr-missing" in replayed.out
    assert replayed.err == f"{unclosed}: the changes in its log were written to their places\n"
    assert osdimage("disk", "check", unclosed, code=3).err == ""
    judges.check(unclosed, "vhdx")
    assert first_sector(unclosed, tmp_path / "plain.img") == b"from the log"


def test_writing_replays_a_log_and_says_so(unclosed: Path) -> None:
    said = osdimage("disk", "init", unclosed, *INIT).err
    assert f"{unclosed} was not closed; QEMU writes the changes in its log to their places" in said
    judges.check(unclosed, "vhdx")
    assert osdimage("disk", "check", unclosed).err == ""


def test_a_disk_that_a_machine_uses_is_refused(raw: Path, tmp_path: Path) -> None:
    path = _qcow2(raw, tmp_path)
    with open_disk(path, write=True):
        for command in (("disk", "show", path), ("disk", "init", path, *INIT)):
            assert f"{path} is " in osdimage(*command, code=4).err
    with open_disk(path, share=True), pytest.raises(TargetRefused, match="is locked by another program"):
        open_disk(path, write=True)
    assert "Basic data" in osdimage("disk", "show", path).out


def test_why_a_disk_is_refused_is_not_replaced_by_an_error_of_closing_it(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Server.end

    def failing(server: Server) -> None:
        end(server)
        raise StorageError("closing failed", path=server.name)

    monkeypatch.setattr(Server, "end", failing)
    with pytest.raises(TargetRefused, match="bytes, not 512; valid is the size that it has"):
        open_disk(_qcow2(raw, tmp_path), write=True, require=512)


def test_what_qemu_refuses_to_write_is_a_refusal(raw: Path, tmp_path: Path) -> None:
    """A VMDK of version 3 tracks changed blocks, which QEMU does not."""
    path = patched(judges.convert(raw, tmp_path / "disk.vmdk", "vmdk"), 4, struct.pack("<I", 3))
    assert "Basic data" in osdimage("disk", "show", path).out
    assert "VMDK version 3 must be read only" in osdimage("disk", "init", path, *INIT, code=4).err


def test_a_file_that_may_only_be_read_is_read(raw: Path, tmp_path: Path) -> None:
    path = _qcow2(raw, tmp_path)
    path.chmod(0o444)
    assert "Basic data" in osdimage("disk", "show", path).out


def test_an_encrypted_volume_in_a_container_is_read(tmp_path: Path) -> None:
    """BitLocker below NTFS, above the server."""
    plain = wim_judges.make_ntfs(tmp_path / "plain.img", 20 << 20)
    places = (12 << 20, 14 << 20, 16 << 20)
    wish = maker.Wish(places, 18 << 20, protectors=(maker.CLEAR_PROTECTOR,))
    volume = tmp_path / "volume.img"
    volume.write_bytes(maker.make(plain.read_bytes(), wish))
    told: list[str] = []
    path = judges.convert(volume, tmp_path / "volume.qcow2", "qcow2")
    with open_volume(path, opening=Opening(told=told.append)) as opened, open_volume(volume) as expected:
        for at in range(0, 10 << 20, 1 << 20):
            assert opened.window().read_at(at, 1 << 20) == expected.window().read_at(at, 1 << 20)
    assert told == [f"{path}: BitLocker is suspended; it is read without a key"]


def test_sectors_of_4096_bytes_are_found_by_the_table_in_the_disk(tmp_path: Path) -> None:
    raw = tmp_path / "disk.img"
    osdimage("disk", "init", raw, "--size", "60MB", "--preset", "data-gpt", "--sector-size", "4096", "--yes")
    path = _qcow2(raw, tmp_path)
    assert osdimage("disk", "show", path, "--json").facts["sector_size"] == 4096
    assert osdimage("disk", "check", path).out == f"{path}: no faults found\n"


def test_without_qemu_the_package_is_named(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _qcow2(raw, tmp_path)
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr("osdimage.imaging.programs.SYSTEM_FOLDERS", ())
    said = osdimage("disk", "show", path, code=1).err
    assert "reading qcow2 needs" in said

"""Every command that writes, with what it works on and how a foreign program reads what came of it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from judges import disc as disc_judges
from judges import fat as fat_judges
from judges import ntfs as ntfs_judges
from judges import wim as wim_judges
from judges.disk import Seen, cut_out, fdisk, run
from judges.hive import dissect as dissect_hive
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from osdimage.imaging.volume.filesystems import open_files
from runs.commands import osdimage

from cases import driver_files, hive_logs, journals, media, netboot, udf
from cases.boot_drivers import storage_package
from cases.boot_images import pe_files
from cases.driver_packages import package
from cases.first_start import wait_for_first_start
from cases.installed_drivers import windows_7_tree
from cases.offline_windows import WINDOWS_10, make_tree
from cases.older_windows import older_files
from cases.windows_trees import windows_files, write_tree

HIVE = "Windows/System32/config/SYSTEM"
_HIVES = re.compile(r"(config/SYSTEM|config/SOFTWARE|/BCD|\.hive)(\.osdimage-new)?$")


class Unfinished(Exception):
    """What is there says by itself that it is not finished."""


Observed = Mapping[str, object]
Judge = Callable[[Path], object]


@dataclass(frozen=True)
class Writing:
    """A command that writes.

    Attributes:
        name: of the command, for people.
        arguments: of the command, which runs in a folder with ``files``.
        files: what the folder holds before, by name: the names of what was made once.
        judges: by name, what reads a file or folder that the command writes; the others must stay as they are.
        cures: what our own messages say that helps where a run was killed: options to add, one set after the other.
        saved: what the names of files begin with that may also be there afterwards, such as saved tables.
        partial: a folder is filled file by file, or a disk volume by volume, and nothing marks what is not full.
        boots: what does not start is not finished; ``osdimage boot check`` tells, of ``started``.
        by_sqlite: SQLite writes, which does not tell of a folder that it could not sync.
        keeps: something of the target is to be kept, so that one that is not finished may have to be made by hand.
    """

    name: str
    arguments: tuple[str, ...]
    files: Mapping[str, str]
    judges: Mapping[str, Judge]
    cures: tuple[tuple[str, ...], ...] = ()
    saved: tuple[str, ...] = ()
    partial: bool = False
    boots: bool = False
    started: tuple[str, ...] = ("d",)
    keeps: bool = False
    by_sqlite: bool = False

    def prepare(self, material: Path, folder: Path) -> None:
        """Make the folder in which the command runs."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, made in self.files.items():
            source = material / made
            if source.is_dir():
                shutil.copytree(source, folder / name, symlinks=True)
            else:
                copy(source, folder / name)

    def observe(self, folder: Path) -> Observed:
        """Return what is in the folder, as foreign programs read it.

        Raises:
            Unfinished: when something of it says that it is not finished.
            AssertionError: when a judge finds a fault.
        """
        names = {*self.files, *self.judges}
        found = {
            name: self.judges.get(name, digest)(folder / name)
            for name in sorted(names)
            if os.path.lexists(folder / name)
        }
        # A disk that was made and holds no table yet is as good as none.
        return {name: value for name, value in found.items() if value is not None}

    def strangers(self, folder: Path) -> list[str]:
        """Return the names of what a command left that is none of its results."""
        found = [each.name for each in folder.iterdir() if each.name not in {"tmp", "state", *self.files, *self.judges}]
        found = [name for name in found if not name.startswith(self.saved)] if self.saved else found
        # Python itself tries whether it can write there, and has no chance to remove it when it is killed.
        inner = [f"{above}/{each.name}" for above in ("tmp",) for each in (folder / above).glob("osdimage*")]
        return sorted(found + inner)


def copy(source: Path, to: Path) -> Path:
    """Copy a file; holes stay holes."""
    return cut_out(source, 0, source.stat().st_size, to)


# ---- what foreign programs read


def digest(path: Path) -> object:
    """Return the bytes of a file, or of all files of a folder, as their digest."""
    if path.is_dir() and not path.is_symlink():
        return {str(each.relative_to(path)): digest(each) for each in sorted(path.rglob("*")) if not each.is_dir()}
    if path.is_socket():
        return "a socket"
    result = hashlib.sha256(str(path.stat().st_size).encode())
    for begin, data in pieces(path):
        result.update(f"{begin}:".encode() + data)
    return result.hexdigest()


def pieces(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield offset and bytes of what is not zero; a hole and zeros that are stored are the same."""
    with path.open("rb") as file:
        end = at = 0
        while True:
            try:
                at = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            for begin in range(at, end, 65536):
                data = os.pread(file.fileno(), min(65536, end - begin), begin)
                if data.strip(b"\0"):
                    yield begin, data


def as_wim(path: Path) -> object:
    wim_judges.wimlib("verify", path)
    text = wim_judges.wimlib("info", path)
    return re.findall(r"^(?:Name|Boot Index|Description|Image Count|File Count):.*", text, re.MULTILINE)


def as_hive(path: Path) -> object:
    return _hive(path.read_bytes())


def _hive(data: bytes) -> object:
    return {key: dict(sorted(values.items())) for key, values in dissect_hive(data).items()}


def as_unclosed_hive(path: Path) -> object:
    """Return a hive whose last changes may be in its log: that is of no use any more where the hive was closed."""
    data = path.read_bytes()
    return ("unclosed", data) if data[4:8] != data[8:12] else _hive(data)


def as_log(path: Path) -> object:
    """Return the log of such a hive, or nothing where it is ignored."""
    hive = path.with_suffix("").read_bytes()
    return path.read_bytes() if hive[4:8] != hive[8:12] else None


def as_document(path: Path) -> object:
    """Return a document without what differs between runs, the time."""
    return re.sub(rb'"(created|time)[^,]*', b"", path.read_bytes())


def as_there(path: Path) -> object:
    return path.exists()


def as_sdi(path: Path) -> object:
    """Return what is on the volume of a boot.sdi, and what is before it."""
    volume = cut_out(path, 0x2000, 0x303C00, path.with_name(f"{path.name}.volume"))
    try:
        return as_ntfs(volume), digest(path)
    finally:
        volume.unlink()


def as_ntfs(path: Path) -> object:
    if not ntfs_judges.is_consistent(path) or ntfs_judges.is_dirty(path):
        raise Unfinished(f"{path.name} is marked dirty, or its first records and their mirror differ")
    ntfs_judges.ntfsfix(path)
    run(["ntfsresize", "--info", "--force", "--no-progress-bar", path])
    found: dict[str, object] = dict(ntfs_judges.contents(path))
    for name in found:
        if _HIVES.search(name):
            found[name] = _hive(_ntfs_bytes(path, name))
    return found


def as_given_up(path: Path) -> object:
    """Return what is on a volume that was not shut down; what gives its journal up leaves it dirty, in the end too."""
    if not ntfs_judges.is_consistent(path):
        raise Unfinished(f"the first records of {path.name} and their mirror differ")
    hive = _hive(_ntfs_bytes(path, f"/{HIVE}"))
    is_dirty, is_closed = ntfs_judges.is_dirty(path), journals.probed(path) == journals.CLEAN
    if is_dirty and not (is_closed and "'V'" in str(hive)):
        raise Unfinished(f"{path.name} is marked dirty")
    run(["ntfsresize", "--info", "--force", "--no-progress-bar", path])
    found: dict[str, object] = dict(ntfs_judges.contents(path))
    return is_dirty, is_closed, found | {f"/{HIVE}": hive}


def _ntfs_bytes(volume: Path, name: str) -> bytes:
    with volume.open("rb") as stream:
        data: bytes = ntfs_judges.dissect(stream).mft.get(name.lstrip("/")).open().read()
        return data


def as_fat(path: Path) -> object:
    with path.open("rb") as file:
        head = file.read(512)
        size, reserved = int.from_bytes(head[11:13], "little"), int.from_bytes(head[14:16], "little")
        if head[510:] != b"\x55\xaa" or not size:
            raise Unfinished(f"{path.name} has no boot sector")
        # The second entry of the FAT, and the bit of it that is set while the volume is clean.
        width, clean = (2, 0x8000) if head[22:24] != b"\0\0" else (4, 0x08000000)
        file.seek(reserved * size + width)
        if not int.from_bytes(file.read(width), "little") & clean:
            raise Unfinished(f"{path.name} is marked dirty")
    with path.open("r+b") as file:
        if width == 2:
            # FAT16 has no copy of the boot sector.
            return _fat_contents(path)
        # The copy of the boot sector goes first: until the boot sector does, the old volume is there without it.
        file.seek(6 * size)
        if not file.read(512).strip(b"\0"):
            file.seek(6 * size)
            file.write(head)
    return _fat_contents(path)


def _fat_contents(path: Path) -> object:
    counts = fat_judges.fsck(path)
    out = path.with_name(f"{path.name}.out")
    shutil.rmtree(out, ignore_errors=True)
    fat_judges.copy_out(path, out)
    found = {
        str(each.relative_to(out)): _hive(each.read_bytes())
        if _HIVES.search(str(each))
        else hashlib.sha256(each.read_bytes()).hexdigest()
        for each in sorted(out.rglob("*"))
        if each.is_file()
    }
    shutil.rmtree(out)
    return counts.entries, found


def as_disk(path: Path) -> tuple[str, list[str], list[tuple[Seen, object]]] | None:
    """Return the table, the boot code and the contents of each volume."""
    text = run(["fdisk", "-l", path])
    boot = hashlib.sha256(path.open("rb").read(446)).hexdigest()
    if "Disklabel type" not in text:
        return None
    if "Disklabel type: gpt" in text:
        assert "No problems found" in (said := run(["sgdisk", "-v", path])), said
    volumes: list[tuple[Seen, object]] = []
    unfinished = None
    for each in fdisk(path, 512):
        part = path.with_name(f"part-{each.number}")
        assert each.sectors is not None
        cut_out(path, each.first * 512, each.sectors * 512, part)
        try:
            volumes.append((each, _volume(part)))
        except Unfinished as error:
            unfinished = error
        finally:
            part.unlink()
    if unfinished is not None:
        raise unfinished
    return boot, re.findall(r"Disk identifier: .*", text), volumes


def as_alone(path: Path) -> object:
    """Return what is on a volume as what is on a disk with no other: old or new, and no mixture of files."""
    return path.name, [as_ntfs(path)]


def as_made(path: Path) -> object:
    """Return what is on a disk all of whose partitions have volumes when it is finished; its signature is random."""
    found = as_disk(path)
    if found is None or any(held is None for _, held in found[2]):
        raise Unfinished(f"{path.name} has a partition without a volume")
    return found[2]


def as_run(path: Path) -> object:
    """Return what is on a disk when a run of several steps is finished; until then its state is there."""
    if path.with_name("s.state").exists():
        raise Unfinished(f"the state of the run that writes {path.name} is there")
    volumes = as_made(path)
    assert isinstance(volumes, list)
    # Of the store all objects have random names, and name the disk by its random signature.
    return [(each, held | {"/Boot/BCD": "a store"} if "/Boot/BCD" in held else held) for each, held in volumes]


def as_one_of_machine(path: Path) -> object:
    """Return what is on a disk of several, all of whose partitions have volumes when it is finished."""
    found = as_disk(path)
    if found is None or any(held is None for _, held in found[2]):
        raise Unfinished(f"{path.name} has a partition without a volume")
    return found


def as_table(path: Path) -> object:
    """Return what fdisk reads of a table that need not be whole, or None."""
    text = run(["fdisk", "-l", path], check=False)
    return (re.findall(r"Disk identifier: .*", text), fdisk(path, 512)) if "Disklabel type" in text else None


def as_whole_table(path: Path) -> object:
    """Tell whether sgdisk finds both copies of a GPT whole."""
    said = run(["sgdisk", "-v", path], check=False)
    return "No problems found" in said and "Caution" not in said


def _volume(part: Path) -> object:
    with part.open("rb") as file:
        head = file.read(512)
    if head[3:11] == b"NTFS    ":
        return as_ntfs(part)
    if head[82:90] == b"FAT32   " or head[54:62] == b"FAT16   ":
        return as_fat(part)
    if b"osdimage unfinished" in head:
        raise Unfinished(f"{part.name} is being made")
    return None


def as_qcow2(path: Path) -> object:
    done = subprocess.run(["qemu-img", "check", "-f", "qcow2", path], check=False, capture_output=True, text=True)
    # 3: clusters that nothing uses, which a server leaves that was not ended well; they cost room alone.
    assert done.returncode in {0, 3}, done.stdout + done.stderr
    raw = path.with_name("raw")
    run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, raw])
    try:
        return as_disk(raw)
    finally:
        raw.unlink()


# ---- what the commands work on


def _spec(size: int | None, filesystem: FileSystem | None, role: Role = Role.PRIMARY, **more: bool) -> PartitionSpec:
    if size is None:
        return PartitionSpec(role, filesystem=filesystem, **more)
    return PartitionSpec(role, FixedSize(Bytes(size)), filesystem=filesystem, **more)


TWO = DiskLayout(Scheme.GPT, (_spec(20 * MIB, FileSystem.NTFS), _spec(40 * MIB, FileSystem.FAT32)))
LOGICALS = DiskLayout(
    Scheme.MBR,
    (
        _spec(20 * MIB, FileSystem.NTFS),
        _spec(None, None, Role.EXTENDED),
        _spec(10 * MIB, None, Role.LOGICAL),
        _spec(10 * MIB, None, Role.LOGICAL),
    ),
)
UEFI = DiskLayout(Scheme.GPT, (_spec(40 * MIB, FileSystem.FAT32, Role.EFI), _spec(None, FileSystem.NTFS)))
BIOS = DiskLayout(Scheme.MBR, (_spec(None, FileSystem.NTFS, active=True),))
_SIZE = 160 * MIB
# The disks of a machine: firmware starts the first, Windows is on the second.
FIRST = DiskLayout(Scheme.GPT, (_spec(40 * MIB, FileSystem.FAT32, Role.EFI),), add_reserved=False)
SECOND = DiskLayout(Scheme.GPT, (_spec(None, FileSystem.NTFS),), add_reserved=False)
_SIZE_OF_ONE = 48 * MIB
SEQUENCE = r"""
steps:
  - step: disk
    type: SMS_TaskSequence_PartitionDiskAction
    variables: {OSDDiskIndex: "0", OSDPartitionStyle: MBR, OSDPartitions0Type: Primary, OSDPartitions0FileSystem: NTFS,
      OSDPartitions0Bootable: "TRUE", OSDPartitions0QuickFormat: "TRUE", OSDPartitions0VolumeLetterVariable: OSDISK}
"""
DRIVERS = """\
  - {step: windows, type: ApplyOperatingSystem, variables: {OSDImageIndex: "1"}, properties: {ImagePackageID: WIM}}
  - {step: drivers, type: ApplyDriverPackage, variables: {OSDApplyDriverPackageID: DRV}}
"""
WAITING = """\
  - {step: windows, type: ApplyOperatingSystem, variables: {OSDImageIndex: "1"}, properties: {ImagePackageID: WIM}}
  - {step: setup, type: SetupWindowsAndSMS}
  - {step: wait, type: RunCommandLine, properties: {CommandLine: setup.exe, PackageID: PKG}}
"""
COMMANDS = r"""
steps:
  - step: disk
    type: SMS_TaskSequence_PartitionDiskAction
    variables: {OSDDiskIndex: "0", OSDPartitionStyle: MBR, OSDPartitions0Type: Primary, OSDPartitions0FileSystem: NTFS,
      OSDPartitions0Bootable: "TRUE", OSDPartitions0QuickFormat: "TRUE", OSDPartitions0VolumeLetterVariable: OSDISK}
  - {step: make, type: RunCommandLine, properties: {CommandLine: 'cmd /c mkdir %OSDISK%\Tools\Old'}}
  - {step: copy, type: RunCommandLine, properties: {CommandLine: 'xcopy \\srv\share %OSDISK%\Tools /s /y'}}
  - {step: load, type: RunCommandLine, properties: {CommandLine: 'reg load HKLM\OFF %OSDISK%\Tools\%HIVE%'}}
  - {step: add, type: RunCommandLine, properties: {CommandLine: 'reg add HKLM\OFF\Setup /v New /d 1 /f'}}
  - {step: delete, type: RunCommandLine, properties: {CommandLine: 'cmd /c del /q %OSDISK%\Tools\d1\*.*'}}
  - {step: remove, type: RunCommandLine, properties: {CommandLine: 'cmd /c rd /s /q %OSDISK%\Tools\d2'}}
"""


def make_material(folder: Path) -> None:
    """Make what the commands work on, once."""
    make_small_material(folder)
    _make_disks(folder)


def make_small_material(folder: Path) -> None:
    """Make what those need that work on no disk with a table."""
    hive = new_hive("SYSTEM")
    hive.root.ensure("Setup").set(Value.binary("Old", bytes(range(256)) * 40))
    data = write_hive(hive)
    (folder / "SYSTEM.hive").write_bytes(data)
    hive.root.ensure("Setup").set(Value.binary("Logged", bytes(range(256)) * 20))
    snapshot = hive_logs.unclosed([data, write_hive(hive)])
    snapshot.write(folder / "snapshot")
    _make_trees(folder, data)
    write_tree(folder / "unclosed", snapshot.files(HIVE))
    _make_wims(folder)
    _make_volumes(folder)
    _make_drivers(folder)
    _make_netboot(folder)


def as_netboot(path: Path) -> object:
    """Return what computers start from, without the manifest, which has the time; all of it is what its sums say."""
    if (path / ".osdimage-new" / "media.json").exists() or not (path / "media.json").exists():
        raise Unfinished
    assert "FAILED" not in run(["sh", "-c", f"cd {path} && sha256sum -c SHA256SUMS"])
    files = {str(each.relative_to(path)): each for each in sorted(path.rglob("*")) if each.is_file()}
    return {name: digest(each) for name, each in files.items() if not name.startswith((".osdimage-new", "media.json"))}


def _make_netboot(folder: Path) -> None:
    (folder / "net").mkdir()
    netboot.net_material(folder / "net")
    wims = ("--boot-image", f"pe={folder}/net/other.wim", "--boot-image", f"old={folder}/net/pe.wim")
    programs = ("--wimboot", folder / "net" / "wimboot", "--ipxe", folder / "net" / "ipxe")
    osdimage("media", "netboot", folder / "netboot", *wims, *programs)


def _make_trees(folder: Path, hive: bytes) -> None:
    files = {f"d{number % 3}/file {number}": str(number).encode() * 700 for number in range(9)}
    write_tree(folder / "driver", package("viodisk"))
    write_tree(folder / "tree", {HIVE: hive, **files})
    write_tree(folder / "one", {"one": b"one", "d0/file 0": b"other"})
    write_tree(folder / "old", {"kept": b"kept", "d0/file 0": b"older", "d9/x": b"x"})
    windows = windows_files(locales=("en-US",))
    write_tree(folder / "windows", windows)
    write_tree(folder / "installed", windows_7_tree())
    # One that gets every kind of change: DevicePath, and the key of pnpunattend.
    offline = make_tree(replace(WINDOWS_10, version=(6, 2), build=9200))
    write_tree(folder / "offline", windows | offline)
    write_tree(folder / "storage", storage_package(folder="d"))
    nodes = [udf.Node(name.replace("/", " "), contents) for name, contents in files.items()]
    (folder / "disc.udf").write_bytes(udf.build(udf.Node(children=[udf.Node("d", children=nodes)])).data)
    write_tree(folder / "odd", {"a:b": b"one" * 4000, "c\\d": b"other" * 4000, "plain": b"plain"})
    (folder / "start.cmd").write_bytes(b"wpeinit\r\n")
    (folder / "sources.txt").write_text("tree /\none /\none /more\n")
    text = "00" * 4000
    (folder / "change.reg").write_text(
        f'Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SYSTEM\\Setup]\n"New"="{text}"\n'
    )


def _make_drivers(folder: Path) -> None:
    for place, stems in (("drivers", ("first", "second", "third")), ("others", ("fourth", "fifth"))):
        for stem in stems:
            text = driver_files.inf_text(stem, (f"PCI\\VEN_{stem}",), device=stem)
            driver_files.write_driver(folder / place, text, stem=stem)
    osdimage("driver", "import", folder / "others", "--catalog", folder / "c.db", "--package", "Both")


def _make_wims(folder: Path) -> None:
    wim_judges.wimlib("capture", folder / "tree", folder / "tree.wim", "tree", "--compress=none")
    wim_judges.wimlib("capture", folder / "one", folder / "one.wim", "one")
    wim_judges.wimlib("capture", folder / "unclosed", folder / "unclosed.wim", "unclosed", "--compress=none")
    wim_judges.wimlib("capture", folder / "windows", folder / "windows.wim", "windows", "--compress=none")
    wim_judges.wimlib("capture", folder / "offline", folder / "offline.wim", "offline", "--compress=none")
    wim_judges.wimlib("capture", write_tree(folder / "pe", pe_files()), folder / "boot.wim", "pe", "--compress=none",
                      "--boot")  # fmt: skip
    media.boot_image(folder / "media.wim")
    osdimage("media", "iso", folder / "old.iso", "--boot-image", folder / "media.wim")
    osdimage("media", "usb", folder / "old.stick", "--boot-image", folder / "media.wim")
    shutil.copy(folder / "tree.wim", folder / "two.wim")
    wim_judges.wimlib("append", folder / "one", folder / "two.wim", "one")
    shutil.copy(folder / "two.wim", folder / "holed.wim")
    wim_judges.wimlib("delete", folder / "holed.wim", "1", "--soft")
    for name in ("cut", "older"):
        files = {f"{name} {number}": f"{name} {number}".ljust(8).encode() * 4000 for number in range(3)}
        wim_judges.wimlib("capture", write_tree(folder / name, files), folder / f"{name}.wim", "--compress=none")
        # Three parts: wimlib-imagex makes as many.
        wim_judges.wimlib("split", folder / f"{name}.wim", folder / f"{name}.swm", "0.04")
    wim_judges.wimlib("export", folder / "cut.wim", "1", folder / "cut.esd", "--solid")


def _make_volumes(folder: Path) -> None:
    wim_judges.make_ntfs(folder / "empty.ntfs", 16 * MIB)
    run(["mkfs.vfat", "-F32", "-s", "1", "-C", folder / "empty.fat", "36864"])
    run(["mkfs.vfat", "-F16", "-s", "1", "-C", folder / "empty.fat16", "16384"])
    wim_judges.wimlib("capture", folder / "old", folder / "old.wim", "old")
    for kind in ("ntfs", "fat", "fat16"):
        for wim in ("tree", "old", "unclosed"):
            to = copy(folder / f"empty.{kind}", folder / f"{wim}.{kind}")
            osdimage("apply", folder / f"{wim}.wim", to)
    osdimage("apply", folder / "offline.wim", copy(folder / "empty.ntfs", folder / "offline.ntfs"))
    wait_for_first_start(copy(folder / "offline.ntfs", folder / "waiting.ntfs"))
    unshut = copy(folder / "tree.ntfs", folder / "unshut.ntfs")
    journals.write_journal(unshut, *journals.UNSHUT)


def _make_disks(folder: Path) -> None:
    make_disk(folder / "two.img", _SIZE, TWO)
    make_disk(folder / "filled.img", _SIZE, TWO, {2: folder / "one", 3: folder / "one"})
    make_disk(folder / "logicals.img", _SIZE, LOGICALS)
    make_disk(folder / "uefi.img", _SIZE, UEFI, {3: folder / "windows"})
    make_disk(folder / "system.img", _SIZE, DiskLayout(Scheme.GPT, UEFI.partitions[:1]))
    run(["sgdisk", "--randomize-guids", folder / "system.img"])
    make_disk(folder / "first.img", _SIZE_OF_ONE, FIRST)
    make_disk(folder / "second.img", _SIZE_OF_ONE, SECOND, {1: folder / "windows"})
    run(["sgdisk", "--randomize-guids", folder / "second.img"])
    osdimage("capture", folder / "first.img", folder / "second.img", folder / "machine.wim", "--all-volumes",
             "--compress", "none")  # fmt: skip
    make_disk(folder / "bios.img", _SIZE, BIOS, {1: folder / "windows"})
    make_disk(folder / "ntldr.img", _SIZE, BIOS, {1: write_tree(folder / "older", older_files(loaders="I386/"))})
    wim_judges.wimlib("capture", folder / "older", folder / "older.wim", "older")
    osdimage("disk", "backup", folder / "two.img", folder / "two.json")
    osdimage("disk", "backup", folder / "logicals.img", folder / "logicals.json")
    for kind, windows in (("uefi", 3), ("bios", 1), ("ntldr", 1)):
        started = copy(folder / f"{kind}.img", folder / f"{kind}-started.img")
        osdimage("boot", "install", started, "--partition", str(windows))
        # A clone: the entries of its store lead to another disk.
        moved = copy(started, folder / f"{kind}-cloned.img")
        if kind == "uefi":
            run(["sgdisk", "--randomize-guids", moved])
        elif kind == "ntldr":
            # The menu leads to another partition.
            with open_disk(moved, write=True) as disk, open_files(disk.volume(1), write=True) as files:
                files.write("boot.ini", files.read("boot.ini").replace(b"partition(1)", b"partition(2)"))
        else:
            run(["sfdisk", "--disk-id", moved, "0x12345678"])
    broken = copy(folder / "two.img", folder / "broken.img")
    with broken.open("r+b") as file:
        file.seek(512)
        file.write(bytes(512))
    copy(folder / "logicals.img", folder / "cleared.img")
    with (folder / "cleared.img").open("r+b") as file:
        file.write(bytes(512))
    blank = folder / "blank.img"
    with blank.open("wb") as file:
        file.truncate(_SIZE)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", folder / "old.qcow2", "1M"], check=True)
    run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", folder / "uefi.img", folder / "uefi.qcow2"])
    make_disk(folder / "offline.img", _SIZE, BIOS, {1: folder / "offline"})
    run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", folder / "offline.img", folder / "offline.qcow2"])
    (folder / "sequence.yaml").write_text(SEQUENCE)
    (folder / "drivers.yaml").write_text(SEQUENCE + DRIVERS)
    (folder / "waiting.yaml").write_text(SEQUENCE + WAITING)
    (folder / "commands.yaml").write_text(COMMANDS)


def _layout(*variables: str) -> tuple[str, ...]:
    return tuple(word for each in ("OSDDiskIndex=0", *variables) for word in ("--var", each))


_SET = ("Setup", "data", "--value", "V")
_HIVE_IN = ("--hive", "SYSTEM")
_FORCED = (("--force",),)
_VARS = _layout(
    "OSDPartitionStyle=GPT",
    "OSDPartitions0Type=EFI",
    "OSDPartitions0FileSystem=FAT32",
    "OSDPartitions0Size=40",
    "OSDPartitions0QuickFormat=true",
    "OSDPartitions1Type=Primary",
    "OSDPartitions1FileSystem=NTFS",
    "OSDPartitions1QuickFormat=true",
)
_ONE_VOLUME = _layout(
    "OSDPartitionStyle=MBR",
    "OSDPartitions0Type=Primary",
    "OSDPartitions0FileSystem=NTFS",
    "OSDPartitions0QuickFormat=true",
    "OSDPartitions0Bootable=true",
)


def _wims() -> Iterator[Writing]:
    tree, wim = {"tree": "tree"}, {"a.wim": as_wim}
    yield Writing("capture", ("capture", "tree", "a.wim", "--threads", "1"), tree, wim)
    yield Writing("capture a volume", ("capture", "v", "a.wim", "--threads", "1"), {"v": "tree.ntfs"}, wim)
    yield Writing("capture a FAT32 volume", ("capture", "v", "a.wim", "--threads", "1"), {"v": "tree.fat"}, wim)
    yield Writing("capture --pipable", ("capture", "tree", "a.wim", "--pipable", "--threads", "1"), tree, wim)
    yield Writing("capture --names replace", ("capture", "odd", "a.wim", "--names", "replace", "--threads", "1"),
                  {"odd": "odd"}, wim)  # fmt: skip
    listed = tree | {"one": "one", "list": "sources.txt"}
    yield Writing("capture --source-list", ("capture", "list", "a.wim", "--source-list", "--threads", "1"), listed, wim)
    yield Writing("capture --all-volumes", ("capture", "d", "a.wim", "--all-volumes"), {"d": "two.img"}, wim)
    yield Writing("capture of a machine", ("capture", "d", "e", "a.wim", "--all-volumes"),
                  {"d": "first.img", "e": "second.img"}, wim)  # fmt: skip
    present = {"tree": "one", "a.wim": "tree.wim"}
    yield Writing("capture --create", ("capture", "tree", "a.wim", "--create"), present, wim)
    yield Writing("capture --append", ("capture", "tree", "a.wim", "--append", "--check"), present, wim)
    based = {"tree": "one", "a.wim": "one.wim", "b.wim": "tree.wim"}
    yield Writing("capture --base", ("capture", "tree", "d.wim", "--base", "b.wim", "--update-of", "1"),
                  {"tree": "tree", "b.wim": "tree.wim"}, {"d.wim": as_delta})  # fmt: skip
    yield Writing("capture --base --append", ("capture", "tree", "a.wim", "--base", "b.wim", "--append"), based,
                  {"a.wim": as_delta})  # fmt: skip
    yield Writing("capture --overwrite", ("capture", "tree", "a.wim", "--overwrite"), present, wim)
    source, both = {"s.wim": "two.wim"}, {"s.wim": "one.wim", "a.wim": "tree.wim"}
    yield Writing("export", ("export", "s.wim", "a.wim", "--all", "--compress", "xpress"), source, wim)
    yield Writing("export to an ESD", ("export", "s.wim", "a.esd", "--all"), source, {"a.esd": as_wim})
    yield Writing("export to append", ("export", "s.wim", "a.wim"), both, wim)
    yield Writing("export --overwrite", ("export", "s.wim", "a.wim", "--overwrite"), both, wim)
    deltas = {"s.wim": "two.wim", "b.wim": "one.wim"}
    export = ("export", "s.wim", "d.wim", "--all", "--base", "b.wim")
    yield Writing("export --base", export, deltas, {"d.wim": as_delta})
    yield Writing("export --base --compress", (*export, "--compress", "xpress", "--threads", "1"), deltas,
                  {"d.wim": as_delta})  # fmt: skip
    two = {"a.wim": "two.wim"}
    yield Writing("info --set", ("info", "a.wim", "--index", "2", "--set", "name=new"), two, wim)
    yield Writing("info --boot", ("info", "a.wim", "--index", "2", "--boot", "yes"), two, wim)
    yield Writing("delete", ("delete", "a.wim", "--index", "1"), two, wim)
    yield Writing("delete --all", ("delete", "a.wim", "--all"), two, wim)
    holed, sized = {"a.wim": "holed.wim"}, {"a.wim": as_wim_of_a_size}
    yield Writing("optimize", ("optimize", "a.wim"), holed, sized)
    yield Writing("optimize --compress", ("optimize", "a.wim", "--compress", "xpress", "--threads", "1"), holed, sized)
    yield Writing("optimize --pipable", ("optimize", "a.wim", "--pipable", "--threads", "1"), holed, sized)
    yield from _parts()
    yield from _updates()
    yield from _boot_images()
    yield from _discs()
    yield Writing("registry set in a WIM", ("registry", "set", "a.wim", *_SET, *_HIVE_IN), {"a.wim": "tree.wim"},
                  {"a.wim": as_wim_with_hive})  # fmt: skip


def _parts() -> Iterator[Writing]:
    """Yield what writes and reads the parts of a split WIM."""
    names = ("p.swm", "p2.swm", "p3.swm")
    parts = {"p.swm": as_parts} | dict.fromkeys(names[1:], as_later_part)
    again = (("--overwrite",),)
    size = ("p.swm", "--size", "40KiB")
    yield Writing("split", ("split", "s.wim", *size), {"s.wim": "cut.wim"}, parts, cures=again)
    yield Writing("split --overwrite", ("split", "s.wim", *size, "--overwrite"),
                  {"s.wim": "cut.wim"} | {name: f"older{name[1:]}" for name in names}, parts)  # fmt: skip
    esd = ("split", "s.esd", *size, "--compress", "none", "--threads", "1")
    yield Writing("split of an ESD", esd, {"s.esd": "cut.esd"}, parts, cures=again)
    yield Writing("export --split-size", ("export", "s.wim", "p.swm", "--split-size", "40KiB"),
                  {"s.wim": "cut.wim"}, parts, cures=again)  # fmt: skip
    yield Writing("join", ("join", "a.wim", *names), {name: f"cut{name[1:]}" for name in names}, {"a.wim": as_wim})


def as_delta(path: Path) -> object:
    wim_judges.wimlib("verify", path, f"--ref={path.with_name('b.wim')}")
    text = wim_judges.wimlib("info", path)
    return re.findall(r"^(?:Name|Boot Index|Description|Image Count|File Count):.*", text, re.MULTILINE)


def as_wim_of_a_size(path: Path) -> object:
    return as_wim(path), path.stat().st_size


def as_parts(path: Path) -> object:
    """Return what the parts of a split WIM hold together."""
    others = sorted(path.parent.glob(f"{path.stem}*{path.suffix}"))
    # GUID, number of the part, number of parts.
    heads = {each.read_bytes()[24:44] for each in others}
    if len({head[:16] + head[18:] for head in heads}) > 1 or len(heads) < int.from_bytes(min(heads)[18:], "little"):
        raise Unfinished(f"{path.name} and the other parts are not of one WIM")
    wim_judges.wimlib("verify", path, f"--ref={path.with_name(path.stem)}*{path.suffix}")
    return wim_judges.wimlib_paths(path)


def as_later_part(path: Path) -> object:
    if not path.with_name("p.swm").exists():
        raise Unfinished(f"{path.name} is there without the first part")
    return path.exists()


def _updates() -> Iterator[Writing]:
    present, judge = {"a.wim": "two.wim", "s": "old"}, {"a.wim": as_wim_with_files}
    change = ("--index", "1", "--add", "s=/new", "--delete", "d1", "--recursive", "--rename", "d2=d3", "--threads", "1")
    yield Writing("update", ("update", "a.wim", *change), present, judge)
    yield Writing("update --rebuild", ("update", "a.wim", *change, "--rebuild"), present, judge)
    yield Writing("update --reg", ("update", "a.wim", "--index", "1", "--add", "s=/new", "--reg", "c.reg"),
                  {**present, "c.reg": "change.reg"}, {"a.wim": as_wim_with_hive})  # fmt: skip


def _boot_images() -> Iterator[Writing]:
    wished = ("--scratch", "64", "--prestart", "cmd /c ask.cmd", "--add-file", "f=/ask.cmd", "--threads", "1")
    present = {"a.wim": "boot.wim", "f": "change.reg"}
    yield Writing("bootimage set", ("bootimage", "set", "a.wim", *wished), present, {"a.wim": as_boot_image})
    yield Writing("bootimage set --rebuild", ("bootimage", "set", "a.wim", *wished, "--rebuild"), present,
                  {"a.wim": as_boot_image})  # fmt: skip
    yield Writing("bootimage add-driver", ("bootimage", "add-driver", "a.wim", "--driver", "p", "--threads", "1"),
                  {"a.wim": "boot.wim", "p": "driver"}, {"a.wim": as_boot_image})  # fmt: skip
    yield Writing("bootimage files", ("bootimage", "files", "a.wim", "--to", "t", "--driver", "p"),
                  {"a.wim": "boot.wim", "p": "driver"}, {"t": digest}, partial=True)  # fmt: skip
    netboot_arguments = (
        "media",
        "netboot",
        "t",
        "--boot-image",
        "pe=n/pe.wim",
        "--wimboot",
        "n/wimboot",
        "--ipxe",
        "n/ipxe",
    )
    yield Writing("media netboot", netboot_arguments, {"n": "net"}, {"t": as_netboot}, partial=True)
    yield Writing("media netboot, again", netboot_arguments, {"n": "net", "t": "netboot"}, {"t": as_netboot},
                  partial=True)  # fmt: skip
    yield Writing("bootimage export", ("bootimage", "export", "a.wim", "b.wim", *wished), present,
                  {"b.wim": as_boot_image})  # fmt: skip
    yield Writing("bootimage export --overwrite", ("bootimage", "export", "a.wim", "b.wim", *wished, "--overwrite"),
                  present | {"b.wim": "tree.wim"}, {"b.wim": as_boot_image})  # fmt: skip


def _discs() -> Iterator[Writing]:
    new, judge = ("media", "iso", "d.iso", "--boot-image", "a.wim", "--add", "t=/t"), {"d.iso": as_disc}
    present = {"a.wim": "media.wim", "t": "tree"}
    yield Writing("media iso", new, present, judge)
    yield Writing("media iso --overwrite", (*new, "--overwrite"), present | {"d.iso": "disc.udf"}, judge)
    yield Writing("media iso --startnet", (*new, "--startnet", "c.cmd"), present | {"c.cmd": "start.cmd"}, judge)
    old = ("--from", "o.iso", "--remove", "boot/fonts", "--add", "t=/t")
    stick = ("media", "usb", "d", "--boot-image", "a.wim", "--seed", "x")
    yield Writing("media usb", stick, {"a.wim": "media.wim"}, {"d": as_made})
    change = ("media", "usb", "d", "--boot-image", "a.wim", "--add", "t=/t", "--update")
    yield Writing("media usb --update", change, present | {"d": "old.stick"}, {"d": as_made})
    boot = ("media", "boot", "d.iso", "--boot-image", "a.wim", "--server", "smb://server/share")
    yield Writing("media boot", boot, {"a.wim": "media.wim"}, judge)
    capture = ("--destination", "smb://server/share/a.wim", "--name", "A")
    yield Writing("media capture", ("media", "capture", *boot[2:5], *capture), {"a.wim": "media.wim"}, judge)
    yield Writing("media iso --from", ("media", "iso", "d.iso", *old), {"o.iso": "old.iso", "t": "tree"}, judge)
    alone = ("media", "standalone", "d.iso", "--boot-image", "a.wim", "--sequence", "s.yaml", "--package", "P1=t")
    yield Writing("media standalone", alone, present | {"s.yaml": "sequence.yaml"}, judge)
    whole, usb = present | {"s.yaml": "sequence.yaml"}, ("--usb", "--seed", "x", "--yes", "--no-backup")
    yield Writing("media standalone --usb", ("media", "standalone", "d", *alone[3:], *usb), whole, {"d": as_stick})
    stick_of_share = ("media", "boot", "d", *boot[3:], *usb)
    yield Writing("media boot --usb", stick_of_share, {"a.wim": "media.wim"}, {"d": as_stick})
    capturing = ("media", "capture", "d", *boot[3:5], *capture, *usb)
    yield Writing("media capture --usb", capturing, {"a.wim": "media.wim"}, {"d": as_stick})


def as_stick(path: Path) -> object:
    """Return what is on a stick that has a manifest: what is made for it has the time of its making in it."""
    volumes = as_made(path)
    assert isinstance(volumes, list)
    made = ("/bcd", "/boot.wim", "/media.json", "/sha256sums")
    return [
        (each, entries, {name: "made" if name.lower().endswith(made) else data for name, data in files.items()})
        for each, (entries, files) in volumes
    ]


def as_disc(path: Path) -> object:
    """Read a disc; stores of the boot manager, and what tells their hashes, have the time of their making in them."""
    out = path.with_name("disc.out")
    shutil.rmtree(out, ignore_errors=True)
    hashes = disc_judges.seven_zip_hashes(path, "udf", out)
    shutil.rmtree(out)
    hashes |= {name: "made" for name in hashes if name.endswith(("/bcd", "/boot.wim", "/media.json", "/SHA256SUMS"))}
    return hashes, [(each.platform, each.sectors) for each in disc_judges.boot_images(path)]


_IN_CATALOG = (
    "SELECT name, enabled, applies FROM driver ORDER BY 1",
    "SELECT d.name, c.name FROM driver_category, driver d, category c WHERE driver = d.id AND category = c.id",
    "SELECT p.name, d.name FROM package p LEFT JOIN member ON package = p.id LEFT JOIN driver d ON driver = d.id",
    "SELECT name, path, sha256, file.size FROM file, driver WHERE driver = id ORDER BY 1, 2",
    "SELECT name, what FROM history ORDER BY id",
    "SELECT count(*), count(DISTINCT folded) FROM model",
)


def as_catalog(path: Path) -> object:
    """Return what sqlite3 finds in a catalog, all of whose contents are there."""
    query = "; ".join(("PRAGMA integrity_check", "PRAGMA foreign_key_check", *_IN_CATALOG))
    # One that was made and holds nothing is as good as none; first of all what was begun is taken back.
    if not run(["sqlite3", path, "SELECT count(*) FROM sqlite_master"]).strip("0\n"):
        return None
    lines = run(["sqlite3", path, query]).splitlines()
    assert lines[0] == "ok"
    for name, found in re.findall(r"^.*\|([^|]*)\|([0-9a-f]{64})\|\d+$", "\n".join(lines), re.MULTILINE):
        content = path.with_name(f"{path.name}.contents") / found[:2] / found[2:]
        assert hashlib.sha256(content.read_bytes()).hexdigest() == found, name
    return lines[1:]


def as_contents(path: Path) -> object:
    """Say nothing of a folder whose files the catalog names."""
    assert path.is_dir()


def _drivers() -> Iterator[Writing]:
    present = {"c.db": "c.db", "c.db.contents": "c.db.contents"}
    judges: dict[str, Judge] = {"c.db": as_catalog, "c.db.contents": as_contents}

    def writing(name: str, *arguments: str, files: Mapping[str, str] = present, **more: Judge) -> Writing:
        return Writing(name, ("driver", *arguments, "--catalog", "c.db"), files, judges | more, by_sqlite=True)

    imports = ("import", "d", "--category", "Lab", "--package", "New")
    yield writing("driver import", *imports, files={"d": "drivers"})
    yield writing("driver import of more", *imports, files={"d": "drivers"} | present)
    yield writing("driver remove", "remove", "fourth", "fifth")
    yield writing("driver set", "set", "fourth", "--disable", "--category", "+Lab", "--platform", "6.1-x86")
    yield writing("driver package create", "package", "create", "New", "fourth", "fifth")
    yield writing("driver package delete", "package", "delete", "Both")
    yield writing("driver package export", "package", "export", "Both", "out", out=digest)
    yield writing("driver package export to a ZIP", "package", "export", "Both", "out.zip", **{"out.zip": as_zip})


def as_zip(path: Path) -> object:
    return run(["7zz", "l", "-slt", path]).partition("----------\n")[2], run(["7zz", "t", path]) != ""


def as_boot_image(path: Path) -> object:
    return as_wim_with_hive(path), wim_judges.wimlib_paths(path)


def as_wim_with_files(path: Path) -> object:
    return as_wim(path), wim_judges.wimlib_paths(path)


def as_wim_with_hive(path: Path) -> object:
    facts = as_wim(path)
    out = path.with_name("hive.out")
    shutil.rmtree(out, ignore_errors=True)
    wim_judges.wimlib("extract", path, "1", f"/{HIVE}", f"--dest-dir={out}", "--no-acls")
    hive = as_hive(out / "SYSTEM")
    shutil.rmtree(out)
    return facts, hive


def as_wim_with_hives(path: Path) -> object:
    """Return the hive and its log: both are the old ones, or both the new ones."""
    facts = as_wim(path)
    out = path.with_name("hive.out")
    shutil.rmtree(out, ignore_errors=True)
    wim_judges.wimlib("extract", path, "1", f"/{HIVE}", f"/{HIVE}.LOG1", f"--dest-dir={out}", "--no-acls")
    found = as_hive(out / "SYSTEM"), digest(out / "SYSTEM.LOG1")
    shutil.rmtree(out)
    return facts, found


def _registry() -> Iterator[Writing]:
    change = {"c.reg": "change.reg"}
    yield Writing("registry set", ("registry", "set", "h", *_SET), {"h": "SYSTEM.hive"}, {"h": as_hive})
    logged = {"h": "snapshot", "h.LOG1": "snapshot.LOG1"}
    yield Writing("registry set with a log", ("registry", "set", "h", *_SET), logged,
                  {"h": as_unclosed_hive, "h.LOG1": as_log})  # fmt: skip
    yield Writing("registry set with a log in a WIM", ("registry", "set", "a.wim", *_SET, *_HIVE_IN),
                  {"a.wim": "unclosed.wim"}, {"a.wim": as_wim_with_hives})  # fmt: skip
    imports = ("registry", "import")
    yield Writing("registry import", (*imports, "h", "c.reg", "--prefix", r"HKLM\SYSTEM"),
                  {"h": "SYSTEM.hive", **change}, {"h": as_hive})  # fmt: skip
    for kind, judge in (("ntfs", as_ntfs), ("fat", as_fat)):
        where = {"v": f"tree.{kind}"}
        yield Writing(f"registry set in {kind}", ("registry", "set", "v", *_SET, *_HIVE_IN), where, {"v": judge},
                      cures=_FORCED)  # fmt: skip
        yield Writing(f"registry set with a log in {kind}", ("registry", "set", "v", *_SET, *_HIVE_IN),
                      {"v": f"unclosed.{kind}"}, {"v": judge}, cures=_FORCED)  # fmt: skip
        yield Writing(f"registry import in {kind}", (*imports, "v", "c.reg", *_HIVE_IN), where | change, {"v": judge},
                      cures=_FORCED)  # fmt: skip
    yield Writing("registry set --discard-journal", ("registry", "set", "v", *_SET, *_HIVE_IN, "--discard-journal"),
                  {"v": "unshut.ntfs"}, {"v": as_given_up})  # fmt: skip
    yield Writing("registry set in fat16", ("registry", "set", "v", *_SET, *_HIVE_IN), {"v": "tree.fat16"},
                  {"v": as_fat}, cures=_FORCED)  # fmt: skip
    yield Writing("registry export", ("registry", "export", "h", "Setup", "--to", "o.reg", "--prefix", r"HKLM\SYSTEM"),
                  {"h": "SYSTEM.hive"}, {"o.reg": digest})  # fmt: skip


def as_windows_folder(path: Path) -> object:
    """Return the files of a folder with a Windows; the keys of hives have times."""
    files = {str(each.relative_to(path)): each for each in sorted(path.rglob("*")) if each.is_file()}
    # The report tells what the last run has changed.
    reports = {name: as_there(files.pop(name)) for name in list(files) if name.endswith("osdimage-drivers.json")}
    return reports | {name: as_hive(each) if "/config/" in name else digest(each) for name, each in files.items()}


def as_windows_image(path: Path) -> object:
    """Return the files of an image with a Windows, and both hives."""
    facts = as_wim(path), wim_judges.wimlib_paths(path)
    out = path.with_name("hive.out")
    shutil.rmtree(out, ignore_errors=True)
    wim_judges.wimlib("extract", path, "1", "/Windows/System32/config", f"--dest-dir={out}", "--no-acls")
    hives = {each.name: as_hive(each) for each in sorted((out / "config").iterdir())}
    shutil.rmtree(out)
    return facts, hives


def _injections() -> Iterator[Writing]:
    add = ("driver", "add", "v", "--driver", "s", "--boot-critical", "viostor", "--yes")
    yield Writing("driver add to ntfs", add, {"v": "offline.ntfs", "s": "storage"}, {"v": as_ntfs}, cures=_FORCED)
    yield Writing("driver add to a WIM", add, {"v": "offline.wim", "s": "storage"}, {"v": as_windows_image})
    yield Writing(
        "driver add to a folder", add, {"v": "offline", "s": "storage"}, {"v": as_windows_folder}, partial=True
    )
    yield Writing("driver add in a qcow2", (*add, "--partition", "1"), {"v": "offline.qcow2", "s": "storage"},
                  {"v": as_qcow2}, cures=_FORCED)  # fmt: skip


def _applies() -> Iterator[Writing]:
    wim = {"a.wim": "tree.wim"}
    apply = ("apply", "a.wim", "t")
    yield Writing("apply to a new folder", apply, wim, {"t": digest}, partial=True)
    yield Writing("apply to a folder", apply, wim | {"t": "old"}, {"t": digest}, partial=True)
    yield Writing("apply --all", (*apply, "--all"), {"a.wim": "two.wim"}, {"t": digest}, partial=True)
    yield Writing("extract", ("extract", "a.wim", "d1", "d2", "--to", "t"), wim, {"t": digest}, partial=True)
    yield Writing("extract from a volume", ("extract", "v", "/", "--to", "t"), {"v": "old.ntfs"}, {"t": digest},
                  partial=True)  # fmt: skip
    disc = {"a.iso": "disc.udf"}
    yield Writing("media extract", ("media", "extract", "a.iso", "/", "--to", "t"), disc, {"t": digest}, partial=True)
    yield Writing("media sdi --create", ("media", "sdi", "t", "--create"), {}, {"t": as_sdi})
    yield Writing("driver export-installed", ("driver", "export-installed", "w", "t"), {"w": "installed"},
                  {"t": digest}, partial=True)  # fmt: skip
    forced = (("--force",), ("--wipe", "--yes", "--force"))
    ntfs, fat = {"t": as_ntfs}, {"t": as_fat}
    yield Writing("apply to ntfs", apply, wim | {"t": "empty.ntfs"}, ntfs, cures=forced)
    yield Writing(
        "apply --compact to ntfs", (*apply, "--compact", "lzx"), wim | {"t": "empty.ntfs"}, ntfs, cures=forced
    )
    two = {"t": "empty.ntfs", "u": "empty.ntfs"}
    judges = dict.fromkeys(two, as_alone)
    yield Writing("apply --also to ntfs", (*apply, "--also", "u"), wim | two, judges, cures=forced, partial=True)
    yield Writing("apply over files in ntfs", apply, wim | {"t": "old.ntfs"}, ntfs, cures=forced)
    wipe = (*apply, "--wipe", "--yes")
    yield Writing("apply --wipe to ntfs", wipe, wim | {"t": "old.ntfs"}, ntfs, cures=_FORCED)
    yield Writing(
        "apply --wipe --keep to ntfs",
        (*wipe, "--keep", "kept"),
        wim | {"t": "old.ntfs"},
        ntfs,
        cures=_FORCED,
        keeps=True,
    )
    yield Writing("apply to fat", apply, wim | {"t": "empty.fat"}, fat, cures=(("--force",),))
    yield Writing("apply --wipe to fat", wipe, wim | {"t": "old.fat"}, fat, cures=_FORCED)
    yield Writing("apply --wipe to fat16", wipe, wim | {"t": "old.fat16"}, fat, cures=_FORCED)
    yield Writing("apply --all-volumes", ("apply", "w.wim", "d", "--all-volumes", "--wipe", "--yes"),
                  {"w.wim": "two.wim", "d": "two.img"}, {"d": as_disk}, cures=_FORCED, partial=True)  # fmt: skip
    yield Writing("apply to a machine", ("apply", "w.wim", "--all-volumes", "--disk", "0=d", "--disk", "1=e", "--wipe",
                                         "--yes"),
                  {"w.wim": "machine.wim", "d": "second.img", "e": "two.img"}, {"d": as_disk, "e": as_disk},
                  cures=_FORCED, partial=True)  # fmt: skip


def _disks() -> Iterator[Writing]:
    seed = ("--seed", "x", "--yes")
    init, saved = ("disk", "init", "d", *seed), ("d-table", "d.")
    table = {"d": as_table}
    yield Writing("disk init --size", (*init, "--size", "160MiB", *_VARS), {}, table, saved=saved)
    yield Writing("disk init of a GPT", (*init, *_VARS), {"d": "two.img"}, table, saved=saved)
    yield Writing("disk init of an MBR", (*init, *_VARS), {"d": "logicals.img"}, table, saved=saved)
    yield Writing("disk init of an MBR over a GPT", (*init, *_ONE_VOLUME), {"d": "two.img"}, table, saved=saved)
    yield Writing("disk init --backup", (*init, *_VARS, "--backup", "b"), {"d": "two.img"}, table,
                  cures=(("--backup", "b2"),), saved=("b", "b2"))  # fmt: skip
    for kind, number, judge in (("ntfs", "2", as_disk), ("fat32", "3", as_disk)):
        yield Writing(f"disk format {kind}", ("disk", "format", "d", "--partition", number, "--fs", kind, *seed),
                      {"d": "filled.img"}, {"d": judge})  # fmt: skip
    yield Writing("disk restore of a GPT", ("disk", "restore", "d", "b", "--yes"),
                  {"d": "logicals.img", "b": "two.json"}, table, saved=saved)  # fmt: skip
    yield Writing("disk restore of an MBR", ("disk", "restore", "d", "b", "--yes"),
                  {"d": "cleared.img", "b": "logicals.json"}, table, saved=saved)  # fmt: skip
    yield Writing("disk check --repair", ("disk", "check", "d", "--repair", "--yes"), {"d": "broken.img"},
                  {"d": as_whole_table}, saved=saved)  # fmt: skip
    backup = ("disk", "backup", "d", "b")
    yield Writing("disk backup", backup, {"d": "two.img"}, {"b": as_document})
    yield Writing("disk backup --overwrite", (*backup, "--overwrite"), {"d": "two.img", "b": "logicals.json"},
                  {"b": as_document})  # fmt: skip


def _whole_disks() -> Iterator[Writing]:
    wim, seed = {"a.wim": "windows.wim"}, ("--seed", "x", "--yes")
    deploy = ("deploy", "a.wim", "d", *seed)
    disk, saved = {"d": as_disk}, ("d-table", "d.")
    size = ("--size", "160MiB")
    yield Writing("deploy for UEFI to a new disk", (*deploy, *size, *_VARS), wim, disk, saved=saved, boots=True)
    yield Writing("deploy for UEFI", (*deploy, *_VARS), wim | {"d": "logicals.img"}, disk, saved=saved, boots=True)
    yield Writing("deploy for a BIOS", (*deploy, *_ONE_VOLUME), wim | {"d": "two.img"}, disk, saved=saved, boots=True)
    qcow2 = (*deploy, *size, *_ONE_VOLUME, "--format", "qcow2")
    drivers = ("--driver", "s", "--drivers-for", "qemu")
    yield Writing("deploy with drivers", (*deploy, *_VARS, *drivers),
                  {"a.wim": "offline.wim", "s": "storage", "d": "logicals.img"}, disk, saved=saved,
                  boots=True)  # fmt: skip
    yield Writing("deploy to a new qcow2", qcow2, wim, {"d": as_qcow2})
    yield Writing("deploy to a qcow2", qcow2, wim | {"d": "old.qcow2"}, {"d": as_qcow2})
    install = ("boot", "install", "d", "--partition", "3", "--seed", "x")
    yield Writing("boot install in a qcow2", install, {"d": "uefi.qcow2"}, {"d": as_qcow2}, cures=_FORCED, boots=True)
    yield Writing("apply in a qcow2", ("apply", "a.wim", "d", "--partition", "3", "--wipe", "--yes"),
                  {"a.wim": "tree.wim", "d": "uefi.qcow2"}, {"d": as_qcow2}, cures=_FORCED)  # fmt: skip
    two = {"d": "uefi.img", "e": "system.img"}
    elsewhere = ("boot", "install", "d", "--partition", "3", "--system", "e", "--seed", "x")
    yield Writing("boot install elsewhere", elsewhere, two, {"d": as_disk, "e": as_disk}, cures=_FORCED)
    there = ("--system", "e")
    yield Writing("deploy elsewhere", (*deploy, *_VARS, *there), wim | {"d": "logicals.img", "e": "system.img"},
                  {"d": as_disk, "e": as_disk}, saved=saved)  # fmt: skip
    machine = ("--layout-from-wim", "--disk", "0=d", "--disk", "1=e", *seed)
    both, started = {"d": as_one_of_machine, "e": as_one_of_machine}, ("e", "--system", "d")
    yield Writing("deploy of a machine to new disks", ("deploy", "a.wim", *machine, "--size", f"{_SIZE_OF_ONE}"),
                  {"a.wim": "machine.wim"}, both, saved=("d.", "e."), boots=True, started=started)  # fmt: skip
    swapped = {"a.wim": "machine.wim", "d": "second.img", "e": "first.img"}
    yield Writing("deploy of a machine", ("deploy", "a.wim", *machine), swapped, both, saved=("d.", "e."), boots=True,
                  started=started)  # fmt: skip
    older = {"a.wim": "older.wim", "d": "two.img"}
    yield Writing("deploy of an older Windows", (*deploy, *_ONE_VOLUME), older, disk, saved=saved, boots=True)
    for kind, number in (("uefi", "3"), ("bios", "1"), ("ntldr", "1")):
        install = ("boot", "install", "d", "--partition", number, "--seed", "x")
        yield Writing(f"boot install for {kind}", install, {"d": f"{kind}.img"}, disk, cures=_FORCED, boots=True)
        yield Writing(f"boot install again for {kind}", (*install, "--menu-name", "New"), {"d": f"{kind}-started.img"},
                      disk, cures=_FORCED, boots=True)  # fmt: skip
        yield Writing(f"boot fix for {kind}", ("boot", "fix", "d", "--seed", "x"), {"d": f"{kind}-cloned.img"}, disk,
                      cures=_FORCED, boots=True)  # fmt: skip


def _sequences() -> Iterator[Writing]:
    run_it = ("run", "s.yaml", "--disk", "0=d", "--yes", "--log", "log", "--state", "s.state")
    saved = ("d.", "log", "s.state")
    yield Writing("run", run_it, {"s.yaml": "sequence.yaml", "d": "bios.img"}, {"d": as_made}, saved=saved)
    lines = (*run_it, "--size", "64MiB", "--share", r"\\srv\share=t", "--var", f"HIVE={HIVE.replace('/', chr(92))}")
    yield Writing("run with command lines", lines, {"s.yaml": "commands.yaml", "t": "tree"}, {"d": as_run},
                  saved=saved)  # fmt: skip
    drivers = {"s.yaml": "drivers.yaml", "a.wim": "offline.wim", "s": "storage"}
    run_it += ("--package", "WIM=a.wim", "--package", "DRV=s")
    yield Writing("run with drivers", (*run_it, "--size", "160MiB"), drivers, {"d": as_run}, saved=saved, boots=True)
    yield Writing("run with drivers --first-boot", (*run_it, "--drivers-for", "qemu", "--first-boot", "setup"),
                  drivers | {"d": "bios.img"}, {"d": as_run}, saved=saved, boots=True)  # fmt: skip
    waits = (*run_it, "--package", "PKG=s", "--without-client", "--size", "160MiB")
    yield Writing("run with steps that wait", waits, drivers | {"s.yaml": "waiting.yaml"}, {"d": as_run}, saved=saved,
                  boots=True)  # fmt: skip
    yield Writing("run --collect --remove", ("run", "--collect", "v", "--remove", "--yes"), {"v": "waiting.ntfs"},
                  {"v": as_ntfs})  # fmt: skip


def writings() -> tuple[Writing, ...]:
    """Return every command that writes."""
    return (
        *_wims(),
        *_registry(),
        *_drivers(),
        *_injections(),
        *_applies(),
        *_disks(),
        *_whole_disks(),
        *_sequences(),
    )

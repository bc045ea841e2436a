"""``DISC.iso!sources/install.wim``: commands say and make of it what they do of the WIM in a folder."""

from __future__ import annotations

import os
import random
import re
import shutil
from pathlib import Path

import pytest
from cases import discs, trees
from cases.discs import KINDS, NOISE, PARTS, WimDisc
from cases.sequence import GPT
from cases.windows_trees import windows_files, write_tree
from judges import mounts as fuse
from judges import wim as judges
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.wim import steps
from osdimage.imaging.wim.placed import stand_in
from osdimage.imaging.wim.raw.ranges import Copied, copy_range
from osdimage.native.wim.raw_copy import CopyRange
from runs.commands import Outcome, osdimage

pytestmark = pytest.mark.foreign
# Of a WIM of some megabytes; what wimlib-imagex lists of blob tables and trees is far below.
TREES_AND_TABLES = 300_000
SEQUENCE = (
    "name: Once",
    "steps:",
    "  - step: Partition",
    "    type: PartitionDisk",
    "    variables:",
    "  - step: Apply",
    "    type: ApplyOperatingSystem",
    "    properties: {ImagePackageID: A1, DestinationDisk: '0', DestinationPartition: '3'}",
    "    variables: {OSDImageIndex: '1'}",
)
SYSTEM = "Windows/System32/config/SYSTEM"
_TIME = re.compile(r"\(\d+\.\d s")


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> WimDisc:
    return discs.make_wim_disc(tmp_path_factory.mktemp("disc"))


class Copies:
    """What was copied from discs for libwim."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[int, int], int] = {}

    def count(self, descriptor: int) -> None:
        facts = os.fstat(descriptor)
        self._blocks[facts.st_dev, facts.st_ino] = facts.st_blocks

    @property
    def largest(self) -> int:
        """What the largest of the files that stood in for WIMs took of the disk, in bytes."""
        return 512 * max(self._blocks.values(), default=0)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> Copies:
    made = Copies()

    def counted(source: int, destination: int, what: CopyRange, copied: Copied) -> None:
        copy_range(source, destination, what, copied)
        made.count(destination)

    monkeypatch.setattr(stand_in, "copy_range", counted)
    return made


def both(disc: WimDisc, where: Path, *arguments: str, code: int | None = 0) -> tuple[Outcome, Path, Path]:
    """Run a command with a WIM in a folder, and with that on the disc; what it says must be the same.

    ``@`` stands for what is before the name of a WIM, ``OUT`` for a folder of its own.  Returns what it said, and both
    folders.
    """
    said, folders = [], []
    for name, lead in (("plain", f"{disc.folder}/sources/"), ("disc", f"{disc.iso}!sources/")):
        folder = where / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        outcome = osdimage(*(each.replace("@", lead).replace("OUT", str(folder)) for each in arguments), code=code)
        out, err = (text.replace(lead, "@").replace(str(folder), "OUT") for text in (outcome.out, outcome.err))
        said.append(Outcome(outcome.code, _TIME.sub("(", out), err))
        folders.append(folder)
    plain, of_disc = said
    assert of_disc == plain
    return of_disc, folders[0], folders[1]


def same(ours: Path, theirs: Path) -> None:
    """Compare two WIMs but for their GUIDs, which are new each time."""
    ours_bytes, theirs_bytes = ours.read_bytes(), theirs.read_bytes()
    assert ours_bytes[:24] + ours_bytes[40:] == theirs_bytes[:24] + theirs_bytes[40:]


# ---- commands that read


@pytest.mark.parametrize("name", KINDS)
def test_what_is_said_of_a_wim_is_the_same(name: str, disc: WimDisc, tmp_path: Path, copies: Copies) -> None:
    for command in (
        ["info", f"@{name}", "--json"],
        ["info", f"@{name}", "--blobs"],
        ["list", f"@{name}", "--index", "1", "--json"],
        ["verify", f"@{name}", "--json"],
        ["compare", f"@{name}", str(disc.trees["second"]), "--index", "2"],
        ["info", f"@{name}", "--check"],
    ):
        both(disc, tmp_path, *command)
    assert name == "pipable.wim" or copies.largest < TREES_AND_TABLES


@pytest.mark.parametrize("name", KINDS)
def test_an_image_is_applied_without_a_copy_of_its_contents(
    name: str, disc: WimDisc, tmp_path: Path, copies: Copies
) -> None:
    _, _, of_disc = both(disc, tmp_path, "apply", f"@{name}", "OUT/to", "--index", "2")
    assert trees.contents(trees.read_tree(of_disc / "to")) == trees.contents(trees.read_tree(disc.trees["second"]))
    assert name == "pipable.wim" or copies.largest < TREES_AND_TABLES


@pytest.mark.parametrize("name", KINDS)
def test_what_libwim_reads_is_copied_first(name: str, disc: WimDisc, tmp_path: Path) -> None:
    for index, image in ((1, "first"), (2, "second")):
        _, _, to = both(disc, tmp_path, "apply", f"@{name}", "OUT/to", "--index", str(index), "--engine", "libwim")
        assert trees.contents(trees.read_tree(to / "to")) == trees.contents(trees.read_tree(disc.trees[image]))
    for paths in (["/text.log"], ["/sub", "/one byte"], ["/*.txt"], ["/hard link to random.bin"]):
        _, plain, to = both(disc, tmp_path, "extract", f"@{name}", "--index", "1", *paths, "--to", "OUT/to")
        assert trees.read_tree(to / "to").keys() == trees.read_tree(plain / "to").keys()
        assert trees.contents(trees.read_tree(to / "to")) == trees.contents(trees.read_tree(plain / "to"))


def test_of_a_file_that_is_extracted_no_more_is_copied_than_that(disc: WimDisc, tmp_path: Path, copies: Copies) -> None:
    both(disc, tmp_path, "extract", "@none.wim", "--index", "1", "/one byte", "--to", "OUT/to")
    assert copies.largest < TREES_AND_TABLES


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["export", "@install.wim", "OUT/x.wim", "--all"], id="as it is stored"),
        pytest.param(["export", "@install.wim", "OUT/x.wim", "--index", "1", "--compress", "xpress"], id="again"),
        pytest.param(["export", "@install.esd", "OUT/x.wim", "--index", "2", "--compress", "none"], id="solid"),
        pytest.param(["export", "@pipable.wim", "OUT/x.wim", "--index", "1"], id="pipable"),
        pytest.param(["export", "@parts.swm", "OUT/x.wim", "--all"], id="parts"),
        pytest.param(["export", "@checked.wim", "OUT/x.wim", "--all", "--base", "@install.wim"], id="delta"),
        pytest.param(["join", "OUT/x.wim", *(f"@{each}" for each in PARTS)], id="join"),
        pytest.param(["split", "@install.wim", "OUT/x.swm", "--size", "5MB"], id="split"),
    ],
)
def test_what_is_made_of_it_is_the_same(arguments: list[str], disc: WimDisc, tmp_path: Path) -> None:
    _, plain, of_disc = both(disc, tmp_path, *arguments)
    made = sorted(each.name for each in plain.iterdir())
    assert made == sorted(each.name for each in of_disc.iterdir())
    for name in made:
        same(of_disc / name, plain / name)
    if made == ["x.wim"] and "--base" not in arguments:
        judges.wimlib("verify", of_disc / "x.wim")


def test_the_parts_of_a_split_wim_are_found_on_the_disc(disc: WimDisc, tmp_path: Path, copies: Copies) -> None:
    expected = trees.contents(trees.read_tree(disc.trees["second"]))
    for more in ([], ["--ref", "@parts*.swm"]):
        _, _, to = both(disc, tmp_path, "apply", "@parts.swm", "OUT/to", "--index", "2", *more)
        assert trees.contents(trees.read_tree(to / "to")) == expected
    both(disc, tmp_path, "verify", "@parts.swm", "--json")
    both(disc, tmp_path, "list", "@parts.swm", "--index", "2")
    assert copies.largest < TREES_AND_TABLES
    both(disc, tmp_path, "apply", "@parts2.swm", "OUT/to", "--index", "1", code=3)
    both(disc, tmp_path, "extract", "@parts.swm", "--index", "2", "/", "--to", "OUT/to")


def test_two_wims_of_a_disc_are_compared(disc: WimDisc, tmp_path: Path) -> None:
    both(disc, tmp_path, "diff", "@install.wim:1", "@none.wim:first")
    both(disc, tmp_path, "diff", "@install.wim:1", "@none.wim:2", code=None)


def test_a_capture_takes_what_a_base_on_a_disc_has(disc: WimDisc, tmp_path: Path, copies: Copies) -> None:
    tree = str(disc.trees["second"])
    options = ("--base", "@install.wim", "--update-of", "@install.wim:second")
    _, _, made = both(disc, tmp_path, "capture", tree, "OUT/x.wim", *options)
    assert copies.largest < TREES_AND_TABLES
    judges.wimlib("apply", made / "x.wim", "1", tmp_path / "to", f"--ref={disc.plain('install.wim')}")
    assert trees.contents(trees.read_tree(tmp_path / "to")) == trees.contents(trees.read_tree(disc.trees["second"]))


def test_a_wim_at_the_top_of_a_disc_is_read_and_case_does_not_matter(disc: WimDisc) -> None:
    expected = osdimage("list", disc.folder / "top.wim", "--index", "1").out
    for name in ("top.wim", "/top.wim", "TOP.WIM"):
        assert osdimage("list", f"{disc.iso}!{name}", "--index", "1").out == expected


def test_a_file_that_has_the_name_comes_first(disc: WimDisc, tmp_path: Path) -> None:
    real = tmp_path / f"{disc.iso.name}!top.wim"
    shutil.copy(disc.iso, tmp_path)
    shutil.copy(disc.plain("checked.wim"), real)
    assert osdimage("info", real, "--json").document["header"]["has_integrity_table"] is True
    real.unlink()
    assert osdimage("info", real, "--json").document["header"]["has_integrity_table"] is False


# ---- other commands that take a WIM


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> WimDisc:
    where = tmp_path_factory.mktemp("windows")
    tree, sources = where / "tree", where / "disc" / "sources"
    sources.mkdir(parents=True)
    noise = random.Random(8).randbytes(NOISE)
    write_tree(tree, {**windows_files(), SYSTEM: write_hive(new_hive("SYSTEM")), "noise.bin": noise})
    judges.wimlib("capture", tree, sources / "install.wim", "Windows")
    return WimDisc(discs.make_iso(where / "disc", where / "x.iso"), where / "disc", {"Windows": tree})


def test_a_disk_is_deployed_from_it(windows: WimDisc, tmp_path: Path, copies: Copies) -> None:
    disk, from_disc, from_folder = tmp_path / "x.img", windows.on_disc("install.wim"), windows.plain("install.wim")
    osdimage("deploy", from_disc, disk, "--preset", "uefi", "--size", "3GB", "--quiet")
    assert 0 < copies.largest < TREES_AND_TABLES
    osdimage("compare", from_folder, disk, "--partition", "3")
    osdimage("boot", "check", disk)
    install = ("boot", "install", disk, "--partition", "3", "--dry-run", "--from-wim")
    assert osdimage(*install, from_disc).out.replace(from_disc, from_folder) == osdimage(*install, from_folder).out
    refused = osdimage("deploy", from_disc, windows.iso, "--preset", "uefi", "--yes", code=2).err
    assert f"{windows.iso} is read by this command" in refused


def test_the_registry_of_an_image_is_read(windows: WimDisc, tmp_path: Path) -> None:
    both(windows, tmp_path, "registry", "get", "@install.wim", "Select", "--hive", "SYSTEM", code=None)


def test_a_sequence_takes_it_as_a_package(windows: WimDisc, tmp_path: Path, copies: Copies) -> None:
    variables = (f"      {name}: '{value}'" for name, value in GPT.items())
    path = tmp_path / "apply.yaml"
    path.write_text("\n".join((*SEQUENCE[:5], *variables, *SEQUENCE[5:])))
    disk, wim = tmp_path / "x.img", windows.on_disc("install.wim")
    osdimage("run", path, "--disk", f"0={disk}", "--size", "0=3GB", "--package", f"A1={wim}", "--yes")
    assert 0 < copies.largest < TREES_AND_TABLES
    compared = osdimage("compare", windows.plain("install.wim"), disk, "--partition", "3", code=1).out.splitlines()
    assert [each for each in compared if each.startswith(("extra:", "different:", "missing:"))] == [
        "extra: /Windows/Panther: only in the target: a directory",
        "extra: /Windows/Panther/unattend.xml: only in the target: a file",
    ]


def test_it_is_mounted_to_be_read(disc: WimDisc, tmp_path: Path) -> None:
    fuse.require_fuse()
    at = tmp_path / "at"
    at.mkdir()
    (warning,) = osdimage("mount", disc.on_disc("none.wim"), at, "--index", "2").warnings
    assert warning.startswith(f"{disc.on_disc('none.wim')}: the contents of the image are copied to ")
    try:
        assert (at / "noise.bin").read_bytes() == (disc.trees["second"] / "noise.bin").read_bytes()
    finally:
        osdimage("unmount", at)
        fuse.clear(tmp_path)


# ---- what is told


def test_a_large_copy_is_told_in_one_line(disc: WimDisc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "WORTH_TELLING", NOISE)
    wim = disc.on_disc("none.wim")
    told = osdimage("apply", wim, tmp_path / "to", "--index", "2", "--engine", "libwim").warnings
    (line,) = [each for each in told if "copied" in each]
    assert line.startswith(f"{wim}: 3.9 MB of it are copied to ")
    assert line.endswith(" for a while, where libwim reads them")


def test_too_little_room_for_a_copy_is_told_before_it_is_made(
    disc: WimDisc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = os.statvfs(tmp_path)
    full = os.statvfs_result((facts.f_bsize, 1 << 20, facts.f_blocks, 1, 1, *tuple(facts)[5:10]))
    monkeypatch.setattr(os, "fstatvfs", lambda _: full)
    command = ("apply", disc.on_disc("none.wim"), tmp_path / "to", "--index", "2", "--engine", "libwim")
    said = osdimage(*command, code=1).err
    assert "3.9 MB of it are needed for a while in " in said
    assert "which has room for 1.0 MB; name another folder in TMPDIR" in said


@pytest.mark.parametrize(
    ("path", "what"),
    [
        pytest.param("{iso}!sources/nothing.wim", "the disc {iso} holds no sources/nothing.wim", id="file"),
        pytest.param("{iso}!nowhere/install.wim", "the disc {iso} holds no nowhere/install.wim", id="folder"),
        pytest.param("{iso}!sources", "is a directory of the disc {iso}", id="a folder"),
        pytest.param("{iso}!", "is a directory of the disc {iso}", id="nothing"),
        pytest.param("{iso}x!top.wim", "No such file or directory, and no disc {iso}x in which top.wim", id="disc"),
    ],
)
def test_what_is_missing_is_named(path: str, what: str, disc: WimDisc) -> None:
    # The code is that of any WIM that is not there.
    code = osdimage("info", disc.folder / "nothing.wim", code=None).code
    assert what.format(iso=disc.iso) in osdimage("info", path.format(iso=disc.iso), code=code).err


def test_what_is_no_wim_or_no_disc_is_told(disc: WimDisc, tmp_path: Path) -> None:
    said = osdimage("info", f"{disc.iso}!readme.txt", code=3).err
    assert f"{disc.iso}!readme.txt: not a WIM" in said
    said = osdimage("info", disc.iso, code=3).err
    assert "it is a disc: osdimage media list DISC lists what is on it" in said
    assert "named as 'DISC!sources/install.wim'" in said
    (tmp_path / "disk.qcow2").write_bytes(b"QFI\xfb" + bytes(1000))
    assert "osdimage disk show DISK shows what is on a disk" in osdimage("info", tmp_path / "disk.qcow2", code=3).err
    (tmp_path / "x.iso").write_bytes(bytes(100_000))
    osdimage("info", f"{tmp_path}/x.iso!top.wim", code=3)


# ---- nothing is written


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["update", "@", "--index", "1", "--delete", "/one byte"], id="update"),
        pytest.param(["delete", "@", "--index", "1"], id="delete"),
        pytest.param(["optimize", "@"], id="optimize"),
        pytest.param(["info", "@", "--index", "1", "--set", "NAME=x"], id="info"),
        pytest.param(["capture", "TREE", "@", "--append"], id="append"),
        pytest.param(["capture", "TREE", "@"], id="capture"),
        pytest.param(["capture", "TREE", "@", "--overwrite"], id="overwrite"),
        pytest.param(["export", "OTHER", "@", "--all"], id="export"),
        pytest.param(["export", "@", "@new.wim", "--all"], id="export new"),
        pytest.param(["join", "@new.wim", "PART"], id="join"),
        pytest.param(["split", "OTHER", "@new.swm", "--size", "9MB"], id="split"),
        pytest.param(["registry", "set", "@", "a", "--hive", "SYSTEM"], id="registry"),
        pytest.param(["mount", "@", "TREE", "--index", "1", "--read-write"], id="mount"),
    ],
)
def test_a_disc_is_not_written(arguments: list[str], disc: WimDisc, tmp_path: Path) -> None:
    before = disc.iso.read_bytes()
    names = {
        "@": disc.on_disc("install.wim"),
        "@new.wim": disc.on_disc("new.wim"),
        "@new.swm": disc.on_disc("new.swm"),
        "TREE": str(tmp_path),
        "OTHER": disc.plain("none.wim"),
        "PART": disc.plain("parts.swm"),
    }
    said = osdimage(*(names.get(each, each) for each in arguments), code=4).err
    is_new = any(each.startswith("@new") for each in arguments)
    helps = "a new file can be elsewhere" if is_new else "a copy of it, made with osdimage export "
    assert f": is on a disc, which is not written; {helps}" in said
    assert disc.iso.read_bytes() == before
    assert list(tmp_path.iterdir()) == []

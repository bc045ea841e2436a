"""Security descriptors and attributes that are left out, or must all be kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import bulk as cases
from cases.ntfs_patient import CLUSTER, STANDARD, Patient, find, put, value_at
from cases.wimcraft import DIRECTORY, FILE, Node, build, folder, root, symlink
from judges.wim import assert_ntfs_clean, make_ntfs, run, wimlib, wimlib_facts
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.volume.ntfs.check.volume import NtfsCheckOptions, check_ntfs
from osdimage.imaging.volume.ntfs.read import NtfsVolume
from runs.commands import osdimage

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("descriptors") / "x.wim"
    tree = root(
        folder("security", *(Node(f"{n}", security_id=n) for n in range(len(cases.DESCRIPTORS)))),
        Node("hidden", b"x", attributes=FILE | 0x3),
        Node("compressed", cases.noise(9_000), attributes=FILE | cases.COMPRESSED),
        Node("sparse", bytes(70_000) + b"x" * 5_000, attributes=FILE | 0x200),
        Node("system", children=[Node("deep", b"y", security_id=0)], attributes=DIRECTORY | 0x4, security_id=1),
        symlink("link", "\\??\\C:\\a"),
    )
    path.write_bytes(build(tree, descriptors=cases.DESCRIPTORS))
    return path


@pytest.mark.parametrize("options", [("--no-acls",), ("--no-attributes",), ("--no-acls", "--no-attributes")])
def test_a_volume_gets_neither_as_by_wimlib_imagex(wim: Path, options: tuple[str, ...], tmp_path: Path) -> None:
    found = []
    for name, apply in (
        ("theirs", lambda volume: wimlib("apply", wim, "1", volume, *options)),
        ("bulk", lambda volume: osdimage("apply", wim, volume, "--engine", "bulk", *options)),
        ("libntfs", lambda volume: osdimage("apply", wim, volume, "--engine", "libntfs", *options)),
    ):
        volume, again = make_ntfs(tmp_path / name, 16 << 20), tmp_path / f"{name}.wim"
        apply(volume)
        assert_ntfs_clean(volume)
        with open_volume(volume) as opened:
            assert check_ntfs(opened.window(), NtfsCheckOptions(is_fresh=name == "bulk")).faults == ()
        wimlib("capture", volume, again, "--compress=none")
        found.append(wimlib_facts(again))
    theirs, bulk, libntfs = found
    assert libntfs == theirs
    if "--no-attributes" not in options:
        # libntfs-3g compresses nothing on a volume that is not set to.
        for facts in (theirs, bulk):
            del facts['"/compressed"']
    assert bulk == theirs
    assert (("Attributes", "0x00000020") in theirs['"/hidden"']) == ("--no-attributes" in options)


def test_a_capture_leaves_descriptors_out_as_wimlib_imagex_does(wim: Path, tmp_path: Path) -> None:
    volume = make_ntfs(tmp_path / "volume", 16 << 20)
    osdimage("apply", wim, volume)
    osdimage("capture", volume, tmp_path / "ours.wim", "--no-acls")
    wimlib("capture", volume, tmp_path / "theirs.wim", "--no-acls")
    ours, theirs = (wimlib_facts(tmp_path / f"{name}.wim") for name in ("ours", "theirs"))
    assert ours == theirs
    assert not any(name == "Security Descriptor" for facts in ours.values() for name, _ in facts)


def test_a_descriptor_that_cannot_be_read_is_told_where_all_are_wanted(wim: Path, tmp_path: Path) -> None:
    """Where libntfs-3g takes one of its own, and wimlib-imagex captures that, with --strict-acls too."""
    volume = make_ntfs(tmp_path / "volume", 6 << 20, "-c", str(CLUSTER))
    osdimage("apply", wim, volume)
    osdimage("capture", volume, tmp_path / "x.wim", "--strict-acls")
    with open_volume(volume) as opened:
        records = {each.path: each.record for each in NtfsVolume(opened.window()).entries()}
    patient = Patient.read(volume, records)
    with patient.record("/security/2") as record:
        put(record, value_at(record, find(record, STANDARD))[0] + 52, "I", 0x7FFF)
    volume.write_bytes(patient.data)
    refused = osdimage("capture", volume, tmp_path / "y.wim", "--strict-acls", code=3).err
    assert "not captured: not every security descriptor can be read: " in refused
    assert "a file has a security descriptor that there is not: \\security\\2: it has number 32767" in refused
    assert not (tmp_path / "y.wim").exists()
    osdimage("capture", volume, tmp_path / "y.wim")
    wimlib("capture", volume, tmp_path / "z.wim", "--strict-acls")


def test_a_target_without_descriptors_is_refused_where_all_are_wanted(wim: Path, tmp_path: Path) -> None:
    """As wimlib-imagex does: ``apply x.wim 1 DIR --strict-acls`` ends with code 68."""
    fat = tmp_path / "fat"
    with fat.open("wb") as file:
        file.truncate(64 << 20)
    run("mkfs.fat", "-F", "32", fat)
    before = fat.read_bytes()
    for target in (tmp_path / "to", fat):
        refused = osdimage("apply", wim, target, "--strict-acls", code=4).err
        assert "the security descriptors of 6 files cannot be kept there" in refused
    assert fat.read_bytes() == before
    assert not (tmp_path / "to").exists()
    assert "does not support" in wimlib("apply", wim, "1", tmp_path / "to", "--strict-acls", code=68)
    osdimage("apply", wim, tmp_path / "to", "--strict-acls", "--unix-data")


def test_what_is_not_wanted_is_no_loss(wim: Path, tmp_path: Path) -> None:
    told = osdimage("apply", wim, tmp_path / "all").err
    assert "security descriptors not kept" in told
    assert "files with DOS attributes not kept" in told
    assert osdimage("apply", wim, tmp_path / "less", "--no-acls", "--no-attributes", "--strict").err == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("apply", "{wim}", "{to}", "--no-acls", "--strict-acls"), 2, "choose --no-acls or --strict-acls"),
        (("apply", "{wim}", "{fat}", "--no-attributes"), 4, "an NTFS volume can do without"),
        (("capture", "{tree}", "{to}", "--strict-acls"), 2, "has no security descriptors; an NTFS volume has"),
        (("capture", "{fat}", "{to}", "--strict-acls"), 2, "has no security descriptors; an NTFS volume has"),
        (("capture", "{fat}", "{to}", "--all-volumes", "--no-acls"), 2, "--all-volumes does not go with"),
    ],
)
def test_what_cannot_be_is_refused(wim: Path, tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    fat, tree = tmp_path / "fat", tmp_path / "tree"
    tree.mkdir()
    with fat.open("wb") as file:
        file.truncate(64 << 20)
    run("mkfs.fat", "-F", "32", fat)
    places = {"wim": wim, "to": tmp_path / "to", "fat": fat, "tree": tree}
    assert said in osdimage(*(each.format(**places) for each in words), code=code).err
    assert not (tmp_path / "to").exists()

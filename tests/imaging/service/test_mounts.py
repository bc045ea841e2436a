"""Images that are mounted: read, changed and committed, with wimlib-imagex and the kernel as judges."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases import wimcraft
from judges import mounts as fuse
from judges import wim as judges
from osdimage.imaging import (
    ImageSelector,
    InvalidRequest,
    MissingParts,
    OsdImageError,
    StorageError,
    TargetRefused,
    WimFile,
    WriteMode,
)
from osdimage.imaging.progress import ProgressEvent
from osdimage.imaging.service import (
    Mount,
    MountOptions,
    MountState,
    UnmountOptions,
    list_mounts,
    mount_image,
    unmount_image,
    update_image,
)
from osdimage.imaging.service.mounts import needs, records, table
from osdimage.imaging.wim import ExportOptions, export_images
from osdimage.imaging.wim.edited.commands import DeletePath
from osdimage.imaging.wim.fuse import StreamInterface

ONE = ImageSelector(index=1)
WRITABLE = MountOptions(read_write=True)
COMMIT = UnmountOptions(commit=True)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tree and WIMs of it by wimlib-imagex."""
    fuse.require_fuse()
    folder = tmp_path_factory.mktemp("material")
    tree = folder / "tree"
    (tree / "sub dir").mkdir(parents=True)
    for number, name in enumerate(("a", "b", "sub dir/c", "sub dir/ä")):
        (tree / name).write_bytes(os.urandom(150_000) + name.encode() * 5000 * number)
    (tree / "empty").touch()
    os.link(tree / "a", tree / "sub dir/hard")
    (tree / "link").symlink_to("a")
    judges.wimlib("capture", tree, folder / "plain.wim", "one")
    judges.wimlib("capture", tree, folder / "solid.wim", "one", "--solid")
    judges.wimlib("capture", tree, folder / "pipable.wim", "one", "--pipable")
    judges.wimlib("split", folder / "plain.wim", folder / "parts.swm", "0.2")
    judges.wimlib("capture", tree, folder / "base.wim", "base")
    shutil.copytree(tree, folder / "larger", symlinks=True)
    (folder / "larger/new").write_bytes(b"not in the base")
    judges.wimlib("capture", folder / "larger", folder / "delta.wim", "one", f"--delta-from={folder / 'base.wim'}")
    return folder


@pytest.fixture
def place(material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with a WIM and an empty directory to mount at; it is the working directory."""
    # A blank in it is written in octal by the kernel.
    folder = tmp_path / "a place"
    (folder / "at").mkdir(parents=True)
    shutil.copy(material / "plain.wim", folder / "x.wim")
    monkeypatch.chdir(folder)
    yield folder
    left = fuse.mounted()
    fuse.clear(tmp_path)
    assert not [each for each in left if str(tmp_path) in each]


def same_tree(one: Path, other: Path) -> None:
    judges.run("diff", "-r", "--no-dereference", one, other)


def killed(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def keeper_of(mount: Mount) -> int:
    """Return the process that waits for the end of the server."""
    found = subprocess.run(
        ["pgrep", "-f", f"mounts.keeper {re.escape(str(mount.directory))}$"], capture_output=True, text=True, check=True
    )
    (keeper,) = {int(each) for each in found.stdout.split()} - {mount.pid}
    return keeper


def wait_for(is_so: object) -> None:
    assert callable(is_so)
    for _ in range(1000):
        if is_so():
            return
        time.sleep(0.01)
    pytest.fail("that took too long")


# ---- reading


@pytest.mark.foreign
@pytest.mark.parametrize("name", ["solid.wim", "parts.swm"])
def test_a_mounted_image_is_the_tree_that_was_captured(name: str, material: Path, place: Path) -> None:
    with mount_image(material / name, "at", ONE) as mounted:
        same_tree(material / "tree", place / "at")
        assert (place / "at/a").stat().st_nlink == 2
        assert mounted.mount.directory == (place / "at").resolve()
        assert (mounted.mount.read_write, mounted.mount.state, mounted.mount.name) == (False, MountState.LIVE, "one")
        with pytest.raises(OSError, match="Read-only") as caught:
            (place / "at/a").unlink()
        assert caught.value.errno == errno.EROFS
        assert mounted.mount in list_mounts()
    assert not any((place / "at").iterdir())
    assert mounted.mount.directory not in {each.directory for each in list_mounts()}


@pytest.mark.foreign
def test_contents_in_other_files_are_found_or_asked_for(material: Path, place: Path) -> None:
    with pytest.raises(MissingParts, match="in another file"):
        mount_image(material / "delta.wim", "at")
    with mount_image(material / "delta.wim", "at", refs=[str(material / "base.wim")]):
        same_tree(material / "larger", place / "at")


@pytest.mark.foreign
def test_wimlib_unmounts_what_was_mounted_here_and_nothing_is_left(place: Path) -> None:
    mount = mount_image("x.wim", "at", ONE, WRITABLE).mount
    (place / "at/new").write_text("by wimlib")
    judges.wimlib("unmount", "at", "--commit")
    assert "/new" in judges.wimlib_paths(place / "x.wim")
    wait_for(lambda: not [each for each in records.records() if each.facts.directory == str(mount.directory)])
    assert sorted(each.name for each in place.iterdir()) == ["at", "x.wim"]


# ---- changing


@pytest.mark.foreign
def test_a_commit_writes_what_was_changed_and_keeps_what_only_got_another_name(place: Path, material: Path) -> None:
    before = judges.wimlib_facts(place / "x.wim")
    with mount_image("x.wim", "at", ONE, WRITABLE) as mounted:
        # The lock that is wimlib's, too.
        with pytest.raises(TargetRefused, match="another program is writing to it"):
            update_image("x.wim", ONE, [DeletePath("/a")])
        (place / "at/new").write_bytes(b"n" * 100_000)
        (place / "at/b").rename(place / "at/sub dir/moved")
        (place / "at/sub dir/c").unlink()
        os.setxattr(place / "at/a", "user.stream", b"a named stream")
        same = sorted(str(each.relative_to(place / "at")) for each in (place / "at").rglob("*"))
        result = mounted.unmount(COMMIT)
    assert (result.committed, result.index, result.name) == (True, 1, "one")
    assert result.new_size == (place / "x.wim").stat().st_size > (result.old_size or 0)
    judges.wimlib("verify", "x.wim")
    judges.wimlib("apply", "x.wim", "applied")
    assert sorted(str(each.relative_to("applied")) for each in Path("applied").rglob("*")) == same
    assert Path("applied/new").read_bytes() == b"n" * 100_000
    assert Path("applied/sub dir/moved").read_bytes() == (material / "tree/b").read_bytes()
    after = judges.wimlib_facts(place / "x.wim")
    assert after['"/sub dir/moved"'][1:] == before['"/b"'][1:]
    details = judges.wimlib_details(place / "x.wim")
    assert '"stream"' in details
    # printf 'a named stream' | sha1sum
    assert "2f5a213926f3c564db351ff86632f6ee624af87f" in details
    assert sorted(each.name for each in place.iterdir()) == ["applied", "at", "x.wim"]


@pytest.mark.foreign
def test_without_a_commit_the_wim_is_as_it_was(place: Path, material: Path) -> None:
    options = MountOptions(read_write=True, staging=place / "elsewhere", streams=StreamInterface.WINDOWS)
    (place / "elsewhere").mkdir()
    with mount_image("x.wim", "at", ONE, options) as mounted:
        assert mounted.mount.staging is not None
        assert mounted.mount.staging.parent == (place / "elsewhere").resolve()
        (place / "at/a:stream").write_text("a file of its own")
        (place / "at/b").unlink()
    assert (place / "x.wim").read_bytes() == (material / "plain.wim").read_bytes()
    assert not any((place / "elsewhere").iterdir())


@pytest.mark.foreign
def test_what_wimlib_has_mounted_is_committed_to_a_new_image_and_the_wim_written_anew(place: Path) -> None:
    judges.wimlib("mountrw", "x.wim", "1", "at")
    (place / "at/new").write_bytes(b"n")
    (mount,) = [each for each in list_mounts() if each.directory == (place / "at").resolve()]
    assert (mount.wim, mount.index, mount.name, mount.read_write) == ((place / "x.wim").resolve(), 1, None, True)
    result = unmount_image("at", UnmountOptions(commit=True, new_image=True, rebuild=True, integrity=True))
    assert (result.index, result.name) == (2, "one (2)")
    facts = judges.wimlib_info(place / "x.wim")
    assert [each["Name"] for each in facts.images] == ["one", "one (2)"]
    assert "Integrity" in facts.wim["Attributes"]
    assert "/new" not in judges.wimlib_paths(place / "x.wim", 1)
    assert "/new" in judges.wimlib_paths(place / "x.wim", 2)
    judges.wimlib("verify", "x.wim")


@pytest.mark.parametrize("how", ["another in its place", "another in its inode", "gone", "mounted by wimlib-imagex"])
def test_nothing_is_committed_to_another_wim_that_has_the_name(place: Path, material: Path, how: str) -> None:
    wim, at = place / "x.wim", place / "at"
    if "wimlib" in how:
        judges.wimlib("mountrw", wim, "1", at)
    else:
        mount_image(wim, at, ONE, WRITABLE)
    (at / "mine").write_text("mine")
    shutil.move(wim, place / "kept.wim") if how != "another in its inode" else shutil.copy(wim, place / "kept.wim")
    if how != "gone":
        shutil.copyfile(material / "base.wim", wim)
    before = wim.read_bytes() if wim.exists() else None
    with pytest.raises(TargetRefused, match=r"while it was mounted.* stays mounted with all that was changed in it"):
        unmount_image(at, COMMIT)
    assert (wim.read_bytes() if wim.exists() else None) == before
    assert (at / "mine").read_text() == "mine"
    if how == "another in its inode":
        unmount_image(at)
        return
    # The one that was mounted has its name again.
    shutil.move(place / "kept.wim", wim)
    unmount_image(at, COMMIT)
    judges.wimlib("verify", wim)
    assert "/mine" in judges.wimlib_paths(wim)


@pytest.mark.foreign
def test_names_that_no_windows_image_may_hold_and_what_is_left_over_are_told(place: Path) -> None:
    tree = wimcraft.root(wimcraft.Node("good", data=b"1"), wimcraft.Node("c:d", data=b"2"))
    (place / "names.wim").write_bytes(wimcraft.build(tree))
    # As wimlib-imagex leaves it when it is killed.
    (place / "names.wim.staging04ZNv6y5tF").mkdir()
    with mount_image("names.wim", "at", ONE, WRITABLE) as mounted:
        name, left = mounted.warnings
        assert "not allowed in a Windows image, '/c:d': it" in name
        assert "names.wim.staging04ZNv6y5tF: is left over from a mount" in left
        (place / "at/c:d").unlink()
        (place / "at/b\\c").touch()
        (text,) = mounted.unmount(COMMIT).warnings
    assert "not allowed in a Windows image, '/b\\c': it" in text


@pytest.mark.foreign
def test_a_pipable_wim_stays_one(place: Path, material: Path) -> None:
    shutil.copy(material / "pipable.wim", "pipable.wim")
    with mount_image("pipable.wim", "at", ONE, WRITABLE) as mounted:
        (place / "at/new").write_bytes(b"n")
        mounted.unmount(UnmountOptions(commit=True, rebuild=True))
    assert "Pipable" in judges.wimlib_info(place / "pipable.wim").wim["Attributes"]
    assert "/new" in judges.wimlib_paths(place / "pipable.wim")
    judges.wimlib("verify", "pipable.wim")
    with mount_image("pipable.wim", "at", ONE, WRITABLE) as mounted:
        with pytest.raises(TargetRefused, match=r"is pipable, and no image is added to such a one; .* stays mounted"):
            mounted.unmount(UnmountOptions(commit=True, new_image=True))
        (place / "at/more").write_bytes(b"m")
        mounted.unmount(COMMIT)
    assert "/more" in judges.wimlib_paths(place / "pipable.wim")


# ---- failing


@pytest.mark.foreign
@pytest.mark.usefixtures("place")
def test_a_wim_that_is_mounted_to_be_changed_is_not_replaced(material: Path) -> None:
    before = Path("x.wim").read_bytes()
    with (
        mount_image("x.wim", "at", ONE, WRITABLE),
        WimFile.open(material / "base.wim") as source,
        pytest.raises(TargetRefused, match="has it mounted"),
    ):
        export_images(source, "x.wim", ExportOptions(WriteMode.OVERWRITE))
    assert Path("x.wim").read_bytes() == before


@pytest.mark.foreign
def test_when_there_is_no_room_at_any_moment_nothing_is_lost_and_a_later_commit_works(place: Path) -> None:
    old = (place / "x.wim").read_bytes()
    mounted = mount_image("x.wim", "at", ONE, WRITABLE)
    new = os.urandom(200_000)
    (place / "at/new").write_bytes(new)
    (place / "at/a").rename(place / "at/z")
    pid = mounted.mount.pid
    assert pid is not None
    for limit in range(len(old), len(old) + 200_000, 25_000):
        # The system refuses what is beyond it with EFBIG; no device need be full.
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        with pytest.raises(
            StorageError, match=r"is as it was, and .* stays mounted with all that was changed"
        ) as caught:
            mounted.unmount(COMMIT)
        assert str(mounted.mount.staging) in str(caught.value)
        assert (place / "x.wim").read_bytes() == old
        assert (place / "at/new").read_bytes() == new
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    mounted.unmount(COMMIT)
    judges.wimlib("verify", "x.wim")
    judges.wimlib("extract", "x.wim", "1", "/new", "/z", "--dest-dir", "out")
    assert Path("out/new").read_bytes() == new


@pytest.mark.foreign
def test_a_server_that_is_killed_while_it_writes_leaves_the_old_wim(place: Path) -> None:
    old = (place / "x.wim").read_bytes()
    mounted = mount_image("x.wim", "at", ONE, WRITABLE)
    (place / "at/new").write_bytes(os.urandom(4_000_000))
    pid = mounted.mount.pid
    assert pid is not None

    def kill(event: ProgressEvent) -> None:
        if event.done:
            killed(pid)

    with pytest.raises(OsdImageError, match="has ended while it wrote; the contents of changed files are in"):
        mounted.unmount(COMMIT, progress=kill)
    assert (place / "x.wim").read_bytes() == old
    # The keeper has unmounted it: no look at the directory fails.
    wait_for(lambda: str(place / "at") not in fuse.mounted())
    assert not any((place / "at").iterdir())
    result = unmount_image("at")
    assert (result.mount.state, result.lost_files) == (MountState.ENDED, 1)
    assert sorted(each.name for each in place.iterdir()) == ["at", "x.wim"]


@pytest.mark.foreign
def test_a_signal_to_the_server_unmounts_without_a_commit(place: Path, material: Path) -> None:
    mount = mount_image("x.wim", "at", ONE, WRITABLE).mount
    (place / "at/new").write_bytes(b"n")
    assert mount.pid is not None
    os.kill(keeper_of(mount), signal.SIGTERM)
    wait_for(lambda: sorted(each.name for each in place.iterdir()) == ["at", "x.wim"])
    wait_for(lambda: mount.directory not in {each.directory for each in list_mounts()})
    assert (place / "x.wim").read_bytes() == (material / "plain.wim").read_bytes()


@pytest.mark.foreign
def test_what_is_in_use_is_named_and_stays_mounted_unless_forced(place: Path) -> None:
    mounted = mount_image("x.wim", "at", ONE, WRITABLE)
    with (place / "at/a").open("rb"), pytest.raises(TargetRefused, match=r"is in use: .*at/a"):
        mounted.unmount(COMMIT)
    with subprocess.Popen(["sleep", "60"], cwd="at") as process:
        with pytest.raises(TargetRefused, match=rf"sleep \(pid {process.pid}\): its working directory"):
            mounted.unmount()
        with (place / "at/new").open("wb") as file:
            file.write(b"n")
            file.flush()
            result = mounted.unmount(UnmountOptions(commit=True, force=True))
        process.kill()
    assert result.committed
    assert "/new" in judges.wimlib_paths(place / "x.wim")


# ---- before anything is begun


@pytest.mark.foreign
def test_places_and_wims_that_will_not_do_are_refused_before_anything_is_made(place: Path, material: Path) -> None:
    (place / "full").mkdir()
    (place / "full/file").touch()
    for refused, kind, said in (
        (lambda: mount_image("x.wim", "full", ONE), TargetRefused, "full: is not empty"),
        (lambda: mount_image("x.wim", "nowhere", ONE), InvalidRequest, "nowhere: there is no such directory"),
        (lambda: mount_image("x.wim", "x.wim", ONE), InvalidRequest, "x.wim: is not a directory"),
        (lambda: mount_image("x.wim", "/proc", ONE), TargetRefused, r"/proc: a file system \(proc\) is mounted"),
        (lambda: mount_image(material / "parts.swm", "at", ONE, WRITABLE), TargetRefused, "part of a split WIM"),
        (
            lambda: mount_image("x.wim", "at", ONE, MountOptions(read_write=True, staging=Path("at"))),
            InvalidRequest,
            "would be hidden",
        ),
        (lambda: mount_image("x.wim", "at", ImageSelector(index=2)), InvalidRequest, "no image fits index 2"),
        (lambda: unmount_image("/proc"), InvalidRequest, r"is no image of a WIM: a file system \(proc\)"),
    ):
        with pytest.raises(kind, match=said):
            refused()
    assert sorted(each.name for each in place.iterdir()) == ["at", "full", "x.wim"]


def test_each_thing_that_is_missing_has_its_own_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(*, allow_other: bool = False, device: Path = tmp_path) -> str:
        with pytest.raises(OsdImageError) as caught:
            needs.refuse_without_fuse(allow_other=allow_other, device=device)
        return str(caught.value)

    monkeypatch.setattr(needs, "has_fuse", lambda: True)
    assert "fuse: is missing: the kernel has no FUSE" in said(device=tmp_path / "fuse")
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "this user may not open it" in said()
    monkeypatch.setattr("os.access", lambda *_: True)
    monkeypatch.setattr("os.geteuid", lambda: 65534)
    monkeypatch.setattr(needs, "find_program", lambda *_: None)
    assert "fusermount: is missing: without it only root can mount" in said()
    monkeypatch.setattr(needs, "find_program", lambda *_: "/usr/bin/fusermount")
    monkeypatch.setattr(needs, "_CONFIGURATION", tmp_path / "fuse.conf")
    assert "needs a line user_allow_other" in said(allow_other=True)
    (tmp_path / "fuse.conf").write_text("# user_allow_other\nmount_max = 10\n")
    assert "needs a line user_allow_other" in said(allow_other=True)
    (tmp_path / "fuse.conf").write_text("user_allow_other\n")
    needs.refuse_without_fuse(allow_other=True, device=tmp_path)
    monkeypatch.setattr(needs, "has_fuse", lambda: False)
    assert "libwim was built without FUSE" in said()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        # What fusermount 2.9.9 and 3.14.0 print.
        ("fuse: mount failed: Operation not permitted\n", "lacks the right"),
        (
            "fusermount3: too many FUSE filesystems mounted; mount_max=N can be set in /etc/fuse.conf\n",
            "as many mounts",
        ),
        ("fuse: unknown option `x'\n", r"FUSE did not mount it \(fuse: unknown option `x'\)"),
        ("", "FUSE did not mount it$"),
    ],
)
def test_what_fuse_says_becomes_a_sentence(told: str, said: str) -> None:
    assert re.search(said, str(needs.why_fuse_failed(Path("/at"), told)))


def test_the_table_of_the_kernel_is_read_with_its_octal_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # proc(5): blanks, tabs, line ends and backslashes are in octal; a line of Linux 6.18 with libwim 1.13.6.
    (tmp_path / "mountinfo").write_bytes(
        b"22 27 0:21 / /proc rw,relatime - proc proc rw\n"
        rb"42 27 0:39 / /a\040b\134c\011\377 ro,nosuid shared:7 master:1 - fuse.wimfs wimfs rw,user_id=0,group_id=0"
        b"\n"
    )
    monkeypatch.setattr(table, "_TABLE", tmp_path / "mountinfo")
    proc, image = table.rows()
    assert (proc.is_image, proc.type, proc.is_read_only) == (False, "proc", False)
    assert os.fsencode(image.directory) == b"/a b\\c\t\xff"
    assert (image.is_image, image.mount_id, image.device, image.is_read_only) == (True, 42, "0:39", True)


def test_records_of_a_folder_that_others_can_write_to_are_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    facts = records.Facts("/at", "/x.wim", 1, "one", read_write=False)
    kept = records.Kept(facts)
    (record,) = records.records()
    assert (record.facts, record.is_alive) == (facts, True)
    (tmp_path / "osdimage/damaged.mount.json").write_text("{")
    assert [each.path for each in records.records()] == [kept.path]
    (tmp_path / "osdimage").chmod(0o777)
    assert not list(records.records())


def test_a_directory_where_nothing_is_mounted_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="no image is mounted there"):
        unmount_image(tmp_path)

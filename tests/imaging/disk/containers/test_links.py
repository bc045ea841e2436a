"""Which files a header may name: those beside it and below, and no other byte of this machine is shown."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from judges import containers as judges
from judges import wim as wim_judges
from osdimage.imaging.disk.containers.facts import RAW, ContainerFacts, ContainerFormat, Link, LinkRole
from osdimage.imaging.disk.containers.graph import graph_of
from osdimage.imaging.disk.containers.server import Server
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.errors import StorageError, TargetRefused
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

SECRET = b"root:x:0:0:root:/root:/bin/bash\n" * 2048


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a file that is nobody's disk, outside of the folder of the image."""
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    (tmp_path / "images").mkdir()
    return path


def top_of(name: str, path: Path, form: str = "raw") -> Path:
    """Make a qcow2 file that names a backing file, which need not be there."""
    judges.qemu_img("create", "-q", "-f", "qcow2", "-u", "-F", form, "-b", name, path, "64K")
    return path


def descriptor(path: Path, extent: str) -> Path:
    text = '# Disk DescriptorFile\nversion=1\nCID=1234abcd\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
    path.write_text(f"{text}{extent}\n")
    return path


def _json(secret: Path) -> str:
    return f'json:{{"driver":"raw","file":{{"driver":"file","filename":"{secret}"}}}}'


def _link(folder: Path, secret: Path) -> Path:
    (folder / "base.img").symlink_to(secret)
    return top_of("base.img", folder / "disk.qcow2")


def _link_in_the_way(folder: Path, secret: Path) -> Path:
    (folder / "below").symlink_to(secret.parent)
    return top_of("below/secret", folder / "disk.qcow2")


def _pipe(folder: Path, _: Path) -> Path:
    os.mkfifo(folder / "base.img")
    return top_of("base.img", folder / "disk.qcow2")


def _data(folder: Path, secret: Path) -> Path:
    path, named = folder / "disk.qcow2", os.fsencode(folder / "data.img")
    judges.create(path, "qcow2", "64K", f"data_file={folder / 'data.img'}", "data_file_raw=on")
    # A name of the same length, which leads to the same file.
    path.write_bytes(path.read_bytes().replace(named, os.fsencode(secret).rjust(len(named), b"/")))
    return path


def _parent(folder: Path, secret: Path) -> Path:
    judges.create(folder / "x.vmdk", "vmdk", "64K", "subformat=monolithicFlat")
    text = f'# parentFileNameHint="{secret}"\nRW 128 FLAT "x-flat.vmdk" 0'
    return descriptor(folder / "disk.vmdk", text)


HOSTILE: dict[str, Callable[[Path, Path], Path]] = {
    "absolute": lambda folder, secret: top_of(str(secret), folder / "disk.qcow2"),
    "above": lambda folder, _: top_of("../secret", folder / "disk.qcow2"),
    "beside-and-above": lambda folder, _: top_of("./../images/../secret", folder / "disk.qcow2"),
    "link": _link,
    "link-in-the-way": _link_in_the_way,
    "json": lambda folder, secret: top_of(_json(secret), folder / "disk.qcow2"),
    "scheme": lambda folder, secret: top_of(f"file:{secret}", folder / "disk.qcow2"),
    "device": lambda folder, _: top_of("/dev/zero", folder / "disk.qcow2"),
    "pipe": _pipe,
    "data": _data,
    "extent": lambda folder, secret: descriptor(folder / "disk.vmdk", f'RW 128 FLAT "{secret}" 0'),
    "extent-above": lambda folder, _: descriptor(folder / "disk.vmdk", 'RW 128 FLAT "../secret" 0'),
    "parent": _parent,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_byte_of_a_file_elsewhere_is_shown(kind: str, secret: Path) -> None:
    path = HOSTILE[kind](secret.parent / "images", secret)
    out = secret.parent / "out"
    for command in (
        ("disk", "show", path),
        ("disk", "backup", path, out),
        ("capture", path, out, "--partition", "1"),
        ("list", path),
        ("disk", "init", path, "--preset", "data-gpt", "--yes"),
    ):
        said = osdimage(*command, code=4)
        assert said.err.startswith(f"osdimage: {path} refers to ")
        assert "root:x" not in said.out + said.err
        assert not out.exists()
    assert secret.read_bytes() == SECRET


def test_not_all_is_below_an_image_in_the_root(secret: Path) -> None:
    link = Link(LinkRole.BACKING, "/etc/passwd", RAW)
    facts = ContainerFacts(ContainerFormat.QCOW2, 1 << 20, links=(link,))
    with secret.open("rb") as file, pytest.raises(TargetRefused, match="refers to /etc/passwd, which is not beside it"):
        graph_of("/disk.qcow2", file.fileno(), facts, allow_linked=False)


def test_what_comes_to_the_place_of_a_file_while_it_is_opened_is_not_shown(
    secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = secret.parent / "images"
    (folder / "base.img").write_bytes(bytes(len(SECRET)))
    top = top_of("base.img", folder / "disk.qcow2")
    start = Server.start
    pids = []

    def late(*args: object, **options: object) -> Server:
        (folder / "base.img").unlink()
        (folder / "base.img").symlink_to(secret)
        server = start(*args, **options)  # type: ignore[arg-type]
        pids.append(server.pid)
        return server

    monkeypatch.setattr(Server, "start", late)
    with pytest.raises(StorageError, match="a file of it was replaced by another one while it was opened"):
        open_image(str(top))
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_whoever_made_an_image_may_say_that_it_refers_to_others(secret: Path) -> None:
    path = top_of(str(secret), secret.parent / "images" / "disk.qcow2")
    refused = osdimage("disk", "show", path, code=4).err
    assert f"{path} refers to {secret}, which is not beside it; --allow-linked if you made it" in refused
    assert "no partition table" in osdimage("disk", "show", path, "--allow-linked", code=3).err


def test_names_of_protocols_are_refused_even_then(secret: Path) -> None:
    said = osdimage("disk", "show", HOSTILE["json"](secret.parent / "images", secret), "--allow-linked", code=4).err
    assert "which is no path of a file" in said


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.img"
    osdimage("disk", "init", path, "--size", "60MB", "--preset", "data-gpt", "--yes", "--seed", "x")
    return path


def overlay(path: Path, base: str, form: str) -> Path:
    judges.qemu_img("create", "-q", "-f", "qcow2", "-F", form, "-b", base, path)
    return path


def test_a_chain_beside_the_image_is_read_and_only_its_top_is_written(base: Path, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    middle = overlay(tmp_path / "below" / "middle.qcow2", "../base.img", "raw")
    # The name of what is below the folder leads up again, but not out of it; only names without ".." are followed.
    judges.qemu_img("rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", str(base), middle)
    top = overlay(tmp_path / "top.qcow2", "below/middle.qcow2", "qcow2")
    expected = osdimage("disk", "show", base, "--json").facts
    assert osdimage("disk", "show", top, "--json").facts["partitions"] == expected["partitions"]
    sums = [wim_judges.sha1_of(each) for each in (base, middle)]
    osdimage("disk", "init", top, "--preset", "data-mbr", "--yes", "--no-backup", "--seed", "y")
    assert [wim_judges.sha1_of(each) for each in (base, middle)] == sums
    assert osdimage("disk", "show", top, "--json").facts["scheme"] == "mbr"
    osdimage("disk", "init", base, "--preset", "data-mbr", "--yes", "--no-backup", "--seed", "y")
    plain = judges.plain(top, "qcow2", tmp_path / "plain.img")
    assert wim_judges.sha1_of(plain) == wim_judges.sha1_of(base)


@pytest.mark.parametrize("form", ["qcow2", "vhdx", "vhd", "vmdk", "vdi"])
def test_a_base_of_any_format_is_read(form: str, base: Path, tmp_path: Path) -> None:
    options = ("force_size=on",) if form == "vhd" else ()
    other = judges.convert(base, tmp_path / f"base.{form}", form, *options)
    top = overlay(tmp_path / "top.qcow2", other.name, judges.DRIVERS[form])
    assert osdimage("disk", "show", top, "--json").facts["scheme"] == "gpt"


def test_a_fixed_vhd_below_is_read_without_its_footer(base: Path, tmp_path: Path) -> None:
    other = judges.convert(base, tmp_path / "base.vhd", "vhd", "subformat=fixed", "force_size=on")
    top = overlay(tmp_path / "top.qcow2", other.name, "vpc")
    assert osdimage("disk", "check", top).out == f"{top}: no faults found\n"


def test_a_base_without_a_format_is_taken_by_its_bytes_and_that_is_told(base: Path, tmp_path: Path) -> None:
    top = tmp_path / "top.qcow2"
    judges.qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", base.name, top)
    data = top.read_bytes()
    # The extension with the name of the format becomes one that nobody knows, which is to be passed over.
    top.write_bytes(data.replace(bytes.fromhex("e2792aca"), b"none", 1))
    shown = osdimage("disk", "show", top)
    assert f"{top} does not say what {base} is; it is taken as a plain disk" in shown.err


@pytest.mark.parametrize(
    ("form", "said"),
    [("qcow2", "is no qcow2 file, as which it is named"), ("qed", "is no 'qed' file, as which it is named")],
)
def test_a_base_that_is_not_what_it_is_called_is_refused(form: str, said: str, base: Path, tmp_path: Path) -> None:
    top = top_of(base.name, tmp_path / "top.qcow2", form)
    assert said in osdimage("disk", "show", top, code=3).err
    assert said in osdimage("disk", "init", top, "--preset", "data-mbr", "--yes", code=4).err


def test_chains_without_an_end_and_long_ones_are_refused(base: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.qcow2", tmp_path / "other.qcow2"
    top_of(other.name, one, "qcow2")
    top_of(one.name, other, "qcow2")
    assert "its chain of backing files comes to a file again" in osdimage("disk", "show", one, code=3).err
    below = base.name
    for number in range(17):
        form = "raw" if number == 0 else "qcow2"
        below = top_of(below, tmp_path / f"{number}.qcow2", form).name
    assert "has a chain of more than 16 files" in osdimage("disk", "show", tmp_path / below, code=3).err
    assert osdimage("disk", "show", tmp_path / "14.qcow2", "--json").facts["scheme"] == "gpt"


def test_commas_and_spaces_in_names_are_names(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a, b=c"
    folder.mkdir()
    other = judges.convert(base, folder / "x,driver=raw.qcow2", "qcow2")
    top = overlay(folder / "top, or not.qcow2", other.name, "qcow2")
    assert osdimage("disk", "check", top).out == f"{top}: no faults found\n"


def test_a_missing_base_is_named(tmp_path: Path) -> None:
    top = top_of("gone.img", tmp_path / "top.qcow2")
    said = osdimage("disk", "show", top, code=1).err
    assert f"{top} refers to {tmp_path / 'gone.img'}: No such file or directory" in said


@contextmanager
def locked(path: Path, kind: int) -> Iterator[None]:
    """Hold the lock of a file that another osdimage takes when it opens the file as a plain disk."""
    with path.open("rb") as file:
        fcntl.flock(file, kind)
        yield


def test_a_file_with_the_data_that_another_program_writes_is_not_written_too(base: Path, tmp_path: Path) -> None:
    path = judges.convert(base, tmp_path / "disk.vmdk", "vmdk", "subformat=monolithicFlat")
    data = tmp_path / "disk-flat.vmdk"
    before = wim_judges.sha1_of(data)
    for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
        with locked(data, kind):
            said = osdimage("disk", "init", path, "--preset", "data-mbr", "--yes", code=4).err
            assert f"{data} is locked by another program" in said
    assert wim_judges.sha1_of(data) == before
    with open_image(str(path), write=True):
        assert "is locked" in osdimage("disk", "init", data, "--preset", "data-mbr", "--yes", code=4).err
    osdimage("disk", "init", path, "--preset", "data-mbr", "--yes", "--no-backup")


def test_a_disk_below_that_another_program_writes_is_not_captured(base: Path, tmp_path: Path) -> None:
    top = overlay(tmp_path / "top.qcow2", base.name, "raw")
    with locked(base, fcntl.LOCK_EX):
        said = osdimage("capture", top, tmp_path / "out.wim", "--all-volumes", code=4).err
        assert f"{base} is locked by another program" in said
        # Who only looks waits for nobody, as of a plain disk.
        osdimage("disk", "show", top)
    with locked(base, fcntl.LOCK_SH), open_image(str(top), write=True):
        assert "is locked" in osdimage("disk", "init", base, "--preset", "data-mbr", "--yes", code=4).err

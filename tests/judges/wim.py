"""Programs that others wrote, as judges of what osdimage reads and writes.

Every call has a timeout.  A judge that is not installed skips the test on a developer's machine and fails it in CI.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

TIMEOUT_S = 120
# Looked up once, before a test changes the environment.
CORPUS = Path(os.environ.get("OSDIMAGE_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
# Judges print names in UTF-8 and messages in English.
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def require(tool: str) -> str:
    """Return the path of a judge, or skip (in CI: fail) the test."""
    found = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if found is None:
        _missing(tool)
    return str(found)


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"the judge {what} is not installed")
    pytest.skip(f"the judge {what} is not installed")


def corpus() -> Path:
    """Return the folder of files that others made, or skip; none of them is in this repository."""
    folder = CORPUS
    if not folder.is_dir():
        pytest.skip("no corpus of foreign WIMs; OSDIMAGE_CORPUS names its folder")
    return folder


def outcome(
    tool: str, *arguments: str | os.PathLike[str], stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a judge and return all that it did."""
    return subprocess.run(
        [require(tool), *(os.fspath(argument) for argument in arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=TIMEOUT_S,
        env=ENVIRONMENT,
        check=False,
    )


def output(tool: str, *arguments: str | os.PathLike[str], code: int | None = 0, stdin: str | None = None) -> str:
    """Run a judge and return what it printed on stdout; unless ``code`` is None, its exit code must be that."""
    done = outcome(tool, *arguments, stdin=stdin)
    words = [tool, *(os.fspath(argument) for argument in arguments)]
    assert code is None or done.returncode == code, f"{words} exited {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run(tool: str, *arguments: str | os.PathLike[str], code: int | None = 0, stdin: str | None = None) -> str:
    """Run a judge and return what it printed on stdout and stderr; see :func:`output`."""
    done = outcome(tool, *arguments, stdin=stdin)
    printed = done.stdout + done.stderr
    words = [tool, *(os.fspath(argument) for argument in arguments)]
    assert code is None or done.returncode == code, f"{words} exited {done.returncode}:\n{printed}"
    return printed


# ---- WIM


def wimlib(*arguments: str | os.PathLike[str], code: int | None = 0) -> str:
    """Run wimlib-imagex and return what it printed."""
    return run("wimlib-imagex", *arguments, code=code)


@dataclass(frozen=True, slots=True)
class WimlibFacts:
    """``wimlib-imagex info``: the block about the file, and one block for each image, label by label."""

    wim: dict[str, str]
    images: list[dict[str, str]]


def wimlib_info(path: Path) -> WimlibFacts:
    return parse_wimlib_info(output("wimlib-imagex", "info", path))


def parse_wimlib_info(text: str) -> WimlibFacts:
    blocks: list[dict[str, str]] = [{}]
    for line in text.splitlines():
        label, colon, value = line.partition(":")
        if not colon or label in {"WIM Information", "Available Images"}:
            continue
        if label == "Index":
            blocks.append({})
        blocks[-1][label] = value.strip()
    return WimlibFacts(blocks[0], blocks[1:])


def wimlib_paths(path: Path, image: int = 1, *options: str) -> list[str]:
    return output("wimlib-imagex", "dir", path, str(image), *options).splitlines()


def wimlib_details(path: Path, image: int = 1) -> str:
    """Return all that wimlib-imagex tells of the files of an image, but for where their contents lie in the WIM."""
    return re.sub(r"^.*[Oo]ffset in WIM .*$", "", wimlib("dir", path, str(image), "--detailed"), flags=re.MULTILINE)


def wimlib_guid(path: Path) -> str:
    """Return the GUID of a WIM."""
    found = re.search(r"^GUID: +(\S+)$", wimlib("info", path), re.MULTILINE)
    assert found is not None
    return found[1]


# What says where a blob is, or only counts it, and ids that are others in each WIM.
_OF_THE_FILE = {
    "Offset in WIM", "Raw offset in WIM", "Compressed size", "Raw compressed size", "Raw uncompressed size",
    "Reference Count", "Part Number", "Flags", "Security ID", "Link Group ID",
}  # fmt: skip


def wimlib_facts(path: Path, image: int = 1) -> dict[str, list[tuple[str, str]]]:
    """Return all that ``wimlib-imagex dir --detailed`` says of each file, by its path."""
    found = {}
    for block in output("wimlib-imagex", "dir", path, str(image), "--detailed").split("-" * 76):
        parts = [line.split("= ", 1) for line in block.splitlines() if "= " in line]
        facts = [(each[0].strip(), each[1].strip()) for each in parts]
        if facts:
            found[facts[0][1]] = [fact for fact in facts if fact[0] not in _OF_THE_FILE]
    return found


@dataclass(slots=True)
class DetailedEntry:
    """What ``wimlib-imagex dir --detailed`` says of a file: its facts by their labels, and the SHA-1 of its streams."""

    facts: dict[str, str] = field(default_factory=dict)
    streams: dict[str, str] = field(default_factory=dict)


def wimlib_entries(path: Path, image: int = 1) -> dict[str, DetailedEntry]:
    """Return the files of an image by their paths; a stream without a name is called ``""``."""
    found: dict[str, DetailedEntry] = {}
    entry, stream = DetailedEntry(), ""
    for line in output("wimlib-imagex", "dir", path, str(image), "--detailed").splitlines():
        label, equals, value = line.partition("= ")
        label = label.strip()
        if label == "Full Path":
            entry = found[value[1:-1]] = DetailedEntry()
        elif line.startswith("\t"):
            stream = line.partition('"')[2].rpartition('"')[0]
        elif label == "Hash":
            entry.streams[stream] = value
        elif equals and label not in _OF_THE_FILE - {"Link Group ID"} | {"Uncompressed size"}:
            entry.facts[label] = value
    return found


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as a foreign reader lists it."""

    is_directory: bool
    size: int | None
    sha1: str | None
    is_stream: bool = False


def seven_zip_test(path: Path) -> str:
    """Let 7-Zip decompress everything and compare the SHA-1s."""
    printed = run("7zz", "t", "-y", "--", path)
    assert "Everything is Ok" in printed, printed
    return printed


def seven_zip_files(path: Path, *, images: int = 1) -> dict[int, dict[str, ListedFile]]:
    """Return what ``7zz l -slt`` lists, by image and path."""
    found: dict[int, dict[str, ListedFile]] = {index: {} for index in range(1, images + 1)}
    text = output("7zz", "l", "-slt", "-ba", "--", path)
    for block in text.split("\n\n"):
        facts = {}
        for line in block.splitlines():
            label, _, value = line.partition(" =")
            facts[label.strip()] = value.removeprefix(" ")
        name = facts.get("Path", "")
        index = 1
        if images > 1:
            first, slash, name = name.partition("/")
            if not slash or not first.isdigit():
                continue
            index = int(first)
        if name:
            found[index][f"/{name}"] = ListedFile(
                is_directory=facts.get("Folder") == "+",
                size=int(facts["Size"]) if facts.get("Size") else None,
                sha1=facts["SHA-1"].lower() if facts.get("SHA-1") else None,
                is_stream=facts.get("Alternate Stream") == "+",
            )
    return found


def dissect_files(path: Path) -> list[dict[str, str | None]]:
    """Return, for each image, the SHA-1 of each file's contents (None: a directory) as dissect.archive reads them."""
    from dissect.archive.wim import WIM  # noqa: PLC0415 - a judge

    with path.open("rb") as file:
        return [_dissect_folder(image.root, "") for image in WIM(file).images()]


def _dissect_folder(folder: Any, above: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, entry in folder.listdir().items():
        path = f"{above}/{name}"
        if entry.is_dir():
            found[path] = None
            found.update(_dissect_folder(entry, path))
        elif not entry.is_reparse_point():
            # An entry without contents has a hash of zeros and no resource.
            has_contents = any(entry.streams.get("") or b"")
            found[path] = hashlib.sha1(entry.open().read() if has_contents else b"").hexdigest()  # noqa: S324
    return found


def guid_of(stored: bytes) -> UUID:
    """Return the GUID of 16 bytes as they stand in a file of Windows."""
    return UUID(bytes_le=stored)


# How wimlib-imagex prints what osdimage calls otherwise.
WIMLIB_ARCHITECTURES = {"x86": "x86", "x86_64": "x64", "ARM64": "arm64"}


def assert_image_agrees(image: dict[str, object], theirs: dict[str, str]) -> None:
    """Compare an image of ``info --json`` with the block that ``wimlib-imagex info`` prints."""
    assert str(image["index"]) == theirs["Index"]
    texts = {
        "Name": image["name"],
        "Description": image["description"],
        "Display Name": image["display_name"],
        "Display Description": image["display_description"],
        "Flags": image["flags"],
    }
    numbers = {
        "Directory Count": image["directories"],
        "File Count": image["files"],
        "Total Bytes": image["size"],
        "Hard Link Bytes": image["hard_link_size"],
    }
    windows = image["windows"]
    if isinstance(windows, dict):
        texts |= {
            "Product Name": windows["product_name"],
            "Edition ID": windows["edition"],
            "Installation Type": windows["installation_type"],
            "Product Type": windows["product_type"],
            "Product Suite": windows["product_suite"],
            "HAL": windows["hal"],
            "Languages": " ".join(windows["languages"]) or None,
            "Default Language": windows["default_language"],
            "System Root": windows["system_root"],
        }
        numbers |= {
            "Service Pack Build": windows["service_pack_build"],
            "Service Pack Level": windows["service_pack_level"],
        }
        assert windows["architecture"] == WIMLIB_ARCHITECTURES.get(theirs.get("Architecture", ""))
        parts = [theirs[label] for label in ("Major Version", "Minor Version", "Build") if label in theirs]
        assert windows["version"] == (".".join(parts) or None)
    else:
        assert "Architecture" not in theirs
    for label, value in texts.items():
        assert (value or None) == (theirs.get(label) or None), label
    for label, number in numbers.items():
        if label in theirs:
            # wimlib prints 0 where the XML has no such element.
            assert (number or 0) == int(theirs[label]), label
    for label, moment in (("Creation Time", image["created"]), ("Last Modification Time", image["modified"])):
        if label in theirs and "1601" not in theirs[label]:
            told = datetime.strptime(theirs[label], "%a %b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)
            assert isinstance(moment, str)
            assert datetime.fromisoformat(moment).replace(microsecond=0) == told, label


# ---- NTFS


def make_ntfs(path: Path, size: int = 64 << 20, *options: str) -> Path:
    """Make a volume in a sparse file with mkntfs, which need not write the zeros that are there."""
    with path.open("wb") as file:
        file.truncate(size)
    run("mkntfs", "-q", "-F", "-Q", *options, path)
    return path


@contextmanager
def mounted_ntfs(volume: Path, folder: Path, *, read_only: bool = False) -> Iterator[Path]:
    """Mount a volume with the ntfs-3g driver (FUSE); its attributes are then at hand as ``system.ntfs_*``."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        _missing("/dev/fuse")
    folder.mkdir(exist_ok=True)
    options = "streams_interface=windows,compression" + (",ro" if read_only else "")
    run("ntfs-3g", "-o", options, volume, folder)
    try:
        yield folder
    finally:
        unmount(folder)


def unmount(folder: Path) -> None:
    """Unmount, patiently: a process that looks at a new mount can keep it busy for a moment."""
    for _ in range(20):
        done = outcome("umount", folder)
        if done.returncode == 0:
            # umount returns before the driver has written its last bytes and left.
            _wait_for_driver(folder)
            return
        time.sleep(0.25)
    run("umount", "-l", folder, code=None)
    pytest.fail(f"{folder} cannot be unmounted: {done.stderr}")


def _wait_for_driver(folder: Path) -> None:
    for _ in range(80):
        if not any(os.fsencode(folder) in line for line in _command_lines()):
            return
        time.sleep(0.05)


def _command_lines() -> Iterator[bytes]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if b"ntfs-3g" in words.split(b"\0", 1)[0]:
                yield words


def assert_ntfs_clean(volume: Path) -> None:
    """Let ntfsfix look for errors without repairing, and ntfsinfo for the dirty flag."""
    text = run("ntfsfix", "-n", volume)
    assert "processed successfully" in text, text
    assert not is_dirty(volume)


def is_dirty(volume: Path) -> bool:
    """Tell whether a volume is marked dirty, as ntfsinfo sees it."""
    # Without --force ntfsinfo refuses a dirty volume.
    text = run("ntfsinfo", "--force", "-m", volume)
    flags = next(line for line in text.splitlines() if "Volume Flags" in line)
    return bool(int(flags.split(":")[1].split()[0], 16) & 1)


@dataclass(slots=True)
class NtfsFile:
    """A file of an NTFS volume: what ntfs-3g's extended attributes and its stream interface say of it."""

    attributes: int
    times: tuple[int, ...]
    acl: bytes | None
    short_name: bytes | None
    reparse: bytes | None
    object_id: bytes | None
    links: int
    size: int | None
    sha1: str | None
    streams: dict[str, str] = field(default_factory=dict)


def read_ntfs(mount: Path, streams: dict[str, tuple[str, ...]]) -> dict[str, NtfsFile]:
    """Read a mounted volume.  ``streams`` tells which named streams to look for: FUSE cannot list them."""
    found = {"/": _read_ntfs_file(mount, ())}
    for folder, folders, files in os.walk(mount):
        folders[:] = [name for name in folders if not (Path(folder) == mount and name.startswith("$"))]
        for name in [*folders, *files]:
            path = Path(folder) / name
            relative = f"/{path.relative_to(mount)}"
            if relative.startswith("/$"):
                continue
            found[relative] = _read_ntfs_file(path, streams.get(relative, ()))
    return found


def _read_ntfs_file(path: Path, streams: tuple[str, ...]) -> NtfsFile:
    facts = path.lstat()
    reparse = _attribute(path, "system.ntfs_reparse_data")
    is_file = reparse is None and path.is_file()
    return NtfsFile(
        attributes=struct.unpack(">I", _attribute(path, "system.ntfs_attrib_be") or b"")[0],
        times=struct.unpack(">4Q", _attribute(path, "system.ntfs_times_be") or b""),
        acl=_attribute(path, "system.ntfs_acl"),
        short_name=_attribute(path, "system.ntfs_dos_name"),
        reparse=reparse,
        object_id=_attribute(path, "system.ntfs_object_id"),
        links=facts.st_nlink if is_file else 1,
        size=facts.st_size if is_file else None,
        sha1=sha1_of(path) if is_file else None,
        streams={name: sha1_of(Path(f"{path}:{name}")) for name in streams},
    )


def _attribute(path: Path, name: str) -> bytes | None:
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError:
        return None


def sha1_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def ntfs_descriptors(volume: Path) -> dict[str, bytes]:
    """Return the security descriptor of each file, as dissect.ntfs finds it in ``$Secure`` or in the file's record.

    The driver refuses to show the descriptors that it cannot turn into an owner and a mode, such as mkntfs's own of the
    root; the bytes on the volume are what counts.
    """
    from dissect.ntfs import NTFS  # noqa: PLC0415 - a judge

    with volume.open("rb") as file:
        ntfs = NTFS(file)
        store = ntfs.mft.get(9).open("$SDS")
        by_id = {}
        for entry in ntfs.secure._iter_entries():
            # SECURITY_DESCRIPTOR_HEADER has 20 bytes and is part of the length.
            store.seek(entry.Offset + 20)
            by_id[entry.SecurityId] = store.read(entry.Length - 20)
        found: dict[str, bytes] = {}
        _take_descriptors(ntfs.mft.get(5), "", by_id, found)
        return found


def _take_descriptors(record: Any, path: str, by_id: dict[int, bytes], found: dict[str, bytes]) -> None:
    from dissect.ntfs.c_ntfs import ATTRIBUTE_TYPE_CODE  # noqa: PLC0415 - a judge

    (facts,) = record.attributes[ATTRIBUTE_TYPE_CODE.STANDARD_INFORMATION]
    own = record.attributes.get(ATTRIBUTE_TYPE_CODE.SECURITY_DESCRIPTOR)
    found[path or "/"] = own[0].open().read() if own else by_id[facts.attribute.security_id]
    if record.is_dir() and not record.is_reparse_point():
        for child in record.iterdir(ignore_dos=True):
            name = child.attribute.file_name
            if name != "." and not (path == "" and name.startswith("$")):
                _take_descriptors(child.dereference(), f"{path}/{name}", by_id, found)

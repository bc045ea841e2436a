"""The source distribution and the wheels, the same to the last byte whenever and wherever they are made by one zlib.

The wheels are built from the unpacked source distribution and from nothing else: who has it has what they are of.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shlex
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from archive import unpack_source
from libraries import Bundle
from pins import HERE, Architecture, PinnedFile, Pins
from running import ReleaseError, plain_environment, run

# What setuptools notes down for itself: an unpacked source distribution would have it listed, and a checkout would not.
_OF_SETUPTOOLS = ("osdimage.egg-info", "setup.cfg")
_LICENCE_FILES = 'license-files = ["LICENSE"]'
_LICENCE = 'license = "GPL-3.0-or-later"'


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where distributions are made, and by what.

    Attributes:
        python: the interpreter of the environment with the tools of ``requirements.txt``.
        folder: for all that is made on the way.
        epoch: the time of all files in the distributions, in seconds since 1970.
    """

    python: Path
    folder: Path
    epoch: int

    def environment(self) -> dict[str, str]:
        """Return the environment of the tools, which are those of the workshop."""
        plain = plain_environment()
        path = os.pathsep.join([str(self.python.parent), plain.get("PATH", os.defpath)])
        return {**plain, "PATH": path, "SOURCE_DATE_EPOCH": str(self.epoch)}


def time_of(tree: Path) -> int:
    """Return the time of a release: that of the commit, or of an unpacked source distribution.

    Raises:
        ReleaseError: when the tree is neither.
    """
    if (tree / ".git").exists():
        return int(run(("git", "-C", str(tree), "log", "-1", "--format=%ct")))
    try:
        return int((tree / "PKG-INFO").stat().st_mtime)
    except OSError as error:
        raise ReleaseError(f"{tree}: is no checkout and no source distribution") from error


def make_source_distribution(workshop: Workshop, tree: Path, into: Path) -> Path:
    """Make the source distribution of a tree.

    Raises:
        ReleaseError: when it cannot be made.
    """
    made = workshop.folder / "sdist"
    shutil.rmtree(made, ignore_errors=True)
    # setuptools packs what an earlier list of files has, too.
    shutil.rmtree(tree / "osdimage.egg-info", ignore_errors=True)
    run(
        (str(workshop.python), "-m", "build", "--sdist", "--no-isolation", "--outdir", str(made), str(tree)),
        environment=workshop.environment(),
    )
    (packed,) = made.glob("*.tar.gz")
    into.mkdir(parents=True, exist_ok=True)
    target = into / packed.name
    target.write_bytes(_settled(packed, workshop.epoch))
    return target


def _settled(packed: Path, epoch: int) -> bytes:
    """Return an archive with its files in order, all of one time, of nobody, and with the modes that git knows."""
    plain = io.BytesIO()
    with tarfile.open(packed) as source, tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as target:
        for member in sorted(source.getmembers(), key=lambda each: each.name):
            if member.name.partition("/")[2].partition("/")[0] in _OF_SETUPTOOLS:
                continue
            settled = tarfile.TarInfo(member.name)
            settled.type, settled.size, settled.linkname = member.type, member.size, member.linkname
            settled.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            settled.mtime = epoch
            target.addfile(settled, source.extractfile(member) if member.isfile() else None)
    return gzip.compress(plain.getvalue(), compresslevel=9, mtime=epoch)


def make_wheel(workshop: Workshop, source: Path, bundle: Bundle, into: Path) -> Path:
    """Make a wheel from a source distribution.

    Raises:
        ReleaseError: when it cannot be built, or needs a newer C library than its tag says.
    """
    toolchain = bundle.toolchain
    architecture = toolchain.architecture
    folder = workshop.folder / architecture.name
    tree = unpack_source(source, folder / "tree")
    _add_bundle(tree, bundle)
    built = folder / "built"
    shutil.rmtree(built, ignore_errors=True)
    compiler = shlex.join(toolchain.compiler())
    run(
        (str(workshop.python), "-m", "build", "--wheel", "--no-isolation", "--outdir", str(built), str(tree)),
        environment={
            **toolchain.environment(),
            **workshop.environment(),
            "CC": compiler,
            "LDSHARED": f"{compiler} -shared",
            "CFLAGS": shlex.join(("-g0", "-Wno-unused-command-line-argument", f"-ffile-prefix-map={tree}=.")),
            "PKG_CONFIG_LIBDIR": str(bundle.pkg_config),
            "_PYTHON_HOST_PLATFORM": f"linux-{architecture.name}",
        },
    )
    (wheel,) = built.glob("*.whl")
    repaired = folder / "repaired"
    shutil.rmtree(repaired, ignore_errors=True)
    run(
        (
            *(str(workshop.python), "-m", "auditwheel", "repair", "--plat", "auto", "--only-plat"),
            *("--wheel-dir", str(repaired), str(wheel)),
        ),
        environment=workshop.environment(),
    )
    (wheel,) = repaired.glob("*.whl")
    if not wheel.name.endswith(f"-abi3-{architecture.platform}.whl"):
        raise ReleaseError(f"{wheel.name}: wanted is a wheel for {architecture.platform} and every Python")
    into.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(wheel, into))


def _add_bundle(tree: Path, bundle: Bundle) -> None:
    """Put into a tree what makes its wheel one with libraries inside."""
    pins, architecture = bundle.pins, bundle.toolchain.architecture
    place = tree / "imaging" / "bundle"
    place.mkdir()
    shutil.copy(bundle.mkntfs, place / "mkntfs")
    parts = [
        {"name": part.name, "version": part.version, "licence": part.licence, "source": part.source}
        for part in pins.parts
    ]
    document = {"platform": architecture.platform, "parts": parts}
    (place / "bundle.json").write_text(f"{json.dumps(document, indent=1)}\n", encoding="utf-8")
    shutil.copytree(HERE / "licences", tree / "bundled")
    for name, notice in bundle.notices.items():
        shutil.copyfile(notice, tree / "bundled" / name)
    (tree / "bundled" / "BUNDLED.md").write_text(notice_of(pins, architecture), encoding="utf-8")
    project = tree / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    licence = " AND ".join(sorted({part.licence for part in pins.parts} | {"GPL-3.0-or-later"}))
    for line, other in (
        (_LICENCE_FILES, 'license-files = ["LICENSE", "bundled/*"]'),
        (_LICENCE, f'license = "{licence}"'),
    ):
        if text.count(line) != 1:
            raise ReleaseError(f"{project}: wanted is one line {line}")
        text = text.replace(line, other)
    project.write_text(text, encoding="utf-8")


def notice_of(pins: Pins, architecture: Architecture) -> str:
    """Return what a wheel says of that in it which others wrote: the licences, and the way to the sources."""
    lines = [
        "# What this wheel has inside",
        "",
        "Parts of others are linked into `osdimage/native/_wimlib.abi3.so`, or come as programs in",
        "`osdimage/imaging/bundle`. osdimage itself is GPL-3.0-or-later, and so is the whole.",
        "",
        "| part | version | licence | authors | source package of Debian |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {part.name} | {part.version} | {part.licence} | <{part.home}> | {part.source} |" for part in pins.parts
    ]
    lines += [
        "",
        "The texts of the licences are beside this file; that of GPL-3.0 is osdimage's own. So are the notices of the",
        "authors of small parts, as Debian has gathered them (`*-copyright.txt`), and that of Zig, whose compiler adds",
        "some functions of its own (`zig-LICENSE.txt`).",
        "",
        "The sources: `apt-get source NAME=VERSION` with Debian's archive, of today or of that day, or the authors'",
        "pages.",
        "What was compiled, as Debian built and signed it, by SHA-256:",
        "",
    ]
    lines += [f"    {file.sha256}  {file.path}" for file in files_of(pins, architecture)]
    lines += [
        "",
        "How it was put together is in osdimage's source distribution of the same version, below `packaging/wheel`:",
        "`make release` makes this wheel again, to the last byte where zlib is the same.",
        "",
    ]
    return "\n".join(lines)


def files_of(pins: Pins, architecture: Architecture) -> tuple[PinnedFile, ...]:
    """Return the pinned files that a wheel is made of."""
    return (*(library.files[architecture.name] for library in pins.libraries), pins.mkntfs.file)

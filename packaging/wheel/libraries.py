"""The libraries that a wheel has inside, where pkg-config finds them, and the program that comes with it.

Debian's static libraries are linked into the extension module: nothing is looked for where it runs, and what another
module of the process has loaded is never mistaken for it.  They were compiled against a newer C library than the one
that the wheel is for, as position-independent code of programs: ``glibc.c`` has what the older one lacks, and
``streams.c`` what only programs may do.  Zig links against any version of the C library, for any architecture.
"""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from archive import fetch, unpack_package, unpack_source
from pins import HERE, Architecture, Library, Pins
from running import plain_environment, run

_SHIMS = ("glibc.c", "streams.c")
_EXPORTS = HERE / "exports.map"
# ntfsprogs/Makefile.am, mkntfs_SOURCES.
_MKNTFS_SOURCES = ("attrdef.c", "boot.c", "sd.c", "mkntfs.c", "utils.c")
_FLAGS = ("-O2", "-fPIC", "-g0", "-D_FILE_OFFSET_BITS=64")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Zig as a C compiler for one architecture.

    Attributes:
        zig: the program.
        folder: where what it has compiled already is kept.
        architecture: what it compiles for.
    """

    zig: Path
    folder: Path
    architecture: Architecture

    def compiler(self) -> tuple[str, ...]:
        """Return the command of the compiler."""
        return (str(self.zig), "cc", "-target", self.architecture.target)

    def environment(self) -> dict[str, str]:
        """Return the environment for it."""
        cache = str(self.folder)
        return {**plain_environment(), "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}

    def run(self, *arguments: str | Path) -> None:
        """Compile or link.

        Raises:
            ReleaseError: with what the compiler says.
        """
        run((*self.compiler(), *map(str, arguments)), environment=self.environment())


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is built into a wheel.

    Attributes:
        pins: what it is made of.
        toolchain: what compiled it.
        pkg_config: the folder with the descriptions of the libraries.
        mkntfs: the program.
        notices: what their authors want to be told with copies of them, by the name of a file.
    """

    pins: Pins
    toolchain: Toolchain
    pkg_config: Path
    mkntfs: Path
    notices: Mapping[str, Path]


def make_bundle(pins: Pins, toolchain: Toolchain, downloads: Path, folder: Path) -> Bundle:
    """Lay out the libraries below a folder, made anew, and compile the program.

    Raises:
        ReleaseError: when something cannot be fetched or compiled.
    """
    shutil.rmtree(folder, ignore_errors=True)
    lib = folder / "lib"
    lib.mkdir(parents=True)
    notices = {"zig-LICENSE.txt": toolchain.zig.with_name("LICENSE")}
    for library in pins.libraries:
        unpacked = _lay_out(library, toolchain.architecture, downloads, folder)
        # Of a package whose folder there is a link, it is that of another; all of libntfs-3g is GPL-2.0-or-later.
        notice = unpacked / "usr/share/doc" / library.package / "copyright"
        if notice.is_file():
            notices[f"{library.name}-copyright.txt"] = notice
    _lay_out_python(toolchain.architecture, folder)
    shims = [_compile_shim(name, toolchain, folder) for name in _SHIMS]
    run((str(toolchain.zig), "ar", "rcsD", str(lib / "libosdshims.a"), *map(str, shims)))
    pkg_config = lib / "pkgconfig"
    pkg_config.mkdir()
    for name, text in _descriptions(pins, folder).items():
        (pkg_config / f"{name}.pc").write_text(text, encoding="utf-8")
    return Bundle(pins, toolchain, pkg_config, _compile_mkntfs(pins, toolchain, downloads, folder), notices)


def _lay_out(library: Library, architecture: Architecture, downloads: Path, folder: Path) -> Path:
    """Copy the headers and the static library of a package; return the folder with all that is in it."""
    unpacked = folder / "packages" / library.package
    unpack_package(fetch(library.files[architecture.name], downloads), unpacked)
    shutil.copytree(unpacked / "usr/include", folder / "include", dirs_exist_ok=True)
    for archive in (unpacked / "usr/lib").rglob("*.a"):
        shutil.copy(archive, folder / "lib" / archive.name)
    return unpacked


def _lay_out_python(architecture: Architecture, folder: Path) -> None:
    """Copy the header of Python that Debian has in a folder of the architecture, where Zig does not look.

    It serves the other architecture, too: what an extension asks of it is the same where a pointer has 64 bits.
    """
    header = Path(sysconfig.get_config_h_filename())
    own = header.parents[1] / str(sysconfig.get_config_var("MULTIARCH")) / header.parent.name / header.name
    if own.is_file():
        place = folder / "include" / f"{architecture.name}-linux-gnu" / header.parent.name
        place.mkdir(parents=True)
        shutil.copy(own, place)


def _compile_shim(name: str, toolchain: Toolchain, folder: Path) -> Path:
    compiled = (folder / name).with_suffix(".o")
    toolchain.run(*_FLAGS, "-Wall", "-Wextra", "-Werror", "-c", HERE / name, "-o", compiled)
    return compiled


def _descriptions(pins: Pins, folder: Path) -> dict[str, str]:
    """Return the files of pkg-config: that of libwim has all of them, as each needs those after it."""
    versions = {library.name: library.version for library in pins.libraries}
    head = f"includedir={folder}/include\nlibdir={folder}/lib\n\n"
    links = (
        # By their files: a Python that is a shared library puts the folder of the system's in front.
        "${libdir}/libwim.a ${libdir}/libntfs-3g.a ${libdir}/libfuse3.a ${libdir}/libosdshims.a -lrt "
        f"-Wl,--version-script={_EXPORTS} -Wl,--build-id=none -Wl,--strip-all"
    )
    return {
        "wimlib": f"{head}Name: wimlib\nDescription: libwim\nVersion: {versions['libwim']}\nLibs: {links}\n",
        "libntfs-3g": f"{head}Name: libntfs-3g\nDescription: libntfs-3g\nVersion: {versions['libntfs-3g']}\nLibs:\n",
    }


def _compile_mkntfs(pins: Pins, toolchain: Toolchain, downloads: Path, folder: Path) -> Path:
    """Compile mkntfs against the library of the wheel: what it writes is compared with that of the system."""
    source = unpack_source(fetch(pins.mkntfs.file, downloads), folder / "source") / "ntfsprogs"
    program = folder / "bin" / "mkntfs"
    program.parent.mkdir()
    toolchain.run(
        *_FLAGS,
        "-D_GNU_SOURCE",
        "-DHAVE_CONFIG_H",
        # It names its source where it asserts something.
        f"-ffile-prefix-map={folder}=.",
        f'-DVERSION="{pins.mkntfs.version}"',
        f"-I{HERE / 'mkntfs'}",
        f"-I{source}",
        f"-I{folder / 'include' / 'ntfs-3g'}",
        *(source / name for name in _MKNTFS_SOURCES),
        folder / "lib" / "libntfs-3g.a",
        folder / "glibc.o",
        "-Wl,--build-id=none",
        "-Wl,--strip-all",
        "-o",
        program,
    )
    return program

"""Build the extension module ``osdimage.native._wimlib`` (cffi, API mode).

The declarations are in the ``*.cdef.h`` files below this folder and the C parts in the ``*.c`` files; the compiler
checks the former against the headers of libwim and libntfs-3g, so a wrong signature fails here and not at run time.
setuptools runs this file through ``cffi_modules`` in ``setup.py``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import NoReturn

from cffi import FFI

HERE = Path(__file__).resolve().parent
SOURCES = (
    "hive/marvin.c",
    "wim/messages.c",
    "wim/memory.c",
    "wim/names.c",
    "wim/patterns.c",
    "wim/audit.c",
    "wim/paths.c",
    "wim/scan.c",
    "wim/resource.c",
    "wim/blob_table.c",
    "wim/raw_copy.c",
    "wim/raw_tree.c",
    "engine/hash.c",
    "engine/chunks.c",
    "engine/units.c",
    "engine/expand.c",
    "engine/deliver.c",
    "engine/work.c",
    "engine/run.c",
    "slices/source.c",
    "slices/sync.c",
    "slices/source_file.c",
    "slices/source_joined.c",
    "slices/source_staged.c",
    "fve/libcrypto.c",
    "fve/sector.c",
    "fve/dump.c",
    "slices/source_fve.c",
    "nbd/wire.c",
    "nbd/handshake.c",
    "nbd/requests.c",
    "nbd/replies.c",
    "nbd/known.c",
    "nbd/links.c",
    "slices/source_nbd.c",
    "slices/window.c",
    "slices/blocks.c",
    "slices/cache.c",
    "slices/registry.c",
    "slices/mirror.c",
    "slices/device.c",
    "ntfs/volume.c",
    "ntfs/entries.c",
    "ntfs/emptying.c",
    "ntfs/wipe.c",
    "ntfs/join.c",
    "ntfs/files.c",
    "ntfs/claims.c",
    "engine/map.c",
    "engine/sound.c",
    "engine/walk.c",
    "engine/arrays.c",
    "engine/asked.c",
    "engine/stripped.c",
    "engine/stored.c",
    "engine/extents.c",
    "engine/record.c",
    "engine/index.c",
    "engine/lznt1.c",
    "engine/area.c",
    "engine/used.c",
    "engine/fresh.c",
    "engine/space.c",
    "engine/plan.c",
    "engine/place.c",
    "engine/folders.c",
    "engine/bounds.c",
    "engine/file.c",
    "engine/records.c",
    "engine/secure.c",
    "engine/views.c",
    "engine/views_write.c",
    "engine/late.c",
    "engine/fill.c",
    "engine/commit.c",
    "engine/compact.c",
    "engine/handles.c",
    "engine/link_target.c",
    "engine/directory.c",
    "engine/directory_file.c",
    "engine/directory_sink.c",
)
# ntfs/volume.h declares what five of them do, slices/source.h how each source is made, engine/state.h two,
# engine/walk.h one, engine/arrays.h two, engine/bulk.h what fills a volume, and engine/directory.h what fills a
# directory.
_DECLARED_TOGETHER = {
    "wim/raw_tree.c",
    "engine/deliver.c",
    "engine/work.c",
    "ntfs/wipe.c",
    "ntfs/join.c",
    "ntfs/files.c",
    "ntfs/claims.c",
    "slices/source_file.c",
    "slices/source_joined.c",
    "slices/sync.c",
    "slices/source_staged.c",
    "slices/source_fve.c",
    "slices/source_nbd.c",
    "engine/sound.c",
    "engine/asked.c",
    "engine/stripped.c",
    "engine/area.c",
    "engine/used.c",
    "engine/plan.c",
    "engine/place.c",
    "engine/folders.c",
    "engine/bounds.c",
    "engine/file.c",
    "engine/records.c",
    "engine/secure.c",
    "engine/views.c",
    "engine/views_write.c",
    "engine/late.c",
    "engine/fill.c",
    "engine/commit.c",
    "engine/compact.c",
    "engine/directory_file.c",
    "engine/directory_sink.c",
}
HEADERS = (*(name.replace(".c", ".h") for name in SOURCES if name not in _DECLARED_TOGETHER), "engine/bulk.h")
DECLARATIONS = (
    "wim/wimlib.cdef.h",
    "engine/engine.cdef.h",
    "ntfs/ntfs.cdef.h",
    "fve/fve.cdef.h",
    "hive/hive.cdef.h",
    "engine/bulk.cdef.h",
    "engine/directory.cdef.h",
)
PACKAGES = ("wimlib", "libntfs-3g")
ADVICE = (
    "a C compiler, pkg-config and the development files of Python, libwim and libntfs-3g are needed "
    "(Debian, Ubuntu: apt-get install gcc libc6-dev pkg-config python3-dev libwim-dev ntfs-3g-dev; "
    "Fedora: dnf install gcc pkgconf-pkg-config python3-devel wimlib-devel ntfs-3g-devel; "
    "Arch: pacman -S gcc pkgconf python wimlib ntfs-3g)"
)


def leave_without(what: str) -> NoReturn:
    """Leave with one sentence: pip shows it as it is, where an exception would come with a traceback."""
    raise SystemExit(f"osdimage cannot be built because {what} was not found: {ADVICE}.")


def check_compiler() -> None:
    """Look for the C compiler and Python.h, before setuptools does and shows a traceback."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        leave_without(f"the C compiler {compiler}")
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.exists():
        leave_without(str(header))


def pkg_config(option: str, package: str) -> str:
    """Ask pkg-config about one library; leave when it is missing.

    What it says is quoted as a shell wants it if it is a list, and may have a backslash within a letter of UTF-8.

    Never ``--cflags`` or ``--exists``: those follow ``Requires.private``, and Debian's ``wimlib.pc`` names there a
    package (fuse) that libwim-dev does not install and that no program using libwim needs.
    """
    program = shutil.which("pkg-config") or shutil.which("pkgconf")
    if program is None:
        leave_without("pkg-config")
    answer = subprocess.run([program, option, package], capture_output=True, check=False)
    if answer.returncode != 0:
        leave_without(f"the development package of {package}")
    return os.fsdecode(answer.stdout).strip()


def words_of(line: str) -> list[str]:
    """Return the words of a line of pkg-config."""
    return [os.fsdecode(os.fsencode(word)) for word in shlex.split(line)]


def make_builder() -> FFI:
    """Return the cffi builder, ready to compile."""
    builder = FFI()
    for name in DECLARATIONS:
        builder.cdef((HERE / name).read_text(encoding="utf-8"))
    libraries = [flag for package in PACKAGES for flag in words_of(pkg_config("--libs", package))]
    includes = [f"-I{pkg_config('--variable=includedir', package)}" for package in PACKAGES]
    builder.set_source(
        "osdimage.native._wimlib",
        "\n".join(
            [
                # ntfs-3g's headers use what these declare, and include none of them.
                "#include <errno.h>",
                "#include <fcntl.h>",
                "#include <stdarg.h>",
                "#include <sys/stat.h>",
                "#include <sys/types.h>",
                "#include <time.h>",
                "#include <wimlib.h>",
                "#include <ntfs-3g/types.h>",
                "#include <ntfs-3g/volume.h>",
                "#include <ntfs-3g/attrib.h>",
                "#include <ntfs-3g/device.h>",
                *(f'#include "{name}"' for name in HEADERS),
            ]
        ),
        # setuptools wants paths relative to setup.py.
        sources=[f"native/{name}" for name in SOURCES],
        depends=[f"native/{path.relative_to(HERE)}" for path in sorted(HERE.rglob("*.h"))],
        include_dirs=["native"],
        extra_compile_args=["-O2", "-pthread", "-D_FILE_OFFSET_BITS=64", *includes],
        # Before its version 2.34, the C library had threads and dlopen() in libraries of their own.
        extra_link_args=[*libraries, "-pthread", "-ldl"],
    )
    return builder


check_compiler()
ffibuilder = make_builder()

#!/usr/bin/env python3
"""Make a release: the source distribution, and wheels with libwim, libntfs-3g, libfuse3 and mkntfs inside.

    python packaging/wheel/release.py [--architecture x86_64] [--downloads FOLDER]

All that is made goes into ``dist/release``, with a file of checksums; what is needed on the way is below
``build/release``.  Needed are Python 3.11 or newer with its headers, pkg-config, and the network for what is not there
yet: the tools of ``requirements.txt`` from the package index, and what ``pins.toml`` names from Debian's archive.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import venv
from pathlib import Path

from archive import Gone, fetch
from distributions import Workshop, files_of, make_source_distribution, make_wheel, time_of
from libraries import Toolchain, make_bundle
from pin import newest
from pins import ARCHITECTURES, HERE, Architecture, Pins, read_pins
from running import ReleaseError, run

ROOT = HERE.parent.parent
REQUIREMENTS = HERE / "requirements.txt"
_CHECKSUMS = "SHA256SUMS"


def main() -> int:
    """Make the release; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [each.name for each in ARCHITECTURES]
    parser.add_argument("--architecture", action="append", choices=names, help="by default all; may be repeated")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "release", help="(dist/release)")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "release", help="(build/release)")
    parser.add_argument("--downloads", type=Path, help="of files that are fetched only if they are not there")
    parser.add_argument(
        "--or-newest", action="store_true", help="what Debian's archive has now, where it has a pinned file no more"
    )
    arguments = parser.parse_args()
    chosen = [each for each in ARCHITECTURES if each.name in (arguments.architecture or names)]
    work = arguments.work.resolve()
    # The modes of files are in the wheels.
    os.umask(0o022)
    try:
        downloads = arguments.downloads or work / "downloads"
        step("what Debian's archive has of it")
        pins = choose_pins(chosen, downloads, or_newest=arguments.or_newest)
        release(pins, chosen, arguments.out.resolve(), work, downloads)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("release: interrupted; the next run goes on with what was fetched and compiled", file=sys.stderr)
        return 130
    return 0


def choose_pins(architectures: list[Architecture], downloads: Path, *, or_newest: bool) -> Pins:
    """Fetch what is pinned; return the pins of what there is.

    Raises:
        Gone: when the archive has a file no more, and another will not do.
        ReleaseError: when something cannot be fetched.
    """
    pins = read_pins()
    try:
        for architecture in architectures:
            for file in files_of(pins, architecture):
                fetch(file, downloads)
    except Gone as error:
        if not or_newest:
            raise
        print(f"release: {error}; made with that, and not with what is pinned", file=sys.stderr)
        return newest(pins)
    return pins


def release(pins: Pins, architectures: list[Architecture], out: Path, work: Path, downloads: Path) -> None:
    """Make everything.

    Raises:
        ReleaseError: when something cannot be made; what there was of an older release is gone then.
    """
    for line in uncommitted(ROOT):
        print(f"release: not as it was committed, and part of this release: {line}", file=sys.stderr)
    python = make_tools(work)
    zig = Path(run((str(python), "-c", "import ziglang; print(ziglang.__path__[0])")).strip()) / "zig"
    workshop = Workshop(python, work, time_of(ROOT))
    remove_release(out)
    step("the source distribution")
    made = [make_source_distribution(workshop, ROOT, out)]
    say(made[0])
    for architecture in architectures:
        step(f"the libraries for {architecture.name}, and the wheel")
        toolchain = Toolchain(zig, work / "zig", architecture)
        bundle = make_bundle(pins, toolchain, downloads, work / architecture.name / "bundle")
        made.append(make_wheel(workshop, made[0], bundle, out))
        say(made[-1])
    (out / _CHECKSUMS).write_text("".join(sorted(f"{sha256(each)}  {each.name}\n" for each in made)), encoding="utf-8")
    check(workshop, made)


def remove_release(out: Path) -> None:
    """Remove an older release from a folder, and nothing else that is there."""
    for path in (*out.glob("osdimage-*.whl"), *out.glob("osdimage-*.tar.gz"), out / _CHECKSUMS):
        path.unlink(missing_ok=True)


def uncommitted(tree: Path) -> list[str]:
    """Return what git says of files that are not as in the commit, whose time the release has; none without git."""
    if not (tree / ".git").exists():
        return []
    return run(("git", "-C", str(tree), "status", "--porcelain")).splitlines()


def check(workshop: Workshop, made: list[Path]) -> None:
    """Let others look at what was made: at its metadata, at the interfaces that it uses, and at what was left out.

    Raises:
        ReleaseError: with what they say.
    """
    environment = workshop.environment()
    tools = workshop.python.parent
    run((str(tools / "twine"), "check", "--strict", *map(str, made)), environment=environment)
    run((str(tools / "abi3audit"), "--strict", *map(str, made[1:])), environment=environment)
    # A source distribution holds what is in version control, of which an unpacked one knows nothing.
    if (ROOT / ".git").exists():
        run((str(tools / "check-manifest"), "--no-build-isolation", str(ROOT)), environment=environment)


def make_tools(work: Path) -> Path:
    """Make the environment with the tools that build and check, if it is not that of today; return its interpreter."""
    folder = work / "tools"
    stamp = folder / "stamp"
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text(encoding='utf-8')}"
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        step("the tools that build and check")
        venv.create(folder, clear=True, with_pip=True, symlinks=True)
        run((str(python), "-m", "pip", "install", "--quiet", "--requirement", str(REQUIREMENTS)))
        stamp.write_text(wanted, encoding="utf-8")
    return python


def step(text: str) -> None:
    """Tell a person what comes next: it takes minutes, most of them for the tools and the libraries."""
    print(f"release: {text}", file=sys.stderr, flush=True)


def say(made: Path) -> None:
    """Tell a person what is there."""
    print(f"{made}  {made.stat().st_size:,} bytes", flush=True)


def sha256(path: Path) -> str:
    """Return the checksum of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())

"""Speak the command line of wimlib-imagex with the commands of osdimage: wimlib's own tests run it in its place.

Each verb becomes one command of osdimage, with the options that docs/coming-from/wimlib.md names; what is printed is
put into the form that the tests look into.  What osdimage has no word for is refused, so that a test that needs it
fails.

    python -m runs.imagex capture DIRECTORY WIM --compress=none
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Arguments = argparse.Namespace
Words = list[str]

_LEVELS = {"fast": "xpress", "maximum": "lzx", "recovery": "lzms"}
_NAMES = {"none": "None", "xpress": "XPRESS", "lzx": "LZX", "lzms": "LZMS"}


def main(words: Sequence[str]) -> int:
    """Run one command of wimlib-imagex; return its exit code."""
    verb, rest = words[0].removeprefix("wim"), list(words[1:])
    parser = argparse.ArgumentParser(prog=f"imagex {verb}", allow_abbrev=False)
    describe, run = VERBS[verb]
    describe(parser)
    return run(parser.parse_intermixed_args(rest))


def _osdimage(*words: str) -> int:
    """Run a command of osdimage in this process."""
    from osdimage.cli.main import main as osdimage  # noqa: PLC0415 - what is refused needs no osdimage

    sys.argv = ["osdimage", *words]
    try:
        osdimage()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    return 0


def _document(*words: str) -> Any:
    """Return the JSON document of a command of osdimage; leave with its exit code if it fails."""
    done = subprocess.run([sys.executable, "-m", "osdimage.cli", *words, "--json"], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return json.loads(done.stdout)


# What several verbs have alike.


def _switch(parser: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        parser.add_argument(f"--{name}", action="store_true")


def _value(parser: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        parser.add_argument(f"--{name}")


def _values(parser: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        parser.add_argument(f"--{name}", action="append", default=[])


def _image(image: str | None) -> Words:
    """Name an image as wimlib does: a number, a name, or all of them."""
    if image is None:
        return []
    if image == "all":
        return ["--all"]
    return ["--index", image] if image.isdigit() else ["--name", image]


def _given(arguments: Arguments, names: dict[str, str]) -> Words:
    """Say the switches that were given in our words."""
    return [ours for theirs, ours in names.items() if getattr(arguments, theirs.replace("-", "_"))]


def _with(option: str, values: str | Sequence[str] | None) -> Words:
    """Say an option once for each value."""
    every = [] if values is None else [values] if isinstance(values, str) else values
    return [word for value in every for word in (option, value)]


def _compression(arguments: Arguments) -> Words:
    """Say how contents are compressed; a level may follow a colon in both."""
    kind = arguments.solid_compress or arguments.compress
    words: Words = []
    if kind is not None:
        name, _, level = kind.lower().partition(":")
        words += ["--compress", _LEVELS.get(name, name) + (f":{level}" if level else "")]
    words += _with("--chunk-size", arguments.solid_chunk_size or arguments.chunk_size)
    return words + (["--solid"] if arguments.solid else [])


def _described_compression(parser: argparse.ArgumentParser) -> None:
    _value(parser, "compress", "chunk-size", "solid-compress", "solid-chunk-size", "threads")
    _switch(parser, "solid", "pipable", "not-pipable", "rebuild")


def _described_integrity(parser: argparse.ArgumentParser) -> None:
    _switch(parser, "check", "nocheck", "no-check", "include-integrity")


_INTEGRITY = {
    "check": "--integrity",
    "include-integrity": "--integrity",
    "nocheck": "--no-integrity",
    "no-check": "--no-integrity",
}
_ACLS = {"noacls": "--no-acls", "no-acls": "--no-acls", "strict-acls": "--strict-acls"}
_LINKS = {"rpfix": "--rpfix", "norpfix": "--no-rpfix"}


# capture, append


def _describe_capture(parser: argparse.ArgumentParser) -> None:
    for name in ("source", "wim"):
        parser.add_argument(name)
    for name in ("name", "description"):
        parser.add_argument(name, nargs="?")
    _described_integrity(parser)
    _described_compression(parser)
    _switch(parser, "boot", "dereference", "unix-data", "source-list", "create", *_ACLS, *_LINKS)
    _value(parser, "config", "flags", "update-of")
    _values(parser, "image-property", "delta-from")


def _capture(arguments: Arguments, *how: str) -> int:
    given = {**_INTEGRITY, **_ACLS, **_LINKS}
    given |= {name: f"--{name}" for name in ("boot", "dereference", "unix-data", "source-list", "pipable")}
    properties = [*arguments.image_property, *([f"FLAGS={arguments.flags}"] if arguments.flags else [])]
    return _osdimage(
        *("capture", arguments.source, arguments.wim, *how),
        *_with("--name", arguments.name or None),
        *_with("--description", arguments.description or None),
        *_with("--config", arguments.config),
        # Of wimlib-imagex on Linux that is the default.
        *([] if os.environ.get("WIMLIB_IMAGEX_IGNORE_CASE") else ["--match-case"]),
        *_with("--set", properties),
        *_with("--update-of", arguments.update_of),
        *_with("--base", arguments.delta_from),
        *_with("--threads", arguments.threads),
        *_compression(arguments),
        *_given(arguments, given),
    )


def _new(arguments: Arguments) -> int:
    return _capture(arguments, *([] if arguments.wim == "-" else ["--overwrite"]))


def _append(arguments: Arguments) -> int:
    return _capture(arguments, "--create" if arguments.create else "--append")


# apply


def _describe_apply(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wim")
    parser.add_argument("image", nargs="?")
    parser.add_argument("target")
    _switch(parser, "check", "unix-data", "no-attributes", "include-invalid-names", "recover-data", *_ACLS, *_LINKS)
    _values(parser, "ref")


def _apply(arguments: Arguments) -> int:
    given = {**_ACLS, **_LINKS, "include-invalid-names": "--names=replace"}
    given |= {name: f"--{name}" for name in ("check", "unix-data", "no-attributes", "recover-data")}
    done = _osdimage(
        *("apply", arguments.wim, arguments.target, *_image(arguments.image)),
        *_with("--ref", arguments.ref),
        *_given(arguments, given),
    )
    # wimlib-imagex says 0 where contents were saved as far as they could be.
    return 0 if arguments.recover_data and done == 1 else done


# delete


def _describe_delete(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wim")
    parser.add_argument("image")
    _switch(parser, "check", "include-integrity", "soft")


def _delete(arguments: Arguments) -> int:
    return _osdimage("delete", arguments.wim, *_image(arguments.image))


# dir


def _describe_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wim")
    parser.add_argument("image", nargs="?")
    _value(parser, "path")
    _switch(parser, "detailed", "one-file-only")
    _values(parser, "ref")


def _dir(arguments: Arguments) -> int:
    return _osdimage(
        *("list", arguments.wim, *([] if arguments.path is None else [arguments.path])),
        *_image(arguments.image),
        *_with("--ref", arguments.ref),
        *_given(arguments, {"detailed": "--long", "one-file-only": "--no-recurse"}),
    )


# export


def _describe_export(parser: argparse.ArgumentParser) -> None:
    for name in ("source", "image", "target"):
        parser.add_argument(name)
    for name in ("name", "description"):
        parser.add_argument(name, nargs="?")
    _described_integrity(parser)
    _described_compression(parser)
    _switch(parser, "boot", "recompress")
    _values(parser, "ref")


def _export(arguments: Arguments) -> int:
    return _osdimage(
        *("export", arguments.source, arguments.target, *_image(arguments.image)),
        *_with("--new-name", arguments.name),
        *_with("--description", arguments.description),
        *_with("--ref", arguments.ref),
        *_with("--threads", arguments.threads),
        *_compression(arguments),
        *_given(arguments, {**_INTEGRITY, "boot": "--boot", "recompress": "--recompress", "pipable": "--pipable"}),
    )


# extract


def _describe_extract(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wim")
    parser.add_argument("image")
    parser.add_argument("path", nargs="*")
    _switch(parser, "check", "unix-data", "no-attributes", "to-stdout", "include-invalid-names", "recover-data", *_ACLS)
    _switch(parser, "no-wildcards", "no-globs", "nullglob", "preserve-dir-structure")
    _value(parser, "dest-dir")
    _values(parser, "ref")


def _extract(arguments: Arguments) -> int:
    given = {**_ACLS, "include-invalid-names": "--names=replace", "no-wildcards": "--no-globs"}
    given |= {"preserve-dir-structure": "--keep-directories"}
    given |= {name: f"--{name}" for name in ("check", "unix-data", "no-attributes", "recover-data", "no-globs")}
    given |= {"nullglob": "--nullglob"}
    lists = [path[1:] for path in arguments.path if path.startswith("@")]
    paths = [path for path in arguments.path if not path.startswith("@")]
    return _osdimage(
        *("extract", arguments.wim, *(paths or ([] if lists else ["/"])), *_image(arguments.image)),
        *("--to", "-" if arguments.to_stdout else arguments.dest_dir or "."),
        *_with("--list", lists),
        *_with("--ref", arguments.ref),
        *_given(arguments, given),
    )


# info


def _describe_info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wim")
    for name in ("image", "name", "description"):
        parser.add_argument(name, nargs="?")
    _described_integrity(parser)
    _switch(parser, "boot", "header", "lookup-table", "blobs", "xml")
    _value(parser, "extract-xml")
    _values(parser, "image-property")


def _info(arguments: Arguments) -> int:
    texts = {"name": arguments.name, "description": arguments.description}
    changes = [f"{field}={text}" for field, text in texts.items() if text is not None] + arguments.image_property
    if arguments.xml:
        return _osdimage("info", arguments.wim, "--xml")
    if arguments.extract_xml is not None:
        xml = subprocess.run(
            [sys.executable, "-m", "osdimage.cli", "info", arguments.wim, "--xml"], stdout=subprocess.PIPE, check=True
        )
        Path(arguments.extract_xml).write_bytes(xml.stdout)
        return 0
    if arguments.boot and not changes:
        with_index = arguments.image is None or arguments.image.isdigit()
        chosen = ["--boot-index", arguments.image or "1"] if with_index else ["--name", arguments.image, "--boot"]
        return _osdimage("info", arguments.wim, *chosen)
    if changes:
        return _osdimage(
            *("info", arguments.wim, *_image(arguments.image), *_with("--set", changes)),
            *(["--boot"] if arguments.boot else []),
        )
    if arguments.blobs or arguments.lookup_table:
        return _osdimage("info", arguments.wim, "--blobs")
    return _tell(arguments)


def _tell(arguments: Arguments) -> int:
    """Print what wimlib's tests look for, in its form."""
    document = _document("info", arguments.wim)
    header = document["header"]
    marks = {
        "has_integrity_table": "Integrity info",
        "is_pipable": "Pipable",
        "rewrites_links": "Relative path junction",
    }
    lines = [
        f"Image Count:    {len(document['images'])}",
        f"Compression:    {_NAMES[header['compression']]}",
        f"Part Number:    {header['part_number']}/{header['total_parts']}",
        f"Boot Index:     {header['boot_index'] or 0}",
        f"Attributes:     {', '.join(text for mark, text in marks.items() if header[mark])}",
    ]
    for image in document["images"]:
        lines += [f"Index:       {image['index']}", f"Name:        {image['name']}"]
        lines.append(f"Description: {image['description'] or ''}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


# join, split, optimize, verify, update


def _describe_join(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wim")
    parser.add_argument("part", nargs="+")
    _switch(parser, "check", "include-integrity")


def _join(arguments: Arguments) -> int:
    given = _given(arguments, {"check": "--check", "include-integrity": "--integrity"})
    return _osdimage("join", arguments.wim, *arguments.part, "--overwrite", *given)


def _describe_split(parser: argparse.ArgumentParser) -> None:
    for name in ("wim", "parts", "size"):
        parser.add_argument(name)
    _switch(parser, "check", "include-integrity")


def _split(arguments: Arguments) -> int:
    given = _given(arguments, {"check": "--check", "include-integrity": "--integrity"})
    size = f"{int(float(arguments.size) * (1 << 20))}B"
    return _osdimage("split", arguments.wim, arguments.parts, "--size", size, "--allow-larger", "--overwrite", *given)


def _describe_optimize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wim")
    _described_integrity(parser)
    _described_compression(parser)
    _switch(parser, "recompress")


def _optimize(arguments: Arguments) -> int:
    given = {**_INTEGRITY, "recompress": "--recompress", "pipable": "--pipable", "not-pipable": "--not-pipable"}
    words = _with("--threads", arguments.threads) + _compression(arguments)
    return _osdimage("optimize", arguments.wim, *words, *_given(arguments, given))


def _describe_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wim")
    _values(parser, "ref")
    _switch(parser, "nocheck")


def _verify(arguments: Arguments) -> int:
    return _osdimage("verify", arguments.wim, *_with("--ref", arguments.ref))


def _describe_update(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wim")
    parser.add_argument("image", nargs="?")
    _switch(parser, "check", "include-integrity", "rebuild", "force", "recursive", "no-replace", "dereference")
    _switch(parser, "unix-data", *_ACLS)
    _value(parser, "threads", "command", "wimboot-config", "config")


def _update(arguments: Arguments) -> int:
    given = {"check": "--integrity", "include-integrity": "--integrity", **_ACLS}
    given |= {name: f"--{name}" for name in ("rebuild", "force", "recursive", "no-replace", "dereference", "unix-data")}
    return _osdimage(
        *("update", arguments.wim, *_image(arguments.image)),
        *(["--from", "-"] if arguments.command is None else ["--command", arguments.command]),
        *_with("--config", arguments.config),
        *_with("--threads", arguments.threads),
        *_given(arguments, given),
    )


# mount, mountrw, unmount


def _describe_mount(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wim")
    parser.add_argument("image", nargs="?")
    parser.add_argument("directory")
    _switch(parser, "check", "unix-data", "allow-other")
    _value(parser, "streams-interface", "staging-dir")
    _values(parser, "ref")


def _mount(arguments: Arguments, *how: str) -> int:
    return _osdimage(
        *("mount", arguments.wim, arguments.directory, *_image(arguments.image), *how),
        *_with("--streams", arguments.streams_interface),
        *_with("--staging-dir", arguments.staging_dir),
        *_with("--ref", arguments.ref),
        *_given(arguments, {name: f"--{name}" for name in ("check", "unix-data", "allow-other")}),
    )


def _mount_to_write(arguments: Arguments) -> int:
    return _mount(arguments, "--read-write")


def _describe_unmount(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory")
    _switch(parser, "commit", "check", "rebuild", "lazy", "force", "new-image")


def _unmount(arguments: Arguments) -> int:
    given = {name: f"--{name}" for name in ("commit", "rebuild", "lazy", "force", "new-image")}
    return _osdimage("unmount", arguments.directory, *_given(arguments, {"check": "--integrity", **given}))


VERBS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], Callable[[Arguments], int]]] = {
    "append": (_describe_capture, _append),
    "apply": (_describe_apply, _apply),
    "capture": (_describe_capture, _new),
    "delete": (_describe_delete, _delete),
    "dir": (_describe_dir, _dir),
    "export": (_describe_export, _export),
    "extract": (_describe_extract, _extract),
    "info": (_describe_info, _info),
    "join": (_describe_join, _join),
    "mount": (_describe_mount, _mount),
    "mountrw": (_describe_mount, _mount_to_write),
    "optimize": (_describe_optimize, _optimize),
    "split": (_describe_split, _split),
    "unmount": (_describe_unmount, _unmount),
    "update": (_describe_update, _update),
    "verify": (_describe_verify, _verify),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Short texts: sizes, time zones, inputs of steps, and what a capture leaves out."""

from __future__ import annotations

from osdimage.imaging.answers.time_zones import canonical, index_of
from osdimage.imaging.capture.config import CaptureConfig, parse_config
from osdimage.imaging.documents import as_text
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.service.command_file import decode_commands
from osdimage.imaging.tasksequence.inputs import addresses, comma_list, numbers
from osdimage.imaging.units import format_size, parse_size
from osdimage.imaging.wim.edited.commands import AddTree, DeletePath, RenamePath
from osdimage.native.wim.patterns import Patterns

from fuzz.target import Target

_FILES = ("a" * 200, "folder/file.txt", "Windows/System32/config/SYSTEM")


def _size(data: bytes) -> None:
    size = parse_size(data.decode("utf-8", "surrogateescape"))
    format_size(size)
    assert parse_size(str(size)) == size


def _zone(data: bytes) -> None:
    name = canonical(data.decode("utf-8", "surrogateescape"))
    assert canonical(name) == name
    index_of(name)


def _inputs(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    comma_list(text)
    for read in (addresses, numbers(65535)):
        try:
            read(text)
        except ValueError:
            # What the inputs of steps catch.
            continue


def _config(data: bytes) -> None:
    config = parse_config(as_text(data, source="x"), "x")
    # What is not compressed is not libwim's.
    assert parse_config(config.to_text(), "y") == CaptureConfig(config.exclusions, config.exceptions)
    patterns = Patterns(config.exclusions, config.exceptions)
    for path in _FILES:
        patterns.exclude(path)


def _commands(data: bytes) -> None:
    for each in decode_commands(data, "x"):
        paths = {AddTree: ("path",), DeletePath: ("path",), RenamePath: ("old", "new")}[type(each)]
        assert all(getattr(each, name) for name in paths)


_COMMANDS = b"# one\r\nadd --no-replace 'a b' \"/it's\"\r\ndelete --force --recursive /x\r\nrename /a '/b''c'\n"
_CONFIG = b"[ExclusionList]\r\n\\pagefile.sys\r\n*.tmp\r\n\\a*b?\r\n[ExclusionException]\r\n\\a\\b\r\n"

TARGETS = (
    Target("size", _size, lambda: (b"64GB", b"1.5GiB", b"1048576"), (InvalidRequest,), largest=64),
    Target("time-zone", _zone, lambda: (b"UTC", b"W. Europe Standard Time"), (InvalidRequest,), largest=128),
    Target("inputs", _inputs, lambda: (b"1,2,3", b"10.0.0.1,10.0.0.2"), (InvalidRequest,), largest=128),
    Target(
        "update-commands",
        _commands,
        lambda: (_COMMANDS, _COMMANDS.decode().encode("utf-16")),
        (InvalidInput,),
        largest=2048,
    ),
    Target("capture-config", _config, lambda: (_CONFIG,), (InvalidInput,), largest=2048),
)

"""Arguments as wimlib-imagex takes them, with an image, a name or a size among them: what is written here instead."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from osdimage.cli.lazy import WORDS
from osdimage.imaging.errors import ImageNotFound, InvalidRequest, Remedy

if TYPE_CHECKING:
    from osdimage.imaging.wim.file import WimFile

Given = Mapping[str, str]
"""The arguments of a command that are one word each, by their names."""
Meant = tuple[str, list[str]] | None
"""Why it is not so here, and the words of the command that was meant."""

_IMAGE = "an image is chosen by an option"
# The argument in whose place the image is; what belongs there is the first word that is left over.
_IMAGE_BEFORE = {
    "apply": "target",
    "compare": "target",
    "deploy": "disk",
    "export": "destination",
    "list": "path",
    "mount": "directory",
}
_CHOICES = {"--index", "--name", "--edition", "--arch", "--language", "--all", "--all-volumes"}


def habit_of(error: click.UsageError) -> str | None:
    """Return a sentence about arguments that another program would take, with the line that was meant, or None."""
    context = error.ctx
    # The commands about WIMs are in no group.
    if context is None or context.parent is None or context.parent.parent is not None:
        return None
    words = list(context.meta.get(WORDS, ()))
    try:
        values, extra, _ = context.command.make_parser(context).parse_args(list(words))
    except click.UsageError:
        return None
    name = context.command.name or ""
    given = {key: value for key, value in values.items() if isinstance(value, str)}
    if name == "diff":
        paths = values.get("paths")
        meant = _two_images(given, list(paths) if isinstance(paths, (tuple, list)) else [])
    elif name == "capture":
        sources = values.get("sources")
        first = list(sources) if isinstance(sources, (tuple, list)) else []
        meant = None if "--all-volumes" in words else _named_capture(given, first)
    else:
        is_chosen = any(word.partition("=")[0] in _CHOICES for word in words)
        has_all = any("--all" in each.opts for each in context.command.params)
        meant = _one_image(name, given, extra, is_chosen=is_chosen, has_all=has_all)
    if meant is None:
        return None
    why, line = meant
    more = " ..." if any(word.startswith("-") and word != "-" for word in words) else ""
    return f"{why}; did you mean {shlex.join(['osdimage', name, *line])}{more}?"


def _two_images(given: Given, rest: list[str]) -> Meant:
    """Explain ``diff W 1 2`` and ``diff W 1 V 2``."""
    before, image = given.get("before"), given.get("after")
    if before is None or image is None or len(rest) not in {1, 2}:
        return None
    wim, other = [before, *rest] if len(rest) == 1 else rest
    return "an image is named behind its WIM", [f"{before}:{image}", f"{wim}:{other}"]


def _one_image(name: str, given: Given, extra: Sequence[str], *, is_chosen: bool, has_all: bool) -> Meant:
    if not extra:
        return None
    if name in _BEHIND_OTHERS:
        return _BEHIND_OTHERS[name](given, extra)
    if is_chosen:
        return None
    if name in _IMAGE_BEFORE:
        return _image_before(name, given, extra, has_all=has_all)
    return _IMAGE_BEHIND[name](given, extra) if name in _IMAGE_BEHIND else None


def _image_before(name: str, given: Given, extra: Sequence[str], *, has_all: bool) -> Meant:
    wim, image = given.get("wim", given.get("source")), given.get(_IMAGE_BEFORE[name])
    if wim is None or image is None or "/" in image:
        return None
    texts = ("--new-name", "--description") if name == "export" else ()
    if len(extra) > 1 + len(texts):
        return None
    return _IMAGE, [wim, extra[0], *_choice(image, has_all=has_all), *_paired(texts, extra[1:])]


def _choice(image: str, *, has_all: bool = False) -> list[str]:
    if has_all and image in {"all", "*"}:
        return ["--all"]
    return ["--index", image] if image.isascii() and image.isdecimal() else ["--name", image]


def _paired(options: Sequence[str], values: Sequence[str]) -> list[str]:
    return [word for pair in zip(options, values, strict=False) for word in pair]


def _of_info(given: Given, extra: Sequence[str]) -> Meant:
    if len(extra) > 3:
        return None
    if extra[0] == "0":
        return "no image has the index 0", [given["wim"], "--boot", "no"]
    texts = [f"{what}={text}" for what, text in zip(("name", "description"), extra[1:], strict=False)]
    return _IMAGE, [given["wim"], *_choice(extra[0]), *_paired(("--set", "--set"), texts)]


def _of_delete(given: Given, extra: Sequence[str]) -> Meant:
    is_one = len(extra) == 1
    return _IMAGE, [given["wim"], *(word for each in extra for word in _choice(each, has_all=is_one))]


def _of_update(given: Given, extra: Sequence[str]) -> Meant:
    return (_IMAGE, [given["wim"], *_choice(extra[0])]) if len(extra) == 1 else None


def _of_optimize(given: Given, extra: Sequence[str]) -> Meant:
    return ("all images stay, and none is chosen", [given["wim"]]) if len(extra) == 1 else None


def _named_capture(given: Given, sources: list[str]) -> Meant:
    """Explain ``capture SOURCE WIM NAME DESCRIPTION``, where all but the last word are sources here."""
    if len(sources) not in {2, 3} or "wim" not in given or "name" in given:
        return None
    if given["wim"].lower().endswith((".wim", ".esd")):
        # What it is called, and before it are several disks.
        return None
    source, wim, *texts = [*sources, given["wim"]]
    return "an image's name is given by an option", [source, wim, *_paired(("--name", "--description"), texts)]


def _of_split(given: Given, extra: Sequence[str]) -> Meant:
    if len(extra) > 1 or not extra[0].replace(".", "", 1).isdecimal():
        return None
    return "the size of a part is given by an option", [given["wim"], given["out"], "--size", f"{extra[0]}MB"]


_Explain = Callable[[Given, Sequence[str]], Meant]
_IMAGE_BEHIND: dict[str, _Explain] = {"delete": _of_delete, "info": _of_info, "update": _of_update}
_BEHIND_OTHERS: dict[str, _Explain] = {"optimize": _of_optimize, "split": _of_split}


@contextmanager
def image_as_path(wim: WimFile, paths: Sequence[str], *, is_chosen: bool) -> Iterator[None]:
    """Say, when nothing is at the first path and it is the number or the name of an image, how an image is chosen.

    Args:
        wim: the WIM.
        paths: as they were given.
        is_chosen: whether an option chose an image.
    """
    from osdimage.imaging.wim.select import ImageSelector  # noqa: PLC0415 - start-up stays cheap

    try:
        yield
    except InvalidRequest as error:
        word = paths[0] if paths and not is_chosen else ""
        named = ImageSelector(name=word)
        if not word or not any(word == str(each.index) or named.fits(each.info) for each in wim):
            raise
        meant = f"{_IMAGE}; did you mean {shlex.join(_choice(word))}?"
        if isinstance(error, ImageNotFound):
            # The list of all images has nothing more to say.
            raise ImageNotFound(f"{wim.path}: {meant}") from error
        error.remedy = Remedy(meant)
        raise

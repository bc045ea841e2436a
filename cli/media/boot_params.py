"""The options of the commands that make media: which boot image starts, and where the files come from.

They are one decorator, which passes a :class:`BootGiven` as ``given``; what it opens has all of a medium that starts::

    @boot_params.options
    def iso_command(..., given: BootGiven, reporter: Reporter):
        with given.opened(reporter, now=now) as boot:
            medium = Medium(label, joined(boot.files, added), boot.parts, boot.warnings)
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, values
from osdimage.cli.bootimage import params as image_params
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.boot.firmware import Firmware
    from osdimage.imaging.files import FileSource
    from osdimage.imaging.media.bootimage.settings import BootSettings
    from osdimage.imaging.media.parts.find import PartsWish
    from osdimage.imaging.media.parts.medium import BootParts, MediumFile, PreparedImage
    from osdimage.imaging.media.parts.source import MediumSource
    from osdimage.imaging.progress import ProgressCallback

_SHARED = 30.0
"""Per cent of the work that making the boot image ready is at most."""


@dataclass(frozen=True, slots=True)
class WimPlace:
    """A WIM, and the index of an image in it, or None where none was chosen."""

    path: Path
    index: int | None


class WimPlaceType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """``WIM`` or ``WIM:INDEX``; a file whose name ends in ``:`` and a number comes first."""

    name = "wim"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> WimPlace:
        """Take the index off, and look for the WIM."""
        if isinstance(value, WimPlace):
            return value
        text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
        path, colon, number = text.rpartition(":")
        index: int | None = None
        if colon and number.removeprefix("-").isdecimal() and number.isascii() and not os.path.lexists(text):
            index = int(values.IMAGE_INDEX.convert(number, param, ctx))
        else:
            path = text
        return WimPlace(Path(os.fsdecode(values.WIM.convert(path, param, ctx))), index)


WIM_PLACE = WimPlaceType()


def wanted_firmware(word: str) -> frozenset[Firmware] | None:
    """Return what a word of --firmware asks for; None for whatever can be started."""
    from osdimage.imaging.boot.firmware import Firmware  # noqa: PLC0415 - start-up stays cheap

    if word == "auto":
        return None
    return frozenset(Firmware) if word == "both" else frozenset({Firmware(word)})


def opened_files(place: WimPlace | None, stack: ExitStack) -> FileSource | None:
    """Return the files of an image, by default the first of its WIM, for as long as the stack is; None without one.

    Raises:
        OsdImageError: when it cannot be read, or has no such image.
    """
    from osdimage.imaging.boot.sources import image_source  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415

    if place is None:
        return None
    return image_source(stack.enter_context(WimFile.open(place.path)).image(place.index or 1))


@dataclass(frozen=True, slots=True)
class OpenedBoot:
    """What starts a medium, for as long as it is open.

    Attributes:
        image: the boot image that starts by itself.
        others: more boot images, which the menu offers.
        parts: what starts it.
        wims: the files of the boot images on the medium.
        source: the files of the other medium that was given, without those that a medium of this kind must not have;
            the parts and the boot images take the places of those of the same name.
        source_label: the label of that medium; None of a folder, or without one.
    """

    image: PreparedImage
    others: tuple[PreparedImage, ...]
    parts: BootParts
    wims: tuple[MediumFile, ...] = field(repr=False)
    source: tuple[MediumFile, ...] = field(repr=False)
    source_label: str | None

    @property
    def files(self) -> tuple[MediumFile, ...]:
        """All files of the medium."""
        from osdimage.imaging.media.parts.medium import joined  # noqa: PLC0415 - start-up stays cheap

        return joined(self.source, self.parts.files, self.wims)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said of all of them."""
        told = (*self.image.warnings, *(text for each in self.others for text in each.warnings), *self.parts.warnings)
        return tuple(dict.fromkeys(told))


@dataclass(frozen=True, slots=True)
class BootGiven:
    """What the options say; ``settings`` is what is set in the boot images."""

    images: tuple[WimPlace, ...]
    source: Path | None
    boot_files_from: WimPlace | None
    firmware: str
    no_prompt: bool
    signed_2023: bool
    generate_sdi: bool
    generate_efisys: bool
    locale: str | None
    timeout: int | None
    settings: BootSettings
    drivers: image_params.DriversGiven

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said."""
        said = (self.images, self.source, self.boot_files_from, self.no_prompt, self.signed_2023, self.locale)
        is_set = (
            any(said)
            or self.generate_sdi
            or self.generate_efisys
            or self.timeout is not None
            or self.firmware != "auto"
        )
        return not is_set and self.settings.is_empty and self.drivers.is_empty

    @property
    def sources(self) -> tuple[Path, ...]:
        """What is read: files and folders of this machine."""
        wims = [each.path for each in self.images]
        if self.boot_files_from is not None:
            wims.append(self.boot_files_from.path)
        source = () if self.source is None else (self.source,)
        return (*wims, *source, *self.settings.sources, *self.drivers.sources)

    def rest(self, reporter: Reporter) -> ProgressCallback | None:
        """Return the callback for the work that is done with what was opened."""
        from osdimage.imaging.progress import portion  # noqa: PLC0415 - start-up stays cheap

        return portion(reporter.callback, _SHARED, 100)

    @contextmanager
    def opened(self, reporter: Reporter, *, is_disc: bool = True, now: datetime | None = None) -> Iterator[OpenedBoot]:
        """Open what is given, make the boot images ready, and find what starts them.

        Args:
            reporter: gets the progress; warnings are left to the caller.
            is_disc: whether the medium is a disc.
            now: the time of what is made; None: that of the boot image.

        Raises:
            click.UsageError: when no boot image is given, nor a source that has one.
            OsdImageError: as :func:`~osdimage.imaging.media.parts.find.find_parts` and what it finds parts for.
        """
        from osdimage.imaging.media.parts.find import find_parts  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.media.parts.prepared import boot_wim_file  # noqa: PLC0415
        from osdimage.imaging.media.parts.source import open_source, refuse_configmgr  # noqa: PLC0415
        from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415

        wish = self._wish(is_disc=is_disc)
        leave_memory()
        source = None if self.source is None else open_source(self.source)
        if source is not None:
            refuse_configmgr(source)
        with ExitStack() as stack:
            image, *others = self._images(stack, source, reporter, now)
            parts = find_parts(
                image,
                wish,
                others=others,
                source=source,
                boot_files_from=opened_files(self.boot_files_from, stack),
                now=now,
            )
            wims = tuple(boot_wim_file(each, number) for number, each in enumerate((image, *others), 1))
            yield OpenedBoot(
                image,
                tuple(others),
                parts,
                wims if source is None else source.spelling(wims),
                () if source is None else self._taken(source),
                None if source is None else source.label,
            )

    def _images(
        self, stack: ExitStack, source: MediumSource | None, reporter: Reporter, now: datetime | None
    ) -> list[PreparedImage]:
        from osdimage.imaging.errors import ImageNotFound  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.media.parts.medium import BOOT_WIM  # noqa: PLC0415
        from osdimage.imaging.media.parts.prepared import prepared_boot_image  # noqa: PLC0415
        from osdimage.imaging.progress import portion  # noqa: PLC0415
        from osdimage.imaging.wim.select import ImageSelector  # noqa: PLC0415

        given = list(self.images)
        if not given:
            file = None if source is None else source.file(BOOT_WIM)
            if file is None:
                beside = "" if source is None else f"; {self.source} has no {BOOT_WIM}"
                raise click.UsageError(f"say what starts, with --boot-image WIM{beside}")
            given.append(WimPlace(Path(file.origin), None))
        drivers = stack.enter_context(self.drivers.opened())
        step = _SHARED / len(given)
        prepared: list[PreparedImage] = []
        for number, each in enumerate(given):
            image = prepared_boot_image(
                each.path,
                ImageSelector(index=each.index),
                settings=self.settings,
                drivers=drivers,
                now=now,
                progress=portion(reporter.callback, number * step, (number + 1) * step),
            )
            try:
                prepared.append(stack.enter_context(image))
            except ImageNotFound as error:
                if each.index is not None or not error.candidates:
                    raise
                said = f"{each.path}: no image of it starts by itself; choose one with --boot-image {each.path}:N:"
                raise ImageNotFound(said, candidates=error.candidates) from error
        return prepared

    def _wish(self, *, is_disc: bool) -> PartsWish:
        from osdimage.imaging.media.parts.find import PartsWish  # noqa: PLC0415 - start-up stays cheap

        return PartsWish(
            firmware=wanted_firmware(self.firmware),
            is_disc=is_disc,
            is_prompting=not self.no_prompt,
            signed_2023=self.signed_2023,
            generate_sdi=self.generate_sdi,
            generate_efisys=self.generate_efisys,
            locale=self.locale,
            timeout_s=self.timeout,
        )

    def _taken(self, source: MediumSource) -> tuple[MediumFile, ...]:
        from osdimage.imaging.media.parts.table import BOOTFIX  # noqa: PLC0415 - start-up stays cheap

        if not self.no_prompt:
            return source.files
        return tuple(each for each in source.files if each.path.lower() != BOOTFIX.target)


def options(command: params.Command) -> params.Command:
    """Add the options about what starts a medium, and pass a :class:`BootGiven` as ``given``."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        boot_images: tuple[WimPlace, ...],
        source: Path | None,
        boot_files_from: WimPlace | None,
        firmware: str,
        no_prompt: bool,
        signed_2023: bool,
        generate_sdi: bool,
        generate_efisys: bool,
        locale: str | None,
        timeout: int | None,
        wished: BootSettings,
        image_drivers: image_params.DriversGiven,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        given = BootGiven(
            boot_images,
            source,
            boot_files_from,
            firmware,
            no_prompt,
            signed_2023,
            generate_sdi,
            generate_efisys,
            locale,
            timeout,
            wished,
            image_drivers,
        )
        return command(*args, given=given, **kwargs)

    return params.add(*_OPTIONS, image_params.settings_of_media, _drivers)(run)


def _drivers(command: params.Command) -> params.Command:
    """Add the options about drivers, whose value is ``given`` to others, as ``image_drivers``."""

    @functools.wraps(command)
    def run(*args: Any, given: image_params.DriversGiven, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
        return command(*args, image_drivers=given, **kwargs)

    return image_params.drivers(run)


_OPTIONS: tuple[Callable[[params.Command], params.Command], ...] = (
    click.option(
        "--boot-image",
        "boot_images",
        type=WIM_PLACE,
        multiple=True,
        metavar="WIM[:N]",
        help="What starts: image N of a WIM.  Default: the image that WIM starts.  Of several, a menu chooses.",
    ),
    click.option(
        "--source",
        type=values.PRESENT,
        metavar="DIR|ISO",
        help="A medium whose files the new one has, too; without --boot-image, its sources/boot.wim starts.",
    ),
    click.option(
        "--boot-files-from",
        type=WIM_PLACE,
        metavar="WIM[:N]",
        help="Take boot files that neither the source nor the boot image has from a Windows, such as install.wim.  "
        "Default: the first image of sources/install.wim of the source.",
    ),
    click.option(
        "--firmware",
        type=click.Choice(["auto", "bios", "uefi", "both"]),
        default="auto",
        show_default=True,
        help="What is to start it; auto: what its files can start.",
    ),
    click.option("--no-prompt", is_flag=True, help="Of a disc: start without asking for a key, as sticks do."),
    click.option(
        "--signed-2023", is_flag=True, help="UEFI: take the loaders that are signed with 'Windows UEFI CA 2023'."
    ),
    click.option(
        "--generate-sdi", is_flag=True, help="Make a boot.sdi when there is none; it was never tried with Windows."
    ),
    click.option(
        "--generate-efisys",
        is_flag=True,
        help="Of a disc: make what UEFI starts of the loader, when there is none; never tried with Windows either.",
    ),
    click.option(
        "--locale", metavar="NAME", help="Language of the boot menu, such as de-DE.  Default: the boot image's own."
    ),
    click.option(
        "--timeout",
        type=click.IntRange(min=0, max=999),
        metavar="SECONDS",
        help="Of the boot menu.  Default: 0 with one boot image, or 30.",
    ),
)

"""``osdimage media netboot``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.bootimage import params as image_params
from osdimage.cli.disk import params as disk_params
from osdimage.cli.media import boot_params
from osdimage.cli.media.boot_params import WimPlace
from osdimage.cli.render import Reporter
from osdimage.imaging.units import counted, format_size

if TYPE_CHECKING:
    from osdimage.imaging.files import FileSource
    from osdimage.imaging.media.bootimage.settings import BootSettings
    from osdimage.imaging.media.netboot.folder import NetbootReport
    from osdimage.imaging.media.netboot.known import KnownComputer
    from osdimage.imaging.media.netboot.plan import NetbootPlan
    from osdimage.imaging.media.netboot.wishes import NamedImage, NetbootWish, ServerWish

_PREPARED = 40.0
"""Per cent of the work that making boot images ready is at most."""


@dataclass(frozen=True, slots=True)
class NamedWim:
    """A WIM with an image, and what that is called in the folder."""

    name: str
    place: WimPlace


class NamedWimType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """``NAME=WIM``, or a WIM that gives its own name; each with ``:INDEX`` where the image is chosen."""

    name = "wim"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> NamedWim:
        """Take the name off."""
        if isinstance(value, NamedWim):
            return value
        text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
        name, equals, path = text.partition("=")
        if not equals or "/" in name or os.path.lexists(text):
            place = boot_params.WIM_PLACE.convert(text, param, ctx)
            return NamedWim(re.sub("[^a-z0-9]+", "-", place.path.stem.lower()).strip("-"), place)
        return NamedWim(name, boot_params.WIM_PLACE.convert(path, param, ctx))


@dataclass(frozen=True, slots=True)
class BootWish:
    """What the options say of what starts."""

    boot_images: tuple[NamedWim, ...]
    boot_files_from: WimPlace | None
    firmware: str
    signed_2023: bool
    locale: str | None
    timeout: int | None
    native: bool
    ipxe: Path | None
    wimboot: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class ServedWish:
    """What the options say of the servers and the computers."""

    url: str | None
    leases: str | None
    proxy: str | None
    interface: str | None
    delay: int
    root: str | None
    known: Path | None
    columns: str | None
    unknown: str | None
    mandatory: bool


@click.command("netboot")
@click.argument("folder", metavar="DIR", type=values.ANY_PATH)
@params.gathered(
    "boot",
    BootWish,
    click.option(
        "--boot-image",
        "boot_images",
        type=NamedWimType(),
        multiple=True,
        required=True,
        metavar="NAME=WIM[:N]",
        help="What computers start: image N of a WIM, and its name.  The first for a processor is the default.",
    ),
    click.option(
        "--boot-files-from",
        type=boot_params.WIM_PLACE,
        metavar="WIM[:N]",
        help="Take boot files that a boot image lacks from a Windows, such as install.wim.",
    ),
    click.option(
        "--firmware",
        type=click.Choice(["auto", "bios", "uefi", "both"]),
        default="auto",
        show_default=True,
        help="What is to start them; auto: what their files can start.",
    ),
    click.option("--ipxe", type=values.ANY_PATH, metavar="DIR", help="Where iPXE is.  Default: that of the system."),
    click.option(
        "--wimboot",
        type=values.EXISTING,
        multiple=True,
        metavar="FILE",
        help="wimboot of ipxe.org/wimboot, with which iPXE starts WIMs.  Repeatable, for arm64.",
    ),
    click.option(
        "--native", is_flag=True, help="Without iPXE and wimboot: the boot manager of Windows loads all by TFTP."
    ),
    click.option(
        "--signed-2023", is_flag=True, help="UEFI: take the loaders that are signed with 'Windows UEFI CA 2023'."
    ),
    click.option("--locale", metavar="NAME", help="Language of the boot manager, such as de-DE."),
    click.option(
        "--timeout",
        type=click.IntRange(min=0, max=999),
        metavar="SECONDS",
        help="Of the menu of the boot manager.  Default: 0 with one boot image, or 30.",
    ),
)
@params.gathered(
    "served",
    ServedWish,
    click.option("--url", metavar="URL", help="Where DIR is served by HTTP, such as http://192.168.50.1/."),
    click.option(
        "--leases",
        metavar="FIRST-LAST/PREFIX",
        help="Write a dnsmasq.conf that gives these addresses away, such as 192.168.50.100-192.168.50.200/24.",
    ),
    click.option(
        "--proxy",
        metavar="NETWORK",
        help="Write one that stands beside another DHCP server of a network such as 192.168.50.0/24.",
    ),
    click.option("--interface", metavar="NAME", help="Of the server; dnsmasq answers there alone."),
    click.option(
        "--delay",
        type=click.IntRange(min=0, max=60),
        default=0,
        metavar="SECONDS",
        help="Let dnsmasq wait, so that other servers answer first.",
    ),
    click.option("--root", metavar="PATH", help="DIR as the server sees it, for configurations.  Default: DIR."),
    click.option(
        "--known",
        type=values.EXISTING,
        metavar="CSV",
        help="Computers that are known: name, GUID, MAC; boot-image and script may be columns.",
    ),
    click.option(
        "--columns",
        metavar="LIST",
        help="What is in the CSV, such as name,ignore,mac.  Default: what its headings say.",
    ),
    click.option(
        "--unknown",
        type=click.Choice(["refuse", "menu", "boot"]),
        help="What other computers do.  Default: refuse with --known, else boot.",
    ),
    click.option("--mandatory", is_flag=True, help="Start without asking for F12."),
)
@image_params.settings_of_media
@image_params.drivers
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace files in DIR that osdimage has not written, or that were changed since.",
)
@params.dry_run
@params.output(more="each file, and where it comes from")
def netboot_command(
    folder: Path,
    boot: BootWish,
    served: ServedWish,
    wished: BootSettings,
    given: image_params.DriversGiven,
    overwrite: bool,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    """Make DIR a folder that servers of TFTP and HTTP hand out, and from which computers start by the network.

    iPXE finds the script of each computer, and starts a boot image by wimboot.  DIR has configurations for dnsmasq and
    nginx; neither they nor anything of Microsoft's comes with osdimage.  Given again, the command makes DIR what it
    says now, while servers go on.
    """
    from osdimage.imaging.media.netboot.folder import (  # noqa: PLC0415 - start-up stays cheap
        refuse_netboot_target,
        write_netboot,
    )
    from osdimage.imaging.media.netboot.plan import plan_netboot  # noqa: PLC0415
    from osdimage.imaging.progress import portion  # noqa: PLC0415

    wish = _wish(folder, boot, served, reporter)
    with _opened(boot, wished, given, reporter) as (images, boot_files):
        plan = plan_netboot(images, wish, boot_files_from=boot_files)
        for text in plan.warnings:
            reporter.warn(text)
        done = None
        if dry_run:
            refuse_netboot_target(plan, folder, overwrite=overwrite)
        else:
            progress = portion(reporter.callback, _PREPARED, 100)
            done = write_netboot(plan, folder, now=disk_params.made_at(""), overwrite=overwrite, progress=progress)
        _report(folder, plan, done, reporter)


def _wish(folder: Path, boot: BootWish, served: ServedWish, reporter: Reporter) -> NetbootWish:
    from osdimage.imaging.media.netboot.scripts import UnknownComputers  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.netboot.wimboot import read_wimboot  # noqa: PLC0415
    from osdimage.imaging.media.netboot.wishes import NetbootWish  # noqa: PLC0415
    from osdimage.imaging.media.parts.find import PartsWish  # noqa: PLC0415

    if boot.native and (boot.wimboot or boot.ipxe is not None):
        raise click.UsageError("--native is without iPXE and wimboot: leave out --ipxe and --wimboot")
    return NetbootWish(
        servers=_servers(folder, served),
        parts=PartsWish(
            firmware=boot_params.wanted_firmware(boot.firmware),
            signed_2023=boot.signed_2023,
            locale=boot.locale,
            timeout_s=boot.timeout,
        ),
        wimboot=tuple(read_wimboot(each) for each in boot.wimboot),
        ipxe=boot.ipxe,
        is_native=boot.native,
        known=_known(boot, served, reporter),
        unknown=None if served.unknown is None else UnknownComputers(served.unknown),
        is_mandatory=served.mandatory,
    )


def _servers(folder: Path, served: ServedWish) -> ServerWish:
    from osdimage.imaging.media.netboot import network  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.netboot.wishes import ServerWish  # noqa: PLC0415

    has_dnsmasq = served.leases is not None or served.proxy is not None
    if not has_dnsmasq and (served.interface is not None or served.delay):
        raise click.UsageError("--interface and --delay are about dnsmasq: give --leases or --proxy, too")
    root = str(folder.resolve()) if served.root is None else served.root
    return ServerWish(
        root=network.parse_root(root) if has_dnsmasq or served.url is not None or served.root is not None else root,
        url=None if served.url is None else network.parse_url(served.url),
        leases=None if served.leases is None else network.parse_leases(served.leases),
        proxy=None if served.proxy is None else network.parse_network(served.proxy),
        interface=None if served.interface is None else network.parse_interface(served.interface),
        delay_s=served.delay,
    )


def _known(boot: BootWish, served: ServedWish, reporter: Reporter) -> tuple[KnownComputer, ...] | None:
    from osdimage.imaging.inventory.columns import parse_columns  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.inventory.loading import load_inventory  # noqa: PLC0415
    from osdimage.imaging.inventory.table import TableForm  # noqa: PLC0415
    from osdimage.imaging.media.netboot.known import COLUMNS, known_computers  # noqa: PLC0415

    if served.known is None:
        if served.columns is not None:
            raise click.UsageError("--columns is about the table of --known")
        return None
    columns = None if served.columns is None else parse_columns(served.columns, COLUMNS)
    inventory = load_inventory(served.known, TableForm(columns, further=COLUMNS))
    for text in inventory.warnings:
        reporter.warn(text)
    return known_computers(inventory, served.known.parent, [each.name for each in boot.boot_images])


@contextmanager
def _opened(
    boot: BootWish, wished: BootSettings, given: image_params.DriversGiven, reporter: Reporter
) -> Iterator[tuple[list[NamedImage], FileSource | None]]:
    """Make the boot images ready, and open the Windows that has more files."""
    from osdimage.imaging.media.netboot.wishes import NamedImage  # noqa: PLC0415
    from osdimage.imaging.media.parts.prepared import prepared_boot_image  # noqa: PLC0415
    from osdimage.imaging.progress import portion  # noqa: PLC0415
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415
    from osdimage.imaging.wim.select import ImageSelector  # noqa: PLC0415

    leave_memory()
    step = _PREPARED / len(boot.boot_images)
    with ExitStack() as stack:
        drivers = stack.enter_context(given.opened())
        images = [
            NamedImage(
                each.name,
                stack.enter_context(
                    prepared_boot_image(
                        each.place.path,
                        ImageSelector(index=each.place.index),
                        settings=wished,
                        drivers=drivers,
                        progress=portion(reporter.callback, number * step, (number + 1) * step),
                    )
                ),
            )
            for number, each in enumerate(boot.boot_images)
        ]
        yield images, boot_params.opened_files(boot.boot_files_from, stack)


def _report(folder: Path, plan: NetbootPlan, done: NetbootReport | None, reporter: Reporter) -> None:
    show = reporter.answer if done is None else reporter.result
    show(_document(folder, plan, done), *_lines(folder, plan, done))
    if not reporter.as_json and (done is None or (reporter.verbose and not reporter.quiet)):
        render.line("")
        rows = [[each.path, f"{each.size:,}", each.origin] for each in plan.files]
        render.table(("File", "Bytes", "From"), rows, right=(1,), drop=(1,), below=2)


def _document(folder: Path, plan: NetbootPlan, done: NetbootReport | None) -> dict[str, object]:
    parts = plan.parts * len(plan.images) if plan.wish.is_native else plan.parts
    return {
        "folder": folder,
        "size_bytes": plan.size,
        "files": [{"path": each.path, "size": each.size, "origin": each.origin} for each in plan.files],
        "boot_images": [
            {
                "name": image.name,
                "path": image.prepared.source,
                "index": image.prepared.index,
                "title": image.prepared.name,
                "architecture": image.prepared.architecture,
                "windows_version": image.prepared.version,
                "firmware": sorted(part.firmware),
                "signed": part.signed,
            }
            for image, part in zip(plan.images, parts, strict=True)
        ],
        "computers": [{"kind": each.client.tag, "loads": each.path} for each in plan.offers],
        "known": None if plan.wish.known is None else len(plan.wish.known),
        "unknown": plan.wish.others_do,
        "native": plan.wish.is_native,
        "written": None if done is None else done.written,
        "removed": None if done is None else done.removed,
        "dry_run": done is None,
        "warnings": plan.warnings,
    }


def _lines(folder: Path, plan: NetbootPlan, done: NetbootReport | None) -> Iterator[str]:
    files = counted(len(plan.files), "file")
    if done is None:
        yield f"{folder}: would hold {files}, {format_size(plan.size)}"
    elif done.written or done.removed:
        gone = f", {counted(len(done.removed), 'file')} removed" if done.removed else ""
        yield f"{folder}: {files}, {format_size(plan.size)}: {len(done.written)} written, {done.kept} kept{gone}"
    else:
        yield f"{folder}: {files}, {format_size(plan.size)}: nothing was to be changed"
    for image in plan.images:
        given = image.prepared
        version = "" if given.version is None else f", Windows {given.version}"
        yield f"  {image.name}: {given.source}: {given.name!r}, {given.architecture}{version}"
    for offer in plan.offers:
        yield f"  {offer.client.called}: loads {offer.path}"
    known = "" if plan.wish.known is None else f"{counted(len(plan.wish.known), 'computer')} known; "
    doing = {"refuse": "are refused", "menu": "get a menu", "boot": "start the default"}
    yield f"  {known}{'others' if known else 'computers'} {doing[plan.wish.others_do]}"

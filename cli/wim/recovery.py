"""``--recover-data``: what ``apply`` and ``extract`` say of files whose contents are damaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from osdimage.cli.failures import FAILED
from osdimage.cli.streams import note, one_line, say
from osdimage.imaging.errors import InvalidVolume, Remedy

if TYPE_CHECKING:
    from osdimage.imaging.progress import ProgressCallback
    from osdimage.imaging.wim.extracted.recover import DamagedFile
    from osdimage.imaging.wim.image import WimImage

_EXAMPLES = 20
_LISTED = 10_000
# Of the time of both: contents are read twice, and hashing them is most of what a directory takes.
_SHARE = 40

option = click.option(
    "--recover-data",
    is_flag=True,
    help="Of damaged files take what can be read; each is named, and the exit code is 1.",
)


@contextmanager
def opened(
    image: WimImage, paths: Sequence[str] | None, progress: ProgressCallback | None, *, recover_data: bool
) -> Iterator[tuple[WimImage, tuple[DamagedFile, ...], ProgressCallback | None]]:
    """Yield an image, with ``recover_data`` as it can be read; its damaged files; and what is left of the progress."""
    if not recover_data:
        yield image, (), progress
        return
    from osdimage.imaging.progress import portion  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.extracted.recover import recovered  # noqa: PLC0415

    with recovered(image, paths, progress=portion(progress, 0, _SHARE)) as (found, damaged):
        yield found, damaged, portion(progress, _SHARE, 100)


@contextmanager
def advised() -> Iterator[None]:
    """Say in the error of a damaged volume what takes the rest of its files, unless it says what would help."""
    try:
        yield
    except InvalidVolume as error:
        if error.remedy is None:
            error.remedy = Remedy("--recover-data names what cannot be read, and takes the rest")
        raise


def told(wim: str, damaged: Sequence[DamagedFile]) -> int | None:
    """Name damaged files on stderr, of many the first, and return the exit code."""
    if not damaged:
        return None
    if len(damaged) == 1:
        say(one_line(f"{wim}: {damaged[0]}"))
        return FAILED
    say(f"{wim}: {len(damaged):,} files are damaged:")
    for each in damaged[:_EXAMPLES]:
        note(f"  {one_line(str(each))}")
    if len(damaged) > _EXAMPLES:
        note(f"  and {len(damaged) - _EXAMPLES:,} more")
    return FAILED


def facts(damaged: Sequence[DamagedFile] = ()) -> dict[str, object]:
    """Return what a result says of the damaged files: how many they are, and the first 10,000."""
    return {"damaged": damaged[:_LISTED], "damaged_files": len(damaged)}

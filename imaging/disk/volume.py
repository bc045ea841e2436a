"""A volume: a window of an open disk, or of a file or device that holds nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.disk.content import Content, described
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.signatures import identify
from osdimage.imaging.disk.target import DiskTarget, Window
from osdimage.imaging.errors import InvalidInput, Means, Remedy, StorageError, TargetRefused
from osdimage.imaging.units import Extent

if TYPE_CHECKING:
    from osdimage.imaging.disk.bitlocker.facts import Encryption
    from osdimage.native.slices.slices import Slice
    from osdimage.native.slices.sources import Source

_KEY = Remedy("give its key with {}", (Means.KEY,))


@dataclass(frozen=True, slots=True)
class OpenVolume:
    """A volume, which can be used as long as its disk is open.

    :meth:`~osdimage.imaging.disk.opened.Disk.volume` makes it.

    Attributes:
        target: the disk, file or device, open.
        extent: the sectors of the volume.
        name: what messages call it.
        path: the disk, file or device.
        partition: the number of the partition in it, or None when the volume is all there is.
        content: what it holds, or None when that is not known.
        encryption: how it is encrypted, also when it is unlocked, so that ``content`` is what is behind that; None when
            it is not, or nobody has looked.
        wrong_keys: the kinds of the keys that were given and do not open it.
        opening: how its disk was opened, and what was allowed then.
    """

    target: DiskTarget
    extent: Extent
    name: str
    path: Path
    partition: int | None
    content: Content | None
    encryption: Encryption | None = None
    wrong_keys: tuple[str, ...] = ()
    opening: Opening = AS_FOUND

    def __str__(self) -> str:
        """Return what messages call it."""
        return self.name

    @classmethod
    def of(
        cls, target: DiskTarget, extent: Extent, path: Path, partition: int | None, opening: Opening = AS_FOUND
    ) -> OpenVolume:
        """Return the volume in a window, and look at what it holds.

        Raises:
            StorageError: when it cannot be read.
        """
        name = title_of(Path(target.name), partition)
        return cls(target, extent, name, path, partition, identify(target.window(extent)), opening=opening)

    @property
    def described(self) -> str:
        """What it holds, in words."""
        if self.content is not Content.BITLOCKER or self.encryption is None:
            return described(self.content)
        if self.target.is_writable:
            return f"{described(self.content)}, which can be captured, compared and read, and not be written to"
        why = self.encryption.closed_because
        if self.wrong_keys and self.encryption.needs_key:
            why = (
                f"the {' or '.join(self.wrong_keys)} that was given does not open; {why.removeprefix('needs a key; ')}"
            )
        return f"{described(self.content)} that {why}"

    def refuse_encrypted(self) -> None:
        """Refuse what is encrypted and was not unlocked.

        Raises:
            TargetRefused: when it was opened for writing.
            InvalidInput: when it was opened for reading; the message says what opens it.
        """
        if self.content is not Content.BITLOCKER or self.encryption is None:
            return
        text = f"{self.name}: holds {self.described}"
        if self.target.is_writable:
            raise TargetRefused(text)
        raise InvalidInput(text, remedy=_KEY if self.encryption.needs_key else None)

    def window(self) -> Window:
        """Return its sectors as a target of their own, with its name."""
        window = self.target.window(self.extent)
        window.name = self.name
        return window

    @contextmanager
    def sliced(
        self, *, read_only: bool, sync: bool = True, cache_size: int | None = None, source: Source | None = None
    ) -> Iterator[Slice]:
        """Give the volume a name by which libwim and libntfs-3g open it.

        Args:
            read_only: refuse to be opened for writing by that name.
            sync: wait until what was written is on the medium.
            cache_size: in bytes; None for the usual.
            source: what is read and written in place of the disk, of which it has the size.

        Raises:
            StorageError: when what was written by that name could not be stored.
        """
        # Who only looks at a table need not wait for libwim.
        from osdimage.native.slices.slices import CACHE_SIZE, Slice  # noqa: PLC0415

        size = self.target.geometry.sector_size
        used = self.target.source if source is None else source
        try:
            piece = Slice(
                used,
                self.extent.first * size,
                self.extent.count * size,
                read_only=read_only,
                sync=sync,
                sector_size=size,
                cache_size=CACHE_SIZE if cache_size is None else cache_size,
                title=self.name,
            )
        except OSError as error:
            raise self.failure(error) from error
        with piece:
            yield piece
            try:
                piece.close()
            except OSError as error:
                raise self.failure(error) from error

    def failure(self, error: OSError) -> StorageError:
        """Return what to raise for a system error that concerns it."""
        return StorageError(f"{self.name}: {self.target.reason(error)}", path=self.path, errno=error.errno)


def title_of(path: Path, partition: int | None) -> str:
    """Return what messages call a volume that is not open: a partition of a disk, or all of a file or device."""
    return str(path) if partition is None else f"{path} partition {partition}"

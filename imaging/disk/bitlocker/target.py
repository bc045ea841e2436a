"""A disk of which one volume reads as if it were not encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osdimage.imaging.disk.bitlocker.metadata import Metadata
from osdimage.imaging.disk.bitlocker.secret import Secret
from osdimage.imaging.disk.bitlocker.unlock import SectorKey, moved_parts
from osdimage.imaging.disk.target import Data, DiskTarget
from osdimage.imaging.errors import StorageError
from osdimage.imaging.units import Extent

if TYPE_CHECKING:
    from osdimage.native.slices.sources import Source


class UnlockedTarget(DiskTarget):
    """A disk as it is, but for one window, which is decrypted; it cannot be written.

    Places are those of the disk, so that whoever reads the volume need not know.  The key is wiped when it is closed;
    the disk below is its owner's to close.
    """

    def __init__(self, below: DiskTarget, extent: Extent, metadata: Metadata, key: SectorKey) -> None:
        """Take over the key.

        Raises:
            StorageError: when the disk cannot be opened once more, or libcrypto refuses the key.
        """
        super().__init__(below.name, below.geometry)
        self._below = below
        size = below.geometry.sector_size
        self._begin = extent.first * size
        self._length = extent.count * size // metadata.header.sector_size * metadata.header.sector_size
        self._metadata = metadata
        self._method = key.method
        self._key: Secret | None = key.material
        # At once, so that only the native part has the key from now on.
        try:
            self.source  # noqa: B018
        except BaseException:
            key.material.wipe()
            raise

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._key is None or self._below.is_closed

    @property
    def is_writable(self) -> bool:
        """Never."""
        return False

    @property
    def is_device(self) -> bool:
        """Whether the disk is a block device."""
        return self._below.is_device

    def reason(self, error: OSError) -> str:
        """Return what the disk says of a system error."""
        return self._below.reason(error)

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Wipe the key; the disk below stays open."""
        super().close()
        key, self._key = self._key, None
        if key is not None:
            key.wipe()

    def _open_source(self) -> Source:
        from osdimage.native.slices.sources import DecryptedSource  # noqa: PLC0415 - as in other targets

        if self._key is None:
            raise ValueError(f"{self.name} is closed")
        key = self._key.reveal()
        made = DecryptedSource.over(
            self._below.source,
            self._begin,
            self._length,
            sector_size=self._metadata.header.sector_size,
            method=self._method,
            key=key,
            parts=moved_parts(self._metadata, self._length),
        )
        # The process stays one that nobody may look into, until this is closed.
        key[:] = bytes(len(key))
        return made

    def _read(self, offset_bytes: int, size_bytes: int) -> bytes:
        try:
            return self.source.read(offset_bytes, size_bytes)
        except OSError as error:
            raise self._failure(f"reading at byte {offset_bytes}", error) from error

    def _write(self, offset_bytes: int, data: Data) -> None:
        del offset_bytes, data
        raise StorageError(f"{self.name}: an encrypted volume is only read", path=self.name)

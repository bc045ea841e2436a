"""Where a Windows that does not run is, for who reads it and puts something into it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from datetime import datetime

from osdimage.imaging.drivers.injection.changes import Changes
from osdimage.imaging.files import FileSource


class InjectionTarget(ABC):
    """A volume, an image of a WIM, or a folder.

    Attributes:
        name: what messages call it.
    """

    name: str

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<{type(self).__name__} {self.name}>"

    @abstractmethod
    def opened(self) -> AbstractContextManager[FileSource]:
        """Open its files for reading.

        Raises:
            OsdImageError: when they cannot be read.
        """

    @abstractmethod
    def refuse_unwritable(self, *, force: bool) -> None:
        """Refuse a target that would not be written to; nothing is written.

        ``force`` is that of :meth:`carry_out`.

        Raises:
            TargetRefused: saying why.
        """

    @abstractmethod
    def carry_out(self, changes: Changes, *, now: datetime, force: bool) -> None:
        """Make the changes.

        Args:
            changes: decided for this target as it is now.
            now: the time of what is changed.
            force: write to a volume that is marked dirty, too.

        Raises:
            TargetRefused: when the target is not to be written to; nothing was written.
            StorageError: when writing failed; the message says how the target is left.
        """

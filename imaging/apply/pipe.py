"""An image that is extracted while its WIM comes through a pipe."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.piped.streams import InputStream
from osdimage.native.callbacks import Listener
from osdimage.native.wim.facts import ExtractSettings
from osdimage.native.wim.pipe import extract_image_from_pipe
from osdimage.native.wim.tree import Audit


@dataclass(frozen=True, slots=True)
class PipedImage:
    """An image of which the trees have come, and the contents are still to come.

    Attributes:
        stream: what was read of it so far is kept.
        image: of a file that holds the trees.
    """

    stream: InputStream
    image: WimImage

    def completed(self, audit: Audit) -> Audit:
        """Return what a pass over the tree has found, with what it cannot find: no contents are missing, all come.

        How large they are is what the XML says.  How much of it are the holes of sparse files is not known before, so
        that an image with any is taken for one that needs no room: it is found out by writing it.
        """
        size = max(0, (self.image.info.size or 0) - (self.image.info.hard_link_size or 0))
        return replace(audit, missing_blobs=0, size=size, sparse_size=size if audit.sparse_files else 0)

    def extract(
        self, target: str | os.PathLike[str], settings: ExtractSettings, *, listener: Listener
    ) -> tuple[str, ...]:
        """Extract it to a directory or a volume; return libwim's warnings.  The stream is read to its end.

        Raises:
            CorruptWim: when the stream ends too early, or what comes is damaged.
            StorageError: when reading or writing failed.
        """
        with wim_errors(self.stream.name), self.stream.fed() as descriptor:
            return extract_image_from_pipe(descriptor, self.image.index, target, settings, listener=listener)
